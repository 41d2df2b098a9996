/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * TTP, the Toy Transport Protocol: what programs see.
 *
 *	int fd = socket(AF_TTP, SOCK_DGRAM, 0);
 *
 * The rest is as for UDP over IPv4: struct sockaddr_ttp has the layout of
 * struct sockaddr_in, so a UDP program ports by changing the family.
 */
#ifndef _UAPI_LINUX_TTP_H
#define _UAPI_LINUX_TTP_H

#include <linux/socket.h>	/* __kernel_sa_family_t */
#include <linux/types.h>

#ifdef __KERNEL__
#include <linux/in.h>
#else
#include <sys/socket.h>
#include <netinet/in.h>		/* struct in_addr */
#endif

/* AF_MAX is fixed, so a module has to take a number that never came to life:
 * 18 is AF_ASH, which Linux has named since 1.3 and never implemented.
 */
#define AF_TTP		18
#define PF_TTP		AF_TTP

/* RFC 3692, "Assigning Experimental and Testing Numbers Considered Useful" */
#define IPPROTO_TTP	253

/* Options; one that means what an option of SOL_UDP means has its number. */
#define SOL_TTP		253	/* as SOL_UDP is IPPROTO_UDP */
#define TTP_CORK	1	/* pieces make one datagram, until off (int) */
#define TTP_VERBATIM	200	/* SOCK_RAW: send the header as it is (int) */
#define TTP_REUSEPORT	201	/* SO_REUSEPORT, where Linux keeps that from us */

struct sockaddr_ttp {
	__kernel_sa_family_t	sttp_family;	/* AF_TTP */
	__be16			sttp_port;	/* port, network byte order */
	struct in_addr		sttp_addr;	/* IPv4 address */
	__u8			sttp_zero[8];	/* ignored in, zeroed out */
};

/* The header, which follows the IPv4 header: Documentation/protocol.rst */
struct ttphdr {
	__be16	source;
	__be16	dest;
	__sum16	check;		/* of header and payload, no pseudo header */
	__u8	vertype;	/* version << 4 | type */
	__u8	flags;		/* zero */
};

#define TTP_VERSION		1
#define TTP_TYPE_DATAGRAM	0
#define TTP_VERTYPE(ver, type)	((ver) << 4 | (type))

/* What fits an IPv4 packet: 65535 less 20 of IPv4 header less 8 of ours */
#define TTP_MAX_PAYLOAD		65507

#endif /* _UAPI_LINUX_TTP_H */
