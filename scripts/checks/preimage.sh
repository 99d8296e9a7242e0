#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Make files that a series of patches fits, from the patches alone.
#
# Usage: scripts/checks/preimage.sh DIR PATCH...
#
# For a series whose kernel is no base of the lab. What the hunks show of a
# file stands where they say, or where it has to for a later patch to fit what
# an earlier one has left; every other line is a filler, and no two fillers
# are alike. What stands together is put into the function that its hunk names.
# It proves that the series fits itself, not that it fits a kernel.
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))
[ $# -ge 2 ] || misused
dir=$1
shift
for path in $(patch_paths "$@"); do
	mkdir -p "$dir/$(dirname "$path")"
done

# at[file, n] is the id of the line that is now the file's nth; text[id] is
# what it says, once a hunk has told. Ids 1 to LINES of a file are the lines
# that it began with.
awk -v dir="$dir" '
	BEGIN { LINES = 5000; NEAR = 100 }
	function begin(file,   n) {
		files[file]
		count[file] = LINES
		for (n = 1; n <= LINES; n++)
			at[file, n] = file SUBSEP n
	}
	# How many lines of the hunk are known at pos, braces and blank lines
	# not counted; -1 when one differs.
	function known(pos,   i, id, score) {
		for (i = 1; i <= olds; i++) {
			id = at[file, pos + i - 1]
			if (!(id in text))
				continue
			if (text[id] != old[i])
				return -1
			score += old[i] ~ /[a-z]/
		}
		return score + 0
	}
	# Where it says, unless enough lines are known to tell another place.
	function place(   d, pos, score, best, where) {
		best = -1
		for (d = 0; d <= NEAR; d = d > 0 ? -d : 1 - d) {
			pos = start + moved + d
			if (pos < 1)
				continue
			score = known(pos)
			if (score > best && (best < 0 || score >= 3)) {
				best = score
				where = pos
			}
		}
		if (best < 0) {
			print "a hunk at line " start " of " file " fits nowhere" > "/dev/stderr"
			exit failed = 1
		}
		return where
	}
	function hunk(   i, n, m, pos, id, kind, shift) {
		if (!lines)
			return
		n = pos = place()
		shift = news - olds
		m = count[file]
		for (i = 1; i <= m; i++)
			was[i] = at[file, i]
		for (i = 1; i <= lines; i++) {
			kind = substr(line[i], 1, 1)
			if (kind == "+") {
				id = "new" SUBSEP (++made)
				at[file, n++] = id
			} else {
				id = was[pos++]
				if (kind == " ")
					at[file, n++] = id
			}
			if (!(id in text))
				head[id] = name
			text[id] = substr(line[i], 2)
		}
		while (pos <= m)
			at[file, n++] = was[pos++]
		count[file] = m + shift
		moved += shift
		lines = olds = news = 0
	}
	function is_text(n) {
		return (file SUBSEP n) in text
	}
	# A line, or a filler: the two before a group of lines are the head of
	# its function, the one after it ends that, if it has not ended.
	function shown(n,   id) {
		id = file SUBSEP n
		if (is_text(n)) {
			if (text[id] ~ /^}/)
				open = 0
			else if (text[id] ~ /^[a-z].*\)$/)
				open = 1
			return text[id]
		}
		if (is_text(n - 1) && open && !is_text(n + 1) && !is_text(n + 2)) {
			open = 0
			return "}"
		}
		if (!open && is_text(n + 2) && !is_text(n + 1) && is_func(head[file, n + 2])) {
			id = file SUBSEP (n + 2)
			open = begun = 1
			return head[id]
		}
		if (begun-- > 0)
			return "{"
		return "/* line " n " */"
	}
	function is_func(line) {
		return line ~ /^[a-z].*\(/
	}
	left_old <= 0 && left_new <= 0 && /^\+\+\+ b\// {
		hunk()
		file = substr($0, 7)
		sub(/\t.*/, "", file)
		moved = 0
		name = ""
		if (!(file in files))
			begin(file)
		next
	}
	left_old <= 0 && left_new <= 0 && /^@@ / {
		hunk()
		# A label is in the function that the last hunk was in.
		if ($0 !~ /:$/) {
			name = $0
			sub(/^@@ [^@]* @@ ?/, "", name)
		}
		split($2, a, /[-,]/)
		split($3, b, /[+,]/)
		start = a[2]
		left_old = a[3] == "" ? 1 : a[3]
		left_new = b[3] == "" ? 1 : b[3]
		next
	}
	left_old > 0 || left_new > 0 {
		line[++lines] = $0
		if ($0 !~ /^\+/) {
			old[++olds] = substr($0, 2)
			left_old--
		}
		if ($0 !~ /^-/) {
			news++
			left_new--
		}
	}
	END {
		if (!failed)
			hunk()
		if (failed)
			exit 1
		for (file in files) {
			for (n = 1; n <= LINES; n++)
				print shown(n) > (dir "/" file)
		}
	}' "$@"
