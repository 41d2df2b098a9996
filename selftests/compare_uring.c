// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring: what completes, when, and with what: each request in each state,
 * those that have to wait and what ends that, multishots: as UDP.
 */
#define NEEDS "IO_URING"
#include "compare_world.h"

#include <linux/io_uring.h>
#include <sys/syscall.h>

#define ENTRIES	32

/* A ring, as the kernel maps it */
static struct {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_cqe *cqes;
	struct io_uring_sqe *sqes;
	unsigned int queued;
	unsigned int pending;	/* requests that have not completed for good */
} ring;

static void open_ring(void)
{
	struct io_uring_params p = {};
	size_t len;
	void *map;

	ring.fd = syscall(__NR_io_uring_setup, ENTRIES, &p);
	if (ring.fd < 0) {
		put_ret(ring.fd);
		return;
	}
	len = p.cq_off.cqes + p.cq_entries * sizeof(*ring.cqes);
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
		   IORING_OFF_SQ_RING);
	ring.sq_tail = map + p.sq_off.tail;
	ring.sq_mask = map + p.sq_off.ring_mask;
	ring.sq_array = map + p.sq_off.array;
	ring.cq_head = map + p.cq_off.head;
	ring.cq_tail = map + p.cq_off.tail;
	ring.cq_mask = map + p.cq_off.ring_mask;
	ring.cqes = map + p.cq_off.cqes;
	ring.sqes = mmap(NULL, p.sq_entries * sizeof(*ring.sqes),
			 PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
			 IORING_OFF_SQES);
	ring.queued = 0;
	ring.pending = 0;
}

/* The next request, to be filled in before submit() */
static struct io_uring_sqe *request(int op, int fd, const void *addr,
				    unsigned int len, int flags)
{
	unsigned int i = *ring.sq_tail & *ring.sq_mask;
	struct io_uring_sqe *sqe = &ring.sqes[i];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->fd = fd;
	sqe->addr = (unsigned long)addr;
	sqe->len = len;
	sqe->msg_flags = flags;
	sqe->user_data = op;
	ring.sq_array[i] = i;
	__atomic_store_n(ring.sq_tail, *ring.sq_tail + 1, __ATOMIC_RELEASE);
	ring.queued++;
	ring.pending++;
	return sqe;
}

static int enter_ring(unsigned int wait)
{
	struct __kernel_timespec ts = { .tv_sec = WAIT_MS / 1000 };
	struct io_uring_getevents_arg arg = { .ts = (unsigned long)&ts };
	unsigned int n = ring.queued;

	ring.queued = 0;
	return syscall(__NR_io_uring_enter, ring.fd, n, wait,
		       IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg,
		       sizeof(arg));
}

/* Which buffer it was is not ours to tell; whether it was one is. */
static void put_cqe(const struct io_uring_cqe *cqe)
{
	put(" <%llu:", cqe->user_data);
	errno = -cqe->res;
	put_ret(cqe->res < 0 ? -1 : cqe->res);
	put(" %x>", cqe->flags & 0xffff);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		ring.pending--;
}

/* @n completions, in their order; fewer if no request is left to complete */
static void put_completions(unsigned int n)
{
	unsigned int head = *ring.cq_head;
	int ret;

	while (n) {
		if (head == __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE)) {
			if (!ring.pending)
				break;
			ret = enter_ring(1);
			if (ret < 0) {
				put_ret(ret);
				break;
			}
			continue;
		}
		put_cqe(&ring.cqes[head++ & *ring.cq_mask]);
		__atomic_store_n(ring.cq_head, head, __ATOMIC_RELEASE);
		n--;
	}
}

/* None more has come */
static void put_no_more(void)
{
	enter_ring(0);
	put(*ring.cq_head == *ring.cq_tail ? " no more" : " and more");
	while (*ring.cq_head != *ring.cq_tail)
		put_completions(1);
}

/* A request that still waits would keep its socket, and the port. */
static void close_ring(void)
{
	if (ring.pending) {
		put(" left: %u", ring.pending);
		request(IORING_OP_ASYNC_CANCEL, -1, NULL, 0,
			IORING_ASYNC_CANCEL_ANY);
		put_completions(ring.pending);
	}
	close(ring.fd);
}

static char data[64], control[256];
static struct sockaddr_in name;
static struct iovec iov;
static struct msghdr msg;

static struct msghdr *message(const char *text, size_t len)
{
	memset(data, 0, sizeof(data));
	memcpy(data, text, strlen(text));
	name = to(OWN, PEER_PORT);
	iov = (struct iovec) { data, len };
	msg = (struct msghdr) {
		.msg_name = &name, .msg_namelen = sizeof(name),
		.msg_iov = &iov, .msg_iovlen = 1,
	};
	return &msg;
}

static struct msghdr *room(void)
{
	message("", sizeof(data));
	memset(&name, 0xee, sizeof(name));
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	return &msg;
}

/* What a completed receive has written */
static void put_room(void)
{
	put(" flags %x", msg.msg_flags);
	put_addr(&name, msg.msg_namelen, sizeof(name));
	put_bytes(data, 8);
	put(" control %zu", (size_t)msg.msg_controllen);
}

static void put_after(int fd)
{
	put_no_more();
	put_peer();
	put_state(fd);
	put_names(fd);
}

static const struct {
	const char *name;
	int op;
	int flags;
} ops[] = {
	{ "SEND", IORING_OP_SEND, 0 },
	{ "SEND, MSG_OOB", IORING_OP_SEND, MSG_OOB },
	{ "SEND, MSG_WAITALL", IORING_OP_SEND, MSG_WAITALL },
	{ "WRITE", IORING_OP_WRITE, 0 },
	{ "RECV", IORING_OP_RECV, MSG_DONTWAIT },
	{ "RECV, MSG_PEEK", IORING_OP_RECV, MSG_DONTWAIT | MSG_PEEK },
	{ "RECV, MSG_TRUNC", IORING_OP_RECV, MSG_DONTWAIT | MSG_TRUNC },
	{ "RECV, MSG_WAITALL", IORING_OP_RECV, MSG_DONTWAIT | MSG_WAITALL },
	{ "RECV, MSG_ERRQUEUE", IORING_OP_RECV, MSG_DONTWAIT | MSG_ERRQUEUE },
	{ "RECV, MSG_OOB", IORING_OP_RECV, MSG_DONTWAIT | MSG_OOB },
};

static void one_request(unsigned int i, enum state state)
{
	bool is_send = ops[i].op == IORING_OP_SEND ||
		       ops[i].op == IORING_OP_WRITE;
	int fd = enter(state), len;

	open_ring();
	for (len = 0; len < 12; len += 5) {
		message(is_send ? TEXT : "", 8);
		request(ops[i].op, fd, data, len, ops[i].flags);
		put_completions(1);
		put_bytes(data, 10);
	}
	request(ops[i].op, fd, nowhere(), 3, ops[i].flags);
	put_completions(1);
	put_after(fd);
	close_ring();
	line("%s, %s", ops[i].name, state_names[state]);
	leave(fd);
}

static void one_message(enum state state)
{
	int fd = enter(state);

	open_ring();
	request(IORING_OP_SENDMSG, fd, message(TEXT, 8), 1, 0);
	put_completions(1);
	message(TEXT, 8)->msg_name = NULL;
	request(IORING_OP_SENDMSG, fd, &msg, 1, 0);
	put_completions(1);
	message(TEXT, 8)->msg_namelen = 3;
	request(IORING_OP_SENDMSG, fd, &msg, 1, 0);
	put_completions(1);
	request(IORING_OP_SENDMSG, fd, nowhere(), 1, 0);
	put_completions(1);
	put_peer();
	set_int(fd, SOL_IP, IP_RECVTTL, 1);
	request(IORING_OP_RECVMSG, fd, room(), 1, MSG_DONTWAIT | MSG_PEEK);
	put_completions(1);
	put_room();
	request(IORING_OP_RECVMSG, fd, room(), 1, MSG_DONTWAIT);
	put_completions(1);
	put_room();
	request(IORING_OP_RECVMSG, fd, nowhere(), 1, MSG_DONTWAIT);
	put_completions(1);
	put_after(fd);
	close_ring();
	line("SENDMSG, RECVMSG, %s", state_names[state]);
	leave(fd);
}

static void other_calls(enum state state)
{
	int fd = enter(state);

	open_ring();
	name = to(OWN, PEER_PORT);
	request(IORING_OP_CONNECT, fd, &name, 0, 0)->off = sizeof(name);
	put_completions(1);
	request(IORING_OP_CONNECT, fd, &name, 0, 0)->off = 3;
	put_completions(1);
	put_after(fd);
	request(IORING_OP_POLL_ADD, fd, NULL, 0, 0)->poll32_events = POLLOUT;
	put_completions(1);
	/* SIOCINQ, SIOCOUTQ, where a kernel knows them, and something else */
	request(IORING_OP_URING_CMD, fd, NULL, 0, 0)->off = 0;
	put_completions(1);
	request(IORING_OP_URING_CMD, fd, NULL, 0, 0)->off = 1;
	put_completions(1);
	request(IORING_OP_URING_CMD, fd, NULL, 0, 0)->off = 99;
	put_completions(1);
	request(IORING_OP_SHUTDOWN, fd, NULL, SHUT_RDWR, 0);
	put_completions(1);
	put_after(fd);
	request(IORING_OP_CLOSE, fd, NULL, 0, 0);
	put_completions(1);
	close_ring();
	line("other calls, %s", state_names[state]);
	close(peer);
}

static void each_request(void)
{
	unsigned int s, i;

	signal(SIGPIPE, SIG_IGN);
	for (s = 0; s < N_STATES; s++) {
		for (i = 0; i < ARRAY_SIZE(ops); i++)
			one_request(i, s);
		one_message(s);
		other_calls(s);
	}
}

FIXTURE_VARIANT_ADD(compare, each_request) {
	.run = each_request,
};

/* No wait for what the ring takes before anybody else sees it */
static void feed(const char *text, size_t len)
{
	put_ret(send_at(peer, text, len, OWN, PORT));
	arrived();
}

static void be_refused(int fd)
{
	put_ret(connect_at(fd, OWN, NOBODY_PORT));
	put_ret(send(fd, "", 0, 0));
	arrived();
}

/* A request that has to wait, and what ends that */
static void end_wait(enum state state, int op, int how)
{
	int fd = enter(state);

	open_ring();
	if (op == IORING_OP_RECVMSG)
		request(op, fd, room(), 1, 0);
	else if (op == IORING_OP_POLL_ADD)
		request(op, fd, NULL, 0, 0)->poll32_events = POLLIN;
	else
		request(op, fd, data, sizeof(data), 0);
	put_no_more();
	if (how == 0)
		feed(TEXT, 3);
	else if (how == 1)
		feed("", 0);
	else if (how == 2)
		shutdown(fd, SHUT_RD);
	else if (how == 3)
		be_refused(fd);
	else
		request(IORING_OP_ASYNC_CANCEL, -1, NULL, 0, 0)->addr = op;
	put_completions(how == 4 ? 2 : 1);
	if (op == IORING_OP_RECVMSG && how < 2)
		put_room();
	put_after(fd);
	close_ring();
	line("request %d waits, ended by %d, %s", op, how, state_names[state]);
	leave(fd);
}

static void waits(void)
{
	static const int waiting[] = {
		IORING_OP_RECV, IORING_OP_RECVMSG, IORING_OP_READ,
		IORING_OP_POLL_ADD,
	};
	static const enum state states[] = { BOUND, CONNECTED };
	unsigned int s, i;
	int how;

	for (s = 0; s < ARRAY_SIZE(states); s++)
		for (i = 0; i < ARRAY_SIZE(waiting); i++)
			for (how = 0; how < 5; how++)
				end_wait(states[s], waiting[i], how);
}

FIXTURE_VARIANT_ADD(compare, waits) {
	.run = waits,
};

/* A multishot: one request, a completion for each datagram, as long as there
 * are buffers
 */
#define BUFFERS		4
#define BUFFER_SIZE	128

static void multishot(int op, int flags, int end)
{
	static char buffers[BUFFERS][BUFFER_SIZE];
	struct io_uring_sqe *sqe;
	int fd = enter(BOUND), i;

	memset(buffers, 0xee, sizeof(buffers));
	open_ring();
	sqe = request(IORING_OP_PROVIDE_BUFFERS, BUFFERS, buffers, BUFFER_SIZE,
		      0);
	sqe->buf_group = 7;
	put_completions(1);
	room()->msg_controllen = 0;
	sqe = request(op, fd, op == IORING_OP_RECVMSG ? &msg : NULL,
		      op == IORING_OP_RECVMSG, flags);
	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->buf_group = 7;
	put_no_more();
	feed("one", 3);
	put_completions(1);
	feed("two", 3);
	feed("three", 5);
	put_completions(2);
	if (end == 4) {
		feed("", 0);
		feed("more", 4);
		put_completions(2);
	} else if (end == 0) {
		feed("four", 4);
		feed("five", 4);
		put_completions(2);
	} else if (end == 1) {
		shutdown(fd, SHUT_RD);
		put_no_more();
	} else if (end == 2) {
		be_refused(fd);
		put_completions(1);
	} else {
		request(IORING_OP_ASYNC_CANCEL, -1, NULL, 0, 0)->addr = op;
		put_completions(2);
	}
	for (i = 0; i < BUFFERS; i++) {
		/* The family of a name in it is the door's own. */
		struct io_uring_recvmsg_out *out = (void *)buffers[i];
		struct sockaddr_in *sin = (void *)(out + 1);

		if (op == IORING_OP_RECVMSG && sin->sin_family == door->family)
			sin->sin_family = 0;
		put_bytes(buffers[i], 40);
	}
	put_after(fd);
	close_ring();
	line("multishot of %d, flags %x, end %d", op, flags, end);
	leave(fd);
}

static void multishots(void)
{
	int end;

	for (end = 0; end < 5; end++) {
		multishot(IORING_OP_RECV, 0, end);
		multishot(IORING_OP_RECV, MSG_TRUNC, end);
		multishot(IORING_OP_RECVMSG, 0, end);
		multishot(IORING_OP_RECVMSG, MSG_TRUNC, end);
		/* That cannot be: refused. */
		multishot(IORING_OP_RECV, MSG_WAITALL, end);
	}
}

FIXTURE_VARIANT_ADD(compare, multishots) {
	.run = multishots,
};

/* Commands to a socket, of kernels newer than the headers: what is queued in and
 * out, options; and some that are not there, or not everywhere
 */
#define CMD_GETSOCKOPT	2
#define CMD_SETSOCKOPT	3
#define COMMANDS	8

static void command(enum state state, unsigned int cmd, int level, int opt,
		    unsigned int len)
{
	int fd = enter(state), val = 5;
	struct io_uring_sqe *sqe;

	open_ring();
	feed("four", 4);
	sqe = request(IORING_OP_URING_CMD, fd, NULL, 0, 0);
	sqe->off = cmd;
	sqe->addr = (unsigned long)opt << 32 | level;
	sqe->file_index = len;
	sqe->addr3 = (unsigned long)&val;
	put_completions(1);
	put(" %d", val);
	put(" now %d", get_int(fd, level, opt));
	put_after(fd);
	close_ring();
	line("command %u of level %d, option %d, length %u, %s", cmd, level,
	     opt, len, state_names[state]);
	leave(fd);
}

static void commands(void)
{
	static const enum state states[] = { BOUND, CONNECTED };
	unsigned int s, cmd, len;

	for (s = 0; s < ARRAY_SIZE(states); s++) {
		for (cmd = 0; cmd < COMMANDS; cmd++)
			command(states[s], cmd, SOL_SOCKET, SO_PRIORITY, 4);
		for (len = 0; len < 6; len++) {
			for (cmd = CMD_GETSOCKOPT; cmd <= CMD_SETSOCKOPT; cmd++)
				command(states[s], cmd, SOL_IP, IP_TTL, len);
			command(states[s], CMD_GETSOCKOPT, SOL_SOCKET,
				SO_TYPE, len);
		}
	}
}

FIXTURE_VARIANT_ADD(compare, commands) {
	.run = commands,
};

/* Several at once, each after the last; one that fails ends the chain. */
static void chains(void)
{
	int at_fault, fd, i;

	for (at_fault = -1; at_fault < 4; at_fault++) {
		fd = enter(CONNECTED);
		open_ring();
		message(TEXT, 8);
		for (i = 0; i < 4; i++)
			request(IORING_OP_SEND, fd, data, i + 1,
				i == at_fault ? MSG_OOB : 0)->flags =
				i < 3 ? IOSQE_IO_LINK : 0;
		put_completions(4);
		put_after(fd);
		close_ring();
		line("a chain of sends, number %d is bad", at_fault);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, chains) {
	.run = chains,
};

/* Without a copy: a completion, and another when the payload is free again */
static void zero_copy(void)
{
	struct io_uring_sqe *sqe;
	unsigned int s;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	for (s = 0; s < N_STATES; s++) {
		fd = enter(s);
		open_ring();
		message(TEXT, 8);
		request(IORING_OP_SEND_ZC, fd, data, 8, 0);
		put_completions(2);
		sqe = request(IORING_OP_SEND_ZC, fd, data, 8, 0);
		sqe->addr2 = (unsigned long)&name;
		sqe->addr_len = sizeof(name);
		put_completions(2);
		put_after(fd);
		close_ring();
		line("SEND_ZC, %s", state_names[s]);
		leave(fd);

		fd = enter(s);
		open_ring();
		request(IORING_OP_SENDMSG_ZC, fd, message(TEXT, 8), 1, 0);
		put_completions(2);
		put_after(fd);
		close_ring();
		line("SENDMSG_ZC, %s", state_names[s]);
		leave(fd);
	}
}

FIXTURE_VARIANT_ADD(compare, zero_copy) {
	.run = zero_copy,
};

TEST_HARNESS_MAIN
