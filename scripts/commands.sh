#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the commands that the documents tell a reader to type.
#
# Usage: scripts/commands.sh [-n] [DOCUMENT...]
#   DOCUMENT  README.rst or a file under Documentation/; default: all of them
#   -n        say what would be run
#
# A block of commands behind the comment ".. try" is run as it stands, line by
# line, in a copy of this repository, next to kernel sources such as the reader
# has: ../linux (the newest base, in git), ../linux-6.1 (no git), ../linux-5.2
# (era D, before the fix, as far as the patches know it). Blocks of one
# document run in order and see what those before them did. Commands without
# the comment need what no check has: a machine to install on, somebody's mail
# account, an hour. Prints what failed; exit status 0 when nothing did.
. "$(dirname "$0")/lib.sh"

DIR=$OUT/lint/commands

# blocks DOCUMENT: the commands to run, a line each.
blocks()
{
	awk '
		/^ *\.\. try$/		{ try = 1; next }
		try && /^ *::$/		{ block = 1; try = 0; next }
		block && /^ *$/		{ next }
		block && /^[ \t]/	{ sub(/^[ \t]+/, ""); print; next }
		block			{ block = 0 }' "$1"
}
