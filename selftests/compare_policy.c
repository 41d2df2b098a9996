// SPDX-License-Identifier: GPL-2.0
/*
 * Policies of the host: IPsec, netfilter, tc, socket filters. Each must see a TTP
 * datagram where it sees a UDP one, with the same addresses and the same socket,
 * and its verdict must have the same effect.
 */
#define NEEDS "INET_ESP NETFILTER_EGRESS NET_ACT_GACT NFT_REJECT " \
	      "NF_TABLES_NETDEV VETH XFRM_USER"
#include "compare_policy.h"

/* Datagrams from here to there and what came of them: with an address, in
 * fragments, to the peer, in pieces; @n of them get there for sure
 */
static void traffic(int n)
{
	int to_fd = holder_there(ANY, PORT), from = holder(HERE, PEER_PORT);
	static char big[5000];
	struct sockaddr_in dst = to(THERE, PORT);

	let_arrive = all_arrived;
	put_ret(send_at(from, TEXT, 1, THERE, PORT));
	put_ret(send_at(from, big, sizeof(big), THERE, PORT));
	put_ret(sendto(from, TEXT, 2, MSG_MORE, (void *)&dst, sizeof(dst)));
	put_ret(send(from, TEXT, 3, 0));
	put_ret(connect_at(from, THERE, PORT));
	put_ret(send(from, TEXT, 4, 0));
	put_ret(send(from, TEXT, 4, 0));
	put_queue(to_fd, n);
	put(" error %d", get_int(from, SOL_SOCKET, SO_ERROR));
	let_arrive = NULL;
	close(from);
	close(to_fd);
}

/* ---- what the tools of an administrator set up ---- */

#define NETDEV(hook, device)						\
	"nft 'table netdev t { chain c { type filter hook " hook	\
	" device " device " priority 0; ip protocol { udp, 253 } drop; }; }'"
#define TC(device, hook)						\
	"dev=" device "; tc qdisc add dev $dev clsact && "		\
	"tc filter add dev $dev " hook " protocol ip matchall action drop"
#define NO_TC(device)	"tc qdisc delete dev " device " clsact"
#define IPSEC(dir, action)						\
	"for p in 17 253; do ip xfrm policy add src " HERE " dst " THERE \
	" proto $p dir " dir " " action "; done"
#define STATE(mode)							\
	"ip xfrm state add src " HERE " dst " THERE " proto esp spi 0x18 " \
	"mode " mode " enc cipher_null '' auth digest_null ''"
#define TEMPLATE(mode)							\
	"tmpl src " HERE " dst " THERE " proto esp spi 0x18 mode " mode
#define ESP(mode, dir)	"mode=" mode "; " STATE("$mode") " && "		\
			IPSEC(dir, TEMPLATE("$mode"))
#define NO_IPSEC	"ip xfrm policy flush && ip xfrm state flush"

static const struct {
	const char *what;
	const char *here, *there;	/* commands, or NULL */
	const char *undo;		/* where they ran */
} rows[] = {
	{ "nothing", NULL, NULL, NULL },
	{ "nft output", FILTER("output", MATCH "drop;"), NULL, FLUSH },
	{ "nft output, mark", FILTER("output", "mark 7 " MATCH "drop;"), NULL,
	  FLUSH },
	{ "nft output, user", FILTER("output", "meta skuid 0 " MATCH "drop;"),
	  NULL, FLUSH },
	{ "nft postrouting", FILTER("postrouting", MATCH "drop;"), NULL,
	  FLUSH },
	{ "nft prerouting", NULL, FILTER("prerouting", MATCH "drop;"), FLUSH },
	{ "nft input", NULL, FILTER("input", MATCH "drop;"), FLUSH },
	{ "nft input, reject", NULL, FILTER("input", MATCH "reject;"), FLUSH },
	{ "nft ingress", NULL, NETDEV("ingress", "v1"), FLUSH },
	{ "nft egress", NETDEV("egress", "v0"), NULL, FLUSH },
	{ "tc egress", TC("v0", "egress"), NULL, NO_TC("v0") },
	{ "tc ingress", NULL, TC("v1", "ingress"), NO_TC("v1") },
	{ "IPsec, block out", IPSEC("out", "action block"), NULL, NO_IPSEC },
	{ "IPsec, block in", NULL, IPSEC("in", "action block"), NO_IPSEC },
	{ "IPsec, transport", ESP("transport", "out"), ESP("transport", "in"),
	  NO_IPSEC },
	{ "IPsec, tunnel", ESP("tunnel", "out"), ESP("tunnel", "in"),
	  NO_IPSEC },
	{ "IPsec, wanted and not used", NULL, IPSEC("in", TEMPLATE("transport")),
	  NO_IPSEC },
	{ "route, prohibit", "ip route add prohibit " THERE, NULL,
	  "ip route delete prohibit " THERE },
};

static void administrator(void)
{
	size_t i;

	hosts();
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].here)
			run_here(rows[i].here);
		if (rows[i].there)
			run_there(rows[i].there);
		traffic(strstr(rows[i].what, "transport") ? 5 : 0);
		if (rows[i].here)
			run_here(rows[i].undo);
		if (rows[i].there)
			run_there(rows[i].undo);
		line("%s", rows[i].what);
	}
}

FIXTURE_VARIANT_ADD(compare, administrator) {
	.run = administrator,
};

/* ---- socket filters, and IPsec policies of a socket ---- */

static void socket_filter(void)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog prog = { 1, &none };
	int fd, from;

	hosts();
	fd = holder_there(ANY, PORT);
	from = holder(HERE, PEER_PORT);
	put_ret(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
			   sizeof(prog)));
	put_ret(send_at(from, TEXT, 1, THERE, PORT));
	put_queue(fd, 0);
	put_ret(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, NULL, 0));
	put_ret(send_at(from, TEXT, 1, THERE, PORT));
	put_queue(fd, 0);
	line("socket filter");
	close(fd);
	close(from);
}

FIXTURE_VARIANT_ADD(compare, socket_filter) {
	.run = socket_filter,
};

/* A policy for all that a socket sends or receives; the protocol is its own. */
struct own_policy {
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl tmpl;
};

static socklen_t own_policy(struct own_policy *p, int dir, int action, int mode)
{
	*p = (struct own_policy) {
		.info = {
			.sel.family = AF_INET,
			.dir = dir,
			.action = action,
			.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
		},
		.tmpl = {
			.id.proto = IPPROTO_ESP,
			.id.spi = htonl(0x18),
			.id.daddr.a4 = inet_addr(THERE),
			.saddr.a4 = inet_addr(HERE),
			.family = AF_INET,
			.mode = mode,
			.aalgos = -1,
			.ealgos = -1,
			.calgos = -1,
		},
	};
	return mode < 0 ? sizeof(p->info) : sizeof(*p);
}

static void put_policy(int fd, int dir, int action, int mode)
{
	struct own_policy p;
	socklen_t len = own_policy(&p, dir, action, mode);

	put_ret(setsockopt(fd, SOL_IP, IP_XFRM_POLICY, &p, len));
}

/* Some datagrams without a policy first, whose route is remembered */
static void put_sends(int from, int fd, int n)
{
	put_ret(send_at(from, TEXT, 1, THERE, PORT));
	put_ret(send_at(from, TEXT, 2, THERE, PORT));
	put_ret(connect_at(from, THERE, PORT));
	put_ret(send(from, TEXT, 3, 0));
	/* release_sock() looks for a new route if that has gone. */
	run_here("ip route flush cache");
	put_ret(set_int(from, SOL_SOCKET, SO_BROADCAST, 1));
	put_ret(send(from, TEXT, 3, 0));
	put_ret(disconnect(from));
	put_ret(send_at(from, TEXT, 4, THERE, PORT));
	put_queue(fd, n);
}

static const struct {
	const char *what;
	int dir, action, mode;
} own[] = {
	{ "block out", XFRM_POLICY_OUT, XFRM_POLICY_BLOCK, -1 },
	{ "allow out", XFRM_POLICY_OUT, XFRM_POLICY_ALLOW, -1 },
	{ "block in", XFRM_POLICY_IN, XFRM_POLICY_BLOCK, -1 },
	{ "allow in", XFRM_POLICY_IN, XFRM_POLICY_ALLOW, -1 },
	{ "transport out", XFRM_POLICY_OUT, XFRM_POLICY_ALLOW,
	  XFRM_MODE_TRANSPORT },
	{ "tunnel out", XFRM_POLICY_OUT, XFRM_POLICY_ALLOW, XFRM_MODE_TUNNEL },
	{ "transport in", XFRM_POLICY_IN, XFRM_POLICY_ALLOW,
	  XFRM_MODE_TRANSPORT },
};

static void socket_policy(void)
{
	int fd, from;
	size_t i;

	hosts();
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		fd = holder_there(ANY, PORT);
		from = holder(HERE, PEER_PORT);
		put_sends(from, fd, 0);
		if (own[i].mode == XFRM_MODE_TRANSPORT) {
			run_here(STATE("transport"));
			run_there(STATE("transport"));
		} else if (own[i].mode == XFRM_MODE_TUNNEL) {
			run_here(STATE("tunnel"));
			run_there(STATE("tunnel"));
		}
		put_policy(own[i].dir == XFRM_POLICY_OUT ? from : fd,
			   own[i].dir, own[i].action, own[i].mode);
		put_sends(from, fd, strcmp(own[i].what, "transport out") ? 0 : 5);
		put_ret(setsockopt(own[i].dir == XFRM_POLICY_OUT ? from : fd,
				   SOL_IP, IP_XFRM_POLICY, NULL, 0));
		put_sends(from, fd, 0);
		if (own[i].mode >= 0) {
			run_here("ip xfrm state flush");
			run_there("ip xfrm state flush");
		}
		close(fd);
		close(from);
		line("policy of a socket: %s", own[i].what);
	}
}

FIXTURE_VARIANT_ADD(compare, socket_policy) {
	.run = socket_policy,
};

/* It is gone with its socket, while the socket's namespace stays. */
static void socket_policy_ends(void)
{
	int fd, i;

	hosts();
	for (i = 0; i < 3; i++) {
		fd = holder(HERE, PEER_PORT);
		put_policy(fd, XFRM_POLICY_OUT, XFRM_POLICY_BLOCK, -1);
		put_policy(fd, XFRM_POLICY_OUT, XFRM_POLICY_BLOCK, -1);
		put_policy(fd, XFRM_POLICY_IN, XFRM_POLICY_BLOCK, -1);
		put_ret(send_at(fd, TEXT, 1, THERE, PORT));
		close(fd);
		fd = holder(HERE, PEER_PORT);
		put_ret(send_at(fd, TEXT, 1, THERE, PORT));
		close(fd);
	}
	line("policies of closed sockets");
}

FIXTURE_VARIANT_ADD(compare, socket_policy_ends) {
	.run = socket_policy_ends,
};

TEST_HARNESS_MAIN
