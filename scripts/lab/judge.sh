#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Judge a run, from what it left behind. Nothing is run again.
#
# Usage: scripts/lab/judge.sh [-q] RUN
#   RUN  a directory under out/runs/
#   -q   print failures only
#
# The judge is pessimistic. A case is ok only if the guest said so and the
# run around it is whole: a plan, as many results as planned, the guest
# powered off by itself, nothing bad on the console. A failure that is
# expected (tools/testing/selftests/bcache/expect) is marked "# XFAIL" with
# its reason; an expected failure that does not come is a failure, and so is
# one that comes for another reason than the expected /PATTERN/. A broken run
# is excused by a pattern only: it may break for many reasons.
#
# Writes RUN/verdict (KTAP) and RUN/results.tsv. Exit status: 0 when nothing
# failed that was not expected to, else 1.
. "$(dirname "$0")/../lib/lib.sh"

EXPECT=$TOP/tools/testing/selftests/bcache/expect

# What a console must not show, one extended regular expression. "BUG: " also
# catches KASAN, lockdep's recursion and bcache's own messages.
BAD='BUG: |BUG at |WARNING: |WARNING in |KASAN: |Oops|Kernel panic|general protection|INFO: task .* blocked for more|soft lockup|rcu.*stall|possible .* deadlock|inconsistent lock state|bad unlock balance|held lock freed|suspicious RCU|Segfault with no mm|cannibalize failed|journal entries .* missing|IO error|hogged CPU'

# expected CASE OK: the reason why CASE fails on this run, or nothing. Where
# chance decides a case that is ok needs no reason.
expected()
{
	while read -r e_base e_scenario e_stack e_case e_reason; do
		case $e_base in '#'*|'') continue ;; esac
		case $e_case/$2 in '?'*/ok) continue ;; esac
		# shellcheck disable=SC2254
		case $base/$scenario/$stack/$1 in
		$e_base/$e_scenario/$e_stack/${e_case#\?})
			echo "$e_reason"
			return ;;
		esac
	done < "$EXPECT"
}

# verdict OK CASE WHY: one line of the verdict, after expectations.
verdict()
{
	cases=$((cases + 1))
	reason=$(expected "$2" "$1")
	line="$cases $id.$2"
	if [ "$1" = skip ]; then
		say "ok $line # SKIP $3" >> "$run/verdict"
	elif [ "$1" = ok ] && [ -z "$reason" ]; then
		say "ok $line" >> "$run/verdict"
	elif [ "$1" = ok ]; then
		fail "$line" "passed, but was expected to fail: $reason"
	elif [ -n "$reason" ] && as_expected "$3"; then
		say "not ok $line # XFAIL $reason" >> "$run/verdict"
	elif [ -n "$reason" ]; then
		fail "$line" "failed in another way than expected: $3"
	else
		fail "$line" "$3"
	fi
}

# as_expected SAW: does what was seen have the pattern of $reason? Takes the
# pattern off $reason.
as_expected()
{
	case $reason in
	/*/*)
		pattern=${reason#/} reason=${reason#/*/ }
		pattern=${pattern%%/*}
		printf '%s' "$1" | grep -qE "$pattern" ;;
	*)
		[ -z "$why" ] ;;
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

# whole: why the run around the cases is not to be trusted, or nothing.
whole()
{
	rc=$(cat "$run/exit" 2>/dev/null || echo none)
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$run/ktap" | head -1)
	seen=$(grep -cE '^(not )?ok ' "$run/ktap" || :)
	bad=$(grep -aE -m1 "$BAD" "$run/console" || :)
	if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
		echo "the guest did not end in time"
	elif [ "$rc" != 0 ]; then
		echo "the guest ended with status $rc: ${bad:-$(grep -a . "$run/console" | tail -1)}"
	elif grep -q '^Bail out!' "$run/ktap"; then
		grep '^Bail out!' "$run/ktap"
	elif [ -z "$planned" ]; then
		echo "no plan"
	elif [ "$planned" = 0 ]; then
		echo "skipped: $(sed -n 's/^1\.\.0 *//p' "$run/ktap")"
	elif [ "$seen" != "$planned" ]; then
		echo "$planned cases planned, $seen results"
	elif ! grep -q '^# guest exit [01]$' "$run/ktap"; then
		echo "the test did not end by itself: $(grep '^# guest' "$run/ktap")"
	# User Mode Linux before 6.12 has no power to switch off, and says so.
	elif ! grep -aqE 'reboot: (Power down|System halted)' "$run/console"; then
		echo "the guest did not power off"
	elif [ -n "$bad" ]; then
		echo "on the console: $bad"
	fi
}

quiet_judge=''
while getopts qh opt; do
	case $opt in
	q) quiet_judge=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || { usage >&2; exit 2; }
run=${1%/}
[ -f "$run/testid" ] || die "$run holds no run"
cat "$run/ktap" "$run/console" > /dev/null 2>&1 || die "$run holds no finished run"
IFS='	' read -r base scenario stack test < "$run/testid"
id=$base.$scenario.$stack
cases=0 failed=0

say "KTAP version 1" > "$run/verdict"
why=$(whole)
if [ -z "$why" ]; then
	verdict ok "$test.run"
else
	verdict 'not ok' "$test.run" "$why"
fi
# The result lines carry the name; the line before each says what was seen.
sed -n -e '/^# [a-z0-9_]*\.[a-z0-9_]*: /{s/^# //;h;}' \
	-e '/^\(not \)\{0,1\}ok .*# SKIP/s/^\(not \)\{0,1\}ok/skip/' \
	-e '/^\(not ok\|ok\|skip\) /{s/^\(not ok\|ok\|skip\) [0-9]* \([^ ]*\).*/\1|\2|/;G;s/\n//;p;}' \
	"$run/ktap" > "$run/cases"
while IFS='|' read -r ok name saw; do
	# What a broken run says of its cases is worth nothing.
	[ -z "$why" ] || ok='not ok'
	say "# $saw" >> "$run/verdict"
	verdict "$ok" "$name" "${why:-$saw}"
done < "$run/cases"
rm -f "$run/cases"
say "1..$cases" >> "$run/verdict"

awk -v id="$base	$scenario	$stack	$test" '
	$1 == "#" && $2 == "metric" { print id "\t" $3 "\t" $4 "\t" $5 }' \
	"$run/ktap" > "$run/results.tsv"
# Processor time of the host, user and system: the difference between the two
# outputs of times, whose even lines are about children.
[ ! -f "$run/times" ] || awk -v id="$base	$scenario	$stack	$test" '
	function seconds(t) { split(t, p, /[ms]/); return p[1] * 60 + p[2] }
	NR == 2 { from = seconds($1) + seconds($2) }
	NR == 4 { printf "%s\tcpu\t%d\tms\n", id, (seconds($1) + seconds($2) - from) * 1000 }' \
	"$run/times" >> "$run/results.tsv"

if [ -z "$quiet_judge" ]; then
	cat "$run/verdict"
elif [ "$failed" -gt 0 ]; then
	grep -B2 '^not ok' "$run/verdict" | grep -v -e XFAIL -e '^--'
fi
[ "$failed" -eq 0 ]
