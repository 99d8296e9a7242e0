# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
#
# The runs of the lab: the list of them, how they are named, where their
# kernels are. Sourced by lib.sh, never run.

SELF=$TOP/tools/testing/selftests/bcache
RUNS=$SELF/runs
# What a console must not show, extended regular expressions. "BUG: " also
# catches KASAN and lockdep's recursion.
BAD='BUG: |BUG at |WARNING: |WARNING in |KASAN: |Oops|Kernel panic|general protection|INFO: task .* blocked for more|soft lockup|rcu.*stall|possible .* deadlock|inconsistent lock state|bad unlock balance|held lock freed|suspicious RCU|Segfault with no mm|UBSAN: |hogged CPU|Call Trace:'
# Nor this, of disks that are sound.
BAD_IO='cannibalize failed|journal entries .* missing|IO error|disabling caching'

# rows SET...: the runs of these sets, "SET BASE SCENARIO STACK TEST
# [NAME=VALUE...]", a line for each base.
rows()
{
	awk -v base="$BASE" -v sets=" $* " '
		/^[a-z]/ && index(sets, " " $1 " ") {
			n = split($2, list, ",")
			for (i = 1; i <= n; i++) {
				$2 = list[i] == "-" ? base : list[i]
				print
			}
		}' "$RUNS"
}

# expected BASE SCENARIO STACK TEST [NAME=VALUE...]: what has to go wrong in
# that run. A row for every base, "-", yields to one that names the base.
expected()
{
	awk -v base="$1" -v want="$*" '
		/^[a-z]/ {
			this = ""
			n = split($2, list, ",")
			for (i = 1; i <= n; i++) {
				$2 = base
				if ($0 == $1 " " want && (list[i] == base || list[i] == "-"))
					this = list[i]
			}
		}
		/^\t/ && this { text[this] = text[this] substr($0, 2) "\n" }
		/^[a-z]/ && this { known[this] }
		END { printf "%s", text[base in known ? base : "-"] }' "$RUNS"
}

# run_id BASE SCENARIO STACK TEST [NAME=VALUE...]: the name of a run's
# directory. Settings are part of it: other settings are another run.
run_id()
{
	printf '%s' "$*" | tr '/ ' -
	echo
}

# figure EXPRESSION BASE SCENARIO STACK TEST [NAME=VALUE...]: what a run measured,
# as awk calculates it from the metrics that the expression names, or "-".
figure()
{
	figure_of=$(printf '%s' "$1" | sed 's/\(^\|[^a-z0-9_]\)\([a-z_][a-z0-9_]*\)/\1of("\2")/g')
	shift
	tsv=$OUT/runs/$(run_id "$@")/results.tsv
	[ -f "$tsv" ] || { echo -; return 1; }
	awk -F '\t' "
		function of(name) { if (!(name in m)) missing = 1; return m[name] }
		{ m[\$5] = \$6 }
		END {
			v = $figure_of
			if (missing) print \"-\"
			else printf \"%.12g\n\", v
			exit missing
		}" "$tsv"
}

# workloads: of make bench, each named by its settings in the list of runs. Those
# that begin with other settings are for the table of peers.
workloads()
{
	rows bench | sed -n 's/^[^ ]* [^ ]* VT [^ ]* bench work=/work=/p' | awk '!seen[$0]++'
}

# bench_stacks: that they are run on, in order.
bench_stacks()
{
	rows bench | cut -d ' ' -f 4 | awk '!seen[$0]++'
}

# tests: the guest's programs, but for init. PROG_PART.c is a part of PROG.
tests()
{
	(cd "$SELF" && grep -l '^int main' ./*.c | sed -e 's,^\./,,' -e 's/\.c$//') | grep -vx init
}

# scenarios: the names of the lab's scenarios, on one line.
scenarios()
{
	for boot in "$SELF"/configs/*.boot; do
		basename "$boot" .boot
	done | tr '\n' ' '
}

# virtual SCENARIO: does time in it stand still while the kernel computes?
virtual()
{
	grep -q '^[^#]*time-travel' "$SELF/configs/$1.boot"
}

# on_one_cpu SCENARIO: words before the command of a guest, or none where taskset
# cannot do it. Its kernel and its processes take turns: on two CPUs each turn wakes
# an idle one. Of the CPUs that this process may use it is number SLOT, which xargs
# sets, counted from one that depends on the user's command: two commands at once
# then often have different ones.
on_one_cpu()
{
	virtual "$1" || return 0
	one_cpu=$(taskset -cp $$ 2>/dev/null | awk -v slot="$((${SLOT:-0} + OUTERMOST))" '{
		n = split($NF, part, ",")
		for (i = 1; i <= n; i++) {
			split(part[i] "-" part[i], end, "-")
			for (cpu = end[1]; cpu <= end[2]; cpu++) cpus[k++] = cpu
		}
		print cpus[slot % k]
	}')
	! taskset -c "$one_cpu" true 2>/dev/null || echo "taskset -c $one_cpu"
}

# kernel_dir BASE SCENARIO STACK: where scripts/lab/build.sh leaves a kernel.
kernel_dir()
{
	if [ -f "$SELF/configs/$2.config" ]; then
		echo "$OUT/tree/$1/$3/o-$2"
	else
		echo "$OUT/distro/$1-$3"
	fi
}

# uml_words TEST DIR: of User Mode Linux's command line. The guest's verdict comes
# through a channel of its own, so that nothing on the console can pass for it:
# descriptor 3 is its tty1.
uml_words()
{
	echo "initrd=$OUT/guest/initrd uml_dir=$2 umid=uml con=null con0=null,fd:1" \
		"con1=null,fd:3 console=tty0 panic=-1 panic_on_warn=0 loglevel=7" \
		"ktap=/dev/tty1 test=$1"
}

# user_before VERSION: is the user's tree older than that?
user_before()
{
	printf '%s\n' "$(cat "$OUT/base/ksrc.version")" "$1" | sort -VC &&
		[ "$(cat "$OUT/base/ksrc.version")" != "$1" ]
}

# flags_for BASE: of the compiler. A user's tree may be older than it, and than what
# it takes for granted: gnu11, no common blocks, position-independent code, CET. And
# a stack at a multiple of 16, as SSE wants it: before 5.2 rwsem's assembler leaves
# one at a multiple of 8, and gcc 12 uses SSE wherever it may.
flags_for()
{
	[ "$1" != ksrc ] || ! user_before 5.10 ||
		echo "-std=gnu89 -fno-pie -fcf-protection=none -fcommon -mno-sse"
}

# cut_scenario [NAME=VALUE...]: where settings of a cut or a fault are run.
cut_scenario()
{
	case " $* " in *' fault_how=3 '*) echo ALLOC ;; *) echo "${SCENARIO:-VT}" ;; esac
}
