#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Make HTML of Documentation/, in out/html; a warning is an error.
#
# Usage: scripts/doors/htmldocs.sh
. "$(dirname "$0")/../lib/lib.sh"

options '' "$@"
need sphinx-build python3-sphinx
sphinx-build -q -W --keep-going -E -d "$OUT/doctrees" "$TOP/Documentation" "$OUT/html"
say "pages: $OUT/html/index.html"
