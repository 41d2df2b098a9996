# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Hosts for the net_*.sh tests: a network namespace each, with an agent inside
# that does as it is told (agent.c). To be sourced.
#
# A case is a function, and passes if each answer is the one it wants. run()
# runs it with $proto udp first and then ttp, which shall be as UDP is.

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
KSFT=${KSFT:-$(realpath "$here/../..")}
# shellcheck source=/dev/null
. "$KSFT/kselftest/ktap_helpers.sh"

declare -A to_agent from_agent agent_pid was
spaces=() restore=()
tmp=''
cases=0
protos="udp ttp"
fresh=0
# shellcheck disable=SC2034 # for the scripts
IP_PMTUDISC_DONT=0 IP_PMTUDISC_WANT=1 IP_PMTUDISC_DO=2 IP_PMTUDISC_INTERFACE=4

# skip_all WORDS: the whole script
skip_all()
{
	ktap_print_header
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

# need COMMAND... : or the whole script is skipped
need()
{
	local command

	for command; do
		type -P "$command" >/dev/null ||
			skip_all "$command is not installed"
	done
	[[ $UID == 0 && -d /proc/net/ttp ]] ||
		skip_all "wants root and the module: insmod ttp.ko"
}

# options OPTION...: the same for kernel options, named as in needs.h
options()
{
	local option

	option=$("$here/needs" NET_NS "$@") ||
		skip_all "this kernel has no CONFIG_$option"
}

# Processes are what takes time here, so there are few: that is why this is not
# setup_ns and cleanup_ns of net/lib.sh.

# namespaces NAME...: $NAME becomes a namespace's name
namespaces()
{
	local name

	if [[ ! $tmp ]]; then
		tmp=$(mktemp -d)
		trap leave EXIT
		# Devices and namespaces go in a fraction of the time.
		machine /sys/kernel/rcu_expedited 1
	fi
	for name; do
		printf -v "$name" ttp-%s-%s "$name-$$" "${#spaces[@]}"
		spaces+=("${!name}")
		echo "netns add ${!name}"
	done >"$tmp/batch"
	ip -batch "$tmp/batch" || ktap_exit_fail_msg "cannot make namespaces"
}

# hosts NAME...: namespaces, with an agent in each
hosts()
{
	local host

	namespaces "$@"
	pipes "$@"
	for host; do
		agent "$host" "$here/agent" "${!host}"
	done
}

leave()
{
	local i

	for ((i = 0; i < ${#restore[@]}; i += 2)); do
		echo "${restore[i + 1]}" >"${restore[i]}"
	done
	((${#agent_pid[@]} == 0)) || kill "${agent_pid[@]}"
	wait
	printf 'netns delete %s\n' "${spaces[@]}" | ip -force -batch - \
		2>/dev/null
	rm -rf "$tmp"
}

# stay HOST: an ip for it that does not end. It knows devices by the numbers that
# they had first, so it is for where devices stay.
stay()
{
	agent "ip@$1" ip -n "${!1}" -oneline -force -batch -
}

# change HOST COMMAND...: as ip -n, without a new process. What it then shows
# tells that it is through.
change()
{
	ask "ip@$1" "${*:2}"$'\n'"link show dev lo"
}

# all_must_work FUNCTION: for what no case could go on without
all_must_work()
{
	set -e
	"$1"
	set +e
}

pipes()
{
	local names=("${@/#/$tmp/}")

	mkfifo "${names[@]/%/.to}" "${names[@]/%/.from}"
}

# agent NAME COMMAND...: it reads requests and writes answers
agent()
{
	local name=$1
	shift

	[[ -p $tmp/$name.to ]] || pipes "$name"
	"$@" <"$tmp/$name.to" >"$tmp/$name.from" &
	agent_pid[$name]=$!
	# shellcheck disable=SC1083,SC2086,SC2093 # it knows no {array[i]}
	exec {to_agent[$name]}>"$tmp/$name.to"
	# shellcheck disable=SC1083,SC2086
	exec {from_agent[$name]}<"$tmp/$name.from"
}

# dismiss NAME: its agent goes, and whatever it has opened
dismiss()
{
	local to=${to_agent[$1]} from=${from_agent[$1]}

	kill "${agent_pid[$1]}"
	wait "${agent_pid[$1]}"
	exec {to}>&- {from}<&-
	unset "to_agent[$1]" "from_agent[$1]" "agent_pid[$1]"
}

# ask HOST REQUEST...: sets $reply
ask()
{
	printf '%s\n' "${*:2}" >&"${to_agent[$1]}"
	read -r -t "${KSFT_MACHINE_SLOW:+1}20" -u "${from_agent[$1]}" reply ||
		reply="no answer"
}

# want ANSWER HOST REQUEST...: the answer may be a pattern
want()
{
	ask "${@:2}"
	# shellcheck disable=SC2053
	[[ $reply == $1 ]] && return
	echo "# ${proto-} ${*:2}: '$reply' instead of '$1'"
	failed=1
	return 1
}

# mark HOST COUNTER...: remembers where they stand
mark()
{
	local counter

	for counter in "${@:2}"; do
		ask "$1" stat "$counter"
		was[$1.$counter]=$reply
	done
}

# moved COUNT HOST COUNTER: waits until it stands COUNT higher than marked
moved()
{
	want ok "$2" await "$3" $((was[$2.$3] + $1))
}

# since HOST COUNTER: $reply becomes how much it has moved
since()
{
	ask "$1" stat "$2"
	: $((reply -= ${was[$1.$2]}))
}

# machine FILE VALUE: a setting that all hosts share. It is put back at exit.
machine()
{
	local old

	read -r old <"$1"
	restore+=("$1" "$old")
	echo "$2" >"$1"
}

# check WORDS COMMAND...: for what is not an agent's business
check()
{
	"${@:2}" && return
	echo "# ${proto-} $1: '${*:2}' is not so"
	failed=1
	return 1
}

# run DESCRIPTION FUNCTION [ARG]...: a case. Each run of the function finds
# sockets closed, and addresses that the network has never seen.
run()
{
	local name

	failed=0
	for proto in $protos; do
		for name in "${!to_agent[@]}"; do
			[[ $name != ip@* ]] || continue
			want ok "$name" reset
		done
		: $((fresh++))
		"${@:2}"
	done
	ktap_test_result "$1" test "$failed" = 0
	: $((cases++))
}

# run_ttp DESCRIPTION FUNCTION [ARG]...: where there is nothing to compare
run_ttp()
{
	protos=ttp run "$@"
}

finish()
{
	ktap_set_plan "$cases"
	ktap_finished
}
