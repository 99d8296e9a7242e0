#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Export a topic as mails, and prove that they are what the lab tested.
#
# Usage: scripts/doors/export.sh [-n] TOPIC
#        scripts/doors/export.sh -c DIR
#   TOPIC   a topic outside patches/lab/, or "series": all of the stack's
#   -c DIR  do the mails in DIR, signed by now, still give the same tree?
#   -n      say what would be exported
#
# Environment, besides that of the other scripts:
#   BASE      the base the mails are for (default: the newest). For flush-race,
#             which no base lacks, an era of patches/eras
#   UPSTREAM  for flush-race: a clone of the kernel. Author, log, sign-offs and
#             comments come from its commits, our part is notes in brackets
#   STABLE=1  mails for stable@vger.kernel.org; flush-race knows no others
#   COMMITS="ID..."  with STABLE=1, the commit that each patch is in mainline
#
# Result: out/export/TOPIC/BASE/vN/ (BASE.y for stable):
#   0000-cover-letter.patch  where there is more than one patch; the only patch
#                            has its cover text below the "---"
#   000N-*.patch             the mails to send
#   TOPIC.mbox               the patches again, a thread for git am and b4
#   recipients               To: and Cc:
#   range-diff               against the version before, if there is one
# N goes up when the text has changed. See Documentation/process/sending.rst.
. "$(dirname "$0")/../lib/lib.sh"
. "$TOP/scripts/lib/stable.sh"

NEWEST=$(newest)
UPSTREAM=${UPSTREAM:-} STABLE=${STABLE:-}

# All of git here is ours alone: no setting or hook of the user gets a say, and
# dates are those of the patches, so that the same text gives the same mails.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
for who in AUTHOR COMMITTER; do
	export "GIT_${who}_NAME=bcache lab" "GIT_${who}_EMAIL=lab@bcache.invalid"
	export "GIT_${who}_DATE=Sun, 22 Nov 2026 22:30:00 +0000"
done

g()
{
	git -C "$GIT" "$@"
}

# am MAIL...: as a maintainer would.
am()
{
	[ $# -eq 0 ] || g am -q "$@" > "$PART/am.log" 2>&1
}

# own_topics: the topics of TOPIC. An era's texts are a topic below flush-race.
own_topics()
{
	case $topic in
	series) sent_topics series ;;
	flush-race) era_field "$BASE" patches ;;
	*) echo "$topic" ;;
	esac
}

# patches_of TOPIC...: their files for BASE, absolute, in order.
patches_of()
{
	for of; do topic_patches "$of" "$BASE" || exit 1; done
}

# others WORDS WITHOUT: the words that are not in WITHOUT, in order.
others()
{
	echo "$1" | tr ' ' '\n' | grep -vxF "$(echo "$2" | tr ' ' '\n')" | tr '\n' ' '
}

# sent_eras: those that have a text.
sent_eras()
{
	for e in $(eras); do
		[ ! -f "$TOP/patches/$(era_field "$e" patches)/series" ] || echo "$e"
	done
}

# What is asked for, or one line that says why it cannot be.
judge_request()
{
	known=$(mailed_topics | tr '\n' ' ')series
	case " $known " in
	*" ${topic:-/} "*) ;;
	*) die "${topic:-no TOPIC}: not a topic that is sent, as those of the lab are not; one of: $known" ;;
	esac
	era='' line=$BASE
	if [ "$topic" = flush-race ]; then
		sent_eras | grep -qxF "$BASE" ||
			die "flush-race is for kernels without the flag, by era, and BASE=$BASE names none with a text; one of: $(sent_eras | tr '\n' ' ')"
		era=$BASE STABLE=1
		# shellcheck disable=SC2046
		[ -z "$UPSTREAM" ] || judge_upstream $(patches_of $(own_topics))
		return
	fi
	! eras | grep -qxF "$BASE" || die "era $BASE is for flush-race; $topic is for $(bases | tr '\n' ' ')"
	base_row "$BASE" > /dev/null
	[ -z "$UPSTREAM" ] || echo "$me: UPSTREAM is for flush-race; ignored for $topic" >&2
	UPSTREAM=''
	[ -n "$STABLE" ] || return 0
	[ "$BASE" != ksrc ] || die "STABLE=1 is for a base of patches/bases or an era, not for KSRC"
	line=$BASE.y
	# shellcheck disable=SC2046
	of=$(patches_of $(own_topics) | wc -l)
	[ "$(echo "${COMMITS:-}" | wc -w) $(echo "${COMMITS:-}" | grep -owE '[0-9a-f]{40}' | wc -l)" = "$of $of" ] ||
		die "stable takes only what is in mainline: COMMITS=\"ID...\" names the $of commits of $topic, 40 digits each"
}

# scratch: a git tree with the files of the base that the stack changes, no
# more; its one commit is tagged "bare". An era has what its hunks show.
scratch()
{
	GIT=$PART/git
	mkdir -p "$GIT" "$PART/diff"
	git init -q "$GIT"
	if [ -n "$era" ]; then
		# shellcheck disable=SC2086
		"$TOP/scripts/checks/preimage.sh" "$GIT" $patches ||
			die "the patches of $topic for era $era do not fit each other"
	else
		while read -r path; do
			[ ! -e "$src/$path" ] || echo "$path"
		done < "$lab/.paths" | tar -C "$src" -c -T - | tar -C "$GIT" -x
	fi
	g add -A -f
	g commit -q -m bare
	g tag bare
}

# fits TOPIC...: do these apply in this order? In an index of its own.
fits()
(
	export GIT_INDEX_FILE="$PART/index"
	g read-tree bare
	# shellcheck disable=SC2046
	g apply --cached $(patches_of "$@") 2>> "$PART/fits.log"
)

# fits_after TOPIC...: does ours apply after these, and the rest of the stack on
# top of it?
fits_after()
{
	# shellcheck disable=SC2046
	fits "$@" "$topic" $(others "$(sent_topics "$stack" | tr '\n' ' ')" "$* $topic")
}

# prerequisites: the fewest earlier topics that have to come before TOPIC.
prerequisites()
{
	[ -z "$era" ] && [ "$topic" != series ] && ! fits_after || return 0
	earlier=$(sent_topics "$stack" | sed "/^$topic\$/,\$d" | tr '\n' ' ')
	# shellcheck disable=SC2086
	fits_after $earlier || die "$topic does not apply to $BASE"
	for without in $earlier; do
		fewer=$(others "$earlier" "$without")
		# shellcheck disable=SC2086
		! fits_after $fewer || earlier=$fewer
	done
	echo "$earlier"
}

# commit_own: the patches as commits, on branch "mails". The diffs of an era are
# kept: the lines and blobs of its tree are made up.
commit_own()
{
	g checkout -q -b mails
	# shellcheck disable=SC2086
	[ -z "$UPSTREAM" ] || upstream_diffs $patches
	# shellcheck disable=SC2086
	set -- ${COMMITS:-}
	nr=0
	for p in $patches; do
		nr=$((nr + 1))
		[ -z "$era" ] || sed -n '/^diff --git/,$p' "$p" > "$PART/diff/$nr"
		[ ! -f "$PART/upstream/$nr" ] || { take_over $nr "$p"; continue; }
		am "$p" || die "${p#"$TOP"/} does not apply to $BASE"
		[ -n "$era" ] || [ -z "$STABLE" ] || { for_stable "$p" "$1"; shift; }
	done
}

# recipients: from the base's own list; for stable from the newest, since
# addresses age. Maintainers of bcache get all of it, lib/ included. Words
# in a log do not count: one that names a compiler is not for its maintainers.
# Perl has them in another order each time.
recipients()
{
	if [ -n "$STABLE" ]; then
		say 'To: stable@vger.kernel.org'
		maintainers "$OUT/base/$NEWEST" --m | sed 's/^/Cc: /'
	else
		maintainers "$src" --m --no-r --no-l | sed 's/^/To: /'
		maintainers "$src" --no-m | sed 's/^/Cc: /'
	fi
}

maintainers()
{
	cd "$1" && shift
	for what in "$patches" '-f drivers/md/bcache'; do
		# shellcheck disable=SC2086
		perl scripts/get_maintainer.pl --no-git --no-git-fallback --norolestats --nokeywords "$@" $what
	done 2> "$PART/maintainers.log" | grep . | sort -u
}

# cover: the words to go with the patches. An era may have words of its own. A
# line "@NAME WORD..." becomes what scripts/lab/NAME.sh -m WORD... prints today,
# from runs that were made.
cover()
{
	cover_file=patches/$topic/cover
	[ "$topic" != series ] || cover_file=patches/series.cover
	[ -z "$era" ] || [ ! -f "$TOP/patches/$(own_topics)/cover" ] || cover_file=patches/$(own_topics)/cover
	[ -f "$TOP/$cover_file" ] || die "$cover_file is missing: the cover text of $topic"
	while IFS= read -r cover_line; do
		# shellcheck disable=SC2086
		case $cover_line in
		@*) set -- ${cover_line#@}
			figures=$(script "$1") || exit 1
			shift
			"$figures" -m "$@" || exit 1 ;;
		*) printf '%s\n' "$cover_line" ;;
		esac
	done < "$TOP/$cover_file"
	# shellcheck disable=SC2086
	[ -z "$era" ] || [ -n "$UPSTREAM" ] || [ -z "$(upstream_id $patches)" ] || say "
Missing here: upstream's author, log and sign-offs; UPSTREAM=dir of make export takes them from dir, a clone of the kernel."
}

# based_on: what the patches are to be applied to.
based_on()
{
	if [ -n "$era" ]; then
		kernels=$(era_field "$era" kernels) vendors=$(era_field "$era" vendors)
		[ "$kernels" != - ] || kernels=''
		say "Based-on: $kernels${kernels:+${vendors:+; }}$vendors"
	elif [ "$BASE" = ksrc ] && id=$(ksrc_commit); then
		say "base-commit: $id"
	elif [ "$BASE" = ksrc ]; then
		say "Based-on: v$(cat "$src.version")"
	else
		debian=$(cat "$src.version")
		say "Based-on: v${debian%-*} ($(base_row "$BASE" | awk '{ print $2 }') $debian)"
	fi
	# shellcheck disable=SC2086
	for p in $(patches_of $needs); do
		git mailinfo /dev/null /dev/null < "$p" | sed -n 's/^Subject: \(.*\)/Based-on: patch "\1"/p'
	done
}

# ksrc_commit: the user's commit, when it is all there is in the files we touch.
ksrc_commit()
{
	# shellcheck disable=SC2046,SC2086
	[ -e "$KSRC/.git" ] && git -C "$KSRC" diff --quiet HEAD -- $(patch_paths $patches) 2>/dev/null &&
		git -C "$KSRC" rev-parse HEAD
}

# compose: the mails, in $new.
compose()
{
	prefix=PATCH
	[ -z "$STABLE" ] || prefix="PATCH $line"
	[ -z "$era" ] || prefix="PATCH stable"
	[ "$version" = 1 ] || prefix="$prefix v$version"
	set -- --subject-prefix="$prefix"
	[ "$count" = 1 ] || set -- "$@" --cover-letter --cover-from-description=subject
	if [ -n "$last" ]; then
		g fetch -q "$dir/v$last/.commits" "+refs/*:refs/last/*"
		set -- "$@" --range-diff=refs/last/tags/before..refs/last/heads/mails
	fi
	while read -r kind who; do
		case $kind in
		To:) set -- "$@" --to="$who" ;;
		Cc:) set -- "$@" --cc="$who" ;;
		esac
	done < "$PART/recipients"
	g config branch.mails.description "$(cat "$PART/cover")"
	g format-patch -q -o "$new" --no-signature --full-index --zero-commit --base=bare "$@" before..mails
	sed '1,2d' "$PART/cover" > "$PART/notes"
	say >> "$PART/notes"
	nr=$((count == 1))
	for mail in "$new"/*.patch; do
		finish "$mail" "$PART/diff/$nr" > "$PART/mail"
		mv "$PART/mail" "$mail"
		nr=$((nr + 1))
	done
	[ -z "$last" ] || g range-diff --no-color refs/last/tags/before..refs/last/heads/mails before..mails > "$new/range-diff"
}

# finish MAIL DIFF: what git does not know. base-commit names no commit of anybody
# but us; the only patch carries its cover text, and quotes its range-diff, or
# scripts would take the tags that it shows for tags of the patch; an era's
# diff stays as it is.
finish()
{
	if [ -f "$2" ]; then
		sed '/^diff --git/,$d' "$1"
		cat "$2"
		! grep -q '^base-commit: ' "$1" || { say; sed -n '/^base-commit: /,$p' "$1"; }
	else
		cat "$1"
	fi | sed -e "/^base-commit: /{r $PART/based-on" -e 'd;}' |
	if [ "$count" = 1 ]; then
		sed -e '/^Range-diff:$/,/^$/s/^./| &/' -e "0,/^---\$/{/^---\$/r $PART/notes" -e '}'
	else
		cat
	fi | sed "s/^\(| \)*Range-diff:\$/Range-diff against v$last:/"
}

# mbox: the patches as one thread, which git am takes as it is. The ids are
# placeholders and in no file that is sent: git send-email and b4 make some.
mbox()
{
	id=$(echo "$topic-$line-v$version" | tr / -) cover=''
	[ "$count" = 1 ] || cover="\nIn-Reply-To: <$id-0@bcache.invalid>\nReferences: <$id-0@bcache.invalid>"
	nr=0
	for mail in $(mails "$new"); do
		nr=$((nr + 1))
		sed "1a Message-ID: <$id-$nr@bcache.invalid>$cover" "$mail"
		say
	done
}

# mails DIR: the files to apply, without the cover letter.
mails()
{
	find "$1" -name '[0-9]*.patch' ! -name '0000-*' | sort
}

# same_tree MAIL...: git am of these makes the tree of "mails".
same_tree()
{
	g checkout -q -f --detach before
	am "$@" || { tail -2 "$PART/am.log" >&2; die "git am does not take the mails"; }
	other=$(g diff --name-only mails HEAD | head -1)
	[ -z "$other" ] || die "git am of the mails gives another $other than was exported"
}

# same_lab: the rest of the stack on top of "mails" gives every file of the
# lab's tree to the byte.
same_lab()
{
	g checkout -q -f --detach mails
	# shellcheck disable=SC2046
	am $(patches_of $(others "$(topics "$stack")" "$needs $(own_topics | tr '\n' ' ')")) ||
		{ tail -2 "$PART/am.log" >&2; die "the rest of the stack $stack does not go on top of the mails"; }
	for path in $(overlay); do
		mkdir -p "$GIT/$(dirname "$path")"
		cp "$TOP/$path" "$GIT/$path"
	done
	while read -r path; do
		cmp -s "$lab/$path" "$GIT/$path" ||
			die "git am of the mails gives another $path than the lab has in ${lab#"$OUT"/}"
	done < "$lab/.paths"
}

# check_mails: what is of upstream is not ours to restyle.
check_mails()
{
	# shellcheck disable=SC2086
	! grep -qi '^Signed-off-by:' $patches "$PART/cover" || die "a mail has a sign-off that only its sender may add"
	left=0
	for mail in $(mails "$new"); do
		! grep -qE '^(This reverts commit|Signed-off-by:)' "$mail" || { left=$((left + 1)); continue; }
		# shellcheck disable=SC2086
		(cd "$OUT/base/$NEWEST" && perl scripts/checkpatch.pl $CHECKPATCH - < "$mail") > "$PART/checkpatch" 2>&1 ||
			{ cat "$PART/checkpatch" >&2; die "checkpatch --strict complains about ${mail##*/}"; }
	done
	[ $left = 0 ] || left_out="; $left of $count left out, with upstream's log"
	say "  checkpatch --strict: nothing${left_out:-}"
}

# prepare: the scratch tree, with what TOPIC needs tagged "before" and the
# patches on branch "mails".
prepare()
{
	stack=series
	[ "$topic" = series ] || sent_topics series | grep -qxF "$topic" || stack=next
	src=$OUT/base/$BASE lab=$OUT/tree/$BASE/$stack
	[ -d "$OUT/base/$NEWEST" ] || "$TOP/scripts/lab/fetch.sh" "$NEWEST"
	# A tree of the user's may have changed since it was copied.
	[ "$BASE" != ksrc ] || "$TOP/scripts/lab/fetch.sh" ksrc
	[ -n "$era" ] || "$TOP/scripts/lab/tree.sh" "$BASE" "$stack"
	# shellcheck disable=SC2046
	patches=$(patches_of $(own_topics)) || exit 1
	count=$(echo "$patches" | wc -l)
	make_part "$OUT/export/$topic"
	scratch
	needs=$(prerequisites) || exit 1
	# shellcheck disable=SC2046,SC2086
	am $(patches_of $needs) || die "topics $needs do not apply to $BASE"
	g tag before
	commit_own
	recipients > "$PART/recipients"
	grep -q 'linux-bcache@' "$PART/recipients" ||
		die "get_maintainer.pl of base $BASE does not name linux-bcache: $(head -1 "$PART/maintainers.log")"
	cover > "$PART/cover"
	based_on > "$PART/based-on"
}

export_topic()
{
	topic=${1:-}
	judge_request
	dir=$OUT/export/$topic/$line
	if [ -n "$DRY" ]; then
		say "would export $topic for $line to $dir:"
		# Which texts a tree of the user's takes is known when it is copied.
		# shellcheck disable=SC2046
		[ "$BASE" = ksrc ] || patches_of $(own_topics) | sed "s,^$TOP/,  ,"
		return 0
	fi
	for tool in b4 git perl; do need $tool $tool; done
	room 100000
	prepare
	text=$({ g format-patch --stdout --no-signature --full-index --zero-commit before..mails
		find "$PART/diff" "$PART/recipients" "$PART/cover" "$PART/based-on" -type f | sort | xargs cat
		} | sha256sum | cut -d ' ' -f 1)
	last=$(find "$dir" -maxdepth 1 -name 'v[0-9]*' 2>/dev/null | sed 's,.*/v,,' | sort -n | tail -n 1)
	if [ -n "$last" ] && [ "$(head -1 "$dir/v$last/.export")" = "$text" ]; then
		(cd "$dir/v$last" && sed 1d .export | sha256sum -c --quiet 2>/dev/null) >&2 ||
			die "v$last is not as it was exported; sign a copy of it, remove $dir/v$last and export again"
		say "$topic for $line: same as v$last, $dir/v$last"
		return 0
	fi
	version=$((${last:-0} + 1)) new=$PART/new
	step "export $topic for $line, v$version"
	compose
	cp "$PART/recipients" "$new/"
	mbox > "$new/$topic.mbox"
	check_mails
	# shellcheck disable=SC2046
	same_tree $(mails "$new")
	same_tree "$new/$topic.mbox"
	if [ -n "$era" ]; then
		say "  git am: gives what git apply makes of the patches; no tree of this era is here"
	else
		same_lab
		say "  git am: gives the lab's tree, $(wc -l < "$lab/.paths") files to the byte"
	fi
	"$TOP/scripts/checks/preflight.sh" "$GIT" "$new" "$topic" < "$PART/cover"
	g bundle create -q "$new/.commits" before mails
	(cd "$new" && echo "$text" && sha256sum -- *) > "$PART/export"
	mv "$PART/export" "$new/.export"
	mkdir -p "$dir"
	keep_part "$dir/v$version" "$new"
	step_done
	report
}

# report: what is left, by the numbers of the kernel's own list.
report()
{
	say '  to:'
	sed 's/^/    /' "$dir/v$version/recipients"
	[ -z "$needs" ] || say "  needs: $needs"
	cat <<-END
	  in $dir/v$version
	Of the kernel's coding-assistants.rst the mails have what steps 3 to 8 ask for.
	Yours: 1, read what it names; 2, your base-commit:; 9, whether the cover text is
	right that it is a bug or a vulnerability;${last:+ what changed since v$last;} From:, Signed-off-by:,
	Tested-by:, a link to this lab. Documentation/process/sending.rst says how, and
	which topic first.
	END
}

# check DIR: the proof again, of mails that somebody has signed.
check()
{
	[ -f "$1/.commits" ] || die "$1 is no export: .commits is missing"
	make_part "$OUT/export/check"
	GIT=$PART/git
	git init -q "$GIT"
	g fetch -q "$(cd "$1" && pwd)/.commits" '+refs/*:refs/*'
	# shellcheck disable=SC2046
	same_tree $(mails "$(cd "$1" && pwd)")
	say "git am of the mails in $1 gives the tree that was exported"
}

opt_c=''
options nc: "$@"
shift $((OPTIND - 1))
[ -z "$opt_c" ] || { check "$opt_c"; exit; }
[ $# -le 1 ] || misused
export_topic "${1:-}"
