// SPDX-License-Identifier: GPL-2.0
/*
 * Control messages: what a sender asks for one datagram, IPv4 options included,
 * and what a receiver is told of one.
 */
#include <linux/inetdevice.h>
#include <net/ip.h>
#include <net/ip_fib.h>
#include <net/route.h>

#include "ttp.h"

/* IPCB()'s flags are 16 bits, of which IPv4 uses the first eleven: what
 * IP_PKTINFO tells has been filled in.
 */
#define TTP_SKB_PKTINFO		BIT(15)

/* Options as a program writes them. Mirrors ip_options_get(). */
static int ttp_get_options(struct sock *sk, struct ttp_request *req,
			   const void *data, size_t len)
{
	struct ip_options *opt = ttp_options(req);
	struct net *net = sock_net(sk);

	len = min_t(size_t, len, MAX_IPOPTLEN);
	memset(req->options, 0, sizeof(req->options));
	memcpy(opt->__data, data, len);
	/* The zeroes behind an odd length are ends of options. */
	opt->optlen = round_up(len, 4);
	req->with_options = true;

	if (len && ip_options_compile(net, opt, NULL))
		return -EINVAL;
	if (opt->srr && !ns_capable(net->user_ns, CAP_NET_RAW))
		return -EPERM;
	return 0;
}

static int ttp_get_byte(const struct cmsghdr *cmsg, int least, u8 *to)
{
	int val;

	if (cmsg->cmsg_len != CMSG_LEN(sizeof(val)))
		return -EINVAL;
	val = *(int *)CMSG_DATA(cmsg);
	if (val < least || val > 255)
		return -EINVAL;
	*to = val;
	return 0;
}

static int ttp_get_tos(const struct cmsghdr *cmsg, struct ttp_request *req)
{
	int err = 0;

	if (cmsg->cmsg_len == CMSG_LEN(sizeof(u8)))
		req->tos = *(u8 *)CMSG_DATA(cmsg);
	else
		err = ttp_get_byte(cmsg, 0, &req->tos);
	if (err)
		return err;
	req->priority = rt_tos2priority(req->tos);
	req->with_tos = true;
	return 0;
}

static int ttp_ip_cmsg(struct sock *sk, struct cmsghdr *cmsg,
		       struct ttp_request *req)
{
	const struct in_pktinfo *info;
	u8 unused;

	switch (cmsg->cmsg_type) {
	case IP_RETOPTS:
		return ttp_get_options(sk, req, CMSG_DATA(cmsg),
				       cmsg->cmsg_len - sizeof(*cmsg));
	case IP_PKTINFO:
		if (cmsg->cmsg_len != CMSG_LEN(sizeof(*info)))
			return -EINVAL;
		info = CMSG_DATA(cmsg);
		if (info->ipi_ifindex)
			req->oif = info->ipi_ifindex;
		req->saddr = info->ipi_spec_dst.s_addr;
		return 0;
	case IP_TTL:
		return ttp_get_byte(cmsg, 1, &req->ttl);
	case IP_TOS:
		return ttp_get_tos(cmsg, req);
	case IP_PROTOCOL:
		/* For raw sockets that write no header; UDP takes it, too. */
		return ttp_get_byte(cmsg, 1, &unused);
	default:
		return -EINVAL;
	}
}

/* What the socket asks of all that it sends */
static void ttp_request_init(struct sock *sk, struct ttp_request *req)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct ip_options_rcu *opt;

	sockcm_init(&req->sockc, sk);
	req->sockc.mark = READ_ONCE(sk->sk_mark);
	req->saddr = inet->inet_saddr;
	req->oif = READ_ONCE(sk->sk_bound_dev_if);
	req->priority = READ_ONCE(sk->sk_priority);
	req->tos = READ_ONCE(inet->tos);
	req->ttl = 0;
	req->with_tos = false;
	req->with_options = false;

	rcu_read_lock();
	opt = rcu_dereference(inet->inet_opt);
	if (opt) {
		memcpy(req->options, &opt->opt,
		       sizeof(opt->opt) + opt->opt.optlen);
		req->with_options = true;
	}
	rcu_read_unlock();
}

/**
 * ttp_make_request() - what a datagram asks for
 * @sk: socket, whose options come first
 * @msg: with or without control messages, which go before
 * @req: filled in
 *
 * Messages of levels that are not a datagram's are passed over. Mirrors
 * ip_cmsg_send().
 *
 * Context: process context.
 * Return: 0, -EINVAL or -EPERM.
 */
int ttp_make_request(struct sock *sk, struct msghdr *msg,
		     struct ttp_request *req)
{
	struct cmsghdr *cmsg;
	int err;

	ttp_request_init(sk, req);
	if (!msg->msg_controllen)
		return 0;

	for_each_cmsghdr(cmsg, msg) {
		err = 0;
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		switch (cmsg->cmsg_level) {
		case SOL_SOCKET:
			err = ttp_sock_cmsg_send(sk, msg, cmsg, &req->sockc,
						 &req->priority);
			break;
		case SOL_IP:
			err = ttp_ip_cmsg(sk, cmsg, req);
			break;
		case SOL_TTP:
			return -EINVAL;
		}
		if (err)
			return err;
	}
	return 0;
}

/* The last @n bytes that an option's pointer has passed, less what follows */
static inline u8 *ttp_option_slot(u8 *iph, u8 option, int back)
{
	return iph + option + iph[option + 2] - 1 - back;
}

static __be32 ttp_midnight_ms(void)
{
	struct timespec64 ts;
	u32 secs;

	ktime_get_real_ts64(&ts);
	div_u64_rem(ts.tv_sec, 86400, &secs);
	return htonl(secs * MSEC_PER_SEC + ts.tv_nsec / NSEC_PER_MSEC);
}

/**
 * ttp_options_build() - write IPv4 options behind the header
 * @skb: packet whose header is complete, with room
 * @req: has options
 *
 * Mirrors ip_options_build().
 */
void ttp_options_build(struct sk_buff *skb, const struct ttp_request *req)
{
	const struct ip_options *opt = ttp_options(req);
	struct iphdr *iph = ip_hdr(skb);
	u8 *start = (u8 *)iph;
	__be32 ms;

	/* For who fragments or forwards it */
	memcpy(&IPCB(skb)->opt, opt, sizeof(*opt));
	memcpy(iph + 1, opt->__data, opt->optlen);
	iph->ihl += opt->optlen / 4;

	/* The pointers have been moved on already. */
	if (opt->srr)
		memcpy(start + opt->srr + start[opt->srr + 1] - 4, &req->dest,
		       4);
	if (opt->rr_needaddr)
		memcpy(ttp_option_slot(start, opt->rr, 4), &iph->saddr, 4);
	if (opt->ts_needaddr)
		memcpy(ttp_option_slot(start, opt->ts, 8), &iph->saddr, 4);
	if (opt->ts_needtime) {
		ms = ttp_midnight_ms();
		memcpy(ttp_option_slot(start, opt->ts, 4), &ms, 4);
	}
}

/**
 * ttp_stamp_skb() - ask for time stamps, and for word of the neighbour
 * @skb: packet, the socket's
 * @req: what the datagram asks for
 * @msg: its flags
 */
void ttp_stamp_skb(struct sk_buff *skb, const struct ttp_request *req,
		   const struct msghdr *msg)
{
	ttp_setup_tx_timestamp(skb, &req->sockc);
	if (msg->msg_flags & MSG_CONFIRM)
		skb_set_dst_pending_confirm(skb, 1);
}

/* The source address that a route prefers. Mirrors fib_result_prefsrc(). */
static __be32 ttp_prefsrc(const struct fib_result *res)
{
	const struct fib_nh_common *nhc = res->nhc;
	__be32 gw = nhc->nhc_family == AF_INET ? nhc->nhc_gw.ipv4 : 0;

	return res->fi->fib_prefsrc ?:
	       inet_select_addr(nhc->nhc_dev, gw, res->fi->fib_scope);
}

/* The address of this host that an answer to @skb comes from. Mirrors
 * fib_compute_spec_dst(), which is not exported: a look-up without protocol,
 * device and user, but with the packet's TOS, and with its mark if
 * src_valid_mark is on.
 */
static __be32 ttp_spec_dst(const struct sk_buff *skb, const struct rtable *rt)
{
	const struct iphdr *iph = ip_hdr(skb);
	struct net_device *dev = skb->dev;
	struct in_device *in_dev = __in_dev_get_rcu(dev);
	struct fib_result res;
	struct flowi4 fl4;

	if ((rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST | RTCF_LOCAL)) ==
	    RTCF_LOCAL)
		return iph->daddr;
	if (ipv4_is_zeronet(iph->saddr))
		return inet_select_addr(dev, iph->saddr, RT_SCOPE_LINK);

	flowi4_init_output(&fl4, 0,
			   in_dev && IN_DEV_SRC_VMARK(in_dev) ? skb->mark : 0,
			   iph->tos & TTP_RT_TOS_MASK, RT_SCOPE_UNIVERSE, 0, 0,
			   iph->saddr, 0, 0, 0, GLOBAL_ROOT_UID);
	fl4.flowi4_l3mdev = l3mdev_master_ifindex_rcu(dev);
	if (!fib_lookup(dev_net(dev), &fl4, &res, 0))
		return ttp_prefsrc(&res);
	return inet_select_addr(dev, iph->saddr, RT_SCOPE_UNIVERSE);
}

/**
 * ttp_cmsg_prepare() - keep what control messages will tell
 * @sk: socket that asked for some
 * @skb: packet with its route and device still, data at the TTP header
 *
 * Mirrors ipv4_pktinfo_prepare().
 *
 * Context: softirq, RCU read side.
 */
void ttp_cmsg_prepare(struct sock *sk, struct sk_buff *skb)
{
	struct in_pktinfo *info = PKTINFO_SKB_CB(skb);
	const struct rtable *rt = skb_rtable(skb);

	/* IP_CHECKSUM is of what the socket receives: of the payload alone,
	 * or at a raw socket of the header, too.
	 */
	if (sk->sk_type != SOCK_RAW)
		skb_postpull_rcsum(skb, skb->data, sizeof(struct ttphdr));

	if (!(inet_cmsg_flags(inet_sk(sk)) & IP_CMSG_PKTINFO) || !rt)
		return;
	/* The device's index comes first in IPCB(), too. */
	if (info->ipi_ifindex == LOOPBACK_IFINDEX)
		info->ipi_ifindex = inet_iif(skb);
	else if (ipv4_l3mdev_skb(IPCB(skb)->flags) && rt->rt_iif)
		info->ipi_ifindex = rt->rt_iif;
	IPCB(skb)->flags |= TTP_SKB_PKTINFO;
	info->ipi_spec_dst.s_addr = ttp_spec_dst(skb, rt);
}

/* Through a buffer of ours, so that a name can be given the family of the door
 * that the socket came by: the core knows AF_INET only.
 */
static noinline void ttp_cmsg_rename(struct msghdr *msg, struct sock *sk,
				     struct sk_buff *skb, int thlen, int off)
{
	char room[512] __aligned(sizeof(long));
	struct msghdr copy = {
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	struct cmsghdr *cmsg;

	ip_cmsg_recv_offset(&copy, sk, skb, thlen, off);
	copy.msg_controllen = sizeof(room) - copy.msg_controllen;
	copy.msg_control = room;
	msg->msg_flags |= copy.msg_flags;

	for_each_cmsghdr(cmsg, &copy) {
		if (cmsg->cmsg_type == IP_ORIGDSTADDR)
			((struct sockaddr_ttp *)CMSG_DATA(cmsg))->sttp_family =
				sk->sk_family;
		put_cmsg(msg, cmsg->cmsg_level, cmsg->cmsg_type,
			 cmsg->cmsg_len - sizeof(*cmsg), CMSG_DATA(cmsg));
	}
}

/**
 * ttp_cmsg_copy() - write the control messages of SOL_IP
 * @msg: where to
 * @sk: socket that asked for some
 * @skb: packet
 * @thlen: length of the header that is not part of the data
 * @off: offset in the payload, not zero if the socket peeks
 */
void ttp_cmsg_copy(struct msghdr *msg, struct sock *sk, struct sk_buff *skb,
		   int thlen, int off)
{
	if (sk->sk_family != AF_INET &&
	    inet_cmsg_flags(inet_sk(sk)) & IP_CMSG_ORIGDSTADDR)
		ttp_cmsg_rename(msg, sk, skb, thlen, off);
	else
		ip_cmsg_recv_offset(msg, sk, skb, thlen, off);
}

/**
 * ttp_cmsg_recv() - tell a receiver of a datagram
 * @msg: where to
 * @sk: socket that asked for control messages of SOL_IP
 * @skb: datagram, data at the payload, or at the TTP header for a raw socket
 * @off: offset in the data
 */
void ttp_cmsg_recv(struct msghdr *msg, struct sock *sk, struct sk_buff *skb,
		   int off)
{
	/* IP_PKTINFO came after the datagram. */
	if (!(IPCB(skb)->flags & TTP_SKB_PKTINFO))
		memset(PKTINFO_SKB_CB(skb), 0,
		       offsetof(struct in_pktinfo, ipi_addr));
	ttp_cmsg_copy(msg, sk, skb, -skb_transport_offset(skb), off);
}
