// SPDX-License-Identifier: GPL-2.0
/*
 * flash_volume - is a flash-only volume there again?
 *
 * A volume of no size is asked for, which is refused. One that has a size is made
 * and written. Then the cache set is stopped and registered, and the volume read.
 * Or another is made as the last thing before the power is lost.
 *
 * Observed from outside: block devices, what the write to sysfs returns, and the
 * blocks.
 *
 * Settings: resized (1: the first volume is made, and given no size then), cut (1:
 * power is lost once the last volume is made), fails (1: a second later, and no
 * entry of the journal can be written any more), cache_us (latency).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#define BLOCKS	64
#define VOLUMES	"/sys/block/bcache*"

/* The journal of a cache of 64 MiB: 8 buckets of 64 KiB behind the superblock's. */
static void journal_bad(bool bad)
{
	unsigned int bucket;

	for (bucket = 1; bucket <= 8; bucket++)
		disk_bad(&cache, bad, bucket * 128, bucket * 128 + 127);
}

/* One that nobody can run. */
static void no_size(void)
{
	bool done;

	if (setting("resized", 0)) {
		cset_put("flash_vol_create", "16M");
		done = try_put("/sys/block/bcache1/bcache/size", "1");
	} else {
		done = !put_any(CSET, "flash_vol_create", "1");
	}
	result(done, "events", "a volume of no size is %s",
	       done ^ setting("resized", 0) ? "refused" : "made");
}

/* Is one more there, if it was made? The power is lost at that moment. */
static void last_one(int fd)
{
	bool fails = setting("fails", 0), made;
	unsigned long there, errors;
	glob_t g;

	if (fails)
		journal_bad(true);
	made = put_any(CSET, "flash_vol_create", "16M");
	if (fails)
		sleep_us(1000000);
	errors = io_errors();
	disks_cut();
	set_ends(fd);
	if (fails)
		journal_bad(false);
	disks_power();
	cache_register();
	there = glob(VOLUMES, 0, NULL, &g) ? 0 : g.gl_pathc;
	result(fails ? errors : made, "events", "the last volume is %s, %lu I/O errors",
	       made ? "made" : "refused", errors);
	metric("volumes", there, "count");
	result(there == 1ul + made, "volumes", "%lu of %u volumes are there", there, 1 + made);
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	struct load load = {
		.threads = 1, .in_turn = true, .writes = BLOCKS, .span = BLOCKS,
	};
	bool cut = setting("cut", 0) || setting("fails", 0);

	plan(2 + cut);
	cache.mb = 64;
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, true);
	if (!cut)
		no_size();
	close(load.fd);

	cset_put("flash_vol_create", "16M");
	load.fd = open(setting("resized", 0) ? "/dev/bcache2" : "/dev/bcache1",
		       O_RDWR | O_DIRECT | O_DSYNC);
	if (load.fd < 0)
		fatal("there is no volume");
	load_all(&load);

	if (cut) {
		last_one(load.fd);
	} else {
		close(load.fd);
		set_goes();
		cache_register();
	}
	load.fd = open("/dev/bcache0", O_RDWR | O_DIRECT);
	if (load.fd >= 0)
		kept_metric(&load);
	else
		out_of_reach(BLOCKS);
	return finish();
}
