#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Take back what apply.sh did to a kernel tree.
#
# Usage: KSRC=dir scripts/doors/unapply.sh [-n]
#   KSRC  a kernel source, or a directory that has one in it
#   -n    say what would be done
#
# In a git tree: back to the branch it came from, and the branch of apply.sh is
# deleted, if it is as apply.sh left it. Elsewhere: the patches are taken off
# in reverse, all of them or none.
. "$(dirname "$0")/../lib/lib.sh"
# shellcheck source=../lib/ksrc.sh
. "$(dirname "$0")/../lib/ksrc.sh"

in_git()
{
	branch=$(g symbolic-ref -q --short HEAD) ||
		die "HEAD of $repo is on no branch; nothing to take back"
	from=$(g config "branch.$branch.bcachefrom" || :)
	tip=$(g config "branch.$branch.bcachetip" || :)
	[ -n "$from" ] ||
		die "$repo is on branch $branch, which is none of make apply; git checkout that first"
	[ "$(g rev-parse HEAD)" = "$tip" ] ||
		die "branch $branch has other commits than make apply left; take them elsewhere first (git log $tip..$branch)"
	# Where it came from may be gone, or a commit and no branch.
	back=${from#refs/heads/}
	g rev-parse -q --verify "$from^{commit}" > /dev/null ||
		die "$back, where $branch came from, is gone; git checkout another branch and delete this one"
	[ -z "$DRY" ] || { say "would go back to $back and delete branch $branch"; exit 0; }
	paths=$(git -C "$tree" diff --relative --name-only "$from" "$tip")
	at_rest "$paths"
	reserve "$paths"
	hold_signals
	if ! calm checkout -q "$back" --; then
		restore "$paths"
		die "git cannot switch to $back: $(head -1 "$PART/said"); all is as it was"
	fi
	calm branch -q -D "$branch"
	say "back on $back; branch $branch is deleted"
}

in_place()
{
	[ -f "$tree/$RECORD" ] ||
		die "nothing to take back: make apply did nothing in $tree ($RECORD is missing)"
	tac "$tree/$RECORD" > "$PART/record"
	while read -r p; do
		[ -f "$TOP/patches/$p" ] ||
			die "patches/$p, applied in $tree, is no longer here; nothing is changed"
		try "$PART/new" "$TOP/patches/$p" -R ||
			die "patches/$p is not in $tree as it was applied: $(sed -n 's/^error: patch failed: //p' "$PART/said" | head -1) was changed; nothing is changed"
	done < "$PART/record"
	[ -z "$DRY" ] || { say "would take off in $tree:"; sed 's,^,  patches/,' "$PART/record"; exit 0; }
	: > "$PART/empty"
	put "$(changed)" "$PART/empty"
	say "taken off in $tree: $(wc -l < "$PART/record") patches"
}

options n "$@"
shift $((OPTIND - 1))
[ $# = 0 ] || misused
open_tree
if [ -n "$repo" ]; then
	in_git
else
	in_place
fi
