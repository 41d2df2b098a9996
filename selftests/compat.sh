#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# compat32, where the kernel runs 32-bit programs.

program=$(dirname "$(realpath "$0")")/compat32

"$program" 2>/dev/null
status=$?
if ((status == 126)); then
	echo "TAP version 13"
	echo "1..1"
	echo "ok 1 a 32-bit program # SKIP this kernel has no 32-bit programs"
	echo "# Totals: pass:0 fail:0 xfail:0 xpass:0 skip:1 error:0"
	exit 0
fi
exit $status
