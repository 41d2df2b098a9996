/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of packets that a test builds (tun.h): the counters that move, and
 * the reasons for which the module drops.
 */
#ifndef _TTP_PACKET_H
#define _TTP_PACKET_H

#include "tun.h"

/* --- what has moved ------------------------------------------------------- */

struct counters {
	char name[32][32];
	long val[32];
	int n;
};

static struct counters counters;

/* A counter of the core's about ICMP, in the caller's namespace */
static inline long icmp_stat(const char *name)
{
	char line[1024], keys[1024] = "", *k, *v, *ks, *vs;
	FILE *f = fopen("/proc/net/snmp", "r");
	long val = -1;

	while (f && val < 0 && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Icmp: ", 6))
			continue;
		if (!keys[0]) {
			memcpy(keys, line, sizeof(keys));
			continue;
		}
		for (k = strtok_r(keys, " ", &ks), v = strtok_r(line, " ", &vs);
		     k && v && strcmp(k, name);
		     k = strtok_r(NULL, " ", &ks), v = strtok_r(NULL, " ", &vs))
			;
		val = v ? atol(v) : -1;
	}
	if (f)
		fclose(f);
	return val;
}

static inline void read_counters(struct counters *c)
{
	FILE *f = fopen("/proc/net/ttp/snmp", "r");

	c->n = 0;
	while (f && c->n < 31 &&
	       fscanf(f, "%31s %ld", c->name[c->n], &c->val[c->n]) == 2)
		c->n++;
	if (f)
		fclose(f);
	snprintf(c->name[c->n], sizeof(c->name[0]), "IcmpOutMsgs");
	c->val[c->n++] = icmp_stat("OutMsgs");
}

/* What moved since the last call: "TtpInShort TtpOutDatagrams+3" */
static inline const char *moved(void)
{
	static struct counters now;
	static char text[1024];
	int i, len = 0;
	long by;

	text[0] = '\0';
	read_counters(&now);
	for (i = 0; i < now.n && i < counters.n; i++) {
		by = now.val[i] - counters.val[i];
		if (by)
			len += sprintf(text + len, by == 1 ? "%s%s" : "%s%s%+ld",
				       len ? " " : "", now.name[i], by);
	}
	counters = now;
	return text;
}

/* --- why the module dropped ------------------------------------------------ */

#define TRACING	"/sys/kernel/tracing"

/* A trace of one's own, for all tests of a program. No file: no tracefs. */
static struct {
	char dir[64];
	int pipe;
	pid_t owner;
} tracing = { .pipe = -1 };

static inline int trace_write(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", tracing.dir, file);
	return write_file(path, text);
}

/* IPv4 packets that are dropped in our code; before 6.4 a place has no name. */
static inline int trace_filter(void)
{
	unsigned long start = 0, size = 0;
	char line[256], filter[160];
	FILE *f = fopen("/proc/modules", "r");
	int found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "ttp %lu %*s %*s %*s 0x%lx", &size,
			       &start) == 2;
	if (f)
		fclose(f);
	snprintf(filter, sizeof(filter),
		 "protocol==0x800 && location>=0x%lx && location<0x%lx",
		 start, start + size);
	return found ? trace_write("events/skb/kfree_skb/filter", filter) : -1;
}

static inline void __attribute__((constructor)) tracing_begin(void)
{
	char path[128];

	snprintf(tracing.dir, sizeof(tracing.dir), TRACING "/instances/ttp-%d",
		 getpid());
	if (mkdir(tracing.dir, 0700))
		return;
	tracing.owner = getpid();
	snprintf(path, sizeof(path), "%s/trace_pipe", tracing.dir);
	if (!trace_write("buffer_size_kb", "64") &&
	    !trace_filter() &&
	    !trace_write("events/skb/kfree_skb/enable", "1"))
		tracing.pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

static inline void __attribute__((destructor)) tracing_end(void)
{
	if (tracing.owner != getpid())
		return;
	trace_write("events/skb/kfree_skb/enable", "0");
	close(tracing.pipe);
	rmdir(tracing.dir);
}

/* Reasons of the module's drops since the last call: "SKB_CSUM NO_SOCKET". What
 * was queued in a socket that was closed goes without one, and some time later.
 */
static inline const char *drops(void)
{
	static char text[4096], lines[65536];
	char *line, *save, *reason;
	size_t len = 0;
	ssize_t n;

	while ((n = read(tracing.pipe, lines + len,
			 sizeof(lines) - 1 - len)) > 0)
		len += n;
	lines[len] = '\0';
	len = 0;
	text[0] = '\0';
	for (line = strtok_r(lines, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		reason = strstr(line, "reason: ");
		if (reason && !strstr(reason, "NOT_SPECIFIED") &&
		    len < sizeof(text) - 64)
			len += sprintf(text + len, "%s%.60s", len ? " " : "",
				       reason + strlen("reason: "));
	}
	return text;
}

/* A network namespace for a test: lo, the device, counters and trace from now
 * on. Returns what cannot be had: SKIP(return, "%s", lacks).
 */
static inline const char *packet_host(int *tun)
{
	char rest[4096];

	if (tracing.pipe < 0)
		return NO_OPTION("FTRACE_SYSCALLS") ", or tracefs is not at " TRACING;
	if (own_netns())
		return NO_OPTION("NET_NS");
	*tun = tun_open();
	if (*tun < 0)
		return NO_OPTION("TUN");
	moved();
	/* Of the tests before */
	while (read(tracing.pipe, rest, sizeof(rest)) > 0)
		;
	return NULL;
}

#endif /* _TTP_PACKET_H */
