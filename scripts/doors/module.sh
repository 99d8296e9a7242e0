#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Rebuild bcache.ko of an installed Debian kernel with the series.
#
# Usage: scripts/doors/module.sh [-n] [-d DIR] [KVER]
#   KVER    a kernel whose headers are installed (default: the one that runs,
#           or the only one that has headers here)
#   -d DIR  take the headers from there; they are unpacked, not installed
#   -n      say what would be done
#
# Result: out/module/KVER/bcache.ko. Nothing is installed: what to do with it
# is printed at the end. Documentation/admin-guide/install.rst is the page.
. "$(dirname "$0")/../lib/lib.sh"

opt_d=''
options d:n "$@"
shift $((OPTIND - 1))
root=$opt_d
[ $# -le 1 ] || misused

check_headers()
{
	[ -f "$headers/.config" ] ||
		die "no headers of $kver here; install them with: apt-get install linux-headers-$kver"
	[ -n "$wanted" ] ||
		die "$kver is no kernel of Debian's: patch its own source (patches/README) and build bcache there"
	bases | grep -qxF "$line" ||
		die "$kver: no base $line in patches/bases; known: $(bases | tr '\n' ' ')"
	case $(sed -n 's/^CONFIG_BCACHE=//p' "$headers/.config") in
	m) ;;
	y) die "$kver has bcache built in (CONFIG_BCACHE=y): no module can replace it; build a kernel" ;;
	*) die "$kver is built without bcache (CONFIG_BCACHE is not set)" ;;
	esac
	[ -s "$headers/Module.symvers" ] ||
		die "$headers has no Module.symvers: the module would not load; install linux-headers-$kver again"
}

# choose_source: that kernel's own, fetched if need be. A version that the
# mirror has given up is replaced by the base's, and the module's version says
# so.
choose_source()
{
	src=$line
	[ -d "$(base_dir "$line")" ] || "$TOP/scripts/lab/fetch.sh" "$line"
	src_version=$(cat "$(base_dir "$line").version")
	[ "$src_version" != "$wanted" ] || return 0
	if "$TOP/scripts/lab/fetch.sh" "$line=$wanted"; then
		src=$line=$wanted
	else
		echo "$me: taking the source of $src_version for a kernel of $wanted" >&2
	fi
}

build()
{
	choose_source
	room 100000
	make_part "$dir"
	"$TOP/scripts/doors/module_source.sh" "$src" "$PART/src"
	stamp=$(cat "$PART"/src/*.[ch] "$headers/.config" "$headers/Module.symvers" | sha256sum)
	[ "$(cat "$dir/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	step "build bcache.ko for $kver"
	quiet "$OUT/log/module-$kver.log" make -C "$headers" M="$PART/src" -j"$JOBS" \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab KBUILD_BUILD_TIMESTAMP=1970-01-01 modules
	# As in a package: the debug information is most of the file.
	strip -g -o "$PART/bcache.ko" "$PART/src/bcache.ko"
	check_module
	cp "$PART/src/about" "$PART/"
	rm -rf "$PART/src"
	echo "$stamp" > "$PART/.stamp"
	keep_part "$dir"
	step_done
}

# A module for another kernel, or one whose version nobody can see, would be
# found out only after a reboot.
check_module()
{
	magic=$(modinfo -F vermagic "$PART/bcache.ko") version=$(modinfo -F version "$PART/bcache.ko")
	[ "${magic%% *}" = "$kver" ] || die "the module came out for '$magic', not for $kver"
	[ "$version" = "$(cat "$PART/src/version")" ] || die "the module came out with version '$version'"
	! grep -q '^CONFIG_MODVERSIONS=y' "$headers/.config" || [ "${magic%modversions*}" != "$magic" ] ||
		die "the module came out without modversions"
}

report()
{
	say "$dir/bcache.ko"
	cat "$dir/about"
	[ -n "$root" ] || cat <<-END
	to install it, as root:
	  install -D -m 644 $dir/bcache.ko /lib/modules/$kver/updates/bcache.ko
	  depmod $kver && update-initramfs -u -k $kver
	to go back: remove that file, the same second line, reboot
	Secure Boot, and which one is loaded: Documentation/admin-guide/install.rst
	END
}

kver=${1:-$(kver_default)} || exit 1
line=$(echo "$kver" | cut -d . -f 1,2)
if [ -n "$root" ]; then
	headers=$root/usr/src/linux-headers-$kver
	wanted=$(cat "$root.version" 2>/dev/null) || die "$root.version is missing"
else
	headers=/lib/modules/$kver/build
	wanted=$(debian_version "$kver")
fi
check_headers
dir=$OUT/module/$kver
if [ -n "$DRY" ]; then
	say "would build bcache of linux-source $wanted with the series for $kver in $dir"
	exit 0
fi
need make make
need modinfo kmod
need strip binutils
# Headers that come with a vmlinux give the module its type information too.
[ ! -f "$headers/vmlinux" ] || need pahole pahole
build
report
