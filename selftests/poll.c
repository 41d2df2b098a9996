// SPDX-License-Identifier: GPL-2.0
/*
 * What a socket says of itself: poll(), select(), epoll and signals, ioctls,
 * shutdown(), and the bounds of its two buffers.
 */
#define NEEDS "VETH"
#include "ttp_test.h"

#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO	55
#endif
#define DROPS		8	/* SK_MEMINFO_DROPS */

#define ALL_EVENTS	(POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | \
			 POLLRDBAND | POLLWRNORM | POLLWRBAND)
#define CAN_WRITE	(POLLOUT | POLLWRNORM | POLLWRBAND)
#define CAN_READ	(POLLIN | POLLRDNORM)

static int now(int fd)
{
	return await(fd, ALL_EVENTS, 0);
}

TEST_F(sock, events)
{
	int to, fd = pair(variant->family, &to);
	char c;

	EXPECT_EQ(CAN_WRITE, now(to));
	EXPECT_EQ(CAN_WRITE, now(socket(variant->family, SOCK_DGRAM, 0)));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(POLLIN, await(to, POLLIN, WAIT_MS));
	EXPECT_EQ(CAN_WRITE | CAN_READ, now(to));
	EXPECT_EQ(CAN_WRITE, now(fd));
	EXPECT_EQ(1, recv(to, &c, 1, MSG_PEEK));
	EXPECT_EQ(CAN_WRITE | CAN_READ, now(to));
	EXPECT_EQ(1, recv(to, &c, 1, 0));
	EXPECT_EQ(CAN_WRITE, now(to));
}

TEST_F(sock, event_of_an_empty_datagram)
{
	int to, fd = pair(variant->family, &to);
	char c;

	EXPECT_EQ(0, send(fd, "", 0, 0));
	EXPECT_EQ(POLLIN, await(to, POLLIN, WAIT_MS));
	EXPECT_EQ(0, recv(to, &c, 1, 0));
	EXPECT_EQ(CAN_WRITE, now(to));
}

TEST_F(sock, event_of_an_error)
{
	int fd = bound(variant->family, OWN, 0);

	ASSERT_EQ(0, connect_to(fd, variant->family, OWN, PORT));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(POLLERR, await(fd, 0, WAIT_MS));
	EXPECT_EQ(CAN_WRITE | POLLERR, now(fd));
	EXPECT_EQ(ECONNREFUSED, get_int(fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(CAN_WRITE, now(fd));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
}

static void *send_later(void *arg)
{
	/* Late enough to find the reader asleep; early would pass, too. */
	poll(NULL, 0, 20);
	return (void *)send(*(int *)arg, "x", 1, 0);
}

TEST_F(sock, poll_wakes)
{
	int to, fd = pair(variant->family, &to);
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = POLLIN }, { .fd = to, .events = POLLIN }
	};
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, &fd));
	EXPECT_EQ(1, poll(pfd, 2, WAIT_MS));
	EXPECT_EQ(0, pfd[0].revents);
	EXPECT_EQ(POLLIN, pfd[1].revents);
	pthread_join(thread, NULL);
}

TEST_F(sock, select_wakes)
{
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	int to, fd = pair(variant->family, &to);
	fd_set readable, writable;
	pthread_t thread;

	FD_ZERO(&readable);
	FD_ZERO(&writable);
	FD_SET(fd, &readable);
	FD_SET(to, &readable);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, &fd));
	EXPECT_EQ(1, select(32, &readable, NULL, NULL, &limit));
	EXPECT_TRUE(FD_ISSET(to, &readable));
	FD_SET(fd, &writable);
	EXPECT_EQ(2, select(32, &readable, &writable, NULL, &limit));
	pthread_join(thread, NULL);
}

static int watch(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events };
	int epfd = epoll_create1(0);

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) ? -1 : epfd;
}

/* The events that epoll_wait() reports; 0: none within @ms */
static int report(int epfd, int ms)
{
	struct epoll_event event = {};
	int n = epoll_wait(epfd, &event, 1, ms);

	return n < 0 ? -1 : (int)event.events;
}

TEST_F(sock, epoll_by_level)
{
	int to, fd = pair(variant->family, &to), epfd = watch(to, EPOLLIN);
	pthread_t thread;
	char c;

	EXPECT_EQ(0, report(epfd, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_later, &fd));
	EXPECT_EQ(EPOLLIN, report(epfd, WAIT_MS));
	EXPECT_EQ(EPOLLIN, report(epfd, 0));
	EXPECT_EQ(1, recv(to, &c, 1, 0));
	EXPECT_EQ(0, report(epfd, 0));
	pthread_join(thread, NULL);
}

TEST_F(sock, epoll_by_edge)
{
	int to, fd = pair(variant->family, &to);
	int epfd = watch(to, EPOLLIN | EPOLLET);
	char c;

	EXPECT_EQ(0, report(epfd, 0));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(EPOLLIN, report(epfd, WAIT_MS));
	EXPECT_EQ(0, report(epfd, 0));
	/* Each datagram is an edge, though the first is still there. */
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(EPOLLIN, report(epfd, WAIT_MS));
	EXPECT_EQ(1, recv(to, &c, 1, 0));
	EXPECT_EQ(0, report(epfd, 0));
	EXPECT_EQ(1, recv(to, &c, 1, 0));
}

/* By edge: epoll looks only if it was told to. */
TEST_F(sock, an_error_wakes)
{
	int epfd, fd = bound(variant->family, OWN, 0);

	ASSERT_EQ(0, connect_to(fd, variant->family, OWN, PORT));
	epfd = watch(fd, EPOLLET);
	EXPECT_EQ(0, report(epfd, 0));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(EPOLLERR, report(epfd, WAIT_MS));
	EXPECT_EQ(0, report(epfd, 0));
}

TEST_F(sock, epoll_once)
{
	int to, fd = pair(variant->family, &to);
	int epfd = watch(to, EPOLLIN | EPOLLONESHOT);
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT };

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(EPOLLIN, report(epfd, WAIT_MS));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_TRUE(settle());
	EXPECT_EQ(0, report(epfd, 0));
	ASSERT_EQ(0, epoll_ctl(epfd, EPOLL_CTL_MOD, to, &again));
	EXPECT_EQ(EPOLLIN, report(epfd, 0));
}

TEST_F(sock, epoll_forgets_what_is_closed)
{
	int to, fd = pair(variant->family, &to), epfd = watch(to, EPOLLIN);

	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(EPOLLIN, report(epfd, WAIT_MS));
	close(to);
	EXPECT_EQ(0, report(epfd, 0));
}

TEST_F(sock, sigio)
{
	struct timespec limit = { .tv_sec = WAIT_MS / 1000 };
	int to, fd = pair(variant->family, &to);
	siginfo_t info = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(to, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(to, F_SETSIG, SIGRTMIN));
	ASSERT_EQ(0, fcntl(to, F_SETFL, O_ASYNC));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(SIGRTMIN, sigtimedwait(&set, &info, &limit));
	EXPECT_EQ(to, info.si_fd);
	EXPECT_EQ(POLLIN, info.si_band & POLLIN);
}

static int ask(int fd, unsigned long what)
{
	int val = -1;

	return ioctl(fd, what, &val) ? -1 : val;
}

TEST_F(sock, siocinq)
{
	int to, fd = pair(variant->family, &to);
	static char buf[65507];

	EXPECT_EQ(0, ask(to, SIOCINQ));
	EXPECT_EQ(7, send(fd, buf, 7, 0));
	EXPECT_EQ(sizeof(buf), send(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, send(fd, buf, 0, 0));
	EXPECT_EQ(1, send(fd, buf, 1, 0));
	EXPECT_TRUE(settle());
	/* The next datagram's payload, whatever follows */
	EXPECT_EQ(7, ask(to, SIOCINQ));
	EXPECT_EQ(7, ask(to, FIONREAD));
	EXPECT_EQ(7, recv(to, buf, 9, 0));
	EXPECT_EQ(sizeof(buf), ask(to, SIOCINQ));
	EXPECT_EQ(9, recv(to, buf, 9, 0));
	EXPECT_EQ(0, ask(to, SIOCINQ));
	EXPECT_EQ(0, recv(to, buf, 9, 0));
	EXPECT_EQ(1, ask(to, SIOCINQ));
}

TEST_F(sock, ioctls_refused)
{
	struct ifreq ifr = {};
	int fd = bound(variant->family, OWN, PORT);

	EXPECT_EQ(ENOTTY, err(ioctl(fd, TCGETS, NULL)));
	EXPECT_EQ(ENOTTY, err(ioctl(fd, 0xdead, NULL)));
	EXPECT_EQ(EFAULT, err(ioctl(fd, SIOCINQ, NULL)));
	EXPECT_EQ(EFAULT, err(ioctl(fd, SIOCOUTQ, NULL)));
	EXPECT_EQ(ENOTTY, err(ioctl(fd, SIOCATMARK, &ifr)));
}

/* Those of IPv4 and of devices answer at this door, too. */
TEST_F(sock, ioctls_of_the_network)
{
	int fd = socket(variant->family, SOCK_DGRAM, 0);
	struct ifreq ifr = { .ifr_name = "lo" };
	struct sockaddr_in *sin = (void *)&ifr.ifr_addr;

	EXPECT_EQ(0, ioctl(fd, SIOCGIFINDEX, &ifr));
	EXPECT_EQ(1, ifr.ifr_ifindex);
	EXPECT_EQ(0, ioctl(fd, SIOCGIFMTU, &ifr));
	EXPECT_EQ(65536, ifr.ifr_mtu);
	memset(&ifr.ifr_addr, 0, sizeof(ifr.ifr_addr));
	EXPECT_EQ(0, ioctl(fd, SIOCGIFADDR, &ifr));
	EXPECT_EQ(AF_INET, sin->sin_family);
	EXPECT_EQ(inet_addr(OWN), sin->sin_addr.s_addr);
	EXPECT_EQ(EPERM, seteuid(65534) ?:
		  err(ioctl(fd, SIOCSIFADDR, &ifr)));
}

TEST_F(sock, siocgstamp)
{
	int to, fd = pair(variant->family, &to);
	struct timespec before, after;
	struct timeval tv = {};
	long us;
	char c;

	/* The first call asks for stamps from now on. */
	EXPECT_EQ(ENOENT, err(ioctl(to, SIOCGSTAMP, &tv)));
	clock_gettime(CLOCK_REALTIME, &before);
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, get(to, &c, 1));
	/* If the request has not come through yet, it is the time of this. */
	EXPECT_EQ(0, ioctl(to, SIOCGSTAMP, &tv));
	clock_gettime(CLOCK_REALTIME, &after);
	us = tv.tv_sec * 1000000 + tv.tv_usec;
	EXPECT_GE(us, before.tv_sec * 1000000 + before.tv_nsec / 1000);
	EXPECT_LE(us, after.tv_sec * 1000000 + after.tv_nsec / 1000);
}

/* shutdown() of a socket that is not connected: an error, and yet done */
TEST_F(sock, shutdown_unconnected)
{
	int fd = bound(variant->family, OWN, PORT);
	char c;

	EXPECT_EQ(EINVAL, err(shutdown(fd, 3)));
	EXPECT_EQ(EINVAL, err(shutdown(fd, -1)));
	EXPECT_EQ(CAN_WRITE, now(fd));
	EXPECT_EQ(ENOTCONN, err(shutdown(fd, SHUT_RD)));
	EXPECT_EQ(CAN_WRITE | CAN_READ | POLLRDHUP, now(fd));
	EXPECT_EQ(0, recv(fd, &c, 1, 0));
	EXPECT_EQ(EAGAIN, err(recv(fd, &c, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT));
	EXPECT_EQ(ENOTCONN, err(shutdown(fd, SHUT_WR)));
	EXPECT_EQ(EPIPE, err(send_to(fd, "x", 1, variant->family, OWN, PORT)));
}

TEST_F(sock, shutdown_connected)
{
	int to, fd = pair(variant->family, &to);
	char c;

	EXPECT_EQ(0, connect_to(to, variant->family, OWN, port_of(fd)));
	EXPECT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_EQ(CAN_WRITE, now(fd));
	/* No signal, unlike a stream's */
	EXPECT_EQ(EPIPE, err(send(fd, "x", 1, 0)));
	EXPECT_EQ(EPIPE, err(send(fd, "", 0, 0)));
	EXPECT_EQ(1, send(to, "x", 1, 0));
	EXPECT_EQ(1, get(fd, &c, 1));

	EXPECT_EQ(1, send(to, "y", 1, 0));
	EXPECT_TRUE(settle());
	EXPECT_EQ(0, shutdown(fd, SHUT_RD));
	EXPECT_EQ(CAN_WRITE | CAN_READ | POLLRDHUP | POLLHUP, now(fd));
	/* What is queued is there to be read; and more may come. */
	EXPECT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ(0, recv(fd, &c, 1, 0));
	EXPECT_EQ(1, send(to, "z", 1, 0));
	EXPECT_TRUE(settle());
	EXPECT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ('z', c);
	EXPECT_EQ(0, shutdown(fd, SHUT_RDWR));
}

static void *shut_later(void *arg)
{
	poll(NULL, 0, 20);
	shutdown(*(int *)arg, SHUT_RD);
	return NULL;
}

TEST_F(sock, shutdown_wakes_a_reader)
{
	int fd = bound(variant->family, OWN, PORT);
	pthread_t thread;
	char c;

	ASSERT_EQ(0, pthread_create(&thread, NULL, shut_later, &fd));
	EXPECT_EQ(0, recv(fd, &c, 1, 0));
	pthread_join(thread, NULL);
}

TEST_F(sock, shutdown_ends_with_a_new_peer)
{
	int to, fd = pair(variant->family, &to);

	EXPECT_EQ(0, shutdown(fd, SHUT_RDWR));
	EXPECT_EQ(EPIPE, err(send(fd, "x", 1, 0)));
	EXPECT_EQ(0, disconnect(fd));
	EXPECT_EQ(ENOTCONN, err(shutdown(fd, SHUT_RDWR)));
	EXPECT_EQ(EPIPE, err(send_to(fd, "x", 1, variant->family, OWN, PORT)));
}

static long dropped(int fd)
{
	unsigned int info[9] = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return -1;
	return info[DROPS];
}

/* The count of drops that came with a datagram; -1: nothing came */
static long recv_ovfl(int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = {
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	unsigned int n = 0;

	if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET &&
	    cmsg->cmsg_type == SO_RXQ_OVFL)
		memcpy(&n, CMSG_DATA(cmsg), sizeof(n));
	return n;
}

#define SENT	20

/* What does not fit SO_RCVBUF is dropped and counted; the first do fit. */
TEST_F(sock, receive_buffer)
{
	int to, fd = pair(variant->family, &to), i, got = 0;
	char buf[1000] = {};

	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUF, 4000));
	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RXQ_OVFL, 1));
	for (i = 0; i < SENT; i++) {
		buf[0] = i;
		EXPECT_EQ(1000, send(fd, buf, 1000, 0));
	}
	EXPECT_TRUE(settle());
	while (recv(to, buf, 1000, MSG_DONTWAIT) == 1000)
		EXPECT_EQ(got++, buf[0]);
	EXPECT_GE(got, 2);
	EXPECT_LT(got, 9);
	EXPECT_EQ(SENT - got, dropped(to));
	if (variant->family == AF_TTP) {
		EXPECT_EQ(SENT - got, ttp_stat("TtpInRcvbufErrors"));
		EXPECT_EQ(got, ttp_stat("TtpInDatagrams"));
		EXPECT_EQ(SENT, ttp_stat("TtpOutDatagrams"));
	}

	/* The next datagram tells of those that were lost before it. */
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_TRUE(settle());
	EXPECT_EQ(SENT - got, recv_ovfl(to));
}

/* Filled and emptied again and again it has room for as much as before. */
TEST_F(sock, receive_buffer_leaks_nothing)
{
	int to, fd = pair(variant->family, &to), i, round, got, first = 0;
	static char buf[3000];

	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUF, 20000));
	for (round = 0; round < 20; round++) {
		for (i = 0; i < SENT; i++)
			EXPECT_EQ(3000, send(fd, buf, 3000, 0));
		EXPECT_TRUE(settle());
		for (got = 0; recv(to, buf, 1, MSG_DONTWAIT) == 1; )
			got++;
		if (round == 0)
			first = got;
		EXPECT_LT(0, got);
		EXPECT_EQ(first, got);
	}
}

/* One datagram passes, however small the buffer. */
TEST_F(sock, receive_buffer_takes_one)
{
	int to, fd = pair(variant->family, &to);
	static char buf[65507];

	ASSERT_EQ(0, set_int(to, SOL_SOCKET, SO_RCVBUF, 1));
	EXPECT_EQ(sizeof(buf), send(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(1, send(fd, buf, 1, 0));
	EXPECT_TRUE(settle());
	EXPECT_EQ(sizeof(buf), recv(to, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, err(recv(to, buf, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, dropped(to));
}

#define FAR	"10.0.0.2"

/* A device behind which nobody answers ARP: what is sent to FAR stays with
 * the neighbour and in SO_SNDBUF, until resolve() says where FAR is. Attempts
 * go on for as long as a test may last.
 */
static int dead_end(void)
{
	return system("ip link add v0 type veth peer name v1 &&"
		      "ip addr add 10.0.0.1/24 dev v0") ?:
	       device_up("v0") ?: device_up("v1") ?:
	       write_file("/proc/sys/net/ipv4/neigh/v0/mcast_solicit", "1000");
}

static int resolve(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ret;
	struct arpreq req = {
		.arp_flags = ATF_PERM | ATF_COM,
		.arp_ha = { .sa_family = ARPHRD_ETHER,
			    .sa_data = { 2, 0, 0, 0, 0, 2 } },
		.arp_dev = "v0",
	};

	*(struct sockaddr_in *)&req.arp_pa = at(AF_INET, FAR, 0);
	ret = ioctl(fd, SIOCSARP, &req);
	close(fd);
	return ret;
}

/* Fill SO_SNDBUF. Return: datagrams that it took */
static int fill_sndbuf(int fd)
{
	static char buf[1000];
	int n = 0;

	set_int(fd, SOL_SOCKET, SO_SNDBUF, 8000);
	while (n < 100 && send(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

TEST_F(sock, send_buffer)
{
	int fd = bound(variant->family, "0.0.0.0", PORT), n;

	ASSERT_EQ(0, dead_end());
	ASSERT_EQ(0, connect_to(fd, variant->family, FAR, PORT));
	EXPECT_EQ(0, ask(fd, SIOCOUTQ));
	n = fill_sndbuf(fd);
	EXPECT_GE(n, 2);
	EXPECT_LT(n, 17);
	EXPECT_EQ(EAGAIN, err(send(fd, "x", 1, MSG_DONTWAIT)));
	EXPECT_EQ(0, now(fd) & POLLOUT);
	EXPECT_GE(ask(fd, SIOCOUTQ), n * 1000);
	if (variant->family == AF_TTP) {
		EXPECT_EQ(n, ttp_stat("TtpOutDatagrams"));
		EXPECT_EQ(2, ttp_stat("TtpOutSndbufErrors"));
	}

	ASSERT_EQ(0, resolve());
	EXPECT_EQ(POLLOUT, await(fd, POLLOUT, WAIT_MS));
	EXPECT_EQ(1, send(fd, "x", 1, MSG_DONTWAIT));
}

static void *resolve_later(void *arg)
{
	poll(NULL, 0, 20);
	return (void *)(long)resolve();
}

TEST_F(sock, send_waits_for_room)
{
	int fd = bound(variant->family, "0.0.0.0", PORT);
	struct timeval tv = { .tv_usec = 50000 };
	pthread_t thread;
	long before;
	int epfd;

	ASSERT_EQ(0, dead_end());
	ASSERT_EQ(0, connect_to(fd, variant->family, FAR, PORT));
	fill_sndbuf(fd);
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	before = sleeps();
	EXPECT_EQ(EAGAIN, err(send(fd, "x", 1, MSG_DONTWAIT)));
	EXPECT_EQ(before, sleeps());
	EXPECT_EQ(EAGAIN, err(send(fd, "x", 1, 0)));
	EXPECT_LT(before, sleeps());

	tv.tv_sec = WAIT_MS / 1000;
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	epfd = watch(fd, EPOLLOUT | EPOLLET);
	EXPECT_EQ(0, report(epfd, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, resolve_later, NULL));
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(EPOLLOUT, report(epfd, WAIT_MS));
	pthread_join(thread, NULL);
}

/* A socket that is closed while its datagrams wait for a neighbour lets go
 * of its port at once, of the datagrams when they are gone.
 */
TEST_F(sock, closed_with_datagrams_on_their_way)
{
	int fd = bound(variant->family, "0.0.0.0", PORT);

	ASSERT_EQ(0, dead_end());
	ASSERT_EQ(0, connect_to(fd, variant->family, FAR, PORT));
	EXPECT_GT(fill_sndbuf(fd), 1);
	close(fd);
	EXPECT_GE(bound(variant->family, "0.0.0.0", PORT), 0);
	EXPECT_EQ(0, resolve());
}

TEST_HARNESS_MAIN
