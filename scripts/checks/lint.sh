#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Check everything that can be checked without booting a kernel.
#
# Usage: scripts/checks/lint.sh [-k CHECK | CHECK...]
#   CHECK  one of the functions check_CHECK below; default: all of them
#   -k     print nothing, keep the KTAP in out/lint/CHECK.ktap
#
# Prints KTAP: a case per check, with a line for each thing that is wrong.
# Exit status: 0 when all passed, else 1.
. "$(dirname "$0")/../lib/lib.sh"

opt_k=''
options k: "$@"
shift $((OPTIND - 1))

wrong=''

# bad TEXT: one thing that is wrong.
bad()
{
	say "# $*"
	wrong=1
}

topics_all()
{
	(cd "$TOP/patches" && find . -name series -exec dirname {} \; |
		sed -e 's,^\./,,' | sort)
}

patches_all()
{
	(cd "$TOP" && find patches -name '*.patch' | sort)
}

# mailed: the patches that somebody may send.
mailed()
{
	patches_all | grep -v '^patches/lab/'
}

# slice BASE: a git-less copy of the files that any of our patches touches, in
# $SLICE: enough to apply to, quicker than the whole tree.
slice()
{
	rm -rf "$SLICE"
	mkdir -p "$SLICE"
	# shellcheck disable=SC2046
	(cd "$OUT/base/$1" &&
		for path in $(cd "$TOP" && patch_paths $(patches_all)) \
			drivers/md/bcache include/linux/closure.h; do
			[ ! -e "$path" ] || echo "$path"
		done | tar -c --warning=no-file-changed -T - | tar -x -C "$SLICE")
}

# Every stack on every base, with no fuzz; and every topic that is to be
# mailed on the bare base it is for. Eras before the fix have no base here.
check_applies()
{
	SLICE=$OUT/lint/slice
	for base in $(bases); do
		"$TOP/scripts/lab/fetch.sh" "$base" > /dev/null || { bad "no base $base"; continue; }
		for stack in $(stacks | grep -vx fixed); do
			slice "$base"
			for p in $(stack_patches "$stack" "$base"); do
				apply "$SLICE" "$p" ||
					{ bad "$stack on $base: ${p#"$TOP"/} does not apply"; break; }
			done
		done
	done
	rm -rf "$SLICE"
}

# The files of a topic are the lines of its series, once each; order lives
# there alone. A "../" line shares a patch with the directory above.
check_series()
{
	for topic in $(topics_all); do
		dir=$TOP/patches/$topic
		sed -e 's/[[:space:]]*#.*//' -e '/^$/d' "$dir/series" | sort > "$OUT/lint/series"
		(cd "$dir" && find . -maxdepth 1 -name '*.patch' | sed 's,^\./,,' | sort) > "$OUT/lint/files"
		[ -z "$(uniq -d "$OUT/lint/series")" ] || bad "$topic: a patch twice in series"
		for p in $(grep '/' "$OUT/lint/series"); do
			[ -f "$dir/$p" ] || bad "$topic: $p of series is missing"
		done
		grep -v '/' "$OUT/lint/series" | cmp -s - "$OUT/lint/files" ||
			bad "$topic: files and series differ: $(grep -v '/' "$OUT/lint/series" | comm -3 - "$OUT/lint/files" | tr '\n\t' '  ')"
	done
	for p in $(patches_all); do
		[ -f "$TOP/$(dirname "$p")/series" ] || bad "$p: in no topic"
	done
	for stack in $(stacks); do
		(topics "$stack" > /dev/null 2>&1) || bad "stack $stack: a word of it is neither topic nor stack"
	done
}

# Each topic that may be mailed says in "cover" what goes with its patches: the
# first line is a subject, that of the patch where there is only one.
check_covers()
{
	for topic in $(mailed_topics); do
		[ -f "$TOP/patches/$topic/cover" ] || bad "patches/$topic/cover is missing"
	done
	[ -f "$TOP/patches/series.cover" ] || bad "patches/series.cover is missing"
	for cover in $(cd "$TOP" && find patches -name '*cover' | sort); do
		head -1 "$TOP/$cover" | grep -qE '^(bcache|closures): ' || bad "$cover: the first line is no subject of ours"
		[ -z "$(sed -n 2p "$TOP/$cover")" ] || bad "$cover: no blank line after the subject"
		! grep -vE '^@' "$TOP/$cover" | grep -qE '.{76}' || bad "$cover: a line of more than 75"
		! grep -qiE '^(Signed-off-by|From ):?' "$TOP/$cover" || bad "$cover: a line that a mail must not have there"
		# What coding-assistants.rst asks of an assisted fix, among others.
		for part in 'Objections that' 'How tested:' 'Not tested:' 'To reproduce' 'Bug or vulnerability:'; do
			grep -q "^$part" "$TOP/$cover" || bad "$cover: no '$part'"
		done
		set -- "$TOP/${cover%/*}"/*.patch
		[ $# -eq 1 ] || continue
		# series.cover stands beside no patch.
		[ ! -f "$1" ] || grep -qxF "Subject: [PATCH] $(head -1 "$TOP/$cover")" "$1" ||
			bad "$cover: the first line is not the subject of its patch"
	done
}

check_names()
{
	for p in $(patches_all); do
		echo "${p##*/}" | grep -qE '^[0-9]{4}-(bcache|closures)-[A-Za-z0-9_.-]+\.patch$' ||
			bad "$p: not NNNN-bcache-slug.patch"
	done
	for target in $(sed -n 's/^\.PHONY: //p' "$TOP/Makefile"); do
		(script "$target" > /dev/null 2>&1) || bad "target $target has no script of its name"
	done
}

# The list of runs: each of them once, and what has to go wrong in a form that
# the judge reads, with a pattern. Chance decides in real time only.
check_runs()
{
	rows show check bench user | sed 's/^[^ ]* //' | sort | uniq -d > "$OUT/lint/runs"
	[ ! -s "$OUT/lint/runs" ] || bad "runs: twice: $(cat "$OUT/lint/runs")"
	! grep -nvE '^($|#|(show|check|bench|user)( [^ ]+){4}|	(fails|may|breaks|says) [a-z0-9_-]+ /[^/]+/ [^ ])' "$RUNS" > "$OUT/lint/runs" ||
		bad "runs: not understood: $(cat "$OUT/lint/runs")"
	! grep -nE '^	(fails|may) ' "$RUNS" | grep -vE ' /[^/]*(\[1-9\]|(\^| )0 )' > "$OUT/lint/runs" ||
		bad "runs: no count in the pattern: $(cat "$OUT/lint/runs")"
	rows show check bench user | while read -r _ base scenario stack test rest; do
		[ -f "$SELF/$test.c" ] || say "no test $test"
		[ -f "$SELF/configs/$scenario.boot" ] || say "no scenario $scenario"
		(base_row "$base" > /dev/null; topics "$stack" > /dev/null) 2>&1 || :
		for setting in $rest; do
			case $setting in mem=*|seconds=*|host_mb=*|disks=*) continue ;; esac
			grep -qF "\"${setting%%=*}\"" "$SELF/$test.c" "$SELF/guest.c" "$SELF/crash.h" ||
				say "$test has no setting ${setting%%=*}"
		done
		# shellcheck disable=SC2086
		expected "$base" "$scenario" "$stack" "$test" $rest > "$OUT/lint/expected"
		[ -z "$(sed -n 's/^[fm][a-z]* \([^ ]*\).*/\1/p' "$OUT/lint/expected" | sort | uniq -d)" ] ||
			say "$base $scenario $stack $test: a case twice"
		! virtual "$scenario" || ! grep -q '^may' "$OUT/lint/expected" ||
			say "$base $scenario $stack $test: no chance in virtual time"
	done > "$OUT/lint/runs"
	[ ! -s "$OUT/lint/runs" ] || bad "runs: $(sort -u "$OUT/lint/runs")"
}

# A busted variant lies on a stack, and a run has to go wrong with it;
# closure_order judges object code in place of a run.
check_busted()
{
	for dir in "$TOP"/patches/lab/busted/*/; do
		stack=busted/$(basename "$dir")
		(topics "$stack" > /dev/null 2>&1) ||
			{ bad "$stack lies on no stack: its series does not begin with \"# on STACK\""; continue; }
		grep -A1 "^[a-z]* [^ ]* [A-Z]* $stack " "$RUNS" | grep -qE '^	(fails|breaks) ' ||
			grep -hA1 "^$stack " "$SELF/cuts" "$SELF/faults" | grep -q '^	' ||
			grep -q "^	[^ ]* $stack .* reordered\$" "$TOP/scripts/checks/lint.sh" ||
			bad "$stack: nothing has to go wrong with it, in no run"
	done
}

# header PATCH PATTERN: the mail's head and log, not its diff.
header()
{
	sed '/^---$/q' "$TOP/$1" | grep -qE "$2"
}

check_headers()
{
	for p in $(patches_all); do
		header "$p" '^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001$' || bad "$p: no From line of git"
		header "$p" '^From: bcache lab <lab@bcache.invalid>$' || bad "$p: the log is ours, From: somebody else"
		header "$p" '^Date: ' || bad "$p: no date"
		header "$p" '^Subject: \[PATCH[^]]*\] bcache: |^Subject: \[PATCH[^]]*\] closures?: ' || bad "$p: no subject of ours"
		! header "$p" '^Signed-off-by:' || bad "$p: only the sender may sign off"
		! sed 1d "$TOP/$p" | grep -q '^From ' || bad "$p: a line that begins a mail in a mailbox"
		! grep -q "$(printf '\r')" "$TOP/$p" || bad "$p: carriage returns"
		if grep -E '^index ' "$TOP/$p" | grep -qvE '^index [0-9a-f]{40}\.\.[0-9a-f]{40}'; then
			bad "$p: short blob ids; use --full-index"
		fi
	done
	for p in $(mailed); do
		header "$p" '^Assisted-by: ' || bad "$p: no Assisted-by"
		if header "$p" '^Cc: stable@'; then
			header "$p" '^Fixes: [0-9a-f]{12} \("' || bad "$p: for stable, but Fixes: nothing"
		fi
	done
}

# A text for one line of kernels makes the same change as the one for all: the
# lines it adds are the same, or patches/copies names it with the reason. The
# log is the same, but for notes in brackets; that of the fix has upstream's.
check_copies()
{
	for p in $(patches_all | grep -E '/([0-9.]+|[BCD])/'); do
		main=$TOP/$(echo "$p" | sed -E 's,/([0-9.]+|[BCD])/.*,,')/${p##*/}
		case $p in patches/flush-race/*) ;; *)
			[ ! -f "$main" ] || [ "$(log "$main")" = "$(log "$TOP/$p")" ] ||
				bad "$p: another log than ${main#"$TOP"/}" ;;
		esac
		case $p in patches/lab/*) ;; *)
			[ ! -f "$main" ] || [ "$(hunks "$main")" != "$(hunks "$TOP/$p")" ] ||
				bad "$p: ${main#"$TOP"/}, moved; its series can name that" ;;
		esac
		! grep -qxF "$p" "$TOP/patches/copies" || continue
		[ -f "$main" ] || { bad "$p: a copy of nothing"; continue; }
		[ "$(added "$main")" = "$(added "$TOP/$p")" ] ||
			bad "$p: adds other lines than ${main#"$TOP"/}"
	done
}

# hunks PATCH: what git apply looks at, without the places.
hunks()
{
	sed -n -e '/^index /d' -e 's/^@@.*/@@/' -e '/^@@/,$p' "$1"
}

log()
{
	sed '/^---$/q' "$1" | awk 'BEGIN { RS = "" } NR > 1 && !/^\[ /'
}

# A text for one line of kernels fits after the topics before it, and is there
# because the text for all does not. No source of such a kernel is needed.
check_lines()
{
	SLICE=$OUT/lint/line
	for line in $(cd "$TOP/patches" && for topic in $(sent_topics series); do
		find "$topic" -mindepth 2 -name series; done | cut -d / -f 2 | sort -uV); do
		rm -rf "$SLICE"
		# shellcheck disable=SC2046
		"$TOP/scripts/checks/preimage.sh" "$SLICE" $(sent_patches series "$line") || { bad "line $line: its texts fit no tree"; continue; }
		# What run_cache_set() has there depends on the point release.
		sed -i 's/^\t\tif (IS_ERR(c->root))$/\t\tif (IS_ERR_OR_NULL(c->root))/' "$SLICE/drivers/md/bcache/super.c"
		for topic in $(sent_topics series); do
			# A line may also have a patch that others need not.
			[ ! -f "$TOP/patches/$topic/$line/series" ] || ! lies "$topic" all ||
				[ "$(wc -l < "$TOP/patches/$topic/$line/series")" -gt "$(wc -l < "$TOP/patches/$topic/series")" ] ||
				bad "$topic/$line: the text for all fits there as well"
			lies "$topic" "$line" || { bad "$topic on $line: does not fit after the topics before it"; break; }
			rm -rf "$SLICE"
			mv "$SLICE.try" "$SLICE"
		done
	done
	rm -rf "$SLICE" "$SLICE.try"
}

# lies TOPIC LINE: does this text lie on a copy of the slice?
lies()
{
	rm -rf "$SLICE.try"
	cp -a "$SLICE" "$SLICE.try"
	for p in $(topic_patches "$1" "$2"); do
		apply "$SLICE.try" "$p" 2> /dev/null || return 1
	done
}

added()
{
	grep -E '^\+[^+]' "$1" | sed 's/[[:space:]]//g' | sort
}

# scripts/checkpatch.pl of the newest base judges.
check_checkpatch()
{
	for p in $(mailed); do
		# Two reverts of old code: not ours to restyle.
		case $p in patches/flush-race/D/*) continue ;; esac
		# By way of stdin: a file that git tracks it takes for a source.
		checkpatch "$p" - < "$TOP/$p"
	done
	for f in $(overlay) $(cd "$TOP" && find tools -name '*.[ch]'); do
		case $f in
		# A program of user space does without the kernel's wrappers.
		tools/*)
			checkpatch "$f" --ignore PREFER_DEFINED_ATTRIBUTE_MACRO,EMBEDDED_FUNCTION_NAME,CAMELCASE -f "$TOP/$f" ;;
		# _Generic is not known to it.
		*/lab.c)
			checkpatch "$f" --ignore SPACING,MACRO_ARG_REUSE -f "$TOP/$f" ;;
		# A trace header is laid out like all trace headers.
		include/trace/*)
			checkpatch "$f" --ignore PARENTHESIS_ALIGNMENT,OPEN_ENDED_LINE -f "$TOP/$f" ;;
		*)
			checkpatch "$f" -f "$TOP/$f" ;;
		esac
	done
}

checkpatch()
{
	what=$1
	shift
	# shellcheck disable=SC2086
	(cd "$OUT/base/$(newest)" && perl scripts/checkpatch.pl $CHECKPATCH "$@") > "$OUT/lint/checkpatch" 2>&1 && return 0
	bad "checkpatch: $what"
	sed 's/^/#   /' "$OUT/lint/checkpatch"
}

# Left out: functions called by a name in a variable, loops over words.
check_shellcheck()
{
	need shellcheck shellcheck
	(cd "$TOP/scripts" && shellcheck -f gcc -x -P SCRIPTDIR -s sh \
		-e SC1091,SC2317,SC2013,SC2016 ./*/*.sh ../.ci/run) > "$OUT/lint/shellcheck" ||
		{ bad "shellcheck"; sed 's/^/#   /' "$OUT/lint/shellcheck"; }
	for s in "$TOP"/scripts/lab/*.sh "$TOP"/scripts/doors/*.sh "$TOP"/scripts/checks/*.sh; do
		grep -q '^# Usage: ' "$s" ||
			bad "${s#"$TOP"/}: no Usage in its head"
	done
}

# The overlay only adds files: a path that a base has must be a patch.
check_overlay()
{
	for base in $(bases); do
		[ -d "$OUT/base/$base" ] || bad "no base $base"
		for path in $(overlay); do
			[ ! -e "$OUT/base/$base/$path" ] || bad "$path is a file of base $base"
		done
	done
}

# Every file is matched by an F: line, and every F: line matches a file.
check_maintainers()
{
	(cd "$TOP" && git ls-files) > "$OUT/lint/tracked" || bad 'no files of git to look at'
	sed -n 's/^F:[[:space:]]*//p' "$TOP/MAINTAINERS" > "$OUT/lint/f-lines"
	while read -r pattern; do
		(cd "$TOP" && git ls-files --error-unmatch "$pattern" > /dev/null 2>&1) ||
			bad "F: $pattern of MAINTAINERS matches no file"
	done < "$OUT/lint/f-lines"
	while read -r f; do
		while read -r pattern; do
			# shellcheck disable=SC2254
			case $f in
			$pattern|"$pattern"*) continue 2 ;;
			esac
		done < "$OUT/lint/f-lines"
		bad "$f: no F: line of MAINTAINERS matches"
	done < "$OUT/lint/tracked"
}

check_documents()
{
	("$TOP/scripts/doors/htmldocs.sh" && rst2html --halt=2 "$TOP/README.rst" /dev/null) \
		> "$OUT/lint/rst" 2>&1 ||
		{ bad "htmldocs"; sed 's/^/#   /' "$OUT/lint/rst"; }
	# A path that a document names exists, or has a word to be replaced.
	for f in $(cd "$TOP" && find README.rst Documentation -name '*.rst'); do
		for path in $(grep -oE '(^|[^a-z-])(scripts|patches|tools|Documentation)/[A-Za-z0-9_./-]+' "$TOP/$f" |
			sed -e 's/^[^a-zD]//' -e 's/[.,:]*$//' | grep -vE '/(NAME|TOPIC|BASE)([/.]|$)' | sort -u); do
			[ -e "$TOP/$path" ] || [ -e "$OUT/base/$(newest)/$path" ] ||
				bad "$f names $path, which is not there"
		done
	done
	# So does a case of a test.
	for case in $(cd "$TOP" && grep -rhoE "\`\`($(tests | paste -s -d '|'))\.[a-z_]+\`\`" Documentation | tr -d '`'); do
		grep -q "\"${case#*.}\"" "$SELF/${case%%.*}.c" "$SELF/guest.c" || [ "${case#*.}" = run ] ||
			bad "no test has the case $case"
	done
}

# The order of a load and a store in object code: wrong on the stock source
# where the compiler turns it round, right with closure-sync, wrong again
# without its release.
check_closure_order()
{
	while read -r base stack which want; do
		take "$OUT/lint/order" "$TOP/scripts/checks/closure_order.sh" "$base" "$stack" "$which" > /dev/null
		got=$(sed -n -e 's/^ok [^#]*$/ok/p' -e 's/^not ok .*/reordered/p' -e '/^# not understood/p' "$OUT/lint/order")
		[ "$got$(ktap_broken "$OUT/lint/order")" = "$want" ] || { bad "$base $stack $which: ${got:-nothing}, wanted $want"; sed 's/^/#   /' "$OUT/lint/order"; }
	done <<-END
	$(newest) vanilla gcc-x86_64 reordered
	$(newest) vanilla gcc-arm64 reordered
	$(newest) series gcc-x86_64 ok
	$(newest) series gcc-arm64 ok
	$(newest) busted/closure-plain gcc-arm64 reordered
	$(newest) busted/closure-no-acquire gcc-arm64 reordered
	6.1 vanilla clang-arm64 reordered
	6.1 series clang-x86_64 ok
	6.1 series clang-arm64 ok
	END
}

# Each BUG_ON() and its like of a base is judged in a document.
check_bugs()
{
	for base in $(bases); do
		"$TOP/scripts/checks/bugs.sh" "$base" | sed 's/^/   /' > "$OUT/lint/bugs"
		[ -s "$OUT/lint/bugs" ] || bad "base $base: no list"
		! grep -vxFf "$TOP/Documentation/bcache/bugs.rst" "$OUT/lint/bugs" ||
			bad "base $base: these are not in Documentation/bcache/bugs.rst"
	done
}

check_fio()
{
	need fio fio
	for f in "$TOP"/tools/testing/selftests/bcache/fio/*.fio; do
		BCACHE=$OUT/lint/no-device fio --parse-only "$f" > /dev/null 2>&1 ||
			bad "${f#"$TOP"/}: fio does not take it"
	done
}

check_judge()
{
	"$TOP/scripts/checks/judge_test.sh" || bad "the judge misjudges"
}

check_apply()
{
	"$TOP/scripts/checks/apply_test.sh" || bad "apply, status or unapply do not what they should"
}

# What scripts/doors/hit.sh says of machines of many kinds, and that it only reads.
check_hit()
{
	hit=$OUT/lint/hit_test.ktap
	take "$hit" "$TOP/scripts/checks/hit_test.sh" | sed 's/^/#   /'
	why=$(ktap_broken "$hit")
	! grep -q '^not ok' "$hit" || why='hit.sh misjudges'
	[ -z "$why" ] || bad "hit_test: $why"
}

# The kernel's semantic patches report nothing new.
check_coccicheck()
{
	"$TOP/scripts/checks/coccicheck.sh" || bad "coccicheck reports something new, or did not run"
}

check_export()
{
	"$TOP/scripts/checks/export_test.sh" || bad "mails are not exported as they should be"
}

check_badinput()
{
	"$TOP/scripts/checks/badinput.sh" || bad "bad input is not met well"
}

# one NAME: a check by itself.
one()
{
	wrong=''
	say "KTAP version 1"
	say 1..1
	"check_$1"
	say "${wrong:+not }ok 1 lint.$1"
	[ -z "$wrong" ]
}

# several NAME...: each in a process of its own, as many at a time as there are
# CPUs, the slowest first. One that dies fails, and the others go on.
several()
{
	for name; do
		rm -f "$OUT/lint/$name.ktap"
		echo "$(cat "$OUT/times/lint.$name" 2>/dev/null || echo 0) $name"
	done | sort -rn | cut -d ' ' -f 2 | xargs -P "$JOBS" -I % "$0" -k % || :
	say "KTAP version 1"
	say "1..$#"
	nr=0 failed=''
	for name; do
		nr=$((nr + 1)) ktap=$OUT/lint/$name.ktap
		why=$(ktap_broken "$ktap")
		[ -z "$why" ] || say "# $why"
		grep -vE '^(KTAP|1\.\.|(not )?ok 1 |# exit)' "$ktap" || :
		if [ -z "$why" ] && grep -q '^ok 1 ' "$ktap"; then
			say "ok $nr lint.$name"
		else
			say "not ok $nr lint.$name"
			failed=1
		fi
	done
	[ -z "$failed" ]
}

mkdir -p "$OUT/lint" "$OUT/times"
if [ -n "$opt_k" ]; then
	from=$(date +%s)
	take "$OUT/lint/$opt_k.ktap" "$0" "$opt_k" > /dev/null
	echo $(($(date +%s) - from)) > "$OUT/times/lint.$opt_k"
	exit 0
fi
all=$(lint_names)
for name; do
	case " $all " in
	*" $name "*) ;;
	*) die "unknown check '$name'; known: $all" ;;
	esac
done
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $all
[ $# -gt 1 ] || { one "$1"; exit; }
several "$@"
