// SPDX-License-Identifier: GPL-2.0
/*
 * Who owns which port. One table a network namespace, keyed by the local port
 * alone: an entry stays where it is from bind to close, whatever connect()
 * does to the addresses meanwhile, so a look-up never misses a socket that is
 * there. It grows and shrinks with the number of sockets.
 */
#include <linux/rhashtable.h>
#include <net/ip.h>
#include <net/udp.h>

#include "ttp.h"

static const struct rhashtable_params ttp_port_params = {
	.key_len = sizeof_field(struct ttp_sock, port),
	.key_offset = offsetof(struct ttp_sock, port),
	.head_offset = offsetof(struct ttp_sock, port_node),
	.automatic_shrinking = true,
};

int ttp_ports_init(struct ttp_net *tn)
{
	spin_lock_init(&tn->lock);
	return rhltable_init(&tn->ports, &ttp_port_params);
}

void ttp_ports_exit(struct ttp_net *tn)
{
	rhltable_destroy(&tn->ports);
}

/**
 * ttp_port_owners() - the sockets that hold a port
 * @tn: the namespace's state
 * @port: local port
 *
 * Context: RCU read side for as long as the list is used.
 * Return: list for rhl_for_each_entry_rcu(), the latest bound first; or NULL.
 */
struct rhlist_head *ttp_port_owners(struct ttp_net *tn, __be16 port)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "ports read outside RCU");
	return rhltable_lookup(&tn->ports, &port, ttp_port_params);
}

/* May two sockets not hold one port? The rule is UDP's, inet_rcv_saddr_equal()
 * with wildcards matching; a row for each case in selftests/bind.c.
 */
static bool ttp_bind_conflict(const struct sock *sk, const struct sock *other)
{
	__be32 addr = inet_sk(sk)->inet_rcv_saddr;
	__be32 other_addr = inet_sk(other)->inet_rcv_saddr;
	int dev = READ_ONCE(sk->sk_bound_dev_if);
	int other_dev = READ_ONCE(other->sk_bound_dev_if);

	if (sk->sk_reuse && other->sk_reuse)
		return false;
	if (dev && other_dev && dev != other_dev)
		return false;
	return !addr || !other_addr || addr == other_addr;
}

static bool ttp_port_is_free(struct ttp_net *tn, const struct sock *sk,
			     __be16 port)
	__must_hold(&tn->lock)
{
	struct rhlist_head *pos, *list;
	struct ttp_sock *other;
	bool is_free = true;

	lockdep_assert_held(&tn->lock);

	rcu_read_lock();
	list = ttp_port_owners(tn, port);
	rhl_for_each_entry_rcu(other, pos, list, port_node) {
		if (ttp_bind_conflict(sk, &other->inet.sk)) {
			is_free = false;
			break;
		}
	}
	rcu_read_unlock();
	return is_free;
}

static int ttp_claim_port(struct sock *sk, unsigned short port)
{
	struct ttp_net *tn = ttp_pernet(sock_net(sk));
	struct ttp_sock *tsk = ttp_sk(sk);
	int err = -EADDRINUSE;

	spin_lock_bh(&tn->lock);
	if (ttp_port_is_free(tn, sk, htons(port))) {
		tsk->port = htons(port);
		err = rhltable_insert(&tn->ports, &tsk->port_node,
				      ttp_port_params);
	}
	if (!err)
		inet_sk(sk)->inet_num = port;
	spin_unlock_bh(&tn->lock);
	return err;
}

/**
 * ttp_get_port() - give a socket a local port
 * @sk: socket without a port, its address and device already set
 * @snum: the port, or 0 for any free one of the local port range
 *
 * Mirrors udp_v4_get_port(): struct proto's get_port.
 *
 * Context: process context, socket lock held.
 * Return: 0, -EADDRINUSE, or -ENOMEM.
 */
int ttp_get_port(struct sock *sk, unsigned short snum)
{
	struct net *net = sock_net(sk);
	int low, high, count, start, i;
	int err;

	sock_owned_by_me(sk);

	if (snum)
		return ttp_claim_port(sk, snum);

	inet_sk_get_local_port_range(sk, &low, &high);
	count = high - low + 1;
	/* Not to be guessed from outside: RFC 6056, 3.3.1 */
	start = reciprocal_scale(get_random_u32(), count);
	for (i = 0; i < count; i++) {
		snum = low + (start + i) % count;
		if (inet_is_local_reserved_port(net, snum))
			continue;
		err = ttp_claim_port(sk, snum);
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	return -EADDRINUSE;
}

/**
 * ttp_put_port() - take the port back
 * @sk: socket, with or without a port
 *
 * Readers may still see @sk until a grace period has passed; SOCK_RCU_FREE
 * keeps it for so long. Mirrors udp_lib_unhash(): struct proto's unhash.
 *
 * Context: process context, socket lock held or last reference.
 */
void ttp_put_port(struct sock *sk)
{
	struct ttp_net *tn = ttp_pernet(sock_net(sk));

	if (!inet_sk(sk)->inet_num)
		return;

	spin_lock_bh(&tn->lock);
	rhltable_remove(&tn->ports, &ttp_sk(sk)->port_node, ttp_port_params);
	inet_sk(sk)->inet_num = 0;
	spin_unlock_bh(&tn->lock);
}

/**
 * ttp_autobind() - the local port of a socket, which gets one if it has none
 * @sk: socket
 *
 * Mirrors inet_autobind(), which is not exported. It looks at inet_sport, the
 * last thing that bind() sets, and hands out what it saw: a datagram of a
 * thread that races with bind() or disconnect never leaves with port 0.
 *
 * Context: process context, may sleep.
 * Return: port, or 0 if none is free.
 */
__be16 ttp_autobind(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	__be16 sport = READ_ONCE(inet->inet_sport);

	if (likely(sport))
		return sport;

	lock_sock(sk);
	if (!inet->inet_num)
		ttp_get_port(sk, 0);
	sport = htons(inet->inet_num);
	WRITE_ONCE(inet->inet_sport, sport);
	release_sock(sk);
	return sport;
}

/**
 * ttp_match() - does a socket want a datagram, and how much?
 * @sk: owner of the flow's local port
 * @flow: the datagram's
 *
 * The local address weighs most, then peer and device: the order that UDP's
 * tables and compute_score() give.
 *
 * Context: RCU read side. A connect() may be half done: an address or port
 * that is still zero matches all.
 * Return: 0 for no, else the more the better.
 */
int ttp_match(const struct sock *sk, const struct ttp_flow *flow)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be32 laddr = READ_ONCE(inet->inet_rcv_saddr);
	__be32 raddr = READ_ONCE(inet->inet_daddr);
	__be16 rport = READ_ONCE(inet->inet_dport);
	int dev = READ_ONCE(sk->sk_bound_dev_if);

	if (laddr && laddr != flow->laddr)
		return 0;
	if (raddr && raddr != flow->raddr)
		return 0;
	if (rport && rport != flow->rport)
		return 0;
	/* UDP's sysctl for VRFs, udp_l3mdev_accept, serves TTP too. */
	if (!udp_sk_bound_dev_eq(sock_net(sk), dev, flow->dif, flow->sdif))
		return 0;

	return 2 + (laddr ? 16 : 0) + (raddr ? 4 : 0) + (rport ? 4 : 0) +
	       (dev ? 4 : 0) +
	       (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id());
}

/**
 * ttp_lookup() - the socket that a datagram is for
 * @tn: the namespace's state
 * @flow: the datagram's
 *
 * Of equals the latest bound wins, as with UDP.
 *
 * Context: RCU read side; the socket is good until its end.
 * Return: socket without a reference, or NULL.
 */
struct sock *ttp_lookup(struct ttp_net *tn, const struct ttp_flow *flow)
{
	struct rhlist_head *pos, *list;
	struct sock *best = NULL;
	struct ttp_sock *tsk;
	int best_score = 0;

	list = ttp_port_owners(tn, flow->lport);
	rhl_for_each_entry_rcu(tsk, pos, list, port_node) {
		int score = ttp_match(&tsk->inet.sk, flow);

		if (score > best_score) {
			best_score = score;
			best = &tsk->inet.sk;
		}
	}
	return best;
}
