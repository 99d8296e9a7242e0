#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Remove what was built. Bases (a download) and results stay; remove the
# whole of out/ by hand to be rid of those too.
#
# Usage: scripts/lab/clean.sh [-n]
. "$(dirname "$0")/../lib/lib.sh"

while getopts nh opt; do
	case $opt in
	n) DRY=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
for dir in tree git guest module dkms log; do
	[ -d "$OUT/$dir" ] || continue
	if [ -n "$DRY" ]; then
		say "would remove $OUT/$dir"
	else
		rm -rf "${OUT:?}/$dir"
	fi
done
