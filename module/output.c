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
			 size_t len)
{
	u32 mtu = ip_sk_use_pmtu(sk) ? dst_mtu(&rt->dst) :
				       READ_ONCE(dst_dev(&rt->dst)->mtu);

	if (!inetdev_valid_mtu(mtu))
		return -ENETUNREACH;
	if (sizeof(struct iphdr) + len >
	    (ip_sk_ignore_df(sk) ? IP_MAX_MTU : mtu))
		return -EMSGSIZE;
	return 0;
}

/* Mirrors __ip_make_skb() */
static void ttp_fill_iphdr(struct sock *sk, struct sk_buff *skb,
			   const struct flowi4 *fl4, struct rtable *rt)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct iphdr *iph = ip_hdr(skb);
	int uc_ttl = READ_ONCE(inet->uc_ttl);

	iph->version = IPVERSION;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = READ_ONCE(inet->tos);
	iph->frag_off = 0;
	if (READ_ONCE(inet->pmtudisc) >= IP_PMTUDISC_DO ||
	    (skb->len <= dst_mtu(&rt->dst) && ip_dont_fragment(sk, &rt->dst)))
		iph->frag_off = htons(IP_DF);
	if (rt->rt_type == RTN_MULTICAST)
		iph->ttl = READ_ONCE(inet->mc_ttl);
	else
		iph->ttl = uc_ttl < 0 ? ip4_dst_hoplimit(&rt->dst) : uc_ttl;
	iph->protocol = IPPROTO_TTP;
	iph->saddr = fl4->saddr;
	iph->daddr = fl4->daddr;
	skb->ignore_df = ip_sk_ignore_df(sk);
	ip_select_ident(sock_net(sk), skb, sk);
}

/* Room in SO_SNDBUF, no error waiting, not shut down: then memory is all that
 * an skb takes. Else it is for the core to wait, or to say why not.
 */
static struct sk_buff *ttp_alloc_skb(struct sock *sk, unsigned int size,
				     int noblock, int *err)
{
	struct sk_buff *skb;

	if (unlikely(READ_ONCE(sk->sk_err) ||
		     READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
		     sk_wmem_alloc_get(sk) >= READ_ONCE(sk->sk_sndbuf)))
		return sock_alloc_send_pskb(sk, size, 0, noblock, err, 0);

	skb = alloc_skb(size, sk->sk_allocation);
	if (unlikely(!skb)) {
		*err = -ENOBUFS;
		return NULL;
	}
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
static struct sk_buff *ttp_make_skb(struct sock *sk, struct msghdr *msg,
				    size_t len, unsigned int thlen,
				    const struct flowi4 *fl4,
				    struct rtable *rt)
{
	const struct net_device *dev = dst_dev(&rt->dst);
	unsigned int headroom = LL_RESERVED_SPACE(dev);
	unsigned int hlen = sizeof(struct iphdr) + thlen;
	unsigned int size = headroom + hlen + rt->dst.trailer_len;
	size_t linear = len;
	struct sk_buff *skb;
	int err;

	/* What will be fragmented is copied once more, however it lies here. */
	if (len > TTP_LINEAR_MAX &&
	    (dev->features & NETIF_F_SG || hlen + len > dst_mtu(&rt->dst)))
		linear = 0;

	skb = ttp_alloc_skb(sk, size + linear, msg->msg_flags & MSG_DONTWAIT,
			    &err);
	if (!skb)
		return ERR_PTR(err);

	skb_reserve(skb, headroom);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct iphdr));
	skb_put(skb, hlen);

	err = 0;
	if (unlikely(!linear))
		err = ttp_copy_to_frags(sk, skb, msg, len);
	else if (!copy_from_iter_full(skb_put(skb, len), len, &msg->msg_iter))
		err = -EFAULT;
	if (unlikely(err)) {
		kfree_skb(skb);
		return ERR_PTR(err);
	}

	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);
	ttp_fill_iphdr(sk, skb, fl4, rt);
	if (thlen)
		ttp_fill_hdr(skb, fl4->fl4_sport, fl4->fl4_dport);
	return skb;
}

/* Mirrors ip_send_skb() and the end of udp_send_skb(): a full queue on the
 * way loses a datagram, which is no error to a sender who does not ask.
 */
static int ttp_send_skb(struct ttp_net *tn, struct sock *sk,
			struct sk_buff *skb)
{
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

/**
 * ttp_send_to() - from the destination on: route, length, skb, out
 * @sk: socket
 * @msg: payload, flags
 * @len: length of the payload
 * @thlen: length of the header to write before it: 8, or 0 if it is in there
 * @fl4: destination address and both ports; the rest is filled in
 *
 * Each failure is counted once, where it happens.
 *
 * Context: process context, may sleep; takes no lock.
 * Return: 0 or an errno.
 */
int ttp_send_to(struct sock *sk, struct msghdr *msg, size_t len,
		unsigned int thlen, struct flowi4 *fl4)
{
	struct ttp_net *tn = ttp_pernet(sock_net(sk));
	struct sk_buff *skb;
	struct rtable *rt;
	int err;

	rt = ttp_route(tn, sk, msg, fl4);
	if (IS_ERR(rt))
		return PTR_ERR(rt);

	if (msg->msg_flags & MSG_CONFIRM && msg->msg_flags & MSG_PROBE) {
		dst_confirm_neigh(&rt->dst, &fl4->daddr);
		if (!len) {
			ip_rt_put(rt);
			return 0;
		}
	}

	err = ttp_check_len(sk, rt, thlen + len);
	if (err) {
		TTP_INC_STATS(tn, OUTERRORS);
		ip_rt_put(rt);
		return err;
	}

	skb = ttp_make_skb(sk, msg, len, thlen, fl4, rt);
	if (IS_ERR(skb)) {
		err = PTR_ERR(skb);
		if (err == -ENOBUFS ||
		    test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
			TTP_INC_STATS(tn, OUTSNDBUFERRORS);
		else
			TTP_INC_STATS(tn, OUTERRORS);
		ip_rt_put(rt);
		return err;
	}
	skb_dst_set(skb, &rt->dst);

	return ttp_send_skb(tn, sk, skb);
}

/**
 * ttp_dest() - where a message is to go
 * @sk: socket
 * @msg: with or without an address
 * @fl4: destination address and port are filled in
 *
 * Return: 0, -EINVAL, -EAFNOSUPPORT or -EDESTADDRREQ.
 */
int ttp_dest(const struct sock *sk, const struct msghdr *msg,
	     struct flowi4 *fl4)
{
	DECLARE_SOCKADDR(struct sockaddr_ttp *, addr, msg->msg_name);

	if (!addr) {
		if (sk->sk_state != TCP_ESTABLISHED)
			return -EDESTADDRREQ;
		fl4->daddr = inet_sk(sk)->inet_daddr;
		fl4->fl4_dport = inet_sk(sk)->inet_dport;
		return 0;
	}

	if (msg->msg_namelen < sizeof(*addr))
		return -EINVAL;
	if (addr->sttp_family != AF_TTP && addr->sttp_family != AF_UNSPEC)
		return -EAFNOSUPPORT;
	fl4->daddr = addr->sttp_addr.s_addr;
	fl4->fl4_dport = addr->sttp_port;
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
	struct flowi4 fl4;
	int err;

	if (unlikely(sk->sk_type == SOCK_RAW))
		return ttp_raw_sendmsg(sk, msg, len);

	fl4.fl4_sport = ttp_autobind(sk);
	if (!fl4.fl4_sport)
		return -EAGAIN;

	if (len > U16_MAX)
		return -EMSGSIZE;
	/* MSG_MORE will need a cork; until then it is refused, not ignored. */
	if (msg->msg_flags & (MSG_OOB | MSG_MORE))
		return -EOPNOTSUPP;

	err = ttp_dest(sk, msg, &fl4);
	if (err)
		return err;
	if (!fl4.fl4_dport)
		return -EINVAL;

	if (msg->msg_controllen) {
		err = ttp_cmsg_send(msg);
		if (err)
			return err;
	}

	err = ttp_send_to(sk, msg, len, sizeof(struct ttphdr), &fl4);
	return err ?: len;
}
