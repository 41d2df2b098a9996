// SPDX-License-Identifier: GPL-2.0
/*
 * Two threads on one socket or one port: what a call says that another one
 * disturbs. Only what is sure whoever comes first is written down: as UDP.
 */
#include "compare_world.h"

#include <pthread.h>
#include <sys/syscall.h>

/* The other thread: runs @act on @fd, and tells what it said. */
struct other {
	int (*act)(int fd);
	int fd;
	int ret, error;
	pid_t tid;
	pthread_t thread;
};

static void *run_other(void *arg)
{
	struct other *o = arg;

	__atomic_store_n(&o->tid, gettid(), __ATOMIC_RELEASE);
	o->ret = o->act(o->fd);
	o->error = errno;
	return NULL;
}

static void start(struct other *o)
{
	o->tid = 0;
	if (pthread_create(&o->thread, NULL, run_other, o))
		put(" no thread");
}

static void put_other(struct other *o)
{
	pthread_join(o->thread, NULL);
	errno = o->error;
	put(" the other:");
	put_ret(o->ret);
}

/* It sleeps, which within these calls it does in the kernel alone. */
static void await_sleep(const struct other *o)
{
	long limit = now_ms() + WAIT_MS;
	char path[64], text[256], *state;
	int fd, n;

	while (now_ms() < limit) {
		pid_t tid = __atomic_load_n(&o->tid, __ATOMIC_ACQUIRE);

		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
		fd = tid ? open(path, O_RDONLY) : -1;
		n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = 0;
		state = strrchr(text, ')');
		if (state && state[1] == ' ' && state[2] == 'S')
			return;
		sched_yield();
	}
	put(" it does not sleep");
}

static int do_recv(int fd)
{
	char room[16];

	return recv(fd, room, sizeof(room), 0);
}

static int do_peek(int fd)
{
	char room[16];

	return recv(fd, room, sizeof(room), MSG_PEEK);
}

static int do_poll(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLRDHUP };

	return poll(&pfd, 1, WAIT_MS) < 0 ? -1 : pfd.revents;
}

static int do_recvmmsg(int fd)
{
	static char room[16];
	struct iovec iov = { room, sizeof(room) };
	struct mmsghdr msgs[2] = {
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } },
	};

	return recvmmsg(fd, msgs, 2, MSG_WAITFORONE, NULL);
}

/* What ends a wait */
static int ends_by_datagram(int fd)
{
	return send_at(peer, "abc", 3, OWN, PORT);
}

static int ends_by_nothing(int fd)
{
	return send_at(peer, "", 0, OWN, PORT);
}

static int ends_by_shutdown(int fd)
{
	return shutdown(fd, SHUT_RD);
}

static int ends_by_full_shutdown(int fd)
{
	return shutdown(fd, SHUT_RDWR);
}

static int ends_by_error(int fd)
{
	int ret = connect_at(fd, OWN, NOBODY_PORT);

	return ret ?: send(fd, "", 0, 0);
}

static int ends_by_other_peer(int fd)
{
	int ret = connect_at(fd, OWN2, PEER_PORT);

	/* This does not end it, for it is another's; what follows does. */
	send_at(peer, "no", 2, OWN, PORT);
	return ret ?: disconnect(fd) ?: send_at(peer, "abcd", 4, OWN, PORT);
}

/* A close does not; the datagram finds the socket that the wait holds. */
static int ends_after_close(int fd)
{
	int ret = close(fd);

	return ret ?: send_at(peer, "abcde", 5, OWN, PORT);
}

#define A(f)	{ #f, f }

static const struct {
	const char *name;
	int (*act)(int fd);
} waits[] = {
	A(do_recv), A(do_peek), A(do_poll), A(do_recvmmsg),
}, ends[] = {
	A(ends_by_datagram), A(ends_by_nothing), A(ends_by_shutdown),
	A(ends_by_full_shutdown), A(ends_by_error), A(ends_by_other_peer),
	A(ends_after_close),
};

static void end_wait(unsigned int w, unsigned int e, enum state state)
{
	struct other o = { .act = waits[w].act, .fd = enter(state) };
	int again;

	/* poll() of a closed file is nobody's to define. */
	if (ends[e].act == ends_after_close && o.act == do_poll) {
		leave(o.fd);
		return;
	}
	start(&o);
	await_sleep(&o);
	put_ret(ends[e].act(o.fd));
	put_other(&o);
	again = ends[e].act == ends_after_close ? -1 : o.fd;
	if (again >= 0)
		put_recv(again, 0);
	line("%s %s, %s", waits[w].name, ends[e].name, state_names[state]);
	close(peer);
	if (again >= 0)
		close(again);
}

static void blocked_and_ended(void)
{
	static const enum state states[] = { BOUND, ANY_BOUND, CONNECTED };
	unsigned int w, e, s;

	for (w = 0; w < ARRAY_SIZE(waits); w++)
		for (e = 0; e < ARRAY_SIZE(ends); e++)
			for (s = 0; s < ARRAY_SIZE(states); s++)
				end_wait(w, e, states[s]);
}

FIXTURE_VARIANT_ADD(compare, blocked_and_ended) {
	.run = blocked_and_ended,
};

/* Both at once, on two CPUs, many times */
#define ROUNDS	200

static pthread_barrier_t gate;
static int cpu_here;

/* What a thread does in each round, on the socket of the round */
struct racer {
	int (*act)(int fd);
	const int *fd;
	int *ret;	/* of each round: errno, or 0 */
};

static void *race_other(void *arg)
{
	const struct racer *r = arg;
	int i;

	leave_cpu(cpu_here);
	for (i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&gate);
		r->ret[i] = err(r->act(*r->fd));
		pthread_barrier_wait(&gate);
	}
	return NULL;
}

/* @judge closes the sockets of a round, and says whether it went well. */
static void race(const char *name, int (*here)(int fd), int (*there)(int fd),
		 bool (*judge)(int here, int there, const int *fds),
		 void (*set_up)(int *fds))
{
	static int fds[2], rets[ROUNDS];
	struct racer r = { there, &fds[1], rets };
	int i, ret, good = 0;
	pthread_t thread;

	cpu_here = sched_getcpu();
	pthread_barrier_init(&gate, NULL, 2);
	pthread_create(&thread, NULL, race_other, &r);
	for (i = 0; i < ROUNDS; i++) {
		set_up(fds);
		pthread_barrier_wait(&gate);
		ret = err(here(fds[0]));
		pthread_barrier_wait(&gate);
		good += judge(ret, rets[i], fds);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&gate);
	put(" %d of %d", good, ROUNDS);
	line("%s", name);
}

static void two_fresh(int *fds)
{
	fds[0] = fresh();
	fds[1] = fresh();
}

static void one_fresh(int *fds)
{
	fds[0] = fresh();
	fds[1] = fds[0];
}

static void one_connected(int *fds)
{
	fds[0] = enter(CONNECTED);
	fds[1] = fds[0];
}

static int bind_port(int fd)
{
	return bind_at(fd, OWN, PORT);
}

static int bind_other_port(int fd)
{
	return bind_at(fd, OWN, PORT + 1);
}

static int bind_any(int fd)
{
	return bind_at(fd, ANY, PORT);
}

static int send_to_nobody(int fd)
{
	return send_at(fd, "x", 1, OWN, NOBODY_PORT);
}

static int send_to_peer(int fd)
{
	return send(fd, "x", 1, 0);
}

static int recv_now(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT);
}

static int stop_writing(int fd)
{
	signal(SIGPIPE, SIG_IGN);
	return shutdown(fd, SHUT_WR);
}

static int join(int fd)
{
	return connect_at(fd, OWN, PEER_PORT);
}

static int take_error(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_ERROR) < 0 ? -1 : 0;
}

static int feed(int fd)
{
	return send_at(peer, "abc", 3, OWN, PORT);
}

static bool one_wins(int here, int there, const int *fds)
{
	close(fds[0]);
	close(fds[1]);
	return (here == 0 && there == EADDRINUSE) ||
	       (there == 0 && here == EADDRINUSE);
}

/* Two binds of one socket: the second is told that it has a port. */
static bool one_binds(int here, int there, const int *fds)
{
	int port = port_of(fds[0]);

	close(fds[0]);
	return (here == 0 && there == EINVAL && port == PORT) ||
	       (there == 0 && here == EINVAL && port == PORT + 1);
}

/* Both sends go, from one port. */
static bool both_have_a_port(int here, int there, const int *fds)
{
	int port = port_of(fds[0]);

	close(fds[0]);
	return !here && !there && port >= 32768;
}

static bool sent_or_no_peer(int here, int there, const int *fds)
{
	bool good = (!here || here == EDESTADDRREQ) && !there &&
		    err(send(fds[0], "", 0, 0)) == EDESTADDRREQ;

	leave(fds[0]);
	return good;
}

static bool sent_or_pipe(int here, int there, const int *fds)
{
	bool good = (!here || here == EPIPE) && !there &&
		    err(send(fds[0], "", 0, MSG_NOSIGNAL)) == EPIPE;

	leave(fds[0]);
	return good;
}

static bool heard_or_not(int here, int there, const int *fds)
{
	bool good = (!here || here == EAGAIN) && !there &&
		    !err(send(fds[0], "", 0, 0));

	leave(fds[0]);
	return good;
}

/* One of them takes the error, or neither sees it yet. */
static bool error_once(int here, int there, const int *fds)
{
	bool good = (here == EAGAIN || here == ECONNREFUSED) && !there &&
		    err(recv_now(fds[0])) == EAGAIN;

	leave(fds[0]);
	return good;
}

static void one_refused(int *fds)
{
	fds[0] = enter(REFUSED);
	fds[1] = fds[0];
}

static void one_bound(int *fds)
{
	fds[0] = enter(BOUND);
	fds[1] = fds[0];
}

static void at_once(void)
{
	signal(SIGPIPE, SIG_IGN);
	race("two binds to a port", bind_port, bind_port, one_wins, two_fresh);
	race("two binds, to any and to one", bind_any, bind_port, one_wins,
	     two_fresh);
	race("two binds of a socket", bind_port, bind_other_port, one_binds,
	     one_fresh);
	race("two first sends", send_to_nobody, send_to_nobody,
	     both_have_a_port, one_fresh);
	race("send and disconnect", send_to_peer, disconnect, sent_or_no_peer,
	     one_connected);
	race("send and shutdown", send_to_peer, stop_writing, sent_or_pipe,
	     one_connected);
	race("receive and connect", recv_now, join, heard_or_not, one_bound);
	race("receive and SO_ERROR", recv_now, take_error, error_once,
	     one_refused);
	race("receive and a datagram", recv_now, feed, heard_or_not,
	     one_connected);
}

FIXTURE_VARIANT_ADD(compare, at_once) {
	.run = at_once,
};

TEST_HARNESS_MAIN
