#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Which of the defects in bcache's journal does the running system have?
#
# Usage: hit.sh [-n]
#   -n  list the files that would be read
#
# Reads, never writes: the kernel's version, its preemption model, bcache's
# module and counters. Prints what it read, then a line per defect:
#   applies now   what can be read of its conditions holds at this moment
#   possible      this kernel has it; a load or a chance has to do the rest
#   not here      and why
#   cannot tell   and what is missing
# The verdict goes by version. A distribution may have changed its kernel
# without changing that; its source settles it: make status KSRC=dir
#
# This file stands alone, unlike its neighbours: it has to run where it is
# copied to, in any POSIX shell, with no other command and nothing of ours
# there. Read are only files whose reading does not walk the tree and takes no
# lock that a stuck writer holds; all of bcache's take the lock of
# registration. Should it stop in the middle all the same, then the name that
# it printed last is the file that does not answer: registration is stuck.
#
# Environment: SYSROOT, where /proc, /sys and /boot are looked for (for tests).
set -u

ROOT=${SYSROOT:-}
MARK='*+series*'		# version of a module that was built with the series
NEWEST=7.3		# no later kernel was looked at
SET='tree_depth journal_delay_ms bucket_size block_size cache_available_percent congested'
INTERNAL='active_journal_entries btree_nodes flush_write retry_flush_write reclaim reclaimed_journal_buckets btree_shrinker_disabled io_disable'
CACHE='nbuckets bucket_size block_size discard io_errors btree_written metadata_written'
BACKING='cache_mode state dirty_data writeback_running'

# The text at the head of this file.
usage()
{
	while IFS= read -r line; do
		case $line in
		'#!'*|'# SPDX'*|'') ;;
		'#'*) line=${line#'#'}; printf '%s\n' "${line# }" ;;
		*) return ;;
		esac
	done < "$0"
}

# get FILE: its first line in $value; false when there is none.
get()
{
	value=''
	[ -e "$1" ] || return 1
	{ IFS= read -r value < "$1"; } 2>/dev/null
	[ -n "$value" ]
}

# show INDENT FILE NAME: print what a file says, if it is there. The name
# first: if the read does not return, it is known which.
show()
{
	[ -e "$2" ] || return 0
	printf '%*s%-27s' "$1" '' "$3"
	get "$2" || value='cannot be read'
	printf '%s\n' "$value"
}

fact()
{
	printf '  %-29s%s\n' "$1" "$2"
}

# number VERSION: 4.19.73-foo as 4019073 in $n, or 0.
number()
{
	n=0
	v=${1%%[!0-9.]*}
	case $v in [0-9]*.[0-9]*) ;; *) return ;; esac
	major=${v%%.*} v=${v#*.}
	minor=${v%%.*}
	case $v in *.[0-9]*) v=${v#*.} level=${v%%.*} ;; *) level=0 ;; esac
	n=$((major * 1000000 + minor * 1000 + level))
}

# since A: is the kernel A or later?
since()
{
	number_was=$n
	number "$1"
	limit=$n n=$number_was
	[ "$n" -ge "$limit" ]
}

# within A B: is it A or later, and before B?
within()
{
	since "$1" && ! since "$2"
}

# What the distribution calls the version is nearer to the source than the
# release is: Debian's 6.1.0-56 is 6.1.192.
read_kernel()
{
	get "$ROOT/proc/sys/kernel/osrelease" && release=$value || release=''
	get "$ROOT/proc/sys/kernel/version" && build=$value || build=''
	version=$release from='/proc/sys/kernel/osrelease'
	case $build in
	*' Debian '[0-9]*)
		version=${build#*' Debian '} version=${version%% *} from='the build, by Debian' ;;
	esac
	if get "$ROOT/proc/version_signature"; then
		version=${value##* } from='/proc/version_signature'
	fi
	number "$version"
	fact 'kernel' "${release:-cannot be read}"
	fact 'version' "${version:-unknown} (from $from)"
	fact 'build' "${build:-cannot be read}"
	get "$ROOT/proc/version" || return 0
	value=${value#*) (}
	fact 'compiler' "${value%%) #*}"
}

# count_cpus: of a list like 0-3,8 in $cpus, 0 when it cannot be read.
count_cpus()
{
	cpus=0
	get "$ROOT/sys/devices/system/cpu/online" || return 0
	list=$value,
	while [ -n "$list" ]; do
		range=${list%%,*} list=${list#*,}
		cpus=$((cpus + ${range#*-} - ${range%-*} + 1))
	done
	fact 'CPUs' "$cpus ($value)"
}

# read_preemption: $preempt is none, voluntary, full, lazy or unknown. What
# was switched at run time first, then what was asked for, then what was
# built. Without PREEMPT in its text a build is none or voluntary.
read_preemption()
{
	preempt='' where=''
	if get "$ROOT/sys/kernel/debug/sched/preempt"; then
		preempt=${value#*\(} preempt=${preempt%%\)*} where=/sys/kernel/debug/sched/preempt
	fi
	if [ -z "$preempt" ] && get "$ROOT/proc/cmdline"; then
		case " $value " in
		*' preempt='*)
			preempt=${value##*preempt=} preempt=${preempt%% *} where=/proc/cmdline ;;
		esac
	fi
	if [ -z "$preempt" ] && [ -r "$ROOT/boot/config-$release" ]; then
		where=/boot/config-$release
		while IFS= read -r line; do
			case $line in
			CONFIG_PREEMPT_NONE=y) preempt=none ;;
			CONFIG_PREEMPT_VOLUNTARY=y) preempt=voluntary ;;
			CONFIG_PREEMPT_LAZY=y) preempt=lazy ;;
			CONFIG_PREEMPT=y|CONFIG_PREEMPT_RT=y) preempt=full ;;
			*) continue ;;
			esac
			break
		done < "$ROOT/boot/config-$release"
	fi
	if [ -z "$preempt" ]; then
		where='the build'
		case $build in
		*PREEMPT_DYNAMIC*) preempt=unknown ;;
		*PREEMPT*) preempt=full ;;
		'') preempt=unknown ;;
		*) preempt='none or voluntary' ;;
		esac
	fi
	fact 'preemption' "$preempt (from $where)"
}

# read_module: $bcache is loaded or absent, $cured says that it is ours.
read_module()
{
	bcache=absent cured=''
	if [ -e "$ROOT/sys/module/bcache" ] || [ -e "$ROOT/sys/fs/bcache" ]; then
		bcache=loaded
	fi
	fact 'bcache' "$bcache"
	show 2 "$ROOT/sys/module/bcache/srcversion" '  srcversion'
	show 2 "$ROOT/sys/module/bcache/version" '  version'
	get "$ROOT/sys/module/bcache/version" || return 0
	# shellcheck disable=SC2254
	case $value in $MARK) cured=$value ;; esac
}

# read_sets: prints every cache set; collects in $flat, $deep and $blind those
# whose tree is one leaf, those whose tree is not, and those that do not say.
read_sets()
{
	flat='' deep='' blind=''
	for set in "$ROOT"/sys/fs/bcache/*-*-*-*-*; do
		[ -d "$set" ] || continue
		fact 'cache set' "${set##*/}"
		for name in $SET; do show 4 "$set/$name" "$name"; done
		for name in $INTERNAL; do show 4 "$set/internal/$name" "$name"; done
		for dir in "$set"/cache[0-9]*; do
			[ -d "$dir" ] || continue
			for name in $CACHE; do show 4 "$dir/$name" "${dir##*/}/$name"; done
		done
		for dir in "$set"/bdev[0-9]*; do
			[ -d "$dir" ] || continue
			for name in $BACKING; do show 4 "$dir/$name" "${dir##*/}/$name"; done
		done
		get "$set/tree_depth" || value=''
		case $value in
		0) flat="$flat ${set##*/}" ;;
		[1-9]*) deep="$deep ${set##*/}" ;;
		*) blind="$blind ${set##*/}" ;;
		esac
	done
}

# verdict DEFECT WORD REASON: without a version no word counts, nothing that is
# not loaded applies now, and a module with the series has none of it.
verdict()
{
	word=$2 reason=$3
	[ "$n" != 0 ] || word='cannot tell' reason='no version was read'
	# From 6.7 on closures are in the kernel itself, out of a module's reach.
	if [ -n "$cured" ] && { [ "$1" != closure-sync ] || ! since 6.7; }; then
		word='not here' reason="the loaded module has the series (version $cured)"
	elif [ "$bcache" = absent ] && [ "$word" != 'not here' ]; then
		reason="once bcache is loaded: $reason"
		[ "$word" != 'applies now' ] || word=possible
	fi
	printf '  %-15s%-13s%s\n' "$1" "$word" "$reason"
}

flush_race()
{
	if ! since 3.10; then
		verdict flush-race 'not here' "bcache came with 3.10"
	elif ! since 3.13; then
		verdict flush-race 'not here' "a picked node stays locked until it is written before 3.13"
	elif since 5.3 || within 5.2.15 5.3 || within 4.19.73 4.20; then
		verdict flush-race 'not here' "the flag is in, by version: 4.19.73, 5.2.15, 5.3 and later"
	else
		verdict flush-race possible "no flag, by version: it came with 4.19.73, 5.2.15 and 5.3"
	fi
}

root_on_list()
{
	if ! since 5.3; then
		verdict root-on-list 'not here' 'the flusher finds the root before 5.3'
	elif [ -n "$flat" ]; then
		verdict root-on-list 'applies now' "tree_depth is 0, the tree is one leaf:$flat"
	elif [ -n "$blind" ]; then
		verdict root-on-list 'cannot tell' "tree_depth cannot be read:$blind"
	elif [ -n "$deep" ]; then
		verdict root-on-list 'not here' "not while the tree has more than one level; a new cache begins with one"
	else
		verdict root-on-list possible 'no cache set runs; a new one begins with a tree of one level'
	fi
}

journal_wake()
{
	if ! since 3.14; then
		verdict journal-wake 'not here' 'a waiter for a full entry is woken before 3.14'
	elif ! since 5.6; then
		verdict journal-wake possible 'one of its two ways, by version: many writers that do not sync, a slow cache device'
	else
		verdict journal-wake possible 'by version: many writers that do not sync on a slow cache device, or node reads that take long'
	fi
}

reap_skip()
{
	if ! since 5.3; then
		verdict reap-skip 'not here' 'one node is picked at a time before 5.3'
	else
		verdict reap-skip possible 'by version: memory has to run short while the journal is full'
	fi
}

flush_wait()
{
	if ! since 5.3; then
		verdict flush-wait 'not here' 'one node is picked at a time before 5.3, and who waits sleeps on its lock'
	elif [ "$cpus" -gt 1 ] && [ "$preempt" = none ]; then
		verdict flush-wait possible 'no preemption: for ever, when flusher and waiter share a CPU'
	elif [ "$preempt" = none ]; then
		verdict flush-wait 'applies now' 'one CPU, no preemption: who waits for a picked node keeps the CPU for ever'
	elif [ "$cpus" -le 1 ] && { [ "$preempt" = unknown ] || [ "$preempt" = 'none or voluntary' ]; }; then
		verdict flush-wait 'cannot tell' 'the preemption model decides, and it cannot be read; root may see it in /sys/kernel/debug/sched/preempt'
	else
		verdict flush-wait possible 'the wait takes CPU time; without preemption, or for a real-time task, it may not end'
	fi
}

closure_sync()
{
	if ! since 4.16; then
		verdict closure-sync 'not here' 'the wake-up without an order came with 4.16'
	elif [ "$cpus" = 1 ]; then
		verdict closure-sync 'not here' 'one CPU only'
	else
		verdict closure-sync possible "by version, several CPUs; the compiler's order of two instructions decides"
	fi
}

check_threads()
{
	if ! since 5.7; then
		verdict check-threads 'not here' 'the tree is checked by one task before 5.7'
	elif [ -n "$flat" ] && [ -z "$deep$blind" ]; then
		verdict check-threads 'not here' 'a tree of one level is checked without threads'
	else
		verdict check-threads possible 'by version: when a cache set is registered, at no other time'
	fi
}

case ${1:-} in
'') ;;
-h) usage; exit 0 ;;
-n)
	echo "would read, where it is there, below ${ROOT:-/}:"
	for name in osrelease version; do echo "  proc/sys/kernel/$name"; done
	for name in proc/version proc/version_signature proc/cmdline \
		sys/devices/system/cpu/online sys/kernel/debug/sched/preempt \
		'boot/config-RELEASE' sys/module/bcache/version \
		sys/module/bcache/srcversion; do echo "  $name"; done
	for name in $SET; do echo "  sys/fs/bcache/UUID/$name"; done
	for name in $INTERNAL; do echo "  sys/fs/bcache/UUID/internal/$name"; done
	for name in $CACHE; do echo "  sys/fs/bcache/UUID/cacheN/$name"; done
	for name in $BACKING; do echo "  sys/fs/bcache/UUID/bdevN/$name"; done
	exit 0 ;;
*)
	usage >&2
	exit 2 ;;
esac

echo 'read:'
read_kernel
count_cpus
read_preemption
read_module
read_sets
echo
echo 'defects:'
flush_race
root_on_list
journal_wake
reap_skip
flush_wait
closure_sync
check_threads
echo
echo 'Versions are those of kernel.org. A distribution may have patched its kernel;'
echo 'its source settles that: make status KSRC=dir'
limit=$n
number "$NEWEST"
[ "$((limit / 1000))" -le "$((n / 1000))" ] ||
	echo "Kernels after $NEWEST were not looked at."
