// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on three sockets while the network under them changes: routes with
 * small, locked or no MTU, devices that vanish, policies, marks, ICMP errors. The
 * transcript holds the results of the calls and each packet that leaves the host.
 * The sequences are the same in each run. TTP_FROM=1000 TTP_TO=5000 in the
 * environment selects others than the first ones.
 */
#define NEEDS "IP_MULTICAST IP_MULTIPLE_TABLES TUN XFRM_USER"
#include "compare_draw.h"
#include "compare_network.h"

#define SOCKETS	3
#define CALLS	40

/* A call that takes longer than this hangs. */
#define CALL_LIMIT	(getenv("KSFT_MACHINE_SLOW") ? 300 : 60)

static int fds[SOCKETS];
static int raw = -1;
static struct sockaddr_in last_dest[SOCKETS];

/* ---- calls ---- */

static char bytes[70000];

static struct sockaddr_in some_address(void)
{
	static const char * const ips[] = {
		"10.9.1.1", "10.9.1.1", "10.9.1.1", "10.9.1.1", "10.9.1.1",
		"10.9.2.1", "10.9.2.1", "10.1.0.2", "10.1.0.255", "10.1.0.1",
		OWN, OWN, ANY, "224.1.1.1", "224.1.1.1", "255.255.255.255",
		"203.0.113.1",
	};
	const char *ip = ips[draw(ARRAY_SIZE(ips))];
	int port = PORT + draw(SOCKETS);

	note(" %s:%d", ip, port);
	return to(ip, port);
}

static int some_size(void)
{
	static const int sizes[] = {
		0, 1, 1, 8, 100, 100, 100, 600, 1400, 1472, 1473, 3000, 9000,
	};
	int size = sizes[draw(ARRAY_SIZE(sizes))];

	note(" %d bytes", size);
	return size;
}

static int some_flags(void)
{
	static const int flags[] = {
		MSG_MORE, MSG_MORE, MSG_CONFIRM, MSG_DONTROUTE, MSG_PROBE,
	};
	int some = draw(4) ? 0 : flags[draw(ARRAY_SIZE(flags))];

	if (some)
		note(" flags %x", some);
	return some | MSG_DONTWAIT | MSG_NOSIGNAL;
}

static bool is_connected(int fd)
{
	struct sockaddr addr;
	socklen_t len = 0;

	return !getpeername(fd, &addr, &len);
}

static bool is_corked(int fd, int flags)
{
	return flags & MSG_MORE || get_int(fd, door->level, TTP_CORK) > 0;
}

/* UDP loses the address of the peer when a connect() fails: compare_more */
static void do_connect(int i)
{
	struct sockaddr_in addr = some_address();
	int probe = fresh();
	bool can = !connect(probe, (void *)&addr, sizeof(addr));

	close(probe);
	if (!draw(4)) {
		note(" AF_UNSPEC");
		addr.sin_family = AF_UNSPEC;
	} else {
		if (!can && is_connected(fds[i]))
			return;
		last_dest[i] = addr;
	}
	put_ret(connect(fds[i], (void *)&addr, sizeof(addr)));
}

static void do_send(int i)
{
	int size = some_size();

	put_ret(send(fds[i], bytes, size, some_flags()));
}

static void do_sendto(int i)
{
	struct sockaddr_in addr = some_address();
	int size = some_size();
	int flags = some_flags();
	bool to_peer = is_connected(fds[i]) && is_corked(fds[i], flags);

	if (!to_peer)
		last_dest[i] = addr;
	put_ret(sendto(fds[i], bytes, size, flags, to_peer ? NULL : (void *)&addr,
		       to_peer ? 0 : sizeof(addr)));
}

static void do_sendmsg(int i)
{
	static char control[256];
	struct sockaddr_in addr = some_address();
	struct iovec iov = { bytes, some_size() };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
	};
	int flags = some_flags();

	if (is_connected(fds[i])) {
		note(" to the peer");
		if (is_corked(fds[i], flags))
			return;
	} else {
		msg.msg_name = &addr;
		msg.msg_namelen = sizeof(addr);
		last_dest[i] = addr;
	}
	add_some_control(&msg);
	put_ret(sendmsg(fds[i], &msg, flags));
}

static void do_recv(int i)
{
	put_recv(fds[i], draw(3) ? 0 : MSG_PEEK);
}

/* Without the data: the copy of a packet holds a header of the protocol. */
static int put_error(int fd)
{
	char control[512];
	struct msghdr msg = {
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int ret = recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);

	put_msg(ret, &msg, 0);
	return ret;
}

static void do_recv_error(int i)
{
	put_error(fds[i]);
}

static const struct {
	const char *name;
	int level, opt;		/* level -1: the protocol's */
	int vals[4];
} options[] = {
#define O(level, opt, ...)	{ #opt, level, opt, { __VA_ARGS__ } }
	O(SOL_IP, IP_MTU_DISCOVER, 0, 1, 2, 3),
	O(SOL_IP, IP_MTU_DISCOVER, 3, 4, 5, 5),
	O(SOL_SOCKET, SO_TIMESTAMPING, 0, 2 | 16, 2 | 16 | 256, 2 | 16 | 2048),
	O(SOL_SOCKET, SO_MARK, 0, 5, 5, 6),
	O(SOL_SOCKET, SO_DONTROUTE, 0, 0, 0, 1),
	O(SOL_SOCKET, SO_BROADCAST, 0, 1, 1, 1),
	O(SOL_SOCKET, SO_PRIORITY, 0, 1, 5, 7),
	O(SOL_IP, IP_RECVERR, 0, 1, 1, 1),
	O(SOL_IP, IP_PKTINFO, 0, 1, 1, 1),
	O(SOL_IP, IP_CHECKSUM, 0, 0, 0, 0),
	O(SOL_IP, IP_TOS, 0, 4, 0x10, 255),
	O(SOL_IP, IP_TTL, 1, 64, 0, 255),
	O(SOL_IP, IP_FREEBIND, 0, 1, 0, 1),
	O(SOL_IP, IP_TRANSPARENT, 0, 1, 0, 1),
	O(SOL_IP, IP_MULTICAST_LOOP, 0, 0, 1, 1),
	O(SOL_IP, IP_MULTICAST_TTL, 0, 1, 64, -1),
	O(-1, TTP_CORK, 0, 1, 0, 1),
};

static void do_set(int i)
{
	unsigned int n = draw(ARRAY_SIZE(options));
	int val = options[n].vals[draw(4)];
	int level = options[n].level < 0 ? door->level : options[n].level;

	note(" %s %d", options[n].name, val);
	put_ret(set_int(fds[i], level, options[n].opt, val));
}

static void do_set_options(int i)
{
	static const char record[] = { 7, 7, 4, 0, 0, 0, 0, 0 };
	int len = draw(2) ? sizeof(record) : 0;

	note(" IP_OPTIONS %d", len);
	put_ret(setsockopt(fds[i], SOL_IP, IP_OPTIONS, record, len));
}

static void do_get(int i)
{
	note(" IP_MTU");
	put_ret(get_int(fds[i], SOL_IP, IP_MTU));
}

static void do_bind_device(int i)
{
	static const char * const names[] = { "", "", "lo", "d0", "d1" };
	const char *name = names[draw(ARRAY_SIZE(names))];

	note(" \"%s\"", name);
	put_ret(setsockopt(fds[i], SOL_SOCKET, SO_BINDTODEVICE, name,
			   strlen(name)));
}

static void do_member(int i)
{
	struct ip_mreq mreq = {
		.imr_multiaddr.s_addr = inet_addr("224.1.1.1"),
		.imr_interface.s_addr = inet_addr(devices[0].own),
	};

	put_ret(setsockopt(fds[i], SOL_IP, IP_ADD_MEMBERSHIP, &mreq,
			   sizeof(mreq)));
}

static int open_socket(int i)
{
	static const char * const ips[] = { ANY, "10.1.0.1", ANY, OWN };
	int fd = fresh();

	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24);
	set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24);
	bind_at(fd, ips[draw(ARRAY_SIZE(ips))], PORT + i);
	last_dest[i] = to("10.9.1.1", PORT);
	return fd;
}

static void do_reopen(int i)
{
	close(fds[i]);
	fds[i] = open_socket(i);
}

/* Raw sockets of the two families have different headers, so they are called and
 * not compared.
 */
static void do_raw(int i)
{
	static const int opts[] = { IP_CHECKSUM, IP_PKTINFO, IP_RECVORIGDSTADDR };
	/* From PORT to NOBODY_PORT */
	char header[8] = { 0x13, 0x88, 0x1b, 0x58, 0, 0, 0x10, 0 }, control[256];
	struct sockaddr_in addr = to(draw(2) ? OWN : "10.9.1.1", 0);
	struct iovec iov = { header, sizeof(header) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (raw < 0)
		raw = socket(door->family, SOCK_RAW, door->protocol);
	set_int(raw, SOL_IP, opts[draw(ARRAY_SIZE(opts))], 1);
	set_int(raw, SOL_SOCKET, SO_PEEK_OFF, (int)draw(12) - 1);
	set_int(raw, door->level, TTP_VERBATIM, draw(2));
	sendto(raw, header, sizeof(header), MSG_DONTWAIT, (void *)&addr,
	       sizeof(addr));
	arrived();
	recvmsg(raw, &msg, MSG_DONTWAIT | (draw(3) ? MSG_PEEK : 0));
}

/* ---- changes of the network ---- */

static int some_mtu(void)
{
	static const int mtus[] = {
		20, 24, 27, 28, 60, 67, 68, 69, 100, 552, 700, 1280, 1500, 9000,
		65535,
	};

	return mtus[draw(ARRAY_SIZE(mtus))];
}

static void do_route(int i)
{
	static const char * const routes[] = {
		"via 10.1.0.2 mtu %d", "via 10.1.0.2 mtu %d",
		"via 10.1.0.2 mtu %d", "via 10.1.0.2 mtu lock %d",
		"via 10.2.0.2 mtu lock %d", "via 10.1.0.2", "via 10.2.0.2",
		"via 10.1.0.2 src 10.2.0.1", "via 10.1.0.2 hoplimit 5",
		"nexthop via 10.1.0.2 nexthop via 10.2.0.2",
		"dev d1", "dev lo",
	};
	static const char * const types[] = {
		"blackhole", "unreachable", "prohibit", "throw",
	};
	unsigned int net = 1 + draw(2), n = draw(16);
	int mtu = some_mtu();

	note(" 10.9.%u.0/24", net);
	if (n == 0) {
		note(" deleted");
		ip("route del 10.9.%u.0/24", net);
	} else if (n == 1) {
		const char *type = types[draw(ARRAY_SIZE(types))];

		note(" %s", type);
		ip("route del 10.9.%u.0/24", net);
		ip("route add %s 10.9.%u.0/24", type, net);
	} else {
		char route[64];

		snprintf(route, sizeof(route), routes[draw(ARRAY_SIZE(routes))], mtu);
		note(" %s", route);
		ip("route del 10.9.%u.0/24", net);
		ip("route add 10.9.%u.0/24 %s", net, route);
	}
	ip_finish();
}

static void do_device(int i)
{
	unsigned int d = draw(ARRAY_SIZE(devices));
	int mtu = some_mtu();

	note(" %s", devices[d].name);
	devices[d].changed = true;
	switch (draw(6)) {
	case 0:
		note(" deleted");
		device_close(d);
		return;
	case 1:
		note(" down");
		ip("link set %s down", devices[d].name);
		break;
	case 2:
		note(" to the initial namespace");
		ip("link set %s netns 1", devices[d].name);
		break;
	case 3:
		note(" up");
		device_close(d);
		device_open(d);
		default_routes();
		break;
	default:
		mtu = mtu < 68 ? 68 : mtu;
		note(" mtu %d", mtu);
		ip("link set %s mtu %d", devices[d].name, mtu);
	}
	ip_finish();
}

static void do_rule(int i)
{
	static const char * const rules[] = {
		"rule add pref 5 fwmark 5 table 100", "rule del pref 5",
		"rule add pref 6 uidrange 0-0 table 100", "rule del pref 6",
		"rule add pref 7 tos 0x10 table 100", "rule del pref 7",
	};
	const char *rule = rules[draw(ARRAY_SIZE(rules))];

	note(" %s", rule);
	ip("route replace 10.9.1.0/24 via 10.2.0.2 mtu %d table 100", 1400);
	ip("%s", rule);
	ip_finish();
}

static void do_policy(int i)
{
	static const char * const actions[] = { "block", "allow" };
	static const char * const dirs[] = { "in", "out" };
	const char *action = actions[draw(ARRAY_SIZE(actions))];
	const char *dir = dirs[draw(ARRAY_SIZE(dirs))];

	if (draw(2)) {
		note(" %s %s", dir, action);
		ip("xfrm policy update src 0.0.0.0/0 dst 10.9.1.0/24 dir %s action %s",
		   dir, action);
	} else {
		note(" none");
		ip("xfrm policy flush");
	}
	ip_finish();
}

static void do_sysctl(int i)
{
	static const char * const values[] = { "0", "0", "1", "2", "3" };
	const char *value = values[draw(ARRAY_SIZE(values))];

	note(" ip_no_pmtu_disc %s", value);
	write_file("/proc/sys/net/ipv4/ip_no_pmtu_disc", value);
}

/* An ICMP error about the last packet of a socket, from a router or from this
 * host
 */
static void do_icmp(int i)
{
	static const unsigned char types[][2] = {
		{ 3, 4 }, { 3, 4 }, { 3, 4 }, { 3, 4 }, { 3, 0 }, { 3, 1 },
		{ 3, 2 }, { 3, 3 }, { 3, 13 }, { 4, 0 }, { 5, 1 }, { 11, 0 },
		{ 12, 0 },
	};
	static const int mtus[] = { 0, 20, 68, 552, 700, 1000, 1400, 65535 };
	const unsigned char *type = types[draw(ARRAY_SIZE(types))];
	struct sockaddr_in own = {}, dest = last_dest[i];
	struct packet quote, p;
	socklen_t len = sizeof(own);
	struct {
		struct icmphdr icmp;
		unsigned char quote[28];
	} message = { .icmp.type = type[0], .icmp.code = type[1] };
	int mtu = mtus[draw(ARRAY_SIZE(mtus))], d = draw(2);
	unsigned short ports[4] = {};
	bool local = !draw(4);

	addresses_changed = true;
	getsockname(fds[i], (void *)&own, &len);
	if (!own.sin_addr.s_addr)
		own.sin_addr.s_addr = inet_addr(devices[d].own);
	ports[0] = own.sin_port;
	ports[1] = dest.sin_port;
	make_ip(&quote, door->protocol, ANY, ANY, ports, sizeof(ports));
	quote.ip.saddr = own.sin_addr.s_addr;
	quote.ip.daddr = dest.sin_addr.s_addr;
	quote.ip.tot_len = htons(1500);
	seal(&quote, quote.len);
	memcpy(message.quote, quote.data, sizeof(message.quote));
	if (type[0] == ICMP_REDIRECT)
		message.icmp.un.gateway = inet_addr("10.1.0.3");
	else if (type[0] == ICMP_DEST_UNREACH && type[1] == ICMP_FRAG_NEEDED)
		message.icmp.un.frag.mtu = htons(mtu);
	message.icmp.checksum = csum(&message, sizeof(message));

	note(" %d/%d mtu %d to %08x:%d by %s", type[0], type[1], mtu,
	     ntohl(dest.sin_addr.s_addr), ntohs(dest.sin_port),
	     local ? "lo" : devices[d].name);
	make_ip(&p, IPPROTO_ICMP, devices[d].gateway, devices[d].own, &message,
		sizeof(message));
	if (local) {
		struct sockaddr_in to = at(AF_INET, OWN, 0);
		int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

		sendto(fd, &message, sizeof(message), 0, (void *)&to,
		       sizeof(to));
		close(fd);
		arrived();
	} else if (devices[d].fd >= 0) {
		arrive(devices[d].fd, &p);
	}
}

#define C(name)	{ #name, do_##name }

static const struct {
	const char *name;
	void (*run)(int i);
} calls[] = {
	C(connect), C(connect), C(connect), C(connect), C(send), C(send),
	C(send), C(send), C(send), C(send), C(send), C(sendto), C(sendto),
	C(sendto), C(sendto), C(sendto), C(sendto), C(sendto), C(sendmsg),
	C(sendmsg), C(sendmsg), C(sendmsg), C(recv), C(recv), C(recv),
	C(recv_error), C(recv_error), C(set), C(set), C(set), C(set), C(set),
	C(set_options), C(get), C(get), C(bind_device), C(member), C(reopen),
	C(raw), C(route), C(route), C(route), C(device), C(rule), C(policy),
	C(sysctl), C(icmp), C(icmp), C(icmp),
};

static void sequence(int number)
{
	unsigned int n, c, i;

	draw_from(number);
	network_reset();
	for (i = 0; i < SOCKETS; i++)
		fds[i] = open_socket(i);
	for (n = 0; n < CALLS; n++) {
		c = draw(ARRAY_SIZE(calls));
		i = draw(SOCKETS);
		call[0] = 0;
		note("%d.%u %u %s", number, n, i, calls[c].name);
		alarm(CALL_LIMIT);
		calls[c].run(i);
		alarm(0);
		/* The datagram, and then what was answered */
		arrived();
		arrived();
		put_packets();
		line("%s", call);
	}
	for (i = 0; i < SOCKETS; i++) {
		put_names(fds[i]);
		put_poll(fds[i]);
		put(" error %d", get_int(fds[i], SOL_SOCKET, SO_ERROR));
		while (put_recv(fds[i], 0) >= 0)
			;
		while (put_error(fds[i]) >= 0)
			;
		line("%d.end %u", number, i);
		close(fds[i]);
	}
	close(raw);
	raw = -1;
	put_packets();
	line("%d.end", number);
}

/* What forged ICMP errors have taught the initial namespace: nothing */
static void put_initial_namespace(void)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int initial = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	char text[256] = "";
	FILE *f;

	put_ret(setns(initial, CLONE_NEWNET));
	f = popen("ip route show cache", "r");
	put(" %s", f && fgets(text, sizeof(text), f) ? text : "none");
	pclose(f);
	put_ret(setns(own, CLONE_NEWNET));
	line("exceptions of the initial namespace");
	close(own);
	close(initial);
}

static void sequences(void)
{
	const char *from = getenv("TTP_FROM"), *to = getenv("TTP_TO");
	int i, end = to ? atoi(to) : OFTEN(50);

	ip_start();
	/* Devices go in a fraction of the time. */
	write_file("/sys/kernel/rcu_expedited", "1");
	for (i = from ? atoi(from) : 0; i < end; i++)
		sequence(i);
	write_file("/sys/kernel/rcu_expedited", "0");
	put_initial_namespace();
}

FIXTURE_VARIANT_ADD(compare, sequences) {
	.run = sequences,
};

TEST_HARNESS_MAIN
