// SPDX-License-Identifier: GPL-2.0
/*
 * Memory runs out: of every system call that the family has, the first
 * allocation fails, then the second, and so on until there is none left to
 * fail. Each time the caller is told, the same call succeeds when there is
 * memory again, and the socket works as before. The same for a namespace's
 * creation and for loading the module. What leaks is told by kmemleak, where
 * there is one.
 *
 * Wants a kernel with fault injection: see Documentation/fault-injection/ of
 * the kernel, /proc/self/fail-nth.
 */
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "ttp_test.h"
#include "calls.h"

#define NO_FAULTS	NO_OPTION("FAULT_INJECTION")
#define FAULTS_MAX	2000	/* no call takes so many allocations */
#define DEBUGFS		"/sys/kernel/debug/"

/* Modules, and nothing else, have their text here. */
#define MODULES_START	0xffffffffa0000000UL
#define MODULES_END	0xffffffffff000000UL

/* How faults are chosen, for fail-nth too; what was there is put back. */
static struct setting {
	const char *path;
	const char *value;
	char old[32];
} settings[] = {
	/* GFP_KERNEL, and single pages, fail like others. */
	{ DEBUGFS "failslab/ignore-gfp-wait", "N", "" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N", "" },
	{ DEBUGFS "fail_page_alloc/min-order", "0", "" },
	/* Of each a stack trace would go to the log. */
	{ DEBUGFS "failslab/verbose", "0", "" },
	{ DEBUGFS "fail_page_alloc/verbose", "0", "" },
	{ DEBUGFS "fail_usercopy/verbose", "0", "" },
	/* These change as tests run. */
	{ DEBUGFS "failslab/require-start", "0", "" },
	{ DEBUGFS "failslab/require-end", "0xffffffffffffffff", "" },
	{ DEBUGFS "fail_page_alloc/require-start", "0", "" },
	{ DEBUGFS "fail_page_alloc/require-end", "0xffffffffffffffff", "" },
	{ DEBUGFS "fail_usercopy/require-start", "0", "" },
	{ DEBUGFS "fail_usercopy/require-end", "0xffffffffffffffff", "" },
	{ DEBUGFS "failslab/reject-start", "0", "" },
	{ DEBUGFS "failslab/reject-end", "0", "" },
	{ DEBUGFS "fail_page_alloc/reject-start", "0", "" },
	{ DEBUGFS "fail_page_alloc/reject-end", "0", "" },
	{ DEBUGFS "failslab/probability", "0", "" },
	{ DEBUGFS "failslab/times", "1", "" },
	/* No one but a test shall load the module. */
	{ "/proc/sys/kernel/modprobe", "\n", "" },
};

static int fail_nth;	/* of this process, /proc/self/fail-nth */

static int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	text[n] = '\0';
	return 0;
}

static int set_up_faults(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (read_text(settings[i].path, settings[i].old,
			      sizeof(settings[i].old)) ||
		    write_file(settings[i].path, settings[i].value))
			return -1;
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	return fail_nth < 0 ? -1 : 0;
}

static void put_faults_back(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		write_file(settings[i].path, settings[i].old);
	close(fail_nth);
}

/* Only allocations made below a function in this range fail. */
static int only_below(unsigned long start, unsigned long end)
{
	static const char * const who[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	char path[64], text[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(who); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/require-start",
			 who[i]);
		snprintf(text, sizeof(text), "%#lx", start);
		if (write_file(path, text))
			return -1;
		snprintf(path, sizeof(path), DEBUGFS "%s/require-end", who[i]);
		snprintf(text, sizeof(text), "%#lx", end);
		if (write_file(path, text))
			return -1;
	}
	return 0;
}

/* Not below this function of the core's, whose own bug shall not spoil a test */
static int not_below(const char *function)
{
	unsigned long addr, start = 0, end = 0;
	FILE *f = fopen("/proc/kallsyms", "r");
	char name[128], line[256], text[32];
	int ret;

	while (f && !end && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %127s", &addr, name) != 2)
			continue;
		if (start && addr > start)
			end = addr;
		else if (!strcmp(name, function))
			start = addr;
	}
	if (f)
		fclose(f);
	snprintf(text, sizeof(text), "%#lx", start);
	ret = write_file(DEBUGFS "failslab/reject-start", text) ?:
	      write_file(DEBUGFS "fail_page_alloc/reject-start", text);
	snprintf(text, sizeof(text), "%#lx", end);
	return ret ?: write_file(DEBUGFS "failslab/reject-end", text) ?:
	       write_file(DEBUGFS "fail_page_alloc/reject-end", text);
}

static void arm(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	pwrite(fail_nth, text, len, 0);
}

/* Has the fault been had? To ask copies to user space, which may take it. */
static bool disarm(void)
{
	char text[16] = "";
	ssize_t len = pread(fail_nth, text, sizeof(text) - 1, 0);
	int saved = errno;
	int tries;

	for (tries = 0; tries < 3 && pwrite(fail_nth, "0", 1, 0) != 1; tries++)
		;
	errno = saved;
	return len > 0 && atoi(text) == 0;
}

/* Three datagrams wait at @rx. */
static int make_world(struct world *w)
{
	int i;

	w->rx = bound(AF_TTP, "127.0.0.1", PORT);
	w->tx = socket(AF_TTP, SOCK_DGRAM, 0);
	w->sk = socket(AF_TTP, SOCK_DGRAM, 0);
	w->raw = socket(AF_TTP, SOCK_RAW, 0);
	if (w->rx < 0 || w->tx < 0 || w->sk < 0 || w->raw < 0 ||
	    connect_to(w->tx, AF_TTP, "127.0.0.1", PORT) ||
	    set_int(w->rx, SOL_IP, IP_RECVTTL, 1) ||
	    set_int(w->rx, SOL_SOCKET, SO_TIMESTAMP, 1))
		return -1;
	for (i = 0; i < 3; i++)
		if (send(w->tx, "x", 1, 0) != 1)
			return -1;
	return await(w->rx, POLLIN, WAIT_MS) & POLLIN ? 0 : -1;
}

static void end_world(struct world *w)
{
	close(w->rx);
	close(w->tx);
	close(w->sk);
	close(w->raw);
}

/* What waits is read, an error too, then one more goes through. */
static bool still_works(struct world *w)
{
	char c = 0;

	settle();
	while (recv(w->rx, big, sizeof(big), MSG_DONTWAIT) >= 0 ||
	       errno != EAGAIN)
		;
	return send(w->tx, "y", 1, 0) == 1 && get(w->rx, &c, 1) == 1 &&
	       c == 'y';
}

/* What no memory, or no access to the caller's, may look like. UDP says EAGAIN,
 * too, when a port cannot be had on the way, and socket() ENFILE.
 */
static bool is_shortage(int error)
{
	return error == ENOMEM || error == ENOBUFS || error == EFAULT ||
	       error == EAGAIN || error == ENFILE;
}

/* Sockets of a protocol in this namespace, from /proc/net/protocols */
static int sockets_of(const char *proto)
{
	FILE *f = fopen("/proc/net/protocols", "r");
	char line[256], name[32];
	int size, count, n = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %d %d", name, &size, &count) == 3 &&
		    !strcmp(name, proto))
			n = count;
	if (f)
		fclose(f);
	return n;
}

FIXTURE(faults) {
};

FIXTURE_SETUP(faults)
{
	if (access("/proc/self/fail-nth", W_OK) ||
	    access(DEBUGFS "failslab/require-start", W_OK))
		SKIP(return, NO_FAULTS);
	ASSERT_EQ(0, own_netns());
	ASSERT_EQ(0, set_up_faults());
}

FIXTURE_TEARDOWN(faults)
{
	if (fail_nth > 0)
		put_faults_back();
}

/* One call, n = 1, 2, 3 ...; says how many faults there were, -1: it failed */
static int sweep(struct __test_metadata *_metadata, const struct call *call)
{
	struct world w;
	int n, ret, error;
	bool had;

	for (n = 1; n < FAULTS_MAX; n++) {
		ASSERT_EQ(0, make_world(&w)) {
			TH_LOG("%s, fault %d", call->name, n);
		}
		arm(n);
		ret = call->act(&w);
		error = errno;
		had = disarm();

		if (ret < 0) {
			EXPECT_TRUE(had && is_shortage(error)) {
				TH_LOG("%s, fault %d: %s", call->name, n,
				       strerror(error));
			}
			EXPECT_LE(0, call->act(&w)) {
				TH_LOG("%s, fault %d, again: %s", call->name,
				       n, strerror(errno));
			}
		}
		if (call->after == WORKS) {
			EXPECT_TRUE(still_works(&w)) {
				TH_LOG("%s, fault %d: deaf since", call->name,
				       n);
			}
		}
		end_world(&w);
		if (!had)
			return n - 1;
	}
	return -1;
}

TEST_F_TIMEOUT(faults, system_calls, LONG)
{
	struct world w;
	size_t i;
	int n;

	/* Once without faults, so that each page of ours is there. */
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ASSERT_EQ(0, make_world(&w));
		EXPECT_LE(0, calls[i].act(&w)) {
			TH_LOG("%s: %s", calls[i].name, strerror(errno));
		}
		end_world(&w);
	}

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		n = sweep(_metadata, &calls[i]);
		EXPECT_LE(0, n);
		TH_LOG("%s: %d faults", calls[i].name, n);
	}
	EXPECT_EQ(0, sockets_of("TTP"));
	EXPECT_EQ(0, sockets_of("TTP-RAW"));
}

/* A broadcast is cloned for all but one: in softirq, which fail-nth does not
 * reach, so the next allocation below the module fails, whoever makes it. The
 * packet is sent by a socket that is not ours.
 */
TEST_F(faults, clone_for_each)
{
	struct {
		struct ttphdr th;
		char payload;
	} packet = {
		.th.source = htons(1),
		.th.dest = htons(PORT),
		.th.vertype = TTP_VERTYPE(TTP_VERSION, TTP_TYPE_DATAGRAM),
		.payload = 'x',
	};
	int fd[2], i, heard = 0;
	unsigned int sum = 0;
	const __u8 *byte;
	size_t at_byte;
	int out, raw;
	char c;

	byte = (const __u8 *)&packet;
	for (at_byte = 0; at_byte < 9; at_byte++)
		sum += at_byte & 1 ? byte[at_byte] : byte[at_byte] << 8;
	packet.th.check = htons(~(sum % 0xffff));

	for (i = 0; i < 2; i++) {
		fd[i] = socket(AF_TTP, SOCK_DGRAM, 0);
		set_int(fd[i], SOL_SOCKET, SO_REUSEADDR, 1);
		ASSERT_EQ(0, bind_to(fd[i], AF_TTP, "0.0.0.0", PORT));
	}
	out = socket(AF_INET, SOCK_RAW, IPPROTO_TTP);
	ASSERT_LE(0, out);
	set_int(out, SOL_SOCKET, SO_BROADCAST, 1);

	ASSERT_EQ(0, only_below(MODULES_START, MODULES_END));
	ASSERT_EQ(0, write_file(DEBUGFS "failslab/times", "1"));
	ASSERT_EQ(0, write_file(DEBUGFS "failslab/probability", "100"));
	EXPECT_EQ(9, send_to(out, &packet, 9, AF_INET, "127.255.255.255", 0));
	settle();
	ASSERT_EQ(0, write_file(DEBUGFS "failslab/probability", "0"));

	for (i = 0; i < 2; i++)
		heard += recv(fd[i], &c, 1, MSG_DONTWAIT) == 1;
	EXPECT_EQ(1, heard);
	EXPECT_EQ(1, ttp_stat("TtpInMemErrors"));

	/* A raw socket is shown a clone, and misses it. */
	raw = socket(AF_TTP, SOCK_RAW, 0);
	ASSERT_LE(0, raw);
	ASSERT_EQ(0, write_file(DEBUGFS "failslab/times", "1"));
	ASSERT_EQ(0, write_file(DEBUGFS "failslab/probability", "100"));
	EXPECT_EQ(9, send_to(out, &packet, 9, AF_INET, "127.0.0.1", 0));
	settle();
	ASSERT_EQ(0, write_file(DEBUGFS "failslab/probability", "0"));
	EXPECT_EQ(EAGAIN, err(recv(raw, big, 100, MSG_DONTWAIT)));
	EXPECT_EQ(1, get(fd[1], &c, 1));
}

/* Of all that a namespace consists of, what the module asks for */
TEST_F(faults, namespace)
{
	int n, ret, error;
	bool had = true;

	ASSERT_EQ(0, only_below(MODULES_START, MODULES_END));
	for (n = 1; had && n < FAULTS_MAX; n++) {
		arm(n);
		ret = unshare(CLONE_NEWNET);
		error = errno;
		had = disarm();
		if (ret) {
			EXPECT_EQ(ENOMEM, error);
			EXPECT_TRUE(had);
		}
		EXPECT_LE(0, ttp_stat("TtpInDatagrams"));
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(3, n);
	TH_LOG("%d faults", n - 2);
}

static int load_module(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0);
}

/* Closed sockets hold it for a grace period. */
static int unload_module(void)
{
	long limit = now_ms() + 20000;

	while (syscall(SYS_delete_module, "ttp", O_NONBLOCK)) {
		if (now_ms() > limit)
			return -1;
		poll(NULL, 0, 10);
	}
	return 0;
}

TEST_F_TIMEOUT(faults, load, LONG)
{
	struct utsname uts;
	char path[256];
	bool had = true;
	int fd, n, ret;
	int error;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/ttp.ko",
		 uts.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "ttp.ko is not installed");
	if (unload_module())
		SKIP(return, "the module is in use");

	ASSERT_EQ(0, only_below(MODULES_START, MODULES_END));
	/* It leaks the name of a cache that it cannot show. */
	ASSERT_EQ(0, not_below("sysfs_slab_add"));
	for (n = 1; had && n < FAULTS_MAX; n++) {
		arm(n);
		ret = load_module(fd);
		error = errno;
		had = disarm();
		if (!ret && had) {
			/* Something that it can do without */
			ASSERT_EQ(0, unload_module());
		} else if (ret) {
			EXPECT_TRUE(had && is_shortage(error)) {
				TH_LOG("fault %d: %s", n, strerror(error));
			}
			EXPECT_NE(0, access("/proc/net/ttp", F_OK));
			EXPECT_NE(0, access("/proc/sys/net/ttp", F_OK));
			EXPECT_EQ(-1, sockets_of("TTP"));
			EXPECT_EQ(-1, sockets_of("TTP-RAW"));
			EXPECT_EQ(EAFNOSUPPORT,
				  err(socket(AF_TTP, SOCK_DGRAM, 0)));
		}
	}
	EXPECT_EQ(0, ret);
	EXPECT_LT(10, n);
	TH_LOG("%d faults", n - 2);
	close(fd);
}

TEST_HARNESS_MAIN
