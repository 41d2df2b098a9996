// SPDX-License-Identifier: GPL-2.0
/*
 * A 32-bit program on a 64-bit kernel: each call whose arguments are laid out
 * otherwise there, on UDP and at both of TTP's doors, with the same outcome.
 *
 * Freestanding, with system calls of its own: so nobody needs a 32-bit libc to
 * build it.
 */
#include <asm/unistd_32.h>
#include <linux/net.h>
#include <linux/types.h>

#define AF_INET		2
#define AF_TTP		18
#define SOCK_DGRAM	2
#define SOL_IP		0
#define SOL_SOCKET	1
#define IPPROTO_TTP	253
#define MSG_DONTWAIT	0x40
#define MSG_TRUNC	0x20
#define CLONE_NEWNET	0x40000000

#define EAGAIN		11
#define EFAULT		14
#define ENODEV		19
#define EINVAL		22

/* Numbers that 32-bit programs of old use, and those for 64 bits of time */
#define SO_RCVTIMEO_OLD		20
#define SO_RCVTIMEO_NEW		66
#define SO_ATTACH_FILTER	26
#define SO_TIMESTAMP_OLD	29
#define SO_TIMESTAMPNS_OLD	35
#define SO_TIMESTAMPING_OLD	37
#define SO_TIMESTAMP_NEW	63
#define SO_TIMESTAMPNS_NEW	64
#define SO_TIMESTAMPING_NEW	65
#define SOFTWARE		0x18	/* on receipt, and told */
#define IP_TOS			1
#define IP_TTL			2
#define IP_RECVTTL		12
#define IP_RECVTOS		13
#define MCAST_JOIN_GROUP	42
#define MCAST_MSFILTER		48
#define SIOCADDRT		0x890b
#define SIOCINQ			0x541b
#define SIOCOUTQ		0x5411
#define SIOCGSTAMP_OLD		0x8906
#define SIOCGSTAMPNS_OLD	0x8907
#define SIOCGSTAMP_NEW		0x80108906U
#define SIOCGIFFLAGS		0x8913
#define SIOCSIFFLAGS		0x8914

#define OWN	0x0100007fU		/* 127.0.0.1 */
#define GROUP	0x030201efU		/* 239.1.2.3 */

struct name {
	__u16 family, port;
	__u32 addr;
	__u8 zero[8];
};

struct iov {
	const void *base;
	__u32 len;
};

struct msg {
	struct name *name;
	int namelen;
	struct iov *iov;
	__u32 iovlen;
	void *control;
	__u32 controllen, flags;
};

struct mmsg {
	struct msg msg;
	__u32 len;
};

struct cmsg {
	__u32 len;
	int level, type;
};

struct ifreq {
	char name[16];
	__u16 flags, pad[7];
};

struct group_req {
	__u32 dev;
	struct name group;
	__u8 rest[112];
};

struct group_filter {
	__u32 dev;
	struct name group;
	__u8 rest[112];
	__u32 mode, n;
	struct name source;
	__u8 more[112];
};

struct rtentry {
	__u32 pad1;
	struct name dst, gateway, mask;
	__u16 flags;
	__u16 pad2;
	__u32 pad3;
	__u8 tos, class, pad4[2];
	__u16 metric, pad5;
	const char *dev;
	__u32 mtu, window;
	__u16 irtt, pad6;
};

static long call(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

static long sock(int nr, long a, long b, long c, long d, long e, long f)
{
	long args[] = { a, b, c, d, e, f };

	return call(__NR_socketcall, nr, (long)args, 0);
}

#define P(ptr)	((long)(ptr))

void *memset(void *to, int c, unsigned int n)
{
	char *p = to;

	while (n--)
		*p++ = c;
	return to;
}

static void say(const char *s)
{
	int n = 0;

	while (s[n])
		n++;
	call(__NR_write, 1, P(s), n);
}

static void say_number(long n)
{
	char text[12], *p = text + sizeof(text) - 1;
	unsigned long u = n < 0 ? -n : n;

	*p = 0;
	do {
		p--;
		*p = '0' + u % 10;
	} while (u /= 10);
	if (n < 0) {
		p--;
		*p = '-';
	}
	say(p);
}

/* --- what happens, to be compared ------------------------------------------ */

static const struct transport {
	const char *name;
	int family, protocol;
} transports[] = {
	{ "UDP", AF_INET, 0 },
	{ "AF_TTP", AF_TTP, 0 },
	{ "AF_INET", AF_INET, IPPROTO_TTP },
};

#define STEPS	200

static struct step {
	const char *what;
	long want, got[3];
} steps[STEPS];
static int now, at, last;

/* @got is what the program wants on each transport. */
static void is(const char *what, long want, long got)
{
	struct step *s = &steps[at < STEPS ? at++ : STEPS - 1];

	s->what = what;
	s->want = want;
	s->got[now] = got;
	if (at > last)
		last = at;
}

static long set(int fd, int level, int opt, const void *val, int len)
{
	return sock(SYS_SETSOCKOPT, fd, level, opt, P(val), len, 0);
}

static long set_int(int fd, int level, int opt, int val)
{
	return set(fd, level, opt, &val, sizeof(val));
}

static long get(int fd, int level, int opt, void *val, int *len)
{
	return sock(SYS_GETSOCKOPT, fd, level, opt, P(val), P(len), 0);
}

static struct name self(__u16 port)
{
	return (struct name) {
		.family = transports[now].family,
		.port = port >> 8 | port << 8,
		.addr = OWN,
	};
}

static void names(int fd)
{
	struct name n = self(5000), back;
	int len = sizeof(back);

	is("bind", 0, sock(SYS_BIND, fd, P(&n), sizeof(n), 0, 0, 0));
	is("getsockname", 0, sock(SYS_GETSOCKNAME, fd, P(&back), P(&len), 0, 0,
				  0));
	is("its length", sizeof(n), len);
	is("its family", 1, back.family == n.family);
	is("its port", n.port, back.port);
	is("connect to itself", 0, sock(SYS_CONNECT, fd, P(&n), sizeof(n), 0, 0,
					0));
	len = sizeof(back);
	is("getpeername", 0, sock(SYS_GETPEERNAME, fd, P(&back), P(&len), 0, 0,
				  0));
	is("its address", OWN, back.addr);
}

static void timeouts(int fd)
{
	int old[2] = { 3, 250000 }, len = sizeof(old);
	long long new[2] = { 4, 500000 };

	is("SO_RCVTIMEO, 32 bits", 0, set(fd, SOL_SOCKET, SO_RCVTIMEO_OLD, old,
					  sizeof(old)));
	old[0] = 0;
	is("and back", 0, get(fd, SOL_SOCKET, SO_RCVTIMEO_OLD, old, &len));
	is("its length", 8, len);
	is("its seconds", 3, old[0]);
	is("SO_RCVTIMEO, 64 bits", 0, set(fd, SOL_SOCKET, SO_RCVTIMEO_NEW, new,
					  sizeof(new)));
	is("too short for it", -EINVAL, set(fd, SOL_SOCKET, SO_RCVTIMEO_NEW,
					    new, 8));
	len = sizeof(old);
	is("read as 32 bits", 0, get(fd, SOL_SOCKET, SO_RCVTIMEO_OLD, old,
				     &len));
	is("its seconds", 4, old[0]);
}

/* A message from the socket to itself; its control messages, summed up */
static void extras(int fd, int opt, const char *what, int type, int size)
{
	int on = opt == SO_TIMESTAMPING_OLD || opt == SO_TIMESTAMPING_NEW ?
		 SOFTWARE : 1;
	__u8 control[200];
	struct name from;
	char buf[8];
	struct iov in = { buf, sizeof(buf) }, out = { "hello", 5 };
	struct msg to = { .iov = &out, .iovlen = 1 };
	struct msg msg = {
		.name = &from, .namelen = sizeof(from),
		.iov = &in, .iovlen = 1,
		.control = control, .controllen = sizeof(control),
	};
	struct cmsg *c = (void *)control;

	is(what, 0, set_int(fd, opt == IP_RECVTTL || opt == IP_RECVTOS ?
			    SOL_IP : SOL_SOCKET, opt, on));
	is("sendmsg", 5, sock(SYS_SENDMSG, fd, P(&to), 0, 0, 0, 0));
	memset(control, 0, sizeof(control));
	is("recvmsg", 5, sock(SYS_RECVMSG, fd, P(&msg), 0, 0, 0, 0));
	is("the sender's family", 1, from.family == transports[now].family);
	is("length of its name", sizeof(from), msg.namelen);
	is("one control message", sizeof(*c) + ((size + 3) & ~3),
	   msg.controllen);
	is("its length", sizeof(*c) + size, c->len);
	is("its type", type, c->type);
	is("off again", 0, set_int(fd, c->level, opt, 0));
}

static void controls(int fd)
{
	extras(fd, IP_RECVTTL, "IP_RECVTTL", IP_TTL, 4);
	extras(fd, IP_RECVTOS, "IP_RECVTOS", IP_TOS, 1);
	extras(fd, SO_TIMESTAMP_OLD, "SO_TIMESTAMP, 32 bits",
	       SO_TIMESTAMP_OLD, 8);
	extras(fd, SO_TIMESTAMPNS_OLD, "SO_TIMESTAMPNS, 32 bits",
	       SO_TIMESTAMPNS_OLD, 8);
	extras(fd, SO_TIMESTAMP_NEW, "SO_TIMESTAMP, 64 bits",
	       SO_TIMESTAMP_NEW, 16);
	extras(fd, SO_TIMESTAMPNS_NEW, "SO_TIMESTAMPNS, 64 bits",
	       SO_TIMESTAMPNS_NEW, 16);
	extras(fd, SO_TIMESTAMPING_OLD, "SO_TIMESTAMPING, 32 bits",
	       SO_TIMESTAMPING_OLD, 24);
	extras(fd, SO_TIMESTAMPING_NEW, "SO_TIMESTAMPING, 64 bits",
	       SO_TIMESTAMPING_NEW, 48);
}

/* Two control messages, which lie closer here than on 64 bits */
static void two_controls(int fd)
{
	struct {
		struct cmsg c;
		int val;
	} out[2] = {
		{ { .len = 16, .level = SOL_IP, .type = IP_TTL }, 7 },
		{ { .len = 16, .level = SOL_IP, .type = IP_TOS }, 8 },
	}, in[2] = {};
	char buf[2];
	struct iov iov = { "x", 1 };
	struct msg msg = {
		.iov = &iov, .iovlen = 1,
		.control = out, .controllen = sizeof(out),
	};

	is("IP_RECVTTL", 0, set_int(fd, SOL_IP, IP_RECVTTL, 1));
	is("IP_RECVTOS", 0, set_int(fd, SOL_IP, IP_RECVTOS, 1));
	is("sendmsg", 1, sock(SYS_SENDMSG, fd, P(&msg), 0, 0, 0, 0));
	iov.base = buf;
	msg.control = in;
	msg.controllen = sizeof(in);
	is("recvmsg", 1, sock(SYS_RECVMSG, fd, P(&msg), 0, 0, 0, 0));
	is("two control messages", sizeof(in), msg.controllen);
	is("the first", IP_TTL, in[0].c.type);
	is("its value", 7, in[0].val);
	is("the second", IP_TOS, in[1].c.type);
	is("its value", 8, in[1].val & 0xff);
	is("IP_RECVTTL off", 0, set_int(fd, SOL_IP, IP_RECVTTL, 0));
	is("IP_RECVTOS off", 0, set_int(fd, SOL_IP, IP_RECVTOS, 0));
}

static void bad_messages(int fd)
{
	struct cmsg c = { .len = 4, .level = SOL_IP };
	struct iov out = { "x", 1 };
	struct msg msg = {
		.iov = &out, .iovlen = 1,
		.control = &c, .controllen = sizeof(c),
	};

	is("a control message too short", -EINVAL,
	   sock(SYS_SENDMSG, fd, P(&msg), 0, 0, 0, 0));
	c.len = 1000;
	is("one too long", -EINVAL, sock(SYS_SENDMSG, fd, P(&msg), 0, 0, 0, 0));
	msg.controllen = 0;
	msg.iov = (void *)8;
	is("no vector", -EFAULT, sock(SYS_SENDMSG, fd, P(&msg), 0, 0, 0, 0));
	is("no message", -EFAULT, sock(SYS_SENDMSG, fd, 8, 0, 0, 0, 0));
}

static void batches(int fd)
{
	char buf[2][4];
	struct iov out[2] = { { "ab", 2 }, { "cde", 3 } };
	struct iov in[2] = { { buf[0], 4 }, { buf[1], 2 } };
	struct mmsg m[2] = {
		{ .msg = { .iov = &out[0], .iovlen = 1 } },
		{ .msg = { .iov = &out[1], .iovlen = 1 } },
	};

	is("sendmmsg", 2, sock(SYS_SENDMMSG, fd, P(m), 2, 0, 0, 0));
	is("length of the second", 3, m[1].len);
	m[0].msg.iov = &in[0];
	m[1].msg.iov = &in[1];
	is("recvmmsg", 2, sock(SYS_RECVMMSG, fd, P(m), 2, 0, 0, 0));
	is("length of the first", 2, m[0].len);
	is("the second is cut", MSG_TRUNC, m[1].msg.flags);
}

static void ioctls(int fd)
{
	struct rtentry rt = { .dst = self(0), .dev = "none", .flags = 5 };
	struct ifreq ifr = { .name = "lo" };
	long long new[2] = {};
	int val = -1, old[2] = {};
	char buf[8];

	is("send", 3, sock(SYS_SEND, fd, P("abc"), 3, 0, 0, 0));
	is("SIOCINQ", 0, call(__NR_ioctl, fd, SIOCINQ, P(&val)));
	is("its value", 3, val);
	is("SIOCOUTQ", 0, call(__NR_ioctl, fd, SIOCOUTQ, P(&val)));
	is("recv", 3, sock(SYS_RECV, fd, P(buf), 8, 0, 0, 0));
	is("SIOCGSTAMP, 32 bits", 0, call(__NR_ioctl, fd, SIOCGSTAMP_OLD,
					  P(old)));
	is("it is late enough", 1, old[0] > 1700000000);
	is("SIOCGSTAMPNS, 32 bits", 0, call(__NR_ioctl, fd, SIOCGSTAMPNS_OLD,
					    P(old)));
	is("SIOCGSTAMP, 64 bits", 0, call(__NR_ioctl, fd, SIOCGSTAMP_NEW,
					  P(new)));
	is("it is late enough", 1, new[0] > 1700000000);
	is("SIOCGIFFLAGS", 0, call(__NR_ioctl, fd, SIOCGIFFLAGS, P(&ifr)));
	is("lo is up", 1, ifr.flags & 1);
	rt.dst.family = AF_INET;
	is("SIOCADDRT, without a device", -ENODEV,
	   call(__NR_ioctl, fd, SIOCADDRT, P(&rt)));
}

/* Structures that have padding on 64 bits only, or pointers */
static void layouts(int fd)
{
	static struct { __u16 code; __u8 jt, jf; __u32 k; } all[] = {
		{ 0x06, 0, 0, 0xffff },		/* return 0xffff */
	};
	struct { __u16 len; void *filter; } prog = { 1, all };
	struct name group = { .family = AF_INET, .addr = GROUP };
	struct group_req req = { .dev = 1, .group = group };
	struct group_filter f = {
		.dev = 1, .group = group, .mode = 0, .n = 1,
		.source = { .family = AF_INET, .addr = OWN },
	};
	int len = sizeof(f);

	is("SO_ATTACH_FILTER", 0, set(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				      sizeof(prog)));
	is("MCAST_JOIN_GROUP", 0, set(fd, SOL_IP, MCAST_JOIN_GROUP, &req,
				      sizeof(req)));
	is("too short", -EINVAL, set(fd, SOL_IP, MCAST_JOIN_GROUP, &req,
				     sizeof(req) - 1));
	is("MCAST_MSFILTER", 0, set(fd, SOL_IP, MCAST_MSFILTER, &f, sizeof(f)));
	f.source.addr = 0;
	is("and back", 0, get(fd, SOL_IP, MCAST_MSFILTER, &f, &len));
	is("one source", 1, f.n);
	is("that one", OWN, f.source.addr);
}

static void play(void)
{
	const struct transport *t = &transports[now];
	int fd = sock(SYS_SOCKET, t->family, SOCK_DGRAM, t->protocol, 0, 0, 0);
	char c;

	at = 0;
	is("socket", 1, fd >= 0);
	names(fd);
	is("nothing there", -EAGAIN, sock(SYS_RECV, fd, P(&c), 1, MSG_DONTWAIT,
					  0, 0));
	timeouts(fd);
	controls(fd);
	two_controls(fd);
	bad_messages(fd);
	batches(fd);
	ioctls(fd);
	layouts(fd);
	call(__NR_close, fd, 0, 0);
}

/* --- and is told ------------------------------------------------------------ */

static int report(void)
{
	int i, j, failed = 0;

	say("TAP version 13\n1..");
	say_number(3);
	say("\n");
	for (j = 0; j < 3; j++) {
		int bad = 0;

		for (i = 0; i < last; i++) {
			if (steps[i].got[j] == steps[i].want)
				continue;
			bad++;
			say("# ");
			say(transports[j].name);
			say(": ");
			say(steps[i].what);
			say(": ");
			say_number(steps[i].got[j]);
			say(" instead of ");
			say_number(steps[i].want);
			say("\n");
		}
		say(bad ? "not ok " : "ok ");
		say_number(j + 1);
		say(" a 32-bit program, ");
		say(transports[j].name);
		say("\n");
		failed += !!bad;
	}
	say("# Totals: pass:");
	say_number(3 - failed);
	say(" fail:");
	say_number(failed);
	say(" xfail:0 xpass:0 skip:0 error:0\n");
	return !!failed;
}

static int main32(void)
{
	struct ifreq lo = { .name = "lo", .flags = 1 };
	long fd;

	if (call(__NR_unshare, CLONE_NEWNET, 0, 0)) {
		say("TAP version 13\n1..0 # SKIP wants root and the module: insmod ttp.ko\n");
		return 4;
	}
	fd = sock(SYS_SOCKET, AF_INET, SOCK_DGRAM, 0, 0, 0, 0);
	call(__NR_ioctl, fd, SIOCSIFFLAGS, P(&lo));
	for (now = 0; now < 3; now++)
		play();
	return report();
}

__attribute__((force_align_arg_pointer)) void _start(void)
{
	call(__NR_exit_group, main32(), 0, 0);
	__builtin_unreachable();
}
