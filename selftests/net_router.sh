#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two hosts and a router: both ways, ICMP errors, path MTU, fragments.
#
#	 h1                        r                        h2
#	+-----------+       +-------------+       +-----------+
#	|         r +-------+ h1       h2 +-------+ r         |
#	+-----------+       +-------------+       +-----------+
#	10.0.1.0/25   10.0.1.254  10.0.2.254      10.0.2.0/25
#
# Each run of a case has an address of its own at both ends, $src and $dst, so
# what the kernel has learnt of the path for another is not in the way.

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' r='' h2=''

network()
{
	hosts h1 r h2
	ip -batch - <<-END
		link add r netns $h1 type veth peer name h1 netns $r
		link add r netns $h2 type veth peer name h2 netns $r
	END
	ip -n "$h1" -batch - <<-END
		address add 10.0.1.1/24 dev r
		link set r up
		route add local 10.0.1.0/25 dev lo
		route add default via 10.0.1.254
	END
	ip -n "$r" -batch - <<-END
		address add 10.0.1.254/24 dev h1
		address add 10.0.2.254/24 dev h2
		link set h1 up
		link set h2 up
	END
	ip -n "$h2" -batch - <<-END
		address add 10.0.2.1/24 dev r
		link set r up
		route add local 10.0.2.0/25 dev lo
		route add default via 10.0.2.254
	END
	for host in h1 r h2; do
		ask $host sysctl net/ipv4/icmp_ratemask 0
	done
	ask r sysctl net/ipv4/ip_forward 1
	ask r sysctl net/ipv4/neigh/h2/mcast_solicit 1
	ask r sysctl net/ipv4/neigh/h2/retrans_time_ms 100
}

# far_mtu MTU: of the link between router and h2
far_mtu()
{
	ip -n "$r" link set h2 mtu "$1"
	ip -n "$h2" link set r mtu "$1"
}

addresses()
{
	((fresh < 126)) || ktap_exit_fail_msg "out of addresses"
	src=10.0.1.$fresh dst=10.0.2.$fresh
}

# pair: h1's socket a, connected, and h2's socket a, to whom it is
pair()
{
	addresses
	want ok h1 open a $proto
	want ok h1 bind a $src:4000
	want ok h1 connect a $dst:5000
	want ok h2 open a $proto
	want ok h2 bind a $dst:5000
}

# arrives SIZE: h2 receives a datagram of that size from h1
arrives()
{
	want "$1 * $src:4000" h2 recv a
}

# crosses SIZE: and the answer comes back
crosses()
{
	want ok h1 send a "$1"
	arrives "$1"
	want ok h2 reply a "$1"
	want "$1 * $dst:5000" h1 recv a
}

# hears COUNTER: h1 will count one more there; "heard" waits for it
hears()
{
	heard=$1
	mark h1 "$1"
}

heard()
{
	moved 1 h1 "$heard"
}

both_ways()
{
	local size

	pair
	for size in 0 1 100 1471 1472; do
		crosses $size
	done
}

# sizes MTU: around what fits one packet and one fragment, and the longest
sizes()
{
	local room=$(($1 - 28)) size

	pair
	want ok h1 set a mtudisc $IP_PMTUDISC_DONT
	# UDP makes its fragments first, 1365 of them, and then sends them.
	want ok h2 set a sndbuf 4000000
	for size in 0 $((room - 1)) $room $((room + 1)) $((room + 8)) 8000 \
		65507; do
		crosses $size
	done
	want EMSGSIZE h1 send a 65508
	crosses 1
}

ttl_expires()
{
	pair
	want ok h1 set a ttl 1
	hears Icmp.InTimeExcds
	want ok h1 send a 100
	heard
	want none h1 error a 0
	want ok h1 set a ttl 2
	crosses 100
}

# The router has no route, or nobody answers: both may pass, says RFC 1122
not_there()
{
	addresses
	want ok h1 open a $proto
	want ok h1 connect a "$1":5000
	for _ in 1 2; do
		hears Icmp.InDestUnreachs
		want ok h1 send a 100
		heard
		want none h1 error a 0
	done
}

local_route()
{
	want ok h1 open a $proto
	want "$2" h1 send a 100 "$1":5000
	want "$2" h1 connect a "$1":5000
	want ENOTCONN h1 get a mtu
}

refused()
{
	pair
	want ok h2 close a
	want ok h1 send a 100
	want ECONNREFUSED h1 error a
	want none h1 error a 0
	want ok h1 send a 100
	want ECONNREFUSED h1 recv a
	want ok h1 send a 100
	want ok h2 open a $proto
	want ok h2 bind a $dst:5000
	want ECONNREFUSED h1 error a
	crosses 100
}

refused_unconnected()
{
	addresses
	want ok h1 open a $proto
	hears Icmp.InDestUnreachs
	want ok h1 send a 100 $dst:5000
	heard
	want none h1 error a 0
	want ok h1 send a 100 $dst:5000
}

refusals_are_rare()
{
	local arrived=Udp.NoPorts sent

	[[ $proto == udp ]] || arrived=TtpInNoPorts
	pair
	want ok h2 close a
	want ok h2 sysctl net/ipv4/icmp_ratemask 6168
	mark h2 $arrived Icmp.OutDestUnreachs
	# An error ends one send, which then sends nothing.
	want "sent *" h1 burst a 40 100
	sent=${reply#sent }
	moved $sent h2 $arrived
	want ok h2 sysctl net/ipv4/icmp_ratemask 0
	since h2 Icmp.OutDestUnreachs
	check "$reply refusals" test $reply -ge 1 -a $reply -le 10
}

# icmp TYPE CODE ERRNO: what a connected socket is told; none if nothing
icmp()
{
	pair
	hears Icmp.InMsgs
	want ok r forge $proto "$1" "$2" 0.0.0.0 $src:4000 $dst:5000
	heard
	if [[ $3 == none ]]; then
		want none h1 error a 0
	else
		want "$3" h1 error a
	fi
	want none h1 error a 0
}

icmp_unconnected()
{
	addresses
	want ok h1 open a $proto
	want ok h1 bind a $src:4000
	hears Icmp.InMsgs
	want ok r forge $proto 3 3 0.0.0.0 $src:4000 $dst:5000
	heard
	want none h1 error a 0
}

# A new socket shows what the route has learnt.
path_mtu_is()
{
	want ok h1 open z $proto
	want ok h1 connect z $dst:5000
	want "$1" h1 get z mtu
	want ok h1 close z
}

# stranger SRC DST: an error about a packet that no socket sent. UDP lets it
# change the route all the same.
stranger()
{
	pair
	mark h1 Icmp.InErrors TtpInIcmpUnmatched TtpInIcmpErrors
	want ok r forge $proto 3 4 0.0.2.88 "$1" "$2"
	want ok r forge $proto 3 3 0.0.0.0 "$1" "$2"
	moved 2 h1 Icmp.InErrors
	moved 2 h1 TtpInIcmpUnmatched
	moved 0 h1 TtpInIcmpErrors
	want none h1 error a 0
	want 1500 h1 get a mtu
	path_mtu_is 1500
}

strange_source() { addresses; stranger $src:4001 $dst:5000; }
strange_peer() { addresses; stranger $src:4000 $dst:5001; }
strange_address() { addresses; stranger $src:4000 10.0.2.126:5000; }

friend()
{
	pair
	mark h1 Icmp.InErrors TtpInIcmpUnmatched TtpInIcmpErrors
	want ok r forge $proto 3 4 0.0.2.88 $src:4000 $dst:5000
	moved 1 h1 TtpInIcmpErrors
	moved 0 h1 TtpInIcmpUnmatched
	moved 0 h1 Icmp.InErrors
	want EMSGSIZE h1 error a 0
	want 600 h1 get a mtu
	path_mtu_is 600
}

via()
{
	ip -n "$h1" route get "$dst" from "$src"
}

redirect()
{
	pair
	want ok h1 send a 100
	arrives 100
	hears Icmp.InMsgs
	want ok r forge $proto 5 1 10.0.1.253 "$@"
	heard
}

redirected()
{
	addresses
	redirect $src:4000 $dst:5000
	check "route" grep -q "via 10.0.1.253" <(via)
	want none h1 error a 0
	crosses 100
}

redirected_by_stranger()
{
	addresses
	redirect $src:4001 $dst:5000
	check "route" grep -q "via 10.0.1.254" <(via)
	crosses 100
}

# The sender forbids fragments: it is told, and then it knows.
discovered_do()
{
	pair
	want ok h1 set a mtudisc $IP_PMTUDISC_DO
	want 1500 h1 get a mtu
	want EMSGSIZE h1 send a 1473
	want ok h1 send a 1472
	want EMSGSIZE h1 error a
	want "$1" h1 get a mtu
	path_mtu_is "$1"
	want EMSGSIZE h1 send a $(($1 - 27))
	crosses $(($1 - 28))
}

# The sender leaves it to IPv4: the first is lost, the second is in fragments.
discovered_want()
{
	pair
	want ok h1 send a 1472
	want EMSGSIZE h1 error a
	want "$1" h1 get a mtu
	want ok h1 send a 1472
	arrives 1472
	crosses $(($1 - 28))
}

discovered_unconnected()
{
	addresses
	want ok h1 open a $proto
	want ok h1 bind a $src:4000
	want ok h2 open a $proto
	want ok h2 bind a $dst:5000
	hears Icmp.InDestUnreachs
	want ok h1 send a 1472 $dst:5000
	heard
	want none h1 error a 0
	want ok h1 send a 1472 $dst:5000
	arrives 1472
	want nothing h2 recv a 0
	path_mtu_is "$1"
}

fragmented_by_router()
{
	pair
	want ok h1 set a mtudisc $IP_PMTUDISC_DONT
	crosses 1472
	want 1500 h1 get a mtu
}

# Less than net.ipv4.route.min_pmtu is not believed: routers may fragment.
too_small_to_believe()
{
	pair
	want ok h1 send a 524
	want EMSGSIZE h1 error a
	want 552 h1 get a mtu
	want ok h1 send a 524
	arrives 524
	want ok h1 send a 8000
	arrives 8000
}

interface_mtu()
{
	pair
	want ok h1 set a mtudisc $IP_PMTUDISC_INTERFACE
	hears Icmp.InMsgs
	want ok r forge $proto 3 4 0.0.4.0 $src:4000 $dst:5000
	heard
	want EMSGSIZE h1 error a
	want 1500 h1 get a mtu
	path_mtu_is 1024
	crosses 1472
}

need ip
options VETH
all_must_work network
# A datagram in fragments of 48 bytes outruns a receiver that is not awake.
machine /proc/sys/net/core/netdev_max_backlog 5000
ktap_print_header
run "datagrams cross a router both ways" both_ways
for mtu in 1500 576 68; do
	far_mtu $mtu
	run "0 to 65507 bytes cross a router, MTU behind it $mtu" sizes $mtu
done
far_mtu 1500
run "TTL expires on the way: no error" ttl_expires
run "no route at the router: no error" not_there 10.0.9.9
run "no such host behind the router: no error" not_there 10.0.2.200
ip -n "$h1" -batch - <<-END
	route add unreachable 10.1.1.0/24
	route add prohibit 10.1.2.0/24
	route add blackhole 10.1.3.0/24
	route add throw 10.1.4.0/24
END
run "unreachable route here: EHOSTUNREACH" local_route 10.1.1.1 EHOSTUNREACH
run "prohibit route here: EACCES" local_route 10.1.2.1 EACCES
run "blackhole route here: EINVAL" local_route 10.1.3.1 EINVAL
run "no route here: ENETUNREACH" local_route 10.1.4.1 ENETUNREACH
run "nobody has the port: ECONNREFUSED, and it recovers" refused
run "nobody has the port: no error if not connected" refused_unconnected
run "port unreachables are rate limited" refusals_are_rare
while read -r type code errno; do
	run "ICMP type $type code $code: $errno" icmp "$type" "$code" "$errno"
done <<-END
	3 0 none
	3 1 none
	3 2 ENOPROTOOPT
	3 3 ECONNREFUSED
	3 5 none
	3 6 ENETUNREACH
	3 7 EHOSTDOWN
	3 8 ENONET
	3 9 ENETUNREACH
	3 10 EHOSTUNREACH
	3 11 none
	3 12 none
	3 13 EHOSTUNREACH
	3 14 EHOSTUNREACH
	3 15 EHOSTUNREACH
	3 16 none
	4 0 none
	11 0 none
	11 1 none
	12 0 EPROTO
	12 1 EPROTO
END
run "ICMP type 3 code 3: none if not connected" icmp_unconnected
run_ttp "a forged quote with another source port changes nothing" \
	strange_source
run_ttp "a forged quote with another peer's port changes nothing" strange_peer
run_ttp "a forged quote with another peer changes nothing" strange_address
run_ttp "a quote of what was sent does, and is counted apart" friend
ip -n "$h1" neighbour add 10.0.1.253 dev r nud permanent lladdr \
	"$(ip netns exec "$r" cat /sys/class/net/h1/address)"
run "a redirect moves the route" redirected
run_ttp "a redirect that no socket is behind does not" redirected_by_stranger
run "the interface's MTU is enough: the route learns, not the socket" \
	interface_mtu
far_mtu 576
run "path MTU 576, fragments forbidden: EMSGSIZE" discovered_do 576
run "path MTU 576: discovered, then fragments" discovered_want 576
run "path MTU 576: discovered, not connected" discovered_unconnected 576
run "path MTU 576, no discovery: the router fragments" fragmented_by_router
far_mtu 68
run "path MTU 68 is not believed: the router fragments" too_small_to_believe
ask h1 sysctl net/ipv4/route/min_pmtu 68
run "path MTU 68, fragments forbidden: EMSGSIZE" discovered_do 68
run "path MTU 68: discovered, then fragments" discovered_want 68
finish
