// SPDX-License-Identifier: GPL-2.0
/*
 * What changes the answer of a route look-up, and when a socket that has sent
 * the same way before notices. UDP looks up the route of each datagram that has
 * an address of its own; TTP uses a route again for one jiffy, if nothing that
 * it can see has changed. As UDP, but after a jiffy.
 */
#define NEEDS \
	"IP_MULTIPLE_TABLES IP_ROUTE_MULTIPATH NET_VRF VETH XFRM_USER"
#include "compare.h"
#include "hosts.h"

#include <linux/xfrm.h>
#include <net/route.h>

/* A jiffy has passed when this has changed. */
static long long tick(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void next_jiffy(void)
{
	long long now = tick();

	while (tick() == now)
		;
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

static const char *way_there(int fd)
{
	return way(fd, door->family, THERE);
}

/* --- in the same jiffy --------------------------------------------------- */

static int by_host_route(int fd, bool on)
{
	struct rtentry rt = { .rt_flags = RTF_UP | RTF_HOST | RTF_GATEWAY };
	struct sockaddr_in dst = at(AF_INET, THERE, 0);
	struct sockaddr_in gateway = at(AF_INET, "10.0.2.2", 0);
	int ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	memcpy(&rt.rt_dst, &dst, sizeof(dst));
	memcpy(&rt.rt_gateway, &gateway, sizeof(gateway));
	ret = ioctl(ctl, on ? SIOCADDRT : SIOCDELRT, &rt);
	close(ctl);
	return ret;
}

static int by_owner(int fd, bool on)
{
	return fchown(fd, on ? 1000 : 0, -1);
}

static int by_source(int fd, bool on)
{
	return on ? connect_to(fd, door->family, BESIDE, 5000) :
		    disconnect(fd);
}

static int by_ipsec_policy(int fd, bool on)
{
	struct xfrm_userpolicy_info block = {
		.sel.family = AF_INET,
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
		.dir = XFRM_POLICY_OUT,
		.action = XFRM_POLICY_BLOCK,
	};

	return setsockopt(fd, SOL_IP, IP_XFRM_POLICY, on ? &block : NULL,
			  on ? sizeof(block) : 0);
}

static int by_redirect(int fd, bool on)
{
	struct icmphdr icmp = {
		.type = ICMP_REDIRECT,
		.code = ICMP_REDIR_HOST,
		.un.gateway = inet_addr("10.0.1.3"),
	};

	if (on)
		return send_icmp(&icmp, "10.0.1.2", "10.0.1.1", 0);
	return change("route flush cache");
}

/* Each takes effect at once: a rule sends what it is about by b, or nowhere. */
static const struct at_once {
	const char *words;
	const char *rule;		/* or NULL */
	int level, name, val, old;	/* an option of the socket's; a name */
	int (*set)(int fd, bool on);	/* or what this does */
	const char *ip;			/* or another destination */
	int port;
} at_once[] = {
	{ .words = "SO_MARK", .rule = "fwmark 7 lookup 2",
	  .level = SOL_SOCKET, .name = SO_MARK, .val = 7 },
	{ .words = "IP_TOS", .rule = "tos 0x10 lookup 2",
	  .level = SOL_IP, .name = IP_TOS, .val = 0x10 },
	{ .words = "SO_BINDTOIFINDEX",
	  .level = SOL_SOCKET, .name = SO_BINDTOIFINDEX, .val = DEV_B },
	{ .words = "IP_UNICAST_IF",
	  .level = SOL_IP, .name = IP_UNICAST_IF, .val = DEV_B },
	{ .words = "SO_DONTROUTE",
	  .level = SOL_SOCKET, .name = SO_DONTROUTE, .val = 1 },
	{ .words = "the owner", .rule = "uidrange 1000-1000 lookup 2",
	  .set = by_owner },
	{ .words = "the source", .rule = "from 10.0.2.1 lookup 2",
	  .set = by_source },
	{ .words = "a port", .rule = "ipproto PROTO dport 5001 prohibit",
	  .ip = THERE, .port = 5001 },
	{ .words = "a destination", .ip = BESIDE, .port = 5000 },
	{ .words = "a route", .set = by_host_route },
	{ .words = "a redirect", .set = by_redirect },
	{ .words = "IP_XFRM_POLICY", .set = by_ipsec_policy },
};

static int set(const struct at_once *row, int fd, bool on)
{
	int val = on ? row->val : row->old;

	if (row->set)
		return row->set(fd, on);
	if (val == DEV_B)
		val = row->level == SOL_IP ? htonl(if_nametoindex("b")) :
					     if_nametoindex("b");
	return row->name ? set_int(fd, row->level, row->name, val) : 0;
}

static const char *way_after(const struct at_once *row, int fd)
{
	struct sockaddr_in to = at(door->family, row->ip ?: THERE,
				   row->port ?: 5000);

	return way_of(fd, &to, 100, 0);
}

/* Two datagrams, so that the route is remembered, the change, and one more: until
 * all of it has happened in one jiffy, so that nothing but the change can be
 * what is noticed.
 */
static void notice_at_once(const struct at_once *row, int fd)
{
	char before[64], after[64];
	int tries = OFTEN(1000), ret;
	long long start;

	do {
		start = tick();
		way_there(fd);
		snprintf(before, sizeof(before), "%s", way_there(fd));
		ret = set(row, fd, true);
		if (ret)
			break;
		snprintf(after, sizeof(after), "%s", way_after(row, fd));
		ret = tick() != start;
		if (set(row, fd, false))
			put(" not undone");
	} while (ret && --tries);
	/* With sanitizers all of it may always take longer. */
	if (ret > 0 && !getenv("KSFT_MACHINE_SLOW"))
		put(" never in one jiffy");
	if (ret < 0)
		put_ret(ret);
	else
		put(" %s, then %s", before, after);
	put(", undone %s", way_there(fd));
}

static void notice_all_at_once(void)
{
	int fd = bound(door->family, "0.0.0.0", 4000);
	const struct at_once *row;
	char text[128];

	put_ret(change("neigh replace 10.0.1.3 lladdr 02:00:00:00:00:0c"
		       " dev a nud permanent"));
	line("a neighbour");
	for (row = at_once; row < at_once + ARRAY_SIZE(at_once); row++) {
		snprintf(text, sizeof(text), "rule add %s", row->rule ?: "");
		put_ret(row->rule ? change(text) : 0);
		notice_at_once(row, fd);
		snprintf(text, sizeof(text), "rule delete %s", row->rule ?: "");
		put_ret(row->rule ? change(text) : 0);
		line("%s", row->words);
	}
	close(fd);
}

static void noticed_in_the_same_jiffy(void)
{
	with_hosts(notice_all_at_once);
}

FIXTURE_VARIANT_ADD(compare, noticed_in_the_same_jiffy) {
	.run = noticed_in_the_same_jiffy,
};

/* --- in the next jiffy --------------------------------------------------- */

/* A sysctl of the namespace's, of net/ipv4 */
static int sysctl_to(const char *name, const char *val)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	return write_file(path, val);
}

/* ip's commands, or lines "NAME=VALUE" of sysctls */
static int apply_line(char *text)
{
	char *val = strchr(text, '='), command[256];

	if (val) {
		*val++ = '\0';
		return sysctl_to(text, val);
	}
	/* ip ends after one of these, even if it has others to read. */
	if (!strncmp(text, "xfrm ", strlen("xfrm "))) {
		snprintf(command, sizeof(command), "ip %s", text);
		return system(command);
	}
	return change(text);
}

static void apply(const char *lines)
{
	char text[512], *rest = text, *p;

	snprintf(text, sizeof(text), "%s", lines);
	while ((p = strsep(&rest, "\n")))
		put_ret(apply_line(p));
}

/* One of two ways, whichever a hash has chosen */
static void put_other(const char *before, const char *now)
{
	if (!strcmp(before, now))
		put(" the same");
	else if (strchr(now, ' '))
		put(" the other");
	else
		put(" %s", now);
}

/* The link-layer addresses of both ends are the same. */
#define NEIGHBOURS							\
	"neigh replace 10.0.1.2 lladdr 02:00:00:00:00:0a dev a nud permanent\n" \
	"neigh replace 10.0.2.2 lladdr 02:00:00:00:00:0b dev b nud permanent"
#define ONE_WAY	"route replace 10.9.0.0/16 via 10.0.1.2"
#define TWO_WAYS							\
	"route replace 10.9.0.0/16 nexthop via 10.0.1.2 nexthop via 10.0.2.2"
#define TWO_DEFAULTS							\
	"route delete 10.9.0.0/16 metric 0\n"				\
	"route delete 10.9.0.0/16 metric 200\n"				\
	"route append default via 10.0.1.2\n"				\
	"route append default via 10.0.2.2"
#define NO_DEFAULTS							\
	"route delete default via 10.0.1.2\n"				\
	"route delete default via 10.0.2.2\n"				\
	"route add 10.9.0.0/16 via 10.0.1.2\n"				\
	"route add 10.9.0.0/16 via 10.0.2.2 metric 200"

/* The change is of the way that was taken before: by a, or by b. Of most of them
 * nothing tells who keeps a route.
 */
static const struct later {
	const char *words;
	const char *before;
	const char *by_a, *by_b;	/* alike if there is no @by_b */
	const char *after;
	const char *src;	/* the sender's address, or NULL */
} later[] = {
	{ .words = "fib_multipath_use_neigh", .before = TWO_WAYS,
	  .by_a = "neigh replace 10.0.1.2 dev a nud failed\n"
		  "fib_multipath_use_neigh=1",
	  .by_b = "neigh replace 10.0.2.2 dev b nud failed\n"
		  "fib_multipath_use_neigh=1",
	  .after = "fib_multipath_use_neigh=0" },
	{ .words = "a neighbour of two next hops",
	  .before = TWO_WAYS "\nfib_multipath_use_neigh=1",
	  .by_a = "neigh replace 10.0.1.2 dev a nud failed",
	  .by_b = "neigh replace 10.0.2.2 dev b nud failed",
	  .after = "fib_multipath_use_neigh=0" },
	{ .words = "a neighbour of two default routes", .before = TWO_DEFAULTS,
	  .by_a = "neigh replace 10.0.1.2 dev a nud failed",
	  .by_b = "neigh replace 10.0.2.2 dev b nud failed",
	  .after = NO_DEFAULTS },
	{ .words = "an IPsec policy that allowed",
	  .before = ONE_WAY "\n"
		    "xfrm policy add src 0.0.0.0/0 dst 10.9.0.0/16 dir out"
		    " priority 2 action block\n"
		    "xfrm policy add src 0.0.0.0/0 dst " THERE " dir out"
		    " priority 1 action allow",
	  .by_a = "xfrm policy delete src 0.0.0.0/0 dst " THERE " dir out",
	  .after = "xfrm policy delete src 0.0.0.0/0 dst 10.9.0.0/16 dir out" },
	{ .words = "the IPsec policy of what has none", .before = ONE_WAY,
	  .by_a = "xfrm policy setdefault out block",
	  .after = "xfrm policy setdefault out accept" },
	{ .words = "disable_xfrm",
	  .before = "conf/a/disable_xfrm=1\n"
		    "xfrm policy add src 0.0.0.0/0 dst " THERE
		    " dir out action block",
	  .by_a = "conf/a/disable_xfrm=0",
	  .after = "xfrm policy delete src 0.0.0.0/0 dst " THERE " dir out" },
	{ .words = "route_localnet", .before = "conf/a/route_localnet=1",
	  .by_a = "conf/a/route_localnet=0",
	  .after = "conf/a/route_localnet=0", .src = "127.0.0.1" },
	{ .words = "the VRF of a device",
	  .before = ONE_WAY "\nlink add v type vrf table 9",
	  .by_a = "link set dev a master v",
	  .after = "link set dev a nomaster\nlink delete dev v\n" ONE_WAY },
	{ .words = "a next hop object",
	  .before = "nexthop add id 1 via 10.0.1.2 dev a\n"
		    "route replace 10.9.0.0/16 nhid 1",
	  .by_a = "nexthop replace id 1 via 10.0.2.2 dev b",
	  .after = ONE_WAY "\nnexthop delete id 1" },
};

static void notice_later(void)
{
	const struct later *row;
	char before[64];
	int fd;

	for (row = later; row < later + ARRAY_SIZE(later); row++) {
		apply(row->before);
		fd = bound(door->family, row->src ?: "0.0.0.0", 4000);
		way_there(fd);
		snprintf(before, sizeof(before), "%s", way_there(fd));
		apply(*before == 'b' && row->by_b ? row->by_b : row->by_a);
		next_jiffy();
		put_other(before, way_there(fd));
		close(fd);
		apply(row->after);
		apply(NEIGHBOURS);
		line("%s", row->words);
	}
}

/* The way of a socket's first datagram, from @port: nothing is remembered. */
static const char *fresh_way(int port)
{
	int fd = dgram(door->family);
	const char *way = "no socket";

	if (!bind_to(fd, door->family, "0.0.0.0", port))
		way = way_there(fd);
	close(fd);
	return way;
}

/* Two settings of a hash, and a source port that makes them choose differently */
static void notice_hash(const char *words, const char *first,
			const char *second)
{
	char before[64] = "", then[64] = "";
	int fd, port = 4000;

	do {
		port++;
		apply(first);
		snprintf(before, sizeof(before), "%s", fresh_way(port));
		apply(second);
		snprintf(then, sizeof(then), "%s", fresh_way(port));
		/* How many it takes is a matter of chance. */
		verdict_len = 0;
	} while (!strcmp(before, then) && port < 4100);
	put(port < 4100 ? " differ" : " do not differ");
	apply(first);
	fd = bound(door->family, "0.0.0.0", port);
	way_there(fd);
	put_ret(strcmp(before, way_there(fd)));
	apply(second);
	next_jiffy();
	put_ret(strcmp(then, way_there(fd)));
	close(fd);
	line("%s", words);
}

static void notice_hashes(void)
{
	apply(TWO_WAYS);
	line("two ways");
	notice_hash("fib_multipath_hash_policy", "fib_multipath_hash_policy=0",
		    "fib_multipath_hash_policy=1");
	notice_hash("fib_multipath_hash_fields",
		    "fib_multipath_hash_policy=3\n"
		    "fib_multipath_hash_fields=3",
		    "fib_multipath_hash_fields=51");
	if (access("/proc/sys/net/ipv4/fib_multipath_hash_seed", W_OK))
		return;
	notice_hash("fib_multipath_hash_seed", "fib_multipath_hash_seed=1",
		    "fib_multipath_hash_seed=2");
}

/* The way to THERE, as soon as it is @want, by datagrams of @len */
static const char *wait_for(int fd, const char *want, size_t len)
{
	struct sockaddr_in to = at(door->family, THERE, 5000);
	long limit = now_ms() + WAIT_MS;
	const char *way;

	do
		way = way_of(fd, &to, len, 0);
	while (strcmp(way, want) && now_ms() < limit);
	return way;
}

static int set_link(int ns, bool up)
{
	int ctl, ret = setns(ns, CLONE_NEWNET);
	struct ifreq ifr = { .ifr_name = "a", .ifr_flags = up ? IFF_UP : 0 };

	ctl = socket(AF_INET, SOCK_DGRAM, 0);
	ret = ret ?: ioctl(ctl, SIOCSIFFLAGS, &ifr);
	close(ctl);
	return ret ?: setns(here, CLONE_NEWNET);
}

/* No carrier: the kernel looks at that at most once a second. */
static void notice_linkdown(void)
{
	static const char knob[] = "conf/a/ignore_routes_with_linkdown";
	int fd = bound(door->family, "0.0.0.0", 4000);

	put_ret(set_link(away, false));
	put_ret(sysctl_to(knob, "1"));
	put(" %s", wait_for(fd, "b 10.0.2.1", 100));
	put_ret(sysctl_to(knob, "0"));
	next_jiffy();
	put(" %s", wait_for(fd, "lost", 100));
	put_ret(sysctl_to(knob, "1"));
	next_jiffy();
	put(" %s", way_there(fd));
	put_ret(sysctl_to(knob, "0"));
	put_ret(set_link(away, true));
	put(" %s", wait_for(fd, HOME, 100));
	close(fd);
	line("ignore_routes_with_linkdown");
}

/* A rule sends what leaves by c to a gateway that nobody is; b becomes c. */
static void notice_name(void)
{
	int fd = bound(door->family, "0.0.0.0", 4000);

	put_ret(change("neigh replace 10.0.2.3 lladdr 02:00:00:00:00:0c"
		       " dev b nud permanent\n"
		       "route add " THERE " via 10.0.2.3 table 3\n"
		       "rule add oif c lookup 3"));
	put_ret(set_int(fd, SOL_SOCKET, SO_BINDTOIFINDEX, if_nametoindex("b")));
	way_there(fd);
	put(" %s", way_there(fd));
	/* Only a device that is down could be renamed before Linux 6.2. */
	change("link set dev b name c");
	put(if_nametoindex("c") ? " renamed" : " not renamed");
	next_jiffy();
	put(" %s", way_there(fd));
	change("link set dev c name b");
	put_ret(change("rule delete oif c lookup 3\n"
		       "route delete " THERE " via 10.0.2.3 table 3"));
	close(fd);
	line("a device's name");
}

/* --- when its time is up ------------------------------------------------- */

/* How long a redirect is believed is the initial namespace's to say. */
static int gc_timeout(const char *seconds)
{
	int init = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	int ret = setns(init, CLONE_NEWNET);

	close(init);
	return ret ?: sysctl_to("route/gc_timeout", seconds) ?:
	       setns(here, CLONE_NEWNET);
}

static void notice_redirect_end(void)
{
	int fd = bound(door->family, "0.0.0.0", 4000);

	put_ret(change("neigh replace 10.0.1.3 lladdr 02:00:00:00:00:0c"
		       " dev a nud permanent"));
	put_ret(gc_timeout("1"));
	put(" %s", way_there(fd));
	put_ret(by_redirect(fd, true));
	put_ret(gc_timeout("300"));
	put(" %s", wait_for(fd, "lost", 100));
	put(" %s", wait_for(fd, HOME, 100));
	close(fd);
	line("a redirect");
}

static void notice_mtu_end(void)
{
	struct sockaddr_in to = at(door->family, THERE, 5000);
	int fd = bound(door->family, "0.0.0.0", 4000);
	struct icmphdr icmp = {
		.type = ICMP_DEST_UNREACH,
		.code = ICMP_FRAG_NEEDED,
		.un.frag.mtu = htons(800),
	};

	put_ret(sysctl_to("route/mtu_expires", "1"));
	put_ret(set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	put_ret(send_icmp(&icmp, "10.0.1.2", "10.0.1.1", 0));
	put(" %s", way_of(fd, &to, 1000, 0));
	put(" %s", wait_for(fd, HOME, 1000));
	close(fd);
	line("a path MTU");
}

/* A bucket of the group goes over to the next hop that is left a second after
 * the other has gone, though it is in use.
 */
static void notice_bucket(void)
{
	int fd = bound(door->family, "0.0.0.0", 4000);
	char before[64];

	put_ret(change("nexthop add id 1 via 10.0.1.2 dev a\n"
		       "nexthop add id 2 via 10.0.2.2 dev b\n"
		       "nexthop add id 9 group 1/2 type resilient buckets 2"
		       " idle_timer 60 unbalanced_timer 1\n"
		       "route replace 10.9.0.0/16 nhid 9"));
	way_there(fd);
	snprintf(before, sizeof(before), "%s", way_there(fd));
	put_ret(change(*before == 'a' ?
		       "nexthop replace id 9 group 2 type resilient" :
		       "nexthop replace id 9 group 1 type resilient"));
	put_other(before,
		  wait_for(fd, *before == 'a' ? "b 10.0.2.1" : HOME, 100));
	put_ret(change(ONE_WAY "\nnexthop delete id 9\n"
		       "nexthop delete id 1\nnexthop delete id 2"));
	close(fd);
	line("a bucket of a resilient group");
}

static void notice_all(void)
{
	notice_name();
	notice_redirect_end();
	put_ret(change("route flush cache"));
	notice_mtu_end();
	put_ret(change("route flush cache"));
	notice_linkdown();
	notice_bucket();
	notice_later();
	notice_hashes();
}

static void noticed_in_the_next_jiffy(void)
{
	with_hosts(notice_all);
}

FIXTURE_VARIANT_ADD(compare, noticed_in_the_next_jiffy) {
	.run = noticed_in_the_next_jiffy,
};

TEST_HARNESS_MAIN
