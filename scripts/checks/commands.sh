#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the commands that the documents tell a reader to type.
#
# Usage: scripts/checks/commands.sh [-n] [DOCUMENT...]
#   DOCUMENT  a file under Documentation/, or README.rst; default: all of them
#   -n        say what would be run
#
# A block of commands behind the comment ".. try" is run as it stands, in a copy
# of this repository, beside kernel sources such as a reader has: ../linux (the
# newest base, in git) and ../linux-6.1 (an older one, not in git), both with no
# more than bcache in them. Blocks of one document run in order and see what
# those before them did; bases, builds and runs are those of the real out/.
# Commands without the comment need what no check has: a machine to install on,
# a mail account, an hour. Prints KTAP, a case per document.
. "$(dirname "$0")/../lib/lib.sh"

DIR=$OUT/lint/commands

# blocks DOCUMENT: the lines to run.
blocks()
{
	awk '
		/^ *\.\. try$/		{ try = 1; next }
		try && /^ *::$/		{ block = 1; try = 0; next }
		block && /^$/		{ next }
		block && /^[ \t]/	{ sub(/^[ \t]+/, ""); print; next }
		block			{ block = 0 }' "$1"
}

# commands DOCUMENT DIR: each command becomes a file in DIR, in order.
commands()
{
	mkdir -p "$2"
	command='' nr=1000
	blocks "$1" | while IFS= read -r text; do
		command="$command$text
"
		case $text in *\\) continue ;; esac
		printf %s "$command" > "$2/$nr"
		sh -n "$2/$nr" 2> /dev/null || continue
		command='' nr=$((nr + 1))
	done
}

# tree NAME BASE: what the reader has of a kernel.
tree()
{
	[ -d "$OUT/base/$2" ] || "$TOP/scripts/lab/fetch.sh" "$2" > /dev/null
	bcache_of "$2" "$DIR/$1"
}

world()
{
	rm -rf "$DIR"
	mkdir -p "$DIR/bcache/out" "$DIR/home"
	(cd "$TOP" && git ls-files | tar -c -T -) | tar -x -C "$DIR/bcache"
	for there in base tree guest runs log distro b4 b4.version; do
		[ ! -e "$OUT/$there" ] || ln -s "$OUT/$there" "$DIR/bcache/out/$there"
	done
	# A home is in no repository, and this one is not in ours.
	export HOME="$DIR/home" GIT_CONFIG_NOSYSTEM=1 GIT_CEILING_DIRECTORIES="$DIR"
	unset O KSRC TOPIC STABLE UPSTREAM BASE
	git config --global user.name 'A Reader'
	git config --global user.email reader@bcache.invalid
	tree linux "$(newest)"
	tree linux-6.1 6.1
	git -C "$DIR/linux" init -q
	git -C "$DIR/linux" add -A
	git -C "$DIR/linux" commit -q -m base
}

options n "$@"
shift $((OPTIND - 1))
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- README.rst $(cd "$TOP" && find Documentation -name '*.rst' | sort)
tried=''
for doc; do
	[ -f "$TOP/$doc" ] || die "no document $doc"
	[ -z "$(blocks "$TOP/$doc")" ] || tried="$tried $doc"
done
[ -n "$tried" ] || die "nothing to try in: $*"
if [ -n "$DRY" ]; then
	for doc in $tried; do
		say "would run from $doc:"
		blocks "$TOP/$doc" | sed 's/^/  /'
	done
	exit 0
fi

need git git
room 500000
world
for doc in $tried; do
	commands "$TOP/$doc" "$DIR/commands/$doc"
done
say "KTAP version 1"
say "1..$(find "$DIR/commands" -type f | wc -l)"
nr=0 failed=0
for doc in $tried; do
	(cd "$DIR/bcache" && said=$DIR/said sh -c 'for file; do
		. "$file" > "$said" 2>&1 < /dev/null && mv "$file" "$file.ok" || exit
	done' sh "$DIR/commands/$doc"/*) || :
	for file in "$DIR/commands/$doc"/*; do
		nr=$((nr + 1))
		case $file in
		*.ok) verdict=ok ;;
		*)
			[ ! -f "$DIR/said" ] || sed 's/^/#   /' "$DIR/said" | tail -8
			rm -f "$DIR/said"
			verdict='not ok' failed=1
			;;
		esac
		say "$verdict $nr commands.$doc: $(head -1 "$file" | sed 's/ *[#\\].*//')"
	done
done
rm -rf "$DIR"
exit $failed
