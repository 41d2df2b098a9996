// SPDX-License-Identifier: GPL-2.0
/*
 * What is received: every flag, vector, and room for names and control
 * messages, from each state: as UDP.
 */
#include "compare_world.h"

/* Control messages for all that a datagram can tell */
static void ask_for_all(int fd)
{
	static const struct {
		int level;
		int opt;
	} opts[] = {
		{ SOL_IP, IP_RECVTTL }, { SOL_IP, IP_RECVTOS },
		{ SOL_SOCKET, SO_TIMESTAMP_OLD }, { SOL_SOCKET, SO_RXQ_OVFL },
		{ SOL_IP, IP_PKTINFO }, { SOL_IP, IP_ORIGDSTADDR },
		{ SOL_SOCKET, SO_RCVMARK },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(opts); i++)
		put_ret(set_int(fd, opts[i].level, opts[i].opt, 1));
}

/* What is left when a call is over */
static void put_rest(int fd)
{
	put_state(fd);
	put(" rest:");
	put_recv(fd, 0);
}

static void flags_that_matter(void)
{
	static const int bits[] = {
		MSG_PEEK, MSG_TRUNC, MSG_ERRQUEUE, MSG_OOB, MSG_WAITALL,
		MSG_CMSG_CLOEXEC,
	};
	static const size_t rooms[] = { 0, 3, 8, 20 };
	unsigned int s, set, i, r;
	char room[20];
	int fd;

	for (s = 0; s < N_STATES; s++)
		for (set = 0; set < 1 << ARRAY_SIZE(bits); set++) {
			int flags = MSG_DONTWAIT;

			for (i = 0; i < ARRAY_SIZE(bits); i++)
				flags |= set & 1 << i ? bits[i] : 0;
			for (r = 0; r < ARRAY_SIZE(rooms); r++) {
				fd = enter(s);
				memset(room, 0xee, sizeof(room));
				put_ret(recv(fd, room, rooms[r], flags));
				put_bytes(room, sizeof(room));
				put_ret(recv(fd, room, rooms[r], flags));
				put_rest(fd);
				line("recv %zu, flags %x, %s", rooms[r], flags,
				     state_names[s]);
				leave(fd);
			}
		}
}

FIXTURE_VARIANT_ADD(compare, flags_that_matter) {
	.run = flags_that_matter,
};

/* Each alone, and with each other */
static void flags_by_twos(void)
{
	static const enum state states[] = { QUEUED, EMPTY, REFUSED_QUEUED };
	int fd, i, j, s;

	for (s = 0; s < ARRAY_SIZE(states); s++)
		for (i = 0; i < 32; i++)
			for (j = 0; j <= i; j++) {
				int flags = 1U << i | 1U << j;

				fd = enter(states[s]);
				put_recv(fd, flags);
				put_recv(fd, flags);
				put_rest(fd);
				line("recv, flags %x, %s", flags,
				     state_names[states[s]]);
				leave(fd);
			}
}

FIXTURE_VARIANT_ADD(compare, flags_by_twos) {
	.run = flags_by_twos,
};

static void name_to(enum state s, int name_len, int where)
{
	static char room[1024];
	char data[16];
	int fd;
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_name = where == 2 ? nowhere() :
			    where == 1 ? NULL : room,
		.msg_namelen = name_len,
	};
	socklen_t len = name_len;

	fd = enter(s);
	memset(room, 0xee, sizeof(room));
	memset(data, 0xee, sizeof(data));
	put_ret(recvmsg(fd, &msg, MSG_PEEK | MSG_DONTWAIT));
	put(" [%d]", (int)msg.msg_namelen);
	put_addr(room, 0, 64);
	memset(room, 0xee, sizeof(room));
	put_ret(recvfrom(fd, data, 4, MSG_DONTWAIT, msg.msg_name,
			 &len));
	put(" [%d]", (int)len);
	put_addr(room, 0, 64);
	put_bytes(data, sizeof(data));
	put_rest(fd);
	line("name of %d to %d, %s", name_len, where,
	     state_names[s]);
	leave(fd);
}

static void room_for_names(void)
{
	static const int lengths[] = {
		0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 28, 128, 129, 1000, -1,
	};
	unsigned int s, i, where;
	static char room[1024];
	char data[16];
	int fd;

	for (s = 0; s < N_STATES; s++)
		for (i = 0; i < ARRAY_SIZE(lengths); i++)
			for (where = 0; where < 3; where++)
				name_to(s, lengths[i], where);
	for (s = 0; s < N_STATES; s++) {
		fd = enter(s);
		put_ret(recvfrom(fd, data, 4, MSG_DONTWAIT, (void *)room,
				 NULL));
		put_ret(recvfrom(fd, data, 4, MSG_DONTWAIT, (void *)room,
				 nowhere()));
		put_rest(fd);
		line("name's length nowhere, %s", state_names[s]);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, room_for_names) {
	.run = room_for_names,
};

static void control_to(enum state s, int where, int len)
{
	static unsigned char control[1024];
	char data[16];
	unsigned int i;
	int fd;
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = where == 2 ? nowhere() :
			       where == 1 ? NULL : control,
		.msg_controllen = len,
	};
	ssize_t ret;

	/* States without a datagram are for few lengths. */
	if (s < QUEUED && len % 60)
		return;
	fd = enter(s);
	ask_for_all(fd);
	if (s >= QUEUED)
		from_peer(fd, TEXT TEXT, 10);
	memset(control, 0xee, sizeof(control));
	ret = recvmsg(fd, &msg, MSG_DONTWAIT);
	if (ret < 0)
		put_ret(ret);
	else
		put_msg(ret, &msg, 0);
	for (i = sizeof(control); i && control[i - 1] == 0xee; i--)
		;
	put(i > len ? " beyond" : "");
	put_rest(fd);
	line("control of %d to %d, %s", len, where, state_names[s]);
	leave(fd);
}

static void room_for_control(void)
{
	unsigned int s, where;
	int len;

	stamp_all();
	for (s = 0; s < N_STATES; s++)
		for (where = 0; where < 3; where++)
			for (len = 0; len <= 240; len += where ? 60 : 4)
				control_to(s, where, len);
}

FIXTURE_VARIANT_ADD(compare, room_for_control) {
	.run = room_for_control,
};

static char a[16], b[16];

static void vector_to(enum state s, const char *name, const struct iovec *iov,
		      size_t n, bool peek)
{
	int fd;
	struct msghdr msg = {
		.msg_iov = (void *)iov,
		.msg_iovlen = n,
	};

	fd = enter(s);
	memset(a, 0xee, sizeof(a));
	memset(b, 0xee, sizeof(b));
	put_ret(recvmsg(fd, &msg, MSG_DONTWAIT |
			(peek ? MSG_PEEK : 0)));
	put(" flags %x", msg.msg_flags);
	put_bytes(a, sizeof(a));
	put_bytes(b, sizeof(b));
	put_rest(fd);
	line("vector: %s%s, %s", name, peek ? ", peek" : "",
	     state_names[s]);
	leave(fd);
}

static void vectors_to_receive_to(void)
{
	static struct iovec many[1025];
	const struct {
		const char *name;
		struct iovec iov[3];
		size_t n;
	} rows[] = {
		{ "none", {}, 0 },
		{ "one empty", { { NULL, 0 } }, 1 },
		{ "one empty to nowhere", { { nowhere(), 0 } }, 1 },
		{ "to nowhere", { { nowhere(), 3 } }, 1 },
		{ "to NULL", { { NULL, 3 } }, 1 },
		{ "two", { { a, 4 }, { b, 16 } }, 2 },
		{ "two that are short", { { a, 4 }, { b, 2 } }, 2 },
		{ "an empty one between", { { a, 4 }, {}, { b, 2 } }, 3 },
		{ "half to nowhere", { { a, 4 }, { nowhere(), 2 } }, 2 },
		{ "nowhere at the end", { { a, 8 }, { nowhere(), 2 } }, 2 },
		{ "longer than all memory", { { a, -1UL } }, 1 },
		{ "too long", { { a, 4 }, { b, 0x7ffff000 } }, 2 },
	};
	unsigned int s, i, peek;
	int fd;

	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct iovec) { a, 1 };
	for (s = 0; s < N_STATES; s++)
		for (i = 0; i < ARRAY_SIZE(rows); i++)
			for (peek = 0; peek < 2; peek++)
				vector_to(s, rows[i].name, rows[i].iov, rows[i].n,
					  peek);
	for (i = 1023; i <= 1025; i++) {
		struct msghdr msg = { .msg_iov = many, .msg_iovlen = i };

		fd = enter(QUEUED);
		put_ret(recvmsg(fd, &msg, MSG_DONTWAIT));
		put_rest(fd);
		line("%d vectors", i);
		leave(fd);
	}
	fd = enter(QUEUED);
	put_ret(recvmsg(fd, NULL, MSG_DONTWAIT));
	put_ret(recvmsg(fd, nowhere(), MSG_DONTWAIT));
	for (i = 0; i < 2; i++) {
		struct msghdr msg = {
			.msg_iov = i ? nowhere() : NULL, .msg_iovlen = 1,
		};

		put_ret(recvmsg(fd, &msg, MSG_DONTWAIT));
	}
	put_rest(fd);
	line("headers and vectors nowhere");
	leave(fd);
}

FIXTURE_VARIANT_ADD(compare, vectors_to_receive_to) {
	.run = vectors_to_receive_to,
};

static void batch(enum state s, unsigned int n, unsigned int at_fault)
{
	static char data[4][16];
	struct timespec bad_time = { .tv_nsec = 2000000000 };
	struct timespec none = {};
	unsigned int i;
	int fd;
	struct iovec iov[4];
	struct mmsghdr msgs[4] = {};

	for (i = 0; i < 4; i++) {
		iov[i].iov_base = i == at_fault ? nowhere() : data[i];
		iov[i].iov_len = 16;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_len = 99;
	}
	fd = enter(s);
	if (s == QUEUED || s == EMPTY)
		from_peer(fd, "second", 6);
	put_ret(recvmmsg(fd, msgs, n, MSG_DONTWAIT, NULL));
	for (i = 0; i < n; i++)
		put(" len %u", msgs[i].msg_len);
	put_state(fd);
	put_ret(recvmmsg(fd, msgs, n, MSG_WAITFORONE, &bad_time));
	put_ret(recvmmsg(fd, msgs, n, MSG_DONTWAIT, nowhere()));
	put_ret(recvmmsg(fd, msgs, n, MSG_DONTWAIT, &none));
	put_ret(recvmmsg(fd, nowhere(), n, MSG_DONTWAIT, NULL));
	put_rest(fd);
	line("recvmmsg of %u, number %u is bad, %s", n, at_fault,
	     state_names[s]);
	leave(fd);
}

/* Two wait; number @at_fault of the buffers is bad. */
static void batches(void)
{
	unsigned int s, n, at_fault;

	for (s = 0; s < N_STATES; s++)
		for (n = 0; n < 4; n++)
			for (at_fault = 0; at_fault <= n; at_fault++)
				batch(s, n, at_fault);
}

FIXTURE_VARIANT_ADD(compare, batches) {
	.run = batches,
};

static void peek_on(int offset, size_t len, unsigned int taken)
{
	unsigned int n;
	char room[100];
	int fd;

	fd = enter(BOUND);
	from_peer(fd, "abc", 3);
	from_peer(fd, "", 0);
	from_peer(fd, "defgh", 5);
	arrived();
	put_ret(set_int(fd, SOL_SOCKET, SO_PEEK_OFF, offset));
	for (n = 0; n < 6; n++) {
		memset(room, 0xee, sizeof(room));
		put_ret(recv(fd, room, len, MSG_PEEK |
			     MSG_DONTWAIT | (n & 1 ? MSG_TRUNC : 0)));
		put_bytes(room, 8);
		put(" at %d", get_int(fd, SOL_SOCKET, SO_PEEK_OFF));
		if (n == taken) {
			put_ret(recv(fd, room, 2, MSG_DONTWAIT));
			put(" at %d", get_int(fd, SOL_SOCKET,
					      SO_PEEK_OFF));
		}
	}
	put_rest(fd);
	line("SO_PEEK_OFF %d, room %zu, one taken after %u",
	     offset, len, taken);
	leave(fd);
}

/* SO_PEEK_OFF: where peeks go on, over three datagrams */
static void peeking_on(void)
{
	static const int offsets[] = { -1, 0, 1, 3, 5, 8, 100 };
	static const size_t rooms[] = { 0, 2, 3, 100 };
	unsigned int i, r, taken;

	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		for (r = 0; r < ARRAY_SIZE(rooms); r++)
			for (taken = 0; taken < 3; taken++)
				peek_on(offsets[i], rooms[r], taken);
}

FIXTURE_VARIANT_ADD(compare, peeking_on) {
	.run = peeking_on,
};

/* More than SO_RCVBUF holds: how many are lost depends on what an skb takes,
 * that some are, and that it is told, does not.
 */
static void no_room(void)
{
	static char data[3000];
	int fd, i, n = 0, lost = -1;
	struct iovec iov = { data, sizeof(data) };
	char control[256];

	fd = enter(BOUND);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, 0);
	put_ret(set_int(fd, SOL_SOCKET, SO_RXQ_OVFL, 1));
	for (i = 0; i < 20; i++)
		send_at(peer, data, sizeof(data), OWN, PORT);
	arrived();
	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		n++;
	put(n && n < 20 ? " some" : " %d", n);
	send_at(peer, data, 3, OWN, PORT);
	arrived();
	for (i = 0; i < 1; i++) {
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		struct cmsghdr *cmsg;

		put_ret(recvmsg(fd, &msg, MSG_DONTWAIT));
		cmsg = CMSG_FIRSTHDR(&msg);
		if (cmsg && cmsg->cmsg_type == SO_RXQ_OVFL)
			memcpy(&lost, CMSG_DATA(cmsg), 4);
	}
	put(lost == 20 - n ? " told all" : " told %d", lost);
	put_rest(fd);
	line("SO_RCVBUF is full");
	leave(fd);
}

FIXTURE_VARIANT_ADD(compare, no_room) {
	.run = no_room,
};

/* How many datagrams a queue lets in. Their lengths are far from where an skb of
 * either transport takes twice the memory. IPv4 puts some together from fragments.
 */
static void room_for(int mtu, int rcvbuf, size_t len)
{
	static char data[3000];
	int fd, i, n = 0;

	fd = enter(BOUND);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, rcvbuf / 2);
	for (i = 0; i < 80; i++)
		send_at(peer, data, len, OWN, PORT);
	arrived();
	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) >= 0)
		n++;
	put(" %d", n);
	line("MTU %d, SO_RCVBUF %d, %zu bytes", mtu, rcvbuf, len);
	leave(fd);
}

static void room(void)
{
	static const int rcvbufs[] = { 0, 4096, 8192, 20000, 40000, 65536 };
	static const size_t lens[] = {
		0, 1, 100, 500, 600, 740, 1000, 1400, 1600, 2000, 2800
	};
	static const int mtus[] = { 65536, 1500, 576 };
	unsigned int m, r, l;
	char command[64];

	for (m = 0; m < ARRAY_SIZE(mtus); m++) {
		sprintf(command, "ip link set lo mtu %d", mtus[m]);
		put_ret(system(command));
		line("%s", command);
		for (r = 0; r < ARRAY_SIZE(rcvbufs); r++)
			for (l = 0; l < ARRAY_SIZE(lens); l++)
				room_for(mtus[m], rcvbufs[r], lens[l]);
	}
	system("ip link set lo mtu 65536");
}

FIXTURE_VARIANT_ADD(compare, room) {
	.run = room,
};

/* A wait that ends by itself */
static void time_outs(void)
{
	static const enum state states[] = {
		FRESH, BOUND, CONNECTED, NO_READER, SHUT, FRESH_SHUT, REFUSED,
		DISCONNECTED,
	};
	struct timeval tv = { .tv_usec = 1000 };
	int fd, i;
	char c;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		fd = enter(states[i]);
		put_ret(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				   sizeof(tv)));
		put_ret(recv(fd, &c, 1, 0));
		put_ret(recv(fd, &c, 1, 0));
		put_ret(recv(fd, &c, 1, MSG_PEEK));
		put_ret(recv(fd, &c, 1, MSG_ERRQUEUE));
		line("SO_RCVTIMEO, %s", state_names[states[i]]);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, time_outs) {
	.run = time_outs,
};

TEST_HARNESS_MAIN
