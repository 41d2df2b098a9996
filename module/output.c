// SPDX-License-Identifier: GPL-2.0
/*
 * sendmsg(): address, route, one skb, ip_local_out(). What is not a plain
 * datagram turns off to special.c at once.
 */
#include <net/icmp.h>

#include "build.h"

/**
 * ttp_wait_for_skb() - an skb that cannot simply be allocated
 * @sk: socket without room in SO_SNDBUF, or with an error, or shut down
 * @size: bytes
 * @noblock: not to wait for room
 *
 * Context: process context, may sleep.
 * Return: skb that the socket owns, or ERR_PTR().
 */
noinline struct sk_buff *ttp_wait_for_skb(struct sock *sk, unsigned int size,
					  int noblock)
{
	struct sk_buff *skb;
	int err;

	skb = sock_alloc_send_pskb(sk, size, 0, noblock, &err, 0);
	return skb ?: ERR_PTR(err);
}

/**
 * ttp_copy_to_frags() - append payload to an skb
 * @sk: socket that owns it
 * @skb: packet that nobody else has
 * @msg: payload
 * @len: its length
 *
 * A long payload goes to pages that a task shares out to what it sends, which
 * needs neither a long kmalloc() nor its zeroing. Mirrors __ip_append_data().
 *
 * Context: process context, may sleep.
 * Return: 0, -EFAULT or -ENOBUFS; then part of it may have been appended.
 */
int ttp_copy_to_frags(struct sock *sk, struct sk_buff *skb, struct msghdr *msg,
		      size_t len)
{
	struct page_frag *pfrag = &current->task_frag;
	int i = skb_shinfo(skb)->nr_frags;

	while (len) {
		size_t part;

		if (!sk_page_frag_refill(sk, pfrag))
			return -ENOBUFS;
		if (!skb_can_coalesce(skb, i, pfrag->page, pfrag->offset)) {
			/* Many small pieces between others' */
			if (unlikely(i == MAX_SKB_FRAGS)) {
				if (skb_linearize(skb))
					return -ENOBUFS;
				i = 0;
			}
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

/**
 * ttp_count_failure() - count a datagram that did not become a packet
 * @sk: socket
 * @err: errno of the failure
 */
void ttp_count_failure(struct sock *sk, int err)
{
	if (err == -ENOBUFS || test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		TTP_INC_STATS(ttp_sk(sk)->tn, OUTSNDBUFERRORS);
	else
		TTP_INC_STATS(ttp_sk(sk)->tn, OUTERRORS);
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
	if (addr->sttp_family != sk->sk_family &&
	    addr->sttp_family != AF_UNSPEC)
		return -EAFNOSUPPORT;
	addrs->daddr = addr->sttp_addr.s_addr;
	addrs->dport = addr->sttp_port;
	return 0;
}

/* Is there more to it than an address and a payload? Everything that may make
 * a datagram differ from the last one of its socket is asked for here, at once,
 * with plain reads, which compilers make one instruction of.
 */
static inline bool ttp_is_special(struct sock *sk, const struct msghdr *msg)
{
	/* None of it is used but for this. */
	return data_race(ttp_sk(sk)->special || msg->msg_controllen ||
			 msg->msg_flags & (MSG_OOB | MSG_MORE | MSG_DONTROUTE |
					   MSG_CONFIRM | MSG_PROBE) ||
			 inet_sk(sk)->inet_opt ||
			 ttp_cgroup_bpf(sk, CGROUP_UDP4_SENDMSG) ||
			 sk->sk_tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK);
}

/**
 * ttp_sendmsg() - send one datagram: struct proto_ops' sendmsg
 * @sock: socket; an unbound one is given a port, even if the call then fails
 * @msg: destination in msg_name, or none if connected; payload; flags
 * @len: length of the payload
 *
 * Mirrors inet_sendmsg() and udp_sendmsg(), in the order of their checks.
 *
 * Context: process context, may sleep; takes no lock unless it corks, so
 * threads that share a socket send side by side.
 * Return: @len, or an errno of udp(7) or ip(7).
 */
int ttp_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	struct ttp_addrs addrs;
	struct rtable *rt;
	int err;

	sock_rps_record_flow(sk);
	if (unlikely(ttp_is_special(sk, msg)))
		return ttp_send_special(sk, msg, len);

	addrs.sport = READ_ONCE(inet_sk(sk)->inet_sport);
	if (unlikely(!addrs.sport)) {
		addrs.sport = ttp_autobind(sk);
		if (!addrs.sport)
			return -EAGAIN;
	}

	if (len > U16_MAX)
		return -EMSGSIZE;
	err = ttp_dest(sk, msg, &addrs);
	if (err)
		return err;
	if (!addrs.dport)
		return -EINVAL;

	rt = ttp_route(sk, !msg->msg_name, &addrs);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	err = ttp_send_on(sk, msg, len, sizeof(struct ttphdr), &addrs, rt,
			  NULL);
	return err ?: len;
}
