// SPDX-License-Identifier: GPL-2.0
/*
 * leaf_flush - are data on the cache disk before a node with their keys is?
 *
 * The cache disk has a volatile write cache. Blocks are written durably, then
 * written once more, the same content and not durably, until the leaf has more
 * keys than are kept in memory and is written. Then the cache disk loses power.
 * No matter which of the two writes of a block is found, the content is the same.
 *
 * Observed from outside: bcache's count of what it wrote of nodes, and the
 * flushes that the disk has counted.
 *
 * Settings: writes (blocks), reads (the blocks are written around the cache, and
 * then read, which leaves them in the cache), sync (fdatasync before the power is
 * lost), cost (no power is lost; so many writes by eight threads, not durable: how
 * fast?), volatile_mb (of the cache disk; 0: no volatile cache), cache_us and
 * backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

static unsigned long node_bytes(void)
{
	return cset_size("cache0/btree_written");
}

/*
 * Blocks of the load, until a node is written: read, and unless that is all,
 * written back. Returns how many.
 */
static unsigned long again(const struct load *l, bool writes)
{
	void *buf = aligned_alloc(BLOCK, BLOCK);
	unsigned long i, before = node_bytes();
	int fd = bcache_open(false);

	at("again");
	for (i = 0; i < l->span && node_bytes() == before; i++)
		if (pread(fd, buf, BLOCK, i * l->stride) != BLOCK ||
		    (writes && pwrite(fd, buf, BLOCK, i * l->stride) != BLOCK))
			fatal("cannot read and write block %lu", i);
	/* a node is counted when its write begins */
	sleep_us(1000 + 4 * setting("cache_us", setting("dev_us", 100)));
	if (setting("sync", 0) && fdatasync(fd))
		fatal("fdatasync failed");
	close(fd);
	free(buf);
	return i;
}

static void cost(struct load *l)
{
	close(l->fd);
	l->fd = bcache_open(false);
	l->threads = 8;
	l->writes = setting("cost", 0);
	l->span = 16384;
	l->in_turn = false;
	load_all(l);
	load_metrics(l);
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	struct load load = { .threads = 1, .in_turn = true, .stride = 8 * BLOCK };
	unsigned long nodes, blocks, flushed;

	load.writes = setting("writes", 200);
	load.span = load.writes;
	plan(2);
	cache.mb = 128;
	backing.mb = 1024;
	disk_given(&cache, setting("volatile_mb", 64));
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, true);
	if (setting("reads", 0))
		bdev_put("cache_mode", "writearound");
	load_all(&load);

	nodes = node_bytes();
	flushed = disk_ended(&cache, FLUSHES);
	if (setting("cost", 0)) {
		cost(&load);
		blocks = load.writes;
	} else {
		blocks = again(&load, !setting("reads", 0));
	}
	nodes = node_bytes() - nodes;
	flushed = disk_ended(&cache, FLUSHES) - flushed;
	metric("flushes", flushed, "count");
	metric("again", blocks, "blocks");
	result(nodes, "events", "%lu bytes of nodes after %lu more blocks", nodes, blocks);
	if (!setting("cost", 0))
		load.fd = disk_power_cycle(&cache, load.fd);
	kept_metric(&load);
	return finish();
}
