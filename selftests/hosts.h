/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two hosts for the C tests, and which way a datagram takes between them.
 *
 *	+------+10.0.1.1 (.7)   10.0.1.2+------+
 *	|      +a----------------------a+      |   10.9.9.9 is h2, by way of a,
 *	|  h1  |                        |  h2  |   or of b as table 2 and the
 *	|      +b----------------------b+      |   second best route say;
 *	+------+10.0.2.1        10.0.2.2+------+   10.8.8.8 is h2 by way of b
 *
 * The test is h1, and has sockets in h2: one a device.
 */
#ifndef _TTP_HOSTS_H
#define _TTP_HOSTS_H

#include "packet.h"

#include <sys/wait.h>

#define THERE	"10.9.9.9"
#define BESIDE	"10.8.8.8"
#define HOME	"a 10.0.1.1"	/* the way to THERE before all changes */
#define DEV_B	(-2)		/* b's index, as an option's value */

/* The same addresses on both ends spare us ARP. */
static const char links[] =
	"link add name a address 02:00:00:00:00:0a arp off type veth"
	" peer name a address 02:00:00:00:00:0a arp off netns %s\n"
	"link add name b address 02:00:00:00:00:0b arp off type veth"
	" peer name b address 02:00:00:00:00:0b arp off netns %s";

static const char h1_setup[] =
	"address add 10.0.1.1/24 brd + dev a\n"
	"address add 10.0.1.7/32 dev a\n"
	"address add 10.0.2.1/24 brd + dev b\n"
	"link set dev a up\n"
	"link set dev b up\n"
	"route add 10.9.0.0/16 via 10.0.1.2\n"
	"route add 10.9.0.0/16 via 10.0.2.2 metric 200\n"
	"route add 10.8.0.0/16 via 10.0.2.2\n"
	"route add 10.9.0.0/16 via 10.0.2.2 table 2";

/* --- ip ------------------------------------------------------------------ */

/* One process for all commands: starting it is what takes time. */
static struct batch {
	pid_t pid;
	FILE *to;
	int from;
	int number;	/* of the protocol, for PROTO in commands */
} ip;

static inline int ip_start(void)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -1;
	ip.pid = fork();
	if (ip.pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		dup2(from[1], 2);
		execlp("ip", "ip", "-force", "-oneline", "-batch", "-", NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	ip.to = fdopen(to[1], "w");
	ip.from = from[0];
	return ip.pid < 0 ? -1 : 0;
}

static inline void ip_stop(void)
{
	fclose(ip.to);
	close(ip.from);
	waitpid(ip.pid, NULL, 0);
}

/* What it says until it has shown lo, which it does when it is through */
static inline char *ip_answer(void)
{
	static char text[4096];
	size_t len = 0;
	ssize_t n;

	do {
		if (await(ip.from, POLLIN, WAIT_MS) != POLLIN)
			return "ip does not come to an end";
		n = read(ip.from, text + len, sizeof(text) - 1 - len);
		len += n > 0 ? n : 0;
		text[len] = '\0';
		if (strstr(text, ": lo:") && text[len - 1] == '\n')
			break;
	} while (n > 0 && len < sizeof(text) - 1);
	return text;
}

/* ip's commands, one a line; 0 if they worked */
static inline int change(const char *commands)
{
	const char *p;
	char *said;

	while ((p = strstr(commands, "PROTO"))) {
		fprintf(ip.to, "%.*s%d", (int)(p - commands), commands,
			ip.number);
		commands = p + strlen("PROTO");
	}
	fprintf(ip.to, "%s\nlink show dev lo\n", commands);
	fflush(ip.to);
	said = ip_answer();
	if (!strncmp(said, "1: lo:", strlen("1: lo:")))
		return 0;
	ksft_print_msg("%s\n", said);
	return -1;
}

/* --- the two hosts ------------------------------------------------------- */

/* Sockets that hear what comes in: in h2 on one device each, and in h1 */
static struct sink {
	const char *name;
	const char *device;
	int fd;
} sinks[] = { { "a", "a", -1 }, { "b", "b", -1 }, { "here", "", -1 } };

static int here, away;	/* h1 and h2 */

static inline int open_sink(struct sink *s, int family)
{
	s->fd = dgram(family);
	return set_int(s->fd, SOL_SOCKET, SO_REUSEADDR, 1) ?:
	       setsockopt(s->fd, SOL_SOCKET, SO_BINDTODEVICE, s->device,
			  strlen(s->device)) ?:
	       set_int(s->fd, SOL_IP, IP_RECVTTL, 1) ?:
	       bind_to(s->fd, family, "0.0.0.0", 5000);
}

static inline int enter_host(int *ns)
{
	if (own_netns() ||
	    write_file("/proc/sys/net/ipv4/conf/all/rp_filter", "0") ||
	    write_file("/proc/sys/net/ipv4/conf/default/rp_filter", "0"))
		return -1;
	*ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return *ns < 0 ? -1 : 0;
}

static inline int give_address(const char *name, const char *address,
			       const char *mask)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;
	struct sockaddr_in sin = at(AF_INET, address, 0);
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", name);
	memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
	ret = ioctl(fd, SIOCSIFADDR, &ifr);
	sin = at(AF_INET, mask, 0);
	memcpy(&ifr.ifr_netmask, &sin, sizeof(sin));
	ret = ret ?: ioctl(fd, SIOCSIFNETMASK, &ifr);
	close(fd);
	return ret;
}

/* By ioctl()s, since another process takes longer */
static inline int h2_setup(int family)
{
	return give_address("a", "10.0.1.2", "255.255.255.0") ?:
	       give_address("b", "10.0.2.2", "255.255.255.0") ?:
	       give_address("lo:1", THERE, "255.255.255.255") ?:
	       give_address("lo:2", BESIDE, "255.255.255.255") ?:
	       device_up("a") ?: device_up("b") ?:
	       open_sink(&sinks[0], family) ?: open_sink(&sinks[1], family);
}

/* Waits until h2's devices send, which they do when the kernel has noticed their
 * carrier.
 */
static inline int await_away(int family)
{
	static const char * const to[] = { "10.0.1.1", "10.0.2.1" };
	long limit = now_ms() + WAIT_MS;
	int fd, i = 0, ret = setns(away, CLONE_NEWNET);
	char c;

	fd = dgram(family);
	while (!ret && i < 2 && now_ms() < limit) {
		send_to(fd, "x", 1, family, to[i], 5000);
		if (await(sinks[2].fd, POLLIN, 10) == POLLIN &&
		    recv(sinks[2].fd, &c, 1, MSG_DONTWAIT) == 1)
			i++;
	}
	close(fd);
	return ret ?: setns(here, CLONE_NEWNET) ?: i - 2;
}

/* h2's ends come up first: those of h1 can then send as soon as they are up. */
static inline int build_hosts(int family, int protocol)
{
	char commands[sizeof(links) + 128], ns[64];

	ip.number = protocol;
	if (enter_host(&away) || enter_host(&here) || ip_start())
		return -1;
	snprintf(ns, sizeof(ns), "/proc/%d/fd/%d", getpid(), away);
	snprintf(commands, sizeof(commands), links, ns, ns);
	return change(commands) ?:
	       setns(away, CLONE_NEWNET) ?: h2_setup(family) ?:
	       setns(here, CLONE_NEWNET) ?: change(h1_setup) ?:
	       open_sink(&sinks[2], family) ?: await_away(family);
}

/* --- which way ----------------------------------------------------------- */

static int ttl;		/* of the latest that came */

static inline ssize_t receive(int fd, void *data, size_t len,
			      struct sockaddr_in *from)
{
	char control[64];
	struct iovec iov = { data, len };
	struct msghdr msg = {
		.msg_name = from, .msg_namelen = sizeof(*from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	ssize_t n;

	n = recvmsg(fd, &msg, MSG_DONTWAIT);
	if (n < 0)
		return n;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		if (cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_TTL)
			memcpy(&ttl, CMSG_DATA(cmsg), sizeof(ttl));
	return n;
}

static inline const char *came(unsigned int seq, size_t len)
{
	static char text[64], data[2048];
	struct sockaddr_in from;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < ARRAY_SIZE(sinks); i++) {
		n = receive(sinks[i].fd, data, sizeof(data), &from);
		if (n < 0)
			continue;
		if (n != (ssize_t)len || memcmp(data, &seq, sizeof(seq)))
			return "another datagram";
		snprintf(text, sizeof(text), "%s %s", sinks[i].name,
			 inet_ntoa(from.sin_addr));
		return text;
	}
	return NULL;
}

/* What becomes of a datagram of @len: an errno, "lost", or the device that it
 * came in on and its source
 */
static inline const char *way_of(int fd, const struct sockaddr_in *to,
				 size_t len, int flags)
{
	static char data[2048];
	static unsigned int seq;
	const char *text;

	memcpy(data, &(unsigned int) { ++seq }, sizeof(seq));
	if (sendto(fd, data, len, flags, (void *)to, to ? sizeof(*to) : 0) < 0)
		return strerrorname_np(errno);
	/* veth without ARP is there when sendto() returns, mostly. */
	text = came(seq, len);
	if (text)
		return text;
	return settle() ? came(seq, len) ?: "lost" : "not settled";
}

static inline const char *way(int fd, int family, const char *ip)
{
	struct sockaddr_in to = at(family, ip, 5000);

	return way_of(fd, &to, 100, 0);
}

/* --- ICMP ---------------------------------------------------------------- */

/* h2's address @from sends an ICMP message to @src, which quotes a datagram of
 * @tos from there, port 4000, to THERE, port 5000.
 */
static inline int send_icmp(const struct icmphdr *icmp, const char *from,
			    const char *src, int tos)
{
	static struct {
		struct icmphdr icmp;
		struct iphdr ip;
		__be16 ports[2];
		__be16 rest[2];
	} msg;
	struct sockaddr_in to = at(AF_INET, src, 0);
	struct packet quoted;
	int fd, ret;

	make_ip(&quoted, ip.number, src, THERE, "", 0);
	quoted.ip.tos = tos;
	msg.icmp = *icmp;
	msg.ip = quoted.ip;
	msg.ports[0] = htons(4000);
	msg.ports[1] = htons(5000);
	msg.icmp.checksum = 0;
	msg.icmp.checksum = csum(&msg, sizeof(msg));
	ret = setns(away, CLONE_NEWNET);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (bind_to(fd, AF_INET, from, 0) ||
	    sendto(fd, &msg, sizeof(msg), 0, (void *)&to, sizeof(to)) < 0)
		ret = -1;
	close(fd);
	return ret ?: setns(here, CLONE_NEWNET);
}

#endif /* _TTP_HOSTS_H */
