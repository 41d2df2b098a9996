// SPDX-License-Identifier: GPL-2.0
/*
 * A socket's error queue, MSG_ERRQUEUE: what went wrong with single datagrams
 * (IP_RECVERR), and their time stamps.
 */
#include <linux/errqueue.h>
#include <net/ip.h>

#include "ttp.h"

/**
 * ttp_local_error() - queue an error that this host has found
 * @sk: socket
 * @err: errno, positive
 * @daddr: where the datagram was to go
 * @info: what more there is to say: the path MTU of EMSGSIZE
 *
 * Mirrors ip_local_error(), of which UDP has the port of its peer said.
 *
 * Context: any.
 */
void ttp_local_error(struct sock *sk, int err, __be32 daddr, u32 info)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;
	struct iphdr *iph;

	if (!inet_test_bit(RECVERR, sk))
		return;
	skb = alloc_skb(sizeof(*iph), GFP_ATOMIC);
	if (!skb)
		return;

	/* A header without a packet, for its address; nothing to read. */
	skb_reset_network_header(skb);
	iph = skb_put_zero(skb, sizeof(*iph));
	iph->daddr = daddr;
	__skb_pull(skb, sizeof(*iph));
	skb_reset_transport_header(skb);

	serr = SKB_EXT_ERR(skb);
	serr->ee = (struct sock_extended_err) {
		.ee_errno = err,
		.ee_origin = SO_EE_ORIGIN_LOCAL,
		.ee_info = info,
	};
	serr->addr_offset = offsetof(struct iphdr, daddr);
	serr->port = inet_sk(sk)->inet_dport;

	if (sock_queue_err_skb(sk, skb))
		kfree_skb(skb);
}

/* Is there a packet behind a time stamp, and a device that it left by, and does
 * the socket want to hear of them?
 */
static bool ttp_stamp_has_cmsgs(const struct sock *sk, struct sk_buff *skb)
{
	struct in_pktinfo *info = PKTINFO_SKB_CB(skb);

	if (!(READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_OPT_CMSG) ||
	    !info->ipi_ifindex)
		return false;
	info->ipi_spec_dst.s_addr = ip_hdr(skb)->saddr;
	return true;
}

/* Who says so, and what else the socket wants to know of the packet: there is
 * more of an ICMP error and of some time stamps. Mirrors the middle of
 * ip_recv_error().
 */
static void ttp_error_cmsgs(struct sock *sk, struct msghdr *msg,
			    struct sk_buff *skb)
{
	const struct sock_exterr_skb *serr = SKB_EXT_ERR(skb);
	struct {
		struct sock_extended_err ee;
		struct sockaddr_in offender;
	} err = { .ee = serr->ee };

	if (serr->ee.ee_origin == SO_EE_ORIGIN_ICMP ||
	    (serr->ee.ee_origin != SO_EE_ORIGIN_LOCAL &&
	     ttp_stamp_has_cmsgs(sk, skb))) {
		/* A router has no port, so it is IPv4's, whoever asks. */
		err.offender.sin_family = AF_INET;
		err.offender.sin_addr.s_addr = ip_hdr(skb)->saddr;
		if (inet_cmsg_flags(inet_sk(sk)))
			ttp_cmsg_copy(msg, sk, skb, 0, 0);
	}
	put_cmsg(msg, SOL_IP, IP_RECVERR, sizeof(err), &err);
}

/**
 * ttp_recv_error() - recvmsg() with MSG_ERRQUEUE
 * @sk: socket
 * @msg: filled in: where the datagram was to go, as much of its payload as
 *	there is, IP_RECVERR and time stamps as control messages
 * @len: room for the payload
 *
 * Mirrors ip_recv_error(), which knows AF_INET only.
 *
 * Context: process context; never waits.
 * Return: bytes copied, -EAGAIN if nothing is there, or -EFAULT.
 */
int ttp_recv_error(struct sock *sk, struct msghdr *msg, size_t len)
{
	DECLARE_SOCKADDR(struct sockaddr_ttp *, addr, msg->msg_name);
	const struct sock_exterr_skb *serr;
	struct sk_buff *skb;
	size_t copied;
	int err;

	skb = sock_dequeue_err_skb(sk);
	if (!skb)
		return -EAGAIN;

	copied = min_t(size_t, skb->len, len);
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (err) {
		kfree_skb(skb);
		return err;
	}
	sock_recv_timestamp(msg, sk, skb);

	serr = SKB_EXT_ERR(skb);
	/* A time stamp alone has no address. */
	if (addr && (serr->ee.ee_origin == SO_EE_ORIGIN_ICMP ||
		     serr->ee.ee_origin == SO_EE_ORIGIN_LOCAL || serr->port)) {
		addr->sttp_family = sk->sk_family;
		addr->sttp_port = serr->port;
		memcpy(&addr->sttp_addr,
		       skb_network_header(skb) + serr->addr_offset,
		       sizeof(addr->sttp_addr));
		memset(addr->sttp_zero, 0, sizeof(addr->sttp_zero));
		msg->msg_namelen = sizeof(*addr);
	}
	ttp_error_cmsgs(sk, msg, skb);
	msg->msg_flags |= MSG_ERRQUEUE;
	consume_skb(skb);
	return copied;
}
