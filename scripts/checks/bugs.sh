#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# List what bcache asserts: BUG(), WARN() and panic() of a base, a line each.
#
# Usage: scripts/checks/bugs.sh BASE
#
# Prints file, function and the line, blanks squeezed, without the numbers of
# lines. Documentation/bcache/bugs.rst judges each of them.
. "$(dirname "$0")/../lib/lib.sh"

[ $# -eq 1 ] || misused
cd "$OUT/base/$1/drivers/md/bcache" 2>/dev/null || die "base $1 is not here"
awk '
	FNR == 1 { name = "-" }
	/^#define [a-z_A-Z]*\(/ { name = $2; sub(/\(.*/, "", name) }
	/^[a-zA-Z].*\(/ && !/;$/ {
		name = $0
		if (name ~ /^(static )?(DEFINE_)?CLOSURE_CALLBACK\(/)
			sub(/.*CALLBACK\(/, "", name)
		sub(/[()].*/, "", name)
		sub(/.*[ *]/, "", name)
	}
	/(^|[^A-Za-z_])(E?BUG(_ON)?|(VM_)?BUG_ON|WARN(_ON)?(_ONCE)?|panic)\(/ && !/^#define E?BUG_ON/ {
		gsub(/[ \t]+/, " ")
		sub(/ *\\$/, "")
		sub(/^ /, "")
		print FILENAME, name, $0
	}' ./*.[ch] | sed 's,^\./,,' | sort -u
