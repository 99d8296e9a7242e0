#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run a set of runs and add up their verdicts.
#
# Usage: scripts/lab/runs.sh [-n] [-t TEST] SET...
#   SET      show, check: rows of tools/testing/selftests/bcache/runs; "-": rows on
#            standard input, without a set
#   -t TEST  only the rows of that test
#   -n       say what would be run
#
# Kernels are built, then the runs go in parallel where time is virtual. Result:
# out/verdicts, the directories of the runs in order, and a summary line per run.
# A kernel that does not build costs its runs, not those of the others: they
# have no verdict.
. "$(dirname "$0")/../lib/lib.sh"

opt_t=''
options nt: "$@"
shift $((OPTIND - 1))
[ $# -gt 0 ] || misused

# A run that two rows ask for, one of them for every base, is made once.
rows=$(if [ "$1" = - ]; then sed 's/^/- /'; else rows "$@"; fi | awk -v only="$opt_t" '
	{ sub(/^[^ ]* /, "") }
	(only == "" || $4 == only) && !seen[$0]++')
[ -n "$rows" ] || die "no run of test '$opt_t' in the sets: $*"

# Whole kernels one after another, each on all CPUs. The stacks start from a
# copy of one and keep little more than one CPU busy: a tree for each CPU.
kernels=$(echo "$rows" | cut -d ' ' -f 1-3 | awk '!seen[$0]++')
echo "$kernels" | awk '!seen[$1, $2]++ { print $1, $2, "vanilla" }' |
	xargs -L 1 "$TOP/scripts/lab/build.sh" ${DRY:+-n} || :
# Without its vanilla a stack has nothing to start from: not tried once more.
echo "$kernels" | while read -r base scenario stack; do
	[ -z "$DRY" ] && [ ! -f "$(kernel_dir "$base" "$scenario" vanilla)/.stamp" ] ||
		echo "$base $scenario $stack"
done | awk '
	{ tree = $1 " " $3; list[tree] = list[tree] (list[tree] ? "," : "") $2 }
	!seen[tree]++ { order[++n] = tree }
	END {
		for (i = 1; i <= n; i++) {
			split(order[i], part, " ")
			print part[1], list[order[i]], part[2]
		}
	}' | xargs -r -P "$JOBS" -L 1 env JOBS=1 "$TOP/scripts/lab/build.sh" ${DRY:+-n} || :
"$TOP/scripts/lab/guest.sh" ${DRY:+-n}
if [ -n "$DRY" ]; then
	echo "$rows" | sed 's/^/would run /'
	exit 0
fi

step "$(echo "$rows" | wc -l) runs"
: > "$OUT/verdicts"
echo "$rows" | while read -r row; do
	# shellcheck disable=SC2086
	id=$(run_id $row)
	rm -f "$OUT/runs/$id/verdict"
	echo "$id" >> "$OUT/verdicts"
done
# A kernel without a stamp did not build.
: > "$OUT/virtual.rows"
: > "$OUT/real.rows"
echo "$rows" | while read -r base scenario stack row; do
	[ -f "$(kernel_dir "$base" "$scenario" "$stack")/.stamp" ] || continue
	virtual "$scenario" && time=virtual || time=real
	echo "$base $scenario $stack $row" >> "$OUT/$time.rows"
done
cat "$OUT/virtual.rows" "$OUT/real.rows" | grep -q . || die "no kernel was built"
QUIET=1 xargs -r --process-slot-var=SLOT -P "$JOBS" -L 1 "$TOP/scripts/lab/run.sh" < "$OUT/virtual.rows" || :
# In real time two kernels at once would disturb each other.
QUIET=1 xargs -r -P 1 -L 1 "$TOP/scripts/lab/run.sh" < "$OUT/real.rows" || :
step_done

while read -r id; do
	awk -v id="$id" '
		/^ok /		{ ok++ }
		/^not ok .*# XFAIL/ { expected++; next }
		/^not ok /	{ bad++ }
		END { printf "  %-36s %2d ok %2d expected to fail %2d failed\n",
			id, ok, expected, bad }' "$OUT/runs/$id/verdict" 2> /dev/null || printf '  %-36s no verdict\n' "$id"
done < "$OUT/verdicts"
