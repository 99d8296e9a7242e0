#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The race, the fix and today's kernel side by side: install, fetch, build,
# boot, compare; and what power cuts and faults of a disk lose.
#
# Usage: scripts/lab/show.sh [-n]
#   -n  say what would be done
#
# Environment: BASE=name or KSRC=dir show another kernel than the newest base.
#
# The first time takes minutes, mostly for one kernel build; after that only
# what changed is built again.
. "$(dirname "$0")/../lib/lib.sh"

options n "$@"

"$TOP/scripts/lab/install.sh" ${DRY:+-n} show
"$TOP/scripts/lab/fetch.sh" ${DRY:+-n} "$BASE"
if [ -n "$DRY" ]; then
	[ ! -d "$OUT/base/$BASE" ] || "$TOP/scripts/lab/runs.sh" -n show
	exit 0
fi
"$TOP/scripts/lab/runs.sh" show
say
"$TOP/scripts/lab/table.sh"
say
"$TOP/scripts/lab/lost.sh"
say
"$TOP/scripts/lab/plot.sh"
"$TOP/scripts/lab/summary.sh" < "$OUT/verdicts"
