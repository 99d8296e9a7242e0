#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Is every table in Documentation/ the one that the lab prints today?
#
# Usage: scripts/results.sh [-u]
#   -u  put the newest figures into the documents
#
# A document holds a table between ".. table BASE SCENARIO" and ".. end". VT
# figures are exact, so the text must be the same to the byte. Prints KTAP.
. "$(dirname "$0")/lib.sh"

# update DOC BASE SCENARIO: what is between the marks becomes today's table.
update()
{
	PART=$1.part
	"$TOP/scripts/table.sh" "$2" "$3" | sed 's/^/   /' > "$OUT/lint/table.now"
	awk -v mark=".. table $2 $3" -v table="$OUT/lint/table.now" '
		!skip { print }
		$0 == mark { skip = 1; kept = "" }
		skip && /::$/ { print ""; print; print "" }
		skip && /^\.\. end/ {
			while ((getline line < table) > 0) print line
			print ""; print; skip = 0
		}' "$1" > "$PART"
	mv "$PART" "$1"
	PART=''
}

todo=check
while getopts uh opt; do
	case $opt in
	u) todo=update ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
mkdir -p "$OUT/lint"
wrong=0
for doc in "$TOP"/Documentation/*/*.rst; do
	marks=$(sed -n 's/^\.\. table \(.*\)/\1/p' "$doc")
	[ -n "$marks" ] || continue
	printf '%s\n' "$marks" | while read -r base scenario; do
		if [ $todo = update ]; then
			update "$doc" "$base" "$scenario"
			continue
		fi
		sed -n "/^\.\. table $base $scenario/,/^\.\. end/p" "$doc" |
			sed -n 's/^   //p' > "$OUT/lint/table.doc"
		# shellcheck disable=SC2086
		"$TOP/scripts/table.sh" $base $scenario > "$OUT/lint/table.now"
		if ! diff "$OUT/lint/table.doc" "$OUT/lint/table.now" > "$OUT/lint/table.diff"; then
			say "# ${doc#"$TOP"/} holds other figures than the newest run:"
			sed 's/^/#   /' "$OUT/lint/table.diff"
		fi
	done > "$OUT/lint/results"
	cat "$OUT/lint/results"
	[ ! -s "$OUT/lint/results" ] || wrong=1
done
if [ $wrong = 0 ]; then
	say "ok 1 lint.results"
else
	say "not ok 1 lint.results"
fi
exit $wrong
