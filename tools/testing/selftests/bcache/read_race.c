// SPDX-License-Identifier: GPL-2.0
/*
 * read_race - does a read that takes long return what was written?
 *
 * The cache disk takes up a read late, as one that resets may. Meanwhile the bucket
 * that it is of gets other data. By default the read is of three blocks, of which one
 * is dirty, one is clean and in that bucket, and one is not in the cache. With "dirty"
 * it is of one, which is dirty, and is overwritten meanwhile.
 *
 * Observed from outside: all blocks know from which write they are; bcache's count of
 * read races.
 *
 * Settings: dirty, volume (with dirty: the block is of a flash-only volume), fails (with
 * dirty: that read fails), late_ms (by which the read is late), dev_us (latency of the
 * disks).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <pthread.h>

#define HOLD	"/sys/module/null_blk/parameters/hold"
#define BLOCKS	16	/* of a bucket; what is read are the first */
#define BUCKETS	1024
#define ROUNDS	3	/* so often the cache is filled */

static int fd;		/* that is read, and one of what fills the cache */
static bool dirty;
static _Atomic long returned;
static int seen[3];

/* As many as are asked for at once; -1: neither version 1 nor 2 of its block */
static void *read_late(void *arg)
{
	uint64_t *w = aligned_alloc(BLOCK, 3 * BLOCK);
	unsigned int i, blocks = dirty ? 1 : 3, words = BLOCK / sizeof(*w);

	returned = pread(fd, w, blocks * BLOCK, 0);
	for (i = 0; i < blocks * words; i++) {
		int v = w[i] >> 32;

		if ((uint32_t)w[i] != i / words || v < 1 || v > 2)
			seen[i / words] = -1;
		else if (!seen[i / words])
			seen[i / words] = v;
	}
	free(w);
	return arg;
}

static void write_blocks(int to, unsigned long first, unsigned int blocks, int version)
{
	if (!versions_write(to, first, blocks, version))
		fatal("write of block %lu failed", first);
}

/* gc finds what is not needed, and all buckets are used again. */
static void fill(int to)
{
	unsigned int round, i, block = BLOCKS;

	at("fill");
	bdev_put("cache_mode", "writethrough");
	for (round = 0; round < ROUNDS; round++) {
		cset_put("internal/trigger_gc", "1");
		sleep_us(100000);
		for (i = 0; i < BUCKETS; i++, block += BLOCKS)
			write_blocks(to, block, BLOCKS, 1);
	}
}

/* Where version 1 of block 0 is on the cache disk. */
static unsigned long sector(void)
{
	uint64_t *w = aligned_alloc(BLOCK, BLOCK);
	int raw = open(cache.dev, O_RDONLY | O_DIRECT);
	off_t at = 0;

	do {
		at += BLOCK;
		if (pread(raw, w, BLOCK, at) != BLOCK)
			fatal("block 0 is not on the cache disk");
	} while (w[0] != 1ull << 32 || w[1] != w[0]);
	close(raw);
	free(w);
	return at / SECTOR;
}

/* every STEP-th block up to END */
static unsigned int wrong(int from, unsigned long block, unsigned int step, unsigned long end)
{
	unsigned int nr = 0;

	for (; block < end; block += step)
		nr += version_read(from, block) !=
		      1 + (dirty ? block < BLOCKS : block == 1);
	return nr;
}

int main(void)
{
	const struct geometry geo = { .bucket = "64k", .block = "4k" };
	unsigned long held, races, old = 0;
	unsigned int lost;
	pthread_t thread;
	bool good;
	int to;

	dirty = setting("dirty", 0);
	plan(3);
	cache.mb = BUCKETS * BLOCKS / 256;
	backing.mb = (ROUNDS + 1) * cache.mb;
	setenv("dev_us", "10", 0);
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	to = bcache_start(&geo, false);
	fd = to;
	if (setting("volume", 0)) {
		cset_put("flash_vol_create", "4M");
		fd = open("/dev/bcache1", O_RDWR | O_DIRECT);
	}
	bdev_put("writeback_running", "0");
	/* the first write finds no free bucket, and goes past the cache */
	write_blocks(to, BLOCKS, BLOCKS, 1);
	if (!dirty) {
		bdev_put("cache_mode", "writearound");
		write_blocks(fd, 0, 1, 1);
		bdev_put("cache_mode", "writethrough");
	}
	/* a whole bucket, so that what is dirty is in another */
	write_blocks(fd, !dirty, BLOCKS, 1);
	bdev_put("cache_mode", "writeback");
	if (!dirty)
		write_blocks(fd, 1, 1, 2);
	if (setting("fails", 0))
		old = sector();

	at("read");
	put(HOLD, "%s 8 %lu r", cache.dev + 5, setting("late_ms", 4000));
	pthread_create(&thread, NULL, read_late, NULL);
	sleep_us(50);
	put(HOLD, "%s 8 0", cache.dev + 5);
	held = get(HOLD);
	if (dirty)
		write_blocks(fd, 0, BLOCKS, 2);
	fill(to);
	if (returned)
		fatal("the cache was not full in time");
	if (old)
		disk_bad(&cache, true, old, old + 7);
	pthread_join(thread, NULL);
	if (old)
		disk_bad(&cache, false, old, old + 7);
	races = cset_get("internal/cache_read_races");

	good = dirty ? returned == BLOCK && seen[0] > 0 :
		       returned == 3 * BLOCK && seen[0] == 1 && seen[1] == 2 && seen[2] == 1;
	lost = wrong(fd, 0, 1, BLOCKS) +
	       wrong(to, BLOCKS, BLOCKS, (ROUNDS * BUCKETS + 1) * BLOCKS);
	metric("races", races, "count");
	metric("failed", returned < 0, "count");
	metric("foreign", returned > 0 && !good, "count");
	result(held == (dirty ? 1 : 2) && (races || !good), "events",
	       "%lu reads were late, %lu found that the bucket was used again", held, races);
	result(good, "read", "%d of 1 read failed, %d returned other data", returned < 0,
	       returned > 0 && !good);
	result(!lost, "kept", "%u of %u blocks not as written", lost, BLOCKS + ROUNDS * BUCKETS);
	return finish();
}
