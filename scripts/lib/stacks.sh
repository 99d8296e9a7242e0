# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Bases, the stacks that are laid on them, topics and their patches. Sourced by
# lib.sh, never run.

bases()
{
	awk '/^[0-9]/ { print $1 }' "$TOP/patches/bases"
}

# newest: the base that texts are written against, the first of the list.
newest()
{
	bases | head -1
}

# eras: the names in patches/eras, in order.
eras()
{
	awk -F ' *[|] *' '!/^#/ { print $1 }' "$TOP/patches/eras"
}

# era_field ERA FIELD: one field of its row: kernels, vendors, patches, picks
# or code.
era_field()
{
	awk -F ' *[|] *' -v era="$1" -v field="$2" '
		BEGIN { split("era kernels vendors patches picks code", name, " ") }
		$1 == era { for (i in name) if (name[i] == field) print $i }' "$TOP/patches/eras"
}

# base_row BASE: the row of patches/bases, or one line that says what exists.
base_row()
{
	if [ "$1" = ksrc ]; then
		[ -n "${KSRC:-}" ] || die "base ksrc needs KSRC=dir, a kernel source tree"
		echo "ksrc - - - $KSRC"
		return 0
	fi
	awk -v b="$1" '$1 == b { print; found = 1 } END { exit !found }' \
		"$TOP/patches/bases" ||
		die "unknown base '$1'; known: $(bases | tr '\n' ' ')(patches/bases)"
}

# another_release BASE: says so when its source is another point release than
# patches/bases names. Exact figures may differ then, and that is no fault.
another_release()
{
	now=$(cat "$OUT/base/$1.version" 2>/dev/null || echo none)
	then=$(base_row "$1" | awk '{ print $NF }')
	[ "$now" != "$then" ] || return 1
	say "# base $1 is $now, the documents and patches/bases are of $then: not compared"
}

# base_dir BASE[=VERSION]: where a base is, or goes to.
base_dir()
{
	echo "$OUT/base/$(echo "$1" | tr '=' _)"
}

# bcache_of BASE DIR: a base's bcache and no more, as a tree in DIR. A tree that
# is laid meanwhile makes hard links to the base, which tar takes for a change.
bcache_of()
{
	mkdir -p "$2"
	(cd "$OUT/base/$1" && for path in Makefile drivers/md/bcache lib/closure.c \
		include/linux/closure.h; do
		[ ! -e "$path" ] || echo "$path"
	done | tar -c --warning=no-file-changed -T -) | tar -x -C "$2"
}

# stacks: the rows of patches/stacks, then the topics of the lab that say on
# which stack they lie.
stacks()
{
	sed -n 's/^\([a-z][^:]*\):.*/\1/p' "$TOP/patches/stacks"
	(cd "$TOP/patches/lab" && find . -name series -exec grep -l '^# on ' {} + |
		sed -e 's,^\./,,' -e 's,/series$,,' | sort)
}

# below STACK: the stack that it lies on, if it is a topic of the lab that says so.
below()
{
	sed -n '1s/^# on //p' "$TOP/patches/lab/$1/series" 2>/dev/null || :
}

# words STACK: its topics, those of the stacks below it first. A word of a row
# that is a topic is one, and no stack. Subshells: a function may call itself.
words()
(
	row=$(sed -n "s/^$(printf '%s' "$1" | sed 's,[.[\*^$/],\\&,g'):[[:space:]]*//p" \
		"$TOP/patches/stacks")
	if [ -z "$row" ]; then
		on=$(below "$1")
		[ -n "$on" ] && words "$on" && echo "lab/$1"
		exit
	fi
	for word in $row; do
		if [ -f "$TOP/patches/$word/series" ]; then
			echo "$word"
		else
			words "$word" || exit 1
		fi
	done
)

# topics STACK: the topics of a stack, in order. What belongs to the lab lies
# on top of what is sent.
topics()
{
	topics_of=$(words "$1") ||
		die "unknown stack '$1'; known: $(stacks | tr '\n' ' ')(patches/stacks)"
	echo "$topics_of" | grep -v '^lab/' || :
	echo "$topics_of" | grep '^lab/' || :
}

# topic_patches TOPIC BASE: the files of a topic for a base, absolute.
topic_patches()
{
	topic_dir=$TOP/patches/$1
	topic_base=$2
	# The user's tree takes the text of the base that it is a version of.
	[ "$2" != ksrc ] || topic_base=$(cut -d . -f 1,2 "$OUT/base/ksrc.version")
	[ ! -f "$topic_dir/$topic_base/series" ] || topic_dir=$topic_dir/$topic_base
	[ -f "$topic_dir/series" ] || die "no topic '$1': $topic_dir/series is missing"
	sed -e 's/[[:space:]]*#.*//' -e '/^$/d' -e "s,^,$topic_dir/," \
		-e 's,/[^/]*/\.\./,/,' "$topic_dir/series"
}

# stack_patches STACK BASE: every patch of a stack, in order, absolute.
stack_patches()
{
	stack_topics=$(topics "$1") || exit 1
	for stack_topic in $stack_topics; do
		topic_patches "$stack_topic" "$2"
	done
}

# lay_lab TOPIC TREE: lay what is the lab's on a user's tree: the text for its line
# or for all, if it fits; else of those for old kernels, each of which has few
# places, every one that fits.
lay_lab()
{
	! topic_patches "$1" ksrc | xargs -r cat | apply "$2" - 2> /dev/null || return 0
	[ -f "$TOP/patches/$1/old/series" ] || die "$1 does not fit $(cat "$OUT/base/ksrc.version")"
	while read -r p; do
		apply "$2" "$TOP/patches/$1/old/$p" 2> /dev/null || :
	done < "$TOP/patches/$1/old/series"
}

# sent_topics STACK: the topics of a stack that are meant for others.
sent_topics()
{
	sent=$(topics "$1") || exit 1
	echo "$sent" | grep -v '^lab/' || :
}

# sent_patches STACK BASE: the patches of these, in order, absolute.
sent_patches()
{
	sent_of=$(sent_topics "$1") || exit 1
	for sent_topic in $sent_of; do
		topic_patches "$sent_topic" "$2" || exit 1
	done
}

# mailed_topics: what somebody may send.
mailed_topics()
{
	(cd "$TOP/patches" && for series in */series; do echo "${series%/series}"; done)
}

# overlay: the files that are laid over a base, relative to both trees.
overlay()
{
	(cd "$TOP" && find drivers include -type f ! -name '.kunitconfig' | sort)
}

# patch_paths FILE...: the paths that patches change.
patch_paths()
{
	[ $# -eq 0 ] || sed -n 's,^+++ b/\([^	]*\).*,\1,p' "$@" | sort -u
}

# apply TREE PATCH: with no fuzz, all of it or nothing. The ceiling keeps git
# from taking our own repository for the tree's.
apply()
{
	GIT_CEILING_DIRECTORIES=$(dirname "$1") git -C "$1" apply --whitespace=nowarn "$2"
}
