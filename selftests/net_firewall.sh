#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Firewalls: nftables sees ports, refuses, keeps state; IPsec policies apply.
#
#	+------+ 10.0.1.1        +----+        10.0.2.1 +------+
#	|  h1  +-----------------+ fw +-----------------+  h2  |
#	+------+       10.0.1.254+----+10.0.2.254       +------+
#
# The rules stand from the beginning, each for a port of its own at h2.

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' fw='' h2=''
esp=0

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

# rules HOST HOOK: in force now are the rules read; P is "both protocols, to"
rules()
{
	{
		printf 'flush ruleset\ntable ip t {\nchain c {\n'
		echo "type filter hook $2 priority 0"
		sed 's/P /meta l4proto { udp, 253 } th dport /'
		printf '}\n}\n'
	} | ip netns exec "${!1}" nft -f -
}

stateless_rules()
{
	rules h1 output <<-END
		P 5030 drop
		P 5031 reject with icmp type port-unreachable
		P 5032 meta skuid 1000 drop
		P 5032 mark 7 drop
	END
	rules fw forward <<-END
		P 5001 drop
		P 5000 th sport 4001 drop
		P 5010 reject with icmp type port-unreachable
		P 5011 reject with icmp type prot-unreachable
		P 5012 reject with icmp type admin-prohibited
		P 5013 reject with icmp type host-prohibited
		P 5014 reject with icmp type net-prohibited
		P 5015 reject with icmp type host-unreachable
	END
	rules h2 input <<-END
		P 5002 drop
		P 5020 reject with icmp type port-unreachable
		P 5021 reject with icmp type prot-unreachable
		P 5022 reject with icmp type admin-prohibited
		P 5023 reject with icmp type host-prohibited
		P 5024 reject with icmp type net-prohibited
		P 5025 reject with icmp type host-unreachable
		ip protocol esp counter
	END
}

# Only those inside may begin, and at two ports only.
stateful_rules()
{
	rules fw forward <<-END
		ct state established,related accept
		ct state invalid drop
		iifname h1 P 5000 accept
		iifname h1 P 7000 accept
		drop
	END
}

forget()
{
	ip netns exec "$fw" conntrack -F 2>/dev/null
}

# pair [PORT]: h1's socket a and h2's, which has that port
pair()
{
	number=17
	[[ $proto == udp ]] || number=253
	want ok h1 open a $proto
	want ok h1 bind a 10.0.1.1:4000
	want ok h1 connect a 10.0.2.1:${1-5000}
	want ok h2 open a $proto
	want ok h2 bind a 10.0.2.1:${1-5000}
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
	want ok h1 send a 10 10.0.2.1:5001
	crosses 11
	want nothing h2 recv b 0
}

from_a_port()
{
	pair
	want ok h1 open b $proto
	want ok h1 bind b 10.0.1.1:4001
	want ok h1 send b 10 10.0.2.1:5000
	crosses 11
	want nothing h2 recv a 0
}

# On the way and at the receiver
silently()
{
	pair
	mark h1 Icmp.InMsgs
	for port in 5001 5002; do
		want ok h1 open b $proto
		want ok h1 connect b 10.0.2.1:$port
		want ok h1 send b 10
		crosses 11
		want none h1 error b 0
		want ok h1 close b
	done
	moved 0 h1 Icmp.InMsgs
}

# rejected NR ERRNO: on the way and at the receiver
rejected()
{
	for port in 501$1 502$1; do
		pair $port
		mark h1 Icmp.InDestUnreachs
		want ok h1 send a 10
		moved 1 h1 Icmp.InDestUnreachs
		want "$2" h1 error a 0
		want none h1 error a 0
		want ok h1 send a 10
		want ok h1 close a
		want nothing h2 recv a 0
		want ok h2 close a
	done
}

rejected_unconnected()
{
	pair
	want ok h1 disconnect a
	mark h1 Icmp.InDestUnreachs
	want ok h1 send a 10 10.0.2.1:5012
	moved 1 h1 Icmp.InDestUnreachs
	want none h1 error a 0
}

own_output()
{
	pair 5030
	want EPERM h1 send a 10
	want EPERM h1 send a 0
	want EPERM h1 send a 5000
	want none h1 error a 0
	want ok h1 open b $proto
	want EPERM h1 send b 10 10.0.2.1:5030
	want nothing h2 recv a 0
}

own_output_rejects()
{
	pair 5031
	want EPERM h1 send a 10
	want ECONNREFUSED h1 error a
	want EPERM h1 send a 10
}

own_output_user()
{
	pair 5032
	want ok h1 open b $proto 1000
	want ok h1 open c $proto
	want ok h1 set c mark 7
	want EPERM h1 send b 10 10.0.2.1:5032
	want EPERM h1 send c 10 10.0.2.1:5032
	want ok h1 send a 11
	want "11 1 10.0.1.1:4000" h2 recv a
}

inside_begins()
{
	pair
	forget
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
	forget
	want ok h2 close a
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
	forget
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
}

forgotten()
{
	pair
	forget
	crosses 10
	forget
	want ok h2 reply a 11
	crosses 12
	want nothing h1 recv a 0
}

# Connection tracking puts them together: the first packet is new, and the rule
# that lets it in looks for a port in each.
fragments()
{
	pair
	forget
	crosses 5000
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
	policy "$h2" add in "action block"
	want ok h1 send a 10
	want ok h1 send a 10 10.0.2.1:5009
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
	policy "$h1" add out "action block"
	want EPERM h1 send a 10
	want EPERM h1 send a 10 10.0.2.1:5009
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

# The one rule with a counter sees them whole: two for each protocol.
esp_used()
{
	: $((esp += 2))
	ip netns exec "$h2" nft list ruleset | grep -q "packets $esp "
}

in_esp()
{
	pair
	ipsec "$h1" out
	ipsec "$h2" in
	crosses 100
	crosses 5000
	check "ESP is used" esp_used
	ip -n "$h1" xfrm state flush
	ip -n "$h1" xfrm policy flush
	# What comes as it is, while the policy wants ESP, is not taken.
	mark h2 TtpInPolicyDrops
	want ok h1 send a 10
	ip -n "$h2" xfrm policy flush
	ip -n "$h2" xfrm state flush
	crosses 11
	[[ $proto == udp ]] || moved 1 h2 TtpInPolicyDrops
}

need ip nft conntrack
options VETH NFT_CT NFT_REJECT NF_CT_NETLINK XFRM_USER INET_ESP
all_must_work network
all_must_work stateless_rules
ktap_print_header
run "th dport is the destination port" to_a_port
run "th sport is the source port" from_a_port
run "drop, on the way or at the receiver: silence" silently
while read -r nr type errno; do
	run "reject with $type: $errno" rejected "$nr" "$errno"
done <<-END
	0 port-unreachable ECONNREFUSED
	1 prot-unreachable ENOPROTOOPT
	2 admin-prohibited EHOSTUNREACH
	3 host-prohibited EHOSTUNREACH
	4 net-prohibited ENETUNREACH
	5 host-unreachable none
END
run "reject: no error if not connected" rejected_unconnected
run "drop in OUTPUT: EPERM" own_output
run "reject in OUTPUT: EPERM, and the error" own_output_rejects
run "OUTPUT knows the user and the mark" own_output_user
run "IPsec policy, block in: dropped, counted, not answered" policy_in
run "IPsec policy, block out: EPERM" policy_out
run "IPsec, ESP in transport mode: both ways, and nothing else" in_esp
all_must_work stateful_rules
run "stateful: answers come in, nothing else does" inside_begins
run "stateful: a refusal is related" related_errors
run "stateful: a forgotten state lets nothing in" forgotten
run "stateful: UDP has an entry a port, TTP one for two hosts" one_entry
run "stateful: fragments pass a port's rule" fragments
finish
