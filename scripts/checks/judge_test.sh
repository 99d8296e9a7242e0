#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Show the judge every way in which a run can go wrong.
#
# Usage: scripts/checks/judge_test.sh
#
# Each case is a run made by hand: the guest's words, the console, the exit
# status. Prints what was misjudged; exit status 0 when nothing was.
. "$(dirname "$0")/../lib/lib.sh"

DIR=$OUT/lint/judge
misjudged=0

GOOD='KTAP version 1
1..2
# journal_full.filled: the journal was full 3 times
ok 1 journal_full.filled
# journal_full.worst: slowest of 9 writes 402 us, limit 1000 ms
ok 2 journal_full.worst
# guest exit 0'
CONSOLE='[    1.0] Run /init as init process
[    2.0] reboot: Power down'

# run_of STACK KTAP CONSOLE EXIT: in VT, unless SCENARIO says otherwise, and of
# a test "flush", unless TEST does
run_of()
{
	rm -rf "$DIR"
	mkdir -p "$DIR"
	printf '7.3\t%s\t%s\t%s\n' "${SCENARIO:-VT}" "$1" "${TEST:-flush}" > "$DIR/testid"
	echo 'scripts/lab/run.sh again' > "$DIR/command"
	printf '%s\n' "$2" > "$DIR/ktap"
	printf '%s\n' "$3" > "$DIR/console"
	echo "$4" > "$DIR/exit"
}

# want STATUS PATTERN NAME: the judge's status, and a line of its verdict.
want()
{
	"$TOP/scripts/lab/judge.sh" "$DIR" > "$OUT/lint/judged" 2>&1 && rc=0 || rc=$?
	if [ "$rc" != "$1" ] || ! grep -qE "$2" "$OUT/lint/judged"; then
		say "# misjudged: $3 (status $rc, wanted $1 and '$2')"
		misjudged=1
	fi
}

without()
{
	printf '%s\n' "$GOOD" | grep -vE "$1"
}

run_of seed "$GOOD" "$CONSOLE" 0
want 0 '^ok 3 .*journal_full.worst' 'a good run'
run_of seed "$(without '^1\.\.')" "$CONSOLE" 0
want 1 'no plan' 'no plan'
run_of seed '' "$CONSOLE" 0
want 1 'no plan' 'an empty verdict'
run_of seed "$(without '^ok 2')" "$CONSOLE" 0
want 1 '2 cases planned, 1 results' 'fewer results than planned'
run_of seed 'KTAP version 1
1..0 # SKIP no lab
# guest exit 4' "$CONSOLE" 0
want 1 'skipped: # SKIP no lab' 'a skipped test is no pass'
run_of seed "$(printf '%s\n' "$GOOD" | sed 's/^ok 2.*/& # SKIP no clock/')" "$CONSOLE" 0
want 0 '^ok 3 .*journal_full.worst # SKIP' 'a skipped case is marked'
run_of seed "$(without guest)" "$CONSOLE" 0
want 1 'did not end by itself' 'the test died'
run_of seed "$(printf '%s\n' "$GOOD" | sed 's/exit 0/exit 139/')" "$CONSOLE" 0
want 1 'did not end by itself: # guest exit 139' 'the test was killed'
run_of seed "$GOOD" '[    1.0] Run /init' 0
want 1 'did not power off' 'no power off'
run_of seed "$GOOD" "$(printf '%s\n' "$CONSOLE" | sed 's/Power down/System halted/')" 0
want 0 '^ok 1 ' 'halted, where power cannot be switched off'
run_of seed "$GOOD" "$CONSOLE" 124
want 1 'did not end in time' 'a hang'
run_of seed "$GOOD" "$CONSOLE" 1
want 1 'ended with status 1' 'a crash of the kernel'
for noise in 'BUG: KASAN: slab-use-after-free in x' 'WARNING: CPU: 0 PID: 1 at fs/x.c:1' \
	'INFO: task init:1 blocked for more than 40 seconds.' \
	'WARNING: possible circular locking dependency detected' \
	'Kernel panic - not syncing' 'bcache: btree_flush_write() BUG: bnode 1: x'; do
	run_of seed "$GOOD" "[ 1.5] $noise
$CONSOLE" 0
	want 1 'on the console: ' "$noise"
done
run_of seed "$(printf '%s\n' "$GOOD" | sed 's/^ok 1/not ok 1/')" "$CONSOLE" 0
want 1 '^not ok 2 [^#]*journal_full.filled$' 'a failed case'
want 1 '^# again: scripts/lab/run.sh again' 'no line that runs it again'
run_of vanilla "$(printf '%s\n' "$GOOD" | sed -e 's/^ok 2/not ok 2/' -e 's/exit 0/exit 1/')" "$CONSOLE" 0
want 0 '^not ok 3 .* # XFAIL' 'an expected failure'
run_of vanilla "$GOOD" "$CONSOLE" 0
want 1 'expected to fail' 'an expected failure that did not come'
run_of vanilla "$(printf '%s\n' "$GOOD" | sed -e 's/^ok 2/not ok 2/' -e 's/exit 0/exit 1/')" \
	"[ 1.5] BUG: bad
$CONSOLE" 0
want 1 '^not ok 1 [^#]*$' 'an expected failure does not excuse a broken run'
want 1 '^not ok 3 [^#]*$' 'nor is it expected of one'
# A run that is expected to break has to break in the expected way.
DEAD='[    1.5] bcache: lab: BUG: the last thread wakes a dead frame'
THREADS=$(printf '%s\n' "$GOOD" | sed 's/journal_full/check_threads/')
TEST=check_threads run_of late-wake "$THREADS" "$DEAD
$CONSOLE" 0
want 0 '^not ok 1 .*check_threads.run # XFAIL the last thread' 'a broken run, as expected'
TEST=check_threads run_of late-wake "$THREADS" "[    1.5] BUG: another
$CONSOLE" 0
want 1 '^# failed in another way than expected: on the console: .*BUG: another' 'a broken run, not as expected'
# Where chance decides, both are met: the case must not fail the run.
CHANCE=$(printf '%s\n' "$GOOD" | sed 's/journal_full.worst/flush_race.taken/')
SCENARIO=SMP run_of unfixed "$CHANCE" "$CONSOLE" 0
want 0 '^ok 3 .*flush_race.taken' 'chance: a pass'
SCENARIO=SMP run_of unfixed "$(printf '%s\n' "$CHANCE" | sed 's/^ok 2/not ok 2/')" "$CONSOLE" 0
want 0 '^not ok 3 .*flush_race.taken # XFAIL' 'chance: a failure'
run_of seed "Bail out! no lab (2)
# guest exit 1" "$CONSOLE" 0
want 1 'Bail out! no lab' 'a test that gave up'

rm -rf "$DIR"
exit $misjudged
