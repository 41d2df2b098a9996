// SPDX-License-Identifier: GPL-2.0
/*
 * A socket's receive queue: what is let in, and recvmsg(), which takes it out.
 *
 * SO_RCVBUF bounds a queue by truesize, net.ttp.mem all of them together, and
 * a memory cgroup those of its sockets. sk_forward_alloc, the part of a
 * socket's share of these that no datagram uses yet, belongs to the queue's
 * lock: whoever puts in or takes out holds it anyway. So a queued skb has no
 * owner and no destructor, and what the core has for charging queues must not
 * be used beside this.
 */
#include <asm/ioctls.h>
#include <linux/sizes.h>
#include <linux/sockios.h>
#include <net/busy_poll.h>
#include <net/ip.h>

#include "policy.h"
#include "wire.h"

/* How much of its share a socket keeps for what is to come: while the queue is
 * in use, and when it is empty. The latter serves one small datagram after
 * another without a look at the counts of all.
 */
#define TTP_SHARE_BUSY	SZ_64K
#define TTP_SHARE_IDLE	(2 * (int)PAGE_SIZE)

/* Of all receive queues, in pages; a CPU's part is settled in batches. */
atomic_long_t ttp_memory_allocated ____cacheline_aligned_in_smp;
DEFINE_PER_CPU(int, ttp_memory_per_cpu_fw_alloc);

static bool ttp_charge(struct sock *sk, int truesize)
	__must_hold(&sk->sk_receive_queue.lock)
{
	int more = truesize - sk->sk_forward_alloc;

	lockdep_assert_held(&sk->sk_receive_queue.lock);

	if (more > 0 && !__sk_mem_schedule(sk, more, SK_MEM_RECV))
		return false;
	sk_forward_alloc_add(sk, -truesize);
	atomic_add(truesize, &sk->sk_rmem_alloc);
	return true;
}

static inline void ttp_uncharge(struct sock *sk, int truesize)
	__must_hold(&sk->sk_receive_queue.lock)
{
	int keep = skb_queue_empty(&sk->sk_receive_queue) ? TTP_SHARE_IDLE :
							    TTP_SHARE_BUSY;
	int spare;

	lockdep_assert_held(&sk->sk_receive_queue.lock);

	atomic_sub(truesize, &sk->sk_rmem_alloc);
	sk_forward_alloc_add(sk, truesize);
	spare = sk->sk_forward_alloc - sk_unused_reserved_mem(sk);
	if (unlikely(spare > keep))
		__sk_mem_reclaim(sk, spare - TTP_SHARE_IDLE);
}

/* Mirrors __udp_enqueue_schedule_skb(), which lets one datagram go over
 * SO_RCVBUF: see ttp_rcvbuf_held(). The test of INT_MAX / 2 keeps the sum of all
 * datagrams from wrapping.
 */
static __always_inline enum skb_drop_reason
ttp_enqueue(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	unsigned int rmem = atomic_read(&sk->sk_rmem_alloc);
	unsigned int rcvbuf = READ_ONCE(sk->sk_rcvbuf);

	if (unlikely(rmem + skb->truesize > rcvbuf) &&
	    (rcvbuf > INT_MAX / 2 || rmem > ttp_rcvbuf_held(rcvbuf)))
		return SKB_DROP_REASON_SOCKET_RCVBUFF;
	if (unlikely(rmem > rcvbuf / 2))
		skb_condense(skb);

	/* Nobody asks for these any more: let devices go. */
	skb_dst_drop(skb);
	skb->dev = NULL;
	skb_orphan(skb);

	spin_lock(&queue->lock);
	if (unlikely(!ttp_charge(sk, skb->truesize))) {
		spin_unlock(&queue->lock);
		return SKB_DROP_REASON_PROTO_MEM;
	}
	sock_skb_set_dropcount(sk, skb);
	__skb_queue_tail(queue, skb);
	spin_unlock(&queue->lock);

	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
	return SKB_NOT_DROPPED_YET;
}

/**
 * ttp_queue_purge() - empty the queue
 * @sk: socket that nobody else knows any more
 *
 * Mirrors udp_destruct_common().
 */
void ttp_queue_purge(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb;

	spin_lock_bh(&queue->lock);
	while ((skb = __skb_dequeue(queue))) {
		ttp_uncharge(sk, skb->truesize);
		kfree_skb(skb);
	}
	spin_unlock_bh(&queue->lock);
}

/**
 * ttp_queue_rcv() - queue a datagram to a socket, or drop and count it
 * @tn: the namespace's state
 * @sk: socket that the datagram is for
 * @skb: checked packet, data at the TTP header; consumed
 *
 * IPsec policy, then the socket's filters (which see the header, as UDP's
 * do), then room. Mirrors udp_queue_rcv_one_skb().
 *
 * Context: softirq, RCU read side.
 */
void ttp_queue_rcv(struct ttp_net *tn, struct sock *sk, struct sk_buff *skb)
{
	enum skb_drop_reason reason;

	if (!xfrm4_policy_check(ttp_xfrm_sk(sk), XFRM_POLICY_IN, skb)) {
		TTP_INC_STATS(tn, INPOLICYDROPS);
		reason = SKB_DROP_REASON_XFRM_POLICY;
		goto drop;
	}
	nf_reset_ct(skb);

	reason = ttp_filter(sk, skb, sizeof(struct ttphdr));
	if (reason) {
		TTP_INC_STATS(tn, INFILTERDROPS);
		goto drop;
	}

	/* What a socket has heard last says where its flow comes in only if it
	 * has but one. An unconnected one that was marked would go on beating
	 * those bound later.
	 */
	if (READ_ONCE(inet_sk(sk)->inet_daddr)) {
		if (rfs_is_needed())
			sock_rps_save_rxhash(sk, skb);
		sk_mark_napi_id(sk, skb);
		sk_incoming_cpu_update(sk);
	} else {
		sk_mark_napi_id_once(sk, skb);
	}
	if (unlikely(inet_cmsg_flags(inet_sk(sk))))
		ttp_cmsg_prepare(sk, skb);
	/* From here on an skb's data is the payload. */
	__skb_pull(skb, sizeof(struct ttphdr));

	reason = ttp_enqueue(sk, skb);
	if (likely(!reason)) {
		TTP_INC_STATS(tn, INDATAGRAMS);
		return;
	}
	if (reason == SKB_DROP_REASON_SOCKET_RCVBUFF)
		TTP_INC_STATS(tn, INRCVBUFERRORS);
	else
		TTP_INC_STATS(tn, INMEMERRORS);
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
	enum skb_drop_reason reason = SKB_DROP_REASON_XFRM_POLICY;

	if (xfrm4_policy_check(ttp_xfrm_sk(sk), XFRM_POLICY_IN, skb)) {
		nf_reset_ct(skb);
		reason = ttp_filter(sk, skb, 1);
		if (!reason && inet_cmsg_flags(inet_sk(sk)))
			ttp_cmsg_prepare(sk, skb);
		if (!reason)
			reason = ttp_enqueue(sk, skb);
	}
	if (reason) {
		sk_drops_inc(sk);
		sk_skb_reason_drop(sk, skb, reason);
	}
}

static struct sk_buff *ttp_take(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb;

	spin_lock_bh(&queue->lock);
	skb = __skb_dequeue(queue);
	if (likely(skb))
		ttp_uncharge(sk, skb->truesize);
	spin_unlock_bh(&queue->lock);
	return skb;
}

/* The next datagram, or why there is none; NULL after shutdown(). Mirrors
 * __skb_recv_datagram().
 */
static noinline struct sk_buff *ttp_wait(struct sock *sk, int flags)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	struct sk_buff *skb;
	int err;

	do {
		err = sock_error(sk);
		if (err)
			break;
		if (sk_can_busy_loop(sk))
			sk_busy_loop(sk, flags & MSG_DONTWAIT);
		if (!skb_queue_empty_lockless(queue)) {
			skb = ttp_take(sk);
			if (skb)
				return skb;
		}
		err = -EAGAIN;
		/* An empty queue's last entry is the queue. */
	} while (timeo && !__skb_wait_for_more_packets(sk, queue, &err, &timeo,
						       (void *)queue));
	return ERR_PTR(err);
}

static inline void ttp_copy_name(struct sock *sk, struct msghdr *msg,
				 const struct sk_buff *skb)
{
	DECLARE_SOCKADDR(struct sockaddr_ttp *, addr, msg->msg_name);

	if (!addr)
		return;

	addr->sttp_family = AF_INET;
	addr->sttp_port = ttp_hdr(skb)->source;
	addr->sttp_addr.s_addr = ip_hdr(skb)->saddr;
	memset(addr->sttp_zero, 0, sizeof(addr->sttp_zero));
	msg->msg_namelen = sizeof(*addr);
	/* Programs do not refuse here.  Without memory for what they see, the
	 * address stays hidden.
	 */
	if (ttp_cgroup_bpf(sk, CGROUP_UDP4_RECVMSG) &&
	    sk->sk_type == SOCK_DGRAM &&
	    ttp_run_sock_addr(sk, msg->msg_name, CGROUP_UDP4_RECVMSG, NULL))
		msg->msg_namelen = 0;
	addr->sttp_family = sk->sk_family;
}

static inline int ttp_copy_payload(const struct sk_buff *skb, int off,
				   struct msghdr *msg, size_t len)
{
	size_t done;

	if (skb_is_nonlinear(skb))
		return skb_copy_datagram_msg(skb, off, msg, len);

	done = copy_to_iter(skb->data + off, len, &msg->msg_iter);
	if (likely(done == len))
		return 0;
	iov_iter_revert(&msg->msg_iter, done);
	return -EFAULT;
}

/* All that a datagram has to tell goes to the caller; the datagram goes. */
static __always_inline int ttp_give(struct sock *sk, struct sk_buff *skb,
				    int off, struct msghdr *msg, size_t len,
				    int flags)
{
	size_t ulen = skb->len;
	size_t copied = len;
	int err;

	if (copied > ulen - off)
		copied = ulen - off;
	else if (copied < ulen)
		msg->msg_flags |= MSG_TRUNC;

	err = ttp_copy_payload(skb, off, msg, copied);
	if (unlikely(err)) {
		if (!(flags & MSG_PEEK))
			sk_drops_inc(sk);
		kfree_skb(skb);
		return err;
	}

	sock_recv_cmsgs(msg, sk, skb);
	ttp_copy_name(sk, msg, skb);
	if (inet_cmsg_flags(inet_sk(sk)))
		ttp_cmsg_recv(msg, sk, skb, off);
	ttp_consume_skb(skb);
	return flags & MSG_TRUNC ? ulen : copied;
}

/* Looking takes nothing out, so the core can do it, SO_PEEK_OFF included. */
static noinline int ttp_peek(struct sock *sk, struct msghdr *msg, size_t len,
			     int flags)
{
	struct sk_buff *skb;
	int off, err;

	off = sk_peek_offset(sk, flags);
	skb = __skb_recv_datagram(sk, &sk->sk_receive_queue, flags, &off, &err);
	if (!skb)
		return err;
	err = ttp_give(sk, skb, off, msg, len, flags);
	if (err > 0)
		sk_peek_offset_fwd(sk, err);
	return err;
}

/**
 * ttp_recvmsg() - receive one datagram: struct proto_ops' recvmsg
 * @sock: socket
 * @msg: filled in: source address, payload, control messages, MSG_TRUNC
 * @len: room for the payload
 * @flags: MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, ...
 *
 * Mirrors inet_recvmsg() and udp_recvmsg().
 *
 * Context: process context, may sleep.
 * Return: bytes copied, the datagram's whole length with MSG_TRUNC, or an
 * errno.
 */
int ttp_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	struct sk_buff *skb = NULL;
	int ret;

	if (unlikely(flags & MSG_ERRQUEUE))
		return ttp_recv_error(sk, msg, len);
	sock_rps_record_flow(sk);
	if (unlikely(flags & MSG_PEEK))
		return ttp_peek(sk, msg, len, flags);

	if (likely(!READ_ONCE(sk->sk_err)) &&
	    !skb_queue_empty_lockless(&sk->sk_receive_queue))
		skb = ttp_take(sk);
	if (!skb) {
		skb = ttp_wait(sk, flags);
		if (IS_ERR_OR_NULL(skb))
			return PTR_ERR(skb);
	}

	ret = ttp_give(sk, skb, 0, msg, len, flags);
	/* SO_PEEK_OFF goes back as data leaves. */
	if (ret > 0)
		sk_peek_offset_bwd(sk, ret);
	return ret;
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
