// SPDX-License-Identifier: GPL-2.0
/*
 * filecopy: a file from one host to another, whole and in order, although
 * datagrams may be lost, repeated and reordered.
 *
 *	filecopy recv PORT FILE
 *	filecopy send HOST PORT FILE [SIZE]
 *
 * The sender numbers its datagrams and sends each until it is answered; SIZE
 * bytes of the file are in each (many is fast, but what exceeds the MTU travels
 * in fragments, and is lost with the first of them). One without any ends the
 * file. The receiver writes the one that is next, and answers that and those it
 * had before, for the answer may have been lost. Which is true of its last
 * answer, too: it stays, to answer again, until the sender's farewell or a long
 * silence.
 *
 *	sender                          receiver
 *	  0 "It was a dark"  ---------->  writes
 *	                     <----------  0
 *	  1 " and stormy"    --- lost
 *	  1 " and stormy"    ---------->  writes
 *	                     <----------  1
 *	  2                  ---------->  the file is complete
 *	                     <----------  2
 *	  3                  ---------->  both end
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/ttp.h>

struct header {			/* and all there is of an answer */
	__be32 copy;		/* random: which copy this belongs to */
	__be32 number;
	__be32 time;		/* when it was sent, in ms of the sender's */
};

#define HEADER		((int)sizeof(struct header))
#define MAX_SIZE	(TTP_MAX_PAYLOAD - HEADER)
#define USUAL_SIZE	(1500 - 20 - (int)sizeof(struct ttphdr) - HEADER)

struct message {
	struct header head;
	char data[MAX_SIZE];
};

/* Milliseconds */
#define SHORTEST	20	/* before a datagram is sent again */
#define LONGEST		500
#define GIVE_UP		10000	/* without a sign of the other side */
#define LINGER		3000	/* for the farewell: many times LONGEST */

static struct message msg;
static unsigned int again;	/* datagrams sent, or received, again */
static unsigned int patience = 100;	/* with the network, in ms */

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Whether there is something to receive, within so many ms */
static int waits(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* Answers to what was sent twice come twice: only this number will do. */
static int answered(int fd, struct header *answer, long long until)
{
	long long left;
	ssize_t len;

	while ((left = until - now()) > 0 && waits(fd, left)) {
		len = recv(fd, answer, HEADER, 0);
		if (len < 0)
			err(1, "from the receiver");
		if (len == HEADER && answer->copy == msg.head.copy &&
		    answer->number == msg.head.number)
			return 1;
	}
	return 0;
}

/* Four times what the network takes, on average */
static void learn(unsigned int ms)
{
	patience = patience * 3 / 4 + ms;
	if (patience < SHORTEST)
		patience = SHORTEST;
	if (patience > LONGEST)
		patience = LONGEST;
}

/* Send until answered. An answer brings the time back, so it is known which of
 * several it answers, and what the network took.
 */
static void deliver(int fd, unsigned int number, size_t len)
{
	long long start = now(), sent = start;
	unsigned int wait = patience;
	struct header answer;

	msg.head.number = htonl(number);
	for (;;) {
		msg.head.time = htonl(sent);
		if (send(fd, &msg, HEADER + len, 0) < 0)
			err(1, "to the receiver");
		if (answered(fd, &answer, sent + wait))
			break;
		sent = now();
		if (sent - start > GIVE_UP)
			errx(1, "no answer for %d s", GIVE_UP / 1000);
		wait = wait * 2 < LONGEST ? wait * 2 : LONGEST;
		again++;
	}
	learn((unsigned int)now() - ntohl(answer.time));
}

static void progress(off_t done, off_t size)
{
	static int tenths;

	while (size && tenths < 10 && done * 10 >= size * (tenths + 1)) {
		tenths++;
		fprintf(stderr, " %d%%%s", tenths * 10,
			tenths == 10 ? "\n" : "");
	}
}

static void summary(off_t bytes, unsigned int datagrams, long long ms)
{
	fprintf(stderr,
		"%lld bytes, %u datagrams, %u again, %.2f s, %.0f kB/s\n",
		(long long)bytes, datagrams, again, ms / 1e3,
		(double)bytes / (ms ? ms : 1));
}

static int open_socket(void)
{
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);

	if (fd < 0)
		err(1, "no TTP socket, is the module loaded?");
	return fd;
}

static int connect_to(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_family = AF_INET }, *found;
	int fd = open_socket(), failed;
	struct sockaddr_ttp to;

	failed = getaddrinfo(host, port, &hints, &found);
	if (failed)
		errx(1, "%s: %s", host, gai_strerror(failed));
	/* The layout is the same, so only the family changes. */
	memcpy(&to, found->ai_addr, sizeof(to));
	to.sttp_family = AF_TTP;
	freeaddrinfo(found);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err(1, "%s", host);
	return fd;
}

static void send_file(int fd, const char *name, size_t size)
{
	int file = open(name, O_RDONLY);
	unsigned int number = 0;
	long long start = now();
	off_t done = 0;
	struct stat st;
	ssize_t len;

	if (file < 0 || fstat(file, &st) ||
	    getrandom(&msg.head.copy, sizeof(msg.head.copy), 0) < 0)
		err(1, "%s", name);
	do {
		len = read(file, msg.data, size);
		if (len < 0)
			err(1, "%s", name);
		deliver(fd, number++, len);
		done += len;
		progress(done, st.st_size);
	} while (len);
	summary(done, number + again, now() - start);

	msg.head.number = htonl(number);
	send(fd, &msg, HEADER, 0);
}

static int bind_to(const char *port)
{
	struct sockaddr_ttp here = {
		.sttp_family = AF_TTP,
		.sttp_port = htons(atoi(port)),
	};
	int fd = open_socket();

	if (bind(fd, (struct sockaddr *)&here, sizeof(here)))
		err(1, "port %s", port);
	return fd;
}

struct incoming {
	int fd;
	int file;
	__be32 copy;
	unsigned int next;	/* number that is to come */
	int complete;		/* the end of the file has come */
	off_t done;
	long long last;		/* time of the last that was new */
};

/* The first datagram of a copy decides whom to listen to from here on. */
static ssize_t receive_first(struct incoming *in)
{
	struct sockaddr_ttp from;
	socklen_t addrlen;
	ssize_t len;

	do {
		addrlen = sizeof(from);
		len = recvfrom(in->fd, &msg, sizeof(msg), 0,
			       (struct sockaddr *)&from, &addrlen);
		if (len < 0)
			err(1, "receive");
	} while (len < HEADER || msg.head.number != 0);
	if (connect(in->fd, (struct sockaddr *)&from, addrlen))
		err(1, "connect");
	in->copy = msg.head.copy;
	return len;
}

/* Return: the length of the next datagram, or -1 if none will come. */
static ssize_t receive(struct incoming *in)
{
	ssize_t len;

	if (!waits(in->fd, in->complete ? LINGER : GIVE_UP)) {
		if (!in->complete)
			errx(1, "nothing for %d s", GIVE_UP / 1000);
		return -1;
	}
	/* A sender that has all answers may go, and this one be refused. */
	len = recv(in->fd, &msg, sizeof(msg), 0);
	if (len < 0 && !in->complete)
		err(1, "from the sender");
	return len;
}

static void append(struct incoming *in, ssize_t len)
{
	if (write(in->file, msg.data, len) != len)
		err(1, "cannot write");
	in->last = now();
	in->done += len;
	in->next++;
	in->complete = !len;
}

/* Write what is next and answer. Return: whether that was the farewell. */
static int take(struct incoming *in, ssize_t len)
{
	unsigned int number = ntohl(msg.head.number);

	if (len < HEADER || msg.head.copy != in->copy ||
	    number > in->next)
		return 0;
	if (number < in->next) {
		again++;
	} else {
		if (in->complete)
			return 1;
		append(in, len - HEADER);
	}
	if (send(in->fd, &msg.head, HEADER, 0) < 0 && !in->complete)
		err(1, "to the sender");
	return 0;
}

static void receive_file(int fd, const char *name)
{
	struct incoming in = { .fd = fd };
	long long start;
	ssize_t len;

	in.file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (in.file < 0)
		err(1, "%s", name);
	len = receive_first(&in);
	start = now();
	while (len >= 0 && !take(&in, len))
		len = receive(&in);
	if (close(in.file))
		err(1, "%s", name);
	summary(in.done, in.next + again, in.last - start);
}

static void usage(void)
{
	fprintf(stderr, "filecopy recv PORT FILE\n"
			"filecopy send HOST PORT FILE [SIZE]\n");
	exit(2);
}

int main(int argc, char **argv)
{
	long size = USUAL_SIZE;

	if (argc == 6)
		size = atol(argv[5]);
	if (argc == 4 && !strcmp(argv[1], "recv"))
		receive_file(bind_to(argv[2]), argv[3]);
	else if ((argc == 5 || argc == 6) && !strcmp(argv[1], "send") &&
		 size >= 1 && size <= MAX_SIZE)
		send_file(connect_to(argv[2], argv[3]), argv[4], size);
	else
		usage();
	return 0;
}
