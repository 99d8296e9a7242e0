# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Cases that scripts report, KTAP. Sourced by lib.sh, never run.

# take FILE COMMAND...: run what prints KTAP, keep that and its status in FILE,
# and show what is not ok.
take()
{
	take_file=$1
	shift
	"$@" > "$take_file" 2>&1 && take_rc=0 || take_rc=$?
	say "# exit $take_rc" >> "$take_file"
	grep -vE '^(ok|KTAP|1\.\.|# exit )' "$take_file" || :
}

# ktap_broken FILE: why its cases are not all that there should be, or nothing.
# What died has no word of it in its cases.
ktap_broken()
{
	[ -f "$1" ] || { echo "no file of cases"; return; }
	awk '
		/^1\.\.[0-9]+/ && !plans++ { plan = substr($1, 4) }
		/^(not )?ok / { seen++ }
		/^not ok / && !/# XFAIL/ { failed++ }
		/^# exit / { status = $3; ended = 1 }
		END {
			if (!plans)
				print "no plan"
			else if (plan == 0)
				print "no case planned"
			else if (seen + 0 != plan)
				print plan " cases planned, " seen + 0 " results"
			else if (ended && (status == 0) != (failed == 0))
				print "exit status " status ", with " failed + 0 " failed cases"
		}' "$1"
}
