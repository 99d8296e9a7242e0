# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
#
# What every script here shares: where things are, how it speaks, how it
# stops. Sourced, never run.
#
# Environment, all optional:
#   O=dir      where everything built or fetched goes (default: out/)
#   V=1        show the commands
#   BASE=name  the base to work on (default: the newest)
#   KSRC=dir   a kernel source tree to use as base "ksrc"; it is only read
#   DRY=1      set by -n: say what would be done, do nothing
#   JOBS=n     how much goes on at once (default: a job for each CPU)

set -eu
LC_ALL=C
export LC_ALL

TOP=$(cd "$(dirname "$0")/../.." && pwd)
OUT=${O:-$TOP/out}
case $OUT in /*) ;; *) OUT=$TOP/$OUT ;; esac
JOBS=${JOBS:-$(nproc 2>/dev/null || echo 1)}
DRY=${DRY:-}
if [ -n "${KSRC:-}" ]; then
	BASE=ksrc
fi
me=$(basename "$0" .sh)
. "$TOP/scripts/lib/stacks.sh"
. "$TOP/scripts/lib/runs.sh"
. "$TOP/scripts/lib/ktap.sh"
BASE=${BASE:-$(newest)}
export BASE

# Colours belong on a terminal only: a log or a pipe gets plain text.
if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold='' plain=''
fi

# Usage text is the comment block at the head of the script, after the
# licence line: one place to write it, one place to read it.
usage()
{
	sed -n '3,/^[^#]/{/^#/!q;s/^# \{0,1\}//;p;}' "$0"
}

misused()
{
	usage >&2
	exit 2
}

# options LETTERS "$@": the options of a script: -h, and what getopts takes for
# LETTERS. -n sets DRY, another letter L sets opt_L to its argument or 1. After
# it comes: shift $((OPTIND - 1)).
options()
{
	options_of=h$1
	shift
	while getopts "$options_of" opt; do
		case $opt in
		h) usage; exit 0 ;;
		n) DRY=1 ;;
		'?') misused ;;
		*) eval "opt_$opt=\${OPTARG:-1}" ;;
		esac
	done
}

die()
{
	echo "$me: $*" >&2
	exit 1
}

# only NAME: this process and its children, which inherit the lock, are the only ones
# that work on NAME. A script has one such lock. Where locks do not work there is none.
only()
{
	mkdir -p "$OUT/log"
	exec 9> "$OUT/log/$1.lock"
	flock -n 9 || [ $? != 1 ] || die "$1 is under way already"
}

# in_turn NAME: once nobody else does that. Where locks do not work, at once.
in_turn()
{
	mkdir -p "$OUT/log"
	exec 8> "$OUT/log/$1.lock"
	flock 8 || :
}

say()
{
	printf '%s\n' "$*"
}

# step TEXT: one progress line, with the time the same step took last time
# so that a reader knows whether to wait or to go for a coffee.
step()
{
	step_name=$*
	step_from=$(date +%s)
	step_key=$(printf '%s' "$*" | tr -c 'A-Za-z0-9.\n' '_')
	step_last=$(cat "$OUT/times/$step_key" 2>/dev/null || echo '')
	printf '%s%-52s%s %s\n' "$bold" "$step_name" "$plain" \
		"${step_last:+(last time $step_last s)}"
}

# step_done: remember how long the step took.
step_done()
{
	mkdir -p "$OUT/times"
	echo $(($(date +%s) - step_from)) > "$OUT/times/$step_key"
}

# quiet LOG COMMAND...: run with the output kept in LOG; on failure show the
# lines that matter and where the rest is.
quiet()
{
	quiet_log=$1
	shift
	mkdir -p "$(dirname "$quiet_log")"
	if [ "${V:-0}" = 1 ]; then
		say "+ $*"
	fi
	# A shell of its own: what is said on an interrupt, once the command has
	# ended, must not go to the log.
	(trap : INT TERM HUP; "$@") > "$quiet_log" 2>&1 && return 0
	quiet_rc=$?
	grep -iE 'error|cannot|no space|not found|undefined|failed' \
		"$quiet_log" | head -5 >&2 || :
	if grep -q 'No space left on device' "$quiet_log"; then
		die "the disk is full under $OUT; free some room and run the same command again"
	fi
	die "'$1 ...' failed ($quiet_rc); all of its output: $quiet_log"
}

# need TOOL PACKAGE: stop with the name of the package when a tool is missing.
need()
{
	command -v "$1" >/dev/null 2>&1 ||
		die "$1 is missing; install it with: apt-get install $2 (or run: make install)"
}

# room KILOBYTES: stop before a step that would fill the disk.
room()
{
	mkdir -p "$OUT" 2>/dev/null || die "cannot write to $OUT; name another place with O=dir"
	[ -w "$OUT" ] || die "cannot write to $OUT; name another place with O=dir"
	room_have=$(df -Pk "$OUT" | awk 'NR == 2 { print $4 }')
	[ "$room_have" -ge "$1" ] ||
		die "the disk is full: $((room_have / 1024)) MiB free under $OUT, $(($1 / 1024)) MiB needed"
}

# Interrupts leave nothing half done: work happens under a .part name that
# this removes, and finished things are renamed into place. A child that is
# in a process group of its own is ended as well.
PART=''
KID=''
cleanup()
{
	[ -z "$KID" ] || kill "$KID" 2>/dev/null || :
	[ -z "$PART" ] || rm -rf "$PART"
}
trap 'cleanup' EXIT

# make_part DIR: what becomes DIR is made in $PART, a new directory.
make_part()
{
	PART=$1.part
	rm -rf "$PART"
	mkdir -p "$PART"
}

# keep_part DIR [FROM]: it is DIR now, or FROM in it is. One that was there goes
# away in one step, as half of it would be taken for whole.
keep_part()
{
	[ ! -d "$1" ] || { rm -rf "$1.old.part"; mv "$1" "$1.old.part"; }
	mv "${2:-$PART}" "$1"
	rm -rf "$PART" "$1.old.part"
	PART=''
}

# Of all the scripts that an interrupt ends only the outermost says so.
interrupted()
{
	trap - EXIT
	cleanup
	[ "$OUTERMOST" != $$ ] ||
		echo "$me: interrupted; nothing half done is kept, run it again to go on" >&2
	exit 130
}
OUTERMOST=${OUTERMOST:-$$}
export OUTERMOST
trap interrupted INT TERM HUP

# How every text of ours is checked. The ids that a log names cannot be looked
# up without a kernel repository, hence the first two.
CHECKPATCH='--no-tree --strict --terse --no-signoff --no-summary --show-types'
CHECKPATCH="$CHECKPATCH --ignore UNKNOWN_COMMIT_ID,GIT_COMMIT_ID,FILE_PATH_CHANGES,CONFIG_DESCRIPTION"

# lint_names: the checks that scripts/checks/lint.sh knows.
lint_names()
{
	sed -n 's/^check_\([a-z_]*\)()$/\1/p' "$TOP/scripts/checks/lint.sh" | tr '\n' ' '
}

# kver_default: the kernel that runs, or the only one that has headers here.
kver_default()
{
	[ ! -d "/lib/modules/$(uname -r)/build/" ] || { uname -r; return; }
	kvers=$(cd /lib/modules 2>/dev/null && for d in */build/; do [ ! -d "$d" ] || echo "${d%%/*}"; done) || :
	case $(echo "$kvers" | wc -w) in
	1) echo "$kvers" ;;
	0) die "no headers of the running kernel $(uname -r), nor of any other; install linux-headers-amd64, or name a kernel with KVER=" ;;
	*) die "no headers of the running kernel $(uname -r); name one with KVER=: $(echo "$kvers" | tr '\n' ' ')" ;;
	esac
}

# debian_version KVER: the version of Debian's kernel of that name, or nothing.
# A kernel that was built as a package elsewhere has another source package.
debian_version()
{
	dpkg-query -W -f '${source:Package} ${source:Version}\n' "linux-headers-$1" 2>/dev/null |
		sed -n 's/^linux //p'
}

# script NAME: the script of that name, whatever its subject.
script()
{
	for script_path in "$TOP"/scripts/*/"$1.sh"; do
		[ ! -x "$script_path" ] || { echo "$script_path"; return; }
	done
	die "no script $1.sh under scripts/"
}
