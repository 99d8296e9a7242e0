#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Boot a stack in a scenario, run one test, judge it.
#
# Usage: scripts/lab/run.sh [-n] BASE SCENARIO STACK TEST [NAME=VALUE...]
#   TEST        a guest program of tools/testing/selftests/bcache/
#   NAME=VALUE  settings of the test (head of its source), or words for the
#               kernel's command line
#   -n          say what would be done
#
# Environment: RUN_SECONDS, after which a guest is ended (default 300; a spin
# in virtual time never ends by itself). The setting seconds=N says the same
# for one run.
#
# Result: a directory under out/runs/ with testid, command, config, expected
# (what has to go wrong in it), console, ktap (what the guest said), verdict
# (what the judge made of it), and rows in out/results.tsv. Exit status: that
# of the judge, scripts/lab/judge.sh.
. "$(dirname "$0")/../lib/lib.sh"

options n "$@"
shift $((OPTIND - 1))
[ $# -ge 4 ] || misused
base=$1 scenario=$2 stack=$3 test=$4
shift 4
[ -f "$SELF/$test.c" ] || die "unknown test '$test'"

"$TOP/scripts/lab/build.sh" ${DRY:+-n} "$base" "$scenario" "$stack"
"$TOP/scripts/lab/guest.sh" ${DRY:+-n}
if [ -n "$DRY" ]; then
	say "would run $test"
	exit 0
fi
machine=uml
if [ ! -f "$SELF/configs/$scenario.config" ]; then
	machine=qemu
	need qemu-system-x86_64 qemu-system-x86
fi

id=$(run_id "$base" "$scenario" "$stack" "$test" "$@")
run=$OUT/runs/$id
kernel=$(kernel_dir "$base" "$scenario" "$stack")
# A run of that name under way would be taken away from under its guest.
only "run-$id"
rm -rf "$run"
mkdir -p "$run"
cp "$kernel/.config" "$run/config"
printf '%s\t%s\t%s\t%s\t%s\n' "$base" "$scenario" "$stack" "$test" "$*" > "$run/testid"
echo "scripts/lab/run.sh $base $scenario $stack $test $*" > "$run/command"
expected "$base" "$scenario" "$stack" "$test" "$@" > "$run/expected"

uml()
{
	# Disks with a file behind them where time is real: the host's
	# scheduler is what makes races. With disks=null_blk those of virtual time.
	disks=''
	case " $* " in *' disks=null_blk '*) files='' ;; *) files=1 ;; esac
	if [ -n "$files" ] && ! virtual "$scenario"; then
		images=$run
		# Figures of a user's tree are shown: not those of the host's disk.
		if [ "$base" = ksrc ] && [ -w /dev/shm ]; then
			PART=$(mktemp -d /dev/shm/bcache-lab.XXXXXX)
			images=$PART
		fi
		truncate -s 256M "$images/cache.img"
		truncate -s 1G "$images/backing.img"
		disks="ubd0=$images/cache.img ubd1=$images/backing.img cache=/dev/ubda backing=/dev/ubdb"
	fi
	# shellcheck disable=SC2046,SC2086
	guest $(on_one_cpu "$scenario") "$kernel/linux" $words $(uml_words "$test" "$run") $disks "$@"
}

# qemu with Debian's kernel. The verdict has the second serial port. Always
# emulated: a /dev/kvm that is there need not work, and one machine's figures
# should be like another's.
qemu()
{
	cat "$OUT/guest/initrd" "$kernel/modules.cpio" > "$run/initrd"
	version=$(cat "$kernel/version")
	emulate "$@"
	# On a busy host the emulated CPUs now and then lose each other while the
	# kernel boots, long before our init: once more, then.
	[ "$rc" != 124 ] || [ -s "$run/ktap" ] || { mv "$run/console" "$run/console.1"; emulate "$@"; }
}

emulate()
{
	guest qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 1G \
		-display none -nodefaults -no-reboot -serial stdio -serial file:/dev/fd/3 \
		-kernel "$kernel/vmlinuz" -initrd "$run/initrd" -append \
		"$words console=ttyS0 panic=-1 loglevel=7 ktap=/dev/ttyS1 test=$test module=${version:-stock} $*"
}

# guest COMMAND...: until it ends, or its time is over.
guest()
{
	from=$(date +%s)
	mkfifo "$run/pipe"
	: > "$run/ktap"
	cat "$run/pipe" > "$run/ktap" &
	cat_pid=$!
	timeout -k 5 "${RUN_SECONDS:-300}" "$@" \
		> "$run/console" 2>&1 3> "$run/pipe" < /dev/null &
	KID=$!
	[ "$test" != bench ] || sample > "$run/cpu" &
	wait "$KID" && rc=0 || rc=$?
	KID=''
	wait "$cat_pid"
	rm "$run/pipe"
	# The status of a guest that timeout had to kill, and of one that others did.
	[ "$rc" != 137 ] || [ $(($(date +%s) - from)) -ge "${RUN_SECONDS:-300}" ] || rc=killed
}

# sample: what the process that is the guest's kernel, and no program of it, has
# used of the host's CPU, in ns, when the guest says where it is.
sample()
{
	tail -s .1 --pid="$KID" -n +1 -f "$run/ktap" | while read -r _ word at; do
		case $word:$at in
		at:measured|at:done) cut -d ' ' -f 1 "/proc/$(cat "$run/uml/pid")/schedstat" ;;
		esac
	done
}

# room_mb: what the host has for a guest's memory, which is a file.
room_mb()
{
	{
		sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo
		df -Pk "${TMPDIR:-/dev/shm}" | awk 'NR == 2 { print $4 }'
	} | sort -n | awk 'NR == 1 { print int($1 / 1024) }'
}

words=$(grep -v '^#' "$SELF/configs/$scenario.boot")
lacks=''
for word; do
	case $word in
	seconds=*) RUN_SECONDS=${word#seconds=} ;;
	host_mb=*) [ "$(room_mb)" -ge "${word#host_mb=}" ] ||
		lacks="${word#host_mb=} MiB of memory are needed, the host has $(room_mb)" ;;
	esac
done
if [ -z "$lacks" ]; then
	$machine "$@"
else
	rc=0
	echo "$lacks" | tee "$run/lacks" "$run/ktap" "$run/console" > /dev/null
fi
rm -rf "$run/uml" "$run/initrd"
echo "$rc" > "$run/exit"

"$TOP/scripts/lab/judge.sh" ${QUIET:+-q} "$run" && rc=0 || rc=$?
cat "$run/results.tsv" >> "$OUT/results.tsv"
exit "$rc"
