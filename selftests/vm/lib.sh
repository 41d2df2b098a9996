# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What root, enter, kernel and run share.  Sourced, with $me set to a name.

# shellcheck disable=SC2034,SC2154 # $me comes from, the rest goes to, others

vm=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
checkout=$(realpath "$vm/../..")
cache=${TTP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ttp}

say() {
	printf '%s: %s\n' "$me" "$*" >&2
}

# 126: usage or set-up, never the outcome of a command
die() {
	say "$*"
	exit 126
}

# missing COMMAND PACKAGE [COMMAND PACKAGE]...: sets $absent
missing() {
	absent=()
	while (($#)); do
		PATH=$PATH:/usr/sbin:/sbin type -P "$1" >/dev/null ||
			absent+=("$2")
		shift 2
	done
}

# need COMMAND PACKAGE [COMMAND PACKAGE]...
need() {
	missing "$@"
	((${#absent[@]} == 0)) ||
		die "missing here: apt-get install ${absent[*]}"
}

# usage FILE: the comment block under the interpreter line
usage() {
	sed -n '3,/^[^#]/{s/^# \{0,1\}//p}' "$1"
}
