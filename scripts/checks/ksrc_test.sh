#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does make KSRC= go the whole way on a tree that lacks the fix? No kernel of
# that kind can be fetched here: it is base 5.10, with the flusher of era E.
#
# Usage: scripts/checks/ksrc_test.sh
#
# Prints KTAP. Builds one kernel.
. "$(dirname "$0")/../lib/lib.sh"

dir=$OUT/ksrc_test
tree=$dir/tree

cases=0 failed=0
# holds NAME COMMAND...
holds()
{
	name=$1 cases=$((cases + 1))
	shift
	"$@" && ok=ok || ok='not ok' failed=1
	say "$ok $cases ksrc_test.$name"
}

# state: of the tree, of which nothing may change.
state()
{
	(cd "$tree" && find . -newer "$dir/stamp" && cat drivers/md/bcache/* | sha256sum)
}

# show: the table of that tree in $dir/out, its status.
show()
{
	KSRC=$tree O=$dir/o "$TOP/scripts/lab/show.sh" > "$dir/out" 2>&1 || { sed 's/^/# /' "$dir/out"; return 1; }
}

# column STACK NR: a figure of the table, in the order of scripts/lab/table.sh.
column()
{
	awk -v stack="$1" -v nr="$2" '$1 == stack { print $nr; found = 1 } END { exit !found }' "$dir/out"
}

# raced: without the fix picked nodes are taken from a flusher that is alone
# with them, with it none is, and nodes are kept for it.
raced()
{
	sed -n 's/^/# /; /taken/,/^# fixed/p' "$dir/out"
	[ "$(column unfixed 4)" != 0.0 ] && [ "$(column fixed 4)" = 0.0 ] && [ "$(column fixed 8)" -gt 0 ]
}

# again: a second time nothing is copied or built.
again()
{
	show && ! grep -E '^(copy|build) ' "$dir/out" | sed 's/^/# /' | grep .
}

# compiles: as it is and after each patch, and there is one.
compiles()
{
	KSRC=$tree O=$dir/o "$TOP/scripts/checks/compile.sh" ksrc > "$dir/out" 2>&1 && rc=0 || rc=$?
	sed 's/^/# /' "$dir/out"
	[ "$rc" = 0 ] && grep -q '^ok ' "$dir/out"
}

unchanged()
{
	[ "$(state)" = "$before" ]
}

# stops WHAT...: nothing is shown of the tree as it is now, every WHAT is said,
# no build and no half of a tree is left, and the tree stays as it is.
stops()
{
	before=$(state)
	! show > /dev/null || return 1
	sed 's/^/# /' "$dir/out"
	for what; do
		grep -q -e "$what" "$dir/out" || return 1
	done
	[ -z "$(find "$dir/o" -maxdepth 4 '(' -name 'o-*' -o -name '*.part' ')')" ] && unchanged
}

say 'KTAP version 1'
say 1..7
rm -rf "$dir"
mkdir -p "$dir"
"$TOP/scripts/lab/fetch.sh" 5.10 > /dev/null
cp -al "$OUT/base/5.10" "$tree"
for p in $(topic_patches lab/era-E 5.10); do
	apply "$tree" "$p" || die "${p#"$TOP"/} does not apply to 5.10"
done
touch "$dir/stamp"
before=$(state)
holds shown show
holds raced raced
holds again again
holds compiles compiles
holds unchanged unchanged
# No place for a hook.
src=$tree/drivers/md/bcache
sed -i 's/^\tbkey_copy(&b->key, k);$/&\n/' "$src/btree.c"
holds unfit stops "the lab's hooks do not fit .*, without a place:.* reuse"
sed -i '/^\tbkey_copy(&b->key, k);$/{n;d}' "$src/btree.c"
# The first file that is compiled. What tells one state of a tree from another
# is bcache's alone.
sed -i '1i #error broken on purpose' "$tree/kernel/bounds.c" "$src/journal.c"
holds broken stops '^build ksrc VT vanilla' 'error: #error broken on purpose'
rm -rf "$tree" "$dir/o"
[ "$failed" = 0 ]
