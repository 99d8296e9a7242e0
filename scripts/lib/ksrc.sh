# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
#
# What apply.sh, status.sh and unapply.sh share: what the user's kernel tree
# is, which patches it needs, and how to change it, all of it or nothing.
#
# Usage: sourced after lib.sh, never run
#
# All work is done on a copy of the files that our patches touch, in $PART:
#   orig/  as they are in the tree
#   new/   without carriage returns, patched step by step
#   step/N after the Nth patch
# The tree is written to when every patch has applied, by put() or put_git().

# A hook or an alias of git may have set these for another repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY

BCACHE=drivers/md/bcache
RECORD=$BCACHE/.bcache-applied

# Files written beside the old ones and not yet renamed.
cleanup()
{
	[ -n "$PART" ] || return 0
	remove_beside
	rm -rf "$PART"
}

remove_beside()
{
	[ -f "$PART/beside" ] || return 0
	while read -r file; do
		rm -f "$file"
	done < "$PART/beside"
	rm -f "$PART/beside"
}

# From here on no Ctrl-C, until the few renames are done.
hold_signals()
{
	trap '' INT TERM HUP
}

# open_tree: find bcache in $KSRC, and take a copy of what our patches touch.
open_tree()
{
	need git git
	[ -n "${KSRC:-}" ] || die "name the kernel source: make $me KSRC=dir"
	[ -d "$KSRC" ] || die "KSRC=$KSRC is no directory"
	KSRC=$(cd "$KSRC" && pwd -P)
	tree=$(find_tree) || exit 1
	[ -r "$tree/$BCACHE/btree.c" ] || die "cannot read $tree/$BCACHE/btree.c"
	for file in btree.h journal.c bcache.h; do
		[ -f "$tree/$BCACHE/$file" ] ||
			die "$tree/$BCACHE is not bcache as known here: btree.c is there, $file is not"
	done
	find_git
	room 20000
	PART=$(mktemp -d "$OUT/$me.XXXXXX")
	: > "$PART/crlf"
	# shellcheck disable=SC2046
	for path in $(cd "$TOP" && patch_paths $(known_patches)); do
		[ -f "$tree/$path" ] || continue
		mkdir -p "$PART/orig/${path%/*}" "$PART/new/${path%/*}"
		cp -Lp "$tree/$path" "$PART/orig/$path" || die "cannot read $tree/$path"
		without_cr "$path"
	done
}

# known_patches: everything that may be applied to a user's tree.
known_patches()
{
	find "$TOP/patches/flush-race" -name '*.patch'
	for topic in $(sent_topics series); do
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
	found=$(find "$KSRC" -name .git -prune -o -path "*/$BCACHE/btree.c" -print 2>/dev/null)
	[ -n "$found" ] ||
		die "KSRC=$KSRC is no kernel source with bcache: no $BCACHE/btree.c there or below"
	[ "$(printf '%s\n' "$found" | wc -l)" = 1 ] ||
		die "more than one bcache below KSRC=$KSRC; name one of: $(printf '%s\n' "$found" |
			sed "s,/$BCACHE/btree.c\$,," | tr '\n' ' ')"
	echo "${found%/"$BCACHE"/btree.c}"
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
	gitdir=$(git -C "$repo" rev-parse --absolute-git-dir)
	objects=$(cd "$repo" && cd "$(git rev-parse --git-path objects)" && pwd)
}

# without_cr PATH: into new/. All lines end in CR LF or none does.
without_cr()
{
	crs=$(grep -c "$(printf '\r')\$" "$PART/orig/$1" || :)
	[ "$crs" = 0 ] || [ "$crs" = "$(grep -c '' "$PART/orig/$1")" ] ||
		die "$tree/$1 mixes line ends: $crs lines with CR LF, the others without; make them alike first"
	[ "$crs" = 0 ] || echo "$1" >> "$PART/crlf"
	sed 's/\r$//' "$PART/orig/$1" > "$PART/new/$1"
}

# with_cr PATH: the file on stdin with the line ends that PATH had.
with_cr()
{
	if grep -qxF "$1" "$PART/crlf"; then
		sed 's/$/\r/'
	else
		cat
	fi
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

# body FILE FUNCTION: the text of a function, in the copy.
body()
{
	awk -v name="$2" '
		/^[a-z]/ && index($0, name "(") && !/;$/ { on = 1 }
		on { print }
		/^}/ { on = 0 }
	' "$PART/new/$BCACHE/$1"
}

# stray FILE FUNCTION...: other functions that speak of the flag.
stray()
{
	stray_in=$1
	shift
	awk -v names=" $* " '
		/^[a-z].*\(/ && !/;$/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
		/^}/ { name = "" }
		name && /journal_flush/ && !index(names, " " name " ") && !seen[name]++ { print name }
	' "$PART/new/$BCACHE/$stray_in"
}

count()
{
	grep -cE "$1" || :
}

# The parts of the fix, each with where it belongs. $have and $lack list them.
mark()
{
	if [ "$1" -gt 0 ]; then
		have="$have
  there:   $2"
	else
		lack="$lack
  missing: $2"
	fi
}

# look_at: set $era, $fix (yes, no or partly) and $form of the fix.
look_at()
{
	have='' lack='' fix=no form=''
	flush=$(body journal.c btree_flush_write)
	reap=$(body btree.c mca_reap)
	node_free=$(body btree.c btree_node_free)
	era_of
	btree_h=$PART/new/$BCACHE/btree.h
	mark "$(count 'BTREE_NODE_journal_flush,' < "$btree_h")" 'the flag in enum btree_flags, btree.h'
	mark "$(count 'BTREE_FLAG\(journal_flush\)' < "$btree_h")" 'BTREE_FLAG(journal_flush), btree.h'
	mark "$(printf '%s' "$reap" | count 'btree_node_journal_flush\(b\)')" 'the look at the flag in mca_reap(), btree.c'
	# Where the flusher holds b->lock, nobody may wait in btree_node_free().
	[ "$era" = B ] ||
		mark "$(printf '%s' "$node_free" | count 'btree_node_journal_flush\(b\)')" 'the look at the flag in btree_node_free(), btree.c'
	mark "$(printf '%s' "$flush" | count 'mutex_lock\(&c->bucket_lock\)')" 'bucket_lock in btree_flush_write(), journal.c'
	mark "$(printf '%s' "$flush" | count 'set_btree_node_journal_flush\(|set_bit\(BTREE_NODE_journal_flush')" \
		'the flag set in btree_flush_write(), journal.c'
	mark_clears
	if printf '%s' "$reap$node_free" | grep -q 'udelay('; then
		mark "$(count '^#include <linux/delay.h>' < "$PART/new/$BCACHE/btree.c")" '<linux/delay.h>, btree.c'
	fi
	mark_flushing
	for name in $(stray btree.c mca_reap btree_node_free); do
		lack="$lack
  astray:  a use of the flag in $name(), btree.c"
	done
	[ -z "$have" ] || fix=partly
	[ -n "$lack" ] || fix=yes
	[ "$fix" != yes ] || form=$(printf '%s' "$flush" | grep -q btree_flushing && echo batch || echo one)
}

# Each way out of the section that writes a node clears the flag: two of them,
# three since 5.3.
mark_clears()
{
	exits=2
	! printf '%s' "$flush" | grep -q 'btree_flushing' || exits=3
	clears=$(printf '%s' "$flush" | count 'clear_(and_wake_up_)?bit\(BTREE_NODE_journal_flush')
	mark "$clears" 'the flag cleared in btree_flush_write(), journal.c'
	[ "$clears" = 0 ] || [ "$clears" -ge "$exits" ] ||
		mark 0 "the flag cleared on $((exits - clears)) of $exits ways out of btree_flush_write(), journal.c"
}

# 5.3 lets one flusher in at a time; all of that or nothing of it.
mark_flushing()
{
	cat "$PART/new/$BCACHE/journal.c" "$PART/new/$BCACHE/journal.h" 2>/dev/null |
		grep -q 'btree_flushing' || return 0
	for word in 'btree_flushing = true' 'btree_flushing = false' 'spin_lock_init.*flush_write_lock'; do
		mark "$(count "$word" < "$PART/new/$BCACHE/journal.c")" "$word, journal.c"
	done
	mark "$(count 'btree_flushing;' < "$PART/new/$BCACHE/journal.h")" 'btree_flushing, journal.h'
}

# era_of: by what btree_flush_write() does, not by the number of a version.
era_of()
{
	if printf '%s' "$flush" | grep -q 'down_write_trylock(&b->lock)'; then
		era=A
	elif printf '%s' "$flush" | grep -q 'rw_lock(true, b, b->level)'; then
		era=B
	elif ! printf '%s' "$flush" | grep -q 'mutex_lock(&b->write_lock)'; then
		era=unknown
	elif printf '%s' "$flush" | grep -q 'c->flush_btree'; then
		era=D
		grep -q 'free_heap(&c->flush_btree)' "$PART/new/$BCACHE/journal.c" || era=D/4.16
	elif printf '%s' "$flush" | grep -q 'retry_flush_write'; then
		era=E
	else
		era=C
	fi
}

# known: stop at a tree that is not understood.
known()
{
	[ "$era" = unknown ] || return 0
	echo "$me: unknown code in $tree/$BCACHE/journal.c; nothing is changed
  expected: btree_flush_write(), which takes b->lock or b->write_lock of a node
  found:    $(if [ -n "$flush" ]; then
		echo "btree_flush_write(), which takes neither"
	else
		echo "no function btree_flush_write()"
	fi)" >&2
	exit 1
}

era_means()
{
	case $1 in
	A) echo 'the picked node stays locked until it is written (3.10-3.12)' ;;
	B) echo 'one node, written under b->lock (3.13, 3.14)' ;;
	C) echo 'one node, written under b->write_lock (3.15-4.15)' ;;
	D) echo 'a heap of 128 nodes, kept from call to call (4.19-5.2)' ;;
	D/4.16) echo "the same heap, never freed (4.16-4.18, Ubuntu's 4.4)" ;;
	E) echo 'one node, with counters (4.19.61-72, 5.2.3-14)' ;;
	one) echo 'fixed: one node, with the flag (4.19.73+, 5.2.15+)' ;;
	batch) echo 'fixed: up to 8 nodes, with the flag (5.3+)' ;;
	esac
}

# needed TOPIC: nothing if the tree has the topic's defect, else why not.
needed()
{
	case $1 in
	root-on-list)
		printf '%s' "$flush" | grep -q 'c->btree_cache' ||
			echo 'the flusher walks no list there' ;;
	check-threads)
		grep -q bch_btree_check_thread "$PART/new/$BCACHE/btree.c" ||
			echo 'bch_btree_check() has no threads there' ;;
	esac
}

# texts TOPIC: its series files, the text for all first, then the newest base.
texts()
{
	echo "$TOP/patches/$1/series"
	find "$TOP/patches/$1" -mindepth 2 -name series | sort -rV
}

# patches_of SERIES: what a series file names, absolute.
patches_of()
{
	sed -e 's/[[:space:]]*#.*//' -e '/^$/d' -e "s,^,${1%/series}/," "$1" |
		while read -r p; do
			echo "$(cd "${p%/*}" && pwd)/${p##*/}"
		done
}

# try DIR PATCH [-R] [--check]: like apply() of lib.sh, deaf to the user's
# settings of git.
try()
{
	try_dir=$1 try_patch=$2
	shift 2
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
		GIT_CEILING_DIRECTORIES=$(dirname "$try_dir") \
		git -C "$try_dir" apply -v --whitespace=nowarn "$@" "$try_patch" \
		> "$PART/said" 2>&1
}

# find_there SERIES...: which of their patches are in the tree already, into
# $PART/there. They are taken off a copy from the last to the first, since a
# later one may have changed what an earlier one wrote.
find_there()
{
	cp -a "$PART/new" "$PART/peel"
	: > "$PART/there"
	for p in $(for text; do patches_of "$text"; done | tac); do
		! try "$PART/peel" "$p" -R || echo "$p" >> "$PART/there"
	done
}

# lay: apply the patches of $PART/list to new/, in order, but those that are
# there. The names of what was applied go to $PART/todo. All or nothing.
lay()
{
	rm -rf "$PART/before"
	cp -a "$PART/new" "$PART/before"
	cp "$PART/todo" "$PART/todo.before"
	while read -r p; do
		! grep -qxF "$p" "$PART/there" || continue
		if ! try "$PART/new" "$p"; then
			rm -rf "$PART/why.tree"
			mv "$PART/said" "$PART/why.said"
			echo "$p" > "$PART/why.patch"
			mv "$PART/new" "$PART/why.tree"
			mv "$PART/before" "$PART/new"
			mv "$PART/todo.before" "$PART/todo"
			return 1
		fi
		echo "$p" >> "$PART/todo"
		cp -a "$PART/new" "$PART/step/$(wc -l < "$PART/todo")"
	done < "$PART/list"
}

# plan [TOPIC...]: lay what the tree lacks on the copy: the fix, or the topics,
# by default all of them where the tree is of today. A line per patch or topic
# goes to $PART/plan: name, state, remark. What does not fit makes it fail, and
# the reason of the first is in $PART/first*.
plan()
{
	: > "$PART/plan"
	: > "$PART/todo"
	mkdir -p "$PART/step"
	misfits=0
	case $fix-$era in
	no-A) ;;
	no-E) plan_fix "$TOP/patches/flush-race/series" ;;
	no-*) plan_fix "$TOP/patches/flush-race/$era/series" ;;
	yes-*)
		# shellcheck disable=SC2046
		[ $# -gt 0 ] || [ "$form" = one ] || set -- $(sent_topics series)
		# shellcheck disable=SC2046
		find_there $(for topic in $(sent_topics series); do texts "$topic"; done)
		for topic; do
			plan_topic "$topic"
		done ;;
	esac
	[ "$misfits" = 0 ]
}

row()
{
	printf '%s|%s|%s\n' "$1" "$2" "$3" >> "$PART/plan"
}

plan_fix()
{
	find_there "$1"
	patches_of "$1" > "$PART/list"
	if lay; then
		state='missing, would apply'
	else
		state='does not fit'
		keep_reason
	fi
	while read -r p; do
		if grep -qxF "$p" "$PART/there"; then
			row "$(title "$p")" 'applied' ''
		else
			row "$(title "$p")" "$state" ''
		fi
	done < "$PART/list"
}

plan_topic()
{
	reason=$(needed "$1")
	if [ -n "$reason" ]; then
		row "$1" 'not needed' "$reason"
		return
	fi
	for text in $(texts "$1"); do
		patches_of "$text" > "$PART/list"
		# A text for files that are not there is not worth a word.
		touches_only_ours || continue
		lay || continue
		if ! grep -qxFf "$PART/list" "$PART/todo"; then
			row "$1" applied ''
		elif grep -qxFf "$PART/list" "$PART/there"; then
			row "$1" 'in part, would apply the rest' ''
		else
			row "$1" 'missing, would apply' ''
		fi
		return
	done
	row "$1" 'does not fit' ''
	keep_reason
}

# keep_reason: the first misfit is the one to tell of.
keep_reason()
{
	misfits=$((misfits + 1))
	[ "$misfits" = 1 ] || return 0
	for part in said patch tree; do
		mv "$PART/why.$part" "$PART/first.$part"
	done
}

touches_only_ours()
{
	# shellcheck disable=SC2046
	for path in $(patch_paths $(cat "$PART/list")); do
		[ -f "$PART/new/$path" ] || return 1
	done
}

title()
{
	awk '
		/^Subject: / { sub(/^Subject: (\[PATCH[^]]*\])? */, ""); s = $0; on = 1; next }
		on && /^ / { s = s $0; next }
		on { print s; exit }
	' "$1"
}

# misfit: which hunk does not fit, what it expects and what is there.
misfit()
{
	patch=$(cat "$PART/first.patch")
	where=$(sed -n 's/^error: patch failed: \(.*\):[0-9]*$/\1/p' "$PART/first.said" | head -1)
	echo "$me: ${patch#"$TOP"/} does not fit $tree; nothing is changed" >&2
	[ -n "$where" ] || { sed -n 's/^error: /  /p' "$PART/first.said" >&2; exit 1; }
	sed -n '/^error: while searching for:$/,/^error: patch failed/{/^error/!p;}' "$PART/first.said" |
		awk 'NR > 1 && /^$/ { gap++; next } { while (gap) { print ""; gap-- } print }' > "$PART/expected"
	{
		echo "  expected in $where:"
		sed 's/^/    | /' "$PART/expected"
		echo "  found:"
		nearest "$PART/expected" "$PART/first.tree/$where" | sed 's/^/    | /'
		fits=$(awk -F '|' '/would apply/ && !/^(bcache|closures):/ { printf " %s", $1 }' "$PART/plan")
		[ "$fix" = no ] || [ -z "$fits" ] || echo "  what fits: TOPIC=\"${fits# }\""
	} >&2
	exit 1
}

# nearest LINES FILE: the part of FILE that has most of LINES at their places.
nearest()
{
	awk '
		NR == FNR { if (NF) at[$0] = NR; n = NR; next }
		{ text[FNR] = $0; if ($0 in at) vote[FNR - at[$0]]++ }
		END {
			for (i in vote)
				if (!(best != "") || vote[i] > vote[best])
					best = i
			for (i = 1; best != "" && i <= n; i++)
				print text[best + i]
		}
	' "$1" "$2"
}

# changed: the paths that new/ and the tree differ in.
changed()
{
	(cd "$PART/new" && find . -type f | sed 's,^\./,,' | sort) |
		while read -r path; do
			with_cr "$path" < "$PART/new/$path" |
				cmp -s - "$PART/orig/$path" || echo "$path"
		done
}

# writable: stop before anything is done if the tree cannot be written to.
writable()
{
	for path in $1; do
		if [ ! -w "$tree/${path%/*}" ] || [ ! -w "$tree/$path" ]; then
			die "cannot write to $tree/$path; nothing is changed"
		fi
	done
}

# put PATHS RECORD: the files of new/ into the tree, and RECORD, the list of
# what is applied, beside them; an empty list removes it. First all new files
# are written beside the old ones: that shows a full disk. Then renames only.
put()
{
	writable "$1"
	for path in $1; do
		cmp -s "$PART/orig/$path" "$tree/$path" ||
			die "$tree/$path was changed meanwhile; nothing is changed"
		beside "$path"
		{
			# cp -p first: the new file has the old one's mode and owner.
			cp -p "$tree/$path" "$file" &&
				with_cr "$path" < "$PART/new/$path" > "$file"
		} 2>/dev/null || no_room
	done
	beside "$RECORD"
	cat "$2" 2>/dev/null > "$file" || no_room
	hold_signals
	for path in $1; do
		to=$(readlink -f "$tree/$path")
		mv -f "$to.bcache-part" "$to" || { restore "$1"; die "cannot rename to $to; all is as it was"; }
	done
	if [ -s "$2" ]; then
		mv -f "$file" "$tree/$RECORD"
	else
		rm -f "$file" "$tree/$RECORD"
	fi
	rm -f "$PART/beside"
}

# restore PATHS: the last resort, when what cannot fail has failed.
restore()
{
	for path in $1; do
		cmp -s "$PART/orig/$path" "$tree/$path" ||
			cp -p "$PART/orig/$path" "$tree/$path"
	done
}

# beside PATH: $file is the name of its new text until that is complete.
beside()
{
	file=$(readlink -f "$tree/$1").bcache-part
	echo "$file" >> "$PART/beside"
}

no_room()
{
	die "cannot write to $tree: $(df -Pk "$tree" | awk 'NR == 2 { print $4 }') KiB are free there; nothing is changed"
}

g()
{
	git --no-optional-locks -C "$repo" "$@"
}

# uncommitted PATHS: those that differ from HEAD, on one line.
uncommitted()
{
	git --no-optional-locks -C "$tree" status --porcelain --untracked-files=no -- "$@" \
		> "$PART/status" || return 1
	sed 's/^...//' "$PART/status" | tr '\n' ' '
}

# at_rest PATHS: stop if the repository is not in a state to work on.
at_rest()
{
	head=$(g rev-parse -q --verify 'HEAD^{commit}') ||
		die "$repo has no commit yet; commit the kernel first"
	for state in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge rebase-apply; do
		[ ! -e "$gitdir/$state" ] ||
			die "$repo is in the middle of a merge, a pick or a rebase; finish that first"
	done
	# shellcheck disable=SC2086
	dirty=$(uncommitted $1) || die "git status fails in $repo; nothing is changed"
	[ -z "$dirty" ] ||
		die "not committed: ${dirty}in $repo; commit or stash that first, nothing is changed"
	[ ! -e "$gitdir/index.lock" ] ||
		die "another git works in $repo (or left $gitdir/index.lock); nothing is changed"
	[ -w "$gitdir" ] || die "cannot write to $gitdir; nothing is changed"
	writable "$1"
}

# reserve PATHS: a checkout writes the index and the files. See that there is
# room for both while there is still nothing to take back.
reserve()
{
	echo "$gitdir/bcache-part" > "$PART/beside"
	echo "$tree/$BCACHE/.bcache-part" >> "$PART/beside"
	size=$(($(stat -c %s "$gitdir/index") / 1024 + 512))
	head -c "${size}k" /dev/zero 2>/dev/null > "$gitdir/bcache-part" || no_room
	for path in $1; do
		cat "$PART/new/$path"
	done 2>/dev/null > "$tree/$BCACHE/.bcache-part" || no_room
	remove_beside
}

# calm ARGS...: git, away from the terminal's Ctrl-C (it sets handlers of its
# own) and without the user's hooks.
calm()
{
	setsid -w git -C "$repo" -c core.hooksPath=/dev/null "$@" > "$PART/said" 2>&1
}

# put_git BRANCH PATHS: the steps as commits on a new branch, and switch to it.
# Nothing is in the repository before the last moment: objects are made in a
# directory of their own.
put_git()
{
	at_rest "$2"
	g check-ref-format --branch "$1" > /dev/null
	! g show-ref -q --verify "refs/heads/$1" ||
		die "branch $1 is there already; rename it (git branch -m) or delete it, nothing is changed"
	g var GIT_COMMITTER_IDENT > /dev/null 2>&1 ||
		die "git knows no committer; set user.name and user.email (git config), nothing is changed"
	from=$(g symbolic-ref -q HEAD || echo "$head")
	mkdir "$PART/objects"
	commits
	reserve "$2"
	hold_signals
	[ "$(g rev-parse HEAD)" = "$head" ] || die "HEAD of $repo has moved meanwhile; nothing is changed"
	printf '%s\n' "$tip" "^$head" |
		quarantine pack-objects -q --revs --stdout 2>/dev/null |
		calm unpack-objects -q ||
		die "git cannot add the commits: $(head -1 "$PART/said"); nothing is changed"
	calm update-ref "refs/heads/$1" "$tip" "" ||
		die "git cannot make branch $1: $(head -1 "$PART/said"); nothing is changed"
	if ! calm config "branch.$1.bcachefrom" "$from" ||
		! calm config "branch.$1.bcachetip" "$tip" ||
		! calm checkout -q "$1" --; then
		said=$(head -1 "$PART/said")
		restore "$2"
		calm branch -q -D "$1" || :
		die "git cannot switch to branch $1: $said; all is as it was"
	fi
}

quarantine()
{
	GIT_INDEX_FILE=$PART/index GIT_OBJECT_DIRECTORY=$PART/objects \
		GIT_ALTERNATE_OBJECT_DIRECTORIES=$objects git -C "$repo" "$@"
}

# commits: one per patch, with author, date and log of the mail. $tip is the last.
commits()
{
	tip=$head
	quarantine read-tree "$head"
	nr=0
	while read -r p; do
		nr=$((nr + 1))
		for path in $(patch_paths "$p"); do
			add_blob "$path" "$PART/step/$nr/$path"
		done
		tree_id=$(quarantine write-tree --missing-ok)
		sed 1d "$p" | git mailinfo "$PART/log" "$PART/diff" > "$PART/mail" 2>/dev/null
		{ field Subject; echo; cat "$PART/log"; } > "$PART/message"
		tip=$(GIT_AUTHOR_NAME=$(field Author) GIT_AUTHOR_EMAIL=$(field Email) \
			GIT_AUTHOR_DATE=$(field Date) \
			quarantine commit-tree "$tree_id" -p "$tip" -F "$PART/message")
	done < "$PART/todo"
}

field()
{
	sed -n "s/^$1: //p" "$PART/mail"
}

# add_blob PATH FILE: with the mode and the line ends that HEAD has. The work
# tree's may differ (core.autocrlf), and are git's business.
add_blob()
{
	mode=$(g ls-tree "$head" -- "$prefix$1" | cut -d ' ' -f 1)
	[ "$mode" = 100644 ] || [ "$mode" = 100755 ] || die "$prefix$1 is no plain file in $repo"
	g cat-file blob "$head:$prefix$1" > "$PART/blob"
	sed 's/\r$//' "$PART/orig/$1" > "$PART/text"
	sed 's/\r$//' "$PART/blob" | cmp -s - "$PART/text" ||
		die "$tree/$1 is not the text of HEAD: a filter of git changes it; nothing is changed"
	if grep -q "$(printf '\r')\$" "$PART/blob"; then
		sed 's/$/\r/' "$2" > "$PART/blob"
	else
		cp "$2" "$PART/blob"
	fi
	blob=$(quarantine hash-object -w --no-filters "$PART/blob")
	quarantine update-index --add --cacheinfo "$mode,$blob,$prefix$1"
}
