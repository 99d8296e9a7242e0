#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the kernel's semantic patches over the files that a stack changes: no
# patch may bring a report that the bare base does not give.
#
# Usage: scripts/checks/coccicheck.sh [-n] [STACK]
#   STACK  whose topics outside lab/ are looked at (default: next)
#   -n     say what would be done
#
# The newest base's scripts/coccicheck and its semantic patches judge the newest
# and the oldest base, bare and after the last patch; texts that only a base between
# them has are not judged. Each state is a directory with the changed files and
# bcache's headers, and one call goes over all of them. Left out are the semantic
# patches that need an OCaml compiler. A report is new when the bare base gives it less
# often for the same function, and KNOWN does not have it; line numbers do not count.
#
# Prints a line "# new: ..." for each report that is new; exit status 0 when
# there was none. The reports on a state are kept in out/coccicheck/, under the
# checksum of its files, and not made again.
. "$(dirname "$0")/../lib/lib.sh"

DIR=$OUT/coccicheck

# mini_lock.cocci looks at one function at a time. These are called with the
# lock held, return with it held, or call the function that drops it.
KNOWN='(bch_bucket_alloc|journal_wait_for_write|bch_journal_root): preceding lock'
NEWEST=$(newest)

options n "$@"
shift $((OPTIND - 1))
[ $# -le 1 ] || misused
stack=${1:-next}
mailed=$(sent_topics "$stack")
[ -n "$mailed" ] || die "stack '$stack' has no topic outside lab/"

# state NAME PATH...: keep these files of $tree, and what they include from
# their own directory.
state()
{
	name=$PART/files/$1
	shift
	(cd "$tree" && tar -c "$@" drivers/md/bcache/*.h) |
		{ mkdir -p "$name" && tar -x -C "$name"; }
}

# states BASE: the bare base, and the base after the last patch.
states()
{
	base=$1 tree=$PART/tree
	patches=$(sent_patches "$stack" "$base")
	rm -rf "$tree"
	mkdir -p "$tree"
	# shellcheck disable=SC2086
	paths=$(patch_paths $patches)
	# shellcheck disable=SC2086
	(cd "$OUT/base/$base" && tar -c --warning=no-file-changed $paths drivers/md/bcache/*.h) | tar -x -C "$tree"
	# shellcheck disable=SC2086
	state "$base/bare" $paths
	for p in $patches; do
		apply "$tree" "$p" || die "${p#"$TOP"/} does not apply to $base"
	done
	# shellcheck disable=SC2086
	state "$base/$stack" $paths
	rm -rf "$tree"
}

# tool: the newest base's, without what makes no report or cannot run here.
tool()
{
	mkdir -p "$PART/scripts"
	cp -R "$OUT/base/$NEWEST/scripts/coccicheck" \
		"$OUT/base/$NEWEST/scripts/coccinelle" "$PART/scripts/"
	find "$PART/scripts/coccinelle" -name '*.cocci' | while read -r cocci; do
		if grep -qE '(script|initialize):ocaml' "$cocci" ||
			! grep -qE 'virtual[[:space:]]+report' "$cocci"; then
			rm "$cocci"
		fi
	done
}

# name_states: in $PART/states the checksum and the name of each state; the
# directory of one whose reports are here goes.
name_states()
{
	tool=$(cd "$PART" && find scripts -type f | sort | xargs sha256sum)
	for state in $(cd "$PART/files" && find . -mindepth 2 -maxdepth 2 | sed 's,^\./,,' | sort); do
		sum=$({ echo "$tool"; cd "$PART/files/$state" && find . -type f | sort | xargs sha256sum; } |
			sha256sum | cut -c 1-40)
		echo "$sum $state"
		[ ! -f "$DIR/$sum" ] || rm -r "$PART/files/${state:?}"
	done > "$PART/states"
}

# judge: what is said on $PART/files, as ./BASE/STATE/PATH: TEXT. The base's
# tool runs once per semantic patch, as many at a time as there are CPUs: its
# own way to use several leaves most of them idle.
judge()
{
	(cd "$PART/files" && find ../scripts/coccinelle -name '*.cocci' | sort |
		srctree=.. srcroot=. MODE=report J=1 DEBUG_FILE=/dev/null \
		LINUXINCLUDE='' KBUILD_EXTMOD='' xargs -P "$JOBS" -I % \
		sh -c 'COCCI=% bash ../scripts/coccicheck > "$0/$(basename %)" 2>&1' "$PART/said") || {
		grep -h . "$PART"/said/* | grep -vE 'spatch -D|^(Please|When using) ' | tail -5 >&2
		die "the base's coccicheck failed"
	}
}

# by_function: FILE:LINE:COLUMNS: TEXT, with the function instead of the line.
by_function()
{
	awk -F: '!($1 in seen) {
		for (seen[$1] = n = 1; (getline line < $1) > 0; n++) {
			if (line ~ /^[a-z].*\(/) {
				sub(/\(.*/, "", line)
				sub(/.*[ *]/, "", line)
				name = line
			}
			at[$1, n] = name
		}
	}
	{
		text = $0
		sub(/^[^:]*:[0-9]+:[0-9-]+: */, "", text)
		gsub(/lines? [0-9, ]+/, "line", text)
		print $1 ": " at[$1, $2] ": " text
	}'
}

# keep: the reports of each state that was judged, under its checksum.
keep()
{
	cat "$PART"/said/* > "$PART/all"
	while read -r sum state; do
		[ -d "$PART/files/$state" ] || continue
		sed -n "s,^\./$state/\(.*:[0-9]\),\1,p" "$PART/all" |
			(cd "$PART/files/$state" && by_function) | sort > "$PART/kept"
		mv "$PART/kept" "$DIR/$sum"
	done < "$PART/states"
}

sum_of()
{
	sed -n "s, $1$,,p" "$PART/states"
}

judged="$NEWEST $(bases | tail -1)"
if [ -n "$DRY" ]; then
	say "would run the semantic patches of $NEWEST over $stack on: $judged"
	exit 0
fi
need spatch coccinelle
# shellcheck disable=SC2086
"$TOP/scripts/lab/fetch.sh" $judged > /dev/null
room 100000
make_part "$DIR"
for base in $judged; do
	states "$base"
done
tool
mkdir -p "$DIR" "$PART/said"
name_states
if [ -n "$(find "$PART/files" -name '*.c' | head -1)" ]; then
	judge
	keep
fi
new=0
while read -r sum state; do
	comm -13 "$DIR/$(sum_of "${state%%/*}/bare")" "$DIR/$sum" |
		grep -vE "$KNOWN" > "$PART/new" || continue
	sed "s|^|# new: $state: |" "$PART/new"
	new=1
done < "$PART/states"
exit $new
