// SPDX-License-Identifier: GPL-2.0
/*
 * What IPv4 hands up: check the header, find the socket, or the many that a
 * broadcast is for, queue. A bad packet is counted and dropped, and nobody is
 * told: an answer would only serve those who forge them.
 */
#include <net/ip.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "lookup.h"

/* The first thing wrong with a packet, if any; @item then counts it. The
 * version comes before the checksum, since another version may sum otherwise.
 */
static enum skb_drop_reason ttp_fault(struct sk_buff *skb,
				      enum ttp_mib_item *item)
{
	const struct ttphdr *th;

	*item = TTP_MIB_INSHORT;
	if (!pskb_may_pull(skb, sizeof(*th)))
		return SKB_DROP_REASON_PKT_TOO_SMALL;

	th = ttp_hdr(skb);
	*item = TTP_MIB_INBADVERSION;
	if (th->vertype >> 4 != TTP_VERSION)
		return SKB_DROP_REASON_UNHANDLED_PROTO;

	*item = TTP_MIB_INCSUMERRORS;
	if (ttp_csum_bad(skb))
		return SKB_DROP_REASON_SKB_CSUM;

	*item = TTP_MIB_INBADTYPE;
	if ((th->vertype & 0xf) != TTP_TYPE_DATAGRAM)
		return SKB_DROP_REASON_UNHANDLED_PROTO;

	*item = TTP_MIB_INBADFLAGS;
	if (th->flags)
		return SKB_DROP_REASON_UNHANDLED_PROTO;

	*item = TTP_MIB_INBADPORTS;
	if (!th->source || !th->dest)
		return SKB_DROP_REASON_INVALID_PROTO;

	return SKB_NOT_DROPPED_YET;
}

/* One more socket gets a broadcast or multicast: a clone for the one before. */
static void ttp_deliver_clone(struct ttp_net *tn, struct sock *sk,
			      struct sk_buff *skb)
{
	struct sk_buff *clone = skb_clone(skb, GFP_ATOMIC);

	if (clone) {
		ttp_queue_rcv(tn, sk, clone);
		return;
	}
	sk_drops_inc(sk);
	TTP_INC_STATS(tn, INMEMERRORS);
}

/* A broadcast or multicast is for every socket of the port that matches: those
 * of its address and those of any. The packet itself is for the last. Mirrors
 * __udp4_lib_mcast_deliver().
 */
static void ttp_deliver_all(struct ttp_net *tn, struct sk_buff *skb)
{
	struct ttp_flow flow = ttp_flow_in(skb);
	const __be32 addrs[] = { flow.laddr, 0 };
	u16 num = ntohs(flow.lport);
	struct ttp_port *port = ttp_port(tn, num);
	struct sock *sk, *last = NULL;
	struct hlist_nulls_node *node;
	int i;

	/* One's own copy comes from lo, as everybody's from a device. */
	flow.dif = skb->dev->ifindex;
	for (i = 0; port && i < ARRAY_SIZE(addrs); i++) {
		sk_nulls_for_each_rcu(sk, node,
				      ttp_asked(tn, port, addrs[i], num)) {
			if (!ttp_is_asked(sk, tn, addrs[i], num) ||
			    !ttp_match(sk, &flow) || !ttp_mc_wants(sk, &flow))
				continue;
			if (last)
				ttp_deliver_clone(tn, last, skb);
			last = sk;
		}
	}

	if (last) {
		ttp_queue_rcv(tn, last, skb);
		return;
	}
	TTP_INC_STATS(tn, INIGNOREDMULTI);
	kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
}

static void ttp_no_socket(struct ttp_net *tn, struct sk_buff *skb)
{
	enum skb_drop_reason reason = SKB_DROP_REASON_NO_SOCKET;

	if (xfrm4_policy_check(NULL, XFRM_POLICY_IN, skb)) {
		nf_reset_ct(skb);
		TTP_INC_STATS(tn, INNOPORTS);
		ttp_unreachable(tn, skb);
	} else {
		TTP_INC_STATS(tn, INPOLICYDROPS);
		reason = SKB_DROP_REASON_XFRM_POLICY;
	}
	kfree_skb_reason(skb, reason);
}

/**
 * ttp_rcv() - a packet for IPv4 protocol 253: struct net_protocol's handler
 * @skb: whole (reassembled) packet, data at the TTP header
 *
 * Mirrors __udp4_lib_rcv().
 *
 * Context: softirq, RCU read side.
 * Return: 0; another value would make IPv4 try another protocol.
 */
int ttp_rcv(struct sk_buff *skb)
{
	struct ttp_net *tn = ttp_pernet(dev_net(skb->dev));
	enum skb_drop_reason reason;
	enum ttp_mib_item item;
	struct ttp_flow flow;
	struct sock *sk;

	reason = ttp_fault(skb, &item);
	if (reason) {
		SNMP_INC_STATS(tn->mib, item);
		kfree_skb_reason(skb, reason);
		return 0;
	}

	if (unlikely(!hlist_empty(&tn->raw)))
		ttp_raw_deliver(tn, skb);

	if (skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ttp_deliver_all(tn, skb);
		return 0;
	}

	flow = ttp_flow_in(skb);
	sk = ttp_lookup(tn, &flow, skb);
	if (sk)
		ttp_queue_rcv(tn, sk, skb);
	else
		ttp_no_socket(tn, skb);
	return 0;
}
