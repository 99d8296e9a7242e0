#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the flusher costs: today's kernel and the series side by side.
#
# Usage: scripts/lab/bench.sh [-n] [-t|-e]
#   -t  only print the table of the last runs
#   -e  the same with what is exact, as Documentation/bcache/bench.rst holds it
#   -n  say what would be run
#
# All is in virtual time and exact, but for CPU. That is the host's, so only
# its ratio within one table means something. bucket_lock comes from a run of
# its own with lock statistics (scenario STAT). At the end the table is
# compared with the document's, and scripts/lab/plot.sh draws the pictures.
. "$(dirname "$0")/../lib/lib.sh"

opt_t='' opt_e=''
options ten "$@"

# A cell is a "-" where there is no run, or one that failed.
table()
{
	rule '' writes p50 p99 p99.9 worst rounds picked 'visited/' 'bucket_lock' '' written CPU
	rule "$BASE VT" /s us us us us '' nodes round 'longest us' 'total us' MiB s
	workloads | while read -r settings; do
		for stack in $(bench_stacks); do
			# shellcheck disable=SC2086
			row "$stack" $settings
		done
	done
}

# rule WHAT CELL...: a line of the table's head, without the last cell in -e.
rule()
{
	what=$1
	shift
	printf '%-12s %-8s %7s %5s %5s %9s %9s %6s %6s %8s %11s %9s %8s' "$what" '' \
		"$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "${10}" "${11}"
	[ -n "$opt_e" ] && echo || printf ' %6s\n' "${12}"
}

# row STACK SETTING...
row()
{
	stack=$1
	shift
	what=$(printf '%s\n' "$@" | sed -n -e 's/^work=//p' -e 's/^nodes=/ /p' | tr -d '\n')
	vt=$OUT/runs/$(run_id "$BASE" VT "$stack" bench "$@")/results.tsv
	stat=$OUT/runs/$(run_id "$BASE" STAT "$stack" bench "$@")/results.tsv
	[ -f "$vt" ] || vt=/dev/null
	[ -f "$stat" ] || stat=/dev/null
	awk -F '\t' -v what="$what" -v stack="$stack" -v exact="$opt_e" \
		-v vt_file="$vt" -v stat_file="$stat" '
		BEGIN {
			while ((getline < vt_file) > 0) vt[$5] = $6
			while ((getline < stat_file) > 0) stat[$5] = $6
			printf "%-12s %-8s %7s %5s %5s %9s %9s %6s %6s %8s %11s %9s %8s",
				what, stack, of(vt, "rate"), of(vt, "p50"),
				of(vt, "p99"), of(vt, "p999"), of(vt, "worst"),
				of(vt, "rounds"), of(vt, "picked"),
				vt["rounds"] ? sprintf("%.1f", vt["visited"] / vt["rounds"]) : "-",
				of(stat, "bucket_lock_longest"),
				of(stat, "bucket_lock_total"),
				vt["cache_written"] ? int(vt["cache_written"] / 2048) : "-"
			if (exact) print ""
			else printf " %6s\n", vt["rate"] ? sprintf("%.1f", vt["cpu"] / 1000) : "-"
		}
		function of(run, name) { return (name in run) && ("rate" in run) ? run[name] : "-" }'
}

if [ -n "$opt_t$opt_e" ]; then
	table
	exit 0
fi
"$TOP/scripts/lab/install.sh" ${DRY:+-n} bench
"$TOP/scripts/lab/fetch.sh" ${DRY:+-n} "$BASE"
"$TOP/scripts/lab/runs.sh" ${DRY:+-n} bench
[ -z "$DRY" ] || exit 0
say
table
say
"$TOP/scripts/lab/plot.sh" -b
set --
# The document is about the newest base.
if [ "$BASE" = "$(newest)" ]; then
	set -- "$OUT/bench.ktap"
	take "$1" "$TOP/scripts/checks/figures.sh" bench
fi
"$TOP/scripts/lab/summary.sh" "$@" < "$OUT/verdicts"
