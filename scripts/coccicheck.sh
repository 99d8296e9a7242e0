#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Run the kernel's semantic patches over the files that a stack changes: no
# patch may bring a report that the bare base does not give.
#
# Usage: scripts/coccicheck.sh [-n] [STACK]
#   STACK  whose topics outside lab/ are looked at (default: series)
#   -n     say what would be done
#
# The newest base's scripts/coccicheck and its semantic patches judge all
# bases: on the newest after each patch, on the others after the last. Each
# state is a directory with the changed files and bcache's headers, and one
# call goes over all of them. Left out are the semantic patches that need an
# OCaml compiler. A report is new when the bare base gives it less often; line
# numbers do not count.
#
# Reports of files that have not changed since are not made again. Prints a
# line "# new: ..." for each report that is new; exit status 0 when there was
# none. The reports are in out/log/coccicheck.
. "$(dirname "$0")/lib.sh"

DIR=$OUT/coccicheck
REPORT=$OUT/log/coccicheck
NEWEST=$(bases | head -1)

while getopts nh opt; do
	case $opt in
	n) DRY=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || { usage >&2; exit 2; }
stack=${1:-series}
mailed=$(sent_topics "$stack")
[ -n "$mailed" ] || die "stack '$stack' has no topic outside lab/"

# patches_of BASE: the stack's patches for it, in order.
patches_of()
{
	for topic in $mailed; do
		topic_patches "$topic" "$1"
	done
}

# state NAME PATH...: keep these files of $tree, and what they include from
# their own directory.
state()
{
	name=$PART/files/$1
	shift
	(cd "$tree" && tar -c "$@" drivers/md/bcache/*.h) |
		{ mkdir -p "$name" && tar -x -C "$name"; }
}

# states BASE: the bare base, and the base after each patch or the last one.
states()
{
	base=$1 tree=$PART/tree
	patches=$(patches_of "$base")
	rm -rf "$tree"
	mkdir -p "$tree"
	# shellcheck disable=SC2086
	paths=$(patch_paths $patches)
	# shellcheck disable=SC2086
	(cd "$OUT/base/$base" && tar -c $paths drivers/md/bcache/*.h) | tar -x -C "$tree"
	# shellcheck disable=SC2086
	state "$base/bare" $paths
	for p in $patches; do
		apply "$tree" "$p" || die "${p#"$TOP"/} does not apply to $base"
		# shellcheck disable=SC2046
		[ "$base" != "$NEWEST" ] ||
			state "$base/$(basename "$(dirname "$p")"):$(basename "$p" .patch)" \
				$(patch_paths "$p")
	done
	# shellcheck disable=SC2086
	[ "$base" = "$NEWEST" ] || state "$base/$stack" $paths
	rm -rf "$tree"
}

# tool: the newest base's, without what it cannot run here. It stops at the
# first semantic patch that fails.
tool()
{
	mkdir -p "$PART/scripts"
	cp -R "$OUT/base/$NEWEST/scripts/coccicheck" \
		"$OUT/base/$NEWEST/scripts/coccinelle" "$PART/scripts/"
	find "$PART/scripts/coccinelle" -name '*.cocci' \
		-exec grep -q 'script:ocaml\|initialize:ocaml' {} \; -exec rm {} \;
}

# judge: the reports on PART/files, as BASE/STATE/PATH: TEXT.
judge()
{
	(cd "$PART/files" && srctree=$PART srcroot=. MODE=report J=$JOBS \
		DEBUG_FILE="$PART/debug" LINUXINCLUDE='' KBUILD_EXTMOD='' \
		bash "$PART/scripts/coccicheck") > "$PART/said" 2>&1 || {
		tail -5 "$PART/said" "$PART/debug" >&2
		die "the base's coccicheck failed"
	}
	grep '^\./.*:[0-9]' "$PART/said" | sed 's,^\./,,' || :
}

# reports STATE: those on a state, without line numbers, as often as they came.
reports()
{
	sed -n "s,^$1/,,p" "$REPORT" |
		sed -E -e 's/:[0-9]+:[0-9]+(-[0-9]+)?:/:/' -e 's/lines? [0-9, ]+/line/g' | sort
}

if [ -n "$DRY" ]; then
	say "would run the semantic patches of $NEWEST over $stack on: $(bases | tr '\n' ' ')"
	exit 0
fi
need spatch coccinelle
# shellcheck disable=SC2046
"$TOP/scripts/fetch.sh" $(bases) > /dev/null
room 100000
PART=$DIR.part
rm -rf "$PART"
mkdir -p "$PART" "$OUT/log"
for base in $(bases); do
	states "$base"
done
tool
stamp=$(cd "$PART" && find files scripts -type f | sort | xargs sha256sum | sha256sum)
if [ "$(cat "$REPORT.stamp" 2>/dev/null)" != "$stamp" ]; then
	rm -f "$REPORT.stamp"
	judge > "$PART/report"
	mv "$PART/report" "$REPORT"
	echo "$stamp" > "$REPORT.stamp"
fi
new=0
for state in $(cd "$PART/files" && find . -mindepth 2 -maxdepth 2 | sed 's,^\./,,' | sort); do
	reports "${state%%/*}/bare" > "$PART/bare"
	reports "$state" > "$PART/now"
	comm -13 "$PART/bare" "$PART/now" > "$PART/new"
	[ -s "$PART/new" ] || continue
	sed "s,^,# new: $state: ," "$PART/new"
	new=1
done
exit $new
