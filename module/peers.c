// SPDX-License-Identifier: GPL-2.0
/*
 * Connected sockets by both ends of their conversation: how a port that many
 * sockets share, each connected to a peer of its own, finds the right one. The
 * table is an index and no more. A socket is entered after connect() and taken
 * out before it disconnects; one that is not found here is found among the
 * port's sockets (ports.c).
 */
#include <linux/jhash.h>
#include <net/ip.h>
#include <net/udp.h>

#include "lookup.h"
#include "policy.h"

struct ttp_table ttp_peer_table;

static u32 ttp_peer_hash(const struct ttp_net *tn, __be32 laddr, __be32 raddr,
			 __be16 lport, __be16 rport)
{
	return jhash_3words((__force u32)laddr, (__force u32)raddr,
			    (__force u32)lport << 16 | (__force u32)rport,
			    tn->salt);
}

static void ttp_count_connected(struct ttp_sock *tsk, int more)
{
	struct ttp_port *port = ttp_held_port(tsk->tn, tsk->inet.inet_num);

	spin_lock_bh(&port->lock);
	WRITE_ONCE(port->connected, port->connected + more);
	spin_unlock_bh(&port->lock);
}

/**
 * ttp_peer_del() - take a socket out of the index
 * @sk: socket, in the index or not; if it is, it still has its port
 *
 * Context: process context, socket lock held or last reference.
 */
void ttp_peer_del(struct sock *sk)
{
	struct ttp_sock *tsk = ttp_sk(sk);
	struct ttp_slot *slot = ttp_slot(&ttp_peer_table, tsk->peer_hash);

	if (hlist_nulls_unhashed(&tsk->peer_node))
		return;
	spin_lock_bh(&slot->lock);
	hlist_nulls_del_init_rcu(&tsk->peer_node);
	spin_unlock_bh(&slot->lock);
	ttp_count_connected(tsk, -1);
}

static void ttp_leave_group(struct sock *sk)
{
	struct ttp_port *port = ttp_held_port(ttp_sk(sk)->tn,
					      inet_sk(sk)->inet_num);

	spin_lock_bh(&port->lock);
	ttp_reuse_leave(sk);
	spin_unlock_bh(&port->lock);
}

/* Enters a socket by both of its ends, unless it is there already. */
static void ttp_peer_add(struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct ttp_sock *tsk = ttp_sk(sk);
	u32 hash = ttp_peer_hash(tsk->tn, inet->inet_rcv_saddr,
				 inet->inet_daddr, inet->inet_sport,
				 inet->inet_dport);
	struct ttp_slot *slot = ttp_slot(&ttp_peer_table, hash);

	if (hlist_nulls_unhashed(&tsk->peer_node)) {
		if (TTP_PEERS_FIRST)
			ttp_leave_group(sk);
	} else if (tsk->peer_hash == hash) {
		return;
	}
	ttp_peer_del(sk);
	tsk->peer_hash = hash;
	spin_lock_bh(&slot->lock);
	hlist_nulls_add_head_rcu(&tsk->peer_node, &slot->chain);
	spin_unlock_bh(&slot->lock);
	ttp_count_connected(tsk, 1);
}

/**
 * ttp_connect_peer() - fix the peer: struct proto's connect
 * @sk: socket
 * @uaddr: the peer, as AF_INET
 * @len: length of @uaddr
 *
 * Mirrors ip4_datagram_connect().
 *
 * Context: process context, may sleep.
 * Return: 0 or an errno.
 */
int ttp_connect_peer(struct sock *sk, struct sockaddr_unsized *uaddr, int len)
{
	int err;

	lock_sock(sk);
	err = ttp_policy_connect(sk, (struct sockaddr_in *)uaddr, len);
	if (!err)
		err = __ip4_datagram_connect(sk, uaddr, len);
	/* A connect() that fails leaves the old peer. There is no port if another
	 * thread has just disconnected.
	 */
	if (sk->sk_state == TCP_ESTABLISHED && sk->sk_type != SOCK_RAW &&
	    inet_sk(sk)->inet_sport)
		ttp_peer_add(sk);
	release_sock(sk);
	return err;
}

/**
 * ttp_disconnect() - hear everybody again: struct proto's disconnect
 * @sk: socket
 * @flags: ignored
 *
 * Mirrors udp_disconnect().
 *
 * Context: process context, may sleep.
 * Return: 0.
 */
int ttp_disconnect(struct sock *sk, int flags)
{
	lock_sock(sk);
	ttp_peer_del(sk);
	__udp_disconnect(sk, flags);
	release_sock(sk);
	return 0;
}

/* Are these both ends of a datagram's conversation? All of them count: a slot has
 * sockets of other ports and namespaces, too.
 */
static bool ttp_is_peer(const struct ttp_sock *tsk, const struct ttp_net *tn,
			const struct ttp_flow *flow)
{
	const struct inet_sock *inet = &tsk->inet;

	return READ_ONCE(inet->inet_daddr) == flow->raddr &&
	       READ_ONCE(inet->inet_dport) == flow->rport &&
	       READ_ONCE(inet->inet_rcv_saddr) == flow->laddr &&
	       READ_ONCE(inet->inet_num) == ntohs(flow->lport) &&
	       tsk->tn == tn;
}

/**
 * ttp_peer_owner() - the connected socket that a datagram is for
 * @tn: the namespace's state
 * @flow: the datagram's
 *
 * Mirrors udp4_lib_lookup4(): the latest of several. Where UDP has no such thing
 * it weighs them, so there several are left to the walk.
 *
 * Context: RCU read side; the socket is good until its end.
 * Return: socket without a reference; NULL if there is none, or not yet.
 */
struct sock *ttp_peer_owner(struct ttp_net *tn, const struct ttp_flow *flow)
{
	u32 hash = ttp_peer_hash(tn, flow->laddr, flow->raddr, flow->lport,
				 flow->rport);
	struct ttp_slot *slot = ttp_slot(&ttp_peer_table, hash);
	struct hlist_nulls_node *node;
	struct ttp_sock *tsk, *found;

again:
	found = NULL;
	hlist_nulls_for_each_entry_rcu(tsk, node, &slot->chain, peer_node) {
		if (!ttp_is_peer(tsk, tn, flow))
			continue;
		if (TTP_PEERS_FIRST) {
			if (ttp_match(&tsk->inet.sk, flow))
				return &tsk->inet.sk;
		} else if (found) {
			return NULL;
		}
		found = tsk;
	}
	/* A socket was moved to another chain while it was looked at. */
	if (unlikely(get_nulls_value(node) != slot - ttp_peer_table.slots))
		goto again;
	if (TTP_PEERS_FIRST || !found || !ttp_match(&found->inet.sk, flow))
		return NULL;
	return &found->inet.sk;
}
