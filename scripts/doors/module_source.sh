#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Lay the series on bcache's own sources, for a build outside of a kernel tree.
#
# Usage: scripts/doors/module_source.sh [-n] BASE[=VERSION] DIR
#   BASE     a row of patches/bases
#   VERSION  of the Debian package (default: that of the base)
#   DIR      is made anew
#   -n       say what would be done
#
# What people run has no hooks of the lab. A topic that changes a file outside
# of drivers/md/bcache cannot come with the module and is left out. DIR/version is
# what `modinfo -F version` will print; DIR/about says it, and which topics are in
# and which are not.
. "$(dirname "$0")/../lib/lib.sh"

BCACHE=drivers/md/bcache

# state: which state of the patches this is: the last commit that changed
# them, its time first, so that a later one sorts later; "+" if that is not all.
state()
{
	if git -C "$TOP" rev-parse -q --verify HEAD > /dev/null 2>&1; then
		git -C "$TOP" log -1 --date=format:%Y%m%d.%H%M --abbrev=12 \
			--format=%cd.g%h -- patches | tr -d '\n'
		[ -z "$(git -C "$TOP" status --porcelain -- patches)" ] || printf +
	else
		stack_patches series "$base" | xargs cat | sha256sum | cut -c 1-12 |
			sed 's/^/0.s/' | tr -d '\n'
	fi
}

lay()
{
	for topic in $(sent_topics series); do
		patches=$(topic_patches "$topic" "$base") || exit 1
		# shellcheck disable=SC2086
		if patch_paths $patches | grep -qv "^$BCACHE/"; then
			left="$left $topic"
			continue
		fi
		for p in $patches; do
			apply "$PART" "$p" || die "${p#"$TOP"/} does not apply to $(basename "$src")"
		done
		in="$in $topic"
	done
}

# The kernel's own Makefile of bcache stays as it is: Kbuild comes before it.
# MODULE_VERSION is the field that modinfo and DKMS know, and the kernel shows
# it in /sys/module/bcache/version.
label()
{
	cat > "$1/Kbuild" <<-END
	# SPDX-License-Identifier: GPL-2.0
	include \$(src)/Makefile
	bcache-y += version.o
	END
	cat > "$1/version.c" <<-END
	// SPDX-License-Identifier: GPL-2.0
	#include <linux/module.h>

	MODULE_VERSION("$version");
	MODULE_INFO(topics, "${in# }");
	END
}

options n "$@"
shift $((OPTIND - 1))
[ $# -eq 2 ] || misused
base=${1%%=*} dir=$2
base_row "$base" > /dev/null
src=$(base_dir "$1")
if [ -n "$DRY" ]; then
	say "would lay the series on bcache of base $1 in $dir"
	exit 0
fi
need git git
[ -d "$src" ] || die "no base $1 here; run: scripts/lab/fetch.sh $1"
room 20000
in='' left=''
make_part "$dir"
mkdir -p "$PART/drivers/md"
cp -r "$src/$BCACHE" "$PART/$BCACHE"
lay
version=$(cat "$src.version")+series$(state)
label "$PART/$BCACHE"
echo "$version" > "$PART/$BCACHE/version"
{
	say "  version: $version    (the stock module has none)"
	say "  topics: $in"
	[ -z "$left" ] || say "  left out:$left (changes code of the kernel image: no module can bring it)"
} > "$PART/$BCACHE/about"
keep_part "$dir" "$PART/$BCACHE"
