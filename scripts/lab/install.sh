#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Install the Debian packages that the lab needs and this machine lacks.
#
# Usage: scripts/lab/install.sh [-n] [show|bench|check]
#   show   what `make` needs (default)
#   bench  what `make bench` needs
#   check  what `make check` needs, and all others
#   -n     say what would be installed
#
# As root with apt-get, else with sudo; without either it names the packages.
. "$(dirname "$0")/../lib/lib.sh"

# package: what it is for
SHOW='
gcc:		compile the kernel and the guest
libc6-dev:	static libc for the guest
make:		kbuild
flex:		kbuild: Kconfig
bison:		kbuild: Kconfig
bc:		kbuild: time constants
perl:		kbuild
xz-utils:	unpack the kernel source
cpio:		pack the guest
git:		lay patches on a base
bcache-tools:	make-bcache, in the guest
'
BENCH='
gnuplot-nox:	pictures
'
CHECK='
shellcheck:	lint the scripts
python3-sphinx:	make htmldocs, and lint the documents
fio:		lint the job files
b4:		pre-flight of exported mails
sparse:		compile every patch under it
coccinelle:	semantic patches of the kernel
busybox:	another shell for hit.sh
gcc-aarch64-linux-gnu: object code of closure-sync
clang:		the same
libelf-dev:	kbuild: x86 kernels
libssl-dev:	kbuild: x86 kernels
kmod:		choose and look at modules
qemu-system-x86: boot the kernel of Debian
'

options n "$@"
shift $((OPTIND - 1))
case ${1:-show} in
show) want=$SHOW ;;
bench) want=$SHOW$BENCH ;;
check) want=$SHOW$BENCH$CHECK ;;
*) misused ;;
esac

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=''
for package in $(printf '%s' "$want" | sed -n 's/^\([^:]*\):.*/\1/p'); do
	installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

say "these packages are missing:"
for package in $missing; do
	printf '%s' "$want" | sed -n "s/^\($package\):[[:space:]]*/  \1: /p"
done
[ -z "$DRY" ] || exit 0

command -v apt-get > /dev/null || die "no apt-get here; install by hand:$missing"
if [ "$(id -u)" = 0 ]; then
	as_root=''
elif command -v sudo > /dev/null; then
	as_root=sudo
else
	die "neither root nor sudo; have an administrator run: apt-get install$missing"
fi
step "install$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
quiet "$OUT/log/install.log" sh -c "
	$as_root apt-get -q update &&
	$as_root apt-get -q -y --no-install-recommends install $missing"
step_done
