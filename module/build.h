/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a packet is put together and sent on its way. The skb is built here, not
 * by ip_append_data(): a datagram is one skb however long it is, and IPv4
 * fragments it if the device asks for that.
 *
 * Inline, since each datagram that goes out comes through here. Most have no
 * wishes of their own: for those @req is a constant NULL, and whatever asks for
 * it is not even compiled.
 */
#ifndef _TTP_BUILD_H
#define _TTP_BUILD_H

#include <net/ip.h>
#include <net/route.h>

#include "policy.h"
#include "ttp.h"
#include "wire.h"

/* The longest payload that is worth a kmalloc(): with headers and the core's
 * book-keeping it still comes from a page.
 */
#define TTP_LINEAR_MAX	2900

/* The length that a packet is cut to if it is longer: that of the path, or of
 * the device alone if IP_MTU_DISCOVER says so. IPv4 reads the same MTU when it
 * makes the fragments, see ip_skb_dst_mtu(). Each packet reads it once; what is
 * sent in pieces keeps what the first one has read. Mirrors the start of
 * ip_setup_cork().
 */
static inline u32 ttp_fragsize(const struct sock *sk, const struct rtable *rt,
			       u32 path_mtu)
{
	if (ip_sk_use_pmtu(sk))
		return path_mtu;
	return min_t(u32, READ_ONCE(dst_dev(&rt->dst)->mtu), IP_MAX_MTU);
}

/* May a packet leave whose header and payload are that long? Mirrors the end of
 * ip_setup_cork() and the start of __ip_append_data(). A packet that passes has
 * room for at least 8 bytes of data in each fragment: IPV4_MIN_MTU is 68, and
 * the longest IPv4 header has 60 bytes.
 */
static inline int ttp_check_len(struct sock *sk, const struct ttp_addrs *addrs,
				const struct ttp_request *req, size_t len,
				u32 fragsize)
{
	unsigned int optlen = ttp_optlen(req);

	if (unlikely(!inetdev_valid_mtu(fragsize)))
		return -ENETUNREACH;
	if (unlikely(sizeof(struct iphdr) + optlen + len >
		     (ip_sk_ignore_df(sk) ? IP_MAX_MTU : fragsize))) {
		ttp_local_error(sk, EMSGSIZE, addrs->daddr, fragsize - optlen);
		return -EMSGSIZE;
	}
	return 0;
}

static inline u8 ttp_ttl(const struct sock *sk, const struct rtable *rt)
{
	const struct inet_sock *inet = inet_sk(sk);
	int ttl = READ_ONCE(inet->uc_ttl);

	if (unlikely(rt->rt_type == RTN_MULTICAST))
		return READ_ONCE(inet->mc_ttl);
	if (likely(ttl < 0))
		ttl = dst_metric_raw(&rt->dst, RTAX_HOPLIMIT);
	return ttl ?: READ_ONCE(sock_net(sk)->ipv4.sysctl_ip_default_ttl);
}

/* Mirrors __ip_make_skb(), except for the identification of what an unconnected
 * socket sends to the same address again: ip_select_ident() has counters for
 * destinations, which hash, at ten times the cost of the socket's own. That
 * counts for this address alone, as it does for a connected socket. It starts
 * anew when the address changes, so that no receiver can tell from it how much
 * others are sent.
 */
static __always_inline void
ttp_fill_iphdr(struct sock *sk, struct sk_buff *skb,
	       const struct ttp_addrs *addrs, struct rtable *rt, u32 mtu,
	       const struct ttp_request *req)
{
	struct inet_sock *inet = inet_sk(sk);
	u8 pmtudisc = READ_ONCE(inet->pmtudisc);
	struct iphdr *iph = ip_hdr(skb);
	bool fits = skb->len <= mtu;
	bool own_ids = false;

	iph->version = IPVERSION;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = req ? req->tos : READ_ONCE(inet->tos);
	iph->ttl = req && req->ttl ? req->ttl : ttp_ttl(sk, rt);
	iph->protocol = IPPROTO_TTP;
	iph->saddr = addrs->saddr;
	iph->daddr = addrs->daddr;
	skb->ignore_df = ip_sk_ignore_df(sk);

	if (likely(fits && pmtudisc == IP_PMTUDISC_WANT &&
		   !ip_mtu_locked(&rt->dst))) {
		iph->frag_off = htons(IP_DF);
		own_ids = addrs->own_ids;
	} else if (pmtudisc == IP_PMTUDISC_DO ||
		   pmtudisc == IP_PMTUDISC_PROBE) {
		iph->frag_off = htons(IP_DF);
	} else {
		iph->frag_off = 0;
	}
	if (likely(own_ids))
		iph->id = htons(atomic_inc_return(&inet->inet_id));
	else
		ip_select_ident(sock_net(sk), skb, sk);

	if (req && req->with_options)
		ttp_options_build(skb, req);
}

/* Room in SO_SNDBUF, no error waiting, not shut down: then memory is all that
 * an skb takes. Else it is for the core to wait, or to say why not.
 */
static __always_inline struct sk_buff *
ttp_alloc_skb(struct sock *sk, unsigned int size, int noblock)
{
	struct sk_buff *skb;

	if (unlikely(READ_ONCE(sk->sk_err) ||
		     READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
		     sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf)))
		return ttp_wait_for_skb(sk, size, noblock);

	skb = alloc_skb(size, sk->sk_allocation);
	if (unlikely(!skb))
		return ERR_PTR(-ENOBUFS);
	skb_set_owner_w(skb, sk);
	return skb;
}

/* Room for the headers, which ttp_finish_skb() writes, and the payload, in one
 * skb. A raw socket's verbatim packet brings its own header, or what the caller
 * takes for one.
 */
static __always_inline struct sk_buff *
ttp_make_skb(struct sock *sk, struct msghdr *msg, size_t len,
	     unsigned int thlen, struct rtable *rt, u32 fragsize,
	     const struct ttp_request *req)
{
	unsigned int iphlen = sizeof(struct iphdr) + ttp_optlen(req);
	const struct net_device *dev = dst_dev(&rt->dst);
	unsigned int headroom = LL_RESERVED_SPACE(dev);
	unsigned int hlen = iphlen + thlen;
	unsigned int size = headroom + hlen + rt->dst.trailer_len;
	size_t linear = len;
	struct sk_buff *skb;
	int err = 0;

	/* What will be fragmented is copied once more, however it lies here. */
	if (len > TTP_LINEAR_MAX &&
	    (dev->features & NETIF_F_SG || hlen + len > fragsize))
		linear = 0;

	skb = ttp_alloc_skb(sk, size + linear, msg->msg_flags & MSG_DONTWAIT);
	if (IS_ERR(skb))
		return skb;

	skb_reserve(skb, headroom);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, iphlen);
	__skb_put(skb, hlen + linear);

	if (unlikely(!linear))
		err = ttp_copy_to_frags(sk, skb, msg, len);
	else if (!copy_from_iter_full(skb_network_header(skb) + hlen, len,
				      &msg->msg_iter))
		err = -EFAULT;
	if (unlikely(err)) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}
	return skb;
}

/* The headers, as soon as nothing more is to come */
static __always_inline void
ttp_finish_skb(struct sock *sk, struct sk_buff *skb, unsigned int thlen,
	       const struct ttp_addrs *addrs, struct rtable *rt, u32 mtu,
	       const struct ttp_request *req)
{
	if (req) {
		skb->priority = req->priority;
		skb->mark = req->sockc.mark;
		skb_set_delivery_type_by_clockid(skb, req->sockc.transmit_time,
						 sk->sk_clockid);
	} else {
		skb->priority = READ_ONCE(sk->sk_priority);
		skb->mark = READ_ONCE(sk->sk_mark);
	}
	ttp_fill_iphdr(sk, skb, addrs, rt, mtu, req);
	if (thlen)
		ttp_fill_hdr(skb, addrs->sport, addrs->dport);
}

/* Mirrors ip_send_skb() and the end of udp_send_skb(): a full queue on the
 * way loses a datagram, which is no error to a sender who does not ask.
 */
static inline int ttp_send_skb(struct sock *sk, struct sk_buff *skb)
{
	struct ttp_net *tn = ttp_sk(sk)->tn;
	struct net *net = sock_net(sk);
	int err = ttp_local_out(net, sk, skb);

	if (err > 0)
		err = net_xmit_errno(err);
	if (!err) {
		TTP_INC_STATS(tn, OUTDATAGRAMS);
		return 0;
	}

	IP_INC_STATS(net, IPSTATS_MIB_OUTDISCARDS);
	if (err == -ENOBUFS) {
		TTP_INC_STATS(tn, OUTSNDBUFERRORS);
		return inet_test_bit(RECVERR, sk) ? err : 0;
	}
	TTP_INC_STATS(tn, OUTERRORS);
	return err;
}

/* From the route on, whose reference goes to the packet. Each failure is
 * counted once, where it happens.
 */
static __always_inline int
ttp_send_on(struct sock *sk, struct msghdr *msg, size_t len, unsigned int thlen,
	    const struct ttp_addrs *addrs, struct rtable *rt,
	    const struct ttp_request *req)
{
	u32 mtu = dst_mtu(&rt->dst);
	u32 fragsize = ttp_fragsize(sk, rt, mtu);
	struct sk_buff *skb;
	int err;

	err = ttp_check_len(sk, addrs, req, thlen + len, fragsize);
	if (err) {
		TTP_INC_STATS(ttp_sk(sk)->tn, OUTERRORS);
		ip_rt_put(rt);
		return err;
	}

	skb = ttp_make_skb(sk, msg, len, thlen, rt, fragsize, req);
	if (IS_ERR(skb)) {
		ttp_count_failure(sk, PTR_ERR(skb));
		ip_rt_put(rt);
		return PTR_ERR(skb);
	}
	if (req)
		ttp_stamp_skb(skb, req, msg);
	ttp_finish_skb(sk, skb, thlen, addrs, rt, mtu, req);
	if (req && skb->len > fragsize && skb_shinfo(skb)->tx_flags)
		ttp_split_skb(sk, skb, fragsize);
	skb_dst_set(skb, &rt->dst);

	return ttp_send_skb(sk, skb);
}

#endif /* _TTP_BUILD_H */
