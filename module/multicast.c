// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast: who wants a datagram of a group, and whether the host hears its
 * own. Joining and leaving are IPv4's business (ip_setsockopt()), and so is the
 * list that it keeps at the socket, which is read here.
 */
#include <linux/igmp.h>
#include <net/ip.h>

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
