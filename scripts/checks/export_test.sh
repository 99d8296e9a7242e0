#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Export every topic in a copy of this repository, and see that what guards the
# mails does its work.
#
# Usage: scripts/checks/export_test.sh
#
# All topics, and the whole series, for 7.3; one with a text of its own for
# 5.10, for stable; flush-race for each era. The other bases share these texts
# and are left out for time. Prints what went wrong; exit status 0 when nothing
# did.
. "$(dirname "$0")/../lib/lib.sh"

DIR=$OUT/lint/export
REPO=$DIR/repo
ID=50a260e859964002dab162513a10f91ae9d3bcd3
wrong=0

wrong()
{
	say "# $*"
	wrong=1
}

# e [NAME=VALUE...] ARG...: scripts/doors/export.sh of the copy.
e()
{
	sets=''
	while case ${1:-} in [A-Z]*=*) ;; *) false ;; esac; do
		sets="$sets $1"
		shift
	done
	# shellcheck disable=SC2086
	env -u STABLE -u UPSTREAM O="$DIR/o" $sets "$REPO/scripts/doors/export.sh" "$@" > "$DIR/said" 2> "$DIR/err"
}

# fails PATTERN NAME COMMAND...: with one line that matches.
fails()
{
	pattern=$1 name=$2
	shift 2
	if "$@" || ! tail -n 1 "$DIR/err" | grep -qE "$pattern"; then
		wrong "$name: said $(tr '\n' '|' < "$DIR/err")"
	fi
	half=$(find "$DIR/o/export" -name '*.part' 2>/dev/null | head -1)
	[ -z "$half" ] || wrong "$name: leaves $half"
}

# exports WHERE [NAME=VALUE...] TOPIC: and the mails have what they must have.
exports()
{
	where=$DIR/o/export/$1
	shift
	e "$@" || { wrong "export $*: $(tr '\n' '|' < "$DIR/err")"; return; }
	for f in 'checkpatch --strict: nothing' 'git am: gives ' 'b4 .* pass$'; do
		grep -q "$f" "$DIR/said" || wrong "export $*: does not say '$f'"
	done
	grep -q 'linux-bcache@vger.kernel.org' "$where/recipients" || wrong "export $*: not to linux-bcache"
	for mail in "$where"/*.patch; do
		grep -q '^To: ' "$mail" || wrong "${mail##*/} of $*: to nobody"
		! grep -qiE '^(Signed-off-by|Message-ID|In-Reply-To):' "$mail" ||
			wrong "${mail##*/} of $*: has what its sender is to add"
	done
	grep -hqE '^(Based-on|base-commit): .' "$where"/*.patch || wrong "export $*: based on nothing"
	grep -hq '^Not tested:' "$where"/*.patch || wrong "export $*: no cover text"
	! grep -hqE '^@(defects|table)' "$where"/*.patch || wrong "export $*: a table is missing"
}

rm -rf "$DIR"
mkdir -p "$REPO" "$DIR/o"
(cd "$TOP" && cp -r Documentation Makefile drivers include patches scripts tools "$REPO")
# Bases are only read; out/tree is the copy's own.
ln -s "$OUT/base" "$DIR/o/base"
# Fetched once, not for every test; without it export says what is missing.
[ -d "$OUT/b4" ] || "$TOP/scripts/lab/fetch.sh" b4 > /dev/null 2>&1 || :
[ ! -d "$OUT/b4" ] || ln -s "$OUT/b4" "$OUT/b4.version" "$DIR/o"

# Every topic, once.
for topic in $(mailed_topics) series; do
	[ "$topic" = flush-race ] || exports "$topic/7.3/v1" "$topic"
done
for era in B C D D/4.16 E; do
	exports "flush-race/$era/v1" STABLE=1 BASE=$era flush-race
	grep -q '^\[ Upstream commit [0-9a-f]*' "$DIR/o/export/flush-race/$era/v1"/0001-*.patch ||
		wrong "flush-race for $era: no upstream commit"
done
exports closure-sync/5.10.y/v1 STABLE=1 UPSTREAM=$ID BASE=5.10 closure-sync
for f in '^Subject: \[PATCH 5.10.y\] ' '^To: stable@vger.kernel.org' "^\[ Upstream commit $ID \]" \
	'^Deviations from upstream: '; do
	grep -q "$f" "$DIR/o/export/closure-sync/5.10.y/v1"/0001-*.patch || wrong "for stable: no '$f'"
done

# The mailbox, taken by plain git in a tree that export has not made.
mkdir -p "$DIR/plain" "$DIR/want"
# shellcheck disable=SC2046
for path in $(patch_paths $(stack_patches series 7.3)); do
	[ -e "$OUT/base/7.3/$path" ] || continue
	mkdir -p "$DIR/want/$(dirname "$path")"
	cp "$OUT/base/7.3/$path" "$DIR/want/$path"
done
cp -r "$DIR/want/." "$DIR/plain"
for topic in $(sent_topics series); do
	for p in $(topic_patches "$topic" 7.3); do apply "$DIR/want" "$p"; done
done
as_lab()
{
	git -C "$DIR/plain" -c user.name=lab -c user.email=lab@bcache.invalid "$@"
}
as_lab init -q
as_lab add -A
as_lab commit -q -m base
as_lab am -q "$DIR/o/export/series/7.3/v1/series.mbox" 2> "$DIR/err" ||
	wrong "plain git am of series.mbox: $(head -1 "$DIR/err")"
diff -r -x .git "$DIR/plain" "$DIR/want" > "$DIR/diff" || wrong "plain git am of series.mbox: $(head -1 "$DIR/diff")"

# The same again, and a version that somebody has written into.
e check-threads || wrong "the second export: $(cat "$DIR/err")"
grep -q 'same as v1' "$DIR/said" || wrong "the second export: $(cat "$DIR/said")"
[ ! -e "$DIR/o/export/check-threads/7.3/v2" ] || wrong 'the second export makes v2'
echo >> "$DIR/o/export/reap-skip/7.3/v1/recipients"
fails 'v1 is not as it was exported' 'a version written into' e reap-skip

# Another text is another version.
sed -i 's/queue on a stack frame/queue in a stack frame/' "$REPO"/patches/check-threads/0001-*.patch
sed -i 's/^There is no figure/There is still no figure/' "$REPO/patches/check-threads/cover"
exports check-threads/7.3/v2 check-threads
for f in '^Subject: \[PATCH v2\] ' '^Range-diff against v1:' 'queue in a stack frame' 'still no figure'; do
	grep -q "$f" "$DIR/o/export/check-threads/7.3/v2"/0001-*.patch || wrong "v2: no '$f'"
done
grep -q '^1: .* ! 1: ' "$DIR/o/export/check-threads/7.3/v2/range-diff" || wrong 'v2: no range-diff'

# Signed as Documentation/process/sending.rst says, and damaged.
cp -r "$DIR/o/export/root-on-list/7.3/v1" "$DIR/signed"
sed -i 's/^From: bcache lab .*/From: A Sender <a@sender.invalid>/' "$DIR/signed"/*.patch
git interpret-trailers --in-place --trailer 'Signed-off-by: A Sender <a@sender.invalid>' "$DIR/signed"/000[1-9]-*.patch
e -c "$DIR/signed" || wrong "signed mails: $(cat "$DIR/err")"
for mail in "$DIR/signed"/0002-*.patch; do
	git mailinfo "$DIR/log" /dev/null < "$mail" > "$DIR/head"
done
[ "$(tail -n 1 "$DIR/log")" = 'Signed-off-by: A Sender <a@sender.invalid>' ] || wrong 'signed mails: no sign-off in the log'
grep -q '^Author: A Sender' "$DIR/head" || wrong 'signed mails: another author'
sed -i 's/^+	if (b == b->c->root)$/+	if (b != b->c->root)/' "$DIR/signed"/0001-*.patch
fails 'git am of the mails gives another drivers/md/bcache/btree.c' 'a damaged mail' e -c "$DIR/signed"

# A topic that lies on another says so.
mkdir "$REPO/patches/on-top"
sed 's/^Subject:.*/Subject: [PATCH] bcache: say that the flusher is meant/' "$TOP"/patches/reap-skip/0001-*.patch |
	sed '/^---$/,$d' > "$REPO/patches/on-top/0001-bcache-on-top.patch"
sed -i "s/Picked by the journal's flusher: leave it/Picked by the flusher: leave it/" "$DIR/plain/drivers/md/bcache/btree.c"
{ echo ---; as_lab diff --full-index; } >> "$REPO/patches/on-top/0001-bcache-on-top.patch"
echo 0001-bcache-on-top.patch > "$REPO/patches/on-top/series"
sed 's/^bcache: .*/bcache: say that the flusher is meant/' "$TOP/patches/reap-skip/cover" > "$REPO/patches/on-top/cover"
sed -i '/^series:/s/check-threads/check-threads on-top/' "$REPO/patches/stacks"
exports on-top/7.3/v1 on-top
for f in '^Based-on: patch "bcache: do not wait for the journal.s flusher in reclaim"' \
	'^prerequisite-patch-id: [0-9a-f]{40}$'; do
	grep -qE "$f" "$DIR/o/export/on-top/7.3/v1"/0001-*.patch || wrong "a topic that lies on another: no '$f'"
done
grep -q 'needs: reap-skip *$' "$DIR/said" || wrong "a topic that lies on another: $(grep needs "$DIR/said")"

# A lab that tested something else: no version is left.
rm -rf "$DIR/o/export/on-top"
tested=$DIR/o/tree/7.3/series/drivers/md/bcache/journal.c
{ cat "$tested"; echo; } > "$DIR/other" && mv "$DIR/other" "$tested"
fails 'gives another drivers/md/bcache/journal.c than the lab has' 'a lab that tested something else' e on-top
[ ! -e "$DIR/o/export/on-top" ] || wrong 'a lab that tested something else: a version is left'

# Ctrl-C: nothing half done. A shell starts its background jobs with SIGINT
# ignored; a terminal does not.
env -u OUTERMOST -u STABLE --default-signal=INT O="$DIR/o" setsid "$REPO/scripts/doors/export.sh" on-top > "$DIR/said" 2> "$DIR/err" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	ls "$DIR/o/export"/*.part > /dev/null 2>&1 && break
	sleep 0.1
done
kill -INT -"$pid" 2>/dev/null || :
fails 'interrupted; nothing half done is kept' 'Ctrl-C' wait $pid
[ ! -e "$DIR/o/export/on-top" ] || wrong 'Ctrl-C: a version is left'

# Texts and places that do not do.
sed -i '0,/^Assisted-by:/s//Signed-off-by: A Sender <a@sender.invalid>\n&/' "$REPO"/patches/check-threads/0001-*.patch
fails 'a sign-off that only its sender may add' 'a sign-off in a topic' e check-threads
sed -i 's/wait_for_completion(/wait_for_completion (/' "$REPO"/patches/check-threads/0001-*.patch
fails 'checkpatch --strict complains about 0001-bcache-end' 'a breach of style' e check-threads
[ ! -e "$DIR/o/export/check-threads/7.3/v3" ] || wrong 'a text that does not do: a version is left'
sed -i 's/^@defects.*/@defects nonsense/' "$REPO/patches/flush-wait/cover"
fails 'no figures of nonsense' 'a figure that nobody prints' e flush-wait
rm "$REPO/patches/flush-wait/cover"
fails 'patches/flush-wait/cover is missing' 'no cover text' e flush-wait
mkdir -p "$DIR/small" "$DIR/bin"
if mount -t tmpfs -o size=4m tmpfs "$DIR/small" 2>/dev/null; then
	fails 'the disk is full: .* MiB needed' 'full disk' e O="$DIR/small" closure-sync
	umount "$DIR/small"
else
	say '# full disk not tried: no right to mount'
fi
for tool in sh sed awk dirname basename pwd nproc cat grep tr head env wc tail sort cut; do
	ln -sf "$(command -v $tool)" "$DIR/bin/$tool"
done
fails 'b4 is missing; install it with: apt-get install b4' 'no b4' e PATH="$DIR/bin" closure-sync
sed -i 's/set_current_state(TASK_UNINTERRUPTIBLE)/set_current_state(TASK_OTHER)/' "$REPO"/patches/closure-sync/0001-*.patch
fails 'does not apply to 7.3' 'a topic that does not apply' e closure-sync
[ ! -e "$DIR/o/export/closure-sync/7.3/v2" ] || wrong 'a topic that does not apply: a version is left'

rm -rf "$DIR"
exit $wrong
