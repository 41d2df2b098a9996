// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on three sockets, one after the other. The sequences are the same in
 * each run. TTP_FROM=1000 TTP_TO=5000 in the environment selects others than the
 * first ones.
 */
#define NEEDS "IP_MULTICAST"
#include "compare_draw.h"

#define SOCKETS	3
#define CALLS	40

static int fds[SOCKETS];

static struct sockaddr_in some_address(void)
{
	static const char * const ips[] = {
		OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN, OWN,
		OWN2, OWN2, OWN2, ANY, ANY, "224.1.1.1", "224.1.1.1",
		"224.1.1.1", "127.255.255.255", "255.255.255.255", "192.0.2.1",
	};
	const char *ip = ips[draw(ARRAY_SIZE(ips))];
	int port = PORT + draw(SOCKETS);

	note(" %s:%d", ip, port);
	return to(ip, port);
}

static socklen_t some_length(void)
{
	static const socklen_t lens[] = { 8, 15, 128 };
	socklen_t len = draw(12) ? 16 : lens[draw(ARRAY_SIZE(lens))];

	if (len != 16)
		note(" len %u", len);
	return len;
}

static int some_flags(void)
{
	static const int flags[] = {
		MSG_MORE, MSG_MORE, MSG_MORE, MSG_CONFIRM, MSG_DONTROUTE,
		MSG_PROBE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_ERRQUEUE, MSG_EOR,
		MSG_PEEK | MSG_TRUNC, MSG_WAITALL, MSG_MORE | MSG_PROBE,
	};
	int some = draw(3) ? 0 : flags[draw(ARRAY_SIZE(flags))];

	if (some)
		note(" flags %x", some);
	return some | MSG_DONTWAIT | MSG_NOSIGNAL;
}

static int some_size(void)
{
	static const int sizes[] = {
		0, 0, 1, 1, 1, 8, 8, 8, 100, 100, 1500, 40000, 65507, 65536,
	};
	int size = sizes[draw(ARRAY_SIZE(sizes))];

	note(" %d bytes", size);
	return size;
}

/* ---- the calls ---- */

static char bytes[70000];
static struct sockaddr_storage room;

/* With room: how much more than it has a buffer takes is not the question. */
static int open_socket(void)
{
	int fd = fresh();

	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24);
	set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24);
	return fd;
}

static struct sockaddr *address(void)
{
	*(struct sockaddr_in *)&room = some_address();
	return (struct sockaddr *)&room;
}

static void do_bind(int i)
{
	struct sockaddr *addr = address();

	put_ret(bind(fds[i], addr, some_length()));
}

static bool is_connected(int fd)
{
	struct sockaddr addr;
	socklen_t len = 0;

	return !getpeername(fd, &addr, &len);
}

/* Not from a peer to who can be none: compare_more */
static void do_connect(int i)
{
	struct sockaddr *addr = address();
	int probe = fresh();
	socklen_t len = some_length();
	bool can = !connect(probe, addr, len);

	close(probe);
	if (!draw(4)) {
		note(" AF_UNSPEC");
		addr->sa_family = AF_UNSPEC;
	} else if (!can && is_connected(fds[i])) {
		return;
	}
	put_ret(connect(fds[i], addr, len));
}

static void do_send(int i)
{
	int size = some_size();

	bytes[0] = draw(256);
	put_ret(send(fds[i], bytes, size, some_flags()));
}

static bool makes_pieces(int fd, int flags)
{
	return flags & MSG_MORE || get_int(fd, door->level, TTP_CORK) > 0;
}

/* Pieces of one that is connected are its peer's, and from where it is:
 * compare_more
 */
static void do_sendto(int i)
{
	struct sockaddr *addr = address(), *to = addr;
	socklen_t len = some_length();
	int size = some_size();
	int flags = some_flags();

	if (makes_pieces(fds[i], flags) && is_connected(fds[i]))
		to = NULL;
	bytes[0] = draw(256);
	put_ret(sendto(fds[i], bytes, size, flags, to, to ? len : 0));
}

static void do_sendmsg(int i)
{
	static char control[256];
	struct sockaddr *addr = address();
	struct iovec iov = { bytes, some_size() };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
	};
	int flags = some_flags();

	bytes[0] = draw(256);
	if (is_connected(fds[i])) {
		note(" to the peer");
		if (makes_pieces(fds[i], flags))
			return;
	} else {
		msg.msg_name = addr;
		msg.msg_namelen = sizeof(struct sockaddr_in);
	}
	do
		add_some_control(&msg);
	while (msg.msg_controllen < 100 && draw(2));
	put_ret(sendmsg(fds[i], &msg, flags));
}

static void do_recv(int i)
{
	put_recv(fds[i], some_flags());
}

static void do_recv_little(int i)
{
	char little[4];
	int ret = recv(fds[i], little, sizeof(little), some_flags());

	put_ret(ret);
	if (ret > 0)
		put_bytes(little, ret < 4 ? ret : 4);
}

static void do_shutdown(int i)
{
	int how = draw(4);

	note(" %d", how);
	put_ret(shutdown(fds[i], how));
}

static const struct {
	const char *name;
	int level, opt;		/* level -1: the door's */
	int vals[4];
} options[] = {
#define O(level, opt, ...)	{ #opt, level, opt, { __VA_ARGS__ } }
	O(SOL_SOCKET, SO_REUSEADDR, 0, 1, 1, 1),
	O(SOL_SOCKET, SO_BROADCAST, 0, 1, 1, 1),
	O(SOL_SOCKET, SO_DONTROUTE, 0, 0, 0, 1),
	O(SOL_SOCKET, SO_PEEK_OFF, -1, 0, 2, 5),
	O(SOL_SOCKET, SO_RXQ_OVFL, 0, 1, 1, 1),
	O(SOL_SOCKET, SO_MARK, 0, 0, 0, 5),
	O(SOL_SOCKET, SO_PRIORITY, 0, 1, 5, 7),
	O(SOL_SOCKET, SO_RCVLOWAT, 0, 1, 2, 50),
	O(SOL_SOCKET, SO_TIMESTAMP, 0, 0, 0, 1),
	O(SOL_IP, IP_RECVERR, 0, 1, 1, 1),
	O(SOL_IP, IP_PKTINFO, 0, 1, 1, 1),
	O(SOL_IP, IP_RECVTTL, 0, 1, 1, 1),
	O(SOL_IP, IP_RECVTOS, 0, 1, 1, 1),
	O(SOL_IP, IP_RECVORIGDSTADDR, 0, 1, 1, 1),
	O(SOL_IP, IP_TOS, 0, 4, 0x10, 255),
	O(SOL_IP, IP_TTL, 1, 64, 0, 255),
	O(SOL_IP, IP_MINTTL, 0, 0, 64, 255),
	O(SOL_IP, IP_MTU_DISCOVER, 0, 1, 2, 5),
	O(SOL_IP, IP_FREEBIND, 0, 1, 0, 1),
	O(SOL_IP, IP_MULTICAST_LOOP, 0, 1, 1, 1),
	O(SOL_IP, IP_MULTICAST_TTL, 0, 1, 64, -1),
	O(SOL_IP, IP_MULTICAST_ALL, 0, 1, 0, 1),
	O(SOL_IP, IP_BIND_ADDRESS_NO_PORT, 0, 1, 1, 1),
	O(-1, TTP_CORK, 0, 1, 0, 1),
};

static void do_set(int i)
{
	unsigned int n = draw(ARRAY_SIZE(options));
	int val = options[n].vals[draw(4)];
	int level = options[n].level < 0 ? door->level : options[n].level;

	note(" %s %d", options[n].name, val);
	put_ret(set_int(fds[i], level, options[n].opt, val));
}

static void do_get(int i)
{
	static const struct {
		const char *name;
		int level, opt;
	} gets[] = {
		{ "SO_ERROR", SOL_SOCKET, SO_ERROR },
		{ "SO_ERROR", SOL_SOCKET, SO_ERROR },
		{ "IP_MTU", SOL_IP, IP_MTU },
		{ "SO_PEEK_OFF", SOL_SOCKET, SO_PEEK_OFF },
	};
	unsigned int n = draw(ARRAY_SIZE(gets));

	note(" %s", gets[n].name);
	put_ret(get_int(fds[i], gets[n].level, gets[n].opt));
}

static void do_bind_device(int i)
{
	const char *name = draw(2) ? "lo" : "";

	note(" \"%s\"", name);
	put_ret(setsockopt(fds[i], SOL_SOCKET, SO_BINDTODEVICE, name,
			   strlen(name)));
}

static void do_member(int i)
{
	struct ip_mreq mreq = {
		.imr_multiaddr.s_addr = inet_addr("224.1.1.1"),
		.imr_interface.s_addr = inet_addr(OWN),
	};
	bool leaves = !draw(3);

	note(leaves ? " leaves" : " joins");
	put_ret(setsockopt(fds[i], SOL_IP, leaves ? IP_DROP_MEMBERSHIP :
						     IP_ADD_MEMBERSHIP,
			   &mreq, sizeof(mreq)));
}

static void do_names(int i)
{
	put_names(fds[i]);
}

static void do_poll(int i)
{
	put_poll(fds[i]);
}

static void do_reopen(int i)
{
	close(fds[i]);
	fds[i] = open_socket();
}

#define C(name)	{ #name, do_##name }

static const struct {
	const char *name;
	void (*run)(int i);
} calls[] = {
	C(bind), C(connect), C(connect), C(connect), C(connect), C(send),
	C(send), C(send), C(send), C(send), C(send), C(sendto), C(sendto),
	C(sendto), C(sendto), C(sendto), C(sendto), C(sendto), C(sendto),
	C(sendmsg), C(sendmsg), C(sendmsg), C(sendmsg), C(recv), C(recv),
	C(recv), C(recv), C(recv), C(recv_little), C(recv_little), C(shutdown),
	C(set), C(set), C(set), C(set), C(set), C(set), C(get), C(get),
	C(bind_device), C(member), C(member), C(names), C(poll), C(reopen),
};

/* Each has its own seed: so a sequence can be looked at alone. */
static void sequence(int number)
{
	unsigned int n, c, i;

	draw_from(number);
	for (i = 0; i < SOCKETS; i++) {
		fds[i] = open_socket();
		/* Most talk to one another. */
		if (draw(4))
			bind_at(fds[i], OWN, PORT + i);
	}
	for (n = 0; n < CALLS; n++) {
		c = draw(ARRAY_SIZE(calls));
		i = draw(SOCKETS);
		call[0] = 0;
		note("%d.%u %u %s", number, n, i, calls[c].name);
		calls[c].run(i);
		line("%s", call);
		/* The datagram, and then what was answered */
		arrived();
		arrived();
	}
	for (i = 0; i < SOCKETS; i++) {
		put_names(fds[i]);
		put_state(fds[i]);
		while (put_recv(fds[i], 0) >= 0)
			;
		while (put_recv(fds[i], MSG_ERRQUEUE) >= 0)
			;
		line("%d.end %u", number, i);
	}
	for (i = 0; i < SOCKETS; i++)
		close(fds[i]);
	arrived();
}

static void sequences(void)
{
	const char *from = getenv("TTP_FROM"), *to = getenv("TTP_TO");
	int i, end = to ? atoi(to) : OFTEN(200);

	system("ip route add 224.0.0.0/4 dev lo");
	for (i = from ? atoi(from) : 0; i < end; i++)
		sequence(i);
	system("ip route del 224.0.0.0/4 dev lo");
}

FIXTURE_VARIANT_ADD(compare, sequences) {
	.run = sequences,
};

TEST_HARNESS_MAIN
