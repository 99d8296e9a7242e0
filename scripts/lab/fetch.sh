#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Fetch a base: a real kernel source tree, from the Debian mirror that this
# machine already uses.
#
# Usage: scripts/lab/fetch.sh [-nk] [BASE[=VERSION]...]
#   BASE     a row of patches/bases, or "all" (default: BASE=, or the newest);
#            or "sparse", "b4": newer ones than Debian 12 has
#   VERSION  of the Debian package (default: the newest one)
#   -k       Debian's own kernel of the version that the base has: image,
#            modules and headers, unpacked, not installed
#   -n       say what would be done
#
# Result: out/base/BASE/ (the unpacked tree) and out/base/BASE.version; with a
# version, BASE_VERSION in place of BASE. With -k: out/distro/BASE/, and the
# kernel's name in out/distro/BASE.release. Tools: out/sparse/sparse, out/b4/.
# The mirror's address comes from apt's own configuration; only the suite is
# changed, and apt's lists for it live under out/, so the system's sources
# stay as they are. Point releases move: the version that came is recorded,
# not demanded.
. "$(dirname "$0")/../lib/lib.sh"

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
	row=$(base_row "${1%%=*}") || exit 1
	dir=$(base_dir "$1")
	exact=''
	case $1 in *=*) exact=${1#*=} ;; esac
	# shellcheck disable=SC2086
	set -- $row
	base=$1 package=$2 archive=$3 suite=$4
	if [ "$base" = ksrc ]; then
		import_ksrc
		return
	fi
	if [ -d "$dir" ]; then
		say "base $base is here: $(cat "$dir.version")"
		return 0
	fi
	if [ -n "$DRY" ]; then
		say "would download $package${exact:+ $exact} of $suite and unpack it to $dir"
		return 0
	fi
	need xz xz-utils
	room 3000000
	step "fetch base $base ($package${exact:+ $exact}, $suite)"
	lists
	[ -z "$exact" ] || all_suites
	fetched "$package" get update
	fetched "$package${exact:+ $exact}" get download "$package${exact:+=$exact}"
	deb=$(ls "$PART"/*.deb)
	dpkg-deb -f "$deb" Version > "$PART/version"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dc -T0 | tar -x -C "$PART" ||
		die "cannot unpack $package; is the disk full?"
	mv "$PART/version" "$dir.version"
	keep_part "$dir" "$PART/linux-source-$base"
	step_done
	say "base $base: $(cat "$dir.version")"
}

# Debian's kernel for this machine, of the version that the base has: so the
# module, the image and the source are of one make.
fetch_kernel()
{
	fetch "$1"
	dir=$OUT/distro/$base
	[ "$base" != ksrc ] || die "Debian's own kernel of your tree: there is none; name a base"
	if [ -d "$dir" ] && [ "$(cat "$dir.version")" = "$(cat "$OUT/base/$base.version" 2>/dev/null)" ]; then
		say "Debian's kernel of base $base is here: $(cat "$dir.release")"
		return 0
	fi
	if [ -n "$DRY" ]; then
		say "would download Debian's kernel of base $base and unpack it to $dir"
		return 0
	fi
	version=$(cat "$OUT/base/$base.version")
	room 1500000
	step "fetch Debian's kernel of base $base ($version)"
	lists
	fetched "Debian's kernel" get update
	apt_private cache dumpavail > "$PART/available"
	release=$(release_of "$PART/available") || exit 1
	[ -n "$release" ] ||
		die "the mirror has no linux-headers of $version any more: remove $OUT/base/$base and $OUT/distro/$base, then run the same command again"
	# Of the source that the headers are of; the signed image comes days later.
	# shellcheck disable=SC2046
	fetched "Debian's kernel" get download "linux-image-$release-unsigned" \
		"linux-headers-$release" $(headers_need "$PART/available")
	mkdir "$PART/root"
	for deb in "$PART"/*.deb; do
		dpkg -x "$deb" "$PART/root" || die "cannot unpack ${deb##*/}; is the disk full?"
	done
	# The one absolute path that the headers have.
	sed -i 's,^include /usr/src/,include $(dir $(realpath $(lastword $(MAKEFILE_LIST))))../,' \
		"$PART/root/usr/src/linux-headers-$release/Makefile"
	rm -rf "$dir"
	echo "$release" > "$dir.release"
	echo "$version" > "$dir.version"
	keep_part "$dir" "$PART/root"
	step_done
	say "Debian's kernel of base $base: $release"
}

# release_of AVAILABLE: the plain kernel of the version that we want.
release_of()
{
	awk -v base="$base." -v version="$version" -v arch="-$(dpkg --print-architecture)" '
		/^Package: / { name = $2 }
		/^Version: / && $2 == version &&
		index(name, "linux-headers-" base) == 1 && name !~ /-(rt|cloud)-/ &&
		substr(name, length(name) - length(arch) + 1) == arch {
			print substr(name, length("linux-headers-") + 1)
			exit
		}' "$1"
}

# headers_need AVAILABLE: the packages that these headers are made of, with
# their versions.
headers_need()
{
	awk -v name="linux-headers-$release" -v version="$version" '
		/^Package: / { found = $2 == name }
		/^Version: / && $2 != version { found = 0 }
		/^Depends: / && found {
			gsub(/[,()]/, " ")
			for (i = 2; i <= NF; i++)
				if ($i ~ /^linux-(headers|kbuild)-/)
					print $i "=" version
			exit
		}' "$1"
}

# from_suite SUITE PACKAGE...: what Debian 12 has too old a version of, unpacked
# to $PART/root; nothing of it is installed. False where it is here already.
from_suite()
{
	dir=$OUT/$name archive=main suite=$1
	shift
	if [ -d "$dir" ]; then
		say "$name is here: $(cat "$dir.version")"
		return 1
	fi
	if [ -n "$DRY" ]; then
		say "would download $* of $suite and unpack it to $dir"
		return 1
	fi
	room 100000
	step "fetch $name ($suite)"
	lists
	fetched "$name" get update
	# shellcheck disable=SC2046
	fetched "$name" get download $(for package; do echo "$package/$suite"; done)
	for deb in "$PART"/*.deb; do
		dpkg-deb -x "$deb" "$PART/root" || die "cannot unpack ${deb##*/}; is the disk full?"
	done
	dpkg-deb -f "$PART/${name}"_*.deb Version > "$dir.version"
}

# 0.6.5, with the C library that it was built for: a line of shell starts it
# from where it lies.
fetch_sparse()
{
	from_suite forky sparse libc6 || return 0
	cat > "$PART/root/sparse" <<-'END'
		#!/bin/sh
		dir=${0%/*}
		lib=$(echo "$dir"/usr/lib/*-linux-gnu*)
		exec "$lib"/ld-linux-*.so.* --library-path "$lib" "$dir/usr/bin/sparse" "$@"
	END
	chmod +x "$PART/root/sparse"
	"$PART/root/sparse" --version > /dev/null 2>&1 || die "the sparse of $suite does not run here"
	keep_part "$dir" "$PART/root"
	step_done
}

# One that has pre-flight checks. It is Python, and runs with the libraries of
# the machine's own b4.
fetch_b4()
{
	from_suite trixie b4 python3-patatt || return 0
	keep_part "$dir" "$PART/root/usr/lib/python3/dist-packages"
	step_done
}

# lists: what becomes $dir is made beside apt's lists for the suite of the base.
lists()
{
	uri=$(archive_uri "$archive") || exit 1
	make_part "$dir"
	mkdir -p "$PART/lists/partial" "$PART/cache/archives/partial"
	echo "deb $uri $suite main" > "$PART/sources.list"
}

# all_suites: a version that is not the newest, or is another release's, comes
# from where this machine has its kernel from.
all_suites()
{
	apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|deb $(REPO_URI) $(CODENAME) main' |
		sed -n 's/^Debian[^|]*|main|//p' | cat - "$PART/sources.list" |
		sort -u -o "$PART/sources.list"
}

# fetched WHAT get|cache...: apt with those lists, or one line that says why not.
fetched()
{
	fetched_what=$1
	shift
	(cd "$PART" && apt_private "$@") >> "$PART/log" 2>&1 && return 0
	mv "$PART/log" "$dir.log"
	die "cannot fetch $fetched_what of $suite: no network, or the mirror lacks it; see $dir.log"
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
	make_part "$dir"
	tar -C "$KSRC" -c --exclude=.git --exclude='*.o' --exclude='*.ko' \
		--exclude='.*.cmd' --exclude=./vmlinux --exclude=./.config \
		--exclude=./include/config --exclude=./include/generated . |
		tar -C "$PART" -x || die "cannot copy $KSRC to $dir"
	rm -rf "$dir" "$OUT/tree/ksrc" "$OUT"/runs/ksrc-*
	make -s -C "$PART" ARCH=um SUBARCH=x86_64 CROSS_COMPILE= kernelversion > "$dir.version" 2>/dev/null ||
		die "KSRC=$KSRC: make kernelversion fails there"
	keep_part "$dir"
	ksrc_id > "$dir.from"
	step_done
}

# What tells one state of the user's bcache from another.
ksrc_id()
{
	(cd "$KSRC" && pwd && cat Makefile drivers/md/bcache/*.[ch]) | sha256sum
}

# apt_private get|cache...: apt with lists of its own: the system's sources and
# lists are not touched.
apt_private()
{
	apt_tool=apt-$1
	shift
	"$apt_tool" -q \
		-oDir::Etc::sourcelist="$PART/sources.list" \
		-oDir::Etc::sourceparts=/dev/null \
		-oDir::State::lists="$PART/lists" \
		-oDir::Cache="$PART/cache" \
		-oAPT::Sandbox::User=root \
		-oAcquire::Languages=none \
		-oAcquire::Retries=3 \
		-oAPT::Update::Error-Mode=any "$@"
}

what=fetch
opt_k=''
options kn "$@"
shift $((OPTIND - 1))
[ -z "$opt_k" ] || what=fetch_kernel
[ $# -gt 0 ] || set -- "$BASE"
list=$*
[ "$list" != all ] || list=$(bases)
for b in $list; do
	case $b in
	sparse|b4) name=$b; "fetch_$b" ;;
	*) $what "$b" ;;
	esac
done
