// SPDX-License-Identifier: GPL-2.0
/*
 * read_race - does a read that takes long return what was written?
 *
 * The cache disk takes up a read late, as one that resets may. Meanwhile the bucket
 * that it is of gets other data. By default the read is of three blocks, of which one
 * is dirty, one is clean and in that bucket, and one is not in the cache. With "dirty"
 * it is of one, which is dirty, and is overwritten meanwhile.
 *
 * Observed from outside: all blocks know from which write they are, also those on the
 * cache disk, which have to be other ones when the read is taken up.
 *
 * Settings: dirty, volume (with dirty: the block is of a flash-only volume), fails (the
 * read of that bucket fails), late_ms (by which the read is late), dev_us (latency of the
 * disks).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <pthread.h>

#define BLOCKS	16	/* of a bucket; what is read are the first */
#define BUCKETS	1024
#define ROUNDS	3	/* so often the cache is filled */

static int fd;		/* that is read, and one of what fills the cache */
static bool dirty;
static unsigned int blocks;
static uint64_t data[3][BLOCK / sizeof(uint64_t)] __attribute__((aligned(BLOCK)));
static _Atomic long returned;

static void *read_late(void *arg)
{
	returned = pread(fd, data, blocks * BLOCK, 0);
	return arg;
}

/* What is there after the last write to each of these blocks? */
static bool is_right(void)
{
	if (returned != blocks * BLOCK)
		return false;
	return dirty ? version_of(data[0], 0) == 2 :
	       version_of(data[0], 0) == 1 && version_of(data[1], 1) == 2 &&
	       version_of(data[2], 2) == 1;
}

/* Success, with a block that is not the one that was asked for. */
static bool is_other(void)
{
	uint32_t block = data[0][0];

	return returned == BLOCK && block && version_of(data[0], block) > 0;
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

/* Is version 1 of that block in that place of the cache disk? */
static bool is_at(off_t place, unsigned long block)
{
	uint64_t *w = aligned_alloc(BLOCK, BLOCK);
	int raw = open(cache.dev, O_RDONLY | O_DIRECT);
	bool is;

	if (pread(raw, w, BLOCK, place) != BLOCK)
		fatal("block %lu is not on the cache disk", block);
	is = version_of(w, block) == 1;
	close(raw);
	free(w);
	return is;
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
	bool fails = setting("fails", 0), reused;
	unsigned long held, late, sector;
	unsigned int lost;
	off_t place = 0;
	pthread_t thread;
	int to;

	dirty = setting("dirty", 0);
	blocks = dirty ? 1 : 3;
	late = blocks - 1;	/* the block whose bucket is used again */
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
	while (!is_at(place, late))
		place += BLOCK;
	sector = place / SECTOR;

	at("read");
	disk_hold(&cache, BLOCK / SECTOR, setting("late_ms", 4000), "r");
	pthread_create(&thread, NULL, read_late, NULL);
	sleep_us(50);
	disk_hold(&cache, 0, 0, "");
	held = disk_held();
	if (dirty)
		write_blocks(fd, 0, BLOCKS, 2);
	fill(to);
	reused = !is_at(place, late);
	if (fails)
		disk_bad(&cache, true, sector, sector + 7);
	if (returned)
		fatal("the cache was not full in time");
	pthread_join(thread, NULL);
	if (fails)
		disk_bad(&cache, false, sector, sector + 7);

	lost = wrong(fd, 0, 1, BLOCKS) +
	       wrong(to, BLOCKS, BLOCKS, (ROUNDS * BUCKETS + 1) * BLOCKS);
	metric("races", cset_get("internal/cache_read_races"), "count");
	result(held == (dirty ? 1 : 2) && reused, "events",
	       "%lu reads were late, %d of 1 bucket was used again", held, reused);
	result(is_right(), "read", "%d of 1 read failed, %d returned another block", returned < 0,
	       is_other());
	result(!lost, "kept", "%u of %u blocks not as written", lost, BLOCKS + ROUNDS * BUCKETS);
	return finish();
}
