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

/* The route that a connected socket keeps: mark or user may have chosen another
 * than the packet alone tells. The socket then takes the new one, here or as
 * soon as its owner lets go. Mirrors ipv4_sk_update_pmtu(), which 7.2 does not
 * export.
 *
 * A route that is no longer valid must not learn anything. If its device is
 * gone, dst->dev is blackhole_netdev, which belongs to the initial network
 * namespace, and the MTU would be stored there.
 */
static void ttp_update_pmtu(struct sock *sk, u32 mtu)
{
	struct dst_entry *dst;

	if (!ip_sk_accept_pmtu(sk))
		return;

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		ip4_datagram_release_cb(sk);
	dst = sk_dst_check(sk, 0);
	if (dst) {
		dst->ops->update_pmtu(dst, sk, NULL, mtu, true);
		dst_release(dst);
	}
	if (!sock_owned_by_user(sk))
		ip4_datagram_release_cb(sk);
	bh_unlock_sock(sk);
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

	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED) {
		ipv4_update_pmtu(skb, net, info, sk->sk_bound_dev_if,
				 IPPROTO_TTP);
		ttp_update_pmtu(sk, info);
	} else if (type == ICMP_REDIRECT) {
		ipv4_redirect(skb, net, sk->sk_bound_dev_if, IPPROTO_TTP);
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
