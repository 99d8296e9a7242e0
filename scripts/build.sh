#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Build the kernel of a scenario with a stack laid on a base.
#
# Usage: scripts/build.sh [-n] BASE SCENARIO STACK
#   BASE      a row of patches/bases
#   SCENARIO  a fragment in tools/testing/selftests/bcache/configs/
#   STACK     a row of patches/stacks
#   -n        say what would be done
#
# Result: out/tree/BASE/STACK/o-SCENARIO/linux. A base is built once per
# scenario, as its vanilla stack; the other stacks start from a copy of that
# build and compile bcache only. The .config is checked line by line.
. "$(dirname "$0")/lib.sh"

CONFIGS=$TOP/tools/testing/selftests/bcache/configs

kmake()
{
	# Who built it and when is not allowed into the image.
	make -s -C "$tree" ARCH=um O="$obj" -j"$JOBS" \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab \
		KBUILD_BUILD_TIMESTAMP=1970-01-01 "$@"
}

# configure: allnoconfig and the fragments; a wish that did not come true
# would silently test something else, so it stops the build.
configure()
{
	kmake allnoconfig
	(cd "$tree/$obj" && ../scripts/kconfig/merge_config.sh -m .config \
		"$CONFIGS/common.config" "$CONFIGS/$scenario.config")
	kmake olddefconfig
}

check_config()
{
	missing=$(cat "$CONFIGS/common.config" "$CONFIGS/$scenario.config" |
		grep '^CONFIG' | grep -vxF -f "$tree/$obj/.config" || :)
	[ -z "$missing" ] ||
		die "$base $scenario: the .config came out without: $(echo "$missing" | tr '\n' ' ')"
}

build()
{
	base=$1 scenario=$2 stack=$3
	tree=$OUT/tree/$base/$stack
	obj=o-$scenario
	log=$OUT/log/build-$base-$scenario-$(echo "$stack" | tr / -).log
	"$TOP/scripts/tree.sh" "$base" "$stack"
	stamp=$(cat "$tree/.stamp" "$CONFIGS/common.config" "$CONFIGS/$scenario.config" | sha256sum)
	[ "$(cat "$tree/$obj/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	if [ "$stack" != vanilla ]; then
		"$0" "$base" "$scenario" vanilla
	fi
	step "build $base $scenario $stack"
	if [ ! -d "$tree/$obj" ]; then
		if [ "$stack" = vanilla ]; then
			room 2000000
			mkdir "$tree/$obj"
		else
			room 1000000
			copy_build "$OUT/tree/$base/vanilla"
		fi
	fi
	conf=$(cat "$CONFIGS/common.config" "$CONFIGS/$scenario.config" | sha256sum)
	if [ "$(cat "$tree/$obj/.conf" 2>/dev/null)" != "$conf" ]; then
		quiet "$log" configure
		check_config
		echo "$conf" > "$tree/$obj/.conf"
	fi
	quiet "$log" kmake linux
	echo "$stamp" > "$tree/$obj/.stamp"
	step_done
}

# copy_build FROM: FROM's objects, with every source that differs made newer
# than they are.
copy_build()
{
	PART=$tree/$obj.part
	rm -rf "$PART"
	cp -a "$1/$obj" "$PART"
	rm -f "$PART/.stamp"
	sort -u "$1/.paths" "$tree/.paths" | while read -r path; do
		cmp -s "$1/$path" "$tree/$path" || {
			cp "$tree/$path" "$tree/$path.new"
			mv "$tree/$path.new" "$tree/$path"
		}
	done
	mv "$PART" "$tree/$obj"
	PART=''
}

while getopts nh opt; do
	case $opt in
	n) DRY=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 3 ] || { usage >&2; exit 2; }
base_row "$1" > /dev/null
topics "$3" > /dev/null
[ -f "$CONFIGS/$2.config" ] ||
	die "unknown scenario '$2'; known: $(scenarios)"
if [ -n "$DRY" ]; then
	say "would build $2 of $3 on $1 in $OUT/tree/$1/$3/o-$2"
	exit 0
fi
need make make
need gcc gcc
need flex flex
need bison bison
need bc bc
build "$1" "$2" "$3"
