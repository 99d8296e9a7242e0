#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Make the power cuts of tools/testing/selftests/bcache/cuts, the single faults of
# faults and the failed allocations of allocs, a case for each row, one cut twice,
# all of a short load, one of a disk that loses nothing, a fault that nothing meets,
# a load that dies and two at once.
#
# Usage: scripts/checks/crash_test.sh
#
# Prints KTAP. A row fails where a cut fails that it does not name, and where
# something that it names never comes: what it is there to catch is not caught,
# or has been cured. What a point release other than that of patches/bases does
# at these moments is not known: there nothing has to come.
. "$(dirname "$0")/../lib/lib.sh"

# cuts_of [BASE:]STACK LOADS [NAME=VALUE...]
cuts_of()
{
	stack=$1 base=$BASE loads=$2
	case $stack in *:*) base=${stack%%:*} stack=${stack#*:} ;; esac
	shift 2
	dir=$OUT/crash/$(run_id "$base" "$stack")
	# Some hang for certain; the others take a second.
	export SEEDS="$loads" CUT_SECONDS=20
	row crash "$@"
	unset SEEDS CUT_SECONDS
}

# faults_of STACK [fault=NAME...]
faults_of()
{
	stack=$1 base=$BASE
	shift
	dir=$OUT/crash/$(run_id "$base" "$stack" faults)
	row faults -f "$@"
}

# allocs_of STACK spot=NAME...
allocs_of()
{
	stack=$1 base=$BASE
	shift
	dir=$OUT/crash/$(run_id "$base" "$stack" allocs)
	row allocs -a "$@"
}

# row NAME ARG...: a case, of $stack on $base.
row()
{
	name=$1
	shift
	another_release "$base" && other=1 || other=''
	BASE=$base STACK=$stack "$TOP/scripts/lab/crash.sh" -q "$@" > "$OUT/crash.log" && ok='ok' || ok='not ok'
	sed -n 's/^  *again: /# &/p; s/^[0-9]/# &/p' "$OUT/crash.log"
	if grep '^0 ' "$dir/expected" | sed 's/^0/# never came:/' | grep . && [ -z "$other" ]; then ok='not ok'; fi
	cases=$((cases + 1))
	say "$ok $cases $name.$(echo "$base.$stack" | tr / -)"
}

# sweep: a short load, cut after each moment at which the cache disk completed a
# request. At most of them something was acknowledged.
sweep()
{
	SLICE=sweep "$TOP/scripts/lab/crash.sh" -qw ops=12 threads=2 bucket_k=8 block=512 \
		cache_us=500 cache_volatile=32 backing_volatile=0 mode=1 running=1 dsync=16 \
		sync=8 fill=0 calm=0 > "$OUT/crash.log" && ok='ok' || ok='not ok'
	moments=$(grep -c '	[1-9][0-9]* 0$' "$OUT/crash/$(run_id "$BASE" series sweep)/cuts")
	say "# kept at $moments moments"
	[ "$moments" -ge 15 ] || ok='not ok'
	cases=$((cases + 1))
	say "$ok $cases crash.sweep"
}

# says NAME PATTERN SETTING...: one cut, and what comes of it.
says()
{
	name=$1 pattern=$2
	shift 2
	"$TOP/scripts/lab/crash.sh" -r "$@" | tail -n 1 | grep -q "	$pattern" && ok=ok || ok='not ok'
	cases=$((cases + 1))
	say "$ok $cases $name"
}

# twice: a cut with a seed of its own says the same to the byte, tears something and
# keeps something.
twice()
{
	for time in 1 2; do
		KEEP=1 "$TOP/scripts/lab/cut.sh" "$BASE" series "$OUT/crash/twice-$time" seed=1005 torn=1 keeps=1 cache_volatile=32 dsync=0 sync=2
	done > "$OUT/crash/twice"
	diff -r "$OUT/crash/twice-1" "$OUT/crash/twice-2" > "$OUT/crash/twice.diff" && ok=ok || ok='not ok'
	sed 's/^/# /' "$OUT/crash/twice.diff" | head -5
	grep -q '^# cut after [1-9]' "$OUT/crash/twice-1"/*/ktap || ok='not ok'
	grep -q '^# cut tears [1-9]' "$OUT/crash/twice-1"/*/ktap || ok='not ok'
	grep -q '^# cut keeps [1-9]' "$OUT/crash/twice-1"/*/ktap || ok='not ok'
	cases=$((cases + 1))
	say "$ok $cases crash.twice"
}

# together: a second one of the same stack is refused, and takes nothing away.
together()
{
	dir=$OUT/crash/$(run_id "$BASE" series together)
	mkdir -p "$dir"
	echo kept > "$dir/cuts"
	SLICE=together N=1 flock "$OUT/log/crash-${dir##*/}.lock" "$TOP/scripts/lab/crash.sh" -q > "$OUT/crash.log" 2>&1 && ok='not ok' || ok=ok
	grep -q 'crash-.*-together is under way already$' "$OUT/crash.log" && grep -qx kept "$dir/cuts" || ok='not ok'
	cases=$((cases + 1))
	say "$ok $cases crash.together"
}

BASE=$(bases | head -1)
cases=0
say 'KTAP version 1'
say "1..$(($(cat "$SELF/cuts" "$SELF/faults" "$SELF/allocs" | grep -c '^[a-z0-9]') + 8))"
for what in cuts faults allocs; do
	grep '^[a-z0-9]' "$SELF/$what" > "$OUT/crash.rows"
	while read -r line; do
		# shellcheck disable=SC2086
		${what}_of $line
	done < "$OUT/crash.rows"
done
twice
sweep
# A disk that keeps what was not flushed is no judge.
says crash.lies 'broken	.* keeps rewrites without a flush' cache_volatile=32 lies=1
# A device without its cache is right where nothing was in the cache alone.
says crash.forgotten 'lost	' forget=1 mode=1 running=0 cutoff_k=0 torn=0
says crash.forgets 'kept	no cache' forget=1 mode=0 chore_us=0 torn=0 backing_volatile=0
# A fault of a sector that no request comes to is no pass, nor is a load that dies.
set -- load=root fault=none fault_ns=1 fault_at=16383 fault_end_ns=60000000000
says faults.missed 'missed	' "$@"
says faults.dies 'error	the load ended with' "$@" mode=999999999 chore_us=1000
together
