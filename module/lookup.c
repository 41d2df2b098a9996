// SPDX-License-Identifier: GPL-2.0
/*
 * The look-up of a datagram's socket where its port has several owners: how the
 * lists and tables of ports.c and peers.c are read. For a port with one owner see
 * lookup.h.
 */
#include <net/ip.h>
#include <net/sock_reuseport.h>
#include <net/udp.h>

#include "lookup.h"

/* Of those at an address the one that fits best, of equals the first; where that
 * one is in a group, the member that the group chooses. A group without a
 * connected member ends the search, even if another would have fitted better.
 * Mirrors udp4_lib_lookup2().
 */
static struct sock *ttp_best_asked(const struct ttp_net *tn,
				   const struct hlist_nulls_head *list,
				   unsigned long end, __be32 addr,
				   const struct ttp_flow *flow,
				   struct sk_buff *skb)
{
	struct sock *best, *sk, *pick;
	struct hlist_nulls_node *node;
	int best_score, score;

again:
	best = NULL;
	best_score = 0;
	sk_nulls_for_each_rcu(sk, node, list) {
		if (!ttp_is_asked(sk, tn, addr, ntohs(flow->lport)))
			continue;
		score = ttp_score(sk, flow);
		if (score <= best_score)
			continue;
		best = sk;
		best_score = score;
		pick = sk->sk_reuseport ? ttp_reuse_pick(sk, flow, skb) : NULL;
		if (!pick)
			continue;
		best = pick;
		if (!reuseport_has_conns(sk))
			return best;
		best_score = max(score, ttp_score(pick, flow));
	}
	/* A socket was moved to another list while it was looked at. */
	if (unlikely(get_nulls_value(node) != end))
		goto again;
	return best;
}

static __always_inline struct sock *ttp_best_of(const struct ttp_net *tn,
						struct ttp_port *port,
						const struct ttp_flow *flow,
						struct sk_buff *skb)
{
	const u16 num = ntohs(flow->lport);
	struct ttp_slot *slot = ttp_addr_slot(tn, port, flow->laddr, num);
	struct sock *best;

	if (unlikely(slot))
		best = ttp_best_asked(tn, &slot->chain,
				      slot - ttp_addr_table.slots, flow->laddr,
				      flow, skb);
	else
		best = ttp_best_asked(tn, &port->asked, TTP_MAX_SLOTS + num,
				      flow->laddr, flow, skb);
	return best ?: ttp_best_asked(tn, &port->asked, TTP_MAX_SLOTS + num, 0,
				      flow, skb);
}

/* The same while no socket of the port moves */
static noinline struct sock *ttp_best_locked(const struct ttp_net *tn,
					     struct ttp_port *port,
					     const struct ttp_flow *flow,
					     struct sk_buff *skb)
{
	struct sock *best;

	spin_lock_bh(&port->lock);
	best = ttp_best_of(tn, port, flow, skb);
	spin_unlock_bh(&port->lock);
	return best;
}

/* Up to this number of connected sockets a walk is as fast as a look-up. */
#define TTP_FEW	4

/* Does the index know whose a datagram is? Where UDP asks all alike, a group of
 * one address goes before whoever came earlier, connected or not.
 */
static bool ttp_peers_decide(const struct ttp_port *port)
{
	unsigned int connected = READ_ONCE(port->connected);

	if (TTP_PEERS_FIRST)
		return connected;
	return connected > TTP_FEW && !READ_ONCE(port->grouped);
}

/**
 * ttp_best_owner() - of many sockets on a port the one that a datagram is for
 * @tn: the namespace's state
 * @port: its local port
 * @flow: the datagram's
 * @skb: the datagram, data at the TTP header, or NULL
 *
 * Mirrors __udp4_lib_lookup().
 *
 * Context: softirq or process context; RCU read side; the socket is good until
 * its end.
 * Return: socket without a reference, or NULL.
 */
struct sock *ttp_best_owner(struct ttp_net *tn, struct ttp_port *port,
			    struct ttp_flow flow, struct sk_buff *skb)
{
	struct sock *best;
	unsigned int seq;

	if (ttp_peers_decide(port)) {
		best = ttp_peer_owner(tn, &flow);
		if (best)
			return best;
	}
	seq = read_seqcount_begin(&port->moves);
	best = ttp_best_of(tn, port, &flow, skb);
	if (unlikely(read_seqcount_retry(&port->moves, seq)))
		return ttp_best_locked(tn, port, &flow, skb);
	return best;
}
