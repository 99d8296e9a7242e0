#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Patch a kernel tree: the fix where the race is, the series where the fix is.
#
# Usage: KSRC=dir [TOPIC="TOPIC..."] scripts/doors/apply.sh [-n]
#   KSRC   a kernel source, or a directory that has one in it
#   TOPIC  topics of the stack "series"; by default all of them in a tree of
#          today, none in one that has only the fix
#   -n     say what would be done
#
# In a git tree the patches become commits on a new branch, elsewhere the
# files are changed in place. All or nothing: what does not fit, a dirty file,
# a full disk or Ctrl-C leaves everything as it was. make unapply takes it back.
. "$(dirname "$0")/../lib/lib.sh"
# shellcheck source=../lib/ksrc.sh
. "$(dirname "$0")/../lib/ksrc.sh"

options n "$@"
shift $((OPTIND - 1))
[ $# = 0 ] || misused
TOPIC=${TOPIC:-}
all=$(sent_topics series | tr '\n' ' ')
for topic in $TOPIC; do
	case " $all" in
	*" $topic "*) ;;
	*) die "unknown topic '$topic'; known: $all" ;;
	esac
done

open_tree
what="$tree (Linux $(version))"
look_at
[ "$fix" != partly ] ||
	die "half of the fix is in $what, and not by us; nothing is changed$have$lack"
if [ "$fix" = no ]; then
	case $(era_field "$era" patches) in
	nothing) say "not affected: $what picks $(era_field "$era" picks)"; exit 0 ;;
	none) die "$what is of era $era; $NO_TEXT; nothing is changed" ;;
	esac
	[ -z "$TOPIC" ] ||
		die "TOPIC= is for trees that have the fix, and $what has not; nothing is changed"
fi
# shellcheck disable=SC2086
plan $TOPIC || misfit
if [ ! -s "$PART/todo" ]; then
	say "already applied: $what needs nothing${TOPIC:+ of $TOPIC}"
	exit 0
fi

# shellcheck disable=SC2046
paths=$(patch_paths $(cat "$PART/todo"))
if [ "$fix" = no ]; then
	branch=bcache-flush-race
elif [ "$(echo "$TOPIC" | wc -w)" = 1 ]; then
	branch=bcache-$(echo "$TOPIC" | tr -d ' ')
else
	branch=bcache-series
fi
if [ -n "$DRY" ]; then
	say "would apply to $what${repo:+, on a new branch $branch}:"
	sed "s,^$TOP/,  ," "$PART/todo"
	exit 0
fi
if [ -n "$repo" ]; then
	put_git "$branch" "$paths"
	where="on the new branch $branch"
else
	# Copying files back takes patches off without a word in the record.
	{
		recorded | grep -xFf "$PART/there" || :
		cat "$PART/todo"
	} | sed "s,^$TOP/patches/,," > "$PART/record"
	put "$paths" "$PART/record"
	where='in place'
fi
say "applied to $what, $where:"
while read -r p; do
	say "  $(title "$p")"
done < "$PART/todo"
say "make unapply KSRC=... takes it back"
