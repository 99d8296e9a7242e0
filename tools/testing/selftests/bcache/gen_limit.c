// SPDX-License-Identifier: GPL-2.0
/*
 * gen_limit - does garbage collection come before generations run out?
 *
 * Each time that a bucket is reused its generation is one more, and a node that
 * is freed takes another one. Keys with old generations stay in leaves that
 * nobody writes, until gc rewrites these. A cache is filled by reads of one half
 * of the device. Then the other half is written around the cache, or discarded,
 * which inserts keys and takes no room in the cache: the same few buckets are
 * nodes again and again.
 *
 * Dirty blocks, written before, are read at the end, after a restart. Observed
 * from outside: bcache's count of what it wrote of nodes, and its trace points.
 *
 * Settings: bucket, cache_mb, block (of the cache, make-bcache -w), writes
 * (blocks written around the cache), discards (blocks discarded, each flushed), cold
 * and hot (blocks read of the two halves), dirty (blocks), span (in
 * which are the blocks written around the cache), gcs (that have to come at least),
 * gc_every (so many writes or discards gc is started, as an admin may do), late_us (so
 * long that gc sleeps once it has begun, which the stack gen-asks lets it do), cache_us
 * and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#define BACKING_MB	512
#define HALF		(BACKING_MB / 2 * 1024 / 4)	/* blocks */

static int fd;
static char *buf;

/* Every second block, so that each has a key of its own */
static void fill(unsigned long first, unsigned long blocks)
{
	unsigned long i;

	at("fill");
	for (i = first; i < first + 2 * blocks; i += 2)
		if (pread(fd, buf, BLOCK, i * BLOCK) != BLOCK)
			fatal("cannot read block %lu", i);
}

static bool discard(uint64_t block)
{
	uint64_t range[2] = { block * BLOCK, BLOCK };

	return !ioctl(fd, BLKDISCARD, range) && !fdatasync(fd);
}

/* A write would be late in its place: none comes before it. */
static void start_gc(void)
{
	unsigned long us = setting("late_us", 0);

	if (us)
		lab_put("late_us", us);
	cset_put("internal/trigger_gc", "1");
	while (us && get(LAB "late_us"))
		sleep_us(1000);
}

/* Blocks of the other half at random; how many, until one fails */
static unsigned long around(unsigned long nr, bool discards)
{
	uint64_t seed = 1, block;
	unsigned long i, every = setting("gc_every", 0);

	at(discards ? "discards" : "writes");
	for (i = 0; i < nr; i++) {
		if (every && i % every == 0)
			start_gc();
		block = HALF + next_random(&seed) % setting("span", HALF - 1);
		if (discards ? !discard(block) :
			       pwrite(fd, buf, BLOCK, block * BLOCK) != BLOCK)
			break;
	}
	return i;
}

/* Is the device there again, with its cache set? */
static bool again(void)
{
	unsigned int tries = 100;

	set_ends(fd);
	put("/sys/fs/bcache/register", "%s", backing.dev);
	while (!try_put("/sys/fs/bcache/register", cache.dev) && tries--)
		sleep_us(10000);
	for (tries = 100; tries && access("/dev/bcache0", F_OK); tries--)
		sleep_us(10000);
	fd = open("/dev/bcache0", O_RDWR | O_DIRECT);
	return fd >= 0 && there(CSET);
}

int main(void)
{
	unsigned long dirty = setting("dirty", 100), nodes, done, nr;
	const struct geometry geo = {
		.bucket		= getenv("bucket") ?: "8k",
		.block		= getenv("block") ?: "4k",
	};
	struct load load = { .threads = 1, .in_turn = true, .stride = 2 * BLOCK };
	bool discards = setting("discards", 0), back;

	load.writes = dirty;
	load.span = dirty;
	nr = discards ? setting("discards", 0) : setting("writes", 22000);
	buf = aligned_alloc(BLOCK, BLOCK);
	plan(4);
	cache.mb = setting("cache_mb", 8);
	backing.mb = BACKING_MB + 1;
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	fd = bcache_start(&geo, true);
	load.fd = fd;
	load_all(&load);
	fill(HALF, setting("hot", 0));
	fill(2 * dirty, setting("cold", cache.mb * 512));
	cset_put("internal/trigger_gc", "1");
	sleep_us(5000000);

	bdev_put("sequential_cutoff", "4096");
	nodes = cset_size("cache0/btree_written");
	gcs_count();
	done = around(nr, discards);
	metric("done", done, "count");
	metric("gcs", gcs(), "count");
	nodes = there(CSET) ? cset_size("cache0/btree_written") - nodes : 0;

	back = again();
	load.fd = fd;
	result(nodes, "events", "%lu bytes of nodes", nodes);
	result(done == nr, "alive", "%lu of %lu writes or discards", done, nr);
	result(gcs() >= setting("gcs", 1), "gc", "%lu times", gcs());
	if (back) {
		kept_metric(&load);
	} else {
		metric("lost", dirty, "blocks");
		result(false, "kept", "%lu blocks, all lost: the cache set is refused", dirty);
	}
	return finish();
}
