// SPDX-License-Identifier: GPL-2.0
/* Where a datagram goes, and from which address. */
#include <linux/security.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "policy.h"

/* The device to leave by, of @oif, IP_UNICAST_IF and IP_MULTICAST_IF. The last
 * two count inside a VRF that @oif names, too. Mirrors udp_sendmsg().
 */
static noinline int ttp_special_oif(const struct sock *sk, __be32 daddr,
				    int oif, __be32 *saddr)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);
	int uc_index = READ_ONCE(inet->uc_index);

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

/* The outgoing device asked for, 0 for none. The source address asked for comes
 * with it.
 */
static inline int ttp_oif(const struct sock *sk, __be32 daddr, __be32 *saddr)
{
	int oif = READ_ONCE(sk->sk_bound_dev_if);

	*saddr = inet_sk(sk)->inet_saddr;
	if (unlikely(ipv4_is_multicast(daddr) ||
		     (oif && ipv4_is_lbcast(daddr))))
		return ttp_special_oif(sk, daddr, oif, saddr);
	return oif ?: READ_ONCE(inet_sk(sk)->uc_index);
}

/* What a datagram asks of the routing tables */
static void ttp_make_key(const struct sock *sk, const struct ttp_addrs *addrs,
			 u8 scope, struct ttp_route_key *key)
{
	key->daddr = addrs->daddr;
	key->dport = addrs->dport;
	key->sport = addrs->sport;
	key->oif = ttp_oif(sk, addrs->daddr, &key->saddr);
	key->mark = READ_ONCE(sk->sk_mark);
	key->uid = sk_uid(sk);
	key->time = jiffies;
	key->tos = ip_sock_rt_tos(sk);
	key->scope = scope;
	key->flags = inet_sk_flowi_flags(sk);
}

/* Would it ask for @key? The same, field by field, for speed. */
static inline bool ttp_is_key(const struct sock *sk,
			      const struct ttp_addrs *addrs, u8 scope,
			      const struct ttp_route_key *key)
{
	__be32 saddr;

	return key->time == (u32)jiffies &&
	       key->daddr == addrs->daddr &&
	       key->dport == addrs->dport &&
	       key->sport == addrs->sport &&
	       key->oif == ttp_oif(sk, addrs->daddr, &saddr) &&
	       key->saddr == saddr &&
	       key->mark == READ_ONCE(sk->sk_mark) &&
	       uid_eq(key->uid, sk_uid(sk)) &&
	       key->tos == ip_sock_rt_tos(sk) &&
	       key->scope == scope &&
	       key->flags == inet_sk_flowi_flags(sk);
}

/* The route that such a datagram took in this jiffy, with a reference, if it
 * still is one: the test is sk_dst_check()'s, which a connected socket's must
 * pass.
 */
static struct rtable *ttp_recall(struct sock *sk, struct ttp_addrs *addrs,
				 u8 scope)
{
	struct ttp_route_memo *memo = &ttp_sk(sk)->memo;
	struct dst_entry *dst = NULL;
	unsigned int seq;

	rcu_read_lock();
	seq = read_seqbegin(&memo->lock);
	if (ttp_is_key(sk, addrs, scope, &memo->key) &&
	    !ttp_has_xfrm_policy(sk)) {
		addrs->saddr = memo->saddr;
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
	return dst_rtable(dst);
}

/* Worth the trouble only for a flow that comes twice in a row; who sends here
 * and there, or from many threads, shall not pay for it.
 */
static void ttp_remember(struct sock *sk, const struct ttp_route_key *key,
			 __be32 saddr, struct rtable *rt)
{
	struct ttp_route_memo *memo = &ttp_sk(sk)->memo;
	u32 flow = (__force u32)key->daddr ^ (__force u32)key->dport;
	struct dst_entry *old;

	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST) || !key->daddr)
		return;
	if (READ_ONCE(memo->missed) != flow) {
		WRITE_ONCE(memo->missed, flow);
		return;
	}
	if (!spin_trylock(&memo->lock.lock))
		return;
	/* Identifications of packets to another address begin anew. */
	if (memo->key.daddr != key->daddr && !inet_sk(sk)->inet_daddr)
		atomic_set(&inet_sk(sk)->inet_id, get_random_u16());
	write_seqcount_begin(&memo->lock.seqcount);
	old = memo->dst;
	memo->key = *key;
	memo->saddr = saddr;
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
static struct rtable *ttp_find_route(struct sock *sk,
				     const struct ttp_route_key *key,
				     struct ttp_addrs *addrs)
{
	struct net *net = sock_net(sk);
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, key->oif, key->mark, key->tos, key->scope,
			   IPPROTO_TTP, key->flags, key->daddr, key->saddr,
			   key->dport, key->sport, key->uid);
	security_sk_classify_flow(sk, flowi4_to_flowi_common(&fl4));
	rt = ip_route_output_flow(net, &fl4, ttp_xfrm_sk(sk));
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(net, IPSTATS_MIB_OUTNOROUTES);
		TTP_INC_STATS(ttp_sk(sk)->tn, OUTNOROUTES);
		return rt;
	}

	if (rt->rt_flags & RTCF_BROADCAST && !sock_flag(sk, SOCK_BROADCAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-EACCES);
	}
	addrs->saddr = fl4.saddr;
	addrs->daddr = fl4.daddr;	/* 0.0.0.0 is this host */
	return rt;
}

static noinline struct rtable *ttp_new_route(struct sock *sk,
					     struct ttp_addrs *addrs, u8 scope,
					     bool connected)
{
	struct ttp_route_key key;
	struct rtable *rt;

	ttp_make_key(sk, addrs, scope, &key);
	rt = ttp_find_route(sk, &key, addrs);
	if (IS_ERR(rt))
		return rt;
	if (connected)
		sk_dst_set(sk, dst_clone(&rt->dst));
	else if (!ttp_has_xfrm_policy(sk))
		ttp_remember(sk, &key, addrs->saddr, rt);
	return rt;
}

/**
 * ttp_route() - the route of a plain datagram
 * @sk: sending socket
 * @to_peer: to the socket's peer, whose route is kept
 * @addrs: destination address and both ports in; source address out, and the
 *	destination if it was 0.0.0.0
 *
 * Mirrors the middle of udp_sendmsg(), but remembers an unconnected socket's
 * last route, too. Ports are part of the flow: `ip rule ipproto 253 dport N`
 * sees them.
 *
 * Context: process context, no locks needed.
 * Return: route with a reference, or ERR_PTR: -EACCES for a broadcast that
 * SO_BROADCAST does not allow, or what the routing tables say.
 */
struct rtable *ttp_route(struct sock *sk, bool to_peer,
			 struct ttp_addrs *addrs)
{
	u8 scope = ip_sock_rt_scope(sk);
	bool connected = to_peer && scope != RT_SCOPE_LINK &&
			 !ipv4_is_multicast(addrs->daddr) &&
			 !ttp_has_psk_policy(sk);
	struct rtable *rt;

	if (connected) {
		rt = dst_rtable(sk_dst_check(sk, 0));
		addrs->saddr = inet_sk(sk)->inet_saddr;
		addrs->own_ids = true;
	} else {
		rt = ttp_recall(sk, addrs, scope);
		addrs->own_ids = rt;
	}
	return rt ?: ttp_new_route(sk, addrs, scope, connected);
}

/**
 * ttp_route_for() - the route of a datagram with wishes
 * @sk: sending socket
 * @msg: may have control messages; of the flags MSG_DONTROUTE counts
 * @addrs: as for ttp_route(); if @req names hops on the way, the destination
 *	becomes the first of them
 * @req: what it asks for; its final destination is filled in
 *
 * Neither a connected socket's route nor the last one is looked at, or kept, if
 * a wish touches the flow.
 *
 * Context: process context, no locks needed.
 * Return: as ttp_route(); also -EINVAL for hops to nowhere.
 */
struct rtable *ttp_route_for(struct sock *sk, const struct msghdr *msg,
			     struct ttp_addrs *addrs, struct ttp_request *req)
{
	const struct ip_options *opt = ttp_options(req);
	bool hops = req->with_options && opt->srr;
	struct ttp_route_key key;

	req->dest = addrs->daddr;
	addrs->own_ids = false;
	if (!msg->msg_controllen && !(msg->msg_flags & MSG_DONTROUTE) &&
	    !hops && req->saddr == inet_sk(sk)->inet_saddr)
		return ttp_route(sk, !msg->msg_name, addrs);

	if (hops) {
		if (!addrs->daddr)
			return ERR_PTR(-EINVAL);
		addrs->daddr = opt->faddr;
	}
	key = (struct ttp_route_key) {
		.daddr = addrs->daddr,
		.saddr = req->saddr,
		.dport = addrs->dport,
		.sport = addrs->sport,
		.mark = req->sockc.mark,
		.uid = sk_uid(sk),
		.tos = req->tos & TTP_RT_TOS_MASK,
		.scope = ip_sock_rt_scope(sk),
		.flags = inet_sk_flowi_flags(sk),
	};
	if (msg->msg_flags & MSG_DONTROUTE || (hops && opt->is_strictroute))
		key.scope = RT_SCOPE_LINK;
	key.oif = ttp_special_oif(sk, req->dest, req->oif, &key.saddr);
	return ttp_find_route(sk, &key, addrs);
}
