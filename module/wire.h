/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The header on the wire, version 1, and its checksum: how both are written
 * and judged. Documentation/protocol.rst is the specification.
 */
#ifndef _TTP_WIRE_H
#define _TTP_WIRE_H

#include <linux/skbuff.h>
#include <net/checksum.h>

#include <linux/ttp.h>

static inline struct ttphdr *ttp_hdr(const struct sk_buff *skb)
{
	return (struct ttphdr *)skb_transport_header(skb);
}

/**
 * ttp_fill_hdr() - write the header, leave its checksum to whoever is last
 * @skb: packet with transport header set, data complete, not yet sent
 * @sport: source port
 * @dport: destination port
 *
 * The checksum is left to the device, or to skb_checksum_help() for a device
 * that cannot: CHECKSUM_PARTIAL, as UDP does. The field then holds the sum of
 * the pseudo header, of which TTP has none. Nobody sums what stays on the
 * host. The offset of the field, 4, is one that no NIC takes for UDP's (6) or
 * TCP's (16).
 */
static inline void ttp_fill_hdr(struct sk_buff *skb, __be16 sport, __be16 dport)
{
	struct ttphdr *th = ttp_hdr(skb);

	th->source = sport;
	th->dest = dport;
	th->check = 0;
	th->vertype = TTP_VERTYPE(TTP_VERSION, TTP_TYPE_DATAGRAM);
	th->flags = 0;

	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct ttphdr, check);
}

/**
 * ttp_csum_bad() - verify header and payload
 * @skb: received packet with data at the TTP header
 *
 * Handles every state of skb->ip_summed. Mirrors udp4_csum_init() and
 * udp_lib_checksum_complete(), without a pseudo header and without waiting
 * for recvmsg(): what is queued is good, so poll() never lies.
 *
 * Return: true if the checksum is wrong.
 */
static inline bool ttp_csum_bad(struct sk_buff *skb)
{
	return skb_checksum_simple_validate(skb);
}

#endif /* _TTP_WIRE_H */
