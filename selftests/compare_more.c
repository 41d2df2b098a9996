// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram gathered from several sends, MSG_MORE and the transport's CORK
 * (UDP_CORK, TTP_CORK), and whatever may come between: each two things that can
 * happen after one that holds back, as UDP.
 */
#define NEEDS "NF_TABLES_IPV4"
#include "compare_world.h"

#define CORK	1	/* at the door's own level */

static char lots[65000];

static int send_more(int fd, const void *data, size_t len, int port)
{
	struct sockaddr_in sin = to(OWN, port);

	return sendto(fd, data, len, MSG_MORE, (void *)&sin, sizeof(sin));
}

static int more(int fd)
{
	return send_more(fd, "ab", 2, PEER_PORT);
}

static int more_to_connected(int fd)
{
	return send(fd, "cd", 2, MSG_MORE);
}

static int more_nothing(int fd)
{
	return send_more(fd, "", 0, PEER_PORT);
}

static int more_elsewhere(int fd)
{
	return send_more(fd, "ef", 2, NOBODY_PORT);
}

static int more_than_fits(int fd)
{
	return send_more(fd, lots, sizeof(lots), PEER_PORT);
}

static int more_from_nowhere(int fd)
{
	return send_more(fd, nowhere(), 5, PEER_PORT);
}

static int more_probing(int fd)
{
	return send(fd, "gh", 2, MSG_MORE | MSG_PROXY);
}

static int last(int fd)
{
	return send_at(fd, "ij", 2, OWN, PEER_PORT);
}

static int last_is_nothing(int fd)
{
	return send(fd, "", 0, 0);
}

static int last_elsewhere(int fd)
{
	return send_at(fd, "kl", 2, OWN2, PEER_PORT);
}

static int cork(int fd)
{
	return set_int(fd, door->level, CORK, 1);
}

static int uncork(int fd)
{
	return set_int(fd, door->level, CORK, 0);
}

static int is_corked(int fd)
{
	return get_int(fd, door->level, CORK);
}

static int join(int fd)
{
	return connect_at(fd, OWN, PEER_PORT);
}

static int part(int fd)
{
	return disconnect(fd);
}

static int stop(int fd)
{
	return shutdown(fd, SHUT_WR);
}

static int other_ttl(int fd)
{
	return set_int(fd, SOL_IP, IP_TTL, 9);
}

static int with_byte(int fd, int type, int val)
{
	char control[CMSG_SPACE(4)] = "";
	struct iovec iov = { "mn", 2 };
	struct sockaddr_in sin = to(OWN, PEER_PORT);
	struct msghdr msg = {
		.msg_name = &sin, .msg_namelen = sizeof(sin),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_IP;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(4);
	*(int *)CMSG_DATA(cmsg) = val;
	return sendmsg(fd, &msg, MSG_MORE);
}

static int with_ttl(int fd)
{
	return with_byte(fd, IP_TTL, 77);
}

#define S(f)	{ #f, f }

static const struct {
	const char *name;
	int (*step)(int fd);
} steps[] = {
	S(more), S(more_to_connected), S(more_nothing), S(more_elsewhere),
	S(more_than_fits), S(more_from_nowhere), S(more_probing), S(last),
	S(last_is_nothing), S(last_elsewhere), S(cork), S(uncork),
	S(is_corked), S(join), S(part), S(stop), S(other_ttl), S(with_ttl),
};

static void put_step(int fd, unsigned int i)
{
	int outq = -1;

	put_ret(steps[i].step(fd));
	ioctl(fd, SIOCOUTQ, &outq);
	put(outq ? " held" : " none");
	put_peer();
}

static int (* const first[])(int fd) = {
	more, more_to_connected, cork, with_ttl,
};

static void sequence(enum state state, unsigned int i, unsigned int j,
		     unsigned int k)
{
	int fd;

	fd = enter(state);
	set_int(peer, SOL_IP, IP_RECVTTL, 1);
	put_ret(first[i](fd));
	put_step(fd, j);
	put_step(fd, k);
	put_ret(send_at(fd, "z", 1, OWN, PEER_PORT));
	put_peer();
	line("sequence %u, %s, %s, %s", i, steps[j].name,
	     steps[k].name, state_names[state]);
	leave(fd);
}

/* The first is one that holds back. */
static void sequences(enum state state)
{
	unsigned int i, j, k;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ARRAY_SIZE(first); i++)
		for (j = 0; j < ARRAY_SIZE(steps); j++)
			for (k = 0; k < ARRAY_SIZE(steps); k++)
				sequence(state, i, j, k);
}

static void gathered_bound(void)
{
	sequences(BOUND);
}

FIXTURE_VARIANT_ADD(compare, gathered_bound) {
	.run = gathered_bound,
};

static void gathered_connected(void)
{
	sequences(CONNECTED);
}

FIXTURE_VARIANT_ADD(compare, gathered_connected) {
	.run = gathered_connected,
};

/* In every state, how it begins */
static void beginnings(void)
{
	unsigned int s, i;
	int fd;

	for (s = 0; s < N_STATES; s++)
		for (i = 0; i < ARRAY_SIZE(steps); i++) {
			fd = enter(s);
			put_step(fd, i);
			put_step(fd, i);
			put_names(fd);
			put_state(fd);
			line("%s twice, %s", steps[i].name, state_names[s]);
			leave(fd);
		}
}

FIXTURE_VARIANT_ADD(compare, beginnings) {
	.run = beginnings,
};

static void send_pieces(int size, int mtu, int df)
{
	int fd, n;

	fd = enter(CONNECTED);
	set_int(fd, SOL_IP, IP_MTU_DISCOVER, df);
	for (n = 0; n < 20; n++)
		put_ret(send(fd, lots + n, size, MSG_MORE));
	put_ret(send(fd, "!", 1, 0));
	put_peer();
	line("pieces of %d, mtu %d, IP_MTU_DISCOVER %d", size, mtu, df);
	leave(fd);
}

/* Pieces of every size, until they are too many */
static void pieces(void)
{
	static const int sizes[] = {
		1, 7, 8, 100, 1471, 1472, 1473, 4096, 5000, 16000, 32753, 32754,
	};
	int i, mtu, df;

	for (i = 0; i < sizeof(lots); i++)
		lots[i] = i * 3 + i / 256;
	for (mtu = 0; mtu < 2; mtu++) {
		system(mtu ? "ip link set lo mtu 1500" :
			     "ip link set lo mtu 65536");
		for (df = 0; df < 6; df++)
			for (i = 0; i < ARRAY_SIZE(sizes); i++)
				send_pieces(sizes[i], mtu, df);
	}
	system("ip link set lo mtu 65536");
}

FIXTURE_VARIANT_ADD(compare, pieces) {
	.run = pieces,
};

/* What an option asks for when it is set between two pieces. A firewall drops
 * what has it, and the sender hears of that.
 */
static const struct {
	const char *match;
	int level, opt, val;
} wishes[] = {
	{ "meta mark 7", SOL_SOCKET, SO_MARK, 7 },
	{ "meta priority 0:5", SOL_SOCKET, SO_PRIORITY, 5 },
	{ "meta priority 0:6", SOL_IP, IP_TOS, 0x10 },
	{ "ip dscp 4", SOL_IP, IP_TOS, 0x10 },
	{ "ip ttl 9", SOL_IP, IP_TTL, 9 },
};

static void wish(unsigned int i, bool late, bool message)
{
	int fd = enter(CONNECTED);

	if (!late)
		put_ret(set_int(fd, wishes[i].level, wishes[i].opt,
				wishes[i].val));
	put_ret(message ? with_byte(fd, IP_TOS, 8) : more_to_connected(fd));
	if (late)
		put_ret(set_int(fd, wishes[i].level, wishes[i].opt,
				wishes[i].val));
	put_ret(send(fd, "!", 1, 0));
	line("%s, set %s, %s IP_TOS", wishes[i].match,
	     late ? "in between" : "before", message ? "with" : "without");
	leave(fd);
}

static void late_wishes(void)
{
	char command[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wishes); i++) {
		snprintf(command, sizeof(command),
			 "nft 'flush ruleset; table ip t { chain o { "
			 "type filter hook output priority 0; "
			 "meta l4proto { 17, 253 } %s drop; }; }'",
			 wishes[i].match);
		if (system(command))
			put(" no firewall");
		wish(i, false, false);
		wish(i, true, false);
		wish(i, false, true);
		wish(i, true, true);
	}
	system("nft flush ruleset");
}

FIXTURE_VARIANT_ADD(compare, late_wishes) {
	.run = late_wishes,
};

/* How many wait there */
static void put_count(const char *name, int fd)
{
	char c;
	int n;

	arrived();
	for (n = 0; recv(fd, &c, 1, MSG_DONTWAIT) >= 0; n++)
		;
	put(" at the %s %d", name, n);
}

/* Where a connected socket sends when another address has been named since */
static void still_to_the_peer(void)
{
	struct sockaddr_in sin = to(OWN2, PEER_PORT);
	int fd, other, failed;

	for (failed = 0; failed < 2; failed++) {
		fd = enter(CONNECTED);
		other = holder(OWN2, PEER_PORT);
		if (failed) {
			put_ret(connect_at(fd, "127.255.255.255", NOBODY_PORT));
		} else {
			put_ret(sendto(fd, "a", 1, MSG_MORE, (void *)&sin,
				       sizeof(sin)));
			put_ret(send(fd, "b", 1, 0));
		}
		/* UDP's first one finds its route anew. */
		put_ret(send(fd, "cde", 3, 0));
		put_ret(send(fd, "fghi", 4, 0));
		put_count("peer", peer);
		put_count("other", other);
		line("send to the peer after %s", failed ?
		     "a connect that failed" : "pieces to another");
		close(other);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, still_to_the_peer) {
	.run = still_to_the_peer,
};

TEST_HARNESS_MAIN
