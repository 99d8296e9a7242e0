#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Remove what was built. Bases (a download) and results stay; remove the
# whole of out/ by hand to be rid of those too.
#
# Usage: scripts/lab/clean.sh [-n]
. "$(dirname "$0")/../lib/lib.sh"

options n "$@"
for dir in tree git guest module dkms log; do
	[ -d "$OUT/$dir" ] || continue
	if [ -n "$DRY" ]; then
		say "would remove $OUT/$dir"
	else
		rm -rf "${OUT:?}/$dir"
	fi
done
