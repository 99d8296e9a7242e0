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
line 'slowest durable write, appending' us journal_full worst
line 'slowest durable write, random, 512 MiB' us journal_full worst isolated=1 span=30000
line 'slowest durable write, random, 40 MiB' us journal_full worst isolated=1 span=30000 cache_mb=40 writes=500
line 'slowest durable write, root read from disk' us root_leaf worst
line 'slowest durable write while roots change' us old_root worst
line 'slowest write, entry full and journal full' us journal_wake worst ${slow:+"$slow"}
line 'slowest write, reference dropped late' us journal_put worst
line 'waits for itself, proven never to end' count reclaim_flusher locked_self
line 'waits in a circle, proven never to end' count reclaim_writer locked_abba
line 'waits for the flag, polled a microsecond a lap' laps flush_wait wait_laps
line 'bucket_lock held over such waits' us flush_wait reap_wait_us
line 'laps with gc as a real-time task' laps flush_wait_fifo wait_laps writes=100000
