# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scripts of this directory share.  A script sets $me to its name and
# sources this file before anything else.

# shellcheck disable=SC2034,SC2154 # $me comes from, the rest goes to, others

vm=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
checkout=$(realpath "$vm/../..")

say() {
	printf '%s: %s\n' "$me" "$*" >&2
}

# 126: usage or set-up, never the outcome of a command
die() {
	say "$*"
	exit 126
}

# The variables of the caller that a script may read.  The Makefile has the same
# rule for its own recipes.
inputs='HOME|PATH|TERM|TERMINFO|TTP_*|TWO_VMS|APT_CONFIG|*_proxy|*_PROXY'

# seal [ARG]...: starts the calling script again, with nothing of the caller's
# but its arguments, its working directory, $inputs and its open descriptors.
# Locale, umask, soft limits, ignored signals and closed standard descriptors are
# the same for all callers.  A script that make or another of these scripts has
# started gets SIGTERM when its parent dies, even by SIGKILL.
seal() {
	local name limit home=${HOME:-~} with_parent=() vars=()
	local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	local cache=${TTP_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/ttp}

	[[ ${PATH-} == "$path"* ]] && path=$PATH || path+=${PATH:+:$PATH}
	for name in $(compgen -e); do
		# shellcheck disable=SC2053 # a pattern
		[[ $name != @($inputs) ]] || vars+=("$name=${!name}")
	done
	[[ -e /dev/fd/0 ]] || exec </dev/null
	[[ -e /dev/fd/1 ]] || exec >/dev/null
	[[ -e /dev/fd/2 ]] || exec 2>/dev/null
	umask 022
	for limit in "c 0" "s 8192" "n 1024" "f hard" "v hard" "d hard" \
		"t hard" "u hard"; do
		# A hard limit below is kept.
		# shellcheck disable=SC2086 # two words
		ulimit -S -$limit 2>/dev/null || ulimit -S -"${limit% *}" hard
	done
	[[ -z ${MAKELEVEL-}${TTP_SEALED-} ]] ||
		with_parent=(setpriv --pdeathsig TERM --)
	exec env -i --default-signal=PIPE,CHLD,TERM "${vars[@]}" \
		HOME="$home" LC_ALL=C.UTF-8 PATH="$path" \
		TTP_CACHE="$(realpath -m "$cache")" TTP_SEALED=$$ \
		TTP_CALLER="${TTP_SEALED-}" "${with_parent[@]}" bash -p "$0" "$@"
}

# Inside a cached root (see enter) nothing of the caller's is left.
[[ ${TTP_SEALED-} == @($$|root) ]] || seal "$@"
cache=$TTP_CACHE

# Kbuild's and QEMU's arguments have no quotes for these.
for path in "$checkout" "$cache"; do
	[[ $path != *[^[:alnum:]_./+@=~-]* ]] || die "the path '$path' has a" \
		"character that Kbuild or QEMU cannot take (a blank?):" \
		"move the checkout, or set TTP_CACHE"
done
unset path

# scratch: sets $tmp, a new directory in the cache, which is in use for as long
# as this process or a child of it lives.  Those that killed processes have left
# there are removed.
scratch() {
	local dir all

	mkdir -p "$cache/tmp" || die "cannot write $cache; set TTP_CACHE"
	exec {all}>"$cache/tmp.lock"
	flock "$all"
	for dir in "$cache"/tmp/*/; do
		[[ ! -d $dir ]] || ! flock -n "$dir/lock" true || discard "$dir"
	done
	tmp=$(mktemp -d "$cache/tmp/XXXXXX") || die "cannot write $cache/tmp"
	exec {in_use}>"$tmp/lock"
	flock "$in_use"
	exec {all}>&-
}

# discard DIRECTORY: removes it, though packages have directories that even
# their owner cannot search
discard() {
	[[ ! -d $1 ]] || chmod -R u+rwX "$1" 2>/dev/null || true
	rm -rf "$1"
}

# answer WORD...: what a script prints for another to read.  All other output
# of a script that has called keep_answer goes to standard error.
keep_answer() {
	exec {answer}>&1 1>&2
}

answer() {
	echo "$*" >&"$answer"
}

# disk_full [LOG]: is the cache's disk full, or was it when LOG was written?
disk_full() {
	(($(df --output=avail -k "$cache" | tail -n 1) < 2048)) ||
		grep -qE 'No space left|enough free space' "${1:-/dev/null}"
}

explain_full() {
	disk_full "$@" || return
	say "no space left for $cache (TTP_CACHE names another place)"
}

# missing COMMAND PACKAGE [COMMAND PACKAGE]...: sets $absent
missing() {
	absent=()
	while (($#)); do
		type -P "$1" >/dev/null || absent+=("$2")
		shift 2
	done
}

# need COMMAND PACKAGE [COMMAND PACKAGE]...
need() {
	missing "$@"
	((${#absent[@]} == 0)) ||
		die "missing here: apt-get install ${absent[*]}"
}

# URIs of the host's own Debian mirror; empty: mmdebstrap knows a default.
host_mirror() {
	# shellcheck disable=SC2016 # apt-get's words
	apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' \
		'Origin: Debian' "Label: $1" 2>/dev/null | head -n 1 || true
}

# sources SUITE: one-line apt sources, or nothing for mmdebstrap's default
sources() {
	local main security key

	key=/usr/share/keyrings/debian-archive-keyring.gpg
	main=$(host_mirror Debian)
	security=$(host_mirror Debian-Security)
	[[ $main ]] || return 0
	echo "deb [signed-by=$key] $main $1 main"
	[[ $1 == sid ]] && return
	# A host that runs sid has none; the default mirror has both.
	[[ $security ]] || return 0
	echo "deb [signed-by=$key] $security $1-security main"
}

# The host's proxy is the one setting of apt that mmdebstrap does not take over.
# Sources of an expired mirror are taken if $stale.
apt_options() {
	apt-config dump | grep -iE '^Acquire::https?::Proxy' || true
	if ((stale)); then
		echo 'Acquire::Check-Valid-Until "false";'
	fi
}

# usage FILE: the comment block under the interpreter line
usage() {
	sed -n '3,/^[^#]/{s/^# \{0,1\}//p}' "$1" >&"${answer:-1}"
}
