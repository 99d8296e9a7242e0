#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Draw pictures of runs that were made, a line per stack.
#
# Usage: scripts/lab/plot.sh [-b] [BASE [SCENARIO]]
#   -b  those of make bench
#
# Without -b: the slowest of every ten durable writes on a fresh cache, from
# the journal_full runs, in out/journal_full-BASE-SCENARIO.svg.
# With -b: for each workload how many of its writes took how long, in
# out/bench-BASE-SCENARIO-WORK.svg, and for the one that comes with several
# sizes of the tree what a round of the flusher costs in each.
. "$(dirname "$0")/../lib/lib.sh"

# draw SVG: what gnuplot makes of the commands on standard input.
draw()
{
	PART=$1.part
	{
		echo "set terminal svg size 900,420 background rgb 'white'"
		echo 'set key outside'
		cat
	} | gnuplot > "$PART" 2> "$OUT/log/plot.log" || die "gnuplot failed; see $OUT/log/plot.log"
	mv "$PART" "$1"
	PART=''
	say "picture: $1"
}

# line WHAT TITLE: one more thing to plot, in $lines.
line()
{
	lines="$lines${lines:+, }$1 title '$2'"
}

journal_full()
{
	lines=''
	# vanilla first: its peaks must not hide the others.
	for stack in vanilla unfixed seed series; do
		ktap=$OUT/runs/$base-$scenario-$stack-journal_full/ktap
		[ ! -f "$ktap" ] ||
			line "'< sed -n \"s/^# progress //p\" $ktap' using 1:(\$3/1000) with lines lw 2" "$stack"
	done
	[ -n "$lines" ] || die "no journal_full runs of $base $scenario; run: make"
	draw "$OUT/journal_full-$base-$scenario.svg" <<-END
		set title 'Durable 4 KiB writes on a fresh cache, $base $scenario: slowest of each ten'
		set xlabel 'writes done'
		set ylabel 'ms (log)'
		set logscale y
		set yrange [0.1:100000]
		plot $lines
	END
}

# bench_run STACK SETTING...: the directory of a run.
bench_run()
{
	stack=$1
	shift
	echo "$OUT/runs/$(run_id "$base" "$scenario" "$stack" bench "$@")"
}

# distribution SETTING...: of one write in N the fastest took so long.
distribution()
{
	work=$(printf '%s\n' "$@" | sed -n 's/^work=//p')
	lines=''
	for stack in vanilla series; do
		ktap=$(bench_run $stack "$@")/ktap
		! grep -qs '^# one_in' "$ktap" ||
			line "'< sed -n \"s/^# one_in //p\" $ktap' using 1:(\$2/1000) with linespoints lw 2" $stack
	done
	[ -n "$lines" ] || return 0
	draw "$OUT/bench-$base-$scenario-$work.svg" <<-END
		set title 'bench work=$work, $base $scenario: one write in so many took this long, or longer'
		set xlabel 'one in (log)'
		set ylabel 'ms (log)'
		set logscale xy
		plot $lines
	END
}

# sizes: what the flusher looks at in a round, by the size of the tree, and
# how long a write takes then.
sizes()
{
	lines=''
	for stack in vanilla series; do
		workloads | grep 'nodes=' | while read -r settings; do
			# shellcheck disable=SC2086
			tsv=$(bench_run $stack $settings)/results.tsv
			[ -f "$tsv" ] || continue
			awk -F '\t' '{ m[$5] = $6 } END { if (m["rounds"])
				print m["nodes"], m["visited"] / m["rounds"], m["p99"] }' "$tsv"
		done > "$OUT/log/plot-$stack"
		[ -s "$OUT/log/plot-$stack" ] || continue
		line "'$OUT/log/plot-$stack' using 1:2 with linespoints lw 2" "$stack: nodes looked at"
		line "'$OUT/log/plot-$stack' using 1:3 axes x1y2 with linespoints dt 2 lw 2" "$stack: p99"
	done
	[ -n "$lines" ] || return 0
	draw "$OUT/bench-$base-$scenario-nodes.svg" <<-END
		set title 'bench work=nodes, $base $scenario: what a round of the flusher looks at'
		set xlabel 'nodes in the cache (log)'
		set ylabel 'nodes looked at in a round (log)'
		set y2label 'p99 of a write, us'
		set ytics nomirror
		set y2tics
		set y2range [0:*]
		set logscale xy
		plot $lines
	END
}

todo=journal_full
while getopts bh opt; do
	case $opt in
	b) todo=bench ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 2 ] || { usage >&2; exit 2; }
base=${1:-$BASE} scenario=${2:-VT}
need gnuplot gnuplot-nox
mkdir -p "$OUT/log"
if [ $todo = journal_full ]; then
	journal_full
	exit 0
fi
workloads | grep -v 'nodes=' | while read -r settings; do
	# shellcheck disable=SC2086
	distribution $settings
done
sizes
