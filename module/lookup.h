/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whose is a datagram? How the table of ports.c is read. Inline, since each
 * datagram that comes in asks.
 */
#ifndef _TTP_LOOKUP_H
#define _TTP_LOOKUP_H

#include <linux/jhash.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/udp.h>

#include "ttp.h"
#include "wire.h"

/**
 * struct ttp_flow - where a datagram comes from and goes to, seen from here
 * @laddr: local address
 * @raddr: remote address
 * @lport: local port
 * @rport: remote port
 * @dif: index of the device it came in on; of the one that has the address if
 *	it never left the host
 * @sdif: index of that device's VRF, or 0
 */
struct ttp_flow {
	__be32 laddr;
	__be32 raddr;
	__be16 lport;
	__be16 rport;
	int dif;
	int sdif;
};

/* The flow of a packet that came in */
static inline struct ttp_flow ttp_flow_in(struct sk_buff *skb)
{
	return (struct ttp_flow) {
		.laddr = ip_hdr(skb)->daddr,
		.raddr = ip_hdr(skb)->saddr,
		.lport = ttp_hdr(skb)->dest,
		.rport = ttp_hdr(skb)->source,
		.dif = inet_iif(skb),
		.sdif = inet_sdif(skb),
	};
}

/* @node tells where the walk ended. */
#define ttp_for_each_owner(tsk, node, port) \
	hlist_nulls_for_each_entry_rcu(tsk, node, &(port)->owners, port_node)

/**
 * ttp_port() - a port and who holds it
 * @tn: the namespace's state
 * @num: its number
 *
 * Context: RCU read side, for as long as the port is looked at.
 * Return: the port; NULL if neither it nor its neighbours have a holder.
 */
static inline struct ttp_port *ttp_port(const struct ttp_net *tn, u16 num)
{
	struct ttp_port *ports;

	ports = rcu_dereference(tn->pages->ports[num / TTP_PORTS_A_PAGE]);
	return ports ? ports + num % TTP_PORTS_A_PAGE : NULL;
}

/**
 * ttp_held_port() - a port that is held by a socket or by ttp_hold_port()
 * @tn: the namespace's state
 * @num: its number
 *
 * Context: for as long as it is held.
 * Return: the port.
 */
static inline struct ttp_port *ttp_held_port(const struct ttp_net *tn, u16 num)
{
	const struct ttp_port_pages *pages = tn->pages;
	int nr = num / TTP_PORTS_A_PAGE;

	return rcu_dereference_protected(pages->ports[nr],
					 refcount_read(&pages->users[nr]) > 1) +
	       num % TTP_PORTS_A_PAGE;
}

/**
 * ttp_hold_port() - a port, and that its memory stays
 * @tn: the namespace's state
 * @num: its number
 *
 * Context: process context, may sleep.
 * Return: the port, to be given back by ttp_release_port(); NULL: no memory.
 */
static inline struct ttp_port *ttp_hold_port(struct ttp_net *tn, u16 num)
{
	struct ttp_port_pages *pages = tn->pages;
	int nr = num / TTP_PORTS_A_PAGE;

	if (unlikely(!refcount_inc_not_zero(&pages->users[nr])) &&
	    ttp_make_page(tn, num))
		return NULL;
	smp_mb__after_atomic();	/* see ttp_make_page() */
	return rcu_dereference_protected(pages->ports[nr], true) +
	       num % TTP_PORTS_A_PAGE;
}

/* The slot where those are that were entered by @addr; NULL: they are in @asked. */
static inline struct ttp_slot *ttp_addr_slot(const struct ttp_net *tn,
					     const struct ttp_port *port,
					     __be32 addr, u16 num)
{
	if (!addr || likely(!READ_ONCE(port->hashed)))
		return NULL;
	return ttp_slot(&ttp_addr_table,
			jhash_2words((__force u32)addr, num, tn->salt));
}

/**
 * ttp_asked() - where the sockets of a port are that were entered by an address
 * @tn: the namespace's state
 * @port: the port
 * @addr: address, 0 for any
 * @num: the port's number
 *
 * Others may be there as well: see ttp_is_asked().
 *
 * Context: RCU read side.
 * Return: the list.
 */
static inline struct hlist_nulls_head *ttp_asked(const struct ttp_net *tn,
						 struct ttp_port *port,
						 __be32 addr, u16 num)
{
	struct ttp_slot *slot = ttp_addr_slot(tn, port, addr, num);

	return slot ? &slot->chain : &port->asked;
}

/* Is a socket that ttp_asked() leads to one of that port and that address? */
static inline bool ttp_is_asked(const struct sock *sk, const struct ttp_net *tn,
				__be32 addr, u16 num)
{
	return READ_ONCE(ttp_sk(sk)->asked_addr) == addr &&
	       READ_ONCE(inet_sk(sk)->inet_num) == num && ttp_sk(sk)->tn == tn;
}

/**
 * ttp_match() - does a socket want a datagram?
 * @sk: owner of the flow's local port, or a raw socket
 * @flow: the datagram's
 *
 * Context: RCU read side. A connect() may be half done: an address or port
 * that is still zero matches all.
 */
static inline bool ttp_match(const struct sock *sk, const struct ttp_flow *flow)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be32 laddr = READ_ONCE(inet->inet_rcv_saddr);
	__be32 raddr = READ_ONCE(inet->inet_daddr);
	__be16 rport = READ_ONCE(inet->inet_dport);
	int dev = READ_ONCE(sk->sk_bound_dev_if);

	if ((laddr && laddr != flow->laddr) ||
	    (raddr && raddr != flow->raddr) ||
	    (rport && rport != flow->rport))
		return false;
	/* UDP's sysctl for VRFs, udp_l3mdev_accept, serves TTP too. */
	return likely(!(dev | flow->sdif)) ||
	       udp_sk_bound_dev_eq(sock_net(sk), dev, flow->dif, flow->sdif);
}

/* How well a datagram fits a socket that shares its port; 0: not at all. The
 * weights are those of UDP's compute_score().
 */
static inline int ttp_score(const struct sock *sk, const struct ttp_flow *flow)
{
	const struct inet_sock *inet = inet_sk(sk);

	if (!ttp_match(sk, flow))
		return 0;
	return 1 + (READ_ONCE(inet->inet_daddr) ? 4 : 0) +
	       (READ_ONCE(inet->inet_dport) ? 4 : 0) +
	       (READ_ONCE(sk->sk_bound_dev_if) ? 4 : 0) +
	       (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id());
}

/* By value: then callers can keep theirs in registers. */
struct sock *ttp_best_owner(struct ttp_net *tn, struct ttp_port *port,
			    struct ttp_flow flow, struct sk_buff *skb);
struct sock *ttp_peer_owner(struct ttp_net *tn, const struct ttp_flow *flow);

/**
 * ttp_lookup() - the socket that a datagram is for
 * @tn: the namespace's state
 * @flow: the datagram's
 * @skb: the datagram, data at the TTP header, for a group's program to look at;
 *	NULL: one that it did not come to
 *
 * Context: RCU read side; the socket is good until its end.
 * Return: socket without a reference, or NULL.
 */
static inline struct sock *ttp_lookup(struct ttp_net *tn,
				      const struct ttp_flow *flow,
				      struct sk_buff *skb)
{
	struct ttp_port *port = ttp_port(tn, ntohs(flow->lport));
	struct hlist_nulls_node *node;
	struct ttp_sock *tsk;

	if (!port)
		return NULL;

	/* Most ports have one owner, and then there is nothing to weigh. */
	node = rcu_dereference_raw(hlist_nulls_first_rcu(&port->owners));
	if (is_a_nulls(node))
		return NULL;
	tsk = hlist_nulls_entry(node, struct ttp_sock, port_node);
	node = rcu_dereference_raw(hlist_nulls_next_rcu(node));
	if (unlikely(!is_a_nulls(node) ||
		     get_nulls_value(node) != ntohs(flow->lport)))
		return ttp_best_owner(tn, port, *flow, skb);
	return ttp_match(&tsk->inet.sk, flow) ? &tsk->inet.sk : NULL;
}

#endif /* _TTP_LOOKUP_H */
