// SPDX-License-Identifier: GPL-2.0
/* Where a datagram goes, and from which address. */
#include <linux/security.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "ttp.h"

/* The outgoing device asked for, 0 for none: SO_BINDTODEVICE, else IP_UNICAST_IF
 * or IP_MULTICAST_IF, which also count inside a VRF. The source address asked
 * for comes with it.
 */
static int ttp_oif(const struct sock *sk, __be32 daddr, __be32 *saddr)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);
	int oif = READ_ONCE(sk->sk_bound_dev_if);
	int uc_index = READ_ONCE(inet->uc_index);

	*saddr = inet->inet_saddr;

	if (ipv4_is_multicast(daddr)) {
		if (!*saddr)
			*saddr = READ_ONCE(inet->mc_addr);
		if (!oif || netif_index_is_l3_master(net, oif))
			return READ_ONCE(inet->mc_index);
	} else if (!oif) {
		return uc_index;
	} else if (ipv4_is_lbcast(daddr) && uc_index && oif != uc_index &&
		   oif == l3mdev_master_ifindex_by_index(net, uc_index)) {
		return uc_index;
	}
	return oif;
}

static void ttp_make_key(struct sock *sk, const struct flowi4 *fl4, u8 scope,
			 union ttp_route_key *key)
{
	key->daddr = fl4->daddr;
	key->dport = fl4->fl4_dport;
	key->sport = fl4->fl4_sport;
	key->oif = ttp_oif(sk, fl4->daddr, &key->saddr);
	key->mark = READ_ONCE(sk->sk_mark);
	key->uid = sk_uid(sk);
	key->tos = ip_sock_rt_tos(sk);
	key->scope = scope;
	key->flags = inet_sk_flowi_flags(sk);
	key->zero = 0;
}

static bool ttp_same_route(const union ttp_route_key *a,
			   const union ttp_route_key *b)
{
	BUILD_BUG_ON(sizeof(*a) != sizeof(a->word));
	return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) |
		 (a->word[2] ^ b->word[2]) | (a->word[3] ^ b->word[3]));
}

/* The route that this flow took last time, with a reference, if it still is
 * one: the test is sk_dst_check()'s, which a connected socket's route passes.
 */
static struct rtable *ttp_recall(struct ttp_route_memo *memo,
				 const union ttp_route_key *key, __be32 *saddr)
{
	struct dst_entry *dst = NULL;
	unsigned int seq;

	rcu_read_lock();
	seq = read_seqbegin(&memo->lock);
	if (ttp_same_route(&memo->key, key)) {
		*saddr = memo->saddr;
		dst = READ_ONCE(memo->dst);
		if (dst && !dst_hold_safe(dst))
			dst = NULL;
	}
	if (read_seqretry(&memo->lock, seq) && dst) {
		dst_release(dst);
		dst = NULL;
	}
	rcu_read_unlock();

	if (dst && READ_ONCE(dst->obsolete) &&
	    !INDIRECT_CALL_1(dst->ops->check, ipv4_dst_check, dst, 0)) {
		dst_release(dst);
		dst = NULL;
	}
	return dst ? dst_rtable(dst) : NULL;
}

/* Worth the trouble only for a flow that comes twice in a row; who sends here
 * and there, or from many threads, shall not pay for it.
 */
static void ttp_remember(struct ttp_route_memo *memo,
			 const union ttp_route_key *key,
			 const struct flowi4 *fl4, struct rtable *rt)
{
	u32 flow = (__force u32)key->daddr ^ (__force u32)key->dport;
	struct dst_entry *old;

	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST))
		return;
	if (READ_ONCE(memo->missed) != flow) {
		WRITE_ONCE(memo->missed, flow);
		return;
	}
	if (!spin_trylock(&memo->lock.lock))
		return;
	write_seqcount_begin(&memo->lock.seqcount);
	old = memo->dst;
	memo->key = *key;
	memo->saddr = fl4->saddr;
	WRITE_ONCE(memo->dst, dst_clone(&rt->dst));
	write_seqcount_end(&memo->lock.seqcount);
	spin_unlock(&memo->lock.lock);
	dst_release(old);
}

/**
 * ttp_forget_route() - give back the remembered route
 * @sk: socket that nobody sends on any more
 */
void ttp_forget_route(struct sock *sk)
{
	dst_release(ttp_sk(sk)->memo.dst);
}

/* The routing tables' word, after security and IPsec had theirs */
static struct rtable *ttp_find_route(struct ttp_net *tn, struct sock *sk,
				     const union ttp_route_key *key,
				     struct flowi4 *fl4)
{
	struct net *net = sock_net(sk);
	struct rtable *rt;

	flowi4_init_output(fl4, key->oif, key->mark, key->tos, key->scope,
			   IPPROTO_TTP, key->flags, key->daddr, key->saddr,
			   key->dport, key->sport, key->uid);
	security_sk_classify_flow(sk, flowi4_to_flowi_common(fl4));
	rt = ip_route_output_flow(net, fl4, sk);
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(net, IPSTATS_MIB_OUTNOROUTES);
		TTP_INC_STATS(tn, OUTNOROUTES);
		return rt;
	}

	if (rt->rt_flags & RTCF_BROADCAST && !sock_flag(sk, SOCK_BROADCAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-EACCES);
	}
	return rt;
}

/**
 * ttp_route() - the route of a datagram
 * @tn: the namespace's state
 * @sk: sending socket
 * @msg: without an address it goes to the socket's peer, whose route is kept;
 *	of the flags MSG_DONTROUTE counts
 * @fl4: destination address and both ports in; source and destination address
 *	of the packet out
 *
 * Mirrors the middle of udp_sendmsg(), but remembers an unconnected socket's
 * last route, too. Ports are part of the flow: `ip rule ipproto 253 dport N`
 * sees them.
 *
 * Context: process context, no locks needed.
 * Return: route with a reference, or ERR_PTR: -EACCES for a broadcast that
 * SO_BROADCAST does not allow, or what the routing tables say.
 */
struct rtable *ttp_route(struct ttp_net *tn, struct sock *sk,
			 const struct msghdr *msg, struct flowi4 *fl4)
{
	struct ttp_route_memo *memo = &ttp_sk(sk)->memo;
	u8 scope = msg->msg_flags & MSG_DONTROUTE ? RT_SCOPE_LINK :
						    ip_sock_rt_scope(sk);
	bool connected = !msg->msg_name && scope != RT_SCOPE_LINK &&
			 !ipv4_is_multicast(fl4->daddr);
	union ttp_route_key key;
	struct rtable *rt;

	if (connected) {
		rt = dst_rtable(sk_dst_check(sk, 0));
		if (rt) {
			fl4->saddr = inet_sk(sk)->inet_saddr;
			return rt;
		}
	}

	ttp_make_key(sk, fl4, scope, &key);
	if (!connected) {
		rt = ttp_recall(memo, &key, &fl4->saddr);
		if (rt)
			return rt;
	}

	rt = ttp_find_route(tn, sk, &key, fl4);
	if (IS_ERR(rt))
		return rt;
	if (connected)
		sk_dst_set(sk, dst_clone(&rt->dst));
	else
		ttp_remember(memo, &key, fl4, rt);
	return rt;
}
