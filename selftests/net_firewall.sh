#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Firewalls: nftables sees ports, refuses, keeps state; IPsec policies apply.
#
#	+------+ 10.0.1.1        +----+        10.0.2.1 +------+
#	|  h1  +-----------------+ fw +-----------------+  h2  |
#	+------+       10.0.1.254+----+10.0.2.254       +------+

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' fw='' h2=''

network()
{
	hosts h1 fw h2
	ip -n "$fw" -batch - <<-END
		link add h1 type veth peer name fw netns $h1
		link add h2 type veth peer name fw netns $h2
		address add 10.0.1.254/24 dev h1
		address add 10.0.2.254/24 dev h2
		link set h1 up
		link set h2 up
	END
	ip -n "$h1" -batch - <<-END
		address add 10.0.1.1/24 dev fw
		link set fw up
		route add default via 10.0.1.254
	END
	ip -n "$h2" -batch - <<-END
		address add 10.0.2.1/24 dev fw
		link set fw up
		route add default via 10.0.2.254
	END
	ask fw sysctl net/ipv4/ip_forward 1
	for host in h1 fw h2; do
		ask $host sysctl net/ipv4/icmp_ratemask 0
	done
}

# rules HOST HOOK RULE...: P becomes "meta l4proto NUMBER"
rules()
{
	local host=$1 hook=$2 rule
	shift 2

	number=17
	[[ $proto == udp ]] || number=253
	{
		echo "flush ruleset"
		printf 'table ip t {\nchain c {\n'
		echo "type filter hook $hook priority 0"
		for rule; do
			echo "${rule//P/meta l4proto $number}"
		done
		printf '}\n}\n'
	} | ip netns exec "${!host}" nft -f -
}

no_rules()
{
	local host

	for host; do
		ip netns exec "${!host}" nft flush ruleset
	done
}

pair()
{
	want ok h1 open a $proto
	want ok h1 bind a 10.0.1.1:4000
	want ok h1 connect a 10.0.2.1:5000
	want ok h2 open a $proto
	want ok h2 bind a 10.0.2.1:5000
}

crosses()
{
	want ok h1 send a "$1"
	want "$1 * 10.0.1.1:4000" h2 recv a
	want ok h2 reply a "$1"
	want "$1 * 10.0.2.1:5000" h1 recv a
}

to_a_port()
{
	pair
	want ok h2 open b $proto
	want ok h2 bind b 10.0.2.1:5001
	rules fw forward "P th dport 5001 drop"
	want ok h1 send a 10 10.0.2.1:5001
	crosses 11
	want nothing h2 recv b 0
	rules fw forward "P th dport 5000 drop"
	want ok h1 send a 12
	want ok h1 send a 13 10.0.2.1:5001
	want "13 * 10.0.1.1:4000" h2 recv b
	want nothing h2 recv a 0
}

from_a_port()
{
	pair
	want ok h1 open b $proto
	want ok h1 bind b 10.0.1.1:4001
	rules fw forward "P th sport 4001 drop"
	want ok h1 send b 10 10.0.2.1:5000
	crosses 11
	want nothing h2 recv a 0
}

# Each kept out once: at the gate, at the receiver
silently()
{
	pair
	for place in "fw forward" "h2 input"; do
		rules $place "P th dport 5000 drop"
		mark h1 Icmp.InMsgs
		want ok h1 send a 10
		no_rules ${place% *}
		want none h1 error a 0
		crosses 11
		moved 0 h1 Icmp.InMsgs
	done
}

# rejected WITH ERRNO
rejected()
{
	pair
	for place in "fw forward" "h2 input"; do
		rules $place "P th dport 5000 reject with icmp type $1"
		mark h1 Icmp.InDestUnreachs
		want ok h1 send a 10
		moved 1 h1 Icmp.InDestUnreachs
		want "$2" h1 error a 0
		want none h1 error a 0
		no_rules ${place% *}
		crosses 11
	done
}

rejected_unconnected()
{
	pair
	want ok h1 disconnect a
	rules fw forward "P reject with icmp type admin-prohibited"
	mark h1 Icmp.InDestUnreachs
	want ok h1 send a 10 10.0.2.1:5000
	moved 1 h1 Icmp.InDestUnreachs
	want none h1 error a 0
}

# Only those inside may begin.
inside_begins()
{
	pair
	rules fw forward "ct state established,related accept" \
		"iifname h1 accept" drop
	want ok h2 send a 9 10.0.1.1:4000
	crosses 10
	want nothing h1 recv a 0
	want ok h2 reply a 12
	want "12 * 10.0.2.1:5000" h1 recv a
	crosses 65507
	crosses 0
}

related_errors()
{
	pair
	want ok h2 close a
	rules fw forward "ct state established,related accept" \
		"iifname h1 accept" drop
	want ok h1 send a 10
	want ECONNREFUSED h1 error a
}

# Connection tracking keeps no ports of TTP: two hosts have one entry, and the
# whole host that was spoken to may answer, whichever port it has.
one_entry()
{
	local entries=2 answer="nothing"

	[[ $proto == udp ]] || entries=1 answer="10 1 10.0.2.1:7000"
	pair
	rules fw forward "ct state established accept" \
		"iifname h1 accept" drop
	ip netns exec "$fw" conntrack -F 2>/dev/null
	crosses 10
	want ok h2 open b $proto
	want ok h2 bind b 10.0.2.1:7000
	want ok h1 open b $proto
	want ok h1 bind b 10.0.1.1:4001
	want ok h2 send b 10 10.0.1.1:4001
	crosses 11
	want "$answer" h1 recv b 0
	want ok h1 send b 12 10.0.2.1:7000
	want "12 * 10.0.1.1:4001" h2 recv b
	check "$entries entries" test "$(ip netns exec "$fw" \
		conntrack -L -p $number 2>/dev/null | wc -l)" = $entries
	no_rules fw
}

forgotten()
{
	pair
	rules fw forward "ct state established accept" \
		"iifname h1 accept" drop
	crosses 10
	ip netns exec "$fw" conntrack -F 2>/dev/null
	want ok h2 reply a 11
	crosses 12
	want nothing h1 recv a 0
	no_rules fw
}

# Without connection tracking only the first fragment has ports to look at.
fragments()
{
	pair
	rules fw forward "ct state invalid drop" "P th dport 5000 accept" \
		"oifname h1 accept" drop
	crosses 5000
	no_rules fw
}

own_output()
{
	pair
	rules h1 output "P th dport 5000 drop"
	want EPERM h1 send a 10
	want EPERM h1 send a 0
	want EPERM h1 send a 5000
	want ok h1 open b $proto
	want EPERM h1 send b 10 10.0.2.1:5000
	want none h1 error a 0
	no_rules h1
	crosses 11
}

own_output_rejects()
{
	pair
	rules h1 output "P th dport 5000 reject with icmp type port-unreachable"
	want EPERM h1 send a 10
	want ECONNREFUSED h1 error a
	no_rules h1
	crosses 11
}

# From a user, by a mark
own_output_user()
{
	pair
	want ok h1 open b $proto 1000
	want ok h1 open c $proto
	want ok h1 set c mark 7
	rules h1 output "P meta skuid 1000 drop" "P mark 7 drop"
	want EPERM h1 send b 10 10.0.2.1:5000
	want EPERM h1 send c 10 10.0.2.1:5000
	crosses 10
	no_rules h1
}

policy()
{
	ip -n "$1" xfrm policy $2 src 10.0.1.1 dst 10.0.2.1 proto $number \
		dir $3 ${4-}
}

# The policy wants IPsec, or nothing at all.
policy_in()
{
	pair
	mark h2 TtpInPolicyDrops TtpInNoPorts Icmp.OutMsgs
	rules h2 input
	policy "$h2" add in "action block"
	want ok h1 send a 10
	want ok h1 send a 10 10.0.2.1:5001
	policy "$h2" delete in
	crosses 11
	moved 0 h2 Icmp.OutMsgs
	[[ $proto == udp ]] && return
	moved 2 h2 TtpInPolicyDrops
	moved 0 h2 TtpInNoPorts
}

policy_out()
{
	pair
	rules h1 input
	policy "$h1" add out "action block"
	want EPERM h1 send a 10
	want EPERM h1 send a 10 10.0.2.1:5001
	policy "$h1" delete out
	crosses 11
}

# ipsec HOST DIR: null cipher, transport mode
ipsec()
{
	ip -n "$1" -batch - <<-END
		xfrm state add src 10.0.1.1 dst 10.0.2.1 proto esp spi 0x18 mode transport enc cipher_null "" auth digest_null ""
		xfrm policy add src 10.0.1.1 dst 10.0.2.1 proto $number dir $2 tmpl proto esp mode transport
	END
}

in_esp()
{
	pair
	rules h2 input "ip protocol esp counter accept"
	ipsec "$h1" out
	ipsec "$h2" in
	crosses 100
	crosses 5000
	check "ESP is used" grep -q "packets [1-9]" \
		<(ip netns exec "$h2" nft list ruleset)
	ip -n "$h1" xfrm state flush
	ip -n "$h1" xfrm policy flush
	# What comes as it is, while the policy wants ESP, is not taken.
	mark h2 TtpInPolicyDrops
	want ok h1 send a 10
	ip -n "$h2" xfrm policy flush
	ip -n "$h2" xfrm state flush
	crosses 11
	[[ $proto == udp ]] || moved 1 h2 TtpInPolicyDrops
	no_rules h2
}

need ip nft conntrack
all_must_work network
ktap_print_header
run "th dport is the destination port" to_a_port
run "th sport is the source port" from_a_port
run "drop on the way or at the receiver: silence" silently
run "reject, port-unreachable: ECONNREFUSED" rejected port-unreachable \
	ECONNREFUSED
run "reject, prot-unreachable: ENOPROTOOPT" rejected prot-unreachable \
	ENOPROTOOPT
run "reject, admin-prohibited: EHOSTUNREACH" rejected admin-prohibited \
	EHOSTUNREACH
run "reject, host-prohibited: EHOSTUNREACH" rejected host-prohibited \
	EHOSTUNREACH
run "reject, net-prohibited: ENETUNREACH" rejected net-prohibited ENETUNREACH
run "reject, host-unreachable: no error" rejected host-unreachable none
run "reject: no error if not connected" rejected_unconnected
run "stateful: answers come in, nothing else does" inside_begins
run "stateful: a refusal is related" related_errors
run "stateful: a forgotten state lets nothing in" forgotten
run "stateful: UDP has an entry a port, TTP one for two hosts" one_entry
run "fragments pass a port's rule where state is kept" fragments
run "drop in OUTPUT: EPERM" own_output
run "reject in OUTPUT: EPERM, and the error" own_output_rejects
run "OUTPUT knows the user and the mark" own_output_user
run "IPsec policy, block in: dropped, counted, not answered" policy_in
run "IPsec policy, block out: EPERM" policy_out
run "IPsec, ESP in transport mode: both ways, and nothing else" in_esp
finish
