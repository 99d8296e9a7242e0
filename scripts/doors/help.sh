#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# List the make targets.
#
# Usage: scripts/doors/help.sh
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))

cat <<END
  make                       the race, the fix and today's kernel side by side
  make check                 everything that must hold
  make check T=NAME          one test or one check of it: $(lint_names)
  make bench                 what the flusher costs, today and with the series
  make hit                   which of the defects this machine has; only reads
  make crash N=1000 SEED=S   cut the power of N loads: what was kept (STACK=, BASE=)
  make tree BASE=B STACK=S   a git tree, one commit per patch, in out/git/
  make status KSRC=DIR       what a kernel tree is, and which patches it lacks
  make apply KSRC=DIR        apply them, all or nothing; TOPIC="T..." chooses
  make unapply KSRC=DIR      take that back
  make export TOPIC=T BASE=B mails of one topic, or of "series", in out/export/
  make fetch BASE=B          a kernel source from the machine's Debian mirror
  make module KVER=K         bcache.ko of Debian's kernel K, with the series
  make dkms KVER=K           the same as a DKMS package, for the line of K
  make install               the Debian packages that all of this needs
  make table, make plot      the comparison of the last runs, as text, as SVG
  make htmldocs              Documentation/ as HTML, in out/html/
  make clean                 remove what was built; bases and results stay

  bases:  $(bases | tr '\n' ' ')
  stacks: $(stacks | tr '\n' ' ')
  topics: $(mailed_topics | tr '\n' ' ')

  O=DIR  put everything built or fetched there instead of in out/
  V=1    show commands

  Each target is a script of the same name below scripts/; -h shows its usage.
END
