#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Compile bcache of a base after every patch of the topics to be mailed: each
# patch has to build alone and bring no new warning.
#
# Usage: scripts/checks/compile.sh [-n] BASE [STACK]
#   STACK  whose topics outside lab/ are compiled (default: series)
#   -n     say what would be done
#
# With W=1, and with sparse: the one that is installed where the base accepts
# it, else a newer one that scripts/lab/fetch.sh puts under out/. A warning is new
# when the bare base does not give it; line numbers do not count. Prints KTAP,
# a case per patch. What was said is in out/log/compile-BASE-*. A patch that built so
# behind the same ones is not compiled again: out/compile/BASE.sound.
. "$(dirname "$0")/../lib/lib.sh"

options n "$@"
shift $((OPTIND - 1))
case $# in 1|2) ;; *) misused ;; esac
base=$1 stack=${2:-series}
base_row "$base" > /dev/null
dir=$OUT/compile/$base
log=$OUT/log/compile-$base
configs=$TOP/tools/testing/selftests/bcache/configs

patches=''
for topic in $(sent_topics "$stack"); do
	patches="$patches $(topic_patches "$topic" "$base")"
done
if [ -n "$DRY" ]; then
	say "would compile $base after each of:"
	for p in $patches; do say "  ${p#"$TOP"/}"; done
	exit 0
fi

kmake()
{
	make -C "$dir" ARCH=um O=o -j"$JOBS" "$@"
}

configure()
{
	kmake allnoconfig
	grep -v BCACHE_LAB "$configs/common.config" > "$dir/o/common.config"
	(cd "$dir/o" && ../scripts/kconfig/merge_config.sh -m .config common.config)
	kmake olddefconfig
}

# rules < OUTPUT: the commands that kbuild said for bcache, as a makefile. kbuild itself
# would look at much more of the tree, for each patch.
rules()
{
	awk '
		/^  [^ ].*(bcache\/[a-z]*|closure)\.c *$/ {
			object = $NF
			gsub(/^\.\.\/|c$/, "", object)
			object = object "o"
			source[object] = $NF
			gsub(/\$/, "$$")
			if (/ -c -o /) $0 = $0 " -MT " object
			lines[object] = lines[object] "\n\t@" $0
		}
		END {
			for (object in lines) all = all " " object
			print "all:" all
			print "include $(wildcard drivers/md/bcache/.*.o.cmd drivers/md/bcache/.*.d lib/.closure.o.*)"
			print "unexport LC_ALL\n.DELETE_ON_ERROR:"
			for (object in lines) print object ": " source[object] lines[object]
		}'
}

# kbuild: build bcache by kbuild, without BCACHE_LAB, as a user of the patch does.
kbuild()
{
	files=drivers/md/bcache/
	[ ! -f "$dir/lib/closure.c" ] || files="$files lib/closure.o"
	# shellcheck disable=SC2086
	kmake V=1 W=1 $check $files
}

# warnings FILE COMMAND...: what the compiler and sparse say of bcache.
warnings()
{
	to=$1
	shift
	"$@" > "$log-make" 2>&1 && rc=0 || rc=$?
	grep -E 'warning:|error:' "$log-make" |
		sed -E -e 's/:[0-9]+(:[0-9]+)?:/:/' -e 's,^\.\./,,' | sort -u > "$to"
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

# ready: the bare base, with kbuild's commands for bcache in o/rules.
ready()
{
	room 2000000
	"$TOP/scripts/lab/fetch.sh" "$base" > /dev/null
	PART=$dir
	mkdir -p "$OUT/compile" "$OUT/log"
	cp -al "$OUT/base/$base" "$dir"
	mkdir "$dir/o"
	quiet "$log-configure" configure
	use_sparse
	warnings "$log-bare" kbuild || die "bcache of the bare base $base does not build; see $log-make"
	rules < "$log-make" > "$dir/o/rules"
	[ "$(head -1 "$dir/o/rules" | wc -w)" -gt 15 ] || die "no commands of kbuild in $log-make"
}

# sound PATCH...: with these, does bcache build without a new warning?
sound()
{
	! patch_paths "$@" | grep -E 'Makefile|Kconfig' || die "a patch may change the commands of kbuild"
	for q; do
		apply "$dir" "$q" || return 1
	done
	warnings "$log-now" make -C "$dir/o" -rR -f rules -j"$JOBS" || { sed 's/^/#   /' "$log-make" | tail -20; return 1; }
	comm -13 "$log-bare" "$log-now" | sed 's/^/#   new: /' > "$log-new"
	cat "$log-new"
	[ ! -s "$log-new" ]
}

rm -rf "$dir"
mkdir -p "${dir%/*}"
touch "$dir.sound"
say "KTAP version 1"
# shellcheck disable=SC2086
set -- $patches
say "1..$#"
nr=0 failed=0 behind=''
key=$({ cat "$OUT/base/$base.version" "$configs/common.config" "$0"; gcc --version; sparse --version; } 2>&1) || :
for p; do
	nr=$((nr + 1))
	name=compile.$base.$(basename "$(dirname "$p")").$(basename "$p" .patch)
	key=$({ say "$key"; sed -n '/^diff /,$p' "$p"; } | sha256sum)
	behind="$behind $p"
	if grep -qxF "$key" "$dir.sound"; then
		say "ok $nr $name"
		continue
	fi
	[ -d "$dir" ] || ready
	# shellcheck disable=SC2086
	if sound $behind; then
		say "ok $nr $name"
		say "$key" >> "$dir.sound"
	else
		say "not ok $nr $name"
		failed=1
	fi
	behind=''
done
exit $failed
