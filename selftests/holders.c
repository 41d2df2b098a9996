// SPDX-License-Identifier: GPL-2.0
/*
 * What holds a device, a route or a network namespace for as long as a program
 * likes: what is corked, what waits in a receive or error queue, caches,
 * policies.  The device must go away while the socket is open, and the
 * namespace as soon as it is closed.
 */
#define NEEDS "CGROUP_BPF DUMMY IP_MULTICAST VETH XFRM_USER"
#define BOTH_DOORS
#include "ttp_test.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/xfrm.h>
#include <signal.h>
#include <sys/wait.h>

#include "bpf.h"

#define HERE	"10.0.0.1"
#define THERE	"10.0.0.2"
#define GROUP	"239.1.2.3"

static int family;

static int no_loop(int fd)
{
	return set_int(fd, SOL_IP, IP_MULTICAST_LOOP, 0);
}

static int stamps(int fd)
{
	return set_int(fd, SOL_SOCKET, SO_TIMESTAMPING,
		       SOF_TIMESTAMPING_TX_SOFTWARE |
		       SOF_TIMESTAMPING_TX_SCHED |
		       SOF_TIMESTAMPING_SOFTWARE);
}

static int send_flags(int fd, const char *ip, int flags)
{
	struct sockaddr_in sin = at(family, ip, PORT);

	return sendto(fd, "x", 1, flags, (void *)&sin, sizeof(sin)) == 1 ? 0 :
									   -1;
}

static int to_peer(int fd)
{
	return send_flags(fd, THERE, 0);
}

static int to_group(int fd)
{
	return send_flags(fd, GROUP, 0);
}

static int cork_to_peer(int fd)
{
	return send_flags(fd, THERE, MSG_MORE);
}

static int cork_to_group(int fd)
{
	return send_flags(fd, GROUP, MSG_MORE);
}

static int cork_no_loop(int fd)
{
	return no_loop(fd) ?: cork_to_group(fd);
}

static int stamped(int fd)
{
	return stamps(fd) ?: to_peer(fd);
}

static int stamped_group(int fd)
{
	return stamps(fd) ?: to_group(fd);
}

static int stamped_no_loop(int fd)
{
	return stamps(fd) ?: no_loop(fd) ?: to_group(fd);
}

static int too_long(int fd)
{
	static char big[2000];

	if (set_int(fd, SOL_IP, IP_RECVERR, 1) ||
	    set_int(fd, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO))
		return -1;
	return err(send_to(fd, big, sizeof(big), family, THERE, PORT)) ==
	       EMSGSIZE ? 0 : -1;
}

/* The routes that an unconnected socket remembers, and a connected one keeps */
static int many(int fd)
{
	return to_peer(fd) ?: to_peer(fd) ?: to_peer(fd);
}

static int connected(int fd)
{
	return connect_to(fd, family, THERE, PORT) ?: send(fd, "x", 1, 0) - 1;
}

/* Its own datagrams, which nobody reads */
static int unread(int fd)
{
	struct ip_mreqn mreq = {
		.imr_multiaddr.s_addr = inet_addr(GROUP),
		.imr_address.s_addr = inet_addr(HERE),
	};

	return bind_to(fd, family, ANY, PORT) ?:
	       setsockopt(fd, SOL_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) ?:
	       set_int(fd, SOL_IP, IP_PKTINFO, 1) ?:
	       to_group(fd) ?: send_flags(fd, HERE, 0);
}

static int bound_device(int fd)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "d0", 2) ?: many(fd);
}

static int policy(int fd)
{
	struct xfrm_userpolicy_info info = {
		.sel.family = AF_INET,
		.dir = XFRM_POLICY_OUT,
		.action = XFRM_POLICY_ALLOW,
		.lft = { XFRM_INF, XFRM_INF, XFRM_INF, XFRM_INF },
	};

	return setsockopt(fd, SOL_IP, IP_XFRM_POLICY, &info, sizeof(info)) ?:
	       many(fd) ?: cork_to_peer(fd);
}

static int program(int fd)
{
	static int cgroup = -1;
	int prog;

	if (cgroup < 0)
		cgroup = own_cgroup("holders");
	close(fd);
	exit_with(1);
	prog = load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, 0);
	if (attach(cgroup, prog, BPF_CGROUP_INET_EGRESS, BPF_PROG_ATTACH))
		return -1;
	return dup2(dgram(family), fd) == fd ? cork_to_peer(fd) ?: 0 : -1;
}

static const struct {
	const char *what;
	int (*hold)(int fd);
} holders[] = {
	{ "nothing", no_loop },
	{ "pieces to a peer", cork_to_peer },
	{ "pieces to a group", cork_to_group },
	{ "pieces to a group, not looped", cork_no_loop },
	{ "time stamps", stamped },
	{ "time stamps of a multicast", stamped_group },
	{ "time stamps of a multicast, not looped", stamped_no_loop },
	{ "a local error", too_long },
	{ "a remembered route", many },
	{ "a connected socket's route", connected },
	{ "unread datagrams, a membership", unread },
	{ "a bound device", bound_device },
	{ "an IPsec policy", policy },
	{ "a cgroup BPF program", program },
};

/* A device with a neighbour, and without one who answers */
static int add_d0(const char *type)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "ip -batch - <<-END\n"
		 "link add d0 type %s\n"
		 "address add " HERE "/24 dev d0\n"
		 "link set d0 up\n"
		 "neigh add " THERE " lladdr 02:00:00:00:00:02 dev d0\n"
		 "route add 239.0.0.0/8 dev d0\n"
		 "END", type);
	return system(command);
}

/* Is a process done, within the limit? */
static bool done(pid_t pid)
{
	long limit = now_ms() + WAIT_MS;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now_ms() > limit)
			return false;
		poll(NULL, 0, 1);
	}
	return !status;
}

TEST_F(sock, device_goes)
{
	pid_t pid;
	size_t i;
	int fd;

	family = variant->family;
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		ASSERT_EQ(0, add_d0("dummy"));
		fd = dgram(family);
		EXPECT_EQ(0, holders[i].hold(fd))
			TH_LOG("%s: %m", holders[i].what);
		ASSERT_TRUE(settle());
		pid = fork();
		if (!pid) {
			/* Of the socket there is no copy. */
			close(fd);
			execlp("ip", "ip", "link", "delete", "d0", NULL);
		}
		EXPECT_TRUE(done(pid))
			TH_LOG("%s keep the device", holders[i].what);
		close(fd);
		EXPECT_EQ(0, if_nametoindex("d0"));
	}
}

/* The namespace of a process, which ends, and of its socket */
static int in_a_namespace(size_t i)
{
	char type[64];
	int fd;

	snprintf(type, sizeof(type), "veth peer name w%zu netns %d", i,
		 getppid());
	if (unshare(CLONE_NEWNET) || device_up("lo") || add_d0(type))
		return 1;
	fd = dgram(family);
	return !!holders[i].hold(fd);
}

TEST_F(sock, namespace_goes)
{
	char name[IFNAMSIZ];
	long limit;
	pid_t pid;
	size_t i;

	family = variant->family;
	for (i = 0; i < ARRAY_SIZE(holders); i++) {
		pid = fork();
		if (!pid)
			_exit(in_a_namespace(i));
		EXPECT_TRUE(done(pid))
			TH_LOG("%s", holders[i].what);
		snprintf(name, sizeof(name), "w%zu", i);
		limit = now_ms() + WAIT_MS;
		while (if_nametoindex(name) && now_ms() < limit)
			poll(NULL, 0, 1);
		EXPECT_EQ(0, if_nametoindex(name))
			TH_LOG("%s keep the namespace", holders[i].what);
	}
}

TEST_HARNESS_MAIN
