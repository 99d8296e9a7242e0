#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Cut the power of both disks at N moments of N loads, and see what was kept.
#
# Usage: scripts/lab/crash.sh [-nq] [-w | -f | -a | -r] [NAME=VALUE...]
#   NAME=VALUE  settings of tools/testing/selftests/bcache/crash.c, for all cuts
#   -w          one load, cut after each moment at which a request to the cache
#               disk completed
#   -f          no cuts but single faults of the disks, some of each kind: a request
#               fails, a write is torn, sectors stay bad, a disk goes away, is slow or
#               hangs; fault=NAME only that kind,
#               load=NAME only those of that load
#   -a          allocations of bcache fail: of each load N slab objects and N of pages,
#               at even distances; load=NAME only that load; or those that are named
#               spot=LOAD/slab/FUNCTION/NR, number NR in FUNCTION or below it, or /page/.
#               In scenario ALLOC, which takes a kernel of its own
#   -r          one cut, the one that the settings say; shows what was seen
#   -q          do not make failures small
#   -n          say what would be done
#
# Environment: N, number of cuts (default 200) or of faults of each kind (2, -a:
# 12); SEED, the first load (default 1; the others follow); SEEDS, a list of loads
# like 1-100,175 in place of both; STACK (default series); BASE; SCENARIO (default
# VT); SLICE, a name that is added to that of the result.
#
# What is known to go wrong, on which stack, stands in
# tools/testing/selftests/bcache/cuts (-f: faults, -a: allocs). Of any other failure
# the first of its kind is made as small as it goes, with the shortest load and the
# latest cut that still fail so, and shown with the line that repeats it to the byte.
#
# Result: out/crash/BASE-STACK/ (-f: BASE-STACK-faults/, -a: -allocs/, -r: -once/),
# a directory for each cut that failed, and "cuts", a line for each cut;
# "expected", with how often each came. Exit status: 0 when no cut failed that was
# not expected to, else 1.
. "$(dirname "$0")/../lib/lib.sh"

# number NAME VALUE: a count, not too long for the shell.
number()
{
	case $2 in
	*[!0-9]*|'') die "$1=$2 is no number" ;;
	?????????*) die "$1=$2 is too large" ;;
	esac
}

# one SETTING...: one cut, "SETTINGS KIND WHAT".
one()
{
	KEEP=1 "$TOP/scripts/lab/cut.sh" "$BASE" "$STACK" "$dir" "$@"
}

# signature: how cuts failed, without what is another number in every cut.
signature()
{
	awk -F '\t' '{
		how = $2 " " $3
		if (match(how, /at .[a-z ]*.(, .*)?$/)) how = $2 " " substr(how, RSTART)
		gsub(/[0-9]+/, "N", how)
		print how
	}'
}

# like SETTING...: does that cut fail in the way of $want? Of settings with one
# name the last counts, for the guest as well.
like()
{
	[ "$(one "$@" | signature)" = "$want" ]
}

# try SETTINGS: add them to $small, unless the cut then fails in another way.
try()
{
	# shellcheck disable=SC2086
	if like $small $1; then small="$small $1"; fi
}

# shorter: the smallest "ops" of all that were tried.
shorter()
{
	low=0 high=$(echo " $small" | sed -n 's/.* ops=\([0-9]*\).*/\1/p')
	high=${high:-400}
	while [ $((high - low)) -gt 1 ]; do
		middle=$(((low + high) / 2))
		# shellcheck disable=SC2086
		if like $small "ops=$middle"; then high=$middle; else low=$middle; fi
	done
	small="$small ops=$high"
}

# later FROM: the latest cut, in microseconds, up to a minute on.
later()
{
	late=$1 pace=33554432
	while [ "$pace" -ge 100 ]; do
		# shellcheck disable=SC2086
		if like $small "cut_ns=$((late + pace))001"; then late=$((late + pace)); fi
		pace=$((pace / 2))
	done
	try "cut_ns=${late}001"
}

# shrink SETTING...: what does not matter goes, then the load gets shorter,
# then the cut later. Leaves the settings in $small.
shrink()
{
	small=$*
	want=$(one "$@" | signature)
	at=$(sed -n 's/^# cut comes at \([0-9]*\)[0-9]\{3\} ns$/\1/p' "$dir/$(run_id "$@")/ktap")
	words='again=0 restart=0 chore_us=0 fill=0 discards=0 reads=0 threads=1'
	try "$words"
	[ "$small" != "$*" ] || for word in $words; do try "$word"; done
	try "cut_ns=${at}001"
	shorter
	later "$at"
	small=$(echo "$small" | tr ' ' '\n' | awk -F = '
		!($1 in value) { name[++n] = $1 }
		{ value[$1] = $0 }
		END { for (i = 1; i <= n; i++) print value[name[i]] }' | tr '\n' ' ')
}

# fault LOAD CUT CUT_NS [WORDS]: all settings of a fault, or of none. A guest that
# got other words would not do the same at the same time.
fault()
{
	say "${4:-fault=none fault_disk=0 fault_how=0 fault_ns=0 fault_end_ns=0 fault_at=0 record=2} load=$1 cut=$2 cut_ns=$3"
}

# requests LOAD CUT CUT_NS: those that the load makes, as crash_fault.c prints
# them, without "# request".
requests()
{
	# shellcheck disable=SC2046
	one $(fault "$@") > "$dir/record"
	grep -q '	kept	' "$dir/record" || cat "$dir/record" >> "$dir/unkept"
	sed -n 's/^# request //p' "$dir/$(run_id "$(fault "$@")")/ktap"
}

# loads [load=NAME...]: those, or all that have a name.
loads()
{
	echo " $* " | grep -o ' load=[a-z]*' | cut -d = -f 2 | grep . ||
		sed -n 's/^	\.name = "\([a-z]*\)",$/\1/p' "$SELF/crash.c"
}

# faults: a line for each fault of the named loads, its name first. After a
# clean stop, and where the power is cut after the load. Not the last reads,
# which are the test's own. A load is there for what none before it had.
faults()
{
	for load in $(loads "$@"); do
		requests "$load" 0 1 > "$dir/requests"
		end=$(awk '$2 == "load" { at = $1 } END { print at + 1000 }' "$dir/requests")
		faults_of "$load" 0 1 < "$dir/requests"
		requests "$load" 1 "${end}000" | faults_of "$load" 1 "${end}000"
	done | awk -v only=" $* " '
		{ if (only ~ / fault=/ && !index(only, " " $1 " ")) next }
		{ load = substr($0, match($0, / load=/)); sub(/ cut.*/, "", load) }
		!($1 in from) { from[$1] = load }
		from[$1] == load'
}

# faults_of LOAD CUT CUT_NS < requests
faults_of()
{
	awk -v load="$1" -v cut="$2" -v cut_ns="$3" -v few="$N" '
		# When a fault begins and ends, in microseconds; 0: it does not end.
		function add(name, how, from, end, at, cut, cut_ns, more) {
			name = (disk ? "backing-" : "") what "/" name
			if (!(name in count)) order[++names] = name
			list[name, ++count[name]] = sprintf("fault=%s fault_disk=%d fault_how=%d fault_ns=%.0f fault_end_ns=%.0f fault_at=%d record=0 load=%s cut=%d cut_ns=%s%s",
				name, disk, how, from * 1000, end * 1000, at, load, cut, cut_ns, more)
		}
		$2 == "check-backing" { next }
		{
			us = $1; stage = $2; disk = $3 == "backing"; what = $4; sector = $6; len = $7
			op = $5 == "W" ? "write" : "read"
			stage = stage ~ /^register/ ? "-register" : stage ~ /^set/ ? "-stop" : ""
			if ($8 != "-" && (!cut || stage == "-register" || op == "write"))
				add(op stage (cut ? "-cut" : ""), 0, $8, us + 20, sector, cut, cut_ns)
			if (cut || $2 != "load" || op == "read") next
			if ($9 != "-" && len > 1)
				add("torn", 1, $9, 0, sector + int(len / 2), 1, sprintf("%.0f", (us + 1) * 1000))
			add("gone", 2, us - 0.5, 0, 0, 0, 1)
			add("slow", 5, us - 0.5, 0, 0, 0, 1, " slow_us=4000000")
			add("hang", 5, us - 0.5, 0, 0, 0, 1, " slow_us=20000000")
			if ($8 != "-") add("bad", 4, $8, 0, sector, 0, 1, " fault_len=" len)
		}
		END {
			for (i = 1; i <= names; i++) {
				n = count[order[i]]
				# A read at registration is a block of its own each time.
				m = order[i] ~ /read-register/ ? 4 * few : few
				if (order[i] ~ /(slow|hang)$/) m = int((few + 1) / 2)
				if (m > n) m = n
				for (j = 0; j < m; j++) {
					nr = 1 + int((j + 0.5) * n / m)
					print list[order[i], nr]
				}
			}
		}'
}

# alloc LOAD slab|page NR [FUNCTION]: an allocation that fails.
alloc()
{
	fault "$1" 0 1 "fault=$2 fault_disk=0 fault_how=3 fault_ns=1 fault_end_ns=0 fault_at=$3 ${4:+fault_in=$4 }record=0"
}

# allocs_of LOAD: some of those that it makes. How many there are, or a few less,
# is found by trying.
allocs_of()
{
	for what in slab page; do
		last=0 pace=8192
		while [ "$pace" -gt $((last / 32)) ]; do
			# shellcheck disable=SC2046
			one $(alloc "$1" "$what" $((last + pace))) |
				grep -q '	missed	' || last=$((last + pace))
			pace=$((pace / 2))
		done
		few=$((N < last ? N : last))
		for i in $(seq "$few"); do
			alloc "$1" "$what" $(((last * (2 * i - 1) + few) / (2 * few)))
		done
	done
}

# spots [LOAD/WHAT/FUNCTION/NR...]: those allocations, numbered in that function.
spots()
{
	while IFS=/ read -r load what in at; do alloc "$load" "$what" "$at" "$in"; done
}

# places: a line of settings for each cut or fault.
places()
{
	case $known:${1:-} in
	allocs:spot=*) printf '%s\n' "$@" | sed 's/^spot=//' | spots; return ;;
	allocs:*) for load in $(loads "$@"); do allocs_of "$load"; done; return ;;
	esac
	if [ "$mode" = faults ]; then
		faults "$@"
	elif [ "$mode" = sweep ]; then
		sed -n 's/^# done \([0-9]*\)$/\1/p' "$dir"/*record=1/ktap |
			awk -v words="seed=$SEED${*:+ $*}" '{ printf "%s cut_ns=%.0f\n", words, $1 + 1 }'
	else
		echo "$SEEDS" | tr , '\n' | while IFS=- read -r from to; do
			seq -f '%.0f' "$from" "${to:-$from}"
		done | sed "s/.*/seed=&${*:+ $*}/"
	fi
}

# progress TOTAL: keeps the lines of all cuts, says now and then how far it is.
# Not by awk, which may wait for more lines before it looks at one.
progress()
{
	done=0
	while read -r line; do
		printf '%s\n' "$line" >> "$dir/cuts"
		done=$((done + 1))
		[ $((done % ($1 / 10 + 1))) = 0 ] || [ "$done" = "$1" ] || continue
		say "  $done of $1:$(cut -f 2 "$dir/cuts" | sort | uniq -c | awk '{ printf " %d %s", $1, $2 }')"
	done
}

# sort_out ROW: takes the lines of all cuts apart: what passed, what was expected,
# with a count for each, and what was not, which goes to "unexpected". Where ROW is a
# row of the list only its own patterns count, each as often as it says and at least
# once; else all of its stack. So it is on another release than they were seen on.
sort_out()
{
	: > "$dir/unexpected"
	: > "$dir/passed"
	another_release "$BASE" > /dev/null && set -- other
	sort -V "$dir/cuts" | awk -F '\t' -v stack="$name" -v row="$name${1:+ $1}" -v cuts="$SELF/$known" \
		-v file="$dir/unexpected" -v passed="$dir/passed" '
		BEGIN {
			while ((getline line < cuts) > 0) if (line == row) due = 1
			close(cuts)
			while ((getline line < cuts) > 0) {
				split(line, word, " ")
				if (line ~ /^[a-z0-9]/) on = due ? line == row : word[1] == stack
				if (line !~ /^\t/ || !on) continue
				kind[++n] = word[1]
				most[n] = due && word[2] ~ /^[0-9]+$/ ? word[2] : 1e9
				split(line, part, " /|/ ")
				pattern[n] = part[2]
				text[n] = substr(line, 2)
			}
		}
		# Of missed faults only those are no pass of which none was met.
		{
			fault = match($1, /fault=[^ ]*/) ? substr($1, RSTART + 6, RLENGTH - 6) ": " : ""
			split($4, blocks, " ")
			if ($2 != "missed") met[fault]
		}
		$2 == "missed" { missed[fault] = $0; what[fault] = fault $3; next }
		$2 == "kept" || ($2 == "reported" && !blocks[2]) { print > passed; next }
		{ known($2, fault $3, $0) }
		function known(how, what, line,   i) {
			for (i = 1; i <= n; i++)
				if (kind[i] == how && (what ~ pattern[i]) && seen[i] < most[i]) {
					seen[i]++
					return
				}
			print line > file
		}
		END {
			for (fault in missed) if (!(fault in met)) known("missed", what[fault], missed[fault])
			for (i = 1; i <= n; i++) if (seen[i] || due) print seen[i] + 0, text[i]
		}' > "$dir/expected"
	sed -n 's/^[1-9]/  expected: &/p' "$dir/expected"
}

# show_unexpected: the first of each kind, small.
show_unexpected()
{
	signature < "$dir/unexpected" > "$dir/signs"
	paste "$dir/signs" "$dir/unexpected" | sort -V -t '	' -k 1,1 -s |
		awk -F '\t' '!seen[$1]++' > "$dir/kinds"
	while IFS='	' read -r sign settings kind what; do
		say "$(grep -cxF "$sign" "$dir/signs") $kind $what"
		small=$settings
		# shellcheck disable=SC2086
		[ "$mode" = faults ] || [ -n "$opt_q" ] || shrink $settings
		say "  again: BASE=$BASE STACK=$STACK scripts/lab/crash.sh -r $small"
	done < "$dir/kinds"
}

SEED=${SEED:-1} STACK=${STACK:-series}
opt_a='' opt_f='' opt_q='' opt_r='' opt_w=''
options afnqwr "$@"
mode=seeds known=cuts name=$STACK
[ "$BASE" = "$(newest)" ] || name=$BASE:$STACK
[ -z "$opt_f" ] || mode=faults known=faults
[ -z "$opt_a" ] || mode=faults known=allocs
case $mode in
faults)
	N=${N:-${opt_a:+1}2}
	export CUT_SECONDS="${CUT_SECONDS:-5}" ;;
*)	N=${N:-200} ;;
esac
[ -z "$opt_w" ] || mode=sweep
[ -z "$opt_r" ] || mode=once
shift $((OPTIND - 1))
number N "$N"
number SEED "$SEED"
[ "$N" -gt 0 ] || die "N=$N: no cut"
SEEDS=${SEEDS:-$SEED-$((SEED + N - 1))}
for word; do
	case $word in
	[a-z]*=*) ;;
	*) die "'$word' is no setting; a setting is NAME=VALUE" ;;
	esac
	case $mode:$word in
	faults:fault=*|faults:load=*|faults:spot=*) ;;
	faults:*) die "with -f and -a the loads have their own settings, not '$word'" ;;
	esac
done

"$TOP/scripts/lab/build.sh" ${DRY:+-n} "$BASE" "$(cut_scenario ${opt_a:+fault_how=3} "$@")" "$STACK"
"$TOP/scripts/lab/guest.sh" ${DRY:+-n}
case $mode in
seeds) what="cuts of loads $SEEDS" ;;
faults) what="single $known, $N of each kind" ;;
sweep) what="every moment of load $SEED" ;;
once) what='one cut' ;;
esac
case $* in
spot=*) what="named $known, $STACK on $BASE" ;;
*) what="$what, $STACK on $BASE${*:+, }$*" ;;
esac
if [ -n "$DRY" ]; then
	say "would make $what"
	exit 0
fi
dir=$OUT/crash/$(run_id "$BASE" ${SCENARIO:+"$SCENARIO"} "$STACK" ${opt_f:+faults} ${opt_a:+allocs} ${opt_r:+once} ${SLICE:+"$SLICE"})
only "crash-${dir##*/}"
rm -rf "$dir"
mkdir -p "$dir"
if [ "$mode" = once ]; then
	result=$(one "$@")
	cat "$dir/$(run_id "$@")/ktap"
	say "$result"
	case $(echo "$result" | cut -f 2) in kept|reported) ;; *) false ;; esac
	exit
fi

step "$what"
if [ "$mode" = sweep ]; then
	set -- again=0 "$@"
	# A second holds the load and what follows it at once.
	one "seed=$SEED" "$@" cut_ns=1000000000 record=1 > /dev/null
fi
places "$@" > "$dir/places"
[ ! -e "$dir/unkept" ] || die "a load fails with no fault: $(cat "$dir/unkept")"
[ -s "$dir/places" ] || die "nothing completed in the load"
xargs --process-slot-var=SLOT -P "$JOBS" -L 1 "$TOP/scripts/lab/cut.sh" "$BASE" "$STACK" "$dir" < "$dir/places" |
	progress "$(wc -l < "$dir/places")"
step_done
[ "$(wc -l < "$dir/cuts")" = "$(wc -l < "$dir/places")" ] || die "not every cut came to an end"
case ${SCENARIO:-VT}:$mode:$known.$N in
VT:seeds:*) sort_out "$SEEDS${*:+ $*}" ;;
VT:faults:faults.2|VT:faults:allocs.*) sort_out "$*" ;;
*) sort_out other ;;
esac
show_unexpected
bad=$(wc -l < "$dir/unexpected")
# Now and then a request goes to another sector with the fault than without. More
# than a few of these, and nothing was tested.
missed=$(grep -c '	missed	' "$dir/cuts" || :)
[ "$missed" = 0 ] || say "  missed: $missed, no request met these faults"
[ $((missed * 20)) -le "$(wc -l < "$dir/cuts")" ] || bad=$((bad + missed))
if awk -F '\t' '{ acked += $4 } END { exit !NR || acked }' "$dir/passed"; then
	say "  nothing was acknowledged"
	bad=$((bad + 1))
fi
say
say "$(wc -l < "$dir/passed") passed, $bad failed"
[ "$bad" = 0 ]
