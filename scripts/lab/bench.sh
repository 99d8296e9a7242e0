#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What the flusher costs, today's kernel and the series side by side, what a durable
# write costs in bcache and in others that do the same, and which locks it takes.
#
# Usage: scripts/lab/bench.sh [-n] [-t|-e|-p|-l]
#   -t  only print the tables of the last runs
#   -e  the first with what is exact, as Documentation/bcache/bench.rst holds it
#   -p  the second, of the peers
#   -l  the third, of the locks
#   -n  say what would be run
#
# All is in virtual time and exact, but for CPU and locks. These are the host's, for
# what is measured, so only ratios within one table mean something. bucket_lock comes
# from a run of its own with lock statistics (scenario STAT), the table of locks from
# two CPUs in real time (scenario LOCKS). At the end the tables that are exact are
# compared with the document's, and scripts/lab/plot.sh draws the pictures.
. "$(dirname "$0")/../lib/lib.sh"

opt_t='' opt_e='' opt_p='' opt_l=''
options tepln "$@"

# The columns, without the last cell in -e.
columns='%-12s %-8s %7s %5s %5s %9s %9s %6s %6s %6s %8s %11s %9s %8s'
[ -n "$opt_e" ] && columns="$columns%.0s\n" || columns="$columns %8s\n"

# A cell is a "-" where a run of the list is not there, or failed.
table()
{
	# shellcheck disable=SC2059
	printf "$columns" '' '' writes p50 p99 p99.9 worst rounds picked new 'visited/' 'bucket_lock' '' written CPU
	# shellcheck disable=SC2059
	printf "$columns" "$BASE VT" '' /s us us us us '' nodes nodes round 'longest us' 'total us' MiB us/write
	workloads | while read -r settings; do
		for stack in $(bench_stacks); do
			rows bench | grep -q " VT $stack bench $settings\$" || continue
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
	[ -f "$vt" ] || vt=/dev/null
	[ -f "$stat" ] || stat=/dev/null
	awk -F '\t' -v what="$what" -v stack="$stack" -v columns="$columns" \
		-v vt_file="$vt" -v stat_file="$stat" '
		BEGIN {
			while ((getline < vt_file) > 0) vt[$5] = $6
			while ((getline < stat_file) > 0) stat[$5] = $6
			printf columns, what, stack, of(vt, "rate"), of(vt, "p50"),
				of(vt, "p99"), of(vt, "p999"), of(vt, "worst"),
				of(vt, "rounds"), of(vt, "picked"), of(vt, "reuses"),
				vt["rounds"] ? sprintf("%.1f", vt["visited"] / vt["rounds"]) : "-",
				of(stat, "bucket_lock_longest"),
				of(stat, "bucket_lock_total"),
				vt["cache_written"] ? int(vt["cache_written"] / 2048) : "-",
				vt["cpu"] ? sprintf("%.1f", vt["cpu"] * 1000 / vt["writes"]) : "-"
		}
		function of(run, name) { return (name in run) && ("rate" in run) ? run[name] : "-" }'
}

# peers: a block for each figure, a row for each of what there is to put a fast
# disk before a slow one.
peers()
{
	peer_line "$BASE" 'one writer' '' '' '' 'eight writers' '' '' ''
	peer_block rate writes/s
	echo
	peer_block p99 'p99 us'
}

# peer_block FIGURE UNIT
peer_block()
{
	figure=$1
	peer_line "$2" alike slow volatile both alike slow volatile both
	peer 'raw disk' STAT vanilla peer=raw
	peer dm-writecache STAT vanilla peer=writecache
	peer dm-cache STAT vanilla peer=cache
	for stack in $(bench_stacks); do
		peer "bcache, $stack" VT "$stack"
	done
}

peer_line()
{
	printf '%-16s %10s %6s %8s %6s %14s %6s %8s %6s\n' "$@" | sed 's, *$,,'
}

# peer NAME SCENARIO STACK [SETTING]
peer()
{
	name=$1 scenario=$2 stack=$3 kind=${4:-}
	for work in fresh random; do
		for disks in '' backing_us=5000 volatile_mb=64 'backing_us=5000 volatile_mb=64'; do
			# shellcheck disable=SC2086
			figure "$figure" "$BASE" "$scenario" "$stack" bench $kind $disks "work=$work" mem=3G || :
		done
	done | {
		# shellcheck disable=SC2046
		peer_line "$name" $(cat)
	}
}

# locks: how often they are taken, for how long, and what that wakes, by two CPUs.
locks()
{
	locks_line "$BASE" bucket_lock '' journal.lock '' "the list's" '' all tasks
	locks_line '1,000 writes' taken us taken us taken us us woken
	for stack in $(bench_stacks); do
		# shellcheck disable=SC2046
		locks_line "$stack" $(for lock in bucket_lock journal_lock list_lock; do
			locks_figure "${lock}_taken"
			locks_figure "${lock}_total"
		done; locks_figure '(bucket_lock_total + journal_lock_total + list_lock_total)'
		locks_figure woken)
	done
}

locks_line()
{
	printf '%-12s %11s %7s %13s %7s %11s %7s %8s %7s\n' "$@"
}

# locks_figure FIGURE: for 1,000 writes
locks_figure()
{
	figure "$1 * 1000 / writes" "$BASE" LOCKS "$stack" bench disks=null_blk work=random mem=3G |
		awk '{ print $1 == "-" ? "-" : int($1 + .5) }'
}

[ -z "$opt_t$opt_e" ] || table
[ -z "$opt_t" ] || echo
[ -z "$opt_t$opt_p" ] || peers
[ -z "$opt_t" ] || echo
[ -z "$opt_t$opt_l" ] || locks
[ -z "$opt_t$opt_e$opt_p$opt_l" ] || exit 0
"$TOP/scripts/lab/install.sh" ${DRY:+-n} bench
"$TOP/scripts/lab/fetch.sh" ${DRY:+-n} "$BASE"
"$TOP/scripts/lab/runs.sh" ${DRY:+-n} bench
[ -z "$DRY" ] || exit 0
say
table
say
peers
say
locks
say
"$TOP/scripts/lab/plot.sh" -b
set --
# The document is about the newest base.
if [ "$BASE" = "$(newest)" ]; then
	set -- "$OUT/bench.ktap"
	take "$1" "$TOP/scripts/checks/figures.sh" bench
fi
"$TOP/scripts/lab/summary.sh" "$@" < "$OUT/verdicts"
