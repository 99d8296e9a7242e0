#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Print what was measured on kernels that lack the fix, from results that are kept.
#
# Usage: scripts/lab/eras.sh
#        scripts/lab/eras.sh -k NAME
#   -k NAME  keep what make KSRC= has just shown of a tree, of which NAME says
#            whose it is, in place of what was kept under that name
#
# Kept results are lines of Documentation/bcache/eras.tsv: no tree of such a
# kernel can be fetched, so nothing makes them again. The columns are those of
# scripts/lab/table.sh.
. "$(dirname "$0")/../lib/lib.sh"

KEPT=$TOP/Documentation/bcache/eras.tsv

# row STACK: what is kept of it.
row()
{
	for test in flush_race journal_full; do
		tsv=$(ls "$OUT/runs/ksrc-"*"-$1-$test/results.tsv" 2>/dev/null) ||
			die "no run of $test on $1; make KSRC= makes it"
		cut -f 4- "$tsv"
	done | awk -F '\t' -v OFS='\t' -v head="$name	$(cat "$OUT/base/ksrc.version")	$(date -u +%F)	$(gcc -dumpfullversion)	$1" '
		{ m[$1, $2] = $3 }
		function race(name) { return m["flush_race", name] }
		END {
			print head, race("rounds"), race("picked"), race("reaped") + race("freed"),
				race("unguarded_taken"), race("wrong_node"),
				race("unguarded_wrong"), race("waits"), race("rate"),
				m["journal_full", "rate"], m["journal_full", "worst"]
		}'
}

keep()
{
	[ -f "$OUT/base/ksrc.version" ] || die "no tree was shown; make KSRC= does that"
	PART=$KEPT.part
	{
		grep -v "^$name	" "$KEPT" 2>/dev/null || :
		for stack in unfixed fixed; do row "$stack"; done
	} | sort -t '	' -s -k 2,2V -k 1,1 > "$PART"
	keep_part "$KEPT"
}

print()
{
	awk -F '\t' '
		BEGIN {
			format = "%-10s %-8s %7s %7s %6s %6s %5s %5s %5s %7s %7s %8s\n"
			printf format, "", "", "flush", "nodes", "taken", "", "wrong", "", "waits", "writes", "writes/s", "worst,"
			printf format, "", "", "rounds", "picked", "alone", "shared", "alone", "sh.", "kept", "/s", "fresh", "ms"
		}
		$1 != seen { printf "%s\n", $1 ": Linux " $2 ", " $3 ", gcc " $4; seen = $1 }
		{ printf format, "", $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, sprintf("%.1f", $15 / 1000) }' "$KEPT"
}

opt_k=''
options k: "$@"
shift $((OPTIND - 1))
[ $# -eq 0 ] || misused
name=$opt_k
[ -z "$name" ] || keep
print
