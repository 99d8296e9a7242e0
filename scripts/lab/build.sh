#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Build the kernel of a scenario with a stack laid on a base.
#
# Usage: scripts/lab/build.sh [-n] BASE SCENARIO[,SCENARIO...] STACK
#   BASE      a row of patches/bases
#   SCENARIO  a pair of files in tools/testing/selftests/bcache/configs/
#   STACK     a row of patches/stacks
#   -n        say what would be done
#
# Result: out/tree/BASE/STACK/o-SCENARIO/linux. A base is built once per
# scenario, as its vanilla stack; the other stacks start from a copy of that
# build, or of the stack that they lie on, and compile what differs. The .config
# is checked line by line.
#
# A scenario without a fragment runs Debian's own kernel of the base, with its
# stock bcache.ko as "vanilla" and with ours as "series". Result, in place of
# a build: out/distro/BASE-STACK/ with vmlinuz, .config and modules.cpio.
. "$(dirname "$0")/../lib/lib.sh"

CONFIGS=$SELF/configs

kmake()
{
	[ -z "$(flags_for "$base")" ] ||
		set -- SUBARCH=x86_64 CROSS_COMPILE= "KCFLAGS=-w $(flags_for "$base")" "$@"
	# Who built it and when is not allowed into the image.
	make -s -C "$tree" ARCH=um O="$obj" -j"$JOBS" \
		KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab \
		KBUILD_BUILD_TIMESTAMP=1970-01-01 "$@"
}

# configure: allnoconfig and the fragments; a wish that did not come true
# would silently test something else, so it stops the build.
configure()
{
	kmake allnoconfig
	# shellcheck disable=SC2046
	(cd "$tree/$obj" && ../scripts/kconfig/merge_config.sh -m .config \
		$(fragments))
	kmake olddefconfig
}

# fragments: in their order. A user's tree may lack options that the lab can do
# without, so there only those of the last one have to come out.
fragments()
{
	echo "$CONFIGS/common.config" "$CONFIGS/$scenario.config"
	[ "$base" != ksrc ] || echo "$CONFIGS/ksrc.config"
}

# missing: what was asked for and did not come out.
missing()
{
	fragments=$(fragments)
	[ "$base" != ksrc ] || fragments=$CONFIGS/ksrc.config
	# shellcheck disable=SC2086
	grep -h '^CONFIG' $fragments |
		grep -vxF -f "$tree/$obj/.config" || [ $? -eq 1 ] || echo 'all of it'
}

check_config()
{
	[ -z "$(missing)" ] ||
		die "$base $scenario: the .config came out without: $(missing | tr '\n' ' ')"
}

build()
{
	base=$1 scenario=$2 stack=$3
	tree=$OUT/tree/$base/$stack
	obj=o-$scenario
	log=$OUT/log/build-$base-$scenario-$(echo "$stack" | tr / -).log
	# Two that lie on it may want it at once, and it has one tree for all scenarios.
	in_turn "build-$base-$(echo "$stack" | tr / -)"
	"$TOP/scripts/lab/tree.sh" "$base" "$stack"
	# shellcheck disable=SC2046
	stamp=$({ cat "$tree/.stamp" $(fragments); flags_for "$base"; } | sha256sum)
	if [ "$(cat "$tree/$obj/.stamp" 2>/dev/null)" = "$stamp" ]; then
		[ -n "$(missing)" ] || return 0
	fi
	if [ "$stack" != vanilla ]; then
		from=$(below "$stack")
		from=${from:-vanilla}
		"$0" "$base" "$scenario" "$from"
	fi
	step "build $base $scenario $stack"
	rm -f "$tree/$obj/.stamp"
	if [ ! -d "$tree/$obj" ]; then
		if [ "$stack" = vanilla ]; then
			room 2000000
			mkdir "$tree/$obj"
			# A user's tree may never build: then nothing is left of it.
			[ "$base" != ksrc ] || PART=$tree/$obj
		else
			room 1000000
			copy_build "$OUT/tree/$base/$from"
		fi
	fi
	# shellcheck disable=SC2046,SC2002
	conf=$(cat $(fragments) | sha256sum)
	if [ "$(cat "$tree/$obj/.conf" 2>/dev/null)" != "$conf" ] || [ -n "$(missing)" ]; then
		quiet "$log" configure
		check_config
		echo "$conf" > "$tree/$obj/.conf"
	fi
	quiet "$log" kmake linux
	# What Kconfig of the tree became since may have dropped some.
	check_config
	echo "$stamp" > "$tree/$obj/.stamp"
	PART=''
	step_done
}

# copy_build FROM: FROM's objects, with every source that differs made newer
# than they are, and none that is the same.
copy_build()
{
	make_part "$tree/$obj"
	cp -a "$1/$obj/." "$PART"
	rm -f "$PART/.stamp"
	sort -u "$1/.paths" "$tree/.paths" | while read -r path; do
		if cmp -s "$1/$path" "$tree/$path"; then
			touch -r "$1/$path" "$tree/$path"
		else
			cp "$tree/$path" "$tree/$path.new"
			mv "$tree/$path.new" "$tree/$path"
		fi
	done
	keep_part "$tree/$obj"
}

# distro: Debian's kernel, not built but fetched, and the modules that a guest
# loads. depmod and modprobe choose among them, as they do where a module is
# installed.
distro()
{
	base=$1 stack=$2
	case $stack in
	vanilla|series) ;;
	*) die "$scenario runs Debian's kernel: its stacks are vanilla (the stock module) and series" ;;
	esac
	"$TOP/scripts/lab/fetch.sh" -k "$base" > /dev/null
	kernel=$OUT/distro/$base
	kver=$(cat "$kernel.release")
	[ "$stack" = vanilla ] ||
		"$TOP/scripts/doors/module.sh" -d "$kernel" "$kver" > /dev/null
	module=$OUT/module/$kver/bcache.ko
	[ "$stack" = series ] || module=''
	stamp=$(cat "$kernel.version" ${module:+"$module"} "$0" | sha256sum)
	dir=$kernel-$stack
	[ "$(cat "$dir/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	step "build $base $scenario $stack"
	room 300000
	make_part "$dir"
	mkdir -p "$PART/root/lib/modules" "$PART/load"
	cp -al "$kernel/lib/modules/$kver" "$PART/root/lib/modules/"
	[ -z "$module" ] || install -D -m 644 "$module" "$PART/root/lib/modules/$kver/updates/bcache.ko"
	quiet "$OUT/log/distro.log" /sbin/depmod -b "$PART/root" "$kver"
	quiet "$OUT/log/distro.log" modules
	cp "$kernel/boot/vmlinuz-$kver" "$PART/vmlinuz"
	cp "$kernel/boot/config-$kver" "$PART/.config"
	rm -rf "$PART/root" "$PART/load"
	echo "$stamp" > "$PART/.stamp"
	keep_part "$dir"
	step_done
}

# modules: an archive with the modules that a guest needs, and the order to
# load them in, which init reads from /modules.
modules()
{
	for module in null_blk bcache; do
		/sbin/modprobe -d "$PART/root" -S "$kver" --show-depends "$module" || return 1
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' > "$PART/load/order"
	while read -r ko; do
		name=$(basename "$ko" .xz)
		case $ko in
		*.xz) xz -dc "$ko" > "$PART/load/$name" ;;
		*) cp "$ko" "$PART/load/$name" ;;
		esac || return 1
		echo "/$name"
	done < "$PART/load/order" > "$PART/load/modules"
	rm "$PART/load/order"
	modinfo -F version "$PART/load/bcache.ko" > "$PART/version" || return 1
	(cd "$PART/load" && find . -type f | sort |
		cpio -o -H newc --quiet --reproducible -R 0:0) > "$PART/modules.cpio"
}

options n "$@"
shift $((OPTIND - 1))
[ $# -eq 3 ] || misused
base_row "$1" > /dev/null
topics "$3" > /dev/null
for scenario in $(echo "$2" | tr , ' '); do
	[ -f "$CONFIGS/$scenario.boot" ] ||
		die "unknown scenario '$scenario'; known: $(scenarios)"
	if [ -n "$DRY" ]; then
		say "would build $scenario of $3 on $1 in $(kernel_dir "$1" "$scenario" "$3")"
	elif [ -f "$CONFIGS/$scenario.config" ]; then
		need make make
		need gcc gcc
		need flex flex
		need bison bison
		need bc bc
		build "$1" "$scenario" "$3"
	else
		need depmod kmod
		need cpio cpio
		distro "$1" "$3"
	fi
done
