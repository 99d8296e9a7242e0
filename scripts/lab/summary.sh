#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Close: list what failed and what was expected to, count the cases.
#
# Usage: scripts/lab/summary.sh [FILE...] < names of runs, one a line
#   FILE  more verdicts, KTAP
#
# A file that is missing, has no plan, or not as many results as planned, is a
# failure; so is one whose script ended with a status that its cases do not
# explain. Exit status: 0 when nothing failed, else 1.
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))

# shellcheck disable=SC2046
set -- $(sed "s,.*,$OUT/runs/&/verdict,") "$@"
for file; do
	cat "$file" 2>/dev/null || :
	why=$(ktap_broken "$file")
	[ -z "$why" ] || printf '%s\n' "# $why" "not ok 0 ${file#"$OUT"/}"
done | awk '
	/^not ok .*# XFAIL void/ { void++; next }
	/^not ok .*# XFAIL/ {
		expected++
		sub(/^not ok [0-9]+ /, ""); sub(/ # XFAIL/, ":")
		why[expected] = $0
		next
	}
	/^not ok /	{ failed++; bad[failed] = note "\n" $0 }
	/^ok .*# SKIP/	{ skipped++; sub(/^ok [0-9]* */, ""); skip[skipped] = $0; next }
	/^ok /		{ passed++ }
	{ note = (/^# again/ && note != "") ? note "\n" $0 : $0 }
	END {
		if (expected) {
			print "\nexpected failures, each a defect that the stack is known to have:"
			for (i = 1; i <= expected; i++) print "  " why[i]
		}
		if (void)
			print "\nno passes: " void " cases of runs that broke as they have to, or met nothing to look at"
		if (skipped) {
			print "\nskipped:"
			for (i = 1; i <= skipped; i++) print "  " skip[i]
		}
		if (failed) {
			print "\nfailures:"
			for (i = 1; i <= failed; i++) print bad[i]
		}
		printf "\n%d passed, %d failed\n", passed, failed
		exit failed > 0 || passed == 0
	}'
