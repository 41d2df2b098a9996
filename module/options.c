// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options and control messages. SOL_SOCKET is the core's; SOL_IP goes
 * to IPv4, except for what has no data path here yet: that is refused, not
 * kept and ignored.
 */
#include <linux/in.h>
#include <net/ip.h>

#include "ttp.h"

static bool ttp_ip_option_works(int optname)
{
	switch (optname) {
	case IP_TOS:
	case IP_TTL:
	case IP_RECVTTL:
	case IP_RECVTOS:
	case IP_MTU:
	case IP_MTU_DISCOVER:
	case IP_FREEBIND:
	case IP_BIND_ADDRESS_NO_PORT:
	case IP_LOCAL_PORT_RANGE:
	case IP_UNICAST_IF:
	case IP_MULTICAST_IF:
	case IP_MULTICAST_TTL:
	case IP_MULTICAST_LOOP:
	case IP_MULTICAST_ALL:
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
	case IP_MSFILTER:
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
	case MCAST_MSFILTER:
	case IP_PROTOCOL:
		return true;
	default:
		return false;
	}
}

static int ttp_set_verbatim(struct sock *sk, sockptr_t optval,
			    unsigned int optlen)
{
	int val;

	if (sk->sk_type != SOCK_RAW)
		return -ENOPROTOOPT;
	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	WRITE_ONCE(ttp_sk(sk)->verbatim, val);
	return 0;
}

static int ttp_get_verbatim(struct sock *sk, char __user *optval,
			    int __user *optlen)
{
	int val = READ_ONCE(ttp_sk(sk)->verbatim);
	int len;

	if (sk->sk_type != SOCK_RAW)
		return -ENOPROTOOPT;
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	len = min_t(unsigned int, len, sizeof(val));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}

/**
 * ttp_setsockopt() - struct proto_ops' setsockopt, SOL_SOCKET apart
 * @sock: socket
 * @level: SOL_TTP or SOL_IP
 * @optname: option
 * @optval: value
 * @optlen: length of the value in bytes
 *
 * Context: process context, may sleep.
 * Return: 0, -ENOPROTOOPT for an option that is not there, or what
 * ip_setsockopt() says.
 */
int ttp_setsockopt(struct socket *sock, int level, int optname,
		   sockptr_t optval, unsigned int optlen)
{
	if (level == SOL_TTP && optname == TTP_VERBATIM)
		return ttp_set_verbatim(sock->sk, optval, optlen);
	if (level != SOL_IP || !ttp_ip_option_works(optname))
		return -ENOPROTOOPT;
	return ip_setsockopt(sock->sk, level, optname, optval, optlen);
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
	if (level == SOL_TTP && optname == TTP_VERBATIM)
		return ttp_get_verbatim(sock->sk, optval, optlen);
	if (level != SOL_IP || !ttp_ip_option_works(optname))
		return -ENOPROTOOPT;
	return ip_getsockopt(sock->sk, level, optname, optval, optlen);
}

/**
 * ttp_cmsg_send() - the control messages of a sendmsg()
 * @msg: with a control buffer
 *
 * None is understood yet. Messages of levels that are not a datagram's are
 * passed over, as ip_cmsg_send() does.
 *
 * Return: 0 or -EINVAL.
 */
int ttp_cmsg_send(struct msghdr *msg)
{
	struct cmsghdr *cmsg;

	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		switch (cmsg->cmsg_level) {
		case SOL_SOCKET:
		case SOL_IP:
		case SOL_TTP:
			return -EINVAL;
		}
	}
	return 0;
}
