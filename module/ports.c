// SPDX-License-Identifier: GPL-2.0
/*
 * Who owns which port. Each network namespace has a list of sockets for each
 * port, in pages of 256 lists that are made when the first of their ports is
 * taken: finding a list costs two loads, however many sockets there are. An
 * entry stays where it is from bind to close, whatever connect() does to the
 * addresses meanwhile, so a look-up never misses a socket that is there.
 */
#include <net/ip.h>
#include <net/udp.h>

#include "lookup.h"

void ttp_ports_init(struct ttp_net *tn)
{
	spin_lock_init(&tn->lock);
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
	WRITE_ONCE(inet_sk(sk)->inet_num, 0);
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

/* With more connected sockets on a port than these its index is asked first. */
#define TTP_CROWD	4

/**
 * ttp_best_owner() - of many sockets on a port the one that a datagram is for
 * @tn: the namespace's state
 * @port: its local port
 * @flow: the datagram's
 * @skb: the datagram, data at the TTP header, or NULL
 *
 * Of equals the latest bound wins, as with UDP; if that one is in a group, the
 * member that the group chooses.
 *
 * Context: RCU read side; the socket is good until its end.
 * Return: socket without a reference, or NULL.
 */
struct sock *ttp_best_owner(struct ttp_net *tn, struct ttp_port *port,
			    struct ttp_flow flow, struct sk_buff *skb)
{
	u16 num = ntohs(flow.lport);
	struct hlist_nulls_node *node;
	struct ttp_sock *tsk;
	struct sock *best;
	int best_score;

	if (READ_ONCE(port->connected) > TTP_CROWD) {
		best = ttp_peer_owner(tn, &flow);
		if (best)
			return best;
	}
again:
	best = NULL;
	best_score = 0;
	ttp_for_each_owner(tsk, node, port) {
		struct sock *sk = &tsk->inet.sk;
		int score;

		if (READ_ONCE(tsk->inet.inet_num) != num ||
		    !ttp_match(sk, &flow))
			continue;
		score = ttp_score(sk);
		if (score > best_score) {
			best_score = score;
			best = sk;
		}
	}
	if (unlikely(get_nulls_value(node) != num))
		goto again;
	if (best && rcu_access_pointer(best->sk_reuseport_cb) &&
	    best->sk_state != TCP_ESTABLISHED)
		return ttp_reuse_pick(best, &flow, skb);
	return best;
}
