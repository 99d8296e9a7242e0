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

# user_runs: of a tree of the user's. Virtual time came with 5.3.
user_runs()
{
	status=$(KSRC=$OUT/base/ksrc "$TOP/scripts/doors/status.sh") || exit 1
	era=$(echo "$status" | sed -n 's/^era: *\([^:]*\):.*/\1/p')
	scenario=UP
	! grep -q UML_TIME_TRAVEL_SUPPORT "$OUT"/base/ksrc/arch/um/Kconfig* || scenario=VT
	say "Linux $(cat "$OUT/base/ksrc.version"), era $era, $scenario"
	case $(echo "$status" | sed -n 's/^race fix: *//p')/$era in
	yes/fixed) stacks='vanilla series' ;;
	yes/*) stacks=vanilla ;;
	no/*) stacks='unfixed fixed' ;;
	*) die "nothing to show: $(echo "$status" | grep '^race fix: ')" ;;
	esac
	for test in flush_race journal_full; do
		for stack in $stacks; do echo "ksrc $scenario $stack $test"; done
	done | "$TOP/scripts/lab/runs.sh" -
}

options n "$@"

"$TOP/scripts/lab/install.sh" ${DRY:+-n} show
"$TOP/scripts/lab/fetch.sh" ${DRY:+-n} "$BASE"
if [ -n "$DRY" ]; then
	[ ! -d "$OUT/base/$BASE" ] || "$TOP/scripts/lab/runs.sh" -n show
	exit 0
fi
if [ "$BASE" = ksrc ]; then
	user_runs
else
	scenario=VT
	"$TOP/scripts/lab/runs.sh" show
fi
say
"$TOP/scripts/lab/table.sh" "$BASE" "$scenario"
say
if [ "$BASE" != ksrc ]; then
	"$TOP/scripts/lab/lost.sh"
	say
	"$TOP/scripts/lab/plot.sh"
fi
"$TOP/scripts/lab/summary.sh" < "$OUT/verdicts"
