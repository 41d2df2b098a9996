// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: who may be of a group, and which member gets a datagram.
 */
#define NEEDS "NETDEVICES"
#define BOTH_DOORS
#include "ttp_test.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define MEMBERS	64
#define NOBODY	65534	/* a user */

static int fds[MEMBERS];

/* Linux 6.1 keeps SOL_SOCKET from a family; then there is an option of ours. */
static bool kernel_refuses(void)
{
	struct utsname u;
	int major, minor;

	uname(&u);
	return sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	       major * 1000 + minor < 6012;
}

static int set_reuseport(int fd, int family, int val)
{
	if (family == AF_TTP && kernel_refuses())
		return set_int(fd, SOL_TTP, TTP_REUSEPORT, val);
	return set_int(fd, SOL_SOCKET, SO_REUSEPORT, val);
}

/* A socket in PORT's group; or not, if @shares is 0 */
static int member(int family, const char *addr, int shares)
{
	int fd = dgram(family), saved;

	if (set_reuseport(fd, family, shares) || bind_to(fd, family, addr,
							 PORT)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int gather(int family, const char *addr, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		fds[i] = member(family, addr, 1);
		if (fds[i] < 0)
			return -1;
	}
	return 0;
}

/* The one of the first @n that has a datagram, which is taken; -1 if none has,
 * -2 if many have
 */
static int who(int n)
{
	int i, found = -1;
	char buf[16];

	if (!settle())
		return -3;
	for (i = 0; i < n; i++)
		while (fds[i] >= 0 &&
		       recv(fds[i], buf, sizeof(buf), MSG_DONTWAIT) >= 0)
			found = found == -1 ? i : -2;
	return found;
}

/* Who gets one byte from @port of OWN2? */
static int who_hears(int family, int port, int n, char byte)
{
	int from = bound(family, OWN2, port), sent;

	sent = send_to(from, &byte, 1, family, OWN, PORT);
	close(from);
	return sent == 1 ? who(n) : -3;
}

TEST_F(sock, option)
{
	int fd = dgram(variant->family), want = 0;

	if (variant->family == AF_TTP && kernel_refuses())
		want = EOPNOTSUPP;
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_REUSEPORT));
	EXPECT_EQ(want, err(set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1)));
	EXPECT_EQ(!want, get_int(fd, SOL_SOCKET, SO_REUSEPORT));
	EXPECT_EQ(0, set_reuseport(fd, variant->family, 7));
	EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_REUSEPORT));
	EXPECT_EQ(0, set_reuseport(fd, variant->family, 0));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_REUSEPORT));
	EXPECT_EQ(EINVAL, err(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, "", 1)));
	EXPECT_EQ(EFAULT, err(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, NULL,
					 4)));
	/* The others go on to be the core's. */
	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_PRIORITY, 3));
	EXPECT_EQ(3, get_int(fd, SOL_SOCKET, SO_PRIORITY));
	EXPECT_EQ(ENOPROTOOPT, err(set_int(fd, SOL_SOCKET, 9999, 3)));
}

TEST_F(ttp, option_of_our_own)
{
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);

	EXPECT_EQ(0, get_int(fd, SOL_TTP, TTP_REUSEPORT));
	EXPECT_EQ(0, set_int(fd, SOL_TTP, TTP_REUSEPORT, 5));
	EXPECT_EQ(1, get_int(fd, SOL_TTP, TTP_REUSEPORT));
	EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_REUSEPORT));
	EXPECT_EQ(EINVAL, err(setsockopt(fd, SOL_TTP, TTP_REUSEPORT, "", 1)));
}

/* How a socket comes to PORT */
struct comer {
	int shares, reuse, user;
	const char *addr, *device;
};

/* bind() of the last, and whether it is then of the first's group: of 20
 * datagrams from as many ports both get some
 */
static const struct {
	const char *what;
	struct comer first, second;
	int verdict;
	bool group;
} rules[] = {
	{ "both share", { 1, .addr = OWN }, { 1, .addr = OWN }, 0, true },
	{ "both share all addresses", { 1, .addr = ANY }, { 1, .addr = ANY },
	  0, true },
	{ "the first does not", { 0, .addr = OWN }, { 1, .addr = OWN },
	  EADDRINUSE, false },
	{ "the second does not", { 1, .addr = OWN }, { 0, .addr = OWN },
	  EADDRINUSE, false },
	{ "another user's", { 1, .addr = OWN },
	  { 1, .addr = OWN, .user = NOBODY }, EADDRINUSE, false },
	{ "another user's twice", { 1, .addr = OWN, .user = NOBODY },
	  { 1, .addr = OWN, .user = NOBODY }, 0, true },
	{ "one address and all: no group", { 1, .addr = OWN },
	  { 1, .addr = ANY }, 0, false },
	{ "all and one address: no group", { 1, .addr = ANY },
	  { 1, .addr = OWN }, 0, false },
	{ "one device and all: no group", { 1, .addr = ANY, .device = "lo" },
	  { 1, .addr = ANY }, 0, false },
	{ "of one device", { 1, .addr = ANY, .device = "lo" },
	  { 1, .addr = ANY, .device = "lo" }, 0, true },
	{ "reuse of addresses without sharing", { 1, 1, .addr = OWN },
	  { 0, 1, .addr = OWN }, 0, false },
	{ "reuse and sharing", { 1, 1, .addr = OWN }, { 1, 1, .addr = OWN },
	  0, true },
	{ "another user's, but reuse of addresses", { 1, 1, .addr = OWN },
	  { 1, 1, .addr = OWN, .user = NOBODY }, 0, false },
};

static int come(int family, const struct comer *how)
{
	int fd, saved;

	if (seteuid(how->user))
		return -1;
	fd = dgram(family);
	if (seteuid(0) || set_reuseport(fd, family, how->shares) ||
	    set_int(fd, SOL_SOCKET, SO_REUSEADDR, how->reuse) ||
	    (how->device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
				       how->device, strlen(how->device))) ||
	    bind_to(fd, family, how->addr, PORT)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

TEST_F(sock, rules)
{
	int port, heard[2];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		fds[0] = come(variant->family, &rules[i].first);
		ASSERT_GE(fds[0], 0);
		fds[1] = come(variant->family, &rules[i].second);
		EXPECT_EQ(rules[i].verdict, err(fds[1]))
			TH_LOG("%s", rules[i].what);
		memset(heard, 0, sizeof(heard));
		for (port = 4000; fds[1] >= 0 && port < 4020; port++)
			heard[who_hears(variant->family, port, 2, 'x') == 1]++;
		EXPECT_EQ(rules[i].group, heard[0] && heard[1])
			TH_LOG("%s: %d, %d", rules[i].what, heard[0], heard[1]);
		close(fds[0]);
		if (fds[1] >= 0)
			close(fds[1]);
	}
}

/* Every flow has its member, and every member some flows. */
TEST_F(sock, flows_are_spread)
{
	int heard[MEMBERS] = {}, again[400], i, some = 0;

	ASSERT_EQ(0, gather(variant->family, ANY, MEMBERS));
	for (i = 0; i < 400; i++) {
		again[i] = who_hears(variant->family, 4100 + i, MEMBERS, 'x');
		ASSERT_GE(again[i], 0);
		heard[again[i]]++;
	}
	for (i = 0; i < 400; i += 10)
		EXPECT_EQ(again[i], who_hears(variant->family, 4100 + i,
					      MEMBERS, 'x'));
	for (i = 0; i < MEMBERS; i++)
		some += heard[i] > 0;
	/* By a fair hash one in 500 has none. */
	EXPECT_GE(some, MEMBERS - 8);
}

/* The flows of one that goes find others; who comes gets some. */
TEST_F(sock, members_come_and_go)
{
	int i, hears, last = 0;

	ASSERT_EQ(0, gather(variant->family, OWN, 4));
	close(fds[1]);
	fds[1] = -1;
	for (i = 0; i < 40; i++) {
		hears = who_hears(variant->family, 4100 + i, 4, 'x');
		EXPECT_GE(hears, 0);
		EXPECT_NE(1, hears);
	}
	fds[1] = member(variant->family, OWN, 1);
	ASSERT_GE(fds[1], 0);
	for (i = 0; i < 40; i++)
		last += who_hears(variant->family, 4100 + i, 4, 'x') == 1;
	EXPECT_GT(last, 0);
}

/* A connected member hears its peer and nobody else; the others that peer not
 * at all.
 */
TEST_F(sock, connected_member)
{
	int i;

	ASSERT_EQ(0, gather(variant->family, OWN, 3));
	ASSERT_EQ(0, connect_to(fds[0], variant->family, OWN2, 4100));
	EXPECT_EQ(0, who_hears(variant->family, 4100, 3, 'x'));
	for (i = 1; i < 40; i++)
		EXPECT_GE(who_hears(variant->family, 4100 + i, 3, 'x'), 1);
	ASSERT_EQ(0, disconnect(fds[0]));
	for (i = 0; i < 40; i++)
		EXPECT_GE(who_hears(variant->family, 4100 + i, 3, 'x'), 0);
}

/* connect() of one that is bound to all addresses gives it one. */
TEST_F(sock, connect_leaves)
{
	int i;

	ASSERT_EQ(0, gather(variant->family, ANY, 3));
	ASSERT_EQ(0, connect_to(fds[2], variant->family, OWN2, 4100));
	for (i = 1; i < 40; i++) {
		int hears = who_hears(variant->family, 4100 + i, 3, 'x');

		EXPECT_GE(hears, 0);
		EXPECT_NE(2, hears);
	}
	EXPECT_EQ(0, connect_to(fds[2], variant->family, OWN, 4100));
}

TEST_F(sock, broadcast_to_all_members)
{
	const char *all = "127.255.255.255";
	int from = bound(variant->family, OWN2, 4100), i;
	char c;

	ASSERT_EQ(0, gather(variant->family, ANY, 5));
	ASSERT_EQ(0, set_int(from, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(1, send_to(from, "x", 1, variant->family, all, PORT));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(1, get(fds[i], &c, 1));
}

/* --- programs ------------------------------------------------------------- */

/* The member is the payload's first byte. */
static struct sock_filter first_byte[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	BPF_STMT(BPF_RET | BPF_A, 0),
};

static int attach_cbpf(int fd)
{
	struct sock_fprog prog = { ARRAY_SIZE(first_byte), first_byte };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog,
			  sizeof(prog));
}

/* Always member @n */
static int load_ebpf(int n)
{
	struct bpf_insn insns[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, n },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (unsigned long)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (unsigned long)"GPL",
	};

	return syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int detach(int fd)
{
	return set_int(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0);
}

TEST_F(sock, program_chooses)
{
	int i, prog, others = 0;

	ASSERT_EQ(0, gather(variant->family, ANY, 4));
	ASSERT_EQ(0, attach_cbpf(fds[2]));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(i, who_hears(variant->family, 4100, 4, i));
	/* What is no member's number leaves it to the hash. */
	EXPECT_GE(who_hears(variant->family, 4100, 4, 4), 0);
	EXPECT_GE(who_hears(variant->family, 4100, 4, 200), 0);

	prog = load_ebpf(3);
	if (prog < 0)
		SKIP(return, NO_OPTION("BPF_SYSCALL"));
	ASSERT_EQ(0, setsockopt(fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF,
				&prog, sizeof(prog)));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(3, who_hears(variant->family, 4100 + i, 4, 0));

	ASSERT_EQ(0, detach(fds[1]));
	for (i = 0; i < 40; i++)
		others += who_hears(variant->family, 4100 + i, 4, 0) != 3;
	EXPECT_GT(others, 0);
	EXPECT_EQ(ENOENT, err(detach(fds[1])));
}

/* One alone, of which a program says nothing, is who there is. */
TEST_F(sock, program_of_one)
{
	ASSERT_EQ(0, gather(variant->family, ANY, 1));
	ASSERT_EQ(0, attach_cbpf(fds[0]));
	EXPECT_EQ(0, who_hears(variant->family, 4100, 1, 0));
	EXPECT_EQ(0, who_hears(variant->family, 4100, 1, 5));
}

/* A port without a group has none; a socket has its own, to which a device makes
 * no difference before there is a port.
 */
TEST_F(sock, program_needs_a_group)
{
	int i, fd = bound(variant->family, OWN2, PORT);

	ASSERT_EQ(0, set_reuseport(fd, variant->family, 1));
	EXPECT_EQ(EINVAL, err(attach_cbpf(fd)));
	for (i = 0; i < 2; i++) {
		fd = dgram(variant->family);
		ASSERT_EQ(0, set_reuseport(fd, variant->family, 1));
		ASSERT_EQ(0, attach_cbpf(fd));
		ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo",
					2));
		EXPECT_EQ(i ? EADDRINUSE : 0,
			  err(bind_to(fd, variant->family, OWN, PORT)));
	}
}

/* It can be there before the port. */
TEST_F(sock, program_before_bind)
{
	int fd = dgram(variant->family);

	EXPECT_EQ(EINVAL, err(attach_cbpf(fd)));
	ASSERT_EQ(0, set_reuseport(fd, variant->family, 1));
	ASSERT_EQ(0, attach_cbpf(fd));
	ASSERT_EQ(0, bind_to(fd, variant->family, OWN, PORT));
	fds[0] = fd;
	fds[1] = member(variant->family, OWN, 1);
	EXPECT_EQ(0, who_hears(variant->family, 4100, 2, 0));
	EXPECT_EQ(1, who_hears(variant->family, 4100, 2, 1));
	/* Never bound, and closed */
	fd = dgram(variant->family);
	ASSERT_EQ(0, set_reuseport(fd, variant->family, 1));
	ASSERT_EQ(0, attach_cbpf(fd));
	close(fd);
}

/* Of a group at two doors each member is as good as any. */
TEST_F(ttp, a_group_at_both_doors)
{
	int i, n[2] = {};

	inet_protocol = IPPROTO_TTP;
	fds[0] = member(AF_TTP, ANY, 1);
	fds[1] = member(AF_INET, ANY, 1);
	ASSERT_GE(fds[1], 0);
	for (i = 0; i < 40; i++) {
		int hears = who_hears(i % 2 ? AF_TTP : AF_INET, 4100 + i, 2,
				      'x');

		ASSERT_GE(hears, 0);
		n[hears]++;
	}
	EXPECT_GT(n[0], 0);
	EXPECT_GT(n[1], 0);
	ASSERT_EQ(0, attach_cbpf(fds[0]));
	EXPECT_EQ(0, who_hears(AF_INET, 4100, 2, 0));
	EXPECT_EQ(1, who_hears(AF_TTP, 4100, 2, 1));
}

TEST_HARNESS_MAIN
