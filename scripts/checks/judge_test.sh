#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Show the judge every way in which a run can go wrong, and the summary every
# way in which a script that reports cases can.
#
# Usage: scripts/checks/judge_test.sh
#
# Each case is a run made by hand: the guest's words, the console, the exit
# status. Prints what was misjudged; exit status 0 when nothing was.
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))

DIR=$OUT/lint/judge
misjudged=0

GOOD='KTAP version 1
1..2
# journal_full.events: the journal was full 3 times
ok 1 journal_full.events
# journal_full.worst: slowest of 9 writes 402 us, limit 1000 ms
ok 2 journal_full.worst
# guest exit 0'
CONSOLE='[    1.0] Run /init as init process
[    2.0] reboot: Power down'

BAD=$(printf '%s\n' "$GOOD" | sed -e 's/^ok 2/not ok 2/' -e 's/402 us/30402000 us/' -e 's/exit 0/exit 1/')
SLOW='fails worst /[1-9][0-9]{7} us/ a leaf root is on no list'

# run_of KTAP CONSOLE EXIT [EXPECTED]: of the test journal_full.
run_of()
{
	rm -rf "$DIR"
	mkdir -p "$DIR"
	printf '7.3\tVT\tseed\tjournal_full\t%s\n' "${SETTINGS:-}" > "$DIR/testid"
	echo 'scripts/lab/run.sh again' > "$DIR/command"
	printf '%s\n' "$1" > "$DIR/ktap"
	printf '%s\n' "$2" > "$DIR/console"
	echo "$3" > "$DIR/exit"
	printf '%s\n' "${4:-}" > "$DIR/expected"
}

# want STATUS PATTERN NAME: the judge's status, and a line of its verdict.
want()
{
	"$TOP/scripts/lab/judge.sh" ${TODAY:+-e} "$DIR" > "$OUT/lint/judged" 2>&1 && rc=0 || rc=$?
	if [ "$rc" != "$1" ] || ! grep -qE "$2" "$OUT/lint/judged"; then
		say "# misjudged: $3 (status $rc, wanted $1 and '$2')"
		misjudged=1
	fi
}

# without PATTERN, with SED: the good run, changed.
without()
{
	printf '%s\n' "$GOOD" | grep -vE "$1"
}

with()
{
	printf '%s\n' "$GOOD" | sed "$@"
}

run_of "$GOOD" "$CONSOLE" 0
want 0 '^ok 3 7.3.VT.seed.journal_full.worst' 'a good run'
SETTINGS='writes=9 gap_us=0' run_of "$GOOD" "$CONSOLE" 0
want 0 '^ok 3 7.3.VT.seed.journal_full.writes=9.gap_us=0.worst' 'a good run with settings'
run_of "$(without '^1\.\.')" "$CONSOLE" 0
want 1 'no plan' 'no plan'
run_of '' "$CONSOLE" 0
want 1 'no plan' 'an empty verdict'
run_of "$(without '^ok 2')" "$CONSOLE" 0
want 1 '2 cases planned, 1 results' 'fewer results than planned'
run_of "$(with '/^ok 2/s/journal_full/other/')" "$CONSOLE" 0
want 1 '2 results, but of 1 cases' 'a case of another test'
run_of 'KTAP version 1
1..0 # SKIP no lab
# guest exit 4' "$CONSOLE" 0
want 1 'skipped: # SKIP no lab' 'a skipped test is no pass'
run_of "$(with 's/^ok 2.*/& # SKIP no clock/')" "$CONSOLE" 0
want 0 '^ok 3 .*journal_full.worst # SKIP' 'a skipped case is marked'
run_of "$(with 's/^ok 2.*/& # SKIP no clock/')" "$CONSOLE" 0 "$SLOW"
want 1 'passed, but has to fail' 'a skipped case that has to fail'
run_of "$(with -e '/^# guest/iok 3 other.case' -e 's/^1\.\.2/1..3/')" "$CONSOLE" 0
want 1 'of 2 cases' 'a result of another test, and planned'
run_of "$(with -e '/^# guest/iok 2 journal_full.worst')" "$CONSOLE" 0
want 1 '2 cases planned, 3 results' 'a result twice'
run_of "$(with 's/full.events$/full.worst/')" "$CONSOLE" 0
want 1 '2 results, but of 1 cases' 'one case twice, another never'
run_of "$(without guest)" "$CONSOLE" 0
want 1 'did not end by itself' 'the test died'
run_of "$(with 's/exit 0/exit 139/')" "$CONSOLE" 0
want 1 'did not end by itself: # guest exit 139' 'the test was killed'
run_of "$(with 's/exit 0/exit 1/')" "$CONSOLE" 0
want 1 'exit status is 1, with 0 failed cases' 'exit status 1 with all cases ok'
run_of "$(with 's/^ok 2/not ok 2/')" "$CONSOLE" 0
want 1 'exit status is 0, with 1 failed cases' 'exit status 0 with a failed case'
run_of "$GOOD" '[    1.0] Run /init' 0
want 1 'did not power off' 'no power off'
run_of "$GOOD" "$(printf '%s\n' "$CONSOLE" | sed 's/Power down/System halted/')" 0
want 0 '^ok 1 ' 'halted, where power cannot be switched off'
run_of "$GOOD" "$CONSOLE" 124
want 1 'did not end in time' 'a hang'
run_of "$GOOD" "$CONSOLE" 1
want 1 'ended with status 1' 'a crash of the kernel'
run_of "$GOOD" "$CONSOLE" 134
want 0 '^ok 1 ' 'an abort behind the end of the kernel'
run_of "$GOOD" "$CONSOLE
[    1.6] Kernel panic - not syncing" 134
want 1 'ended with status 134' 'an abort that is none'
run_of "$(without '^ok 2')" "$CONSOLE" 134
want 1 '2 cases planned, 1 results' 'an abort that hides a result'
for noise in 'BUG: KASAN: slab-use-after-free in x' 'WARNING: CPU: 0 PID: 1 at fs/x.c:1' \
	'INFO: task init:1 blocked for more than 40 seconds.' 'Call Trace:' \
	'WARNING: possible circular locking dependency detected' \
	'bcache: bch_cache_set_error() error on 0-0: io error, disabling caching' \
	'Kernel panic - not syncing' 'bcache: btree_flush_write() BUG: bnode 1: x'; do
	run_of "$GOOD" "[ 1.5] $noise
$CONSOLE" 0
	want 1 'on the console: ' "$noise"
done
run_of "Bail out! no lab (2)
# guest exit 1" "$CONSOLE" 0
want 1 'Bail out! no lab' 'a test that gave up'
run_of "$BAD" "$CONSOLE" 0
want 1 '^not ok 3 [^#]*journal_full.worst$' 'a failed case'
want 1 '^# again: scripts/lab/run.sh again' 'no line that runs it again'

# A case that has to fail.
run_of "$BAD" "$CONSOLE" 0 "$SLOW"
want 0 '^not ok 3 .* # XFAIL a leaf root' 'an expected failure'
run_of "$GOOD" "$CONSOLE" 0 "$SLOW"
want 1 'passed, but has to fail' 'an expected failure that did not come'
run_of "$(printf '%s\n' "$BAD" | sed 's/30402000/2402000/')" "$CONSOLE" 0 "$SLOW"
want 1 'failed in another way' 'an expected failure that says something else'
run_of "$(without 'ok 2' | sed 's/1\.\.2/1..1/')" "$CONSOLE" 0 "$SLOW"
want 1 'no such case' 'an expected failure of no case'
run_of "$BAD" "[ 1.5] BUG: bad
$CONSOLE" 0 "$SLOW"
want 1 '^not ok 1 [^#]*$' 'an expected failure does not excuse a broken run'
want 1 '^not ok 3 [^#]*$' 'nor is it expected of one'
run_of "$GOOD" "$CONSOLE" 0 "may${SLOW#fails}"
want 0 '^ok 3 .*worst$' 'chance: a pass'
run_of "$BAD" "$CONSOLE" 0 "may${SLOW#fails}"
want 0 '^not ok 3 .*worst # XFAIL' 'chance: a failure'

# A run that has to break, in the expected way and at the expected place.
DEAD='breaks worst /a dead frame/ the frame is gone'
run_of "$GOOD" "[ 1.5] BUG: a dead frame
$CONSOLE" 0 "$DEAD"
want 0 '^not ok 1 .*run # XFAIL the frame is gone' 'a broken run, as expected'
want 0 '^not ok 3 .*worst # XFAIL void' 'its cases are no passes'
run_of "$GOOD" "[ 1.5] BUG: another
$CONSOLE" 0 "$DEAD"
want 1 '^# failed in another way|^# after worst: on the console: .*BUG: another' 'a broken run, not as expected'
run_of "$GOOD" "$CONSOLE" 0 "$DEAD"
want 1 'did not break' 'a run that did not break'
run_of "$(with -e 's/^ok 1/not ok 1/')" "[ 1.5] BUG: a dead frame
$CONSOLE" 0 "$DEAD"
want 1 '^not ok 2 [^#]*events$' 'a case that failed before it broke'
run_of "$(with -e 's/^ok 2.*/# at */')" "[ 1.5] BUG: a dead frame
$CONSOLE" 1 "$DEAD"
want 1 '^# after events: ' 'a progress line that is a pattern'
HANGS='/did not end in time/ it polls for ever'
AT='KTAP version 1
1..2
# at load'
run_of "$AT" 'booted' 124 "breaks load $HANGS"
want 0 '^not ok 1 .*run # XFAIL it polls' 'a hang where it is expected'
run_of '' 'booted' 124 "breaks load $HANGS"
want 1 '^# after -: the guest did not end' 'a hang at boot in place of the expected one'
run_of "$AT" 'booted' 124 "breaks events $HANGS"
want 1 '^# after load: the guest did not end' 'a hang at another place'
run_of '' 'booted' 124 "breaks - $HANGS"
want 1 '^# after -: the guest did not end' 'a hang with nothing seen before it'

# What the console has to say is not held against the run; the rest is.
REFUSED='says console /disabling caching/ it is refused'
run_of "$GOOD" "[ 1.5] error, disabling caching
$CONSOLE" 0 "$REFUSED"
want 0 '^ok 1 .*run$' 'a line on the console that has to be there'
run_of "$GOOD" "[ 1.5] error, disabling caching
BUG: bad
$CONSOLE" 0 "$REFUSED"
want 1 '^# after worst: on the console: BUG: bad' 'another one beside it'
run_of "$GOOD" "$CONSOLE" 0 "$REFUSED"
want 1 'nothing on the console like /disabling caching/' 'none'

# Nothing happened that the cases look at: they are no passes.
VOID=$(printf '%s\n' "$BAD" | sed -e 's/events: .*/worst: 402 us/' -e 's/1 journal_full.events/1 journal_full.worst/' -e '/ 9 writes/s/.*/# journal_full.events: 0 times/' -e 's/^not ok 2.*/not ok 2 journal_full.events/')
run_of "$VOID" "$CONSOLE" 0 'fails events /^0 times/ nothing to meet'
want 0 '^not ok 2 .*worst # XFAIL void' 'no pass without events'
want 0 '^not ok 3 .*events # XFAIL nothing' 'no events, as expected'
run_of "$(printf '%s\n' "$VOID" | sed 's/^ok 1/not ok 1/')" "$CONSOLE" 0 'fails events /^0 times/ nothing to meet'
want 1 '^not ok 2 [^#]*worst$' 'a case that failed is no void one'
run_of "$VOID" "$CONSOLE" 0 "fails events /^0 times/ nothing to meet
$SLOW"
want 1 'passed, but has to fail' 'nor one that had to fail'
run_of "$VOID" "$CONSOLE" 0
want 1 '^not ok 3 .*events$' 'no events'
want 1 '^not ok 2 .*worst # XFAIL void' 'and no pass'

# What a run had to show is kept with it, until it is judged by today's list.
printf '7.3\tVT\tvanilla\tjournal_full\t\n' > "$DIR/testid"
printf '%s\n' "$BAD" > "$DIR/ktap"
want 1 '^not ok 3 [^#]*worst$' 'judged by the list of that day'
TODAY=1 want 0 "^not ok 3 .*worst # XFAIL" "judged by today's list"

# Scripts that report cases: the summary has to see what became of them.
sums()
{
	: > "$DIR/none"
	"$TOP/scripts/lab/summary.sh" "$DIR/ktap" < "$DIR/none" > "$OUT/lint/judged" 2>&1 && rc=0 || rc=$?
	if [ "$rc" != "$1" ] || ! grep -qE "$2" "$OUT/lint/judged"; then
		say "# summed up wrong: $3 (status $rc, wanted $1 and '$2')"
		misjudged=1
	fi
}

# reports TEXT COMMAND: what a script says, and how it ends.
reports()
{
	take "$DIR/ktap" sh -c 'printf "%s\n" "$0"; eval "$1"' "$1" "$2" > /dev/null
}

reports '1..2
ok 1 a
ok 2 b' 'exit 0'
sums 0 '^2 passed, 0 failed' 'a good script'
reports '1..2
ok 1 a
not ok 2 b' 'exit 1'
sums 1 '^1 passed, 1 failed' 'a failed case'
reports '1..3
ok 1 a' 'kill -9 $$'
sums 1 '3 cases planned, 1 results' 'a script killed in the middle'
reports '1..1
ok 1 a' 'exit 1'
sums 1 'exit status 1, with 0 failed cases' 'a script that ends badly after its last case'
reports '1..1
not ok 1 a' 'exit 0'
sums 1 'exit status 0, with 1 failed cases' 'a script that does not say that it failed'
reports 'ok 1 a' 'exit 0'
sums 1 'no plan' 'a script without a plan'
reports '1..2
ok 1 a
ok 1 a' 'exit 0'
sums 1 'do not count from 1 to 2' 'a result twice'
reports '1..1
ok 1 a
1..2' 'exit 0'
sums 1 '2 plans' 'two plans'
reports '1..2
ok 1 a
not ok 2 b # XFAIL of no judge' 'exit 0'
sums 1 'exit status 0, with 1 failed cases' 'a script that excuses itself'
reports '1..0' 'exit 0'
sums 1 'no case planned' 'a script with nothing to say'
rm "$DIR/ktap"
sums 1 'no file of cases' 'no script'

# Power cuts and faults, of guests made by hand.
mkdir -p "$DIR/top/scripts/lab" "$DIR/top/tools/testing/selftests/bcache" \
	"$DIR/o/base" "$DIR/o/tree/$BASE/series/o-VT"
ln -s "$TOP/scripts/lib" "$DIR/top/scripts/"
ln -s "$TOP/patches" "$DIR/top/"
ln -s "$SELF/configs" "$DIR/top/tools/testing/selftests/bcache/"
ln -s "$TOP/scripts/lab/crash.sh" "$TOP/scripts/lab/cut.sh" "$DIR/top/scripts/lab/"
for script in build guest; do ln -s /bin/true "$DIR/top/scripts/lab/$script.sh"; done
base_row "$BASE" | awk '{ print $NF }' > "$DIR/o/base/$BASE.version"
printf '	.name = "%s",\n' root tree > "$DIR/top/tools/testing/selftests/bcache/crash.c"
cat > "$DIR/o/tree/$BASE/series/o-VT/linux" << 'EOF'
#!/bin/sh
case $* in
*fault=none*load=tree*) printf '%s\n' "$TREE" ;;
*fault=none*) printf '%s\n' "$ROOT" ;;
*fault=journal*) printf '%s\n' "$JOURNAL" ;;
*) printf '%s\n' "$GUEST" ;;
esac >&3
printf '%s\n' "$NOISE"
EOF
chmod +x "$DIR/o/tree/$BASE/series/o-VT/linux"

# cuts STATUS PATTERN NAME ROW ARG...: what is said of them.
cuts()
{
	want=$1 pattern=$2 what=$3
	printf '%s\n' "$4" | tee "$DIR/top/tools/testing/selftests/bcache/cuts" \
		> "$DIR/top/tools/testing/selftests/bcache/faults"
	shift 4
	O=$DIR/o SEEDS=1-3 "$DIR/top/scripts/lab/crash.sh" -q "$@" > "$OUT/lint/judged" 2>&1 && rc=0 || rc=$?
	if [ "$rc" != "$want" ] || ! grep -qE "$pattern" "$OUT/lint/judged"; then
		say "# misjudged: $what (status $rc, wanted $want and '$pattern')"
		misjudged=1
	fi
}

KEPT='# blocks 9 acknowledged 0 lost
# outcome kept '
LOST='# blocks 9 acknowledged 1 lost
# outcome lost block 1'
export GUEST="$KEPT" ROOT='' TREE='' JOURNAL="$KEPT" NOISE=''
cuts 0 '^3 passed, 0 failed' 'good cuts' 'series 1-3'
GUEST='# blocks 0 acknowledged 0 lost
# outcome kept '
cuts 1 'nothing was acknowledged' 'cuts of loads that did nothing' 'series 1-3'
GUEST=$LOST
cuts 1 '^3 lost block 1' 'losses' 'series 1-3'
cuts 0 'expected: 3 lost' 'losses that are expected' 'series 1-3
	lost 3 /^block/ known'
cuts 1 '^1 lost block 1' 'one more than that' 'series 1-3
	lost 2 /^block/ known'
cuts 0 'expected: 3 lost' 'of other loads the number is not known' 'series 1-2
	lost 2 /^block/ known'
GUEST='# blocks 9 acknowledged 0 lost
# outcome reported EIO'
cuts 0 '^3 passed' 'errors of a faulty disk' 'series 1-3'
NOISE='BUG: KASAN: slab-use-after-free in x+0x1/0x2'
cuts 1 '^3 warned BUG: KASAN: .* in x' 'and a warning' 'series 1-3'
NOISE="WARNING: mm/slub.c:1 at known+0x1/0x2
$NOISE"
cuts 1 '^3 warned mm/slub.c known and BUG: KASAN: .* in x' 'a warning behind one that is expected' 'series 1-3
	warned /^mm.slub.c known$/ known'
NOISE='' GUEST='# blocks 9 acknowledged 1 lost
# outcome reported EIO'
cuts 1 '^3 reported EIO' 'and what was acknowledged is not read any more' 'series 1-3'
# request: when, stage, disk, what, operation, sector, length, from when on
ROOT="$KEPT
$(seq 20 | sed "s/.*/# request &9 load cache data W 64 1 &1 -/")
# request 300 load cache journal W 8 1 9 -"
GUEST=$KEPT TREE=$KEPT
N=20 cuts 0 '^21 passed, 0 failed' 'faults' series -f fault=data/write fault=journal/write
JOURNAL='# blocks 9 acknowledged 0 lost
# outcome missed no request'
N=20 cuts 1 '^1 missed no request' 'a kind of fault that was never met' series -f fault=data/write fault=journal/write
TREE=$LOST
N=1 cuts 1 'load fails with no fault: .*load=tree' 'a load that fails by itself' series -f fault=data/write

# A tool of lint's is missing: its check fails, the others go on.
mkdir -p "$DIR/bin"
ln -s /usr/bin/* "$DIR/bin/"
rm "$DIR/bin/shellcheck"
take "$DIR/ktap" env PATH="$DIR/bin" O="$DIR/o" "$TOP/scripts/checks/lint.sh" shellcheck fio names > /dev/null
sums 1 '^2 passed, 1 failed' 'lint without shellcheck'
sums 1 '^not ok 1 lint.shellcheck' 'and which check it was'

rm -rf "$DIR"
exit $misjudged
