#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Say what a kernel tree is and which patches it lacks. Changes nothing.
#
# Usage: KSRC=dir scripts/doors/status.sh
#        scripts/doors/status.sh -e
#   KSRC  a kernel source, or a directory that has one in it
#   -e    print the table of eras instead
#
# Exit status: 0 if the tree is understood, else 1.
. "$(dirname "$0")/../lib/lib.sh"
# shellcheck source=../lib/ksrc.sh
. "$(dirname "$0")/../lib/ksrc.sh"

# The table of patches/eras, for people.
print_eras()
{
	awk -F ' *[|] *' '
		BEGIN { printf "%-11s%-20s%s\n", "era", "patches", "kernels, and what the flusher picks" }
		/^#/ { next }
		{
			kernels = $2 == "-" ? $3 : $2 ($3 == "" ? "" : "; " $3)
			printf "%-11s%-20s%s\n%31s%s\n", $1, $4, kernels, "", $5
		}' "$TOP/patches/eras"
}

line_ends_of_tree()
{
	if [ ! -s "$PART/crlf" ]; then
		echo LF
	elif [ "$(wc -l < "$PART/crlf")" = "$(find "$PART/orig" -type f | wc -l)" ]; then
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

options ne "$@"
shift $((OPTIND - 1))
[ $# = 0 ] || misused
[ -z "${opt_e:-}" ] || { print_eras; exit 0; }
open_tree
say "tree:      $tree, Linux $(version)"
say "bcache:    ${prefix}$BCACHE"
say "line ends: $(line_ends_of_tree)"
say "git:       $(in_git)"
look_at
say "era:       $era: picks $(era_field "$era" picks)"
patches=$(era_field "$era" patches)
case $fix-$patches in
partly-*)
	say "race fix:  partly$have$lack"
	say "patches:   none will be applied on top of that"
	exit 0 ;;
no-nothing)
	say "race fix:  not needed"
	exit 0 ;;
no-none)
	say "race fix:  no; $NO_TEXT"
	exit 0 ;;
esac
say "race fix:  $fix"
# shellcheck disable=SC2046
plan $([ "$fix" = no ] || sent_topics series) || :
if [ "$era" = fixed/4.19 ]; then
	say "patches:   none but by name, with TOPIC=:"
else
	say "patches:"
fi
awk -F '|' '{ printf "  %-68s %s%s\n", $1, $2, $3 ? " (" $3 ")" : "" }' "$PART/plan"
