// SPDX-License-Identifier: GPL-2.0
/*
 * backing_flush - is what was written back safe when the disks lose power?
 *
 * Durable writes go to the cache, all of it is written back to a backing disk
 * with a volatile write cache, the cache set is stopped cleanly, and then both
 * disks lose power. They are registered again and detached, so that every block
 * is read from the backing disk alone.
 *
 * Observed from outside: dirty_data, and the flushes that the backing disk has
 * counted. While keys turn clean a flush must have ended, and one flush has to
 * do for many keys; a disk without a volatile cache gets none.
 *
 * Settings: writes (blocks), scattered (far apart, so that no keys merge), sync
 * (fdatasync before the power is lost), slow (writeback at its lowest rate: how
 * long do keys stay dirty?), gone (with slow, the backing disk alone loses power
 * before a flush that is due, so that this one fails), theirs (with slow, not that
 * flush but one of fdatasync before it fails, and what the disk had not written to
 * its medium is lost: is the caller told?), failing (so many flushes
 * fail on that stack: does writeback pause after each?), cut (the backing disk loses
 * power before the set stops, which would flush it), volatile_mb (of the
 * backing disk; 0: no volatile cache), cache_us and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <stdlib.h>

/* What writeback did, by looks at short intervals. */
static struct {
	unsigned long	before, after;	/* bytes dirty */
	unsigned long	flushes;
	unsigned long	early;	/* looks: some clean, and no flush had ended */
	uint64_t	longest, took;	/* none turned clean; until the end */
} wb;

static void writeback(unsigned int look_us, uint64_t limit)
{
	unsigned long flushed = disk_ended(&backing, FLUSHES), dirty;
	uint64_t start, since;

	at("writeback");
	wb.before = bdev_size("dirty_data");
	wb.after = wb.before;
	bdev_put("writeback_running", "1");
	start = now_ns();
	since = start;
	while (wb.after && now_ns() - start < limit) {
		sleep_us(look_us);
		dirty = bdev_size("dirty_data");
		wb.flushes = disk_ended(&backing, FLUSHES) - flushed;
		wb.early += dirty < wb.before && !wb.flushes;
		if (dirty < wb.after)
			since = now_ns();
		if (now_ns() - since > wb.longest)
			wb.longest = now_ns() - since;
		wb.after = dirty;
	}
	wb.took = now_ns() - start;
	metric("writeback", wb.took / 1000, "us");
	metric("flushes", wb.flushes, "count");
	metric("clean_early", wb.early, "count");
	metric("longest", wb.longest / 1000, "us");
}

/* Until the backing disk has written what no flush came after. */
static void wait_written(void)
{
	unsigned long flushed = disk_ended(&backing, FLUSHES);
	unsigned long written = disk_ended(&backing, WRITES);

	while (disk_ended(&backing, FLUSHES) != flushed ||
	       disk_ended(&backing, WRITES) == written) {
		if (disk_ended(&backing, FLUSHES) != flushed)
			written = disk_ended(&backing, WRITES);
		flushed = disk_ended(&backing, FLUSHES);
		sleep_us(1000);
	}
}

/* A flush fails that is not writeback's, which has one of its own after it. */
static void fail_theirs(int fd)
{
	int past = bcache_open(false);
	bool failed;

	at("theirs");
	/* Without a write past the cache fdatasync has nothing to flush. */
	bdev_put("cache_mode", "writearound");
	if (!block_write(past, backing.mb << 7, 'p'))
		fatal("a write failed");
	bdev_put("cache_mode", "writeback");
	close(past);
	wait_written();
	disk_flush_fails(&backing, true);
	failed = fdatasync(fd);
	disk_flush_fails(&backing, false);
	sleep_us(10000000);
	result(failed, "told", "%d of 1 fdatasync succeeds", !failed);
}

/*
 * The backing disk alone loses power when it has written what no flush came
 * after: that flush fails. Then the cache set stops.
 */
static void lose_backing(int fd)
{
	at("power");
	wait_written();
	disk_put(&backing, "power", 0);
	sleep_us(3000000);
	if (!bcache_stop(fd))
		fatal("the cache set did not stop");
	disk_put(&backing, "power", 1);
	cache_register();
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	unsigned long volatile_mb = setting("volatile_mb", 64);
	bool scattered = setting("scattered", 0), slow = setting("slow", 0);
	unsigned long failing = setting("failing", 0);
	struct load load = { .threads = 1, .in_turn = true };

	load.writes = setting("writes", 200);
	load.span = load.writes;
	load.stride = scattered ? 8 * BLOCK : 0;
	plan(setting("theirs", 0) ? 5 : 4);
	cache.mb = 128;
	backing.mb = setting("cut", 0) ? 128 : 256;
	disk_given(&cache, 0);
	disk_given(&backing, volatile_mb);
	load.fd = bcache_start(&geo, true);
	load_all(&load);

	bdev_put("writeback_delay", "0");
	if (slow) {
		cset_put("internal/idle_max_writeback_rate", "0");
		bdev_put("writeback_rate", "8");
	} else {
		bdev_put("writeback_percent", "0");
	}
	writeback(slow ? 100000 : failing ? 1000 : 50, (slow ? 30 : 100) * NSEC_PER_SEC);
	if (setting("sync", 0) && fdatasync(load.fd))
		fatal("fdatasync failed");
	if (setting("theirs", 0))
		fail_theirs(load.fd);
	if (setting("gone", 0)) {
		lose_backing(load.fd);
		load.fd = backing_register(true);
	} else if (setting("cut", 0)) {
		load.fd = disk_power_cycle(&backing, load.fd);
	} else {
		load.fd = bcache_restart_timed(load.fd, true);
	}
	bdev_detach();

	result(wb.before && wb.after < wb.before, "events",
	       "%lu bytes dirty before writeback, %lu after", wb.before, wb.after);
	if (slow)
		result(wb.longest <= 5 * NSEC_PER_SEC, "paced",
		       "no key turned clean for %llu ms",
		       (unsigned long long)wb.longest / 1000000);
	else if (failing)
		result(wb.flushes > failing && wb.took >= failing * NSEC_PER_SEC, "paced",
		       "%lu flushes in %llu ms, %lu of them failed", wb.flushes,
		       (unsigned long long)wb.took / 1000000, failing);
	else
		result(volatile_mb ? wb.flushes && wb.flushes <= 2 + load.writes / 100 :
		       !wb.flushes, "flushes",
		       "%lu flushes of the backing disk for %lu blocks",
		       wb.flushes, load.writes);
	result(!volatile_mb || !wb.early, "order",
	       "keys were clean %lu times before a flush had ended", wb.early);
	kept_metric(&load);
	return finish();
}
