#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Make the power cuts of tools/testing/selftests/bcache/cuts, a case for each of
# its rows, and one cut twice.
#
# Usage: scripts/checks/crash_test.sh
#
# Prints KTAP. A row fails where a cut fails that it does not name, and where
# something that it names never comes: what it is there to catch is not caught,
# or has been cured. What a point release other than that of patches/bases does
# at these moments is not known: there nothing has to come.
. "$(dirname "$0")/../lib/lib.sh"

# row [BASE:]STACK LOADS [NAME=VALUE...]
row()
{
	stack=$1 base=$BASE seeds=$2
	case $stack in *:*) base=${stack%%:*} stack=${stack#*:} ;; esac
	shift 2
	dir=$OUT/crash/$(run_id "$base" "$stack")
	another_release "$base" && other=1 || other=''
	SEEDS=$seeds BASE=$base STACK=$stack \
		"$TOP/scripts/lab/crash.sh" -q "$@" > "$OUT/crash.log" && ok='ok' || ok='not ok'
	sed -n 's/^  *again: /# &/p; s/^[0-9]/# &/p' "$OUT/crash.log"
	if grep '^0 ' "$dir/expected" | sed 's/^0/# never came:/' | grep . && [ -z "$other" ]; then ok='not ok'; fi
	cases=$((cases + 1))
	say "$ok $cases crash.$(echo "$base.$stack" | tr / -)"
}

# twice: a cut with a seed of its own says the same to the byte.
twice()
{
	for time in 1 2; do
		KEEP=1 "$TOP/scripts/lab/cut.sh" "$BASE" series "$OUT/crash/twice-$time" seed=1000
	done > "$OUT/crash/twice"
	diff -r "$OUT/crash/twice-1" "$OUT/crash/twice-2" > "$OUT/crash/twice.diff" && ok=ok || ok='not ok'
	sed 's/^/# /' "$OUT/crash/twice.diff" | head -5
	grep -q '^# cut after [1-9]' "$OUT/crash/twice-1"/*/ktap || ok='not ok'
	cases=$((cases + 1))
	say "$ok $cases crash.twice"
}

BASE=$(bases | head -1)
cases=0
rows=$(grep '^[a-z0-9]' "$SELF/cuts")
say 'KTAP version 1'
say "1..$(($(echo "$rows" | wc -l) + 1))"
echo "$rows" > "$OUT/crash.rows"
while read -r line; do
	# shellcheck disable=SC2086
	row $line
done < "$OUT/crash.rows"
twice
