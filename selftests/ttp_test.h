/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the C tests share: fixtures that run a test in a network namespace of
 * its own, on UDP and on TTP (TEST_F(sock, ...)) or on TTP alone (TEST_F(ttp,
 * ...)), and short names for what every test does. A program that says
 * BOTH_DOORS first runs TEST_F(sock, ...) at TTP's AF_INET door, too. One that
 * defines NEEDS, a string of kernel options as in needs.h, is skipped
 * where the kernel lacks one, as every program is without the module.
 *
 * Addresses are struct sockaddr_in for both families: the layout is the same.
 */
#ifndef _TTP_TEST_H
#define _TTP_TEST_H

#include "kselftest_harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ttp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "needs.h"

/* Limits in seconds for what hangs, not for what is slow: sanitizers on an
 * emulated CPU take thirty times as long.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120
#define LONG			900

/* For what is sure to come, on a kernel that is slow, too */
#define WAIT_MS		(getenv("KSFT_MACHINE_SLOW") ? 30000 : 5000)

/* How often what is a matter of chance is tried; there a tenth is enough */
#define OFTEN(n)	((n) / (getenv("KSFT_MACHINE_SLOW") ? 10 : 1))

#define ANY		"0.0.0.0"
#define OWN		"127.0.0.1"
#define OWN2		"127.0.0.2"
#define PORT		5000
#define PEER_PORT	6000

/* 0, or the errno of a call: EXPECT_EQ(EINVAL, err(bind(...))) */
#define err(call)	((call) < 0 ? errno : 0)

static inline struct sockaddr_in at(int family, const char *ip, int port)
{
	struct sockaddr_in sin = {
		.sin_family = family,
		.sin_port = htons(port),
		.sin_addr.s_addr = inet_addr(ip),
	};

	return sin;
}

/* What the short names below take for AF_INET's datagrams: UDP, or the protocol
 * of the variant that runs.
 */
static int inet_protocol = IPPROTO_UDP;

static inline int dgram(int family)
{
	return socket(family, SOCK_DGRAM,
		      family == AF_INET ? inet_protocol : 0);
}

static inline int set_int(int fd, int level, int opt, int val)
{
	return setsockopt(fd, level, opt, &val, sizeof(val));
}

/* The value, or -1 */
static inline int get_int(int fd, int level, int opt)
{
	socklen_t len = sizeof(int);
	int val = -1;

	return getsockopt(fd, level, opt, &val, &len) ? -1 : val;
}

static inline int bind_to(int fd, int family, const char *ip, int port)
{
	struct sockaddr_in sin = at(family, ip, port);

	return bind(fd, (void *)&sin, sizeof(sin));
}

static inline int connect_to(int fd, int family, const char *ip, int port)
{
	struct sockaddr_in sin = at(family, ip, port);

	return connect(fd, (void *)&sin, sizeof(sin));
}

static inline int disconnect(int fd)
{
	struct sockaddr_in sin = { .sin_family = AF_UNSPEC };

	return connect(fd, (void *)&sin, sizeof(sin));
}

static inline ssize_t send_to(int fd, const void *data, size_t len, int family,
			      const char *ip, int port)
{
	struct sockaddr_in sin = at(family, ip, port);

	return sendto(fd, data, len, 0, (void *)&sin, sizeof(sin));
}

/* A datagram socket that has a port; -1 with errno if it cannot be */
static inline int bound(int family, const char *ip, int port)
{
	int fd = dgram(family);
	int saved;

	if (fd >= 0 && bind_to(fd, family, ip, port)) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* A receiver, bound to OWN and PORT, and a sender connected to it */
static inline int pair(int family, int *to)
{
	int fd = bound(family, OWN, 0);

	*to = bound(family, OWN, PORT);
	if (*to < 0 || connect_to(fd, family, OWN, PORT))
		return -1;
	return fd;
}

/* How a socket is opened: the order of its members is that of the calls. */
struct opening {
	bool reuse;
	const char *device;	/* or NULL */
	const char *addr;	/* bound to it, and to PORT; or NULL */
	const char *peer;	/* then connected to it, and to PEER_PORT */
};

/* Return: socket, or -1 */
static inline int open_as(int family, const struct opening *how)
{
	int fd = dgram(family), saved;

	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, how->reuse) == 0 &&
	    (!how->device ||
	     setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, how->device,
			strlen(how->device)) == 0) &&
	    (!how->addr || bind_to(fd, family, how->addr, PORT) == 0) &&
	    (!how->peer || connect_to(fd, family, how->peer, PEER_PORT) == 0))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* getsockname()'s port; -1 if it fails */
static inline int port_of(int fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	if (getsockname(fd, (struct sockaddr *)&sin, &len))
		return -1;
	return ntohs(sin.sin_port);
}

/* Events of a socket, as soon as one of those wanted, or an error, is there */
static inline int await(int fd, int events, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, ms) < 0 ? -1 : pfd.revents;
}

/* The next datagram, which is sure to come */
static inline ssize_t get(int fd, void *data, size_t len)
{
	await(fd, POLLIN, WAIT_MS);
	return recv(fd, data, len, MSG_DONTWAIT);
}

static inline long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* How often this thread went to sleep. That a call waited shows here; by the
 * clock it need not, for time-outs count ticks, and a tick of an emulated CPU
 * may come late and many at once.
 */
static inline long sleeps(void)
{
	struct rusage usage = {};

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/* A counter of /proc/net/ttp/snmp, in the caller's namespace; -1 if none */
static inline long ttp_stat(const char *name)
{
	FILE *f = fopen("/proc/net/ttp/snmp", "r");
	char key[64];
	long val;
	int n;

	if (!f)
		return -1;
	do
		n = fscanf(f, "%63s %ld", key, &val);
	while (n == 2 && strcmp(key, name));
	fclose(f);
	return n == 2 ? val : -1;
}

/* Does a counter come to stand at @want? */
static inline bool ttp_stat_is(const char *name, long want)
{
	long limit = now_ms() + WAIT_MS;

	while (ttp_stat(name) != want) {
		if (now_ms() > limit)
			return false;
		poll(NULL, 0, 1);
	}
	return true;
}

/* All that this process has sent over lo has been received or dropped: it is
 * pinned to one CPU, whose backlog is first in, first out, and its own datagram
 * has come back. After this an empty queue stays empty.
 */
static inline bool settle(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	bool back;
	char c;

	/* There may be no port to choose from. */
	back = (bind_to(fd, AF_INET, "127.0.0.1", 0) == 0 ||
		bind_to(fd, AF_INET, "127.0.0.1", 7) == 0) &&
	       connect_to(fd, AF_INET, "127.0.0.1", port_of(fd)) == 0 &&
	       send(fd, "", 1, 0) == 1 && get(fd, &c, 1) == 1;
	close(fd);
	return back;
}

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* A command in the network namespace that the machine began with. The caller's
 * stays what it is.
 */
static inline int in_first_netns(const char *command)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int first = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	int ret;

	ret = setns(first, CLONE_NEWNET) ?: system(command);
	ret = setns(own, CLONE_NEWNET) ?: ret;
	close(own);
	close(first);
	return ret;
}

static inline int device_up(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {};
	int ret;

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	ret = ioctl(fd, SIOCGIFFLAGS, &ifr);
	ifr.ifr_flags |= IFF_UP;
	ret = ret ?: ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	return ret;
}

/* A second device, for SO_BINDTODEVICE */
static inline int add_device(void)
{
	return system("ip link add v0 type veth peer name v1") ?:
	       device_up("v0") ?: device_up("v1");
}

/* A network namespace of one's own, and one CPU: see settle() */
static inline int own_netns(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return -1;
	return unshare(CLONE_NEWNET) ?: device_up("lo");
}

/* The calling thread goes to one other CPU, if there is one: a race's other
 * side, which can settle(), too.
 */
static inline void leave_cpu(int cpu)
{
	int i, n = sysconf(_SC_NPROCESSORS_CONF);
	cpu_set_t one;

	for (i = 0; i < n; i++) {
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (i != cpu && !sched_setaffinity(0, sizeof(one), &one))
			return;
	}
}

/* What a test cannot do without is not there: SKIP(return, NOT_READY), and
 * SKIP(return, NO_OPTION("MEMCG")).
 */
#define NOT_READY	"wants root and the module: insmod ttp.ko"
#define NO_OPTION(option)	"this kernel has no CONFIG_" option

static inline bool not_ready(void)
{
	return geteuid() || access("/proc/net/ttp/snmp", R_OK);
}

#ifndef NEEDS
#define NEEDS	""
#endif

/* Ends the program, as kselftest does, if it could test nothing. */
static inline void skip_if_not_ready(void)
{
	bool ready = !not_ready();
	const char *option = ready ? lacks("NET_NS " NEEDS) : NULL;

	if (ready && !option)
		return;
	ksft_print_header();
	if (option)
		printf("1..0 # SKIP " NO_OPTION("%s\n"), option);
	else
		printf("1..0 # SKIP " NOT_READY "\n");
	exit(KSFT_SKIP);
}

#undef TEST_HARNESS_MAIN
#define TEST_HARNESS_MAIN \
	int main(int argc, char **argv) \
	{ \
		skip_if_not_ready(); \
		exit(test_harness_run(argc, argv)); \
	}

FIXTURE(sock) {
};

FIXTURE_VARIANT(sock) {
	int family;
	int protocol;
};

FIXTURE_VARIANT_ADD(sock, udp) {
	.family = AF_INET,
	.protocol = IPPROTO_UDP,
};

FIXTURE_VARIANT_ADD(sock, ttp) {
	.family = AF_TTP,
	.protocol = IPPROTO_TTP,
};

#ifdef BOTH_DOORS
FIXTURE_VARIANT_ADD(sock, inet) {
	.family = AF_INET,
	.protocol = IPPROTO_TTP,
};
#endif

FIXTURE_SETUP(sock)
{
	if (variant->family == AF_INET)
		inet_protocol = variant->protocol;
	ASSERT_EQ(0, own_netns());
}

FIXTURE_TEARDOWN(sock)
{
}

FIXTURE(ttp) {
};

FIXTURE_SETUP(ttp)
{
	ASSERT_EQ(0, own_netns());
}

FIXTURE_TEARDOWN(ttp)
{
}

#endif /* _TTP_TEST_H */
