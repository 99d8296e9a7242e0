#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Export a topic as mails, and prove that they are what the lab tested.
#
# Usage: scripts/doors/export.sh [-n] TOPIC
#        scripts/doors/export.sh -c DIR
#   TOPIC   a topic outside patches/lab/, or "series": all of the stack's
#   -c DIR  prove again that the mails in DIR, signed by now, give that tree
#   -n      say what would be exported
#
# Environment, besides that of the other scripts:
#   BASE      the base the mails are for (default: the newest). For flush-race,
#             which no base lacks, an era: B, C, D, D/4.16 or E, as patches/README
#             and Documentation/process/backporting.rst have them
#   STABLE=1  mails for stable@vger.kernel.org; flush-race has no other flavour
#   UPSTREAM="ID..."  with STABLE=1, the commit that each patch is in mainline
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

NEWEST=$(bases | head -1)

# All of git here is ours alone: no setting or hook of the user gets a say, and
# dates are those of the patches, so that the same text gives the same mails.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_COMMITTER_NAME='bcache lab' GIT_COMMITTER_EMAIL=lab@bcache.invalid
export GIT_AUTHOR_NAME='bcache lab' GIT_AUTHOR_EMAIL=lab@bcache.invalid
GIT_AUTHOR_DATE='Sun, 22 Nov 2026 22:30:00 +0000'
GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
export GIT_AUTHOR_DATE GIT_COMMITTER_DATE

g()
{
	git -C "$GIT" "$@"
}

# am MAIL...: as a maintainer would.
am()
{
	[ $# -eq 0 ] || g am -q "$@" > "$PART/am.log" 2>&1
}

# own_topics: the topics of TOPIC.
own_topics()
{
	if [ "$topic" = series ]; then sent_topics series; else echo "$topic"; fi
}

# others WORDS WITHOUT: the words that are not in WITHOUT, in order.
others()
{
	for word in $1; do
		case " $2 " in
		*" $word "*) ;;
		*) echo "$word" ;;
		esac
	done | tr '\n' ' '
}

# era_kernels: the kernels that an era stands for, out of patches/README: the
# row that ends with its series, and the lines that go on from there.
era_kernels()
{
	[ "$era" != E ] || set -- flush-race/series
	awk -v series="${1:-flush-race/$era/series}" '
		$NF == series { on = 1; sub(/ *flush-race.*/, ""); text = $0; next }
		on && /^    / { text = text " " $0; next }
		on { exit }
		END { $0 = text; $1 = $1; print }' "$TOP/patches/README"
}

# What is asked for, or one line that says why it cannot be.
judge_request()
{
	case $topic in
	'') die "no TOPIC; one of: $(mailed_topics | tr '\n' ' ')series" ;;
	lab|lab/*) die "topic $topic belongs to the lab and is never sent; one of: $(mailed_topics | tr '\n' ' ')series" ;;
	series) ;;
	*) mailed_topics | grep -qxF "$topic" ||
		die "unknown topic '$topic'; one of: $(mailed_topics | tr '\n' ' ')series" ;;
	esac
	era='' line=$BASE
	if [ "$topic" = flush-race ]; then
		case $BASE in
		B|C|D|D/4.16|E) era=$BASE ;;
		*) die "flush-race is for kernels without the flag, $BASE is not one; name an era of patches/README with STABLE=1 BASE=B, C, D, D/4.16 or E" ;;
		esac
		[ -n "${STABLE:-}" ] ||
			die "flush-race is in mainline since 5.3; it can go to stable kernels only: STABLE=1"
		return
	fi
	case $BASE in
	B|C|D|D/4.16|E) die "era $BASE is for flush-race; $topic is for $(bases | tr '\n' ' ')" ;;
	esac
	base_row "$BASE" > /dev/null
	[ -n "${STABLE:-}" ] || return 0
	[ "$BASE" != ksrc ] || die "STABLE=1 is for a base of patches/bases or an era, not for KSRC"
	line=$BASE.y
	[ -n "${UPSTREAM:-}" ] ||
		die "stable takes only what is in mainline: UPSTREAM=\"ID...\" names the commits, one for each patch of $topic, 40 digits each"
	for id in $UPSTREAM; do
		echo "$id" | grep -qE '^[0-9a-f]{40}$' || die "UPSTREAM: '$id' is no commit id of 40 digits"
	done
	ids=$(echo "$UPSTREAM" | wc -w) of=$(own_patches | wc -l)
	[ "$ids" = "$of" ] || die "UPSTREAM names $ids commits, $topic has $of patches"
}

# own_patches: the files of TOPIC for BASE, absolute, in order.
own_patches()
{
	if [ -n "$era" ]; then
		dir=$TOP/patches/flush-race/$era
		[ "$era" != E ] || dir=$TOP/patches/flush-race
		sed -e 's/[[:space:]]*#.*//' -e '/^$/d' -e "s,^,$dir/," "$dir/series"
		return
	fi
	for t in $(own_topics); do
		topic_patches "$t" "$BASE"
	done
}

# scratch: a git tree with the files of the base that the stack changes, no
# more; its one commit is tagged "bare". An era has what its hunks show.
scratch()
{
	GIT=$PART/git
	mkdir -p "$GIT"
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
{
	export GIT_INDEX_FILE="$PART/index"
	g read-tree bare
	fits_rc=0
	for t; do
		for p in $(topic_patches "$t" "$BASE"); do
			g apply --cached "$p" 2>> "$PART/fits.log" || fits_rc=1
		done
	done
	unset GIT_INDEX_FILE
	return $fits_rc
}

# prerequisites: the fewest earlier topics without which TOPIC does not apply.
prerequisites()
{
	[ -z "$era" ] && [ "$topic" != series ] || return 0
	! fits "$topic" || return 0
	earlier=$(sent_topics series | sed "/^$topic\$/,\$d" | tr '\n' ' ')
	# shellcheck disable=SC2086
	fits $earlier "$topic" || die "$topic does not apply to $BASE"
	for without in $earlier; do
		fewer=$(others "$earlier" "$without")
		# shellcheck disable=SC2086
		! fits $fewer "$topic" || earlier=$fewer
	done
	echo "$earlier"
}

# for_stable PATCH ID: the mail as stable wants it.
for_stable()
{
	main=$TOP/patches/$(own_topic_of "$1")/${1##*/}
	awk -v id="$2" '
		{ print }
		!head && NF == 0 { head = 1; print "[ Upstream commit " id " ]\n" }
	' "$1" | awk -v why="$(deviations "$main" "$1")" '
		why != "" && /^(Fixes|Cc|Assisted-by):/ { print why "\n"; why = "" }
		{ print }'
}

own_topic_of()
{
	path=${1#"$TOP"/patches/}
	echo "${path%%/*}"
}

# deviations MAIN COPY: in words, when BASE has a text of its own.
deviations()
{
	[ "$1" != "$2" ] || return 0
	{
		say "Deviations from upstream: $(patch_paths "$2" | tr '\n' ' ')here, $(patch_paths "$1" | tr '\n' ' ')there;"
		reason "$2"
	} | fmt -w 72
}

# reason COPY: why a text for one base is not that for all.
reason()
{
	awk -v file="${1#"$TOP"/}" '
		$0 == file { print why "."; exit }
		/^#/ && !same { why = "" }
		{ same = /^#/ }
		/^#/ { sub(/^# */, ""); why = why (why != "" ? " " : "") $0 }
	' "$TOP/patches/copies"
}

# recipients: from the base's own list; for stable from the newest, since
# addresses age. Whoever maintains bcache gets all of it, lib/ included. Words
# in a log do not count: one that names a compiler is not for its maintainers.
recipients()
{
	tree=$OUT/base/$NEWEST
	[ -n "${STABLE:-}" ] || tree=$src
	if [ -n "${STABLE:-}" ]; then
		say 'To: stable@vger.kernel.org'
		maintainers --m | sed 's/^/Cc: /'
	else
		maintainers --m --no-r --no-l | sed 's/^/To: /'
		maintainers --no-m | sed 's/^/Cc: /'
	fi
}

maintainers()
{
	# shellcheck disable=SC2086
	(cd "$tree" && for what in "$patches" "-f drivers/md/bcache"; do
		perl scripts/get_maintainer.pl --no-git --no-git-fallback --norolestats --nokeywords "$@" $what
	done) 2> "$PART/maintainers.log" | awk 'NF && !seen[$0]++'
}

# cover: the words to go with the patches. A text of its own for an era may have
# words of its own. A line "@defects TEST..." or
# "@table STACK..." becomes those rows of the tables in Documentation/bcache/,
# which make check holds against today's runs.
cover()
{
	cover_file=patches/$topic/cover
	[ "$topic" != series ] || cover_file=patches/series.cover
	[ ! -f "$TOP/patches/$topic/$era/cover" ] || cover_file=patches/$topic/$era/cover
	[ -f "$TOP/$cover_file" ] || die "$cover_file is missing: the cover text of $topic"
	while IFS= read -r cover_line; do
		# shellcheck disable=SC2086
		case $cover_line in
		@defects\ *) rows_of_defects ${cover_line#@defects } ;;
		@table\ *) rows_of_table ${cover_line#@table } ;;
		@*) die "$cover_file: '$cover_line' is no table" ;;
		*) printf '%s\n' "$cover_line" ;;
		esac
	done < "$TOP/$cover_file"
}

rows_of_defects()
{
	printf '  %-46s %9s %10s\n' "$NEWEST" today patched
	for row; do
		awk -v test="$row" -v mark=".. output defects $NEWEST" '
			$0 == mark { on = 1 }
			$0 == ".. end" { on = 0 }
			!on { next }
			$1 == test {
				what = $0
				sub(/^ *[a-z_]+ +/, "", what)
				sub(/ +[0-9.-]+ +[0-9.-]+ [a-z]+$/, "", what)
				printf "  %-46s %9s %10s %s\n", what, $(NF - 2), $(NF - 1), $NF
				found = 1
			}
			END { exit !found }' "$TOP/Documentation/bcache/defects.rst" ||
			die "$cover_file: no figures of $row in Documentation/bcache/defects.rst"
	done
}

rows_of_table()
{
	printf '  %-8s %7s %12s %13s %11s\n' '' rounds 'taken, alone' 'taken, shared' 'wrong nodes'
	for row; do
		awk -v stack="$row" '
			$1 == stack && NF == 11 {
				printf "  %-8s %7s %12s %13s %11s\n", $1, $2, $4, $5, $6 + $7
				found = 1
			}
			END { exit !found }' "$TOP/Documentation/bcache/results.rst" ||
			die "$cover_file: no row of $row in Documentation/bcache/results.rst"
	done
}

# based_on: what the patches are to be applied to.
based_on()
{
	if [ -n "$era" ]; then
		kernels=$(era_kernels)
		[ -n "$kernels" ] || die "patches/README does not say which kernels era $era is"
		say "Based-on: $kernels"
	elif [ "$BASE" = ksrc ] && id=$(ksrc_commit); then
		say "base-commit: $id"
	elif [ "$BASE" = ksrc ]; then
		say "Based-on: v$(cat "$src.version")"
	else
		debian=$(cat "$src.version")
		say "Based-on: v${debian%-*} ($(base_row "$BASE" | awk '{ print $2 }') $debian)"
	fi
	for t in $needs; do
		for p in $(topic_patches "$t" "$BASE"); do
			say "Based-on: patch \"$(subject "$p")\""
		done
	done
}

# ksrc_commit: the user's commit, when it is all there is in the files we touch.
ksrc_commit()
{
	# shellcheck disable=SC2046,SC2086
	[ -e "$KSRC/.git" ] && git -C "$KSRC" diff --quiet HEAD -- $(patch_paths $patches) 2>/dev/null &&
		git -C "$KSRC" rev-parse HEAD
}

subject()
{
	git mailinfo /dev/null /dev/null < "$1" | sed -n 's/^Subject: //p'
}

# compose DIR PREFIX [VERSION-BEFORE]: the mails.
compose()
{
	mkdir -p "$1"
	count=$(echo "$patches" | wc -l)
	compose_dir=$1 prefix=$2
	set -- --subject-prefix="$2" ${3:+--range-diff=bare-$3..$3}
	[ "$count" = 1 ] || set -- "$@" --cover-letter --cover-from-description=subject
	while read -r kind who; do
		case $kind in
		To:) set -- "$@" --to="$who" ;;
		Cc:) set -- "$@" --cc="$who" ;;
		esac
	done < "$PART/recipients"
	g config branch.mails.description "$(cat "$PART/cover")"
	g format-patch -q -o "$compose_dir" --no-signature --full-index \
		--zero-commit --base=bare "$@" before..mails
	based_on > "$PART/based-on"
	for mail in "$compose_dir"/*.patch; do
		finish "$mail" > "$PART/mail"
		mv "$PART/mail" "$mail"
	done
}

# finish MAIL: what git does not know. base-commit names no commit of anybody
# but us; the only patch carries its cover text; and an era's diff stays as it
# is, since its lines and blobs here are made up.
finish()
{
	notes=/dev/null diff=''
	[ "$count" != 1 ] || notes=$PART/notes
	if [ -n "$era" ] && [ "${1##*/0000-}" = "$1" ]; then
		diff=$(echo "$patches" | sed -n "$(number "$1")p")
	fi
	sed '1,2d' "$PART/cover" > "$PART/notes"
	awk -v notes="$notes" -v based="$PART/based-on" -v diff="$diff" '
		function copy(file,   l) {
			while ((getline l < file) > 0)
				print l
		}
		/^base-commit: / {
			skip = 0
			copy(based)
			next
		}
		skip && NF { next }
		skip { skip = 0 }
		/^---$/ && !cut++ {
			print
			if (notes != "/dev/null") {
				copy(notes)
				print ""
			}
			next
		}
		diff != "" && /^diff --git/ {
			while ((getline l < diff) > 0)
				if (show || l ~ /^diff --git/) {
					show = 1
					print l
				}
			skip = dropped = 1
			diff = ""
			next
		}
		dropped && /^(diff|index|---|\+\+\+|@@|[-+ ])/ { next }
		{ print }' "$1"
}

# mbox DIR N: the patches as one thread, which git am takes as it is. The ids
# are placeholders and in no file that is sent: git send-email and b4 make some.
mbox()
{
	id=$(echo "$topic-$line-v$2" | tr / -)
	for mail in $(mails "$1"); do
		awk -v id="$id" -v nr="$(number "$mail")" -v count="$count" '
			NR == 2 {
				print "Message-ID: <" id "-" nr "@bcache.invalid>"
				if (count > 1) {
					print "In-Reply-To: <" id "-0@bcache.invalid>"
					print "References: <" id "-0@bcache.invalid>"
				}
			}
			{ print }
			END { print "" }' "$mail"
	done
}

# number MAIL: 8 for 0008-*.patch.
number()
{
	basename "$1" | sed 's/^0*\([1-9][0-9]*\)-.*/\1/'
}

# mails DIR: the files to apply, without the cover letter.
mails()
{
	find "$1" -name '[0-9]*.patch' ! -name '0000-*' | sort
}

# prove MAIL...: git am of these on the base and what they need, then the rest
# of the stack, gives every file of the lab's tree to the byte. For an era, git
# am gives what apply() makes of the patches.
prove()
{
	g checkout -q --detach before
	am "$@" || { tail -2 "$PART/am.log" >&2; die "git am does not take the mails"; }
	if [ -n "$era" ]; then
		rm -rf "$PART/want"
		mkdir "$PART/want"
		g archive bare | tar -C "$PART/want" -x
		for p in $patches; do
			apply "$PART/want" "$p" || die "${p#"$TOP"/} does not apply"
		done
		same_files "$PART/want" "$(g ls-files)"
		return
	fi
	for t in $(others "$(topics series)" "$needs $(own_topics | tr '\n' ' ')"); do
		# shellcheck disable=SC2046
		am $(topic_patches "$t" "$BASE") || die "topic $t does not go on top of the mails"
	done
	for path in $(overlay); do
		mkdir -p "$GIT/$(dirname "$path")"
		cp "$TOP/$path" "$GIT/$path"
	done
	same_files "$lab" "$(cat "$lab/.paths")"
}

same_files()
{
	proved=0
	for path in $2; do
		cmp -s "$1/$path" "$GIT/$path" ||
			die "git am of the mails gives another $path than the lab has in ${1#"$OUT"/}"
		proved=$((proved + 1))
	done
}

# The lab's tree, where what is asked for is known to exist.
prepare()
{
	src=$OUT/base/$BASE lab=$OUT/tree/$BASE/series
	need git git
	need perl perl
	room 100000
	[ -d "$OUT/base/$NEWEST" ] || "$TOP/scripts/lab/fetch.sh" "$NEWEST"
	# A tree of the user's may have changed since it was copied.
	[ "$BASE" != ksrc ] || "$TOP/scripts/lab/fetch.sh" ksrc
	[ -n "$era" ] || "$TOP/scripts/lab/tree.sh" "$BASE" series
	patches=$(own_patches) || exit 1
}

# start: a scratch tree with what TOPIC needs applied, tagged "before".
start()
{
	rm -rf "$PART"
	mkdir -p "$PART"
	scratch
	needs=$(prerequisites) || exit 1
	for t in $needs; do
		# shellcheck disable=SC2046
		am $(topic_patches "$t" "$BASE") || die "topic $t does not apply to $BASE"
	done
	g tag before
}

# commit_own: the patches as commits, on branch "mails".
commit_own()
{
	g checkout -q -b mails
	# shellcheck disable=SC2086
	set -- ${UPSTREAM:-}
	for p in $patches; do
		mail=$p
		if [ -n "${STABLE:-}" ] && [ -z "$era" ]; then
			for_stable "$p" "$1" > "$PART/stable.patch"
			mail=$PART/stable.patch
			shift
		fi
		am "$mail" || die "${p#"$TOP"/} does not apply to $BASE"
	done
}

# commit_last N: version N as commits; where the base has moved since, on what
# its own hunks show.
commit_last()
{
	g checkout -q -b "v$1" before
	g tag "bare-v$1"
	# shellcheck disable=SC2046
	if am $(mails "$dir/v$1"); then
		g checkout -q mails
		return
	fi
	g am --abort
	g tag -d "bare-v$1" > /dev/null
	g checkout -q --orphan "v$1-again"
	g rm -r -q -f .
	# shellcheck disable=SC2046
	"$TOP/scripts/checks/preimage.sh" "$GIT" $(mails "$dir/v$1") || die "$dir/v$1 is damaged; remove it"
	g add -A -f
	g commit -q -m bare
	g tag "bare-v$1"
	g checkout -q -B "v$1"
	# shellcheck disable=SC2046
	am $(mails "$dir/v$1") || die "$dir/v$1 is damaged; remove it"
	g checkout -q -f mails
}

prefix()
{
	prefix=PATCH
	[ -z "${STABLE:-}" ] || prefix="PATCH $line"
	[ -z "$era" ] || prefix="PATCH stable"
	[ "$1" = 1 ] || prefix="$prefix v$1"
	say "$prefix"
}

check_mails()
{
	for mail in $(mails "$1"); do
		# A revert of old code: not ours to restyle.
		! grep -q '^This reverts commit' "$mail" || { say "  checkpatch: ${mail##*/} is a revert, left out"; continue; }
		# shellcheck disable=SC2086
		(cd "$OUT/base/$NEWEST" && perl scripts/checkpatch.pl $CHECKPATCH - < "$mail") > "$PART/checkpatch" 2>&1 || {
			cat "$PART/checkpatch" >&2
			die "checkpatch --strict complains about ${mail##*/}"
		}
	done
	! grep -qi '^Signed-off-by:' "$1"/*.patch || die "a mail has a sign-off that only its sender may add"
}

export_topic()
{
	topic=${1:-}
	judge_request
	dir=$OUT/export/$topic/$line
	if [ -n "$DRY" ]; then
		say "would export $topic for $line to $dir:"
		# Which texts a tree of the user's takes is known when it is copied.
		[ "$BASE" = ksrc ] || own_patches | sed "s,^$TOP/,  ,"
		return 0
	fi
	need b4 b4
	prepare
	PART=$OUT/export/$topic.part
	start
	commit_own
	recipients > "$PART/recipients"
	grep -q 'linux-bcache@' "$PART/recipients" ||
		die "get_maintainer.pl of base $BASE does not name linux-bcache: $(head -1 "$PART/maintainers.log")"
	cover > "$PART/cover"
	compose "$PART/text" "$(prefix 1)"
	text=$(cat "$PART"/text/* "$PART/recipients" | sha256sum | cut -d ' ' -f 1)
	last=$(find "$dir" -maxdepth 1 -name 'v[0-9]*' 2>/dev/null | sed 's,.*/v,,' | sort -n | tail -n 1)
	if [ -n "$last" ] && grep -q "^$text " "$dir/v$last/.export" 2>/dev/null; then
		(cd "$dir/v$last" && sed 1d .export | sha256sum -c --quiet 2>/dev/null) >&2 ||
			die "v$last is not as it was exported; sign a copy of it, remove $dir/v$last and export again"
		say "$topic for $line: same as v$last, $dir/v$last"
		return 0
	fi
	version=$((${last:-0} + 1))
	step "export $topic for $line, v$version"
	new=$PART/new
	[ -z "$last" ] || commit_last "$last"
	compose "$new" "$(prefix $version)" ${last:+"v$last"}
	[ -z "$last" ] || range_diff
	cp "$PART/recipients" "$new/"
	mbox "$new" $version > "$new/$topic.mbox"
	check_mails "$new"
	say "  checkpatch --strict: nothing"
	# shellcheck disable=SC2046
	prove $(mails "$new")
	prove "$new/$topic.mbox"
	if [ -n "$era" ]; then
		say "  git am: gives what git apply makes of the patches, $proved files to the byte; no tree of this era is here"
	else
		say "  git am: gives the lab's tree, $proved files to the byte"
	fi
	"$TOP/scripts/checks/preflight.sh" "$GIT" "$new" "$topic" < "$PART/cover"
	(cd "$new" && echo "$text $topic $BASE ${STABLE:-0}" && sha256sum -- *) > "$PART/export"
	mv "$PART/export" "$new/.export"
	mkdir -p "$dir"
	mv "$new" "$dir/v$version"
	rm -rf "$PART"
	PART=''
	step_done
	report
}

# range_diff: as a file, and in the mail under a heading that says against which
# version. Below the "---" of a patch it is quoted, or scripts would take the
# tags that it shows for tags of the patch.
range_diff()
{
	g range-diff --no-color "bare-v$last..v$last" before..mails > "$new/range-diff"
	quote='| '
	[ "$count" = 1 ] || quote=''
	for mail in "$new"/*.patch; do
		awk -v last="$last" -v quote="$quote" '
			$0 == "Range-diff:" { print "Range-diff against v" last ":"; on = 1; next }
			$0 == "" { on = 0 }
			{ print (on ? quote : "") $0 }' "$mail" > "$PART/mail"
		mv "$PART/mail" "$mail"
	done
}

report()
{
	say "  to:"
	sed 's/^/    /' "$dir/v$version/recipients"
	[ -z "$needs" ] || say "  needs: $needs"
	say "  in $dir/v$version"
	say "only you can add: your From: and Signed-off-by:, your base-commit:, a link to this lab,"
	say "a Tested-by: of your own machine${last:+, and what changed since v$last}; Documentation/process/sending.rst says how"
}

# check DIR: the proof again, of mails that somebody has signed.
check()
{
	[ -f "$1/.export" ] || die "$1 is no export: .export is missing"
	signed=$(cd "$1" && pwd)
	read -r _ topic BASE STABLE < "$signed/.export"
	# What mainline calls the patches is in the mails already.
	era='' line=$BASE
	case $BASE in [A-Z]*) era=$BASE ;; esac
	[ "$STABLE" = 0 ] || [ -n "$era" ] || line=$BASE.y
	prepare
	PART=$OUT/export/$topic.part
	start
	# shellcheck disable=SC2046
	prove $(mails "$signed")
	say "$topic for $line: git am of the mails in $1 gives $proved files to the byte"
}

how=export_topic
opt_c=''
options cn "$@"
shift $((OPTIND - 1))
[ -z "$opt_c" ] || how=check
[ $# -le 1 ] || misused
$how "${1:-}"
