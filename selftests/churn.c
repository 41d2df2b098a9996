// SPDX-License-Identifier: GPL-2.0
/*
 * Comings and goings: the module under traffic, namespaces with live sockets,
 * many sockets at once. Whatever was taken must be given back.
 */
#define _GNU_SOURCE
#define NEEDS "MODULE_UNLOAD"
#include "ttp_test.h"

#include <net/if.h>
#include <netinet/ip.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define LOADS		100
#define NAMESPACES	200
#define SOCKETS		10000
#define SOCKET_REFS	2	/* struct socket's and struct sock's */

static const char refcnt_file[] = "/sys/module/ttp/refcnt";
static const char modprobe_file[] = "/proc/sys/kernel/modprobe";
static const char expedited_file[] = "/sys/kernel/rcu_expedited";

/* The number that follows KEY in FILE, or at its start; -1 if there is none */
static long number_in(const char *file, const char *key)
{
	char line[256];
	long val = -1;
	FILE *f;

	f = fopen(file, "r");
	if (!f)
		return -1;
	while (val < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			val = atol(line + strlen(key));
	fclose(f);
	return val;
}

static int write_to(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	int n = write(fd, text, strlen(text));

	close(fd);
	return n;
}

/* Sockets are freed after a grace period, namespaces by a worker. */
static bool refcnt_falls_to(long refs)
{
	long limit = now_ms() + 30000;

	while (number_in(refcnt_file, "") > refs) {
		if (now_ms() > limit)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

static const char *module_path(void)
{
	static char path[256];
	struct utsname uts;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/ttp.ko",
		 uts.release);
	return getenv("TTP_KO") ?: path;
}

static int load(void)
{
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, "", 0);

	close(fd);
	return ret;
}

static int unload(long patience_ms)
{
	long limit = now_ms() + patience_ms;

	while (syscall(SYS_delete_module, "ttp", O_NONBLOCK)) {
		if (errno != EAGAIN || now_ms() > limit)
			return -1;
		poll(NULL, 0, 1);
	}
	return 0;
}

static bool stop, rest;

/* Good packets, whether somebody is there or not */
static void *inject(void *arg)
{
	struct {
		struct iphdr ip;
		struct ttphdr ttp;
	} pkt = {
		.ip = {
			.version = 4, .ihl = 5, .ttl = 1,
			.protocol = IPPROTO_TTP,
			.daddr = htonl(INADDR_LOOPBACK),
			.saddr = htonl(INADDR_LOOPBACK),
		},
		.ttp = {
			.source = htons(1), .dest = htons(5000),
			.vertype = TTP_VERTYPE(TTP_VERSION, TTP_TYPE_DATAGRAM),
		},
	};
	struct sockaddr_in to = at(AF_INET, "127.0.0.1", 0);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	unsigned int sum;

	sum = pkt.ttp.source + pkt.ttp.dest + htons(pkt.ttp.vertype << 8);
	sum = (sum & 0xffff) + (sum >> 16);
	pkt.ttp.check = ~((sum & 0xffff) + (sum >> 16));
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		sendto(fd, &pkt, sizeof(pkt), 0, (void *)&to, sizeof(to));
		poll(NULL, 0, 1);
	}
	close(fd);
	return arg;
}

/* Programs that come at any time, and rest when they must */
static void *come_and_go(void *arg)
{
	char buf[4096];
	int fd;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		poll(NULL, 0, 1);
		if (__atomic_load_n(&rest, __ATOMIC_RELAXED))
			continue;
		fd = socket(AF_TTP, SOCK_DGRAM, 0);
		if (fd >= 0) {
			send_to(fd, "x", 1, AF_TTP, "127.0.0.1", 5000);
			close(fd);
		}
		fd = open("/proc/net/ttp/sockets", O_RDONLY);
		if (fd >= 0) {
			while (read(fd, buf, sizeof(buf)) > 0)
				;
			close(fd);
		}
	}
	return arg;
}

FIXTURE(churn) {
	char modprobe[256];
};

FIXTURE_SETUP(churn)
{
	int fd, n;

	fd = open(modprobe_file, O_RDONLY);
	n = read(fd, self->modprobe, sizeof(self->modprobe) - 1);
	self->modprobe[n > 0 ? n : 0] = '\0';
	close(fd);
	/* Each unload waits for half a dozen grace periods. */
	write_to(expedited_file, "1");
}

FIXTURE_TEARDOWN(churn)
{
	write_to(expedited_file, "0");
	write_to(modprobe_file, self->modprobe);
	if (number_in(refcnt_file, "") < 0)
		EXPECT_EQ(0, load());
}

/* It can be loaded again, and nobody uses it: it is gone now. */
static bool removed(void)
{
	return !access(module_path(), R_OK) && !unload(3000);
}

#define STAYS	"the module is in use, or is not where TTP_KO= says"

static int loop_once(int port)
{
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);
	char buf[8];
	int ret;

	if (fd < 0)
		return -1;
	ret = bind_to(fd, AF_TTP, "127.0.0.1", port);
	if (!ret)
		ret = send_to(fd, "hello", 5, AF_TTP, "127.0.0.1", port);
	if (ret == 5)
		ret = recv(fd, buf, sizeof(buf), 0);
	close(fd);
	return ret;
}

TEST_F_TIMEOUT(churn, module_comes_and_goes_under_traffic, LONG)
{
	pthread_t thread[2];
	int i;

	if (!removed())
		SKIP(return, STAYS);
	write_to(modprobe_file, "\n");
	pthread_create(&thread[0], NULL, inject, NULL);
	pthread_create(&thread[1], NULL, come_and_go, NULL);
	for (i = 0; i < LOADS; i++) {
		ASSERT_EQ(0, load()) TH_LOG("%s", strerror(errno));
		__atomic_store_n(&rest, i % 2, __ATOMIC_RELAXED);
		EXPECT_EQ(5, loop_once(6000));
		__atomic_store_n(&rest, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, unload(20000)) TH_LOG("%s", strerror(errno));
		__atomic_store_n(&rest, false, __ATOMIC_RELAXED);
	}
	stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

TEST_F_TIMEOUT(churn, socket_loads_the_module, LONG)
{
	int fd;

	if (!removed())
		SKIP(return, STAYS);
	fd = socket(AF_TTP, SOCK_DGRAM, 0);
	EXPECT_LE(0, fd) TH_LOG("socket(): %s", strerror(errno));
	EXPECT_EQ(SOCKET_REFS, number_in(refcnt_file, ""));
	EXPECT_EQ(EAGAIN, err(syscall(SYS_delete_module, "ttp", O_NONBLOCK)));
	close(fd);
	EXPECT_TRUE(refcnt_falls_to(0));
}

TEST_F_TIMEOUT(churn, no_module_no_socket, LONG)
{
	if (!removed())
		SKIP(return, STAYS);
	write_to(modprobe_file, "\n");
	EXPECT_EQ(EAFNOSUPPORT, err(socket(AF_TTP, SOCK_DGRAM, 0)));
	EXPECT_EQ(EAFNOSUPPORT, err(socket(AF_TTP, SOCK_RAW, 0)));
	ASSERT_EQ(0, load());
	EXPECT_EQ(5, loop_once(6000));
}

/* A world with a bound, a connected and a raw socket, and datagrams in queues,
 * which its only process leaves as they are.
 */
static int live_and_die(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	char buf[16];
	int fd[3], i;

	if (unshare(CLONE_NEWNET))
		return 1;
	for (i = 0; i < 3; i++) {
		fd[i] = socket(AF_TTP, i < 2 ? SOCK_DGRAM : SOCK_RAW, 0);
		if (fd[i] < 0)
			return 2;
	}
	if (ioctl(fd[0], SIOCSIFFLAGS, &ifr) ||
	    bind_to(fd[0], AF_TTP, "0.0.0.0", 5000) ||
	    connect_to(fd[1], AF_TTP, "127.0.0.1", 5000))
		return 3;
	for (i = 0; i < 3; i++)
		if (send(fd[1], "hello", 5, 0) != 5)
			return 4;
	if (recv(fd[0], buf, sizeof(buf), 0) != 5 ||
	    recv(fd[2], buf, sizeof(buf), 0) != 13)
		return 5;
	return 0;
}

TEST_F_TIMEOUT(churn, namespaces_come_and_go_with_live_sockets, LONG)
{
	long refs = number_in(refcnt_file, "");
	int i, status;
	pid_t pid;

	for (i = 0; i < NAMESPACES; i++) {
		pid = fork();
		if (pid == 0)
			_exit(live_and_die());
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, status) TH_LOG("namespace %d", i);
	}
	EXPECT_TRUE(refcnt_falls_to(refs));
}

static int sockets_shown(void)
{
	char line[256];
	int n = -1;	/* the heading */
	FILE *f;

	f = fopen("/proc/net/ttp/sockets", "r");
	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

/* All at once, each bound, each with a datagram to take out */
static int sockets_round(int *fd)
{
	int i, got;

	for (i = 0; i < SOCKETS; i++) {
		fd[i] = socket(AF_TTP, SOCK_DGRAM, 0);
		if (bind_to(fd[i], AF_TTP, "127.0.0.1", 20000 + i))
			return i + 1;
	}
	for (i = 0; i < SOCKETS; i++)
		if (send_to(fd[SOCKETS - 1 - i], &i, sizeof(i), AF_TTP,
			    "127.0.0.1", 20000 + i) != sizeof(i))
			return i + 1;
	for (i = 0; i < SOCKETS; i++)
		if (recv(fd[i], &got, sizeof(got), MSG_DONTWAIT) !=
		    sizeof(got) || got != i)
			return i + 1;
	return 0;
}

/* Inodes and files go by RCU. A socket has more than half a kB. */
static bool memory_is_back(long before)
{
	long limit = now_ms() + 3000;

	while (number_in("/proc/meminfo", "MemFree:") < before - SOCKETS / 2) {
		if (now_ms() > limit)
			return false;
		poll(NULL, 0, 10);
	}
	return true;
}

TEST_F_TIMEOUT(churn, ten_thousand_sockets, LONG)
{
	struct rlimit files = { SOCKETS + 100, SOCKETS + 100 };
	long refs = number_in(refcnt_file, "");
	int i, round, shown = sockets_shown();
	static int fd[SOCKETS];
	bool back = false;
	long before;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	/* The first grows what then stays: slabs, the file table. Others may be
	 * at it in another; but what leaks is gone after each.
	 */
	for (round = 0; round < 5 && !back; round++) {
		before = number_in("/proc/meminfo", "MemFree:");
		ASSERT_EQ(0, sockets_round(fd));
		EXPECT_EQ(shown + SOCKETS, sockets_shown());
		EXPECT_EQ(refs + SOCKET_REFS * SOCKETS,
			  number_in(refcnt_file, ""));
		for (i = 0; i < SOCKETS; i++)
			close(fd[i]);
		EXPECT_EQ(shown, sockets_shown());
		EXPECT_TRUE(refcnt_falls_to(refs));
		back = memory_is_back(before);
	}
	EXPECT_TRUE(back);
}

TEST_HARNESS_MAIN
