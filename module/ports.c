// SPDX-License-Identifier: GPL-2.0
/*
 * Who owns which port. Each network namespace has lists of sockets for each
 * port, in pages of 256 ports that are made when the first of them is taken:
 * finding a list costs two loads, however many sockets there are. In the list of
 * owners an entry stays where it is from bind to close, whatever connect() does
 * to the addresses meanwhile. Where a port has several owners, they are asked in
 * an order of their own, UDP's, whose tables are sorted by address as well.
 */
#include <net/ip.h>
#include <net/sock_reuseport.h>
#include <net/udp.h>

#include "lookup.h"

void ttp_ports_init(struct ttp_net *tn)
{
	spin_lock_init(&tn->lock);
	seqcount_spinlock_init(&tn->moves, &tn->lock);
}

void ttp_ports_exit(struct ttp_net *tn)
{
	int i;

	for (i = 0; i < TTP_PORT_PAGES; i++)
		kfree(rcu_access_pointer(tn->ports[i]));
}

/* The lists end in their port's number, by which a reader knows where it is
 * when a socket under its feet gave its port back and took another.
 */
static int ttp_make_page(struct ttp_net *tn, u16 num)
{
	int nr = num / TTP_PORTS_A_PAGE;
	struct ttp_port *page;
	int i;

	if (likely(rcu_access_pointer(tn->ports[nr])))
		return 0;

	page = kcalloc(TTP_PORTS_A_PAGE, sizeof(*page), GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	for (i = 0; i < TTP_PORTS_A_PAGE; i++)
		INIT_HLIST_NULLS_HEAD(&page[i].owners,
				      nr * TTP_PORTS_A_PAGE + i);

	spin_lock_bh(&tn->lock);
	if (!rcu_access_pointer(tn->ports[nr])) {
		rcu_assign_pointer(tn->ports[nr], page);
		page = NULL;
	}
	spin_unlock_bh(&tn->lock);
	kfree(page);
	return 0;
}

/* Are two sockets in each other's way at a port? The rule is UDP's,
 * inet_rcv_saddr_equal() with wildcards matching; a row for each case in
 * selftests/bind.c.
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

/* The first in the way decides, as with UDP: if @sk may share with that one,
 * whoever else is there did not mind.
 */
static bool ttp_port_is_free(struct ttp_net *tn, const struct sock *sk,
			     const struct ttp_port *port)
	__must_hold(&tn->lock)
{
	struct hlist_nulls_node *node;
	struct ttp_sock *other;

	lockdep_assert_held(&tn->lock);

	ttp_for_each_owner(other, node, port)
		if (ttp_bind_conflict(sk, &other->inet.sk))
			return ttp_reuse_shares(sk, &other->inet.sk);
	return true;
}

/* The last to come is asked first. */
static void ttp_enter_asked(struct sock *sk, struct ttp_port *port)
{
	ttp_sk(sk)->asked_as = !inet_sk(sk)->inet_rcv_saddr;
	hlist_add_head_rcu(&sk->sk_node, &port->asked[ttp_sk(sk)->asked_as]);
}

static int ttp_claim_port(struct sock *sk, u16 num)
{
	struct ttp_net *tn = ttp_sk(sk)->tn;
	int err = ttp_make_page(tn, num);
	struct ttp_port *port;

	if (err)
		return err;

	spin_lock_bh(&tn->lock);
	port = ttp_port(tn, num);
	if (!ttp_port_is_free(tn, sk, port))
		err = -EADDRINUSE;
	else if (sk->sk_reuseport)
		err = ttp_reuse_join(sk, port);
	if (!err) {
		WRITE_ONCE(inet_sk(sk)->inet_num, num);
		hlist_nulls_add_head_rcu(&ttp_sk(sk)->port_node, &port->owners);
		if (sk->sk_reuseport && inet_sk(sk)->inet_rcv_saddr)
			WRITE_ONCE(port->grouped, true);
		write_seqcount_begin(&tn->moves);
		ttp_enter_asked(sk, port);
		write_seqcount_end(&tn->moves);
	}
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
	struct ttp_net *tn = ttp_sk(sk)->tn;

	if (!inet_sk(sk)->inet_num)
		return;

	spin_lock_bh(&tn->lock);
	ttp_reuse_leave(sk);
	hlist_nulls_del_rcu(&ttp_sk(sk)->port_node);
	hlist_del_init_rcu(&sk->sk_node);
	WRITE_ONCE(inet_sk(sk)->inet_num, 0);
	spin_unlock_bh(&tn->lock);
}

/**
 * ttp_rehash() - another local address, or another device: struct proto's rehash
 * @sk: socket, with or without a port
 *
 * Whoever belongs to a group does so by both. Mirrors udp_lib_rehash().
 *
 * Context: process context, socket lock held.
 */
void ttp_rehash(struct sock *sk)
{
	struct ttp_net *tn = ttp_sk(sk)->tn;
	u16 num = inet_sk(sk)->inet_num;

	if (!num)
		return;

	spin_lock_bh(&tn->lock);
	ttp_reuse_leave(sk);
	if (ttp_sk(sk)->asked_as != !inet_sk(sk)->inet_rcv_saddr) {
		write_seqcount_begin(&tn->moves);
		hlist_del_rcu(&sk->sk_node);
		ttp_enter_asked(sk, ttp_port(tn, num));
		write_seqcount_end(&tn->moves);
	}
	spin_unlock_bh(&tn->lock);
}

/**
 * ttp_autobind() - the local port of a socket, which gets one if it has none
 * @sk: socket whose inet_sport was seen to be zero
 *
 * Mirrors inet_autobind(), which is not exported. inet_sport is the last thing
 * that bind() sets, and what this returns is what it saw: a datagram of a
 * thread that races with bind() or disconnect never leaves with port 0.
 *
 * Context: process context, may sleep.
 * Return: port, or 0 if none is free.
 */
__be16 ttp_autobind(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	__be16 sport;

	lock_sock(sk);
	if (!inet->inet_num)
		ttp_get_port(sk, 0);
	sport = htons(inet->inet_num);
	WRITE_ONCE(inet->inet_sport, sport);
	release_sock(sk);
	return sport;
}

/* Of those asked the one that fits best, of equals the first; where that one is
 * in a group, the member that the group chooses. A group without a connected
 * member ends the search, whoever would have fitted better. Mirrors
 * udp4_lib_lookup2().
 */
static struct sock *ttp_best_asked(const struct hlist_head *asked,
				   const struct ttp_flow *flow,
				   struct sk_buff *skb)
{
	struct sock *best = NULL, *sk, *pick;
	int best_score = 0;
	int score;

	sk_for_each_rcu(sk, asked) {
		score = ttp_score(sk, flow);
		if (score <= best_score)
			continue;
		best = sk;
		best_score = score;
		pick = ttp_reuse_pick(sk, flow, skb);
		if (!pick)
			continue;
		best = pick;
		if (!reuseport_has_conns(sk))
			break;
		best_score = max(score, ttp_score(pick, flow));
	}
	return best;
}

static struct sock *ttp_best_of(const struct ttp_port *port,
				const struct ttp_flow *flow,
				struct sk_buff *skb)
{
	return ttp_best_asked(&port->asked[0], flow, skb) ?:
	       ttp_best_asked(&port->asked[1], flow, skb);
}

/* So many connected sockets on a port are as soon asked as looked up. */
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
	seq = read_seqcount_begin(&tn->moves);
	best = ttp_best_of(port, &flow, skb);
	if (unlikely(read_seqcount_retry(&tn->moves, seq))) {
		/* Nobody moves while the lock is held. */
		spin_lock_bh(&tn->lock);
		best = ttp_best_of(port, &flow, skb);
		spin_unlock_bh(&tn->lock);
	}
	return best;
}
