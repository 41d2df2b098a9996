// SPDX-License-Identifier: GPL-2.0
/*
 * A socket's receive queue: what is let in, and recvmsg(), which takes it out.
 * SO_RCVBUF bounds it by truesize. There is no global limit yet
 * (memory_allocated): its per-socket share would have to be charged and
 * uncharged under the queue's lock, which the core's helpers do not do.
 */
#include <asm/ioctls.h>
#include <linux/sockios.h>
#include <net/busy_poll.h>
#include <net/ip.h>
#include <net/xfrm.h>

#include "ttp.h"
#include "wire.h"

/**
 * ttp_queue_rcv() - queue a datagram to a socket, or drop and count it
 * @sk: socket that the datagram is for
 * @skb: checked packet, data at the TTP header; consumed
 *
 * IPsec policy, then the socket's filters (which see the header, as UDP's
 * do), then room. Mirrors udp_queue_rcv_one_skb().
 *
 * Context: softirq, RCU read side.
 */
void ttp_queue_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct net *net = sock_net(sk);
	enum skb_drop_reason reason;

	if (!xfrm4_policy_check(sk, XFRM_POLICY_IN, skb)) {
		TTP_INC_STATS(net, INPOLICYDROPS);
		reason = SKB_DROP_REASON_XFRM_POLICY;
		goto drop;
	}
	nf_reset_ct(skb);

	reason = sk_filter_trim_cap(sk, skb, sizeof(struct ttphdr));
	if (reason) {
		TTP_INC_STATS(net, INFILTERDROPS);
		goto drop;
	}

	sk_mark_napi_id(sk, skb);
	sk_incoming_cpu_update(sk);
	/* From here on an skb's data is the payload. */
	__skb_pull(skb, sizeof(struct ttphdr));
	/* Nobody asks for the route any more: let devices go. */
	skb_dst_drop(skb);

	switch (__sock_queue_rcv_skb(sk, skb)) {
	case 0:
		TTP_INC_STATS(net, INDATAGRAMS);
		return;
	case -ENOMEM:
		TTP_INC_STATS(net, INRCVBUFERRORS);
		reason = SKB_DROP_REASON_SOCKET_RCVBUFF;
		break;
	default:
		TTP_INC_STATS(net, INMEMERRORS);
		reason = SKB_DROP_REASON_PROTO_MEM;
		break;
	}
	/* The core has counted this one in sk_drops. */
	sk_skb_reason_drop(sk, skb, reason);
	return;

drop:
	sk_drops_inc(sk);
	sk_skb_reason_drop(sk, skb, reason);
}

/**
 * ttp_queue_raw() - queue a packet to a raw socket
 * @sk: raw socket
 * @skb: clone of a checked packet, data at the TTP header, which stays;
 *	consumed
 *
 * What a raw socket sees or misses does not count as received or lost.
 *
 * Context: softirq, RCU read side.
 */
void ttp_queue_raw(struct sock *sk, struct sk_buff *skb)
{
	if (!xfrm4_policy_check(sk, XFRM_POLICY_IN, skb)) {
		sk_skb_reason_drop(sk, skb, SKB_DROP_REASON_XFRM_POLICY);
		return;
	}
	nf_reset_ct(skb);
	skb_dst_drop(skb);
	if (sock_queue_rcv_skb(sk, skb))
		kfree_skb(skb);
}

static void ttp_copy_name(struct msghdr *msg, const struct sk_buff *skb)
{
	DECLARE_SOCKADDR(struct sockaddr_ttp *, addr, msg->msg_name);

	if (!addr)
		return;

	addr->sttp_family = AF_TTP;
	addr->sttp_port = ttp_hdr(skb)->source;
	addr->sttp_addr.s_addr = ip_hdr(skb)->saddr;
	memset(addr->sttp_zero, 0, sizeof(addr->sttp_zero));
	msg->msg_namelen = sizeof(*addr);
}

/**
 * ttp_recvmsg() - receive one datagram: struct proto_ops' recvmsg
 * @sock: socket
 * @msg: filled in: source address, payload, control messages, MSG_TRUNC
 * @len: room for the payload
 * @flags: MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, ...
 *
 * Mirrors udp_recvmsg().
 *
 * Context: process context, may sleep.
 * Return: bytes copied, the datagram's whole length with MSG_TRUNC, or an
 * errno.
 */
int ttp_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	size_t ulen, copied;
	struct sk_buff *skb;
	int off, err;

	/* What would queue errors, IP_RECVERR, is refused: there are none. */
	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;

	off = sk_peek_offset(sk, flags);
	skb = __skb_recv_datagram(sk, &sk->sk_receive_queue, flags, &off, &err);
	if (!skb)
		return err;

	ulen = skb->len;
	copied = len;
	if (copied > ulen - off)
		copied = ulen - off;
	else if (copied < ulen)
		msg->msg_flags |= MSG_TRUNC;

	err = skb_copy_datagram_msg(skb, off, msg, copied);
	if (err) {
		if (!(flags & MSG_PEEK))
			sk_drops_inc(sk);
		kfree_skb(skb);
		return err;
	}

	sock_recv_cmsgs(msg, sk, skb);
	ttp_copy_name(msg, skb);
	if (inet_cmsg_flags(inet_sk(sk)))
		ip_cmsg_recv_offset(msg, sk, skb, sizeof(struct ttphdr), off);

	err = flags & MSG_TRUNC ? ulen : copied;
	/* SO_PEEK_OFF goes on after a peek, and back as data leaves. */
	if (flags & MSG_PEEK)
		sk_peek_offset_fwd(sk, err);
	else
		sk_peek_offset_bwd(sk, err);
	skb_free_datagram(sk, skb);
	return err;
}

/**
 * ttp_ioctl() - SIOCINQ and SIOCOUTQ: struct proto's ioctl
 * @sk: socket
 * @cmd: SIOCINQ: length of the next datagram; SIOCOUTQ: bytes of memory that
 *	packets on their way out hold
 * @karg: the answer
 *
 * Mirrors udp_ioctl().
 *
 * Context: process context.
 * Return: 0, or -ENOIOCTLCMD, which becomes ENOTTY.
 */
int ttp_ioctl(struct sock *sk, int cmd, int *karg)
{
	struct sk_buff *skb;

	switch (cmd) {
	case SIOCOUTQ:
		*karg = sk_wmem_alloc_get(sk);
		return 0;
	case SIOCINQ:
		spin_lock_bh(&sk->sk_receive_queue.lock);
		skb = skb_peek(&sk->sk_receive_queue);
		*karg = skb ? skb->len : 0;
		spin_unlock_bh(&sk->sk_receive_queue.lock);
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}
