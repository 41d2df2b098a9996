// SPDX-License-Identifier: GPL-2.0
/*
 * What a datagram costs: UDP, TTP, AF_UNIX and raw sockets in turn, round by
 * round in one process, so that whatever changes meanwhile changes for all.
 *
 *	ttp-bench [-w] [-r ROUNDS] [-n SOCKETS] [ROW:NET:SIZE]...
 *	ttp-bench -p conn|sr		(see profile.c)
 *
 * All rows at all sizes, or those named, UDP and TTP alone. SOCKETS limits the
 * crowd of scale.c; with 0 there is none.
 *
 * A guest under QEMU's -icount has a clock that counts instructions: then the
 * value of a row is the least of its rounds, which met no tick, or, where two
 * processes wake each other, the lower quartile: the scheduler of 7.2 now and then
 * has a round of another kind. With -w the clock is the wall's, the value is the
 * median.
 *
 * Each line of output: ROW NET SIZE PROTOCOL VALUE LOW HIGH, per datagram (rr:
 * per round trip); LOW and HIGH are the quartiles of the rounds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

struct plan plan = { .rounds = 41, .limit = 100000 };

uint64_t now(void)
{
	struct timespec ts;

#ifdef __x86_64__
	if (!plan.wall)
		return __builtin_ia32_rdtsc();
#endif
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

bool wanted(const char *row, const char *net, int size)
{
	char name[64], **p;

	snprintf(name, sizeof(name), "%s:%s:%d", row, net, size);
	for (p = plan.only; *p; p++)
		if (!strcmp(*p, name))
			return true;
	return !*plan.only;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void report(const char *row, const char *net, int size, const char *proto,
	    double *samples, int n, double per, enum summary summary)
{
	double value = 0;
	int i;

	qsort(samples, n, sizeof(*samples), by_value);
	if (plan.wall || summary == MEDIAN)
		value = samples[n / 2];
	else if (summary == QUARTILE)
		value = samples[n / 4];
	else if (summary == LEAST)
		value = samples[0];
	else
		for (i = 0; i < n; i++)
			value += samples[i] / n;
	printf("%s %s %d %s %.1f %.1f %.1f\n", row, net, size, proto,
	       value / per, samples[n / 4] / per, samples[n * 3 / 4] / per);
	fflush(stdout);
}

static void run_batch(struct pair *p, size_t size, int n)
{
	struct iovec out = { payload, size };
	struct iovec in = { received, sizeof(received) };
	struct mmsghdr msgs[BATCH] = {};
	int i;

	for (; n > 0; n -= BATCH) {
		for (i = 0; i < BATCH; i++) {
			msgs[i].msg_hdr.msg_iov = &out;
			msgs[i].msg_hdr.msg_iovlen = 1;
		}
		if (sendmmsg(p->tx, msgs, BATCH, 0) != BATCH)
			die("sendmmsg: %s", strerror(errno));
		for (i = 0; i < BATCH; i++)
			msgs[i].msg_hdr.msg_iov = &in;
		if (recvmmsg(p->rx, msgs, BATCH, 0, NULL) != BATCH)
			die("recvmmsg %s: %s", p->proto->name,
			    strerror(errno));
	}
}

static void run_rr(struct pair *p, size_t size, int n)
{
	size_t whole = size + p->proto->header;

	while (n--) {
		send_one(p->tx, size);
		if (recv(p->tx, received, sizeof(received), 0) !=
		    (ssize_t)whole)
			die("no echo over %s", p->proto->name);
	}
}

/* The other process of a round trip */
static void serve_rr(struct pair *p, int ask, int tell, size_t size)
{
	(void)ask;
	(void)tell;
	for (;;) {
		recv_one(p, size);
		send_one(p->rx, size);
	}
}

/* To talk to the receiver of a stream: how many; then, all have come */
static int ask_fd, tell_fd;

static void run_stream(struct pair *p, size_t size, int n)
{
	int i;

	if (write(ask_fd, &n, sizeof(n)) != sizeof(n))
		die("ask: %s", strerror(errno));
	for (i = 0; i < n; i++)
		send_one(p->tx, size);
	if (read(tell_fd, &i, sizeof(i)) != sizeof(i))
		die("the receiver is gone");
}

/* SCHED_BATCH: it does not preempt the sender whenever something comes. */
static void serve_stream(struct pair *p, int ask, int tell, size_t size)
{
	struct sched_param param = {};
	int n, i;

	sched_setscheduler(0, SCHED_BATCH, &param);
	while (read(ask, &n, sizeof(n)) == sizeof(n)) {
		for (i = 0; i < n; i++)
			recv_one(p, size);
		if (write(tell, &n, sizeof(n)) != sizeof(n))
			die("tell: %s", strerror(errno));
	}
}

static const struct row {
	const char *name;
	void (*run)(struct pair *p, size_t size, int n);
	void (*serve)(struct pair *p, int ask, int tell, size_t size);
	bool unconnected;
	enum summary summary;
	int count;
} rows[] = {
	{ "conn", run_conn, NULL, false, LEAST, 96 },
	{ "sr", run_sr, NULL, true, LEAST, 96 },
	{ "rr", run_rr, serve_rr, false, QUARTILE, 32 },
	{ "batch", run_batch, NULL, false, LEAST, 128 },
	{ "stream", run_stream, serve_stream, false, MEAN, 384 },
};

static const int sizes[] = { 1, 64, 1024, 1400, 8000, 60000 };

struct run {
	struct pair pair;
	pid_t server;
	int ask, tell;
	double samples[256];
};

static void start_server(struct run *r, const struct row *row, size_t size)
{
	int ask[2], tell[2];

	if (pipe(ask) || pipe(tell))
		die("pipe: %s", strerror(errno));
	r->server = fork();
	if (r->server < 0)
		die("fork: %s", strerror(errno));
	if (!r->server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		row->serve(&r->pair, ask[0], tell[1], size);
		exit(0);
	}
	close(ask[0]);
	close(tell[1]);
	r->ask = ask[1];
	r->tell = tell[0];
}

static void stop_server(struct run *r)
{
	kill(r->server, SIGKILL);
	waitpid(r->server, NULL, 0);
	close(r->ask);
	close(r->tell);
}

static double sample(struct run *r, const struct row *row, size_t size,
		     int count)
{
	uint64_t start;

	ask_fd = r->ask;
	tell_fd = r->tell;
	start = now();
	row->run(&r->pair, size, count);
	return now() - start;
}

/* AF_UNIX does not leave a host, and what is not wanted for a gate costs time:
 * then UDP and TTP are enough.
 */
static bool takes_part(int proto, bool veth)
{
	if (*plan.only)
		return proto == UDP || proto == TTP;
	return !(veth && proto == UNIX);
}

static void measure(const struct row *row, bool veth, size_t size)
{
	const char *net = veth ? "veth" : "lo";
	static struct run runs[PROTOS];
	int count = row->count;
	int i, round;

	/* Long ones cost more: fewer of them, but whole batches. */
	if (row->run != run_batch && size > 1400)
		count = size > 8000 ? count / 8 : count / 2;
	else if (size > 8000)
		count = BATCH;

	for (i = 0; i < PROTOS; i++) {
		if (!takes_part(i, veth))
			continue;
		open_pair(&runs[i].pair, &protos[i], veth, !row->unconnected);
		if (row->serve)
			start_server(&runs[i], row, size);
		sample(&runs[i], row, size, count);
	}
	for (round = 0; round < plan.rounds; round++)
		for (i = 0; i < PROTOS; i++)
			if (takes_part(i, veth))
				runs[i].samples[round] =
					sample(&runs[i], row, size, count);
	for (i = 0; i < PROTOS; i++) {
		if (!takes_part(i, veth))
			continue;
		report(row->name, net, size, protos[i].name, runs[i].samples,
		       plan.rounds, count, row->summary);
		if (row->serve)
			stop_server(&runs[i]);
		close_pair(&runs[i].pair);
	}
}

static void measure_rows(void)
{
	unsigned int i, j;
	int veth;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		for (veth = 0; veth < 2; veth++)
			for (j = 0; j < ARRAY_SIZE(sizes); j++)
				if (wanted(rows[i].name, veth ? "veth" : "lo",
					   sizes[j]))
					measure(&rows[i], veth, sizes[j]);
}

/* A loop of known length: the clock must count it, to a thousandth. */
static void check_clock(void)
{
#ifdef __x86_64__
	uint64_t n = 10000000, start = now(), took;

	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc");
	took = now() - start;
	printf("# clock: 20000000 instructions read %llu\n",
	       (unsigned long long)took);
	if (took >= 19980000 && took < 20200000)
		return;
#endif
	die("this clock counts no instructions; -w takes the wall's");
}

/* For a guest that has just booted: what its kernel still does for its own
 * start goes by, which takes the time of a clock that nobody waits for. And a
 * random number, of which IPv4 takes one a tick for its packets' numbers, costs
 * ten times as much until there is some entropy, which such a guest has none
 * of: it is told that it has.
 */
static void settle(void)
{
	struct {
		struct rand_pool_info info;
		unsigned char seed[64];
	} pool = { .info = { .entropy_count = 512, .buf_size = 64 } };
	int fd = open("/dev/urandom", O_RDWR);

	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool))
		die("/dev/urandom: %s", strerror(errno));
	close(fd);
	sleep(20);
}

int main(int argc, char **argv)
{
	const char *profile = NULL;
	cpu_set_t cpu;
	int opt;

	while ((opt = getopt(argc, argv, "wr:n:p:")) != -1) {
		switch (opt) {
		case 'w':
			plan.wall = true;
			break;
		case 'r':
			plan.rounds = atoi(optarg);
			break;
		case 'n':
			plan.limit = atoi(optarg);
			break;
		case 'p':
			profile = optarg;
			break;
		default:
			die("usage: [-w] [-r ROUNDS] [-n SOCKETS] "
			    "[ROW:NET:SIZE]... | -p conn|sr");
		}
	}
	plan.only = argv + optind;
	if (plan.rounds < 1 || plan.rounds > 256)
		die("-r: 1 to 256 rounds");

	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	memset(payload, 'x', sizeof(payload));
	memset(received, 1, sizeof(received));
	make_networks();
	if (!plan.wall)
		settle();
	if (profile)
		return run_profile(profile);
	if (!plan.wall)
		check_clock();
	measure_rows();
	if (plan.limit)
		measure_scale();
	return 0;
}
