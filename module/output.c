// SPDX-License-Identifier: GPL-2.0
/*
 * sendmsg(): address, route, one skb, ip_local_out(). The skb is built here,
 * not by ip_append_data(): a datagram is one skb however long it is, and
 * IPv4 fragments it if the device asks for that.
 */
#include <net/icmp.h>
#include <net/ip.h>
#include <net/route.h>

#include "ttp.h"
#include "wire.h"

/* The longest payload that is worth a kmalloc(): with headers and the core's
 * book-keeping it still comes from a page.
 */
#define TTP_LINEAR_MAX	2900

/* The longest IPv4 packet that may leave: mirrors the start of ip_setup_cork()
 * and __ip_append_data().
 */
static int ttp_check_len(const struct sock *sk, const struct rtable *rt,
			 size_t len, u32 path_mtu)
{
	u32 mtu = ip_sk_use_pmtu(sk) ? path_mtu :
				       READ_ONCE(dst_dev(&rt->dst)->mtu);

	if (unlikely(!inetdev_valid_mtu(mtu)))
		return -ENETUNREACH;
	if (unlikely(sizeof(struct iphdr) + len >
		     (ip_sk_ignore_df(sk) ? IP_MAX_MTU : mtu)))
		return -EMSGSIZE;
	return 0;
}

static u8 ttp_ttl(const struct sock *sk, const struct rtable *rt)
{
	const struct inet_sock *inet = inet_sk(sk);
	int ttl = READ_ONCE(inet->uc_ttl);

	if (unlikely(rt->rt_type == RTN_MULTICAST))
		return READ_ONCE(inet->mc_ttl);
	if (likely(ttl < 0))
		ttl = dst_metric_raw(&rt->dst, RTAX_HOPLIMIT);
	return ttl ?: READ_ONCE(sock_net(sk)->ipv4.sysctl_ip_default_ttl);
}

/* Mirrors __ip_make_skb(), but for the identification of a packet that is not
 * going to be fragmented: any value will do (RFC 6864), so it comes from the
 * socket's own counter even when that is not connected, at a tenth of the cost.
 */
static __always_inline void
ttp_fill_iphdr(struct sock *sk, struct sk_buff *skb,
	       const struct ttp_addrs *addrs, struct rtable *rt, u32 mtu)
{
	struct inet_sock *inet = inet_sk(sk);
	u8 pmtudisc = READ_ONCE(inet->pmtudisc);
	struct iphdr *iph = ip_hdr(skb);
	bool fits = skb->len <= mtu;

	iph->version = IPVERSION;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = READ_ONCE(inet->tos);
	iph->ttl = ttp_ttl(sk, rt);
	iph->protocol = IPPROTO_TTP;
	iph->saddr = addrs->saddr;
	iph->daddr = addrs->daddr;
	skb->ignore_df = ip_sk_ignore_df(sk);

	if (pmtudisc >= IP_PMTUDISC_DO ||
	    (fits && pmtudisc == IP_PMTUDISC_WANT && !ip_mtu_locked(&rt->dst)))
		iph->frag_off = htons(IP_DF);
	else
		iph->frag_off = 0;
	if (likely(fits && iph->frag_off))
		iph->id = htons(atomic_inc_return(&inet->inet_id));
	else
		ip_select_ident(sock_net(sk), skb, sk);
}

static noinline struct sk_buff *ttp_wait_for_skb(struct sock *sk,
						 unsigned int size, int noblock)
{
	struct sk_buff *skb;
	int err;

	skb = sock_alloc_send_pskb(sk, size, 0, noblock, &err, 0);
	return skb ?: ERR_PTR(err);
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

/* A long payload goes to pages that a task shares out to what it sends, which
 * needs neither a long kmalloc() nor its zeroing. Mirrors __ip_append_data().
 */
static int ttp_copy_to_frags(struct sock *sk, struct sk_buff *skb,
			     struct msghdr *msg, size_t len)
{
	struct page_frag *pfrag = &current->task_frag;
	int i = 0;

	while (len) {
		size_t part;

		if (!sk_page_frag_refill(sk, pfrag))
			return -ENOBUFS;
		if (!skb_can_coalesce(skb, i, pfrag->page, pfrag->offset)) {
			if (i == MAX_SKB_FRAGS)
				return -EMSGSIZE;
			__skb_fill_page_desc(skb, i, pfrag->page,
					     pfrag->offset, 0);
			skb_shinfo(skb)->nr_frags = ++i;
			get_page(pfrag->page);
		}
		part = min_t(size_t, len, pfrag->size - pfrag->offset);
		if (copy_page_from_iter(pfrag->page, pfrag->offset, part,
					&msg->msg_iter) != part)
			return -EFAULT;

		pfrag->offset += part;
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], part);
		skb->len += part;
		skb->data_len += part;
		skb->truesize += part;
		refcount_add(part, &sk->sk_wmem_alloc);
		len -= part;
	}
	return 0;
}

/* Headers and payload in one skb. A raw socket's verbatim packet brings its
 * own header, or what the caller takes for one.
 */
static __always_inline struct sk_buff *
ttp_make_skb(struct sock *sk, struct msghdr *msg, size_t len,
	     unsigned int thlen, const struct ttp_addrs *addrs,
	     struct rtable *rt, u32 mtu)
{
	const struct net_device *dev = dst_dev(&rt->dst);
	unsigned int headroom = LL_RESERVED_SPACE(dev);
	unsigned int hlen = sizeof(struct iphdr) + thlen;
	unsigned int size = headroom + hlen + rt->dst.trailer_len;
	size_t linear = len;
	struct sk_buff *skb;
	int err = 0;

	/* What will be fragmented is copied once more, however it lies here. */
	if (len > TTP_LINEAR_MAX &&
	    (dev->features & NETIF_F_SG || hlen + len > mtu))
		linear = 0;

	skb = ttp_alloc_skb(sk, size + linear, msg->msg_flags & MSG_DONTWAIT);
	if (IS_ERR(skb))
		return skb;

	skb_reserve(skb, headroom);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct iphdr));
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

	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);
	ttp_fill_iphdr(sk, skb, addrs, rt, mtu);
	if (thlen)
		ttp_fill_hdr(skb, addrs->sport, addrs->dport);
	return skb;
}

/* Mirrors ip_send_skb() and the end of udp_send_skb(): a full queue on the
 * way loses a datagram, which is no error to a sender who does not ask.
 */
static inline int ttp_send_skb(struct sock *sk, struct sk_buff *skb)
{
	struct ttp_net *tn = ttp_sk(sk)->tn;
	struct net *net = sock_net(sk);
	int err = ip_local_out(net, sk, skb);

	if (err > 0)
		err = net_xmit_errno(err);
	if (!err) {
		TTP_INC_STATS(tn, OUTDATAGRAMS);
		return 0;
	}

	IP_INC_STATS(net, IPSTATS_MIB_OUTDISCARDS);
	if (err == -ENOBUFS) {
		TTP_INC_STATS(tn, OUTSNDBUFERRORS);
		return 0;
	}
	TTP_INC_STATS(tn, OUTERRORS);
	return err;
}

static void ttp_count_failure(struct sock *sk, int err)
{
	if (err == -ENOBUFS || test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		TTP_INC_STATS(ttp_sk(sk)->tn, OUTSNDBUFERRORS);
	else
		TTP_INC_STATS(ttp_sk(sk)->tn, OUTERRORS);
}

/* Inlined, for a length of header that is known saves a test here and there. */
static __always_inline int __ttp_send_to(struct sock *sk, struct msghdr *msg,
					 size_t len, unsigned int thlen,
					 struct ttp_addrs *addrs)
{
	struct sk_buff *skb;
	struct rtable *rt;
	u32 mtu;
	int err;

	rt = ttp_route(sk, msg, addrs);
	if (IS_ERR(rt))
		return PTR_ERR(rt);

	if (msg->msg_flags & MSG_CONFIRM && msg->msg_flags & MSG_PROBE) {
		dst_confirm_neigh(&rt->dst, &addrs->daddr);
		if (!len) {
			ip_rt_put(rt);
			return 0;
		}
	}

	mtu = dst_mtu(&rt->dst);
	err = ttp_check_len(sk, rt, thlen + len, mtu);
	if (err) {
		TTP_INC_STATS(ttp_sk(sk)->tn, OUTERRORS);
		ip_rt_put(rt);
		return err;
	}

	skb = ttp_make_skb(sk, msg, len, thlen, addrs, rt, mtu);
	if (IS_ERR(skb)) {
		ttp_count_failure(sk, PTR_ERR(skb));
		ip_rt_put(rt);
		return PTR_ERR(skb);
	}
	skb_dst_set(skb, &rt->dst);

	return ttp_send_skb(sk, skb);
}

/**
 * ttp_send_to() - from the destination on: route, length, skb, out
 * @sk: socket
 * @msg: payload, flags
 * @len: length of the payload
 * @thlen: length of the header to write before it: 8, or 0 if it is in there
 * @addrs: destination address and both ports; the source is filled in
 *
 * Each failure is counted once, where it happens.
 *
 * Context: process context, may sleep; takes no lock.
 * Return: 0 or an errno.
 */
int ttp_send_to(struct sock *sk, struct msghdr *msg, size_t len,
		unsigned int thlen, struct ttp_addrs *addrs)
{
	return __ttp_send_to(sk, msg, len, thlen, addrs);
}

/**
 * ttp_dest() - where a message is to go
 * @sk: socket
 * @msg: with or without an address
 * @addrs: destination address and port are filled in
 *
 * Return: 0, -EINVAL, -EAFNOSUPPORT or -EDESTADDRREQ.
 */
int ttp_dest(const struct sock *sk, const struct msghdr *msg,
	     struct ttp_addrs *addrs)
{
	DECLARE_SOCKADDR(struct sockaddr_ttp *, addr, msg->msg_name);

	if (!addr) {
		if (sk->sk_state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		addrs->daddr = inet_sk(sk)->inet_daddr;
		addrs->dport = inet_sk(sk)->inet_dport;
		return 0;
	}

	if (msg->msg_namelen < sizeof(*addr))
		return -EINVAL;
	if (addr->sttp_family != sk->sk_family && addr->sttp_family != AF_UNSPEC)
		return -EAFNOSUPPORT;
	addrs->daddr = addr->sttp_addr.s_addr;
	addrs->dport = addr->sttp_port;
	return 0;
}

/**
 * ttp_sendmsg() - send one datagram: struct proto_ops' sendmsg
 * @sock: socket; an unbound one is given a port, even if the call then fails
 * @msg: destination in msg_name, or none if connected; payload; flags
 * @len: length of the payload
 *
 * Mirrors inet_sendmsg() and udp_sendmsg(), in the order of their checks.
 *
 * Context: process context, may sleep; takes no lock, so threads that share a
 * socket send side by side.
 * Return: @len, or an errno of udp(7) or ip(7).
 */
int ttp_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct ttp_addrs addrs;
	int err;

	if (unlikely(sk->sk_type == SOCK_RAW))
		return ttp_raw_sendmsg(sk, msg, len);

	addrs.sport = READ_ONCE(inet_sk(sk)->inet_sport);
	if (unlikely(!addrs.sport)) {
		addrs.sport = ttp_autobind(sk);
		if (!addrs.sport)
			return -EAGAIN;
	}

	if (len > U16_MAX)
		return -EMSGSIZE;
	/* MSG_MORE will need a cork; until then it is refused, not ignored. */
	if (msg->msg_flags & (MSG_OOB | MSG_MORE))
		return -EOPNOTSUPP;

	err = ttp_dest(sk, msg, &addrs);
	if (err)
		return err;
	if (!addrs.dport)
		return -EINVAL;

	if (msg->msg_controllen) {
		err = ttp_cmsg_send(msg);
		if (err)
			return err;
	}

	err = __ttp_send_to(sk, msg, len, sizeof(struct ttphdr), &addrs);
	return err ?: len;
}
