/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each system call that the family has, once, as a table: for who wants to do
 * the same with all of them.
 */
#ifndef _CALLS_H
#define _CALLS_H

#include "ttp_test.h"

/* What a call works on: @rx is bound, @tx is connected to it, @sk is fresh. */
struct world {
	int rx;
	int tx;
	int raw;
	int sk;
};

/* Are the sockets meant to work afterwards? */
enum after { WORKS, SPENT };

struct call {
	const char *name;
	int (*act)(struct world *w);
	enum after after;
};

static char big[60000];

static int act_socket(struct world *w)
{
	close(w->sk);
	w->sk = socket(AF_TTP, SOCK_DGRAM, 0);
	return w->sk;
}

static int act_socket_raw(struct world *w)
{
	close(w->raw);
	w->raw = socket(AF_TTP, SOCK_RAW, 0);
	return w->raw;
}

static int act_bind(struct world *w)
{
	return bind_to(w->sk, AF_TTP, "127.0.0.1", PORT + 1);
}

static int act_bind_any(struct world *w)
{
	return bind_to(w->sk, AF_TTP, "0.0.0.0", 0);
}

static int act_bind_raw(struct world *w)
{
	return bind_to(w->raw, AF_TTP, "127.0.0.1", 0);
}

static int act_connect(struct world *w)
{
	return connect_to(w->sk, AF_TTP, "127.0.0.1", PORT);
}

static int act_disconnect(struct world *w)
{
	return disconnect(w->tx);
}

static int act_getsockname(struct world *w)
{
	return port_of(w->rx);
}

static int act_getpeername(struct world *w)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	return getpeername(w->tx, (struct sockaddr *)&sin, &len);
}

static int act_send(struct world *w)
{
	return send(w->tx, "x", 1, 0);
}

static int act_send_long(struct world *w)
{
	return send(w->tx, big, 8000, 0);
}

static int act_send_longest(struct world *w)
{
	return send(w->tx, big, sizeof(big), 0);
}

/* From an unbound socket: a port is found on the way. */
static int act_sendto(struct world *w)
{
	return send_to(w->sk, "x", 1, AF_TTP, "127.0.0.1", PORT);
}

static int act_sendto_again(struct world *w)
{
	return send_to(w->rx, "x", 1, AF_TTP, "127.0.0.1", PORT);
}

static int act_sendmsg(struct world *w)
{
	struct iovec iov[2] = { { "a", 1 }, { "b", 1 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	return sendmsg(w->tx, &msg, 0);
}

/* The second of a batch may fail: then one was sent, which is a success. */
static int act_sendmmsg(struct world *w)
{
	struct iovec iov = { "x", 1 };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};

	return sendmmsg(w->tx, msgs, 2, 0);
}

static int act_send_raw(struct world *w)
{
	static const struct ttphdr th = {
		.source = 1, .dest = 1,
		.vertype = TTP_VERTYPE(TTP_VERSION, TTP_TYPE_DATAGRAM),
	};

	return send_to(w->raw, &th, sizeof(th), AF_TTP, "127.0.0.1", 0);
}

static int act_recv(struct world *w)
{
	return recv(w->rx, big, 100, MSG_DONTWAIT);
}

static int act_peek(struct world *w)
{
	return recv(w->rx, big, 100, MSG_DONTWAIT | MSG_PEEK);
}

static int act_recvmsg(struct world *w)
{
	char control[256];
	struct sockaddr_in sin;
	struct iovec iov = { big, 100 };
	struct msghdr msg = {
		.msg_name = &sin, .msg_namelen = sizeof(sin),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	return recvmsg(w->rx, &msg, MSG_DONTWAIT);
}

static int act_recvmmsg(struct world *w)
{
	struct iovec iov = { big, 100 };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};

	return recvmmsg(w->rx, msgs, 2, MSG_DONTWAIT, NULL);
}

static int act_poll(struct world *w)
{
	return await(w->rx, POLLIN, 0);
}

static int act_ioctl(struct world *w)
{
	int val;

	return ioctl(w->rx, FIONREAD, &val);
}

static int act_setsockopt(struct world *w)
{
	return set_int(w->tx, SOL_IP, IP_TTL, 9);
}

static int act_verbatim(struct world *w)
{
	return set_int(w->raw, SOL_TTP, TTP_VERBATIM, 1);
}

static int act_getsockopt(struct world *w)
{
	socklen_t len = sizeof(int);
	int val;

	return getsockopt(w->tx, SOL_IP, IP_MTU, &val, &len);
}

static int read_all(const char *path)
{
	int fd = open(path, O_RDONLY);
	int n, saved;

	if (fd < 0)
		return -1;
	do
		n = read(fd, big, sizeof(big));
	while (n > 0);
	saved = errno;
	close(fd);
	errno = saved;
	return n;
}

static int act_read_snmp(struct world *w)
{
	return read_all("/proc/net/ttp/snmp");
}

static int act_read_sockets(struct world *w)
{
	return read_all("/proc/net/ttp/sockets");
}

static int act_shutdown(struct world *w)
{
	return shutdown(w->tx, SHUT_RDWR);
}

static int act_close(struct world *w)
{
	int fd = w->tx;

	w->tx = -1;
	return fd < 0 ? 0 : close(fd);
}

static const struct call calls[] = {
	{ "socket", act_socket, WORKS },
	{ "socket, raw", act_socket_raw, WORKS },
	{ "bind", act_bind, WORKS },
	{ "bind to any port", act_bind_any, WORKS },
	{ "bind, raw", act_bind_raw, WORKS },
	{ "connect", act_connect, WORKS },
	{ "disconnect", act_disconnect, SPENT },
	{ "getsockname", act_getsockname, WORKS },
	{ "getpeername", act_getpeername, WORKS },
	{ "send", act_send, WORKS },
	{ "send 8000 bytes", act_send_long, WORKS },
	{ "send 60000 bytes", act_send_longest, WORKS },
	{ "sendto without a port", act_sendto, WORKS },
	{ "sendto", act_sendto_again, WORKS },
	{ "sendmsg", act_sendmsg, WORKS },
	{ "sendmmsg", act_sendmmsg, WORKS },
	{ "send, raw", act_send_raw, WORKS },
	{ "recv", act_recv, WORKS },
	{ "recv, peek", act_peek, WORKS },
	{ "recvmsg", act_recvmsg, WORKS },
	{ "recvmmsg", act_recvmmsg, WORKS },
	{ "poll", act_poll, WORKS },
	{ "ioctl", act_ioctl, WORKS },
	{ "setsockopt", act_setsockopt, WORKS },
	{ "setsockopt, raw", act_verbatim, WORKS },
	{ "getsockopt", act_getsockopt, WORKS },
	{ "read /proc/net/ttp/snmp", act_read_snmp, WORKS },
	{ "read /proc/net/ttp/sockets", act_read_sockets, WORKS },
	{ "shutdown", act_shutdown, SPENT },
	{ "close", act_close, SPENT },
};

#endif /* _CALLS_H */
