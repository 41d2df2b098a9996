// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams that are not plain: with control messages, IPv4 options, flags or
 * time stamps of their own; raw sockets'; and those that come in pieces, by
 * MSG_MORE or TTP_CORK.
 */
#include "build.h"

/**
 * struct ttp_cork - the pieces so far
 * @skb: them all in one packet, with the route, headers not yet written
 * @fragsize: length of fragments, as the first piece has found it
 * @req: what the first piece asked for
 */
struct ttp_cork {
	struct sk_buff *skb;
	u32 fragsize;
	struct ttp_request req;
};

/* Where from, where to: of the first piece, or of a connect() since, which
 * writes it where UDP keeps it, too.
 */
static struct ttp_addrs ttp_cork_addrs(const struct sock *sk)
{
	const struct flowi4 *fl4 = &inet_sk(sk)->cork.fl.u.ip4;

	return (struct ttp_addrs) {
		.saddr = fl4->saddr,
		.daddr = fl4->daddr,
		.sport = fl4->fl4_sport,
		.dport = fl4->fl4_dport,
	};
}

static void ttp_set_special(struct ttp_sock *tsk, u8 bit, bool on)
{
	WRITE_ONCE(tsk->special, on ? tsk->special | bit : tsk->special & ~bit);
}

/* The pieces, which are no longer the socket's */
static struct ttp_cork *ttp_cork_take(struct ttp_sock *tsk)
{
	struct ttp_cork *cork = tsk->cork;

	WRITE_ONCE(tsk->cork, NULL);
	ttp_set_special(tsk, TTP_IS_PENDING, false);
	return cork;
}

static void ttp_cork_free(struct ttp_cork *cork)
{
	if (cork)
		kfree_skb(cork->skb);
	kfree(cork);
}

/* Mirrors udp_push_pending_frames(). */
static int ttp_cork_push(struct sock *sk)
{
	struct ttp_cork *cork = ttp_cork_take(ttp_sk(sk));
	struct ttp_addrs addrs = ttp_cork_addrs(sk);
	struct sk_buff *skb;
	struct rtable *rt;

	if (!cork)
		return 0;
	skb = cork->skb;
	rt = skb_rtable(skb);
	if (!cork->req.with_tos)
		ttp_late_tos(sk, &cork->req.tos, &cork->req.priority);
	ttp_finish_skb(sk, skb, sizeof(struct ttphdr), &addrs, rt,
		       dst_mtu(&rt->dst), &cork->req);
	/* Also without time stamps, for the MTU may be another by now. */
	if (skb->len > cork->fragsize)
		ttp_split_skb(sk, skb, cork->fragsize);
	kfree(cork);
	return ttp_send_skb(sk, skb);
}

/* One more piece. A failure costs all of them, as with UDP; so does a piece that
 * makes them too long.
 */
static int ttp_cork_append(struct sock *sk, struct msghdr *msg, size_t len)
{
	const struct ttp_cork *cork = ttp_sk(sk)->cork;
	struct ttp_addrs addrs = ttp_cork_addrs(sk);
	struct sk_buff *skb = cork->skb;
	int err;

	err = ttp_check_len(sk, &addrs, &cork->req,
			    skb->len - skb_transport_offset(skb) + len,
			    cork->fragsize);
	if (err)
		return err;
	/* The bound that UDP sets when another fragment begins */
	if (skb->len + len > cork->fragsize &&
	    sk_wmem_alloc_get(sk) > 2 * READ_ONCE(sk->sk_sndbuf))
		return -ENOBUFS;
	return ttp_copy_to_frags(sk, skb, msg, len);
}

/* The first piece. The route's reference goes to the packet. */
static int ttp_cork_start(struct sock *sk, struct msghdr *msg, size_t len,
			  const struct ttp_addrs *addrs, struct rtable *rt,
			  const struct ttp_request *req)
{
	const unsigned int thlen = sizeof(struct ttphdr);
	u32 fragsize = ttp_fragsize(sk, rt, dst_mtu(&rt->dst));
	struct ttp_cork *cork;
	int err;

	cork = kmalloc(sizeof(*cork), sk->sk_allocation);
	err = cork ? ttp_check_len(sk, addrs, req, thlen + len, fragsize) :
		     -ENOBUFS;
	if (err)
		goto failed;
	cork->skb = ttp_make_skb(sk, msg, len, thlen, rt, fragsize, req);
	err = PTR_ERR_OR_ZERO(cork->skb);
	if (err)
		goto failed;

	ttp_stamp_skb(cork->skb, req, msg);
	skb_dst_set(cork->skb, &rt->dst);
	inet_sk(sk)->cork.fl.u.ip4 = (struct flowi4) {
		.saddr = addrs->saddr,
		.daddr = addrs->daddr,
		.fl4_sport = addrs->sport,
		.fl4_dport = addrs->dport,
	};
	cork->fragsize = fragsize;
	cork->req = *req;
	WRITE_ONCE(ttp_sk(sk)->cork, cork);
	ttp_set_special(ttp_sk(sk), TTP_IS_PENDING, true);
	return 0;

failed:
	kfree(cork);
	ip_rt_put(rt);
	return err;
}

/* A piece for what is there already; then only its payload and MSG_MORE and
 * MSG_PROBE of its flags count. Mirrors the end of udp_sendmsg().
 */
static int ttp_cork_add(struct sock *sk, struct msghdr *msg, size_t len,
			bool more)
{
	int err = 0;

	if (!(msg->msg_flags & MSG_PROBE))
		err = ttp_cork_append(sk, msg, len);
	if (err) {
		ttp_count_failure(sk, err);
		ttp_cork_free(ttp_cork_take(ttp_sk(sk)));
	} else if (!more) {
		err = ttp_cork_push(sk);
	}
	return err;
}

/**
 * ttp_split_skb() - lay a packet out as the fragments that it will become
 * @sk: socket that owns it
 * @skb: packet with its IPv4 header, longer than @fragsize
 * @fragsize: length of a fragment; ttp_check_len() has accepted it
 *
 * The packet stays one, but its parts are a list. IPv4 turns such a list into
 * fragments as it is, so that the first fragment keeps the requests for time
 * stamps. IPv4 copies any other packet into its fragments, and the requests are
 * lost. It does so, too, with what is left when there is no memory, or when the
 * parts hold more than UDP's may. They are cut off from the end, so that none
 * needs memory for more than its own data.
 *
 * Context: process context, may sleep.
 */
void ttp_split_skb(struct sock *sk, struct sk_buff *skb, u32 fragsize)
{
	unsigned int hlen = skb_transport_offset(skb);
	unsigned int room = (fragsize - hlen) & ~7U;
	unsigned int headroom = skb_headroom(skb) + hlen;
	struct sk_buff *part, *list = NULL;
	unsigned int off, rest, added = 0;

	if (WARN_ON_ONCE(fragsize < IPV4_MIN_MTU))
		return;
	off = hlen + (skb->len - hlen - 1) / room * room;
	for (; off > hlen; off -= room) {
		if (sk_wmem_alloc_get(sk) > 2 * READ_ONCE(sk->sk_sndbuf))
			break;
		rest = skb_headlen(skb) > off ? skb_headlen(skb) - off : 0;
		part = alloc_skb(headroom + rest, sk->sk_allocation);
		if (!part)
			break;
		skb_reserve(part, headroom);
		skb_split(skb, part, off);
		/* Of what its owner is charged for, and each part is. */
		skb->truesize += part->truesize;
		refcount_add(part->truesize, &sk->sk_wmem_alloc);
		part->truesize += part->data_len;
		added += part->len;
		part->next = list;
		list = part;
	}
	skb_shinfo(skb)->frag_list = list;
	skb->len += added;
	skb->data_len += added;
}

/**
 * ttp_cork_drop() - throw away what has not been sent
 * @sk: socket
 *
 * Mirrors udp_flush_pending_frames().
 *
 * Context: process context, the socket's lock held or nobody else's socket.
 */
void ttp_cork_drop(struct sock *sk)
{
	ttp_cork_free(ttp_cork_take(ttp_sk(sk)));
}

/**
 * ttp_set_cork() - TTP_CORK
 * @sk: socket
 * @on: collect; else what has been collected is sent
 *
 * Context: process context, may sleep.
 */
void ttp_set_cork(struct sock *sk, bool on)
{
	lock_sock(sk);
	ttp_set_special(ttp_sk(sk), TTP_IS_CORKED, on);
	if (!on)
		ttp_cork_push(sk);
	release_sock(sk);
}

/**
 * ttp_splice_eof() - sendfile() has no more: struct proto_ops' splice_eof
 * @sock: socket
 *
 * Context: process context, may sleep.
 */
void ttp_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (READ_ONCE(ttp_sk(sk)->special) != TTP_IS_PENDING)
		return;
	lock_sock(sk);
	if (ttp_sk(sk)->special == TTP_IS_PENDING)
		ttp_cork_push(sk);
	release_sock(sk);
}

/* MSG_CONFIRM: the neighbour answers. MSG_PROBE: go no further than that.
 * Return: is that all?
 */
static bool ttp_confirm(const struct msghdr *msg,
			const struct ttp_addrs *addrs, struct rtable *rt)
{
	if (!(msg->msg_flags & MSG_PROBE))
		return false;
	if (msg->msg_flags & MSG_CONFIRM)
		dst_confirm_neigh(&rt->dst, &addrs->daddr);
	ip_rt_put(rt);
	return true;
}

/**
 * ttp_send_request() - send a datagram that asks for something
 * @sk: socket
 * @msg: payload, flags
 * @len: length of the payload
 * @thlen: length of the header to write before it: 8, or 0 if it is in there
 * @addrs: destination address and both ports; the source is filled in
 * @req: what it asks for
 *
 * Context: process context, may sleep; takes no lock.
 * Return: 0 or an errno.
 */
int ttp_send_request(struct sock *sk, struct msghdr *msg, size_t len,
		     unsigned int thlen, struct ttp_addrs *addrs,
		     struct ttp_request *req)
{
	struct rtable *rt = ttp_route_for(sk, msg, addrs, req);

	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (ttp_confirm(msg, addrs, rt))
		return 0;
	return ttp_send_on(sk, msg, len, thlen, addrs, rt, req);
}

/* The first of many pieces, unless another thread's came first. */
static int ttp_send_corked(struct sock *sk, struct msghdr *msg, size_t len,
			   struct ttp_addrs *addrs, struct ttp_request *req)
{
	struct rtable *rt = ttp_route_for(sk, msg, addrs, req);
	int err;

	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (ttp_confirm(msg, addrs, rt))
		return 0;

	lock_sock(sk);
	if (ttp_sk(sk)->cork) {
		ip_rt_put(rt);
		err = -EINVAL;
	} else {
		err = ttp_cork_start(sk, msg, len, addrs, rt, req);
		if (err)
			ttp_count_failure(sk, err);
	}
	release_sock(sk);
	return err;
}

/* What is pending takes a piece before that is looked at any closer.
 * Return: 0, an errno, or 1 if there is nothing.
 */
static int ttp_send_piece(struct sock *sk, struct msghdr *msg, size_t len,
			  bool more)
{
	int err = 1;

	if (!READ_ONCE(ttp_sk(sk)->cork))
		return 1;
	lock_sock(sk);
	if (ttp_sk(sk)->cork)
		err = ttp_cork_add(sk, msg, len, more);
	release_sock(sk);
	return err;
}

/* What cgroup BPF says of a datagram with an address, or with control messages:
 * it may change where from and where to.
 */
static int ttp_sendmsg_prog(struct sock *sk, struct msghdr *msg,
			    struct ttp_addrs *addrs, struct ttp_request *req)
{
	DECLARE_SOCKADDR(struct sockaddr_in *, sin, msg->msg_name);
	int err;

	if (!ttp_cgroup_bpf(sk, CGROUP_UDP4_SENDMSG) ||
	    (!sin && !msg->msg_controllen))
		return 0;
	if (sin && sin->sin_family == sk->sk_family)
		sin->sin_family = AF_INET;
	err = ttp_run_sock_addr(sk, sin, CGROUP_UDP4_SENDMSG, &req->saddr);
	if (err || !sin)
		return err;
	addrs->daddr = sin->sin_addr.s_addr;
	addrs->dport = sin->sin_port;
	return addrs->dport ? 0 : -EINVAL;
}

/**
 * ttp_send_special() - the rest of ttp_sendmsg() for what is not plain
 * @sk: socket, raw ones included
 * @msg: address, payload, flags, control messages
 * @len: length of the payload
 *
 * Context: process context, may sleep; takes the socket's lock if it corks.
 * Return: as ttp_sendmsg().
 */
int ttp_send_special(struct sock *sk, struct msghdr *msg, size_t len)
{
	bool more = READ_ONCE(ttp_sk(sk)->special) & TTP_IS_CORKED ||
		    msg->msg_flags & MSG_MORE;
	struct ttp_request req;
	struct ttp_addrs addrs;
	int err;

	if (sk->sk_type == SOCK_RAW)
		return ttp_raw_sendmsg(sk, msg, len);

	addrs.sport = READ_ONCE(inet_sk(sk)->inet_sport) ?: ttp_autobind(sk);
	if (!addrs.sport)
		return -EAGAIN;
	if (len > U16_MAX)
		return -EMSGSIZE;
	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;

	err = ttp_send_piece(sk, msg, len, more);
	if (err <= 0)
		return err ?: len;

	err = ttp_dest(sk, msg, &addrs);
	if (err)
		return err;
	if (!addrs.dport)
		return -EINVAL;
	err = ttp_make_request(sk, msg, &req);
	if (!err)
		err = ttp_sendmsg_prog(sk, msg, &addrs, &req);
	if (err)
		return err;

	if (more)
		err = ttp_send_corked(sk, msg, len, &addrs, &req);
	else
		err = ttp_send_request(sk, msg, len, sizeof(struct ttphdr),
				       &addrs, &req);
	return err ?: len;
}
