#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Show scripts/doors/hit.sh machines of many kinds, each a tree of files made by
# hand, and look at what it says.
#
# Usage: scripts/checks/hit_test.sh
#
# Every machine is looked at with dash and with busybox sh, where they are
# there, and with no other command in reach. Prints what was misjudged; exit status 0
# when nothing was.
. "$(dirname "$0")/../lib/lib.sh"

DIR=$OUT/lint/hit
HIT=$TOP/scripts/doors/hit.sh
UUID=00000000-0000-4000-8000-0000000000cc
wrong=0
shells=$(command -v dash || command -v sh; command -v busybox || :)

complain()
{
	say "# $*"
	wrong=1
}

# put FILE TEXT: a file of the machine.
put()
{
	mkdir -p "$DIR/$(dirname "$1")"
	printf '%s\n' "$2" > "$DIR/$1"
}

# machine RELEASE CPUS BUILD: one without bcache.
machine()
{
	rm -rf "$DIR"
	put proc/sys/kernel/osrelease "$1"
	put proc/sys/kernel/version "$3"
	put proc/version "Linux version $1 (who@where) (gcc 12.2.0) $3"
	put sys/devices/system/cpu/online "$2"
}

# set_of UUID DEPTH: a cache set, which means that bcache is loaded.
set_of()
{
	put "sys/fs/bcache/$1/tree_depth" "$2"
	put "sys/fs/bcache/$1/internal/flush_write" 117
	put "sys/fs/bcache/$1/cache0/nbuckets" 8192
	put "sys/fs/bcache/$1/bdev0/cache_mode" 'writethrough [writeback] writearound none'
	put sys/module/bcache/srcversion 0123456789ABCDEF
}

files()
{
	(cd "$DIR" && find . -type f | sort | xargs sha256sum && find . | sort)
}

# want WHAT DEFECT WORD...: these verdicts, from every shell; nothing on the
# standard error, nothing written.
want()
{
	what=$1
	shift
	files > "$OUT/lint/hit.before"
	for shell in $shells; do
		applet=''
		case $shell in */busybox) applet="sh" ;; esac
		PATH=/nowhere SYSROOT=$DIR "$shell" $applet "$HIT" \
			> "$OUT/lint/hit.said" 2> "$OUT/lint/hit.err" ||
			complain "$what: $shell ends with status $?"
		[ ! -s "$OUT/lint/hit.err" ] || complain "$what: $shell: $(head -1 "$OUT/lint/hit.err")"
		[ "$(grep -cE '^  [a-z-]+ +(applies now|possible|not here|cannot tell)  ' "$OUT/lint/hit.said")" = 7 ] ||
			complain "$what: $shell: not a verdict for each of seven defects"
		verdicts "$@"
	done
	files | cmp -s - "$OUT/lint/hit.before" || complain "$what: it wrote something"
}

verdicts()
{
	while [ $# -gt 1 ]; do
		grep -q "^  $1 *$2  " "$OUT/lint/hit.said" ||
			complain "$what: $shell: wanted $1 '$2', got: $(grep "^  $1 " "$OUT/lint/hit.said")"
		shift 2
	done
}

# says PATTERN: and this line as well.
says()
{
	grep -q -- "$1" "$OUT/lint/hit.said" || complain "$what: no line '$1'"
}

SMP='#1 SMP PREEMPT_DYNAMIC'

machine 3.9.11 0-3 '#1 SMP'
want 'before bcache' flush-race 'not here' closure-sync 'not here'
machine 3.12.74 0-3 '#1 SMP'
set_of $UUID 0
want 'before the window' flush-race 'not here' root-on-list 'not here' journal-wake 'not here'
machine 3.18.140 0-3 '#1 SMP'
set_of $UUID 0
put sys/fs/bcache/$UUID/internal/retry_flush_write 3
want 'a line that never got the fix' flush-race possible root-on-list 'not here' \
	journal-wake possible reap-skip 'not here' flush-wait 'not here' \
	closure-sync 'not here' check-threads 'not here'
says 'retry_flush_write  *3$'
machine 4.19.72 0-3 '#1 SMP'
want 'the last without' flush-race possible closure-sync possible
machine 4.19.73 0-3 '#1 SMP'
want 'the first with' flush-race 'not here'
machine 4.20.17 0-3 '#1 SMP'
want 'between' flush-race possible
machine 5.2.14 0-3 '#1 SMP'
want '5.2 without' flush-race possible root-on-list 'not here'
machine 5.2.15 0-3 '#1 SMP'
want '5.2 with' flush-race 'not here' root-on-list 'not here'
machine 5.3.0 0-3 '#1 SMP'
set_of $UUID 0
want '5.3' flush-race 'not here' root-on-list 'applies now' reap-skip possible check-threads 'not here'
# Without a level of its own in the release, the distribution's counts.
machine 4.19.0-27-amd64 0-3 '#1 SMP Debian 4.19.316-1 (2024-06-25)'
want 'Debian 10' flush-race 'not here'
says 'version  *4.19.316-1 '
machine 4.15.0-213-generic 0-3 '#224-Ubuntu SMP'
put proc/version_signature 'Ubuntu 4.15.0-213.224-generic 4.15.18'
want 'Ubuntu 18.04' flush-race possible
says 'version  *4.15.18 '
machine 6.1.0-56-amd64 0-1 "$SMP Debian 6.1.192-2 (2026-01-01)"
set_of $UUID 2
put sys/kernel/debug/sched/preempt 'none (voluntary) full'
want 'Debian 12, a deep tree' root-on-list 'not here' flush-wait possible \
	journal-wake possible reap-skip possible closure-sync possible check-threads possible
says 'bdev0/cache_mode  *writethrough \[writeback\]'
set_of 11111111-0000-4000-8000-0000000000cc 0
want 'a second set, one leaf' root-on-list 'applies now' check-threads possible
says 'one leaf: 11111111-0000-4000-8000-0000000000cc$'
rm "$DIR/sys/fs/bcache/$UUID/tree_depth" "$DIR/sys/fs/bcache/11111111-0000-4000-8000-0000000000cc/tree_depth"
mkdir "$DIR/sys/fs/bcache/$UUID/tree_depth"
want 'a depth that cannot be read' root-on-list 'cannot tell'
says 'tree_depth  *cannot be read'
# The preemption model, and where it is read.
machine 6.12.117 0 '#1 SMP'
set_of $UUID 0
want 'no model to read' flush-wait 'cannot tell' closure-sync 'not here'
put boot/config-6.12.117 '# CONFIG_PREEMPT is not set
CONFIG_PREEMPT_NONE=y'
want 'one CPU, none' flush-wait 'applies now'
put proc/cmdline 'root=/dev/sda1 preempt=full quiet'
want 'the command line before the build' flush-wait possible
put sys/kernel/debug/sched/preempt '(none) voluntary full lazy'
want 'switched at run time' flush-wait 'applies now'
put sys/devices/system/cpu/online 0-1,4
want 'three CPUs, none' flush-wait possible closure-sync possible
says 'CPUs  *3 '
# Not loaded, and cured.
machine 6.12.117 0 '#1 PREEMPT'
want 'no bcache' root-on-list possible flush-wait possible
says 'root-on-list .*once bcache is loaded'
put boot/config-6.12.117 'CONFIG_PREEMPT_NONE=y'
want 'no bcache, none' flush-wait possible
set_of $UUID 0
# The version is the one that make module gives: built from the newest base.
"$TOP/scripts/doors/module_source.sh" "$(bases | head -1)" "$OUT/lint/hit.source"
machine 6.12.117 0-1 "$SMP"
set_of $UUID 0
put sys/module/bcache/version "$(cat "$OUT/lint/hit.source/version")"
want 'a module with the series' root-on-list 'not here' flush-wait 'not here' \
	journal-wake 'not here' reap-skip 'not here' closure-sync possible check-threads 'not here'
machine 6.1.192 0-1 "$SMP"
set_of $UUID 0
put sys/module/bcache/version "$(cat "$OUT/lint/hit.source/version")"
want 'such a module of 6.1' closure-sync 'not here' root-on-list 'not here'
machine 6.12.117 0 '#1 PREEMPT'
set_of $UUID 0
put sys/module/bcache/version '1.0'
want 'a module with another version' root-on-list 'applies now'
machine 7.3.4 0-1 "$SMP"
mkdir -p "$DIR/sys/fs/bcache"
want 'loaded, no set' root-on-list possible
! grep -q 'not looked at' "$OUT/lint/hit.said" || complain '7.3 was looked at'
machine 7.4.0-rc1 0-1 "$SMP"
want 'newer than all' root-on-list possible
says 'after 7.3 were not looked at'
machine odd 0-1 odd
want 'a version that is none' flush-race 'cannot tell' root-on-list 'cannot tell'
rm -rf "$DIR"
mkdir -p "$DIR"
want 'nothing there' flush-race 'cannot tell' flush-wait 'cannot tell'

# A list of names from its text.
names()
{
	sed -n "s/^$1='\(.*\)'\$/\1/p" "$HIT"
}

# It has to read what a kernel has: an attribute of a base. These two are of
# kernels that no base is: the counter is of 4.19.61-72 and the like.
for name in $(names SET) $(names INTERNAL) $(names CACHE) $(names BACKING); do
	case $name in retry_flush_write) continue ;; esac
	cat "$OUT"/base/*/drivers/md/bcache/sysfs.c | grep -q "&sysfs_$name," ||
		complain "$name is no attribute of any base"
done
# Reading these takes locks that a stuck writer may hold.
for name in btree_cache_size btree_cache_max_chain root_usage_percent priority_stats bset_tree_stats; do
	case " $(names SET) $(names INTERNAL) $(names CACHE) " in
	*" $name "*) complain "$name may never return" ;;
	esac
done
# Read-only: it redirects to nothing but the standard error and /dev/null.
sed -e 's/^[[:space:]]*#.*//' -e "s/'[^']*'//g" "$HIT" | grep -E '>' |
	sed -E -e 's,(2?> ?/dev/null|>&2),,g' | grep '>' > "$OUT/lint/hit.said" &&
	complain "it redirects: $(head -1 "$OUT/lint/hit.said")"
rm -rf "$DIR"
exit $wrong
