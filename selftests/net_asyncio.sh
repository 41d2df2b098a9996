#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The AF_INET door from a language that knows no other: userspace/examples'
# asyncio_echo.py, between two hosts, and with a program at the family's door.
#
#	+------+10.0.1.1     10.0.1.2+------+
#	|  h1  +---------------------+  h2  |
#	+------+ h2               h1 +------+

# shellcheck disable=SC2086 # words without blanks
. "$(dirname "$(realpath "$0")")/hosts.sh"
h1='' h2=''

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
	ask h1 sysctl net/ipv4/icmp_ratemask 0
	# Python shall compile its library once, not each time.
	export PYTHONPYCACHEPREFIX=$tmp/pycache
}

# python HOST ARG...
python()
{
	ip netns exec "${!1}" asyncio_echo.py "${@:2}"
}

# says WANTED COMMAND...: what it prints, and its status if that is not 0
says()
{
	local got

	got=$("${@:2}" 2>&1) || got+=" ($?)"
	check "'$got' instead of '$1'" test "$got" = "$1"
}

between_hosts()
{
	local server line fd

	exec {fd}< <(exec ip netns exec $h1 asyncio_echo.py 5000)
	server=$!
	read -r -t 60 -u $fd line
	check "server" test "$line" = "port 5000"
	says $'one\ntwo' python h2 10.0.1.1 5000 one two
	kill $server
	exec {fd}<&-
}

nobody_there()
{
	says "10.0.1.1: Connection refused (1)" python h2 10.0.1.1 5001 one
}

# An agent at the family's door, to whom all words but its own are corrupt
with_the_other_door()
{
	local client out

	want ok h1 open a ttp
	want ok h1 bind a 10.0.1.1:5002
	out=$tmp/out
	python h2 10.0.1.1 5002 hello >$out &
	client=$!
	want "corrupt 5 10.0.1.2:*" h1 recv a 15000
	want ok h1 reply a 5
	wait $client
	check "status" test $? = 0
	check "an answer" test "$(wc -l <$out)" = 1
}

need ip python3 asyncio_echo.py
options VETH
all_must_work network
ktap_print_header
run_ttp "asyncio on both sides" between_hosts
run_ttp "nobody is there" nobody_there
run_ttp "asyncio here, AF_TTP there" with_the_other_door
finish
