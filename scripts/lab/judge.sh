#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Judge a run, from what it left behind. Nothing is run again.
#
# Usage: scripts/lab/judge.sh [-qe] RUN
#   RUN  a directory under out/runs/
#   -q   print failures only
#   -e   expect of it what tools/testing/selftests/bcache/runs says today, not
#        what that said when it ran
#
# The judge is pessimistic. A case is ok only if the guest said so and the
# run around it is whole: a plan, as many results as planned, an exit status
# that fits them, the guest powered off by itself, nothing bad on the console.
# What has to go wrong, RUN/expected, is marked "# XFAIL" with its reason; it is
# a failure if it does not come, or says something else.
#
# Where a run breaks as it has to, and where its case TEST.events fails, since
# nothing happened that the others look at, they are no passes: "# XFAIL void".
# A case that failed stays a failure, and so does one that had to and did not.
#
# Writes RUN/verdict (KTAP) and RUN/results.tsv. Exit status: 0 when nothing
# failed that was not expected to, else 1.
. "$(dirname "$0")/../lib/lib.sh"

# User Mode Linux before 6.12 has no power to switch off, and says so.
OFF='reboot: (Power down|System halted)'

# expect KIND NAME: does RUN/expected have a line of that kind (a shell pattern)
# and name? If so it is split into $kind, $pattern and $reason.
expect()
{
	while read -r kind name pattern; do
		# shellcheck disable=SC2254
		case $kind/$name in
		$1/$2)
			pattern=${pattern#/} reason=${pattern#*/ }
			pattern=${pattern%%/ *}
			return 0 ;;
		esac
	done < "$run/expected"
	return 1
}

# saw TEXT: does it match $pattern?
saw()
{
	printf '%s\n' "$1" | grep -qE -e "$pattern"
}

# verdict OK CASE SAW: a line of the verdict.
verdict()
{
	cases=$((cases + 1))
	line="$cases $id.$2"
	expect '[fm]*' "$2" || kind=''
	case $1:$kind in
	'not ok:')
		fail "$line" "$3" ;;
	'not ok':*)
		if saw "$3"; then
			say "not ok $line # XFAIL $reason" >> "$run/verdict"
		else
			fail "$line" "failed in another way than it has to, /$pattern/: $3"
		fi ;;
	*:fails)
		fail "$line" "passed, but has to fail: $reason" ;;
	*)
		if [ -n "$void" ]; then
			say "not ok $line # XFAIL void: $void" >> "$run/verdict"
		elif [ "$1" = skip ]; then
			say "ok $line # SKIP $3" >> "$run/verdict"
		else
			say "ok $line" >> "$run/verdict"
		fi ;;
	esac
}

fail()
{
	failed=$((failed + 1))
	{
		say "# $2"
		say "# again: $(cat "$run/command")"
		say "not ok $1"
	} >> "$run/verdict"
}

# result_names: the cases of the test that have a result.
result_names()
{
	sed -n "s/^\(not \)\{0,1\}ok [0-9]* $test\.\([a-z0-9_]*\)\( .*\)\{0,1\}\$/\2/p" "$run/ktap"
}

# whole: why the run around the cases is not to be trusted, or nothing.
whole()
{
	rc=$(cat "$run/exit" 2>/dev/null || echo none)
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$run/ktap" | head -1)
	seen=$(grep -cE '^(not )?ok ' "$run/ktap" || :)
	names=$(result_names | sort -u | wc -l)
	wrong=$(grep -c '^not ok ' "$run/ktap" || :)
	ended=$(sed -n 's/^# guest exit //p' "$run/ktap")
	expect says console || pattern='$^'
	bad=$(grep -aE "$BAD|$BAD_IO" "$run/console" | grep -avE -m1 -e "$pattern" || :)
	# The process around a kernel that has halted may abort, in 5.10 once in
	# thousands of runs; nothing of the guest is left by then.
	[ "$rc" != 134 ] || ! grep -a . "$run/console" | tail -1 | grep -qaE "$OFF" || rc=0
	if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
		echo "the guest did not end in time"
	elif [ "$rc" != 0 ]; then
		echo "the guest ended with status $rc: ${bad:-$(grep -a . "$run/console" | tail -1)}"
	elif grep -q '^Bail out!' "$run/ktap"; then
		grep -m1 '^Bail out!' "$run/ktap"
	elif [ -z "$planned" ]; then
		echo "no plan"
	elif [ "$planned" = 0 ]; then
		echo "skipped: $(sed -n 's/^1\.\.0 *//p' "$run/ktap")"
	elif [ "$seen" != "$planned" ]; then
		echo "$planned cases planned, $seen results"
	elif [ "$names" != "$seen" ]; then
		echo "$seen results, but of $names cases of $test"
	elif [ "$ended" != 0 ] && [ "$ended" != 1 ]; then
		echo "the test did not end by itself: ${ended:+# guest exit $ended}"
	elif [ "$ended" != "$((wrong > 0))" ]; then
		echo "the test's exit status is $ended, with $wrong failed cases"
	elif ! grep -aqE "$OFF" "$run/console"; then
		echo "the guest did not power off"
	elif [ -n "$bad" ]; then
		echo "on the console: $bad"
	elif expect says console && ! grep -aqE -e "$pattern" "$run/console"; then
		echo "nothing on the console like /$pattern/: $reason"
	fi
}

# last_seen: the last case or progress line of the guest, "-" before any.
last_seen()
{
	sed -n -e 's/^# at \([a-z0-9_]*\)$/\1/p' -e "s/^\(not \)\{0,1\}ok [0-9]* $test\.\([a-z0-9_]*\).*/\2/p" "$run/ktap" |
		tail -1 | grep . || echo -
}

# broken: the case "run": is the run whole, or did it break as it has to? A
# hang has to be told from one at boot: something was seen before it.
broken()
{
	after=$(last_seen)
	if [ -s "$run/lacks" ]; then
		verdict skip run "$(cat "$run/lacks")"
	elif [ -z "$why" ] && ! expect breaks '*'; then
		verdict ok run
	elif [ -z "$why" ]; then
		verdict 'not ok' run "did not break, but has to: $reason"
	elif expect breaks "$after" && saw "$why" &&
		[ "$after/$why" != "-/the guest did not end in time" ]; then
		cases=$((cases + 1))
		say "not ok $cases $id.run # XFAIL $reason" >> "$run/verdict"
		void='the run broke, as it has to'
	else
		verdict 'not ok' run "after $after: $why"
	fi
}

opt_q='' opt_e=''
options qe "$@"
shift $((OPTIND - 1))
[ $# -eq 1 ] || misused
run=${1%/}
[ -f "$run/testid" ] || die "$run holds no run"
cat "$run/ktap" "$run/console" > /dev/null 2>&1 || die "$run holds no finished run"
IFS='	' read -r base scenario stack test settings < "$run/testid"
# shellcheck disable=SC2086
[ -z "$opt_e" ] || expected "$base" "$scenario" "$stack" "$test" $settings > "$run/expected"
[ -f "$run/expected" ] || die "$run is older than its expectations; judge it by today's: -e"
id=$(echo "$base $scenario $stack $test $settings" | sed -e 's/ *$//' -e 's/ /./g')
cases=0 failed=0 void=''

say "KTAP version 1" > "$run/verdict"
why=''
[ -s "$run/lacks" ] || why=$(whole)
broken
if [ -z "$void" ] && grep -qE "^not ok [0-9]+ $test\.events( |\$)" "$run/ktap"; then
	void='nothing happened that it looks at'
fi
# The result lines carry the name; the line before each says what was seen.
sed -n -e "/^# $test\.[a-z0-9_]*: /{s/^# [^:]*: //;h;}" \
	-e '/^\(not \)\{0,1\}ok .*# SKIP/s/^\(not \)\{0,1\}ok/skip/' \
	-e "/^\(not ok\|ok\|skip\) /{s/^\(not ok\|ok\|skip\) [0-9]* $test\.\([^ ]*\).*/\1|\2|/;G;s/\n//;p;}" \
	"$run/ktap" > "$run/cases"
while IFS='|' read -r ok name text; do
	say "# $name: $text" >> "$run/verdict"
	# What a broken run says of its cases is worth nothing.
	if [ -n "$why" ] && [ -z "$void" ]; then
		cases=$((cases + 1))
		fail "$cases $id.$name" "$why"
	else
		verdict "$ok" "$name" "$text"
	fi
done < "$run/cases"
# A case that has to fail has to be there.
while [ -z "$why" ] && read -r kind name reason; do
	[ "$kind" != fails ] || grep -q "^[^|]*|$name|" "$run/cases" ||
		verdict 'not ok' "$name" 'no such case'
done < "$run/expected"
rm -f "$run/cases"
say "1..$cases" >> "$run/verdict"

awk -v id="$base	$scenario	$stack	$test${settings:+ $settings}" '
	$1 == "#" && $2 == "metric" { print id "\t" $3 "\t" $4 "\t" $5 }' \
	"$run/ktap" > "$run/results.tsv"
# Of the host, from the beginning to the end of what is measured.
[ ! -s "$run/cpu" ] || awk -v id="$base	$scenario	$stack	$test${settings:+ $settings}" '
	NR == 1 { from = $1 }
	NR == 2 { printf "%s\tcpu\t%d\tms\n", id, ($1 - from) / 1000000 }' \
	"$run/cpu" >> "$run/results.tsv"

if [ -z "$opt_q" ]; then
	cat "$run/verdict"
elif [ "$failed" -gt 0 ]; then
	grep -B2 '^not ok' "$run/verdict" | grep -v -e XFAIL -e '^--'
fi
[ "$failed" -eq 0 ]
