/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TEST_F(path, ...): a test on two hosts (hosts.h), with a socket that has cached a
 * route.
 */
#ifndef _TTP_PATH_H
#define _TTP_PATH_H

#include "hosts.h"

static const char expedited[] = "/sys/kernel/rcu_expedited";

FIXTURE(path) {
	int fd;
};

FIXTURE_VARIANT(path) {
	int family;
	int protocol;
};

FIXTURE_VARIANT_ADD(path, udp) {
	.family = AF_INET,
	.protocol = IPPROTO_UDP,
};

FIXTURE_VARIANT_ADD(path, ttp) {
	.family = AF_TTP,
	.protocol = IPPROTO_TTP,
};

FIXTURE_SETUP(path)
{
	/* Devices and namespaces go in a fraction of the time. */
	write_file(expedited, "1");
	ASSERT_EQ(0, build_hosts(variant->family, variant->protocol));
	self->fd = bound(variant->family, "0.0.0.0", 4000);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(path)
{
	ip_stop();
	write_file(expedited, "0");
}

#define WAY(fd, to)	way(fd, variant->family, to)

/* The first misses, the second is remembered, the next two make use of it. */
#define SETTLE_ON(fd, to, way)						\
	do {								\
		int turn;						\
									\
		for (turn = 0; turn < 4; turn++)			\
			ASSERT_STREQ(way, WAY(fd, to));			\
	} while (0)

#endif /* _TTP_PATH_H */
