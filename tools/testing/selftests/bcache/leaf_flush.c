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
 * With "fail", the number of a block, the next flush fails, that of the leaf, and
 * what the disk held is gone; later ones are fine, but fdatasync has to tell. With
 * "first" the flush of that fdatasync fails, while the leaf's waits for it.
 *
 * Settings: writes (blocks), reads (the blocks are written around the cache, and
 * then read, which leaves them in the cache), sync (fdatasync before the power is
 * lost), fail, first, sync_us (from then to fdatasync), cost (no power is lost; so many
 * writes by eight threads, not durable: how fast?), volatile_mb (of the cache disk;
 * 0: no volatile cache), cache_us and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <pthread.h>

/* The last that was seen, if the set has gone away. */
static unsigned long node_bytes(void)
{
	static unsigned long bytes;

	if (there(CSET))
		bytes = cset_size("cache0/btree_written");
	return bytes;
}

/* A flush before that of the leaf, which has to wait for it: the journal's. */
static void *sync_before(void *fd)
{
	sleep_us(setting("dev_us", 100) / 2);
	disk_flush_fails(&cache, true);
	return (void *)(long)fdatasync((long)fd);
}

/* The flush is under way, and fails. Now that data are lost, what is said of them? */
static void told(int fd, pthread_t *syncer)
{
	void *failed;

	sleep_us(20);
	disk_flush_fails(&cache, false);
	sleep_us(setting("sync_us", 1000000));
	if (*syncer)
		pthread_join(*syncer, &failed);
	else
		failed = (void *)(long)fdatasync(fd);
	result(failed, "told", "%d of 1 fdatasync succeeds", !failed);
}

/*
 * Blocks of the load, until a node is written: read, and unless that is all,
 * written back. Returns how many.
 */
static unsigned long again(const struct load *l, bool writes)
{
	void *buf = aligned_alloc(BLOCK, BLOCK);
	unsigned long i, before = node_bytes(), fail = setting("fail", 0);
	int fd = bcache_open(false);
	pthread_t syncer = 0;

	at("again");
	/* what is left of the journal's delay: its flush is not to be the one */
	if (fail)
		sleep_us(200000);
	for (i = 0; i < l->span && node_bytes() == before; i++) {
		if (fail && i == fail && !setting("first", 0))
			disk_flush_fails(&cache, true);
		if (pread(fd, buf, BLOCK, i * l->stride) != BLOCK)
			fatal("cannot read block %lu", i);
		if (fail && i == fail && setting("first", 0))
			pthread_create(&syncer, NULL, sync_before, (void *)(long)fd);
		if (writes && pwrite(fd, buf, BLOCK, i * l->stride) != BLOCK)
			fatal("cannot write block %lu", i);
	}
	/* a node is counted when its write begins */
	if (fail)
		told(fd, &syncer);
	else
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
	plan(setting("fail", 0) ? 3 : 2);
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
