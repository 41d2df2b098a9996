// SPDX-License-Identifier: GPL-2.0
/*
 * SO_REUSEPORT: sockets of one user that hold one port as a group, of which
 * each datagram goes to one, chosen by a hash of both ends or by a program. The
 * core keeps the groups; here are who belongs to which, and the hash.
 */
#include <linux/jhash.h>
#include <linux/once.h>
#include <net/netns/hash.h>
#include <net/sock_reuseport.h>

#include "lookup.h"

/**
 * ttp_reuse_shares() - would two sockets be of one group, if of one address?
 * @sk: socket that looks for a port
 * @other: socket that has it
 *
 * Context: the port's lock held.
 */
bool ttp_reuse_shares(const struct sock *sk, const struct sock *other)
{
	return sk->sk_reuseport && other->sk_reuseport &&
	       !rcu_access_pointer(sk->sk_reuseport_cb) &&
	       uid_eq(sk_uid(sk), sk_uid(other));
}

/**
 * ttp_reuse_same() - are two sockets of one port of one group?
 * @sk: socket that is about to hold the port
 * @other: socket that holds it
 *
 * Context: the port's lock held.
 */
bool ttp_reuse_same(const struct sock *sk, const struct sock *other)
{
	return other->sk_reuseport && uid_eq(sk_uid(sk), sk_uid(other)) &&
	       other->sk_bound_dev_if == sk->sk_bound_dev_if &&
	       inet_sk(other)->inet_rcv_saddr == inet_sk(sk)->inet_rcv_saddr;
}

/**
 * ttp_reuse_join() - enter a group, that of another socket or a new one
 * @sk: socket that is about to hold a port
 * @other: socket of its group (see ttp_reuse_same()), or NULL
 *
 * Mirrors udp_reuseport_add_sock(), but for families: both doors make one group.
 *
 * Context: the port's lock held.
 * Return: 0 or -EADDRINUSE, which is what UDP says whatever has failed.
 */
int ttp_reuse_join(struct sock *sk, struct sock *other)
{
	bool any = !inet_sk(sk)->inet_rcv_saddr;
	int err;

	err = other ? reuseport_add_sock(sk, other, any) :
		      reuseport_alloc(sk, any);
	return err ? -EADDRINUSE : 0;
}

/**
 * ttp_reuse_leave() - out of the group, if there is one
 * @sk: socket that gives its port back, or whose address changes
 *
 * Context: the port's lock held.
 */
void ttp_reuse_leave(struct sock *sk)
{
	if (rcu_access_pointer(sk->sk_reuseport_cb))
		reuseport_detach_sock(sk);
}

static u32 ttp_reuse_hash(const struct net *net, const struct ttp_flow *flow)
{
	static u32 secret __read_mostly;

	net_get_random_once(&secret, sizeof(secret));
	return jhash_3words((__force u32)flow->laddr, (__force u32)flow->raddr,
			    (__force u32)flow->lport << 16 |
			    (__force u32)flow->rport,
			    secret + net_hash_mix(net));
}

/**
 * ttp_reuse_pick() - of a group the one that a datagram is for
 * @sk: socket that fits and has SO_REUSEPORT
 * @flow: the datagram's
 * @skb: the datagram, data at the TTP header, for a program to look at; or NULL
 *
 * Mirrors inet_lookup_reuseport(). A program may name a member that is
 * connected to another peer; so be it.
 *
 * Context: RCU read side.
 * Return: the member; NULL if @sk is in no group or connected, or if all of the
 * group are.
 */
struct sock *ttp_reuse_pick(struct sock *sk, const struct ttp_flow *flow,
			    struct sk_buff *skb)
{
	if (!rcu_access_pointer(sk->sk_reuseport_cb) ||
	    sk->sk_state == TCP_ESTABLISHED)
		return NULL;
	return reuseport_select_sock(sk, ttp_reuse_hash(sock_net(sk), flow),
				     skb, sizeof(struct ttphdr));
}

/**
 * ttp_set_reuseport() - SO_REUSEPORT, and TTP_REUSEPORT, which is the same
 * @sk: socket
 * @on: value
 *
 * Context: process context, may sleep.
 */
void ttp_set_reuseport(struct sock *sk, bool on)
{
	lock_sock(sk);
	sk->sk_reuseport = on;
	release_sock(sk);
}
