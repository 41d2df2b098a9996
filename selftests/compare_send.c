// SPDX-License-Identifier: GPL-2.0
/*
 * What is sent, and what becomes of it: every flag, address, vector and size,
 * from each state: as UDP.
 */
#define NEEDS "NET_SCH_NETEM"
#include "compare_world.h"

#include <sys/sendfile.h>
#include <sys/uio.h>

static int pipes;

static void on_pipe(int sig)
{
	pipes++;
}

/* A send, what came of it, and what it left */
static void put_send(int fd, const struct msghdr *msg, int flags)
{
	put_ret(sendmsg(fd, msg, flags));
}

static void put_after(int fd)
{
	put_state(fd);
	put_peer();
	put(" %d signals", pipes);
	pipes = 0;
}

/* Those that a datagram could heed, in all combinations */
static void flags_that_matter(void)
{
	static const int bits[] = {
		MSG_OOB, MSG_DONTROUTE, MSG_PROXY, MSG_DONTWAIT, MSG_CONFIRM,
		MSG_NOSIGNAL,
	};
	unsigned int s, set, i, len;
	int fd;

	signal(SIGPIPE, on_pipe);
	for (s = 0; s < N_STATES; s++)
		for (set = 0; set < 1 << ARRAY_SIZE(bits); set++) {
			int flags = 0;

			for (i = 0; i < ARRAY_SIZE(bits); i++)
				flags |= set & 1 << i ? bits[i] : 0;
			fd = enter(s);
			for (len = 0; len < 8; len += 5) {
				put_ret(send(fd, TEXT, len, flags));
				put_after(fd);
			}
			line("send, flags %x, %s", flags, state_names[s]);
			leave(fd);
		}
}

FIXTURE_VARIANT_ADD(compare, flags_that_matter) {
	.run = flags_that_matter,
};

/* Each alone, and with each other */
static void flags_by_twos(void)
{
	static const enum state states[] = { BOUND, CONNECTED };
	int fd, i, j, s;

	signal(SIGPIPE, on_pipe);
	for (s = 0; s < ARRAY_SIZE(states); s++) {
		fd = enter(states[s]);
		for (i = 0; i < 32; i++)
			for (j = 0; j <= i; j++) {
				int flags = 1U << i | 1U << j;

				/* What gathers datagrams: below */
				if (flags & MSG_MORE)
					continue;
				put_ret(send(fd, TEXT, 3, flags));
				put_ret(send_to(fd, TEXT, 4, door->family, OWN,
						PEER_PORT));
				put_peer();
				line("flags %x, %s", flags,
				     state_names[states[s]]);
			}
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, flags_by_twos) {
	.run = flags_by_twos,
};

static const struct {
	const char *name;
	const char *ip;
	int port;
} addrs[] = {
	{ "the peer", OWN, PEER_PORT },
	{ "itself", OWN, PORT },
	{ "nobody", OWN, NOBODY_PORT },
	{ "port zero", OWN, 0 },
	{ "another own", OWN2, PEER_PORT },
	{ "any", ANY, PEER_PORT },
	{ "a broadcast", "255.255.255.255", PEER_PORT },
	{ "lo's broadcast", "127.255.255.255", PEER_PORT },
	{ "a multicast", "224.0.0.1", PEER_PORT },
	{ "no route", "192.0.2.1", PEER_PORT },
	{ "class E", "240.0.0.1", PEER_PORT },
	{ "net zero", "0.0.0.1", PEER_PORT },
};

static void addresses_to_send_to(void)
{
	unsigned int s, i;
	int fd;

	signal(SIGPIPE, on_pipe);
	for (s = 0; s < N_STATES; s++)
		for (i = 0; i < ARRAY_SIZE(addrs); i++) {
			fd = enter(s);
			put_ret(send_at(fd, TEXT, 4, addrs[i].ip,
					addrs[i].port));
			put_after(fd);
			put_names(fd);
			set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
			put_ret(send_at(fd, "", 0, addrs[i].ip,
					addrs[i].port));
			put_after(fd);
			put_ret(send(fd, TEXT, 2, 0));
			put_after(fd);
			line("sendto %s, %s", addrs[i].name, state_names[s]);
			leave(fd);
		}
}

FIXTURE_VARIANT_ADD(compare, addresses_to_send_to) {
	.run = addresses_to_send_to,
};

static void names_to_send_to(void)
{
	static const int lengths[] = {
		0, 1, 2, 3, 4, 8, 15, 16, 17, 28, 128, 129, -1,
	};
	static const int families[] = { 0, 1, 2, 10, 18, 45, 46, 0xffff };
	unsigned int s, f, i;
	char room[256] = "";
	int fd;

	signal(SIGPIPE, on_pipe);
	for (s = 0; s < N_STATES; s++) {
		for (f = 0; f < ARRAY_SIZE(families); f++) {
			struct sockaddr_in sin = to(OWN, PEER_PORT);

			/* A door's own family, and the other one */
			sin.sin_family = families[f];
			if (families[f] == 2)
				sin.sin_family = door->family;
			if (families[f] == 18)
				sin.sin_family = door->family == 2 ? 18 : 2;
			memcpy(room, &sin, sizeof(sin));
			fd = enter(s);
			for (i = 0; i < ARRAY_SIZE(lengths); i++) {
				put_ret(sendto(fd, TEXT, i, 0, (void *)room,
					       lengths[i]));
				put_after(fd);
			}
			line("sendto, family %d, %s", families[f],
			     state_names[s]);
			leave(fd);
		}
		fd = enter(s);
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			put_ret(sendto(fd, TEXT, 1, 0, NULL, lengths[i]));
			put_ret(sendto(fd, TEXT, 1, 0, nowhere(), lengths[i]));
			put_ret(sendto(fd, TEXT, 1, 0, nowhere() - 4,
				       lengths[i]));
		}
		put_after(fd);
		line("sendto nowhere, %s", state_names[s]);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, names_to_send_to) {
	.run = names_to_send_to,
};

static void vectors_to_send(void)
{
	static struct iovec many[1025];
	char a[] = "aaaa", b[] = "bb";
	const struct {
		const char *name;
		struct iovec iov[3];
		size_t n;
	} rows[] = {
		{ "none", {}, 0 },
		{ "one empty", { { NULL, 0 } }, 1 },
		{ "one empty from nowhere", { { nowhere(), 0 } }, 1 },
		{ "one from nowhere", { { nowhere(), 3 } }, 1 },
		{ "one from NULL", { { NULL, 3 } }, 1 },
		{ "two", { { a, 4 }, { b, 2 } }, 2 },
		{ "an empty one between", { { a, 4 }, {}, { b, 2 } }, 3 },
		{ "half from nowhere", { { a, 4 }, { nowhere(), 2 } }, 2 },
		{ "longer than all memory", { { a, -1UL } }, 1 },
		{ "a sum that wraps", { { a, 4 }, { a, 0x7fffffffffffffff } },
		  2 },
		{ "too long", { { a, 4 }, { a, 0x7ffff000 } }, 2 },
	};
	unsigned int s, i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct iovec) { a, 1 };
	signal(SIGPIPE, on_pipe);
	for (s = 0; s < N_STATES; s++) {
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			struct sockaddr_in sin = to(OWN, PEER_PORT);
			struct msghdr msg = {
				.msg_iov = (void *)rows[i].iov,
				.msg_iovlen = rows[i].n,
			};

			fd = enter(s);
			put_send(fd, &msg, 0);
			put_after(fd);
			msg.msg_name = &sin;
			msg.msg_namelen = sizeof(sin);
			put_send(fd, &msg, 0);
			put_after(fd);
			line("vector: %s, %s", rows[i].name, state_names[s]);
			leave(fd);
		}
	}
	fd = enter(CONNECTED);
	for (i = 1023; i <= 1025; i++) {
		struct msghdr msg = { .msg_iov = many, .msg_iovlen = i };

		put_send(fd, &msg, 0);
		put_peer();
		line("%d vectors", i);
	}
	put_ret(sendmsg(fd, NULL, 0));
	put_ret(sendmsg(fd, nowhere(), 0));
	line("no message header");
	for (i = 0; i < 2; i++) {
		struct msghdr msg = {
			.msg_iov = i ? nowhere() : NULL, .msg_iovlen = 1,
		};

		put_send(fd, &msg, 0);
		line("vectors themselves nowhere %d", i);
	}
	leave(fd);
}

FIXTURE_VARIANT_ADD(compare, vectors_to_send) {
	.run = vectors_to_send,
};

/* At mtu 0 lo has its own, 65536. */
static void send_sizes(enum state s, int mtu, int df)
{
	static const size_t sizes[] = {
		0, 1, 7, 8, 9, 1471, 1472, 1473, 2899, 2900, 2901, 4096, 9000,
		32768, 65000, 65506, 65507, 65508, 65515, 65535, 65536, 70000,
	};
	static unsigned char data[70000];
	int fd = enter(s);
	unsigned int i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + i / 256;
	put_ret(set_int(fd, SOL_IP, IP_MTU_DISCOVER, df));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		put_ret(send_at(fd, data, sizes[i], OWN, PEER_PORT));
		put_ret(send(fd, data, sizes[i], 0));
		put_after(fd);
		line("%zu bytes, mtu %d, IP_MTU_DISCOVER %d, %s", sizes[i],
		     mtu, df, state_names[s]);
	}
	leave(fd);
}

static void sizes(void)
{
	unsigned int s, mtu, df;

	signal(SIGPIPE, on_pipe);
	for (mtu = 0; mtu < 2; mtu++) {
		system(mtu ? "ip link set lo mtu 1500" :
			     "ip link set lo mtu 65536");
		for (s = 0; s < N_STATES; s++)
			for (df = 0; df < 6; df++)
				send_sizes(s, mtu, df);
	}
	system("ip link set lo mtu 65536");
}

FIXTURE_VARIANT_ADD(compare, sizes) {
	.run = sizes,
};

static void batch(enum state s, unsigned int n, unsigned int at_fault)
{
	struct iovec good[2] = { { "first", 5 }, { "second", 6 } };
	struct iovec bad = { nowhere(), 5 };
	int fd;
	struct mmsghdr msgs[4] = {};
	unsigned int i;

	for (i = 0; i < 4; i++) {
		msgs[i].msg_hdr.msg_iov = i == at_fault ? &bad :
							  &good[i & 1];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_len = 99;
	}
	fd = enter(s);
	put_ret(sendmmsg(fd, msgs, n, 0));
	for (i = 0; i < n; i++)
		put(" len %u", msgs[i].msg_len);
	put_after(fd);
	put_ret(sendmmsg(fd, msgs, n, MSG_OOB));
	put_after(fd);
	put_ret(sendmmsg(fd, nowhere(), n, 0));
	put_ret(sendmmsg(fd, NULL, n, 0));
	line("sendmmsg of %u, number %u is bad, %s", n, at_fault,
	     state_names[s]);
	leave(fd);
}

/* Several at once, of which one is bad */
static void batches(void)
{
	unsigned int s, n, at_fault;

	signal(SIGPIPE, on_pipe);
	for (s = 0; s < N_STATES; s++)
		for (n = 0; n < 4; n++)
			for (at_fault = 0; at_fault <= n; at_fault++)
				batch(s, n, at_fault);
}

FIXTURE_VARIANT_ADD(compare, batches) {
	.run = batches,
};

/* Ways to write that are not of sockets */
static void pipes_and_files(void)
{
	int fd, pipe_fd[2], file = memfd_create("file", 0);
	unsigned int s;
	off_t off;

	put_ret(write(file, TEXT TEXT, 16));
	line("the file");
	signal(SIGPIPE, on_pipe);
	for (s = 0; s < N_STATES; s++) {
		fd = enter(s);
		off = 3;
		put_ret(sendfile(fd, file, &off, 5));
		put(" offset %ld", (long)off);
		put_after(fd);
		put_ret(sendfile(fd, file, &off, 100));
		put(" offset %ld", (long)off);
		put_after(fd);
		put_ret(pipe(pipe_fd));
		put_ret(write(pipe_fd[1], TEXT, 8));
		put_ret(splice(pipe_fd[0], NULL, fd, NULL, 6, 0));
		put_after(fd);
		close(pipe_fd[0]);
		close(pipe_fd[1]);
		line("sendfile and splice, %s", state_names[s]);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, pipes_and_files) {
	.run = pipes_and_files,
};

/* A send that would have to wait: the queue's end is a device that keeps */
static void no_room(void)
{
	static char data[4000];
	int fd, i, ret;

	signal(SIGPIPE, on_pipe);
	fd = enter(CONNECTED);
	system("tc qdisc add dev lo root handle 1: netem delay 100s");
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 0);
	for (i = 0; i < 10; i++) {
		ret = send(fd, data, sizeof(data), MSG_DONTWAIT);
		put_ret(ret);
	}
	put_poll(fd);
	put_ret(send(fd, data, 1, MSG_DONTWAIT));
	put_ret(send(fd, data, 0, MSG_DONTWAIT));
	put_ret(send(fd, nowhere(), 1, MSG_DONTWAIT));
	put_ret(send(fd, data, 65508, MSG_DONTWAIT));
	ret = ioctl(fd, SIOCOUTQ, &i);
	put_ret(ret);
	put(i > 4000 ? " some" : " %d", i);
	line("SO_SNDBUF is full");
	system("tc qdisc del dev lo root");
	put_poll(fd);
	put_ret(send(fd, data, 1, MSG_DONTWAIT));
	put_peer();
	line("and is empty again");
	leave(fd);
}

FIXTURE_VARIANT_ADD(compare, no_room) {
	.run = no_room,
};

TEST_HARNESS_MAIN
