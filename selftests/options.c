// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options. Those that work do what UDP's do, for good and bad values,
 * lengths and pointers alike; those without a data path yet are refused. What
 * becomes one of the former moves in a table here.
 */
#include "ttp_test.h"

#include <linux/filter.h>
#include <netinet/udp.h>

/* Newer than the headers may be */
#define IP_RECVERR_RFC4884	26
#define IP_LOCAL_PORT_RANGE	51
#define IP_PROTOCOL		52

static const struct {
	const char *name;
	int opt;
} ip_options[] = {
	{ "IP_TOS", IP_TOS },
	{ "IP_TTL", IP_TTL },
	{ "IP_HDRINCL", IP_HDRINCL },
	{ "IP_OPTIONS", IP_OPTIONS },
	{ "IP_ROUTER_ALERT", IP_ROUTER_ALERT },
	{ "IP_RECVOPTS", IP_RECVOPTS },
	{ "IP_RETOPTS", IP_RETOPTS },
	{ "IP_PKTINFO", IP_PKTINFO },
	{ "IP_PKTOPTIONS", IP_PKTOPTIONS },
	{ "IP_MTU_DISCOVER", IP_MTU_DISCOVER },
	{ "IP_RECVERR", IP_RECVERR },
	{ "IP_RECVTTL", IP_RECVTTL },
	{ "IP_RECVTOS", IP_RECVTOS },
	{ "IP_MTU", IP_MTU },
	{ "IP_FREEBIND", IP_FREEBIND },
	{ "IP_IPSEC_POLICY", IP_IPSEC_POLICY },
	{ "IP_XFRM_POLICY", IP_XFRM_POLICY },
	{ "IP_PASSSEC", IP_PASSSEC },
	{ "IP_TRANSPARENT", IP_TRANSPARENT },
	{ "IP_RECVORIGDSTADDR", IP_ORIGDSTADDR },
	{ "IP_MINTTL", IP_MINTTL },
	{ "IP_NODEFRAG", IP_NODEFRAG },
	{ "IP_CHECKSUM", IP_CHECKSUM },
	{ "IP_BIND_ADDRESS_NO_PORT", IP_BIND_ADDRESS_NO_PORT },
	{ "IP_RECVFRAGSIZE", IP_RECVFRAGSIZE },
	{ "IP_RECVERR_RFC4884", IP_RECVERR_RFC4884 },
	{ "IP_MULTICAST_IF", IP_MULTICAST_IF },
	{ "IP_MULTICAST_TTL", IP_MULTICAST_TTL },
	{ "IP_MULTICAST_LOOP", IP_MULTICAST_LOOP },
	{ "IP_ADD_MEMBERSHIP", IP_ADD_MEMBERSHIP },
	{ "IP_DROP_MEMBERSHIP", IP_DROP_MEMBERSHIP },
	{ "IP_UNBLOCK_SOURCE", IP_UNBLOCK_SOURCE },
	{ "IP_BLOCK_SOURCE", IP_BLOCK_SOURCE },
	{ "IP_ADD_SOURCE_MEMBERSHIP", IP_ADD_SOURCE_MEMBERSHIP },
	{ "IP_DROP_SOURCE_MEMBERSHIP", IP_DROP_SOURCE_MEMBERSHIP },
	{ "IP_MSFILTER", IP_MSFILTER },
	{ "MCAST_JOIN_GROUP", MCAST_JOIN_GROUP },
	{ "MCAST_LEAVE_GROUP", MCAST_LEAVE_GROUP },
	{ "MCAST_JOIN_SOURCE_GROUP", MCAST_JOIN_SOURCE_GROUP },
	{ "MCAST_MSFILTER", MCAST_MSFILTER },
	{ "IP_MULTICAST_ALL", IP_MULTICAST_ALL },
	{ "IP_UNICAST_IF", IP_UNICAST_IF },
	{ "IP_LOCAL_PORT_RANGE", IP_LOCAL_PORT_RANGE },
	{ "IP_PROTOCOL", IP_PROTOCOL },
	{ "none", 99 },
};

static const int values[] = {
	-1, 0, 1, 2, 3, 4, 5, 6, 8, 64, 127, 254, 255, 256, 0x10000, 0x1000000,
	5001 << 16 | 5000, 5000 << 16 | 5001, 0x7fffffff, -2,
};

static const int lengths[] = { 0, 1, 2, 3, 4, 5, 8, 12, 16, 100, -1 };

/* What getsockopt() answers */
struct reply {
	int err;
	socklen_t len;
	unsigned char val[100];
};

static struct reply query(int fd, int level, int opt, int len)
{
	struct reply r = { .len = len };

	memset(r.val, 0xee, sizeof(r.val));
	r.err = err(getsockopt(fd, level, opt, r.val, &r.len));
	return r;
}

/* Do a UDP and a TTP socket answer alike? */
static bool same_reply(int udp, int ttp, int level, int opt, int len)
{
	struct reply u = query(udp, level, opt, len);
	struct reply t = query(ttp, level, opt, len);

	if (u.err == t.err && u.len == t.len &&
	    !memcmp(u.val, t.val, sizeof(u.val)))
		return true;
	ksft_print_msg("UDP: errno %d, length %u, value 0x%x\n", u.err, u.len,
		       *(int *)u.val);
	ksft_print_msg("TTP: errno %d, length %u, value 0x%x\n", t.err, t.len,
		       *(int *)t.val);
	return false;
}

TEST_F(ttp, ip_options_that_work)
{
	size_t i, j;
	int u, t;

	for (i = 0; i < ARRAY_SIZE(ip_options); i++) {
		u = socket(AF_INET, SOCK_DGRAM, 0);
		t = socket(AF_TTP, SOCK_DGRAM, 0);
		for (j = 0; j < ARRAY_SIZE(values); j++) {
			EXPECT_EQ(err(set_int(u, SOL_IP, ip_options[i].opt,
					      values[j])),
				  err(set_int(t, SOL_IP, ip_options[i].opt,
					      values[j])))
				TH_LOG("set %s to %d", ip_options[i].name,
				       values[j]);
			EXPECT_TRUE(same_reply(u, t, SOL_IP,
					       ip_options[i].opt, 4))
				TH_LOG("get %s", ip_options[i].name);
		}
		close(u);
		close(t);
	}
}

TEST_F(ttp, ip_options_of_any_length)
{
	size_t i, j;
	int u, t;

	for (i = 0; i < ARRAY_SIZE(ip_options); i++) {
		unsigned char val[100] = { 7 };
		int opt = ip_options[i].opt;

		u = bound(AF_INET, OWN, PORT);
		t = bound(AF_TTP, OWN, PORT);
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			EXPECT_EQ(err(setsockopt(u, SOL_IP, opt, val,
						 lengths[j])),
				  err(setsockopt(t, SOL_IP, opt, val,
						 lengths[j])))
				TH_LOG("set %s, length %d", ip_options[i].name,
				       lengths[j]);
			EXPECT_TRUE(same_reply(u, t, SOL_IP, opt, lengths[j]))
				TH_LOG("get %s, length %d", ip_options[i].name,
				       lengths[j]);
		}
		close(u);
		close(t);
	}
}

/* Those that make IPv4 take a raw socket for one of its own */
TEST_F(ttp, ip_options_of_raw_sockets)
{
	static const int opts[] = { IP_HDRINCL, IP_ROUTER_ALERT };
	int fd = socket(AF_TTP, SOCK_RAW, 0), val;
	socklen_t len = sizeof(val);
	size_t i;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(opts); i++) {
		EXPECT_EQ(ENOPROTOOPT, err(set_int(fd, SOL_IP, opts[i], 1)));
		EXPECT_EQ(ENOPROTOOPT, err(getsockopt(fd, SOL_IP, opts[i],
						      &val, &len)));
	}
}

TEST_F(sock, bad_pointers)
{
	void *nowhere = mmap(NULL, 4096, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = socket(variant->family, SOCK_DGRAM, 0), val;
	socklen_t len = 4;

	EXPECT_EQ(EFAULT, err(setsockopt(fd, SOL_IP, IP_TTL, nowhere, 4)));
	EXPECT_EQ(EFAULT, err(getsockopt(fd, SOL_IP, IP_TTL, nowhere, &len)));
	EXPECT_EQ(EFAULT, err(getsockopt(fd, SOL_IP, IP_TTL, &val, nowhere)));
	EXPECT_EQ(EFAULT, err(setsockopt(fd, SOL_SOCKET, SO_MARK, nowhere,
					 4)));
	EXPECT_EQ(EFAULT, err(getsockopt(fd, SOL_SOCKET, SO_MARK, nowhere,
					 &len)));
}

/* Levels of others. UDP's own options may come later, with UDP's numbers. */
TEST_F(ttp, other_levels)
{
	static const int levels[][2] = {
		{ SOL_TTP, 2 }, { SOL_TTP, TTP_VERBATIM }, { SOL_TTP, -1 },
		{ SOL_UDP, UDP_CORK }, { SOL_UDP, UDP_ENCAP },
		{ SOL_UDP, 103 }, { IPPROTO_TCP, 1 }, { SOL_IPV6, 1 },
		{ SOL_RAW, 1 }, { 12345, 1 }, { -1, 1 },
	};
	int fd = socket(AF_TTP, SOCK_DGRAM, 0), val = 1;
	socklen_t len = sizeof(val);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		EXPECT_EQ(ENOPROTOOPT, err(set_int(fd, levels[i][0],
						   levels[i][1], 1)))
			TH_LOG("level %d, %d", levels[i][0], levels[i][1]);
		EXPECT_EQ(levels[i][0] == SOL_TTP ? ENOPROTOOPT : EOPNOTSUPP,
			  err(getsockopt(fd, levels[i][0], levels[i][1], &val,
					 &len)))
			TH_LOG("level %d, %d", levels[i][0], levels[i][1]);
	}
}

/* All of SOL_SOCKET by number, so those of a new kernel, too; but for what
 * must differ.
 */
static bool differs(int opt)
{
	switch (opt) {
	case SO_REUSEPORT:
	case SO_DOMAIN:
	case SO_PROTOCOL:
	case SO_COOKIE:
	case SO_ZEROCOPY:
		return true;
	default:
		return false;
	}
}

TEST_F(ttp, socket_options_are_as_udps)
{
	unsigned char val[100];
	int opt, u, t;
	size_t i;

	for (opt = 0; opt < 100; opt++) {
		if (differs(opt))
			continue;
		u = socket(AF_INET, SOCK_DGRAM, 0);
		t = socket(AF_TTP, SOCK_DGRAM, 0);
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			memset(val, 0, sizeof(val));
			val[0] = i & 1;
			EXPECT_EQ(err(setsockopt(u, SOL_SOCKET, opt, val,
						 lengths[i])),
				  err(setsockopt(t, SOL_SOCKET, opt, val,
						 lengths[i])))
				TH_LOG("set SO %d, length %d", opt, lengths[i]);
			EXPECT_TRUE(same_reply(u, t, SOL_SOCKET, opt,
					       lengths[i]))
				TH_LOG("get SO %d, length %d", opt, lengths[i]);
		}
		close(u);
		close(t);
	}
}

TEST_F(ttp, socket_options_that_differ)
{
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);

	EXPECT_EQ(EOPNOTSUPP, err(set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1)));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ZEROCOPY));
}

TEST_F(sock, mtu)
{
	int to, fd = pair(variant->family, &to);

	/* The device has 65536, which no IPv4 packet has. */
	EXPECT_EQ(65535, get_int(fd, SOL_IP, IP_MTU));
	EXPECT_EQ(-1, get_int(to, SOL_IP, IP_MTU));
	EXPECT_EQ(ENOTCONN, errno);
}

/* 2000 bytes where 1500 fit */
static const struct {
	const char *what;
	int mode, verdict;
} pmtudisc[] = {
	{ "IP_PMTUDISC_DONT", IP_PMTUDISC_DONT, 0 },
	{ "IP_PMTUDISC_WANT", IP_PMTUDISC_WANT, 0 },
	{ "IP_PMTUDISC_DO", IP_PMTUDISC_DO, EMSGSIZE },
	{ "IP_PMTUDISC_PROBE", IP_PMTUDISC_PROBE, EMSGSIZE },
	{ "IP_PMTUDISC_INTERFACE", IP_PMTUDISC_INTERFACE, EMSGSIZE },
	{ "IP_PMTUDISC_OMIT", IP_PMTUDISC_OMIT, 0 },
};

TEST_F(sock, mtu_discover)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_mtu = 1500 };
	static char buf[2000], in[3000];
	int to, fd;
	size_t i;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(0, ioctl(fd, SIOCSIFMTU, &ifr));
	fd = pair(variant->family, &to);
	EXPECT_EQ(1500, get_int(fd, SOL_IP, IP_MTU));
	for (i = 0; i < ARRAY_SIZE(pmtudisc); i++) {
		ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER,
				     pmtudisc[i].mode));
		EXPECT_EQ(pmtudisc[i].verdict,
			  err(send(fd, buf, sizeof(buf), 0)))
			TH_LOG("%s", pmtudisc[i].what);
		if (!pmtudisc[i].verdict)
			EXPECT_EQ(sizeof(buf), get(to, in, sizeof(in)));
		/* What fits passes in every mode. */
		EXPECT_EQ(1472, send(fd, buf, 1472, 0));
		EXPECT_EQ(1472, get(to, in, sizeof(in)));
	}
}

/* Filters see the header of 8 bytes first, in either family. */
TEST_F(sock, filter)
{
	/* By the first byte of payload: 'd' is dropped, 't' cut to 2 bytes */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'd', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 't', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 8 + 2),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };
	int to, fd = pair(variant->family, &to);
	char buf[16];

	ASSERT_EQ(0, setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_EQ(4, send(fd, "drop", 4, 0));
	EXPECT_EQ(4, send(fd, "trim", 4, 0));
	EXPECT_EQ(4, send(fd, "keep", 4, 0));
	EXPECT_EQ(2, get(to, buf, sizeof(buf)));
	EXPECT_EQ(4, get(to, buf, sizeof(buf)));
	EXPECT_EQ('k', buf[0]);
	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_EQ(4, send(fd, "drop", 4, 0));
	EXPECT_EQ(4, get(to, buf, sizeof(buf)));
	if (variant->family == AF_TTP) {
		EXPECT_EQ(1, ttp_stat("TtpInFilterDrops"));
		EXPECT_EQ(3, ttp_stat("TtpInDatagrams"));
	}
}

/* Options of SOL_UDP, and ours of the same number */
TEST_F(sock, cork_option)
{
	int level = variant->protocol, fd = socket(variant->family, SOCK_DGRAM, 0);
	void *nowhere = mmap(NULL, 4096, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	socklen_t len = sizeof(int);
	char two[8] = { 2 };

	EXPECT_EQ(0, get_int(fd, level, TTP_CORK));
	EXPECT_EQ(0, setsockopt(fd, level, TTP_CORK, two, sizeof(two)));
	EXPECT_EQ(1, get_int(fd, level, TTP_CORK));
	EXPECT_EQ(EINVAL, err(setsockopt(fd, level, TTP_CORK, two, 3)));
	EXPECT_EQ(EINVAL, err(setsockopt(fd, level, 150, two, 3)));
	EXPECT_EQ(EFAULT, err(setsockopt(fd, level, TTP_CORK, nowhere, 4)));
	EXPECT_EQ(EFAULT, err(setsockopt(fd, level, 150, nowhere, 4)));
	EXPECT_EQ(ENOPROTOOPT, err(setsockopt(fd, level, 150, two, 4)));
	EXPECT_EQ(EFAULT, err(getsockopt(fd, level, TTP_CORK, nowhere, &len)));
	EXPECT_EQ(EFAULT, err(getsockopt(fd, level, TTP_CORK, two, nowhere)));
	len = -1;
	EXPECT_EQ(EINVAL, err(getsockopt(fd, level, TTP_CORK, two, &len)));
	len = sizeof(two);
	EXPECT_EQ(0, getsockopt(fd, level, TTP_CORK, two, &len));
	EXPECT_EQ(4, len);
	len = 1;
	EXPECT_EQ(0, getsockopt(fd, level, TTP_CORK, two, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(0, set_int(fd, level, TTP_CORK, 0));
	EXPECT_EQ(0, get_int(fd, level, TTP_CORK));
}

/* A filter cannot cut into the header. */
TEST_F(sock, filter_spares_the_header)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_fprog prog = { ARRAY_SIZE(code), code };
	int to, fd = pair(variant->family, &to);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	char c;

	ASSERT_EQ(0, setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	ASSERT_EQ(POLLIN, await(to, POLLIN, WAIT_MS));
	EXPECT_EQ(0, recvfrom(to, &c, 1, 0, (void *)&sin, &len));
	EXPECT_EQ(port_of(fd), ntohs(sin.sin_port));
}

/* The CPU that a connected socket heard its peer on; others have many */
TEST_F(sock, incoming_cpu)
{
	int to, fd = pair(variant->family, &to);
	char c;

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, get(to, &c, 1));
	EXPECT_EQ(-1, get_int(to, SOL_SOCKET, SO_INCOMING_CPU));
	ASSERT_EQ(0, connect_to(to, variant->family, OWN, port_of(fd)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, get(to, &c, 1));
	EXPECT_EQ(sched_getcpu(), get_int(to, SOL_SOCKET, SO_INCOMING_CPU));
}

TEST_HARNESS_MAIN
