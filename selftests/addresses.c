// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of datagrams: which one a receiver is told, which ones a sender may
 * give, and what comes back from one where nobody is.
 */
#define BOTH_DOORS
#include "ttp_test.h"

static unsigned char out[65536], in[16];

TEST_F(sock, source_address)
{
	int to, fd = pair(variant->family, &to);
	struct sockaddr_in sin[4];
	socklen_t len;
	int i;

	for (i = 0; i < 5; i++)
		EXPECT_EQ(1, send(fd, "x", 1, 0));
	memset(sin, 0xff, sizeof(sin));
	len = sizeof(sin);
	EXPECT_EQ(1, recvfrom(to, in, 9, 0, (void *)sin, &len));
	EXPECT_EQ(16, len);
	EXPECT_EQ(variant->family, sin[0].sin_family);
	EXPECT_EQ(inet_addr(OWN), sin[0].sin_addr.s_addr);
	EXPECT_EQ(port_of(fd), ntohs(sin[0].sin_port));
	EXPECT_EQ(0, memcmp(sin[0].sin_zero, "\0\0\0\0\0\0\0\0", 8));
	EXPECT_EQ(0xffff, sin[1].sin_family);

	/* What does not fit is cut off, but the length is the whole's. */
	memset(sin, 0xff, sizeof(sin));
	len = 3;
	EXPECT_EQ(1, recvfrom(to, in, 9, 0, (void *)sin, &len));
	EXPECT_EQ(16, len);
	EXPECT_EQ(variant->family, sin[0].sin_family);
	EXPECT_EQ(0xffffffff, sin[0].sin_addr.s_addr);

	len = 0;
	sin[0].sin_family = 77;
	EXPECT_EQ(1, recvfrom(to, in, 9, 0, (void *)sin, &len));
	EXPECT_EQ(16, len);
	EXPECT_EQ(77, sin[0].sin_family);
	EXPECT_EQ(1, recvfrom(to, in, 9, 0, NULL, NULL));

	len = sizeof(sin[0]);
	EXPECT_EQ(1, recvfrom(to, in, 9, MSG_PEEK, (void *)sin, &len));
	EXPECT_EQ(16, len);
	EXPECT_EQ(port_of(fd), ntohs(sin[0].sin_port));
}

/* Where to? A socket that is not connected sends to what is said here. */
static const struct {
	const char *what;
	int len;
	int own_family;		/* or */
	int family;
	const char *addr;
	int port;
	int sendto, sendmsg;
} destinations[] = {
	{ "an address", 16, 1, 0, OWN, PORT, 0, 0 },
	{ "a longer one", 17, 1, 0, OWN, PORT, 0, 0 },
	{ "the longest", 128, 1, 0, OWN, PORT, 0, 0 },
	{ "one too long", 129, 1, 0, OWN, PORT, EINVAL, 0 },
	{ "a byte short", 15, 1, 0, OWN, PORT, EINVAL, EINVAL },
	{ "a family", 2, 1, 0, OWN, PORT, EINVAL, EINVAL },
	{ "no length", 0, 1, 0, OWN, PORT, EINVAL, EDESTADDRREQ },
	{ "a negative length", -1, 1, 0, OWN, PORT, EINVAL, EINVAL },
	{ "no family", 16, 0, AF_UNSPEC, OWN, PORT, 0, 0 },
	{ "another family", 16, 0, AF_UNIX, OWN, PORT, EAFNOSUPPORT,
	  EAFNOSUPPORT },
	{ "IPv6's", 28, 0, AF_INET6, OWN, PORT, EAFNOSUPPORT, EAFNOSUPPORT },
	{ "another family, short", 15, 0, AF_UNIX, OWN, PORT, EINVAL, EINVAL },
	{ "port 0", 16, 1, 0, OWN, 0, EINVAL, EINVAL },
	{ "no address: this host", 16, 1, 0, "0.0.0.0", PORT, 0, 0 },
	{ "a network that nobody knows", 16, 1, 0, "192.0.2.1", PORT,
	  ENETUNREACH, ENETUNREACH },
	{ "a class that is reserved", 16, 1, 0, "240.0.0.1", PORT,
	  ENETUNREACH, ENETUNREACH },
	{ "a broadcast", 16, 1, 0, "127.255.255.255", PORT, EACCES, EACCES },
	{ "a multicast without a route", 16, 1, 0, "224.0.0.1", PORT,
	  ENETUNREACH, ENETUNREACH },
};

TEST_F(sock, destinations)
{
	int fd = dgram(variant->family);
	int to = bound(variant->family, OWN, PORT);
	struct iovec iov = { out, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union {
		struct sockaddr_in sin;
		char room[256];
	} u = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(destinations); i++) {
		u.sin = at(destinations[i].own_family ? variant->family :
			   destinations[i].family, destinations[i].addr,
			   destinations[i].port);
		EXPECT_EQ(destinations[i].sendto,
			  err(sendto(fd, out, 1, 0, (void *)&u,
				     destinations[i].len)))
			TH_LOG("sendto: %s", destinations[i].what);
		if (!destinations[i].sendto)
			EXPECT_EQ(1, get(to, in, 9));

		msg.msg_name = &u;
		msg.msg_namelen = destinations[i].len;
		EXPECT_EQ(destinations[i].sendmsg, err(sendmsg(fd, &msg, 0)))
			TH_LOG("sendmsg: %s", destinations[i].what);
		if (!destinations[i].sendmsg)
			EXPECT_EQ(1, get(to, in, 9));
	}
	EXPECT_TRUE(settle());
	EXPECT_EQ(EAGAIN, err(recv(to, in, 9, MSG_DONTWAIT)));
}

TEST_F(sock, family_next_door)
{
	int other = variant->family == AF_TTP ? AF_INET : AF_TTP;
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(EAFNOSUPPORT, err(send_to(fd, "x", 1, other, OWN, PORT)));
	EXPECT_TRUE(settle());
	EXPECT_EQ(EAGAIN, err(recv(to, in, 9, MSG_DONTWAIT)));
}

/* No address at all; the port is taken all the same. */
TEST_F(sock, nowhere_to_go)
{
	int fd = dgram(variant->family);

	EXPECT_EQ(EDESTADDRREQ, err(send(fd, "x", 1, 0)));
	EXPECT_GT(port_of(fd), 0);
	EXPECT_EQ(EMSGSIZE, err(send(fd, out, 65536, 0)));
}

TEST_F(ttp, no_route_is_counted)
{
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);

	EXPECT_EQ(ENETUNREACH, err(send_to(fd, "x", 1, AF_TTP, "192.0.2.1",
					   PORT)));
	EXPECT_EQ(1, ttp_stat("TtpOutNoRoutes"));
	EXPECT_EQ(0, ttp_stat("TtpOutErrors"));
	EXPECT_EQ(0, ttp_stat("TtpOutDatagrams"));
}

TEST_F(sock, broadcast)
{
	int fd = bound(variant->family, "0.0.0.0", PORT);
	const char *all = "127.255.255.255";

	EXPECT_EQ(EACCES, err(send_to(fd, "x", 1, variant->family, all,
				      PORT)));
	EXPECT_EQ(EACCES, err(connect_to(fd, variant->family, all, PORT)));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, all, PORT));
	EXPECT_EQ(1, get(fd, in, 9));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_BROADCAST, 0));
	EXPECT_EQ(EACCES, err(send_to(fd, "x", 1, variant->family, all,
				      PORT)));
}

/* Nobody is there: the next call of a connected socket says so, once. */
TEST_F(sock, refused)
{
	int fd = bound(variant->family, OWN, 0);

	ASSERT_EQ(0, connect_to(fd, variant->family, OWN, PORT));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(POLLERR, await(fd, 0, WAIT_MS));
	EXPECT_EQ(ECONNREFUSED, err(recv(fd, in, 1, 0)));
	EXPECT_EQ(EAGAIN, err(recv(fd, in, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(POLLERR, await(fd, 0, WAIT_MS));
	EXPECT_EQ(ECONNREFUSED, err(recv(fd, in, 1, MSG_PEEK)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(POLLERR, await(fd, 0, WAIT_MS));
	EXPECT_EQ(ECONNREFUSED, err(send(fd, "x", 1, 0)));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
	if (variant->protocol == IPPROTO_TTP) {
		EXPECT_EQ(3, ttp_stat("TtpInNoPorts"));
		EXPECT_EQ(3, ttp_stat("TtpOutUnreachables"));
		EXPECT_EQ(3, ttp_stat("TtpInIcmpErrors"));
	}
}

TEST_F(sock, refused_unconnected)
{
	int fd = bound(variant->family, OWN, 0);

	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT));
	EXPECT_TRUE(settle());
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(EAGAIN, err(recv(fd, in, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT));
}

TEST_HARNESS_MAIN
