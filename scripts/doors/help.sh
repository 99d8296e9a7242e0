#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# List the make targets, or the names that they take.
#
# Usage: scripts/doors/help.sh [bases|topics|stacks|tests|checks|scenarios]
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))

case ${1:-} in
'')	;;
bases|stacks)
	"$1"
	exit ;;
topics)
	mailed_topics
	exit ;;
tests)
	for test in $(tests); do
		# The line in the head of a program that says what it is for.
		sed -n "s/^ \* \($test\) *- */\1: /p" "$SELF/$test.c" | head -1
	done
	exit ;;
checks)
	lint_names | tr ' ' '\n' | sort -u
	exit ;;
scenarios)
	scenarios | tr ' ' '\n'
	exit ;;
*)	die "nothing to list as '$1'; one of: bases topics stacks tests checks scenarios" ;;
esac

cat <<END
  make                       the race, the fix and today's kernel side by side
  make check                 everything that must hold
  make check T=NAME          one test or one check of it
  make bench                 what the flusher costs, today and with the series
  make hit                   which of the defects this machine has; only reads
  make crash N=1000 SEED=S   cut the power of N loads: what was kept (STACK=, BASE=)
  make faults N=10           what one fault of a disk does, N of each kind

  make status KSRC=DIR       what a kernel tree is, and which patches it lacks
  make apply KSRC=DIR        apply them, all or nothing; TOPIC="T..." chooses
  make unapply KSRC=DIR      take that back
  make module KVER=K         bcache.ko of Debian's kernel K, with the series
  make dkms KVER=K           the same as a DKMS package, for the line of K
  make tree BASE=B STACK=S   a git tree, one commit per patch, in out/git/
  make export TOPIC=T BASE=B mails of one topic, or of "series", in out/export/

  make fetch BASE=B          a kernel source from the machine's Debian mirror
  make install               the Debian packages that all of this needs
  make table, make plot      the comparison of the last runs, as text, as SVG
  make htmldocs              Documentation/ as HTML, in out/html/
  make clean                 remove what was built; bases and results stay

  make help T=LIST           names: bases, topics, stacks, tests, checks,
                             scenarios

  O=DIR  put everything built or fetched there instead of in out/
  V=1    show commands

  Each target is a script of the same name below scripts/; -h shows its usage.
END
