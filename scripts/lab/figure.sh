#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Print one figure of a run that was made.
#
# Usage: scripts/lab/figure.sh BASE SCENARIO STACK TEST FIGURE [NAME=VALUE...]
#   FIGURE  a metric, as the run's results.tsv has it, or what awk calculates
#           from some: "worst / 1000", "reaped + freed"
#
# Prints "-" where there is no such run or metric, and exits with 1.
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
shift $((OPTIND - 1))
[ $# -ge 5 ] || misused
base=$1 scenario=$2 stack=$3 test=$4 figure=$5
shift 5
figure "$figure" "$base" "$scenario" "$stack" "$test" "$@"
