#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Fetch a base: a real kernel source tree, from the Debian mirror that this
# machine already uses.
#
# Usage: scripts/fetch.sh [-n] BASE...
#   BASE  a row of patches/bases, or "all", or "b4"
#   -n    say what would be done
#
# Result: out/base/BASE/ (the unpacked tree) and out/base/BASE.version.
# b4, out/b4/: a version that has pre-flight checks, from a later suite; it is
# Python, and runs with the libraries of the machine's own b4.
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
	if [ "$base" = ksrc ]; then
		import_ksrc
		return
	fi
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
	step "fetch base $base ($package, $suite)"
	download "$dir.log" "$uri" "$suite" "$package"
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

fetch_b4()
{
	dir=$OUT/b4 suite=trixie
	if [ -d "$dir" ]; then
		say "b4 is here: $(cat "$dir.version")"
		return 0
	fi
	uri=$(archive_uri main) || exit 1
	if [ -n "$DRY" ]; then
		say "would download b4 of $suite and unpack it to $dir"
		return 0
	fi
	room 100000
	PART=$dir.part
	rm -rf "$PART"
	step "fetch b4 ($suite)"
	download "$dir.log" "$uri" "$suite" b4 python3-patatt
	for deb in "$PART"/*.deb; do
		dpkg-deb -x "$deb" "$PART/root" || die "cannot unpack $deb; is the disk full?"
	done
	dpkg-deb -f "$PART"/b4_*.deb Version > "$dir.version"
	mv "$PART/root/usr/lib/python3/dist-packages" "$dir"
	rm -rf "$PART"
	PART=''
	step_done
}

# download LOG URI SUITE PACKAGE...: into $PART.
download()
{
	download_log=$1
	mkdir -p "$PART/lists/partial" "$PART/cache/archives/partial"
	echo "deb $2 $3 main" > "$PART/sources.list"
	download_suite=$3
	shift 3
	(cd "$PART" && apt_private update && apt_private download "$@") > "$download_log" 2>&1 ||
		die "cannot fetch $1 of $download_suite: no network, or the mirror lacks it; see $download_log"
}

# is_kernel DIR: a kernel tree that has bcache, or one line that says it is not.
is_kernel()
{
	[ -d "$1" ] || die "KSRC=$1 is no directory"
	cat "$1/Makefile" "$1/drivers/md/bcache/btree.c" > /dev/null 2>&1 ||
		die "KSRC=$1 is no kernel source with bcache: drivers/md/bcache/btree.c is missing"
}

# The user's tree is copied, without what a build left in it, and never
# written to. A copy that is as new as the tree is kept.
import_ksrc()
{
	is_kernel "$KSRC"
	if [ -d "$dir" ] && [ "$(cat "$dir.from" 2>/dev/null)" = "$(ksrc_id)" ]; then
		return 0
	fi
	[ -z "$DRY" ] || { say "would copy $KSRC to $dir"; return 0; }
	room 2500000
	step "copy $KSRC"
	PART=$dir.part
	rm -rf "$PART"
	mkdir -p "$PART"
	tar -C "$KSRC" -c --exclude=.git --exclude='*.o' --exclude='*.ko' \
		--exclude='.*.cmd' --exclude=./vmlinux --exclude=./.config . |
		tar -C "$PART" -x || die "cannot copy $KSRC to $dir"
	rm -rf "$dir" "$OUT/tree/ksrc"
	make -s -C "$PART" kernelversion > "$dir.version" 2>/dev/null ||
		die "KSRC=$KSRC: make kernelversion fails there"
	mv "$PART" "$dir"
	PART=''
	ksrc_id > "$dir.from"
	step_done
}

# What tells one state of the user's bcache from another.
ksrc_id()
{
	(cd "$KSRC" && pwd && cat Makefile drivers/md/bcache/*.[ch]) | sha256sum
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
list=$*
[ "$list" != all ] || list=$(bases)
for b in $list; do
	case $b in
	b4) fetch_b4 ;;
	*) fetch "$b" ;;
	esac
done
