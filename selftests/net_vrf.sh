#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# VRFs: one host, two routing worlds with the same addresses in both.
#
#	+------------------------------------+
#	| h1    red(eth2)        blue(eth3)  |   red and blue are VRFs
#	+---------+------------------+-------+
#	10.0.1.1/24 eth2   10.0.1.1/24 eth3
#	          |                  |
#	10.0.1.2/24 h1     10.0.1.2/24 h1
#	      +---+--+           +---+--+
#	      |  h2  |           |  h3  |
#	      +------+           +------+

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' h2='' h3=''
protos+=" inet"

network()
{
	local host

	hosts h1 h2 h3
	ip -n "$h1" -batch - <<-END
		link add red type vrf table 10
		link add blue type vrf table 20
		link set red up
		link set blue up
		link add eth2 type veth peer name h1 netns $h2
		link add eth3 type veth peer name h1 netns $h3
		link set eth2 master red
		link set eth3 master blue
		address add 10.0.1.1/24 dev eth2
		address add 10.0.1.1/24 dev eth3
		link set eth2 up
		link set eth3 up
		route add unreachable default table 10 metric 4278198272
		route add unreachable default table 20 metric 4278198272
	END
	for host in h2 h3; do
		ip -n "${!host}" -batch - <<-END
			address add 10.0.1.2/24 dev h1
			link set h1 up
		END
	done
	for host in h1 h2 h3; do
		ask $host sysctl net/ipv4/icmp_ratemask 0
	done
}

# socket HOST NAME [DEVICE [PORT]]
socket()
{
	want ok $1 open $2 $proto
	[[ ! ${3-} ]] || want ok $1 set $2 device $3
	[[ ! ${4-} ]] || want ok $1 bind $2 0.0.0.0:$4
}

# peers: h2's and h3's sockets a, from port 5000
peers()
{
	socket h2 a "" 5000
	socket h3 a "" 5000
}

# hears NAME HOST SIZE: h1's socket, from that host, and answers it
hears()
{
	want ok $2 send a $3 10.0.1.1:4000
	want "$3 * 10.0.1.2:5000" h1 recv $1
	want ok h1 reply $1 $3
	want "$3 * 10.0.1.1:4000" $2 recv a
}

# deaf HOST: it is told that nobody is there
deaf()
{
	socket $1 z
	want ok $1 connect z 10.0.1.1:4000
	want ok $1 send z 1
	want ECONNREFUSED $1 error z
	want ok $1 close z
}

# bound DEVICE...: such a socket hears h2 alone
bound()
{
	peers
	socket h1 a $1 4000
	hears a h2 10
	hears a h2 5000
	deaf h3
	want nothing h1 recv a 0
}

unbound_deaf()
{
	peers
	socket h1 a "" 4000
	deaf h2
	deaf h3
	want nothing h1 recv a 0
}

# The answer needs a device: nobody says which world the address is in.
unbound_accepts()
{
	peers
	want ok h1 sysctl net/ipv4/udp_l3mdev_accept 1
	socket h1 a "" 4000
	want ok h2 send a 10 10.0.1.1:4000
	want "10 1 10.0.1.2:5000" h1 recv a
	want ok h3 send a 11 10.0.1.1:4000
	want "11 1 10.0.1.2:5000" h1 recv a
	want ENETUNREACH h1 reply a 10
	# One that says its device comes first.
	want ok h1 set a reuse 1
	socket h1 b eth2
	want ok h1 set b reuse 1
	want ok h1 bind b 0.0.0.0:4000
	want ok h2 send a 12 10.0.1.1:4000
	want "12 2 10.0.1.2:5000" h1 recv b
	want ok h3 send a 13 10.0.1.1:4000
	want "13 2 10.0.1.2:5000" h1 recv a
	want ok h1 sysctl net/ipv4/udp_l3mdev_accept 0
}

# One port, four owners
scopes()
{
	peers
	socket h1 a red 4000
	socket h1 b blue 4000
	hears a h2 10
	hears b h3 11
	hears a h2 12
	want nothing h1 recv a 0
	want nothing h1 recv b 0
}

slave_and_master()
{
	peers
	socket h1 a red 4000
	socket h1 b eth2 4000
	hears b h2 10
	want ok h1 close b
	hears a h2 11
	socket h1 b eth2 4000
	want ok h1 close a
	hears b h2 12
}

conflicts()
{
	socket h1 a red 4000
	socket h1 b red
	want EADDRINUSE h1 bind b 0.0.0.0:4000
	socket h1 c
	want EADDRINUSE h1 bind c 0.0.0.0:4000
	socket h1 d blue 4000
}

# binds DEVICE ADDRESS OUTCOME: an address is local to a world, too
binds()
{
	socket h1 a $1
	want $3 h1 bind a $2:4000
}

sends()
{
	peers
	socket h1 a red 4000
	socket h1 b blue 4000
	want ok h1 send a 10 10.0.1.2:5000
	want "10 1 10.0.1.1:4000" h2 recv a
	want ok h1 send b 11 10.0.1.2:5000
	want "11 1 10.0.1.1:4000" h3 recv a
	want ok h1 connect b 10.0.1.2:5000
	want ok h1 send b 12
	want "12 2 10.0.1.1:4000" h3 recv a
	want nothing h2 recv a 0
	socket h1 c
	want ENETUNREACH h1 send c 10 10.0.1.2:5000
	want ENETUNREACH h1 connect c 10.0.1.2:5000
	want EHOSTUNREACH h1 send a 10 10.0.9.9:5000
}

own_address()
{
	socket h1 a red 4000
	socket h1 b red 4001
	socket h1 c blue 4001
	want ok h1 send a 10 10.0.1.1:4001
	want "10 1 10.0.1.1:4000" h1 recv b
	want ok h1 reply b 11
	want "11 1 10.0.1.1:4001" h1 recv a
	want nothing h1 recv c 0
}

errors()
{
	socket h1 a $1 4000
	want ok h1 connect a 10.0.1.2:5000
	want ok h1 send a 10
	want ECONNREFUSED h1 error a
}

# The same quote from the other world is about somebody else.
errors_of_another()
{
	local unmatched=Icmp.InErrors

	socket h1 a red 4000
	want ok h1 connect a 10.0.1.2:5000
	mark h1 $unmatched Icmp.InMsgs
	want ok h3 forge ${proto/inet/ttp} 3 3 0.0.0.0 10.0.1.1:4000 10.0.1.2:5000
	moved 1 h1 Icmp.InMsgs
	moved 1 h1 $unmatched
	want none h1 error a 0
	want ok h2 forge ${proto/inet/ttp} 3 3 0.0.0.0 10.0.1.1:4000 10.0.1.2:5000
	want ECONNREFUSED h1 error a
}

broadcasts()
{
	socket h1 a red 4000
	socket h1 b blue 4000
	socket h2 a "" 5000
	want ok h2 set a broadcast 1
	want ok h2 send a 10 10.0.1.255:4000
	want "10 1 10.0.1.2:5000" h1 recv a
	want ok h1 set a broadcast 1
	want ok h1 send a 11 10.0.1.255:5000
	want "11 1 10.0.1.1:4000" h2 recv a
	want nothing h1 recv b 0
}

need ip
options VETH NET_VRF
all_must_work network
ktap_print_header
run "a socket bound to a VRF hears its devices alone" bound red
run "a socket bound to a device in it hears that alone" bound eth2
run "an unbound socket hears neither" unbound_deaf
run "udp_l3mdev_accept: it hears both" unbound_accepts
run "two worlds share a port" scopes
run "a device in a VRF and the VRF: the latest bound hears" slave_and_master
run "a port is taken in its own world only, or everywhere" conflicts
run "an address of the VRF: bind in it" binds red 10.0.1.1 ok
run "an address of the VRF: bind at its device" binds eth2 10.0.1.1 ok
run "an address of the VRF: not outside" binds "" 10.0.1.1 EADDRNOTAVAIL
run "an address of nobody: EADDRNOTAVAIL" binds red 10.0.1.9 EADDRNOTAVAIL
run "each sends in its own world" sends
run "to the host's own address in the VRF" own_address
run "an error reaches the socket bound to the VRF" errors red
run "an error reaches the socket bound to a device in it" errors eth2
run "an error from the other world does not" errors_of_another
run "broadcasts stay in their world" broadcasts
finish
