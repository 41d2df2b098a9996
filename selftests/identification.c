// SPDX-License-Identifier: GPL-2.0
/*
 * The identification field of the IPv4 header: which packets have one, and what it
 * reveals of other traffic.
 */
#define NEEDS "TUN"
#define BOTH_DOORS
#include "tun.h"

static struct packet left;

/* The identification of the last of @n datagrams to @ip; -1 if one got lost */
static int last_id(int fd, int tun, int family, const char *ip, int n)
{
	int id = -1;

	while (n--) {
		if (send_to(fd, "data", 4, family, ip, PEER_PORT) != 4 ||
		    leaves(tun, &left) != 32)
			return -1;
		id = ntohs(left.ip.id);
	}
	return id;
}

/* They do not tell one receiver how much others are sent: one that has a flow of
 * its own, or many that get one datagram each. The counter of ip_select_ident()
 * goes ahead by a random part of the ticks that have gone by, so a round must be
 * over in fewer ticks than it sends datagrams.
 */
#define MANY_OTHERS	500
#define ABOUT		100

static int others(int fd, int tun, int family, int n, bool spread)
{
	char ip[INET_ADDRSTRLEN];
	int i;

	if (!spread)
		return last_id(fd, tun, family, "192.0.2.3", n);
	for (i = 0; i < n; i++) {
		sprintf(ip, "192.0.2.%d", 3 + i % 200);
		if (last_id(fd, tun, family, ip, 1) < 0)
			return -1;
	}
	return 0;
}

TEST_F(sock, identifications_are_of_one_destination)
{
	int tun = tun_open(), fd = bound(variant->family, US, 0);
	int i, before, after, ahead, told = 0;
	long begin;

	ASSERT_LE(0, tun);
	for (i = 0; i < 8; i++) {
		begin = now_ms();
		before = last_id(fd, tun, variant->family, PEER, 4);
		ASSERT_LE(0, before);
		ASSERT_LE(0, others(fd, tun, variant->family, MANY_OTHERS,
				    i % 2));
		after = last_id(fd, tun, variant->family, PEER, 4);
		ASSERT_LE(0, after);
		ahead = (after - before) & 0xffff;
		told += ahead > MANY_OTHERS - ABOUT &&
			ahead < MANY_OTHERS + ABOUT &&
			now_ms() < begin + MANY_OTHERS - ABOUT;
	}
	/* One may be chance. */
	EXPECT_GT(2, told);
}

/* Which packets have one is as ip_select_ident() has it. */
TEST_F(sock, identifications_by_mode)
{
	int tun = tun_open(), fd = bound(variant->family, US, 0), id, mode;

	ASSERT_LE(0, tun);
	for (mode = IP_PMTUDISC_DONT; mode <= IP_PMTUDISC_PROBE; mode++) {
		ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER, mode));
		id = last_id(fd, tun, variant->family, PEER, 9);
		ASSERT_LE(0, id);
		if (mode >= IP_PMTUDISC_DO)
			EXPECT_EQ(0, id);
	}
	ASSERT_EQ(0, connect_to(fd, variant->family, PEER, PEER_PORT));
	for (mode = IP_PMTUDISC_DONT; mode <= IP_PMTUDISC_PROBE; mode++) {
		ASSERT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER, mode));
		EXPECT_EQ(4, send(fd, "data", 4, 0));
		EXPECT_EQ(32, leaves(tun, &left));
		id = ntohs(left.ip.id);
		EXPECT_EQ(4, send(fd, "data", 4, 0));
		EXPECT_EQ(32, leaves(tun, &left));
		EXPECT_EQ((id + 1) & 0xffff, ntohs(left.ip.id))
			TH_LOG("IP_MTU_DISCOVER %d", mode);
	}
}

TEST_HARNESS_MAIN
