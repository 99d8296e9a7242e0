#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Let b4 handle exported mails, as a maintainer and as a sender.
#
# Usage: scripts/checks/preflight.sh GIT DIR TOPIC < COVER
#   GIT    a scratch git tree with the tags "bare", "before" and the branch
#          "mails", as scripts/doors/export.sh makes it
#   DIR    the mails: *.patch, TOPIC.mbox, recipients
#   COVER  the cover text
#
# As a maintainer: b4 am finds the series in the mailbox, complete and in
# order, and git am of what it makes gives the tree of "mails". As a sender: b4
# prep takes the branch, the cover text and the recipients, all pre-flight checks
# of b4 send pass, and git am of what it would send gives that tree too. That
# each patch passes checkpatch export has seen. No network is used, nothing is
# sent.
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))
[ $# -eq 3 ] || misused
GIT=$1 DIR=$2 TOPIC=$3
WORK=$GIT/../b4

# Pre-flight checks came with 0.14; Debian 12 has 0.12 and its libraries, which
# belong to Debian's own Python, whatever else is first in PATH.
PYTHON=/usr/bin/python3
need b4 b4
if [ ! -d "$OUT/b4" ]; then
	case $(b4 --version) in
	0.[0-9].*|0.1[0-3].*) "$TOP/scripts/lab/fetch.sh" b4 ;;
	esac
fi
if [ -d "$OUT/b4" ]; then
	export PYTHONPATH="$OUT/b4"
	version=$(cat "$OUT/b4.version")
else
	version=$(b4 --version)
fi

# b4 keeps a cache in the user's home: this one has its own. It finds
# its cover letter among the commits of the last year, so that has today's date.
run_b4()
{
	(cd "$GIT" && env -u XDG_CACHE_HOME -u XDG_DATA_HOME -u XDG_CONFIG_HOME \
		-u GIT_COMMITTER_DATE -u GIT_AUTHOR_DATE HOME="$WORK" \
		EDITOR="cp $WORK/cover" GIT_EDITOR="cp $WORK/cover" \
		$PYTHON -m b4.command --offline-mode -n "$@") > "$WORK/log" 2>&1 && return 0
	tail -3 "$WORK/log" >&2
	die "b4 $1 fails on $TOPIC"
}

# gives_tree MAIL...: git am of these makes the tree of "mails".
gives_tree()
{
	git -C "$GIT" checkout -q -f --detach before
	git -C "$GIT" clean -q -f -d
	if ! git -C "$GIT" am -q "$@" > "$WORK/log" 2>&1 ||
		! git -C "$GIT" diff --quiet mails HEAD; then
		die "what b4 makes of $TOPIC is not what was exported"
	fi
}

mkdir -p "$WORK"
cat > "$WORK/cover"
count=$(find "$DIR" -name '[0-9]*.patch' ! -name '0000-*' | wc -l)

# As a maintainer.
{
	if [ -f "$DIR/0000-cover-letter.patch" ]; then
		id=$(sed -n '/^In-Reply-To: /{s///p;q;}' "$DIR/$TOPIC.mbox")
		sed "1a Message-ID: $id" "$DIR/0000-cover-letter.patch"
		echo
	fi
	cat "$DIR/$TOPIC.mbox"
} > "$WORK/thread"
run_b4 am -m "$WORK/thread" -o "$WORK/am" --no-cover
if ! grep -q "Total patches: $count\$" "$WORK/log" || grep -qE 'ERROR|missing' "$WORK/log"; then
	die "b4 am does not find $count patches in $TOPIC.mbox, all there are and in order"
fi
gives_tree "$WORK"/am/*.mbx

# As a sender.
git -C "$GIT" checkout -q -f -b sender mails
for setting in "user.name=$GIT_COMMITTER_NAME" "user.email=$GIT_COMMITTER_EMAIL" \
	"b4.send-auto-to-cmd=sed -n 's/^To: //p' '$DIR/recipients'" \
	"b4.send-auto-cc-cmd=sed -n 's/^Cc: //p' '$DIR/recipients'" \
	'b4.prep-perpatch-check-cmd=sh -c "cat > /dev/null"'; do
	git -C "$GIT" config "${setting%%=*}" "${setting#*=}"
done
run_b4 prep -e before
run_b4 prep --edit-cover
run_b4 prep --auto-to-cc
run_b4 prep --check
grep -q "Success: $count, Warning: 0, Error: 0" "$WORK/log" ||
	{ tail -5 "$WORK/log" >&2; die "b4 prep --check complains about $TOPIC"; }
run_b4 prep --show-info
grep -q '^preflight-checks-failing: False' "$WORK/log" ||
	die "pre-flight checks of b4 fail: $(grep ': True' "$WORK/log" | tr '\n' ' ')"
run_b4 send --no-sign -o "$WORK/sent"
# shellcheck disable=SC2046
gives_tree $(find "$WORK/sent" -name '*.eml' | sort | tail -n "$count")
say "  b4 $version: am, prep --check and the checks of send pass"
