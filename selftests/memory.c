// SPDX-License-Identifier: GPL-2.0
/*
 * What datagrams hold of memory, on their way out and in a queue, and that it
 * comes back: SO_MEMINFO, net.ttp.mem, /proc/net/protocols, memory cgroups.
 */
#define _GNU_SOURCE
#include "ttp_test.h"

#include <linux/sock_diag.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO	55
#endif
#ifndef SO_RESERVE_MEM
#define SO_RESERVE_MEM	73
#endif

#define PAGE		4096
#define MIB		1048576
#define BIG		60000
#define CPU_PAGES	256	/* what a CPU may owe the counts of all */
#define SHARE		8192	/* what an idle socket keeps */

static char buf[65536];

static int info(int fd, int what)
{
	int vars[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(vars);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, vars, &len))
		return -1;
	return vars[what];
}

static int held(int fd)
{
	return info(fd, SK_MEMINFO_RMEM_ALLOC);
}

/* A receiver with room for all, and a sender connected to it */
static int roomy(int family, int *to)
{
	int fd = bound(family, OWN, 0);

	*to = bound(family, OWN, 0);
	if (*to < 0 || set_int(*to, SOL_SOCKET, SO_RCVBUFFORCE, 16 * MIB) ||
	    connect_to(fd, family, OWN, port_of(*to)))
		return -1;
	return fd;
}

/* Datagrams of @len until so many bytes have been sent; how many */
static int fill(int fd, int len, int bytes)
{
	int n;

	for (n = 0; n * len < bytes; n++)
		if (send(fd, buf, len, 0) != len)
			return -1;
	return settle() ? n : -1;
}

static int drain(int fd)
{
	int n = 0;

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		n++;
	return n;
}

/* --- a socket's own count ------------------------------------------------ */

TEST_F(sock, queue_is_charged_by_truesize)
{
	static const int lens[] = { 0, 1, 1000, 2900, 2901, 8000, BIG };
	int to, fd = roomy(variant->family, &to), one, n;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		ASSERT_EQ(0, held(to));
		ASSERT_EQ(lens[i], send(fd, buf, lens[i], 0));
		ASSERT_TRUE(settle());
		one = held(to);
		/* What it holds, and not more than it would take twice */
		EXPECT_LT(lens[i], one);
		EXPECT_GT(2 * lens[i] + 2048, one);
		for (n = 2; n <= 5; n++) {
			ASSERT_EQ(lens[i], send(fd, buf, lens[i], 0));
			ASSERT_TRUE(settle());
			EXPECT_EQ(n * one, held(to));
		}
		EXPECT_EQ(lens[i], recv(to, buf, sizeof(buf), MSG_PEEK));
		EXPECT_EQ(5 * one, held(to));
		for (n = 4; n >= 0; n--) {
			EXPECT_EQ(lens[i], recv(to, buf, sizeof(buf), 0));
			/* UDP gives back a quarter of its buffer at a time. */
			if (variant->family == AF_TTP)
				EXPECT_EQ(n * one, held(to));
		}
		EXPECT_EQ(0, held(to));
		EXPECT_EQ(0, info(fd, SK_MEMINFO_WMEM_ALLOC));
	}
	if (variant->family == AF_TTP)
		EXPECT_GE(SHARE, info(to, SK_MEMINFO_FWD_ALLOC));
	EXPECT_EQ(0, info(to, SK_MEMINFO_DROPS));
}

/* What is dropped is the first that finds the queue over SO_RCVBUF; from Linux
 * 7.2 on, the first that would take it over.
 */
TEST_F(sock, queue_is_bounded_by_rcvbuf)
{
	int to, fd = roomy(variant->family, &to), limit, one, n;

	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUF, 20000));
	limit = info(to, SK_MEMINFO_RCVBUF);
	EXPECT_EQ(40000, limit);
	for (n = 0; n < 1000 && !info(to, SK_MEMINFO_DROPS); n++) {
		ASSERT_EQ(1000, send(fd, buf, 1000, 0));
		ASSERT_TRUE(settle());
	}
	ASSERT_LT(1, n);
	/* By which rule, compare_recv tells. */
	one = held(to) / (n - 1);
	EXPECT_LT(limit, held(to) + one);
	EXPECT_GE(limit, held(to) - one);
	EXPECT_EQ(n - 1, drain(to));
	EXPECT_EQ(0, held(to));
	EXPECT_EQ(1, fill(fd, 1000, 1000));
	EXPECT_EQ(1, drain(to));
}

/* --- payloads in pages --------------------------------------------------- */

static const int payloads[] = { 2900, 2901, 4096, 8000, 65507 };

static void paint(char *data, int len, int n)
{
	int i;

	for (i = 0; i < len; i++)
		data[i] = i / 7 + n;
}

static int set_mtu(const char *name, int mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ret;
	struct ifreq ifr = { .ifr_mtu = mtu };

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	ret = ioctl(fd, SIOCSIFMTU, &ifr);
	close(fd);
	return ret;
}

/* Datagrams that share pages are each their own, in one packet or many. */
TEST_F(sock, payloads_keep_apart)
{
	int to, fd = roomy(variant->family, &to), mtu, n;
	static char want[65536];

	for (mtu = 65536; mtu >= 1500; mtu -= 65536 - 1500) {
		ASSERT_EQ(0, set_mtu("lo", mtu));
		for (n = 0; n < 15; n++) {
			paint(want, payloads[n % 5], n);
			ASSERT_EQ(payloads[n % 5],
				  send(fd, want, payloads[n % 5], 0));
		}
		for (n = 0; n < 15; n++) {
			paint(want, payloads[n % 5], n);
			ASSERT_EQ(payloads[n % 5],
				  get(to, buf, sizeof(buf)));
			EXPECT_EQ(0, memcmp(want, buf, payloads[n % 5])) {
				TH_LOG("datagram %d, MTU %d", n, mtu);
			}
		}
		EXPECT_EQ(0, held(to));
		EXPECT_EQ(0, info(fd, SK_MEMINFO_WMEM_ALLOC));
	}
}

/* Half of it is readable: nothing is sent, and nothing kept. */
TEST_F(sock, half_a_payload_is_none)
{
	int to, fd = roomy(variant->family, &to), n;
	unsigned int i;
	char *edge;

	edge = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, edge);
	edge += 128 * PAGE;
	ASSERT_EQ(0, mprotect(edge, 128 * PAGE, PROT_NONE));
	for (i = 0; i < ARRAY_SIZE(payloads); i++) {
		for (n = 0; n < 20; n++)
			ASSERT_EQ(EFAULT, err(send(fd, edge - payloads[i] / 2,
						   payloads[i], 0)));
		EXPECT_EQ(0, info(fd, SK_MEMINFO_WMEM_ALLOC));
		ASSERT_TRUE(settle());
		EXPECT_EQ(0, await(to, POLLIN, 0));
		EXPECT_EQ(payloads[i], send(fd, buf, payloads[i], 0));
		EXPECT_EQ(payloads[i], get(to, buf, sizeof(buf)));
	}
}

/* --- readers side by side ------------------------------------------------ */

#define TURNS	5000

static struct {
	int fd, cpu, got, bad;
	bool stop;
} reader;

/* Each word says the same. */
static bool is_whole(const int *data, ssize_t n)
{
	return n == 8 * sizeof(*data) && data[0] == data[3] &&
	       data[0] == data[7];
}

static void *read_all(void *arg)
{
	int data[16];
	ssize_t n;

	leave_cpu(reader.cpu);
	while (!__atomic_load_n(&reader.stop, __ATOMIC_RELAXED)) {
		n = recv(reader.fd, data, sizeof(data), MSG_DONTWAIT);
		if (n < 0)
			continue;
		if (!is_whole(data, n))
			reader.bad++;
		__atomic_add_fetch(&reader.got, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

static int reader_got(void)
{
	return __atomic_load_n(&reader.got, __ATOMIC_RELAXED);
}

/* One reads; the other looks, and takes one now and then. */
TEST_F_TIMEOUT(sock, peek_while_another_reads, LONG)
{
	int to, fd = roomy(variant->family, &to), i, j, own = 0, seen = 0;
	long limit = now_ms() + 4 * WAIT_MS;
	int data[16];
	pthread_t thread;
	ssize_t n;

	reader.fd = to;
	reader.cpu = sched_getcpu();
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_all, NULL));
	for (i = 1; i <= TURNS; i++) {
		for (j = 0; j < 8; j++)
			data[j] = i;
		ASSERT_EQ(8 * sizeof(int), send(fd, data, 8 * sizeof(int), 0));
		n = recv(to, data, sizeof(data),
			 MSG_DONTWAIT | (i % 4 ? MSG_PEEK : 0));
		if (n < 0)
			continue;
		seen++;
		own += !(i % 4);
		EXPECT_TRUE(is_whole(data, n));
	}
	while (reader_got() + own < TURNS && now_ms() < limit)
		sched_yield();
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(TURNS, reader.got + own);
	EXPECT_LT(0, seen);
	EXPECT_EQ(0, reader.bad);
	EXPECT_EQ(0, held(to));
	if (variant->family == AF_TTP)
		EXPECT_GE(SHARE, info(to, SK_MEMINFO_FWD_ALLOC));
}

/* --- what all may hold --------------------------------------------------- */

/* Seen from the first network namespace alone, and opened there */
FIXTURE(limits) {
	int mem;
	char was[64];
};

FIXTURE_SETUP(limits)
{
	self->mem = open("/proc/sys/net/ttp/mem", O_RDWR | O_CLOEXEC);
	if (self->mem < 0)
		SKIP(return, "wants the machine's first network namespace");
	ASSERT_LT(0, read(self->mem, self->was, sizeof(self->was) - 1));
	ASSERT_EQ(0, own_netns());
}

FIXTURE_TEARDOWN(limits)
{
	if (self->mem >= 0)
		pwrite(self->mem, self->was, strlen(self->was), 0);
}

/* In pages, by the machine's count; -1 if it is not there */
static long memory_of_all(void)
{
	char line[256];
	long pages = -1;
	FILE *f;

	f = fopen("/proc/net/protocols", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TTP %*d %*d %ld", &pages) == 1)
			break;
	if (f)
		fclose(f);
	return pages;
}

static bool memory_of_all_falls_to(long pages)
{
	long limit = now_ms() + WAIT_MS;

	while (memory_of_all() > pages && now_ms() < limit)
		poll(NULL, 0, 1);
	return memory_of_all() <= pages;
}

/* A CPU settles with the count of all in batches, so that moves by no less. */
TEST_F(limits, all_queues_are_counted)
{
	long slack = CPU_PAGES * sysconf(_SC_NPROCESSORS_CONF);
	long before = memory_of_all();
	int to, fd, i, n;

	ASSERT_LE(0, before);
	for (i = 0; i < 6; i++) {
		fd = roomy(AF_TTP, &to);
		n = fill(fd, BIG, 6 * MIB);
		EXPECT_LE(before + 6 * MIB / PAGE - slack, memory_of_all());
		/* Some are read, and some go with the socket. */
		if (i % 2)
			EXPECT_EQ(n, drain(to));
		close(to);
		close(fd);
	}
	EXPECT_TRUE(memory_of_all_falls_to(before + slack));
}

/* Above the third number nobody gets more; a CPU lends what it has. */
TEST_F(limits, beyond_the_limit_is_dropped)
{
	int to, other, fd = roomy(AF_TTP, &to);
	int from = roomy(AF_TTP, &other), n, lost;

	ASSERT_EQ(14, pwrite(self->mem, "1024 1024 1024", 14, 0));
	n = fill(fd, BIG, 8 * MIB);
	lost = ttp_stat("TtpInMemErrors");
	EXPECT_LT(0, lost);
	EXPECT_EQ(lost, info(to, SK_MEMINFO_DROPS));
	EXPECT_EQ(0, ttp_stat("TtpInRcvbufErrors"));
	EXPECT_GT((1024 + 2 * CPU_PAGES) * PAGE, held(to));
	EXPECT_EQ(1, fill(from, 1, 1));
	EXPECT_EQ(EAGAIN, err(recv(other, buf, 1, MSG_DONTWAIT)));
	EXPECT_EQ(++lost, ttp_stat("TtpInMemErrors"));

	EXPECT_EQ(n + 1, drain(to) + lost);
	EXPECT_EQ(0, held(to));
	n = fill(fd, BIG, MIB);
	EXPECT_EQ(n, drain(to));
	EXPECT_EQ(1, fill(from, 1, 1));
	EXPECT_EQ(1, drain(other));
	EXPECT_EQ(lost, ttp_stat("TtpInMemErrors"));
}

/* Above the first number who holds little is spared. */
TEST_F(limits, who_holds_little_gets_more)
{
	int to, other, fd = roomy(AF_TTP, &to);
	int from = roomy(AF_TTP, &other), n, lost;

	ASSERT_EQ(11, pwrite(self->mem, "1 1 1000000", 11, 0));
	n = fill(fd, BIG, 4 * MIB);
	lost = ttp_stat("TtpInMemErrors");
	EXPECT_LT(0, lost);
	EXPECT_EQ(1, fill(from, 1, 1));
	EXPECT_EQ(1, drain(other));
	EXPECT_EQ(lost, ttp_stat("TtpInMemErrors"));
	ASSERT_LT(0, pwrite(self->mem, self->was, strlen(self->was), 0));
	EXPECT_EQ(n, drain(to) + lost);
	n = fill(fd, BIG, 4 * MIB);
	EXPECT_EQ(n, drain(to));
}

/* --- memory cgroups ------------------------------------------------------ */

static char cgroup[256];	/* the test's own */

static int cgroup_write(const char *file, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	return write_file(path, text);
}

static long cgroup_bytes(void)
{
	char path[512];
	long val = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.current", cgroup);
	f = fopen(path, "r");
	if (f && fscanf(f, "%ld", &val) != 1)
		val = -1;
	if (f)
		fclose(f);
	return val;
}

static bool cgroup_falls_to(long bytes)
{
	long limit = now_ms() + WAIT_MS;

	while (cgroup_bytes() > bytes && now_ms() < limit)
		poll(NULL, 0, 1);
	return cgroup_bytes() <= bytes;
}

/* Where cgroup2 is mounted; false if that has no memory controller */
static bool cgroup_root(char *root, size_t size)
{
	char line[512], type[64];
	FILE *f = fopen("/proc/self/mounts", "r");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %255s %63s", root, type) == 2 &&
			!strcmp(type, "cgroup2");
	if (f)
		fclose(f);
	if (!found || strlen(root) + 64 > size)
		return false;
	snprintf(line, sizeof(line), "%s/cgroup.controllers", root);
	f = fopen(line, "r");
	found = f && fgets(line, sizeof(line), f) && strstr(line, "memory");
	if (f)
		fclose(f);
	return found;
}

static int cgroup_make(const char *root)
{
	snprintf(cgroup, sizeof(cgroup), "%s", root);
	if (cgroup_write("cgroup.subtree_control", "+memory"))
		return -1;
	snprintf(cgroup, sizeof(cgroup), "%.190s/ttp-test-%d", root, getpid());
	return mkdir(cgroup, 0755);
}

/* A receiver that belongs to the cgroup, in which nobody stays */
static int pair_in_cgroup(int family, int *to, const char *root)
{
	char own[256];
	int fd;

	snprintf(own, sizeof(own), "%s", cgroup);
	if (cgroup_write("cgroup.procs", "0"))
		return -1;
	fd = roomy(family, to);
	snprintf(cgroup, sizeof(cgroup), "%s", root);
	if (cgroup_write("cgroup.procs", "0"))
		return -1;
	snprintf(cgroup, sizeof(cgroup), "%s", own);
	return fd;
}

#define NO_CGROUP	NO_OPTION("MEMCG")

TEST_F(sock, cgroup_is_charged)
{
	char root[256];
	int to, fd;

	if (!cgroup_root(root, sizeof(root)))
		SKIP(return, NO_CGROUP);
	ASSERT_EQ(0, cgroup_make(root));
	fd = pair_in_cgroup(variant->family, &to, root);
	EXPECT_LE(0, fd);
	EXPECT_GT(MIB, cgroup_bytes());
	EXPECT_LT(0, fill(fd, BIG, 6 * MIB));
	EXPECT_LE(6 * MIB, cgroup_bytes());
	EXPECT_LT(0, drain(to));
	EXPECT_GT(MIB, cgroup_bytes());
	EXPECT_LT(0, fill(fd, BIG, 6 * MIB));
	EXPECT_LE(6 * MIB, cgroup_bytes());
	/* Freed after a grace period */
	close(to);
	EXPECT_TRUE(cgroup_falls_to(MIB));
	EXPECT_EQ(0, rmdir(cgroup));
}

#define PORTS_A_PAGE	128	/* ports that share a page of memory */
#define PAGES		(65536 / PORTS_A_PAGE)

/* What the ports take is charged, and comes back when the last is given back. */
TEST_F(ttp, ports_are_charged)
{
	struct rlimit files = { PAGES + 100, PAGES + 100 };
	int fds[PAGES], i;
	char root[256], own[256];
	long idle;

	if (!cgroup_root(root, sizeof(root)))
		SKIP(return, NO_CGROUP);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, cgroup_make(root));
	ASSERT_EQ(0, cgroup_write("cgroup.procs", "0"));
	for (i = 0; i < PAGES; i++)
		fds[i] = dgram(AF_TTP);
	idle = cgroup_bytes();
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(0, bind_to(fds[i], AF_TTP, OWN, i * PORTS_A_PAGE + 1));
	EXPECT_LE(idle + PAGES * PAGE - MIB / 4, cgroup_bytes());
	for (i = 0; i < PAGES; i++)
		close(fds[i]);
	EXPECT_TRUE(cgroup_falls_to(idle));
	snprintf(own, sizeof(own), "%s", cgroup);
	snprintf(cgroup, sizeof(cgroup), "%s", root);
	EXPECT_EQ(0, cgroup_write("cgroup.procs", "0"));
	EXPECT_EQ(0, rmdir(own));
}

/* What a cgroup's limit does to a queue, which fills in softirq */
static int limited(int family, const char *root, int *reserve)
{
	int to, fd = pair_in_cgroup(family, &to, root), drops;

	*reserve = err(set_int(to, SOL_SOCKET, SO_RESERVE_MEM, MIB));
	set_int(to, SOL_SOCKET, SO_RESERVE_MEM, 0);
	if (cgroup_write("memory.max", "4194304") || fill(fd, BIG, 9 * MIB) < 0)
		return -1;
	drops = info(to, SK_MEMINFO_DROPS);
	drain(to);
	close(fd);
	close(to);
	return !!drops;
}

/* Which kernels let UDP reserve, or datagram sockets go over, differs. We may not
 * reserve anywhere, whatever the limits of net.ttp.mem are.
 */
TEST_F(ttp, cgroup_limits_as_for_udp)
{
	int reserve[2], dropped[2];
	char root[256];

	if (!cgroup_root(root, sizeof(root)))
		SKIP(return, NO_CGROUP);
	ASSERT_EQ(0, cgroup_make(root));
	dropped[0] = limited(AF_INET, root, &reserve[0]);
	EXPECT_TRUE(cgroup_falls_to(MIB));
	EXPECT_EQ(0, cgroup_write("memory.max", "max"));
	dropped[1] = limited(AF_TTP, root, &reserve[1]);
	EXPECT_TRUE(cgroup_falls_to(MIB));
	EXPECT_EQ(0, rmdir(cgroup));
	EXPECT_LE(0, dropped[0]);
	EXPECT_EQ(dropped[0], dropped[1]);
	EXPECT_NE(0, reserve[1]);
}

TEST_HARNESS_MAIN
