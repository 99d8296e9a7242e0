#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Try apply.sh, status.sh and unapply.sh on trees of every era, good and bad.
#
# Usage: scripts/checks/apply_test.sh [PART...]
#   PART  eras, today, half_patched, bad_trees, prerequisite_there,
#         record, bad_repositories, full_disk, ctrl_c; default: all of them
#
# The trees before the fix are made here by scripts/checks/preimage.sh: files that
# only our own patches fit. The trees of today are cut from the bases that are
# in out/base/.
#
# Prints what was met badly; exit status 0 when nothing was.
. "$(dirname "$0")/../lib/lib.sh"

DIR=$OUT/lint/apply
APPLY=$TOP/scripts/doors/apply.sh STATUS=$TOP/scripts/doors/status.sh UNAPPLY=$TOP/scripts/doors/unapply.sh
FIX=$TOP/patches/flush-race
B=drivers/md/bcache
badly=0 count_bad=0
export O="$DIR/o"
# Nothing here belongs to the repository that this runs in.
export GIT_CEILING_DIRECTORIES="$DIR"
unset KSRC TOPIC BASE
export GIT_AUTHOR_NAME=lab GIT_AUTHOR_EMAIL=lab@bcache.invalid
export GIT_COMMITTER_NAME=lab GIT_COMMITTER_EMAIL=lab@bcache.invalid

bad()
{
	say "# $*"
	badly=1
	[ "$((count_bad += 1))" -lt 20 ] || { say '# and so on'; exit 1; }
}

# tree NAME VERSION PATCHLEVEL: room for a tree, with a Makefile.
tree()
{
	mkdir -p "$DIR/src/$1/$B"
	printf 'VERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = 0\nEXTRAVERSION =\n' "$2" "$3" \
		> "$DIR/src/$1/Makefile"
}

# before NAME VERSION PATCHLEVEL PATCH...: a tree that these patches fit.
before()
{
	before_tree=$DIR/src/$1
	tree "$1" "$2" "$3"
	shift 3
	"$TOP/scripts/checks/preimage.sh" "$before_tree" "$@" || exit 1
	[ -f "$before_tree/$B/bcache.h" ] || echo 'struct cache_set;' > "$before_tree/$B/bcache.h"
}

make_trees()
{
	before C 4 14 "$FIX"/000[12]-*.patch "$FIX"/C/0003-*.patch
	before D 5 2 "$FIX"/D/000[12]-*.patch "$FIX"/000[1-3]-*.patch
	before D-4.16 4 16 "$FIX"/D/0002-*.patch "$FIX"/000[12]-*.patch "$FIX"/D/4.16/0003-*.patch
	before D-4.4 4 4 "$FIX"/D/4.4/0002-*.patch "$FIX"/000[12]-*.patch "$FIX"/D/4.16/0003-*.patch
	before E 5 2 "$FIX"/000[1-3]-*.patch

	# Both small prerequisites, the second with other words than ours.
	for era in C E; do
		fresh $era
		by_hand "$FIX"/000[12]-*.patch
		cp -a "$T" "$DIR/src/$era-ready"
		sed -i -e 's/keys already under way are/that is/' -e 's/^.*cache_set_free() calls$/\t\t * No lock:/' \
			"$DIR/src/$era-ready/$B/btree.c"
	done
	by_hand "$FIX"/0003-*.patch
	mv "$T" "$DIR/src/E-fixed"

	# What A and B lock; the rest does not matter.
	while read -r era what; do
		cp -a "$DIR/src/C" "$DIR/src/$era"
		printf 'static void btree_flush_write(struct cache_set *c)\n{\n\t%s\n}\n' "$what" > "$DIR/src/$era/$B/journal.c"
	done <<-END
	A if (!down_write_trylock(&b->lock)) return;
	B rw_lock(true, b, b->level);
	END

	for base in $(bases); do
		[ -d "$OUT/base/$base" ] || { say "# base $base is not here: not tried"; continue; }
		bcache_of "$base" "$DIR/src/$base"
	done
}

# fresh NAME [DIR]: a copy of a tree in $T.
fresh()
{
	rm -rf "$DIR/t"
	mkdir -p "$DIR/t${2:+/$2}"
	cp -a "$DIR/src/$1/." "$DIR/t${2:+/$2}/"
	T=$DIR/t
}

g()
{
	git -C "$T" "$@"
}

# into_git: make $T a repository.
into_git()
{
	g init -q
	g checkout -q -b trunk
	g add -A 2> /dev/null
	g commit -q -m base
}

# spoilt NAME TREE FILE SED PATTERN: apply refuses the tree with SED done to FILE.
spoilt()
{
	fresh "$2"
	sed -i "$4" "$T/$B/$3"
	! cmp -s "$DIR/src/$2/$B/$3" "$T/$B/$3" || bad "$1: nothing is spoilt"
	refused "$1" "$5" "$APPLY"
}

# shows TEXT...: what the last command said has these, quoted.
shows()
{
	for text; do
		grep -q "^    | .*$text" "$DIR/out" || bad "$name: not shown: $text"
	done
}

# no_branch: of apply.sh is left, and the work tree is clean.
no_branch()
{
	[ -z "$(g branch --list 'bcache*')" ] || bad "$name: a branch is left"
	[ -z "$(g status --porcelain -uno)" ] || bad "$name: not clean"
}

# sums: of all files of $T but git's own.
sums()
{
	(cd "$T" && find . -name .git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum)
}

# does NAME STATUS PATTERN COMMAND...: what it says and how it ends.
does()
{
	name=$1 want=$2 pattern=$3
	shift 3
	env KSRC="$T" "$@" > "$DIR/out" 2>&1 < /dev/null && rc=0 || rc=$?
	if [ "$rc" != "$want" ] || ! grep -qE "$pattern" "$DIR/out"; then
		bad "$name: status $rc, said: $(head -3 "$DIR/out" | tr '\n' '|')"
	fi
	tidy
}

# tidy: nothing is left behind.
tidy()
{
	left=$(find "$T" "$O" -name '*.bcache-old' -o -name '*.bcache-new' -o -path "$O/*ply.*" -o -path "$O/status.*" 2>/dev/null | head -1)
	[ -z "$left" ] || { bad "$name: leaves $left"; rm -rf "$left"; }
}

# refused NAME PATTERN COMMAND...: fails, says so, and changes nothing.
refused()
{
	refused_before=$(sums)
	name=$1 pattern=$2
	shift 2
	does "$name" 1 "$pattern" "$@"
	[ "$(sums)" = "$refused_before" ] || bad "$name: the tree was changed"
	[ -z "$(g worktree list 2> /dev/null | sed 1d)" ] || bad "$name: leaves a work tree"
}

# round NAME ERA PATCHES FIX: status, apply, apply again, unapply.
round()
{
	before=$(sums) crs=$(with_crs)
	does "$1: status" 0 "^race fix:  $4" "$STATUS"
	grep -q "^era:  *$2: " "$DIR/out" || bad "$1: era is not $2: $(grep '^era' "$DIR/out")"
	does "$1: apply" 0 '^applied to' "$APPLY"
	[ "$(grep -c '^  ' "$DIR/out")" = "$3" ] || bad "$1: not $3 patches"
	[ "$(with_crs)" = "$crs" ] || bad "$1: apply changes line ends"
	after=$(sums)
	does "$1: again" 0 '^already applied' "$APPLY"
	[ "$(sums)" = "$after" ] || bad "$1: a second run changes the tree"
	patched=$(cat "$(find "$T" -name journal.c)" "$(find "$T" -name btree.c)" | tr -d '\r' | sha256sum)
	does "$1: unapply" 0 '^taken off|^back on' "$UNAPPLY"
	[ "$(sums)" = "$before" ] || bad "$1: unapply does not give back every byte"
}

# with_crs: the files that have lines with CR LF, and those that have others.
with_crs()
{
	(cd "$T" && grep -rlI --exclude-dir=.git --exclude='.bcache-*' "$(printf '\r')\$" . | sort
	echo
	grep -rlI --exclude-dir=.git --exclude='.bcache-*' "[^$(printf '\r')]\$" . | sort)
}

crlf()
{
	find "$T" -type f -exec sed -i 's/$/\r/' {} +
}

# every_way NAME ERA PATCHES FIX: in place, with CR LF, in a git tree whose
# kernel is in a subdirectory. The same text comes out of all three.
every_way()
{
	fresh "$1"
	chmod 664 "$T/$B/journal.c"
	before=$(sums)
	does "$1: -n" 0 '^would apply' "$APPLY" -n
	[ "$(sums)" = "$before" ] || bad "$1: -n changes the tree"
	round "$1" "$2" "$3" "$4"
	[ "$(stat -c %a "$T/$B/journal.c")" = 664 ] || bad "$1: the mode is not kept"
	plain=$patched
	fresh "$1"
	crlf
	round "$1 with CR LF" "$2" "$3" "$4"
	[ "$patched" = "$plain" ] || bad "$1: CR LF: another text"
	fresh "$1" vendor/kernel
	into_git
	round "$1 in git" "$2" "$3" "$4"
	[ "$patched" = "$plain" ] || bad "$1: git: another text"
	[ "$(g symbolic-ref --short HEAD)" = trunk ] || bad "$1: git: not back on trunk"
	[ "$(g branch | wc -l)" = 1 ] || bad "$1: git: a branch is left"
	does "$1: git" 0 '^applied to' "$APPLY"
	does "$1: git" 0 '^race fix:  yes' "$STATUS"
	[ "$(g rev-list --count trunk..)" = "$3" ] || bad "$1: git: not $3 commits"
	[ -z "$(g status --porcelain)" ] || bad "$1: git: not clean"
	! g log trunk.. | grep -q 'Signed-off-by' || bad "$1: git: signed off"
}

by_hand()
{
	GIT_CEILING_DIRECTORIES=$DIR git -C "$T" apply --whitespace=nowarn "$@"
}

# The fix without one of its lines.
half_patched()
{
	while read -r file sed; do
		spoilt "$file without $sed" E-fixed "$file" "$sed" 'half of the fix is in'
		does "$file without $sed" 0 '^race fix:  partly' "$STATUS"
		grep -q '^  missing: ' "$DIR/out" || bad "$file without $sed: it does not say what is missing"
	done <<-'END'
	btree.h /BTREE_NODE_journal_flush,/d
	btree.h /BTREE_FLAG(journal_flush)/d
	btree.c /<linux.delay.h>/d
	btree.c /^static int mca_reap/,/^}/{/retry:/d;}
	btree.c /^static int mca_reap/,/^}/s/btree_node_journal_flush(b)/0/
	btree.c /^static void btree_node_free/,/^}/{/retry:/d;}
	btree.c /^static void btree_node_free/,/^}/s/btree_node_journal_flush(b)/0/
	journal.c /mutex_lock(&c->bucket_lock)/d
	journal.c /set_btree_node_journal_flush/d
	journal.c 0,/clear_bit(BTREE_NODE_journal_flush/{/clear_bit/d;}
	journal.c /__bch_btree_node_write/,/^}/{/clear_bit/d;}
	END
	# What patch with fuzz makes of a tree that has the fix.
	spoilt 'a hunk astray' E-fixed btree.c '$a\
static int bch_btree_insert_node(struct btree *b)\n{\n	if (btree_node_journal_flush(b))\n		return 0;\n}' \
		'astray:  a use of the flag in bch_btree_insert_node'
}

bad_trees()
{
	fresh C
	T=$DIR/none
	does 'no KSRC' 1 'name the kernel source: make apply KSRC=dir' env -u KSRC "$APPLY"
	does 'wrong KSRC' 1 'is no directory' "$APPLY"
	does 'wrong KSRC: status' 1 'is no directory' "$STATUS"
	mkdir -p "$DIR/none/drivers/md"
	does 'no bcache' 1 'is no kernel source with bcache' "$APPLY"
	rm -rf "$DIR/none"
	fresh C -x
	(cd "$T" && KSRC=-x "$STATUS") > "$DIR/out" 2>&1 || bad "KSRC=-x: $(cat "$DIR/out")"
	fresh C one
	cp -a "$T/one" "$T/two"
	does 'two of them' 1 'more than one bcache below' "$APPLY"
	does 'unknown topic' 1 "unknown topic 'nonsense'; known: root-on-list" env TOPIC=nonsense "$APPLY"
	fresh C
	refused 'a topic without the fix' 'TOPIC= is for trees that have the fix' env TOPIC=reap-skip "$APPLY"
	fresh A
	before=$(sums)
	does 'era A' 0 '^not affected' "$APPLY"
	does 'era A' 0 '^race fix:  not needed' "$STATUS"
	[ "$(sums)" = "$before" ] || bad 'era A: changed'
	fresh B
	refused 'era B' 'is of era B; no text is offered' "$APPLY"
	does 'era B' 0 '^race fix:  no; no text is offered' "$STATUS"
	spoilt 'unknown code' C journal.c 's/btree_flush_write/bch_flush/' 'unknown code in .*journal.c'
	does 'unknown code: status' 1 'expected: btree_flush_write' "$STATUS"
	spoilt 'other locks' C journal.c 's/write_lock/other_lock/' 'takes neither'
	spoilt 'mixed line ends' C btree.c '1s/$/\r/' 'mixes line ends'
	spoilt 'a reject in the last patch' C journal.c 's/We raced/Raced/' '0003-.* does not fit'
	shows 'We raced' '/[*] Raced'
	does 'a reject: status' 0 'does not fit' "$STATUS"
	# Of two places that are alike the one that was meant.
	spoilt 'a reject in mca_reap()' C btree.c '/^static int mca_reap/,/^}/{s/btree_node_dirty(/is_dirty(/;s/mutex_lock(/lock_write(/;s/up(/put_io(/;}
		$a\	}\n\n	mutex_lock(\&b->write_lock);\n	if (btree_node_dirty(b))' 'does not fit'
	shows 'lock_write('
	if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
		fresh C
		mkdir -p "$DIR/nobody"
		chmod 777 "$DIR/nobody"
		refused 'read-only' 'cannot write to .*[.][ch]; nothing' \
			env O="$DIR/nobody" setpriv --reuid=65534 --regid=65534 --clear-groups "$APPLY"
	else
		say '# read-only tree not tried: not root'
	fi
}

# What is there already stays there.
prerequisite_there()
{
	fresh C
	by_hand "$FIX"/0001-*.patch
	round 'C with 0001' C 2 no
	fresh C
	does 'nothing to take back' 1 'nothing to take back' "$UNAPPLY"
	does 'edited since' 0 '^applied' "$APPLY"
	sed -i 's/__bch_btree_node_write(b, NULL)/__bch_btree_node_write(b, cl)/' "$T/$B/journal.c"
	refused 'edited since' '0003-.* is not in .* as it was applied' "$UNAPPLY"
}

bad_repositories()
{
	fresh C
	into_git
	echo '/* mine */' >> "$T/$B/journal.c"
	refused 'a dirty file' 'not committed: .*journal.c' "$APPLY"
	g add -A
	refused 'a staged file' 'not committed: .*journal.c' "$APPLY"
	g reset -q --hard
	g branch bcache-flush-race
	refused 'branch taken' 'branch bcache-flush-race is there already' "$APPLY"
	g branch -q -D bcache-flush-race
	touch "$T/.git/MERGE_HEAD"
	refused 'a merge' 'cannot switch branch while merging; all is as it was' "$APPLY"
	rm "$T/.git/MERGE_HEAD"
	touch "$T/.git/index.lock"
	refused 'another git' 'index.lock.: File exists.*; all is as it was' "$APPLY"
	rm "$T/.git/index.lock"
	g config user.useConfigOnly true
	refused 'no committer' 'git knows no committer' \
		env -u GIT_COMMITTER_NAME -u GIT_COMMITTER_EMAIL -u EMAIL GIT_CONFIG_GLOBAL=/dev/null "$APPLY"
	refused 'unapply on trunk' 'on branch trunk, which is none of make apply' "$UNAPPLY"
	g checkout -q --detach
	does 'no branch' 0 '^applied' "$APPLY"
	does 'no branch' 0 '^back on [0-9a-f]* *|^back on' "$UNAPPLY"
	[ "$(g rev-parse HEAD)" = "$(g rev-parse trunk)" ] || bad 'no branch: not back'
	g checkout -q trunk
	does 'more commits' 0 '^applied' "$APPLY"
	g commit -q --allow-empty -m mine
	refused 'more commits' 'has other commits than make apply left' "$UNAPPLY"
	# A filter that fails: at once, and half way through the switch.
	for smudge in false 'test -f .git && cat'; do
		fresh C
		into_git
		g config filter.broken.clean cat
		g config filter.broken.smudge "$smudge"
		g config filter.broken.required true
		echo '*.h filter=broken' > "$T/.git/info/attributes"
		refused 'a failing filter' 'git (am|cannot switch).* (nothing is changed|all is as it was)' "$APPLY"
		no_branch
	done
	# Kernel files that the repository around does not track.
	fresh C ignored
	echo ignored > "$T/.gitignore"
	g init -q
	g add -A
	g commit -q -m base
	does 'not tracked' 0 'in place' "$APPLY"
	# Line ends in the commit, and line ends that git makes.
	fresh C
	crlf
	into_git
	round 'CR LF in git' C 3 no
	fresh C
	echo '* text=auto eol=crlf' > "$T/.gitattributes"
	into_git
	rm -r "${T:?}/drivers"
	g checkout -q -- drivers
	grep -q "$(printf '\r')" "$T/$B/btree.c" || bad 'eol=crlf: no CR in the work tree'
	round 'eol=crlf' C 3 no
}

# Where we may mount a small disk.
full_disk()
{
	mkdir -p "$DIR/small"
	if ! mount -t tmpfs -o size=2m tmpfs "$DIR/small" 2>/dev/null; then
		say '# full disk not tried: no right to mount'
		return
	fi
	for how in place git; do
		fresh C
		cp -a "$T/." "$DIR/small/"
		T=$DIR/small
		[ "$how" = place ] || into_git
		# Fill it, but for a page that most files do not fit in.
		dd if=/dev/zero of="$T/fill" bs=4k 2>/dev/null || :
		truncate -s -4k "$T/fill"
		refused "full disk, $how" 'cannot write to .* KiB are free|No space left on device' "$APPLY"
		[ "$how" = place ] || no_branch
		rm -f "$T/fill"
		does "full disk, $how, after" 0 '^applied' "$APPLY"
		find "$T" -mindepth 1 -delete
	done
	umount "$DIR/small"
}

# slow_tools: what must not be interrupted is made slow, so that it can be.
slow_tools()
{
	mkdir -p "$DIR/slow"
	for tool in mv git; do
		printf '#!/bin/sh\ncase "%s $*" in mv*|*switch*) sleep 0.2 ;; esac\nexec %s "$@"\n' \
			"$tool" "$(command -v "$tool")" > "$DIR/slow/$tool"
		chmod +x "$DIR/slow/$tool"
	done
}

# The record of what was applied in place, and what may come between.
record()
{
	fresh C
	cp -a "$T" "$DIR/originals"
	before=$(sums)
	does 'files put back' 0 '^applied' "$APPLY"
	cp -a "$DIR/originals/." "$T/"
	refused 'files put back' 'if the files were put back' "$UNAPPLY"
	does 'files put back' 0 '^applied' "$APPLY"
	does 'files put back' 0 '^taken off .*: 3 patches' "$UNAPPLY"
	[ "$(sums)" = "$before" ] || bad 'files put back: unapply does not give back every byte'
	rm -rf "$DIR/originals"

	slow_tools
	KSRC=$T PATH="$DIR/slow:$PATH" "$APPLY" > "$DIR/out.1" 2>&1 &
	KSRC=$T PATH="$DIR/slow:$PATH" "$APPLY" > "$DIR/out.2" 2>&1 && rc=0 || rc=$?
	wait $! && rc=$rc-0 || rc=$rc-$?
	case $rc in 0-1|1-0) ;; *) bad "two at once: status $rc" ;; esac
	cat "$DIR"/out.[12] | grep -q 'another make apply or unapply works in' || bad 'two at once: neither is refused'
	does 'two at once' 0 '^race fix:  yes' "$STATUS"
	does 'two at once' 0 '^taken off' "$UNAPPLY"
	[ "$(sums)" = "$before" ] || bad 'two at once: not every byte comes back'

	printf '#!/bin/sh\ncase $* in *new*journal.c*) exit 1 ;; esac\nexec %s "$@"\n' "$(command -v mv)" > "$DIR/slow/mv"
	refused 'a rename fails' 'cannot rename to .*journal.c; all is as it was' \
		env PATH="$DIR/slow:$PATH" "$APPLY"
	name='nobody reads'
	KSRC=$T "$STATUS" | true
	tidy
}

# All or nothing, whenever Ctrl-C comes.
ctrl_c()
{
	slow_tools
	for how in place git; do
		fresh E
		[ "$how" = place ] || into_git
		before=$(sums)
		does 'Ctrl-C' 0 '^applied' "$APPLY"
		after=$(sums)
		does 'Ctrl-C' 0 'taken|back' "$UNAPPLY"
		stopped=0
		for delay in 0.05 0.1 0.2 0.3 0.4 0.5 0.6 0.8; do
			# A shell starts background jobs with SIGINT ignored.
			env -u OUTERMOST --default-signal=INT PATH="$DIR/slow:$PATH" KSRC="$T" setsid "$APPLY" > "$DIR/out" 2> "$DIR/err" &
			pid=$!
			sleep "$delay"
			kill -INT -"$pid" 2>/dev/null || :
			wait "$pid" && rc=0 || rc=$?
			case $rc-$(sums) in
			0-"$after")
				does 'Ctrl-C' 0 'taken|back' "$UNAPPLY" ;;
			130-"$before")
				stopped=$((stopped + 1))
				grep -q 'interrupted' "$DIR/err" || bad "Ctrl-C, $how, $delay s: said $(cat "$DIR/err")" ;;
			*)
				bad "Ctrl-C, $how, $delay s: status $rc, half done"
				break ;;
			esac
			[ "$how" = place ] || no_branch
			tidy
		done
		[ "$stopped" -gt 0 ] || bad "Ctrl-C, $how: it never came in time"
	done
}

# series_of BASE: how many patches the series has there.
series_of()
{
	sent_patches series "$1" | wc -l
}

# Trees of today: the series, and topics of one's choice.
today()
{
	for base in $(bases); do
		[ -d "$DIR/src/$base" ] || continue
		fresh "$base"
		into_git
		round "$base" 'fixed' "$(series_of "$base")" yes
	done
	[ -d "$DIR/src/7.3" ] || return 0
	fresh 7.3
	round '7.3 in place' 'fixed' "$(series_of 7.3)" yes
	does 'two topics' 0 '^applied' env TOPIC='reap-skip check-threads' "$APPLY"
	does 'two topics' 0 'reap-skip  *applied$' "$STATUS"
	does 'two topics' 0 'root-on-list  *missing, would apply' "$STATUS"
	does 'the other topics' 0 '^applied' "$APPLY"
	does 'the other topics' 0 '^taken off' "$UNAPPLY"
	[ "$(sums)" = "$before" ] || bad 'topics: unapply does not give back every byte'
	spoilt 'a topic that does not fit' 7.3 super.c 's/kthread_stop(c->gc_thread)/kthread_end(c->gc_thread)/' \
		'root-on-list/0001-.* does not fit'
	grep -q '^  what fits: TOPIC="journal-wake reap-skip' "$DIR/out" ||
		bad 'a topic that does not fit: not what fits'
	shows kthread_end
}

eras()
{
	every_way C C 3 no
	every_way D D 5 no
	every_way E E 3 no
	while read -r tree era patches; do
		fresh "$tree"
		round "$era" "$era" "$patches" no
	done <<-END
	C-ready C/ready 1
	D-4.16 D/4.16 4
	D-4.4 D/4.4 4
	E-ready E/ready 1
	END
}

parts='eras today half_patched bad_trees prerequisite_there record bad_repositories full_disk ctrl_c'
list=${*:-$parts}
for part in $list; do
	case " $parts " in
	*" $part "*) ;;
	*) die "unknown part '$part'; known: $parts" ;;
	esac
done
rm -rf "$DIR"
mkdir -p "$DIR/src" "$O"
chmod a+rx "$DIR"
make_trees
for part in $list; do
	$part
done
rm -rf "$DIR"
exit $badly
