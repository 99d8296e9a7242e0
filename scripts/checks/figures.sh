#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Is every table and picture in Documentation/ the one that a script prints
# today?
#
# Usage: scripts/checks/figures.sh [-u] [NAME...]
#   NAME  only what scripts/NAME.sh prints (default: all but bench, whose runs
#         `make check` does not make; `make bench` looks at that one)
#   -u    put the newest figures into the documents
#
# A document holds what scripts/NAME.sh ARG... prints between the lines
# ".. output NAME ARG..." and ".. end"; a picture is all of what the command in
# its mark "<!-- output NAME ARG... -->" prints. VT figures are exact, so the text must
# be the same to the byte, as long as the base is the point release that
# patches/bases names. Prints KTAP.
. "$(dirname "$0")/../lib/lib.sh"

# update DOC COMMAND: what is between the marks becomes today's output.
update()
{
	PART=$1.part
	case $1 in
	*.svg) cat "$OUT/lint/now" > "$PART" ;;
	*) awk -v mark=".. output $2" -v now="$OUT/lint/now" '
		!skip { print }
		$0 == mark { skip = 1; print ""; print "::"; print "" }
		skip && /^\.\. end/ {
			while ((getline line < now) > 0)
				print line == "" ? "" : "   " line
			print ""
			print
			skip = 0
		}' "$1" > "$PART" ;;
	esac
	mv "$PART" "$1"
	PART=''
}

# held DOC COMMAND: what the document has of it.
held()
{
	case $1 in
	*.svg) cat "$1" ;;
	*) sed -n "/^\.\. output $2\$/,/^\.\. end/p" "$1" |
		sed -e '1,4d' -e '$d' -e 's/^   //' | sed '$d' ;;
	esac
}

# asked NAME: is it one of those to look at?
asked()
{
	case $names in
	'') [ "$1" != bench ] ;;
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# moved COMMAND: says so when its base is another point release than the
# documents are of. Its figures may differ then, and that is no fault.
moved()
{
	moved_base=$(echo "$1" | grep -oE ' [0-9]+\.[0-9]+' || bases | head -1)
	moved_base=${moved_base# }
	now=$(cat "$OUT/base/$moved_base.version" 2>/dev/null || echo none)
	then=$(base_row "$moved_base" | awk '{ print $NF }')
	[ "$now" != "$then" ] || return 1
	say "# base $moved_base is $now, the documents and patches/bases are of $then: not compared"
}

opt_u=''
options u "$@"
shift $((OPTIND - 1))
mkdir -p "$OUT/lint"
names=${*:+ $* }
wrong=0 seen='' skip=''
for doc in "$TOP"/Documentation/*/*.rst "$TOP"/Documentation/*/*.svg; do
	sed -n -e 's/^\.\. output //p' -e 's/^<!-- output \(.*\) -->$/\1/p' "$doc" > "$OUT/lint/marks"
	while read -r command; do
		asked "${command%% *}" || continue
		seen=1
		if [ -z "$opt_u" ] && moved "$command"; then
			skip=' # SKIP another point release'
			continue
		fi
		# shellcheck disable=SC2046
		$(script "${command%% *}") $(echo "$command" | cut -s -d ' ' -f 2-) > "$OUT/lint/now"
		if [ -n "$opt_u" ]; then
			update "$doc" "$command"
			continue
		fi
		held "$doc" "$command" > "$OUT/lint/doc"
		if ! diff "$OUT/lint/doc" "$OUT/lint/now" > "$OUT/lint/diff"; then
			say "# ${doc#"$TOP"/} holds other figures than $command prints:"
			sed 's/^/#   /' "$OUT/lint/diff"
			wrong=1
		fi
	done < "$OUT/lint/marks"
done
[ -n "$seen" ] || die "no document holds what ${names:+$*} prints"
if [ $wrong = 0 ]; then
	say "ok 1 lint.figures${names:+.$*}$skip"
else
	say "not ok 1 lint.figures${names:+.$*}"
fi
exit $wrong
