// SPDX-License-Identifier: GPL-2.0
/*
 * What no proper sender writes, beyond the headers of vectors.txt: IPv4
 * options, fragments, broadcasts, devices that lie about checksums, noise;
 * and ports that nobody has, which alone are answered.
 */
#define NEEDS "TUN"
#include "packet.h"

/* UDP's header is as long as ours: a case can be had of both. */
#define HDR	8

static struct packet in, out;

FIXTURE(hostile) {
	int tun;
	int fd;		/* has port 5000 */
	int raw;	/* hears all that is good */
};

FIXTURE_SETUP(hostile)
{
	const char *lacks = packet_host(&self->tun);

	if (lacks)
		SKIP(return, "%s", lacks);
	ASSERT_EQ(0, write_file("/proc/sys/net/ipv4/icmp_ratelimit", "0"));
	self->fd = bound(AF_TTP, "0.0.0.0", 5000);
	self->raw = socket(AF_TTP, SOCK_RAW, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->raw);
}

FIXTURE_TEARDOWN(hostile)
{
}

/* A verdict: what is counted, why it is dropped, how many bytes the socket of
 * port 5000 gets, -1 if nothing; and that the host says nothing to it.
 */
#define EXPECT_VERDICT(counted, reason, got) do {			\
	static unsigned char _data[MAX_IP];				\
	int _got = (got);						\
									\
	EXPECT_STREQ(counted, moved());					\
	EXPECT_STREQ(reason, drops());					\
	EXPECT_EQ(_got, recv(self->fd, _data, MAX_IP, MSG_DONTWAIT));	\
	EXPECT_EQ(_got < 0 ? -1 : _got + HDR,				\
		  recv(self->raw, _data, MAX_IP, MSG_DONTWAIT));	\
	EXPECT_EQ(0, leaves(self->tun, &out));				\
} while (0)

/* --- the IPv4 header -------------------------------------------------------- */

static void add_options(struct packet *p, const void *options, int len)
{
	memmove(p->data + 20 + len, p->data + 20, p->len - 20);
	memcpy(p->data + 20, options, len);
	p->ip.ihl += len / 4;
	seal(p, p->len + len);
}

TEST_F(hostile, header_is_behind_options)
{
	static const unsigned char options[40] = {
		IPOPT_RR, 23, 4, [23] = IPOPT_TS, 12, 5, 0,
	};

	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
	add_options(&in, options, sizeof(options));
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_VERDICT("TtpInDatagrams", "", 3);
}

/* Options that leave no room for a whole header */
TEST_F(hostile, short_behind_options)
{
	static const unsigned char options[4] = {
		IPOPT_NOP, IPOPT_NOP, IPOPT_NOP, IPOPT_NOP,
	};
	int len;

	for (len = 0; len < HDR; len++) {
		make_datagram(&in, IPPROTO_TTP, 4000, 5000, "", 0);
		add_options(&in, options, sizeof(options));
		seal(&in, 24 + len);
		ASSERT_EQ(0, arrive(self->tun, &in));
		EXPECT_VERDICT("TtpInShort", "PKT_TOO_SMALL", -1);
	}
}

/* IPv4 answers those itself, and TTP never hears of them. */
TEST_F(hostile, truncated_options)
{
	static const unsigned char options[][4] = {
		{ IPOPT_RR, 7, 4, 0 },		/* goes on behind the header */
		{ IPOPT_RR, 1, 4, 0 },		/* shorter than itself */
		{ IPOPT_NOP, IPOPT_NOP, IPOPT_NOP, IPOPT_TS },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
		add_options(&in, options[i], 4);
		ASSERT_EQ(0, arrive(self->tun, &in));
		ASSERT_LT(0, leaves(self->tun, &out));
		EXPECT_EQ(ICMP_PARAMPROB, *(unsigned char *)l4(&out));
		EXPECT_VERDICT("IcmpOutMsgs", "", -1);
	}
}

/* What a device adds behind the packet is not the packet's. */
TEST_F(hostile, padding_is_cut_off)
{
	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "abc", 3);
	memset(in.data + in.len, 0xff, 15);
	in.len += 15;
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_VERDICT("TtpInDatagrams", "", 3);
}

TEST_F(hostile, padding_does_not_complete)
{
	make_datagram(&in, IPPROTO_TTP, 4000, 5000, "", 0);
	seal(&in, 20 + HDR - 1);
	in.len += 19;
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_VERDICT("TtpInShort", "PKT_TOO_SMALL", -1);
}

/* --- fragments ------------------------------------------------------------- */

/* Bytes [@from, @to) of what stands behind the IPv4 header, as a fragment */
static int fragment(int tun, const struct packet *p, int from, int to)
{
	static struct packet frag;
	bool last = to == l4_len(p);

	memcpy(frag.data, p->data, 20);
	memcpy(frag.data + 20, p->data + 20 + from, to - from);
	frag.ip.frag_off = htons(from / 8 | (last ? 0 : IP_MF));
	seal(&frag, 20 + to - from);
	return arrive(tun, &frag);
}

struct faulty {
	const char *counter;
	const char *reason;
	int offset;		/* in the packet behind the IPv4 header */
	unsigned char flip;
	bool mend;		/* the checksum, after that */
};

static const struct faulty faulty[] = {
	{ "TtpInCsumErrors", "SKB_CSUM", 4, 1, false },
	{ "TtpInCsumErrors", "SKB_CSUM", 8, 1, false },
	{ "TtpInCsumErrors", "SKB_CSUM", 107, 1, false },
	{ "TtpInBadVersion", "UNHANDLED_PROTO", 6, 0x30, true },
	{ "TtpInBadType", "UNHANDLED_PROTO", 6, 1, true },
	{ "TtpInBadFlags", "UNHANDLED_PROTO", 7, 0x80, true },
};

static void make_faulty(struct packet *p, const struct faulty *f, int id)
{
	static const char payload[100] = "abc";

	make_datagram(p, IPPROTO_TTP, 4000, 5000, payload, sizeof(payload));
	p->data[20 + f->offset] ^= f->flip;
	if (f->mend)
		sum_datagram(p);
	p->ip.id = htons(id);
}

/* One verdict for the whole, whichever fragment comes last */
TEST_F(hostile, bad_in_fragments)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faulty); i++) {
		make_faulty(&in, &faulty[i], 2 * i);
		fragment(self->tun, &in, 0, 8);
		fragment(self->tun, &in, 8, 56);
		EXPECT_VERDICT("", "", -1);
		fragment(self->tun, &in, 56, 108);
		EXPECT_VERDICT(faulty[i].counter, faulty[i].reason, -1);

		make_faulty(&in, &faulty[i], 2 * i + 1);
		fragment(self->tun, &in, 56, 108);
		fragment(self->tun, &in, 8, 56);
		EXPECT_VERDICT("", "", -1);
		fragment(self->tun, &in, 0, 8);
		EXPECT_VERDICT(faulty[i].counter, faulty[i].reason, -1);
	}
}

TEST_F(hostile, good_in_fragments_of_8)
{
	char payload[100] = "abc";
	int from;

	make_datagram(&in, IPPROTO_TTP, 4000, 5000, payload, sizeof(payload));
	for (from = 0; from < 104; from += 8)
		fragment(self->tun, &in, from, from + 8);
	fragment(self->tun, &in, 16, 24);	/* once more: no harm */
	fragment(self->tun, &in, 104, 108);
	EXPECT_VERDICT("TtpInDatagrams", "", 100);
}

/* The last fragment comes with a checksum of its own mind. */
TEST_F(hostile, fragments_that_overlap)
{
	char payload[100] = "abc";

	make_datagram(&in, IPPROTO_TTP, 4000, 5000, payload, sizeof(payload));
	fragment(self->tun, &in, 0, 64);
	fragment(self->tun, &in, 56, 108);
	EXPECT_VERDICT("", "", -1);
}

/* --- devices --------------------------------------------------------------- */

struct offload {
	const char *words;
	unsigned char flags;
	int start;		/* of the sum, from the IPv4 header on */
	int at;			/* byte that is wrong */
	bool is_taken;
};

/* What a device vouches for is believed, as with UDP, and only that. The header
 * is at 24, behind four bytes of options.
 */
static const struct offload offloads[] = {
	{ "nothing said", 0, 0, 0, true },
	{ "nothing said, and wrong", 0, 0, 34, false },
	{ "left to us, as on one host", VIRTIO_NET_HDR_F_NEEDS_CSUM, 24, 34,
	  true },
	{ "left to us, but from the options on", VIRTIO_NET_HDR_F_NEEDS_CSUM,
	  20, 34, false },
};

TEST_F(hostile, checksum_states)
{
	static const unsigned char options[4] = { IPOPT_NOP, IPOPT_NOP };
	static char payload[5000] = "abc";
	unsigned int i, len;

	/* The longer has its header in a page fragment. */
	for (len = 3; len <= sizeof(payload); len += sizeof(payload) - 3)
		for (i = 0; i < ARRAY_SIZE(offloads); i++) {
			const struct offload *o = &offloads[i];
			struct virtio_net_hdr vnet = {
				.flags = o->flags,
				.hdr_len = 20,
				.csum_start = o->start,
				.csum_offset = 4,
			};

			make_datagram(&in, IPPROTO_TTP, 4000, 5000, payload,
				      len);
			add_options(&in, options, sizeof(options));
			if (o->at)
				in.data[o->at] ^= 1;
			ASSERT_EQ(0, arrive_as(self->tun, &in, &vnet));
			if (o->is_taken)
				EXPECT_VERDICT("TtpInDatagrams", "", len);
			else
				EXPECT_VERDICT("TtpInCsumErrors", "SKB_CSUM",
					       -1);
			if (_metadata->exit_code)
				TH_LOG("%u bytes, %s", len, o->words);
		}
}

/* A checksum vouched for does not make a bad header good. */
TEST_F(hostile, vouched_for_and_bad)
{
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = 20,
		.csum_offset = 4,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faulty); i++) {
		if (!faulty[i].mend)
			continue;
		make_faulty(&in, &faulty[i], 0);
		ASSERT_EQ(0, arrive_as(self->tun, &in, &vnet));
		EXPECT_VERDICT(faulty[i].counter, faulty[i].reason, -1);
	}
}

/* --- many receivers --------------------------------------------------------- */

TEST_F(hostile, bad_to_all)
{
	static const char *const to[] = { "255.255.255.255", "224.0.0.1" };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(to); i++)
		for (j = 0; j < ARRAY_SIZE(faulty); j++) {
			make_faulty(&in, &faulty[j], 0);
			in.ip.daddr = inet_addr(to[i]);
			seal(&in, in.len);
			ASSERT_EQ(0, arrive(self->tun, &in));
			EXPECT_VERDICT(faulty[j].counter, faulty[j].reason, -1);
		}
}

TEST_F(hostile, to_all_and_to_nobody)
{
	static const char *const to[] = { "255.255.255.255", "224.0.0.1" };
	unsigned int i;

	close(self->raw);
	for (i = 0; i < ARRAY_SIZE(to); i++) {
		make_datagram(&in, IPPROTO_TTP, 4000, 5001, "abc", 3);
		in.ip.daddr = inet_addr(to[i]);
		seal(&in, in.len);
		ASSERT_EQ(0, arrive(self->tun, &in));
		EXPECT_VERDICT("TtpInIgnoredMulti", "NO_SOCKET", -1);
	}
}

/* --- noise ------------------------------------------------------------------ */

/* Each of so many ends in one counter, and nobody hears of them. Those of
 * chance whose checksum is right are none in so few; the seed is fixed.
 */
TEST_F(hostile, noise)
{
	int i, j, len, short_ones = 0, versions = 0, sums = 0;
	unsigned char data[64];
	char want[128];
	size_t n;

	srandom(1);
	for (i = 0; i < 2000; i++) {
		len = random() % sizeof(data);
		for (j = 0; j < len; j++)
			data[j] = random() >> 8;
		if (len > 6 && random() & 1)
			data[6] = 0x10 | (data[6] & 0xf);
		make_ip(&in, IPPROTO_TTP, PEER, US, data, len);
		ASSERT_EQ(0, arrive(self->tun, &in));
		if (len < HDR)
			short_ones++;
		else if (data[6] >> 4 != TTP_VERSION)
			versions++;
		else
			sums++;
	}
	n = snprintf(want, sizeof(want),
		     "TtpInShort+%d TtpInBadVersion+%d TtpInCsumErrors+%d",
		     short_ones, versions, sums);
	ASSERT_GT(sizeof(want), n);
	EXPECT_STREQ(want, moved());
	EXPECT_EQ(0, await(self->fd, POLLIN, 0));
	EXPECT_EQ(0, await(self->raw, POLLIN, 0));
	EXPECT_EQ(0, leaves(self->tun, &out));
}

/* --- nobody has that port --------------------------------------------------- */

FIXTURE(nobody) {
	int tun;
};

FIXTURE_VARIANT(nobody) {
	int protocol;
};

FIXTURE_VARIANT_ADD(nobody, udp) {
	.protocol = IPPROTO_UDP,
};

FIXTURE_VARIANT_ADD(nobody, ttp) {
	.protocol = IPPROTO_TTP,
};

FIXTURE_SETUP(nobody)
{
	const char *lacks = packet_host(&self->tun);

	if (lacks)
		SKIP(return, "%s", lacks);
	ASSERT_EQ(0, write_file("/proc/sys/net/ipv4/icmp_ratelimit", "0"));
}

FIXTURE_TEARDOWN(nobody)
{
}

/* The host's answer is a port unreachable, and quotes @in as it arrived, all
 * that 576 bytes have room for (RFC 1812, 4.3.2.3).
 */
static bool is_refused(int tun)
{
	const struct icmphdr *icmp;
	int quoted;

	if (!leaves(tun, &out))
		return false;
	icmp = l4(&out);
	quoted = in.len < 576 - 28 ? in.len : 576 - 28;
	return out.ip.protocol == IPPROTO_ICMP &&
	       out.ip.saddr == in.ip.daddr && out.ip.daddr == in.ip.saddr &&
	       icmp->type == ICMP_DEST_UNREACH &&
	       icmp->code == ICMP_PORT_UNREACH &&
	       csum(icmp, l4_len(&out)) == 0 &&
	       l4_len(&out) == HDR + quoted &&
	       !memcmp(icmp + 1, in.data, quoted);
}

TEST_F(nobody, is_answered)
{
	static const char payload[1000] = "abc";
	static const int lens[] = { 0, 1, 511, 512, 513, 1000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		make_datagram(&in, variant->protocol, 4000, 5001, payload,
			      lens[i]);
		ASSERT_EQ(0, arrive(self->tun, &in));
		EXPECT_TRUE(is_refused(self->tun));
		EXPECT_EQ(0, leaves(self->tun, &out));
		if (variant->protocol == IPPROTO_TTP) {
			EXPECT_STREQ("TtpInNoPorts TtpOutUnreachables "
				     "IcmpOutMsgs", moved());
			EXPECT_STREQ("NO_SOCKET", drops());
		}
	}
}

TEST_F(nobody, is_answered_with_options)
{
	static const unsigned char options[8] = { IPOPT_NOP, IPOPT_NOP };

	make_datagram(&in, variant->protocol, 4000, 5001, "abc", 3);
	add_options(&in, options, sizeof(options));
	ASSERT_EQ(0, arrive(self->tun, &in));
	EXPECT_TRUE(is_refused(self->tun));
}

/* Put together again it is a packet as any. */
TEST_F(nobody, is_answered_once_for_fragments)
{
	static const char payload[100] = "abc";
	const struct icmphdr *icmp;

	make_datagram(&in, variant->protocol, 4000, 5001, payload, 100);
	fragment(self->tun, &in, 0, 56);
	EXPECT_EQ(0, leaves(self->tun, &out));
	fragment(self->tun, &in, 56, 108);
	ASSERT_LT(0, leaves(self->tun, &out));
	icmp = l4(&out);
	EXPECT_EQ(ICMP_DEST_UNREACH, icmp->type);
	EXPECT_EQ(ICMP_PORT_UNREACH, icmp->code);
	/* The first fragment's header may be quoted, not the whole's. */
	EXPECT_EQ(0, memcmp((char *)(icmp + 1) + 20, in.data + 20, HDR));
	EXPECT_EQ(0, leaves(self->tun, &out));
}

/* A broadcast, a multicast, a source that is nobody's: never */
TEST_F(nobody, is_not_answered)
{
	static const char *const path[][2] = {
		{ PEER, "255.255.255.255" },
		{ PEER, "224.0.0.1" },
		{ "0.0.0.0", US },
		{ "255.255.255.255", US },
		{ "224.0.0.1", US },
		{ "127.0.0.1", US },
		{ US, US },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(path); i++) {
		make_datagram(&in, variant->protocol, 4000, 5001, "abc", 3);
		in.ip.saddr = inet_addr(path[i][0]);
		in.ip.daddr = inet_addr(path[i][1]);
		seal(&in, in.len);
		ASSERT_EQ(0, arrive(self->tun, &in));
		EXPECT_EQ(0, leaves(self->tun, &out)) {
			TH_LOG("from %s to %s", path[i][0], path[i][1]);
		}
	}
}

/* Some of many at once are, as IPv4's limits have it. */
TEST_F(nobody, is_answered_at_a_limited_rate)
{
	int i, n = 0;

	ASSERT_EQ(0, write_file("/proc/sys/net/ipv4/icmp_ratelimit", "1000"));
	make_datagram(&in, variant->protocol, 4000, 5001, "abc", 3);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, arrive(self->tun, &in));
		n += !!leaves(self->tun, &out);
	}
	/* A burst of six, then one a second; this takes much less than two. */
	EXPECT_LE(6, n);
	EXPECT_GE(8, n);
	if (variant->protocol == IPPROTO_TTP) {
		char want[128];

		snprintf(want, sizeof(want), "TtpInNoPorts+100 "
			 "TtpOutUnreachables+100 IcmpOutMsgs%+d", n);
		EXPECT_STREQ(want, moved());
	}
}

TEST_HARNESS_MAIN
