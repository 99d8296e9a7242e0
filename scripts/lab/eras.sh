#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Print what was measured on kernels that lack the fix, from results that are kept.
#
# Usage: scripts/lab/eras.sh [-d]
#        KSRC=dir scripts/lab/eras.sh -k NAME
#        KSRC=dir scripts/lab/eras.sh -dk NAME
#   -k NAME  keep what make KSRC= has just shown of a tree, of which NAME says
#            whose it is, in place of what was kept under that name; its bcache is
#            compiled as it is and after each patch, see scripts/checks/compile.sh
#   -d       of other defects; with -k their tests are run, on that tree as it is
#
# Kept results are lines of Documentation/bcache/eras.tsv and eras-defects.tsv:
# no tree of such a kernel can be fetched, so nothing makes them again. The columns
# of the first are those of scripts/lab/table.sh, and how many of these states of the
# tree were built without a new warning. The second has a line per case
# that failed, or why there was none.
. "$(dirname "$0")/../lib/lib.sh"

KEPT=$TOP/Documentation/bcache/eras.tsv
DEFECTS=$TOP/Documentation/bcache/eras-defects.tsv

# row STACK: what is kept of it.
row()
{
	for test in flush_race journal_full; do
		ls "$OUT/runs/ksrc-"*"-$1-$test/results.tsv" > /dev/null 2>&1 ||
			die "no run of $test on $1; make KSRC= makes it"
	done
	cut -f 4- "$OUT/runs/ksrc-"*"-$1-flush_race/results.tsv" \
		"$OUT/runs/ksrc-"*"-$1-journal_full/results.tsv" |
	awk -F '\t' -v OFS='\t' -v built="$built" -v head="$name	$(cat "$OUT/base/ksrc.version")	$(date -u +%F)	$(gcc -dumpfullversion)	$1" '
		{ m[$1, $2] = $3 }
		function race(name) { return m["flush_race", name] }
		END {
			print head, race("rounds"), race("picked"), race("reaped") + race("freed"),
				race("unguarded_taken"), race("wrong_node"),
				race("unguarded_wrong"), race("waits"), race("rate"),
				m["journal_full", "rate"], m["journal_full", "worst"], built
		}'
}

rows()
{
	# Another tree would be copied, and the runs of this one go.
	fetched=$("$TOP/scripts/lab/fetch.sh" -n ksrc) || exit 1
	case $fetched in *'would copy'*) die "KSRC=$KSRC is not what was shown, or has changed; make KSRC= shows it" ;; esac
	built=$("$TOP/scripts/checks/compile.sh" ksrc | awk '
		/^1\.\./ { of = substr($0, 4) + 1 }
		/^ok / { n++ }
		END { if (of) print n + 1 " of " of }')
	[ -n "$built" ] || exit 1	# compile.sh has said why
	for stack in unfixed fixed; do row "$stack"; done
}

# keep FILE FUNCTION: what FUNCTION prints of the tree that was shown, in place of what
# FILE has under that name.
keep()
{
	[ -f "$OUT/base/ksrc.version" ] || die "no tree was shown; make KSRC= does that"
	new=$("$2")	# all of it, or nothing is kept
	PART=$1.part
	{
		awk -F '\t' -v name="$name" '$1 != name' "$1"
		printf '%s\n' "$new"
	} | sort -t '	' -s -k 2,2V -k 1,1 > "$PART"
	keep_part "$1"
}

print()
{
	awk -F '\t' '
		BEGIN {
			format = "%-10s %-8s %7s %7s %6s %6s %5s %5s %5s %7s %7s %8s\n"
			printf format, "", "", "flush", "nodes", "taken", "", "wrong", "", "waits", "writes", "writes/s", "worst,"
			printf format, "", "", "rounds", "picked", "alone", "shared", "alone", "sh.", "kept", "/s", "fresh", "ms"
		}
		$1 != seen { printf "%s\n", $1 ": Linux " $2 ", " $3 ", gcc " $4 ", built " $16; seen = $1 }
		{ printf format, "", $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, sprintf("%.1f", $15 / 1000) }' "$KEPT"
}

# Their disks are those of virtual time.
tests_of_defects()
{
	cat <<-'EOF'
	node_error
	journal_error fault=needed
	write_order
	write_order mode=writeback volatile_mb=128 blocks=256
	journal_wake
	meta_reserve
	gen_limit
	backing_flush
	leaf_flush
	EOF
}

defects()
{
	tests_of_defects | while read -r test; do
		run=$OUT/runs/$(run_id ksrc UP unfixed "$test" disks=null_blk)
		rm -rf "$run"
		# shellcheck disable=SC2086
		"$TOP/scripts/lab/run.sh" ksrc UP unfixed $test disks=null_blk > /dev/null < /dev/null || :
		[ -f "$run/verdict" ] || die "no run of $test on unfixed"
		defect_of "$run" |
			sed "s,^,$name	$(cat "$OUT/base/ksrc.version")	$(date -u +%F)	$test	,"
	done
}

# defect_of RUN: "CASE: what was seen" of each that failed, and how the run ended
# where that was not by itself. Not by the verdict alone: where a run broke each case
# of it failed there, also those that the guest had passed.
defect_of()
{
	{
		sed -n -e '/^# [a-z_]*\.[a-z_]*: /{s/^# [a-z_]*\.//;h;}' -e '/^not ok /{g;p;}' "$1/ktap"
		sed -n 's/^# after [^ ]*: //p' "$1/verdict"
	} | grep . || { grep -q '^ok .*\.events' "$1/verdict" && echo 'every case passed'; } ||
		echo 'nothing came of it'
}

print_defects()
{
	awk -F '\t' '
		function flush()
		{
			if (last)
				printf "%s\n%s", head, (n > 1) ? text : "   every test\n      " first "\n"
			n = 0; text = last = first = test = ""
		}
		$1 != seen { flush(); seen = $1; head = $1 ": Linux " $2 ", " $3 }
		$4 != test { text = text "   " $4 "\n"; test = $4 }
		{ text = text "      " $5 "\n"; n += $5 != last; last = $5; if (!first) first = $5 }
		END { flush() }' "$DEFECTS"
}

opt_k='' opt_d=''
options dk: "$@"
shift $((OPTIND - 1))
[ $# -eq 0 ] || misused
name=$opt_k
case $name in *[!A-Za-z0-9._/-]*) die "'$name' is no name of a tree: letters, digits, . _ / -" ;; esac
if [ -n "$opt_d" ]; then
	[ -z "$name" ] || keep "$DEFECTS" defects
	print_defects
else
	[ -z "$name" ] || keep "$KEPT" rows
	print
fi
