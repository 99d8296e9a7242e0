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
# A tree of yours that lacks the fix is shown as it is and with the fix, one
# that has it as it is and with what of the series fits it. It is only read.
#
# The first time takes minutes, mostly for one kernel build; after that only
# what changed is built again.
. "$(dirname "$0")/../lib/lib.sh"

# user_set: which runs a tree of the user's takes. Virtual time came with 5.3.
user_set()
{
	status=$(KSRC=$OUT/base/ksrc "$TOP/scripts/doors/status.sh") || exit 1
	era=$(echo "$status" | sed -n 's/^era: *\([^:]*\):.*/\1/p')
	scenario=UP
	! grep -q UML_TIME_TRAVEL_SUPPORT "$OUT"/base/ksrc/arch/um/Kconfig* || scenario=VT
	say "Linux $(cat "$OUT/base/ksrc.version"), era $era, $scenario"
	case $(echo "$status" | sed -n 's/^race fix: *//p')/$era in
	yes/fixed) set=new-$scenario ;;
	yes/*) set=seed-$scenario ;;
	no/*) set=old-$scenario ;;
	*) die "nothing to show: $(echo "$status" | grep '^race fix: ')" ;;
	esac
}

options n "$@"

"$TOP/scripts/lab/install.sh" ${DRY:+-n} show
"$TOP/scripts/lab/fetch.sh" ${DRY:+-n} "$BASE"
if [ -n "$DRY" ]; then
	[ ! -d "$OUT/base/$BASE" ] || "$TOP/scripts/lab/runs.sh" -n show
	exit 0
fi
if [ "$BASE" = ksrc ]; then
	user_set
else
	set=show scenario=VT
fi
"$TOP/scripts/lab/runs.sh" "$set"
say
"$TOP/scripts/lab/table.sh" "$BASE" "$scenario"
say
if [ "$BASE" != ksrc ]; then
	"$TOP/scripts/lab/lost.sh"
	say
	"$TOP/scripts/lab/plot.sh"
fi
"$TOP/scripts/lab/summary.sh" < "$OUT/verdicts"
