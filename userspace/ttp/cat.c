// SPDX-License-Identifier: GPL-2.0
/*
 * ttp cat: standard input to datagrams and datagrams to standard output. It
 * does what users of "nc -u" expect, but for two things: it ends with its input
 * unless it is told to wait for answers, since no datagram says "the end"; and
 * a listener hears everybody, not its first peer alone.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ttp.h"

/* What Ethernet carries in one piece: 1500, IPv4's header and ours less */
#define DEFAULT_SIZE	(1500 - 20 - (int)sizeof(struct ttphdr))
#define FOREVER		-1	/* to poll() */

struct cat {
	bool listen;
	struct sockaddr_ttp local;	/* zero: wherever */
	struct sockaddr_ttp peer;	/* who gets the input; zero: nobody */
	size_t size;			/* of a datagram, at most */
	unsigned long count;		/* of datagrams to come; 0: no end */
	int wait_ms;			/* silence to end after, or FOREVER */

	int fd;
	bool input;			/* there may be more of it */
	bool done;			/* the last of count has come */
};

static const struct argp_option options[] = {
	{ "listen", 'l', NULL, 0,
	  "Receive from anybody; the input goes to who was heard last", 0 },
	{ "source", 's', "ADDR[:PORT]", 0, "Local address and port", 0 },
	{ "count", 'n', "COUNT", 0,
	  "End after COUNT datagrams, sent or, with -l, received", 0 },
	{ "size", 'b', "BYTES", 0, "Of a datagram, at most (default 1472)", 0 },
	{ "wait", 'w', "SECONDS", 0,
	  "End after so long a silence; with -l, once somebody was heard", 0 },
	{ 0 }
};

static const char usage[] = "HOST PORT\n-l [ADDR] PORT";
static const char doc[] =
	"Sends each read of standard input as a datagram to PORT of HOST,\n"
	"and writes what comes back to standard output. Ends with its input;\n"
	"with -w, after the answers. With -l it goes on without input.\n"
	"\vFor example:\n"
	"  ttp cat -l 5000\n"
	"  echo hello | ttp cat 192.0.2.1 5000\n"
	"  echo 'how are you?' | ttp cat -w 1 192.0.2.1 5000\n";

/* A number from 1 to max, or a word on what the option wants */
static unsigned long parse_number(struct argp_state *state, const char *arg,
				  unsigned long max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end || errno || n < 1 || n > max)
		argp_error(state, "'%s' is not a number from 1 to %lu", arg,
			   max);
	return n;
}

/* At least a millisecond, at most what poll() can count */
static int milliseconds(struct argp_state *state, const char *arg)
{
	double ms;
	char *end;

	ms = strtod(arg, &end) * 1000;
	if (end == arg || *end || !(ms >= 1 && ms <= 2e9))
		argp_error(state, "'%s' is not a number of seconds", arg);
	return ms;
}

static void parse_port(struct argp_state *state, const char *arg,
		       struct sockaddr_ttp *addr)
{
	if (net_port(arg, addr))
		argp_error(state, "'%s' is not a port, 1 to 65535", arg);
}

/* ADDR, ADDR:PORT or :PORT */
static void parse_source(struct argp_state *state, char *arg,
			 struct sockaddr_ttp *addr)
{
	char *colon = strchr(arg, ':');

	if (colon) {
		*colon = '\0';
		parse_port(state, colon + 1, addr);
	}
	if (*arg)
		net_resolve(arg, addr);
	addr->sttp_family = AF_TTP;
}

static void parse_listen(struct argp_state *state, struct cat *cat,
			 int n, char **args)
{
	struct sockaddr_ttp *local = &cat->local;

	if (n > 2 || (n == 2 && local->sttp_family) ||
	    (n == 1 && local->sttp_port))
		argp_error(state, "one address and one port, please");
	if (n == 0 && !local->sttp_port)
		argp_error(state, "which port? for example: ttp cat -l 5000");
	local->sttp_family = AF_TTP;
	if (n > 0)
		parse_port(state, args[n - 1], local);
	if (n > 1)
		net_resolve(args[0], local);
}

static void parse_args(struct argp_state *state, struct cat *cat, int n,
		       char **args)
{
	if (cat->listen) {
		parse_listen(state, cat, n, args);
		return;
	}
	if (n != 2)
		argp_error(state, "HOST and PORT, or -l, please");
	parse_port(state, args[1], &cat->peer);
	net_resolve(args[0], &cat->peer);
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct cat *cat = state->input;

	switch (key) {
	case 'l':
		cat->listen = true;
		return 0;
	case 's':
		parse_source(state, arg, &cat->local);
		return 0;
	case 'n':
		cat->count = parse_number(state, arg, ~0UL);
		return 0;
	case 'b':
		cat->size = parse_number(state, arg, TTP_MAX_PAYLOAD);
		return 0;
	case 'w':
		cat->wait_ms = milliseconds(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		return ARGP_ERR_UNKNOWN;	/* all at once, please */
	case ARGP_KEY_ARGS:
		parse_args(state, cat, state->argc - state->next,
			   state->argv + state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		parse_args(state, cat, 0, NULL);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void open_cat(struct cat *cat)
{
	cat->fd = net_socket();
	if (cat->local.sttp_family)
		net_bind(cat->fd, &cat->local);
	/* Only a connected socket hears that nobody is there. */
	if (!cat->listen)
		net_connect(cat->fd, &cat->peer);
}

/* Counts a datagram. Return: whether it was the last. */
static bool last(struct cat *cat)
{
	return cat->count && --cat->count == 0;
}

static void write_out(const char *buf, size_t len)
{
	ssize_t n;

	for (; len; buf += n, len -= n) {
		n = write(STDOUT_FILENO, buf, len);
		if (n < 0)
			err(STATUS_FAILED, "standard output");
	}
}

static void receive(struct cat *cat)
{
	static char buf[TTP_MAX_PAYLOAD];
	struct sockaddr_ttp from;
	socklen_t addrlen = sizeof(from);
	ssize_t n;

	n = recvfrom(cat->fd, buf, sizeof(buf), 0, (struct sockaddr *)&from,
		     &addrlen);
	if (n < 0 && cat->listen)
		net_fail("receive", NULL);
	/* A connected socket hears here what became of what it sent. */
	if (n < 0)
		net_fail("send", &cat->peer);
	write_out(buf, n);

	if (cat->listen) {
		cat->peer = from;
		cat->done = last(cat);
	}
}

static void send_one(struct cat *cat, const char *buf, size_t len)
{
	ssize_t n;

	if (cat->listen)
		n = sendto(cat->fd, buf, len, 0, (struct sockaddr *)&cat->peer,
			   sizeof(cat->peer));
	else
		n = send(cat->fd, buf, len, 0);
	if (n >= 0)
		return;
	/* A listener serves others as well. */
	if (!cat->listen)
		net_fail("send", &cat->peer);
	net_warn("send", &cat->peer);
}

static void send_input(struct cat *cat)
{
	static char buf[TTP_MAX_PAYLOAD];
	ssize_t n = read(STDIN_FILENO, buf, cat->size);

	if (n > 0) {
		send_one(cat, buf, n);
		if (!cat->listen && last(cat))
			cat->input = false;
		return;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	/* EIO: the terminal is another's just now, see cat_main() */
	if (n < 0 && !(errno == EIO && cat->listen))
		err(STATUS_FAILED, "standard input");
	cat->input = false;
}

static int timeout(const struct cat *cat)
{
	if (cat->done)
		return 0;	/* an answer may wait in the input */
	if (!cat->peer.sttp_family)
		return FOREVER;
	return cat->wait_ms;
}

static bool finished(const struct cat *cat)
{
	if (cat->input)
		return false;
	return cat->listen ? cat->done : cat->wait_ms == FOREVER;
}

static void copy(struct cat *cat)
{
	struct pollfd in = { .events = POLLIN }, net = { .events = POLLIN };
	struct pollfd fds[2];
	int n;

	while (!finished(cat)) {
		in.fd = cat->input && cat->peer.sttp_family ? STDIN_FILENO : -1;
		net.fd = cat->done ? -1 : cat->fd;
		fds[0] = in;
		fds[1] = net;
		n = poll(fds, 2, timeout(cat));
		if (n < 0)
			err(STATUS_FAILED, "poll");
		if (n == 0)
			break;
		if (fds[1].revents)
			receive(cat);
		if (fds[0].revents)
			send_input(cat);
	}
}

/* That nobody is there may be known by now, and no call has told us yet. */
static void check_refused(const struct cat *cat)
{
	socklen_t len = sizeof(int);
	int failed = 0;

	getsockopt(cat->fd, SOL_SOCKET, SO_ERROR, &failed, &len);
	errno = failed;
	if (failed)
		net_fail("send", &cat->peer);
}

int cat_main(int argc, char **argv)
{
	const struct argp argp = {
		.options = options,
		.parser = parse_opt,
		.args_doc = usage,
		.doc = doc,
	};
	struct cat cat = {
		.size = DEFAULT_SIZE,
		.wait_ms = FOREVER,
		.input = true,
	};

	argp_parse(&argp, argc, argv, 0, NULL, &cat);
	open_cat(&cat);
	/* In a shell's background a listener goes on, without input. */
	if (cat.listen)
		signal(SIGTTIN, SIG_IGN);
	copy(&cat);
	if (!cat.listen)
		check_refused(&cat);
	return 0;
}
