#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Print what each test of the series found on vanilla and on series, from
# runs that were made.
#
# Usage: scripts/lab/defects.sh [BASE]
#
# Microseconds, counts and laps are of virtual time, exact. What was run on
# neither is left out. "-": no such run.
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))

base=${1:-$BASE}

# figure STACK TEST METRIC [SETTING...]: one figure of a run, or "-".
figure()
{
	tsv=$OUT/runs/$(stack=$1 test=$2; shift 3; run_id "$base" VT "$stack" "$test" "$@")/results.tsv
	[ -f "$tsv" ] || { echo -; return; }
	awk -F '\t' -v metric="$3" '$5 == metric { v = $6 } END { print v == "" ? "-" : v }' "$tsv"
}

line()
{
	what=$1 unit=$2
	shift 2
	vanilla=$(figure vanilla "$@") series=$(figure series "$@")
	[ "$vanilla$series" != -- ] || return 0
	printf '%-16s %-46s %14s %14s %s\n' "$1" "$what" "$vanilla" "$series" "$unit"
}

# Older bases meet that one on a slower cache device only.
slow=''
[ "$base" = "$(bases | head -1)" ] || slow=cache_us=10000

printf '%-16s %-46s %14s %14s\n' "$base VT" '' vanilla series
line 'slowest durable write, fresh cache' us journal_full worst
line 'slowest durable write, root read from disk' us root_leaf worst
line 'slowest durable write while roots change' us old_root worst
line 'slowest write, entry full and journal full' us journal_wake worst ${slow:+"$slow"}
line 'slowest write, reference dropped late' us journal_put worst
line 'waits for itself, proven never to end' count reclaim_flusher locked_self
line 'waits in a circle, proven never to end' count reclaim_writer locked_abba
line 'laps of waits for the flag' laps flush_wait wait_laps
line 'of these with bucket_lock held' laps flush_wait reap_laps
line 'laps with gc as a real-time task' laps flush_wait_fifo wait_laps writes=100000
