// SPDX-License-Identifier: GPL-2.0
/*
 * vectors.txt against the module: what it sends has exactly these bytes, and
 * of what arrives it takes the good, and drops, counts and names the bad,
 * without a word to anybody. A test for each verdict; one that fails names the
 * vectors.
 */
#define NEEDS "TUN"
#include "packet.h"

#include <ctype.h>
#include <libgen.h>
#include <limits.h>

struct vector {
	int size;
	int sport;
	int dport;
	char verdict[32];
	char reason[32];
	char words[80];
	struct packet packet;	/* from PEER to us, @size bytes behind IPv4 */
};

static int tun, forge;
static const char *fault;

/* It lies beside this program. */
static FILE *open_vectors(void)
{
	static char self[PATH_MAX], path[PATH_MAX + 16];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return NULL;
	snprintf(path, sizeof(path), "%s/vectors.txt", dirname(self));
	return fopen(path, "r");
}

/* Hexadecimal; a*3 is aaa; + joins; - is nothing. Returns the length. */
static int parse_payload(unsigned char *to, const char *text)
{
	unsigned char *start = to;
	int part, times;

	while (*text && *text != '-') {
		for (part = 0; isxdigit(*text); part++, text += 2) {
			char byte[] = { text[0], text[1], '\0' };

			to[part] = strtol(byte, NULL, 16);
		}
		times = *text == '*' ? strtol(text + 1, (char **)&text, 10) : 1;
		for (; times > 1; times--, to += part)
			memcpy(to + part, to, part);
		to += part;
		if (*text == '+')
			text++;
	}
	return to - start;
}

/* 1; 0 at the end of the file; -1 if a line is not as it should be */
static int next_vector(FILE *f, struct vector *v)
{
	static char line[512], payload[256];
	unsigned int check, ver, type, flags;
	unsigned char *to = v->packet.data + sizeof(struct iphdr);
	struct ttphdr th;
	int len;

	do {
		if (!fgets(line, sizeof(line), f))
			return 0;
	} while (line[0] == '#' || line[0] == '\n');

	if (sscanf(line, "%d %d %d %x %u %u %x %255s %31s %31s # %79[^\n]",
		   &v->size, &v->sport, &v->dport, &check, &ver, &type, &flags,
		   payload, v->verdict, v->reason, v->words) != 11)
		return -1;

	th.source = htons(v->sport);
	th.dest = htons(v->dport);
	th.check = htons(check);
	th.vertype = TTP_VERTYPE(ver, type);
	th.flags = flags;
	len = sizeof(th) + parse_payload(to + sizeof(th), payload);
	make_ip(&v->packet, IPPROTO_TTP, PEER, US, &th, sizeof(th));
	seal(&v->packet, sizeof(struct iphdr) + v->size);
	return v->size == len || (v->size < 8 && len == 8) ? 1 : -1;
}

/* The first thing that is not as it should be is told. */
static bool is(const char *what, const char *found, const char *wanted)
{
	static char text[1024];

	if (!strcmp(found, wanted))
		return true;
	snprintf(text, sizeof(text), "%s: '%s' instead of '%s'", what, found,
		 wanted);
	fault = text;
	return false;
}

static bool holds(const char *what, bool truth)
{
	if (!truth)
		fault = what;
	return truth;
}

/* A socket with the vector's ports and addresses has its payload to send. */
static bool is_sent(const struct vector *v, bool good)
{
	static struct packet out;
	const unsigned char *payload;
	int fd = bound(AF_TTP, US, v->sport);
	int len = v->size - sizeof(struct ttphdr);
	bool ok;

	payload = v->packet.data + sizeof(struct iphdr) + sizeof(struct ttphdr);
	ok = holds("send", send_to(fd, payload, len, AF_TTP, PEER, v->dport) ==
		   len) &&
	     holds("a packet leaves", leaves(tun, &out)) &&
	     holds("its IPv4 header", csum(out.data, 20) == 0 &&
		   out.ip.ihl == 5 && out.ip.protocol == IPPROTO_TTP &&
		   ntohs(out.ip.tot_len) == out.len) &&
	     holds("its length", l4_len(&out) == v->size) &&
	     holds("its bytes", !memcmp(l4(&out), l4((void *)&v->packet),
					v->size)) &&
	     holds("no more", !leaves(tun, &out));
	close(fd);
	return is("sent", moved(), "TtpOutDatagrams") && ok;
}

/* What a socket of the vector's port receives is it. */
static bool is_received(int fd, const struct vector *v, const char *from)
{
	static unsigned char data[MAX_IP];
	struct sockaddr_in sin = {};
	socklen_t sin_len = sizeof(sin);
	ssize_t len = v->size - sizeof(struct ttphdr);

	return holds("its length", recvfrom(fd, data, sizeof(data),
					    MSG_DONTWAIT,
					    (struct sockaddr *)&sin,
					    &sin_len) == len) &&
	       holds("its payload", !memcmp(data, v->packet.data + 28, len)) &&
	       holds("its source", sin.sin_port == htons(v->sport) &&
		     sin.sin_addr.s_addr == inet_addr(from));
}

/* A raw socket receives all that stands behind the IPv4 header. */
static bool is_shown(int raw, const struct vector *v)
{
	static unsigned char data[MAX_IP];

	return holds("its length, raw", recv(raw, data, sizeof(data),
					     MSG_DONTWAIT) == v->size) &&
	       holds("its bytes, raw", !memcmp(data, v->packet.data + 20,
					       v->size));
}

/* Into the device, or over lo by a raw socket: what comes after it there tells
 * that it has been judged.
 */
static bool inject(const struct vector *v, bool over_lo)
{
	static struct packet packet;
	struct sockaddr_in sin = at(AF_INET, "127.0.0.1", 0);

	if (!over_lo)
		return holds("it arrives", !arrive(tun, &v->packet));
	packet = v->packet;
	packet.ip.saddr = sin.sin_addr.s_addr;
	packet.ip.daddr = sin.sin_addr.s_addr;
	return holds("it is injected", sendto(forge, packet.data, packet.len, 0,
					      (void *)&sin, sizeof(sin)) ==
		     packet.len) &&
	       holds("it is judged", settle());
}

static bool is_judged(const struct vector *v, bool good, bool over_lo)
{
	static struct packet answer;
	int raw = socket(AF_TTP, SOCK_RAW, 0);
	int fd = bound(AF_TTP, "0.0.0.0", v->dport);
	bool ok;

	ok = inject(v, over_lo) &&
	     is("counted", moved(), good ? "TtpInDatagrams" : v->verdict) &&
	     is("dropped", drops(), good ? "" : v->reason) &&
	     holds("no answer", !leaves(tun, &answer));
	if (good)
		ok = is_received(fd, v, over_lo ? "127.0.0.1" : PEER) &&
		     is_shown(raw, v) && ok;
	ok = ok && holds("nothing more is heard", !await(fd, POLLIN, 0)) &&
	     holds("nor by a raw socket", !await(raw, POLLIN, 0));
	close(fd);
	close(raw);
	return ok;
}

static bool is_judged_from_device(const struct vector *v, bool good)
{
	return is_judged(v, good, false);
}

static bool is_judged_over_lo(const struct vector *v, bool good)
{
	return is_judged(v, good, true);
}

FIXTURE(wire) {
};

FIXTURE_VARIANT(wire) {
	const char *verdict;
	bool good;
	int vectors;	/* at least */
};

FIXTURE_VARIANT_ADD(wire, send) {
	.verdict = "send",
	.good = true,
	.vectors = 15,
};

FIXTURE_VARIANT_ADD(wire, accept) {
	.verdict = "accept",
	.good = true,
	.vectors = 3,
};

FIXTURE_VARIANT_ADD(wire, in_short) {
	.verdict = "TtpInShort",
	.good = false,
	.vectors = 8,
};

FIXTURE_VARIANT_ADD(wire, bad_version) {
	.verdict = "TtpInBadVersion",
	.good = false,
	.vectors = 4,
};

FIXTURE_VARIANT_ADD(wire, csum_errors) {
	.verdict = "TtpInCsumErrors",
	.good = false,
	.vectors = 10,
};

FIXTURE_VARIANT_ADD(wire, bad_type) {
	.verdict = "TtpInBadType",
	.good = false,
	.vectors = 5,
};

FIXTURE_VARIANT_ADD(wire, bad_flags) {
	.verdict = "TtpInBadFlags",
	.good = false,
	.vectors = 9,
};

FIXTURE_VARIANT_ADD(wire, bad_ports) {
	.verdict = "TtpInBadPorts",
	.good = false,
	.vectors = 3,
};

FIXTURE_SETUP(wire)
{
	const char *lacks = packet_host(&tun);

	if (lacks)
		SKIP(return, "%s", lacks);
	forge = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	ASSERT_LE(0, forge);
}

FIXTURE_TEARDOWN(wire)
{
}

/* Those of the verdict, by one of the ways */
static void test_vectors(struct __test_metadata *_metadata,
			 const FIXTURE_VARIANT(wire) * variant,
			 bool (*way)(const struct vector *v, bool good))
{
	FILE *f = open_vectors();
	static struct vector v;
	int n = 0, ret;

	ASSERT_NE(NULL, f);
	while ((ret = next_vector(f, &v)) > 0) {
		if (strcmp(v.verdict, variant->verdict))
			continue;
		n++;
		moved();
		drops();
		fault = "";
		EXPECT_TRUE(way(&v, variant->good)) {
			TH_LOG("%s: %s", v.words, fault);
		}
	}
	fclose(f);
	EXPECT_EQ(0, ret) TH_LOG("after '%s'", v.words);
	EXPECT_LE(variant->vectors, n);
}

TEST_F(wire, device)
{
	test_vectors(_metadata, variant, is_judged_from_device);
	if (!strcmp(variant->verdict, "send"))
		test_vectors(_metadata, variant, is_sent);
}

TEST_F(wire, lo)
{
	test_vectors(_metadata, variant, is_judged_over_lo);
}

/* To one of the variants above */
static bool is_known(const char *verdict)
{
	static const char *const names[] = {
		"send", "accept", "TtpInShort", "TtpInBadVersion",
		"TtpInCsumErrors", "TtpInBadType", "TtpInBadFlags",
		"TtpInBadPorts",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(verdict, names[i]))
			return true;
	return false;
}

TEST(no_vector_is_passed_over)
{
	FILE *f = open_vectors();
	static struct vector v;
	int ret;

	ASSERT_NE(NULL, f);
	while ((ret = next_vector(f, &v)) > 0)
		EXPECT_TRUE(is_known(v.verdict)) TH_LOG("%s", v.verdict);
	EXPECT_EQ(0, ret) TH_LOG("no vector, after '%s'", v.words);
	fclose(f);
}

TEST_HARNESS_MAIN
