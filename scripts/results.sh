#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Is every table in Documentation/ the one that the lab prints today?
#
# Usage: scripts/results.sh
#
# A document holds a table between ".. table BASE SCENARIO" and ".. end". VT
# figures are exact, so the text must be the same to the byte. Prints KTAP.
. "$(dirname "$0")/lib.sh"

wrong=0
for doc in "$TOP"/Documentation/*/*.rst; do
	marks=$(sed -n 's/^\.\. table \(.*\)/\1/p' "$doc")
	[ -n "$marks" ] || continue
	printf '%s\n' "$marks" | while read -r base scenario; do
		sed -n "/^\.\. table $base $scenario/,/^\.\. end/p" "$doc" |
			sed -n 's/^   //p' > "$OUT/lint/table.doc"
		# shellcheck disable=SC2086
		"$TOP/scripts/table.sh" $base $scenario > "$OUT/lint/table.now"
		if ! diff "$OUT/lint/table.doc" "$OUT/lint/table.now" > "$OUT/lint/table.diff"; then
			say "# ${doc#"$TOP"/} holds other figures than the newest run:"
			sed 's/^/#   /' "$OUT/lint/table.diff"
			false
		fi
	done || wrong=1
done
if [ $wrong = 0 ]; then
	say "ok 1 lint.results"
else
	say "not ok 1 lint.results"
fi
exit $wrong
