#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Say what a kernel tree is and which patches it lacks. Changes nothing.
#
# Usage: KSRC=dir scripts/doors/status.sh
#   KSRC  a kernel source, or a directory that has one in it
#
# Exit status: 0 if the tree is understood, else 1.
. "$(dirname "$0")/../lib/lib.sh"
# shellcheck source=../lib/ksrc.sh
. "$(dirname "$0")/../lib/ksrc.sh"

options n "$@"
shift $((OPTIND - 1))
[ $# = 0 ] || misused

line_ends()
{
	if [ ! -s "$PART/crlf" ]; then
		echo LF
	elif [ "$(wc -l < "$PART/crlf")" = "$(cd "$PART/orig" && find . -type f | wc -l)" ]; then
		echo CRLF
	else
		echo "CRLF in $(tr '\n' ' ' < "$PART/crlf")"
	fi
}

in_git()
{
	[ -n "$repo" ] || { echo no; return; }
	# shellcheck disable=SC2046
	dirty=$(uncommitted $(cd "$PART/orig" && find . -type f))
	echo "$(g symbolic-ref -q --short HEAD || echo 'no branch'), ${dirty:+not committed: }${dirty:-clean}"
}

open_tree
look_at
say "tree:      $tree, Linux $(version)"
say "bcache:    ${prefix}$BCACHE"
say "line ends: $(line_ends)"
say "git:       $(in_git)"
known
case $fix in
partly)
	say "era:       $era: $(era_means "$era")"
	say "race fix:  partly$have$lack"
	say "patches:   none will be applied on top of that"
	exit 0 ;;
no) say "era:       $era: $(era_means "$era")" ;;
yes) say "era:       $(era_means "$form")" ;;
esac
if [ "$fix-$era" = no-A ]; then
	say "race fix:  not needed"
	exit 0
fi
say "race fix:  $fix"
# shellcheck disable=SC2046
plan $([ "$fix" = no ] || sent_topics series) || :
if [ "$form" = one ]; then
	say "patches:   none but by name, with TOPIC=:"
else
	say "patches:"
fi
awk -F '|' '{ printf "  %-68s %s%s\n", $1, $2, $3 ? " (" $3 ")" : "" }' "$PART/plan"
