/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module reads as if written for Linux 7.2. What an older kernel lacks is
 * supplied here, each piece guarded by a probe of that kernel's own headers
 * (probes.mk).
 */
#ifndef _TTP_COMPAT_H
#define _TTP_COMPAT_H

#include <linux/bpf-cgroup.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/sock.h>
#ifdef TTP_HAVE_NET_RPS
#include <net/rps.h>
#endif

#ifndef TTP_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized	sockaddr
#endif

#ifndef TTP_HAVE_INET_TEST_BIT
/* The flags were bit fields of struct inet_sock, with names in lower case. */
#define ttp_inet_RECVERR	recverr
#define ttp_inet_RECVERR_RFC4884 recverr_rfc4884
#define ttp_inet_MC_ALL		mc_all
#define ttp_inet_MC_LOOP	mc_loop
#define ttp_inet_TRANSPARENT	transparent
#define inet_test_bit(nr, sk)	(inet_sk(sk)->ttp_inet_##nr)
#define inet_set_bit(nr, sk)	(inet_sk(sk)->ttp_inet_##nr = 1)
#define inet_assign_bit(nr, sk, val)	(inet_sk(sk)->ttp_inet_##nr = (val))
#define inet_cmsg_flags(inet)	READ_ONCE((inet)->cmsg_flags)

/* Declared, but the core's alone until about then */
#define ip_icmp_error		ttp_icmp_error
void ttp_icmp_error(struct sock *sk, struct sk_buff *skb, int err, __be16 port,
		    u32 info, u8 *payload);
#endif

#ifndef TTP_HAVE_DST_RTABLE
static inline struct rtable *dst_rtable(const struct dst_entry *dst)
{
	return container_of(dst, struct rtable, dst);
}
#endif

#ifndef TTP_HAVE_SK_SKB_REASON_DROP
static inline void sk_skb_reason_drop(struct sock *sk, struct sk_buff *skb,
				      enum skb_drop_reason reason)
{
	kfree_skb_reason(skb, reason);
}
#endif

#ifndef TTP_HAVE_SK_DROPS_INC
static inline void sk_drops_inc(struct sock *sk)
{
	atomic_inc(&sk->sk_drops);
}

static inline int sk_drops_read(const struct sock *sk)
{
	return atomic_read(&sk->sk_drops);
}
#endif

#ifndef TTP_HAVE_SK_UID
static inline kuid_t sk_uid(const struct sock *sk)
{
	return READ_ONCE(sk->sk_uid);
}
#endif

#ifndef TTP_HAVE_FILTER_REASON
/* It returned an errno; the only refusals are a filter's and no memory. */
static inline enum skb_drop_reason
ttp_sk_filter_trim_cap(struct sock *sk, struct sk_buff *skb, unsigned int cap)
{
	switch (sk_filter_trim_cap(sk, skb, cap)) {
	case 0:
		return SKB_NOT_DROPPED_YET;
	case -ENOMEM:
		return SKB_DROP_REASON_NOMEM;
	default:
		return SKB_DROP_REASON_SOCKET_FILTER;
	}
}

#define sk_filter_trim_cap	ttp_sk_filter_trim_cap
#endif

/* UDP came to ask connected sockets first, whatever else a port has, and then has
 * them leave their groups.
 */
#ifdef TTP_HAVE_UDP_HASH4
#define TTP_PEERS_FIRST	1
#else
#define TTP_PEERS_FIRST	0
#endif

/* How much a queue may hold to be given one more datagram that goes over
 * SO_RCVBUF: UDP came to do so only for an empty queue.
 */
static inline unsigned int ttp_rcvbuf_held(unsigned int rcvbuf)
{
#ifdef TTP_HAVE_UDP_PROD_QUEUE
	return 0;
#else
	return rcvbuf;
#endif
}

/* Declared, but not exported to modules at first */
#ifndef TTP_HAVE_FRAGS_READABLE
#define skb_condense		ttp_condense
static inline void ttp_condense(struct sk_buff *skb)
{
	if (skb_is_nonlinear(skb) &&
	    (skb->data_len > skb->end - skb->tail || skb_cloned(skb) ||
	     !__pskb_pull_tail(skb, skb->data_len)))
		return;
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
}
#endif

/* The static key of receive flow steering; older kernels have it without this. */
#ifndef TTP_HAVE_RFS_IS_NEEDED
static inline bool rfs_is_needed(void)
{
#ifdef CONFIG_RPS
	return static_branch_unlikely(&rfs_needed);
#else
	return false;
#endif
}
#endif

/* A reader gives an skb back to the CPU that made it, which makes its next ones
 * of those, as UDP's skb_attempt_defer_free() does; NAPI's door to that is the
 * exported one. Older kernels keep no such store for skbs of sockets.
 */
static inline void ttp_consume_skb(struct sk_buff *skb)
{
#ifdef TTP_HAVE_SKB_DEFER_NODE
	local_bh_disable();
	napi_consume_skb(skb, 1);
	local_bh_enable();
#else
	consume_skb(skb);
#endif
}

/* Bits of IPv4's field that routes depend on */
#ifdef TTP_HAVE_DSCP_MASK
#define TTP_RT_TOS_MASK	INET_DSCP_MASK
#else
#define TTP_RT_TOS_MASK	IPTOS_RT_MASK
#endif

#ifndef TTP_HAVE_DELIVERY_TYPE
static inline void skb_set_delivery_type_by_clockid(struct sk_buff *skb,
						    ktime_t kt, clockid_t id)
{
	skb->tstamp = kt;
}
#endif

/* A control message may set a priority where the cookie has one. */
static inline int ttp_sock_cmsg_send(struct sock *sk, struct msghdr *msg,
				     struct cmsghdr *cmsg,
				     struct sockcm_cookie *sockc, u32 *priority)
{
#ifdef TTP_HAVE_SOCKC_PRIORITY
	int err;

	sockc->priority = *priority;
	err = __sock_cmsg_send(sk, cmsg, sockc);
	*priority = sockc->priority;
	return err;
#elif defined(TTP_HAVE_SOCK_CMSG_MSG)
	return __sock_cmsg_send(sk, msg, cmsg, sockc);
#else
	return __sock_cmsg_send(sk, cmsg, sockc);
#endif
}

/* What goes out in pieces has the first one's IP_TOS and priority; it had what the
 * socket had at the last one.
 */
static inline void ttp_late_tos(const struct sock *sk, u8 *tos, u32 *priority)
{
#ifndef TTP_HAVE_IPCM_TOS
	*tos = READ_ONCE(inet_sk(sk)->tos);
#endif
#ifndef TTP_HAVE_SOCKC_PRIORITY
	*priority = READ_ONCE(sk->sk_priority);
#endif
}

static inline void ttp_setup_tx_timestamp(struct sk_buff *skb,
					  const struct sockcm_cookie *sockc)
{
#ifdef TTP_HAVE_SOCKC_PRIORITY
	skb_setup_tx_timestamp(skb, sockc);
#else
	skb_setup_tx_timestamp(skb, sockc->tsflags);
#endif
}

/* sendfile() and splice(): a call to say that the end, which was not foreseen,
 * is there (a backport reached kernels of old); and once a call for each page,
 * all but the last with a flag of its own, where now there is sendmsg().
 */
#ifdef TTP_HAVE_SPLICE_EOF
#define TTP_SPLICE_EOF	.splice_eof = ttp_splice_eof,
#else
#define TTP_SPLICE_EOF
#endif

#ifdef TTP_HAVE_SENDPAGE
#define TTP_SENDPAGE	.sendpage = ttp_sendpage,
static inline ssize_t ttp_sendpage(struct socket *sock, struct page *page,
				   int offset, size_t size, int flags)
{
	if (flags & MSG_SENDPAGE_NOTLAST)
		flags |= MSG_MORE;
	return sock_no_sendpage(sock, page, offset, size, flags);
}
#else
#define TTP_SENDPAGE
#endif

/* The end of a table of sysctls was once marked, and is now a fault. */
#ifdef TTP_HAVE_NET_SYSCTL_SZ
#define TTP_SYSCTL_END
#else
#define TTP_SYSCTL_END	{ }
#endif

/* A sysctl's handler may no longer change its table. */
#ifdef TTP_HAVE_CONST_CTL_TABLE
#define TTP_CTL_TABLE	const struct ctl_table
#else
#define TTP_CTL_TABLE	struct ctl_table
#endif

/* struct proto's ioctl once copied its result to the user itself. */
#ifdef TTP_HAVE_IOCTL_KARG
#define TTP_PROTO_IOCTL(fn)	(fn)
#else
#define TTP_PROTO_IOCTL(fn)	fn##_user
int ttp_ioctl(struct sock *sk, int cmd, int *karg);

static inline int ttp_ioctl_user(struct sock *sk, int cmd, unsigned long arg)
{
	int karg;
	int err;

	err = ttp_ioctl(sk, cmd, &karg);
	return err ?: put_user(karg, (int __user *)arg);
}
#endif

/* proto_ops' setsockopt sees SOL_SOCKET, too, if the kernel lets it. */
static inline void ttp_custom_sockopt(struct socket *sock)
{
#ifdef TTP_HAVE_CUSTOM_SOCKOPT
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

/* Programs could change an address, but not yet its length. */
#ifdef CONFIG_CGROUP_BPF
static inline int ttp_run_filter_sock_addr(struct sock *sk,
					   struct sockaddr_in *sin,
					   enum cgroup_bpf_attach_type atype,
					   __be32 *src)
{
	struct sockaddr_unsized *addr = (struct sockaddr_unsized *)sin;
#ifdef TTP_HAVE_SA_PROG_LEN
	int len = sizeof(*sin);

	return __cgroup_bpf_run_filter_sock_addr(sk, addr, &len, atype, src,
						 NULL);
#else
	return __cgroup_bpf_run_filter_sock_addr(sk, addr, atype, src, NULL);
#endif
}
#endif

/* ip_local_out() came to count packets, which ip_output() did before. */
static inline void ttp_count_outrequest(struct net *net)
{
#ifdef TTP_HAVE_OUTREQUESTS
	IP_INC_STATS(net, IPSTATS_MIB_OUTREQUESTS);
#endif
}

/* Who pays for the receive queue, and for what is allocated for the socket */
static inline struct mem_cgroup *ttp_sk_memcg(const struct sock *sk)
{
#ifdef CONFIG_MEMCG
	return sk->sk_memcg;
#else
	return NULL;
#endif
}

#endif /* _TTP_COMPAT_H */
