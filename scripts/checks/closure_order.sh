#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does closure_sync_fn() read the waiter's task before it says that it is done?
# Once it has, the waiter's stack frame, where both are, may be gone. And does
# __closure_sync(), the waiter, read done before all that it does next?
#
# Usage: scripts/checks/closure_order.sh [-n] BASE STACK [COMPILER-ARCH...]
#   COMPILER-ARCH  gcc-x86_64, clang-x86_64, gcc-arm64, clang-arm64; default:
#                  all of them
#   -n             say what would be done
#
# The kernel's own build compiles the file; the object code is judged. x86
# keeps a load before a later store, so there the order of the program is what
# counts; arm64 does not, so there the store has to be a release, or a barrier
# has to come before it, and the waiter's load has to be an acquire. A compiler
# that is missing, or that the base is too new for, is a skip with its reason.
# Output: KTAP. Exit status: 0 when none failed, else 1.
. "$(dirname "$0")/../lib/lib.sh"

config()
{
	cat <<-EOF
	CONFIG_64BIT=y
	CONFIG_SMP=y
	CONFIG_EXPERT=y
	CONFIG_SYSFS=y
	CONFIG_BLOCK=y
	CONFIG_BLK_DEV=y
	CONFIG_MD=y
	CONFIG_BCACHE=y
	EOF
}

kmake()
{
	make -s -C "$tree" O="$obj" ARCH="$arch" -j"$JOBS" "$@"
}

# compile: the object file with closure_sync_fn(), for $cc and $arch.
compile()
{
	case $cc-$arch in
	gcc-arm64)	set -- CROSS_COMPILE=aarch64-linux-gnu- ;;
	clang-arm64)	set -- CROSS_COMPILE=aarch64-linux-gnu- CC=clang ;;
	clang-*)	set -- CC=clang ;;
	*)		set -- ;;
	esac
	if [ ! -f "$tree/$obj/.config" ]; then
		kmake "$@" allnoconfig
		config >> "$tree/$obj/.config"
		kmake "$@" olddefconfig
	fi
	kmake "$@" "$file.o"
}

# missing: why this compiler cannot do this base, or nothing.
missing()
{
	case $cc-$arch in
	gcc-arm64)	tool=aarch64-linux-gnu-gcc ;;
	gcc-*)		tool=gcc ;;
	clang-*)	tool=clang ;;
	esac
	command -v "$tool" > /dev/null || { echo "no $tool here"; return; }
	[ "$arch" != arm64 ] || command -v aarch64-linux-gnu-ld > /dev/null ||
		{ echo "no aarch64-linux-gnu-ld here"; return; }
	[ "$cc" = clang ] || return 0
	have=$(clang -dumpversion)
	want=$(sh "$tree/scripts/min-tool-version.sh" llvm 2>/dev/null || echo 10.0.1)
	[ "${have%%.*}" -ge "${want%%.*}" ] ||
		echo "clang $have, and this base wants $want"
}

# order: what the object code does, from its listing.
# struct closure_syncer has the task at 0 and done at 8.
order_x86_64()
{
	awk '
	/mov +\(%r[a-z0-9]+\),%r/ && !load { load = NR }
	/movl +\$0x1,0x8\(%r/ { store = NR }
	END {
		if (!load || !store) print "not understood"
		else if (store < load) print "done is set before the task is read"
		else print "ok: the task is read, then done is set"
	}'
}

order_arm64()
{
	awk '
	/[ \t]dmb[ \t]/ && load { barrier = NR }
	/[ \t]ldr[ \t]+x[0-9]+, \[x[0-9]+\](, #8)?$/ { load = NR }
	/[ \t]str[ \t]+w[0-9]+, \[x[0-9]+, #8\]/ { store = NR }
	/[ \t]stlr[ \t]/ { release = NR }
	END {
		if (!load || !(store || release)) print "not understood"
		else if (release > load) print "ok: the task is read, then done is set with release"
		else if (store < load) print "done is set before the task is read"
		else if (barrier && barrier < store) print "ok: a barrier is between"
		else print "the CPU may set done before it reads the task"
	}'
}

acquire_arm64()
{
	awk '
	/[ \t]ldar[ \t]+w/ { acquire = 1 }
	/CALL26[ \t]schedule/ { sleeps = 1 }
	END {
		if (!sleeps) print "not understood"
		else if (acquire) print "ok: the task is read, then done is set with release; the waiter acquires"
		else print "the waiter may go on before it reads done"
	}'
}

# code FUNCTION: its listing.
code()
{
	$dump -dr --no-show-raw-insn "$tree/$obj/$file.o" | sed -n "/<$1>:\$/,/^\$/p"
}

options n "$@"
shift $((OPTIND - 1))
[ $# -ge 2 ] || misused
base=$1 stack=$2
shift 2
[ $# -gt 0 ] || set -- gcc-x86_64 clang-x86_64 gcc-arm64 clang-arm64
base_row "$base" > /dev/null
topics "$stack" > /dev/null
need make make
need objdump binutils
"$TOP/scripts/lab/tree.sh" ${DRY:+-n} "$base" "$stack"
tree=$OUT/tree/$base/$stack
file=lib/closure
[ -f "$OUT/base/$base/$file.c" ] || file=drivers/md/bcache/closure

say "KTAP version 1"
say "1..$#"
nr=0 failed=0
for which; do
	nr=$((nr + 1))
	cc=${which%%-*} arch=${which#*-}
	case $arch in x86_64|arm64) ;; *) die "unknown compiler '$which'" ;; esac
	name=$base.$stack.closure_order.$which
	why=$(missing)
	if [ -n "$why" ] || [ -n "$DRY" ]; then
		say "ok $nr $name # SKIP ${why:-not run}"
		continue
	fi
	obj=o-closure-$which
	# what is the same as in vanilla need not be built again
	if [ ! -d "$tree/$obj" ] && [ -d "$OUT/tree/$base/vanilla/$obj" ]; then
		cp -a "$OUT/tree/$base/vanilla/$obj" "$tree/$obj"
	fi
	mkdir -p "$tree/$obj"
	# The copy may be newer than the source that a patch has changed.
	rm -f "$tree/$obj/$file.o"
	quiet "$OUT/log/closure-$base-$stack-$which.log" compile
	dump=objdump
	[ "$arch" = x86_64 ] || dump=aarch64-linux-gnu-objdump
	saw=$(code closure_sync_fn | "order_$arch")
	case $saw in
	ok:*) [ "$arch" != arm64 ] || saw=$(code __closure_sync | acquire_arm64) ;;
	esac
	say "# $saw"
	case $saw in
	ok:*) say "ok $nr $name" ;;
	*) say "not ok $nr $name"; failed=$((failed + 1)) ;;
	esac
done
[ "$failed" -eq 0 ]
