/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets in each of the states that a datagram socket can be in, and words
 * for what calls on them say.
 */
#ifndef _COMPARE_WORLD_H
#define _COMPARE_WORLD_H

#include "compare.h"

#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <linux/net_tstamp.h>

#define NOBODY_PORT	7000	/* that nobody has */
#define MARK_PORT	7777	/* see arrived() */
#define TEXT		"abcdefgh"
#define LONGEST		65507

enum state {
	FRESH,
	BOUND,
	ANY_BOUND,
	CONNECTED,
	DISCONNECTED,
	NO_READER,
	NO_WRITER,
	SHUT,
	FRESH_SHUT,
	REFUSED,
	QUEUED,
	EMPTY,
	SHUT_QUEUED,
	REFUSED_QUEUED,
	N_STATES
};

static const char * const state_names[] = {
	"fresh",
	"bound",
	"bound to any",
	"connected",
	"disconnected",
	"shut to read",
	"shut to write",
	"shut",
	"shut while unconnected",
	"with an error waiting",
	"with a datagram queued",
	"with an empty datagram queued",
	"shut with a datagram queued",
	"with an error and a datagram",
};

/* The one at the other end: OWN, PEER_PORT */
static int peer = -1;

/* An address of the door's family */
static inline struct sockaddr_in to(const char *ip, int port)
{
	return at(door->family, ip, port);
}

static inline int bind_at(int fd, const char *ip, int port)
{
	return bind_to(fd, door->family, ip, port);
}

static inline int connect_at(int fd, const char *ip, int port)
{
	return connect_to(fd, door->family, ip, port);
}

/* Whoever had the port before gives it back, io_uring some time after close() */
static inline void hold(int fd, const char *ip, int port)
{
	long limit = now_ms() + WAIT_MS;

	while (bind_at(fd, ip, port)) {
		if (errno != EADDRINUSE || now_ms() >= limit) {
			put(" hold(%s, %d) failed", ip, port);
			return;
		}
		sched_yield();
	}
}

/* A socket that has a port */
static inline int holder(const char *ip, int port)
{
	int fd = fresh();

	hold(fd, ip, port);
	return fd;
}

static inline ssize_t send_at(int fd, const void *data, size_t len,
			      const char *ip, int port)
{
	return send_to(fd, data, len, door->family, ip, port);
}

/* What has been sent over lo has come: settle(), with a socket that is kept */
static inline void arrived(void)
{
	static int mark = -1;
	char c;

	if (mark < 0) {
		mark = socket(AF_INET, SOCK_DGRAM, 0);
		bind_to(mark, AF_INET, OWN, MARK_PORT);
		connect_to(mark, AF_INET, OWN, MARK_PORT);
	}
	if (send(mark, "", 1, 0) != 1 || get(mark, &c, 1) != 1)
		put(" no way over lo");
}

/* What came in is there. */
static inline void from_peer(int fd, const void *data, size_t len)
{
	if (send_at(peer, data, len, OWN, PORT) != (ssize_t)len)
		put(" peer cannot send");
	arrived();
}

/* Writes to a port that nobody has, and is told so */
static inline void refuse(int fd)
{
	connect_at(fd, OWN, NOBODY_PORT);
	send(fd, "", 0, MSG_NOSIGNAL);
	await(fd, POLLERR, WAIT_MS);
}

/* A socket of that state; bound ones to OWN, PORT, and connected ones to the
 * peer. leave() closes both.
 */
static inline int enter(enum state state)
{
	int fd = fresh();

	peer = holder(OWN, PEER_PORT);
	let_arrive = state == REFUSED || state == REFUSED_QUEUED ? arrived :
								   NULL;
	switch (state) {
	case FRESH:
		return fd;
	case ANY_BOUND:
		hold(fd, ANY, PORT);
		return fd;
	case FRESH_SHUT:
		shutdown(fd, SHUT_RDWR);
		return fd;
	default:
		hold(fd, OWN, PORT);
	}

	switch (state) {
	case BOUND:
		return fd;
	case QUEUED:
		from_peer(fd, TEXT, strlen(TEXT));
		return fd;
	case EMPTY:
		from_peer(fd, "", 0);
		return fd;
	case REFUSED_QUEUED:
		from_peer(fd, TEXT, strlen(TEXT));
		refuse(fd);
		return fd;
	case REFUSED:
		refuse(fd);
		return fd;
	default:
		connect_at(fd, OWN, PEER_PORT);
	}

	if (state == SHUT_QUEUED)
		from_peer(fd, TEXT, strlen(TEXT));
	if (state == DISCONNECTED)
		disconnect(fd);
	if (state == NO_READER)
		shutdown(fd, SHUT_RD);
	if (state == NO_WRITER)
		shutdown(fd, SHUT_WR);
	if (state == SHUT || state == SHUT_QUEUED)
		shutdown(fd, SHUT_RDWR);
	return fd;
}

/* What is on its way would be the next one's. */
static inline void leave(int fd)
{
	arrived();
	close(fd);
	close(peer);
	peer = -1;
	let_arrive = NULL;
}

/* Ports that were chosen at random have no number. */
static inline void put_port(int port)
{
	if (port >= 32768)
		put(":auto");
	else
		put(":%d", port);
}

/* An address as a call gave it: @len is what the call said that it has, and
 * what lies behind it had 0xee in it.
 */
static inline void put_addr(const void *addr, socklen_t len, size_t room)
{
	const struct sockaddr_in *sin = addr;
	const unsigned char *p = addr;
	char ip[INET_ADDRSTRLEN];
	size_t i;

	put(" [%u", len);
	if (len >= sizeof(*sin) && room >= sizeof(*sin)) {
		inet_ntop(AF_INET, &sin->sin_addr, ip, sizeof(ip));
		put(" %s", ip);
		put_port(ntohs(sin->sin_port));
		for (i = 0; i < sizeof(sin->sin_zero); i++)
			if (sin->sin_zero[i])
				put(" not zero");
	}
	if (len >= 2 && room >= 2 && sin->sin_family != door->family)
		put(" family %d", sin->sin_family);
	for (i = room; i && p[i - 1] == 0xee; i--)
		;
	put(" %zu]", i);
}

static inline void put_names(int fd)
{
	unsigned char addr[32];
	socklen_t len = 16;
	int ret;

	memset(addr, 0xee, sizeof(addr));
	ret = getsockname(fd, (void *)addr, &len);
	put(" sockname");
	put_ret(ret);
	if (!ret)
		put_addr(addr, len, sizeof(addr));

	len = 16;
	memset(addr, 0xee, sizeof(addr));
	ret = getpeername(fd, (void *)addr, &len);
	put(" peername");
	put_ret(ret);
	if (!ret)
		put_addr(addr, len, sizeof(addr));
}

static inline void put_time(const long *t)
{
	put(t[0] || t[1] ? " some" : " none");
}

static inline void put_origdst(const void *data, size_t len)
{
	const struct sockaddr_in *sin = data;

	if (len < sizeof(*sin)) {
		put(" part of %zu", len);
		return;
	}
	put_addr(data, len, 0);
	put(" %s %08x:%d", sin->sin_family == door->family ? "own" : "other",
	    ntohl(sin->sin_addr.s_addr), ntohs(sin->sin_port));
}

static inline void put_cmsg(const struct cmsghdr *cmsg)
{
	size_t len = cmsg->cmsg_len - CMSG_LEN(0);
	const void *data = CMSG_DATA(cmsg);
	const long *t = data;
	int i;

	put(" {%d/%d len %zu:",
	    cmsg->cmsg_level == door->level ? -1 : cmsg->cmsg_level,
	    cmsg->cmsg_type, (size_t)cmsg->cmsg_len);
	if (cmsg->cmsg_level == SOL_SOCKET) {
		switch (cmsg->cmsg_type) {
		case SO_TIMESTAMP_OLD:
		case SO_TIMESTAMPNS_OLD:
		case SO_TIMESTAMP_NEW:
		case SO_TIMESTAMPNS_NEW:
			put_time(t);
			put("}");
			return;
		case SO_TIMESTAMPING_OLD:
		case SO_TIMESTAMPING_NEW:
			for (i = 0; i < 3; i++)
				put_time(t + 2 * i);
			put("}");
			return;
		}
	}
	if (cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_ORIGDSTADDR)
		put_origdst(data, len);
	else
		put_bytes(data, len);
	put("}");
}

/* Ethernet's, IPv4's, and the transport's */
#define PACKET_HEADERS	(14 + 20 + 8)

/* All that recvmsg() said */
static inline void put_msg(ssize_t ret, struct msghdr *msg, size_t name_room)
{
	struct cmsghdr *cmsg;
	size_t i, left;

	put_ret(ret);
	put(" flags %x", msg->msg_flags);
	if (msg->msg_name)
		put_addr(msg->msg_name, msg->msg_namelen, name_room);
	else
		put(" [%u]", msg->msg_namelen);
	left = ret > 0 ? ret : 0;
	/* A packet that comes back with its stamp has headers of its own. */
	if (msg->msg_flags & MSG_ERRQUEUE && left > PACKET_HEADERS) {
		put_bytes(msg->msg_iov[0].iov_base + PACKET_HEADERS,
			  left - PACKET_HEADERS);
		left = 0;
	}
	for (i = 0; ret >= 0 && i < msg->msg_iovlen; i++) {
		size_t n = msg->msg_iov[i].iov_len;

		n = n < left ? n : left;
		if (n)
			put_bytes(msg->msg_iov[i].iov_base, n);
		left -= n;
	}
	put(" control %zu", (size_t)msg->msg_controllen);
	if (ret < 0 || !msg->msg_control)
		return;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg))
		put_cmsg(cmsg);
}

/* One recvmsg() with room for all, and what came of it */
static inline ssize_t put_recv(int fd, int flags)
{
	static unsigned char data[70000], control[1024], name[32];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_name = name,
		.msg_namelen = 16,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t ret;

	memset(name, 0xee, sizeof(name));
	memset(control, 0xee, sizeof(control));
	ret = recvmsg(fd, &msg, flags | MSG_DONTWAIT);
	if (ret < 0)
		put_ret(ret);
	else
		put_msg(ret, &msg, sizeof(name));
	return ret;
}

/* All that waits for the peer, now or as soon as lo is empty */
static inline void put_peer(void)
{
	put(" peer:");
	arrived();
	while (put_recv(peer, 0) >= 0)
		;
}

static inline void put_poll(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = 0x2fff };

	put(" poll %d", poll(&pfd, 1, 0));
	put(" %x", pfd.revents);
}

/* What a socket holds. SO_ERROR takes the error away. */
static inline void put_state(int fd)
{
	int inq = -1, outq = -1;

	ioctl(fd, SIOCINQ, &inq);
	ioctl(fd, SIOCOUTQ, &outq);
	put(" inq %d outq %d", inq, outq);
	put_poll(fd);
	put(" error %d", get_int(fd, SOL_SOCKET, SO_ERROR));
}

/* Are datagrams stamped as they come? The kernel begins with that some time
 * after the first socket has asked for it; from here on one does.
 */
static inline bool is_stamped(int fd)
{
	char c, control[256];
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	return send(fd, "", 1, 0) == 1 && await(fd, POLLIN, WAIT_MS) &&
	       recvmsg(fd, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg);
}

static inline void stamp_all(void)
{
	long limit = now_ms() + WAIT_MS;
	static int fd = -1;

	if (fd >= 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	set_int(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD,
		SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	bind_to(fd, AF_INET, OWN, MARK_PORT + 1);
	connect_to(fd, AF_INET, OWN, MARK_PORT + 1);
	while (!is_stamped(fd) && now_ms() < limit)
		poll(NULL, 0, 1);
}

/* Memory that cannot be touched */
static inline void *nowhere(void)
{
	static void *map;

	if (!map)
		map = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	return map;
}

#endif /* _COMPARE_WORLD_H */
