/* SPDX-License-Identifier: GPL-2.0 */
/* What the subcommands of ttp share. */
#ifndef TTP_H
#define TTP_H

#include <stdnoreturn.h>

#include <linux/ttp.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Statuses, besides 0 */
#define STATUS_FAILED	1	/* as err() has it */
#define STATUS_USAGE	2

/* A subcommand each. argv[0] is "ttp NAME", which usage and errors begin with.
 * Return: the program's status.
 */
int cat_main(int argc, char **argv);

/* net.c: sockets, addresses, and what to say when they fail */
int net_socket(void);
void net_bind(int fd, const struct sockaddr_ttp *addr);
void net_connect(int fd, const struct sockaddr_ttp *addr);
void net_resolve(const char *host, struct sockaddr_ttp *addr);
int net_port(const char *arg, struct sockaddr_ttp *addr);

/**
 * net_fail() - end the program, and say what failed, why, and what would help
 * @call: "socket", "bind", "connect" or "send", that errno comes from
 * @addr: address that it was about, or NULL
 */
noreturn void net_fail(const char *call, const struct sockaddr_ttp *addr);
/* The same words, and the program goes on. */
void net_warn(const char *call, const struct sockaddr_ttp *addr);

#endif /* TTP_H */
