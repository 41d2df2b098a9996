/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pseudo-random choices for the comparing tests that draw what they call. The
 * numbers depend on the seed alone, so a sequence is the same for UDP and for TTP,
 * and can be repeated.
 */
#ifndef _COMPARE_DRAW_H
#define _COMPARE_DRAW_H

#include "compare_world.h"

#include <stdint.h>

#define MSG_PROBE	0x10	/* <linux/socket.h> does not export it. */

static uint64_t draw_state;

/* 0 to @n - 1: MINSTD */
static inline unsigned int draw(unsigned int n)
{
	draw_state = draw_state * 48271 % 2147483647;
	return draw_state % n;
}

/* Start sequence @number. */
static inline void draw_from(int number)
{
	int i;

	draw_state = 1 + number;
	for (i = 0; i < 4; i++)
		draw(2);
}

/* The call that is being made, as line() shows it */
static char call[512];

static inline __printf(1, 2) void note(const char *format, ...)
{
	size_t n = strlen(call);
	va_list args;

	va_start(args, format);
	vsnprintf(call + n, sizeof(call) - n, format, args);
	va_end(args);
}

/* Append a control message. */
static inline void add_control(struct msghdr *msg, int level, int type,
			       const void *data, size_t len)
{
	struct cmsghdr *cmsg = msg->msg_control + msg->msg_controllen;

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
	note(" {%d/%d ", level, type);
	while (len)
		note("%02x", ((const unsigned char *)data)[--len]);
	note("}");
}

static inline void add_some_control(struct msghdr *msg)
{
	static const char * const sources[] = { OWN, OWN2, ANY, "192.0.2.1" };
	/* A route to record, and nothing */
	static const char record[] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	static const char nops[] = { 1, 1, 1, 1 };
	static const int ttls[] = { 1, 64, 255, 0 };
	static const int toses[] = { 0, 4, 0x10, 255 };
	struct in_pktinfo info = {};
	unsigned int n = draw(4);

	switch (draw(6)) {
	case 0:
		info.ipi_spec_dst.s_addr = inet_addr(sources[n]);
		info.ipi_ifindex = draw(2);
		add_control(msg, SOL_IP, IP_PKTINFO, &info, sizeof(info));
		break;
	case 1:
		add_control(msg, SOL_IP, IP_TTL, &ttls[n], sizeof(int));
		break;
	case 2:
		add_control(msg, SOL_IP, IP_TOS, &toses[n], n ? sizeof(int) : 1);
		break;
	case 3:
		add_control(msg, SOL_IP, IP_RETOPTS, n & 1 ? record : nops,
			    n & 1 ? sizeof(record) : sizeof(nops));
		break;
	case 4:
		add_control(msg, SOL_SOCKET, SO_MARK, &n, sizeof(n));
		break;
	default:
		add_control(msg, SOL_IP, 77, &n, sizeof(n));
	}
}

#endif /* _COMPARE_DRAW_H */
