// SPDX-License-Identifier: GPL-2.0
/* socket(): what there is, what is refused, and how long a socket lives. */
#include "ttp_test.h"

TEST_F(sock, speaks_to_itself)
{
	int fd = bound(variant->family, "127.0.0.1", 0);
	char c;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, "127.0.0.1",
			     port_of(fd)));
	EXPECT_EQ(1, get(fd, &c, 1));
	EXPECT_EQ('x', c);
	EXPECT_TRUE(settle());
}

TEST_F(ttp, counts)
{
	int fd = bound(AF_TTP, "127.0.0.1", 0);

	EXPECT_EQ(0, send_to(fd, "", 0, AF_TTP, "127.0.0.1", port_of(fd)));
	EXPECT_TRUE(ttp_stat_is("TtpInDatagrams", 1));
	EXPECT_EQ(1, ttp_stat("TtpOutDatagrams"));
}

TEST_HARNESS_MAIN
