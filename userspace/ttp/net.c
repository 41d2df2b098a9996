// SPDX-License-Identifier: GPL-2.0
/* Sockets and addresses; and, when a call fails, what to do about it. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ttp.h"

static const struct {
	const char *call;
	int err;
	const char *advice;
} advices[] = {
	{ "socket", EAFNOSUPPORT,
	  "the module is not loaded: insmod ttp.ko, or modprobe ttp" },
	{ "bind", EACCES, "ports below 1024 are root's" },
	{ "bind", EADDRINUSE, "another has it, see /proc/net/ttp/sockets" },
	{ "bind", EADDRNOTAVAIL, "no address of this host, see 'ip address'" },
	{ "connect", EACCES, "a broadcast address?" },
	{ "connect", ENETUNREACH, "no way there, see 'ip route'" },
	{ "send", ECONNREFUSED, "nobody there has that port" },
	{ "send", ENOPROTOOPT, "that host wants ttp.ko loaded, too" },
	{ "send", EMSGSIZE, "too long for the way there: a smaller -b" },
	{ "send", EPERM, "a firewall of this host is against it" },
};

static const char *advice_for(const char *call, int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(advices); i++)
		if (err == advices[i].err && !strcmp(call, advices[i].call))
			return advices[i].advice;
	return NULL;
}

void net_warn(const char *call, const struct sockaddr_ttp *addr)
{
	const char *reason = strerror(errno), *advice = advice_for(call, errno);
	char where[sizeof(" 255.255.255.255:65535")] = "";

	if (addr)
		snprintf(where, sizeof(where), " %s:%u",
			 inet_ntoa(addr->sttp_addr), ntohs(addr->sttp_port));
	if (advice)
		warnx("%s%s: %s (%s)", call, where, reason, advice);
	else
		warnx("%s%s: %s", call, where, reason);
}

void net_fail(const char *call, const struct sockaddr_ttp *addr)
{
	net_warn(call, addr);
	exit(STATUS_FAILED);
}

int net_socket(void)
{
	int fd = socket(AF_TTP, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		net_fail("socket", NULL);
	return fd;
}

void net_bind(int fd, const struct sockaddr_ttp *addr)
{
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		net_fail("bind", addr);
}

void net_connect(int fd, const struct sockaddr_ttp *addr)
{
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		net_fail("connect", addr);
}

/* The resolver knows nothing of TTP: its IPv4 answer is ours, too. */
void net_resolve(const char *host, struct sockaddr_ttp *addr)
{
	const struct addrinfo hints = {
		.ai_family = AF_INET,
		.ai_socktype = SOCK_DGRAM,
	};
	struct addrinfo *found;
	int failed = getaddrinfo(host, NULL, &hints, &found);

	if (failed)
		errx(STATUS_FAILED, "%s: %s", host, failed == EAI_SYSTEM ?
		     strerror(errno) : gai_strerror(failed));
	addr->sttp_family = AF_TTP;
	addr->sttp_addr = ((struct sockaddr_in *)found->ai_addr)->sin_addr;
	freeaddrinfo(found);
}

/* A number, for no service is registered at a TTP port. Return: 0, or -1. */
int net_port(const char *arg, struct sockaddr_ttp *addr)
{
	unsigned long port;
	char *end;

	port = strtoul(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end || port < 1 || port > 65535)
		return -1;
	addr->sttp_port = htons(port);
	return 0;
}
