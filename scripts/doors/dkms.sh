#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Package bcache with the series for DKMS, which rebuilds it with every new
# kernel of the same line.
#
# Usage: scripts/doors/dkms.sh [-n] [KVER]
#   KVER  a kernel, or its line alone, such as 6.1 (default: as for "module");
#         its headers are not needed to make the package
#   -n    say what would be done
#
# Result: out/dkms/bcache-journal-flush-dkms_VERSION_all.deb, for kernels of
# that line and no others. Documentation/admin-guide/install.rst is the page.
. "$(dirname "$0")/../lib/lib.sh"

NAME=bcache-journal-flush
PACKAGE=$NAME-dkms

options n "$@"
shift $((OPTIND - 1))
[ $# -le 1 ] || misused

conf()
{
	# What is in dollars is DKMS's, when it builds.
	cat <<-END
	PACKAGE_NAME="$NAME"
	PACKAGE_VERSION="$version"
	BUILT_MODULE_NAME[0]="bcache"
	DEST_MODULE_LOCATION[0]="/updates/dkms"
	MAKE[0]="make -C \${kernel_source_dir} M=\${dkms_tree}/\${PACKAGE_NAME}/\${PACKAGE_VERSION}/build modules"
	CLEAN="make -C \${kernel_source_dir} M=\${dkms_tree}/\${PACKAGE_NAME}/\${PACKAGE_VERSION}/build clean"
	BUILD_EXCLUSIVE_KERNEL="^$(echo "$line" | sed 's/\./\\./g')\."
	AUTOINSTALL="yes"
	END
}

control()
{
	cat <<-END
	Package: $PACKAGE
	Version: $version
	Architecture: all
	Section: kernel
	Priority: optional
	Maintainer: bcache lab <lab@bcache.invalid>
	Depends: dkms (>= 2.1.0.0)
	Recommends: linux-headers-$(dpkg --print-architecture)
	Description: bcache with fixes for its journal's flusher, for kernels $line
	 bcache.ko of linux-source $(cat "$base.version") with the series:
	$(sed 's/^ */ /' "$PART/src/about")
	 DKMS builds it for every kernel $line that has bcache as a module, in
	 place of the stock one.
	END
}

# The initramfs has a copy of the module and keeps the old one unless told.
INITRAMFS='! command -v update-initramfs > /dev/null || update-initramfs -u -k all'

postinst()
{
	cat <<-END
	#!/bin/sh
	set -e
	[ "\$1" = configure ] || exit 0
	/usr/lib/dkms/common.postinst $NAME $version /usr/share/$PACKAGE "" "\$2"
	$INITRAMFS
	END
}

prerm()
{
	cat <<-END
	#!/bin/sh
	set -e
	! dkms status -m $NAME -v $version | grep -q . ||
	        dkms remove -m $NAME -v $version --all
	END
}

postrm()
{
	cat <<-END
	#!/bin/sh
	set -e
	[ "\$1" = remove ] || exit 0
	$INITRAMFS
	END
}

pack()
{
	root=$PART/root
	src=$root/usr/src/$NAME-$version
	mkdir -p "$root/usr/src" "$root/DEBIAN" "$root/usr/share/doc/$PACKAGE"
	mv "$PART/src" "$src"
	rm "$src/version" "$src/about"
	conf > "$src/dkms.conf"
	cp "$PART/control" "$root/DEBIAN/control"
	cp "$TOP/COPYING" "$root/usr/share/doc/$PACKAGE/copyright"
	for part in postinst prerm postrm; do
		$part > "$root/DEBIAN/$part"
		chmod 755 "$root/DEBIAN/$part"
	done
	chmod -R go=rX,u+w "$root"
	dpkg-deb --root-owner-group -b "$root" "$PART/$deb"
}

kver=${1:-$(kver_default)} || exit 1
line=$(echo "$kver" | cut -d . -f 1,2)
bases | grep -qxF "$line" ||
	die "$kver: no base $line in patches/bases; known: $(bases | tr '\n' ' ')"
dir=$OUT/dkms
if [ -n "$DRY" ]; then
	say "would package bcache of base $line with the series for DKMS in $dir"
	exit 0
fi
need dpkg-deb dpkg
base=$(base_dir "$line")
[ -d "$base" ] || "$TOP/scripts/lab/fetch.sh" "$line"
room 20000
make_part "$dir/$line"
"$TOP/scripts/doors/module_source.sh" "$line" "$PART/src"
version=$(cat "$PART/src/version")
about=$(cat "$PART/src/about")
deb=${PACKAGE}_${version}_all.deb
control > "$PART/control"
quiet "$OUT/log/dkms.log" pack
rm -f "$dir/${PACKAGE}_$(cat "$base.version")"*.deb
keep_part "$dir/$deb" "$PART/$deb"
say "$dir/$deb"
say "  for kernels $line"
say "$about"
say "to install it, as root:  apt-get install $dir/$deb"
say "to go back, as root:     apt-get remove $PACKAGE, then reboot"
say "Secure Boot, and which one is loaded: Documentation/admin-guide/install.rst"
