// SPDX-License-Identifier: GPL-2.0
/*
 * The inet policy sock: what kernel policies see of an AF_TTP socket.
 *
 * Some of the kernel's policies test for sk_family == AF_INET and let all other
 * sockets pass: cgroup BPF programs on packets and on addresses, IPsec policies
 * of a socket (IP_XFRM_POLICY), the receive checks of SELinux and Smack, and
 * IP_MULTICAST_LOOP.  The family of an AF_TTP socket is 18, so for each of
 * these hooks the socket has a second sock whose family is AF_INET.
 *
 * The second sock is a clone that is only passed to hooks.  It is in no table,
 * owns no packet and receives nothing; skb->sk stays the socket.  It is
 * allocated when a hook needs it for the first time, which may be in softirq, by
 * sk_clone_lock(): so its cgroup, namespace and security label are those of the
 * socket, independent of the current process.  Before each hook it is given the
 * current addresses, ports and options of the socket.  If there is no memory for
 * it, the packet is dropped or the call fails: a policy is never skipped.
 *
 * It lives as long as the socket; a packet in nf_queue holds a reference to it.
 */
#include <linux/igmp.h>
#include <linux/netfilter.h>
#include <linux/sched/mm.h>
#include <linux/security.h>
#include <linux/sock_diag.h>
#include <linux/xattr.h>
#include <net/inet_common.h>
#include <net/l3mdev.h>

#include "policy.h"

DEFINE_STATIC_KEY_FALSE(ttp_policy_key);

/* SELinux or Smack is active. */
static bool ttp_lsm_rcv __ro_after_init;

/* What a BPF program can change: bpf_setsockopt() and bpf_bind() */
static void ttp_policy_copy(struct sock *to, struct sock *from)
{
	WRITE_ONCE(to->sk_bound_dev_if, READ_ONCE(from->sk_bound_dev_if));
	WRITE_ONCE(to->sk_mark, READ_ONCE(from->sk_mark));
	WRITE_ONCE(to->sk_priority, READ_ONCE(from->sk_priority));
	WRITE_ONCE(to->sk_rcvlowat, READ_ONCE(from->sk_rcvlowat));
	WRITE_ONCE(to->sk_rcvbuf, READ_ONCE(from->sk_rcvbuf));
	WRITE_ONCE(to->sk_sndbuf, READ_ONCE(from->sk_sndbuf));
	WRITE_ONCE(to->sk_pacing_rate, READ_ONCE(from->sk_pacing_rate));
	WRITE_ONCE(to->sk_max_pacing_rate, READ_ONCE(from->sk_max_pacing_rate));
	WRITE_ONCE(to->sk_txrehash, READ_ONCE(from->sk_txrehash));
	WRITE_ONCE(inet_sk(to)->tos, READ_ONCE(inet_sk(from)->tos));
	WRITE_ONCE(inet_sk(to)->inet_rcv_saddr,
		   READ_ONCE(inet_sk(from)->inet_rcv_saddr));
	WRITE_ONCE(inet_sk(to)->inet_saddr,
		   READ_ONCE(inet_sk(from)->inet_saddr));
	WRITE_ONCE(inet_sk(to)->inet_sport,
		   READ_ONCE(inet_sk(from)->inet_sport));
	if (to->sk_userlocks != from->sk_userlocks)
		to->sk_userlocks = from->sk_userlocks;
	if (to->sk_reuse != from->sk_reuse)
		to->sk_reuse = from->sk_reuse;
	if (to->sk_reuseport != from->sk_reuseport)
		to->sk_reuseport = from->sk_reuseport;
}

/* The policy sock becomes what the socket is now.  The caller holds its lock. */
static void ttp_policy_sync(struct sock *psk, struct sock *sk)
{
	ttp_policy_copy(psk, sk);
	WRITE_ONCE(psk->sk_state, READ_ONCE(sk->sk_state));
	WRITE_ONCE(psk->sk_uid, sk_uid(sk));
	WRITE_ONCE(inet_sk(psk)->inet_num, READ_ONCE(inet_sk(sk)->inet_num));
	WRITE_ONCE(inet_sk(psk)->inet_daddr,
		   READ_ONCE(inet_sk(sk)->inet_daddr));
	WRITE_ONCE(inet_sk(psk)->inet_dport,
		   READ_ONCE(inet_sk(sk)->inet_dport));
	WRITE_ONCE(inet_sk(psk)->pmtudisc, READ_ONCE(inet_sk(sk)->pmtudisc));
	inet_assign_bit(MC_LOOP, psk, inet_test_bit(MC_LOOP, sk));
	inet_assign_bit(TRANSPARENT, psk, inet_test_bit(TRANSPARENT, sk));
}

/* bpf_bind() to a port takes it for the socket, whose lock is held. */
static int ttp_policy_get_port(struct sock *psk, unsigned short snum)
{
	struct sock *sk = psk->sk_user_data;
	struct inet_sock *inet = inet_sk(sk);
	int err;

	WRITE_ONCE(inet->inet_rcv_saddr, inet_sk(psk)->inet_rcv_saddr);
	WRITE_ONCE(inet->inet_saddr, inet_sk(psk)->inet_saddr);
	err = ttp_get_port(sk, snum);
	if (err) {
		WRITE_ONCE(inet->inet_saddr, 0);
		WRITE_ONCE(inet->inet_rcv_saddr, 0);
	}
	inet_sk(psk)->inet_num = inet->inet_num;
	return err;
}

/* Not registered: a policy sock is allocated as the socket that it stands for. */
static struct proto ttp_policy_prot = {
	.name = "TTP",
	.owner = THIS_MODULE,
	.get_port = ttp_policy_get_port,
};

static void ttp_policy_init_sk(struct sock *psk, struct sock *sk)
{
	struct ttp_sock *tsk = ttp_sk(psk);
	u32 cookie[2];

	/* Pointers that were copied and stay the socket's */
	RCU_INIT_POINTER(tsk->inet.inet_opt, NULL);
	RCU_INIT_POINTER(tsk->inet.mc_list, NULL);
	memset((char *)tsk + sizeof(tsk->inet), 0,
	       sizeof(*tsk) - sizeof(tsk->inet));
	sock_reset_flag(psk, SOCK_FILTER_LOCKED);
	sk_detach_filter(psk);

	psk->sk_family = AF_INET;
	psk->sk_prot = &ttp_policy_prot;
	psk->sk_user_data = sk;
	psk->sk_destruct = inet_sock_destruct;
	/* It has no struct socket, and readers hold the socket. */
	sock_set_flag(psk, SOCK_DEAD);
	sock_reset_flag(psk, SOCK_RCU_FREE);

	sock_diag_save_cookie(sk, cookie);
	atomic64_set(&psk->sk_cookie, atomic64_read(&sk->sk_cookie));
}

/* Charged to the memory cgroup of the socket.  Return: NULL without memory. */
static struct sock *ttp_policy_alloc(struct sock *sk)
{
	struct mem_cgroup *old;
	struct sock *psk;

	local_bh_disable();
	old = set_active_memcg(ttp_sk_memcg(sk));
	psk = sk_clone_lock(sk, GFP_ATOMIC | __GFP_NOWARN);
	set_active_memcg(old);
	if (psk) {
		/* sparse does not know that sk_clone_lock() takes this lock. */
		__acquire(&psk->sk_lock.slock);
		ttp_policy_init_sk(psk, sk);
		bh_unlock_sock(psk);
		/* One reference for a hash table, which it is not in */
		__sock_put(psk);
	}
	local_bh_enable();
	return psk;
}

/* The inet policy sock of an AF_TTP socket, allocated if there is none yet.
 * Return: sock without a reference, which lives as long as the socket, or NULL
 * without memory.
 */
static struct sock *ttp_policy_get(struct sock *sk)
{
	struct sock *psk = READ_ONCE(ttp_sk(sk)->policy_sk), *old;

	if (psk)
		return psk;
	psk = ttp_policy_alloc(sk);
	if (!psk)
		return NULL;
	old = cmpxchg(&ttp_sk(sk)->policy_sk, NULL, psk);
	if (!old)
		return psk;
	sock_put(psk);
	return old;
}

/* The same, and it is what the socket is now, unless a program is changing it
 * on another CPU.
 */
static struct sock *ttp_policy_sk(struct sock *sk)
{
	struct sock *psk = ttp_policy_get(sk);

	if (!psk)
		return NULL;
	spin_lock_bh(&psk->sk_lock.slock);
	if (!sock_owned_by_user(psk))
		ttp_policy_sync(psk, sk);
	spin_unlock_bh(&psk->sk_lock.slock);
	return psk;
}

/**
 * ttp_policy_release() - the socket is closed: its IPsec policies go
 * @sk: socket
 *
 * Mirrors sk_common_release().
 *
 * Context: process context.
 */
void ttp_policy_release(struct sock *sk)
{
	struct sock *psk = READ_ONCE(ttp_sk(sk)->policy_sk);

	if (psk)
		xfrm_sk_free_policy(psk);
}

/**
 * ttp_policy_free() - give up the inet policy sock
 * @sk: socket that nobody else refers to
 *
 * Context: any.
 */
void ttp_policy_free(struct sock *sk)
{
	struct sock *psk = ttp_sk(sk)->policy_sk;

	if (psk)
		sock_put(psk);
}

/**
 * ttp_policy_enable() - from now on look for policies of AF_TTP sockets
 *
 * Context: process context, may sleep.
 */
void ttp_policy_enable(void)
{
	if (!static_key_enabled(&ttp_policy_key))
		static_branch_enable(&ttp_policy_key);
}

/**
 * ttp_policy_init() - find out whether a security module checks packets
 *
 * SELinux and Smack look at the packets of AF_INET sockets.  Which of them is
 * active is known by the name of its extended attribute.
 */
void __init ttp_policy_init(void)
{
	ttp_lsm_rcv = security_ismaclabel(XATTR_SELINUX_SUFFIX) ||
		      security_ismaclabel(XATTR_SMACK_SUFFIX);
	if (ttp_lsm_rcv)
		ttp_policy_enable();
}

/**
 * ttp_policy_setsockopt() - IP_XFRM_POLICY and IP_IPSEC_POLICY at AF_TTP
 * @sk: AF_TTP socket
 * @optname: option
 * @optval: policy
 * @optlen: its length
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOMEM, or what ip_setsockopt() says.
 */
int ttp_policy_setsockopt(struct sock *sk, int optname, sockptr_t optval,
			  unsigned int optlen)
{
	struct sock *psk = ttp_policy_get(sk);
	int err;

	if (!psk)
		return -ENOMEM;
	err = ip_setsockopt(psk, SOL_IP, optname, optval, optlen);
	if (!err) {
		ttp_policy_enable();
		sk_dst_reset(sk);
	}
	return err;
}

/**
 * ttp_policy_connect() - does IP_XFRM_POLICY of an AF_TTP socket let it connect?
 * @sk: socket
 * @to: the peer
 * @len: length of @to
 *
 * For connect(), which looks for a route without that policy.
 *
 * Context: process context, socket lock held.
 * Return: 0, or what the routing tables and IPsec say.
 */
int ttp_policy_connect(struct sock *sk, const struct sockaddr_in *to, int len)
{
	struct ttp_addrs addrs;
	struct rtable *rt;

	if (!ttp_has_psk_policy(sk) || len < (int)sizeof(*to) ||
	    to->sin_family != AF_INET)
		return 0;
	addrs.daddr = to->sin_addr.s_addr;
	addrs.dport = to->sin_port;
	addrs.sport = inet_sk(sk)->inet_sport;
	rt = ttp_route(sk, false, &addrs);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	ip_rt_put(rt);
	return 0;
}

#ifdef CONFIG_CGROUP_BPF
/**
 * ttp_run_sock_addr() - run the sock_addr programs of a socket's cgroup
 * @sk: socket, of either family
 * @sin: address, which the programs may change, of family AF_INET; or NULL
 * @atype: type of the programs
 * @src: source address, for those that may change one, or NULL
 *
 * What the programs change of the inet policy sock is then changed at @sk.
 *
 * Context: process context, may sleep; takes the lock of the socket.
 * Return: 0, -EPERM, another errno of a program, or -ENOBUFS.
 */
int ttp_run_sock_addr(struct sock *sk, struct sockaddr_in *sin,
		      enum cgroup_bpf_attach_type atype, __be32 *src)
{
	struct sock *psk = sk;
	int err = -ENOBUFS;

	lock_sock(sk);
	if (sk->sk_family != AF_INET) {
		psk = ttp_policy_get(sk);
		if (!psk)
			goto out;
		lock_sock_nested(psk, SINGLE_DEPTH_NESTING);
		ttp_policy_sync(psk, sk);
	}
	err = ttp_run_filter_sock_addr(psk, sin, atype, src);
	if (psk != sk) {
		if (psk->sk_mark != sk->sk_mark ||
		    psk->sk_bound_dev_if != sk->sk_bound_dev_if)
			sk_dst_reset(sk);
		ttp_policy_copy(sk, psk);
		release_sock(psk);
	}
out:
	release_sock(sk);
	return err;
}

/* Mirrors ip_finish_output(). */
static int ttp_run_egress(struct net *net, struct sock *psk,
			  struct sk_buff *skb)
{
	int ret = __cgroup_bpf_run_filter_skb(psk, skb, CGROUP_INET_EGRESS);

	if (ret == NET_XMIT_SUCCESS || ret == NET_XMIT_CN)
		return dst_output(net, psk, skb) ?: ret;
	kfree_skb_reason(skb, SKB_DROP_REASON_BPF_CGROUP_EGRESS);
	return ret;
}

/* After netfilter's POST_ROUTING.  ip_output() does the rest of
 * ip_finish_output() at once for a packet that POST_ROUTING has seen.
 */
static int ttp_policy_finish(struct net *net, struct sock *psk,
			     struct sk_buff *skb)
{
	IPCB(skb)->flags |= IPSKB_REROUTED;
	return ttp_run_egress(net, psk, skb);
}

/* After netfilter's LOCAL_OUT.  Mirrors dst_output() and ip_output().  The
 * programs see the packets of all other kinds of routes (multicast, IPsec,
 * tunnels) here, before POST_ROUTING.
 */
static int ttp_policy_output(struct net *net, struct sock *psk,
			     struct sk_buff *skb)
{
	struct net_device *dev;
	int ret;

	rcu_read_lock();
	dev = dst_dev(skb_dst(skb));
	skb->dev = dev;
	if (skb_dst(skb)->output == ip_output)
		ret = NF_HOOK_COND(NFPROTO_IPV4, NF_INET_POST_ROUTING, net,
				   psk, skb, NULL, dev, ttp_policy_finish,
				   !(IPCB(skb)->flags & IPSKB_REROUTED));
	else
		ret = ttp_run_egress(net, psk, skb);
	rcu_read_unlock();
	return ret;
}

/* Mirrors ip_local_out().  That runs programs for skb->sk only, which is not
 * the inet policy sock.
 */
static int ttp_bpf_local_out(struct net *net, struct sock *psk,
			     struct sk_buff *skb)
{
	struct iphdr *iph = ip_hdr(skb);

	ttp_count_outrequest(net);
	iph_set_totlen(iph, skb->len);
	ip_send_check(iph);
	skb = l3mdev_ip_out(psk, skb);
	if (!skb)
		return 0;
	skb->protocol = htons(ETH_P_IP);
	return NF_HOOK(NFPROTO_IPV4, NF_INET_LOCAL_OUT, net, psk, skb, NULL,
		       dst_dev(skb_dst(skb)), ttp_policy_output);
}
#else
static inline int ttp_bpf_local_out(struct net *net, struct sock *psk,
				    struct sk_buff *skb)
{
	return ip_local_out(net, psk, skb);
}
#endif

/* Whether policies other than BPF, or options, apply to a packet on output */
static bool ttp_needs_psk(struct sock *sk, const struct sk_buff *skb)
{
	return ttp_has_xfrm_policy(sk) ||
	       (skb_rtable(skb)->rt_flags & RTCF_MULTICAST &&
		!inet_test_bit(MC_LOOP, sk));
}

/**
 * ttp_policy_out() - the rest of ttp_local_out() where there may be policies
 * @net: namespace of the socket
 * @sk: sending socket
 * @skb: packet with its route; consumed
 *
 * Context: process context.
 * Return: as ip_local_out(); -EPERM if a program drops it, or -ENOBUFS.
 */
int ttp_policy_out(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	bool egress = ttp_cgroup_bpf(sk, CGROUP_INET_EGRESS);
	struct sock *psk;

	if (sk->sk_family == AF_INET || !(egress || ttp_needs_psk(sk, skb)))
		return ip_local_out(net, sk, skb);
	psk = ttp_policy_sk(sk);
	if (!psk) {
		kfree_skb_reason(skb, SKB_DROP_REASON_NOMEM);
		return -ENOBUFS;
	}
	return egress ? ttp_bpf_local_out(net, psk, skb) :
			ip_local_out(net, psk, skb);
}

/**
 * ttp_policy_rcv() - do the policies of AF_INET sockets let a packet in?
 * @sk: receiving socket
 * @skb: packet, data at the TTP header
 *
 * Context: softirq, RCU read side.
 * Return: 0 or the reason to drop it.
 */
enum skb_drop_reason ttp_policy_rcv(struct sock *sk, struct sk_buff *skb)
{
	bool ingress = ttp_cgroup_bpf(sk, CGROUP_INET_INGRESS);
	struct sock *psk;

	if (sk->sk_family == AF_INET || !(ingress || ttp_lsm_rcv))
		return SKB_NOT_DROPPED_YET;
	psk = ttp_policy_sk(sk);
	if (!psk)
		return SKB_DROP_REASON_NOMEM;
	if ((ingress && BPF_CGROUP_RUN_PROG_INET_INGRESS(psk, skb)) ||
	    (ttp_lsm_rcv && security_sock_rcv_skb(psk, skb)))
		return SKB_DROP_REASON_SOCKET_FILTER;
	return SKB_NOT_DROPPED_YET;
}
