# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
#
# Texts as stable wants them: author, log, sign-offs and comments of mainline
# commits from a clone of the kernel, $UPSTREAM, or at least their ids. Sourced by
# export.sh, with its variables; never run.

# u ...: git in that clone, which is only read, with the settings of its owner.
u()
{
	env -u GIT_CONFIG_GLOBAL -u GIT_CONFIG_NOSYSTEM \
		GIT_CEILING_DIRECTORIES="$(dirname "$UPSTREAM")" git -C "$UPSTREAM" "$@"
}

# of_commit ID FORMAT
of_commit()
{
	u log -1 --no-show-signature --encoding=UTF-8 --format="$2" "$1"
}

# upstream_id PATCH...: the commits that they say they are.
upstream_id()
{
	sed -n 's/^\[ Upstream commit \([0-9a-f]\{40\}\) ]$/\1/p' "$@"
}

# notes_of PATCH: its paragraphs in brackets, but for that with the id.
notes_of()
{
	awk '/^---$/ { exit } /^\[ / { on = !/^\[ Upstream/ } on { print } / \]$/ { on = 0 }' "$1"
}

# judge_upstream PATCH...: has the clone each commit, and the one before it,
# without which there is no diff?
judge_upstream()
{
	UPSTREAM=$(cd "$UPSTREAM" 2>/dev/null && pwd) || die "UPSTREAM is no directory; it takes a clone of the kernel"
	why=$(u rev-parse --git-dir 2>&1) || die "UPSTREAM=$UPSTREAM: ${why#fatal: }"
	for p; do
		id=$(upstream_id "$p")
		[ -n "$id" ] || continue
		! u rev-parse -q --verify "$id^^{tree}" > /dev/null 2>&1 || continue
		[ "$(u rev-parse --is-shallow-repository)" = false ] ||
			die "UPSTREAM=$UPSTREAM is shallow, without commit $id: git fetch --unshallow there first"
		die "UPSTREAM=$UPSTREAM has no commit $id: it takes a kernel from 5.3 on"
	done
}

# comments THEIRS OURS DIFF: DIFF, one of our diffs, with their comments: the nth
# that THEIRS, all of their diffs, adds for the nth that all of ours add. None of
# ours is context of another patch. The blobs that it named do not exist then.
comments()
{
	awk '
		FNR == 1 { file++ }
		!in_comment && /^\+[ \t]*\/\*/ { in_comment = 1; comment = ""; lines = 0 }
		in_comment {
			comment = comment $0 "\n"
			lines++
			if (!/\*\/$/) next
			in_comment = 0
			if (file < 3) list[file, ++count[file]] = comment
			else hunk = hunk theirs(comment)
			next
		}
		file < 3 || /^index / { next }
		/^@@ / || /^diff / { end_hunk() }
		/^diff / { moved = 0 }
		/^@@ / { at = $0; next }
		at != "" { hunk = hunk $0 "\n"; next }
		{ print }
		END { end_hunk() }
		function theirs(text,   i) {
			for (i = count[1] == count[2] ? count[2] : 0; i > 0; i--)
				if (list[2, i] == text) text = list[1, i]
			longer += split(text, line, "\n") - 1 - lines
			return text
		}
		function end_hunk(   a) {
			if (at == "") return
			split(at, a, /[-+, ]+/)
			sub(/^@@ [^@]*/, "", at)
			printf "@@ -%d,%d +%d,%d %s\n%s", a[2], a[3], a[4] + moved, a[5] + longer, at, hunk
			moved += longer
			at = hunk = longer = ""
		}' "$1" "$2" "$3"
}

# upstream_diffs PATCH...: all of theirs, PART/upstream/N and PART/theirs, and all
# of ours, PART/ours.
upstream_diffs()
{
	mkdir -p "$PART/upstream"
	nr=0
	for p; do
		nr=$((nr + 1)) id=$(upstream_id "$p")
		[ -z "$id" ] || u diff-tree --no-commit-id -p --full-index "$id" > "$PART/upstream/$nr"
		sed -n '/^diff --git/,$p' "$p"
	done > "$PART/ours"
	cat "$PART"/upstream/* > "$PART/theirs"
}

# take_over N PATCH: a commit with upstream's author and log, the id above it as
# stable has it. The diff is upstream's where it applies to the era, else ours
# with upstream's comments, and with notes on what deviates.
take_over()
{
	id=$(upstream_id "$2") note=''
	if g apply --check "$PART/upstream/$1" 2> /dev/null; then
		cp "$PART/upstream/$1" "$PART/diff/$1"
	else
		comments "$PART/theirs" "$PART/ours" "$PART/diff/$1" > "$PART/worded"
		mv "$PART/worded" "$PART/diff/$1"
		note="[ the diff is for this kernel, upstream's does not apply here ]
$(notes_of "$2")"
	fi
	g apply --index "$PART/diff/$1" || die "${2#"$TOP"/} does not apply with upstream's comments"
	{
		# Without the blank lines that end a log.
		log=$(of_commit "$id" '%s%n%n[ Upstream commit %H ]%n%n%b')
		echo "$log"
		[ -z "$note" ] || echo "$note"
		git interpret-trailers --parse < "$2" | grep -E "^(Stable-dep-of${note:+|Assisted-by}):" || :
	} > "$PART/log"
	g commit -q -F "$PART/log" --author="$(of_commit "$id" '%an <%ae>')" --date="$(of_commit "$id" %aD)"
}

# for_stable PATCH ID: the last commit, one of ours, gets its id in mainline, and
# a note where BASE has a text that is not that for all.
for_stable()
{
	awk -v file="${1#"$TOP"/}" -v id="$2" '
		BEGIN { print "[ Upstream commit " id " ]\n" }
		$0 == file { print "[ for this kernel alone: " why " ]\n" }
		/^#/ && !same { why = "" }
		{ same = /^#/ }
		/^#/ { sub(/^# */, ""); why = why (why != "" ? " " : "") $0 }
	' "$TOP/patches/copies" | fmt -w 72 > "$PART/note"
	g log -1 --format=%B | sed "2r $PART/note" > "$PART/log"
	g commit -q --amend -F "$PART/log"
}
