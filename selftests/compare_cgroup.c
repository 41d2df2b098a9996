// SPDX-License-Identifier: GPL-2.0
/*
 * BPF programs of control groups. Each must see a TTP datagram, or a call on a TTP
 * socket, where it sees those of UDP, with the same addresses and the same socket,
 * and its verdict must have the same effect.
 */
#define NEEDS "CGROUP_BPF IP_MULTICAST NFT_NAT VETH"
#include "compare_policy.h"

/* ---- cgroup BPF ---- */

/* What a program saw when it ran last; whole words */
struct seen {
	__u32 runs;
	__u32 fields[16];
	__u32 uid;
	__u64 cookie;
	__u8 packet[28];
};

static struct seen *seen;
static int cgroup = -1;
static int seen_map = -1;

static void watch(int ctx, int off, int i)
{
	load_word(BPF_REG_1, ctx, off);
	store_word(BPF_REG_7, BPF_REG_1, offsetof(struct seen, fields) + 4 * i);
}

/* In r6 the context, in r7 what has been seen, one run more */
static void prologue(void)
{
	mov(BPF_REG_6, BPF_REG_1);
	load_value(BPF_REG_7, seen_map);
	load_word(BPF_REG_1, BPF_REG_7, offsetof(struct seen, runs));
	emit(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, 1);
	store_word(BPF_REG_7, BPF_REG_1, offsetof(struct seen, runs));
}

#define SOCK(field)	offsetof(struct bpf_sock, field)

static const int sock_fields[] = {
	SOCK(bound_dev_if), SOCK(family), SOCK(type), SOCK(mark),
	SOCK(priority), SOCK(src_ip4), SOCK(src_port), SOCK(dst_ip4),
	SOCK(state),
};

/* The socket, in r0 */
static void watch_sock(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sock_fields); i++)
		watch(BPF_REG_0, sock_fields[i], i);
	/* Two bytes */
	emit(BPF_LDX | BPF_MEM | BPF_H, BPF_REG_1, BPF_REG_0, SOCK(dst_port), 0);
	store_word(BPF_REG_7, BPF_REG_1,
		   offsetof(struct seen, fields) + 4 * ARRAY_SIZE(sock_fields));
}

/* A verdict for all packets, or: drop those to THERE */
#define TO_THERE	100

static int skb_program(int attach_type, int verdict)
{
	int skip;

	prologue();
	mov(BPF_REG_1, BPF_REG_6);
	call(BPF_FUNC_get_socket_cookie);
	emit(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_0,
	     offsetof(struct seen, cookie), 0);
	mov(BPF_REG_1, BPF_REG_6);
	call(BPF_FUNC_get_socket_uid);
	store_word(BPF_REG_7, BPF_REG_0, offsetof(struct seen, uid));

	mov(BPF_REG_1, BPF_REG_6);
	mov_imm(BPF_REG_2, 0);
	mov(BPF_REG_3, BPF_REG_7);
	emit(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0,
	     offsetof(struct seen, packet));
	mov_imm(BPF_REG_4, sizeof(seen->packet));
	call(BPF_FUNC_skb_load_bytes);

	watch(BPF_REG_6, offsetof(struct __sk_buff, len), 10);
	watch(BPF_REG_6, offsetof(struct __sk_buff, ifindex), 11);
	watch(BPF_REG_6, offsetof(struct __sk_buff, mark), 12);
	watch(BPF_REG_6, offsetof(struct __sk_buff, priority), 13);
	watch(BPF_REG_6, offsetof(struct __sk_buff, protocol), 14);

	emit(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_6,
	     offsetof(struct __sk_buff, sk), 0);
	skip = code_len;
	emit(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0);
	call(BPF_FUNC_sk_fullsock);
	emit(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2 * ARRAY_SIZE(sock_fields) + 2, 0);
	watch_sock();
	code[skip].off = code_len - skip - 1;

	if (verdict == TO_THERE) {
		/* Addressed to the other host */
		load_word(BPF_REG_1, BPF_REG_7,
			  offsetof(struct seen, packet) + 16);
		emit(BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_1, 0, 2,
		     inet_addr(THERE));
		exit_with(0);
		verdict = 1;
	}
	exit_with(verdict);
	return load(BPF_PROG_TYPE_CGROUP_SKB, attach_type, 0);
}

static void put_seen(int fd)
{
	__u64 cookie = 0;
	socklen_t len = sizeof(cookie);
	size_t i;

	put(" | ran %u:", seen->runs);
	if (seen->runs) {
		for (i = 0; i < ARRAY_SIZE(seen->fields); i++)
			put(" %x", seen->fields[i]);
		put(" uid %u", seen->uid);
		getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
		put(" %s", cookie == seen->cookie ? "own cookie" : "cookie");
		/* The addresses, the ports, the length and what is fragmented */
		put_bytes(seen->packet + 12, 12);
		put_bytes(seen->packet + 2, 2);
	}
	memset(seen, 0, sizeof(*seen));
}

static void cgroup_ready(void)
{
	hosts();
	/* Its socket is in no cgroup with a program. */
	arrived();
	if (cgroup < 0)
		cgroup = own_cgroup("policy");
	if (seen_map < 0)
		seen_map = one_value((void **)&seen, sizeof(*seen));
	if (cgroup < 0 || seen_map < 0)
		put(" no cgroup BPF at %s", door->name);
	/* One port to choose from */
	run_here("sysctl -qw net.ipv4.ip_local_port_range='40000 40001' "
		 "net.ipv4.ip_local_reserved_ports=40001");
}

static const struct {
	const char *what;
	int type, verdict;
} skb_rows[] = {
	{ "egress, allowed", BPF_CGROUP_INET_EGRESS, 1 },
	{ "egress, dropped", BPF_CGROUP_INET_EGRESS, 0 },
	{ "egress, dropped, congestion", BPF_CGROUP_INET_EGRESS, 2 },
	{ "egress, allowed, congestion", BPF_CGROUP_INET_EGRESS, 3 },
	{ "egress, dropped by address", BPF_CGROUP_INET_EGRESS, TO_THERE },
	{ "ingress, allowed", BPF_CGROUP_INET_INGRESS, 1 },
	{ "ingress, dropped", BPF_CGROUP_INET_INGRESS, 0 },
};

/* A socket with everything that a program can see of it */
static int marked(void)
{
	int fd = holder(HERE, PEER_PORT);

	put_ret(set_int(fd, SOL_SOCKET, SO_MARK, 9));
	put_ret(set_int(fd, SOL_SOCKET, SO_PRIORITY, 5));
	put_ret(set_int(fd, SOL_SOCKET, SO_BROADCAST, 1));
	put_ret(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "v0", 2));
	put_ret(fchown(fd, 1234, 1234));
	return fd;
}

/* One packet, or none, and what the program saw of it; @by is its socket. */
static void put_packet(long sent, int fd, int by, const char *what)
{
	put_ret(sent);
	put_queue(fd, 0);
	put_seen(by);
	line("%s", what);
}

static void send_all_ways(int from, int fd, int by)
{
	static char big[5000];

	put_packet(send_at(from, TEXT, 1, THERE, PORT), fd, by, "one byte");
	put_packet(send_at(from, big, sizeof(big), THERE, PORT), fd, by,
		   "in fragments");
	put_packet(send_at(from, TEXT, 2, "10.0.0.255", PORT), fd, by,
		   "broadcast");
	put_ret(connect_at(from, THERE, PORT));
	put_packet(send(from, TEXT, 3, 0), fd, by, "to the peer");
	put_packet(send(from, "", 0, 0), fd, by, "empty, to the peer");
	put_ret(send(from, TEXT, 3, MSG_MORE));
	put_packet(send(from, TEXT, 3, 0), fd, by, "in pieces");
	put_ret(set_int(from, SOL_IP, IP_RECVERR, 1));
	put_packet(send(from, TEXT, 4, 0), fd, by, "with IP_RECVERR");
	put_ret(disconnect(from));
}

static void cgroup_skb(void)
{
	int prog, fd, from, type;
	size_t i;

	cgroup_ready();
	for (i = 0; i < ARRAY_SIZE(skb_rows); i++) {
		type = skb_rows[i].type;
		from = marked();
		fd = holder_there(ANY, PORT);
		prog = skb_program(type, skb_rows[i].verdict);
		put_ret(attach(cgroup, prog, type, BPF_PROG_ATTACH));
		line("%s", skb_rows[i].what);
		send_all_ways(from, fd, type == BPF_CGROUP_INET_EGRESS ? from :
									 fd);
		put_ret(attach(cgroup, prog, type, BPF_PROG_DETACH));
		close(prog);
		put_packet(send_at(from, TEXT, 1, THERE, PORT), fd, from,
			   "without the program");
		close(from);
		close(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, cgroup_skb) {
	.run = cgroup_skb,
};

/* The program sees the addresses that a packet leaves with. */
static const struct {
	const char *what, *rules;
} nat[] = {
	{ "destination changed",
	  NFT("nat hook output priority -100; ip daddr 10.0.0.9 dnat to " THERE
	      ";") },
	{ "source changed",
	  NFT("nat hook postrouting priority 100; ip daddr " THERE
	      " snat to 10.0.0.7;") },
	{ "dropped before", FILTER("postrouting", MATCH "drop;") },
};

static void cgroup_nat(void)
{
	int prog, fd, from;
	size_t i, j;

	cgroup_ready();
	for (i = 0; i < ARRAY_SIZE(nat); i++) {
		for (j = 0; j < 2; j++) {
			run_here(nat[i].rules);
			from = holder(HERE, PEER_PORT);
			fd = holder_there(ANY, PORT);
			prog = skb_program(BPF_CGROUP_INET_EGRESS,
					   j ? TO_THERE : 1);
			put_ret(attach(cgroup, prog, BPF_CGROUP_INET_EGRESS,
				       BPF_PROG_ATTACH));
			put_packet(send_at(from, TEXT, 1, THERE, PORT), fd,
				   from, nat[i].what);
			/* Connection tracking knows hosts of TTP, not ports. */
			run_here("conntrack -F 2>/dev/null");
			put_packet(send_at(from, TEXT, 1, "10.0.0.9", PORT), fd,
				   from, nat[i].what);
			put_ret(attach(cgroup, prog, BPF_CGROUP_INET_EGRESS,
				       BPF_PROG_DETACH));
			close(prog);
			line("end");
			close(from);
			close(fd);
			run_here("conntrack -F 2>/dev/null; " FLUSH);
		}
	}
	line("all");
}

FIXTURE_VARIANT_ADD(compare, cgroup_nat) {
	.run = cgroup_nat,
};

/* A socket stays in the cgroup that it was created in. */
static void cgroup_of_the_creator(void)
{
	int prog, fd, from, to_fd, type, i;
	static const int types[] = { BPF_CGROUP_INET_EGRESS,
				     BPF_CGROUP_INET_INGRESS };

	cgroup_ready();
	for (i = 0; i < 2; i++) {
		type = types[i];
		from = holder(HERE, PEER_PORT);
		to_fd = holder_there(ANY, PORT);
		put_ret(write_file("/tmp/cgroup.procs", "0"));
		prog = skb_program(type, 0);
		put_ret(attach(cgroup, prog, type, BPF_PROG_ATTACH));
		put_packet(send_at(from, TEXT, 1, THERE, PORT), to_fd, from,
			   "of another cgroup than the sender's");
		close(from);
		close(to_fd);

		from = holder(HERE, PEER_PORT);
		to_fd = holder_there(ANY, PORT);
		fd = openat(cgroup, "cgroup.procs", O_WRONLY);
		put_ret(write(fd, "0", 1));
		close(fd);
		put_packet(send_at(from, TEXT, 1, THERE, PORT), to_fd, from,
			   "of no cgroup with a program");
		put_ret(attach(cgroup, prog, type, BPF_PROG_DETACH));
		line("end");
		close(prog);
		close(from);
		close(to_fd);
	}
}

FIXTURE_VARIANT_ADD(compare, cgroup_of_the_creator) {
	.run = cgroup_of_the_creator,
};

/* ---- programs on addresses ---- */

#define ADDR(field)	offsetof(struct bpf_sock_addr, field)

enum rewrite { NO_REWRITE, PORT_ONE_MORE, SOURCE, OPTIONS, BIND, BIND_PORT };

static void call_setsockopt(int level, int opt, int val)
{
	mov(BPF_REG_1, BPF_REG_6);
	mov_imm(BPF_REG_2, level);
	mov_imm(BPF_REG_3, opt);
	emit(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, val);
	mov(BPF_REG_4, BPF_REG_10);
	emit(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_4, 0, 0, -4);
	mov_imm(BPF_REG_5, 4);
	call(BPF_FUNC_setsockopt);
}

static void call_bind(int port)
{
	emit(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -16,
	     AF_INET | htons(port) << 16);
	emit(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -12, inet_addr(HERE));
	emit(BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, 0);
	mov(BPF_REG_1, BPF_REG_6);
	mov(BPF_REG_2, BPF_REG_10);
	emit(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -16);
	mov_imm(BPF_REG_3, 16);
	call(BPF_FUNC_bind);
}

static int addr_program(int attach_type, int verdict, enum rewrite rewrite)
{
	int skip;

	prologue();
	watch(BPF_REG_6, ADDR(user_family), 10);
	watch(BPF_REG_6, ADDR(user_ip4), 11);
	watch(BPF_REG_6, ADDR(user_port), 12);
	watch(BPF_REG_6, ADDR(family), 13);
	watch(BPF_REG_6, ADDR(type), 14);
	if (attach_type == BPF_CGROUP_UDP4_SENDMSG)
		watch(BPF_REG_6, ADDR(msg_src_ip4), 15);
	emit(BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_0, BPF_REG_6, ADDR(sk), 0);
	skip = code_len;
	emit(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 0, 0);
	watch_sock();
	code[skip].off = code_len - skip - 1;
	mov(BPF_REG_1, BPF_REG_6);
	call(BPF_FUNC_get_socket_cookie);
	emit(BPF_STX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_0,
	     offsetof(struct seen, cookie), 0);

	if (rewrite == PORT_ONE_MORE) {
		mov_imm(BPF_REG_1, htons(PORT + 1));
		store_word(BPF_REG_6, BPF_REG_1, ADDR(user_port));
	} else if (rewrite == SOURCE) {
		mov_imm(BPF_REG_1, inet_addr("10.0.0.3"));
		store_word(BPF_REG_6, BPF_REG_1, ADDR(msg_src_ip4));
	} else if (rewrite == OPTIONS) {
		call_setsockopt(SOL_SOCKET, SO_MARK, 7);
		call_setsockopt(SOL_SOCKET, SO_PRIORITY, 3);
		call_setsockopt(SOL_SOCKET, SO_RCVBUF, 50000);
		call_setsockopt(SOL_IP, IP_TOS, 8);
	} else if (rewrite == BIND || rewrite == BIND_PORT) {
		call_bind(rewrite == BIND ? 0 : PORT + 2);
	}
	exit_with(verdict);
	return load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach_type, 0);
}

static const struct {
	const char *what;
	int type, verdict;
	enum rewrite rewrite;
} addr_rows[] = {
	{ "bind4, allowed", BPF_CGROUP_INET4_BIND, 1, NO_REWRITE },
	{ "bind4, refused", BPF_CGROUP_INET4_BIND, 0, NO_REWRITE },
	{ "bind4, port", BPF_CGROUP_INET4_BIND, 1, PORT_ONE_MORE },
	{ "bind4, options", BPF_CGROUP_INET4_BIND, 1, OPTIONS },
	{ "connect4, allowed", BPF_CGROUP_INET4_CONNECT, 1, NO_REWRITE },
	{ "connect4, refused", BPF_CGROUP_INET4_CONNECT, 0, NO_REWRITE },
	{ "connect4, port", BPF_CGROUP_INET4_CONNECT, 1, PORT_ONE_MORE },
	{ "connect4, options", BPF_CGROUP_INET4_CONNECT, 1, OPTIONS },
	{ "connect4, bind", BPF_CGROUP_INET4_CONNECT, 1, BIND },
	{ "sendmsg4, allowed", BPF_CGROUP_UDP4_SENDMSG, 1, NO_REWRITE },
	{ "sendmsg4, refused", BPF_CGROUP_UDP4_SENDMSG, 0, NO_REWRITE },
	{ "sendmsg4, port", BPF_CGROUP_UDP4_SENDMSG, 1, PORT_ONE_MORE },
	{ "sendmsg4, source", BPF_CGROUP_UDP4_SENDMSG, 1, SOURCE },
	{ "sendmsg4, options", BPF_CGROUP_UDP4_SENDMSG, 1, OPTIONS },
	{ "recvmsg4", BPF_CGROUP_UDP4_RECVMSG, 1, NO_REWRITE },
	{ "recvmsg4, port", BPF_CGROUP_UDP4_RECVMSG, 1, PORT_ONE_MORE },
	{ "getsockname4", BPF_CGROUP_INET4_GETSOCKNAME, 1, NO_REWRITE },
	{ "getsockname4, port", BPF_CGROUP_INET4_GETSOCKNAME, 1,
	  PORT_ONE_MORE },
	{ "getpeername4", BPF_CGROUP_INET4_GETPEERNAME, 1, NO_REWRITE },
	{ "getpeername4, port", BPF_CGROUP_INET4_GETPEERNAME, 1,
	  PORT_ONE_MORE },
};

static void put_options(int fd)
{
	put(" mark %d", get_int(fd, SOL_SOCKET, SO_MARK));
	put(" priority %d", get_int(fd, SOL_SOCKET, SO_PRIORITY));
	put(" room %d", get_int(fd, SOL_SOCKET, SO_RCVBUF));
	put(" tos %d", get_int(fd, SOL_IP, IP_TOS));
}

/* Each call that has an address, with every kind of program attached */
static void put_calls(int from, int fd, int other)
{
	struct sockaddr_in sin = to(THERE, PORT);
	char control[CMSG_SPACE(4)] = {};
	struct msghdr msg = { .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	put_ret(bind_at(from, HERE, PEER_PORT));
	put_seen(from);
	put_names(from);
	line("bind()");
	put_ret(bind_at(from, HERE, PEER_PORT));
	put_ret(bind(from, (void *)&sin, 2));
	put_seen(from);
	line("bind() again, with 2 bytes");
	put_packet(sendto(from, TEXT, 1, 0, (void *)&sin, sizeof(sin)), fd, from,
		   "sendto()");
	put_queue(other, 0);
	sin.sin_family = AF_UNSPEC;
	put_packet(sendto(from, TEXT, 1, 0, (void *)&sin, sizeof(sin)), fd, from,
		   "sendto(AF_UNSPEC)");
	put_queue(other, 0);
	put_ret(connect_at(from, THERE, PORT));
	put_seen(from);
	put_names(from);
	line("connect()");
	put_packet(send(from, TEXT, 2, 0), fd, from, "send()");
	put_queue(other, 0);
	*cmsg = (struct cmsghdr) { .cmsg_level = SOL_IP, .cmsg_type = IP_TTL,
				   .cmsg_len = CMSG_LEN(4) };
	*(int *)CMSG_DATA(cmsg) = 9;
	put_packet(sendmsg(from, &msg, 0), fd, from, "sendmsg(IP_TTL)");
	put_queue(other, 0);
	put_ret(connect_at(from, THERE, 0));
	put_ret(disconnect(from));
	put_seen(from);
	put_names(from);
	put_options(from);
	line("connect(AF_UNSPEC)");
}

static void cgroup_sock_addr(void)
{
	int prog, fd, other, from;
	size_t i;

	cgroup_ready();
	run_here("ip address add 10.0.0.3/24 dev v0 2>/dev/null; true");
	for (i = 0; i < ARRAY_SIZE(addr_rows); i++) {
		fd = holder_there(ANY, PORT);
		other = holder_there(ANY, PORT + 1);
		prog = addr_program(addr_rows[i].type, addr_rows[i].verdict,
				    addr_rows[i].rewrite);
		put_ret(attach(cgroup, prog, addr_rows[i].type,
			       BPF_PROG_ATTACH));
		line("%s", addr_rows[i].what);
		from = fresh();
		put_calls(from, fd, other);
		close(from);
		/* connect() first */
		from = fresh();
		put_ret(connect_at(from, THERE, PORT));
		put_names(from);
		put_packet(send(from, TEXT, 2, 0), fd, from,
			   "connect() and send()");
		put_ret(attach(cgroup, prog, addr_rows[i].type,
			       BPF_PROG_DETACH));
		line("%s: end", addr_rows[i].what);
		close(prog);
		close(from);
		close(fd);
		close(other);
	}
}

FIXTURE_VARIANT_ADD(compare, cgroup_sock_addr) {
	.run = cgroup_sock_addr,
};

/* bpf_bind() to a port takes it. */
static void cgroup_bind_port(void)
{
	int prog, from, other;

	cgroup_ready();
	prog = addr_program(BPF_CGROUP_INET4_CONNECT, 1, BIND_PORT);
	put_ret(attach(cgroup, prog, BPF_CGROUP_INET4_CONNECT,
		       BPF_PROG_ATTACH));
	from = fresh();
	put_ret(connect_at(from, THERE, PORT));
	put_names(from);
	other = fresh();
	put_ret(bind_at(other, HERE, PORT + 2));
	put_ret(connect_at(other, THERE, PORT));
	put_ret(attach(cgroup, prog, BPF_CGROUP_INET4_CONNECT,
		       BPF_PROG_DETACH));
	close(from);
	put_ret(bind_at(other, HERE, PORT + 2));
	line("bpf_bind() to a port");
	close(prog);
	close(other);
}

FIXTURE_VARIANT_ADD(compare, cgroup_bind_port) {
	.run = cgroup_bind_port,
};

TEST_HARNESS_MAIN
