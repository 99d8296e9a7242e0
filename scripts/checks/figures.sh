#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Is every table and picture in Documentation/ the one that a script prints
# today, and every figure in the texts of patches/ what a run gave?
#
# Usage: scripts/checks/figures.sh [-u] [NAME...]
#   NAME  "texts", or only what scripts/NAME.sh prints (default: all but bench,
#         whose runs `make check` does not make; `make bench` looks at that one,
#         and at the figures in texts that are from its runs)
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
	keep_part "$1"
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

# moved COMMAND: has its base moved on?
moved()
{
	moved_base=$(echo "$1" | grep -oE ' [0-9]+\.[0-9]+' || newest)
	another_release "${moved_base# }"
}

# plain FILE: the words of a patch's log or of a cover, on one line. Of a patch
# without what git and a reader of tags take from it.
plain()
{
	case $1 in
	*.patch) sed -e '1,/^$/d' -e '/^---$/,$d' "$1" | grep -vE '^[A-Z][A-Za-z-]*: ' ;;
	*) cat "$1" ;;
	esac | tr -s ' \t\n' ' '
}

# numbers: in awk, is that word a number? Then it is in n, with what a unit
# may stick to it taken off.
NUMBERS='
	function number(word) {
		n = word
		gsub(/^[(~]+|[):;.,%]+$|(ms|us|ns|s)[):;.,]*$/, "", n)
		places = n ~ /\./ ? length(n) - index(n, ".") : 0
		return n ~ /^[0-9][0-9,]*(\.[0-9]+)?$/ && gsub(/,/, "", n) >= 0
	}'

# same TEXT VALUE...: are these the numbers of TEXT, rounded as it has them? "-"
# is any.
same()
{
	printf '%s\n' "$1" | awk -v values="$(shift; echo "$*")" "$NUMBERS"'
		{
			want = split(values, value, " ")
			for (i = 1; i <= NF; i++)
				if (number($i) && value[++nr] != "-" &&
				    sprintf("%.*f", places, value[nr] * (1 + 1e-9)) != n)
					exit wrong = 1
		}
		END { exit wrong || nr != want }'
}

# bare FILE: figures with a unit in what is left of a text.
bare()
{
	awk "$NUMBERS"'{
		for (i = 1; i <= NF; i++)
			if (number($i) && ($i ~ /%|[0-9](ms|us|ns|s)[):;.,]*$/ ||
			    $(i + 1) ~ /^(ms|us|ns|s|seconds?|minutes?|%|percent|times|laps|waits|[a-z]+\/s)[):;.,]*$/ ||
			    ($(i + 1) == "of" && number($(i + 2)))))
				print $i, $(i + 1), $(i + 2)
	}' "$1"
}

# measured RUN FIGURE...: what the run gave. Says why there is nothing to
# compare with, and then fails: its base moved on, or its set was not asked for.
measured()
{
	# shellcheck disable=SC2086
	set -- "$1" $2
	run=$1
	shift
	moved " ${run%% *}" > /dev/null && return 1
	set_of=$(rows show check bench | sed -n "s,^\([a-z]*\) $run\$,\1,p")
	if [ -z "$set_of" ]; then
		rows show check bench | grep -q "^[a-z]* ${run%% *} " || return 1
		echo 'no such run in the list'
	elif ! virtual "$(echo "$run" | cut -d ' ' -f 2)"; then
		echo 'a run in real time'
	else
		case " $sets " in
		*" $set_of "*) ;;
		*) return 1 ;;
		esac
		for expression; do
			# shellcheck disable=SC2086
			case $expression in
			-) echo - ;;
			*) figure "$expression" $run | sed 's/^-$/none/' ;;
			esac
		done
	fi
}

# texts_of DIR FILE...: by DIR/figures, which patches/README describes. A figure
# with a unit that no line there has is wrong, and so is a line whose text is
# nowhere.
texts_of()
{
	dir=$1
	shift
	rm -rf "$OUT/lint/texts"
	mkdir -p "$OUT/lint/texts"
	for file; do
		plain "$dir/$file" > "$OUT/lint/texts/$(echo "$file" | tr / :)"
	done
	[ ! -f "$dir/figures" ] ||
		sed -e '/^#/d' -e '/^$/d' -e 's/[[:space:]]*|[[:space:]]*/|/g' "$dir/figures" > "$OUT/lint/figures"
	[ -f "$dir/figures" ] || : > "$OUT/lint/figures"
	while IFS='|' read -r files text run what; do
		took=''
		for file in "$OUT/lint/texts"/*; do
			# shellcheck disable=SC2254
			case ${file##*/} in
			$(echo "$files" | tr / :)) grep -qF -e "$text" "$file" || continue ;;
			*) continue ;;
			esac
			took=1
			awk -v text="$text" '{
				while (at = index($0, text))
					$0 = substr($0, 1, at - 1) "@" substr($0, at + length(text))
				print
			}' "$file" > "$OUT/lint/text"
			mv "$OUT/lint/text" "$file"
		done
		[ -n "$took" ] || bad "${dir#"$TOP"/}: $files does not say: $text"
		[ "$run" != - ] || [ -n "$what" ] || bad "${dir#"$TOP"/}: no run and no reason: $text"
		[ "$run" != - ] || continue
		values=$(measured "$run" "$what") || continue
		# shellcheck disable=SC2086
		same "$text" $values || bad "${dir#"$TOP"/}: \"$text\", but $run gave for $what:" $values
	done < "$OUT/lint/figures"
	for file in "$OUT/lint/texts"/*; do
		bare "$file" | while read -r figure; do
			say "# ${dir#"$TOP"/}/$(echo "${file##*/}" | tr : /): $figure: not in ${dir#"$TOP"/}/figures"
		done > "$OUT/lint/bare"
		[ ! -s "$OUT/lint/bare" ] || wrong=1
		cat "$OUT/lint/bare"
	done
}

texts()
{
	for base in $(bases); do
		! moved " $base" || skip=' # SKIP another point release, the others are compared'
	done
	texts_of "$TOP/patches" series.cover
	for topic in $(mailed_topics); do
		# shellcheck disable=SC2046
		texts_of "$TOP/patches/$topic" $(cd "$TOP/patches/$topic" &&
			find . -name '*.patch' -o -name cover | sed 's,^\./,,' | sort)
	done
}

# documents: their tables and pictures, those that were asked for.
documents()
{
	seen=''
	for doc in "$TOP"/Documentation/*/*.rst "$TOP"/Documentation/*/*.svg; do
		sed -n -e 's/^\.\. output //p' -e 's/^<!-- output \(.*\) -->$/\1/p' "$doc" > "$OUT/lint/marks"
		while read -r command; do
			asked "${command%% *}" || continue
			seen=1
			document
		done < "$OUT/lint/marks"
	done
	[ -n "$seen" ] || die "no document holds what$names prints"
}

document()
{
	if [ -z "$opt_u" ] && moved "$command"; then
		skip=' # SKIP another point release'
		return
	fi
	# shellcheck disable=SC2046
	$(script "${command%% *}") $(echo "$command" | cut -s -d ' ' -f 2-) > "$OUT/lint/now"
	if [ -n "$opt_u" ]; then
		update "$doc" "$command"
		return
	fi
	held "$doc" "$command" > "$OUT/lint/doc"
	if ! diff "$OUT/lint/doc" "$OUT/lint/now" > "$OUT/lint/diff"; then
		bad "${doc#"$TOP"/} holds other figures than $command prints:"
		sed 's/^/#   /' "$OUT/lint/diff"
	fi
}

bad()
{
	say "# $*"
	wrong=1
}

# part NAME FUNCTION: a case.
part()
{
	wrong='' skip=''
	nr=$((nr + 1))
	"$2"
	say "${wrong:+not }ok $nr lint.figures.$1$skip"
	failed=${wrong:-$failed}
}

opt_u=''
options u "$@"
shift $((OPTIND - 1))
mkdir -p "$OUT/lint"
names=${*:+ $* } sets='show check' nr=0 failed=''
case $names in *' bench '*) sets=bench ;; esac
if [ -n "$opt_u" ]; then
	documents
	exit 0
fi
say "KTAP version 1"
case $names in
'')		say 1..2; part documents documents; part texts texts ;;
' texts ')	say 1..1; part texts texts ;;
' bench ')	say 1..2; part bench documents; part texts texts ;;
*)		say 1..1; part "$(echo "$*" | tr ' ' .)" documents ;;
esac
[ -z "$failed" ]
