// SPDX-License-Identifier: GPL-2.0
/*
 * The family's own door: socket() and what a socket offers. Most calls go to
 * IPv4's own helpers, so a socket is bound, connected, named and closed by
 * the code that does it for UDP; here the addresses change family on the way.
 * The other door, AF_INET's, is in door.c; a socket's life is the same.
 */
#include <linux/bpf-cgroup.h>
#include <linux/module.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/udp.h>

#include "policy.h"

/* AF_TTP becomes AF_INET. AF_INET becomes what IPv4 will refuse with
 * EAFNOSUPPORT, as UDP refuses our family: a door speaks its own family only.
 */
static sa_family_t ttp_swap_family(sa_family_t family)
{
	switch (family) {
	case AF_TTP:
		return AF_INET;
	case AF_INET:
		return AF_TTP;
	default:
		return family;
	}
}

/* A copy with the family swapped; IPv4 judges @len, so it stays the caller's.
 * Raw sockets have no port, so whatever stands there is passed over, as raw(7)
 * has it.
 */
static struct sockaddr_unsized *
ttp_inet_addr(const struct socket *sock, struct sockaddr_in *sin,
	      const struct sockaddr_unsized *uaddr, int len)
{
	memset(sin, 0, sizeof(*sin));
	memcpy(sin, uaddr, min_t(int, len, sizeof(*sin)));
	sin->sin_family = ttp_swap_family(sin->sin_family);
	if (sock->type == SOCK_RAW)
		sin->sin_port = 0;
	return (struct sockaddr_unsized *)sin;
}

static int ttp_bind(struct socket *sock, struct sockaddr_unsized *uaddr,
		    int len)
{
	struct sockaddr_in sin;
	int err = 0;

	uaddr = ttp_inet_addr(sock, &sin, uaddr, len);
	if (len >= (int)sizeof(sin) && sock->type == SOCK_DGRAM &&
	    ttp_cgroup_bpf(sock->sk, CGROUP_INET4_BIND))
		err = ttp_run_sock_addr(sock->sk, &sin, CGROUP_INET4_BIND,
					NULL);
	return err ?: inet_bind(sock, uaddr, len);
}

static int ttp_connect(struct socket *sock, struct sockaddr_unsized *uaddr,
		       int len, int flags)
{
	struct sockaddr_in sin;

	return inet_dgram_connect(sock, ttp_inet_addr(sock, &sin, uaddr, len),
				  len, flags);
}

static int ttp_getname(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)uaddr;
	int len = inet_getname(sock, uaddr, peer);
	int err = 0;

	if (len < 0)
		return len;
	if (peer && ttp_cgroup_bpf(sock->sk, CGROUP_INET4_GETPEERNAME))
		err = ttp_run_sock_addr(sock->sk, sin,
					CGROUP_INET4_GETPEERNAME, NULL);
	else if (!peer && ttp_cgroup_bpf(sock->sk, CGROUP_INET4_GETSOCKNAME))
		err = ttp_run_sock_addr(sock->sk, sin,
					CGROUP_INET4_GETSOCKNAME, NULL);
	uaddr->sa_family = AF_TTP;
	return err ?: len;
}

/* The last thing that happens to a socket, when no skb refers to it either */
static void ttp_destruct(struct sock *sk)
{
	ttp_queue_purge(sk);
	ttp_forget_route(sk);
	ttp_policy_free(sk);
	inet_sock_destruct(sk);
}

/**
 * ttp_init_sock() - make an IPv4 socket one of TTP: struct proto's init
 * @sk: new socket, as inet_create() fills it in
 *
 * Context: process context.
 * Return: 0.
 */
int ttp_init_sock(struct sock *sk)
{
	sk->sk_destruct = ttp_destruct;
	/* Receivers find it under RCU and take no reference. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	ttp_sk(sk)->tn = ttp_pernet(sock_net(sk));
	seqlock_init(&ttp_sk(sk)->memo.lock);
	/* Identifications of packets; connect() will choose again, and so will
	 * ttp_remember().
	 */
	atomic_set(&inet_sk(sk)->inet_id, get_random_u16());
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	return 0;
}

void ttp_close(struct sock *sk, long timeout)
{
	sk_common_release(sk);
}

void ttp_destroy(struct sock *sk)
{
	lock_sock(sk);
	ttp_cork_drop(sk);
	release_sock(sk);
	ttp_policy_release(sk);
	ttp_peer_del(sk);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
}

struct proto ttp_prot = {
	.name = "TTP",
	.owner = THIS_MODULE,
	.close = ttp_close,
	.init = ttp_init_sock,
	.destroy = ttp_destroy,
	.pre_connect = ttp_pre_connect,
	.connect = ttp_connect_peer,
	.disconnect = ttp_disconnect,
	.ioctl = TTP_PROTO_IOCTL(ttp_ioctl),
	.release_cb = ip4_datagram_release_cb,
	.unhash = ttp_put_port,
	.rehash = ttp_rehash,
	.get_port = ttp_get_port,
	.put_port = ttp_put_port,
	.memory_allocated = &ttp_memory_allocated,
	.per_cpu_fw_alloc = &ttp_memory_per_cpu_fw_alloc,
	.sysctl_mem = ttp_mem_limits,
	.sysctl_rmem_offset = offsetof(struct net, ipv4.sysctl_udp_rmem_min),
	.sysctl_wmem_offset = offsetof(struct net, ipv4.sysctl_udp_wmem_min),
	.obj_size = sizeof(struct ttp_sock),
};

static const struct proto_ops ttp_ops = {
	.family = PF_TTP,
	.owner = THIS_MODULE,
	.release = inet_release,
	.bind = ttp_bind,
	.connect = ttp_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = ttp_getname,
	.poll = datagram_poll,
	.ioctl = inet_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = ttp_compat_ioctl,
#endif
	.gettstamp = sock_gettstamp,
	.listen = sock_no_listen,
	.shutdown = inet_shutdown,
	.setsockopt = ttp_setsockopt,
	.getsockopt = ttp_getsockopt,
	.sendmsg = ttp_sendmsg,
	.recvmsg = ttp_recvmsg,
	.mmap = sock_no_mmap,
	.set_peek_off = sk_set_peek_off,
	TTP_SPLICE_EOF
	TTP_SENDPAGE
};

/* What inet_create() gives every IPv4 socket */
static void ttp_init_inet(struct socket *sock, struct sock *sk)
{
	struct net *net = sock_net(sk);
	struct inet_sock *inet = inet_sk(sk);

	sock_init_data(sock, sk);
	sk->sk_protocol = IPPROTO_TTP;
	sk->sk_txrehash = READ_ONCE(net->core.sysctl_txrehash);

	inet->pmtudisc = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc) ?
			 IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	inet_set_bit(MC_LOOP, sk);
	inet_set_bit(MC_ALL, sk);
}

static int ttp_create(struct net *net, struct socket *sock, int protocol,
		      int kern)
{
	struct sock *sk;
	int err;

	if (protocol < 0 || protocol >= IPPROTO_MAX)
		return -EINVAL;
	if (sock->type != SOCK_DGRAM && sock->type != SOCK_RAW)
		return -ESOCKTNOSUPPORT;
	if (protocol && protocol != IPPROTO_TTP)
		return -EPROTONOSUPPORT;
	if (sock->type == SOCK_RAW && !kern &&
	    !ns_capable(net->user_ns, CAP_NET_RAW))
		return -EPERM;

	sk = sk_alloc(net, PF_TTP, GFP_KERNEL,
		      sock->type == SOCK_RAW ? &ttp_raw_prot : &ttp_prot, kern);
	if (!sk)
		return -ENOMEM;

	sock->state = SS_UNCONNECTED;
	sock->ops = &ttp_ops;
	ttp_custom_sockopt(sock);
	ttp_init_inet(sock, sk);
	err = sk->sk_prot->init(sk);

	if (!err && !kern)
		err = BPF_CGROUP_RUN_PROG_INET_SOCK(sk);
	if (err) {
		sk_common_release(sk);
		sock->sk = NULL;
	}
	return err;
}

const struct net_proto_family ttp_family = {
	.family = PF_TTP,
	.create = ttp_create,
	.owner = THIS_MODULE,
};
