#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Show scripts/doors/hit.sh machines of many kinds, each a tree of files made by
# hand, and look at what it says.
#
# Usage: scripts/checks/hit_test.sh [-w]
#   -w  write the tables of hit.sh: which kernels have what
#
# Every machine is looked at with dash (or sh) and with busybox sh, with no other
# command in reach. Prints KTAP, a case per machine.
. "$(dirname "$0")/../lib/lib.sh"

DIR=$OUT/lint/hit
HIT=$TOP/scripts/doors/hit.sh
SAID=$OUT/lint/hit.said
UUID=00000000-0000-4000-8000-0000000000cc
UUID2=11111111-0000-4000-8000-0000000000cc
FIRST=$(newest)
DEFECTS=$(($(sent_topics series | wc -l) + 1))

# tables: what hit.sh has between "begin" and "end". Since when bcache has each
# defect, if not always, and since when the patch fits.
tables()
{
	echo "ERAS='$(awk -F ' *[|] *' '!/^#/ && $2 != "-" { print $2 "|" $3 "|" $4 "|" $5 }' "$TOP/patches/eras")'"
	echo "SINCE='$(for topic in $(sent_topics series); do
		fits=$(sed -n 's/^Cc: stable@.* # \(.*\)+$/\1/p' "$TOP/patches/$topic/"0001-*.patch)
		! grep -q '^Fixes: cafe56359144' "$TOP/patches/$topic/"0001-*.patch || fits="3.10 $fits"
		echo "$topic $fits"
	done)'"
}

opt_w=''
options w "$@"
if [ -n "$opt_w" ]; then
	tables > "$HIT.part"
	sed -i -e "/^# begin/r $HIT.part" -e '/^# begin/,/^# end/{/^#/!d}' "$HIT"
	rm "$HIT.part"
	exit
fi

wrong='' failed=0 nr=0
complain()
{
	say "# $*"
	wrong=1
}

# result NAME: of the complaints since the last one.
result()
{
	nr=$((nr + 1))
	say "${wrong:+not }ok $nr hit.$(echo "$1" | tr ' ' _)"
	[ -z "$wrong" ] || failed=1
	wrong=''
}

# put FILE TEXT: a file of the machine.
put()
{
	mkdir -p "$DIR/$(dirname "$1")"
	printf '%s\n' "$2" > "$DIR/$1"
}

# machine RELEASE CPUS BUILD [DEPTH]: with bcache where its tree has a depth.
machine()
{
	rm -rf "$DIR"
	put proc/version "Linux version $1 (who@where) (gcc 12.2.0, ld (of binutils) 2) $3"
	put sys/devices/system/cpu/online "$2"
	[ $# -lt 4 ] || set_of $UUID "$4" 8192 64.0k 4.0k
}

# set_of UUID DEPTH BUCKETS BUCKET BLOCK: a cache set, so bcache is loaded.
set_of()
{
	put "sys/fs/bcache/$1/tree_depth" "$2"
	put "sys/fs/bcache/$1/internal/retry_flush_write" 3
	put "sys/fs/bcache/$1/cache0/nbuckets" "$3"
	put "sys/fs/bcache/$1/cache0/bucket_size" "$4"
	put "sys/fs/bcache/$1/cache0/block_size" "$5"
	put "sys/fs/bcache/$1/bdev0/cache_mode" 'writethrough [writeback] writearound none'
	put sys/module/bcache/srcversion 0123456789ABCDEF
}

files()
{
	(cd "$DIR" && find . -type f | sort | xargs -r sha256sum && find . | sort)
}

# want NAME PATTERN DEFECT WORD...: these verdicts and a line like that, from
# every shell; nothing on the standard error, nothing written.
want()
{
	name=$1 pattern=$2
	shift 2
	files > "$OUT/lint/hit.before"
	for shell in "$(command -v dash || command -v sh)" "$(command -v busybox)"; do
		applet=''
		case $shell in */busybox) applet='sh' ;; esac
		PATH=/nowhere SYSROOT=$DIR "$shell" $applet "$HIT" > "$SAID" 2>&1 ||
			complain "$shell ends with status $?"
		[ "$(grep -cE '^  [a-z-]+ +(applies now|possible|not here|cannot tell)  ' "$SAID")" = "$DEFECTS" ] ||
			complain "$shell: not a verdict for each of $DEFECTS defects"
		grep -q -- "$pattern" "$SAID" || complain "$shell: no line '$pattern'"
		! grep -q "$(basename "$HIT"):" "$SAID" || complain "$shell: $(grep "$(basename "$HIT"):" "$SAID")"
		verdicts "$@"
	done
	files | cmp -s - "$OUT/lint/hit.before" || complain 'it wrote something'
	result "$name"
}

# kernel RELEASE WANTED...: on four CPUs, with a tree of one leaf.
kernel()
{
	machine "$1" 0-3 '#1 SMP' 0
	shift
	want "$@"
}

verdicts()
{
	while [ $# -gt 1 ]; do
		grep -q "^  $1 *$2  " "$SAID" ||
			complain "$shell: wanted $1 '$2', got: $(grep "^  $1 " "$SAID")"
		shift 2
	done
}

need busybox busybox
say 'KTAP version 1'
plan=$(grep -cE '^(want|kernel|result) ' "$0")
say "1..$plan"

mkdir -p "$OUT/lint"
# Which kernels have what.
tables > "$OUT/lint/hit.tables"
sed -n '/^# begin/,/^# end/{/^#/!p;}' "$HIT" | diff -u "$OUT/lint/hit.tables" - > "$SAID" ||
	complain "its tables are not those of scripts/checks/hit_test.sh -w:
$(sed 's/^/#   /' "$SAID")"
result tables
SMP='#1 SMP PREEMPT_DYNAMIC'
machine 3.9.11 0-3 '#1 SMP'
want 'before bcache' 'bcache came with' flush-race 'not here' closure-sync 'not here'
kernel 3.12.74 'before the window' . flush-race 'not here' root-on-list 'not here' journal-wake 'not here'
kernel 3.18.140 'a line that never got the fix' 'retry_flush_write  *3$' flush-race possible \
	root-on-list 'not here' journal-wake possible reap-skip 'not here' flush-wait 'not here' \
	closure-sync 'not here' check-threads 'not here'
kernel 4.14.336 'the end of an era' 'unless SUSE' flush-race possible
kernel 4.19.300 'a defect older than its patch' 'the patch is for 5.10 and later' meta-reserve possible
kernel 4.19.60 'the last of the heap' 'from a heap' flush-race possible
kernel 4.19.72 'the last without' counters flush-race possible closure-sync possible
kernel 4.19.73 'the first with' 'with the flag' flush-race 'not here'
kernel 4.20.17 'between' 'from a heap' flush-race possible
kernel 5.2.14 '5.2 without' . flush-race possible root-on-list 'not here'
kernel 5.2.15 '5.2 with' . flush-race 'not here' root-on-list 'not here'
kernel 5.3.0 '5.3' 'it came with 5.7' flush-race 'not here' root-on-list possible \
	reap-skip possible check-threads 'not here'
# Without a level of its own in the release, the distribution's counts.
machine 4.19.0-27-amd64 0-3 '#1 SMP Debian 4.19.316-1 (2024-06-25)'
want 'Debian 10' 'version  *4.19.316-1 ' flush-race 'not here'
machine 4.15.0-213-generic 0-3 '#224-Ubuntu SMP'
put proc/version_signature 'Ubuntu 4.15.0-213.224-generic 4.15.18'
want 'Ubuntu 18.04' 'version  *4.15.18 ' flush-race possible
machine 6.1.0-56-amd64 0-1 "$SMP Debian 6.1.192-2 (2026-01-01)" 2
put sys/kernel/debug/sched/preempt 'none (voluntary) full'
want 'Debian 12, a deep tree' 'cache_mode  *writethrough \[writeback\]' root-on-list 'not here' \
	flush-wait possible journal-wake possible reap-skip possible closure-sync possible check-threads possible
set_of $UUID2 0 8192 64.0k 4.0k
want 'a second set, one leaf' "not: $UUID2 from 17 writes/s on\$" root-on-list possible check-threads possible
rm "$DIR/sys/fs/bcache/$UUID/tree_depth" "$DIR/sys/fs/bcache/$UUID2/tree_depth"
mkdir "$DIR/sys/fs/bcache/$UUID/tree_depth"
want 'a depth that cannot be read' 'tree_depth  *cannot be read' root-on-list 'cannot tell'

# Journals, small and large against the 168 keys of a page. The lab runs those
# of 512, 192, 176 and 40 MiB: tools/testing/selftests/bcache/runs.
machine 7.3.4 0-1 "$SMP" 0
want '512 MiB' 'room for 1008 entries.* 168 keys' root-on-list possible
set_of $UUID 0 3072 64.0k 4.0k
want '192 MiB' 'room for 368 entries' root-on-list possible
set_of $UUID 0 2816 64.0k 4.0k
want '176 MiB' 'room for 336 entries' root-on-list 'applies now'
set_of $UUID 0 640 64.0k 4.0k
want '40 MiB' "small.*: $UUID from 2 writes/s on" root-on-list 'applies now' check-threads 'not here'
set_of $UUID2 2 8192 64.0k 4.0k
want 'a small one and a deep one' "stall: $UUID from" root-on-list 'applies now' check-threads possible
set_of $UUID 0 640 64.0k 0.5k
want 'blocks of 512' 'room for 512 entries' root-on-list possible
set_of $UUID 0 40000 512.0k 4.0k
want 'the most that a journal has' 'room for 32640 entries' root-on-list possible
set_of $UUID 0 100 1.0M 4.0k
want 'the least' 'room for 256 entries' root-on-list 'applies now'
set_of $UUID 0 8192 64.0k 4.0k
put proc/self/smaps '00400000-0040b000 r-xp 00000000 fe:00 12 /bin/dash
Size:                 64 kB
KernelPageSize:       64 kB'
want 'pages of 64k' 'at 2728 keys' root-on-list 'applies now'
rm "$DIR/sys/fs/bcache/$UUID/cache0/block_size"
want 'a size that is missing' "not: $UUID\$" root-on-list possible

# The write cache of the cache disk, and of the disk that its partition is on.
machine 7.3.4 0-1 "$SMP" 1
want 'no write cache to see' . leaf-flush possible
put "sys/fs/bcache/$UUID/queue/write_cache" 'write through'
want 'no volatile cache' 'write_cache  *write through' leaf-flush 'not here'
set_of $UUID2 1 8192 64.0k 4.0k
put sys/fs/bcache/queue/write_cache 'write back'
want 'a volatile cache' 'write_cache  *write back' leaf-flush 'applies now'
rm -r "$DIR/sys/fs/bcache/queue"

# The size of the cache disk.
put "sys/fs/bcache/$UUID/size" 34359738367
want 'less than 16 TiB' 'size  *34359738367' gc-sectors 'not here'
put "sys/fs/bcache/$UUID/size" 34359738368
want '16 TiB' 'size  *34359738368' gc-sectors 'applies now'

# The preemption model, and where it is read.
machine 6.12.117 0 '#1 SMP' 0
want 'no model to read' . flush-wait 'cannot tell' closure-sync 'not here'
put boot/config-6.12.117 '# CONFIG_PREEMPT is not set
CONFIG_PREEMPT_NONE=y'
want 'one CPU, none' . flush-wait 'applies now'
put proc/cmdline 'root=/dev/sda1 preempt=full quiet'
want 'the command line before the build' . flush-wait possible
put sys/kernel/debug/sched/preempt '(none) voluntary full lazy'
want 'switched at run time' . flush-wait 'applies now'
put sys/devices/system/cpu/online 0-1,4
want 'three CPUs, none' 'CPUs  *3 ' flush-wait possible closure-sync possible

# Not loaded, and cured.
machine 6.12.117 0 '#1 PREEMPT'
want 'no bcache' 'root-on-list .*once bcache is loaded' root-on-list possible flush-wait possible
put boot/config-6.12.117 'CONFIG_PREEMPT_NONE=y'
want 'no bcache, none' . flush-wait possible
# The version is the one that make module gives: built from the newest base.
"$TOP/scripts/doors/module_source.sh" "$FIRST" "$OUT/lint/hit.source"
machine 6.12.117 0-1 "$SMP" 0
put sys/module/bcache/version "$(cat "$OUT/lint/hit.source/version")"
want 'a module with the series' . root-on-list 'not here' flush-wait 'not here' \
	journal-wake 'not here' reap-skip 'not here' closure-sync possible check-threads 'not here'
put proc/version "Linux version 6.1.192 (who@where) (gcc 12.2.0) $SMP"
want 'such a module of 6.1' . closure-sync 'not here' root-on-list 'not here'
put sys/module/bcache/version '1.0'
want 'a module with another version' . root-on-list possible
machine 7.3.4 0-1 "$SMP"
mkdir -p "$DIR/sys/fs/bcache"
want 'loaded, no set' '^its source settles' root-on-list possible
! grep -q 'not looked at' "$SAID" || complain '7.3 was looked at'
machine 7.4.0-rc1 0-1 "$SMP"
want 'newer than all' 'after 7.3 were not looked at' root-on-list possible
machine odd 0-1 odd
want 'a version that is none' . flush-race 'cannot tell' root-on-list 'cannot tell'
rm -rf "$DIR"
mkdir -p "$DIR"
want 'nothing there' . flush-race 'cannot tell' flush-wait 'cannot tell'

# A list of names from its text.
names()
{
	sed -n "s/^$1='\(.*\)'\$/\1/p" "$HIT"
}

# It has to read what a kernel has: an attribute of a base. The counter is of
# 4.19.61-72 and the like. Some attributes take locks that a stuck writer may
# hold.
for name in $(names SET) $(names INTERNAL) $(names CACHE) $(names BACKING); do
	case $name in
	retry_flush_write) ;;
	btree_cache_size|btree_cache_max_chain|root_usage_percent|priority_stats|bset_tree_stats)
		complain "$name may never return" ;;
	*)
		cat "$OUT"/base/*/drivers/md/bcache/sysfs.c | grep -q "&sysfs_$name," ||
			complain "$name is no attribute of any base" ;;
	esac
done
result attributes
# It redirects to nothing but the standard error and /dev/null, and -n reads
# nothing.
! sed -e '/^# begin/,/^# end/d' -e 's/^[[:space:]]*#.*//' -e "s/'[^']*'//g" -e 's,2*> */dev/null,,g' -e 's/>&[13]//g' -e 's/3>&1//' "$HIT" |
	grep '>' > "$SAID" || complain "it redirects: $(head -1 "$SAID")"
machine 7.3.4 0-1 "$SMP" 0
put boot/config-7.3.4 CONFIG_PREEMPT_LAZY=y
SYSROOT=$DIR sh "$HIT" -n > "$SAID" 2>&1 || complain "-n ends with status $?"
[ "$(sed -n "s,^  $DIR/,./,p" "$SAID" | sort -u)" = "$(cd "$DIR" && find . -type f | sort)" ] ||
	complain '-n does not name what is there to read'
result only_reads
rm -rf "$DIR"
[ "$nr" = "$plan" ] || failed=1
exit $failed
