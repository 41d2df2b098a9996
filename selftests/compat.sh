#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# compat32, where the kernel runs 32-bit programs.

program=$(dirname "$(realpath "$0")")/compat32

skip_all()
{
	printf '%s\n' "TAP version 13" "1..0 # SKIP $*"
	exit 4
}

[[ $UID == 0 && -d /proc/net/ttp ]] ||
	skip_all "wants root and the module: insmod ttp.ko"
"$program" 2>/dev/null
status=$?
((status != 126)) || skip_all "this kernel has no CONFIG_IA32_EMULATION"
exit $status
