#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The end: the module goes when the last socket has gone, and leaves nothing.
#
#	+------+10.0.1.1     10.0.1.2+------+
#	|  h1  +---------------------+  h2  |
#	+------+ h2               h1 +------+
#
# The module is loaded again at the end. TTP_KO= says where from.

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' h2=''
ko=${TTP_KO-/lib/modules/$(uname -r)/updates/ttp.ko}

network()
{
	hosts h1 h2
	ip -n "$h1" -batch - <<-END
		link add h2 type veth peer name h1 netns $h2
		address add 10.0.1.1/24 dev h2
		link set h2 up
	END
	ip -n "$h2" -batch - <<-END
		address add 10.0.1.2/24 dev h1
		link set h1 up
	END
	ask h2 sysctl net/ipv4/icmp_ratemask 0
	# No one but this script shall load it.
	machine /proc/sys/kernel/modprobe ''
}

pair()
{
	want ok h1 open a ttp
	want ok h1 bind a 10.0.1.1:4000
	want ok h1 connect a 10.0.1.2:5000
	want ok h2 open a ttp
	want ok h2 bind a 10.0.1.2:5000
}

# becomes SECONDS COMMAND...: true before that
becomes()
{
	local limit=$((SECONDS + $1))

	until "${@:2}"; do
		((SECONDS < limit)) || return 1
	done
}

refused()
{
	check "in use" eval "! rmmod ttp 2>/dev/null"
}

held()
{
	pair
	refused
	want ok h1 send a 10
	want ok h1 close a
	# A datagram in a queue, whose sender has gone
	refused
	want "10 1 10.0.1.1:4000" h2 recv a
	want ok h2 send a 10 10.0.1.1:4000
	refused
}

# Sockets go a grace period after close().
let_go()
{
	pair
	want ok h1 send a 10
	want ok h1 close a
	want ok h2 close a
	check "rmmod" becomes 20 eval "rmmod ttp 2>/dev/null"
	check "no module" test ! -e /sys/module/ttp
}

nothing_left()
{
	local ns

	check "no protocol" eval "! grep -q ^TTP /proc/net/protocols"
	check "no counters" test ! -e /proc/net/ttp
	for ns in "$h1" "$h2"; do
		check "nothing in $ns" ip netns exec $ns sh -c \
			'! grep -q ^TTP /proc/net/protocols &&
			 ! test -e /proc/net/ttp'
	done
	[[ ! -r /proc/slabinfo ]] ||
		check "no slab" eval "! grep -q ^TTP /proc/slabinfo"
	check "no symbol" eval "! grep -q '\[ttp\]' /proc/kallsyms"
}

no_family()
{
	want EAFNOSUPPORT h1 open a ttp
	want ok h1 open a udp
}

no_protocol()
{
	want ok h1 open a raw
	want ok h1 connect a 10.0.1.2:0
	mark h2 Icmp.OutDestUnreachs
	want ok h1 send a 20
	want ENOPROTOOPT h1 error a
	moved 1 h2 Icmp.OutDestUnreachs
}

# With kmemleak in the kernel. What is new may be in a register: it must still
# be there at the second look.
no_leak()
{
	local file=/sys/kernel/debug/kmemleak

	echo scan >$file
	echo scan >$file
	check "no leak" eval "! grep -A 20 'ttp' $file"
}

again()
{
	check "insmod" insmod "$ko"
	check "counters" test -e /proc/net/ttp/snmp
	check "protocol" grep -q '^TTP ' /proc/net/protocols
	pair
	want ok h1 send a 10
	want "10 1 10.0.1.1:4000" h2 recv a
	want ok h2 reply a 5000
	want "5000 1 10.0.1.2:5000" h1 recv a
	mark h1 TtpInDatagrams
	want ok h2 reply a 1
	moved 1 h1 TtpInDatagrams
}

need ip rmmod insmod
options VETH MODULE_UNLOAD
[[ -r $ko ]] || skip_all "no $ko to load again (TTP_KO= says where)"
all_must_work network
ktap_print_header
run_ttp "a socket holds the module: rmmod is refused" held
run_ttp "the last close lets it go" let_go
run_ttp "nothing of it is left" nothing_left
run_ttp "socket(): EAFNOSUPPORT" no_family
run_ttp "a packet is answered: protocol unreachable" no_protocol
[[ ! -e /sys/kernel/debug/kmemleak ]] || run_ttp "no memory is lost" no_leak
run_ttp "it comes again, and works" again
finish
