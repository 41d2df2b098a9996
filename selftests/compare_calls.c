// SPDX-License-Identifier: GPL-2.0
/*
 * Each call of a socket but those that send and receive, in each state that a
 * socket can be in, with good and bad addresses, lengths and pointers: as UDP.
 */
#include "compare_world.h"

#include <linux/bpf.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define OTHER_FAMILY	(door->family == AF_INET ? AF_TTP : AF_INET)

static const struct {
	const char *name;
	const char *ip;
	int port;
} addrs[] = {
	{ "own", OWN, PORT },
	{ "own, any port", OWN, 0 },
	{ "own, the peer's port", OWN, PEER_PORT },
	{ "own, nobody's port", OWN, NOBODY_PORT },
	{ "own, a low port", OWN, 80 },
	{ "own, the highest port", OWN, 30000 },
	{ "another own", OWN2, PEER_PORT },
	{ "any", ANY, PORT },
	{ "any, any port", ANY, 0 },
	{ "any, the peer's port", ANY, PEER_PORT },
	{ "not ours", "192.0.2.1", PORT },
	{ "a multicast", "224.0.0.1", PORT },
	{ "a broadcast", "255.255.255.255", PORT },
	{ "lo's broadcast", "127.255.255.255", PORT },
	{ "a class E", "240.0.0.1", PORT },
	{ "net zero", "0.0.0.1", PORT },
};

static const int lengths[] = {
	0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 28, 110, 128, 129, 1000, -1,
};

/* Of the door, another's, none, and numbers that mean nothing here */
static int family_of(int i)
{
	const int families[] = {
		door->family, OTHER_FAMILY, AF_UNSPEC, AF_INET6, AF_UNIX, 45,
		46, 255, 0xffff,
	};

	return i < (int)ARRAY_SIZE(families) ? families[i] : -1;
}

static const char * const family_names[] = {
	"own", "the other", "AF_UNSPEC", "AF_INET6", "AF_UNIX", "45", "46",
	"255", "65535",
};

typedef int name_call(int fd, const void *addr, socklen_t len);

static int do_bind(int fd, const void *addr, socklen_t len)
{
	return bind(fd, addr, len);
}

static int do_connect(int fd, const void *addr, socklen_t len)
{
	return connect(fd, addr, len);
}

static const struct {
	const char *name;
	name_call *call;
} name_calls[] = {
	{ "bind", do_bind },
	{ "connect", do_connect },
};

static void addresses(name_call *call, const char *name, const char *how)
{
	unsigned int s, i;
	int fd;

	for (s = 0; s < N_STATES; s++) {
		for (i = 0; i < ARRAY_SIZE(addrs); i++) {
			struct sockaddr_in sin = to(addrs[i].ip, addrs[i].port);

			fd = enter(s);
			put_ret(call(fd, &sin, sizeof(sin)));
			put_names(fd);
			put_state(fd);
			put_ret(call(fd, &sin, sizeof(sin)));
			put_names(fd);
			line("%s to %s, %s%s", name, addrs[i].name,
			     state_names[s], how);
			leave(fd);
		}
	}
}

static void bind_to_addresses(void)
{
	addresses(do_bind, "bind", "");
}

FIXTURE_VARIANT_ADD(compare, bind_to_addresses) {
	.run = bind_to_addresses,
};

static void connect_to_addresses(void)
{
	addresses(do_connect, "connect", "");
}

FIXTURE_VARIANT_ADD(compare, connect_to_addresses) {
	.run = connect_to_addresses,
};

static void bind_unprivileged(void)
{
	if (seteuid(65534))
		put("root");
	addresses(do_bind, "bind", ", unprivileged");
	if (seteuid(0))
		put("nobody");
}

FIXTURE_VARIANT_ADD(compare, bind_unprivileged) {
	.run = bind_unprivileged,
};

static void names_of_any_family_and_length(void)
{
	unsigned int c, s, f, i;
	char room[1024] = "";
	int fd;

	for (c = 0; c < ARRAY_SIZE(name_calls); c++)
		for (s = 0; s < N_STATES; s++)
			for (f = 0; family_of(f) >= 0; f++) {
				struct sockaddr_in sin = to(OWN, PORT);

				fd = enter(s);
				sin.sin_family = family_of(f);
				memcpy(room, &sin, sizeof(sin));
				for (i = 0; i < ARRAY_SIZE(lengths); i++)
					put_ret(name_calls[c].call(fd, room,
								   lengths[i]));
				put_names(fd);
				sin.sin_addr.s_addr = 0;
				put_ret(name_calls[c].call(fd, &sin,
							   sizeof(sin)));
				put_names(fd);
				line("%s with family %s, %s",
				     name_calls[c].name, family_names[f],
				     state_names[s]);
				leave(fd);
			}
}

FIXTURE_VARIANT_ADD(compare, names_of_any_family_and_length) {
	.run = names_of_any_family_and_length,
};

static void names_from_nowhere(void)
{
	unsigned int c, s, i;
	int fd;

	for (c = 0; c < ARRAY_SIZE(name_calls); c++)
		for (s = 0; s < N_STATES; s++) {
			fd = enter(s);
			for (i = 0; i < ARRAY_SIZE(lengths); i++) {
				put_ret(name_calls[c].call(fd, NULL,
							   lengths[i]));
				put_ret(name_calls[c].call(fd, nowhere(),
							   lengths[i]));
				put_ret(name_calls[c].call(fd, nowhere() - 4,
							   lengths[i]));
			}
			put_names(fd);
			line("%s to nowhere, %s", name_calls[c].name,
			     state_names[s]);
			leave(fd);
		}
}

FIXTURE_VARIANT_ADD(compare, names_from_nowhere) {
	.run = names_from_nowhere,
};

typedef int get_name_call(int fd, void *addr, socklen_t *len);

static int do_getsockname(int fd, void *addr, socklen_t *len)
{
	return getsockname(fd, addr, len);
}

static int do_getpeername(int fd, void *addr, socklen_t *len)
{
	return getpeername(fd, addr, len);
}

static void room_for_names(void)
{
	static get_name_call * const calls[] = {
		do_getsockname, do_getpeername,
	};
	unsigned int c, s, i;
	char room[256];
	socklen_t len;
	int fd, ret;

	for (c = 0; c < ARRAY_SIZE(calls); c++)
		for (s = 0; s < N_STATES; s++) {
			fd = enter(s);
			for (i = 0; i < ARRAY_SIZE(lengths); i++) {
				memset(room, 0xee, sizeof(room));
				len = lengths[i];
				ret = calls[c](fd, room, &len);
				put_ret(ret);
				put_addr(room, len, lengths[i] < 0 ? 0 :
					 lengths[i] > 256 ? 256 : lengths[i]);
			}
			put_ret(calls[c](fd, nowhere(), &len));
			put_ret(calls[c](fd, room, NULL));
			put_ret(calls[c](fd, room, nowhere()));
			line("%s, %s", c ? "getpeername" : "getsockname",
			     state_names[s]);
			leave(fd);
		}
}

FIXTURE_VARIANT_ADD(compare, room_for_names) {
	.run = room_for_names,
};

static void changes_of_state(void)
{
	unsigned int s;
	int fd, how;

	for (s = 0; s < N_STATES; s++) {
		for (how = -1; how <= 3; how++) {
			fd = enter(s);
			put_ret(shutdown(fd, how));
			put_state(fd);
			put_recv(fd, 0);
			put_ret(send(fd, TEXT, 3, MSG_NOSIGNAL));
			put_peer();
			put_ret(shutdown(fd, how));
			put_names(fd);
			put_ret(connect_at(fd, OWN, PEER_PORT));
			put_poll(fd);
			put_ret(send(fd, TEXT, 3, MSG_NOSIGNAL));
			put_ret(disconnect(fd));
			put_names(fd);
			put_poll(fd);
			put_ret(disconnect(fd));
			line("shutdown %d, %s", how, state_names[s]);
			leave(fd);
		}
		fd = enter(s);
		put_ret(listen(fd, 1));
		put_ret(accept(fd, NULL, NULL));
		put_ret(accept4(fd, NULL, NULL, SOCK_NONBLOCK));
		put_ret(accept4(fd, NULL, NULL, 1));
		put_ret(shutdown(fd, 2));
		put_ret(shutdown(fd, 2));
		line("listen, accept, %s", state_names[s]);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, changes_of_state) {
	.run = changes_of_state,
};

static void ways_to_open(void)
{
	static const int flags[] = {
		0, SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC,
		0x100, 0x10000,
	};
	int pair[2] = { -1, -1 }, fd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fd = socket(door->family, SOCK_DGRAM | flags[i],
			    door->protocol);
		put(fd < 0 ? " %s" : " open", strerrorname_np(errno));
		put(" %x %x", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
		put_ret(recv(fd, pair, 1, MSG_DONTWAIT));
		put_ret(get_int(fd, SOL_SOCKET, SO_TYPE));
		line("socket, flags %x", flags[i]);
		close(fd);
	}
	for (i = 0; i < 12; i++) {
		/* What there is beside datagrams is no transport's matter. */
		if (i == SOCK_DGRAM || i == SOCK_RAW || i == SOCK_STREAM ||
		    i == SOCK_PACKET)
			continue;
		put_ret(socket(door->family, i, door->protocol));
		line("socket of type %d", i);
	}
	put_ret(socket(door->family, SOCK_DGRAM, -1));
	put_ret(socket(door->family, SOCK_DGRAM, 254));
	put_ret(socket(door->family, SOCK_DGRAM, 256));
	put_ret(socket(door->family, SOCK_DGRAM, 1000));
	put_ret(socket(door->family, SOCK_DGRAM, 0x7fffffff));
	line("socket of no protocol");
	put_ret(socketpair(door->family, SOCK_DGRAM, door->protocol, pair));
	put_ret(pair[0]);
	line("socketpair");
}

FIXTURE_VARIANT_ADD(compare, ways_to_open) {
	.run = ways_to_open,
};

#define R(cmd)	{ #cmd, cmd }

static const struct {
	const char *name;
	unsigned long cmd;
} requests[] = {
	R(SIOCINQ), R(SIOCOUTQ), R(SIOCATMARK), R(SIOCSPGRP), R(SIOCGPGRP),
	R(FIOSETOWN), R(FIOGETOWN), R(FIONBIO), R(FIOASYNC), R(FIOCLEX),
	R(FIONCLEX), R(FIOQSIZE), R(SIOCGSTAMP_OLD), R(SIOCGSTAMPNS_OLD),
	R(SIOCGSTAMP_NEW), R(SIOCGSTAMPNS_NEW), R(SIOCOUTQNSD),
	R(SIOCADDRT), R(SIOCDELRT), R(SIOCRTMSG), R(SIOCGIFNAME), R(SIOCGIFCONF),
	R(SIOCGIFFLAGS), R(SIOCGIFADDR), R(SIOCSIFADDR), R(SIOCGIFDSTADDR),
	R(SIOCGIFBRDADDR), R(SIOCGIFNETMASK), R(SIOCGIFMTU), R(SIOCGIFHWADDR),
	R(SIOCGIFINDEX), R(SIOCGIFTXQLEN), R(SIOCGIFMAP), R(SIOCDARP),
	R(SIOCGARP), R(SIOCSARP), R(SIOCGRARP), R(SIOCETHTOOL), R(SIOCGMIIPHY),
	R(SIOCSHWTSTAMP), R(SIOCGIFVLAN), R(SIOCBRADDBR), R(SIOCPROTOPRIVATE),
	R(SIOCDEVPRIVATE), { "nothing", 0x12345678 }, { "0", 0 },
};

/* What a request says of a socket, or of the device lo */
static void put_ioctl(int fd, unsigned long cmd)
{
	union {
		struct ifreq ifr;
		struct ifconf conf;
		struct arpreq arp;
		unsigned char bytes[128];
		int val;
	} arg;
	int ret;

	memset(&arg, 0, sizeof(arg));
	if (cmd == SIOCGIFCONF)
		arg.conf = (struct ifconf) { .ifc_len = 100 };
	else if (cmd >= 0x8900 && cmd < 0x8a00 && cmd > SIOCRTMSG)
		memcpy(arg.ifr.ifr_name, "lo", 3);
	ret = ioctl(fd, cmd, &arg);
	put_ret(ret);
	/* When it was is another matter. */
	if (cmd == SIOCGSTAMP_OLD || cmd == SIOCGSTAMPNS_OLD ||
	    cmd == SIOCGSTAMP_NEW || cmd == SIOCGSTAMPNS_NEW ||
	    cmd == SIOCGIFCONF)
		return;
	put_bytes(arg.bytes, 40);
}

static void ioctls(void)
{
	unsigned int s, i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		for (s = 0; s < N_STATES; s++) {
			fd = enter(s);
			put_ioctl(fd, requests[i].cmd);
			put_ret(ioctl(fd, requests[i].cmd, NULL));
			put_ret(ioctl(fd, requests[i].cmd, nowhere()));
			put_ret(ioctl(fd, requests[i].cmd, nowhere() - 2));
			put(" %x %x", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
			line("%s, %s", requests[i].name, state_names[s]);
			leave(fd);
		}
}

FIXTURE_VARIANT_ADD(compare, ioctls) {
	.run = ioctls,
};

static void stamp_of_the_last(void)
{
	long t[2];
	char c;
	int fd;

	fd = enter(QUEUED);
	put_ret(ioctl(fd, SIOCGSTAMP_OLD, t));
	recv(fd, &c, 1, 0);
	put_ret(ioctl(fd, SIOCGSTAMP_OLD, t));
	from_peer(fd, TEXT, 3);
	put_ret(ioctl(fd, SIOCGSTAMP_OLD, t));
	recv(fd, &c, 1, 0);
	put_ret(ioctl(fd, SIOCGSTAMP_OLD, t));
	put(t[0] > 1000000000 ? " now" : " %ld", t[0]);
	put_ret(ioctl(fd, SIOCGSTAMPNS_NEW, t));
	put(t[0] > 1000000000 ? " now" : " %ld", t[0]);
	line("SIOCGSTAMP");
	leave(fd);
}

FIXTURE_VARIANT_ADD(compare, stamp_of_the_last) {
	.run = stamp_of_the_last,
};

static void calls_of_files(void)
{
	struct stat st;
	unsigned int s;
	char buf[16];
	int fd;

	for (s = 0; s < N_STATES; s++) {
		fd = enter(s);
		put(" %d", fcntl(fd, F_SETFL, O_NONBLOCK));
		put_ret(lseek(fd, 0, SEEK_CUR));
		put_ret(pread(fd, buf, 1, 0));
		put_ret(pwrite(fd, buf, 1, 0));
		put_ret(fsync(fd));
		put_ret(ftruncate(fd, 0));
		put_ret(fallocate(fd, 0, 0, 10));
		put(" %d", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) ==
			   MAP_FAILED ? errno : 0);
		put_ret(fstat(fd, &st));
		put(" %x", st.st_mode);
		put_ret(fcntl(fd, F_SETOWN, getpid()));
		put_ret(fcntl(fd, F_SETLEASE, F_RDLCK));
		put_ret(posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL));
		signal(SIGPIPE, SIG_IGN);
		put_ret(write(fd, "xyz", 3));
		put_ret(write(fd, NULL, 0));
		put_ret(write(fd, nowhere(), 3));
		put_peer();
		put_ret(read(fd, nowhere(), 3));
		put_ret(read(fd, buf, 0));
		put_ret(read(fd, buf, sizeof(buf)));
		put_ret(read(fd, buf, sizeof(buf)));
		line("calls of files, %s", state_names[s]);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, calls_of_files) {
	.run = calls_of_files,
};

static void put_select(int fd)
{
	struct timeval none = {};
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	FD_SET(fd, &x);
	put(" select %d", select(fd + 1, &r, &w, &x, &none));
	put(" %d%d%d", !!FD_ISSET(fd, &r), !!FD_ISSET(fd, &w),
	    !!FD_ISSET(fd, &x));
}

static void put_epoll(int ep)
{
	struct epoll_event ev = {};

	put(" epoll %d", epoll_wait(ep, &ev, 1, 0));
	put(" %x", ev.events);
}

static void watch_change(enum state s, int change, int select_err)
{
	struct epoll_event ev = { .events = 0x2fff | EPOLLET };
	int fd, ep;
	char c;

	fd = enter(s);
	set_int(fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, select_err);
	ep = epoll_create1(0);
	put_ret(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	put_epoll(ep);
	put_epoll(ep);
	if (change == 0)
		send_at(peer, "", 0, OWN, PORT);
	if (change == 1)
		shutdown(fd, SHUT_RD);
	if (change == 2)
		shutdown(fd, SHUT_WR);
	if (change == 3)
		put_ret(recv(fd, &c, 1, MSG_DONTWAIT));
	if (change == 4)
		send_at(fd, "", 0, OWN, NOBODY_PORT);
	if (change == 5)
		put(" %d", get_int(fd, SOL_SOCKET, SO_ERROR));
	arrived();
	put_epoll(ep);
	put_select(fd);
	put_state(fd);
	put_epoll(ep);
	line("readiness %s, change %d, SO_SELECT_ERR_QUEUE %d",
	     state_names[s], change, select_err);
	close(ep);
	leave(fd);
}

/* Polled, then changed, then polled again: an edge must be seen. */
static void readiness(void)
{
	int change, select_err;
	unsigned int s;

	for (s = 0; s < N_STATES; s++)
		for (change = 0; change < 6; change++)
			for (select_err = 0; select_err < 2; select_err++)
				watch_change(s, change, select_err);
}

FIXTURE_VARIANT_ADD(compare, readiness) {
	.run = readiness,
};

/* A BPF map keeps sockets, and then decides what becomes of what they receive. */
static void into_map(unsigned int type, enum state state)
{
	union bpf_attr create = {
		.map_type = type,
		.key_size = sizeof(int),
		.value_size = sizeof(int),
		.max_entries = 2,
	};
	int fd = enter(state), key = 1;
	int map = syscall(__NR_bpf, BPF_MAP_CREATE, &create, sizeof(create));
	union bpf_attr update = {
		.map_fd = map,
		.key = (unsigned long)&key,
		.value = (unsigned long)&fd,
	};
	int ret;

	ret = syscall(__NR_bpf, BPF_MAP_UPDATE_ELEM, &update, sizeof(update));
	put_ret(map < 0 ? map : ret);
	/* The socket is none the worse for it. */
	put_ret(send_at(fd, TEXT, 8, OWN, PEER_PORT));
	put_state(fd);
	close(map);
	line("%s, %s", type == BPF_MAP_TYPE_SOCKMAP ? "sockmap" : "sockhash",
	     state_names[state]);
	leave(fd);
}

static void maps_of_sockets(void)
{
	unsigned int s;

	signal(SIGPIPE, SIG_IGN);
	for (s = 0; s < N_STATES; s++) {
		into_map(BPF_MAP_TYPE_SOCKMAP, s);
		into_map(BPF_MAP_TYPE_SOCKHASH, s);
	}
}

FIXTURE_VARIANT_ADD(compare, maps_of_sockets) {
	.run = maps_of_sockets,
};

TEST_HARNESS_MAIN
