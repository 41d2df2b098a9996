// SPDX-License-Identifier: GPL-2.0
/*
 * A host that does as it is told: reads one request a line, makes the socket
 * call, answers with one line. So a script leads any number of hosts in lock
 * step, waits for what it waits for and no longer, and asks the same of UDP
 * and of TTP. S is a socket's name, a letter; A is ADDR:PORT.
 * Usage: agent [NETNS]
 *
 *	open S ttp|inet|udp|raw [UID]	as user UID; inet: TTP's AF_INET
 *				door; raw: IPv4's, for protocol 253
 *	close S
 *	bind S A		connect S A		disconnect S
 *	set S OPTION VALUE	get S OPTION		(see options[])
 *	error S [MS]		SO_ERROR, once there is one
 *	send S SIZE [A]		a datagram; those of a socket are numbered
 *	recv S [MS]		"SIZE NUMBER A", "corrupt" or "nothing"
 *	reply S SIZE		send to whom S received from last
 *	burst S COUNT SIZE [A]	COUNT datagrams; "sent N", the rest failed
 *	gather S SIZE MS [N]	what comes, until the line is quiet for MS; N of
 *				it are waited for longer
 *	reset			close all
 *	flow S SIZE [A]		send without end, meanwhile obey
 *	last S			the outcome of a send that has begun since
 *	halt S			end the flow; "sent N failed N"
 *	stat NAME		a counter of ttp/snmp or, as Icmp.InMsgs, snmp
 *	await NAME VALUE	until the counter is there
 *	sysctl PATH VALUE	under /proc/sys
 *	forge PROTO TYPE CODE INFO A A
 *				an ICMP error about a packet from A to A
 *
 * An answer is "ok", a value, or the name of an errno.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ttp.h>

#include "agent.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
/* What a flow, which is a process, has done. */
struct flow {
	unsigned long begun;
	unsigned long sent;
	unsigned long failed;
	int err;
};

struct sock {
	int fd;
	sa_family_t family;
	unsigned int number;	/* of the last datagram sent */
	struct sockaddr_in from;
	struct flow *flow;
	pid_t flow_pid;
};

static struct sock socks[26];
static unsigned char buf[65536], pattern[65536];

enum kind { INT, NAME, ADDR, GROUP };

static const struct option {
	const char *name;
	int level, opt;
	enum kind kind;
} options[] = {
	{ "ttl", SOL_IP, IP_TTL, INT },
	{ "mtu", SOL_IP, IP_MTU, INT },
	{ "mtudisc", SOL_IP, IP_MTU_DISCOVER, INT },
	{ "tos", SOL_IP, IP_TOS, INT },
	{ "join", SOL_IP, IP_ADD_MEMBERSHIP, GROUP },
	{ "mcastif", SOL_IP, IP_MULTICAST_IF, ADDR },
	{ "mcastttl", SOL_IP, IP_MULTICAST_TTL, INT },
	{ "mark", SOL_SOCKET, SO_MARK, INT },
	{ "reuse", SOL_SOCKET, SO_REUSEADDR, INT },
	{ "broadcast", SOL_SOCKET, SO_BROADCAST, INT },
	{ "rcvbuf", SOL_SOCKET, SO_RCVBUFFORCE, INT },
	{ "sndbuf", SOL_SOCKET, SO_SNDBUFFORCE, INT },
	{ "device", SOL_SOCKET, SO_BINDTODEVICE, NAME },
};

int answer(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return 0;
}

int result(int ret)
{
	return answer(ret < 0 ? strerrorname_np(errno) : "ok");
}

int die(const char *what)
{
	answer("bad request: %s", what);
	exit(2);
}

static struct sock *sock(const char *name)
{
	if (!name || name[0] < 'a' || name[0] > 'z' || name[1])
		die("socket names are a to z");
	return &socks[name[0] - 'a'];
}

int number(const char *s)
{
	if (!s)
		die("a number is missing");
	return strtol(s, NULL, 0);
}

struct sockaddr_in addr(const char *s, sa_family_t family)
{
	struct sockaddr_in sin = { .sin_family = family };
	char *colon;

	if (!s)
		die("an address is missing");
	colon = strchr(s, ':');
	if (colon) {
		sin.sin_port = htons(atoi(colon + 1));
		*colon = '\0';
	}
	if (inet_pton(AF_INET, s, &sin.sin_addr) != 1)
		die("an address is ADDR:PORT");
	return sin;
}

static const char *text(const struct sockaddr_in *sin)
{
	static char s[32];

	snprintf(s, sizeof(s), "%s:%u", inet_ntoa(sin->sin_addr),
		 ntohs(sin->sin_port));
	return s;
}

long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Content that tells its number and its size, so nothing can pass for it */
static void fill(unsigned char *p, int size, unsigned int nr)
{
	unsigned int be = htonl(nr);
	int i;

	for (i = 0; i < size; i++)
		p[i] = nr * 31 + size + i * 7;
	memcpy(p, &be, size < 4 ? size : 4);
}

/* Its number; 0 if too short to have one; -1 if it is not as it was sent */
static int check(const unsigned char *p, int size)
{
	unsigned int be;

	if (size < 4)
		return 0;
	memcpy(&be, p, 4);
	fill(pattern, size, ntohl(be));
	return memcmp(p, pattern, size) ? -1 : (int)ntohl(be);
}

static int do_open(char **arg)
{
	struct sock *s = sock(arg[1]);
	int uid = arg[3] ? number(arg[3]) : 0;
	bool raw = !strcmp(arg[2], "raw");
	bool inet = !strcmp(arg[2], "inet");

	s->number = 0;
	s->family = !strcmp(arg[2], "ttp") ? AF_TTP : AF_INET;
	if (seteuid(uid))
		return result(-1);
	s->fd = socket(s->family, raw ? SOCK_RAW : SOCK_DGRAM,
		       raw || inet ? IPPROTO_TTP : 0);
	if (seteuid(0))
		die("cannot be root again");
	return result(s->fd);
}

static int do_close(char **arg)
{
	struct sock *s = sock(arg[1]);
	int fd = s->fd;

	s->fd = 0;
	return result(close(fd));
}

static int do_reset(char **arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < ARRAY_SIZE(socks); i++) {
		if (socks[i].fd > 0)
			close(socks[i].fd);
		socks[i].fd = 0;
	}
	return answer("ok");
}

static int do_name(char **arg)
{
	struct sock *s = sock(arg[1]);
	struct sockaddr_in sin = { .sin_family = AF_UNSPEC };

	if (arg[0][0] != 'd')
		sin = addr(arg[2], s->family);
	if (arg[0][0] == 'b')
		return result(bind(s->fd, (void *)&sin, sizeof(sin)));
	return result(connect(s->fd, (void *)&sin, sizeof(sin)));
}

static const struct option *option(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (name && !strcmp(name, options[i].name))
			return &options[i];
	die("no such option");
	return NULL;
}

static int do_set(char **arg)
{
	const struct option *o = option(arg[2]);
	const void *val = arg[3];
	int fd = sock(arg[1])->fd;
	struct ip_mreq group = {};
	struct in_addr in;
	socklen_t len;
	int i;

	switch (o->kind) {
	case NAME:
		len = strlen(val);
		break;
	case ADDR:
		in = addr(arg[3], 0).sin_addr;
		val = &in;
		len = sizeof(in);
		break;
	case GROUP:
		group.imr_multiaddr = addr(arg[3], 0).sin_addr;
		val = &group;
		len = sizeof(group);
		break;
	default:
		i = number(arg[3]);
		val = &i;
		len = sizeof(i);
	}
	return result(setsockopt(fd, o->level, o->opt, val, len));
}

static int do_get(char **arg)
{
	const struct option *o = option(arg[2]);
	socklen_t len = sizeof(int);
	int val;

	if (getsockopt(sock(arg[1])->fd, o->level, o->opt, &val, &len))
		return result(-1);
	return answer("%d", val);
}

static int do_error(char **arg)
{
	struct pollfd pfd = { .fd = sock(arg[1])->fd };
	socklen_t len = sizeof(int);
	int err;

	poll(&pfd, 1, number(arg[2] ?: WAIT_MS));
	if (getsockopt(pfd.fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return result(-1);
	return answer(err ? strerrorname_np(err) : "none");
}

static int send_one(struct sock *s, int size, const struct sockaddr_in *to)
{
	if (size < 0 || size > (int)sizeof(buf))
		die("size is 0 to 65536");
	fill(buf, size, ++s->number);
	return sendto(s->fd, buf, size, 0, (void *)to, to ? sizeof(*to) : 0);
}

static int do_send(char **arg)
{
	struct sock *s = sock(arg[1]);
	struct sockaddr_in sin;

	if (arg[3])
		sin = addr(arg[3], s->family);
	return result(send_one(s, number(arg[2]), arg[3] ? &sin : NULL));
}

static int do_reply(char **arg)
{
	struct sock *s = sock(arg[1]);

	return result(send_one(s, number(arg[2]), &s->from));
}

static int recv_one(struct sock *s, int ms)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
	socklen_t len = sizeof(s->from);

	if (poll(&pfd, 1, ms) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return recvfrom(s->fd, buf, sizeof(buf), MSG_DONTWAIT,
			(void *)&s->from, &len);
}

static int do_recv(char **arg)
{
	struct sock *s = sock(arg[1]);
	int size = recv_one(s, number(arg[2] ?: WAIT_MS));
	int nr;

	if (size < 0 && errno == EAGAIN)
		return answer("nothing");
	if (size < 0)
		return result(-1);
	nr = check(buf, size);
	if (nr < 0)
		return answer("corrupt %d %s", size, text(&s->from));
	return answer("%d %d %s", size, nr, text(&s->from));
}

static int do_burst(char **arg)
{
	struct sock *s = sock(arg[1]);
	int count = number(arg[2]);
	struct sockaddr_in sin;
	int sent = 0;

	if (arg[4])
		sin = addr(arg[4], s->family);
	while (count--)
		sent += send_one(s, number(arg[3]), arg[4] ? &sin : NULL) >= 0;
	return answer("sent %d", sent);
}

static int do_gather(char **arg)
{
	static unsigned char seen[1 << 20];
	int got = 0, again = 0, late = 0, corrupt = 0;
	int count = number(arg[4] ?: "0");
	struct sock *s = sock(arg[1]);
	int size, nr, last = 0;

	memset(seen, 0, sizeof(seen));
	while ((size = recv_one(s, number(got < count ? WAIT_MS :
					  arg[3]))) >= 0) {
		nr = check(buf, size);
		if (size != number(arg[2]) || nr < 0 ||
		    nr >= (int)sizeof(seen))
			corrupt++;
		else if (seen[nr]++)
			again++;
		else
			got++;
		late += nr >= 0 && nr < last;
		last = nr > last ? nr : last;
	}
	if (errno != EAGAIN)
		return result(-1);
	return answer("got %d again %d late %d corrupt %d", got, again, late,
		      corrupt);
}

/* A thousand a second are enough to be in the way of what goes away. */
static void run_flow(struct sock *s, int size, const struct sockaddr_in *to)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		__atomic_add_fetch(&s->flow->begun, 1, __ATOMIC_SEQ_CST);
		if (send_one(s, size, to) < 0) {
			s->flow->err = errno;
			s->flow->failed++;
		} else {
			s->flow->err = 0;
			s->flow->sent++;
		}
		poll(NULL, 0, 1);
	}
}

static int do_flow(char **arg)
{
	struct sock *s = sock(arg[1]);
	struct sockaddr_in sin;

	if (arg[3])
		sin = addr(arg[3], s->family);
	s->flow = mmap(NULL, sizeof(*s->flow), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->flow == MAP_FAILED)
		return result(-1);
	s->flow_pid = fork();
	if (s->flow_pid == 0)
		run_flow(s, number(arg[2]), arg[3] ? &sin : NULL);
	return result(s->flow_pid);
}

/* Two sends may have begun before the request: this one is told of a third. */
static int do_last(char **arg)
{
	struct flow *flow = sock(arg[1])->flow;
	long limit = now_ms() + atoi(WAIT_MS);
	unsigned long begun;

	begun = __atomic_load_n(&flow->begun, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&flow->begun, __ATOMIC_SEQ_CST) < begun + 2) {
		if (now_ms() > limit)
			return answer("stuck");
		poll(NULL, 0, 1);
	}
	return answer(flow->err ? strerrorname_np(flow->err) : "ok");
}

static int do_halt(char **arg)
{
	struct sock *s = sock(arg[1]);

	kill(s->flow_pid, SIGKILL);
	waitpid(s->flow_pid, NULL, 0);
	answer("sent %lu failed %lu", s->flow->sent, s->flow->failed);
	return munmap(s->flow, sizeof(*s->flow));
}

static const struct {
	const char *name;
	int args;
	int (*fn)(char **arg);
} requests[] = {
	{ "open", 2, do_open },
	{ "close", 1, do_close },
	{ "reset", 0, do_reset },
	{ "bind", 2, do_name },
	{ "connect", 2, do_name },
	{ "disconnect", 1, do_name },
	{ "set", 3, do_set },
	{ "get", 2, do_get },
	{ "error", 1, do_error },
	{ "send", 2, do_send },
	{ "recv", 1, do_recv },
	{ "reply", 2, do_reply },
	{ "burst", 3, do_burst },
	{ "gather", 3, do_gather },
	{ "flow", 2, do_flow },
	{ "last", 1, do_last },
	{ "halt", 1, do_halt },
	{ "stat", 1, do_stat },
	{ "await", 2, do_await },
	{ "sysctl", 2, do_sysctl },
	{ "forge", 6, do_forge },
};

static int obey(char *line)
{
	char *arg[9] = {};
	unsigned int i;
	int n;

	for (n = 0; n < 8 && (arg[n] = strtok(n ? NULL : line, " \n")); )
		n++;
	for (i = 0; n && i < ARRAY_SIZE(requests); i++)
		if (!strcmp(arg[0], requests[i].name) && n > requests[i].args)
			return requests[i].fn(arg);
	return die(n ? arg[0] : "an empty line");
}

/* Its loopback device goes up on the way. */
static void enter_netns(const char *name)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("no such namespace");
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("cannot set lo up");
	close(fd);
}

/* What one CPU sends, a virtual line delivers in that order. */
static void stay_on_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;

	stay_on_cpu();
	if (argc > 1)
		enter_netns(argv[1]);
	while (getline(&line, &room, stdin) > 0)
		obey(line);
	return 0;
}
