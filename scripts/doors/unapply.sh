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
	read -r from tip <<-END
	$(g config "branch.$branch.bcache")
	END
	[ -n "$from" ] ||
		die "$repo is on branch $branch, which is none of make apply; git checkout that first"
	[ "$(g rev-parse HEAD)" = "$tip" ] ||
		die "branch $branch has other commits than make apply left; take them elsewhere first (git log $tip..$branch)"
	# Where it came from may be gone, or a commit and no branch.
	g rev-parse -q --verify "$from^{commit}" > /dev/null ||
		die "$from, where $branch came from, is gone; git checkout another branch and delete this one"
	[ -z "$DRY" ] || { say "would go back to $from and delete branch $branch"; exit 0; }
	detach=''
	g show-ref -q --verify "refs/heads/$from" || detach=--detach
	switch "$(git -C "$tree" diff --relative --name-only "$from" "$tip")" $detach "$from" ||
		die "git cannot switch to $from: $said; all is as it was"
	calm branch -q -D "$branch"
	say "back on $from; branch $branch is deleted"
}

in_place()
{
	[ -f "$tree/$RECORD" ] ||
		die "nothing to take back: make apply did nothing in $tree ($RECORD is missing)"
	recorded | tac > "$PART/record"
	while read -r p; do
		[ -f "$p" ] || die "${p#"$TOP/"}, applied in $tree, is no longer here; nothing is changed"
		try "$PART/new" "$p" -R ||
			die "${p#"$TOP/"} is not in $tree as it was applied: $(sed -n 's/^error: patch failed: //p' "$PART/said" | head -1) was changed; nothing is changed (if the files were put back by other means, remove $RECORD)"
	done < "$PART/record"
	[ -z "$DRY" ] || { say "would take off in $tree:"; sed "s,^$TOP/,  ," "$PART/record"; exit 0; }
	: > "$PART/empty"
	# shellcheck disable=SC2046
	put "$(patch_paths $(cat "$PART/record"))" "$PART/empty"
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
