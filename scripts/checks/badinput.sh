#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Give the scripts bad input: each must answer with one clear line, a status
# that is not 0, and nothing half done.
#
# Usage: scripts/checks/badinput.sh
#
# Prints what was met badly; exit status 0 when nothing was.
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))

DIR=$OUT/lint/badinput
S=$TOP/scripts
badly=0

# meets PATTERN NAME COMMAND...: fails with one line that matches.
meets()
{
	pattern=$1 name=$2
	shift 2
	"$@" > "$DIR/out" 2> "$DIR/err" < /dev/null && rc=0 || rc=$?
	if [ "$rc" = 0 ] || [ "$(wc -l < "$DIR/err")" != 1 ] ||
		! grep -qE "$pattern" "$DIR/err"; then
		say "# $name: status $rc, said: $(head -3 "$DIR/err" | tr '\n' '|')"
		badly=1
	fi
}

# leaves DIR NAME: nothing half done is left there.
leaves()
{
	half=$(find "$1" -name '*.part' 2>/dev/null | head -1)
	[ -z "$half" ] || { say "# $2: leaves $half"; badly=1; }
}

# ctrl_c FILE NAME: interrupt the job in the background once FILE is there.
ctrl_c()
{
	pid=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		[ ! -e "$1" ] || break
		sleep 0.2
	done
	kill -INT -"$pid" 2>/dev/null || kill -INT "$pid" 2>/dev/null || :
	wait "$pid" && rc=0 || rc=$?
	if [ "$rc" = 0 ] || ! grep -q 'interrupted; nothing half done is kept' "$DIR/err"; then
		say "# $2: status $rc, said: $(cat "$DIR/err")"
		badly=1
	fi
}

rm -rf "$DIR"
mkdir -p "$DIR"

meets "unknown base '4.4'; known: $(newest)" 'wrong BASE' env BASE=4.4 "$S/lab/show.sh"
meets "unknown base '4.4'" 'wrong BASE of a tree' "$S/lab/tree.sh" 4.4 vanilla
meets "unknown stack 'nonsense'; known:" 'wrong stack' "$S/lab/tree.sh" "$BASE" nonsense
meets "unknown scenario 'XX'; known:" 'wrong scenario' "$S/lab/build.sh" "$BASE" XX vanilla
meets "unknown test 'nonsense'" 'wrong test' "$S/lab/run.sh" "$BASE" VT vanilla nonsense
meets "no run of test 'nonsense'" 'make check T= of nothing' "$S/lab/runs.sh" -t nonsense show
meets 'is no directory' 'KSRC that is not there' env KSRC="$DIR/none" "$S/lab/show.sh"
mkdir -p "$DIR/empty"
meets 'is no kernel source with bcache' 'KSRC without a kernel' env KSRC="$DIR/empty" "$S/lab/show.sh"
meets 'no TOPIC: .*; one of: .* series$' 'export of nothing' "$S/doors/export.sh"
meets 'nonsense: not a topic that is sent' 'export of a wrong topic' "$S/doors/export.sh" nonsense
meets 'lab/hooks: not a topic that is sent' 'export of a lab topic' "$S/doors/export.sh" lab/hooks
meets "unknown base '4.4'; known:" 'export for a wrong base' env BASE=4.4 "$S/doors/export.sh" reap-skip
meets 'era C is for flush-race' 'export for an era' env BASE=C "$S/doors/export.sh" reap-skip
meets 'flush-race is for kernels without the flag' 'export of flush-race for a base' env BASE="$BASE" "$S/doors/export.sh" flush-race
meets 'stable takes only what is in mainline' 'export for stable without ids' env STABLE=1 "$S/doors/export.sh" reap-skip
meets 'names the 1 commits of reap-skip' 'export for stable, short id' env STABLE=1 COMMITS=50a260e85996 "$S/doors/export.sh" reap-skip
meets 'names the 2 commits of root-on-list' 'export for stable, too few ids' \
	env STABLE=1 COMMITS=50a260e859964002dab162513a10f91ae9d3bcd3 "$S/doors/export.sh" root-on-list
meets 'is no export: .commits is missing' 'check of no export' "$S/doors/export.sh" -c "$DIR"
meets 'holds no run' 'judging nothing' "$S/lab/judge.sh" "$DIR/empty"

# A tree with other code: all of it or nothing, one line.
mkdir -p "$DIR/ksrc/drivers/md/bcache"
printf 'kernelversion:\n\t@echo 0.0.0\n' > "$DIR/ksrc/Makefile"
echo 'int other;' > "$DIR/ksrc/drivers/md/bcache/btree.c"
env KSRC="$DIR/ksrc" O="$DIR/o" "$S/lab/fetch.sh" ksrc > /dev/null
env KSRC="$DIR/ksrc" O="$DIR/o" "$S/lab/tree.sh" ksrc vanilla > "$DIR/out" 2> "$DIR/err" && rc=0 || rc=$?
if [ "$rc" = 0 ] || ! grep -q 'hooks do not fit 0.0.0' "$DIR/err"; then
	say "# unknown code in KSRC: status $rc, $(cat "$DIR/err")"
	badly=1
fi
[ ! -e "$DIR/o/tree/ksrc/vanilla" ] || { say "# unknown code in KSRC: a tree is left"; badly=1; }
leaves "$DIR/o" 'unknown code in KSRC'

# What was measured of one tree is not kept as another's, and not lost.
meets 'no tree was shown' 'results of no tree' env O="$DIR/empty" KSRC="$DIR/ksrc" "$S/lab/eras.sh" -k name
meets 'base ksrc needs KSRC=dir' 'compile without KSRC' env -u KSRC "$S/checks/compile.sh" ksrc
cp -r "$DIR/ksrc" "$DIR/other"
mkdir -p "$DIR/o/runs/ksrc-run"
meets 'is not what was shown' 'results of another tree' env O="$DIR/o" KSRC="$DIR/other" "$S/lab/eras.sh" -k name
[ -d "$DIR/o/runs/ksrc-run" ] || { say '# results of another tree: the runs are gone'; badly=1; }

# No network: a proxy that nobody listens on.
echo 'Acquire::http::Proxy "http://127.0.0.1:9"; Acquire::https::Proxy "http://127.0.0.1:9"; Acquire::Retries "0";' > "$DIR/apt.conf"
meets 'cannot fetch linux-source-6.1 .*no network' 'no network' \
	env APT_CONFIG="$DIR/apt.conf" O="$DIR/o" "$S/lab/fetch.sh" 6.1
leaves "$DIR/o" 'no network'

# A full disk, where we may mount a small one.
mkdir -p "$DIR/small"
if mount -t tmpfs -o size=4m tmpfs "$DIR/small" 2>/dev/null; then
	meets 'the disk is full: .* MiB needed' 'full disk' env O="$DIR/small" "$S/lab/fetch.sh" 6.1
	mkdir -p "$DIR/small/base"
	ln -s "$OUT/base/6.1" "$DIR/small/base/6.1"
	cp "$OUT/base/6.1.version" "$DIR/small/base/"
	meets 'the disk is full: .* MiB needed' 'full disk, a package' \
		env O="$DIR/small" "$S/doors/dkms.sh" 6.1
	umount "$DIR/small"
else
	say "# full disk not tried: no right to mount"
fi

# Rebuilding a module: headers made by hand, of a kernel that never ends to
# build.
"$S/lab/fetch.sh" 6.1 > /dev/null
headers=$DIR/root/usr/src/linux-headers-6.1.0-0-amd64
mkdir -p "$headers" "$DIR/m/base"
module()
{
	env O="$DIR/m" "$S/doors/module.sh" -d "$DIR/root" "$@"
}
echo unknown > "$DIR/root.version"
meets 'no headers of 0.0.0-0 here; install them' 'no headers' module 0.0.0-0
echo CONFIG_BCACHE=y > "$headers/.config"
meets 'has bcache built in .*: no module can replace it' 'bcache built in' module 6.1.0-0-amd64
echo '# CONFIG_BCACHE is not set' > "$headers/.config"
meets 'is built without bcache' 'a kernel without bcache' module 6.1.0-0-amd64
echo CONFIG_BCACHE=m > "$headers/.config"
meets 'has no Module.symvers' 'headers without symbols' module 6.1.0-0-amd64
echo symbols > "$headers/Module.symvers"
meets 'cannot fetch linux-source-6.1 .*no network' 'module, no network' \
	env APT_CONFIG="$DIR/apt.conf" O="$DIR/m" "$S/doors/module.sh" -d "$DIR/root" 6.1.0-0-amd64
: > "$DIR/root.version"
meets "is no kernel of Debian's" 'a foreign kernel' module 6.1.0-0-amd64
cp -r "$DIR/root/usr/src/linux-headers-6.1.0-0-amd64" "$DIR/root/usr/src/linux-headers-4.4.0-0-amd64"
echo unknown > "$DIR/root.version"
meets 'no base 4.4 in patches/bases' 'a kernel without a base' module 4.4.0-0-amd64
meets 'no base 4.4 in patches/bases' 'a package for it' "$S/doors/dkms.sh" 4.4
meets 'its stacks are vanilla .* and series' 'a stack that DISTRO has not' "$S/lab/build.sh" 6.1 DISTRO unfixed
leaves "$DIR/m" 'module'
[ ! -e "$DIR/m/module" ] || { say '# module: a directory is left'; badly=1; }

# A missing tool: a PATH that has all but one.
mkdir -p "$DIR/bin"
for tool in sh sed awk dirname basename pwd nproc cat grep tr head; do
	ln -sf "$(command -v $tool)" "$DIR/bin/$tool"
done
meets 'git is missing; install it with: apt-get install git' 'a missing tool' \
	env PATH="$DIR/bin" "$S/lab/tree.sh" "$BASE" vanilla

# Packages missing and nobody to install them.
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
	for tool in id date df mkdir printf wc; do
		ln -sf "$(command -v $tool)" "$DIR/bin/$tool"
	done
	printf '#!/bin/sh\nexit 1\n' > "$DIR/bin/dpkg-query"
	ln -sf "$(command -v apt-get)" "$DIR/bin/apt-get"
	chmod -R a+rX "$DIR"
	chmod +x "$DIR/bin/dpkg-query"
	meets 'neither root nor sudo; have an administrator run: apt-get install gcc' 'no sudo' \
		setpriv --reuid=65534 --regid=65534 --clear-groups \
		env PATH="$DIR/bin" O="$DIR/nobody" "$S/lab/install.sh"
fi

# Ctrl-C half way: nothing half done is left, and it says so.
# A shell starts its background jobs with SIGINT ignored; a terminal does not.
env -u OUTERMOST --default-signal=INT O="$DIR/o" setsid "$S/lab/fetch.sh" 5.10 > "$DIR/out" 2> "$DIR/err" &
ctrl_c "$DIR/o/base/5.10.part" Ctrl-C
leaves "$DIR/o" 'Ctrl-C'

# The same while a module is built. The base is there, by name.
cp "$OUT/base/6.1.version" "$DIR/m/base/"
cp "$OUT/base/6.1.version" "$DIR/root.version"
ln -s "$OUT/base/6.1" "$DIR/m/base/6.1"
printf 'modules:\n\t@sleep 20\n' > "$headers/Makefile"
env -u OUTERMOST --default-signal=INT O="$DIR/m" setsid "$S/doors/module.sh" \
	-d "$DIR/root" 6.1.0-0-amd64 > "$DIR/out" 2> "$DIR/err" &
ctrl_c "$DIR/m/log/module-6.1.0-0-amd64.log" 'Ctrl-C in a build'
leaves "$DIR/m" 'Ctrl-C in a build'

rm -rf "$DIR"
exit $badly
