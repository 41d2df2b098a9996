// SPDX-License-Identifier: GPL-2.0
/*
 * socket(): what there is and what is refused; how a socket is shared, shown
 * in /proc, and closed; that namespaces and UDP are worlds of their own.
 */
#define NEEDS "NETDEVICES"
#define BOTH_DOORS
#include "ttp_test.h"

#include <sys/un.h>

/* Who has a row of its own is refused by the family; the rest is the core's. */
static const struct {
	const char *what;
	int type, protocol, udp, ttp;
} creations[] = {
	{ "datagrams", SOCK_DGRAM, 0, 0, 0 },
	{ "TTP by number, at both doors", SOCK_DGRAM, IPPROTO_TTP, 0, 0 },
	{ "UDP by number", SOCK_DGRAM, IPPROTO_UDP, 0, EPROTONOSUPPORT },
	{ "TCP's datagrams", SOCK_DGRAM, IPPROTO_TCP, EPROTONOSUPPORT,
	  EPROTONOSUPPORT },
	{ "no protocol below 0", SOCK_DGRAM, -1, EINVAL, EINVAL },
	{ "none above IPPROTO_RAW", SOCK_DGRAM, IPPROTO_MAX, EINVAL, EINVAL },
	{ "a type before a protocol", SOCK_SEQPACKET, IPPROTO_UDP,
	  ESOCKTNOSUPPORT, ESOCKTNOSUPPORT },
	{ "a range before a type", SOCK_SEQPACKET, -1, EINVAL, EINVAL },
	{ "no streams in TTP", SOCK_STREAM, 0, 0, ESOCKTNOSUPPORT },
	{ "no sequenced packets", SOCK_SEQPACKET, 0, ESOCKTNOSUPPORT,
	  ESOCKTNOSUPPORT },
	{ "no reliable datagrams", SOCK_RDM, 0, ESOCKTNOSUPPORT,
	  ESOCKTNOSUPPORT },
	{ "no DCCP in TTP", SOCK_DCCP, 0, ESOCKTNOSUPPORT, ESOCKTNOSUPPORT },
	{ "type 0", 0, 0, ESOCKTNOSUPPORT, ESOCKTNOSUPPORT },
	{ "a type that is none", 9, 0, ESOCKTNOSUPPORT, ESOCKTNOSUPPORT },
	{ "a type out of range", 12, 0, EINVAL, EINVAL },
	{ "a flag that is none", SOCK_DGRAM | 0x100000, 0, EINVAL, EINVAL },
	{ "raw TTP", SOCK_RAW, IPPROTO_TTP, 0, 0 },
	{ "raw of another protocol", SOCK_RAW, IPPROTO_UDP, 0,
	  EPROTONOSUPPORT },
};

TEST_F(sock, creation)
{
	int want, fd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(creations); i++) {
		want = variant->family == AF_TTP ? creations[i].ttp :
						   creations[i].udp;
		fd = socket(variant->family, creations[i].type,
			    creations[i].protocol);
		EXPECT_EQ(want, err(fd))
			TH_LOG("%s", creations[i].what);
		if (fd >= 0)
			close(fd);
	}
}

TEST_F(sock, raw_wants_a_capability)
{
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(EPERM, err(socket(variant->family, SOCK_RAW,
				    variant->protocol)));
	EXPECT_EQ(0, err(dgram(variant->family)));
}

TEST_F(sock, tells_what_it_is)
{
	int fd = dgram(variant->family);

	EXPECT_EQ(variant->family, get_int(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(variant->protocol, get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(SOCK_DGRAM, get_int(fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
}

TEST_F(sock, flags_of_the_descriptor)
{
	int fd;
	char c;

	fd = socket(variant->family,
		    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    variant->protocol);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(EAGAIN, err(recv(fd, &c, 1, 0)));
}

TEST_F(sock, no_connections)
{
	int fd = bound(variant->family, "127.0.0.1", 0);
	int pair[2];

	EXPECT_EQ(EOPNOTSUPP, err(listen(fd, 1)));
	EXPECT_EQ(EOPNOTSUPP, err(accept(fd, NULL, NULL)));
	EXPECT_EQ(EOPNOTSUPP, err(socketpair(variant->family, SOCK_DGRAM, 0,
					     pair)));
}

TEST_F(sock, files_are_not_what_it_is)
{
	int fd = bound(variant->family, "127.0.0.1", 0);

	EXPECT_EQ(ESPIPE, err(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(EINVAL, err(ftruncate(fd, 0)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(sock, dup_is_the_same_socket)
{
	int fd = bound(variant->family, "127.0.0.1", 5000), fd2 = dup(fd);
	char c;

	ASSERT_GE(fd2, 0);
	close(fd);
	EXPECT_EQ(5000, port_of(fd2));
	EXPECT_EQ(1, send_to(fd2, "x", 1, variant->family, "127.0.0.1", 5000));
	EXPECT_EQ(1, get(fd2, &c, 1));
	close(fd2);
	EXPECT_GE(bound(variant->family, "127.0.0.1", 5000), 0);
}

TEST_F(sock, a_child_inherits)
{
	int fd = bound(variant->family, "127.0.0.1", 5000), status = 0;
	char c;

	if (fork() == 0)
		_exit(send_to(fd, "x", 1, variant->family, "127.0.0.1",
			      5000) != 1);
	wait(&status);
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, get(fd, &c, 1));
	/* The child's end has not closed it. */
	EXPECT_EQ(EADDRINUSE, err(bound(variant->family, "127.0.0.1", 5000)));
}

/* Send @fd through a socket, or take it out with @fd -1 */
static int pass(int through, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	char c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (fd < 0) {
		if (recvmsg(through, &msg, 0) < 0)
			return -1;
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
		return fd;
	}
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(through, &msg, 0);
}

TEST_F(sock, travels_through_a_unix_socket)
{
	int fd = bound(variant->family, "127.0.0.1", 5000), unix_pair[2];
	char c;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, unix_pair));
	EXPECT_EQ(1, pass(unix_pair[0], fd));
	close(fd);
	/* Now it lives in a queue alone. */
	EXPECT_EQ(EADDRINUSE, err(bound(variant->family, "127.0.0.1", 5000)));
	fd = pass(unix_pair[1], -1);
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, "127.0.0.1", 5000));
	EXPECT_EQ(1, get(fd, &c, 1));
}

/* Open sockets by /proc/net/protocols; -1 if the name is not there */
static int in_use(const char *name)
{
	FILE *f = fopen("/proc/net/protocols", "r");
	char line[256], key[32];
	int n, found = -1;

	while (f && found < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %*d %d", key, &n) == 2 &&
		    !strcmp(key, name))
			found = n;
	if (f)
		fclose(f);
	return found;
}

/* UDP's number leaves out those without a port; ours is what holds rmmod. */
TEST_F(ttp, counted_in_proc_net_protocols)
{
	int fd, fd2, raw;

	EXPECT_EQ(0, in_use("TTP"));
	fd = socket(AF_TTP, SOCK_DGRAM, 0);
	EXPECT_EQ(1, in_use("TTP"));
	fd2 = bound(AF_TTP, "127.0.0.1", 0);
	EXPECT_EQ(2, in_use("TTP"));
	EXPECT_EQ(0, in_use("TTP-RAW"));
	raw = socket(AF_TTP, SOCK_RAW, 0);
	EXPECT_EQ(2, in_use("TTP"));
	EXPECT_EQ(1, in_use("TTP-RAW"));
	EXPECT_EQ(EPROTONOSUPPORT, err(socket(AF_TTP, SOCK_DGRAM,
					      IPPROTO_TCP)));
	EXPECT_EQ(2, in_use("TTP"));
	close(fd);
	close(fd2);
	close(raw);
	EXPECT_EQ(0, in_use("TTP"));
	EXPECT_EQ(0, in_use("TTP-RAW"));
}

struct shown {
	char local[24], remote[24], device[16];
	int rxqueue, drops, uid;
	unsigned long inode;
};

/* The row of a local address in /proc/net/ttp/sockets. Return: rows in all */
static int show(const char *local, struct shown *s)
{
	FILE *f = fopen("/proc/net/ttp/sockets", "r");
	char line[256];
	struct shown t;
	int rows = 0;

	memset(s, 0, sizeof(*s));
	if (!f || !fgets(line, sizeof(line), f))
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%23s %23s %*d %d %d %d %lu %15s", t.local,
			   t.remote, &t.rxqueue, &t.drops, &t.uid, &t.inode,
			   t.device) != 7)
			return -1;
		if (local && !strcmp(t.local, local))
			*s = t;
		rows++;
	}
	fclose(f);
	return rows;
}

TEST_F(ttp, shown_in_proc_net_ttp_sockets)
{
	char link[64] = {}, want[64];
	struct shown s;
	int fd;

	EXPECT_EQ(0, show(NULL, &s));
	fd = socket(AF_TTP, SOCK_DGRAM, 0);
	EXPECT_EQ(0, show(NULL, &s));

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	ASSERT_EQ(0, bind_to(fd, AF_TTP, "127.0.0.2", 5000));
	EXPECT_EQ(1, show("127.0.0.2:5000", &s));
	EXPECT_STREQ("0.0.0.0:0", s.remote);
	EXPECT_STREQ("lo", s.device);
	EXPECT_EQ(0, s.rxqueue);
	EXPECT_EQ(0, s.uid);
	snprintf(want, sizeof(want), "/proc/self/fd/%d", fd);
	EXPECT_GT(readlink(want, link, sizeof(link) - 1), 0);
	snprintf(want, sizeof(want), "socket:[%lu]", s.inode);
	EXPECT_STREQ(want, link);

	EXPECT_EQ(1, send_to(fd, "x", 1, AF_TTP, "127.0.0.2", 5000));
	EXPECT_EQ(POLLIN, await(fd, POLLIN, WAIT_MS));
	show("127.0.0.2:5000", &s);
	EXPECT_GT(s.rxqueue, 0);
	ASSERT_EQ(0, connect_to(fd, AF_TTP, "127.0.0.3", 5001));
	show("127.0.0.2:5000", &s);
	EXPECT_STREQ("127.0.0.3:5001", s.remote);
	close(fd);
	EXPECT_EQ(0, show(NULL, &s));
}

TEST_F(ttp, shows_what_it_lost)
{
	int to, fd = pair(AF_TTP, &to), got = 0, i;
	char data[1000] = {};
	struct shown s;

	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUF, 0));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(1000, send(fd, data, sizeof(data), 0));
	ASSERT_TRUE(settle());
	show("127.0.0.1:5000", &s);
	while (recv(to, data, sizeof(data), MSG_DONTWAIT) >= 0)
		got++;
	EXPECT_GT(100, got);
	EXPECT_EQ(100 - got, s.drops);
}

TEST_F(ttp, shows_whose_it_is)
{
	struct shown s;

	ASSERT_EQ(0, seteuid(65534));
	ASSERT_GE(bound(AF_TTP, "127.0.0.1", 5000), 0);
	EXPECT_EQ(1, show("127.0.0.1:5000", &s));
	EXPECT_EQ(65534, s.uid);
}

TEST_F(sock, closed_with_datagrams_queued)
{
	int fd = bound(variant->family, "127.0.0.1", 5000), i;
	int from = bound(variant->family, "127.0.0.1", 0);
	char big[8000] = {};

	for (i = 0; i < 20; i++)
		EXPECT_EQ(8000, send_to(from, big, sizeof(big),
					variant->family, "127.0.0.1", 5000));
	EXPECT_TRUE(settle());
	close(fd);

	/* The next owner does not see them. */
	fd = bound(variant->family, "127.0.0.1", 5000);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(EAGAIN, err(recv(fd, big, sizeof(big), MSG_DONTWAIT)));
}

TEST_F(sock, what_was_sent_outlives_the_sender)
{
	int fd = bound(variant->family, "127.0.0.1", 5000);
	int from = bound(variant->family, "127.0.0.1", 0);
	char c;

	EXPECT_EQ(1, send_to(from, "x", 1, variant->family, "127.0.0.1",
			     5000));
	close(from);
	EXPECT_EQ(1, get(fd, &c, 1));
}

#define MANY	1000

TEST_F(sock, many)
{
	struct rlimit limit = { MANY + 100, MANY + 100 };
	static unsigned char seen[65536];
	static int fds[MANY];
	struct shown s;
	char c;
	int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (i = 0; i < MANY; i++) {
		fds[i] = bound(variant->family, "0.0.0.0", 0);
		ASSERT_GE(fds[i], 0);
		EXPECT_EQ(0, seen[port_of(fds[i])]++);
	}
	if (variant->protocol == IPPROTO_TTP)
		EXPECT_EQ(MANY, show(NULL, &s));
	for (i = 0; i < MANY; i += 100)
		EXPECT_EQ(1, send_to(fds[0], "x", 1, variant->family,
				     "127.0.0.1", port_of(fds[i])));
	EXPECT_TRUE(settle());
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(i % 100 ? -1 : 1, recv(fds[i], &c, 1, MSG_DONTWAIT));
}

TEST_F(sock, namespaces_do_not_hear_each_other)
{
	int here, there;
	char c;

	there = bound(variant->family, "0.0.0.0", 5000);
	ASSERT_EQ(0, own_netns());
	here = bound(variant->family, "0.0.0.0", 5000);
	ASSERT_GE(there, 0);
	ASSERT_GE(here, 0);

	EXPECT_EQ(1, send_to(here, "x", 1, variant->family, "127.0.0.1",
			     5000));
	EXPECT_EQ(1, get(here, &c, 1));
	/* A socket stays in the namespace it was made in. */
	EXPECT_EQ(1, send_to(there, "y", 1, variant->family, "127.0.0.1",
			     5000));
	EXPECT_EQ(1, get(there, &c, 1));
	EXPECT_EQ('y', c);
	EXPECT_EQ(EAGAIN, err(recv(here, &c, 1, MSG_DONTWAIT)));
	EXPECT_EQ(EAGAIN, err(recv(there, &c, 1, MSG_DONTWAIT)));
}

TEST_F(ttp, namespaces_count_apart)
{
	int fd = bound(AF_TTP, "127.0.0.1", 5000);
	struct shown s;

	EXPECT_EQ(1, send_to(fd, "x", 1, AF_TTP, "127.0.0.1", 5000));
	EXPECT_TRUE(ttp_stat_is("TtpInDatagrams", 1));
	ASSERT_EQ(0, own_netns());
	EXPECT_EQ(0, ttp_stat("TtpInDatagrams"));
	EXPECT_EQ(0, ttp_stat("TtpOutDatagrams"));
	EXPECT_EQ(0, show(NULL, &s));
	EXPECT_EQ(0, in_use("TTP"));
}

/* A namespace whose last process is gone lives on while a socket does. */
TEST_F(sock, outlives_its_namespace)
{
	int fd = bound(variant->family, "127.0.0.1", 5000);
	char c;

	ASSERT_EQ(0, own_netns());
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, "127.0.0.1", 5000));
	EXPECT_EQ(1, get(fd, &c, 1));
	EXPECT_EQ(0, close(fd));
}

TEST_F(ttp, udp_has_ports_of_its_own)
{
	int udp = bound(AF_INET, "127.0.0.1", 5000);
	int ttp = bound(AF_TTP, "127.0.0.1", 5000);
	char c;

	ASSERT_GE(udp, 0);
	ASSERT_GE(ttp, 0);
	EXPECT_EQ(1, send_to(ttp, "t", 1, AF_TTP, "127.0.0.1", 5000));
	EXPECT_EQ(1, send_to(udp, "u", 1, AF_INET, "127.0.0.1", 5000));
	EXPECT_EQ(1, get(ttp, &c, 1));
	EXPECT_EQ('t', c);
	EXPECT_EQ(1, get(udp, &c, 1));
	EXPECT_EQ('u', c);
	EXPECT_EQ(EAGAIN, err(recv(ttp, &c, 1, MSG_DONTWAIT)));
	EXPECT_EQ(EAGAIN, err(recv(udp, &c, 1, MSG_DONTWAIT)));
}

TEST_HARNESS_MAIN
