// SPDX-License-Identifier: GPL-2.0
/*
 * detach_wake - is a device detached when it is told to?
 *
 * The writeback thread looks whether its device is being detached, and sleeps for
 * writeback_delay, or as the rate of writeback wants it to. The lab makes it late
 * between the two, and the device is told to detach then.
 *
 * Observed from outside: sysfs, and the blocks, which are on the backing disk alone
 * in the end.
 *
 * Settings: rate (1: it sleeps for the rate), late (0: it is not made late),
 * cache_us and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#define BLOCKS		64
#define LATE_US		100000
#define LIMIT_US	1000000		/* the rate is no more than 2.5 s late */

static void until_late(void)
{
	lab_put("late_us", LATE_US);
	bdev_put("writeback_running", "1");
	while (get(LAB "late_us"))
		sleep_us(1000);
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	struct load load = {
		.threads = 1, .in_turn = true, .writes = BLOCKS, .span = BLOCKS,
		.stride = 2 * BLOCK,
	};
	unsigned long us;
	uint64_t from;

	if (!lab())
		skip_all("only the lab can make the thread late");
	plan(2);
	cache.mb = 128;
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, true);
	bdev_put("writeback_running", "0");
	bdev_put("writeback_delay", "100");
	bdev_put("writeback_rate", "1");
	bdev_put("writeback_percent", setting("rate", 0) ? "40" : "0");
	load_all(&load);
	if (!bdev_size("dirty_data"))
		fatal("nothing is dirty");

	at("late");
	if (setting("late", 1))
		until_late();
	else
		bdev_put("writeback_running", "1");
	from = now_ns();
	bdev_detach();
	us = (now_ns() - from) / 1000;
	metric("detach", us, "us");
	result(us < LIMIT_US, "prompt", "the device is detached after %lu us", us);

	cset_put("stop", "1");
	kept_metric(&load);
	return finish();
}
