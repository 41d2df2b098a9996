#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A bad line: datagrams are lost, repeated, reordered; a corrupt one never
# arrives.
#
#	+------+10.0.1.1 (netem) 10.0.1.2+------+
#	|  h1  +-------------------------+  h2  |
#	+------+                         +------+
#
# No device offloads checksums, or nobody would look. What arrives tells the
# number it was sent with, and each byte of it is known.

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' h2=''
count=300

network()
{
	hosts h1 h2
	ip -n "$h1" link add h2 type veth peer name h1 netns $h2
	ip netns exec "$h1" ethtool -K h2 tx off >/dev/null
	ip netns exec "$h2" ethtool -K h1 tx off >/dev/null
	ip -n "$h1" -batch - <<-END
		address add 10.0.1.1/24 dev h2
		link set h2 up
	END
	ip -n "$h2" -batch - <<-END
		address add 10.0.1.2/24 dev h1
		link set h1 up
	END
	tc -n "$h1" qdisc add dev h2 root netem
	# A corrupt answer to ARP is not what is tested.
	ip -n "$h1" neighbour replace 10.0.1.2 dev h2 nud permanent \
		lladdr "$(ip netns exec "$h2" cat /sys/class/net/h1/address)"
}

# line NETEM-OPTION...: of the last line's, corruption alone would stay
line()
{
	tc -n "$h1" qdisc change dev h2 root netem limit 100000 corrupt 0% "$@"
}

# flood SIZE [N]: sets $got, $again, $late, $corrupt, $csum. N are sure to come.
flood()
{
	local csum_errors=Udp.InCsumErrors

	[[ $proto == udp ]] || csum_errors=TtpInCsumErrors
	want ok h1 open a $proto
	want ok h1 bind a 10.0.1.1:4000
	want ok h1 connect a 10.0.1.2:5000
	want ok h1 set a sndbuf 8000000
	want ok h2 open a $proto
	want ok h2 bind a 10.0.1.2:5000
	want ok h2 connect a 10.0.1.1:4000
	want ok h2 set a rcvbuf 8000000
	mark h2 $csum_errors
	want "sent $count" h1 burst a $count $1
	want "got *" h2 gather a $1 100 ${2-}
	read -r _ got _ again _ late _ corrupt <<<"$reply"
	since h2 $csum_errors
	csum=$reply
	outcome="got $got again $again late $late corrupt $corrupt csum $csum"
	check "$outcome" test $corrupt = 0
}

perfect()
{
	line delay 1ms
	flood $1 $count
	check "$outcome" test $got-$again-$late-$csum = $count-0-0-0
}

lost()
{
	line loss 20%
	flood $1
	check "$outcome" test $got -gt 0 -a $got -lt $count -a $again = 0
}

repeated()
{
	line duplicate 30%
	flood $1 $count
	check "$outcome" test $got = $count -a $again -gt 0
}

reordered()
{
	line delay 3ms reorder 50%
	flood $1 $count
	check "$outcome" test $got = $count -a $again = 0 -a $late -gt 0
}

corrupted()
{
	line corrupt 30%
	corrupted_by_line $1
}

corrupted_by_line()
{
	flood $1 ${2-}
	check "$outcome" test $csum -gt 0 -a $got -gt 0 -a $again = 0
	check "$outcome" test $((got + csum)) -le $count
}

# Two bits may wrong a checksum right again, if they are in two fragments. Here
# one byte is wrong, in the second fragment of every other datagram.
corrupted_fragments()
{
	line delay 1ms
	ip netns exec "$h2" nft -f - <<-END
		flush ruleset
		table netdev t {
			chain c {
				type filter hook ingress device h1 priority 0
				ip frag-off & 0x1fff == 185 numgen inc mod 2 == 0 @nh,960,8 set 0x18
			}
		}
	END
	corrupted_by_line 5000 $((count / 2))
	check "$outcome" test $((got + csum)) = $count
}

# all_of_it SIZE [MORE]
all_of_it()
{
	line delay 3ms reorder 30% loss 5% duplicate 10% ${2-}
	flood $1
	check "$outcome" test $got -gt 0 -a $got -lt $count
}

need ip tc nft ethtool
options VETH NET_SCH_NETEM NF_TABLES_NETDEV NFT_NUMGEN
all_must_work network
ktap_print_header
for size in 100 1472; do
	run "a good line: each once, in order, $size bytes" perfect $size
done
run "loss: some are missing" lost 100
run "duplication: some come again" repeated 100
run "reordering: all come, some late" reordered 100
run "corruption: none is corrupt, some are missing and counted" corrupted 100
run "corruption of longer ones" corrupted 1472
run "everything at once" all_of_it 100 "corrupt 10%"
count=60
run "a good line: fragments" perfect 5000
run "loss of fragments" lost 5000
run "loss, repetition, disorder of fragments" all_of_it 5000
run "corruption of fragments" corrupted_fragments
finish
