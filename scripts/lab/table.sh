#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Print the comparison of the stacks, from runs that were made.
#
# Usage: scripts/lab/table.sh [BASE [SCENARIO]]
#        scripts/lab/table.sh -m STACK...
#   -m  only the races of these stacks on the newest base, as a mail has room for
#       them; a run that is missing is an error
#
# One line per stack. Race events are picked nodes that were reaped or freed
# before the flusher wrote them, per 10,000 rounds of the flusher: "alone"
# while the flusher is the first to get to the node, "shared" after another
# flusher of the same node has ended. Wrong nodes: what the flusher then
# wrote was a node with a new life.
. "$(dirname "$0")/../lib/lib.sh"

opt_m=''
options m "$@"
shift $((OPTIND - 1))
if [ -n "$opt_m" ]; then
	printf '  %-8s %7s %12s %13s %11s\n' '' rounds 'taken, alone' 'taken, shared' 'wrong nodes'
	for stack; do
		of="$(newest) VT $stack flush_race"
		# shellcheck disable=SC2086
		rounds=$(figure rounds $of) || die "no run of flush_race on $stack; make makes it"
		# shellcheck disable=SC2086
		printf '  %-8s %7s %12.1f %13.1f %11s\n' "$stack" "$rounds" \
			"$(figure '(reaped + freed) * 10000 / rounds' $of)" \
			"$(figure 'unguarded_taken * 10000 / rounds' $of)" \
			"$(figure 'wrong_node + unguarded_wrong' $of)"
	done
	exit
fi
base=${1:-$BASE} scenario=${2:-VT}

rows=''
for stack in unfixed fixed seed vanilla series; do
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
