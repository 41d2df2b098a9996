// SPDX-License-Identifier: GPL-2.0
/*
 * Every number that could be an option of SOL_SOCKET, SOL_IP or the transport,
 * set and got with every length, with values at the edges of what they may be,
 * with bad pointers, in each state, with and without privileges: as UDP.
 */
#define NEEDS "VETH"
#include "compare_world.h"

#include <linux/filter.h>
#include <linux/udp.h>

/* No number is left out for what it means, but for those that come with
 * batching.
 */
static const struct level {
	const char *name;
	int level;	/* 0: that of the door, for SOL_IP is a level, too */
	int first, last;
} levels[] = {
	{ "SOL_SOCKET", SOL_SOCKET, 0, 90 },
	{ "SOL_IP", SOL_IP, -1, 72 },
	{ "SOL_UDP", -1, 0, 110 },
	{ "SOL_IPV6", IPPROTO_IPV6, 0, 3 },
	{ "SOL_TCP", IPPROTO_TCP, 0, 3 },
	{ "SOL_RAW", 255, 0, 3 },
	{ "no level", 99, 0, 3 },
};

static const struct {
	int level;
	int opt;
} later[] = {
	{ SOL_SOCKET, SO_ZEROCOPY },
	{ -1, UDP_SEGMENT },
	{ -1, UDP_GRO },
};

#define N(opt)	{ opt, #opt }

struct name {
	int opt;
	const char *text;
};

static const struct name sol_socket[] = {
	N(SO_DEBUG), N(SO_REUSEADDR), N(SO_TYPE), N(SO_ERROR), N(SO_DONTROUTE),
	N(SO_BROADCAST), N(SO_SNDBUF), N(SO_RCVBUF), N(SO_KEEPALIVE),
	N(SO_OOBINLINE), N(SO_NO_CHECK), N(SO_PRIORITY), N(SO_LINGER),
	N(SO_BSDCOMPAT), N(SO_REUSEPORT), N(SO_PASSCRED), N(SO_PEERCRED),
	N(SO_RCVLOWAT), N(SO_SNDLOWAT), N(SO_RCVTIMEO_OLD), N(SO_SNDTIMEO_OLD),
	N(SO_BINDTODEVICE), N(SO_ATTACH_FILTER), N(SO_DETACH_FILTER),
	N(SO_PEERNAME), N(SO_TIMESTAMP_OLD), N(SO_ACCEPTCONN), N(SO_PEERSEC),
	N(SO_SNDBUFFORCE), N(SO_RCVBUFFORCE), N(SO_PASSSEC),
	N(SO_TIMESTAMPNS_OLD), N(SO_MARK), N(SO_TIMESTAMPING_OLD),
	N(SO_PROTOCOL), N(SO_DOMAIN), N(SO_RXQ_OVFL), N(SO_WIFI_STATUS),
	N(SO_PEEK_OFF), N(SO_NOFCS), N(SO_LOCK_FILTER), N(SO_SELECT_ERR_QUEUE),
	N(SO_BUSY_POLL), N(SO_MAX_PACING_RATE), N(SO_BPF_EXTENSIONS),
	N(SO_INCOMING_CPU), N(SO_ATTACH_BPF), N(SO_ATTACH_REUSEPORT_CBPF),
	N(SO_ATTACH_REUSEPORT_EBPF), N(SO_CNX_ADVICE), N(SO_MEMINFO),
	N(SO_INCOMING_NAPI_ID), N(SO_COOKIE), N(SO_PEERGROUPS), N(SO_ZEROCOPY),
	N(SO_TXTIME), N(SO_BINDTOIFINDEX), N(SO_TIMESTAMP_NEW),
	N(SO_TIMESTAMPNS_NEW), N(SO_TIMESTAMPING_NEW), N(SO_RCVTIMEO_NEW),
	N(SO_SNDTIMEO_NEW), N(SO_DETACH_REUSEPORT_BPF), N(SO_PREFER_BUSY_POLL),
	N(SO_BUSY_POLL_BUDGET), N(SO_NETNS_COOKIE), N(SO_BUF_LOCK),
	N(SO_RESERVE_MEM), N(SO_TXREHASH), N(SO_RCVMARK),
};

static const struct name sol_ip[] = {
	N(IP_TOS), N(IP_TTL), N(IP_HDRINCL), N(IP_OPTIONS), N(IP_ROUTER_ALERT),
	N(IP_RECVOPTS), N(IP_RETOPTS), N(IP_PKTINFO), N(IP_PKTOPTIONS),
	N(IP_MTU_DISCOVER), N(IP_RECVERR), N(IP_RECVTTL), N(IP_RECVTOS),
	N(IP_MTU), N(IP_FREEBIND), N(IP_IPSEC_POLICY), N(IP_XFRM_POLICY),
	N(IP_PASSSEC), N(IP_TRANSPARENT), N(IP_ORIGDSTADDR), N(IP_MINTTL),
	N(IP_NODEFRAG), N(IP_CHECKSUM), N(IP_BIND_ADDRESS_NO_PORT),
	N(IP_RECVFRAGSIZE), { 26, "IP_RECVERR_RFC4884" }, N(IP_MULTICAST_IF),
	N(IP_MULTICAST_TTL), N(IP_MULTICAST_LOOP), N(IP_ADD_MEMBERSHIP),
	N(IP_DROP_MEMBERSHIP), N(IP_UNBLOCK_SOURCE), N(IP_BLOCK_SOURCE),
	N(IP_ADD_SOURCE_MEMBERSHIP), N(IP_DROP_SOURCE_MEMBERSHIP),
	N(IP_MSFILTER), N(MCAST_JOIN_GROUP), N(MCAST_BLOCK_SOURCE),
	N(MCAST_UNBLOCK_SOURCE), N(MCAST_LEAVE_GROUP),
	N(MCAST_JOIN_SOURCE_GROUP), N(MCAST_LEAVE_SOURCE_GROUP),
	N(MCAST_MSFILTER), N(IP_MULTICAST_ALL), N(IP_UNICAST_IF),
	{ 51, "IP_LOCAL_PORT_RANGE" }, { 52, "IP_PROTOCOL" },
};

static const struct name sol_udp[] = {
	N(UDP_CORK), { 10, "UDPLITE_SEND_CSCOV" }, { 11, "UDPLITE_RECV_CSCOV" },
	N(UDP_ENCAP), N(UDP_NO_CHECK6_TX), N(UDP_NO_CHECK6_RX),
};

static const int values[] = {
	-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 64, 127, 128, 254, 255, 256, 0x10000,
	0x1000000, 5001 << 16 | 5000, 5000 << 16 | 5001, 0x7fffffff, -2,
	-2147483647 - 1, 0x0100007f, 0x010000e0,
};

static const int lengths[] = {
	0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 20, 40, 41, 100, 128,
	136, 137, 264, 300, -1, -2, 0x7fffffff,
};

static const char *opt_name(const struct level *l, int opt)
{
	const struct name *name = NULL;
	size_t i, n = 0;
	static char text[64];

	if (l->level == SOL_SOCKET) {
		name = sol_socket;
		n = ARRAY_SIZE(sol_socket);
	} else if (l->level == SOL_IP) {
		name = sol_ip;
		n = ARRAY_SIZE(sol_ip);
	} else if (l->level == -1) {
		name = sol_udp;
		n = ARRAY_SIZE(sol_udp);
	}
	for (i = 0; i < n; i++)
		if (name[i].opt == opt)
			return name[i].text;
	snprintf(text, sizeof(text), "%s %d", l->name, opt);
	return text;
}

static int level_of(const struct level *l)
{
	return l->level == -1 ? door->level : l->level;
}

static bool is_for_later(const struct level *l, int opt)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(later); i++)
		if (later[i].level == l->level && later[i].opt == opt)
			return true;
	return false;
}

static void put_words(const unsigned int *val, socklen_t len, int but)
{
	socklen_t i;

	for (i = 0; i < len / sizeof(*val); i++)
		put(" %s", i == but ? "*" : val[i] ? "some" : "0");
}

/* Numbers that no two sockets have in common, or that count memory by what it
 * really takes, are there or not; and each door has a name of its own.
 */
static void put_value(int level, int opt, const unsigned char *val,
		      socklen_t len)
{
	sa_family_t family = door->family;

	if (level == SOL_SOCKET && opt == SO_COOKIE)
		put_words((const void *)val, len < 8 ? 0 : 4, -1);
	else if (level == SOL_SOCKET && opt == SO_MEMINFO)
		put_words((const void *)val, len, 4);
	else if (level == SOL_SOCKET && opt == SO_DOMAIN &&
		 !memcmp(val, &door->family, len < 4 ? len : 4))
		put(" the door's");
	else if (level == SOL_SOCKET && opt == SO_PROTOCOL &&
		 !memcmp(val, &door->protocol, len < 4 ? len : 4))
		put(" the door's");
	else if (level == SOL_SOCKET && opt == SO_PEERNAME && len >= 2 &&
		 !memcmp(val, &family, 2))
		put_bytes(val + 2, len - 2);
	else
		put_bytes(val, len);
}

static void put_get(int fd, int level, int opt, int room)
{
	static unsigned char val[512];
	socklen_t len = room, i;
	int ret;

	memset(val, 0xee, sizeof(val));
	ret = getsockopt(fd, level, opt, val, &len);
	put_ret(ret);
	put(" [%d]", (int)len);
	if (!ret && len <= sizeof(val))
		put_value(level, opt, val, len);
	for (i = sizeof(val); i && val[i - 1] == 0xee; i--)
		;
	if (i > len)
		put(" written to %u", i);
}

typedef void option_case(const struct level *l, int opt, const char *how,
			 int fd);

static void each_option(option_case *run, const char *how, int fd)
{
	const struct level *l;
	int opt;

	for (l = levels; l < levels + ARRAY_SIZE(levels); l++)
		for (opt = l->first; opt <= l->last; opt++)
			if (!is_for_later(l, opt))
				run(l, opt, how, fd);
}

/* Each value, and what is read back then */
static void set_values(const struct level *l, int opt, const char *how, int fd)
{
	size_t i;

	fd = fresh();
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		put_ret(set_int(fd, level_of(l), opt, values[i]));
		put_get(fd, level_of(l), opt, 4);
		line("%s to %d%s", opt_name(l, opt), values[i], how);
	}
	close(fd);
}

static void values_of_options(void)
{
	each_option(set_values, "", -1);
}

FIXTURE_VARIANT_ADD(compare, values_of_options) {
	.run = values_of_options,
};

static void values_of_options_unprivileged(void)
{
	if (seteuid(65534))
		put("root");
	each_option(set_values, ", unprivileged", -1);
	if (seteuid(0))
		put("nobody");
}

FIXTURE_VARIANT_ADD(compare, values_of_options_unprivileged) {
	.run = values_of_options_unprivileged,
};

static void set_lengths(const struct level *l, int opt, const char *how, int fd)
{
	static unsigned char val[512];
	size_t i;

	fd = holder(OWN, PORT);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(val, 0, sizeof(val));
		val[0] = 1;
		put_ret(setsockopt(fd, level_of(l), opt, val, lengths[i]));
		line("%s, length %d", opt_name(l, opt), lengths[i]);
		put_get(fd, level_of(l), opt, lengths[i]);
		line("get %s, length %d", opt_name(l, opt), lengths[i]);
	}
	close(fd);
}

static void lengths_of_options(void)
{
	each_option(set_lengths, "", -1);
}

FIXTURE_VARIANT_ADD(compare, lengths_of_options) {
	.run = lengths_of_options,
};

/* A value that is not aligned is as good as one that is. */
static void set_from(const struct level *l, int opt, const char *how, int fd)
{
	static char val[64];
	int level = level_of(l), one = 1, ret;
	socklen_t len = 4;

	fd = holder(OWN, PORT);
	put_ret(setsockopt(fd, level, opt, NULL, 0));
	put_ret(setsockopt(fd, level, opt, NULL, 4));
	put_ret(setsockopt(fd, level, opt, nowhere(), 0));
	put_ret(setsockopt(fd, level, opt, nowhere(), 4));
	put_ret(setsockopt(fd, level, opt, nowhere(), 40));
	put_ret(setsockopt(fd, level, opt, nowhere() - 2, 40));
	line("%s from nowhere", opt_name(l, opt));

	put_ret(getsockopt(fd, level, opt, NULL, &len));
	put_ret(getsockopt(fd, level, opt, nowhere(), &len));
	put(" %u", len);
	put_ret(getsockopt(fd, level, opt, val, NULL));
	put_ret(getsockopt(fd, level, opt, val, nowhere()));
	line("get %s to nowhere", opt_name(l, opt));

	memcpy(val + 1, &one, sizeof(one));
	put_ret(setsockopt(fd, level, opt, val + 1, sizeof(one)));
	len = 4;
	ret = getsockopt(fd, level, opt, val + 3, &len);
	put_ret(ret);
	if (!ret)
		put_value(level, opt, (void *)(val + 3), len);
	line("%s unaligned", opt_name(l, opt));
	close(fd);
}

static void pointers_of_options(void)
{
	each_option(set_from, "", -1);
}

FIXTURE_VARIANT_ADD(compare, pointers_of_options) {
	.run = pointers_of_options,
};

/* Set to 1, and back, whatever has happened to the socket */
static void set_and_reset(const struct level *l, int opt, const char *how,
			  int fd)
{
	int level = level_of(l);

	/* They would not let go of it, or hear no more. */
	if (l->level == SOL_SOCKET &&
	    (opt == SO_BINDTODEVICE || opt == SO_RCVBUF ||
	     opt == SO_LOCK_FILTER))
		return;
	put_get(fd, level, opt, 64);
	put_ret(set_int(fd, level, opt, 1));
	put_get(fd, level, opt, 4);
	put_ret(set_int(fd, level, opt, 0));
	put_get(fd, level, opt, 4);
	line("%s %s", opt_name(l, opt), how);
}

static void options_in_each_state(void)
{
	int fd, i;

	for (i = 0; i < N_STATES; i++) {
		fd = enter(i);
		each_option(set_and_reset, state_names[i], fd);
		put_state(fd);
		put_names(fd);
		put_recv(fd, 0);
		line("afterwards, %s", state_names[i]);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, options_in_each_state) {
	.run = options_in_each_state,
};

static void devices_to_be_bound_to(void)
{
	static const char * const names[] = {
		"lo", "v0", "none", "", "lo0", "a-name-that-is-too-long-for-it",
	};
	char val[32];
	int fd, i, j;

	if (!if_nametoindex("v0"))
		add_device();
	for (i = 0; i < N_STATES; i++) {
		fd = enter(i);
		for (j = 0; j < ARRAY_SIZE(names); j++) {
			put_ret(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					   names[j], strlen(names[j])));
			put_get(fd, SOL_SOCKET, SO_BINDTODEVICE, 16);
			put_get(fd, SOL_SOCKET, SO_BINDTODEVICE, 3);
			put_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 4);
			put_names(fd);
			line("SO_BINDTODEVICE %s, %s", names[j],
			     state_names[i]);
			/* Nor is there a NUL at the end of the name. */
			memset(val, 0, sizeof(val));
			memcpy(val, names[j], strlen(names[j]));
			put_ret(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					   val, sizeof(val)));
			put_ret(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					   val, 1));
			line("SO_BINDTODEVICE %s, long and short, %s", names[j],
			     state_names[i]);
		}
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, devices_to_be_bound_to) {
	.run = devices_to_be_bound_to,
};

static const struct {
	const char *name;
	unsigned short len;
	struct sock_filter code[3];
} filters[] = {
	{ "all", 1, { BPF_STMT(BPF_RET | BPF_K, 0xffff) } },
	{ "none", 1, { BPF_STMT(BPF_RET | BPF_K, 0) } },
	{ "3 bytes", 1, { BPF_STMT(BPF_RET | BPF_K, 3) } },
	{ "10 bytes", 1, { BPF_STMT(BPF_RET | BPF_K, 10) } },
	{ "destination port 5000", 3, {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 2),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 50),
		BPF_STMT(BPF_RET | BPF_A, 0) } },
	{ "of the payload", 3, {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 'b'),
		BPF_STMT(BPF_RET | BPF_A, 0) } },
	{ "beyond the end", 2, {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 100),
		BPF_STMT(BPF_RET | BPF_K, 0xffff) } },
	{ "of the network header", 2, {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF + 8),
		BPF_STMT(BPF_RET | BPF_A, 0) } },
	{ "its length", 2, {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_STMT(BPF_RET | BPF_A, 0) } },
	{ "no end", 1, { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0) } },
	{ "no code", 0, {} },
};

static void filters_of_sockets(void)
{
	int fd, i;

	for (i = 0; i < ARRAY_SIZE(filters); i++) {
		struct sock_fprog prog = {
			.len = filters[i].len,
			.filter = (void *)filters[i].code,
		};

		fd = enter(BOUND);
		put_ret(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				   sizeof(prog)));
		send_at(peer, TEXT, 8, OWN, PORT);
		send_at(peer, "", 0, OWN, PORT);
		arrived();
		put_recv(fd, 0);
		put_recv(fd, 0);
		put_get(fd, SOL_SOCKET, SO_GET_FILTER, 3);
		put_get(fd, SOL_SOCKET, SO_GET_FILTER, 0);
		put_ret(set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
		put_ret(set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
		put_ret(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				   sizeof(prog)));
		put_ret(set_int(fd, SOL_SOCKET, SO_LOCK_FILTER, 0));
		line("filter: %s", filters[i].name);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, filters_of_sockets) {
	.run = filters_of_sockets,
};

TEST_HARNESS_MAIN
