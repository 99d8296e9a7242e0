#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Build the guest: an initramfs with the static test programs, our init as
# PID 1, and Debian's make-bcache.
#
# Usage: scripts/lab/guest.sh [-n]
#   -n  say what would be done
#
# Result: out/guest/initrd
. "$(dirname "$0")/../lib/lib.sh"

DIR=$OUT/guest
TESTS=$(tests)

compile()
{
	for prog in init $TESTS; do
		helpers="$SELF/guest.c $(echo "$SELF/$prog"_*.c)"
		case $prog:$helpers in
		init:*) helpers='' ;;
		*\*.c) helpers=$SELF/guest.c ;;
		esac
		# shellcheck disable=SC2086
		${CC:-gcc} -O2 -Wall -Wextra -Werror -static -pthread \
			-o "$PART/$prog" "$SELF/$prog.c" $helpers || return 1
	done
}

# with_libs BINARY: the file and what the loader needs to run it.
with_libs()
{
	echo "$1"
	ldd "$1" | grep -o '/[^ ]*'
}

pack()
{
	root=$PART/root
	mkdir -p "$root/test" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/sbin"
	cp "$PART/init" "$root/init"
	for prog in $TESTS; do
		strip -o "$root/test/$prog" "$PART/$prog"
	done
	tool=$(command -v make-bcache || echo /usr/sbin/make-bcache)
	for file in $(with_libs "$tool"); do
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file"
	done
	[ -e "$root/sbin/make-bcache" ] || cp -L "$tool" "$root/sbin/make-bcache"
	(cd "$root" && find . | sort | cpio -o -H newc --quiet --reproducible -R 0:0) > "$PART/initrd"
}

options n "$@"
if [ -n "$DRY" ]; then
	say "would build the guest in $DIR"
	exit 0
fi
need gcc gcc
need cpio cpio
[ -x /usr/sbin/make-bcache ] || need make-bcache bcache-tools
stamp=$(cat "$SELF"/*.[ch] "$0" | sha256sum)
[ "$(cat "$DIR/.stamp" 2>/dev/null)" != "$stamp" ] || exit 0
room 100000
make_part "$DIR"
quiet "$OUT/log/guest.log" compile
quiet "$OUT/log/guest-pack.log" pack
echo "$stamp" > "$PART/.stamp"
keep_part "$DIR"
