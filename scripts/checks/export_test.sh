#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Export every topic in a copy of this repository, and see that what guards the
# mails does its work.
#
# Usage: scripts/checks/export_test.sh
#
# The whole series for the newest base, the topics that are not in it, and some that
# are: one patch, several, on top of another, with figures. One with a text of its own
# for 5.10, for stable; flush-race for each era, without and with a clone of "upstream",
# made here. The others, and other bases, share these texts and are left out for time.
# Figures are stood in for. Prints what went wrong; exit status 0 when nothing
# did.
. "$(dirname "$0")/../lib/lib.sh"
. "$TOP/scripts/lib/stable.sh"

DIR=$OUT/lint/export
REPO=$DIR/repo
NEW=$(newest)
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
	env -u STABLE -u UPSTREAM -u COMMITS -u KSRC BASE="$NEW" O="$DIR/o" $sets "$REPO/scripts/doors/export.sh" "$@" > "$DIR/said" 2> "$DIR/err"
}

# fails PATTERN NAME COMMAND...: with one line that matches, and leaves nothing.
fails()
{
	pattern=$1 name=$2
	shift 2
	find "$DIR/o/export" -name 'v[0-9]*' > "$DIR/before"
	if "$@" || ! tail -n 1 "$DIR/err" | grep -qE "$pattern"; then
		wrong "$name: said $(tr '\n' '|' < "$DIR/err")"
	fi
	left=$(find "$DIR/o/export" -name '*.part' -o -name 'v[0-9]*' | grep -vxFf "$DIR/before" | head -1)
	[ -z "$left" ] || wrong "$name: leaves $left"
}

# has MAIL PATTERN...: each of these.
has()
{
	has=$1
	shift
	for f; do
		# shellcheck disable=SC2086
		cat $has | grep -qE -e "$f" || wrong "${has#"$DIR"/o/export/}: no '$f'"
	done
}

# exports WHERE [NAME=VALUE...] TOPIC: and the mails have what they must have.
exports()
{
	where=$DIR/o/export/$1
	shift
	e "$@" || { wrong "export $*: $(tr '\n' '|' < "$DIR/err")"; return; }
	has "$DIR/said" 'checkpatch --strict: nothing' 'git am: gives ' 'b4 .* pass$' 'coding-assistants.rst'
	has "$where/recipients" 'linux-bcache@vger.kernel.org'
	has "$where/*.patch" '^(Based-on|base-commit): .' '^Not tested:' '^To reproduce' '^Bug or vulnerability:'
	for mail in "$where"/*.patch; do
		has "$mail" '^To: '
		! grep -qiE '^(Message-ID|In-Reply-To|@[a-z]*):? ' "$mail" || wrong "${mail##*/} of $*: has what no mail has"
		case " $* " in *' UPSTREAM='*) continue ;; esac
		! grep -qi '^Signed-off-by:' "$mail" || wrong "${mail##*/} of $*: a sign-off"
	done
}

# git_of DIR ...: git there, as somebody whom no text knows.
git_of()
{
	of=$1
	shift
	git -C "$of" -c user.name='Up Stream' -c user.email=up@stream.invalid "$@"
}

# in_their_words FILE: with other comments, and without the counter that mainline
# had dropped by then.
in_their_words()
{
	awk '/retry_flush_write\)/ { next }
		!in_comment && /^[ \t]*\/\*$/ { in_comment = 1; text = ""; tab = $0; sub(/\/.*/, "", tab) }
		!in_comment { print; next }
		{ text = text $0 "\n" }
		/\*\/$/ {
			in_comment = 0
			if (text ~ /line [0-9]/) printf "%s", text
			else print tab "/*\n" tab " * Their words, " length(text) ".\n" tab " */"
		}
		END { if (in_comment) printf "%s", text }' "$1"
}

# commit_theirs DIR [GIT-OPTION...]: what is in $DIR/ours, in their words.
commit_theirs()
{
	for f in $(cd "$DIR/ours" && find . -type f); do
		mkdir -p "$(dirname "$1/$f")"
		in_their_words "$DIR/ours/$f" > "$1/$f"
	done
	git_of "$1" add -A
	git_of "$@"
}

# upstream DIR ERA: a git repository whose history has our patches of that era
# in their words, in the place of the commits that they name: git replace gives
# these ids.
upstream()
{
	set -- "$1" "$REPO/patches/$(era_field "$2" patches)"
	patches=$(sed -e '/^#/d' -e "s,^,$2/," "$2/series")
	mkdir -p "$DIR/ours"
	# shellcheck disable=SC2086
	"$TOP/scripts/checks/preimage.sh" "$DIR/ours" $patches
	git init -q "$1"
	commit_theirs "$1" commit -q -m base
	for p in $patches; do
		apply "$DIR/ours" "$p"
		commit_theirs "$1" commit -q -m "bcache: their subject of ${p##*/}" -m 'Their log.' \
			-m 'Signed-off-by: Up Stream <up@stream.invalid>' --date='2019-06-28T12:00:00+0800'
		git_of "$1" update-ref "refs/replace/$(upstream_id "$p")" HEAD
	done
	rm -rf "$DIR/ours"
}

rm -rf "$DIR"
mkdir -p "$REPO" "$DIR/o/export"
(cd "$TOP" && cp -r Documentation Makefile drivers include patches scripts tools "$REPO")
# No run is made for this test.
for script in defects table; do
	mv "$REPO/scripts/lab/$script.sh" "$DIR"
	printf '#!/bin/sh\nfor row; do echo "  figures of $row"; done\n' > "$REPO/scripts/lab/$script.sh"
	chmod +x "$REPO/scripts/lab/$script.sh"
done
# Bases are only read; out/tree is the copy's own.
ln -s "$OUT/base" "$DIR/o/base"
# Fetched once, not for every test; without it export says what is missing.
[ -d "$OUT/b4" ] || "$TOP/scripts/lab/fetch.sh" b4 > /dev/null 2>&1 || :
[ ! -d "$OUT/b4" ] || ln -s "$OUT/b4" "$OUT/b4.version" "$DIR/o"

# Those of the series that are needed below, and what is not in it.
sent_topics series > "$DIR/sent"
for topic in root-on-list reap-skip closure-sync write-order teardown series \
	$(mailed_topics | grep -vxF -e flush-race -f "$DIR/sent"); do
	exports "$topic/$NEW/v1" "$topic"
done
has "$DIR/o/export/series/$NEW/v1/0000-*" '  figures of root_leaf$'
upstream "$DIR/upstream" D
for era in $(eras); do
	[ -f "$REPO/patches/$(era_field "$era" patches)/series" ] || continue
	exports "flush-race/$era/v1" BASE="$era" flush-race
	last=$(find "$DIR/o/export/flush-race/$era/v1" -name '[0-9]*.patch' | sort | tail -n 1)
	has "$last" '^From: bcache lab <lab@bcache.invalid>' "^\[ Upstream commit $ID \]\$"
	has "$DIR/o/export/flush-race/$era/v1/*.patch" '^Missing here: upstream.*UPSTREAM=dir'
	# One that upstream's own diffs fit, one that they do not.
	case $era in C|D|E/ready) ;; *) continue ;; esac
	exports "flush-race/$era/v2" BASE="$era" UPSTREAM="$DIR/upstream" flush-race
	last=$(find "$DIR/o/export/flush-race/$era/v2" -name '[0-9]*.patch' | sort | tail -n 1)
	has "$last" '^From: Up Stream <up@stream.invalid>' '^Date: Fri, 28 Jun 2019 12:00:00 \+0800' \
		'^Subject: .*their subject of' "^\[ Upstream commit $ID \]\$" '^Their log\.$' \
		'^Signed-off-by: Up Stream' '^\+.*\* Their words, '
	[ "$(grep -c '^Signed-off-by:' "$last")" = 1 ] || wrong "flush-race for $era: a sign-off that is not upstream's"
	! grep -q '^How it happens' "$last" || wrong "flush-race for $era: our log beside upstream's"
	! grep -hq '^Missing here' "$DIR/o/export/flush-race/$era/v2"/*.patch || wrong "flush-race for $era: upstream's log, and it says that it is missing"
done
# Where upstream's diff fits it is taken; where it does not, ours with a note.
first=$(git_of "$DIR/upstream" log --format=%H --reverse | sed -n 2p)
has "$DIR/o/export/flush-race/D/v2/0001-*" "$(git_of "$DIR/upstream" diff-tree -p --full-index "$first" | grep '^index')"
! grep -qE '^\[ the diff|^Assisted-by' "$DIR/o/export/flush-race/D/v2"/0001-* || wrong "a note on upstream's own diff"
has "$DIR/o/export/flush-race/D/v2/0005-*" '^\[ the diff is for this kernel' '^\[ c->retry_flush_write' '^Assisted-by: ' \
	'retry_flush_write\);'
e UPSTREAM="$DIR/upstream" reap-skip
has "$DIR/err" 'UPSTREAM is for flush-race; ignored for reap-skip'

# Clones that do not do: one line, nothing written.
exports flush-race/C/v3 BASE=C flush-race
mkdir "$DIR/plain"
git_of "$DIR/upstream" branch -q old HEAD~3
git clone -q --bare --single-branch -b old "file://$DIR/upstream" "$DIR/old.git"
git clone -q --depth 1 "file://$DIR/upstream" "$DIR/shallow"
fails 'UPSTREAM is no directory' 'no directory' e BASE=C UPSTREAM="$DIR/nowhere" flush-race
fails 'not a git repository' 'no git repository' e BASE=C UPSTREAM="$DIR/plain" flush-race
fails 'has no commit [0-9a-f]{40}' 'a bare repository without the commits' e BASE=C UPSTREAM="$DIR/old.git" flush-race
fails 'is shallow, without commit [0-9a-f]{40}' 'a shallow clone' e BASE=C UPSTREAM="$DIR/shallow" flush-race
git clone -q --mirror "$DIR/upstream" "$DIR/mirror.git"
e BASE=C UPSTREAM="$DIR/mirror.git" flush-race || wrong "a bare repository with the commits: $(cat "$DIR/err")"

exports closure-sync/5.10.y/v1 STABLE=1 COMMITS=$ID BASE=5.10 closure-sync
has "$DIR/o/export/closure-sync/5.10.y/v1/0001-*" '^Subject: \[PATCH 5.10.y\] ' '^To: stable@vger.kernel.org' \
	"^\[ Upstream commit $ID \]" '^\[ for this kernel alone: '

# The mailbox, taken by plain git in a tree that export has not made.
mkdir -p "$DIR/want"
# shellcheck disable=SC2046
for path in $(patch_paths $(stack_patches series "$NEW")); do
	[ -e "$OUT/base/$NEW/$path" ] || continue
	mkdir -p "$DIR/want/$(dirname "$path")"
	cp "$OUT/base/$NEW/$path" "$DIR/want/$path"
done
cp -r "$DIR/want/." "$DIR/plain"
for p in $(sent_patches series "$NEW"); do apply "$DIR/want" "$p"; done
git_of "$DIR/plain" init -q
git_of "$DIR/plain" add -A
git_of "$DIR/plain" commit -q -m base
git_of "$DIR/plain" am -q "$DIR/o/export/series/$NEW/v1/series.mbox" 2> "$DIR/err" ||
	wrong "plain git am of series.mbox: $(head -1 "$DIR/err")"
diff -r -x .git "$DIR/plain" "$DIR/want" > "$DIR/diff" || wrong "plain git am of series.mbox: $(head -1 "$DIR/diff")"

# The same again, and a version that somebody has written into.
e closure-sync || wrong "the second export: $(cat "$DIR/err")"
has "$DIR/said" 'same as v1'
echo >> "$DIR/o/export/reap-skip/$NEW/v1/recipients"
fails 'v1 is not as it was exported' 'a version written into' e reap-skip

# Another text is another version.
sed -i 's/^Assisted-by:/Now with another word.\n\n&/' "$REPO"/patches/closure-sync/0001-*.patch
sed -i '3s/^/Still /' "$REPO/patches/closure-sync/cover"
exports "closure-sync/$NEW/v2" closure-sync
has "$DIR/o/export/closure-sync/$NEW/v2/0001-*" '^Subject: \[PATCH v2\] ' '^\| Range-diff against v1:|^Range-diff against v1:' \
	'^Now with another word' '^Still '
has "$DIR/o/export/closure-sync/$NEW/v2/range-diff" '^1: .* ! 1: '

# Signed as Documentation/process/sending.rst says, and damaged.
cp -r "$DIR/o/export/root-on-list/$NEW/v1" "$DIR/signed"
sed -i 's/^From: bcache lab .*/From: A Sender <a@sender.invalid>/' "$DIR/signed"/*.patch
git interpret-trailers --in-place --trailer 'Signed-off-by: A Sender <a@sender.invalid>' "$DIR/signed"/000[1-9]-*.patch
e -c "$DIR/signed" || wrong "signed mails: $(cat "$DIR/err")"
for mail in "$DIR/signed"/0001-*.patch; do
	git mailinfo "$DIR/log" /dev/null < "$mail" > "$DIR/head"
	[ "$(tail -n 1 "$DIR/log")" = 'Signed-off-by: A Sender <a@sender.invalid>' ] || wrong 'signed mails: no sign-off in the log'
	has "$DIR/head" '^Author: A Sender'
	sed -i '0,/^+\t.*[a-z]/s//&x/' "$mail"
done
fails 'git am of the mails gives another drivers/md/bcache/[a-z]*.[ch] than was exported' 'a damaged mail' e -c "$DIR/signed"

# A topic that lies on another says so.
mkdir "$REPO/patches/on-top"
sed -e 's/^Subject:.*/Subject: [PATCH] bcache: say that the flusher is meant/' -e '/^---$/,$d' \
	"$TOP"/patches/reap-skip/0001-*.patch > "$REPO/patches/on-top/0001-bcache-on-top.patch"
added=$(sed -n 's/^+\([^+].*[a-z].*\)/\1/p' "$TOP"/patches/reap-skip/0001-*.patch | head -1)
awk -v line="$added" '{ print } $0 == line { print "" }' "$DIR/want/drivers/md/bcache/btree.c" > "$DIR/plain/drivers/md/bcache/btree.c"
{ echo ---; git_of "$DIR/plain" diff --full-index; } >> "$REPO/patches/on-top/0001-bcache-on-top.patch"
echo 0001-bcache-on-top.patch > "$REPO/patches/on-top/series"
sed '1s/.*/bcache: say that the flusher is meant/' "$TOP/patches/reap-skip/cover" > "$REPO/patches/on-top/cover"
sed -i '/^cures:/s/check-threads/check-threads on-top/' "$REPO/patches/stacks"
exports "on-top/$NEW/v1" on-top
has "$DIR/o/export/on-top/$NEW/v1/0001-*" '^Based-on: patch "bcache: ' '^prerequisite-patch-id: [0-9a-f]{40}$'
has "$DIR/said" 'needs: reap-skip *$'

# A lab that tested something else: no version is left.
rm -rf "$DIR/o/export/on-top"
tested=$DIR/o/tree/$NEW/series/drivers/md/bcache/journal.c
{ cat "$tested"; echo; } > "$DIR/other" && mv "$DIR/other" "$tested"
fails 'gives another drivers/md/bcache/journal.c than the lab has' 'a lab that tested something else' e on-top

# Ctrl-C: nothing half done. A shell starts its background jobs with SIGINT
# ignored; a terminal does not.
env -u OUTERMOST -u STABLE --default-signal=INT O="$DIR/o" BASE="$NEW" setsid "$REPO/scripts/doors/export.sh" on-top > "$DIR/said" 2> "$DIR/err" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	ls "$DIR/o/export"/*.part > /dev/null 2>&1 && break
	sleep 0.1
done
kill -INT -"$pid" 2>/dev/null || :
# Not before it has ended: it removes what fails would look at.
wait $pid && rc=0 || rc=$?
fails 'interrupted; nothing half done is kept' 'Ctrl-C' [ "$rc" = 0 ]

# Texts and places that do not do.
sed -i '0,/^Assisted-by:/s//Signed-off-by: A Sender <a@sender.invalid>\n&/' "$REPO"/patches/closure-sync/0001-*.patch
fails 'a sign-off that only its sender may add' 'a sign-off in a topic' e closure-sync
sed -i -e '/^Signed-off-by:/d' -e '0,/^+\t.*/s//& /' "$REPO"/patches/closure-sync/0001-*.patch
fails 'checkpatch --strict complains about 0001-' 'a breach of style' e closure-sync
mv "$DIR/defects.sh" "$REPO/scripts/lab/defects.sh"
fails 'no run of flush_wait on .*; make check T=flush_wait makes it' 'a figure without a run' e flush-wait
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
sed -i '0,/^-\([^-].*\)/s//-no such \1/' "$REPO"/patches/closure-sync/0001-*.patch
fails 'does not apply to' 'a topic that does not apply' e closure-sync

rm -rf "$DIR"
exit $wrong
