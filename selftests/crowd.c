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

/* --- one port of many addresses ------------------------------------------- */

#define ADDRS	300

/* 127.1.0.1 and so on */
static const char *nth_addr(int i)
{
	static char ip[16];

	snprintf(ip, sizeof(ip), "127.1.%d.%d", i / 250, 1 + i % 250);
	return ip;
}

/* A socket at each address, all of PORT; how many could not be had */
static int spread(int family, bool reuse)
{
	int i, missing = 0;

	for (i = 0; i < ADDRS; i++) {
		fds[i] = reuse ? join(family, nth_addr(i)) :
				 bound(family, nth_addr(i), PORT);
		missing += fds[i] < 0;
	}
	return missing;
}

TEST_F(sock, each_address_is_its_own)
{
	int family = variant->family, i, wrong = 0;

	ASSERT_EQ(0, spread(family, false));
	EXPECT_EQ(EADDRINUSE, err(bound(family, nth_addr(0), PORT)));
	EXPECT_EQ(EADDRINUSE, err(bound(family, nth_addr(ADDRS - 1), PORT)));
	EXPECT_EQ(EADDRINUSE, err(bound(family, ANY, PORT)));

	for (i = 0; i < ADDRS; i++)
		wrong += !!speak(family, PEERS + i, nth_addr(i));
	ASSERT_TRUE(settle());
	for (i = 0; i < ADDRS; i++)
		wrong += heard(fds[i]) != PEERS + i;
	EXPECT_EQ(0, wrong);

	for (i = 1; i < ADDRS; i += 2)
		close(fds[i]);
	for (i = 0; i < ADDRS; i += 2)
		wrong += err(bound(family, nth_addr(i), PORT)) != EADDRINUSE;
	for (i = 1; i < ADDRS; i += 2) {
		fds[i] = bound(family, nth_addr(i), PORT);
		wrong += fds[i] < 0;
	}
	EXPECT_EQ(0, wrong);

	for (i = 0; i < ADDRS; i++)
		close(fds[i]);
	fds[0] = bound(family, ANY, PORT);
	EXPECT_LE(0, fds[0]);
	EXPECT_EQ(EADDRINUSE, err(bound(family, nth_addr(0), PORT)));
}

/* One for any address minds each of the others, and hears what is for none. */
TEST_F(sock, any_among_addresses)
{
	int family = variant->family, broad, from;

	ASSERT_EQ(0, spread(family, true));
	ASSERT_EQ(0, set_int(fds[7], SOL_SOCKET, SO_REUSEADDR, 0));
	EXPECT_EQ(-1, join(family, ANY));
	EXPECT_EQ(EADDRINUSE, errno);
	ASSERT_EQ(0, set_int(fds[7], SOL_SOCKET, SO_REUSEADDR, 1));
	server = join(family, ANY);
	ASSERT_LE(0, server);
	EXPECT_LE(0, join(family, nth_addr(ADDRS)));
	ASSERT_EQ(0, set_int(server, SOL_SOCKET, SO_REUSEADDR, 0));
	EXPECT_EQ(-1, join(family, nth_addr(ADDRS + 1)));
	EXPECT_EQ(EADDRINUSE, errno);

	EXPECT_EQ(0, speak(family, PEERS, nth_addr(ADDRS + 1)));
	EXPECT_EQ(0, speak(family, PEERS + 1, nth_addr(1)));
	ASSERT_TRUE(settle());
	EXPECT_EQ(PEERS, heard(server));
	EXPECT_EQ(PEERS + 1, heard(fds[1]));

	ASSERT_EQ(0, set_int(server, SOL_SOCKET, SO_REUSEADDR, 1));
	broad = join(family, "127.255.255.255");
	ASSERT_LE(0, broad);
	from = bound(family, FROM, PEERS + 2);
	ASSERT_EQ(0, set_int(from, SOL_SOCKET, SO_BROADCAST, 1));
	ASSERT_EQ(4, send_to(from, &(int){ PEERS + 2 }, 4, family,
			     "127.255.255.255", PORT));
	ASSERT_TRUE(settle());
	EXPECT_EQ(PEERS + 2, heard(server));
	EXPECT_EQ(PEERS + 2, heard(broad));
	EXPECT_EQ(0, heard(fds[1]));
}

/* Those of one address stay in their order when others come. */
TEST_F(sock, latest_stays_latest)
{
	int family = variant->family, three[3], i;

	for (i = 0; i < 3; i++)
		three[i] = join(family, OTHER);
	ASSERT_EQ(0, spread(family, true));
	for (i = 2; i >= 0; i--) {
		EXPECT_EQ(0, speak(family, PEERS + i, OTHER));
		ASSERT_TRUE(settle());
		EXPECT_EQ(PEERS + i, heard(three[i]));
		close(three[i]);
	}
}

static int share(int fd)
{
	return set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
	       set_int(fd, SOL_TTP, TTP_REUSEPORT, 1);
}

/* The second member finds the first among many. */
TEST_F(sock, group_among_addresses)
{
	int family = variant->family, two[2], count[2] = {}, i, j;

	ASSERT_EQ(0, spread(family, false));
	for (i = 0; i < 2; i++) {
		two[i] = dgram(family);
		ASSERT_EQ(0, share(two[i]));
		ASSERT_EQ(0, bind_to(two[i], family, OTHER, PORT));
	}
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(0, speak(family, PEERS + i, OTHER));
		ASSERT_TRUE(settle());
		for (j = 0; j < 2; j++)
			count[j] += heard(two[j]) == PEERS + i;
	}
	EXPECT_LT(0, count[0]);
	EXPECT_LT(0, count[1]);
	EXPECT_EQ(64, count[0] + count[1]);
}

/* Sockets of many ports with one peer: each hears what is for its own port. */
TEST_F_TIMEOUT(sock, ports_stay_apart, LONG)
{
	int family = variant->family, from = bound(family, FROM, PEERS);
	struct rlimit files = { 2 * CROWD + 100, 2 * CROWD + 100 };
	int i, port, other, wrong = 0;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	for (i = 0; i < CROWD; i++) {
		fds[i] = dgram(family);
		other = dgram(family);
		port = PEERS + 1 + i;
		if (set_int(fds[i], SOL_SOCKET, SO_REUSEADDR, 1) ||
		    set_int(other, SOL_SOCKET, SO_REUSEADDR, 1) ||
		    bind_to(fds[i], family, OWN, port) ||
		    bind_to(other, family, ANY, port) ||
		    connect_to(fds[i], family, FROM, PEERS))
			wrong++;
	}
	ASSERT_EQ(0, wrong);
	for (i = 0; i < CROWD; i++) {
		port = PEERS + 1 + i;
		wrong += send_to(from, &port, sizeof(port), family, OWN,
				 port) != sizeof(port);
	}
	ASSERT_TRUE(settle());
	for (i = 0; i < CROWD; i++)
		wrong += heard(fds[i]) != PEERS + 1 + i;
	EXPECT_EQ(0, wrong);
}

/* /proc/net/ttp/sockets: a read(2) does not print more than it has room for, and
 * each socket of a port is there once, whether others go meanwhile or not.
 */
TEST_F(ttp, shown_one_by_one)
{
	static char text[65536];
	int fd, n, lines = -1, i, len = 0;

	ASSERT_EQ(0, spread(AF_TTP, false));
	fd = open("/proc/net/ttp/sockets", O_RDONLY);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
		EXPECT_GE(4096, n);
		len += n;
	}
	EXPECT_EQ(0, n);
	text[len] = '\0';
	for (i = 0; i < len; i++)
		lines += text[i] == '\n';
	EXPECT_EQ(ADDRS, lines);
	for (i = 0; i < ADDRS; i++) {
		char row[32];

		snprintf(row, sizeof(row), "\n%s:%d ", nth_addr(i), PORT);
		EXPECT_NE(NULL, strstr(text, row));
	}

	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	len = read(fd, text, sizeof(text) - 1);
	for (i = 0; i < ADDRS - 1; i++)
		close(fds[i]);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	EXPECT_EQ(0, n);
	EXPECT_GE(2 * 4096, len);
	close(fd);
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
