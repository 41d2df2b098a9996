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

/**
 * ttp_route() - the route of a datagram
 * @sk: sending socket
 * @msg: without an address it goes to the socket's peer, whose route is kept;
 *	of the flags MSG_DONTROUTE counts
 * @fl4: destination address and both ports in; source and destination address
 *	of the packet out
 *
 * Mirrors the middle of udp_sendmsg(). Ports are part of the flow: `ip rule
 * ipproto 253 dport N` sees them.
 *
 * Context: process context, no locks needed.
 * Return: route with a reference, or ERR_PTR: -EACCES for a broadcast that
 * SO_BROADCAST does not allow, or what the routing tables say.
 */
struct rtable *ttp_route(struct sock *sk, const struct msghdr *msg,
			 struct flowi4 *fl4)
{
	struct inet_sock *inet = inet_sk(sk);
	struct net *net = sock_net(sk);
	bool connected = !msg->msg_name;
	__be32 daddr = fl4->daddr;
	struct dst_entry *dst;
	struct rtable *rt;
	__be32 saddr;
	u8 scope;
	int oif;

	scope = msg->msg_flags & MSG_DONTROUTE ? RT_SCOPE_LINK :
						 ip_sock_rt_scope(sk);
	if (scope == RT_SCOPE_LINK || ipv4_is_multicast(daddr))
		connected = false;

	if (connected) {
		dst = sk_dst_check(sk, 0);
		if (dst) {
			fl4->saddr = inet->inet_saddr;
			return dst_rtable(dst);
		}
	}

	oif = ttp_oif(sk, daddr, &saddr);
	flowi4_init_output(fl4, oif, READ_ONCE(sk->sk_mark),
			   ip_sock_rt_tos(sk), scope, IPPROTO_TTP,
			   inet_sk_flowi_flags(sk), daddr, saddr,
			   fl4->fl4_dport, fl4->fl4_sport, sk_uid(sk));
	security_sk_classify_flow(sk, flowi4_to_flowi_common(fl4));
	rt = ip_route_output_flow(net, fl4, sk);
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(net, IPSTATS_MIB_OUTNOROUTES);
		TTP_INC_STATS(net, OUTNOROUTES);
		return rt;
	}

	if (rt->rt_flags & RTCF_BROADCAST && !sock_flag(sk, SOCK_BROADCAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-EACCES);
	}
	if (connected)
		sk_dst_set(sk, dst_clone(&rt->dst));
	return rt;
}
