/* SPDX-License-Identifier: GPL-2.0 */
/* What the agent's files share: how a request is read and answered. */
#ifndef _AGENT_H
#define _AGENT_H

#include <netinet/in.h>

/* For what is sure to come, on a kernel that is slow, too */
#define WAIT_MS		(getenv("KSFT_MACHINE_SLOW") ? "20000" : "3000")

int answer(const char *fmt, ...);
int result(int ret);
int die(const char *what);
int number(const char *s);
struct sockaddr_in addr(const char *s, sa_family_t family);
long now_ms(void);

/* agent_host.c */
int do_stat(char **arg);
int do_await(char **arg);
int do_sysctl(char **arg);
int do_forge(char **arg);

#endif /* _AGENT_H */
