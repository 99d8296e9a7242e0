#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Print what each test of the series found on vanilla and on series, from
# runs that were made.
#
# Usage: scripts/lab/defects.sh [BASE]
#        scripts/lab/defects.sh -m TEST...
#   -m  only these tests, of the newest base, as a mail has room for them; a run
#       that is missing is an error
#
# Microseconds, counts and laps are of virtual time, exact. What was run on
# neither is left out. "-": no such run.
. "$(dirname "$0")/../lib/lib.sh"

opt_m=''
options m "$@"
shift $((OPTIND - 1))
base=$(newest) tests=" $* "
[ -n "$opt_m" ] || base=${1:-$BASE} tests=''

# of STACK TEST FIGURE [NAME=VALUE...]: one figure of the first run in the list
# that has those settings, or "-".
of()
{
	run="$base VT $1 $2" of=$3
	shift 3
	row=$(rows show check | sed 's/^[^ ]* //' | grep -E "^$run( |\$)") || :
	for setting; do
		row=$(echo "$row" | grep -E " $setting( |\$)") || :
	done
	[ -n "$row" ] || { echo -; return; }
	# shellcheck disable=SC2046
	figure "$of" $(echo "$row" | head -1) || :
}

# line WHAT UNIT TEST FIGURE [NAME=VALUE...]
line()
{
	what=$1 unit=$2
	shift 2
	case $tests in ''|*" $1 "*) ;; *) return 0 ;; esac
	vanilla=$(of vanilla "$@") series=$(of series "$@")
	seen="$seen $1"
	if [ -n "$opt_m" ]; then
		case " $vanilla $series " in *" - "*) die "no run of $1 on $base; make check T=$1 makes it" ;; esac
		printf '  %-46s %10s %10s %s\n' "$what" "$vanilla" "$series" "$unit"
	elif [ "$vanilla$series" != -- ]; then
		printf '%-16s %-46s %14s %14s %s\n' "$1" "$what" "$vanilla" "$series" "$unit"
	fi
}

seen=''
if [ -n "$opt_m" ]; then
	printf '  %-46s %10s %10s\n' "$base" today patched
else
	printf '%-16s %-46s %14s %14s\n' "$base VT" '' vanilla series
fi
line 'slowest durable write, appending' us journal_full worst
line 'slowest durable write, random, 512 MiB' us journal_full worst isolated=1 span=30000
line 'slowest durable write, random, 40 MiB' us journal_full worst isolated=1 span=30000 cache_mb=40 writes=500
line 'slowest durable write, root read from disk' us root_leaf worst
line 'slowest durable write while roots change' us old_root worst
line 'slowest write, entry full and journal full' us journal_wake worst
line 'slowest write, reference dropped late' us journal_put worst
line 'waits for itself, proven never to end' count reclaim_flusher locked_self
line 'waits in a circle, proven never to end' count reclaim_flusher locked_abba reclaim=2
line 'waits for the flag, polled a microsecond a lap' laps flush_wait wait_laps
line 'bucket_lock held over such waits' us flush_wait reap_wait_us
line 'laps with gc as a real-time task' laps flush_wait wait_laps fifo=1 writes=100000
for test in $tests; do
	case "$seen " in *" $test "*) ;; *) die "no figures of $test" ;; esac
done
