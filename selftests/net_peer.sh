#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A host talks with peer.py, which is not our module, but what somebody else
# would write who has read Documentation/protocol.rst.
#
#	 h                    p
#	+--------+       +-----------+
#	|   wire +-------+ wire      |	no IPv4 of the kernel's on this side:
#	+--------+       +-----------+	nobody answers but peer.py
#	10.0.0.1/24       10.0.0.2
#
# The host sums in software, or the peer would find the field unfilled.

. "$(dirname "$(realpath "$0")")/hosts.sh"

mac=02:00:00:00:00:01
us=10.0.0.1 peer=10.0.0.2
vectors=$here/vectors.txt
declare -A of	# each verdict, how many
while read -r _ _ _ _ _ _ _ _ verdict _; do
	[[ -z $verdict ]] || : $((of[$verdict]++))
done < <(grep -v '^#' "$vectors")

# shellcheck disable=SC2154 # hosts names them
network()
{
	hosts h
	namespaces p
	ip -batch - <<-END
		link add wire netns $h address $mac type veth peer name wire netns $p
	END
	ip -n "$p" -batch - <<-END
		link set lo up
		link set wire arp off up
	END
	agent p ip netns exec "$p" python3 "$here/peer.py" wire $mac
	ip netns exec "$h" ethtool -K wire tx off >/dev/null
	ip -n "$h" -batch - <<-END
		address add $us/24 dev wire
		link set wire arp off up
		neighbour add $peer dev wire nud permanent lladdr 02:00:00:00:00:02
	END
	ask h sysctl net/ipv4/icmp_ratemask 0
}

# counts COUNTER N COMMAND...: the counter has moved by N in the end
counts()
{
	local was

	ask h stat "$1"
	was=$reply
	"${@:3}"
	want ok h await "$1" $((was + $2))
	want $((was + $2)) h stat "$1"
}

pair()
{
	want ok h open a ttp
	want ok h bind a $us:4000
	want ok h connect a $peer:5000
	want ok p hold 5000
}

hears_us()
{
	local size

	pair
	for size in 0 1 2 3 100 1471 1472 1473 2953 65507; do
		want ok h send a $size
		want "$size * $us:4000" p recv
	done
}

is_heard()
{
	local size

	pair
	for size in 0 1 2 3 100 1471 1472 1473 2953 65507; do
		want ok p send $size $peer:5000 $us:4000
		want "$size * $peer:5000" h recv a
	done
}

in_fragments()
{
	local mtu

	pair
	for mtu in 68 576 1500; do
		want ok p send 3000 $peer:5000 $us:4000 $mtu "$@"
		want "3000 * $peer:5000" h recv a
	done
}

to_and_fro()
{
	local size

	want ok h open a ttp
	want ok h bind a $us:4000
	want ok p send 5 $peer:5000 $us:4000
	want "5 * $peer:5000" h recv a
	want ok p hold 5000
	for size in 0 700 1472 9000; do
		want ok h reply a $size
		want "$size * $us:4000" p recv
		want ok p reply $size
		want "$size * $peer:5000" h recv a
	done
}

only_the_peer()
{
	pair
	want ok p send 10 $peer:5001 $us:4000
	want "refused $us:4000" p recv
	want ok p send 20 $peer:5000 $us:4000
	want "20 * $peer:5000" h recv a
}

we_refuse()
{
	want ok p send 10 $peer:5000 $us:4999
	want "refused $us:4999" p recv
}

it_refuses()
{
	pair
	want ok p reset
	want ok h send a 10
	want nothing p recv 0
	want ECONNREFUSED h error a
	want ok p hold 5000
	want ok h send a 11
	want "11 * $us:4000" p recv
}

# inject VERDICT: all of those, to a host where some sockets are open
inject()
{
	want "${of[$1]} sent" p inject "$1" $peer $us
}

good_vectors()
{
	local name port

	while read -r name port; do
		want ok h open "$name" ttp
		want ok h set "$name" rcvbuf 1000000
		want ok h bind "$name" "$us:$port"
	done <<-END
		a 1
		b 4000
		c 5000
		d 57439
		e 65535
	END
	counts TtpInDatagrams "${of[send]}" inject send
	counts TtpInDatagrams "${of[accept]}" inject accept
	want nothing p recv 0
}

# Whether somebody has the port or not; a good packet tells when all are judged.
bad_vectors()
{
	counts "$1" "${of[$1]}" inject "$1"
	want ok h open a ttp
	want ok h bind a $us:5000
	counts "$1" "${of[$1]}" inject "$1"
	want ok p send 30 $peer:5000 $us:5000
	want "30 * $peer:5000" h recv a
	want nothing p recv 0
}

need ip ethtool python3
options VETH
python3 -c 'import importlib.util as u, sys
sys.exit(not u.find_spec("scapy"))' || skip_all "scapy is not installed"
network
ktap_print_header
run_ttp "the peer writes and judges the vectors as they are" \
	want "$(grep -c '^ *[0-9]' "$vectors") vectors" p vectors "$vectors"
run_ttp "0 to 65507 bytes: the peer hears us" hears_us
run_ttp "0 to 65507 bytes: we hear the peer" is_heard
run_ttp "fragments of the peer's" in_fragments
run_ttp "fragments of the peer's, the last one first" in_fragments last
run_ttp "to and fro" to_and_fro
run_ttp "a connected socket hears its peer alone" only_the_peer
run_ttp "the peer understands that nobody has a port here" we_refuse
run_ttp "we understand that nobody has a port there" it_refuses
run_ttp "good vectors are received" good_vectors
for counter in TtpInShort TtpInBadVersion TtpInCsumErrors TtpInBadType \
	TtpInBadFlags TtpInBadPorts; do
	run_ttp "bad vectors are counted, $counter, and not answered" \
		bad_vectors $counter
done
finish
