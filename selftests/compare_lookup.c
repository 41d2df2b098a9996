// SPDX-License-Identifier: GPL-2.0
/*
 * Whose is a datagram? Sockets of all kinds share a port, bound and connected in
 * every order; a peer speaks to them, and to all, and a stranger; who hears it is
 * written down, and who hears of an error: the same as with UDP.
 */
#define NEEDS "TUN"
#include "compare_world.h"
#include "packet.h"

#include <linux/filter.h>

#define STRANGER_PORT	6001

enum act { STAYS, CONNECTS, RECONNECTS, DISCONNECTS, TURNS_AWAY, N_ACTS };

static const char * const act_names[] = {
	"", " connects", " connects twice", " connects, disconnects",
	" connects elsewhere",
};

/* How a socket comes to the port. A number is a kind, bit by bit. */
struct kind {
	const char *addr;
	bool dev;	/* bound to lo */
	bool group;	/* SO_REUSEPORT; else SO_REUSEADDR */
	bool cpu;	/* SO_INCOMING_CPU */
	enum act act;
};

#define TO_ANY	1
#define DEV	2
#define GROUP	4
#define CPU	8
#define ACT(act)	(16 * (act))
#define KINDS	ACT(N_ACTS)

static struct kind kind(unsigned int n)
{
	return (struct kind) {
		.addr = n & TO_ANY ? ANY : OWN,
		.dev = n & DEV,
		.group = n & GROUP,
		.cpu = n & CPU,
		.act = n / ACT(1),
	};
}

/* A group's choice is the first that is left: no matter of chance, and how the
 * group is ordered is seen.
 */
static void choose_first(int fd)
{
	struct sock_filter ret_0 = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog first = { 1, &ret_0 };

	put_ret(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &first,
			   sizeof(first)));
}

static int share(int fd, int on)
{
	return set_int(fd, SOL_SOCKET, SO_REUSEPORT, on) &&
	       set_int(fd, SOL_TTP, TTP_REUSEPORT, on);
}

static int join(const struct kind *k)
{
	int fd = fresh();

	if (set_int(fd, SOL_SOCKET, SO_REUSEADDR, !k->group) ||
	    share(fd, k->group) || set_int(fd, SOL_IP, IP_RECVERR, 1) ||
	    (k->dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2)) ||
	    (k->cpu && set_int(fd, SOL_SOCKET, SO_INCOMING_CPU,
			       sched_getcpu())))
		put(" cannot be made");
	if (bind_at(fd, k->addr, PORT))
		put_ret(-1);
	else if (k->group)
		choose_first(fd);
	return fd;
}

static void act(int fd, enum act act)
{
	if (act == DISCONNECTS)
		disconnect(fd);
	else if (act != STAYS)
		connect_at(fd, OWN, act == TURNS_AWAY ? NOBODY_PORT : PEER_PORT);
}

#define MOST	4

static int stranger = -1;

static void hold_both(void)
{
	peer = holder(OWN, PEER_PORT);
	stranger = holder(OWN, STRANGER_PORT);
	set_int(peer, SOL_SOCKET, SO_BROADCAST, 1);
}

static void close_both(void)
{
	close(peer);
	close(stranger);
}

/* Who is told that nobody hears what the first one says? */
static void put_error(const int *fds, int n)
{
	int i;

	send_at(fds[0], "e", 1, OWN, STRANGER_PORT + 1);
	arrived();
	arrived();
	for (i = 0; i < n; i++)
		if (get_int(fds[i], SOL_SOCKET, SO_ERROR))
			put(" e: %d", i + 1);
}

/* Sockets of some kinds; they act as soon as they are bound, or when all are,
 * the last one first. What an act needs before is done at once.
 */
static void try(const unsigned int *kinds, int n, bool backwards)
{
	char what[MOST * 48] = "", c;
	bool grouped = false;
	int fds[MOST], i;
	struct kind k;

	for (i = 0; i < n; i++) {
		k = kind(kinds[i]);
		snprintf(what + strlen(what), sizeof(what) - strlen(what),
			 ", %s%s%s%s%s", k.addr[0] == '0' ? "any" : "own",
			 k.dev ? " dev" : "", k.group ? " group" : "",
			 k.cpu ? " cpu" : "", act_names[k.act]);
		fds[i] = join(&k);
		grouped |= k.group;
		if (k.act == RECONNECTS || k.act == DISCONNECTS)
			connect_at(fds[i], OWN, PEER_PORT);
		if (!backwards)
			act(fds[i], k.act);
	}
	for (i = n - 1; i >= 0 && backwards; i--)
		act(fds[i], kind(kinds[i]).act);

	put(" heard by");
	send_at(peer, "p", 1, OWN, PORT);
	send_at(stranger, "s", 1, OWN, PORT);
	send_at(peer, "b", 1, "127.255.255.255", PORT);
	arrived();
	for (i = 0; i < n; i++)
		while (recv(fds[i], &c, 1, MSG_DONTWAIT) == 1)
			put(" %c: %d", c, i + 1);
	/* Of a group it is a matter of chance: no program sees an error. */
	if (!grouped)
		put_error(fds, n);
	for (i = 0; i < n; i++)
		close(fds[i]);
	line("%s%s", what + 2, backwards ? "; backwards" : "");
}

/* The same kinds each time: numbers of MINSTD's; without those bits */
static void some(int times, int n, unsigned int without)
{
	unsigned int kinds[MOST], seed = n;
	int i, j;

	hold_both();
	for (i = 0; i < times; i++) {
		for (j = 0; j < n; j++) {
			seed = seed * 48271ull % 2147483647;
			kinds[j] = seed % KINDS & ~without;
		}
		try(kinds, n, seed & 0x1000);
	}
	close_both();
}

static void two(void)
{
	some(OFTEN(600), 2, 0);
}

FIXTURE_VARIANT_ADD(compare, two) {
	.run = two,
};

static void three(void)
{
	some(OFTEN(300), 3, 0);
}

FIXTURE_VARIANT_ADD(compare, three) {
	.run = three,
};

static void four(void)
{
	some(OFTEN(200), 4, 0);
}

FIXTURE_VARIANT_ADD(compare, four) {
	.run = four,
};

/* A group's choice counts for as much as what it has chosen. */
static void chosen(void)
{
	static const unsigned int kinds[] = {
		GROUP | ACT(CONNECTS), GROUP | DEV, GROUP,
	};

	hold_both();
	try(kinds, 3, false);
	try(kinds, 3, true);
	close_both();
}

FIXTURE_VARIANT_ADD(compare, chosen) {
	.run = chosen,
};

/* A member that has taken back SO_REUSEPORT is not asked as one. */
static void unshared(void)
{
	const struct kind k = kind(GROUP);
	int i, off;

	hold_both();
	for (off = 0; off < 2; off++) {
		int fds[2] = { join(&k), join(&k) };
		char c;

		put_ret(share(fds[off], 0));
		from_peer(peer, "p", 1);
		for (i = 0; i < 2; i++) {
			put_ret(recv(fds[i], &c, 1, MSG_DONTWAIT));
			close(fds[i]);
		}
		line("off at %d", off);
	}
	close_both();
}

FIXTURE_VARIANT_ADD(compare, unshared) {
	.run = unshared,
};

/* Where the port has many more, each with a peer of its own */
static void among_many(void)
{
	int fds[8], i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = fresh();
		set_int(fds[i], SOL_SOCKET, SO_REUSEADDR, 1);
		share(fds[i], 1);
		put_ret(bind_at(fds[i], ANY, PORT));
		put_ret(connect_at(fds[i], OWN, NOBODY_PORT + i));
	}
	line("many");
	some(OFTEN(200), 2, GROUP);
	some(OFTEN(300), 3, 0);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

FIXTURE_VARIANT_ADD(compare, among_many) {
	.run = among_many,
};

/* What another host sends to two that are connected to it: there a look-up may
 * have gone before, as IPv4 came to the packet.
 */
static void from_outside(void)
{
	int tun = tun_open(), dev, fds[2], i;
	struct packet p;
	char c;

	for (dev = 0; dev < 3; dev++) {
		for (i = 0; i < 2; i++) {
			fds[i] = fresh();
			set_int(fds[i], SOL_SOCKET, SO_REUSEADDR, 1);
			if (dev == i + 1)
				setsockopt(fds[i], SOL_SOCKET,
					   SO_BINDTODEVICE, "tun0", 5);
			put_ret(bind_at(fds[i], US, PORT));
			put_ret(connect_at(fds[i], PEER, PEER_PORT));
		}
		make_datagram(&p, door->protocol, PEER_PORT, PORT, "p", 1);
		put_ret(arrive(tun, &p));
		arrived();
		put(" heard by");
		for (i = 0; i < 2; i++) {
			while (recv(fds[i], &c, 1, MSG_DONTWAIT) == 1)
				put(" %d", i + 1);
			close(fds[i]);
		}
		line("from outside, %d is bound to the device", dev);
	}
	close(tun);
}

FIXTURE_VARIANT_ADD(compare, from_outside) {
	.run = from_outside,
};

TEST_HARNESS_MAIN
