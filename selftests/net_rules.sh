#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Policy routing: rules steer datagrams by port, mark, user, address, device.
#
#	+------+10.0.1.1        10.0.1.2+------+
#	|      +a----------------------a+      |   10.9.9.9 is h2, by way of a
#	|  h1  |                        |  h2  |   as table main says, or of b
#	|      +b----------------------b+      |   as table 2 does
#	+------+10.0.2.1        10.0.2.2+------+
#
# h2 has a socket for each device, so who receives tells which way it was.

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' h2=''
there=10.9.9.9

network()
{
	hosts h1 h2
	ip -n "$h1" -batch - <<-END
		link add name a type veth peer name a netns $h2
		link add name b type veth peer name b netns $h2
		address add 10.0.1.1/24 dev a
		address add 10.0.2.1/24 dev b
		link set dev a up
		link set dev b up
		route add $there via 10.0.1.2
		route add $there via 10.0.2.2 table 2
	END
	ip -n "$h2" -batch - <<-END
		address add 10.0.1.2/24 dev a
		address add 10.0.2.2/24 dev b
		address add $there/32 dev lo
		link set dev a up
		link set dev b up
	END
	stay h1
}

# rule SELECTOR...: P becomes "ipproto NUMBER"
rule()
{
	local number=17

	[[ $proto == udp ]] || number=253
	rule=${*/#P/ipproto $number}
	change h1 rule add $rule
}

no_rule()
{
	change h1 rule delete $rule
}

# listen SOCKET DEVICE PORT: at h2
listen()
{
	want ok h2 open $1 $proto
	want ok h2 set $1 device $2
	want ok h2 bind $1 0.0.0.0:$3
}

receivers()
{
	listen a a 5000
	listen b b 5000
	listen c a 5001
	listen d b 5001
}

# goes DEVICE SOCKET [PORT]: h1's socket to that port at h2
goes()
{
	local port=${3-5000} at=$1

	[[ $port == 5000 ]] || at=${at/b/d} at=${at/a/c}
	want ok h1 send $2 10 $there:$port
	want "10 *" h2 recv $at
}

sender()
{
	want ok h1 open "$1" $proto ${2-}
}

by_dport()
{
	receivers
	sender s
	goes a s
	rule P dport 5000 lookup 2
	goes b s
	goes a s 5001
	want ok h1 connect s $there:5000
	want ok h1 send s 11
	want "11 * 10.0.2.1:*" h2 recv b
	no_rule
	goes a s
}

by_dports()
{
	receivers
	sender s
	rule P dport 5001-5999 lookup 2
	goes a s
	goes b s 5001
	no_rule
}

by_sport()
{
	receivers
	sender s
	want ok h1 bind s 0.0.0.0:4000
	sender t
	rule P sport 4000 lookup 2
	goes b s
	goes a t
	want ok h1 connect s $there:5000
	want ok h1 send s 11
	want "11 * 10.0.2.1:4000" h2 recv b
	no_rule
}

# rule_of PROTOCOL: UDP's does not steer TTP, nor TTP's UDP
rule_of()
{
	local at=a

	[[ $proto != "$1" ]] || at=b
	receivers
	sender s
	proto=$1 rule P dport 5000 lookup 2
	goes $at s
	no_rule
}

by_mark()
{
	receivers
	sender s
	sender t
	rule fwmark 7 lookup 2
	want ok h1 set s mark 7
	goes b s
	goes a t
	want ok h1 connect s $there:5000
	want ok h1 send s 11
	want "11 * 10.0.2.1:*" h2 recv b
	want ok h1 set s mark 0
	want ok h1 send s 12 $there:5000
	want "12 *" h2 recv a
	no_rule
}

by_user()
{
	receivers
	sender s 1000
	sender t 1001
	sender u
	rule uidrange 1000-1000 lookup 2
	goes b s
	goes a t
	goes a u
	no_rule
}

by_source()
{
	receivers
	sender s
	want ok h1 bind s 10.0.2.1:4000
	sender t
	want ok h1 bind t 10.0.1.1:4000
	sender u
	rule from 10.0.2.1 lookup 2
	goes b s
	goes a t
	goes a u
	no_rule
}

by_device()
{
	receivers
	sender s
	want ok h1 set s device b
	sender t
	rule oif b lookup 2
	goes b s
	goes a t
	no_rule
}

by_tos()
{
	receivers
	sender s
	want ok h1 set s tos 0x10
	sender t
	rule tos 0x10 lookup 2
	goes b s
	goes a t
	no_rule
}

# A connected socket keeps its route, until something changes.
changes_reach_the_connected()
{
	receivers
	sender s
	want ok h1 connect s $there:5000
	want ok h1 send s 10
	want "10 * 10.0.1.1:*" h2 recv a
	rule P dport 5000 lookup 2
	want ok h1 send s 11
	# It chose its source address when it connected.
	want "11 * 10.0.1.1:*" h2 recv b
	no_rule
	want ok h1 send s 12
	want "12 * 10.0.1.1:*" h2 recv a
}

# refuses ACTION ERRNO
refuses()
{
	receivers
	sender s
	rule P dport 5000 $1
	want $2 h1 send s 10 $there:5000
	want $2 h1 connect s $there:5000
	goes a s 5001
	no_rule
	goes a s
}

# What ICMP tells is for the route that was taken.
marked_route_learns()
{
	sender s
	want ok h1 bind s 10.0.2.1:4000
	rule fwmark 7 lookup 2
	want ok h1 set s mark 7
	want ok h1 connect s $there:5000
	want 1500 h1 get s mtu
	want ok h2 forge $proto 3 4 0.0.2.88 10.0.2.1:4000 $there:5000
	want EMSGSIZE h1 error s
	want 600 h1 get s mtu
	no_rule
	change h1 route flush cache
}

need ip
options VETH IP_MULTIPLE_TABLES
all_must_work network
ktap_print_header
run "ipproto and dport" by_dport
run "a range of destination ports" by_dports
run "ipproto and sport" by_sport
run "a rule for UDP steers UDP alone" rule_of udp
run "a rule for TTP steers TTP alone" rule_of ttp
run "fwmark: SO_MARK" by_mark
run "uidrange: who made the socket" by_user
run "from: the address that the socket is bound to" by_source
run "oif: SO_BINDTODEVICE" by_device
run "tos: IP_TOS" by_tos
run "rules that come and go reach connected sockets" changes_reach_the_connected
run "a prohibit rule: EACCES" refuses prohibit EACCES
run "an unreachable rule: ENETUNREACH" refuses unreachable ENETUNREACH
run "a blackhole rule: EINVAL" refuses blackhole EINVAL
run "path MTU is learnt by the route of a marked socket" marked_route_learns
finish
