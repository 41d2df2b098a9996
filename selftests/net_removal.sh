#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a socket stands on goes away, and perhaps comes back, while it talks.
#
#	+------+ 10.0.1.1     10.0.1.2 +------+
#	|  h1  +-----------------------+  h2  |
#	+------+ h2                 h1 +------+
#
# Each run of a case begins with the link as new_link makes it.

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' h2='' h3=''
intact=0

new_link()
{
	ip -n "$h1" -batch - <<-END
		link add h2 type veth peer name h1 netns $h2
		address add 10.0.1.1/24 dev h2
		address add 10.0.1.11/24 dev h2
		link set h2 up
		route add 10.9.9.0/24 via 10.0.1.2
	END
	ip -n "$h2" -batch - <<-END
		address add 10.0.1.2/24 dev h1
		address add 10.9.9.9/32 dev h1
		link set h1 up
	END
	[[ ! ${to_agent[ip@h1]-} ]] || dismiss ip@h1
	stay h1
	intact=1
}

# no_link: whatever has become of it
no_link()
{
	intact=0
	ip -n "$h2" link delete h1 2>/dev/null
	ip -n "$h1" link delete h2 2>/dev/null
}

pair()
{
	((intact)) || { no_link; new_link; }
	want ok h1 open a $proto
	want ok h1 bind a 10.0.1.11:4000
	want ok h1 connect a 10.9.9.9:5000
	want ok h2 open a $proto
	want ok h2 bind a 10.9.9.9:5000
}

crosses()
{
	want ok h1 send a $1
	want "$1 * 10.0.1.11:4000" h2 recv a
	want ok h2 reply a $1
	want "$1 * 10.9.9.9:5000" h1 recv a
}

# A flow goes on in another process, through the socket that is looked at.
flow()
{
	pair
	crosses 10
	want ok h1 flow a 100
	want ok h1 last a
}

# flowed: it sent before and after
flowed()
{
	want ok h1 last a
	want "sent [1-9]* failed [1-9]*" h1 halt a
}

# A device whose carrier has come sends when the kernel has noticed, up to a
# second later; until then it loses what it is given.
linked()
{
	local limit=$((SECONDS + 60))

	until [[ $(ip -n "$h1" link show dev h2) == *" state UP "* &&
		 $(ip -n "$h2" link show dev h1) == *" state UP "* ]]; do
		((SECONDS < limit)) || return
	done
}

# next SIZE: what the flow has left on the way comes before, and what it has left
# in the queue leaves no room
next()
{
	check "the link is up" linked
	ask h2 gather a 100 1
	# Questions that got lost before are asked again, not waited for.
	ip -n "$h1" neighbour flush all
	want ok h1 send a $1
	ask h2 recv a
	while [[ $reply == "100 "* ]]; do
		ask h2 recv a
	done
	check "'$reply' is next" test "${reply%% *}" = $1
}

address()
{
	flow
	change h1 address delete 10.0.1.11/24 dev h2
	want ENETUNREACH h1 last a
	want ok h1 open b $proto
	want EADDRNOTAVAIL h1 bind b 10.0.1.11:4001
	change h1 address add 10.0.1.11/24 dev h2
	flowed
}

address_of_receiver()
{
	pair
	want ok h1 send a 10
	ip -n "$h2" address delete 10.9.9.9/32 dev h1
	# What has come, has come.
	want "10 * 10.0.1.11:4000" h2 recv a
	want ENETUNREACH h2 reply a 10
	ip -n "$h2" address add 10.9.9.9/32 dev h1
	want ok h2 reply a 11
	want "11 * 10.9.9.9:5000" h1 recv a
}

route()
{
	flow
	change h1 route delete 10.9.9.0/24
	want ENETUNREACH h1 last a
	change h1 route add unreachable 10.9.9.0/24
	want EHOSTUNREACH h1 last a
	change h1 route delete unreachable 10.9.9.0/24
	change h1 route add 10.9.9.0/24 via 10.0.1.2
	flowed
}

better_route()
{
	pair
	crosses 10
	change h1 route add blackhole 10.9.9.9/32
	want EINVAL h1 send a 10
	change h1 route delete blackhole 10.9.9.9/32
	crosses 11
}

device_down()
{
	flow
	change h1 link set h2 down
	want ENETUNREACH h1 last a
	change h1 link set h2 up
	change h1 route add 10.9.9.0/24 via 10.0.1.2
	flowed
}

# Nobody tells: the datagrams are lost on the way.
peer_down()
{
	flow
	ip -n "$h2" link set h1 down
	want ok h1 last a
	ip -n "$h2" link set h1 up
	want ok h1 last a
	want "sent * failed 0" h1 halt a
	next 11
}

device_renamed()
{
	flow
	ip -n "$h1" -batch - <<-END
		link set h2 down
		link set h2 name other
		link set other up
	END
	change h1 route add 10.9.9.0/24 via 10.0.1.2
	want ok h1 last a
	want ok h1 open b $proto
	want ENODEV h1 set b device h2
	want ok h1 set b device other
	ip -n "$h1" link delete other
	intact=0
	want ENETUNREACH h1 last a
	want "sent [1-9]* failed [1-9]*" h1 halt a
}

device_deleted()
{
	flow
	ip -n "$h1" link delete h2
	want ENETUNREACH h1 last a
	new_link
	flowed
	next 11
}

# A socket bound to a device is bound to that one, not to its name.
bound_device_deleted()
{
	pair
	want ok h1 set a device h2
	want ok h1 connect a 10.9.9.9:5000
	want ok h1 flow a 100
	want ok h1 last a
	ip -n "$h1" link delete h2
	# With the device went the address.
	want ENETUNREACH h1 last a
	new_link
	want ENODEV h1 last a
	want "sent [1-9]* failed [1-9]*" h1 halt a
	want ok h1 set a device h2
	next 11
}

# What is in the queue needs no device, and does not hold one.
queued()
{
	pair
	want ok h1 send a 10
	want ok h1 send a 5000
	want ok h1 send a 11
	no_link
	want "10 1 10.0.1.11:4000" h2 recv a
	want "5000 2 10.0.1.11:4000" h2 recv a
	want "11 3 10.0.1.11:4000" h2 recv a
	want ENETUNREACH h2 reply a 10
}

device_moves()
{
	flow
	ip -n "$h1" link set h2 netns "$h3"
	intact=0
	want ENETUNREACH h1 last a
	want "sent [1-9]* failed [1-9]*" h1 halt a
	ip -n "$h3" link delete h2
}

# is_gone: h2's device, whose other end was in h3
is_gone()
{
	local limit=$((SECONDS + 20))

	while ip netns exec "$h2" test -e /sys/class/net/h3; do
		((SECONDS < limit)) || return 1
	done
}

# A namespace ends with its last process. Its sockets die sending, receiving
# and connected; its devices go, which they would not if a socket held one.
namespace()
{
	no_link
	namespaces h3
	agent h3 "$here/agent" "$h3"
	ip -n "$h3" -batch - <<-END
		link add h2 type veth peer name h3 netns $h2
		address add 10.0.3.3/24 dev h2
		link set h2 up
	END
	ip -n "$h2" -batch - <<-END
		address add 10.0.3.2/24 dev h3
		link set h3 up
	END
	want ok h3 open a $proto
	want ok h3 bind a 10.0.3.3:4000
	want ok h3 connect a 10.0.3.2:5000
	want ok h3 open b $proto
	want ok h3 bind b 0.0.0.0:4001
	want ok h2 open a $proto
	want ok h2 bind a 10.0.3.2:5000
	want ok h2 connect a 10.0.3.3:4000
	want ok h3 flow a 100
	want ok h2 flow a 100
	want ok h2 send a 10 10.0.3.3:4001
	want ok h3 last a
	want ok h2 last a
	dismiss h3
	ip netns delete "$h3"
	check "h3 is gone" is_gone
	want ENETUNREACH h2 last a
	want "sent [1-9]* failed [1-9]*" h2 halt a
}

hosts_and_spare()
{
	hosts h1 h2
	namespaces h3
}

need ip
options VETH
all_must_work hosts_and_spare
ktap_print_header
run "the sender's address goes: ENETUNREACH, and comes back" address
run "so does the receiver's" address_of_receiver
run "the route goes: ENETUNREACH, and comes back" route
run "a better route takes over, and leaves" better_route
run "the device goes down: ENETUNREACH, and up" device_down
run "the peer's device goes down: nobody tells" peer_down
run "the device is renamed, then deleted" device_renamed
run "the device is deleted, and another comes" device_deleted
run "a socket bound to a device that is deleted: ENODEV" bound_device_deleted
run "datagrams in the queue outlive their device" queued
run "the device moves to another namespace" device_moves
run "a namespace ends with sockets that are talking" namespace
finish
