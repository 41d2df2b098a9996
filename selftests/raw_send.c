// SPDX-License-Identifier: GPL-2.0
/*
 * What a SOCK_RAW socket may send: a header of the caller's, which is checked
 * and summed, or with TTP_VERBATIM whatever he likes.
 */
#define NEEDS "TUN"
#include "packet.h"

#define HDR	((int)sizeof(struct ttphdr))

static unsigned char buf[MAX_IP + 1];
static struct packet out;

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

FIXTURE(raw) {
	int tun;
	int fd;
};

FIXTURE_SETUP(raw)
{
	const char *lacks = packet_host(&self->tun);

	if (lacks)
		SKIP(return, "%s", lacks);
	self->fd = socket(AF_TTP, SOCK_RAW, 0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(raw)
{
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

TEST_HARNESS_MAIN
