// SPDX-License-Identifier: GPL-2.0
/*
 * The cached route of a connected socket after its device has gone: the device of
 * such a route is the blackhole device of the initial network namespace.
 */
#define NEEDS "DUMMY"
#define BOTH_DOORS
#include "tun.h"

#define GONE_NET	"10.7.0"

/* "Fragmentation needed" about a datagram of the socket arrives over lo. */
static int too_big(int protocol, int sport)
{
	struct {
		struct icmphdr icmp;
		struct iphdr ip;
		unsigned short ports[4];
	} error = {
		.icmp = {
			.type = ICMP_DEST_UNREACH,
			.code = ICMP_FRAG_NEEDED,
			.un.frag.mtu = htons(68),
		},
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64,
			.protocol = protocol,
			.tot_len = htons(1400),
			.saddr = inet_addr(GONE_NET ".1"),
			.daddr = inet_addr(GONE_NET ".2"),
		},
		.ports = { htons(sport), htons(PEER_PORT), htons(1380) },
	};
	struct sockaddr_in sin = at(AF_INET, OWN, 0);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), n;

	error.icmp.checksum = csum(&error, sizeof(error));
	n = sendto(fd, &error, sizeof(error), 0, (void *)&sin, sizeof(sin));
	close(fd);
	return n == sizeof(error) && settle() ? 0 : -1;
}

/* The initial network namespace has a route to the same address. An ICMP error
 * that arrives in this namespace does not change its path MTU.
 */
TEST_F(sock, dead_route_learns_nothing)
{
	int first, fd, port, own = open("/proc/self/ns/net", O_RDONLY);
	int init = open("/proc/1/ns/net", O_RDONLY);

	ASSERT_EQ(0, in_first_netns("ip -batch - <<-END\n"
				    "link add ttp7 type dummy\n"
				    "address add " GONE_NET ".9/24 dev ttp7\n"
				    "link set ttp7 up\nEND"));
	ASSERT_EQ(0, setns(init, CLONE_NEWNET));
	first = socket(AF_INET, SOCK_DGRAM, 0);
	ASSERT_EQ(0, setns(own, CLONE_NEWNET));

	ASSERT_EQ(0, system("ip -batch - <<-END\n"
			    "link add d7 type dummy\n"
			    "address add " GONE_NET ".1/24 dev d7\n"
			    "link set d7 up\nEND"));
	fd = bound(variant->family, GONE_NET ".1", 0);
	ASSERT_EQ(0, connect_to(fd, variant->family, GONE_NET ".2",
				PEER_PORT));
	EXPECT_EQ(4, send(fd, "data", 4, 0));
	EXPECT_EQ(1500, get_int(fd, SOL_IP, IP_MTU));
	port = port_of(fd);
	ASSERT_EQ(0, system("ip link delete d7"));
	/* No call in between: one that locks the socket drops its route. */
	EXPECT_EQ(0, too_big(variant->protocol, port));
	/* It was about this socket. */
	EXPECT_EQ(EMSGSIZE, get_int(fd, SOL_SOCKET, SO_ERROR));

	ASSERT_EQ(0, connect_to(first, AF_INET, GONE_NET ".2", PEER_PORT));
	EXPECT_EQ(1500, get_int(first, SOL_IP, IP_MTU));
	EXPECT_EQ(0, in_first_netns("ip link delete ttp7"));
	EXPECT_EQ(ENETUNREACH, err(send(fd, "data", 4, 0)));
	close(first);
}

TEST_HARNESS_MAIN
