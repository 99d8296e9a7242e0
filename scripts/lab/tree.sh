#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Lay a stack on a base: the kernel source that the lab builds.
#
# Usage: scripts/lab/tree.sh [-n] [-g] [BASE [STACK]]
#   BASE   a row of patches/bases (default: BASE=, or the newest)
#   STACK  a row of patches/stacks (default: STACK=, or vanilla)
#   -g     make it a git tree, one commit per patch, in out/git/
#   -n     say what would be done
#
# Result: out/tree/BASE/STACK/. Files that no patch touches are hard links
# to the base; a file that is the same as in the tree before keeps its time,
# so that only what changed is compiled again.
. "$(dirname "$0")/../lib/lib.sh"

# keep_times OLD NEW PATHS: the files of NEW that are as in OLD get OLD's
# time; the others get the time of now and an inode of their own.
keep_times()
{
	for path in $3; do
		[ -f "$2/$path" ] || continue
		cp "$2/$path" "$2/$path.new"
		! cmp -s "$1/$path" "$2/$path" ||
			touch -r "$1/$path" "$2/$path.new"
		mv "$2/$path.new" "$2/$path"
	done
}

lay()
{
	dir=$OUT/tree/$base/$stack
	of=base
	[ "$base" != ksrc ] || of=user
	patches=$(patches_$of) || exit 1
	[ -d "$src" ] || "$TOP/scripts/lab/fetch.sh" "$base"
	# shellcheck disable=SC2086
	stamp=$(cd "$TOP" && { cat "$src.version"; overlay | xargs cat; cat /dev/null $patches; } | sha256sum)
	if [ "$(cat "$dir/.stamp" 2>/dev/null)" = "$stamp" ]; then
		return 0
	fi
	if [ -n "$DRY" ]; then
		say "would lay $stack on $base in $dir:"
		for p in $patches; do say "  ${p#"$TOP"/}"; done
		return 0
	fi
	room 500000
	make_part "$dir"
	cp -al "$src/." "$PART"
	lay_overlay
	lay_$of
	# shellcheck disable=SC2046,SC2086
	for path in $(overlay; patch_paths $patches); do
		[ ! -f "$PART/$path" ] || echo "$path"
	done | sort -u > "$PART/.paths"
	if [ -f "$dir/.stamp" ]; then
		keep_times "$dir" "$PART" "$(sort -u "$PART/.paths" "$dir/.paths")"
		for build in "$dir"/o-*; do
			[ ! -d "$build" ] || mv "$build" "$PART/"
		done
	fi
	echo "$stamp" > "$PART/.stamp"
	keep_part "$dir"
}

lay_overlay()
{
	for path in $(overlay); do
		[ ! -e "$src/$path" ] ||
			die "$path is a file of the base: change it with a patch, not with the overlay"
	done
	(cd "$TOP" && overlay | xargs cp -p --parents -t "$PART")
}

patches_base()
{
	stack_patches "$stack" "$base"
}

lay_base()
{
	for p in $patches; do
		apply "$PART" "$p" || die "${p#"$TOP"/} does not apply to $base"
	done
}

# patches_user: all that may be laid on a user's tree.
patches_user()
{
	for topic in flush-race $(topics series) lab/yield; do
		find "$TOP/patches/$topic" -name '*.patch'
	done | sort
}

# lay_user: a stack on the user's tree: what is sent as "make apply" lays it,
# all that fits, then what is the lab's.
lay_user()
{
	stack_topics=$(topics "$stack") || exit 1
	for topic in $stack_topics; do
		case $topic in
		# An old tree is without the flag as it is.
		lab/unfixed) ! grep -q journal_flush "$PART/drivers/md/bcache/btree.h" || lay_lab "$topic" "$PART" ;;
		lab/*) lay_lab "$topic" "$PART" ;;
		flush-race) make_apply || die "$(tail -1 "$OUT/log/apply.log")" ;;
		*) make_apply "$topic" || say "  without $topic, which does not fit" ;;
		esac
	done
	(lay_lab lab/yield "$PART") 2> /dev/null || :
	missing=''
	for hook in init round pick gap raced flush 'done' reap free reuse full; do
		grep -q "bch_lab_$hook(" "$PART"/drivers/md/bcache/[!l]*.c || missing="$missing $hook"
	done
	[ -z "$missing" ] || die "the lab's hooks do not fit $(cat "$src.version"), without a place:$missing"
	grep -q BCACHE_LAB "$PART/drivers/md/bcache/Makefile" ||
		sed -i '$a bcache-$(CONFIG_BCACHE_LAB) += lab.o' "$PART/drivers/md/bcache/Makefile"
}

# make_apply [TOPIC]
make_apply()
{
	mkdir -p "$OUT/log"
	KSRC=$PART TOPIC=${1:-} "$TOP/scripts/doors/apply.sh" > "$OUT/log/apply.log" 2>&1
}

# A git tree for people: the base as one commit, then a commit per patch.
git_tree()
{
	dir=$OUT/git/$base-$stack
	patches=$(stack_patches "$stack" "$base") || exit 1
	[ -z "$DRY" ] || { say "would make a git tree in $dir"; return 0; }
	[ ! -d "$dir" ] || die "$dir is there already; remove it to make it anew"
	[ -d "$src" ] || "$TOP/scripts/lab/fetch.sh" "$base"
	room 4000000
	step "git tree of $stack on $base"
	make_part "$dir"
	# No hard links here: people edit in this tree.
	cp -a "$src/." "$PART"
	g init -q
	g config gc.auto 0
	commit "base $base: linux-source $(cat "$src.version")"
	lay_overlay
	commit "bcache: files of the lab"
	for p in $patches; do
		g am -q "$p" || die "${p#"$TOP"/} does not apply to $base"
	done
	keep_part "$dir"
	step_done
	say "git tree: $dir"
}

g()
{
	git -C "$PART" -c user.name=lab -c user.email=lab@bcache.invalid "$@"
}

commit()
{
	g add -A -f
	g commit -q -m "$1"
}

how=lay
opt_g=''
options gn "$@"
shift $((OPTIND - 1))
[ -z "$opt_g" ] || how=git_tree
[ $# -le 2 ] || misused
base=${1:-$BASE} stack=${2:-${STACK:-vanilla}}
base_row "$base" > /dev/null
src=$OUT/base/$base
need git git
$how
