/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does a policy apply that tests for AF_INET?  Inline, because each datagram
 * asks: static keys make the answer "no" cost nothing.
 */
#ifndef _TTP_POLICY_H
#define _TTP_POLICY_H

#include <linux/bpf-cgroup.h>
#include <linux/jump_label.h>
#include <net/ip.h>
#include <net/xfrm.h>

#include "ttp.h"

/* On when an AF_TTP socket has had IP_XFRM_POLICY, or IP_MULTICAST_LOOP off, or
 * when a security module checks the packets of AF_INET sockets.
 */
DECLARE_STATIC_KEY_FALSE(ttp_policy_key);

/* Does the cgroup of a socket have programs of type @atype, a constant? */
#ifdef CONFIG_CGROUP_BPF
static __always_inline bool
ttp_cgroup_bpf(struct sock *sk, const enum cgroup_bpf_attach_type atype)
{
	return cgroup_bpf_enabled(atype) && cgroup_bpf_sock_enabled(sk, atype);
}
#else
#define ttp_cgroup_bpf(sk, atype)	((void)(sk), cgroup_bpf_enabled(atype))
#endif

/**
 * ttp_xfrm_sk() - the sock that has the socket's own IPsec policies
 * @sk: socket
 *
 * Context: any.
 * Return: @sk or its inet policy sock, without a reference.
 */
static inline struct sock *ttp_xfrm_sk(struct sock *sk)
{
	struct sock *psk = NULL;

	if (static_branch_unlikely(&ttp_policy_key))
		psk = READ_ONCE(ttp_sk(sk)->policy_sk);
	return psk ?: sk;
}

/**
 * ttp_has_xfrm_policy() - does IP_XFRM_POLICY apply to what a socket sends?
 * @sk: socket
 *
 * A route from before that policy does not obey it, and stays valid.
 *
 * Context: any.
 */
static inline bool ttp_has_xfrm_policy(struct sock *sk)
{
#ifdef CONFIG_XFRM
	return rcu_access_pointer(ttp_xfrm_sk(sk)->sk_policy[XFRM_POLICY_OUT]);
#else
	return false;
#endif
}

/**
 * ttp_has_psk_policy() - does an AF_TTP socket have an IPsec policy of its own?
 * @sk: socket
 *
 * Such a policy is for what the socket sends.  IPv4 looks for routes of a
 * connected socket without it, so none of those may be used.
 *
 * Context: any.
 */
static inline bool ttp_has_psk_policy(struct sock *sk)
{
	if (static_branch_unlikely(&ttp_policy_key) &&
	    READ_ONCE(ttp_sk(sk)->policy_sk))
		return ttp_has_xfrm_policy(sk);
	return false;
}

/* policy.c */
void ttp_policy_init(void);
void ttp_policy_release(struct sock *sk);
void ttp_policy_free(struct sock *sk);
void ttp_policy_enable(void);
int ttp_policy_setsockopt(struct sock *sk, int optname, sockptr_t optval,
			  unsigned int optlen);
int ttp_policy_connect(struct sock *sk, const struct sockaddr_in *to, int len);
int ttp_policy_out(struct net *net, struct sock *sk, struct sk_buff *skb);
enum skb_drop_reason ttp_policy_rcv(struct sock *sk, struct sk_buff *skb);
#ifdef CONFIG_CGROUP_BPF
int ttp_run_sock_addr(struct sock *sk, struct sockaddr_in *sin,
		      enum cgroup_bpf_attach_type atype, __be32 *src);
#else
#define ttp_run_sock_addr(sk, sin, atype, src) \
	((void)(sk), (void)(sin), (void)(src), cgroup_bpf_enabled(atype))
#endif

/**
 * ttp_local_out() - ip_local_out() with the policies of AF_INET sockets
 * @net: namespace of the socket
 * @sk: sending socket
 * @skb: packet with its route; consumed
 *
 * Context: process context.
 * Return: as ip_local_out().
 */
static inline int ttp_local_out(struct net *net, struct sock *sk,
				struct sk_buff *skb)
{
	if (static_branch_unlikely(&ttp_policy_key) ||
	    ttp_cgroup_bpf(sk, CGROUP_INET_EGRESS))
		return ttp_policy_out(net, sk, skb);
	return ip_local_out(net, sk, skb);
}

/**
 * ttp_filter() - sk_filter_trim_cap() with the policies of AF_INET sockets
 * @sk: receiving socket
 * @skb: packet, data at the TTP header
 * @cap: length that a socket filter has to leave
 *
 * Context: softirq, RCU read side.
 * Return: 0 or the reason to drop the packet.
 */
static inline enum skb_drop_reason ttp_filter(struct sock *sk,
					      struct sk_buff *skb,
					      unsigned int cap)
{
	enum skb_drop_reason reason;

	if (static_branch_unlikely(&ttp_policy_key) ||
	    ttp_cgroup_bpf(sk, CGROUP_INET_INGRESS)) {
		reason = ttp_policy_rcv(sk, skb);
		if (reason)
			return reason;
	}
	return sk_filter_trim_cap(sk, skb, cap);
}

#endif /* _TTP_POLICY_H */
