// SPDX-License-Identifier: GPL-2.0
/* An ICMP error for the error queue: what the core has, on kernels that keep it
 * to themselves.
 */
#include <linux/errqueue.h>
#include <net/icmp.h>

#include "compat.h"

#ifndef TTP_HAVE_INET_TEST_BIT
static void ttp_rfc4884(const struct sk_buff *skb,
			struct sock_ee_data_rfc4884 *out)
{
	const struct icmphdr *icmp = icmp_hdr(skb);

	if (icmp->type == ICMP_DEST_UNREACH ||
	    icmp->type == ICMP_TIME_EXCEEDED ||
	    icmp->type == ICMP_PARAMETERPROB)
		ip_icmp_error_rfc4884(skb, out, sizeof(*icmp),
				      icmp->un.reserved[1] * 4);
}

/**
 * ttp_icmp_error() - queue what an ICMP error says
 * @sk: socket
 * @skb: the error, network and transport header its own; stays the caller's
 * @err: errno, positive
 * @port: where the quoted packet was to go
 * @info: the next hop's MTU
 * @payload: of the quoted packet
 *
 * Mirrors ip_icmp_error().
 *
 * Context: softirq.
 */
void ttp_icmp_error(struct sock *sk, struct sk_buff *skb, int err, __be16 port,
		    u32 info, u8 *payload)
{
	const struct icmphdr *icmp = icmp_hdr(skb);
	const struct iphdr *quoted = (const struct iphdr *)(icmp + 1);
	struct sock_exterr_skb *serr;

	skb = skb_clone(skb, GFP_ATOMIC);
	if (!skb)
		return;

	serr = SKB_EXT_ERR(skb);
	serr->ee = (struct sock_extended_err) {
		.ee_errno = err,
		.ee_origin = SO_EE_ORIGIN_ICMP,
		.ee_type = icmp->type,
		.ee_code = icmp->code,
		.ee_info = info,
	};
	serr->addr_offset = (u8 *)&quoted->daddr - skb_network_header(skb);
	serr->port = port;

	if (!skb_pull(skb, payload - skb->data))
		goto drop;
	if (inet_test_bit(RECVERR_RFC4884, sk))
		ttp_rfc4884(skb, &serr->ee.ee_rfc4884);
	skb_reset_transport_header(skb);
	if (!sock_queue_err_skb(sk, skb))
		return;
drop:
	kfree_skb(skb);
}
#endif
