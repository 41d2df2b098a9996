#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hosts behind one address: masquerading, and what it cannot do for TTP.
#
#	+------+ 10.0.1.1        +-----+
#	|  h1  +-----------------+     | 10.0.9.1        +------+
#	+------+       10.0.1.254|     +-----------------+  s   |
#	+------+ 10.0.2.1        | nat |         10.0.9.9+------+
#	|  h2  +-----------------+     |
#	+------+       10.0.2.254+-----+
#
# No device offloads checksums: each is computed, and what NAT breaks is seen.

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' h2='' nat='' s=''

network()
{
	local host

	hosts h1 h2 nat s
	ip -n "$nat" -batch - <<-END
		link add h1 type veth peer name nat netns $h1
		link add h2 type veth peer name nat netns $h2
		link add s type veth peer name nat netns $s
		address add 10.0.1.254/24 dev h1
		address add 10.0.2.254/24 dev h2
		address add 10.0.9.1/24 dev s
		link set h1 up
		link set h2 up
		link set s up
	END
	for host in h1 h2 s; do
		ip netns exec "${!host}" ethtool -K nat tx off >/dev/null
		ip netns exec "$nat" ethtool -K $host tx off >/dev/null
		ask $host sysctl net/ipv4/icmp_ratemask 0
	done
	ip -n "$h1" -batch - <<-END
		address add 10.0.1.1/24 dev nat
		link set nat up
		route add default via 10.0.1.254
	END
	ip -n "$h2" -batch - <<-END
		address add 10.0.2.1/24 dev nat
		link set nat up
		route add default via 10.0.2.254
	END
	ip -n "$s" -batch - <<-END
		address add 10.0.9.9/24 dev nat
		link set nat up
	END
	ask nat sysctl net/ipv4/ip_forward 1
	ip netns exec "$nat" nft -f - <<-END
		table ip nat {
			chain post {
				type nat hook postrouting priority 100
				oifname s masquerade
			}
			chain pre {
				type nat hook prerouting priority -100
				iifname s dnat to 10.0.1.1
			}
		}
	END
}

forget()
{
	ip netns exec "$nat" conntrack -F 2>/dev/null
}

entries()
{
	ip netns exec "$nat" conntrack -L -p $number 2>/dev/null | wc -l
}

# client HOST SOCKET PORT, server SOCKET PORT
client()
{
	want ok "$1" open "$2" $proto
	want ok "$1" bind "$2" "0.0.0.0:$3"
	want ok "$1" connect "$2" 10.0.9.9:5000
}

server()
{
	number=17
	[[ $proto == udp ]] || number=253
	forget
	mark s TtpInCsumErrors
	mark h1 TtpInCsumErrors
	want ok s open a $proto
	want ok s bind a 10.0.9.9:5000
}

one_client()
{
	local size

	server
	client h1 a 4000
	for size in "$@"; do
		want ok h1 send a $size
		want "$size * 10.0.9.1:4000" s recv a
		want ok s reply a $size
		want "$size * 10.0.9.9:5000" h1 recv a
	done
	check "one entry" test "$(entries)" = 1
	moved 0 s TtpInCsumErrors
	moved 0 h1 TtpInCsumErrors
}

# NAT turns back the address in the packet that the error quotes.
refused()
{
	server
	want ok s close a
	client h1 a 4000
	want ok h1 send a 100
	want ECONNREFUSED h1 error a
}

needs_fragments()
{
	server
	client h1 a 4000
	ip -n "$nat" link set s mtu 1000
	# What the other protocol has learnt
	ip -n "$h1" route flush cache
	want ok h1 send a 1400
	want EMSGSIZE h1 error a
	want 1000 h1 get a mtu
	want ok h1 send a 1400
	want "1400 * 10.0.9.1:4000" s recv a
	ip -n "$nat" link set s mtu 1500
}

# Both have port 4000. NAT knows UDP's ports, and gives the second another one.
# It keeps no port of TTP: the second is not let through while the first talks.
two_clients()
{
	server
	client h1 a 4000
	client h2 a 4000
	want ok h1 send a 10
	want "10 1 10.0.9.1:4000" s recv a
	want ok h2 send a 20
	want ok h1 send a 11
	if [[ $proto == udp ]]; then
		want "20 1 10.0.9.1:*" s recv a
		want ok s reply a 21
		want "21 * 10.0.9.9:5000" h2 recv a
	fi
	want "11 2 10.0.9.1:4000" s recv a
	want nothing s recv a 0
	want ok s reply a 12
	want "12 * 10.0.9.9:5000" h1 recv a
	want nothing h2 recv a 0

	# The first has fallen silent, and its entry has gone.
	forget
	want ok h2 send a 22
	want "22 2 10.0.9.1:*" s recv a
	want ok s reply a 23
	want "23 * 10.0.9.9:5000" h2 recv a
}

# Two sockets of one host share its entry, and are told apart by their ports.
two_sockets()
{
	local want_entries=2

	[[ $proto == udp ]] || want_entries=1
	server
	client h1 a 4000
	client h1 b 4001
	want ok h1 send a 10
	want "10 1 10.0.9.1:4000" s recv a
	want ok s reply a 11
	want ok h1 send b 20
	want "20 1 10.0.9.1:4001" s recv a
	want ok s reply a 21
	want "11 * 10.0.9.9:5000" h1 recv a
	want "21 * 10.0.9.9:5000" h1 recv b
	check "entries" test "$(entries)" = $want_entries
}

# From outside, to the one that the rule names
forwarded()
{
	server
	want ok h1 open b $proto
	want ok h1 bind b 10.0.1.1:6000
	want ok s connect a 10.0.9.1:6000
	want ok s send a 3000
	want "3000 1 10.0.9.9:5000" h1 recv b
	want ok h1 reply b 3001
	want "3001 1 10.0.9.1:6000" s recv a
	want ok h1 close b
	want ok s send a 1
	want ECONNREFUSED s error a
	moved 0 s TtpInCsumErrors
	moved 0 h1 TtpInCsumErrors
}

need ip nft conntrack ethtool
options VETH NFT_MASQ NFT_NAT NF_CT_NETLINK
all_must_work network
ktap_print_header
run "a client talks, checksums stay right" one_client 0 1 2 100 1471 1472
run "and in fragments" one_client 1473 8000 65507
run "a refusal finds its way back: ECONNREFUSED" refused
run "so does a path MTU" needs_fragments
run "two clients, one port: NAT helps UDP, TTP's second has to wait" two_clients
run "two sockets of a client do not mix" two_sockets
run "a forwarded host is reached from outside, and answers" forwarded
finish
