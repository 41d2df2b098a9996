// SPDX-License-Identifier: GPL-2.0
/*
 * Flows that are made of a packet and a socket: which route learns an MTU or a
 * gateway by ICMP, and which address IP_PKTINFO names for the answer to a
 * broadcast or multicast. Rules choose between routes; each field of a flow has
 * a rule. As UDP.
 */
#define NEEDS "DUMMY IP_MULTIPLE_TABLES NF_TABLES_IPV4 VETH"
#include "compare.h"
#include "hosts.h"

#define GROUP	"239.1.2.3"

static int change_to(const char *format, const char *arg)
{
	char text[256];

	snprintf(text, sizeof(text), format, arg);
	return change(text);
}

/* The two hosts, for the door that the case is run at */
static void with_hosts(void (*run)(void))
{
	unsigned int i;

	inet_protocol = door->protocol;
	put_ret(build_hosts(door->family, door->protocol));
	line("two hosts");
	run();
	for (i = 0; i < ARRAY_SIZE(sinks); i++)
		close(sinks[i].fd);
	close(here);
	close(away);
	ip_stop();
}

/* --- what ICMP teaches --------------------------------------------------- */

/* A rule that sends some flows by table 2, that is by b, and who is sent so */
static const struct selector {
	const char *words;
	const char *rule;	/* or NULL */
	int level, name, val;	/* the sender's option, if it has a name */
	int uid;		/* or owner */
	bool reflect;		/* or netfilter marks packets both ways */
	bool late;		/* IP_TOS is 0 when ICMP comes */
} selectors[] = {
	{ .words = "no rule" },
	{ .words = "SO_MARK", .rule = "fwmark 7",
	  .level = SOL_SOCKET, .name = SO_MARK, .val = 7 },
	{ .words = "SO_MARK that has no rule", .rule = "fwmark 8",
	  .level = SOL_SOCKET, .name = SO_MARK, .val = 7 },
	{ .words = "the owner", .rule = "uidrange 1000-1000", .uid = 1000 },
	{ .words = "another owner", .rule = "uidrange 0-0", .uid = 1000 },
	{ .words = "IP_TOS", .rule = "tos 0x10",
	  .level = SOL_IP, .name = IP_TOS, .val = 0x10 },
	{ .words = "the packet's TOS", .rule = "tos 0x10", .late = true,
	  .level = SOL_IP, .name = IP_TOS, .val = 0x10 },
	{ .words = "the device", .rule = "oif b",
	  .level = SOL_SOCKET, .name = SO_BINDTOIFINDEX, .val = DEV_B },
	{ .words = "the protocol", .rule = "ipproto PROTO" },
	{ .words = "the source's port", .rule = "ipproto PROTO sport 4000" },
	{ .words = "the destination's port",
	  .rule = "ipproto PROTO dport 5000" },
	{ .words = "a reflected mark", .rule = "fwmark 7", .reflect = true },
};

static const struct {
	const char *words;
	int val;
} modes[] = {
	{ "WANT", IP_PMTUDISC_WANT },
	{ "DO", IP_PMTUDISC_DO },
	{ "PROBE", IP_PMTUDISC_PROBE },
	{ "INTERFACE", IP_PMTUDISC_INTERFACE },
	{ "OMIT", IP_PMTUDISC_OMIT },
};

/* Marks what h1 sends, which chooses the route anew, and what ICMP sends it */
static int mark_all(void)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "nft 'table ip t {"
		 " chain o { type route hook output priority mangle;"
		 " meta l4proto %d meta mark set 7; };"
		 " chain p { type filter hook prerouting priority mangle;"
		 " meta l4proto icmp meta mark set 7; }; }'", door->protocol);
	return write_file("/proc/sys/net/ipv4/fwmark_reflect", "1") ?:
	       system(text);
}

static int apply(const struct selector *s)
{
	return (s->rule ? change_to("rule add %s lookup 2", s->rule) : 0) ?:
	       (s->reflect ? mark_all() : 0);
}

static int undo(const struct selector *s)
{
	return (s->rule ? change_to("rule delete %s lookup 2", s->rule) : 0) ?:
	       (s->reflect ? system("nft delete table ip t") : 0);
}

/* One that @s is about, to THERE: connected, or not */
static int sender(const struct selector *s, bool connected)
{
	int fd = dgram(door->family);
	int val = s->val == DEV_B ? (int)if_nametoindex("b") : s->val;

	if ((s->name && set_int(fd, s->level, s->name, val)) ||
	    (s->uid && fchown(fd, s->uid, -1)) ||
	    bind_to(fd, door->family, "0.0.0.0", 4000) ||
	    (connected && connect_to(fd, door->family, THERE, 5000)))
		put(" no sender");
	return fd;
}

/* Which way a datagram of @len goes, after its socket's error has been taken */
static void put_way(int fd, bool connected, size_t len)
{
	struct sockaddr_in to = at(door->family, THERE, 5000);

	put(" <%d> %s", get_int(fd, SOL_SOCKET, SO_ERROR),
	    way_of(fd, connected ? NULL : &to, len, 0));
	if (connected)
		put(" mtu %d", get_int(fd, SOL_IP, IP_MTU));
}

/* A message of the gateway by which the last datagram went, to its source */
static void hear_icmp(const struct selector *s, int fd, bool connected,
		      struct icmphdr icmp)
{
	struct sockaddr_in to = at(door->family, THERE, 5000);
	int tos = get_int(fd, SOL_IP, IP_TOS), net;
	char gateway[32], src[32] = "";
	const char *way;

	way = way_of(fd, connected ? NULL : &to, 100, 0);
	put(" %s", way);
	net = *way == 'b' ? 2 : 1;
	if (sscanf(way, "%*s %31s", src) != 1)
		put(" no source");
	snprintf(gateway, sizeof(gateway), "10.0.%d.2", net);
	if (icmp.type == ICMP_REDIRECT)
		icmp.un.gateway = htonl(0x0a000003 | net << 8);
	if (s->late)
		put_ret(set_int(fd, SOL_IP, IP_TOS, 0));
	if (send_icmp(&icmp, gateway, src, tos) || !settle())
		put(" no ICMP");
	if (connected)
		put(" mtu %d", get_int(fd, SOL_IP, IP_MTU));
}

static void learns_mtu(const struct selector *s, bool connected,
		       unsigned int mode)
{
	struct icmphdr icmp = {
		.type = ICMP_DEST_UNREACH,
		.code = ICMP_FRAG_NEEDED,
		.un.frag.mtu = htons(800),
	};
	int fd = sender(s, connected);

	put_ret(set_int(fd, SOL_IP, IP_MTU_DISCOVER, modes[mode].val));
	hear_icmp(s, fd, connected, icmp);
	close(fd);
	fd = sender(s, connected);
	put_ret(set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	put_way(fd, connected, 1000);
	put_way(fd, connected, 700);
	put_ret(change("route flush cache"));
	put_way(fd, connected, 1000);
	close(fd);
	line("MTU, %s, %s, %s", s->words, modes[mode].words,
	     connected ? "connected" : "unconnected");
}

/* The new gateways have another link-layer address, which nobody has. */
static void learns_gateway(const struct selector *s, bool connected)
{
	struct icmphdr icmp = {
		.type = ICMP_REDIRECT,
		.code = ICMP_REDIR_HOST,
	};
	int fd = sender(s, connected);

	hear_icmp(s, fd, connected, icmp);
	/* Of another socket, too: it is the route that learns. */
	close(fd);
	fd = sender(s, connected);
	put_way(fd, connected, 100);
	put_ret(change("route flush cache"));
	put_way(fd, connected, 100);
	close(fd);
	line("redirect, %s, %s", s->words,
	     connected ? "connected" : "unconnected");
}

static void learn(void)
{
	const struct selector *s;
	unsigned int mode;
	int connected;

	put_ret(change("neigh replace 10.0.1.3 lladdr 02:00:00:00:00:0c"
		       " dev a nud permanent\n"
		       "neigh replace 10.0.2.3 lladdr 02:00:00:00:00:0c"
		       " dev b nud permanent"));
	line("neighbours");
	for (s = selectors; s < selectors + ARRAY_SIZE(selectors); s++) {
		put_ret(apply(s));
		for (connected = 0; connected < 2; connected++) {
			for (mode = 0; mode < ARRAY_SIZE(modes); mode++)
				if (s <= selectors + 1 ||
				    modes[mode].val == IP_PMTUDISC_WANT)
					learns_mtu(s, connected, mode);
			learns_gateway(s, connected);
		}
		put_ret(undo(s));
		line("%s", s->words);
	}
}

static void icmp_teaches_routes(void)
{
	with_hosts(learn);
}

FIXTURE_VARIANT_ADD(compare, icmp_teaches_routes) {
	.run = icmp_teaches_routes,
};

/* --- the address to answer from ------------------------------------------ */

/* The way back to a sender, 10.0.1.2. Table 3 has another, by b. */
static const struct {
	const char *words;
	const char *add, *delete;	/* ip's commands, or NULL */
} ways_back[] = {
	{ .words = "as it is" },
	{ "a rule for TOS", "rule add tos 0x10 lookup 3",
	  "rule delete tos 0x10 lookup 3" },
	{ "a rule for the mark", "rule add fwmark 7 lookup 3",
	  "rule delete fwmark 7 lookup 3" },
	{ "a rule for root", "rule add uidrange 0-0 lookup 3",
	  "rule delete uidrange 0-0 lookup 3" },
	{ "a rule for the protocol", "rule add ipproto PROTO lookup 3",
	  "rule delete ipproto PROTO lookup 3" },
	{ "a rule for lo", "rule add iif lo lookup 3",
	  "rule delete iif lo lookup 3" },
	{ "a rule for the device", "rule add iif a lookup 3",
	  "rule delete iif a lookup 3" },
	{ "a route with a source", "route add 10.0.1.2 dev b src 10.0.1.7",
	  "route delete 10.0.1.2 dev b src 10.0.1.7" },
	{ "a route to the link", "route add 10.0.1.2 dev b scope link",
	  "route delete 10.0.1.2 dev b scope link" },
	{ "a route by a gateway", "route add 10.0.1.2 via 10.0.2.2",
	  "route delete 10.0.1.2 via 10.0.2.2" },
	{ "a route by an IPv6 gateway",
	  "route add 10.0.1.2 via inet6 fe80::1 dev b",
	  "route delete 10.0.1.2 via inet6 fe80::1 dev b" },
	{ "a nexthop of its own",
	  "nexthop add id 1 via 10.0.2.2 dev b\n"
	  "route add 10.0.1.2 nhid 1", "nexthop delete id 1" },
	{ "two ways", "route add 10.0.1.2 nexthop via 10.0.2.2"
	  " nexthop via 10.0.2.3",
	  "route delete 10.0.1.2" },
	{ "unreachable", "route add unreachable 10.0.1.2",
	  "route delete unreachable 10.0.1.2" },
	{ "throw", "route add throw 10.0.1.2", "route delete throw 10.0.1.2" },
	{ "a rule that prohibits", "rule add to 10.0.1.2 prohibit",
	  "rule delete to 10.0.1.2 prohibit" },
	{ "this host itself", "route add local 10.0.1.2 dev lo",
	  "route delete local 10.0.1.2 dev lo" },
};

/* What h1 is told of a datagram from h2 to @ip */
static void put_spec_dst(int fd, int tos, const char *ip)
{
	char control[256], c[8];
	struct iovec iov = { c, sizeof(c) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct in_pktinfo info = {};
	struct cmsghdr *cmsg;
	int out;

	if (setns(away, CLONE_NEWNET))
		put(" not away");
	out = dgram(door->family);
	if (bind_to(out, door->family, "10.0.1.2", 4000) ||
	    set_int(out, SOL_SOCKET, SO_BROADCAST, 1) ||
	    set_int(out, SOL_IP, IP_MULTICAST_IF, inet_addr("10.0.1.2")) ||
	    set_int(out, SOL_IP, IP_TOS, tos))
		put(" no sender");
	put_ret(send_to(out, "x", 1, door->family, ip, 5001));
	close(out);
	if (setns(here, CLONE_NEWNET))
		put(" not here");
	settle();
	put_ret(recvmsg(fd, &msg, MSG_DONTWAIT));
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_PKTINFO)
			memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
	put(" %s", inet_ntoa(info.ipi_spec_dst));
	put(" %s %d", inet_ntoa(info.ipi_addr), info.ipi_ifindex);
}

static void answers(int fd, const char *words)
{
	static const char * const dests[] = { "10.0.1.255", GROUP, "10.0.1.1" };
	static const int fields[] = { 0, 0x10, 0x12 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(dests); i++) {
		for (j = 0; j < ARRAY_SIZE(fields); j++) {
			put_spec_dst(fd, fields[j], dests[i]);
			line("%s: TOS %d, to %s", words, fields[j], dests[i]);
		}
	}
}

static void answer(void)
{
	static const char vmark[] =
		"/proc/sys/net/ipv4/conf/a/src_valid_mark";
	struct ip_mreqn mreq = {
		.imr_multiaddr.s_addr = inet_addr(GROUP),
		.imr_ifindex = if_nametoindex("a"),
	};
	int fd = bound(door->family, "0.0.0.0", 5001);
	unsigned int i;

	put_ret(set_int(fd, SOL_IP, IP_PKTINFO, 1));
	put_ret(setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, &mreq,
			   sizeof(mreq)));
	put_ret(change("route add 10.0.1.2 dev b src 10.0.2.1 table 3"));
	put_ret(system("nft 'table ip t { chain p {"
		       " type filter hook prerouting priority mangle;"
		       " meta mark set 7; }; }'"));
	line("a receiver");
	for (i = 0; i < ARRAY_SIZE(ways_back); i++) {
		put_ret(ways_back[i].add ? change(ways_back[i].add) : 0);
		line("%s", ways_back[i].words);
		answers(fd, ways_back[i].words);
		put_ret(write_file(vmark, "1"));
		answers(fd, "src_valid_mark");
		put_ret(write_file(vmark, "0"));
		put_ret(ways_back[i].delete ? change(ways_back[i].delete) : 0);
		line("undone");
	}
	close(fd);
}

static void address_of_answers(void)
{
	with_hosts(answer);
}

FIXTURE_VARIANT_ADD(compare, address_of_answers) {
	.run = address_of_answers,
};

TEST_HARNESS_MAIN
