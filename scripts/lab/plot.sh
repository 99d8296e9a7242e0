#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Draw pictures of runs that were made, a line per stack.
#
# Usage: scripts/lab/plot.sh [-bp] [BASE [SCENARIO]]
#   -b  those of make bench
#   -p  print the picture, do not put it in a file
#
# Without -b: durable writes done by time, from the journal_full runs, in
# out/journal_full-BASE-SCENARIO.svg.
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
	keep_part "$1"
	say "picture: $1"
}

# line WHAT TITLE NR: one more thing to plot, in $lines, for the stack of that number.
# Each is thinner and darker than the one before, so that one is seen on another.
line()
{
	case $3 in
	1) look="lw 11 lc rgb '#f5b8a8'" ;;
	2) look="lw 6 lc rgb '#5b8fe0'" ;;
	*) look="lw 1.5 lc rgb 'black'" ;;
	esac
	lines="$lines${lines:+, }$1 $look title '$2'"
}

# staircase BASE SCENARIO: writes done by time, one line of the journal_full
# run per stack, as SVG. Whole pixels: what is drawn is the same everywhere.
staircase()
{
	for stack in vanilla series; do
		[ -f "$OUT/runs/$1-$2-$stack-journal_full/ktap" ] ||
			die "no journal_full run of $1 $2 $stack; run: make"
	done
	for stack in vanilla series; do
		sed -n "s/^# progress/$stack/p" "$OUT/runs/$1-$2-$stack-journal_full/ktap"
	done | awk -v base="$1" -v scenario="$2" '
		function x(seconds)	{ return int(60 + 640 * seconds / xmax + 0.5) }
		function y(writes)	{ return int(290 - 240 * writes / ymax + 0.5) }
		function text(left, base_line, anchor, colour, words) {
			printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", left, base_line, anchor, colour, words
		}
		function rule(path)	{ printf "<path d=\"M%s\" stroke=\"#ddd\"/>\n", path }
		# Points on one vertical are drawn by its ends.
		function curve(stack, colour, width,   i, left, top) {
			printf "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%d\" d=\"M%d %d", colour, width, x(0), y(0)
			left = x(0)
			for (i = 1; i <= nr[stack]; i++) {
				if (x(time[stack, i]) != left) {
					left = x(time[stack, i])
					printf "V%dL%d %d", top, left, y(done[stack, i])
				}
				top = y(done[stack, i])
			}
			printf "V%d\"/>\n", top
		}
		function took(stack) { return sprintf("%d writes in %.1f s", ymax, time[stack, nr[stack]]) }
		{
			i = ++nr[$1]
			done[$1, i] = $2
			time[$1, i] = $3 / 1000000
			if ($2 > ymax) ymax = $2
			if (time[$1, i] > tmax) tmax = time[$1, i]
		}
		END {
			xmax = 30 * (int(tmax / 30) + 1)
			print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 340\" font-family=\"sans-serif\" font-size=\"14\">"
			print "<!-- output plot -p -->"
			print "<rect width=\"720\" height=\"340\" fill=\"white\"/>"
			text(60, 28, "start", "black", "Durable 4 KiB writes done, one after another, on a fresh cache, Linux " base)
			for (i = 0; i <= xmax; i += 30) {
				rule(x(i) " 50V290")
				text(x(i), 308, "middle", "black", i)
			}
			for (i = 0; i <= ymax; i += 1000) {
				rule("60 " y(i) "H700")
				text(52, y(i) + 5, "end", "black", i)
			}
			text(380, 330, "middle", "black", "seconds")
			curve("vanilla", "#e88080", 6)
			curve("series", "#1040a0", 2)
			text(690, 270, "end", "#b02020", "as it is: " took("vanilla"))
			text(x(time["series", nr["series"]]) + 8, y(ymax) + 18, "start", "#1040a0", "with the series: " took("series"))
			print "</svg>"
		}'
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
	lines='' nr=0
	for stack in $(bench_stacks); do
		nr=$((nr + 1))
		ktap=$(bench_run "$stack" "$@")/ktap
		! grep -qs '^# one_in' "$ktap" ||
			line "'< sed -n \"s/^# one_in //p\" $ktap' using 1:(\$2/1000) with lines" "$stack" "$nr"
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
	lines='' nr=0
	for stack in $(bench_stacks); do
		nr=$((nr + 1))
		workloads | grep '^work=nodes ' | while read -r settings; do
			# shellcheck disable=SC2086
			tsv=$(bench_run "$stack" $settings)/results.tsv
			[ -f "$tsv" ] || continue
			awk -F '\t' '{ m[$5] = $6 } END { if (m["rounds"])
				print m["nodes"], m["visited"] / m["rounds"], m["p99"] }' "$tsv"
		done > "$OUT/log/plot-$stack"
		[ -s "$OUT/log/plot-$stack" ] || continue
		line "'$OUT/log/plot-$stack' using 1:2 with lines" "$stack: nodes looked at" "$nr"
		line "'$OUT/log/plot-$stack' using 1:3 axes x1y2 with lines dt 2" "$stack: p99" "$nr"
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

todo=draw
opt_b='' opt_p=''
options bp "$@"
shift $((OPTIND - 1))
[ -z "$opt_b" ] || todo=bench
[ -z "$opt_p" ] || todo=print
[ $# -le 2 ] || misused
base=${1:-$BASE} scenario=${2:-VT}
case $todo in
print)
	staircase "$base" "$scenario"
	exit 0
	;;
draw)
	svg=$OUT/journal_full-$base-$scenario.svg
	PART=$svg.part
	staircase "$base" "$scenario" > "$PART"
	keep_part "$svg"
	say "picture: $svg"
	exit 0
	;;
esac
need gnuplot gnuplot-nox
mkdir -p "$OUT/log"
workloads | grep -v 'nodes=' | while read -r settings; do
	# shellcheck disable=SC2086
	distribution $settings
done
sizes
