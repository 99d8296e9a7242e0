# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
#
# What apply.sh, status.sh and unapply.sh share: what the user's kernel tree
# is, which patches it needs, and how to change it, all of it or nothing.
#
# Usage: sourced after lib.sh, never run
#
# The patches are tried on a copy of the files that they touch, in $PART:
#   orig/  as they are in the tree
#   new/   patched
# The tree is written to when every patch has applied, by put() or put_git().

# A hook or an alias of git may have set these for another repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY

BCACHE=drivers/md/bcache
RECORD=$BCACHE/.bcache-applied
# shellcheck disable=SC2034
NO_TEXT='no text is offered for it (patches/README says why)'

# A reader that has seen enough (| head) is no reason to leave things behind.
trap 'exit 141' PIPE
say()
{
	printf '%s\n' "$*" 2>/dev/null
}

cleanup()
{
	[ -n "$PART" ] || return 0
	[ ! -e "$PART/tree" ] || calm worktree remove --force "$PART/tree" || :
	[ ! -f "$PART/beside" ] || xargs -d '\n' rm -f < "$PART/beside"
	rm -rf "$PART"
}

# open_tree: find bcache in $KSRC, and take a copy of what our patches touch.
open_tree()
{
	need git git
	[ -n "${KSRC:-}" ] || die "name the kernel source: make $me KSRC=dir"
	[ -d "$KSRC" ] || die "KSRC=$KSRC is no directory"
	KSRC=$(cd -- "$KSRC" && pwd -P)
	tree=$(find_tree) || exit 1
	[ -r "$tree/$BCACHE/btree.c" ] || die "cannot read $tree/$BCACHE/btree.c"
	for file in btree.h journal.c bcache.h; do
		[ -f "$tree/$BCACHE/$file" ] ||
			die "$tree/$BCACHE is not bcache as known here: btree.c is there, $file is not"
	done
	exec 9< "$tree/$BCACHE"
	[ "$me" = status ] || flock -n 9 || [ $? != 1 ] ||
		die "another make apply or unapply works in $tree; nothing is changed"
	find_git
	room 20000
	# Ctrl-C must not end mktemp between the two things that it does.
	PART=$(trap "" INT TERM HUP; mktemp -d "$OUT/$me.XXXXXX")
	: > "$PART/crlf"
	# shellcheck disable=SC2046
	for path in $(patch_paths $(known_patches)); do
		[ -f "$tree/$path" ] || continue
		mkdir -p "$PART/orig/${path%/*}"
		cp -Lp "$tree/$path" "$PART/orig/$path" || die "cannot read $tree/$path"
		line_ends "$path"
	done
	cp -a "$PART/orig" "$PART/new"
}

# known_patches: everything that may be applied to a user's tree.
known_patches()
{
	for topic in flush-race $(sent_topics series); do
		find "$TOP/patches/$topic" -name '*.patch'
	done
}

# find_tree: the top of the kernel source, which may be a subdirectory.
find_tree()
{
	if [ -f "$KSRC/$BCACHE/btree.c" ]; then
		echo "$KSRC"
		return
	fi
	found=$(find "$KSRC" -name .git -prune -o -path "*/$BCACHE/btree.c" -print 2>/dev/null |
		sed "s,/$BCACHE/btree.c\$,,")
	[ -n "$found" ] ||
		die "KSRC=$KSRC is no kernel source with bcache: no $BCACHE/btree.c there or below"
	[ "$(printf '%s\n' "$found" | wc -l)" = 1 ] ||
		die "more than one bcache below KSRC=$KSRC; name one of: $(echo "$found" | tr '\n' ' ')"
	echo "$found"
}

# find_git: $repo is the work tree that tracks bcache, or empty; $prefix is the
# way from there to the kernel. A tree in a repository that does not track it
# is like one in none.
find_git()
{
	repo='' prefix=''
	if ! top=$(git -C "$tree" rev-parse --show-toplevel 2>&1); then
		case $top in
		*'not a git repository'*) return 0 ;;
		*) die "git does not open $tree: $(echo "$top" | head -1)" ;;
		esac
	fi
	git -C "$tree" ls-files --error-unmatch "$BCACHE/btree.c" > /dev/null 2>&1 || return 0
	repo=$top
	prefix=$(git -C "$tree" rev-parse --show-prefix)
}

# line_ends PATH: all lines of it end in CR LF, or none does.
line_ends()
{
	crs=$(grep -c "$(printf '\r')\$" "$PART/orig/$1" || :)
	[ "$crs" != 0 ] || return 0
	[ "$crs" = "$(grep -c '' "$PART/orig/$1")" ] ||
		die "$tree/$1 mixes line ends: $crs lines with CR LF, the others without; make them alike first"
	echo "$1" >> "$PART/crlf"
}

# dressed PATCH: with the line ends of the files that it touches.
dressed()
{
	awk -v list="$PART/crlf" '
		BEGIN { while ((getline path < list) > 0) crlf[path] }
		/^diff / { hunk = 0 }
		/^\+\+\+ b\// { path = substr($0, 7) }
		/^@@ / { hunk = 1; print; next }
		{ print $0 (hunk && path in crlf ? "\r" : "") }' "$1"
}

# version: from the fields of the Makefile; running a stranger's is not needed.
version()
{
	[ -f "$tree/Makefile" ] || { echo unknown; return; }
	sed -n -e 's/\r$//' -e 's/^VERSION *= *\([0-9]*\) *$/\1/p' \
		-e 's/^\(PATCHLEVEL\|SUBLEVEL\) *= *\([0-9]*\) *$/.\2/p' \
		-e 's/^EXTRAVERSION *= *\([^ ]*\) *$/\1/p' "$tree/Makefile" |
		head -4 | tr -d '\n'
}

# text NAME: a file of bcache, or a function, on one line, blanks squeezed.
text()
{
	[ -f "$PART/text.$1" ] || if [ -f "$PART/new/$BCACHE/$1" ]; then
		tr -s '\r\n\t ' ' ' < "$PART/new/$BCACHE/$1"
	else
		cat "$PART/new/$BCACHE"/*.c | awk -v name="[ *]$1[(]" '
			/^[a-z]/ && $0 ~ name && !/; *\r*$/ { on = 1 }
			on { print }
			/^}/ { on = 0 }' | tr -s '\r\n\t ' ' '
	fi > "$PART/text.$1"
	cat "$PART/text.$1"
}

# has NAME PATTERN
has()
{
	text "$1" | grep -qE -- "$2"
}

# era_of: the last row of patches/eras that has all of its patterns here.
era_of()
{
	era=unknown
	for name in $(eras); do
		era_field "$name" code | sed 's/; /\n/g' > "$PART/code"
		while IFS= read -r code; do
			has "${code%%: *}" "${code#*: }" || continue 2
		done < "$PART/code"
		era=$name
	done
}

# look_at: set $era and $fix: yes, no or partly, then $have and $lack list the
# parts of the fix, each with where it belongs.
look_at()
{
	have='' lack='' fix=no
	era_of
	if [ "$era" = unknown ]; then
		found=$([ -z "$(text btree_flush_write)" ] && echo 'no function btree_flush_write()' ||
			echo 'btree_flush_write(), which takes neither')
		die "unknown code in $tree/$BCACHE/journal.c; nothing is changed
  expected: btree_flush_write(), which takes b->lock or b->write_lock of a node
  found:    $found"
	fi
	clear='clear_(and_wake_up_)?bit\(BTREE_NODE_journal_flush'
	part btree.h 'BTREE_NODE_journal_flush,' 'the flag in enum btree_flags, btree.h'
	part btree.h 'BTREE_FLAG\(journal_flush\)' 'BTREE_FLAG(journal_flush), btree.h'
	part mca_reap 'btree_node_journal_flush\(b\)' 'the look at the flag in mca_reap(), btree.c'
	part btree_node_free 'btree_node_journal_flush\(b\)' 'the look at the flag in btree_node_free(), btree.c'
	part btree_flush_write 'mutex_lock\(&c->bucket_lock\)' 'bucket_lock in btree_flush_write(), journal.c'
	part btree_flush_write 'set_btree_node_journal_flush\(|set_bit\(BTREE_NODE_journal_flush' \
		'the flag set in btree_flush_write(), journal.c'
	part btree_flush_write "$clear.*$clear$([ "$era" != fixed ] || echo ".*$clear")" \
		'the flag cleared on each way out of btree_flush_write(), journal.c'
	for name in mca_reap btree_node_free; do
		! has $name 'goto retry' || part $name '[;}] retry:' "retry: in $name(), btree.c"
		! has $name 'udelay\(' || part btree.c '#include <linux/delay.h>' '<linux/delay.h>, btree.c'
	done
	# 5.3 lets one flusher in at a time; all of that or nothing of it.
	if has journal.c btree_flushing || has journal.h btree_flushing; then
		for word in 'btree_flushing = true' 'btree_flushing = false' 'spin_lock_init\([^)]*flush_write_lock'; do
			part journal.c "$word" "$word, journal.c"
		done
		part journal.h 'btree_flushing;' 'btree_flushing, journal.h'
	fi
	for name in $(stray); do
		lack="$lack
  astray:  a use of the flag in $name(), btree.c"
	done
	[ -z "$have" ] || fix=partly
	[ -n "$lack" ] || fix=yes
}

# part NAME PATTERN TEXT: a part of the fix, there or missing.
part()
{
	if has "$1" "$2"; then
		have="$have
  there:   $3"
	else
		lack="$lack
  missing: $3"
	fi
}

# stray: functions of btree.c that speak of the flag and should not.
stray()
{
	awk '
		/^[a-z].*\(/ && !/;\r*$/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
		/^}/ { name = "" }
		name && name !~ /^(mca_.*|btree_node_free)$/ && /journal_flush/ && !seen[name]++ { print name }
	' "$PART/new/$BCACHE/btree.c"
}

# needed TOPIC: nothing if the tree has the topic's defect, else why not.
needed()
{
	case $1 in
	root-on-list)
		has btree_flush_write 'c->btree_cache' || echo 'the flusher walks no list there' ;;
	check-threads)
		has btree.c bch_btree_check_thread || echo 'bch_btree_check() has no threads there' ;;
	esac
}

# unsafe TOPIC: the text for all lies on this tree, and lacks what that needs.
unsafe()
{
	case $1 in
	node-error|meta-reserve) has journal.c do_journal_discard ;;
	*) return 1 ;;
	esac
}

# texts TOPIC: its series files: those for the tree's line, that for all, those
# for earlier lines, then for later ones, the nearest first.
texts()
{
	at=$(version | sed 's/[^0-9.].*//')
	{
		echo "$at"
		(cd "$TOP/patches/$1" && find . -mindepth 2 -name series | cut -d / -f 2)
	} | sort -rV | awk -v at="$at" '
		BEGIN { split(at, v, "."); line = v[1] "." v[2] }
		$0 == at && !seen++ { next }
		seen && index($0 ".", line ".") == 1 { print; next }
		seen { below = below $0 "\n"; next }
		{ above = $0 "\n" above }
		END { printf ".\n%s%s", below, above }' |
		if unsafe "$1"; then grep -vx '\.'; else cat; fi |
		sed "s,.*,$TOP/patches/$1/&/series,"
}

# patches_of SERIES...: the files that they name.
patches_of()
{
	for series; do
		sed -e 's/[[:space:]]*#.*//' -e '/^$/d' -e "s,^,${series%/series}/," "$series"
	done | xargs -r realpath
}

# try DIR PATCH [-R]: like apply() of lib.sh, deaf to the user's git settings.
try()
{
	dressed "$2" > "$PART/patch"
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_CEILING_DIRECTORIES=$PART \
		git -C "$1" apply -v --whitespace=nowarn ${3:+"$3"} "$PART/patch" > "$PART/said" 2>&1
}

# recorded: the patches that the record of the tree names.
recorded()
{
	[ ! -f "$tree/$RECORD" ] || sed "s,^,$TOP/patches/," "$tree/$RECORD"
}

# find_there SERIES...: which of their patches, and of the recorded ones, are
# in the tree already, into $PART/there. They are taken off a copy from the
# last to the first, since a later one may have changed what an earlier wrote.
find_there()
{
	cp -a "$PART/new" "$PART/peel"
	: > "$PART/there"
	for p in $({ patches_of "$@"; recorded; } | tac); do
		[ ! -f "$p" ] || ! try "$PART/peel" "$p" -R || echo "$p" >> "$PART/there"
	done
}

# lay PATCH...: apply to new/ those that are not there, in order, all or none.
# What was applied goes to $PART/todo; the first that did not, to $PART/why/.
lay()
{
	rm -rf "$PART/laid"
	cp -a "$PART/new" "$PART/laid"
	: > "$PART/now"
	for p; do
		! grep -qxF "$p" "$PART/there" || continue
		try "$PART/laid" "$p" || { why "$p"; return 1; }
		echo "$p" >> "$PART/now"
	done
	cat "$PART/now" >> "$PART/todo"
	rm -rf "$PART/new"
	mv "$PART/laid" "$PART/new"
}

why()
{
	[ ! -e "$PART/why" ] || return 0
	mkdir "$PART/why"
	echo "$1" > "$PART/why/patch"
	mv "$PART/said" "$PART/laid" "$PART/why/"
}

# plan [TOPIC...]: lay what the tree lacks on the copy: the fix, or the topics,
# by default all of them where the flusher is today's. A line per patch or topic
# goes to $PART/plan: name, state, remark. What does not fit makes it fail, and
# the reason of the first is in $PART/first/.
plan()
{
	: > "$PART/plan"
	: > "$PART/todo"
	if [ "$fix" = no ]; then
		plan_fix "$TOP/patches/$(era_field "$era" patches)/series"
	else
		# shellcheck disable=SC2046
		[ $# -gt 0 ] || [ "$era" != fixed ] || set -- $(sent_topics series)
		# shellcheck disable=SC2046
		find_there $(for topic in $(sent_topics series); do texts "$topic"; done)
		for topic; do
			plan_topic "$topic"
		done
	fi
	[ ! -e "$PART/first" ]
}

row()
{
	printf '%s|%s|%s\n' "$1" "$2" "$3" >> "$PART/plan"
}

plan_fix()
{
	find_there "$1"
	state='missing, would apply'
	# shellcheck disable=SC2046
	lay $(patches_of "$1") || { state='does not fit' && mv "$PART/why" "$PART/first"; }
	for p in $(patches_of "$1"); do
		row "$(title "$p")" "$(grep -qxF "$p" "$PART/there" && echo applied || echo "$state")" ''
	done
}

plan_topic()
{
	topic=$1 reason=$(needed "$1")
	[ -z "$reason" ] || { row "$topic" 'not needed' "$reason"; return; }
	rm -rf "$PART/why"
	for series in $(texts "$topic"); do
		# shellcheck disable=SC2046
		set -- $(patches_of "$series")
		# A text for files that are not there is not worth a word.
		has_files "$@" || continue
		lay "$@" || continue
		text=${series%/series} text=${text##*/}
		[ "$text" != . ] && text="text for $text" || text=''
		case $(wc -l < "$PART/now") in
		0) row "$topic" applied "$text" ;;
		"$#") row "$topic" 'missing, would apply' "$text" ;;
		*) row "$topic" 'in part, would apply the rest' "$text" ;;
		esac
		return
	done
	row "$topic" 'does not fit' ''
	[ -e "$PART/why" ] || { echo "error: $no_file is not in the tree" > "$PART/said"; cp -a "$PART/new" "$PART/laid"; why "$1"; }
	[ -e "$PART/first" ] || mv "$PART/why" "$PART/first"
}

has_files()
{
	for no_file in $(patch_paths "$@"); do
		[ -f "$PART/new/$no_file" ] || return 1
	done
}

title()
{
	git mailinfo /dev/null /dev/null < "$1" | sed -n 's/^Subject: //p'
}

# misfit: which hunk does not fit, what it expects and what is there.
misfit()
{
	cd "$PART/first" || exit 1
	where=$(sed -n 's/^error: patch failed: //p' said | head -1)
	echo "$me: $(sed "s,^$TOP/,," patch) does not fit $tree; nothing is changed" >&2
	[ -n "$where" ] || { sed -n 's/^error: /  /p' said >&2; exit 1; }
	sed -n '/^error: while searching for:$/,/^error: patch failed/{/^error/!p;}' said |
		sed -e '$d' | tr -d '\r' > expected
	fits=$(awk -F '|' '/would apply/ && !/^(bcache|closures):/ { printf " %s", $1 }' "$PART/plan")
	{
		echo "  expected in ${where%:*}:"
		sed 's/^/    | /' expected
		echo "  found:"
		tr -d '\r' < "laid/${where%:*}" | nearest expected "${where##*:}" | sed 's/^/    | /'
		[ "$fix" = no ] || [ -z "$fits" ] || echo "  what fits: TOPIC=\"${fits# }\""
	} >&2
	exit 1
}

# nearest LINES NR: the part of stdin that has most of LINES at their places. A
# line that is there once says more than one that is everywhere, and a place
# near line NR is more likely meant than one far off.
nearest()
{
	awk -v nr="$2" '
		NR == FNR { if (/[a-z]/) at[$0] = NR; n = NR; next }
		{ text[FNR] = $0; if ($0 in at) times[$0]++ }
		END {
			for (i in text)
				if (text[i] in at)
					vote[i - at[text[i]]] += 1 / times[text[i]]
			for (i in vote) {
				far = i + 1 - nr
				weight = vote[i] / (1 + (far < 0 ? -far : far) / 500)
				if (weight > most) {
					most = weight
					best = i
				}
			}
			if (!most)
				print "nothing like it"
			for (i = 1; most && i <= n; i++)
				print text[best + i]
		}' "$1" -
}

no_room()
{
	die "cannot write to $tree: $(df -Pk "$tree" | awk 'NR == 2 { print $4 }') KiB are free there; nothing is changed"
}

# beside PATH SUFFIX: $real is the file itself and $file a name beside it,
# which does not outlive this script.
beside()
{
	real=$(readlink -f "$tree/$1")
	file=$real.bcache-$2
	echo "$file" >> "$PART/beside"
}

# keep PATHS: a second name for each of the files that are about to change, so
# that give_back needs no room. From here on no Ctrl-C, until that is over.
keep()
{
	for path in $1; do
		if [ ! -w "$tree/${path%/*}" ] || [ ! -w "$tree/$path" ]; then
			die "cannot write to $tree/$path; nothing is changed"
		fi
		cmp -s "$PART/orig/$path" "$tree/$path" ||
			die "$tree/$path was changed meanwhile; nothing is changed"
		beside "$path" old
		ln -f "$real" "$file" 2> /dev/null || cp -p "$real" "$file" 2> /dev/null || no_room
	done
	trap '' INT TERM HUP PIPE
}

give_back()
{
	for path in $1; do
		beside "$path" old
		cmp -s "$file" "$real" || mv -f "$file" "$real"
	done
}

# put PATHS RECORD: the files of new/ into the tree, and RECORD, the list of
# what is applied, beside them; an empty list removes it. First all new files
# are written beside the old ones: that shows a full disk. Then renames only.
put()
{
	keep "$1"
	for path in $1; do
		beside "$path" new
		# cp -p first: the new file has the old one's mode and owner.
		{ cp -p "$real" "$file" && cat "$PART/new/$path" > "$file"; } 2> /dev/null || no_room
	done
	beside "$RECORD" new
	cat "$2" 2> /dev/null > "$file" || no_room
	for path in $1; do
		beside "$path" new
		mv -f "$file" "$real" 2> /dev/null ||
			{ give_back "$1"; die "cannot rename to $real; all is as it was"; }
	done
	beside "$RECORD" new
	[ -s "$2" ] || rm -f "$file" "$real"
	[ ! -s "$2" ] || mv -f "$file" "$real"
}

g()
{
	git --no-optional-locks -C "$repo" "$@"
}

# calm ARGS...: git, away from the terminal's Ctrl-C (it sets handlers of its
# own) and without what the user has set for it to do besides.
calm()
{
	setsid -w git -C "$repo" -c core.hooksPath=/dev/null -c gc.auto=0 -c maintenance.auto=false \
		-c apply.whitespace=nowarn -c apply.ignoreWhitespace=no "$@" > "$PART/said" 2>&1 9<&-
}

said()
{
	sed -e 's/^\(fatal\|error\): //' "$PART/said" | head -1
}

# uncommitted PATHS: those that differ from HEAD, on one line.
uncommitted()
{
	git --no-optional-locks -C "$tree" status --porcelain --untracked-files=no -- "$@" \
		> "$PART/status" || die "git status fails in $repo; nothing is changed"
	sed 's/^...//' "$PART/status" | tr '\n' ' '
}

# switch PATHS ARGS...: git switch, which changes PATHS or nothing.
switch()
{
	switched=$1
	shift
	# shellcheck disable=SC2086
	dirty=$(uncommitted $switched)
	[ -z "$dirty" ] ||
		die "not committed: ${dirty}in $repo; commit or stash that first, nothing is changed"
	keep "$switched"
	calm switch -q "$@" && return
	give_back "$switched"
	said=$(said)
	return 1
}

# put_git BRANCH PATHS: the patches as commits on a new branch, and switch to
# it. They are made in a work tree of their own that has PATHS only.
put_git()
{
	! g show-ref -q --verify "refs/heads/$1" ||
		die "branch $1 is there already; rename it (git branch -m) or delete it, nothing is changed"
	g var GIT_COMMITTER_IDENT > /dev/null 2>&1 ||
		die "git knows no committer; set user.name and user.email (git config), nothing is changed"
	calm worktree add -q --no-checkout --detach "$PART/tree" HEAD ||
		die "git cannot make a work tree: $(said); nothing is changed"
	: > "$PART/crlf"
	for path in $2; do
		! g cat-file blob "HEAD:$prefix$path" | grep -q "$(printf '\r')\$" || echo "$path" >> "$PART/crlf"
		echo "$prefix$path"
	done > "$PART/paths"
	while read -r p; do
		dressed "$p"
	done < "$PART/todo" > "$PART/mbox"
	{
		calm -C "$PART/tree" read-tree HEAD &&
			calm -C "$PART/tree" checkout-index --stdin < "$PART/paths" &&
			calm -C "$PART/tree" am -q --keep-cr --no-3way --no-gpg-sign ${prefix:+--directory="$prefix"} "$PART/mbox"
	} || die "git am does not take the patches: $(said); nothing is changed"
	tip=$(git -C "$PART/tree" rev-parse HEAD)
	from=$(g symbolic-ref -q --short HEAD || g rev-parse HEAD)
	calm config "branch.$1.bcache" "$from $tip" ||
		die "git cannot write its config: $(said); nothing is changed"
	switch "$2" -c "$1" "$tip" || {
		calm config --unset "branch.$1.bcache" || :
		die "git cannot switch to branch $1: $said; all is as it was"
	}
}
