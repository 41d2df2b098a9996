// SPDX-License-Identifier: GPL-2.0
/*
 * Sending and receiving: all the calls, sizes and flags, bad pointers, many
 * threads, and what happens when nothing comes.
 */
#define BOTH_DOORS
#include "ttp_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/uio.h>

#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF	42
#endif
#define MSG_PROBE	0x10	/* not in libc's headers */

/* An address that is not to be read or written */
static void *nowhere(void)
{
	return mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
}

static unsigned char out[1 << 20], in[1 << 17];

/* Content in which no part can pass for another */
static void fill(size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = (i * 2654435761u >> 13) + seed;
}

/* Around the ends of what is built in which way, and the limit of all */
static const int sizes[] = {
	0, 1, 2, 3, 7, 8, 100, 1471, 1472, 1473, 2047, 2899, 2900, 2901, 2902,
	3500, 4095, 4096, 4097, 9000, 16384, 32767, 32768, 40001, 65506, 65507,
};

TEST_F(sock, sizes)
{
	int to, fd = pair(variant->family, &to);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(sizes[i], i);
		EXPECT_EQ(sizes[i], send(fd, out, sizes[i], 0));
		memset(in, 0xee, sizes[i] + 1);
		EXPECT_EQ(sizes[i], get(to, in, sizeof(in)));
		EXPECT_EQ(0, memcmp(in, out, sizes[i]))
			TH_LOG("size %d", sizes[i]);
		EXPECT_EQ(0xee, in[sizes[i]]);
	}
}

TEST_F(sock, too_long)
{
	static const int lengths[] = { 65508, 65527, 65528, 65535, 65536,
				       1 << 20 };
	int to, fd = pair(variant->family, &to);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		EXPECT_EQ(EMSGSIZE, err(send(fd, out, lengths[i], 0)))
			TH_LOG("length %d", lengths[i]);
	EXPECT_TRUE(settle());
	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_DONTWAIT)));
}

TEST_F(ttp, too_long_is_counted)
{
	int to, fd = pair(AF_TTP, &to);

	EXPECT_EQ(EMSGSIZE, err(send(fd, out, 65508, 0)));
	EXPECT_EQ(1, ttp_stat("TtpOutErrors"));
	EXPECT_EQ(0, ttp_stat("TtpOutDatagrams"));
}

TEST_F(sock, boundaries_are_kept)
{
	int to, fd = pair(variant->family, &to), i;

	for (i = 1; i <= 5; i++) {
		fill(i, i);
		EXPECT_EQ(i, send(fd, out, i, 0));
	}
	for (i = 1; i <= 5; i++) {
		fill(i, i);
		EXPECT_EQ(i, get(to, in, sizeof(in)));
		EXPECT_EQ(0, memcmp(in, out, i));
	}
}

TEST_F(sock, read_and_write)
{
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(3, write(fd, "abc", 3));
	EXPECT_EQ(0, write(fd, "", 0));
	EXPECT_EQ(3, read(to, in, sizeof(in)));
	/* A zero-length write() sends, as send() does. */
	EXPECT_EQ(0, get(to, in, sizeof(in)));
	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_DONTWAIT)));
}

/* Pieces of a vector go into one datagram, and come out into another's. */
TEST_F(sock, vectors)
{
	const struct msghdr nothing = {};
	int to, fd = pair(variant->family, &to);
	struct iovec give[] = {
		{ out, 1 }, { out + 1, 0 }, { out + 1, 4999 }, { out + 5000, 7 }
	};
	struct iovec take[] = {
		{ in, 3 }, { in + 3, 5000 }, { in + 5003, 0 }, { in + 5003, 9 }
	};

	fill(5007, 1);
	EXPECT_EQ(5007, writev(fd, give, 4));
	memset(in, 0, 5012);
	EXPECT_EQ(5007, readv(to, take, 4));
	EXPECT_EQ(0, memcmp(in, out, 5007));

	/* No piece at all: for a file's call nothing to do, for a socket's a
	 * datagram.
	 */
	EXPECT_EQ(0, writev(fd, give, 0));
	EXPECT_TRUE(settle());
	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_DONTWAIT)));
	EXPECT_EQ(0, sendmsg(fd, &nothing, 0));
	EXPECT_EQ(0, get(to, in, sizeof(in)));
}

TEST_F(sock, many_at_once)
{
	int to, fd = pair(variant->family, &to), i;
	struct timespec no_time = {};
	struct iovec iov[4];
	struct mmsghdr msg[4] = {};

	fill(100, 1);
	for (i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ out + i, 10 * i };
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(4, sendmmsg(fd, msg, 4, 0));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(10 * i, msg[i].msg_len);
		iov[i] = (struct iovec){ in + 100 * i, 100 };
	}
	EXPECT_EQ(2, recvmmsg(to, msg, 2, 0, NULL));
	EXPECT_EQ(2, recvmmsg(to, msg + 2, 2, MSG_WAITFORONE, NULL));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(10 * i, msg[i].msg_len);
		EXPECT_EQ(0, memcmp(in + 100 * i, out + i, 10 * i));
	}

	/* Those that are there, if not to wait for more */
	EXPECT_EQ(1, sendmmsg(fd, msg, 1, 0));
	EXPECT_EQ(1, recvmmsg(to, msg, 4, MSG_WAITFORONE, NULL));
	EXPECT_EQ(1, sendmmsg(fd, msg, 1, 0));
	EXPECT_EQ(1, recvmmsg(to, msg, 4, 0, &no_time));
	EXPECT_EQ(EAGAIN, err(recvmmsg(to, msg, 4, MSG_DONTWAIT, NULL)));
}

/* The first that cannot be sent ends it, and its errno is the next call's. */
TEST_F(sock, many_at_once_but_one_is_bad)
{
	int to, fd = pair(variant->family, &to);
	struct iovec iov[3] = { { out, 1 }, { out, 65508 }, { out, 1 } };
	struct mmsghdr msg[3] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[2], .msg_iovlen = 1 } },
	};

	EXPECT_EQ(1, sendmmsg(fd, msg, 3, 0));
	EXPECT_EQ(EMSGSIZE, err(sendmmsg(fd, msg + 1, 2, 0)));
	EXPECT_EQ(1, get(to, in, sizeof(in)));
	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_DONTWAIT)));
}

/* recvmsg() with room for @len bytes; sets *@flags, too */
static ssize_t recv_flags(int fd, size_t len, int how, int *flags)
{
	struct iovec iov = { in, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &msg, how);

	*flags = msg.msg_flags;
	return n;
}

TEST_F(sock, cut_off)
{
	int to, fd = pair(variant->family, &to), flags, i;

	for (i = 0; i < 5; i++)
		EXPECT_EQ(10, send(fd, "0123456789", 10, 0));
	EXPECT_EQ(POLLIN, await(to, POLLIN, WAIT_MS));
	EXPECT_EQ(4, recv_flags(to, 4, 0, &flags));
	EXPECT_EQ(MSG_TRUNC, flags);
	EXPECT_EQ(10, recv_flags(to, 4, MSG_TRUNC, &flags));
	EXPECT_EQ(MSG_TRUNC, flags);
	EXPECT_EQ(0, recv_flags(to, 0, 0, &flags));
	EXPECT_EQ(MSG_TRUNC, flags);
	EXPECT_EQ(10, recv_flags(to, 10, 0, &flags));
	EXPECT_EQ(0, flags);
	EXPECT_EQ(10, recv_flags(to, 11, MSG_TRUNC, &flags));
	EXPECT_EQ(0, flags);
	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_DONTWAIT)));
}

TEST_F(sock, peek)
{
	int to, fd = pair(variant->family, &to), flags;

	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_PEEK | MSG_DONTWAIT)));
	EXPECT_EQ(3, send(fd, "abc", 3, 0));
	EXPECT_EQ(2, send(fd, "de", 2, 0));
	EXPECT_EQ(3, recv(to, in, sizeof(in), MSG_PEEK));
	EXPECT_EQ(1, recv_flags(to, 1, MSG_PEEK, &flags));
	EXPECT_EQ(MSG_TRUNC, flags);
	EXPECT_EQ(3, recv_flags(to, 1, MSG_PEEK | MSG_TRUNC, &flags));
	EXPECT_EQ(3, recv(to, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp("abc", in, 3));
	EXPECT_EQ(2, recv(to, in, sizeof(in), MSG_PEEK));
	EXPECT_EQ(2, recv(to, in, sizeof(in), 0));
	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_PEEK | MSG_DONTWAIT)));
}

TEST_F(sock, peek_of_nothing)
{
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(0, send(fd, "", 0, 0));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(0, recv(to, in, 1, MSG_PEEK));
	EXPECT_EQ(0, recv(to, in, 1, 0));
	EXPECT_EQ(1, recv(to, in, 1, 0));
}

TEST_F(sock, peek_with_an_offset)
{
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(-1, get_int(to, SOL_SOCKET, SO_PEEK_OFF));
	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_PEEK_OFF, 1));
	EXPECT_EQ(6, send(fd, "abcdef", 6, 0));
	EXPECT_EQ(4, send(fd, "ghij", 4, 0));
	EXPECT_EQ(2, recv(to, in, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp("bc", in, 2));
	EXPECT_EQ(3, recv(to, in, 9, MSG_PEEK));
	EXPECT_EQ(0, memcmp("def", in, 3));
	/* On into the second, and back as the first leaves */
	EXPECT_EQ(2, recv(to, in, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp("gh", in, 2));
	EXPECT_EQ(8, get_int(to, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(6, recv(to, in, 9, 0));
	EXPECT_EQ(2, get_int(to, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(2, recv(to, in, 9, MSG_PEEK));
	EXPECT_EQ(0, memcmp("ij", in, 2));
	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_PEEK_OFF, -1));
	EXPECT_EQ(4, recv(to, in, 9, MSG_PEEK));
}

TEST_F(sock, nothing_comes)
{
	struct timeval tv = { .tv_usec = 50000 };
	int fd = bound(variant->family, OWN, PORT);
	long before;

	before = sleeps();
	EXPECT_EQ(EAGAIN, err(recv(fd, in, 1, MSG_DONTWAIT)));
	EXPECT_EQ(before, sleeps());
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT_EQ(EAGAIN, err(recv(fd, in, 1, MSG_DONTWAIT)));
	EXPECT_EQ(before, sleeps());
	EXPECT_EQ(EAGAIN, err(recv(fd, in, 1, 0)));
	EXPECT_LT(before, sleeps());
	before = sleeps();
	EXPECT_EQ(EAGAIN, err(recv(fd, in, 1, MSG_PEEK)));
	EXPECT_LT(before, sleeps());
}

static void handler(int sig)
{
}

/* Without SA_RESTART; signals again until the call has begun and ended */
static void interrupt_me(void)
{
	struct itimerval again = { .it_interval.tv_usec = 20000,
				   .it_value.tv_usec = 20000 };
	struct sigaction action = { .sa_handler = handler };

	sigaction(SIGVTALRM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &again, NULL);
}

TEST_F(sock, a_signal_comes)
{
	int fd = bound(variant->family, OWN, PORT);

	interrupt_me();
	EXPECT_EQ(EINTR, err(recv(fd, in, 1, 0)));
}

static void *send_later(void *arg)
{
	/* Late enough to find the reader asleep; early would pass, too. */
	poll(NULL, 0, 20);
	return (void *)send(*(int *)arg, "x", 1, 0);
}

TEST_F(sock, a_reader_wakes)
{
	int to, fd = pair(variant->family, &to);
	pthread_t thread;
	void *sent;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, &fd));
	EXPECT_EQ(1, recv(to, in, 1, 0));
	pthread_join(thread, &sent);
	EXPECT_EQ(1, (long)sent);
}

TEST_F(sock, a_peeker_wakes)
{
	int to, fd = pair(variant->family, &to);
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, &fd));
	EXPECT_EQ(1, recv(to, in, 1, MSG_PEEK));
	EXPECT_EQ(1, recv(to, in, 1, 0));
	pthread_join(thread, NULL);
}

/* The flags of the calls. 0: done, and the datagram is as ever */
static const struct {
	const char *what;
	int flags, udp, ttp;
} send_flags[] = {
	{ "none", 0, 0, 0 },
	{ "MSG_OOB", MSG_OOB, EOPNOTSUPP, EOPNOTSUPP },
	{ "MSG_DONTROUTE", MSG_DONTROUTE, 0, 0 },
	{ "MSG_CONFIRM", MSG_CONFIRM, 0, 0 },
	{ "MSG_DONTWAIT", MSG_DONTWAIT, 0, 0 },
	{ "MSG_NOSIGNAL", MSG_NOSIGNAL, 0, 0 },
	{ "MSG_EOR", MSG_EOR, 0, 0 },
	{ "MSG_TRUNC", MSG_TRUNC, 0, 0 },
	{ "MSG_PEEK", MSG_PEEK, 0, 0 },
	{ "MSG_WAITALL", MSG_WAITALL, 0, 0 },
	{ "MSG_ZEROCOPY without SO_ZEROCOPY", MSG_ZEROCOPY, 0, 0 },
	{ "MSG_FASTOPEN", MSG_FASTOPEN, 0, 0 },
	{ "a bit that nobody knows", 1 << 24, 0, 0 },
}, recv_flags_table[] = {
	{ "none", 0, 0, 0 },
	{ "MSG_OOB", MSG_OOB, 0, 0 },
	{ "MSG_DONTWAIT", MSG_DONTWAIT, 0, 0 },
	{ "MSG_WAITALL", MSG_WAITALL, 0, 0 },
	{ "MSG_ERRQUEUE", MSG_ERRQUEUE, EAGAIN, EAGAIN },
	{ "MSG_CMSG_CLOEXEC", MSG_CMSG_CLOEXEC, 0, 0 },
	{ "a bit that nobody knows", 1 << 24, 0, 0 },
};

TEST_F(sock, flags_of_send)
{
	int to, fd = pair(variant->family, &to), want;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(send_flags); i++) {
		want = variant->protocol == IPPROTO_UDP ? send_flags[i].udp :
							  send_flags[i].ttp;
		EXPECT_EQ(want, err(send(fd, "x", 1, send_flags[i].flags)))
			TH_LOG("%s", send_flags[i].what);
		EXPECT_EQ(want ? -1 : 1,
			  want ? recv(to, in, 9, MSG_DONTWAIT) :
				 get(to, in, 9))
			TH_LOG("%s", send_flags[i].what);
	}
}

TEST_F(sock, flags_of_recv)
{
	int to, fd = pair(variant->family, &to), want;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(recv_flags_table); i++) {
		want = variant->protocol == IPPROTO_UDP ?
		       recv_flags_table[i].udp : recv_flags_table[i].ttp;
		EXPECT_EQ(1, send(fd, "x", 1, 0));
		ASSERT_EQ(POLLIN, await(to, POLLIN, WAIT_MS));
		EXPECT_EQ(want, err(recv(to, in, 9,
					 recv_flags_table[i].flags)))
			TH_LOG("%s", recv_flags_table[i].what);
		if (want)
			EXPECT_EQ(1, recv(to, in, 9, 0));
		EXPECT_EQ(EAGAIN, err(recv(to, in, 9, MSG_DONTWAIT)));
	}
}

/* MSG_PROBE confirms a neighbour and sends nothing. */
TEST_F(sock, probe)
{
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(0, send(fd, "", 0, MSG_CONFIRM | MSG_PROBE));
	EXPECT_EQ(5, send(fd, "probe", 5, MSG_CONFIRM | MSG_PROBE));
	EXPECT_EQ(5, send(fd, "probe", 5, MSG_PROBE));
	EXPECT_EQ(5, send(fd, "probe", 5, MSG_PROBE | MSG_MORE));
	EXPECT_TRUE(settle());
	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_DONTWAIT)));
}

TEST_F(sock, bad_pointers_to_send)
{
	int to, fd = pair(variant->family, &to);
	struct iovec iov[2] = { { out, 1 }, { nowhere(), 1 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	EXPECT_EQ(EFAULT, err(send(fd, nowhere(), 1, 0)));
	EXPECT_EQ(EFAULT, err(send(fd, nowhere(), 8000, 0)));
	EXPECT_EQ(EFAULT, err(send(fd, nowhere(), 65507, 0)));
	EXPECT_EQ(EMSGSIZE, err(send(fd, nowhere(), 65508, 0)));
	EXPECT_EQ(EFAULT, err(sendmsg(fd, &msg, 0)));
	msg.msg_iov = nowhere();
	EXPECT_EQ(EFAULT, err(sendmsg(fd, &msg, 0)));
	EXPECT_EQ(EFAULT, err(sendmsg(fd, nowhere(), 0)));
	EXPECT_EQ(EFAULT, err(sendto(fd, out, 1, 0, nowhere(), 16)));
	msg = (struct msghdr){ .msg_name = nowhere(), .msg_namelen = 16 };
	EXPECT_EQ(EFAULT, err(sendmsg(fd, &msg, 0)));
	msg = (struct msghdr){ .msg_control = nowhere(), .msg_controllen = 32 };
	EXPECT_EQ(EFAULT, err(sendmsg(fd, &msg, 0)));

	/* Nothing of it was sent; nothing of it is still charged. */
	EXPECT_TRUE(settle());
	EXPECT_EQ(EAGAIN, err(recv(to, in, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, get(to, in, 1));
}

TEST_F(sock, bad_pointers_to_receive)
{
	int to, fd = pair(variant->family, &to), i;
	struct sockaddr_in sin;
	socklen_t len;

	fill(8000, 1);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(8000, send(fd, out, 8000, 0));
	EXPECT_EQ(EFAULT, err(recv(to, nowhere(), 8000, MSG_PEEK)));
	/* Peeking, it is still there; else it is gone. */
	EXPECT_EQ(EFAULT, err(recv(to, nowhere(), 8000, 0)));
	EXPECT_EQ(EFAULT, err(recvmsg(to, nowhere(), 0)));
	len = sizeof(sin);
	EXPECT_EQ(EFAULT, err(recvfrom(to, in, 8000, 0, nowhere(), &len)));
	EXPECT_EQ(EFAULT, err(recvfrom(to, in, 8000, 0, (void *)&sin,
				       nowhere())));
	len = -1;
	EXPECT_EQ(EINVAL, err(recvfrom(to, in, 8000, 0, (void *)&sin, &len)));
	/* An error after the datagram was taken has lost it: two are left. */
	EXPECT_EQ(8000, recv(to, in, 8000, MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(in, out, 8000));
	EXPECT_EQ(8000, recv(to, in, 8000, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, err(recv(to, in, 8000, MSG_DONTWAIT)));
}

#define THREADS		4
#define ROUNDS		250

struct worker {
	int fd, nr, got;
	unsigned char *seen;
	pthread_t thread;
};

static void *send_all(void *arg)
{
	struct worker *w = arg;
	unsigned int nr;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		nr = w->nr * ROUNDS + i;
		if (send(w->fd, &nr, sizeof(nr), 0) != sizeof(nr))
			break;
	}
	return NULL;
}

/* Until shutdown(): UDP may leave one of many readers asleep, though there is
 * something for it, when another has taken more from the queue than it reads.
 */
static void *recv_all(void *arg)
{
	struct worker *w = arg;
	unsigned int nr;

	while (recv(w->fd, &nr, sizeof(nr), 0) == sizeof(nr) &&
	       nr < THREADS * ROUNDS) {
		__atomic_add_fetch(&w->seen[nr], 1, __ATOMIC_SEQ_CST);
		w->got++;
	}
	return NULL;
}

/* All threads on all CPUs share two sockets; each datagram comes out once. */
TEST_F(sock, threads)
{
	struct worker senders[THREADS], readers[THREADS];
	int to, fd = pair(variant->family, &to), i, got = 0;
	static unsigned char seen[THREADS * ROUNDS];
	cpu_set_t all;
	long limit;

	memset(&all, 0xff, sizeof(all));
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(all), &all));
	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20));
	for (i = 0; i < THREADS; i++) {
		readers[i] = (struct worker){ .fd = to, .seen = seen };
		senders[i] = (struct worker){ .fd = fd, .nr = i };
		ASSERT_EQ(0, pthread_create(&readers[i].thread, NULL, recv_all,
					    &readers[i]));
		ASSERT_EQ(0, pthread_create(&senders[i].thread, NULL, send_all,
					    &senders[i]));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(senders[i].thread, NULL);
	EXPECT_EQ(ENOTCONN, err(shutdown(to, SHUT_RD)));
	for (i = 0; i < THREADS; i++) {
		pthread_join(readers[i].thread, NULL);
		got += readers[i].got;
	}
	/* What nobody has read, or is still on its way on another CPU */
	limit = now_ms() + WAIT_MS;
	while (got < THREADS * ROUNDS && now_ms() < limit) {
		if (recv(to, &i, sizeof(i), MSG_DONTWAIT) != sizeof(i))
			continue;
		seen[i]++;
		got++;
	}
	EXPECT_EQ(THREADS * ROUNDS, got);
	for (i = 0; i < THREADS * ROUNDS; i++)
		EXPECT_EQ(1, seen[i]);
}

TEST_HARNESS_MAIN
