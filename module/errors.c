// SPDX-License-Identifier: GPL-2.0
/* ICMP: what the network says of our datagrams, and what we say of others'. */
#include <net/icmp.h>
#include <net/ip.h>
#include <net/route.h>

#include "lookup.h"

/* The errno of an ICMP error, and whether it is for good. @hard errors alone
 * reach a socket that did not ask for more. 0: nothing for sockets.
 */
static int ttp_icmp_errno(const struct sock *sk, int type, int code, bool *hard)
{
	*hard = false;
	switch (type) {
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
		return 0;
	case ICMP_PARAMETERPROB:
		*hard = true;
		return -EPROTO;
	case ICMP_DEST_UNREACH:
		if (code == ICMP_FRAG_NEEDED) {
			*hard = true;
			return READ_ONCE(inet_sk(sk)->pmtudisc) ==
			       IP_PMTUDISC_DONT ? 0 : -EMSGSIZE;
		}
		if (code > NR_ICMP_UNREACH)
			return -EHOSTUNREACH;
		*hard = icmp_err_convert[code].fatal;
		return -icmp_err_convert[code].errno;
	default:	/* ICMP_TIME_EXCEEDED */
		return -EHOSTUNREACH;
	}
}

/* The route that the routing tables have now for the packet that @quoted is the
 * start of. All but the addresses is the socket's. Mirrors __build_flow_key() in
 * net/ipv4/route.c: as with UDP, the ports are not part of the flow.
 */
static struct rtable *ttp_quoted_route(const struct sock *sk,
				       const struct iphdr *quoted)
{
	struct flowi4 fl4;

	flowi4_init_output(&fl4, READ_ONCE(sk->sk_bound_dev_if),
			   READ_ONCE(sk->sk_mark), ip_sock_rt_tos(sk),
			   ip_sock_rt_scope(sk), IPPROTO_TTP, 0, quoted->daddr,
			   quoted->saddr, 0, 0, sk_uid(sk));
	return __ip_route_output_key(sock_net(sk), &fl4);
}

/* Mirrors ipv4_sk_update_pmtu(), which 7.2 does not export. The route that learns
 * the MTU is always one from the routing tables, not the one that a connected
 * socket holds: if the device of that one is gone, dst->dev is blackhole_netdev,
 * which belongs to the initial network namespace, and the MTU would be stored
 * there. The socket replaces a route that is no longer valid here, or its owner
 * does so when it releases the lock.
 */
static void ttp_update_pmtu(struct sock *sk, struct sk_buff *skb, u32 mtu)
{
	bool marked = READ_ONCE(sk->sk_mark) ||
		      rcu_access_pointer(sk->sk_dst_cache);
	int outer = skb_network_offset(skb);
	struct rtable *rt;

	if (!ip_sk_accept_pmtu(sk))
		return;

	/* Without a mark of its own the flow has the mark of the ICMP packet, if
	 * net.ipv4.fwmark_reflect is on: ipv4_update_pmtu() has done that.
	 */
	if (!marked && IP4_REPLY_MARK(sock_net(sk), skb->mark))
		return;

	rt = ttp_quoted_route(sk, (const struct iphdr *)skb->data);
	if (IS_ERR(rt))
		return;
	/* update_pmtu() takes the addresses from the network header. */
	skb_reset_network_header(skb);
	rt->dst.ops->update_pmtu(&rt->dst, sk, skb, mtu, true);
	skb_set_network_header(skb, outer);
	ip_rt_put(rt);

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		ip4_datagram_release_cb(sk);
	bh_unlock_sock(sk);
}

/* Mirrors ipv4_sk_redirect(), which 7.2 does not export. */
static void ttp_redirect(struct sock *sk, struct sk_buff *skb)
{
	struct rtable *rt;

	rt = ttp_quoted_route(sk, (const struct iphdr *)skb->data);
	if (IS_ERR(rt))
		return;
	rt->dst.ops->redirect(&rt->dst, sk, skb);
	ip_rt_put(rt);
}

/**
 * ttp_err() - an ICMP error quotes one of our datagrams: err_handler
 * @skb: data at the quoted IPv4 header, at least 8 bytes of ours behind it
 * @info: next-hop MTU of a "fragmentation needed"
 *
 * Anybody can send one, so the quote must match a socket before it changes
 * anything, routes included. Mirrors udp_err().
 *
 * Context: softirq, RCU read side.
 * Return: 0, or -ENOENT if no socket sent the like.
 */
int ttp_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const struct ttphdr *th = (const void *)(skb->data + iph->ihl * 4);
	const struct ttp_flow flow = {
		.laddr = iph->saddr,
		.raddr = iph->daddr,
		.lport = th->source,
		.rport = th->dest,
		.dif = skb->dev->ifindex,
		.sdif = inet_sdif(skb),
	};
	int type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code;
	struct net *net = dev_net(skb->dev);
	struct ttp_net *tn = ttp_pernet(net);
	struct sock *sk;
	bool hard;
	int err;

	sk = ttp_lookup(tn, &flow, NULL);
	if (!sk) {
		TTP_INC_STATS(tn, INICMPUNMATCHED);
		__ICMP_INC_STATS(net, ICMP_MIB_INERRORS);
		return -ENOENT;
	}
	TTP_INC_STATS(tn, INICMPERRORS);

	/* The route of the packet as it was, and the route of the socket: UDP
	 * tells both.
	 */
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED) {
		ipv4_update_pmtu(skb, net, info, 0, IPPROTO_TTP);
		ttp_update_pmtu(sk, skb, info);
	} else if (type == ICMP_REDIRECT) {
		ipv4_redirect(skb, net, 0, IPPROTO_TTP);
		ttp_redirect(sk, skb);
	}

	/* RFC 1122, 4.1.3.3: errors go up to the program. */
	err = ttp_icmp_errno(sk, type, code, &hard);
	if (!err)
		return 0;
	if (inet_test_bit(RECVERR, sk))
		ip_icmp_error(sk, skb, -err, th->dest, info, (u8 *)(th + 1));
	else if (!hard || sk->sk_state != TCP_ESTABLISHED)
		return 0;
	WRITE_ONCE(sk->sk_err, -err);
	sk_error_report(sk);
	return 0;
}

/**
 * ttp_unreachable() - tell a sender that nobody has that port
 * @tn: the namespace's state
 * @skb: its datagram, data at the TTP header; stays the caller's
 *
 * IPv4 decides whether it may be sent: never for a broadcast or a fragment,
 * and at a limited rate (icmp_ratelimit, icmp_msgs_per_sec).
 *
 * Context: softirq, RCU read side.
 */
void ttp_unreachable(struct ttp_net *tn, struct sk_buff *skb)
{
	TTP_INC_STATS(tn, OUTUNREACHABLES);
	icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
}
