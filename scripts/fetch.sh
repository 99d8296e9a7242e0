#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Fetch a base: a real kernel source tree, from the Debian mirror that this
# machine already uses.
#
# Usage: scripts/fetch.sh [-n] BASE...
#   BASE  a row of patches/bases, or "all"
#   -n    say what would be done
#
# Result: out/base/BASE/ (the unpacked tree) and out/base/BASE.version.
# The mirror's address comes from apt's own configuration; only the suite is
# changed, and apt's lists for it live under out/, so the system's sources
# stay as they are. Point releases move: the version that came is recorded,
# not demanded.
. "$(dirname "$0")/lib.sh"

# mirror LABEL: the address of the archive that apt uses under that label.
mirror()
{
	apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 2>/dev/null |
		sed -n "s/^$1|//p" | sort -u | head -1
}

# archive_uri ARCHIVE: main or security. A machine without the security
# archive in its sources finds it beside the main one.
archive_uri()
{
	main=$(mirror Debian)
	[ -n "$main" ] || die "apt knows no Debian mirror; run apt-get update first"
	case $1 in
	main) echo "$main" ;;
	security)
		sec=$(mirror Debian-Security)
		echo "${sec:-${main%debian/}debian-security/}" ;;
	*) die "patches/bases: unknown archive '$1'" ;;
	esac
}

fetch()
{
	row=$(base_row "$1") || exit 1
	# shellcheck disable=SC2086
	set -- $row
	base=$1 package=$2 archive=$3 suite=$4
	dir=$OUT/base/$base
	if [ -d "$dir" ]; then
		say "base $base is here: $(cat "$dir.version")"
		return 0
	fi
	uri=$(archive_uri "$archive") || exit 1
	if [ -n "$DRY" ]; then
		say "would download $package of $suite and unpack it to $dir"
		return 0
	fi
	need xz xz-utils
	room 3000000
	PART=$dir.part
	rm -rf "$PART"
	mkdir -p "$PART/lists/partial" "$PART/cache/archives/partial"
	step "fetch base $base ($package, $suite)"
	echo "deb $uri $suite main" > "$PART/sources.list"
	if ! (cd "$PART" && apt_private update && apt_private download "$package") \
		> "$OUT/base/$base.log" 2>&1; then
		die "cannot fetch $package of $suite: no network, or the mirror lacks it; see $OUT/base/$base.log"
	fi
	deb=$(ls "$PART"/*.deb)
	dpkg-deb -f "$deb" Version > "$PART/version"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dc -T0 | tar -x -C "$PART" ||
		die "cannot unpack $package; is the disk full?"
	mv "$PART/version" "$dir.version"
	mv "$PART/linux-source-$base" "$dir"
	rm -rf "$PART"
	PART=''
	step_done
	say "base $base: $(cat "$dir.version")"
}

# apt with lists of its own: the system's sources and lists are not touched.
apt_private()
{
	apt-get -q \
		-oDir::Etc::sourcelist="$PART/sources.list" \
		-oDir::Etc::sourceparts=/dev/null \
		-oDir::State::lists="$PART/lists" \
		-oDir::Cache="$PART/cache" \
		-oAPT::Sandbox::User=root \
		-oAcquire::Languages=none \
		-oAcquire::Retries=3 \
		-oAPT::Update::Error-Mode=any "$@"
}

while getopts nh opt; do
	case $opt in
	n) DRY=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { usage >&2; exit 2; }
[ "$1" != all ] || { shift; set -- $(bases); }
for b; do
	fetch "$b"
done
