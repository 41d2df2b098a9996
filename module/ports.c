// SPDX-License-Identifier: GPL-2.0
/*
 * Who owns which port. Each port of a network namespace has a list of the
 * sockets that hold it: finding the list costs three loads, however many sockets
 * there are. In that list an entry stays where it is from bind to close,
 * whatever connect() does to the addresses meanwhile. Where a port has several
 * owners, they are asked in an order of their own, UDP's, whose tables are
 * sorted by address as well: along a second list of the port or, where that
 * would be long, along a chain of a hash table by address and port.
 */
#include <net/ip.h>

#include "lookup.h"

struct ttp_table ttp_addr_table;

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

typedef bool ttp_fits_t(const struct sock *sk, const struct sock *other);

/* The latest bound owner that fits @sk; of all of them */
static struct sock *ttp_first_owner(const struct sock *sk,
				    const struct ttp_port *port,
				    ttp_fits_t *fits)
	__must_hold(&port->lock)
{
	struct hlist_nulls_node *node;
	struct ttp_sock *other;

	lockdep_assert_held(&port->lock);

	ttp_for_each_owner(other, node, port)
		if (fits(sk, &other->inet.sk))
			return &other->inet.sk;
	return NULL;
}

static struct sock *ttp_first_of(const struct sock *sk,
				 const struct hlist_nulls_head *list, u16 num,
				 __be32 addr, ttp_fits_t *fits)
{
	struct hlist_nulls_node *node;
	struct sock *other;

	sk_nulls_for_each(other, node, list)
		if (ttp_is_asked(other, ttp_sk(sk)->tn, addr, num) &&
		    fits(sk, other))
			return other;
	return NULL;
}

/* The same of those in @slot. Its lock keeps the sockets of other ports in place,
 * the port's lock its own.
 */
static struct sock *ttp_first_hashed(const struct sock *sk,
				     struct ttp_slot *slot, u16 num,
				     ttp_fits_t *fits)
{
	struct sock *other;

	spin_lock(&slot->lock);
	other = ttp_first_of(sk, &slot->chain, num,
			     inet_sk(sk)->inet_rcv_saddr, fits);
	spin_unlock(&slot->lock);
	return other;
}

static bool ttp_may_share(const struct sock *sk, const struct sock *other)
{
	return !other || ttp_reuse_shares(sk, other);
}

/* The first in the way decides, as with UDP: if @sk may share with that one,
 * the others do not matter. Where UDP looks at the chains of @sk's address and
 * of any address, so does this; if @sk is for any address, both look at all.
 */
static noinline bool ttp_port_is_free(const struct sock *sk,
				      struct ttp_port *port,
				      struct ttp_slot *slot, u16 num)
	__must_hold(&port->lock)
{
	if (!slot)
		return ttp_may_share(sk, ttp_first_owner(sk, port,
							 ttp_bind_conflict));
	return ttp_may_share(sk, ttp_first_hashed(sk, slot, num,
						  ttp_bind_conflict)) &&
	       ttp_may_share(sk, ttp_first_of(sk, &port->asked, num, 0,
					      ttp_bind_conflict));
}

static noinline int ttp_join_group(struct sock *sk, struct ttp_port *port,
				   struct ttp_slot *slot, u16 num)
	__must_hold(&port->lock)
{
	struct sock *member;

	if (slot)
		member = ttp_first_hashed(sk, slot, num, ttp_reuse_same);
	else if (port->hashed)
		member = ttp_first_of(sk, &port->asked, num, 0, ttp_reuse_same);
	else
		member = ttp_first_owner(sk, port, ttp_reuse_same);
	return ttp_reuse_join(sk, member);
}

static noinline void ttp_enter_slot(struct sock *sk, struct ttp_slot *slot)
{
	spin_lock(&slot->lock);
	hlist_nulls_add_head_rcu(&sk->sk_nulls_node, &slot->chain);
	spin_unlock(&slot->lock);
}

/* The last to come is asked first. */
static inline void ttp_enter_asked(struct sock *sk, struct ttp_port *port,
				   struct ttp_slot *slot, __be32 addr)
	__must_hold(&port->lock)
{
	WRITE_ONCE(ttp_sk(sk)->asked_addr, addr);
	if (likely(!slot))
		hlist_nulls_add_head_rcu(&sk->sk_nulls_node, &port->asked);
	else
		ttp_enter_slot(sk, slot);
}

static void ttp_leave_asked(struct sock *sk, struct ttp_port *port, u16 num)
	__must_hold(&port->lock)
{
	struct ttp_slot *slot = ttp_addr_slot(ttp_sk(sk)->tn, port,
					      ttp_sk(sk)->asked_addr, num);

	if (!slot) {
		hlist_nulls_del_init_rcu(&sk->sk_nulls_node);
		return;
	}
	spin_lock(&slot->lock);
	hlist_nulls_del_init_rcu(&sk->sk_nulls_node);
	spin_unlock(&slot->lock);
}

/* The owners of a port have become many: those with an address of their own go
 * to the table, the last first, so that their order stays.
 */
static noinline void ttp_hash_port(const struct ttp_net *tn,
				   struct ttp_port *port, u16 num)
	__must_hold(&port->lock)
{
	struct sock *sk, *sks[TTP_FEW_OWNERS];
	struct hlist_nulls_node *node;
	int i, n = 0;
	__be32 addr;

	sk_nulls_for_each(sk, node, &port->asked)
		if (ttp_sk(sk)->asked_addr)
			sks[n++] = sk;
	for (i = 0; i < n; i++)
		ttp_leave_asked(sks[i], port, num);
	WRITE_ONCE(port->hashed, true);
	while (n--) {
		addr = ttp_sk(sks[n])->asked_addr;
		ttp_enter_asked(sks[n], port, ttp_addr_slot(tn, port, addr, num),
				addr);
	}
}

static int ttp_take_port(struct sock *sk, struct ttp_port *port, u16 num)
	__must_hold(&port->lock)
{
	const struct ttp_net *tn = ttp_sk(sk)->tn;
	__be32 addr = inet_sk(sk)->inet_rcv_saddr;
	struct ttp_slot *slot = NULL;
	int err;

	if (!hlist_nulls_empty(&port->owners)) {
		slot = ttp_addr_slot(tn, port, addr, num);
		if (!ttp_port_is_free(sk, port, slot, num))
			return -EADDRINUSE;
	}
	if (sk->sk_reuseport) {
		err = ttp_join_group(sk, port, slot, num);
		if (err)
			return err;
		if (addr)
			WRITE_ONCE(port->grouped, true);
	}

	WRITE_ONCE(inet_sk(sk)->inet_num, num);
	hlist_nulls_add_head_rcu(&ttp_sk(sk)->port_node, &port->owners);
	write_seqcount_begin(&port->moves);
	if (port->count <= TTP_FEW_OWNERS && ++port->count > TTP_FEW_OWNERS) {
		ttp_hash_port(tn, port, num);
		slot = ttp_addr_slot(tn, port, addr, num);
	}
	ttp_enter_asked(sk, port, slot, addr);
	write_seqcount_end(&port->moves);
	return 0;
}

static int ttp_claim_port(struct sock *sk, u16 num)
{
	struct ttp_net *tn = ttp_sk(sk)->tn;
	struct ttp_port *port = ttp_hold_port(tn, num);
	int err;

	if (!port)
		return -ENOMEM;

	spin_lock_bh(&port->lock);
	err = ttp_take_port(sk, port, num);
	spin_unlock_bh(&port->lock);
	if (err)
		ttp_release_port(tn, num);
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
	u16 num = inet_sk(sk)->inet_num;
	struct ttp_port *port;

	if (!num)
		return;

	port = ttp_held_port(tn, num);
	spin_lock_bh(&port->lock);
	ttp_reuse_leave(sk);
	hlist_nulls_del_rcu(&ttp_sk(sk)->port_node);
	ttp_leave_asked(sk, port, num);
	if (!port->hashed)
		port->count--;
	if (hlist_nulls_empty(&port->owners)) {
		port->count = 0;
		WRITE_ONCE(port->hashed, false);
		WRITE_ONCE(port->grouped, false);
	}
	WRITE_ONCE(inet_sk(sk)->inet_num, 0);
	spin_unlock_bh(&port->lock);
	ttp_release_port(tn, num);
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
	const struct ttp_net *tn = ttp_sk(sk)->tn;
	__be32 addr = inet_sk(sk)->inet_rcv_saddr;
	u16 num = inet_sk(sk)->inet_num;
	struct ttp_port *port;

	if (!num)
		return;

	port = ttp_held_port(tn, num);
	spin_lock_bh(&port->lock);
	ttp_reuse_leave(sk);
	if (ttp_sk(sk)->asked_addr != addr) {
		write_seqcount_begin(&port->moves);
		ttp_leave_asked(sk, port, num);
		ttp_enter_asked(sk, port, ttp_addr_slot(tn, port, addr, num),
				addr);
		write_seqcount_end(&port->moves);
	}
	spin_unlock_bh(&port->lock);
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
