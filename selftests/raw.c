// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_RAW: who may, what is heard and what narrows it (as raw(7) has it, run
 * beside ours), what may be sent, and that nobody else is disturbed.
 */
#include "packet.h"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <pthread.h>

#define HDR	((int)sizeof(struct ttphdr))

static unsigned char buf[MAX_IP + 1];
static struct packet out;

static int raw_socket(int family)
{
	return socket(family, SOCK_RAW, IPPROTO_TTP);
}

/* Header and payload as a caller writes them; the checksum is not his. */
static int header(void *to, int sport, int dport, const void *payload, int len)
{
	struct ttphdr th = {
		.source = htons(sport),
		.dest = htons(dport),
		.vertype = TTP_VERTYPE(TTP_VERSION, TTP_TYPE_DATAGRAM),
		.check = 0xdead,
	};

	memcpy(to, &th, sizeof(th));
	memcpy(to + sizeof(th), payload, len);
	return sizeof(th) + len;
}

/* --- who may ----------------------------------------------------------------- */

TEST_F(ttp, wants_cap_net_raw)
{
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(EPERM, err(socket(AF_TTP, SOCK_RAW, 0)));
	EXPECT_EQ(EPERM, err(socket(AF_TTP, SOCK_RAW, IPPROTO_TTP)));
	EXPECT_EQ(0, err(socket(AF_TTP, SOCK_DGRAM, 0)));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(0, err(socket(AF_TTP, SOCK_RAW, 0)));
}

TEST_F(ttp, protocols)
{
	static const struct {
		int protocol, err;
	} rows[] = {
		{ 0, 0 },
		{ IPPROTO_TTP, 0 },
		{ IPPROTO_UDP, EPROTONOSUPPORT },
		{ IPPROTO_RAW, EPROTONOSUPPORT },
		{ -1, EINVAL },
		{ 1 << 20, EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(rows[i].err,
			  err(socket(AF_TTP, SOCK_RAW, rows[i].protocol))) {
			TH_LOG("protocol %d", rows[i].protocol);
		}
}

/* --- what narrows it --------------------------------------------------------- */

FIXTURE(hears) {
	int fd;
	int from;	/* 127.0.0.2:4000 */
	int to;		/* 127.0.0.3:5000 */
};

FIXTURE_VARIANT(hears) {
	int family;
	int skip;	/* IPv4 header, which raw(7) shows */
};

FIXTURE_VARIANT_ADD(hears, inet) {
	.family = AF_INET,
	.skip = 20,
};

FIXTURE_VARIANT_ADD(hears, ttp) {
	.family = AF_TTP,
	.skip = 0,
};

FIXTURE_SETUP(hears)
{
	if (not_ready())
		SKIP(return, NOT_READY);
	ASSERT_EQ(0, own_netns());
	self->fd = raw_socket(variant->family);
	self->from = bound(AF_TTP, "127.0.0.2", 4000);
	self->to = bound(AF_TTP, "127.0.0.3", 5000);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->from);
	ASSERT_LE(0, self->to);
	ASSERT_EQ(0, device_up("lo"));
}

FIXTURE_TEARDOWN(hears)
{
}

/* A datagram goes from @from to @to, who has it; @fd has it, too, or not. */
static bool is_heard(int fd, int from, int to)
{
	bool heard;

	if (send_to(from, "abc", 3, AF_TTP, "127.0.0.3", 5000) != 3 ||
	    get(to, buf, sizeof(buf)) != 3)
		return false;
	settle();
	heard = recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0;
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		;
	return heard;
}

#define IS_HEARD()	is_heard(self->fd, self->from, self->to)

TEST_F(hears, all_but_for_what_narrows_it)
{
	static const struct {
		const char *bind, *connect, *device;
		bool heard;
	} rows[] = {
		{ NULL, NULL, NULL, true },
		{ "0.0.0.0", NULL, NULL, true },
		{ "127.0.0.3", NULL, NULL, true },
		{ "127.0.0.2", NULL, NULL, false },
		{ "127.0.0.3", "127.0.0.2", NULL, true },
		{ "127.0.0.3", "127.0.0.4", NULL, false },
		{ "127.0.0.2", "127.0.0.2", NULL, false },
		{ NULL, "127.0.0.2", NULL, false },	/* is 127.0.0.1 then */
		{ NULL, NULL, "lo", true },
		{ "127.0.0.3", "127.0.0.2", "lo", true },
		{ NULL, NULL, "other", false },
		{ "127.0.0.3", NULL, "other", false },
	};
	unsigned int i;

	ASSERT_EQ(0, system("ip link add other type dummy"));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = raw_socket(variant->family);

		if (rows[i].bind)
			EXPECT_EQ(0, bind_to(fd, variant->family, rows[i].bind,
					     0));
		if (rows[i].connect)
			EXPECT_EQ(0, connect_to(fd, variant->family,
						rows[i].connect, 0));
		if (rows[i].device)
			EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
						rows[i].device,
						strlen(rows[i].device)));
		EXPECT_EQ(rows[i].heard, is_heard(fd, self->from, self->to)) {
			TH_LOG("bind %s connect %s device %s",
			       rows[i].bind ?: "-", rows[i].connect ?: "-",
			       rows[i].device ?: "-");
		}
		close(fd);
	}
}

TEST_F(hears, what_its_filter_passes)
{
	/* Source port 4000? All of it, or nothing */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, variant->skip),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4000, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, -1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {
		.len = ARRAY_SIZE(code),
		.filter = code,
	};

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_TRUE(IS_HEARD());
	code[1].k = 4001;
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_FALSE(IS_HEARD());
	ASSERT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
	EXPECT_TRUE(IS_HEARD());
}

TEST_F(hears, another_peer_after_connect)
{
	ASSERT_EQ(0, bind_to(self->fd, variant->family, "127.0.0.3", 0));
	ASSERT_EQ(0, connect_to(self->fd, variant->family, "127.0.0.4", 0));
	EXPECT_FALSE(IS_HEARD());
	ASSERT_EQ(0, connect_to(self->fd, variant->family, "127.0.0.2", 0));
	EXPECT_TRUE(IS_HEARD());
}

/* raw(7) is deaf from then on, by accident: __udp_disconnect() unhashes it. */
TEST_F(hears, everybody_again_after_disconnect)
{
	ASSERT_EQ(0, connect_to(self->fd, variant->family, "127.0.0.4", 0));
	EXPECT_FALSE(IS_HEARD());
	ASSERT_EQ(0, disconnect(self->fd));
	EXPECT_EQ(variant->family == AF_TTP, IS_HEARD());
}

TEST_F(hears, only_addresses_of_the_host_can_be_bound)
{
	EXPECT_EQ(EADDRNOTAVAIL, err(bind_to(self->fd, variant->family,
					     "192.0.2.9", 0)));
	EXPECT_TRUE(IS_HEARD());
}

TEST_F(hears, what_arrives_while_it_is_shut)
{
	EXPECT_EQ(ENOTCONN, err(shutdown(self->fd, SHUT_RD)));
	EXPECT_TRUE(IS_HEARD());
}

/* Everybody has his copy: sockets on the port, and each raw one. */
TEST_F(hears, beside_others)
{
	int other = raw_socket(variant->family);
	int n = variant->skip + HDR + 3;

	ASSERT_EQ(3, send_to(self->from, "abc", 3, AF_TTP, "127.0.0.3", 5000));
	EXPECT_EQ(3, get(self->to, buf, sizeof(buf)));
	EXPECT_EQ(n, get(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(n, get(other, buf, sizeof(buf)));
	settle();
	EXPECT_EQ(0, await(self->to, POLLIN, 0));
	EXPECT_EQ(0, await(self->fd, POLLIN, 0));
	EXPECT_EQ(0, await(other, POLLIN, 0));
}

/* --- what is heard ----------------------------------------------------------- */

FIXTURE(raw) {
	int tun;
	int fd;
};

FIXTURE_SETUP(raw)
{
	const char *lacks = packet_host(&self->tun);

	if (lacks)
		SKIP(return, "%s", lacks);
	self->fd = raw_socket(AF_TTP);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(raw)
{
}

TEST_F(raw, header_payload_and_source)
{
	static struct packet in;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	memset(&sin, 0xff, sizeof(sin));
	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
	ASSERT_EQ(0, arrive(self->tun, &in));
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_EQ(HDR + 3, recv(self->fd, buf, 4, MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ(HDR + 3, recvfrom(self->fd, buf, sizeof(buf), MSG_DONTWAIT,
				    (struct sockaddr *)&sin, &len));
	EXPECT_EQ(0, memcmp(buf, l4(&in), HDR + 3));
	EXPECT_EQ(sizeof(sin), len);
	EXPECT_EQ(AF_TTP, sin.sin_family);
	EXPECT_EQ(inet_addr(PEER), sin.sin_addr.s_addr);
	EXPECT_EQ(htons(4000), sin.sin_port);
	EXPECT_EQ(0, memcmp(sin.sin_zero, "\0\0\0\0\0\0\0", 8));
	EXPECT_EQ(4, recv(self->fd, buf, 4, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, err(recv(self->fd, buf, 4, MSG_DONTWAIT)));
}

/* A port that only a raw socket hears of is still nobody's. */
TEST_F(raw, port_unreachable_all_the_same)
{
	static struct packet in;

	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_EQ(HDR + 3, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_STREQ("TtpInNoPorts TtpOutUnreachables IcmpOutMsgs", moved());
	EXPECT_STREQ("NO_SOCKET", drops());
	ASSERT_LT(0, leaves(self->tun, &out));
	EXPECT_EQ(ICMP_DEST_UNREACH, ((struct icmphdr *)l4(&out))->type);
	EXPECT_EQ(ICMP_PORT_UNREACH, ((struct icmphdr *)l4(&out))->code);
}

static unsigned int drops_of(int fd)
{
	unsigned int info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return info[SK_MEMINFO_DROPS];
}

/* Its losses are its own: no counter of the transport's tells of them. */
TEST_F(raw, overflow)
{
	int sock = bound(AF_TTP, US, 5000);
	static struct packet in;
	int i, heard = 0;

	ASSERT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_RCVBUF, 4096));
	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, arrive(self->tun, &in));
		EXPECT_EQ(3, recv(sock, buf, sizeof(buf), MSG_DONTWAIT));
	}
	EXPECT_STREQ("TtpInDatagrams+100", moved());
	while (recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT) == HDR + 3)
		heard++;
	EXPECT_LT(0, heard);
	EXPECT_GT(100, heard);
	EXPECT_EQ(100 - heard, drops_of(self->fd));
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_EQ(HDR + 3, recv(self->fd, buf, sizeof(buf), MSG_DONTWAIT));
}

/* --- what may be sent -------------------------------------------------------- */

struct wrong {
	const char *words;
	int len;
	int at;
	unsigned char byte[2];
};

static const struct wrong wrong[] = {
	{ "nothing", 0, 0, { 1, 1 } },
	{ "a byte", 1, 0, { 1, 1 } },
	{ "seven bytes", 7, 0, { 1, 1 } },
	{ "version 0", 11, 6, { 0x00, 0 } },
	{ "version 2", 11, 6, { 0x20, 0 } },
	{ "type 1", 11, 6, { 0x11, 0 } },
	{ "flag 0x01", 11, 6, { 0x10, 0x01 } },
	{ "flag 0x80", 11, 6, { 0x10, 0x80 } },
	{ "source port 0", 11, 0, { 0, 0 } },
	{ "destination port 0", 11, 2, { 0, 0 } },
};

TEST_F(raw, header_is_checked)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		header(buf, 4000, 5000, "abc", 3);
		memcpy(buf + wrong[i].at, wrong[i].byte, 2);
		EXPECT_EQ(EINVAL, err(send_to(self->fd, buf, wrong[i].len,
					      AF_TTP, PEER, 0))) {
			TH_LOG("%s", wrong[i].words);
		}
	}
	EXPECT_EQ(0, leaves(self->tun, &out));
	EXPECT_STREQ("", moved());
}

TEST_F(raw, checksum_is_written)
{
	static const int lens[] = { 0, 1, 2, 3, 1000, 5000, 65507 };
	unsigned int i;
	int len;

	memset(buf, 0x5a, sizeof(buf));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		len = header(buf, 4000, 5000, buf + HDR, lens[i]);
		/* The port of the address is passed over. */
		ASSERT_EQ(len, send_to(self->fd, buf, len, AF_TTP, PEER, 77));
		ASSERT_EQ(20 + len, leaves(self->tun, &out));
		EXPECT_EQ(IPPROTO_TTP, out.ip.protocol);
		EXPECT_EQ(0, csum(l4(&out), len));
		EXPECT_EQ(0, memcmp(l4(&out), buf, 4));
		EXPECT_EQ(0, memcmp(l4(&out) + 6, buf + 6, len - 6));
		EXPECT_STREQ("TtpOutDatagrams", moved());
	}
}

TEST_F(raw, is_received_as_any_other)
{
	int sock = bound(AF_TTP, "127.0.0.1", 5000);
	int len = header(buf, 4000, 5000, "abc", 3);
	struct sockaddr_in sin;
	socklen_t sin_len = sizeof(sin);

	ASSERT_EQ(len, send_to(self->fd, buf, len, AF_TTP, "127.0.0.1", 0));
	EXPECT_EQ(POLLIN, await(sock, POLLIN, WAIT_MS));
	EXPECT_EQ(3, recvfrom(sock, buf, sizeof(buf), 0,
			      (struct sockaddr *)&sin, &sin_len));
	EXPECT_EQ(htons(4000), sin.sin_port);
	EXPECT_EQ(len, get(self->fd, buf, sizeof(buf)));	/* its own echo */
}

TEST_F(raw, lengths)
{
	int len = header(buf, 4000, 5000, buf + HDR, 65507);

	EXPECT_EQ(EMSGSIZE, err(send_to(self->fd, buf, len + 1, AF_TTP, PEER,
					0)));
	EXPECT_EQ(EMSGSIZE, err(send_to(self->fd, buf, 65536, AF_TTP, PEER,
					0)));
	EXPECT_EQ(0, leaves(self->tun, &out));
}

TEST_F(raw, addresses)
{
	int len = header(buf, 4000, 5000, "abc", 3);
	struct sockaddr_in sin = at(AF_TTP, PEER, 0);

	EXPECT_EQ(EDESTADDRREQ, err(send(self->fd, buf, len, 0)));
	EXPECT_EQ(EINVAL, err(sendto(self->fd, buf, len, 0, (void *)&sin, 8)));
	EXPECT_EQ(EAFNOSUPPORT, err(send_to(self->fd, buf, len, AF_INET, PEER,
					    0)));
	EXPECT_EQ(0, leaves(self->tun, &out));
	ASSERT_EQ(0, connect_to(self->fd, AF_TTP, PEER, 0));
	EXPECT_EQ(len, send(self->fd, buf, len, 0));
	EXPECT_EQ(20 + len, leaves(self->tun, &out));
	EXPECT_EQ(inet_addr(PEER), out.ip.daddr);
	EXPECT_EQ(len, send_to(self->fd, buf, len, AF_TTP, "192.0.2.3", 0));
	EXPECT_EQ(20 + len, leaves(self->tun, &out));
	EXPECT_EQ(inet_addr("192.0.2.3"), out.ip.daddr);
	ASSERT_EQ(0, disconnect(self->fd));
	EXPECT_EQ(EDESTADDRREQ, err(send(self->fd, buf, len, 0)));
}

TEST_F(raw, broadcasts_want_so_broadcast)
{
	int len = header(buf, 4000, 5000, "abc", 3);

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_BINDTODEVICE, "tun0",
				4));
	EXPECT_EQ(EACCES, err(send_to(self->fd, buf, len, AF_TTP,
				      "255.255.255.255", 0)));
	EXPECT_EQ(0, leaves(self->tun, &out));
	ASSERT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(len, send_to(self->fd, buf, len, AF_TTP, "255.255.255.255",
			       0));
	EXPECT_EQ(20 + len, leaves(self->tun, &out));
}

TEST_F(raw, flags_and_control)
{
	int len = header(buf, 4000, 5000, "abc", 3);
	struct sockaddr_in sin = at(AF_TTP, PEER, 0);
	struct iovec iov = { buf, len };
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct cmsghdr *cmsg = (void *)control;
	struct msghdr msg = {
		.msg_name = &sin,
		.msg_namelen = sizeof(sin),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	EXPECT_EQ(EOPNOTSUPP, err(sendto(self->fd, buf, len, MSG_OOB,
					 (void *)&sin,
					 sizeof(sin))));
	EXPECT_EQ(EOPNOTSUPP, err(sendto(self->fd, buf, len, MSG_MORE,
					 (void *)&sin,
					 sizeof(sin))));
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	cmsg->cmsg_level = SOL_IP;
	cmsg->cmsg_type = IP_TTL;
	EXPECT_EQ(EINVAL, err(sendmsg(self->fd, &msg, 0)));
	EXPECT_EQ(0, leaves(self->tun, &out));
}

/* --- TTP_VERBATIM ------------------------------------------------------------ */

TEST_F(raw, verbatim_leaves_as_it_is)
{
	unsigned int i;

	ASSERT_EQ(0, set_int(self->fd, SOL_TTP, TTP_VERBATIM, 1));
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		header(buf, 4000, 5000, "abc", 3);
		memcpy(buf + wrong[i].at, wrong[i].byte, 2);
		EXPECT_EQ(wrong[i].len, send_to(self->fd, buf, wrong[i].len,
						AF_TTP, PEER, 0)) {
			TH_LOG("%s", wrong[i].words);
		}
		EXPECT_EQ(20 + wrong[i].len, leaves(self->tun, &out));
		EXPECT_EQ(0, memcmp(l4(&out), buf, wrong[i].len));
	}
	memset(buf, 0xa5, sizeof(buf));
	EXPECT_EQ(65515, send_to(self->fd, buf, 65515, AF_TTP, PEER, 0));
	EXPECT_EQ(65535, leaves(self->tun, &out));
	EXPECT_EQ(0, memcmp(l4(&out), buf, 65515));
	EXPECT_EQ(EMSGSIZE, err(send_to(self->fd, buf, 65516, AF_TTP, PEER,
					0)));

	ASSERT_EQ(0, set_int(self->fd, SOL_TTP, TTP_VERBATIM, 0));
	EXPECT_EQ(EINVAL, err(send_to(self->fd, buf, 7, AF_TTP, PEER, 0)));
	EXPECT_EQ(0, leaves(self->tun, &out));
}

/* A wrong checksum that leaves verbatim is found wrong, on this host, too. */
TEST_F(raw, verbatim_is_judged)
{
	int sock = bound(AF_TTP, "127.0.0.1", 5000);
	int len = header(buf, 4000, 5000, "abc", 3);

	ASSERT_EQ(0, set_int(self->fd, SOL_TTP, TTP_VERBATIM, 1));
	ASSERT_EQ(len, send_to(self->fd, buf, len, AF_TTP, "127.0.0.1", 0));
	settle();
	EXPECT_STREQ("TtpInCsumErrors TtpOutDatagrams", moved());
	EXPECT_EQ(0, await(sock, POLLIN, 0));
	EXPECT_EQ(0, await(self->fd, POLLIN, 0));
}

TEST_F(raw, verbatim_set)
{
	static const struct {
		int len, err, val;
	} rows[] = {
		{ 0, EINVAL, 0 },
		{ 1, EINVAL, 0 },
		{ 3, EINVAL, 0 },
		{ 4, 0, 1 },
		{ 8, 0, 1 },
		{ -1, EINVAL, 0 },
	};
	int on[2] = { 1, 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, set_int(self->fd, SOL_TTP, TTP_VERBATIM, 0));
		EXPECT_EQ(rows[i].err, err(setsockopt(self->fd, SOL_TTP,
						      TTP_VERBATIM, on,
						      rows[i].len))) {
			TH_LOG("length %d", rows[i].len);
		}
		EXPECT_EQ(rows[i].val, get_int(self->fd, SOL_TTP,
					       TTP_VERBATIM));
	}
	EXPECT_EQ(EFAULT, err(setsockopt(self->fd, SOL_TTP, TTP_VERBATIM,
					 (void *)1, 4)));
	EXPECT_EQ(0, set_int(self->fd, SOL_TTP, TTP_VERBATIM, 0x100));
	EXPECT_EQ(1, get_int(self->fd, SOL_TTP, TTP_VERBATIM));
}

TEST_F(raw, verbatim_get)
{
	static const struct {
		socklen_t len, got;
		int err, val;
	} rows[] = {
		{ 0, 0, 0, -1 },
		{ 1, 1, 0, ~0xff | 1 },
		{ 4, 4, 0, 1 },
		{ 100, 4, 0, 1 },
		{ -1, -1, EINVAL, -1 },
	};
	unsigned int i;
	socklen_t len;
	int val;

	ASSERT_EQ(0, set_int(self->fd, SOL_TTP, TTP_VERBATIM, 1));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		len = rows[i].len;
		val = -1;
		EXPECT_EQ(rows[i].err, err(getsockopt(self->fd, SOL_TTP,
						      TTP_VERBATIM, &val,
						      &len))) {
			TH_LOG("length %d", (int)rows[i].len);
		}
		EXPECT_EQ(rows[i].got, len);
		EXPECT_EQ(rows[i].val, val);
	}
	len = 4;
	EXPECT_EQ(EFAULT, err(getsockopt(self->fd, SOL_TTP, TTP_VERBATIM,
					 (void *)1, &len)));
	EXPECT_EQ(EFAULT, err(getsockopt(self->fd, SOL_TTP, TTP_VERBATIM, &val,
					 (void *)1)));
}

TEST_F(raw, verbatim_is_raw_alone)
{
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);
	socklen_t len = sizeof(int);
	int val;

	EXPECT_EQ(ENOPROTOOPT, err(set_int(fd, SOL_TTP, TTP_VERBATIM, 1)));
	EXPECT_EQ(ENOPROTOOPT, err(getsockopt(fd, SOL_TTP, TTP_VERBATIM, &val,
					      &len)));
	EXPECT_EQ(ENOPROTOOPT, err(set_int(self->fd, SOL_TTP, 9999, 1)));
	EXPECT_EQ(ENOPROTOOPT, err(getsockopt(self->fd, SOL_TTP, 9999, &val,
					      &len)));
}

/* --- coming and going --------------------------------------------------------- */

static struct {
	int cpu;
	bool stop;
	long sent;
} busy;

static void *busy_sender(void *arg)
{
	int fd = bound(AF_TTP, "127.0.0.1", 0);

	leave_cpu(busy.cpu);
	while (!__atomic_load_n(&busy.stop, __ATOMIC_RELAXED)) {
		busy.sent += send_to(fd, "abc", 3, AF_TTP, "127.0.0.1", 5000) ==
			     3;
		/* Or lo's backlog would lose some. */
		if (busy.sent % 16 == 0)
			settle();
	}
	settle();
	close(fd);
	return arg;
}

/* Raw sockets come and go under traffic: whose it is loses none to them. */
TEST_F(ttp, closed_under_traffic)
{
	int sock = bound(AF_TTP, "127.0.0.1", 5000);
	pthread_t t;
	int i;

	busy.cpu = sched_getcpu();
	ASSERT_EQ(0, pthread_create(&t, NULL, busy_sender, NULL));
	for (i = 0; i < 500; i++) {
		int fd = raw_socket(AF_TTP);

		/* Every other one is closed while it has something queued. */
		if (i & 1)
			ASSERT_EQ(POLLIN, await(fd, POLLIN, WAIT_MS));
		close(fd);
		while (recv(sock, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	__atomic_store_n(&busy.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	EXPECT_LT(250, busy.sent);
	EXPECT_EQ(busy.sent, ttp_stat("TtpInDatagrams") +
		  ttp_stat("TtpInRcvbufErrors"));
}

TEST_HARNESS_MAIN
