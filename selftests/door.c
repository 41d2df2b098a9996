// SPDX-License-Identifier: GPL-2.0
/*
 * Two doors, one transport: what is said at the AF_INET door is heard at the
 * family's, in addresses of the hearer's, and they share one set of ports.
 * What each door does alone is in the other programs' variant `inet'.
 */
#include "ttp_test.h"

static const struct door {
	const char *name;
	int family;
} doors[] = { { "AF_TTP", AF_TTP }, { "AF_INET", AF_INET } };

/* All pairs of them, by number */
#define PAIRS	4

static const struct door *first(int pair)
{
	return &doors[pair / 2];
}

static const struct door *second(int pair)
{
	return &doors[pair % 2];
}

FIXTURE(door) {
};

FIXTURE_SETUP(door)
{
	ASSERT_EQ(0, own_netns());
	inet_protocol = IPPROTO_TTP;
}

FIXTURE_TEARDOWN(door)
{
}

TEST_F(door, tells_what_it_is)
{
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_TTP);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(AF_INET, get_int(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(IPPROTO_TTP, get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(SOCK_DGRAM, get_int(fd, SOL_SOCKET, SO_TYPE));
}

/* Who does not ask for TTP still gets what AF_INET always gave. */
TEST_F(door, takes_nothing_away)
{
	static const struct {
		const char *what;
		int type, protocol, got;
	} rows[] = {
		{ "datagrams", SOCK_DGRAM, 0, IPPROTO_UDP },
		{ "streams", SOCK_STREAM, 0, IPPROTO_TCP },
		{ "raw 253", SOCK_RAW, IPPROTO_TTP, IPPROTO_TTP },
	};
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fd = socket(AF_INET, rows[i].type, rows[i].protocol);
		EXPECT_EQ(rows[i].got, get_int(fd, SOL_SOCKET, SO_PROTOCOL))
			TH_LOG("%s", rows[i].what);
		close(fd);
	}
	EXPECT_EQ(EPROTONOSUPPORT, err(socket(AF_INET, SOCK_DGRAM, 252)));
	EXPECT_EQ(ESOCKTNOSUPPORT, err(socket(AF_INET, SOCK_SEQPACKET,
					      IPPROTO_TTP)));
	EXPECT_EQ(EPROTONOSUPPORT, err(socket(AF_INET, SOCK_STREAM,
					      IPPROTO_TTP)));
}

/* The core's raw socket, which shows IPv4's header first. */
TEST_F(door, raw_is_the_core_s)
{
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_TTP);
	int fd = bound(AF_INET, OWN, PORT);
	unsigned char buf[64];

	EXPECT_EQ(1, send_to(fd, "x", 1, AF_INET, OWN, PORT));
	EXPECT_EQ(20 + 8 + 1, get(raw, buf, sizeof(buf)));
	EXPECT_EQ(0x45, buf[0]);
	EXPECT_EQ(1, get(fd, buf, sizeof(buf)));
}

/* A datagram, its answer, and the names of both ends as each door has them */
TEST_F(door, doors_talk)
{
	struct sockaddr_in sin;
	socklen_t len;
	char c;
	int p;

	for (p = 0; p < PAIRS; p++) {
		const struct door *a = first(p), *b = second(p);
		int from = bound(a->family, OWN2, PEER_PORT);
		int to = bound(b->family, OWN, PORT);

		EXPECT_EQ(1, send_to(from, "q", 1, a->family, OWN, PORT));
		EXPECT_EQ(POLLIN, await(to, POLLIN, WAIT_MS))
			TH_LOG("%s to %s", a->name, b->name);
		memset(&sin, 0xff, sizeof(sin));
		len = sizeof(sin);
		EXPECT_EQ(1, recvfrom(to, &c, 1, 0, (void *)&sin, &len));
		EXPECT_EQ(sizeof(sin), len);
		EXPECT_EQ(b->family, sin.sin_family);
		EXPECT_EQ(htons(PEER_PORT), sin.sin_port);
		EXPECT_EQ(inet_addr(OWN2), sin.sin_addr.s_addr);
		EXPECT_EQ(0, memcmp(sin.sin_zero, "\0\0\0\0\0\0\0\0", 8));

		EXPECT_EQ(1, sendto(to, "a", 1, 0, (void *)&sin, len));
		EXPECT_EQ(1, get(from, &c, 1))
			TH_LOG("%s to %s", b->name, a->name);
		close(from);
		close(to);
	}
}

TEST_F(door, doors_connect)
{
	struct sockaddr_in sin;
	socklen_t len;
	char c;
	int p;

	for (p = 0; p < PAIRS; p++) {
		const struct door *a = first(p), *b = second(p);
		int one = bound(a->family, OWN2, PEER_PORT);
		int two = bound(b->family, OWN, PORT);

		ASSERT_EQ(0, connect_to(one, a->family, OWN, PORT));
		ASSERT_EQ(0, connect_to(two, b->family, OWN2, PEER_PORT));
		len = sizeof(sin);
		EXPECT_EQ(0, getpeername(two, (void *)&sin, &len));
		EXPECT_EQ(b->family, sin.sin_family);
		EXPECT_EQ(htons(PEER_PORT), sin.sin_port);
		len = sizeof(sin);
		EXPECT_EQ(0, getsockname(one, (void *)&sin, &len));
		EXPECT_EQ(a->family, sin.sin_family);
		EXPECT_EQ(htons(PEER_PORT), sin.sin_port);

		EXPECT_EQ(1, send(one, "x", 1, 0));
		EXPECT_EQ(1, get(two, &c, 1));
		/* Nobody there: an error comes to either door. */
		close(two);
		EXPECT_EQ(1, send(one, "x", 1, 0));
		EXPECT_EQ(POLLERR, await(one, 0, WAIT_MS));
		EXPECT_EQ(ECONNREFUSED, err(recv(one, &c, 1, MSG_DONTWAIT)));
		close(one);
	}
}

/* bind() at one door after bind() at another */
TEST_F(door, ports_are_shared)
{
	static const struct {
		const char *what;
		struct opening first, second;
		int verdict;
	} rows[] = {
		{ "the same address", { .addr = OWN }, { .addr = OWN },
		  EADDRINUSE },
		{ "all, then one", { .addr = ANY }, { .addr = OWN },
		  EADDRINUSE },
		{ "another address", { .addr = OWN }, { .addr = OWN2 }, 0 },
		{ "one may be shared, the other not",
		  { .addr = OWN, .reuse = true }, { .addr = OWN },
		  EADDRINUSE },
		{ "both may be shared", { .addr = OWN, .reuse = true },
		  { .addr = OWN, .reuse = true }, 0 },
	};
	int one, two, p;
	size_t i;

	for (p = 0; p < PAIRS; p++) {
		const struct door *a = first(p), *b = second(p);

		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			one = open_as(a->family, &rows[i].first);
			ASSERT_GE(one, 0);
			two = open_as(b->family, &rows[i].second);
			EXPECT_EQ(rows[i].verdict, err(two))
				TH_LOG("%s, %s: %s", a->name, b->name,
				       rows[i].what);
			if (two >= 0)
				close(two);
			close(one);
		}
	}
}

/* Of equals the latest bound gets it, at whichever door. */
TEST_F(door, one_port_s_owners)
{
	const struct opening how = { .addr = OWN, .reuse = true };
	char c;
	int p;

	for (p = 0; p < PAIRS; p++) {
		const struct door *a = first(p), *b = second(p);
		int one = open_as(a->family, &how);
		int two = open_as(b->family, &how);

		EXPECT_EQ(1, send_to(one, "x", 1, a->family, OWN, PORT));
		EXPECT_EQ(1, get(two, &c, 1));
		EXPECT_EQ(EAGAIN, err(recv(one, &c, 1, MSG_DONTWAIT)));
		close(two);
		EXPECT_EQ(1, send_to(one, "x", 1, a->family, OWN, PORT));
		EXPECT_EQ(1, get(one, &c, 1));
		close(one);
	}
}

/* A broadcast does not stop at a door. */
TEST_F(door, broadcast_to_both)
{
	const struct opening how = { .addr = ANY, .reuse = true };
	int one = open_as(AF_TTP, &how), two = open_as(AF_INET, &how);
	char c;

	ASSERT_EQ(0, set_int(two, SOL_SOCKET, SO_BROADCAST, 1));
	EXPECT_EQ(1, send_to(two, "x", 1, AF_INET, "127.255.255.255", PORT));
	EXPECT_EQ(1, get(one, &c, 1));
	EXPECT_EQ(1, get(two, &c, 1));
}

TEST_F(door, counted_and_shown_alike)
{
	char line[256];
	int rows = 0;
	FILE *f;

	ASSERT_GE(bound(AF_INET, OWN, PORT), 0);
	ASSERT_GE(bound(AF_TTP, OWN, PORT + 1), 0);
	f = fopen("/proc/net/ttp/sockets", "r");
	while (fgets(line, sizeof(line), f))
		rows += !!strstr(line, "127.0.0.1:500");
	fclose(f);
	EXPECT_EQ(2, rows);
}

TEST_HARNESS_MAIN
