#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Check everything that must hold: lint, every patch compiled on every base,
# the runs of the lab, then the tables and the commands of the documents.
#
# Usage: scripts/checks/check.sh [-n] [NAME]
#        scripts/checks/check.sh -p SCRIPT [ARG...]
#   NAME  only that test (a guest program; crash: the power cuts; ksrc: a tree of
#         the user's) or that check
#         of scripts/checks/lint.sh
#   -n    say what would be run
#   -p    one part: what that script says goes to out/check
#
# Exit status: 0 when nothing failed that was not expected to, else 1.
. "$(dirname "$0")/../lib/lib.sh"

# part SCRIPT ARG...: a part of the whole, whose script reports cases.
part()
{
	part_name=$(echo "$*" | sed 's/_test$//; s/ /-/g')
	ktap=$OUT/check/$part_name.ktap part_script=$(script "$1")
	shift
	timed "$part_name" take "$ktap" "$part_script" "$@"
}

# timed NAME COMMAND...: a step, and how long it took for the list at the end.
timed()
{
	step "$1"
	timed_name=$1
	shift
	"$@"
	step_done
	printf '  %-24s %5s s\n' "$timed_name" "$(($(date +%s) - step_from))" >> "$OUT/check/times"
}

# runs: those of the lab. Where a kernel cannot even be built, that is a case.
runs()
{
	"$TOP/scripts/lab/runs.sh" "$@" || printf '%s\n' 1..1 'not ok 1 runs' > "$OUT/check/runs.ktap"
}

tables()
{
	"$TOP/scripts/lab/table.sh"
	for base in $(bases); do
		say
		"$TOP/scripts/lab/defects.sh" "$base"
	done
}

opt_p=''
options np "$@"
shift $((OPTIND - 1))
if [ -n "$opt_p" ]; then
	[ $# -gt 0 ] || misused
	[ -z "$DRY" ] || misused
	mkdir -p "$OUT/check"
	part "$@"
	exit
fi
name=${1:-}

case " $(lint_names) " in
*" $name "*) lint=$name tests='' ;;
*)
	lint='' tests=$name
	[ -z "$name" ] || [ "$name" = ksrc ] || [ -f "$TOP/tools/testing/selftests/bcache/$name.c" ] ||
		die "unknown test or check '$name'; checks: $(lint_names)"
	;;
esac

case $name in crash|ksrc) cuts=1 ;; *) cuts='' ;; esac

"$TOP/scripts/lab/install.sh" ${DRY:+-n} check
if [ -n "$DRY" ]; then
	[ -n "$lint$cuts" ] || "$TOP/scripts/lab/runs.sh" -n ${tests:+-t "$tests"} show check
	exit 0
fi
# shellcheck disable=SC2046
"$TOP/scripts/lab/fetch.sh" $(bases)

rm -rf "$OUT/check"
mkdir -p "$OUT/check"
: > "$OUT/verdicts"
# shellcheck disable=SC2086
[ -z "$lint" ] || part lint $lint
# These keep little more than one CPU busy, so side by side.
if [ -z "$name" ]; then
	{ echo lint; bases | sed 's/^/compile /'; } |
		xargs -P "$JOBS" -L 1 env JOBS=1 "$0" -p ||
		printf '%s\n' 1..1 'not ok 1 parts' > "$OUT/check/parts.ktap"
fi
[ -n "$lint$cuts" ] || timed runs runs ${tests:+-t "$tests"} show check
case $name in
ksrc) part ksrc_test ;;
''|crash) part crash_test ;;
esac
if [ -z "$name" ]; then
	say
	tables || :
	part figures
	part commands
fi
say
cat "$OUT/check/times"
# shellcheck disable=SC2046
"$TOP/scripts/lab/summary.sh" $(find "$OUT/check" -name '*.ktap' | sort) < "$OUT/verdicts"
