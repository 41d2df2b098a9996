// SPDX-License-Identifier: GPL-2.0
/*
 * Delivery: which of those that share a port gets a datagram. The rules are a
 * table.
 */
#define NEEDS "VETH"
#define BOTH_DOORS
#include "ttp_test.h"

#define NOBODY	0
#define A	1
#define B	2
#define C	4

/* Who of up to three, opened in this order, gets a datagram for PORT of @to?
 * It comes from PEER_PORT of 127.0.0.3, over lo.
 */
#define SENDER	"127.0.0.3"

static const struct {
	const char *what;
	struct opening socks[3];
	const char *to;
	int getters;
} deliveries[] = {
	{ "the address",
	  { { .addr = OWN } }, OWN, A },
	{ "another address",
	  { { .addr = OWN } }, OWN2, NOBODY },
	{ "all addresses",
	  { { .addr = ANY } }, OWN2, A },
	{ "of two addresses, the one",
	  { { .addr = OWN }, { .addr = OWN2 } }, OWN, A },
	{ "of two addresses, the other",
	  { { .addr = OWN }, { .addr = OWN2 } }, OWN2, B },
	{ "the address before all",
	  { { .addr = OWN }, { .addr = ANY } }, OWN, A },
	{ "the address before all, bound later",
	  { { .addr = ANY }, { .addr = OWN } }, OWN, B },
	{ "all, if the address is another",
	  { { .addr = ANY }, { .addr = OWN } }, OWN2, A },
	{ "the latest of equals",
	  { { .addr = OWN }, { .addr = OWN }, { .addr = OWN } }, OWN, C },
	{ "the latest of equals, all addresses",
	  { { .addr = ANY }, { .addr = ANY } }, OWN, B },

	{ "the device",
	  { { .addr = ANY, .device = "lo" } }, OWN, A },
	{ "another device",
	  { { .addr = ANY, .device = "v0" } }, OWN, NOBODY },
	{ "the device before all",
	  { { .addr = ANY, .device = "lo" }, { .addr = ANY } }, OWN, A },
	{ "the device before another, bound later",
	  { { .addr = ANY, .device = "lo" }, { .addr = ANY, .device = "v0" } },
	  OWN, A },
	{ "the address before the device",
	  { { .addr = OWN }, { .addr = ANY, .device = "lo" } }, OWN, A },
	{ "address and device before the address",
	  { { .addr = OWN, .device = "lo" }, { .addr = OWN } }, OWN, A },
	{ "the address, for the device is another",
	  { { .addr = OWN, .device = "v0" }, { .addr = ANY } }, OWN, B },

	{ "the peer",
	  { { .addr = OWN, .peer = SENDER } }, OWN, A },
	{ "another peer",
	  { { .addr = OWN, .peer = OWN2 } }, OWN, NOBODY },
	{ "the peer before the address",
	  { { .addr = OWN, .peer = SENDER }, { .addr = OWN } }, OWN, A },
	{ "the peer before another, connected later",
	  { { .addr = OWN, .peer = SENDER }, { .addr = OWN, .peer = OWN2 } },
	  OWN, A },
	{ "the address, for the peer is another",
	  { { .addr = OWN, .peer = OWN2 }, { .addr = OWN } }, OWN, B },
	{ "all, for the peer is another",
	  { { .addr = OWN, .peer = OWN2 }, { .addr = ANY } }, OWN, B },
	{ "the peer of one bound to all, whose address connect() chose",
	  { { .addr = ANY, .peer = SENDER }, { .addr = ANY } }, OWN, A },
	{ "the latest of those connected to the peer",
	  { { .addr = OWN, .peer = SENDER }, { .addr = OWN, .peer = SENDER } },
	  OWN, B },
	{ "the peer before the device",
	  { { .addr = OWN, .peer = SENDER }, { .addr = OWN, .device = "lo" } },
	  OWN, A },

	{ "a broadcast: all that want it",
	  { { .addr = ANY }, { .addr = "127.255.255.255" }, { .addr = ANY } },
	  "127.255.255.255", A | B | C },
	{ "a broadcast: not who has an address",
	  { { .addr = ANY }, { .addr = OWN }, { .addr = ANY } },
	  "127.255.255.255", A | C },
	{ "a broadcast: not another device's",
	  { { .addr = ANY, .device = "v0" }, { .addr = ANY, .device = "lo" } },
	  "127.255.255.255", B },
	{ "a broadcast: nobody",
	  { { .addr = OWN } }, "127.255.255.255", NOBODY },
	{ "an address: not who is bound to a broadcast",
	  { { .addr = "127.255.255.255" } }, OWN, NOBODY },
};

TEST_F(sock, delivery)
{
	int fd[3], from, getters;
	size_t i, j;
	char c;

	ASSERT_EQ(0, add_device());
	from = bound(variant->family, SENDER, PEER_PORT);
	set_int(from, SOL_SOCKET, SO_BROADCAST, 1);
	for (i = 0; i < ARRAY_SIZE(deliveries); i++) {
		for (j = 0; j < 3; j++) {
			struct opening how = deliveries[i].socks[j];

			fd[j] = -1;
			if (!how.addr)
				continue;
			how.reuse = true;
			fd[j] = open_as(variant->family, &how);
			ASSERT_GE(fd[j], 0)
				TH_LOG("%s", deliveries[i].what);
		}
		EXPECT_EQ(1, send_to(from, "x", 1, variant->family,
				     deliveries[i].to, PORT));
		ASSERT_TRUE(settle());
		getters = 0;
		for (j = 0; j < 3; j++) {
			while (fd[j] >= 0 &&
			       recv(fd[j], &c, 1, MSG_DONTWAIT) == 1)
				getters += 1 << j;
			close(fd[j]);
		}
		EXPECT_EQ(deliveries[i].getters, getters)
			TH_LOG("%s", deliveries[i].what);
	}
}

/* Of equals the latest gets it, though another is in use; unless that one was
 * given the CPU on which the datagram comes in.
 */
TEST_F(sock, delivery_to_a_newcomer)
{
	const struct opening how = { .addr = ANY, .reuse = true };
	int old, new, newest;
	char c;

	old = open_as(variant->family, &how);
	EXPECT_EQ(1, send_to(old, "x", 1, variant->family, OWN, PORT));
	EXPECT_EQ(1, get(old, &c, 1));
	new = open_as(variant->family, &how);
	EXPECT_EQ(1, send_to(old, "x", 1, variant->family, OWN, PORT));
	EXPECT_EQ(1, get(new, &c, 1));

	ASSERT_EQ(0, set_int(old, SOL_SOCKET, SO_INCOMING_CPU,
			     sched_getcpu()));
	newest = open_as(variant->family, &how);
	EXPECT_EQ(1, send_to(old, "x", 1, variant->family, OWN, PORT));
	EXPECT_EQ(1, get(old, &c, 1));
	EXPECT_EQ(EAGAIN, err(recv(new, &c, 1, MSG_DONTWAIT)));
	EXPECT_EQ(EAGAIN, err(recv(newest, &c, 1, MSG_DONTWAIT)));
}

TEST_HARNESS_MAIN
