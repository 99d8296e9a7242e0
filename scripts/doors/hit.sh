#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Which of the defects in bcache's journal does the running system have?
#
# Usage: hit.sh [-n]
#   -n  list the files that would be read
#
# Prints what it read, then for each defect: "applies now" (what can be read of
# its conditions holds at this moment), "possible" (this kernel has it; a load
# or chance has to do the rest), "not here" or "cannot tell", with the reason.
#
# This file runs where it is copied to, in any POSIX shell, with no other
# command and nothing of ours there. It writes nothing, and reads only files
# that take no lock which a stuck writer holds; all of bcache's take the lock
# of registration. If it stops in the middle all the same, the file that it
# named last does not answer: registration is stuck.
#
# Environment: SYSROOT, where /proc, /sys and /boot are looked for (for tests).
# shellcheck disable=SC2086
set -u

# From patches/eras and the Cc: lines of the topics: which kernels, by
# scripts/checks/hit_test.sh -w, which checks it as well.
# begin
ERAS='3.10-3.12||nothing|one node, locked until it is written
3.13-3.14||none|one node, then takes b->lock
3.15-4.15||flush-race/C|one node, then takes b->write_lock
4.16-4.18|Ubuntu 4.4 from -161|flush-race/D/4.16|from a heap of 128 nodes that is never freed
4.19.0-4.19.60, 4.20-5.0, 5.1.0-5.1.19, 5.2.0-5.2.2||flush-race/D|from a heap of 128 nodes, kept from call to call
4.19.61-4.19.72, 5.1.20-5.1.21, 5.2.3-5.2.14||flush-race|as C, with two counters
4.19.73+, 5.2.15+||nothing|one node, with the flag
5.3+|SUSE 4.4.180, RHEL 4.18.0-147|nothing|up to 8 nodes, with the flag'
SINCE='root-on-list 5.3
journal-wake 3.14
reap-skip 5.3
flush-wait 5.3
closure-sync 4.16
check-threads 5.7
disk-gone 5.3
node-error 3.10 4.17
meta-reserve 3.10 5.10
journal-error 3.10 5.4
data-error 3.10 5.4
leaf-flush 3.10 5.4
write-order 3.10 5.10
torn-set 3.10 5.4
no-memory 3.13
replay-split 3.14
gen-limit 3.10 5.4
alone 3.10 5.10
teardown 4.17
meta-retry 3.10 5.10
flush-first 3.10 5.10
sync-super 3.10 5.10
read-race 3.10 5.10
sysfs-late 3.10 5.10
gc-sectors 3.10 5.10'
# end

ROOT=${SYSROOT:-}
MARK='*+series*'		# version of a module that was built with the series
NEWEST=7.3		# no later kernel was looked at
SET='tree_depth journal_delay_ms bucket_size block_size cache_available_percent congested'
INTERNAL='active_journal_entries btree_nodes flush_write retry_flush_write reclaim reclaimed_journal_buckets btree_shrinker_disabled io_disable'
CACHE='nbuckets bucket_size block_size discard io_errors btree_written metadata_written'
BACKING='cache_mode state dirty_data writeback_running'
DRY=''

fact()
{
	printf '  %-29s%s\n' "$1" "$2"
}

# get FILE: its first line in $value; false when there is none. Dry, it reads
# what the name of another file comes from.
get()
{
	value=''
	[ -e "$1" ] || return 1
	[ -z "$DRY" ] || echo "  $1" >&3
	case $DRY$1 in 1*/proc/version) ;; 1*) return 1 ;; esac
	{ IFS= read -r value < "$1"; } 2>/dev/null
	[ -n "$value" ]
}

# show DIR NAME...: print the files that are there. The name first: if the read
# does not return, it is known which.
show()
{
	dir=$1
	shift
	for name; do
		[ -e "$dir/$name" ] || continue
		printf '    %-27s' "$name"
		get "$dir/$name" || value='cannot be read'
		printf '%s\n' "$value"
	done
}

# number VERSION: 4.19.73-foo as 4019073 in $n, or 0.
number()
{
	n=0
	v=${1%%[!0-9.]*}.
	case $v in [0-9]*.[0-9]*.) ;; *) return ;; esac
	n=${v%%.*} v=${v#*.}
	n=$((n * 1000 + ${v%%.*})) v=${v#*.}
	v=${v%%.*}
	n=$((n * 1000 + ${v:-0}))
}

# since A: is the kernel A or later?
since()
{
	number "$1"
	[ "$kernel" -ge "$n" ]
}

# among KERNELS: is it one of those, in the notation of patches/eras?
among()
{
	list="$1, "
	while [ -n "$list" ]; do
		one=${list%%, *} list=${list#*, }
		since "${one%%[-+]*}" || continue
		line=$((n / 1000))
		number "${one#*-}"
		case $one in
		*-*.*.*) [ "$kernel" -gt "$n" ] || return 0 ;;
		*-*) [ "$((kernel / 1000))" -gt "$((n / 1000))" ] || return 0 ;;
		*.*.*+) [ "$((kernel / 1000))" != "$line" ] || return 0 ;;
		*) return 0 ;;
		esac
	done
	return 1
}

# What the distribution calls the version is nearer to the source than the
# release is: Debian's 6.1.0-56 is 6.1.192.
read_kernel()
{
	get "$ROOT/proc/version" || :
	fact 'kernel' "${value:-cannot be read}"
	build=${value#*) #} value=${value#Linux version }
	release=${value%% *} version=$release from='the release'
	case $build in
	*' Debian '[0-9]*)
		version=${build#*' Debian '} version=${version%% *} from='the build, by Debian' ;;
	esac
	! get "$ROOT/proc/version_signature" || version=${value##* } from=/proc/version_signature
	number "$version"
	kernel=$n
	fact 'version' "${version:-unknown} (from $from)"
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
	preempt='' from=/sys/kernel/debug/sched/preempt
	! get "$ROOT$from" || preempt=${value#*\(} preempt=${preempt%%\)*}
	if [ -z "$preempt" ] && get "$ROOT/proc/cmdline"; then
		case " $value " in
		*' preempt='*)
			preempt=${value##*preempt=} preempt=${preempt%% *} from=/proc/cmdline ;;
		esac
	fi
	if [ -z "$preempt" ] && get "$ROOT/boot/config-$release"; then
		from=/boot/config-$release
		while [ -z "$preempt" ] && IFS= read -r line; do
			case $line in
			CONFIG_PREEMPT_NONE=y) preempt=none ;;
			CONFIG_PREEMPT_VOLUNTARY=y) preempt=voluntary ;;
			CONFIG_PREEMPT_LAZY=y) preempt=lazy ;;
			CONFIG_PREEMPT=y|CONFIG_PREEMPT_RT=y) preempt=full ;;
			esac
		done < "$ROOT$from"
	fi
	if [ -z "$preempt" ]; then
		from='the build'
		case $build in
		*PREEMPT_DYNAMIC*|'') preempt=unknown ;;
		*PREEMPT*) preempt=full ;;
		*) preempt='none or voluntary' ;;
		esac
	fi
	fact 'preemption' "$preempt (from $from)"
}

# read_module: $bcache is loaded or absent, $cured says that it is ours.
read_module()
{
	bcache=absent cured=''
	[ ! -e "$ROOT/sys/module/bcache" ] && [ ! -e "$ROOT/sys/fs/bcache" ] || bcache=loaded
	fact 'bcache' "$bcache"
	show "$ROOT/sys/module/bcache" srcversion version
	get "$ROOT/sys/module/bcache/version" || return 0
	# shellcheck disable=SC2254
	case $value in $MARK) cured=$value ;; esac
}

# size FILE: what it says, 64.0k or 1.0M, in tenths of KiB in $value.
size()
{
	get "$1" || return 1
	unit=${value##*[0-9]} value=${value%[kM]}
	case $value in
	*.?) value=$((${value%.?} * 10 + ${value##*.})) ;;
	*) value=$((value * 10)) ;;
	esac
	[ "$unit" != M ] || value=$((value * 1024))
}

# count_entries DIR: how many entries of one key the journal of a cache takes,
# a block each, in $entries. A bucket in 128 is the journal's, 2 to 256 of
# them, and one of those is kept free.
count_entries()
{
	entries=''
	size "$1/block_size" && block=$value && size "$1/bucket_size" && blocks=$((value / block)) &&
		get "$1/nbuckets" || return 0
	value=$((value / 128))
	[ "$value" -ge 2 ] || value=2
	[ "$value" -le 256 ] || value=256
	entries=$(((value - 1) * blocks))
	fact "  journal" "room for $entries entries of one key; a leaf writes itself at $keys keys"
}

# count_keys: a leaf writes itself once its unwritten set has that many, in
# $keys. The set has a head of 32 bytes and keys of 24; the limit is 48 bytes
# less than a page.
count_keys()
{
	keys=168 name=''
	get "$ROOT/proc/self/smaps" || return 0
	while [ "$name" != KernelPageSize: ] && read -r name value line; do :; done < "$ROOT/proc/self/smaps"
	keys=$(((value * 1024 - 80) / 24 + 1))
}

# read_sets: prints every cache set and sorts them by what root-on-list finds.
# A durable write takes an entry for its key and one for its flush. $small: they
# fill the journal before the leaf has the keys with which it writes itself.
# $flat: not so, but keys that merge are never as many. Either takes a journal
# that fills up within 30 s, when the leaf is written anyway. $deep: the root
# is no leaf. $blind: cannot be read.
read_sets()
{
	small='' flat='' deep='' blind='' volatile='' large=''
	for set in "$ROOT"/sys/fs/bcache/*-*-*-*-*; do
		[ -d "$set" ] || continue
		fact 'cache set' "${set##*/}"
		show "$set" $SET
		show "$set/internal" $INTERNAL
		show "$set/cache0" $CACHE
		# of the disk, or of that which the partition is on
		for queue in "$set/cache0/../queue" "$set/cache0/../../queue"; do
			value=''
			show "$queue" write_cache
			volatile=$volatile$value
		done
		value=''
		show "$set/cache0/.." size
		[ "${value:-0}" -lt 34359738368 ] || large=1	# 16 TiB
		for backing in "$set"/bdev[0-9]*; do show "$backing" $BACKING; done
		count_entries "$set/cache0"
		stall=" ${set##*/}${entries:+ from $((entries / 60 + 1)) writes/s on}"
		get "$set/tree_depth" || :
		case $value-$((${entries:-999999} <= 2 * keys)) in
		0-1) small=$small$stall ;;
		0-0) flat=$flat$stall ;;
		[1-9]*) deep=1 ;;
		*) blind="$blind ${set##*/}" ;;
		esac
	done
}

# verdict DEFECT: $word and $reason, but without a version no word counts,
# nothing that is not loaded applies now, and a module with the series has none
# of it. From 6.7 on closures are in the kernel itself, out of a module's reach.
verdict()
{
	[ "$kernel" != 0 ] || word='cannot tell' reason='no version was read'
	if [ -n "$cured" ] && { [ "$1" != closure-sync ] || ! since 6.7; }; then
		word='not here' reason="the loaded module has the series (version $cured)"
	elif [ "$bcache" = absent ] && [ "$word" != 'not here' ]; then
		reason="once bcache is loaded: $reason"
		[ "$word" != 'applies now' ] || word=possible
	fi
	[ "$word" = 'not here' ] || [ -z "$fits" ] || since "$fits" ||
		reason="$reason; the patch is for $fits and later"
	printf '  %-15s%-13s%s\n' "$1" "$word" "$reason"
}

flush_race()
{
	word='not here' reason='bcache came with 3.10' but=''
	for row in $ERAS; do
		kernels=${row%%|*} row=${row#*|}
		vendors=${row%%|*} row=${row#*|}
		case $row in
		nothing*) but=$but${vendors:+, unless $vendors} now='not here' ;;
		*) now=possible ;;
		esac
		! among "$kernels" || word=$now reason="$kernels: the flusher picks ${row#*|}"
	done
	[ "$word" = 'not here' ] || reason=$reason$but
	verdict flush-race
}

# topic NAME: the kernel is one that has it; what else does it take?
topic()
{
	word=possible
	case $1 in
	root-on-list)
		if [ -n "$small" ]; then
			word='applies now' reason="the root is a leaf, the journal small: durable writes stall:$small"
		elif [ -n "$flat" ]; then
			reason="the root is a leaf: durable writes in sequence stall, random ones do not:$flat"
		elif [ -n "$blind" ]; then
			word='cannot tell' reason="tree_depth cannot be read:$blind"
		elif [ -n "$deep" ]; then
			word='not here' reason='the root is no leaf; that of a new cache is'
		else
			reason='no cache set runs; the root of a new one is a leaf'
		fi ;;
	journal-wake)
		reason='many writers that do not sync on a slow cache device; from 5.6 on slow node reads as well' ;;
	reap-skip)
		reason='memory has to run short while the journal is full' ;;
	flush-wait)
		reason='a wait takes CPU time; without preemption, or for a real-time task, it may not end'
		case $preempt-$((1 < cpus)) in
		none-0) word='applies now' reason='one CPU, no preemption: a wait for a picked node never ends' ;;
		none-1) reason='no preemption: a wait never ends when the flusher is on the same CPU' ;;
		unknown-0|'none or voluntary-0')
			word='cannot tell' reason='the preemption model decides; root may see it in /sys/kernel/debug/sched/preempt' ;;
		esac ;;
	closure-sync)
		reason="several CPUs; the compiler's order of two instructions decides"
		[ "$cpus" != 1 ] || word='not here' reason='one CPU only' ;;
	check-threads)
		reason='when a cache set is registered, at no other time'
		[ -z "$small$flat" ] || [ -n "$deep$blind" ] ||
			word='not here' reason='the root is a leaf: no threads check the tree' ;;
	disk-gone)
		reason='a cache disk that fails may panic the machine, or hang its writers' ;;
	node-error)
		reason='one failed write of a tree node may cost the cache at its next registration' ;;
	meta-reserve)
		reason='a journal that writers in flight can fill: small caches, short memory' ;;
	journal-error)
		reason='a cache disk that fails a read or a write of the journal costs acknowledged writes' ;;
	data-error)
		reason='a cache disk that fails a write of data costs what the block held before' ;;
	leaf-flush)
		reason='a cache disk that says "write back" in queue/write_cache, and a loss of power'
		case $volatile in
		*back*) word='applies now' ;;
		*through*) word='not here' reason='the cache disk has no volatile write cache' ;;
		esac ;;
	write-order)
		reason='writes past or through the cache: reads beside them, or a loss of power with dirty data' ;;
	torn-set)
		reason='a power cut in the middle of the write of a leaf makes the cache set refuse to register' ;;
	no-memory)
		reason='an allocation that fails: in garbage collection it costs data, else a panic or a hang' ;;
	replay-split)
		reason='a crash after discards, or writes past the cache: the set may not register again' ;;
	gen-limit)
		reason='discards or writes past a full cache, the sooner the smaller its buckets: see hit.rst before a reboot' ;;
	alone)
		reason='a cache disk that fails and comes back is older than what was written in between' ;;
	teardown)
		reason='a backing disk that goes away while in use is refused when it returns' ;;
	meta-retry)
		reason='one failed write of the journal, of priorities or of uuids stops the cache set' ;;
	flush-first)
		reason='a flush that the cache disk fails: what it loses may be missed, and reported as safe'
		case $volatile in
		*through*) word='not here' reason='the cache disk has no volatile write cache' ;;
		esac ;;
	sync-super)
		reason='a superblock that is not written, or a loss of power behind an attach, costs what is in the cache alone' ;;
	read-race)
		reason='a read of the cache that takes seconds fails, or returns the data of another block' ;;
	sysfs-late)
		reason='who reads files of a cache disk while its set stops may hang registration for good' ;;
	gc-sectors)
		word='not here' reason='no cache has 16 TiB'
		[ -z "$large" ] ||
			word='applies now' reason='a cache of 16 TiB or more: garbage is collected too often, or all the time' ;;
	esac
	verdict "$1"
}

case ${1:-} in
'') ;;
-n) DRY=1; echo 'would read:'; exec 3>&1 > /dev/null ;;
*)
	echo 'Usage: hit.sh [-n]; -n lists the files that would be read'
	[ "$1" = -h ]
	exit $(($? * 2)) ;;
esac
echo 'read:'
read_kernel
count_cpus
count_keys
read_preemption
read_module
read_sets
[ -z "$DRY" ] || exit 0
printf '\ndefects:\n'
fits=''
IFS='
'
flush_race
for row in $SINCE; do
	name=${row%% *} fits=${row##* } row=${row#* }
	if since "${row% *}"; then
		topic "$name"
	else
		word='not here' reason="it came with ${row% *}"
		verdict "$name"
	fi
done
echo
echo 'Versions are those of kernel.org. A distribution may have patched its kernel;'
echo 'its source settles that: make status KSRC=dir'
number "$NEWEST"
[ "$((kernel / 1000))" -le "$((n / 1000))" ] ||
	echo "Kernels after $NEWEST were not looked at."
