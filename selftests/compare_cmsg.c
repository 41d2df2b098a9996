// SPDX-License-Identifier: GPL-2.0
/*
 * Control messages both ways, IP options, and the error queue: what they do to
 * a packet, and what a receiver is told: as UDP.
 */
#define NEEDS "IP_MULTICAST PACKET"
#include "compare_world.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>

/* Sees the packets of the door's protocol on lo */
static int tap = -1;

static void open_tap(void)
{
	struct sockaddr_ll all = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = 1,
	};

	tap = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (bind(tap, (void *)&all, sizeof(all)))
		put(" no tap");
}

/* The headers of what has come in over lo since, as it left. The marks of
 * arrived() are not looked at.
 */
static void put_wire(void)
{
	unsigned char p[2048];
	const struct iphdr *ip = (void *)p;
	int n;

	put(" wire:");
	while ((n = recv(tap, p, sizeof(p), MSG_DONTWAIT)) > 0) {
		int hlen = ip->ihl * 4;

		if (ip->protocol != door->protocol || hlen + 4 > n ||
		    *(unsigned short *)(p + hlen) == htons(MARK_PORT))
			continue;
		put(" (tos %x ttl %d off %x %08x %08x", ip->tos, ip->ttl,
		    ntohs(ip->frag_off), ntohl(ip->saddr), ntohl(ip->daddr));
		if (hlen > 20)
			put_bytes(p + 20, hlen - 20);
		put(" of %d)", n);
	}
}

static ssize_t put_errqueue(int fd)
{
	ssize_t ret;

	put(" errors:");
	do
		ret = put_recv(fd, MSG_ERRQUEUE);
	while (ret >= 0);
	return ret;
}

static void put_after(int fd)
{
	put_peer();
	put_wire();
	put_errqueue(fd);
	put_state(fd);
}

/* One control message, or two: @len is what the first says of itself, less the
 * header, and @room what there is for it.
 */
static void send_cmsg(int fd, int level, int type, const void *data, int len,
		      int room, bool twice)
{
	char control[512] = "";
	struct cmsghdr *cmsg = (void *)control;
	struct iovec iov = { TEXT, 3 };
	struct sockaddr_in sin = to(OWN, PEER_PORT);
	struct msghdr msg = {
		.msg_name = &sin,
		.msg_namelen = sizeof(sin),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
	};

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(0) + len;
	memcpy(CMSG_DATA(cmsg), data, len < 0 ? 0 : len);
	msg.msg_controllen = CMSG_SPACE(room < 0 ? 0 : room);
	if (room < 0)
		msg.msg_controllen = -room;
	if (twice) {
		memcpy(control + CMSG_SPACE(room), control, CMSG_SPACE(room));
		msg.msg_controllen *= 2;
	}
	put_ret(sendmsg(fd, &msg, 0));
}

static void try_number(int fd, int l, int type, int len)
{
	static const unsigned int data[][8] = {
		{ 0 }, { 1 }, { 7, 0, 0x0200007f }, { 255 }, { 256 },
		{ -1U, -1U }, { 0, 0x0200007f }, { 99, 0x0200007f },
	};
	unsigned int d;

	for (d = 0; d < ARRAY_SIZE(data); d++) {
		send_cmsg(fd, l == -1 ? door->level : l, type, data[d], len,
			  len, false);
		/* Others are all alike. */
		if (len != 4 && len != 12)
			break;
	}
	put_after(fd);
	line("cmsg %d/%d of %d bytes", l, type, len);
}

/* Every number as a control message, of every length, meaningful or not */
static void numbers(void)
{
	static const int lengths[] = { 0, 1, 3, 4, 5, 8, 12, 16, 40 };
	static const int levels[] = { SOL_SOCKET, SOL_IP, -1, 41, 99 };
	unsigned int l, i;
	int fd, type;

	fd = enter(BOUND);
	open_tap();
	for (l = 0; l < ARRAY_SIZE(levels); l++)
		for (type = 0; type < 90; type++)
			for (i = 0; i < ARRAY_SIZE(lengths); i++)
				try_number(fd, levels[l], type, lengths[i]);
	close(tap);
	leave(fd);
}

FIXTURE_VARIANT_ADD(compare, numbers) {
	.run = numbers,
};

static const struct {
	const char *name;
	int type;
	int len;
	unsigned char data[40];
} good[] = {
	{ "IP_TTL", IP_TTL, 4, { 9 } },
	{ "IP_TOS", IP_TOS, 4, { 8 } },
	{ "IP_TOS of a byte", IP_TOS, 1, { 0x10 } },
	{ "IP_PKTINFO lo", IP_PKTINFO, 12, { 1 } },
	{ "IP_PKTINFO 127.0.0.2", IP_PKTINFO, 12, { 0, 0, 0, 0, 127, 0, 0, 2 } },
	{ "IP_PKTINFO not ours", IP_PKTINFO, 12, { 0, 0, 0, 0, 192, 0, 2, 1 } },
	{ "IP_PKTINFO no device", IP_PKTINFO, 12, { 77 } },
	{ "IP_PKTINFO a destination", IP_PKTINFO, 12,
	  { 0, 0, 0, 0, 0, 0, 0, 0, 127, 0, 0, 2 } },
	{ "IP_RETOPTS", IP_RETOPTS, 8, { 7, 7, 4, 0, 0, 0, 0, 0 } },
	{ "IP_RETOPTS odd", IP_RETOPTS, 5, { 1, 1, 1, 1, 1 } },
	{ "IP_RETOPTS bad", IP_RETOPTS, 4, { 7, 99, 4, 0 } },
	{ "IP_RETOPTS a route", IP_RETOPTS, 8, { 131, 7, 4, 127, 0, 0, 1, 0 } },
	{ "IP_PROTOCOL", 52, 4, { 17 } },
};

static void try_good(enum state s, unsigned int i)
{
	int fd, cut;

	fd = enter(s);
	set_int(fd, SOL_IP, IP_RECVERR, 1);
	signal(SIGPIPE, SIG_IGN);
	send_cmsg(fd, SOL_IP, good[i].type, good[i].data, good[i].len,
		  good[i].len, false);
	put_after(fd);
	line("%s, %s", good[i].name, state_names[s]);
	send_cmsg(fd, SOL_IP, good[i].type, good[i].data, good[i].len,
		  good[i].len, true);
	put_after(fd);
	line("%s twice, %s", good[i].name, state_names[s]);
	/* Longer than the room, shorter than a header, no room */
	for (cut = -20; cut < good[i].len; cut += 7)
		send_cmsg(fd, SOL_IP, good[i].type, good[i].data,
			  good[i].len, cut, false);
	for (cut = -16; cut < 0; cut += 3)
		send_cmsg(fd, SOL_IP, good[i].type, good[i].data, cut,
			  good[i].len, false);
	put_after(fd);
	line("%s cut, %s", good[i].name, state_names[s]);
	leave(fd);
}

static void control_messages(void)
{
	unsigned int s, i;

	open_tap();
	for (s = 0; s < N_STATES; s++)
		for (i = 0; i < ARRAY_SIZE(good); i++)
			try_good(s, i);
	close(tap);
}

FIXTURE_VARIANT_ADD(compare, control_messages) {
	.run = control_messages,
};

/* What is asked for on receipt: each alone, with each other, and all */
static const struct {
	const char *name;
	int level;
	int opt;
	int val;
} asked[] = {
	{ "nothing", SOL_IP, IP_RECVTTL, 0 },
	{ "IP_RECVTTL", SOL_IP, IP_RECVTTL, 1 },
	{ "IP_RECVTOS", SOL_IP, IP_RECVTOS, 1 },
	{ "IP_PKTINFO", SOL_IP, IP_PKTINFO, 1 },
	{ "IP_RECVOPTS", SOL_IP, IP_RECVOPTS, 1 },
	{ "IP_RETOPTS", SOL_IP, IP_RETOPTS, 1 },
	{ "IP_ORIGDSTADDR", SOL_IP, IP_ORIGDSTADDR, 1 },
	{ "IP_CHECKSUM", SOL_IP, IP_CHECKSUM, 1 },
	{ "IP_RECVFRAGSIZE", SOL_IP, IP_RECVFRAGSIZE, 1 },
	{ "IP_PASSSEC", SOL_IP, IP_PASSSEC, 1 },
	{ "SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP_OLD, 1 },
	{ "SO_TIMESTAMPNS_NEW", SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1 },
	{ "SO_TIMESTAMPING", SOL_SOCKET, SO_TIMESTAMPING_OLD,
	  SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE },
	{ "SO_RXQ_OVFL", SOL_SOCKET, SO_RXQ_OVFL, 1 },
	{ "SO_RCVMARK", SOL_SOCKET, SO_RCVMARK, 1 },
	{ "SO_PASSCRED", SOL_SOCKET, SO_PASSCRED, 1 },
	{ "SO_RCVPRIORITY", SOL_SOCKET, 82, 1 },
};

/* Datagrams of every kind that a peer can send */
static void send_kinds(int fd)
{
	static const unsigned char opts[] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	static char data[4000];

	send_at(peer, TEXT, 8, OWN, PORT);
	send_at(peer, "", 0, OWN, PORT);
	set_int(peer, SOL_IP, IP_TTL, 5);
	set_int(peer, SOL_IP, IP_TOS, 0x28);
	set_int(peer, SOL_SOCKET, SO_MARK, 7);
	set_int(peer, SOL_SOCKET, SO_PRIORITY, 5);
	send_at(peer, data, sizeof(data), OWN, PORT);
	send_at(peer, TEXT, 8, OWN2, PORT);
	set_int(peer, SOL_SOCKET, SO_BROADCAST, 1);
	send_at(peer, TEXT, 8, "127.255.255.255", PORT);
	put_ret(setsockopt(peer, SOL_IP, IP_OPTIONS, opts, sizeof(opts)));
	send_at(peer, TEXT, 8, OWN, PORT);
	arrived();
}

static void ask_two(unsigned int i, unsigned int j)
{
	int fd;

	fd = enter(ANY_BOUND);
	put_ret(set_int(fd, asked[i].level, asked[i].opt,
			asked[i].val));
	put_ret(set_int(fd, asked[j].level, asked[j].opt,
			asked[j].val));
	send_kinds(fd);
	put_recv(fd, MSG_PEEK);
	while (put_recv(fd, 0) >= 0)
		;
	line("%s and %s", asked[i].name, asked[j].name);
	leave(fd);
}

static void control_on_receipt(void)
{
	unsigned int i, j;
	int fd;

	stamp_all();
	system("ip link set lo mtu 1500");
	for (i = 0; i < ARRAY_SIZE(asked); i++)
		for (j = 0; j <= i; j++)
			ask_two(i, j);
	fd = enter(ANY_BOUND);
	for (i = 1; i < ARRAY_SIZE(asked); i++)
		put_ret(set_int(fd, asked[i].level, asked[i].opt,
				asked[i].val));
	send_kinds(fd);
	while (put_recv(fd, 0) >= 0)
		;
	line("IP_CHECKSUM and all");
	leave(fd);
	system("ip link set lo mtu 65536");
}

FIXTURE_VARIANT_ADD(compare, control_on_receipt) {
	.run = control_on_receipt,
};

static void send_with(int level, int opt, int val)
{
	static char data[3000];
	int fd;

	fd = enter(BOUND);
	put_ret(set_int(peer, SOL_IP, IP_RECVTTL, 1));
	put_ret(set_int(fd, level, opt, val));
	put_ret(send_at(fd, TEXT, 8, OWN, PEER_PORT));
	put_after(fd);
	put_ret(send_at(fd, data, sizeof(data), OWN, PEER_PORT));
	put_after(fd);
	put_ret(send_at(fd, TEXT, 8, "224.0.0.9", PEER_PORT));
	put_after(fd);
	put_ret(connect_at(fd, OWN, PEER_PORT));
	put_ret(send(fd, TEXT, 7, 0));
	put_after(fd);
	line("option %d/%d is %d", level, opt, val);
	leave(fd);
}

/* On the packet: set, seen on the wire, and by the receiver */
static void options_on_the_wire(void)
{
	static const struct {
		int level;
		int opt;
		int values[6];
	} opts[] = {
		{ SOL_IP, IP_TOS, { 0, 1, 4, 0x10, 0xb8, 255 } },
		{ SOL_IP, IP_TTL, { 1, 2, 64, 255, -1, 0 } },
		{ SOL_IP, IP_MTU_DISCOVER, { 0, 1, 2, 3, 4, 5 } },
		{ SOL_IP, IP_MULTICAST_TTL, { 0, 1, 2, 255, -1, 7 } },
		{ SOL_IP, IP_UNICAST_IF, { 0, 0x01000000, 0x02000000, 1 } },
		{ SOL_IP, IP_MULTICAST_LOOP, { 1, 0, 1 } },
		{ SOL_SOCKET, SO_PRIORITY, { 0, 1, 6, 7, 0 } },
		{ SOL_SOCKET, SO_MARK, { 0, 1, -1, 0 } },
		{ SOL_SOCKET, SO_DONTROUTE, { 0, 1, 0 } },
		{ SOL_SOCKET, SO_NO_CHECK, { 0, 1, 0 } },
		{ SOL_SOCKET, SO_BINDTOIFINDEX, { 0, 1, 2, 0 } },
		{ SOL_IP, IP_TRANSPARENT, { 0, 1, 0 } },
	};
	unsigned int o, v;

	open_tap();
	system("ip link set lo mtu 1500");
	system("ip route add 224.0.0.0/4 dev lo");
	for (o = 0; o < ARRAY_SIZE(opts); o++)
		for (v = 0; v < 6; v++)
			send_with(opts[o].level, opts[o].opt,
				  opts[o].values[v]);
	system("ip route del 224.0.0.0/4 dev lo");
	system("ip link set lo mtu 65536");
	close(tap);
}

FIXTURE_VARIANT_ADD(compare, options_on_the_wire) {
	.run = options_on_the_wire,
};

static const struct {
	const char *name;
	int len;
	unsigned char data[44];
} ip_opts[] = {
	{ "none", 0, {} },
	{ "a NOP", 1, { 1 } },
	{ "an end", 1, { 0 } },
	{ "four NOPs", 4, { 1, 1, 1, 1 } },
	{ "record route", 11, { 7, 11, 4 } },
	{ "record route, full", 7, { 7, 7, 8, 1, 2, 3, 4 } },
	{ "record route, bad pointer", 7, { 7, 7, 3 } },
	{ "record route, too short", 2, { 7, 2 } },
	{ "time stamps, full", 12, { 68, 12, 13, 0, 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "a time stamp of another's", 12, { 68, 12, 5, 3, 192, 0, 2, 1 } },
	{ "router alert", 4, { 148, 4, 0, 0 } },
	{ "loose route", 7, { 131, 7, 4, 127, 0, 0, 1 } },
	{ "strict route", 7, { 137, 7, 4, 127, 0, 0, 1 } },
	{ "two routes", 14, { 131, 7, 4, 127, 0, 0, 1, 131, 7, 4 } },
	{ "CIPSO", 8, { 134, 8, 0, 0, 0, 1, 1, 2 } },
	{ "unknown", 4, { 200, 4, 1, 2 } },
	{ "longer than it is", 4, { 200, 9, 1, 2 } },
	{ "forty bytes", 40, { 7, 39, 4 } },
	{ "more than forty", 41, { 7, 39, 4 } },
};

static void set_options(int i, int who, enum state s)
{
	int fd;
	unsigned char back[64];
	socklen_t len = sizeof(back);

	if (who && seteuid(65534))
		put("root");
	fd = enter(s);
	set_int(peer, SOL_IP, IP_RECVOPTS, 1);
	put_ret(setsockopt(fd, SOL_IP, IP_OPTIONS, ip_opts[i].data,
			   ip_opts[i].len));
	if (seteuid(0))
		put("nobody");
	put_ret(getsockopt(fd, SOL_IP, IP_OPTIONS, back, &len));
	put_bytes(back, len <= sizeof(back) ? len : 0);
	put_ret(send_at(fd, TEXT, 8, OWN, PEER_PORT));
	put_after(fd);
	put_ret(connect_at(fd, OWN, PEER_PORT));
	put_ret(send(fd, TEXT, 8, 0));
	put_after(fd);
	put_ret(setsockopt(fd, SOL_IP, IP_OPTIONS, NULL, 0));
	put_ret(send(fd, TEXT, 8, 0));
	put_after(fd);
	line("IP_OPTIONS %s, %s, %s", ip_opts[i].name,
	     who ? "nobody" : "root", state_names[s]);
	leave(fd);
}

static void ip_options(void)
{
	int i, who, s;

	open_tap();
	for (i = 0; i < ARRAY_SIZE(ip_opts); i++)
		for (who = 0; who < 2; who++)
			for (s = BOUND; s <= CONNECTED; s++)
				set_options(i, who, s);
	close(tap);
}

FIXTURE_VARIANT_ADD(compare, ip_options) {
	.run = ip_options,
};

static void send_badly(enum state s, int on)
{
	static char data[3000];
	int fd;

	signal(SIGPIPE, SIG_IGN);
	fd = enter(s);
	put_ret(set_int(fd, SOL_IP, IP_RECVERR, on & 1));
	put_ret(set_int(fd, SOL_IP, 26, on >> 1));
	put_ret(send_at(fd, TEXT, 8, OWN, NOBODY_PORT));
	arrived();
	put_poll(fd);
	put_ret(recv(fd, data, 8, MSG_DONTWAIT | MSG_PEEK));
	put_errqueue(fd);
	put_state(fd);
	put_ret(set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	put_ret(send_at(fd, data, sizeof(data), OWN, PEER_PORT));
	put_poll(fd);
	put_ret(send_at(fd, TEXT, 1, OWN, PEER_PORT));
	put_errqueue(fd);
	put_after(fd);
	line("errors, IP_RECVERR %d, %s", on, state_names[s]);
	leave(fd);
}

static void read_error(size_t len, size_t room)
{
	static char data[12], control[256];
	int fd;
	struct iovec iov = { data, room };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = len,
	};
	ssize_t ret;

	fd = enter(BOUND);
	put_ret(set_int(fd, SOL_IP, IP_RECVERR, 1));
	put_ret(set_int(fd, SOL_IP, IP_RECVTTL, 1));
	put_ret(send_at(fd, TEXT, 8, OWN, NOBODY_PORT));
	put_ret(send_at(fd, TEXT, 6, OWN2, NOBODY_PORT));
	arrived();
	ret = recvmsg(fd, &msg, MSG_ERRQUEUE);
	put_msg(ret, &msg, 0);
	put_poll(fd);
	put_ret(set_int(fd, SOL_IP, IP_RECVERR, 0));
	put_state(fd);
	put_errqueue(fd);
	line("an error, control %zu, room %zu", len, room);
	leave(fd);
}

/* How errors come: with IP_RECVERR or without, of the network or of this host */
static void errors(void)
{
	static const int lengths[] = { 0, 1, 16, 47, 48, 63, 64, 65, 200 };
	int on, s, i, room;

	open_tap();
	system("ip link set lo mtu 1500");
	for (s = 0; s < N_STATES; s++)
		for (on = 0; on < 4; on++)
			send_badly(s, on);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		for (room = 0; room < 12; room += 4)
			read_error(lengths[i], room);
	system("ip link set lo mtu 65536");
	close(tap);
}

FIXTURE_VARIANT_ADD(compare, errors) {
	.run = errors,
};

static void stamp(int kind, int how, enum state s)
{
	int fd;
	int val = kind | how | SOF_TIMESTAMPING_SOFTWARE;

	fd = enter(s);
	put_ret(set_int(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, val));
	put_ret(send_at(fd, TEXT, 8, OWN, PEER_PORT));
	put_errqueue(fd);
	put_ret(send_at(fd, TEXT, 3, OWN, PEER_PORT));
	put_errqueue(fd);
	/* Once, by a control message, of which the rest is set up */
	put_ret(set_int(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD,
			how | SOF_TIMESTAMPING_SOFTWARE));
	send_cmsg(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, &kind, 4, 4,
		  false);
	put_errqueue(fd);
	put_state(fd);
	line("SO_TIMESTAMPING %x, %s", val, state_names[s]);
	leave(fd);
}

static void transmit_stamps(void)
{
	static const int kinds[] = {
		SOF_TIMESTAMPING_TX_SOFTWARE, SOF_TIMESTAMPING_TX_SCHED,
		SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED,
		SOF_TIMESTAMPING_TX_HARDWARE,
	};
	static const int hows[] = {
		0, SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_OPT_TSONLY,
		SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY,
		SOF_TIMESTAMPING_OPT_CMSG, SOF_TIMESTAMPING_OPT_PKTINFO,
		SOF_TIMESTAMPING_OPT_STATS,
	};
	int k, h, s;

	for (k = 0; k < ARRAY_SIZE(kinds); k++)
		for (h = 0; h < ARRAY_SIZE(hows); h++)
			for (s = BOUND; s <= CONNECTED; s++)
				stamp(kinds[k], hows[h], s);
}

FIXTURE_VARIANT_ADD(compare, transmit_stamps) {
	.run = transmit_stamps,
};

TEST_HARNESS_MAIN
