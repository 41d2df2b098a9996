/* SPDX-License-Identifier: GPL-2.0 */
/* What the measuring programs share: a clock, protocols, pairs of sockets. */
#ifndef BENCH_H
#define BENCH_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MAX_SIZE	65536
#define BATCH		64

struct proto {
	const char *name;
	int family;
	int type;
	int protocol;
	size_t header;		/* what recv() shows before the payload */
};

enum { UDP, TTP, UNIX, RAW, PROTOS };

extern const struct proto protos[PROTOS];

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

/* A sender and a receiver, each with a name of its own */
struct pair {
	const struct proto *proto;
	int tx, rx;
	union addr tx_addr, rx_addr;
	socklen_t tx_len, rx_len;
};

/* How much, and by which clock */
struct plan {
	bool wall;
	int rounds;
	int limit;		/* of sockets in the crowd */
	char **only;		/* ROW:NET:SIZE, up to NULL; none: everything */
};

extern struct plan plan;
extern unsigned char payload[MAX_SIZE], received[MAX_SIZE];

#define die(...)							\
	do {								\
		fprintf(stderr, "ttp-bench: " __VA_ARGS__);		\
		fputc('\n', stderr);					\
		exit(1);						\
	} while (0)

uint64_t now(void);
bool wanted(const char *row, const char *net, int size);
/* One line of output: the value that stands for @n samples, and their spread.
 * By the wall's clock it is always the median.
 */
enum summary { LEAST, QUARTILE, MEDIAN, MEAN };

void report(const char *row, const char *net, int size, const char *proto,
	    double *samples, int n, double per, enum summary summary);

union addr ip_addr(const struct proto *proto, uint32_t host, int port);
int open_socket(const struct proto *proto);
void bind_socket(int fd, const union addr *addr, socklen_t len);
void connect_socket(int fd, const union addr *addr, socklen_t len);
void send_one(int fd, size_t size);
void recv_one(const struct pair *p, size_t size);

void run_conn(struct pair *p, size_t size, int n);
void run_sr(struct pair *p, size_t size, int n);

void make_networks(void);
void enter_network(bool second);
void open_pair(struct pair *p, const struct proto *proto, bool veth,
	       bool connected);
void close_pair(struct pair *p);

void measure_scale(void);

void mark_udp(void);
void mark_ttp(void);
void mark_end(void);
int run_profile(const char *mode);

#endif
