// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast: who wants a datagram of a group, and whether the host hears its
 * own. Joining and leaving are IPv4's business (ip_setsockopt()), and so is the
 * list that it keeps at the socket, which is read here.
 */
#include <linux/igmp.h>
#include <net/ip.h>
#include <net/route.h>

#include "lookup.h"

/* The socket's membership in a group on the device that a datagram came by */
static const struct ip_mc_socklist *ttp_mc_find(const struct sock *sk,
						const struct ttp_flow *flow)
{
	const struct ip_mc_socklist *pmc;

	for (pmc = rcu_dereference(inet_sk(sk)->mc_list); pmc;
	     pmc = rcu_dereference(pmc->next_rcu)) {
		if (pmc->multi.imr_multiaddr.s_addr == flow->laddr &&
		    (pmc->multi.imr_ifindex == flow->dif ||
		     (flow->sdif && pmc->multi.imr_ifindex == flow->sdif)))
			break;
	}
	return pmc;
}

/**
 * ttp_mc_wants() - do a socket's memberships let a datagram in?
 * @sk: socket that otherwise wants it
 * @flow: the datagram's
 *
 * Whoever has not joined hears what others on the host have joined, unless
 * IP_MULTICAST_ALL is off; whoever has joined hears the sources that it named,
 * or all but those. Mirrors ip_mc_sf_allow(), which is not exported.
 *
 * Context: RCU read side.
 */
bool ttp_mc_wants(const struct sock *sk, const struct ttp_flow *flow)
{
	const struct ip_mc_socklist *pmc;
	const struct ip_sf_socklist *psl;
	unsigned int i;

	if (!ipv4_is_multicast(flow->laddr))
		return true;

	pmc = ttp_mc_find(sk, flow);
	if (!pmc)
		return inet_test_bit(MC_ALL, sk);

	psl = rcu_dereference(pmc->sflist);
	for (i = 0; psl && i < psl->sl_count; i++)
		if (psl->sl_addr[i] == flow->raddr)
			return pmc->sfmode == MCAST_INCLUDE;
	return pmc->sfmode == MCAST_EXCLUDE;
}

/* What ip_mc_output() does without IP_MULTICAST_LOOP. Whoever has a packet with
 * this route has its socket, which holds the module.
 */
static int ttp_mc_output(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	if (unlikely(!ip_hdr(skb)->ttl)) {
		kfree_skb(skb);
		return 0;
	}
	return ip_output(net, sk, skb);
}

/**
 * ttp_mc_mute() - a multicast's route that does not lead back to the host
 * @rt: route, with a reference that goes over to the result
 *
 * IPv4 asks sk_mc_loop(), for which only an AF_INET socket can say no. So for
 * one of ours that has IP_MULTICAST_LOOP off the route is changed instead: a
 * copy, since others use it, too. Mirrors rt_dst_clone(), which 7.2 does not
 * export. A route that IPsec has transformed stays as it is.
 *
 * Context: process context.
 * Return: route with a reference, or ERR_PTR(-ENOBUFS).
 */
struct rtable *ttp_mc_mute(struct rtable *rt)
{
	struct rtable *mute;

	if (dst_xfrm(&rt->dst) || rt->dst.lwtstate)
		return rt;

	mute = rt_dst_alloc(dst_dev(&rt->dst), rt->rt_flags & ~RTCF_LOCAL,
			    rt->rt_type, rt->dst.flags & DST_NOXFRM);
	if (mute) {
		mute->rt_iif = rt->rt_iif;
		mute->rt_pmtu = rt->rt_pmtu;
		mute->rt_mtu_locked = rt->rt_mtu_locked;
		mute->rt_uses_gateway = rt->rt_uses_gateway;
		mute->rt_gw_family = rt->rt_gw_family;
		if (rt->rt_gw_family == AF_INET6)
			mute->rt_gw6 = rt->rt_gw6;
		else
			mute->rt_gw4 = rt->rt_gw4;
		ip_dst_init_metrics(&mute->dst, (struct dst_metrics *)
				    dst_metrics_ptr(&rt->dst));
		mute->dst.output = ttp_mc_output;
	}
	ip_rt_put(rt);
	return mute ?: ERR_PTR(-ENOBUFS);
}
