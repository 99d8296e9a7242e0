#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Compile bcache of a base after every patch of the topics to be mailed: each
# patch has to build alone and bring no new warning.
#
# Usage: scripts/checks/compile.sh [-n] BASE [STACK]
#   BASE   a row of patches/bases; or ksrc, with KSRC=dir: what "make apply" lays on
#          that tree, and below it what the lab needs to build an old one
#   STACK  whose topics outside lab/ are compiled (default: next on the newest base,
#          series on others)
#   -n     say what would be done
#
# With W=1, and with sparse: the one that is installed where the base accepts
# it, else a newer one that scripts/lab/fetch.sh puts under out/. A warning is new
# when the bare base does not give it; line numbers do not count. Prints KTAP,
# a case per patch. What was said is in out/log/compile-BASE-*.
. "$(dirname "$0")/../lib/lib.sh"

options n "$@"
shift $((OPTIND - 1))
case $# in 1|2) ;; *) misused ;; esac
base=$1 stack=${2:-$([ "$1" = "$(newest)" ] && echo next || echo series)}
base_row "$base" > /dev/null
[ "$base" != ksrc ] || [ $# -eq 1 ] || misused
dir=$OUT/compile/$base
log=$OUT/log/compile-$base
configs=$TOP/tools/testing/selftests/bcache/configs

if [ "$base" = ksrc ]; then
	plan=$("$TOP/scripts/doors/apply.sh" -n) || exit 1
	patches=$(echo "$plan" | sed -n "s,^  ,$TOP/,p")
	configs="$configs/common.config $configs/ksrc.config"
else
	patches=$(sent_patches "$stack" "$base")
	configs=$configs/common.config
fi
if [ -n "$DRY" ]; then
	say "would compile $base after each of:"
	for p in $patches; do say "  ${p#"$TOP"/}"; done
	exit 0
fi

kmake()
{
	[ "$base" != ksrc ] ||
		set -- SUBARCH=x86_64 CROSS_COMPILE= "KCFLAGS=$(flags_for ksrc)" "$@"
	make -s -C "$dir" ARCH=um O=o -j"$JOBS" "$@"
}

configure()
{
	kmake allnoconfig
	# shellcheck disable=SC2086
	grep -hv BCACHE_LAB $configs > "$dir/o/common.config"
	(cd "$dir/o" && ../scripts/kconfig/merge_config.sh -m .config common.config)
	kmake olddefconfig
	kmake prepare
}

# warnings FILE: build bcache, and keep what the compiler and sparse say of
# it. Without BCACHE_LAB, as a user of the patch builds it.
warnings()
{
	files=drivers/md/bcache/
	[ ! -f "$dir/lib/closure.c" ] || files="$files lib/closure.o"
	# shellcheck disable=SC2086
	kmake W=1 $check $files > "$log-make" 2>&1 && rc=0 || rc=$?
	grep -E 'warning:|error:' "$log-make" |
		sed -E -e 's/:[0-9]+(:[0-9]+)?:/:/' -e 's,^\.\./,,' | sort -u > "$1"
	return "$rc"
}

# use_sparse: in $check, the words that make kbuild call one that suits.
use_sparse()
{
	check=''
	for sparse in sparse "$OUT/sparse/sparse"; do
		[ "$sparse" = sparse ] || [ -x "$sparse" ] ||
			"$TOP/scripts/lab/fetch.sh" sparse > /dev/null || continue
		command -v "$sparse" > /dev/null || continue
		if [ ! -f "$dir/scripts/checker-valid.sh" ] ||
			[ "$(cd "$dir" && sh scripts/checker-valid.sh "$sparse" 2>/dev/null)" = 1 ]; then
			check="C=1 CHECK=$sparse"
			return 0
		fi
	done
	die "$base accepts no sparse that is to be had"
}

only "compile-$base"
room 2000000
"$TOP/scripts/lab/fetch.sh" "$base" > /dev/null
PART=$dir
rm -rf "$dir"
mkdir -p "$OUT/compile"
cp -al "$OUT/base/$base" "$dir"
[ "$base" != ksrc ] || lay_lab lab/alike "$dir"
mkdir "$dir/o"
quiet "$log-configure" configure
use_sparse
mkdir -p "$OUT/log"
if ! warnings "$log-bare" || [ ! -f "$dir/o/drivers/md/bcache/btree.o" ]; then
	die "bcache of the bare base $base does not build; see $log-make"
fi

say "KTAP version 1"
# shellcheck disable=SC2086
set -- $patches
say "1..$#"
nr=0 failed=0
for p; do
	nr=$((nr + 1))
	name=compile.$base.$(basename "$(dirname "$p")").$(basename "$p" .patch)
	apply "$dir" "$p" || { say "not ok $nr $name"; failed=1; continue; }
	if ! warnings "$log-now"; then
		sed 's/^/#   /' "$log-make" | tail -20
		say "not ok $nr $name"
		failed=1
	elif [ -n "$(comm -13 "$log-bare" "$log-now")" ]; then
		comm -13 "$log-bare" "$log-now" | sed 's/^/#   new: /'
		say "not ok $nr $name"
		failed=1
	else
		say "ok $nr $name"
	fi
done
exit $failed
