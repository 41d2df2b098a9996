// SPDX-License-Identifier: GPL-2.0
/*
 * The error queue: IP_RECVERR, MSG_ERRQUEUE, and what a socket learns of errors
 * with and without them. ICMP comes from a TUN device, so it has been judged
 * when write() returns.
 */
#define NEEDS "TUN"
#define BOTH_DOORS
#include "told.h"

#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884	26
#endif

#define ROUTER	"192.0.2.9"

/* A socket of port PORT, unconnected or connected to PEER, and its device */
struct host {
	int tun, fd;
};

static struct packet sent, icmp;

static int open_host(struct host *h, int family, bool connected)
{
	h->tun = tun_open();
	h->fd = bound(family, US, PORT);
	if (h->tun < 0 || h->fd < 0)
		return -1;
	return connected ? connect_to(h->fd, family, PEER, PEER_PORT) : 0;
}

/* A datagram leaves, and is in @sent. */
static int emit(struct host *h, int family, const char *data)
{
	int n = send_to(h->fd, data, strlen(data), family, PEER, PEER_PORT);

	return n < 0 || leaves(h->tun, &sent) <= 0 ? -1 : 0;
}

/* ROUTER says something of @sent, of which it quotes @len bytes. @rest is the
 * second half of the ICMP header.
 */
static int complain(struct host *h, int type, int code, unsigned int rest,
		    int len)
{
	static unsigned char msg[MAX_IP];
	struct icmphdr *ih = (void *)msg;

	memset(msg, 0, sizeof(*ih) + 200);
	ih->type = type;
	ih->code = code;
	ih->un.gateway = htonl(rest);
	memcpy(ih + 1, sent.data, len);
	ih->checksum = csum(msg, sizeof(*ih) + len);
	make_ip(&icmp, IPPROTO_ICMP, ROUTER, US, msg, sizeof(*ih) + len);
	return arrive(h->tun, &icmp);
}

static bool named(const struct sockaddr_in *sin, int family, const char *ip,
		  int port)
{
	return sin->sin_family == family &&
	       sin->sin_addr.s_addr == inet_addr(ip) &&
	       ntohs(sin->sin_port) == port &&
	       !memcmp(sin->sin_zero, "\0\0\0\0\0\0\0\0", 8);
}

/* Each error: is it for good, that is, does a socket hear of it that has not
 * asked?
 */
static const struct {
	const char *what;
	int type, code;
	unsigned int rest;
	int errnum;
	bool hard;
} errors[] = {
	{ "network", 3, ICMP_NET_UNREACH, 0, ENETUNREACH, false },
	{ "host", 3, ICMP_HOST_UNREACH, 0, EHOSTUNREACH, false },
	{ "protocol", 3, ICMP_PROT_UNREACH, 0, ENOPROTOOPT, true },
	{ "port", 3, ICMP_PORT_UNREACH, 0, ECONNREFUSED, true },
	{ "fragmentation needed", 3, ICMP_FRAG_NEEDED, 1400, EMSGSIZE, true },
	{ "source route", 3, ICMP_SR_FAILED, 0, EOPNOTSUPP, false },
	{ "network unknown", 3, ICMP_NET_UNKNOWN, 0, ENETUNREACH, true },
	{ "host unknown", 3, ICMP_HOST_UNKNOWN, 0, EHOSTDOWN, true },
	{ "filtered", 3, ICMP_PKT_FILTERED, 0, EHOSTUNREACH, true },
	{ "of the future", 3, ICMP_PREC_CUTOFF, 0, EHOSTUNREACH, true },
	{ "time exceeded", ICMP_TIME_EXCEEDED, 0, 0, EHOSTUNREACH, false },
	{ "reassembly", ICMP_TIME_EXCEEDED, 1, 0, 0, false },
	{ "parameter", ICMP_PARAMETERPROB, 0, 0, EPROTO, true },
	{ "source quench", ICMP_SOURCE_QUENCH, 0, 0, 0, false },
};

/* IP_RECVERR: every error, whole, on unconnected sockets, too */
TEST_F(sock, every_error_is_queued)
{
	struct told t;
	struct host h;
	size_t i;

	ASSERT_EQ(0, open_host(&h, variant->family, false));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		ASSERT_EQ(0, emit(&h, variant->family, "what was sent"));
		ASSERT_EQ(0, complain(&h, errors[i].type, errors[i].code,
				      errors[i].rest, sent.len));
		EXPECT_EQ(errors[i].errnum ? POLLERR : 0,
			  await(h.fd, 0, 0))
			TH_LOG("%s", errors[i].what);
		EXPECT_EQ(errors[i].errnum,
			  get_int(h.fd, SOL_SOCKET, SO_ERROR))
			TH_LOG("%s", errors[i].what);
		t = hear(h.fd, MSG_ERRQUEUE);
		if (!errors[i].errnum) {
			EXPECT_EQ(EAGAIN, t.errnum);
			continue;
		}
		EXPECT_EQ(13, t.ret)
			TH_LOG("%s", errors[i].what);
		EXPECT_EQ(0, memcmp(t.data, "what was sent", 13));
		EXPECT_EQ(MSG_ERRQUEUE, t.flags);
		EXPECT_EQ(sizeof(t.name), t.namelen);
		EXPECT_TRUE(named(&t.name, variant->family, PEER, PEER_PORT));
		EXPECT_EQ(1, t.errors);
		EXPECT_EQ(errors[i].errnum, t.ee.ee_errno)
			TH_LOG("%s", errors[i].what);
		EXPECT_EQ(SO_EE_ORIGIN_ICMP, t.ee.ee_origin);
		EXPECT_EQ(errors[i].type, t.ee.ee_type);
		EXPECT_EQ(errors[i].code, t.ee.ee_code);
		EXPECT_EQ(errors[i].rest, t.ee.ee_info)
			TH_LOG("%s", errors[i].what);
		EXPECT_EQ(0, t.ee.ee_data);
		EXPECT_TRUE(named(&t.offender, AF_INET, ROUTER, 0));
		EXPECT_EQ(EAGAIN, hear(h.fd, MSG_ERRQUEUE).errnum);
		EXPECT_EQ(0, await(h.fd, 0, 0));
	}
}

/* Without it: what is for good, on connected sockets, as the next call's */
TEST_F(sock, errors_unasked_for)
{
	int connected, want;
	char c;
	struct host h;
	size_t i;

	for (connected = 0; connected < 2; connected++) {
		ASSERT_EQ(0, open_host(&h, variant->family, connected));
		for (i = 0; i < ARRAY_SIZE(errors); i++) {
			ASSERT_EQ(0, emit(&h, variant->family, "x"));
			ASSERT_EQ(0, complain(&h, errors[i].type,
					      errors[i].code, errors[i].rest,
					      sent.len));
			want = connected && errors[i].hard ?
			       errors[i].errnum : 0;
			EXPECT_EQ(want ? POLLERR : 0, await(h.fd, 0, 0))
				TH_LOG("%s, %s", errors[i].what,
				       connected ? "connected" : "not");
			EXPECT_EQ(want ?: EAGAIN,
				  err(recv(h.fd, &c, 1, MSG_DONTWAIT)));
			EXPECT_EQ(EAGAIN, hear(h.fd, MSG_ERRQUEUE).errnum);
		}
		close(h.fd);
		close(h.tun);
	}
}

/* The error is the next call's of any kind, once; the queue stays. */
TEST_F(sock, error_and_queue)
{
	struct host h;
	char c;

	ASSERT_EQ(0, open_host(&h, variant->family, false));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	ASSERT_EQ(0, emit(&h, variant->family, "first"));
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	EXPECT_EQ(ECONNREFUSED, err(recv(h.fd, &c, 1, 0)));
	EXPECT_EQ(EAGAIN, err(recv(h.fd, &c, 1, MSG_DONTWAIT)));
	EXPECT_EQ(POLLERR, await(h.fd, 0, 0));
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	EXPECT_EQ(ECONNREFUSED, err(send_to(h.fd, "x", 1, variant->family,
					    PEER, PEER_PORT)));
	ASSERT_EQ(0, emit(&h, variant->family, "second"));
	ASSERT_EQ(0, complain(&h, 3, ICMP_HOST_UNREACH, 0, sent.len));

	/* In order, and MSG_PEEK takes, too. */
	EXPECT_EQ(5, hear(h.fd, MSG_ERRQUEUE | MSG_PEEK).ret);
	EXPECT_EQ(ECONNREFUSED, hear(h.fd, MSG_ERRQUEUE).ee.ee_errno);
	EXPECT_EQ(EHOSTUNREACH, hear(h.fd, MSG_ERRQUEUE).ee.ee_errno);
	EXPECT_EQ(EAGAIN, hear(h.fd, MSG_ERRQUEUE).errnum);
}

/* Room for less than there is; no room; bad pointers */
TEST_F(sock, room_for_errors)
{
	static const struct {
		int len;
		size_t room;
		int ret, flags, errors;
	} rows[] = {
		{ 9, 1024, 9, 0, 1 },
		{ 4, 1024, 4, MSG_TRUNC, 1 },
		{ 0, 1024, 0, MSG_TRUNC, 1 },
		{ 9, 48, 9, 0, 1 },
		{ 9, 47, 9, MSG_CTRUNC, 0 },
		{ 9, 15, 9, MSG_CTRUNC, 0 },
		{ 9, 0, 9, MSG_CTRUNC, 0 },
	};
	struct iovec iov = { (void *)8, 9 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct told t;
	struct host h;
	size_t i;

	ASSERT_EQ(0, open_host(&h, variant->family, true));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	ASSERT_EQ(0, emit(&h, variant->family, "nine byte"));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
		t = hear_in(h.fd, MSG_ERRQUEUE, rows[i].len, rows[i].room);
		EXPECT_EQ(rows[i].ret, t.ret)
			TH_LOG("row %zu", i);
		EXPECT_EQ(rows[i].flags | MSG_ERRQUEUE, t.flags)
			TH_LOG("row %zu", i);
		if (!(rows[i].flags & MSG_CTRUNC))
			EXPECT_EQ(1, t.errors);
	}
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	EXPECT_EQ(EFAULT, err(recvmsg(h.fd, &msg, MSG_ERRQUEUE)));
	EXPECT_EQ(EAGAIN, hear(h.fd, MSG_ERRQUEUE).errnum);
	/* A name is not asked for. */
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	EXPECT_EQ(9, recv(h.fd, t.data, 99, MSG_ERRQUEUE));
}

/* A quote of no more than the ports; of less than the header; of strangers */
TEST_F(sock, short_quotes)
{
	struct told t;
	struct host h;

	ASSERT_EQ(0, open_host(&h, variant->family, false));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	ASSERT_EQ(0, emit(&h, variant->family, "payload"));
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, 28));
	t = hear(h.fd, MSG_ERRQUEUE);
	EXPECT_EQ(0, t.ret);
	EXPECT_TRUE(named(&t.name, variant->family, PEER, PEER_PORT));
	/* It went with the last of the queue. */
	EXPECT_EQ(0, get_int(h.fd, SOL_SOCKET, SO_ERROR));

	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, 27));
	EXPECT_EQ(EAGAIN, hear(h.fd, MSG_ERRQUEUE).errnum);
	((struct ttphdr *)(sent.data + 20))->source = htons(PORT + 1);
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, 28));
	EXPECT_EQ(EAGAIN, hear(h.fd, MSG_ERRQUEUE).errnum);
	EXPECT_EQ(0, get_int(h.fd, SOL_SOCKET, SO_ERROR));
}

/* Control messages of an ICMP error: of the packet that brought it */
TEST_F(sock, more_of_an_error)
{
	static const int opts[] = {
		IP_RECVERR, IP_RECVTTL, IP_RECVTOS, IP_PKTINFO,
		IP_RECVORIGDSTADDR,
	};
	struct told t;
	struct host h;
	size_t i;

	ASSERT_EQ(0, open_host(&h, variant->family, false));
	for (i = 0; i < ARRAY_SIZE(opts); i++)
		ASSERT_EQ(0, set_int(h.fd, SOL_IP, opts[i], 1));
	ASSERT_EQ(0, emit(&h, variant->family, "payload"));
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	t = hear(h.fd, MSG_ERRQUEUE);
	EXPECT_EQ(64, t.ttl);
	EXPECT_EQ(0, t.tos);
	EXPECT_EQ(1, t.pktinfos);
	EXPECT_EQ(if_nametoindex("tun0"), t.pktinfo.ipi_ifindex);
	EXPECT_EQ(inet_addr(US), t.pktinfo.ipi_addr.s_addr);
	EXPECT_EQ(1, t.errors);
	/* What is taken for ports there is payload already. */
	EXPECT_EQ(1, t.origs);
	EXPECT_TRUE(named(&t.orig, variant->family, US, 'y' << 8 | 'l'));
}

/* What this host finds: too long for the path */
TEST_F(sock, too_long)
{
	static char big[2000];
	int connected, i;
	struct told t;
	struct host h;

	for (connected = 0; connected < 2; connected++) {
		ASSERT_EQ(0, open_host(&h, variant->family, connected));
		ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_MTU_DISCOVER,
				     IP_PMTUDISC_DO));
		ASSERT_EQ(0, emit(&h, variant->family, "x"));
		ASSERT_EQ(0, complain(&h, 3, ICMP_FRAG_NEEDED, 1400,
				      sent.len));
		EXPECT_EQ(connected ? EMSGSIZE : 0,
			  get_int(h.fd, SOL_SOCKET, SO_ERROR));
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, i));
			EXPECT_EQ(EMSGSIZE,
				  err(send_to(h.fd, big, 1373,
					      variant->family, PEER,
					      PEER_PORT)));
		}
		/* An error for the caller, who has it, is none for others. */
		EXPECT_EQ(0, get_int(h.fd, SOL_SOCKET, SO_ERROR));
		EXPECT_EQ(POLLERR, await(h.fd, 0, 0));
		t = hear(h.fd, MSG_ERRQUEUE);
		EXPECT_EQ(0, t.ret);
		EXPECT_TRUE(named(&t.name, variant->family, PEER,
				  connected ? PEER_PORT : 0));
		EXPECT_EQ(EMSGSIZE, t.ee.ee_errno);
		EXPECT_EQ(SO_EE_ORIGIN_LOCAL, t.ee.ee_origin);
		EXPECT_EQ(0, t.ee.ee_type);
		EXPECT_EQ(0, t.ee.ee_code);
		EXPECT_EQ(1400, t.ee.ee_info);
		EXPECT_EQ(0, t.offender.sin_family);
		EXPECT_EQ(EAGAIN, hear(h.fd, MSG_ERRQUEUE).errnum);
		close(h.fd);
		close(h.tun);
	}
}

/* They take room in the receive buffer; without it they are not queued. */
TEST_F(sock, too_long_too_often)
{
	static char big[2000];
	int queued = 0, i;
	struct host h;

	ASSERT_EQ(0, open_host(&h, variant->family, true));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	ASSERT_EQ(0, set_int(h.fd, SOL_SOCKET, SO_RCVBUF, 0));
	ASSERT_EQ(0, system("ip link set tun0 mtu 1000"));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(EMSGSIZE, err(send(h.fd, big, 2000, 0)));
	while (hear(h.fd, MSG_ERRQUEUE).errnum != EAGAIN)
		queued++;
	EXPECT_LT(0, queued);
	EXPECT_GT(i, queued);
}

/* Off: what is queued is forgotten. */
TEST_F(sock, asked_for_no_longer)
{
	struct host h;

	ASSERT_EQ(0, open_host(&h, variant->family, true));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	ASSERT_EQ(0, emit(&h, variant->family, "x"));
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 0));
	EXPECT_EQ(EAGAIN, hear(h.fd, MSG_ERRQUEUE).errnum);
	EXPECT_EQ(ECONNREFUSED, get_int(h.fd, SOL_SOCKET, SO_ERROR));
}

/* SO_SELECT_ERR_QUEUE: to be told of errors apart */
TEST_F(sock, poll_for_errors)
{
	struct host h;

	ASSERT_EQ(0, open_host(&h, variant->family, true));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	ASSERT_EQ(0, emit(&h, variant->family, "x"));
	EXPECT_EQ(0, await(h.fd, POLLPRI, 0));
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	EXPECT_EQ(POLLERR, await(h.fd, POLLPRI, 0));
	ASSERT_EQ(0, set_int(h.fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1));
	EXPECT_EQ(POLLERR | POLLPRI, await(h.fd, POLLPRI, 0));
}

/* The queue is bounded by SO_RCVBUF, beside the datagrams that wait. */
TEST_F(sock, many_errors)
{
	int i, n = 0, again = 0;
	struct host h;

	ASSERT_EQ(0, open_host(&h, variant->family, false));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	ASSERT_EQ(0, set_int(h.fd, SOL_SOCKET, SO_RCVBUF, 10000));
	ASSERT_EQ(0, emit(&h, variant->family, "x"));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	while (hear(h.fd, MSG_ERRQUEUE).ret == 1)
		n++;
	EXPECT_GT(n, 1);
	EXPECT_LT(n, 100);
	/* All of it has been given back. */
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
	while (hear(h.fd, MSG_ERRQUEUE).ret == 1)
		again++;
	EXPECT_EQ(n, again);
	ASSERT_EQ(0, complain(&h, 3, ICMP_PORT_UNREACH, 0, sent.len));
}

/* RFC 4884: objects behind a quote of 128 bytes, or none, or bad ones */
TEST_F(sock, extensions)
{
	static const struct {
		const char *what;
		int version, objlen;
		bool sum_ok, asked;
		int len, flags;
	} rows[] = {
		{ "good", 2, 8, true, true, 100, 0 },
		{ "not asked for", 2, 8, true, false, 0, 0 },
		{ "bad checksum", 2, 8, false, true, 100,
		  SO_EE_RFC4884_FLAG_INVALID },
		{ "object too short", 2, 3, true, true, 100,
		  SO_EE_RFC4884_FLAG_INVALID },
		{ "object too long", 2, 99, true, true, 100,
		  SO_EE_RFC4884_FLAG_INVALID },
	};
	struct sock_ee_data_rfc4884 *got;
	unsigned char *ext;
	char data[200] = {};
	struct told t;
	struct host h;
	size_t i;

	memset(data, 'x', sizeof(data) - 1);
	ASSERT_EQ(0, open_host(&h, variant->family, false));
	ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR, 1));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, set_int(h.fd, SOL_IP, IP_RECVERR_RFC4884,
				     rows[i].asked));
		ASSERT_EQ(0, emit(&h, variant->family, data));
		ext = sent.data + 128;
		memset(ext, 0, 12);
		ext[0] = rows[i].version << 4;
		ext[5] = rows[i].objlen;
		memcpy(ext + 8, "obje", 4);
		*(unsigned short *)(ext + 2) = csum(ext, 12) ^
					       (rows[i].sum_ok ? 0 : 1);
		/* The quote is 32 words long. */
		sent.len = 140;
		ASSERT_EQ(0, complain(&h, ICMP_TIME_EXCEEDED, 0, 32 << 16,
				      140));
		t = hear(h.fd, MSG_ERRQUEUE);
		EXPECT_EQ(112, t.ret)
			TH_LOG("%s", rows[i].what);
		got = &t.ee.ee_rfc4884;
		EXPECT_EQ(rows[i].len, got->len)
			TH_LOG("%s", rows[i].what);
		EXPECT_EQ(rows[i].flags, got->flags)
			TH_LOG("%s", rows[i].what);
	}
}

TEST_HARNESS_MAIN
