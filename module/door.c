// SPDX-License-Identifier: GPL-2.0
/*
 * The second door: socket(AF_INET, SOCK_DGRAM, IPPROTO_TTP), for languages whose
 * libraries know struct sockaddr_in only, and for policies that look for
 * AF_INET. Behind it is the same transport, struct proto and all: the same
 * ports, and datagrams that do not tell by which door they came. Addresses
 * have the family of the door that they pass.
 */
#include <linux/module.h>
#include <net/inet_common.h>
#include <net/protocol.h>

#include "policy.h"

/**
 * ttp_pre_connect() - what cgroup BPF says of a connect(): struct proto's hook
 * @sk: socket
 * @uaddr: the peer, which a program may change
 * @len: length of @uaddr
 *
 * Mirrors udp_pre_connect(), for the same two reasons: connect() checks the
 * length too late for a program, and not all callers know it.
 *
 * Context: process context, may sleep.
 * Return: 0 or an errno.
 */
int ttp_pre_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int len)
{
	if (len < sizeof(struct sockaddr_in))
		return -EINVAL;

	if (!ttp_cgroup_bpf(sk, CGROUP_INET4_CONNECT))
		return 0;
	return ttp_run_sock_addr(sk, (struct sockaddr_in *)uaddr,
				 CGROUP_INET4_CONNECT, NULL);
}

#ifdef CONFIG_COMPAT
/**
 * ttp_compat_ioctl() - struct proto_ops' compat_ioctl, at both doors
 * @sock: socket
 * @cmd: of those that a 32-bit program may use, those with an argument of its
 *	own layout: routes
 * @arg: pointer
 *
 * IPv4's own, which it does not export but here.
 *
 * Context: process context, may sleep.
 * Return: what that says.
 */
int ttp_compat_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	return inet_dgram_ops.compat_ioctl(sock, cmd, arg);
}
#endif

static const struct proto_ops ttp_inet_ops = {
	.family = PF_INET,
	.owner = THIS_MODULE,
	.release = inet_release,
	.bind = inet_bind,
	.connect = inet_dgram_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = inet_getname,
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

/* inet_create() finds it, and lets go of it before it holds the module: a
 * socket() at this door that races with rmmod is the core's weak spot, as with
 * any protocol of AF_INET that is a module. The family's door has none.
 */
struct inet_protosw ttp_inet_door = {
	.type = SOCK_DGRAM,
	.protocol = IPPROTO_TTP,
	.prot = &ttp_prot,
	.ops = &ttp_inet_ops,
};
