// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast: who hears a group, by what it has joined and left, blocked and
 * allowed; whether the host hears itself; how far a datagram goes.
 *
 *	v0 10.0.0.1, 10.0.0.2 ---- v1 10.0.0.9
 *
 * Both ends are here: what leaves by v0 is looped to v0 if the sender wants it,
 * and comes in at v1, which may be told to take it.
 */
#define NEEDS "IP_MULTICAST VETH"
#define BOTH_DOORS
#include "ttp_test.h"

#define GROUP	"239.1.2.3"
#define OTHERS	"239.1.2.4"
#define S1	"10.0.0.1"
#define S2	"10.0.0.2"

static int v0, v1;

/* v0 comes up last: that one can send at once. */
static int network(void)
{
	if (system("ip -batch - <<-END\n"
		   "link add v0 type veth peer name v1\n"
		   "address add " S1 "/24 dev v0\n"
		   "address add " S2 "/24 dev v0\n"
		   "address add 10.0.0.9/24 dev v1\n"
		   "link set v1 up\n"
		   "link set v0 up\n"
		   "END\n"))
		return -1;
	v0 = if_nametoindex("v0");
	v1 = if_nametoindex("v1");
	return 0;
}

/* v1 hears this host's own addresses. */
static int hear_by_wire(void)
{
	return write_file("/proc/sys/net/ipv4/conf/v1/accept_local", "1") ?:
	       write_file("/proc/sys/net/ipv4/conf/v1/rp_filter", "0") ?:
	       write_file("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
}

static struct in_addr ip(const char *text)
{
	return (struct in_addr) { inet_addr(text) };
}

static int membership(int fd, int opt, const char *group, int dev)
{
	struct ip_mreqn req = {
		.imr_multiaddr = ip(group),
		.imr_ifindex = dev,
	};

	return setsockopt(fd, SOL_IP, opt, &req, sizeof(req));
}

static int source(int fd, int opt, const char *from)
{
	struct ip_mreq_source req = {
		.imr_multiaddr = ip(GROUP),
		.imr_interface = ip(S1),
		.imr_sourceaddr = ip(from),
	};

	return setsockopt(fd, SOL_IP, opt, &req, sizeof(req));
}

static int filter(int fd, int mode, const char *from)
{
	struct {
		struct ip_msfilter f;
		struct in_addr more;
	} req = { .f = {
		.imsf_multiaddr = ip(GROUP),
		.imsf_interface = ip(S1),
		.imsf_fmode = mode,
		.imsf_numsrc = !!from,
		.imsf_slist = { from ? ip(from) : ip("0.0.0.0") },
	} };

	return setsockopt(fd, SOL_IP, IP_MSFILTER, &req.f,
			  IP_MSFILTER_SIZE(req.f.imsf_numsrc));
}

static struct sockaddr_storage wide(const char *text)
{
	struct sockaddr_in sin = at(AF_INET, text, 0);
	struct sockaddr_storage ss = {};

	memcpy(&ss, &sin, sizeof(sin));
	return ss;
}

static int group(int fd, int opt)
{
	struct group_req req = { v0, wide(GROUP) };

	return setsockopt(fd, SOL_IP, opt, &req, sizeof(req));
}

static int group_source(int fd, int opt, const char *from)
{
	struct group_source_req req = { v0, wide(GROUP), wide(from) };

	return setsockopt(fd, SOL_IP, opt, &req, sizeof(req));
}

static int group_filter(int fd, int mode, const char *from)
{
	struct group_filter req = {
		.gf_interface = v0,
		.gf_group = wide(GROUP),
		.gf_fmode = mode,
		.gf_numsrc = 1,
		.gf_slist = { wide(from) },
	};

	return setsockopt(fd, SOL_IP, MCAST_MSFILTER, &req,
			  GROUP_FILTER_SIZE(1));
}

enum step {
	DONE, ALL_OFF, JOIN, JOIN_OTHERS, JOIN_V1, LEAVE, ALLOW1, ALLOW2,
	DISALLOW1, BLOCK1, UNBLOCK1, ONLY1, ONLY_NONE, NOT1, GROUP_JOIN,
	GROUP_LEAVE, GROUP_ALLOW1, GROUP_DISALLOW1, GROUP_BLOCK1,
	GROUP_UNBLOCK1, GROUP_ONLY1, GROUP_NOT1, JOIN_UNICAST, JOIN_NOWHERE,
};

static int take(int fd, enum step step)
{
	switch (step) {
	case ALL_OFF:
		return set_int(fd, SOL_IP, IP_MULTICAST_ALL, 0);
	case JOIN:
		return membership(fd, IP_ADD_MEMBERSHIP, GROUP, v0);
	case JOIN_OTHERS:
		return membership(fd, IP_ADD_MEMBERSHIP, OTHERS, v0);
	case JOIN_V1:
		return membership(fd, IP_ADD_MEMBERSHIP, GROUP, v1);
	case JOIN_UNICAST:
		return membership(fd, IP_ADD_MEMBERSHIP, S1, v0);
	case JOIN_NOWHERE:
		return membership(fd, IP_ADD_MEMBERSHIP, GROUP, 9999);
	case LEAVE:
		return membership(fd, IP_DROP_MEMBERSHIP, GROUP, v0);
	case ALLOW1:
		return source(fd, IP_ADD_SOURCE_MEMBERSHIP, S1);
	case ALLOW2:
		return source(fd, IP_ADD_SOURCE_MEMBERSHIP, S2);
	case DISALLOW1:
		return source(fd, IP_DROP_SOURCE_MEMBERSHIP, S1);
	case BLOCK1:
		return source(fd, IP_BLOCK_SOURCE, S1);
	case UNBLOCK1:
		return source(fd, IP_UNBLOCK_SOURCE, S1);
	case ONLY1:
		return filter(fd, MCAST_INCLUDE, S1);
	case ONLY_NONE:
		return filter(fd, MCAST_INCLUDE, NULL);
	case NOT1:
		return filter(fd, MCAST_EXCLUDE, S1);
	case GROUP_JOIN:
		return group(fd, MCAST_JOIN_GROUP);
	case GROUP_LEAVE:
		return group(fd, MCAST_LEAVE_GROUP);
	case GROUP_ALLOW1:
		return group_source(fd, MCAST_JOIN_SOURCE_GROUP, S1);
	case GROUP_DISALLOW1:
		return group_source(fd, MCAST_LEAVE_SOURCE_GROUP, S1);
	case GROUP_BLOCK1:
		return group_source(fd, MCAST_BLOCK_SOURCE, S1);
	case GROUP_UNBLOCK1:
		return group_source(fd, MCAST_UNBLOCK_SOURCE, S1);
	case GROUP_ONLY1:
		return group_filter(fd, MCAST_INCLUDE, S1);
	case GROUP_NOT1:
		return group_filter(fd, MCAST_EXCLUDE, S1);
	case DONE:
		break;
	}
	return 0;
}

#define FROM1	1
#define FROM2	2
#define BOTH	3

/* Steps of a socket bound to all addresses, the verdict on the last, and whom
 * of two it then hears speak to the group, which another on the host has joined
 */
static const struct {
	const char *what;
	enum step steps[4];
	int verdict, hears;
} rows[] = {
	{ "what others have joined", {}, 0, BOTH },
	{ "nothing, for others' is not wanted", { ALL_OFF }, 0, 0 },
	{ "joined", { ALL_OFF, JOIN }, 0, BOTH },
	{ "another group", { ALL_OFF, JOIN_OTHERS }, 0, 0 },
	{ "on another device", { ALL_OFF, JOIN_V1 }, 0, 0 },
	{ "left", { ALL_OFF, JOIN, LEAVE }, 0, 0 },
	{ "joined twice", { ALL_OFF, JOIN, JOIN }, EADDRINUSE, BOTH },
	{ "left without joining", { LEAVE }, EADDRNOTAVAIL, BOTH },
	{ "no group's address", { JOIN_UNICAST }, EINVAL, BOTH },
	{ "no device", { JOIN_NOWHERE }, ENODEV, BOTH },

	{ "one source", { ALLOW1 }, 0, FROM1 },
	{ "the other source", { ALLOW2 }, 0, FROM2 },
	{ "two sources", { ALLOW1, ALLOW2 }, 0, BOTH },
	{ "a source twice", { ALLOW1, ALLOW1 }, EADDRNOTAVAIL, FROM1 },
	{ "less a source", { ALLOW1, ALLOW2, DISALLOW1 }, 0, FROM2 },
	{ "less the last source", { ALL_OFF, ALLOW1, DISALLOW1 }, 0, 0 },
	{ "one source, then all of the group", { ALLOW1, JOIN }, EADDRINUSE,
	  FROM1 },
	{ "all but one", { JOIN, BLOCK1 }, 0, FROM2 },
	{ "all again", { JOIN, BLOCK1, UNBLOCK1 }, 0, BOTH },
	{ "blocked twice", { JOIN, BLOCK1, BLOCK1 }, EADDRNOTAVAIL, FROM2 },
	{ "blocked without joining", { BLOCK1 }, EINVAL, BOTH },
	{ "blocked, though named before", { ALLOW1, BLOCK1 }, EINVAL, FROM1 },
	{ "a list of one", { JOIN, ONLY1 }, 0, FROM1 },
	{ "a list of none", { ALL_OFF, JOIN, ONLY_NONE }, 0, 0 },
	{ "a list of one not to hear", { JOIN, NOT1 }, 0, FROM2 },
	{ "a list without joining", { ONLY1 }, EINVAL, BOTH },

	{ "MCAST: joined", { ALL_OFF, GROUP_JOIN }, 0, BOTH },
	{ "MCAST: left", { ALL_OFF, GROUP_JOIN, GROUP_LEAVE }, 0, 0 },
	{ "MCAST: left the other way", { ALL_OFF, GROUP_JOIN, LEAVE }, 0, 0 },
	{ "MCAST: one source", { GROUP_ALLOW1 }, 0, FROM1 },
	{ "MCAST: less a source", { ALLOW2, GROUP_ALLOW1, GROUP_DISALLOW1 }, 0,
	  FROM2 },
	{ "MCAST: all but one", { GROUP_JOIN, GROUP_BLOCK1 }, 0, FROM2 },
	{ "MCAST: all again", { GROUP_JOIN, GROUP_BLOCK1, GROUP_UNBLOCK1 }, 0,
	  BOTH },
	{ "MCAST: a list of one", { JOIN, GROUP_ONLY1 }, 0, FROM1 },
	{ "MCAST: a list not to hear", { JOIN, GROUP_NOT1 }, 0, FROM2 },
};

/* The number of datagrams that wait, all of them taken */
static int drain(int fd)
{
	char buf[16];
	int n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

/* A socket that speaks to groups, and to which they come back by v0 */
static int speaker(int family, const char *from)
{
	int fd = bound(family, from, PEER_PORT);
	struct ip_mreqn out = { .imr_ifindex = v0 };

	if (setsockopt(fd, SOL_IP, IP_MULTICAST_IF, &out, sizeof(out)))
		return -1;
	return fd;
}

TEST_F(sock, memberships)
{
	int keeper, from[2], fd, i, last, hears;
	size_t j;
	char c;

	ASSERT_EQ(0, network());
	keeper = dgram(variant->family);
	ASSERT_EQ(0, take(keeper, JOIN));
	from[0] = speaker(variant->family, S1);
	from[1] = speaker(variant->family, S2);
	for (j = 0; j < ARRAY_SIZE(rows); j++) {
		fd = bound(variant->family, ANY, PORT);
		last = 0;
		for (i = 0; i < 4 && rows[j].steps[i]; i++) {
			ASSERT_EQ(0, last)
				TH_LOG("%s", rows[j].what);
			last = err(take(fd, rows[j].steps[i]));
		}
		EXPECT_EQ(rows[j].verdict, last)
			TH_LOG("%s", rows[j].what);
		for (i = 0; i < 2; i++)
			EXPECT_EQ(1, send_to(from[i], &"12"[i], 1,
					     variant->family, GROUP, PORT));
		ASSERT_TRUE(settle());
		hears = 0;
		while (recv(fd, &c, 1, MSG_DONTWAIT) == 1)
			hears += c - '0';
		EXPECT_EQ(rows[j].hears, hears)
			TH_LOG("%s", rows[j].what);
		close(fd);
	}
}

/* Everybody who wants it has one, whatever it is bound to. */
TEST_F(sock, each_has_its_own)
{
	static const struct {
		struct opening how;
		int hears;
	} socks[] = {
		{ { .addr = ANY }, 1 }, { { .addr = GROUP }, 1 },
		{ { .addr = OTHERS }, 0 }, { { .addr = S1 }, 0 },
		{ { .addr = ANY, .device = "v0" }, 1 },
		{ { .addr = ANY, .device = "v1" }, 0 },
		{ { .addr = ANY }, 1 },
	};
	int fd[ARRAY_SIZE(socks)], from;
	struct opening how;
	size_t i;

	ASSERT_EQ(0, network());
	from = speaker(variant->family, S2);
	for (i = 0; i < ARRAY_SIZE(socks); i++) {
		how = socks[i].how;
		how.reuse = true;
		fd[i] = open_as(variant->family, &how);
		ASSERT_GE(fd[i], 0);
		ASSERT_EQ(0, take(fd[i], JOIN));
	}
	EXPECT_EQ(1, send_to(from, "x", 1, variant->family, GROUP, PORT));
	ASSERT_TRUE(settle());
	for (i = 0; i < ARRAY_SIZE(socks); i++)
		EXPECT_EQ(socks[i].hears, drain(fd[i]))
			TH_LOG("socket %zu", i);
}

/* Who hears it on this host, and who beyond the wire */
TEST_F(sock, loop_and_ttl)
{
	static const struct {
		int loop, ttl, connected, here, there;
	} ways[] = {
		{ 1, 1, 0, 1, 1 }, { 0, 1, 0, 0, 1 }, { 1, 0, 0, 1, 0 },
		{ 0, 0, 0, 0, 0 }, { 0, 1, 1, 0, 1 }, { 1, 1, 1, 1, 1 },
	};
	struct opening how = { .reuse = true, .addr = GROUP, .device = "v0" };
	int here, there, from, i;

	ASSERT_EQ(0, network());
	ASSERT_EQ(0, hear_by_wire());
	here = open_as(variant->family, &how);
	how.device = "v1";
	there = open_as(variant->family, &how);
	ASSERT_EQ(0, take(here, JOIN));
	ASSERT_EQ(0, take(there, JOIN_V1));
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		from = speaker(variant->family, S1);
		ASSERT_EQ(0, set_int(from, SOL_IP, IP_MULTICAST_LOOP,
				     ways[i].loop));
		EXPECT_EQ(ways[i].loop, get_int(from, SOL_IP,
						IP_MULTICAST_LOOP));
		ASSERT_EQ(0, set_int(from, SOL_IP, IP_MULTICAST_TTL,
				     ways[i].ttl));
		if (ways[i].connected) {
			ASSERT_EQ(0, connect_to(from, variant->family, GROUP,
						PORT));
			EXPECT_EQ(1, send(from, "x", 1, 0));
		} else {
			EXPECT_EQ(1, send_to(from, "x", 1, variant->family,
					     GROUP, PORT));
		}
		ASSERT_TRUE(settle());
		EXPECT_EQ(ways[i].here, drain(here))
			TH_LOG("loop %d, TTL %d", ways[i].loop, ways[i].ttl);
		EXPECT_EQ(ways[i].there, drain(there))
			TH_LOG("loop %d, TTL %d", ways[i].loop, ways[i].ttl);
		close(from);
	}
}

/* A long one is cut on its way, whether it is looped or not. */
TEST_F(sock, fragments)
{
	static char out[5000], in[6000];
	struct opening how = { .reuse = true, .addr = GROUP, .device = "v1" };
	int there, from;

	ASSERT_EQ(0, network());
	ASSERT_EQ(0, hear_by_wire());
	there = open_as(variant->family, &how);
	ASSERT_EQ(0, take(there, JOIN_V1));
	from = speaker(variant->family, S1);
	ASSERT_EQ(0, set_int(from, SOL_IP, IP_MULTICAST_LOOP, 0));
	memset(out, 'x', sizeof(out));
	EXPECT_EQ(sizeof(out), send_to(from, out, sizeof(out), variant->family,
				       GROUP, PORT));
	EXPECT_EQ(sizeof(out), get(there, in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, out, sizeof(out)));
}

/* By a router, which may be known by an IPv6 address, looped or not */
TEST_F(sock, gateways)
{
	static const char * const routes[] = {
		"ip route replace 224.0.0.0/4 via 10.0.0.77 dev v0",
		"ip route replace 224.0.0.0/4 via inet6 fe80::77 dev v0",
	};
	struct opening how = { .reuse = true, .addr = GROUP, .device = "v1" };
	int there, from, i, loop;

	ASSERT_EQ(0, network());
	ASSERT_EQ(0, hear_by_wire());
	ASSERT_EQ(0, system("ip -batch - <<-END\n"
			    "link set v1 address 02:00:00:00:00:77\n"
			    "neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev v0\n"
			    "neigh add fe80::77 lladdr 02:00:00:00:00:77 dev v0\n"
			    "END\n"));
	there = open_as(variant->family, &how);
	ASSERT_EQ(0, take(there, JOIN_V1));
	for (i = 0; i < ARRAY_SIZE(routes); i++) {
		ASSERT_EQ(0, system(routes[i]));
		for (loop = 0; loop < 2; loop++) {
			from = speaker(variant->family, S1);
			ASSERT_EQ(0, set_int(from, SOL_IP, IP_MULTICAST_LOOP,
					     loop));
			EXPECT_EQ(1, send_to(from, "x", 1, variant->family,
					     GROUP, PORT));
			ASSERT_TRUE(settle());
			EXPECT_EQ(1, drain(there))
				TH_LOG("%s, loop %d", routes[i], loop);
			close(from);
		}
	}
}

/* The host is a member for as long as a socket is. */
TEST_F(sock, close_leaves)
{
	int member, fd, from;

	ASSERT_EQ(0, network());
	from = speaker(variant->family, S1);
	fd = bound(variant->family, ANY, PORT);
	member = dgram(variant->family);
	ASSERT_EQ(0, take(member, JOIN));
	EXPECT_EQ(1, send_to(from, "x", 1, variant->family, GROUP, PORT));
	ASSERT_TRUE(settle());
	EXPECT_EQ(1, drain(fd));
	close(member);
	EXPECT_EQ(1, send_to(from, "x", 1, variant->family, GROUP, PORT));
	ASSERT_TRUE(settle());
	EXPECT_EQ(0, drain(fd));
}

/* A connected socket hears its peer alone, in a group, too. */
TEST_F(sock, connected_member)
{
	int fd, from[2], i;

	ASSERT_EQ(0, network());
	from[0] = speaker(variant->family, S1);
	from[1] = speaker(variant->family, S2);
	fd = bound(variant->family, GROUP, PORT);
	ASSERT_EQ(0, take(fd, JOIN));
	ASSERT_EQ(0, connect_to(fd, variant->family, S2, PEER_PORT));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(1, send_to(from[i], "x", 1, variant->family, GROUP,
				     PORT));
	ASSERT_TRUE(settle());
	EXPECT_EQ(1, drain(fd));
}

TEST_F(sock, filter_reads_back)
{
	int fd;
	struct ip_msfilter f = {
		.imsf_multiaddr = ip(GROUP),
		.imsf_interface = ip(S1),
		.imsf_numsrc = 1,
	};
	socklen_t len = sizeof(f);

	ASSERT_EQ(0, network());
	fd = dgram(variant->family);
	EXPECT_EQ(EADDRNOTAVAIL, err(getsockopt(fd, SOL_IP, IP_MSFILTER, &f,
						&len)));
	ASSERT_EQ(0, take(fd, JOIN));
	ASSERT_EQ(0, take(fd, NOT1));
	f.imsf_numsrc = 1;
	len = sizeof(f);
	EXPECT_EQ(0, getsockopt(fd, SOL_IP, IP_MSFILTER, &f, &len));
	EXPECT_EQ(MCAST_EXCLUDE, f.imsf_fmode);
	EXPECT_EQ(1, f.imsf_numsrc);
	EXPECT_EQ(inet_addr(S1), f.imsf_slist[0].s_addr);
}

/* Memberships narrow a raw socket, too. */
TEST_F(sock, raw_member)
{
	int family = variant->family, raw, from[2], i;

	ASSERT_EQ(0, network());
	raw = socket(family, SOCK_RAW, variant->protocol);
	ASSERT_EQ(0, bind_to(raw, family, GROUP, 0));
	ASSERT_EQ(0, take(raw, ALLOW2));
	/* Another's membership lets in on v0 what this socket did not name. */
	ASSERT_EQ(0, take(dgram(family), JOIN));
	from[0] = speaker(family, S1);
	from[1] = speaker(family, S2);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(1, send_to(from[i], "x", 1, family, GROUP, PORT));
	ASSERT_TRUE(settle());
	EXPECT_EQ(1, drain(raw));
}

TEST_HARNESS_MAIN
