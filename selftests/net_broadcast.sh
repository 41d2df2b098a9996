#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One datagram for many: broadcast, multicast, many sockets on a port.
#
#	                h1
#	       +-----------------+
#	       | h4    net       |   net is a bridge
#	       +-+----+-------+--+
#	10.0.2.1 |    10.0.1.1 |
#	         |    |       |
#	10.0.2.4 | .2 |    .3 |
#	    +----+-+ ++-----+ +------+
#	    |  h4  | |  h2  | |  h3  |   each calls its device "net"
#	    +------+ +------+ +------+

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' h2='' h3='' h4=''
group=239.18.2.53

network()
{
	local nr

	hosts h1 h2 h3 h4
	ip -n "$h1" -batch - <<-END
		link add net type bridge mcast_snooping 0
		link add h2 master net type veth peer name net netns $h2
		link add h3 master net type veth peer name net netns $h3
		link add h4 type veth peer name net netns $h4
		address add 10.0.1.1/24 broadcast + dev net
		address add 10.0.2.1/24 broadcast + dev h4
		link set h2 up
		link set h3 up
		link set h4 up
		link set net up
		route add default dev net
	END
	for nr in 2 3 4; do
		host=h$nr
		ip -n "${!host}" -batch - <<-END
			address add 10.0.$((1 + nr / 4)).$nr/24 broadcast + dev net
			link set net up
			route add default dev net
		END
	done
}

# sender [OPTION VALUE]...: h1's socket a
sender()
{
	want ok h1 open a $proto
	want ok h1 bind a 0.0.0.0:4000
	while (($#)); do
		want ok h1 set a "$1" "$2"
		shift 2
	done
}

# receiver HOST SOCKET ADDRESS [OPTION VALUE]...
receiver()
{
	want ok "$1" open "$2" $proto
	for ((i = 4; i < $#; i += 2)); do
		want ok "$1" set "$2" "${@:i:2}"
	done
	want ok "$1" bind "$2" "$3"
}

# heard SIZE HOST SOCKET...
heard()
{
	local name

	for name in "${@:3}"; do
		want "$1 * 10.0.[12].1:4000" "$2" recv "$name"
	done
}

# silent HOST SOCKET...: what comes next, by another way, finds nothing before
silent()
{
	local name

	want ok h1 open z $proto
	want ok h1 bind z 10.0.1.1:4001
	want ok "$1" open z $proto
	want ok "$1" bind z 0.0.0.0:5999
	want ok h1 send z 1 10.0.1.${1#h}:5999
	want "1 * 10.0.1.1:4001" "$1" recv z
	for name in "${@:2}"; do
		want nothing "$1" recv "$name" 0
	done
	want ok h1 close z
	want ok "$1" close z
}

forbidden()
{
	sender
	want EACCES h1 send a 10 10.0.1.255:5000
	want EACCES h1 connect a 10.0.1.255:5000
	want EACCES h1 send a 10 255.255.255.255:5000
	want ok h1 set a broadcast 1
	want ok h1 connect a 10.0.1.255:5000
	want ok h1 set a broadcast 0
	want ok h1 send a 10
}

# to_all ADDRESS: everybody on the net hears, the sender's host, too
to_all()
{
	local host

	sender broadcast 1
	for host in h1 h2 h3; do
		receiver $host b 0.0.0.0:5000
	done
	for size in 0 1 1472; do
		want ok h1 send a $size "$1:5000"
		for host in h1 h2 h3; do
			heard $size $host b
		done
	done
}

connected_to_all()
{
	sender broadcast 1
	receiver h2 a 0.0.0.0:5000
	want ok h1 connect a 10.0.1.255:5000
	want ok h1 send a 10
	heard 10 h2 a
}

in_fragments()
{
	sender broadcast 1
	receiver h2 a 0.0.0.0:5000
	receiver h3 a 0.0.0.0:5000
	want ok h1 send a 5000 10.0.1.255:5000
	heard 5000 h2 a
	heard 5000 h3 a
}

by_device()
{
	sender broadcast 1 device h4
	receiver h2 a 0.0.0.0:5000
	receiver h4 a 0.0.0.0:5000
	want ok h1 send a 10 255.255.255.255:5000
	want "10 1 10.0.2.1:4000" h4 recv a
	silent h2 a
}

many_sockets()
{
	local name

	sender broadcast 1
	for name in a b c d e; do
		receiver h2 $name 0.0.0.0:5000 reuse 1
	done
	receiver h2 f 0.0.0.0:5001 reuse 1
	want ok h1 send a 10 10.0.1.255:5000
	heard 10 h2 a b c d e
	want nothing h2 recv f 0
	want ok h1 send a 11 10.0.1.2:5000
	heard 11 h2 e
	silent h2 a b c d e f
	want ok h2 close e
	want ok h1 send a 12 10.0.1.2:5000
	heard 12 h2 d
	silent h2 a b c d
}

all_must_reuse()
{
	receiver h2 a 0.0.0.0:5000 reuse 1
	want ok h2 open b $proto
	want EADDRINUSE h2 bind b 0.0.0.0:5000
	want ok h2 set b reuse 1
	want ok h2 bind b 0.0.0.0:5000
}

by_address()
{
	sender broadcast 1
	receiver h2 a 0.0.0.0:5000 reuse 1
	receiver h2 b 10.0.1.2:5000 reuse 1
	receiver h2 c 10.0.1.255:5000 reuse 1
	receiver h2 d 255.255.255.255:5000 reuse 1
	want ok h1 send a 10 10.0.1.255:5000
	heard 10 h2 a c
	want ok h1 send a 11 255.255.255.255:5000
	heard 11 h2 a d
	want ok h1 send a 12 10.0.1.2:5000
	heard 12 h2 b
	silent h2 a b c d
}

by_peer()
{
	sender broadcast 1
	receiver h2 a 10.0.1.255:5000 reuse 1
	want ok h2 connect a 10.0.1.1:4000
	receiver h2 b 10.0.1.255:5000 reuse 1
	want ok h2 connect b 10.0.1.3:4000
	receiver h2 c 10.0.1.255:5000 reuse 1
	want ok h2 connect c 10.0.1.1:4009
	# A wildcard becomes an address by connect().
	receiver h2 d 0.0.0.0:5000 reuse 1
	want ok h2 connect d 10.0.1.1:4000
	want ok h1 send a 10 10.0.1.255:5000
	heard 10 h2 a
	silent h2 a b c d
}

by_receiving_device()
{
	sender broadcast 1
	receiver h2 a 0.0.0.0:5000 reuse 1 device net
	receiver h2 b 0.0.0.0:5000 reuse 1 device lo
	want ok h1 send a 10 10.0.1.255:5000
	heard 10 h2 a
	silent h2 a b
}

nobody()
{
	local ignored=Udp.IgnoredMulti

	[[ $proto == udp ]] || ignored=TtpInIgnoredMulti
	sender broadcast 1
	mark h2 $ignored Icmp.OutMsgs TtpInNoPorts TtpInDatagrams
	want ok h1 send a 10 10.0.1.255:5000
	moved 1 h2 $ignored
	moved 0 h2 Icmp.OutMsgs
	moved 0 h2 TtpInNoPorts
	moved 0 h2 TtpInDatagrams
}

counted()
{
	sender broadcast 1
	receiver h2 a 0.0.0.0:5000 reuse 1
	receiver h2 b 0.0.0.0:5000 reuse 1
	receiver h2 c 0.0.0.0:5000 reuse 1
	mark h2 TtpInDatagrams
	mark h1 TtpOutDatagrams
	want ok h1 send a 10 10.0.1.255:5000
	heard 10 h2 a b c
	moved 3 h2 TtpInDatagrams
	moved 1 h1 TtpOutDatagrams
}

# member HOST: it is in the group, by a socket that is not looked at
member()
{
	want ok "$1" open y udp
	want ok "$1" set y join $group
}

to_members()
{
	sender
	member h2
	receiver h2 a 0.0.0.0:5000 reuse 1
	receiver h2 b $group:5000 reuse 1
	receiver h2 c 10.0.1.2:5000 reuse 1
	receiver h3 a 0.0.0.0:5000
	want ok h1 send a 10 $group:5000
	heard 10 h2 a b
	silent h2 a b c
	silent h3 a
}

connected_to_members()
{
	sender
	member h2
	receiver h2 a 0.0.0.0:5000
	want ok h1 connect a $group:5000
	want ok h1 send a 5000
	heard 5000 h2 a
}

multicast_if()
{
	sender mcastif 10.0.2.1
	member h2
	member h4
	receiver h2 a 0.0.0.0:5000
	receiver h4 a 0.0.0.0:5000
	want ok h1 send a 10 $group:5000
	want "10 1 10.0.2.1:4000" h4 recv a
	want ok h1 set a mcastif 10.0.1.1
	want ok h1 send a 11 $group:5000
	want "11 2 10.0.1.1:4000" h2 recv a
	silent h2 a
	want nothing h4 recv a 0
}

multicast_ttl()
{
	want ok h1 open a $proto
	want ok h1 bind a 10.0.1.1:4000
	member h1
	member h2
	receiver h1 b 0.0.0.0:5000
	receiver h2 a 0.0.0.0:5000
	want 1 h1 get a mcastttl
	want ok h1 set a mcastttl 0
	want ok h1 set a ttl 7
	want ok h1 send a 10 $group:5000
	heard 10 h1 b
	silent h2 a
	want ok h1 set a mcastttl 1
	want ok h1 send a 11 $group:5000
	heard 11 h1 b
	heard 11 h2 a
}

multicast_no_permission()
{
	sender broadcast 0
	want ok h1 send a 10 $group:5000
	want ok h1 send a 10 224.0.0.1:5000
}

need ip
options VETH BRIDGE IP_MULTICAST
all_must_work network
ktap_print_header
run "broadcast is forbidden without SO_BROADCAST" forbidden
run "a subnet broadcast reaches everybody on the net" to_all 10.0.1.255
run "a limited broadcast does" to_all 255.255.255.255
run "a socket connected to the broadcast address sends to all" connected_to_all
run "a broadcast goes in fragments" in_fragments
run "a limited broadcast leaves by the device that the socket says" by_device
run "all sockets with SO_REUSEADDR hear; unicast is the latest's" many_sockets
run "a port is shared by sockets that all say so" all_must_reuse
run "a socket bound to an address hears what is sent to that" by_address
run "a connected socket hears its peer's broadcasts alone" by_peer
run "a socket bound to a device hears what comes in there" by_receiving_device
run "a broadcast that nobody hears is counted, and not answered" nobody
run_ttp "a broadcast counts once for each that hears it" counted
run "multicast reaches members, and sockets bound to it or to all" to_members
run "a socket connected to a group sends there" connected_to_members
run "IP_MULTICAST_IF: device and source address" multicast_if
run "IP_MULTICAST_TTL: 0 stays on the host, IP_TTL does not matter" multicast_ttl
run "multicast needs no permission" multicast_no_permission
finish
