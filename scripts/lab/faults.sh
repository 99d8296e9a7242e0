#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What one fault of a disk does to the cache, with each stack beside the others.
#
# Usage: scripts/lab/faults.sh [-ant]
#   -a  no faults of disks, but allocations that fail; builds kernels of its own
#   -t  make none, print the table of those that were made last
#   -n  say what would be done
#
# Environment: N, how many faults of each kind are made (default 2; -a: 12); BASE.
#
# A row is a kind of request and what becomes of one such request, or a function
# whose allocation fails; a column has what came of it, with how often.
# scripts/lab/crash.sh -f or -a makes the faults.
. "$(dirname "$0")/../lib/lib.sh"

# refused CUTS: each row of which some were refused, and why by the list of those known.
refused()
{
	sort "$1" | awk -F '\t' -v list="$SELF/faults" '
		BEGIN {
			while ((getline line < list) > 0) {
				if (line ~ /^[^\t]/) on = line == "series"
				if (!on || line !~ /^\trefused /) continue
				split(line, part, " /|/ ")
				pattern[++n] = part[2]
				reason[n] = substr(line, index(line, "/ ") + 2)
			}
		}
		$2 == "refused" {
			match($1, /fault=[^ ]*/)
			row = substr($1, RSTART + 6, RLENGTH - 6)
			for (i = 1; i <= n && (row ": " $3) !~ pattern[i]; i++);
			if (last != row i) rows[i] = rows[i] (rows[i] ? ", " : "") row
			last = row i
		}
		END {
			print "\nRefused with series:"
			reason[n + 1] = "not known"
			for (i = 1; i <= n + 1; i++)
				if (rows[i]) print "\n" rows[i] "\n" reason[i]
		}' | fold -s -w 75 | sed 's/ *$//'
}

opt_a='' opt_t=''
options ant "$@"
stacks='vanilla series' mode=f made=faults scenario=VT
[ -z "$opt_a" ] || { mode=a made=allocs scenario=ALLOC; }
bad=0
for stack in $stacks; do
	[ -z "$opt_t" ] || break
	STACK=$stack "$TOP/scripts/lab/crash.sh" ${DRY:+-n} "-${mode}q" || bad=1
done
[ -z "$DRY" ] || exit 0

# shellcheck disable=SC2086
for stack in $stacks; do
	cuts=$OUT/crash/$(run_id "$BASE" "$stack" "$made")/cuts
	[ -f "$cuts" ] || die "no faults of $stack on $BASE; scripts/lab/faults.sh ${opt_a:+-a }makes them"
	sed "s,^,$stack	," "$cuts"
done | awk -F '\t' -v base="$BASE $scenario" -v stacks="$stacks" '
	{
		match($2, /fault=[^ ]*/)
		row = substr($2, RSTART + 6, RLENGTH - 6)
		if (match($4, /(^|, )in [^ ]*( of [^ ]*)?$/)) {
			split(substr($4, RSTART), word, "in ")
			sub(/ .*/, "", word[2])
			row = row " " word[2]
		}
		rows[row]
		if (!($3 in known)) { known[$3]; kinds[++nr] = $3 }
		count[row, $1, $3]++
	}
	function cell(row, stack,    i, text) {
		for (i = 1; i <= nr; i++)
			if ((row, stack, kinds[i]) in count)
				text = text (text ? ", " : "") count[row, stack, kinds[i]] " " kinds[i]
		return text ? text : "-"
	}
	END {
		n = split(stacks, stack, " ")
		# In one order, whatever came first.
		for (i = 1; i <= nr; i++)
			for (j = i; j > 1 && kinds[j] < kinds[j - 1]; j--) {
				t = kinds[j]; kinds[j] = kinds[j - 1]; kinds[j - 1] = t
			}
		line = sprintf("%-31s", base)
		for (i = 1; i <= n; i++) line = line sprintf(" %-22s", stack[i])
		sub(/ *$/, "", line)
		print line
		for (row in rows) {
			line = sprintf("%-31s", row)
			for (i = 1; i <= n; i++) line = line sprintf(" %-22s", cell(row, stack[i]))
			sub(/ *$/, "", line)
			print line | "sort"
		}
	}'
[ -n "$opt_a" ] || refused "$OUT/crash/$(run_id "$BASE" series faults)/cuts"
exit $bad
