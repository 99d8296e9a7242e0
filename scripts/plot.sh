#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Draw the slowest of every ten durable writes on a fresh cache, a line per
# stack, from the journal_full runs.
#
# Usage: scripts/plot.sh [BASE [SCENARIO]]
#
# Result: out/journal_full-BASE-SCENARIO.svg
. "$(dirname "$0")/lib.sh"

base=${1:-$BASE} scenario=${2:-VT}
need gnuplot gnuplot-nox
svg=$OUT/journal_full-$base-$scenario.svg
lines=''
# vanilla first: its peaks must not hide the others.
for stack in vanilla unfixed seed series; do
	ktap=$OUT/runs/$base-$scenario-$stack-journal_full/ktap
	[ -f "$ktap" ] || continue
	lines="$lines${lines:+, }'< sed -n \"s/^# progress //p\" $ktap' using 1:(\$3/1000) with lines lw 2 title '$stack'"
done
[ -n "$lines" ] || die "no journal_full runs of $base $scenario; run: make"
PART=$svg.part
gnuplot > "$PART" 2> "$OUT/log/plot.log" <<-END || die "gnuplot failed; see $OUT/log/plot.log"
	set terminal svg size 900,420 background rgb 'white'
	set title 'Durable 4 KiB writes on a fresh cache, $base $scenario: slowest of each ten'
	set xlabel 'writes done'
	set ylabel 'ms (log)'
	set logscale y
	set yrange [0.1:100000]
	set key outside
	plot $lines
END
mv "$PART" "$svg"
PART=''
say "picture: $svg"
