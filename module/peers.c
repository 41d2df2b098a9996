// SPDX-License-Identifier: GPL-2.0
/*
 * Connected sockets by both ends of their conversation: how a port that many
 * sockets share, each connected to a peer of its own, finds the right one. The
 * table is an index and no more. A socket is entered after connect() and taken
 * out before it disconnects; whoever is not found here is found by a walk along
 * the port's sockets (ports.c).
 */
#include <linux/rhashtable.h>
#include <net/ip.h>
#include <net/udp.h>

#include "lookup.h"
#include "policy.h"

static int ttp_peer_cmp(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct ttp_peer *a = &((const struct ttp_sock *)obj)->peer;
	const struct ttp_peer *b = arg->key;

	return !(a->laddr == b->laddr && a->raddr == b->raddr &&
		 a->lport == b->lport && a->rport == b->rport);
}

static const struct rhashtable_params ttp_peer_params = {
	.key_len = sizeof_field(struct ttp_sock, peer),
	.key_offset = offsetof(struct ttp_sock, peer),
	.head_offset = offsetof(struct ttp_sock, peer_node),
	.obj_cmpfn = ttp_peer_cmp,
	.automatic_shrinking = true,
};

int ttp_peers_init(struct ttp_net *tn)
{
	return rhltable_init(&tn->peers, &ttp_peer_params);
}

void ttp_peers_exit(struct ttp_net *tn)
{
	rhltable_destroy(&tn->peers);
}

static void ttp_count_connected(struct ttp_sock *tsk, int more)
{
	struct ttp_net *tn = tsk->tn;
	struct ttp_port *port;

	spin_lock_bh(&tn->lock);
	port = ttp_port(tn, ntohs(tsk->peer.lport));
	WRITE_ONCE(port->connected, port->connected + more);
	spin_unlock_bh(&tn->lock);
}

/**
 * ttp_peer_del() - take a socket out of the index
 * @sk: socket, in the index or not
 *
 * Context: process context, socket lock held or last reference.
 */
void ttp_peer_del(struct sock *sk)
{
	struct ttp_sock *tsk = ttp_sk(sk);

	if (!tsk->peer.raddr)
		return;
	rhltable_remove(&tsk->tn->peers, &tsk->peer_node, ttp_peer_params);
	ttp_count_connected(tsk, -1);
	tsk->peer.raddr = 0;
}

/* Enters a socket by both of its ends, unless it is there already. No memory for
 * an index is no reason not to connect: a walk does it, too.
 */
static void ttp_peer_add(struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct ttp_sock *tsk = ttp_sk(sk);
	const struct ttp_peer peer = {
		.laddr = inet->inet_rcv_saddr,
		.raddr = inet->inet_daddr,
		.lport = inet->inet_sport,
		.rport = inet->inet_dport,
	};

	if (!memcmp(&tsk->peer, &peer, sizeof(peer)))
		return;
	if (TTP_PEERS_FIRST && !tsk->peer.raddr) {
		spin_lock_bh(&tsk->tn->lock);
		ttp_reuse_leave(sk);
		spin_unlock_bh(&tsk->tn->lock);
	}
	ttp_peer_del(sk);
	tsk->peer = peer;
	if (rhltable_insert(&tsk->tn->peers, &tsk->peer_node, ttp_peer_params))
		tsk->peer.raddr = 0;
	else
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
	const struct ttp_peer peer = {
		.laddr = flow->laddr,
		.raddr = flow->raddr,
		.lport = flow->lport,
		.rport = flow->rport,
	};
	struct rhlist_head *pos, *list;
	struct ttp_sock *tsk;

	list = rhltable_lookup(&tn->peers, &peer, ttp_peer_params);
	if (!TTP_PEERS_FIRST && list && rcu_access_pointer(list->next))
		return NULL;
	rhl_for_each_entry_rcu(tsk, pos, list, peer_node)
		if (ttp_match(&tsk->inet.sk, flow))
			return &tsk->inet.sk;
	return NULL;
}
