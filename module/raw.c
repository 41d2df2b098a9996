// SPDX-License-Identifier: GPL-2.0
/*
 * SOCK_RAW: header and payload of every good TTP packet that reaches the
 * namespace, and a header of the caller's own on the way out. For tools that
 * watch or test the transport; needs CAP_NET_RAW.
 */
#include <linux/module.h>
#include <linux/rculist.h>
#include <net/ip.h>
#include <net/udp.h>

#include "lookup.h"

/* bind() to an address is enough: there is no port to own. */
static int ttp_raw_get_port(struct sock *sk, unsigned short snum)
{
	return 0;
}

/* A new raw socket hears its namespace at once. */
static int ttp_raw_init(struct sock *sk)
{
	struct ttp_net *tn = ttp_pernet(sock_net(sk));
	int err = ttp_init_sock(sk);

	if (err)
		return err;
	ttp_sk(sk)->special = TTP_IS_RAW;
	spin_lock_bh(&tn->lock);
	hlist_add_head_rcu(&sk->sk_node, &tn->raw);
	spin_unlock_bh(&tn->lock);
	return 0;
}

static void ttp_raw_destroy(struct sock *sk)
{
	struct ttp_net *tn = ttp_sk(sk)->tn;

	spin_lock_bh(&tn->lock);
	hlist_del_init_rcu(&sk->sk_node);
	spin_unlock_bh(&tn->lock);
	ttp_destroy(sk);
}

/* Called by disconnect, too, after which the socket goes on hearing all */
static void ttp_raw_unhash(struct sock *sk)
{
}

struct proto ttp_raw_prot = {
	.name = "TTP-RAW",
	.owner = THIS_MODULE,
	.close = ttp_close,
	.init = ttp_raw_init,
	.destroy = ttp_raw_destroy,
	.connect = ttp_connect_peer,
	.disconnect = ttp_disconnect,
	.ioctl = TTP_PROTO_IOCTL(ttp_ioctl),
	.release_cb = ip4_datagram_release_cb,
	.unhash = ttp_raw_unhash,
	.get_port = ttp_raw_get_port,
	.memory_allocated = &ttp_memory_allocated,
	.per_cpu_fw_alloc = &ttp_memory_per_cpu_fw_alloc,
	.sysctl_mem = ttp_mem_limits,
	.sysctl_rmem_offset = offsetof(struct net, ipv4.sysctl_udp_rmem_min),
	.sysctl_wmem_offset = offsetof(struct net, ipv4.sysctl_udp_wmem_min),
	.obj_size = sizeof(struct ttp_sock),
};

/**
 * ttp_raw_deliver() - show a packet to the raw sockets
 * @tn: the namespace's state
 * @skb: checked packet, data at the TTP header; stays the caller's
 *
 * To those whose address, peer and device match. Mirrors raw_v4_input().
 *
 * Context: softirq, RCU read side.
 */
void ttp_raw_deliver(struct ttp_net *tn, struct sk_buff *skb)
{
	struct ttp_flow flow = ttp_flow_in(skb);
	struct sk_buff *clone;
	struct sock *sk;

	sk_for_each_rcu(sk, &tn->raw) {
		if (!ttp_match(sk, &flow) || !ttp_mc_wants(sk, &flow))
			continue;
		clone = skb_clone(skb, GFP_ATOMIC);
		if (clone)
			ttp_queue_raw(sk, clone);
		else
			sk_drops_inc(sk);
	}
}

/* The header that the caller wrote, if the receiver would take it. */
static int ttp_raw_hdr(struct msghdr *msg, size_t len, struct ttphdr *th)
{
	if (len < sizeof(*th))
		return -EINVAL;
	if (memcpy_from_msg(th, msg, sizeof(*th)))
		return -EFAULT;
	if (th->vertype != TTP_VERTYPE(TTP_VERSION, TTP_TYPE_DATAGRAM) ||
	    th->flags || !th->source || !th->dest)
		return -EINVAL;
	return 0;
}

/**
 * ttp_raw_sendmsg() - send a packet whose header the caller wrote
 * @sk: raw socket
 * @msg: header and payload; the address' port is passed over
 * @len: length of both
 *
 * The header is checked, and its checksum is ours to write. With TTP_VERBATIM
 * the packet goes out as it is, whatever it is; it has no ports then that a
 * route could depend on.
 *
 * Context: process context, may sleep; takes no lock.
 * Return: @len, or an errno.
 */
int ttp_raw_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	bool verbatim = READ_ONCE(ttp_sk(sk)->verbatim);
	struct ttphdr th = {};
	struct ttp_request req;
	struct ttp_addrs addrs;
	size_t hlen;
	int err;

	if (len > U16_MAX)
		return -EMSGSIZE;
	if (msg->msg_flags & (MSG_OOB | MSG_MORE))
		return -EOPNOTSUPP;

	err = ttp_dest(sk, msg, &addrs);
	if (!err)
		err = ttp_make_request(sk, msg, &req);
	if (!err && !verbatim)
		err = ttp_raw_hdr(msg, len, &th);
	if (err)
		return err;

	addrs.sport = th.source;
	addrs.dport = th.dest;
	hlen = verbatim ? 0 : sizeof(th);
	err = ttp_send_request(sk, msg, len - hlen, hlen, &addrs, &req);
	return err ?: len;
}
