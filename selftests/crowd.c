// SPDX-License-Identifier: GPL-2.0
/*
 * A crowded port: a thousand sockets, connected to a peer each, one that hears
 * everybody else, one that hears another address. Each datagram finds its own,
 * whatever the others do meanwhile.
 */
#define NEEDS "VETH"
#include "ttp_test.h"

#include <pthread.h>
#include <sys/resource.h>

#define CROWD		1000
#define PEERS		10000	/* the first peer's port: 127.0.0.2:10000 */
#define FROM		"127.0.0.2"
#define OTHER		"127.0.0.8"	/* another address of this host */

static int fds[CROWD], server, elsewhere;

static int join(int family, const char *ip)
{
	int fd = dgram(family);

	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
	    bind_to(fd, family, ip, PORT)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The server comes in the middle, after who has an address: its place in the
 * list is no help.
 */
static int gather(int family)
{
	struct rlimit files = { CROWD + 100, CROWD + 100 };
	int i;

	if (setrlimit(RLIMIT_NOFILE, &files))
		return -1;
	for (i = 0; i < CROWD; i++) {
		if (i == CROWD / 2) {
			elsewhere = join(family, OTHER);
			server = join(family, "0.0.0.0");
		}
		fds[i] = join(family, "0.0.0.0");
		if (fds[i] < 0 ||
		    connect_to(fds[i], family, FROM, PEERS + i))
			return -1;
	}
	return server < 0 || elsewhere < 0 ? -1 : 0;
}

/* From a port of FROM's, to the crowd's */
static int speak(int family, int port, const char *ip)
{
	int fd = bound(family, FROM, port), ret;

	ret = send_to(fd, &port, sizeof(port), family, ip, PORT);
	close(fd);
	return ret == sizeof(port) ? 0 : -1;
}

/* What a socket has heard: the one speaker's port; 0: nobody, -1: several */
static int heard(int fd)
{
	int port, more;

	if (recv(fd, &port, sizeof(port), MSG_DONTWAIT) != sizeof(port))
		return 0;
	return recv(fd, &more, sizeof(more), MSG_DONTWAIT) < 0 ? port : -1;
}

/* Each peer speaks, and a stranger, and somebody to the other address; how
 * many of these went astray
 */
static int astray(int family)
{
	int i, wrong = 0;

	for (i = 0; i < CROWD; i++)
		wrong += !!speak(family, PEERS + i, OWN);
	wrong += !!speak(family, PEERS + CROWD, OWN);
	wrong += !!speak(family, PEERS, OTHER);
	wrong += !settle();
	for (i = 0; i < CROWD; i++)
		wrong += heard(fds[i]) != PEERS + i;
	wrong += heard(server) != PEERS + CROWD;
	wrong += heard(elsewhere) != PEERS;
	return wrong;
}

/* Who hears what a port says: one of the crowd; CROWD: the server; -1: none */
static int listener(int family, int port)
{
	int i, who = -1;

	if (speak(family, port, OWN) || !settle())
		return -2;
	for (i = 0; i < CROWD; i++)
		if (heard(fds[i]) == port)
			who = i;
	if (heard(server) == port)
		who = CROWD;
	return who;
}

static struct {
	int family, cpu;
	unsigned long times;
	bool stop;
} others;

/* Sockets of the same port that are born, connect here, connect there, die */
static void *come_and_go(void *arg)
{
	unsigned long n;
	int fd;

	leave_cpu(others.cpu);
	for (n = 0; !__atomic_load_n(&others.stop, __ATOMIC_RELAXED); n++) {
		fd = join(others.family, "127.0.0.9");
		connect_to(fd, others.family, FROM, PEERS + n % CROWD);
		connect_to(fd, others.family, "127.0.0.3", 1 + n % CROWD);
		disconnect(fd);
		connect_to(fd, others.family, FROM, PEERS + n % CROWD);
		close(fd);
	}
	others.times = n;
	return arg;
}

TEST_F_TIMEOUT(sock, each_hears_its_own, LONG)
{
	pthread_t thread;

	ASSERT_EQ(0, gather(variant->family));
	others.family = variant->family;
	others.cpu = sched_getcpu();
	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, NULL));
	EXPECT_EQ(0, astray(variant->family));
	__atomic_store_n(&others.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_LT(10, others.times);
	EXPECT_EQ(0, astray(variant->family));
}

TEST_F_TIMEOUT(sock, peers_change, LONG)
{
	int family = variant->family, fd, who;

	ASSERT_EQ(0, gather(family));
	fd = fds[7];
	ASSERT_EQ(7, listener(family, PEERS + 7));

	/* Another peer: nobody's until now */
	ASSERT_EQ(CROWD, listener(family, 9000));
	ASSERT_EQ(0, connect_to(fd, family, FROM, 9000));
	EXPECT_EQ(7, listener(family, 9000));
	EXPECT_EQ(CROWD, listener(family, PEERS + 7));

	/* One that cannot be had: it keeps the old one. */
	EXPECT_EQ(ENETUNREACH, err(connect_to(fd, family, "192.0.2.1", 1)));
	EXPECT_EQ(EACCES, err(connect_to(fd, family, "127.255.255.255", 1)));
	EXPECT_EQ(7, listener(family, 9000));

	/* A device that the peer is not behind */
	ASSERT_EQ(0, add_device());
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "v0", 2));
	EXPECT_EQ(CROWD, listener(family, 9000));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	EXPECT_EQ(7, listener(family, 9000));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0));

	/* Of two with one peer the one that stays; which of both, as long as
	 * they are two, is asked in compare_lookup.
	 */
	ASSERT_EQ(0, connect_to(fd, family, FROM, PEERS + 8));
	who = listener(family, PEERS + 8);
	EXPECT_TRUE(who == 7 || who == 8);
	close(fds[8]);
	fds[8] = -1;
	EXPECT_EQ(7, listener(family, PEERS + 8));
	EXPECT_EQ(CROWD, listener(family, 9000));

	/* And when nobody is left, the server hears that peer, too. */
	close(fd);
	fds[7] = -1;
	EXPECT_EQ(CROWD, listener(family, PEERS + 8));
	EXPECT_EQ(9, listener(family, PEERS + 9));
}

/* A port of one socket spares itself the weighing, but not the question. */
TEST_F(sock, the_only_one_is_asked)
{
	int family = variant->family;

	memset(fds, -1, sizeof(fds));
	server = -1;
	fds[0] = join(family, OTHER);
	EXPECT_EQ(-1, listener(family, 9000));
	close(fds[0]);
	fds[0] = join(family, "0.0.0.0");
	EXPECT_EQ(0, listener(family, 9000));
	ASSERT_EQ(0, connect_to(fds[0], family, FROM, 9001));
	EXPECT_EQ(-1, listener(family, 9000));
	EXPECT_EQ(0, listener(family, 9001));
	ASSERT_EQ(0, disconnect(fds[0]));
	EXPECT_EQ(0, listener(family, 9000));
}

TEST_HARNESS_MAIN
