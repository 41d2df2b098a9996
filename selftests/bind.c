// SPDX-License-Identifier: GPL-2.0
/*
 * Ports: who may bind to what, and which port a socket gets. The rules are
 * tables; which of those that share a port gets a datagram is in deliver.c.
 */
#define NEEDS "VETH"
#define BOTH_DOORS
#include "ttp_test.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE	51
#endif

#define PORTS		"/proc/sys/net/ipv4/ip_local_port_range"
#define RESERVED	"/proc/sys/net/ipv4/ip_local_reserved_ports"
#define PRIVILEGED	"/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define NONLOCAL	"/proc/sys/net/ipv4/ip_nonlocal_bind"

/* The second wants the port that the first has. */
static const struct {
	const char *what;
	struct opening first, second;
	int verdict;
} sharing[] = {
	{ "one address, twice",
	  { .addr = OWN }, { .addr = OWN }, EADDRINUSE },
	{ "two addresses",
	  { .addr = OWN }, { .addr = OWN2 }, 0 },
	{ "all addresses, twice",
	  { .addr = ANY }, { .addr = ANY }, EADDRINUSE },
	{ "all addresses, then one",
	  { .addr = ANY }, { .addr = OWN }, EADDRINUSE },
	{ "one address, then all",
	  { .addr = OWN }, { .addr = ANY }, EADDRINUSE },
	{ "a broadcast address, twice",
	  { .addr = "127.255.255.255" }, { .addr = "127.255.255.255" },
	  EADDRINUSE },
	{ "a broadcast address and one's own",
	  { .addr = "127.255.255.255" }, { .addr = OWN }, 0 },
	{ "a multicast address, twice",
	  { .addr = "224.0.0.9" }, { .addr = "224.0.0.9" }, EADDRINUSE },
	{ "a multicast address and all",
	  { .addr = "224.0.0.9" }, { .addr = ANY }, EADDRINUSE },

	{ "SO_REUSEADDR on both",
	  { .addr = OWN, .reuse = 1 }, { .addr = OWN, .reuse = 1 }, 0 },
	{ "SO_REUSEADDR on the first",
	  { .addr = OWN, .reuse = 1 }, { .addr = OWN }, EADDRINUSE },
	{ "SO_REUSEADDR on the second",
	  { .addr = OWN }, { .addr = OWN, .reuse = 1 }, EADDRINUSE },
	{ "SO_REUSEADDR on both, all addresses",
	  { .addr = ANY, .reuse = 1 }, { .addr = ANY, .reuse = 1 }, 0 },
	{ "SO_REUSEADDR on both, all addresses and one",
	  { .addr = ANY, .reuse = 1 }, { .addr = OWN, .reuse = 1 }, 0 },
	{ "SO_REUSEADDR on the second, all addresses and one",
	  { .addr = ANY }, { .addr = OWN, .reuse = 1 }, EADDRINUSE },

	{ "one device, twice",
	  { .addr = ANY, .device = "lo" }, { .addr = ANY, .device = "lo" },
	  EADDRINUSE },
	{ "two devices",
	  { .addr = ANY, .device = "lo" }, { .addr = ANY, .device = "v0" },
	  0 },
	{ "two devices, one address",
	  { .addr = OWN, .device = "lo" }, { .addr = OWN, .device = "v0" },
	  0 },
	{ "a device, then all devices",
	  { .addr = ANY, .device = "lo" }, { .addr = ANY }, EADDRINUSE },
	{ "all devices, then one",
	  { .addr = ANY }, { .addr = ANY, .device = "lo" }, EADDRINUSE },
	{ "a device, all devices, SO_REUSEADDR",
	  { .addr = ANY, .device = "lo", .reuse = 1 },
	  { .addr = ANY, .reuse = 1 }, 0 },
	{ "one device, two addresses",
	  { .addr = OWN, .device = "lo" }, { .addr = OWN2, .device = "lo" },
	  0 },
	{ "one device, all addresses and one",
	  { .addr = ANY, .device = "lo" }, { .addr = OWN, .device = "lo" },
	  EADDRINUSE },
	{ "two devices, all addresses and one",
	  { .addr = ANY, .device = "lo" }, { .addr = OWN, .device = "v0" },
	  0 },

	{ "a connected one's address, which it was bound to",
	  { .addr = OWN, .peer = OWN2 }, { .addr = OWN }, EADDRINUSE },
	{ "a connected one's address, which connect() chose",
	  { .addr = ANY, .peer = OWN2 }, { .addr = OWN }, EADDRINUSE },
	{ "another address than a connected one's",
	  { .addr = OWN, .peer = OWN2 }, { .addr = OWN2 }, 0 },
};

TEST_F(sock, sharing)
{
	int first, second;
	size_t i;

	ASSERT_EQ(0, add_device());
	for (i = 0; i < ARRAY_SIZE(sharing); i++) {
		first = open_as(variant->family, &sharing[i].first);
		ASSERT_GE(first, 0)
			TH_LOG("%s", sharing[i].what);
		second = open_as(variant->family, &sharing[i].second);
		EXPECT_EQ(sharing[i].verdict, err(second))
			TH_LOG("%s", sharing[i].what);
		if (second >= 0)
			close(second);
		close(first);
		/* Whoever was refused has left nothing behind. */
		first = bound(variant->family, ANY, PORT);
		EXPECT_GE(first, 0)
			TH_LOG("after: %s", sharing[i].what);
		close(first);
	}
}

/* A third is judged by all that are there, wherever in the list. */
TEST_F(sock, sharing_among_many)
{
	const struct opening reuse = { .addr = OWN, .reuse = 1 };
	const struct opening other = { .addr = OWN2 };
	int i;

	for (i = 0; i < 20; i++)
		ASSERT_GE(open_as(variant->family, &reuse), 0);
	EXPECT_EQ(EADDRINUSE, err(bound(variant->family, OWN, PORT)));
	EXPECT_EQ(EADDRINUSE, err(bound(variant->family, ANY, PORT)));
	EXPECT_GE(open_as(variant->family, &other), 0);
	EXPECT_EQ(EADDRINUSE, err(open_as(variant->family, &other)));
	EXPECT_EQ(0, err(open_as(variant->family, &reuse)));
}

/* Options that come after bind() count for the next who comes. */
TEST_F(sock, reuse_set_later)
{
	const struct opening reuse = { .addr = OWN, .reuse = 1 };
	int fd = bound(variant->family, OWN, PORT);

	EXPECT_EQ(EADDRINUSE, err(open_as(variant->family, &reuse)));
	ASSERT_EQ(0, set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
	EXPECT_EQ(0, err(open_as(variant->family, &reuse)));
}

/* Addresses to bind() to; as root */
static const struct {
	const char *what, *addr;
	int verdict;
} addresses[] = {
	{ "all", ANY, 0 },
	{ "one's own", OWN, 0 },
	{ "one's own, of a whole network", "127.1.2.3", 0 },
	{ "a broadcast", "127.255.255.255", 0 },
	{ "the broadcast", "255.255.255.255", 0 },
	{ "a multicast", "224.0.0.1", 0 },
	{ "somebody else's", "192.0.2.1", EADDRNOTAVAIL },
	{ "nobody's", "240.0.0.1", EADDRNOTAVAIL },
};

TEST_F(sock, address)
{
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		fd = bound(variant->family, addresses[i].addr, PORT);
		EXPECT_EQ(addresses[i].verdict, err(fd))
			TH_LOG("%s", addresses[i].what);
		if (fd >= 0)
			close(fd);
	}
}

/* Forms of an address that bind() takes or not */
static const struct {
	const char *what;
	bool null;
	int len;
	int own_family;		/* or */
	int family;
	const char *addr;
	int verdict;
} forms[] = {
	{ "as it should be", .len = 16, .own_family = 1, .addr = OWN },
	{ "longer", .len = 17, .own_family = 1, .addr = OWN },
	{ "as long as can be", .len = 128, .own_family = 1, .addr = OWN },
	{ "too long for the core", .len = 129, .own_family = 1, .addr = OWN,
	  .verdict = EINVAL },
	{ "a byte short", .len = 15, .own_family = 1, .addr = OWN,
	  .verdict = EINVAL },
	{ "a family and no more", .len = 2, .own_family = 1, .addr = OWN,
	  .verdict = EINVAL },
	{ "no length", .len = 0, .own_family = 1, .addr = OWN,
	  .verdict = EINVAL },
	{ "a negative length", .len = -1, .own_family = 1, .addr = OWN,
	  .verdict = EINVAL },
	{ "no address", .len = 16, .null = true, .verdict = EFAULT },
	{ "neither", .len = 0, .null = true, .verdict = EINVAL },
	{ "a wrong family", .len = 16, .family = AF_UNIX, .addr = OWN,
	  .verdict = EAFNOSUPPORT },
	{ "a wrong family, any address", .len = 16, .family = AF_UNIX,
	  .addr = ANY, .verdict = EAFNOSUPPORT },
	{ "a wrong family, short", .len = 15, .family = AF_UNIX, .addr = OWN,
	  .verdict = EINVAL },
	{ "IPv6's", .len = 28, .family = AF_INET6, .addr = ANY,
	  .verdict = EAFNOSUPPORT },
	{ "no family, any address", .len = 16, .family = AF_UNSPEC,
	  .addr = ANY },
	{ "no family, an address", .len = 16, .family = AF_UNSPEC,
	  .addr = OWN, .verdict = EAFNOSUPPORT },
};

TEST_F(sock, form_of_the_address)
{
	union {
		struct sockaddr_in sin;
		char room[256];
	} u;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		memset(&u, 0xff, sizeof(u));
		if (!forms[i].null)
			u.sin = at(forms[i].own_family ? variant->family :
				   forms[i].family, forms[i].addr, PORT);
		fd = dgram(variant->family);
		EXPECT_EQ(forms[i].verdict,
			  err(bind(fd, forms[i].null ? NULL : (void *)&u,
				   forms[i].len)))
			TH_LOG("%s", forms[i].what);
		EXPECT_EQ(forms[i].verdict ? 0 : PORT, port_of(fd))
			TH_LOG("%s", forms[i].what);
		close(fd);
	}
}

TEST_F(sock, family_next_door)
{
	int other = variant->family == AF_TTP ? AF_INET : AF_TTP;
	int fd = dgram(variant->family);

	EXPECT_EQ(EAFNOSUPPORT, err(bind_to(fd, other, OWN, PORT)));
	EXPECT_EQ(EAFNOSUPPORT, err(bind_to(fd, other, ANY, PORT)));
	EXPECT_EQ(0, port_of(fd));
	EXPECT_EQ(0, bind_to(fd, variant->family, OWN, PORT));
}

TEST_F(sock, bound_once)
{
	int fd = bound(variant->family, OWN, PORT);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	EXPECT_EQ(EINVAL, err(bind_to(fd, variant->family, OWN, PORT)));
	EXPECT_EQ(EINVAL, err(bind_to(fd, variant->family, OWN2, PORT + 1)));
	ASSERT_EQ(0, getsockname(fd, (void *)&sin, &len));
	EXPECT_EQ(inet_addr(OWN), sin.sin_addr.s_addr);
	EXPECT_EQ(PORT, ntohs(sin.sin_port));
	/* The port that it did not get is free. */
	EXPECT_GE(bound(variant->family, OWN2, PORT + 1), 0);
}

TEST_F(sock, bound_by_the_first_send)
{
	int fd = dgram(variant->family);

	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, 9));
	EXPECT_GT(port_of(fd), 0);
	EXPECT_EQ(EINVAL, err(bind_to(fd, variant->family, OWN, PORT)));
}

TEST_F(sock, bound_again_after_a_refusal)
{
	int fd = dgram(variant->family);
	int other = bound(variant->family, OWN, PORT);

	EXPECT_EQ(EADDRINUSE, err(bind_to(fd, variant->family, OWN, PORT)));
	EXPECT_EQ(EADDRNOTAVAIL, err(bind_to(fd, variant->family, "192.0.2.1",
					     PORT)));
	EXPECT_EQ(0, port_of(fd));
	close(other);
	EXPECT_EQ(0, err(bind_to(fd, variant->family, OWN, PORT)));
}

TEST_F(sock, not_after_close)
{
	int fd = bound(variant->family, OWN, PORT);

	close(fd);
	EXPECT_EQ(EBADF, err(bind_to(fd, variant->family, OWN, PORT)));
	EXPECT_GE(bound(variant->family, OWN, PORT), 0);
}

/* As nobody; 1023 and 1024 are where ip_unprivileged_port_start has always
 * drawn the line.
 */
TEST_F(sock, privileged_ports)
{
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(EACCES, err(bound(variant->family, OWN, 1)));
	EXPECT_EQ(EACCES, err(bound(variant->family, OWN, 1023)));
	EXPECT_EQ(0, err(bound(variant->family, OWN, 1024)));
	EXPECT_EQ(0, err(bound(variant->family, OWN, 0)));
	ASSERT_EQ(0, seteuid(0));
	EXPECT_EQ(0, err(bound(variant->family, OWN, 1023)));

	ASSERT_EQ(0, write_file(PRIVILEGED, "80"));
	ASSERT_EQ(0, seteuid(65534));
	EXPECT_EQ(EACCES, err(bound(variant->family, OWN, 79)));
	EXPECT_EQ(0, err(bound(variant->family, OWN, 80)));
}

TEST_F(sock, port_0_takes_each_port_of_the_range)
{
	int seen = 0, fd[4], i;

	ASSERT_EQ(0, write_file(PORTS, "5000 5003"));
	for (i = 0; i < 4; i++) {
		fd[i] = bound(variant->family, OWN, 0);
		ASSERT_GE(fd[i], 0);
		seen |= 1 << (port_of(fd[i]) - 5000);
	}
	EXPECT_EQ(15, seen);
	EXPECT_EQ(EADDRINUSE, err(bound(variant->family, OWN, 0)));
	EXPECT_EQ(EADDRINUSE, err(bound(variant->family, ANY, 0)));
	/* Another address has the range to itself. */
	EXPECT_EQ(0, err(bound(variant->family, OWN2, 0)));

	i = port_of(fd[2]);
	close(fd[2]);
	fd[2] = bound(variant->family, OWN, 0);
	EXPECT_EQ(i, port_of(fd[2]));
}

TEST_F(sock, port_0_is_random)
{
	int first, i, same = 0;

	first = port_of(bound(variant->family, OWN, 0));
	for (i = 1; i < 5; i++)
		same += port_of(bound(variant->family, OWN, 0)) == first + i;
	EXPECT_LT(same, 4);
}

TEST_F(sock, port_0_leaves_reserved_ports_alone)
{
	int seen = 0, fd, i;

	ASSERT_EQ(0, write_file(RESERVED, "5001-5002"));
	ASSERT_EQ(0, write_file(PORTS, "5000 5003"));
	for (i = 0; i < 2; i++) {
		fd = bound(variant->family, OWN, 0);
		ASSERT_GE(fd, 0);
		seen |= 1 << (port_of(fd) - 5000);
	}
	EXPECT_EQ(9, seen);
	EXPECT_EQ(EADDRINUSE, err(bound(variant->family, OWN, 0)));
	/* Who asks for it by number has it. */
	EXPECT_EQ(0, err(bound(variant->family, OWN, 5001)));
}

TEST_F(sock, no_port_left)
{
	int fd;

	ASSERT_EQ(0, write_file(PORTS, "5000 5001"));
	ASSERT_GE(bound(variant->family, ANY, 0), 0);
	ASSERT_GE(bound(variant->family, ANY, 0), 0);
	fd = dgram(variant->family);
	EXPECT_EQ(EADDRINUSE, err(bind_to(fd, variant->family, OWN, 0)));
	EXPECT_EQ(EAGAIN, err(send_to(fd, "x", 1, variant->family, OWN, 9)));
	EXPECT_EQ(EAGAIN, err(connect_to(fd, variant->family, OWN, 9)));
	EXPECT_EQ(0, port_of(fd));
	EXPECT_EQ(0, err(bind_to(fd, variant->family, OWN, 9)));
}

/* Shared port 0: with SO_REUSEADDR a taken port counts as free. */
TEST_F(sock, port_0_and_reuse)
{
	const struct opening reuse = { .reuse = true };
	int fd, i;

	ASSERT_EQ(0, write_file(PORTS, "5000 5001"));
	for (i = 0; i < 4; i++) {
		fd = open_as(variant->family, &reuse);
		EXPECT_EQ(0, bind_to(fd, variant->family, OWN, 0));
		EXPECT_EQ(5000, port_of(fd) & ~1);
	}
}

TEST_F(sock, freebind)
{
	int fd = dgram(variant->family);

	EXPECT_EQ(EADDRNOTAVAIL, err(bind_to(fd, variant->family, "192.0.2.1",
					     PORT)));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_FREEBIND, 1));
	EXPECT_EQ(0, bind_to(fd, variant->family, "192.0.2.1", PORT));
	ASSERT_EQ(0, write_file(NONLOCAL, "1"));
	EXPECT_EQ(0, err(bound(variant->family, "192.0.2.2", PORT)));
}

TEST_F(sock, bind_address_no_port)
{
	int fd = dgram(variant->family);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1));
	ASSERT_EQ(0, bind_to(fd, variant->family, OWN2, 0));
	EXPECT_EQ(0, port_of(fd));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, 9));
	ASSERT_EQ(0, getsockname(fd, (void *)&sin, &len));
	EXPECT_NE(0, sin.sin_port);
	EXPECT_EQ(inet_addr(OWN2), sin.sin_addr.s_addr);
}

TEST_F(sock, local_port_range)
{
	int fd = dgram(variant->family);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int range = 5001 << 16 | 5000;

	/* Since Linux 6.3; before, no family has it. */
	if (set_int(udp, SOL_IP, IP_LOCAL_PORT_RANGE, range)) {
		ASSERT_EQ(ENOPROTOOPT, errno);
		EXPECT_EQ(ENOPROTOOPT, err(set_int(fd, SOL_IP,
						   IP_LOCAL_PORT_RANGE,
						   range)));
		return;
	}
	/* The system's range and this one overlap, or this has no effect. */
	ASSERT_EQ(0, write_file(PORTS, "4000 5999"));
	ASSERT_EQ(0, set_int(fd, SOL_IP, IP_LOCAL_PORT_RANGE, range));
	ASSERT_EQ(0, bind_to(fd, variant->family, OWN, 0));
	EXPECT_EQ(5000, port_of(fd) & ~1);
}

TEST_F(sock, device_that_is_none)
{
	int fd = bound(variant->family, ANY, PORT);

	EXPECT_EQ(ENODEV, err(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					 "v9", 2)));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT));
}

/* It leaves by its device, whatever the routing table says. */
TEST_F(sock, device_before_route)
{
	int fd = bound(variant->family, ANY, PORT);
	int to = bound(variant->family, ANY, PORT + 1);
	char c;

	ASSERT_EQ(0, add_device());
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "v0", 2));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT + 1));
	ASSERT_TRUE(settle());
	EXPECT_EQ(EAGAIN, err(recv(to, &c, 1, MSG_DONTWAIT)));
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
	EXPECT_EQ(1, send_to(fd, "x", 1, variant->family, OWN, PORT + 1));
	EXPECT_EQ(1, get(to, &c, 1));
}

TEST_HARNESS_MAIN
