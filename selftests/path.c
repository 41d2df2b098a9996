// SPDX-License-Identifier: GPL-2.0
/*
 * A socket that sends the same way again and again is spared the look-up of a
 * route. Here it has done so when something changes: the very next datagram
 * must go by what holds now, as UDP's does.
 */
#define NEEDS "DUMMY IP_MULTIPLE_TABLES NF_TABLES_IPV4 VETH XFRM_USER"
#define BOTH_DOORS
#include "path.h"

#include <pthread.h>

#define GROUP	"239.1.2.3"
#define MANY	20000

/* --- one change after the other ------------------------------------------ */

struct option {
	int level, name, val, old;
};

static const struct change {
	const char *words;
	const char *before;	/* ip's commands; NULL: none */
	const char *ip;		/* the change is of these */
	struct option option;	/* or of the socket */
	const char *then;
	const char *undo;
	const char *after;
} changes[] = {
	{ "another gateway", .ip = "route replace 10.9.0.0/16 via 10.0.2.2",
	  .then = "b 10.0.2.1",
	  .undo = "route replace 10.9.0.0/16 via 10.0.1.2" },
	{ "a longer prefix", .ip = "route add " THERE " via 10.0.2.2",
	  .then = "b 10.0.2.1", .undo = "route delete " THERE },
	{ "a preferred source",
	  .ip = "route replace 10.9.0.0/16 via 10.0.1.2 src 10.0.1.7",
	  .then = "a 10.0.1.7",
	  .undo = "route replace 10.9.0.0/16 via 10.0.1.2" },
	{ "the best route goes", .ip = "route delete 10.9.0.0/16 metric 0",
	  .then = "b 10.0.2.1", .undo = "route add 10.9.0.0/16 via 10.0.1.2" },
	{ "no route is left", .ip = "route add throw " THERE,
	  .then = "ENETUNREACH", .undo = "route delete throw " THERE },
	{ "a blackhole", .ip = "route add blackhole " THERE,
	  .then = "EINVAL", .undo = "route delete blackhole " THERE },
	{ "unreachable", .ip = "route add unreachable " THERE,
	  .then = "EHOSTUNREACH", .undo = "route delete unreachable " THERE },
	{ "prohibited", .ip = "route add prohibit " THERE,
	  .then = "EACCES", .undo = "route delete prohibit " THERE },
	{ "it is a broadcast now", .ip = "route add broadcast " THERE " dev a",
	  .then = "EACCES", .undo = "route delete broadcast " THERE " dev a" },
	{ "it is this host now", .ip = "address add " THERE "/32 dev lo",
	  .then = "here " THERE, .undo = "address delete " THERE "/32 dev lo" },
	{ "the source address is removed",
	  .ip = "address delete 10.0.1.1/24 dev a", .then = "a 10.0.1.7",
	  .undo = "address delete 10.0.1.7/32 dev a\n"
		  "address add 10.0.1.1/24 brd + dev a\n"
		  "address add 10.0.1.7/32 dev a\n"
		  "route replace 10.9.0.0/16 via 10.0.1.2" },
	{ "the source address is another",
	  .before = "route replace 10.9.0.0/16 dev a",
	  .ip = "address delete 10.0.1.1/24 dev a\n"
		"address delete 10.0.1.7/32 dev a\n"
		"address add 10.0.1.5/24 brd + dev a\n"
		"route replace 10.9.0.0/16 dev a",
	  .then = "a 10.0.1.5",
	  .undo = "address delete 10.0.1.5/24 dev a\n"
		  "address add 10.0.1.1/24 brd + dev a\n"
		  "address add 10.0.1.7/32 dev a\n"
		  "route replace 10.9.0.0/16 dev a",
	  .after = "route replace 10.9.0.0/16 via 10.0.1.2" },
	{ "the device is down", .ip = "link set dev a down",
	  .then = "b 10.0.2.1",
	  .undo = "link set dev a up\nroute add 10.9.0.0/16 via 10.0.1.2" },
	{ "SO_MARK, for which there is a rule",
	  .before = "rule add fwmark 7 lookup 2",
	  .option = { SOL_SOCKET, SO_MARK, 7, 0 }, .then = "b 10.0.2.1",
	  .after = "rule delete fwmark 7 lookup 2" },
	{ "IP_TOS, for which there is a rule",
	  .before = "rule add tos 0x10 lookup 2",
	  .option = { SOL_IP, IP_TOS, 0x10, 0 }, .then = "b 10.0.2.1",
	  .after = "rule delete tos 0x10 lookup 2" },
	{ "a rule for the destination's port",
	  .ip = "rule add ipproto PROTO dport 5000 lookup 2",
	  .then = "b 10.0.2.1",
	  .undo = "rule delete ipproto PROTO dport 5000 lookup 2" },
	{ "a rule for the source's port",
	  .ip = "rule add ipproto PROTO sport 4000 lookup 2",
	  .then = "b 10.0.2.1",
	  .undo = "rule delete ipproto PROTO sport 4000 lookup 2" },
	{ "a rule for other ports",
	  .ip = "rule add ipproto PROTO sport 5000 dport 4000 lookup 2",
	  .then = HOME,
	  .undo = "rule delete ipproto PROTO sport 5000 dport 4000 lookup 2" },
	{ "a rule that prohibits", .ip = "rule add to " THERE " prohibit",
	  .then = "EACCES", .undo = "rule delete to " THERE " prohibit" },
	{ "SO_BINDTOIFINDEX",
	  .option = { SOL_SOCKET, SO_BINDTOIFINDEX, DEV_B, 0 },
	  .then = "b 10.0.2.1" },
	{ "IP_UNICAST_IF",
	  .option = { SOL_IP, IP_UNICAST_IF, DEV_B, 0 },
	  .then = "b 10.0.2.1" },
	{ "SO_DONTROUTE",
	  .option = { SOL_SOCKET, SO_DONTROUTE, 1, 0 },
	  .then = "ENETUNREACH" },
	{ "an IPsec policy that blocks",
	  .ip = "xfrm policy add src 0.0.0.0/0 dst " THERE
		" proto PROTO dir out action block",
	  .then = "EPERM",
	  .undo = "xfrm policy delete src 0.0.0.0/0 dst " THERE
		  " proto PROTO dir out" },
};

/* ip's commands, and an option, if it has a name, with one of its values */
static int apply(int fd, const char *commands, const struct option *o, int val)
{
	if (commands && change(commands))
		return -1;
	if (val == DEV_B)
		val = o->level == SOL_IP ? htonl(if_nametoindex("b")) :
					   if_nametoindex("b");
	return o->name ? set_int(fd, o->level, o->name, val) : 0;
}

TEST_F_TIMEOUT(path, obeys_each_change, LONG)
{
	const struct change *c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		c = &changes[i];
		ASSERT_EQ(0, c->before ? change(c->before) : 0);
		SETTLE_ON(self->fd, THERE, HOME);
		ASSERT_EQ(0, apply(self->fd, c->ip, &c->option,
				   c->option.val)) {
			TH_LOG("%s", c->words);
		}
		EXPECT_STREQ(c->then, WAY(self->fd, THERE)) {
			TH_LOG("%s", c->words);
		}
		/* And once that is usual, it is undone. */
		if (strchr(c->then, ' '))
			SETTLE_ON(self->fd, THERE, c->then);
		ASSERT_EQ(0, apply(self->fd, c->undo, &c->option,
				   c->option.old)) {
			TH_LOG("%s", c->words);
		}
		EXPECT_STREQ(HOME, WAY(self->fd, THERE)) {
			TH_LOG("%s, undone", c->words);
		}
		ASSERT_EQ(0, c->after ? change(c->after) : 0);
	}
}

/* fchown() gives a socket to somebody else. */
TEST_F(path, obeys_another_owner)
{
	ASSERT_EQ(0, change("rule add uidrange 1000-1000 lookup 2"));
	SETTLE_ON(self->fd, THERE, HOME);
	ASSERT_EQ(0, fchown(self->fd, 1000, -1));
	EXPECT_STREQ("b 10.0.2.1", WAY(self->fd, THERE));
	SETTLE_ON(self->fd, THERE, "b 10.0.2.1");
	ASSERT_EQ(0, fchown(self->fd, 0, -1));
	EXPECT_STREQ(HOME, WAY(self->fd, THERE));
}

/* What stays on this host goes through lo, but comes in on the device that has
 * the address.
 */
TEST_F(path, device_of_what_stays_here)
{
	static const struct {
		const char *device, *to;
		bool heard;
	} rows[] = {
		{ "a", "10.0.1.7", true },
		{ "lo", "10.0.1.7", false },
		{ "b", "10.0.1.7", false },
		{ "b", "10.0.2.1", true },
		{ "lo", "127.0.0.1", true },
		{ "a", "127.0.0.1", false },
	};
	char heard[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		close(sinks[2].fd);
		sinks[2].device = rows[i].device;
		ASSERT_EQ(0, open_sink(&sinks[2], variant->family));
		snprintf(heard, sizeof(heard), "here %s", rows[i].to);
		EXPECT_STREQ(rows[i].heard ? heard : "lost",
			     WAY(self->fd, rows[i].to)) {
			TH_LOG("row %u", i);
		}
	}
}

TEST_F(path, obeys_flags_of_one_call)
{
	struct sockaddr_in to = at(variant->family, THERE, 5000);

	SETTLE_ON(self->fd, THERE, HOME);
	EXPECT_STREQ("ENETUNREACH", way_of(self->fd, &to, 100, MSG_DONTROUTE));
	EXPECT_STREQ(HOME, WAY(self->fd, THERE));
	EXPECT_STREQ("ENETUNREACH", way_of(self->fd, &to, 100, MSG_DONTROUTE));
}

/* connect() chooses a source address, and disconnect forgets it. */
TEST_F(path, obeys_another_source)
{
	ASSERT_EQ(0, change("rule add from 10.0.1.7 lookup 2"));
	SETTLE_ON(self->fd, THERE, HOME);
	ASSERT_EQ(0, connect_to(self->fd, variant->family, BESIDE, 5000));
	EXPECT_STREQ("a 10.0.2.1", WAY(self->fd, THERE));
	SETTLE_ON(self->fd, THERE, "a 10.0.2.1");
	ASSERT_EQ(0, disconnect(self->fd));
	EXPECT_STREQ(HOME, WAY(self->fd, THERE));
	/* One for which there is a rule */
	SETTLE_ON(self->fd, THERE, HOME);
	ASSERT_EQ(0, change("route add 10.7.7.7 via 10.0.1.2 src 10.0.1.7"));
	ASSERT_EQ(0, connect_to(self->fd, variant->family, "10.7.7.7", 5000));
	EXPECT_STREQ("b 10.0.1.7", WAY(self->fd, THERE));
}

/* A port of its own choice, and after disconnect another */
TEST_F(path, obeys_another_port)
{
	static const char range[] = "/proc/sys/net/ipv4/ip_local_port_range";
	static const char not[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";
	int fd = socket(variant->family, SOCK_DGRAM, 0);

	ASSERT_EQ(0, change("rule add ipproto PROTO sport 4003 lookup 2"));
	ASSERT_EQ(0, write_file(range, "4002 4003"));
	ASSERT_EQ(0, write_file(not, "4003"));
	SETTLE_ON(fd, THERE, HOME);
	ASSERT_EQ(0, disconnect(fd));
	ASSERT_EQ(0, write_file(not, "4002"));
	EXPECT_STREQ("b 10.0.2.1", WAY(fd, THERE));
	EXPECT_EQ(4003, port_of(fd));
}

TEST_F(path, obeys_other_destinations)
{
	struct sockaddr_in port = at(variant->family, THERE, 5001);
	int i;

	ASSERT_EQ(0, change("rule add ipproto PROTO dport 5001 prohibit"));
	SETTLE_ON(self->fd, THERE, HOME);
	EXPECT_STREQ("b 10.0.2.1", WAY(self->fd, BESIDE));
	EXPECT_STREQ(HOME, WAY(self->fd, THERE));
	SETTLE_ON(self->fd, BESIDE, "b 10.0.2.1");
	for (i = 0; i < 3; i++) {
		EXPECT_STREQ(HOME, WAY(self->fd, THERE));
		EXPECT_STREQ("b 10.0.2.1", WAY(self->fd, BESIDE));
		EXPECT_STREQ("here 10.0.1.7", WAY(self->fd, "10.0.1.7"));
	}
	SETTLE_ON(self->fd, THERE, HOME);
	EXPECT_STREQ("EACCES", way_of(self->fd, &port, 100, 0));
	/* 0.0.0.0 is this host, as often as one says so. */
	SETTLE_ON(self->fd, "0.0.0.0", "here 127.0.0.1");
	EXPECT_STREQ(HOME, WAY(self->fd, THERE));
	EXPECT_STREQ("here 127.0.0.1", WAY(self->fd, "0.0.0.0"));
}

/* Of a connected socket, too: a datagram may go elsewhere, but its source is
 * what connect() chose.
 */
TEST_F(path, connected_obeys)
{
	int fd = self->fd;

	ASSERT_EQ(0, connect_to(fd, variant->family, THERE, 5000));
	EXPECT_STREQ(HOME, way_of(fd, NULL, 100, 0));
	SETTLE_ON(fd, BESIDE, "b 10.0.1.1");
	EXPECT_STREQ(HOME, way_of(fd, NULL, 100, 0));
	ASSERT_EQ(0, change("route replace 10.9.0.0/16 via 10.0.2.2"));
	EXPECT_STREQ("b 10.0.1.1", way_of(fd, NULL, 100, 0));
	ASSERT_EQ(0, change("route replace 10.8.0.0/16 via 10.0.1.2"));
	EXPECT_STREQ("a 10.0.1.1", WAY(fd, BESIDE));
	ASSERT_EQ(0, change("rule add fwmark 7 prohibit"));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_MARK, 7));
	EXPECT_STREQ("EACCES", way_of(fd, NULL, 100, 0));
	EXPECT_STREQ("EACCES", WAY(fd, BESIDE));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_MARK, 0));
	EXPECT_STREQ("b 10.0.1.1", way_of(fd, NULL, 100, 0));
	EXPECT_STREQ("a 10.0.1.1", WAY(fd, BESIDE));
}

TEST_F(path, ttl_is_of_the_moment)
{
	int fd = self->fd;

	ASSERT_EQ(0, change("route replace 10.9.0.0/16 via 10.0.1.2"
			    " hoplimit 30"));
	SETTLE_ON(fd, THERE, HOME);
	EXPECT_EQ(30, ttl);
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, 20));
	EXPECT_STREQ(HOME, WAY(fd, THERE));
	EXPECT_EQ(20, ttl);
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, -1));
	ASSERT_EQ(0, change("route replace 10.9.0.0/16 via 10.0.1.2"
			    " hoplimit 40"));
	EXPECT_STREQ(HOME, WAY(fd, THERE));
	EXPECT_EQ(40, ttl);
	ASSERT_EQ(0, change("route replace 10.9.0.0/16 via 10.0.1.2"));
	ASSERT_EQ(0, write_file("/proc/sys/net/ipv4/ip_default_ttl", "50"));
	EXPECT_STREQ(HOME, WAY(fd, THERE));
	EXPECT_EQ(50, ttl);
}

/* --- broadcast and multicast --------------------------------------------- */

TEST_F(path, broadcast_needs_leave_each_time)
{
	int fd = self->fd;

	/* h1's own copies are not what is asked for. */
	close(sinks[2].fd);
	sinks[2].fd = -1;
	EXPECT_STREQ("EACCES", WAY(fd, "10.0.1.255"));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
	SETTLE_ON(fd, "10.0.1.255", HOME);
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BROADCAST, 0));
	EXPECT_STREQ("EACCES", WAY(fd, "10.0.1.255"));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_STREQ(HOME, WAY(fd, "10.0.1.255"));
	/* To all networks, by the device that was asked for */
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX,
			     if_nametoindex("a")));
	SETTLE_ON(fd, "255.255.255.255", HOME);
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX,
			     if_nametoindex("b")));
	EXPECT_STREQ("b 10.0.2.1", WAY(fd, "255.255.255.255"));
}

/* h2 takes what is for a group; who of its sockets hears is IP_MULTICAST_ALL's
 * business, which is on.
 */
static int join_away(void)
{
	struct ip_mreqn mreq = { .imr_multiaddr.s_addr = inet_addr(GROUP) };
	int fd, i, ret = setns(away, CLONE_NEWNET);

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	for (i = 0; i < 2 && !ret; i++) {
		mreq.imr_ifindex = if_nametoindex(sinks[i].device);
		ret = setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, &mreq,
				 sizeof(mreq));
	}
	return ret ?: setns(here, CLONE_NEWNET);
}

TEST_F(path, multicast_obeys)
{
	int fd = self->fd;

	ASSERT_EQ(0, join_away());
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MULTICAST_IF,
			     inet_addr("10.0.1.1")));
	SETTLE_ON(fd, GROUP, HOME);
	EXPECT_EQ(1, ttl);
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MULTICAST_IF,
			     inet_addr("10.0.2.1")));
	EXPECT_STREQ("b 10.0.2.1", WAY(fd, GROUP));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MULTICAST_TTL, 9));
	EXPECT_STREQ("b 10.0.2.1", WAY(fd, GROUP));
	EXPECT_EQ(9, ttl);
	/* Nobody else's business */
	SETTLE_ON(fd, THERE, HOME);
	EXPECT_EQ(64, ttl);
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MULTICAST_IF,
			     inet_addr("10.0.1.1")));
	EXPECT_STREQ(HOME, WAY(fd, GROUP));
}

/* --- path MTU ------------------------------------------------------------ */

static int too_long(int mtu)
{
	struct icmphdr icmp = {
		.type = ICMP_DEST_UNREACH,
		.code = ICMP_FRAG_NEEDED,
		.un.frag.mtu = htons(mtu),
	};

	return send_icmp(&icmp, "10.0.1.2", "10.0.1.1", 0);
}

TEST_F(path, mtu_is_of_the_moment)
{
	struct sockaddr_in to = at(variant->family, THERE, 5000);
	static const char * const shrink[] = {
		"route replace 10.9.0.0/16 via 10.0.1.2 mtu 700",
		"link set dev a mtu 700",
	};
	static const char * const grow[] = {
		"route replace 10.9.0.0/16 via 10.0.1.2",
		"link set dev a mtu 1500",
	};
	int i, fd = self->fd;

	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	for (i = 0; i < 2; i++) {
		SETTLE_ON(fd, THERE, HOME);
		EXPECT_STREQ(HOME, way_of(fd, &to, 1000, 0));
		ASSERT_EQ(0, change(shrink[i]));
		EXPECT_STREQ("EMSGSIZE", way_of(fd, &to, 1000, 0));
		EXPECT_STREQ(HOME, way_of(fd, &to, 600, 0));
		ASSERT_EQ(0, change(grow[i]));
		EXPECT_STREQ(HOME, way_of(fd, &to, 1000, 0));
	}

	SETTLE_ON(fd, THERE, HOME);
	ASSERT_EQ(0, too_long(800));
	ASSERT_TRUE(settle());
	ASSERT_EQ(1, icmp_stat("InDestUnreachs"));
	EXPECT_STREQ("EMSGSIZE", way_of(fd, &to, 1000, 0));
	EXPECT_STREQ(HOME, way_of(fd, &to, 700, 0));
	/* In fragments, if it may */
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT));
	EXPECT_STREQ(HOME, way_of(fd, &to, 1000, 0));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	ASSERT_EQ(0, change("route flush cache"));
	EXPECT_STREQ(HOME, way_of(fd, &to, 1000, 0));
}

/* --- netfilter ----------------------------------------------------------- */

TEST_F(path, obeys_netfilter)
{
	char rules[256];

	snprintf(rules, sizeof(rules),
		 "nft 'table ip t { chain o {"
		 " type filter hook output priority 0;"
		 " meta l4proto %d ip daddr " THERE " drop; }; }'",
		 variant->protocol);
	SETTLE_ON(self->fd, THERE, HOME);
	ASSERT_EQ(0, system(rules));
	EXPECT_STREQ("EPERM", WAY(self->fd, THERE));
	ASSERT_EQ(0, system("nft delete table ip t"));
	EXPECT_STREQ(HOME, WAY(self->fd, THERE));
}

/* --- two threads --------------------------------------------------------- */

/* One half of those who share a socket */
struct half {
	int family, fd, sink, cpu;
	const char *to, *from;
	int want, wrong, right;
};

static void check_batch(struct half *h, int n)
{
	struct sockaddr_in from[64], to = at(h->family, h->from, 4000);
	struct mmsghdr msgs[64] = {};
	int i, got, done = 0;

	for (i = 0; i < 64; i++) {
		msgs[i].msg_hdr.msg_name = &from[i];
		msgs[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	while (done < n && await(h->sink, POLLIN, WAIT_MS) == POLLIN) {
		got = recvmmsg(h->sink, msgs, 64, MSG_DONTWAIT, NULL);
		for (i = 0; i < got; i++) {
			if (memcmp(&from[i], &to, sizeof(to)))
				h->wrong++;
			else
				h->right++;
		}
		done += got > 0 ? got : 0;
	}
}

/* In step: the backlog is short */
static void *send_and_check(void *arg)
{
	struct half *h = arg;
	struct sockaddr_in to = at(h->family, h->to, 5000);
	struct mmsghdr msgs[64] = {};
	int i, n;

	if (h->cpu >= 0)
		leave_cpu(h->cpu);
	for (i = 0; i < 64; i++) {
		msgs[i].msg_hdr.msg_name = &to;
		msgs[i].msg_hdr.msg_namelen = sizeof(to);
	}
	for (i = 0; i < h->want && h->right + h->wrong == i; i += n) {
		n = sendmmsg(h->fd, msgs, 64, 0);
		if (n <= 0)
			break;
		check_batch(h, n);
	}
	return NULL;
}

TEST_F_TIMEOUT(path, two_threads_two_ways, LONG)
{
	/* UDP is here to show that it can be done. */
	int i, n = variant->family == AF_TTP ? MANY : MANY / 10;
	struct half halves[] = {
		{ variant->family, self->fd, sinks[0].fd, -1, THERE,
		  "10.0.1.1", .want = n },
		{ variant->family, self->fd, sinks[1].fd, sched_getcpu(),
		  BESIDE, "10.0.2.1", .want = n },
	};
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_and_check,
				    &halves[1]));
	send_and_check(&halves[0]);
	pthread_join(thread, NULL);
	for (i = 0; i < 2; i++) {
		EXPECT_LE(n, halves[i].right);
		EXPECT_EQ(0, halves[i].wrong);
	}
	EXPECT_STREQ(HOME, WAY(self->fd, THERE));
	EXPECT_STREQ("b 10.0.2.1", WAY(self->fd, BESIDE));
}

/* --- what a route holds -------------------------------------------------- */

/* unregister_netdevice() waits until nobody has the device any more. */
TEST_F(path, device_goes_while_remembered)
{
	int other = bound(variant->family, "0.0.0.0", 4001);

	SETTLE_ON(self->fd, THERE, HOME);
	ASSERT_EQ(0, connect_to(other, variant->family, THERE, 5000));
	EXPECT_STREQ(HOME, way_of(other, NULL, 100, 0));
	ASSERT_EQ(0, change("link delete dev a"));
	EXPECT_STREQ("b 10.0.2.1", WAY(self->fd, THERE));
	SETTLE_ON(self->fd, BESIDE, "b 10.0.2.1");
	ASSERT_EQ(0, change("link delete dev b"));
	EXPECT_STREQ("ENETUNREACH", WAY(self->fd, BESIDE));
	EXPECT_STREQ("ENETUNREACH", WAY(self->fd, THERE));
}

/* A host ends with a socket that remembers a route; then its devices go. */
TEST_F(path, namespace_goes_while_remembered)
{
	long limit = now_ms() + 2 * WAIT_MS;
	int status = -1;
	pid_t pid;

	ASSERT_EQ(0, change("link add name gone type veth peer name c"));
	ASSERT_EQ(0, change("link set dev gone up"));
	pid = fork();
	if (pid == 0) {
		char commands[256];
		int i, fd, ns;

		if (own_netns())
			_exit(1);
		ns = open("/proc/self/ns/net", O_RDONLY);
		if (setns(here, CLONE_NEWNET))
			_exit(2);
		snprintf(commands, sizeof(commands),
			 "ip link set dev c netns /proc/%d/fd/%d", getpid(),
			 ns);
		if (system(commands) || setns(ns, CLONE_NEWNET) ||
		    system("ip link set dev c arp off up && "
			   "ip address add 10.1.1.1/24 dev c"))
			_exit(3);
		close(here);
		fd = socket(variant->family, SOCK_DGRAM, 0);
		for (i = 0; i < 4; i++)
			if (send_to(fd, "x", 1, variant->family, "10.1.1.2",
				    5000) != 1)
				_exit(4);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	while (if_nametoindex("gone") && now_ms() < limit)
		poll(NULL, 0, 10);
	EXPECT_EQ(0, if_nametoindex("gone"));
}

TEST_HARNESS_MAIN
