#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Print the comparison of the stacks, from runs that were made.
#
# Usage: scripts/lab/table.sh [BASE [SCENARIO]]
#
# One line per stack. Race events are picked nodes that were reaped or freed
# before the flusher wrote them, per 10,000 rounds of the flusher: "alone"
# while the flusher is the first to get to the node, "shared" after another
# flusher of the same node has ended. Wrong nodes: what the flusher then
# wrote was a node with a new life.
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))

base=${1:-$BASE} scenario=${2:-VT}

rows=''
for stack in unfixed seed vanilla series; do
	[ ! -f "$OUT/runs/$base-$scenario-$stack-flush_race/results.tsv" ] ||
		rows="$rows $stack"
done
[ -n "$rows" ] || die "no runs of $base $scenario; run: make"

printf '%-9s %8s %8s %13s %13s %7s %7s %9s %12s\n' \
	'' 'flush' 'nodes' 'taken/10,000' 'wrong nodes' 'waits' 'writes' 'writes' 'worst write'
printf '%-9s %8s %8s %6s %6s %6s %6s %7s %7s %9s %12s\n' \
	"$base $scenario" 'rounds' 'picked' 'alone' 'shared' 'alone' 'shared' 'kept' '/s' '/s fresh' 'fresh, ms'
for stack in $rows; do
	cat "$OUT/runs/$base-$scenario-$stack-flush_race/results.tsv" \
		"$OUT/runs/$base-$scenario-$stack-journal_full/results.tsv" 2>/dev/null |
	awk -F '\t' -v stack="$stack" '
		{ m[$4, $5] = $6 }
		function race(name) { return m["flush_race", name] }
		function rate(n) { return n * 10000 / race("rounds") }
		END {
			printf "%-9s %8d %8d %6.1f %6.1f %6d %6d %7d %7d %9d %12.3f\n",
				stack, race("rounds"), race("picked"),
				rate(race("reaped") + race("freed")),
				rate(race("unguarded_taken")),
				race("wrong_node"), race("unguarded_wrong"),
				race("waits"), race("rate"),
				m["journal_full", "rate"],
				m["journal_full", "worst"] / 1000
		}'
done
