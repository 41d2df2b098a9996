// SPDX-License-Identifier: GPL-2.0
/*
 * Among how many? What a datagram costs when there are N other sockets, what
 * the N-th bind() costs, what memory a socket takes, what a datagram costs that
 * is for one of N connected sockets of one port or for one of N addresses of one
 * port, what it costs to bind the N-th of these addresses, and what close() costs
 * when N sockets are bound and connected alike.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define CROWD_PORT	5000	/* the first; the measured pair has one of them */
#define CROWD_PORTS	50000	/* of each address */
#define BINDS		101	/* the last so many bind() are timed */
#define TIMED_PORT	56000	/* on such ports */
#define PEERS		10000
#define MANY		20000	/* addresses of one port, sockets alike */
#define FEWER		200
#define ADDRS_PORT	4100
#define ALIKE_PORT	4300
#define MAX_FILES	250000

static const int crowds[] = { 1, 1000, 10000, 100000 };

/* How many there are already, of UDP and of TTP */
static int crowd[2];

static long meminfo(const char *name)
{
	char line[128];
	long val = -1;
	FILE *f;

	f = fopen("/proc/meminfo", "r");
	while (f && val < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			val = atol(line + strlen(name));
	if (f)
		fclose(f);
	return val;
}

/* The size of an object in its slab cache, padding and all. Where caches of one
 * size are merged, slabinfo knows one of their names only.
 */
static void slab_size(const char *cache, const char *proto)
{
	char path[128];
	int size;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/slab_size", cache);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fscanf(f, "%d", &size) == 1)
		printf("memory slab 1 %s %d %d %d\n", proto, size, size, size);
	fclose(f);
}

/* The last ones, which are timed, get ports that nobody has. */
static union addr crowd_addr(int proto, int i, int stage)
{
	int left = crowds[stage] - i;

	if (left <= BINDS)
		return ip_addr(&protos[proto], 0x7f010001,
			       TIMED_PORT + stage * BINDS + left);
	return ip_addr(&protos[proto], 0x7f010001 + i / CROWD_PORTS,
		       CROWD_PORT + i % CROWD_PORTS);
}

/* Memory in slabs, where all is that a socket takes, without what earlier
 * sockets have left free in there. (MemFree counts what each CPU keeps at hand
 * as used: the first to ask would get off cheaply.)
 */
static long slab_kb(void)
{
	if (system("for f in /sys/kernel/slab/*/shrink; do echo 1 >$f; done"))
		die("/sys/kernel/slab: cannot shrink");
	return meminfo("Slab:");
}

static void grow(int proto, int stage)
{
	int to = crowds[stage], first = crowd[proto];
	double samples[BINDS], start;
	long before = slab_kb();
	union addr addr;
	int fd, n = 0;

	for (; crowd[proto] < to; crowd[proto]++) {
		fd = open_socket(&protos[proto]);
		addr = crowd_addr(proto, crowd[proto], stage);
		start = now();
		bind_socket(fd, &addr, sizeof(addr.in));
		if (to - crowd[proto] <= BINDS)
			samples[n++] = now() - start;
	}
	if (n < BINDS)
		return;
	/* Its own work, without what it wakes up: the median */
	report("bind", "lo", to, protos[proto].name, samples, n, 1, MEDIAN);
	if (to - first >= 50000)
		printf("memory bound %d %s %ld 0 0\n", to, protos[proto].name,
		       (slab_kb() - before) * 1024 / (to - first));
}

static void measure_crowd(void)
{
	double samples[2][256];
	struct pair pairs[2];
	unsigned int i;
	int p, round;

	for (p = UDP; p <= TTP; p++)
		open_pair(&pairs[p], &protos[p], false, false);
	for (i = 0; i < ARRAY_SIZE(crowds); i++) {
		if (crowds[i] > plan.limit)
			break;
		for (p = UDP; p <= TTP; p++)
			if (crowds[i] > 1)
				grow(p, i);
		for (p = UDP; p <= TTP; p++)
			run_sr(&pairs[p], 64, 96);
		for (round = 0; round < plan.rounds; round++) {
			for (p = UDP; p <= TTP; p++) {
				samples[p][round] = now();
				run_sr(&pairs[p], 64, 96);
				samples[p][round] = now() - samples[p][round];
			}
		}
		for (p = UDP; p <= TTP; p++)
			report("bound", "lo", crowds[i], protos[p].name,
			       samples[p], plan.rounds, 96, LEAST);
	}
	for (p = UDP; p <= TTP; p++)
		close_pair(&pairs[p]);
}

static union addr peer_addr(int proto, int i)
{
	return ip_addr(&protos[proto], 0x7f020001 + i, 4001);
}

/* The dearest of the first, the middle and the last of @n connected sockets
 * that hold one port
 */
static void measure_peers(int proto, int *fds, int n)
{
	double samples[256], dearest[256] = {}, least, worst = 0;
	const union addr port = ip_addr(&protos[proto], 0x7f000002, 4000);
	int which[] = { 0, n / 2, n - 1 };
	struct pair pair = { .proto = &protos[proto] };
	union addr addr;
	unsigned int i;
	int round;

	for (i = 0; i < ARRAY_SIZE(which); i++) {
		pair.tx = open_socket(pair.proto);
		pair.rx = fds[which[i]];
		addr = peer_addr(proto, which[i]);
		bind_socket(pair.tx, &addr, sizeof(addr.in));
		connect_socket(pair.tx, &port, sizeof(port.in));
		run_conn(&pair, 64, 8);
		least = 0;
		for (round = 0; round < plan.rounds; round++) {
			samples[round] = now();
			run_conn(&pair, 64, 8);
			samples[round] = now() - samples[round];
			if (!round || samples[round] < least)
				least = samples[round];
		}
		if (least > worst) {
			worst = least;
			memcpy(dearest, samples, sizeof(samples));
		}
		close(pair.tx);
	}
	report("connected", "lo", n, protos[proto].name, dearest, plan.rounds,
	       8, LEAST);
}

static void measure_connected(int proto)
{
	const union addr port = ip_addr(&protos[proto], 0x7f000002, 4000);
	static int fds[PEERS];
	union addr addr;
	int i, on = 1;

	for (i = 0; i < PEERS; i++) {
		fds[i] = open_socket(&protos[proto]);
		if (setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &on,
			       sizeof(on)))
			die("SO_REUSEADDR: %s", strerror(errno));
		bind_socket(fds[i], &port, sizeof(port.in));
		addr = peer_addr(proto, i);
		connect_socket(fds[i], &addr, sizeof(addr.in));
		if (i == 0)
			measure_peers(proto, fds, 1);
	}
	measure_peers(proto, fds, PEERS);
}

/* The dearest of the first, the middle and the last of @n addresses */
static void measure_addresses(int proto, int *fds, int n)
{
	double samples[256], dearest[256], worst = 0, least;
	int which[] = { 0, n / 2, n - 1 }, round;
	struct pair pair = { .proto = &protos[proto] };
	unsigned int i;

	pair.tx = open_socket(pair.proto);
	pair.rx_len = sizeof(pair.rx_addr.in);
	for (i = 0; i < ARRAY_SIZE(which); i++) {
		pair.rx = fds[which[i]];
		pair.rx_addr = ip_addr(pair.proto, 0x7f030001 + which[i],
				       ADDRS_PORT);
		run_sr(&pair, 64, 8);
		least = 0;
		for (round = 0; round < plan.rounds; round++) {
			samples[round] = now();
			run_sr(&pair, 64, 8);
			samples[round] = now() - samples[round];
			if (!round || samples[round] < least)
				least = samples[round];
		}
		if (least > worst) {
			worst = least;
			memcpy(dearest, samples, sizeof(samples));
		}
	}
	close(pair.tx);
	report("addrs", "lo", n, pair.proto->name, dearest, plan.rounds, 8,
	       LEAST);
}

static double timed_bind(int fd, int proto, uint32_t host, int port)
{
	const union addr addr = ip_addr(&protos[proto], host, port);
	double start = now();

	bind_socket(fd, &addr, sizeof(addr.in));
	return now() - start;
}

/* Of one port, to which sockets are bound with an address each */
static void measure_addrs(int proto)
{
	double samples[BINDS];
	static int fds[MANY];
	int i;

	/* The first address of a port, on as many ports */
	for (i = 0; i < BINDS; i++)
		samples[i] = timed_bind(open_socket(&protos[proto]), proto,
					0x7f030001, ADDRS_PORT + 1 + i);
	report("bindaddr", "lo", 1, protos[proto].name, samples, BINDS, 1,
	       MEDIAN);
	for (i = 0; i < MANY; i++) {
		fds[i] = open_socket(&protos[proto]);
		samples[i % BINDS] = timed_bind(fds[i], proto, 0x7f030001 + i,
						ADDRS_PORT);
		if (i == 0)
			measure_addresses(proto, fds, 1);
		if (i == FEWER - 1)
			report("bindaddr", "lo", FEWER, protos[proto].name,
			       samples, BINDS, 1, MEDIAN);
	}
	report("bindaddr", "lo", MANY, protos[proto].name, samples, BINDS, 1,
	       MEDIAN);
	measure_addresses(proto, fds, MANY);
}

/* close() of @n sockets that are bound and connected alike, those opened first
 * first
 */
static void measure_close(int proto, int n)
{
	const union addr port = ip_addr(&protos[proto], 0x7f000002, ALIKE_PORT);
	const union addr peer = ip_addr(&protos[proto], 0x7f020001, 4001);
	double samples[BINDS], start;
	static int fds[MANY];
	int i, on = 1;

	for (i = 0; i < n; i++) {
		fds[i] = open_socket(&protos[proto]);
		if (setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &on,
			       sizeof(on)))
			die("SO_REUSEADDR: %s", strerror(errno));
		bind_socket(fds[i], &port, sizeof(port.in));
		connect_socket(fds[i], &peer, sizeof(peer.in));
	}
	for (i = 0; i < n; i++) {
		start = now();
		close(fds[i]);
		if (i < BINDS)
			samples[i] = now() - start;
	}
	report("close", "lo", n, protos[proto].name, samples, BINDS, 1,
	       MEDIAN);
}

static void measure_one_port(void)
{
	int p;

	for (p = UDP; p <= TTP; p++) {
		measure_connected(p);
		measure_addrs(p);
		measure_close(p, 1000);
		measure_close(p, MANY);
	}
}

/* A table of file descriptors that need not grow under measurement */
static void make_room(void)
{
	struct rlimit limit = { MAX_FILES, MAX_FILES };

	if (setrlimit(RLIMIT_NOFILE, &limit) ||
	    dup2(0, MAX_FILES - 1) < 0 || close(MAX_FILES - 1))
		die("room for %d files: %s", MAX_FILES, strerror(errno));
}

/* In a process of its own, which is over when what it measured is told: to
 * close a hundred thousand sockets takes as long as to open them. Without
 * @wait it is left to die on its own.
 */
static void in_child(void (*measure)(void), bool wait)
{
	int done[2], status = 0;
	pid_t pid;

	if (pipe(done))
		die("pipe: %s", strerror(errno));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(done[0]);
		make_room();
		measure();
		if (write(done[1], &status, sizeof(status)) < 0)
			exit(1);
		pause();
	}
	close(done[1]);
	if (read(done[0], &status, sizeof(status)) != sizeof(status))
		die("the crowd is gone");
	close(done[0]);
	if (!wait)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* Sockets are freed after a grace period, which nothing tells. */
	sleep(2);
}

void measure_scale(void)
{
	slab_size("UDP", "udp");
	slab_size("TTP", "ttp");
	in_child(measure_one_port, true);
	in_child(measure_crowd, false);
}
