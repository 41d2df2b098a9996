// SPDX-License-Identifier: GPL-2.0
/*
 * One datagram in pieces: MSG_MORE, UDP_CORK and TTP_CORK, sendfile() and
 * splice().
 */
#define BOTH_DOORS
#include "told.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#define MSG_PROBE	0x10	/* not in libc's headers */

static char in[70000], out[70000];

static int cork(int fd, int protocol, int on)
{
	return set_int(fd, protocol, TTP_CORK, on);
}

/* Has nothing come, and will nothing come? */
static bool silent(int fd)
{
	return settle() && err(recv(fd, in, 1, MSG_DONTWAIT)) == EAGAIN;
}

TEST_F(sock, more)
{
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(3, send(fd, "one", 3, MSG_MORE));
	EXPECT_EQ(3, send(fd, "two", 3, MSG_MORE));
	EXPECT_TRUE(silent(to));
	EXPECT_EQ(5, send(fd, "three", 5, 0));
	EXPECT_EQ(11, get(to, in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, "onetwothree", 11));
	/* And then as ever */
	EXPECT_EQ(4, send(fd, "four", 4, 0));
	EXPECT_EQ(4, get(to, in, sizeof(in)));
}

TEST_F(sock, corked)
{
	int to, fd = pair(variant->family, &to);

	ASSERT_EQ(0, cork(fd, variant->protocol, 1));
	EXPECT_EQ(3, send(fd, "one", 3, 0));
	EXPECT_EQ(3, send(fd, "two", 3, MSG_MORE));
	EXPECT_EQ(5, send(fd, "three", 5, 0));
	EXPECT_TRUE(silent(to));
	ASSERT_EQ(0, cork(fd, variant->protocol, 1));
	EXPECT_TRUE(silent(to));
	ASSERT_EQ(0, cork(fd, variant->protocol, 0));
	EXPECT_EQ(11, get(to, in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, "onetwothree", 11));
	/* There is nothing more. */
	ASSERT_EQ(0, cork(fd, variant->protocol, 0));
	EXPECT_TRUE(silent(to));
}

/* Off sends what MSG_MORE left, too. */
TEST_F(sock, uncorked_more)
{
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(3, send(fd, "one", 3, MSG_MORE));
	ASSERT_EQ(0, cork(fd, variant->protocol, 0));
	EXPECT_EQ(3, get(to, in, sizeof(in)));
}

/* Pieces of nothing are pieces, too. */
TEST_F(sock, empty_pieces)
{
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(0, send(fd, "", 0, MSG_MORE));
	EXPECT_EQ(0, send(fd, "", 0, MSG_MORE));
	EXPECT_TRUE(silent(to));
	EXPECT_EQ(0, send(fd, "", 0, 0));
	EXPECT_EQ(0, get(to, in, sizeof(in)));
	EXPECT_EQ(0, send(fd, "", 0, MSG_MORE));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, get(to, in, sizeof(in)));
	EXPECT_TRUE(silent(to));
}

/* A flag of a piece that is not the first, with its verdict; and what becomes
 * of the pieces then: 2 both leave, 1 the first does with what follows, 0 they
 * wait, -1 they are gone.
 */
static const struct {
	const char *what;
	int flags, verdict, fate;
} flags[] = {
	{ "MSG_PROBE", MSG_PROBE, 0, 1 },
	{ "MSG_PROBE, MSG_MORE", MSG_PROBE | MSG_MORE, 0, 0 },
	{ "MSG_CONFIRM", MSG_CONFIRM, 0, 2 },
	{ "MSG_DONTROUTE", MSG_DONTROUTE, 0, 2 },
	{ "MSG_OOB", MSG_OOB, EOPNOTSUPP, 0 },
	{ "MSG_DONTWAIT", MSG_DONTWAIT, 0, 2 },
};

TEST_F(sock, flags_of_pieces)
{
	int to, fd = pair(variant->family, &to);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(1, send(fd, "1", 1, MSG_MORE));
		EXPECT_EQ(flags[i].verdict,
			  err(send(fd, "2", 1, flags[i].flags)))
			TH_LOG("%s", flags[i].what);
		if (flags[i].fate <= 0) {
			EXPECT_TRUE(silent(to))
				TH_LOG("%s", flags[i].what);
			EXPECT_EQ(1, send(fd, "3", 1, 0));
		}
		EXPECT_EQ(flags[i].fate == 1 ? 1 : 2, get(to, in, sizeof(in)))
			TH_LOG("%s", flags[i].what);
	}
	/* Of the first: it confirms, and there is nothing to add to. */
	EXPECT_EQ(1, send(fd, "1", 1, MSG_MORE | MSG_PROBE));
	EXPECT_EQ(1, send(fd, "2", 1, 0));
	EXPECT_EQ(1, get(to, in, sizeof(in)));
	EXPECT_EQ('2', in[0]);
}

/* The first piece says where to; what others say is not even looked at. */
TEST_F(sock, addresses_of_pieces)
{
	int fd = dgram(variant->family);
	int other = bound(variant->family, OWN2, PORT);
	int to = bound(variant->family, OWN, PORT);
	struct sockaddr_in bad = at(AF_UNIX, OWN, 0);
	struct sockaddr_in one = at(variant->family, OWN, PORT);
	struct sockaddr_in two = at(variant->family, OWN2, PORT);

	EXPECT_EQ(EDESTADDRREQ, err(send(fd, "x", 1, MSG_MORE)));
	EXPECT_EQ(EAFNOSUPPORT, err(sendto(fd, "x", 1, MSG_MORE, (void *)&bad,
					   sizeof(bad))));
	EXPECT_EQ(1, sendto(fd, "1", 1, MSG_MORE, (void *)&one, sizeof(one)));
	EXPECT_EQ(1, sendto(fd, "2", 1, MSG_MORE, (void *)&two, sizeof(two)));
	EXPECT_EQ(1, sendto(fd, "3", 1, MSG_MORE, (void *)&bad, sizeof(bad)));
	EXPECT_EQ(1, send(fd, "4", 1, 0));
	EXPECT_EQ(4, get(to, in, sizeof(in)));
	EXPECT_TRUE(silent(other));
	EXPECT_EQ(EDESTADDRREQ, err(send(fd, "x", 1, 0)));
}

/* So with control messages; but not with what the socket is told meanwhile. */
TEST_F(sock, wishes_of_pieces)
{
	union {
		char room[CMSG_SPACE(4)];
		struct cmsghdr hdr;
	} c = { .hdr = { CMSG_LEN(4), SOL_IP, IP_TTL } };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof(c),
	};
	int to, fd = pair(variant->family, &to);

	ASSERT_EQ(0, set_int(to, SOL_IP, IP_RECVTTL, 1));
	*(int *)CMSG_DATA(&c.hdr) = 5;
	EXPECT_EQ(1, sendmsg(fd, &msg, MSG_MORE));
	*(int *)CMSG_DATA(&c.hdr) = 500;
	EXPECT_EQ(1, sendmsg(fd, &msg, MSG_MORE));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(5, hear(to, 0).ttl);

	EXPECT_EQ(1, send(fd, "x", 1, MSG_MORE));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_TTL, 9));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(9, hear(to, 0).ttl);
}

/* connect() turns round what has not left, by the old peer's route. */
TEST_F(sock, connect_between_pieces)
{
	int to, fd = pair(variant->family, &to);
	int other = bound(variant->family, OWN2, PORT);

	EXPECT_EQ(1, send(fd, "x", 1, MSG_MORE));
	ASSERT_EQ(0, connect_to(fd, variant->family, OWN2, PORT));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(2, get(other, in, sizeof(in)));
	EXPECT_EQ(-1, recv(to, in, sizeof(in), MSG_DONTWAIT));
}

/* As much as fits, and one byte more, which costs everything */
TEST_F(sock, too_much)
{
	static const struct {
		size_t first, second;
		int verdict;
	} rows[] = {
		{ 65507, 0, 0 }, { 65506, 1, 0 }, { 1, 65506, 0 },
		{ 30000, 35507, 0 },
		{ 65507, 1, EMSGSIZE }, { 1, 65507, EMSGSIZE },
		{ 40000, 40000, EMSGSIZE },
	};
	int to, fd = pair(variant->family, &to);
	size_t i, sum;

	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + i / 256;
	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUF, 1 << 20));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		sum = rows[i].first + rows[i].second;
		EXPECT_EQ(rows[i].first,
			  send(fd, out, rows[i].first, MSG_MORE));
		EXPECT_EQ(rows[i].verdict,
			  err(send(fd, out + rows[i].first, rows[i].second,
				   0)))
			TH_LOG("%zu and %zu", rows[i].first, rows[i].second);
		if (!rows[i].verdict) {
			EXPECT_EQ(sum, get(to, in, sizeof(in)));
			EXPECT_EQ(0, memcmp(in, out, sum));
		}
		/* What was too much takes the rest along. */
		EXPECT_EQ(1, send(fd, "x", 1, 0));
		EXPECT_EQ(1, get(to, in, sizeof(in)));
	}
	EXPECT_EQ(EMSGSIZE, err(send(fd, out, 65508, MSG_MORE)));
	EXPECT_EQ(EMSGSIZE, err(send(fd, out, 65536, MSG_MORE)));
	/* A length that no datagram has is refused before anything happens. */
	EXPECT_EQ(1, send(fd, "1", 1, MSG_MORE));
	EXPECT_EQ(EMSGSIZE, err(send(fd, out, 65536, MSG_MORE)));
	EXPECT_EQ(1, send(fd, "2", 1, 0));
	EXPECT_EQ(2, get(to, in, sizeof(in)));
}

/* Over the MTU: fragments, or not */
TEST_F(sock, over_the_mtu)
{
	int to, fd, i, level = SOL_IP;
	struct told t;

	ASSERT_EQ(0, system("ip link set lo mtu 1500"));
	fd = pair(variant->family, &to);
	for (i = 0; i < 5; i++)
		EXPECT_EQ(1000, send(fd, out, 1000, MSG_MORE));
	EXPECT_EQ(1, send(fd, out, 1, 0));
	EXPECT_EQ(5001, get(to, in, sizeof(in)));

	ASSERT_EQ(0, set_int(fd, level, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	ASSERT_EQ(0, set_int(fd, level, IP_RECVERR, 1));
	EXPECT_EQ(1472, send(fd, out, 1472, MSG_MORE));
	EXPECT_EQ(EMSGSIZE, err(send(fd, out, 1, 0)));
	t = hear(fd, MSG_ERRQUEUE);
	EXPECT_EQ(SO_EE_ORIGIN_LOCAL, t.ee.ee_origin);
	EXPECT_EQ(EMSGSIZE, t.ee.ee_errno);
	EXPECT_EQ(1500, t.ee.ee_info);
	EXPECT_TRUE(silent(to));
	EXPECT_EQ(1000, send(fd, out, 1000, MSG_MORE));
	EXPECT_EQ(472, send(fd, out, 472, 0));
	EXPECT_EQ(1472, get(to, in, sizeof(in)));
}

/* Many small ones, with another socket's between: no two lie side by side. */
TEST_F(sock, many_small_pieces)
{
	int to, fd, other, i;

	/* UDP makes a fragment of its own of what is over the MTU, with room
	 * for 17 pieces each.
	 */
	ASSERT_EQ(0, system("ip link set lo mtu 600"));
	fd = pair(variant->family, &to);
	other = dgram(variant->family);
	ASSERT_EQ(0, connect_to(other, variant->family, OWN, PORT));
	for (i = 0; i < 60; i++) {
		memset(out + i * 100, i, 100);
		EXPECT_EQ(100, send(fd, out + i * 100, 100, MSG_MORE))
			TH_LOG("piece %d", i);
		EXPECT_EQ(100, send(other, out, 100, MSG_MORE));
	}
	EXPECT_EQ(0, send(fd, out, 0, 0));
	EXPECT_EQ(6000, get(to, in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, out, 6000));
}

/* A piece that cannot be read costs the others. */
TEST_F(sock, bad_pieces)
{
	struct sockaddr_in far = at(variant->family, "192.0.2.1", 1);
	void *nowhere = mmap(NULL, 4096, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(EFAULT, err(send(fd, nowhere, 1, MSG_MORE)));
	EXPECT_EQ(1, send(fd, "1", 1, MSG_MORE));
	EXPECT_EQ(EFAULT, err(send(fd, nowhere, 1, 0)));
	EXPECT_EQ(1, send(fd, "2", 1, 0));
	EXPECT_EQ(1, get(to, in, sizeof(in)));
	EXPECT_EQ('2', in[0]);
	EXPECT_TRUE(silent(to));

	/* A first piece that has nowhere to go costs none. */
	EXPECT_EQ(ENETUNREACH,
		  err(sendto(fd, "1", 1, MSG_MORE, (void *)&far,
			     sizeof(far))));
	EXPECT_EQ(1, send(fd, "3", 1, 0));
	EXPECT_EQ(1, get(to, in, sizeof(in)));
	EXPECT_EQ('3', in[0]);
}

/* Closed: nothing leaves, and what was charged goes. */
TEST_F(sock, closed)
{
	int to, fd, i;

	for (i = 0; i < 3; i++) {
		fd = pair(variant->family, &to);
		EXPECT_EQ(5000, send(fd, out, 5000, MSG_MORE));
		if (i == 1)
			EXPECT_EQ(0, disconnect(fd));
		if (i == 2)
			EXPECT_EQ(0, shutdown(fd, SHUT_RDWR));
		EXPECT_EQ(0, close(fd));
		EXPECT_TRUE(silent(to));
		close(to);
	}
}

/* Pieces count against SO_SNDBUF, the first waits for room. */
TEST_F(sock, room)
{
	int to, fd = pair(variant->family, &to), held;

	EXPECT_EQ(5000, send(fd, out, 5000, MSG_MORE));
	EXPECT_EQ(0, ioctl(fd, TIOCOUTQ, &held));
	EXPECT_LT(5000, held);
	EXPECT_EQ(5000, send(fd, out, 5000, 0));
	EXPECT_EQ(10000, get(to, in, sizeof(in)));
	EXPECT_EQ(0, ioctl(fd, TIOCOUTQ, &held));
	EXPECT_EQ(0, held);
}

static int file_of(size_t len)
{
	int fd = memfd_create("file", 0);

	return write(fd, out, len) == (ssize_t)len &&
	       lseek(fd, 0, SEEK_SET) == 0 ? fd : -1;
}

/* A file's bytes are one datagram, if the end is known; else they wait for
 * the end. Lengths of what comes, up to the first that is not there
 */
TEST_F(sock, sendfile)
{
	static const struct {
		size_t file, asked;
	} rows[] = {
		{ 3000, 3000 }, { 3000, 1000 }, { 3000, 9000 }, { 10000, 10000 },
		{ 1, 1 }, { 4096, 4096 },
	};
	int to, fd = pair(variant->family, &to), file;
	size_t i, want;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		file = file_of(rows[i].file);
		want = rows[i].asked < rows[i].file ? rows[i].asked :
						      rows[i].file;
		EXPECT_EQ(want, sendfile(fd, file, NULL, rows[i].asked))
			TH_LOG("%zu of %zu", rows[i].asked, rows[i].file);
		EXPECT_EQ(want, get(to, in, sizeof(in)))
			TH_LOG("%zu of %zu", rows[i].asked, rows[i].file);
		EXPECT_EQ(0, memcmp(in, out, want));
		EXPECT_TRUE(silent(to));
		close(file);
	}
	/* A header before it */
	file = file_of(5000);
	EXPECT_EQ(6, send(fd, "header", 6, MSG_MORE));
	EXPECT_EQ(5000, sendfile(fd, file, NULL, 5000));
	EXPECT_EQ(5006, get(to, in, sizeof(in)));
	/* Corked, it waits. */
	ASSERT_EQ(0, cork(fd, variant->protocol, 1));
	lseek(file, 0, SEEK_SET);
	EXPECT_EQ(5000, sendfile(fd, file, NULL, 9000));
	EXPECT_TRUE(silent(to));
	ASSERT_EQ(0, cork(fd, variant->protocol, 0));
	EXPECT_EQ(5000, get(to, in, sizeof(in)));
}

TEST_F(sock, splice)
{
	int to, fd = pair(variant->family, &to), pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(5, write(pipes[1], "hello", 5));
	EXPECT_EQ(5, splice(pipes[0], NULL, fd, NULL, 5, SPLICE_F_MORE));
	EXPECT_TRUE(silent(to));
	EXPECT_EQ(5, write(pipes[1], "world", 5));
	EXPECT_EQ(5, splice(pipes[0], NULL, fd, NULL, 5, 0));
	EXPECT_EQ(10, get(to, in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, "helloworld", 10));
}

/* Raw sockets have no pieces, as before. */
TEST_F(ttp, raw)
{
	int fd = socket(AF_TTP, SOCK_RAW, 0);

	ASSERT_EQ(0, connect_to(fd, AF_TTP, OWN, 0));
	EXPECT_EQ(EOPNOTSUPP, err(send(fd, out, 8, MSG_MORE)));
	EXPECT_EQ(ENOPROTOOPT, err(cork(fd, SOL_TTP, 1)));
	EXPECT_EQ(-1, get_int(fd, SOL_TTP, TTP_CORK));
}

#define ROUNDS	2000

static void *toggle(void *arg)
{
	int i, *fd = arg;

	leave_cpu(sched_getcpu());
	for (i = 0; i < ROUNDS; i++)
		cork(fd[0], fd[1], i & 1);
	return NULL;
}

/* Threads cork, send pieces and datagrams on one socket: nothing is lost that
 * the calls did not say is, and nothing stays.
 */
TEST_F(sock, threads)
{
	int to, fd = pair(variant->family, &to), held, i;
	int arg[2] = { fd, variant->protocol };
	long sent = 0, got = 0;
	pthread_t thread;
	ssize_t n;

	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24));
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle, arg));
	for (i = 0; i < ROUNDS; i++) {
		n = send(fd, out, 10, i % 3 ? MSG_MORE : 0);
		if (n == 10)
			sent += n;
		else
			/* Somebody else's piece was first. */
			EXPECT_EQ(EINVAL, errno);
	}
	pthread_join(thread, NULL);
	ASSERT_EQ(0, cork(fd, variant->protocol, 0));
	EXPECT_TRUE(settle());
	while ((n = recv(to, in, sizeof(in), MSG_DONTWAIT)) >= 0)
		got += n;
	EXPECT_EQ(sent, got);
	EXPECT_EQ(0, ioctl(fd, TIOCOUTQ, &held));
	EXPECT_EQ(0, held);
}

TEST_HARNESS_MAIN
