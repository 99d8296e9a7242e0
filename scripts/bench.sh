#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the flusher costs: today's kernel and the series side by side.
#
# Usage: scripts/bench.sh [-n] [-t]
#   -t  only print the table of the last runs
#   -n  say what would be run
#
# Latencies, rate, rounds, visits and lock times are in virtual time and
# exact. CPU is the host's, so only its ratio within one table means
# something; so does written, sectors of the cache device in MiB. bucket_lock
# comes from a run of its own with lock statistics (scenario STAT).
. "$(dirname "$0")/lib.sh"

table_only=''
while getopts tnh opt; do
	case $opt in
	t) table_only=1 ;;
	n) DRY=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done

# A workload is named by its settings in the list of runs.
workloads()
{
	awk -F '\t' '$1 == "bench" && $3 == "VT" && $4 == "vanilla" { print $6 }' \
		"$TOP/tools/testing/selftests/bcache/runs"
}

table()
{
	printf '%-16s %-8s %8s %7s %7s %7s %11s %7s %7s %9s %10s %10s %8s\n' \
		"$BASE VT" '' writes p50 p99 p99.9 worst CPU rounds 'visited/' 'bucket_lock' '' written
	printf '%-16s %-8s %8s %7s %7s %7s %11s %7s %7s %9s %10s %10s %8s\n' \
		'' '' /s us us us us s '' round 'longest us' 'total us' MiB
	workloads | while read -r settings; do
		for stack in vanilla series; do
			# shellcheck disable=SC2086
			row "$stack" $settings
		done
	done
}

# row STACK SETTING...
row()
{
	stack=$1
	shift
	what=$(printf '%s\n' "$@" | sed -n -e 's/^work=//p' -e 's/^nodes=/ /p' | tr -d '\n')
	vt=$OUT/runs/$(run_id "$BASE" VT "$stack" bench "$@")/results.tsv
	stat=$OUT/runs/$(run_id "$BASE" STAT "$stack" bench "$@")/results.tsv
	[ -f "$vt" ] || return 0
	[ -f "$stat" ] || stat=/dev/null
	awk -F '\t' -v what="$what" -v stack="$stack" '
		FILENAME == ARGV[1]	{ vt[$5] = $6 }
		FILENAME == ARGV[2]	{ stat[$5] = $6 }
		function lock(name) { return (name in stat) ? stat[name] : "-" }
		END {
			printf "%-16s %-8s %8d %7d %7d %7d %11d %7.1f %7d %9s %10s %10s %8.0f\n",
				what, stack, vt["rate"], vt["p50"], vt["p99"],
				vt["p999"], vt["worst"], vt["cpu"] / 1000,
				vt["rounds"], vt["rounds"] ? \
				sprintf("%.1f", vt["visited"] / vt["rounds"]) : "-",
				lock("bucket_lock_longest"),
				lock("bucket_lock_total"),
				vt["cache_written"] / 2048
		}' "$vt" "$stat"
}

if [ -n "$table_only" ]; then
	table
	exit 0
fi
"$TOP/scripts/install.sh" ${DRY:+-n} show
"$TOP/scripts/fetch.sh" ${DRY:+-n} "$BASE"
"$TOP/scripts/runs.sh" ${DRY:+-n} bench
[ -z "$DRY" ] || exit 0
table
"$TOP/scripts/summary.sh" < "$OUT/verdicts"
