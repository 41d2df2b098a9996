/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a receiver is told beside the payload, from the queue or from the error
 * queue, in one struct.
 */
#ifndef _TOLD_H
#define _TOLD_H

#include "packet.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

/* What recvmsg() gave. -1, or 0 if it has a length: not told */
struct told {
	int ret, errnum, flags;
	char data[2048];
	struct sockaddr_in name;
	socklen_t namelen;
	int ttl, tos, fragsize, csum;
	struct in_pktinfo pktinfo;
	struct sockaddr_in orig;
	unsigned char opts[40], retopts[40];
	int optslen, retoptslen, pktinfos, origs, stamps, errors;
	struct sock_extended_err ee;
	struct sockaddr_in offender;
	long long ns;		/* of the last time stamp */
};

static inline void tell_time(struct told *t, int type, const void *data)
{
	struct timespec ts;
	struct timeval tv;

	if (type == SO_TIMESTAMP) {
		memcpy(&tv, data, sizeof(tv));
		t->ns = tv.tv_sec * 1000000000LL + tv.tv_usec * 1000;
	} else if (type == SO_TIMESTAMPNS || type == SO_TIMESTAMPING) {
		memcpy(&ts, data, sizeof(ts));
		t->ns = ts.tv_sec * 1000000000LL + ts.tv_nsec;
	} else {
		return;
	}
	t->stamps++;
}

static inline void tell(struct told *t, struct cmsghdr *cmsg)
{
	int len = cmsg->cmsg_len - CMSG_LEN(0);
	void *data = CMSG_DATA(cmsg);

	if (cmsg->cmsg_level == SOL_SOCKET)
		tell_time(t, cmsg->cmsg_type, data);
	/* All of ours are that long, IP_TOS apart; less has been cut. */
	if (cmsg->cmsg_level != SOL_IP || (len < 4 && cmsg->cmsg_type != IP_TOS))
		return;
	switch (cmsg->cmsg_type) {
	case IP_TTL:
		memcpy(&t->ttl, data, sizeof(t->ttl));
		break;
	case IP_TOS:
		t->tos = *(unsigned char *)data;
		break;
	case IP_PKTINFO:
		memcpy(&t->pktinfo, data, sizeof(t->pktinfo));
		t->pktinfos++;
		break;
	case IP_RECVOPTS:
		memcpy(t->opts, data, len);
		t->optslen = len;
		break;
	case IP_RETOPTS:
		memcpy(t->retopts, data, len);
		t->retoptslen = len;
		break;
	case IP_ORIGDSTADDR:
		memcpy(&t->orig, data, sizeof(t->orig));
		t->origs++;
		break;
	case IP_CHECKSUM:
		memcpy(&t->csum, data, sizeof(t->csum));
		break;
	case IP_RECVFRAGSIZE:
		memcpy(&t->fragsize, data, sizeof(t->fragsize));
		break;
	case IP_RECVERR:
		memcpy(&t->ee, data, sizeof(t->ee));
		memcpy(&t->offender, data + sizeof(t->ee),
		       sizeof(t->offender));
		t->errors++;
		break;
	}
}

/* @len: room for payload, @room: for control messages */
static inline struct told hear_in(int fd, int flags, int len, size_t room)
{
	struct told t = { .ttl = -1, .tos = -1, .fragsize = -1, .csum = -1 };
	union {
		char room[1024];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = { t.data, len };
	struct msghdr msg = {
		.msg_name = &t.name,
		.msg_namelen = sizeof(t.name),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = room,
	};
	struct cmsghdr *cmsg;

	t.ret = recvmsg(fd, &msg, flags | MSG_DONTWAIT);
	t.errnum = t.ret < 0 ? errno : 0;
	if (t.ret < 0)
		return t;
	t.flags = msg.msg_flags;
	t.namelen = msg.msg_namelen;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		tell(&t, cmsg);
	return t;
}

static inline struct told hear(int fd, int flags)
{
	if (!(flags & MSG_ERRQUEUE))
		await(fd, POLLIN, WAIT_MS);
	return hear_in(fd, flags, 2048, 1024);
}

#endif /* _TOLD_H */
