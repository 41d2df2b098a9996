// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options. SOL_SOCKET is the core's but for what it would refuse to our
 * family, where it lets us answer; SOL_IP goes to IPv4, except for what has no
 * data path here yet: that is refused, not kept and ignored.
 */
#include <linux/in.h>
#include <net/ip.h>

#include "policy.h"

/* What must still be refused */
static bool ttp_ip_option_missing(const struct sock *sk, int optname)
{
	switch (optname) {
	case IP_HDRINCL:
	case IP_ROUTER_ALERT:
		/* Refused by IPv4 but for raw sockets, which it takes for its
		 * own: it would queue to them itself.
		 */
		return sk->sk_type == SOCK_RAW;
	default:
		return false;
	}
}

/* Does a socket have that option of ours? */
static bool ttp_has_option(const struct sock *sk, int optname)
{
	switch (optname) {
	case TTP_REUSEPORT:
		return true;
	case TTP_CORK:
		return sk->sk_type != SOCK_RAW;
	case TTP_VERBATIM:
		return sk->sk_type == SOCK_RAW;
	default:
		return false;
	}
}

/* Mirrors udp_lib_setsockopt(). */
static int ttp_set_own(struct sock *sk, int optname, sockptr_t optval,
		       unsigned int optlen)
{
	int val;

	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (!ttp_has_option(sk, optname))
		return -ENOPROTOOPT;

	if (optname == TTP_CORK)
		ttp_set_cork(sk, val);
	else if (optname == TTP_REUSEPORT)
		ttp_set_reuseport(sk, val);
	else
		WRITE_ONCE(ttp_sk(sk)->verbatim, val);
	return 0;
}

/* Mirrors udp_lib_getsockopt(). */
static int ttp_get_own(struct sock *sk, int optname, char __user *optval,
		       int __user *optlen)
{
	int len, val;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (!ttp_has_option(sk, optname))
		return -ENOPROTOOPT;

	if (optname == TTP_CORK)
		val = !!(READ_ONCE(ttp_sk(sk)->special) & TTP_IS_CORKED);
	else if (optname == TTP_REUSEPORT)
		val = sk->sk_reuseport;
	else
		val = READ_ONCE(ttp_sk(sk)->verbatim);
	len = min_t(unsigned int, len, sizeof(val));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}

/* IPv4 knows some options of AF_INET sockets only: see policy.c. */
static int ttp_set_ip(struct sock *sk, int optname, sockptr_t optval,
		      unsigned int optlen)
{
	int err;

	if (sk->sk_family != AF_INET &&
	    (optname == IP_XFRM_POLICY || optname == IP_IPSEC_POLICY))
		return ttp_policy_setsockopt(sk, optname, optval, optlen);

	err = ip_setsockopt(sk, SOL_IP, optname, optval, optlen);
	if (optname == IP_MULTICAST_LOOP && sk->sk_family != AF_INET &&
	    !inet_test_bit(MC_LOOP, sk))
		ttp_policy_enable();
	return err;
}

/**
 * ttp_setsockopt() - struct proto_ops' setsockopt
 * @sock: socket
 * @level: SOL_TTP or SOL_IP; at the family's own door SOL_SOCKET, too, where
 *	the kernel has SOCK_CUSTOM_SOCKOPT
 * @optname: option
 * @optval: value
 * @optlen: length of the value in bytes
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOPROTOOPT for an option that is not there, or what
 * ip_setsockopt() or sock_setsockopt() says.
 */
int ttp_setsockopt(struct socket *sock, int level, int optname,
		   sockptr_t optval, unsigned int optlen)
{
	if (level == SOL_SOCKET && optname == SO_REUSEPORT)
		return ttp_set_own(sock->sk, TTP_REUSEPORT, optval, optlen);
	if (level == SOL_SOCKET)
		return sock_setsockopt(sock, level, optname, optval, optlen);
	if (level == SOL_TTP)
		return ttp_set_own(sock->sk, optname, optval, optlen);
	if (level != SOL_IP || ttp_ip_option_missing(sock->sk, optname))
		return -ENOPROTOOPT;
	return ttp_set_ip(sock->sk, optname, optval, optlen);
}

/**
 * ttp_getsockopt() - struct proto_ops' getsockopt, SOL_SOCKET apart
 * @sock: socket
 * @level: SOL_TTP or SOL_IP
 * @optname: option
 * @optval: room for the value
 * @optlen: its length in bytes, in and out
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOPROTOOPT for an option that is not there, or what
 * ip_getsockopt() says.
 */
int ttp_getsockopt(struct socket *sock, int level, int optname,
		   char __user *optval, int __user *optlen)
{
	if (level == SOL_TTP)
		return ttp_get_own(sock->sk, optname, optval, optlen);
	if (level == SOL_IP && ttp_ip_option_missing(sock->sk, optname))
		return -ENOPROTOOPT;
	/* Other levels, too: IPv4 has a word of its own for them. */
	return ip_getsockopt(sock->sk, level, optname, optval, optlen);
}
