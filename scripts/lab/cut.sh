#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Cut the power of a load's disks once, and say what was kept.
#
# Usage: scripts/lab/cut.sh BASE STACK DIR NAME=VALUE...
#   DIR         where a directory named by the settings keeps ktap and console
#   NAME=VALUE  settings of tools/testing/selftests/bcache/crash.c
#
# The kernel and the guest must have been built. Prints one line, the settings,
# KIND, what was seen and how many blocks were acknowledged and lost, with tabs
# between; KIND is one of those at the head of
# crash.c, or "panicked", "warned", "broken". Of a cut that lost nothing no
# directory stays, unless KEEP is set. CUT_SECONDS of processor time, after which
# a guest is ended, are 60 by default. Allocations fail in ALLOC, the rest is in VT.
. "$(dirname "$0")/../lib/lib.sh"

[ $# -ge 4 ] || misused
base=$1 stack=$2 dir=$3
shift 3
dir=$dir/$(run_id "$@")
scenario=$(cut_scenario "$@")
kernel=$(kernel_dir "$base" "$scenario" "$stack")

# A guest with longer settings would not do the same at the same time, in loads
# that are run again with a fault.
pad=''
case " $* " in *' load='*) pad=$(printf 'pad=%*s' $((400 - $(printf %s "$*" | wc -c))) '' | tr ' ' -) ;; esac
# Which requests are under way is known in virtual time only.
virtual "$scenario" && real='' || real=1
mkdir -p "$dir"
from=$(date +%s)
# shellcheck disable=SC2046
$(on_one_cpu "$scenario") timeout -k 5 300 sh -c 'ulimit -t "$0" && exec "$@"' "${CUT_SECONDS:-60}" "$kernel/linux" \
	$(grep -v '^#' "$SELF/configs/$scenario.boot") $(uml_words crash "$dir") \
	${pad:+"$pad"} "$@" ${real:+torn=0} \
	> "$dir/console" 2>&1 3> "$dir/ktap" < /dev/null &
KID=$!
wait "$KID" 2>/dev/null && rc=0 || rc=$?
KID=''
rm -rf "$dir/uml"

# places PATTERN: the files and functions of such lines, each once: one that is
# expected must not hide another.
places()
{
	grep -aE "$1" "$dir/console" | sed -e 's/^\[[^]]*\] *//' \
		-e 's/.*failure at //' -e 's/^WARNING: //' -e 's/^CPU: [0-9]* PID: [0-9]* at //' \
		-e 's,drivers/md/bcache/,,' -e 's/:[0-9]*\( at \|\/\)/ /' -e 's/:[0-9][0-9]* / /' -e 's/[+!,].*//' |
		awk '!seen[$0]++ { printf "%s%s", sep, $0; sep = " and " }'
}

# failed_in: the function of bcache whose allocation failed, and that called it. Of
# one that may fail without a warning the kernel does not say it.
failed_in()
{
	! grep -q '^# fault met' "$dir/ktap" || grep -aq 'FAULT_INJECTION: forcing' "$dir/console" || say __GFP_NOWARN
	sed -n '/ bch_inc_gen$/,/ bch_lab_late$/s/.* //p' "$kernel/System.map" > "$dir/functions"
	sed -n '/FAULT_INJECTION: forcing a failure/,/^\[[^]]*\] *$/s/^.*\[<[0-9a-f]*>\] \([a-z_0-9.]*\)+0x.*/\1/p' "$dir/console" |
		grep -xF -f "$dir/functions" | head -n 2 | paste -sd ' ' | sed 's/ / of /'
}

# where_segfault: what ran, of which the place is not said.
where_segfault()
{
	sed -n '/Segfault with no mm/,$s/.*Workqueue: [^ ]* \([a-z_]*\).*/ in \1/p' "$dir/console" | head -n 1
}

kind='' what=''
if grep -aq 'Kernel panic\|Segfault with no mm' "$dir/console"; then
	kind=panicked what=$(places 'BUG: failure|BUG: |Kernel panic|Segfault')
	what=${what%% and *}$(where_segfault)
elif [ "$rc" = 124 ] || { [ "$rc" = 137 ] && [ $(($(date +%s) - from)) -ge "${CUT_SECONDS:-60}" ]; }; then
	kind=hung what='the guest'
else
	outcome=$(sed -n 's/^# outcome //p' "$dir/ktap")
	kind=${outcome%% *} what=${outcome#* }
	if [ -z "$kind" ] || grep -aq '^Bail' "$dir/ktap"; then
		kind=broken what="status $rc: $(grep -a '^Bail' "$dir/ktap" || tail -n 1 "$dir/console")"
	else
		case $kind in kept|reported|missed)
			! grep -aqE "${BAD%|Call*}" "$dir/console" || kind=warned what=$(places "${BAD%|Call*}") ;;
		esac
	fi
fi
[ "$scenario" != ALLOC ] || [ "$kind" = missed ] || what="$what${what:+, }in $(failed_in)"
blocks=$(sed -n 's/^# blocks \([0-9]*\) acknowledged \([0-9]*\) lost$/\1 \2/p' "$dir/ktap")
printf '%s\t%s\t%s\t%s\n' "$*" "$kind" "$what" "${blocks:--}"
[ "$kind" != kept ] || [ -n "${KEEP:-}" ] || rm -rf "$dir"
