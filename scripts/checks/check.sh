#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Check everything that must hold: lint, every patch compiled on every base,
# the runs of the lab, then the tables and the commands of the documents.
#
# Usage: scripts/checks/check.sh [-n] [NAME]
#   NAME  only that test (a guest program) or that check of scripts/checks/lint.sh
#   -n    say what would be run
#
# Exit status: 0 when nothing failed that was not expected to, else 1.
. "$(dirname "$0")/../lib/lib.sh"

# cases NAME SCRIPT ARG...: add the cases of a script. One that fails without
# saying which case, or says nothing, is a failed case of that name.
cases()
{
	cases_name=$1 cases_ktap=$OUT/$2.ktap script=$(script "$2")
	shift 2
	"$script" "$@" > "$cases_ktap" 2>&1 && cases_rc=0 || cases_rc=1
	if [ "$cases_rc" = 0 ]; then
		grep -qE '^(not )?ok ' "$cases_ktap"
	else
		grep -q '^not ok ' "$cases_ktap"
	fi || say "not ok 0 $cases_name" >> "$cases_ktap"
	grep -vE '^(ok|KTAP|1\.\.)' "$cases_ktap" || :
	cat "$cases_ktap" >> "$OUT/lint.ktap"
}

options n "$@"
shift $((OPTIND - 1))
name=${1:-}

case " $(lint_names) " in
*" $name "*) lint=$name tests='' ;;
*)
	lint='' tests=$name
	[ -z "$name" ] || [ -f "$TOP/tools/testing/selftests/bcache/$name.c" ] ||
		die "unknown test or check '$name'; checks: $(lint_names)"
	;;
esac

"$TOP/scripts/lab/install.sh" ${DRY:+-n} check
if [ -n "$DRY" ]; then
	[ -n "$lint" ] || "$TOP/scripts/lab/runs.sh" -n ${tests:+-t "$tests"} show check
	exit 0
fi
# shellcheck disable=SC2046
"$TOP/scripts/lab/fetch.sh" $(bases)

: > "$OUT/verdicts"
: > "$OUT/lint.ktap"
if [ -z "$tests" ]; then
	step lint
	# shellcheck disable=SC2086
	"$TOP/scripts/checks/lint.sh" $lint > "$OUT/lint.ktap" || :
	grep -v '^ok' "$OUT/lint.ktap" | grep -vE '^(KTAP|1\.\.)' || :
	step_done
fi
if [ -z "$name" ]; then
	for base in $(bases); do
		step "compile every patch on $base"
		cases "compile.$base" compile "$base"
		step_done
	done
fi
if [ -z "$lint" ]; then
	"$TOP/scripts/lab/runs.sh" ${tests:+-t "$tests"} show check
fi
if [ -z "$name" ]; then
	say
	"$TOP/scripts/lab/table.sh"
	for base in $(bases); do
		say
		"$TOP/scripts/lab/defects.sh" "$base"
	done
	cases lint.figures figures
	step 'the commands of the documents'
	cases commands commands
	step_done
fi
"$TOP/scripts/lab/summary.sh" "$OUT/lint.ktap" < "$OUT/verdicts"
