#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# How many acknowledged blocks power cuts and faults of a disk lose, per stack.
#
# Usage: scripts/lab/lost.sh [-n]
#   -n  say what would be done
#
# A small slice of scripts/lab/crash.sh, made again where the kernel or the guest
# changed: ten power cuts, and a few faults of some kinds. "make faults" and
# "make crash" make more.
. "$(dirname "$0")/../lib/lib.sh"

export SLICE=front
FAULTS='fault=root-leaf/write fault=journal/read-register-cut fault=data/write
	fault=journal/write fault=data/gone load=root'

# slice STACK
slice()
{
	dir=$OUT/crash/$(run_id "$BASE" "$1" faults front)
	stamp=$(cat "$(kernel_dir "$BASE" VT "$1")/linux" "$OUT/guest/initrd" \
		"$0" "$TOP/scripts/lab/crash.sh" "$TOP/scripts/lab/cut.sh" | sha256sum)
	[ "$(cat "$dir/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	N=10 STACK=$1 anyway -q
	# shellcheck disable=SC2086
	N=3 STACK=$1 anyway -fq $FAULTS
	for cuts in "$dir/cuts" "$OUT/crash/$(run_id "$BASE" "$1" front)/cuts"; do
		if [ ! -s "$cuts" ] || [ "$(wc -l < "$cuts")" != "$(wc -l < "${cuts%cuts}places")" ] ||
			grep -q '	broken	' "$cuts"; then
			die "guests of $1 came to no end; see $cuts"
		fi
	done
	echo "$stamp" > "$dir/.stamp"
}

# anyway ARG...: make them. Failures are what is counted here, but not those of which
# crash.sh dies, with a word to stderr.
anyway()
{
	said=$("$TOP/scripts/lab/crash.sh" "$@" 2>&1 > "$OUT/log/lost.log") || [ -z "$said" ] || die "$said"
}

options n "$@"
stacks='vanilla series'
[ "$(topics next)" = "$(topics series)" ] || stacks="$stacks next"
for stack in $stacks; do
	"$TOP/scripts/lab/build.sh" ${DRY:+-n} "$BASE" VT "$stack"
done
"$TOP/scripts/lab/guest.sh" ${DRY:+-n}
[ -z "$DRY" ] || exit 0
step 'what power cuts and faults of a disk lose'
for stack in $stacks; do
	slice "$stack"
done
step_done
for stack in $stacks; do
	cat "$OUT/crash/$(run_id "$BASE" "$stack" front)/cuts" \
		"$OUT/crash/$(run_id "$BASE" "$stack" faults front)/cuts" | sed "s,^,$stack	,"
done | awk -F '\t' -v stacks="$stacks" '
	BEGIN {
		split("cut root-leaf/write journal/write journal/read-register-cut data/write data/gone", order, " ")
		split("power cut;a write of a node fails;a write of the journal fails;a read of the journal fails;a write of data fails;the cache disk goes away", text, ";")
	}
	{
		row = "cut"
		if (match($2, /fault=[^ ]*/)) row = substr($2, RSTART + 6, RLENGTH - 6)
		split($5, blocks, " ")
		all[row, $1] += blocks[1]
		lost[row, $1] += blocks[2]
		if ($4 ~ /^the guest/ || $3 == "panicked" || $3 == "hung") stops[row, $1]++
	}
	END {
		n = split(stacks, stack, " ")
		line = sprintf("%-28s", "acknowledged blocks lost")
		for (i = 1; i <= n; i++) line = line sprintf(" %22s", stack[i])
		print line
		for (r = 1; r in order; r++) {
			line = sprintf("%-28s", text[r])
			for (i = 1; i <= n; i++) {
				cell = (lost[order[r], stack[i]] + 0) " of " (all[order[r], stack[i]] + 0)
				if (!all[order[r], stack[i]] && !((order[r], stack[i]) in stops)) empty = 1
				if ((order[r], stack[i]) in stops) cell = cell ", " stops[order[r], stack[i]] " stop"
				line = line sprintf(" %22s", cell)
			}
			print line
		}
		print "stop: the kernel panics, or something waits for ever"
		if (empty) print "of nothing: not tested"
		exit empty
	}'
