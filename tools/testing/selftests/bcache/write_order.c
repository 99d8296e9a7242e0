// SPDX-License-Identifier: GPL-2.0
/*
 * write_order - are data on their disk when the tree says that they are?
 *
 * Of writes that go to a slow backing disk, past the cache or through it:
 *
 * stale: each writes 256 KiB, and beside it the last block is read, which the
 * disk takes in between. When the write was acknowledged no read may return what
 * was there before it.
 *
 * lost: they go over blocks that are dirty in the cache and acknowledged as
 * durable, and both disks lose power meanwhile. What is read then, from the cache
 * and from the backing disk alone, must not be older than those blocks.
 *
 * In writeback mode they go to the cache, which has a volatile cache then, and
 * are so many that the leaf is written, but not the journal.
 *
 * Observed from outside: all blocks know from which write they are.
 *
 * With "clean" they go over blocks that are on the backing disk as well. What is
 * read from the cache after the cut must not be gone when the cache is. With "reads"
 * they are read before the cut, and the leaf with the keys of that is written; with
 * "leave", after the device has left the cache set.
 *
 * With "fail" no power is lost, but a flush fails that nobody asked for, and what the
 * backing disk held is gone: fdatasync, which finds nothing to do, has to tell. With
 * "detach" the device is detached before.
 *
 * Settings: mode (writearound; writethrough; writeback; "bypass", which is that
 * above sequential_cutoff), depth (requests that the backing disk takes at a
 * time), volatile_mb (of the disk that the writes go to; then no write asks to be
 * durable, and the cut comes when all are done; 0: none), blocks, wait_us (from
 * then to the cut), failing (writes to the backing disk fail, no power is lost),
 * theirs (a flush of the backing disk fails that is none of these writes', before
 * they are done, and what was not on its medium is lost; with depth=64),
 * cache_us and backing_us; threads (none of all this, but how long a write of so
 * many threads takes), durable (they ask for it) and syncers (threads beside them that
 * do, over and over).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK		64		/* blocks of a write beside which is read */
#define CHUNKS		16
#define FIRST		1024		/* block of the first of these */
#define BLOCKS		256		/* at most, of what is dirty in the cache */

static int fd;
static unsigned int blocks;
static const char *mode;
static bool to_cache, failing, theirs;
static unsigned long volatile_mb;
static _Atomic unsigned int acked;	/* writes of the second time */
static unsigned long leaves;		/* bytes of nodes that were written then */
static bool durable[BLOCKS];		/* acknowledged then, as durable */

struct piece {
	unsigned long	first, blocks;
	uint32_t	version;
	bool		done, failed;
	pthread_t	thread;
};

static void *write_piece(void *arg)
{
	struct piece *p = arg;

	p->failed = !versions_write(fd, p->first, p->blocks, p->version);
	p->done = true;
	acked += !p->failed;
	return arg;
}

static void write_all(unsigned long first, unsigned long blocks, uint32_t version)
{
	struct piece p = { .first = first, .blocks = blocks, .version = version };

	write_piece(&p);
	if (p.failed)
		fatal("write of block %lu failed", first);
}

static int version(unsigned long block)
{
	return version_read(fd, block);
}

/* The backing disk is in two minds while requests of a write wait for others. */
static unsigned int beside, stale;

static void race(void)
{
	unsigned int i;

	at("race");
	for (i = 0; i < CHUNKS; i++) {
		struct piece p = {
			.first = FIRST + i * CHUNK, .blocks = CHUNK, .version = 2,
		};

		pthread_create(&p.thread, NULL, write_piece, &p);
		sleep_us(50000);
		version(p.first + CHUNK - 1);
		beside += !p.done;
		pthread_join(p.thread, NULL);
		stale += version(p.first + CHUNK - 1) != 2;
	}
	metric("beside", beside, "reads");
	metric("stale", stale, "blocks");
}

static void *flush(void *file)
{
	return (void *)(long)fdatasync(*(int *)file);
}

/* A flush of somebody else, which has lost all when those of the writes come. */
static void fail_theirs(void)
{
	pthread_t thread;
	void *failed;

	sleep_us(3000);
	disk_flush_fails(&backing, true);
	pthread_create(&thread, NULL, flush, &fd);
	sleep_us(2000);
	disk_flush_fails(&backing, false);
	pthread_join(thread, &failed);
	if (!failed)
		fatal("the flush did not fail");
}

/* All blocks once more, each by a thread; until the cut, or until all are done. */
static void *second(void *arg)
{
	struct piece *p = arg;

	write_piece(p);
	durable[p->first / 2] = !p->failed && !volatile_mb;
	return arg;
}

/*
 * The leaf is written. The second entry of the journal after that says that those
 * before the leaf are not needed: their replay would take away what was read.
 */
static void read_in(void)
{
	unsigned int i;

	for (i = 0; i < blocks; i++)
		version(i * 2);
	if (setting("leave", 0)) {
		close(fd);
		bdev_put("stop", "1");
		within(WAIT_S, false, BDEV);
	}
	sleep_us(31000000);
	if (setting("leave", 0))
		fd = backing_register(false);
	for (i = 0; i < 2; i++) {
		write_all(FIRST, 1, 2);
		sleep_us(200000);
	}
}

static void over_dirty(struct piece *p)
{
	unsigned int i, written = cset_size("cache0/btree_written");
	bool in_turn = to_cache || setting("clean", 0);

	at("cut");
	acked = 0;
	if (failing)
		disk_fails(&backing, true);
	/* or a flush has nothing to flush */
	if (theirs)
		write_all(FIRST, 1, 2);
	for (i = 0; i < blocks; i++) {
		p[i] = (struct piece){ .first = i * 2, .blocks = 1, .version = 2 };
		pthread_create(&p[i].thread, NULL, second, &p[i]);
		/* one by one they take few buckets, of which the journal is told */
		if (in_turn)
			pthread_join(p[i].thread, NULL);
	}
	if (theirs)
		fail_theirs();
	while (!failing && !theirs && acked < (volatile_mb ? blocks : blocks / 4))
		sleep_us(1000);
	if (setting("reads", 0))
		read_in();
	sleep_us(setting("wait_us", 1000));
	leaves = cset_size("cache0/btree_written") - written;
	metric("acked", acked, "writes");
	metric("leaves", leaves, "bytes");
	if (failing)
		disk_fails(&backing, false);
	else if (!theirs)
		disks_cut();
	for (i = 0; !in_turn && i < blocks; i++)
		pthread_join(p[i].thread, NULL);
}

/* Older than what was acknowledged, or than what was read after the cut. */
static void look(int *seen, bool *older)
{
	unsigned int i;

	for (i = 0; i < blocks; i++) {
		int v = version(i * 2), least = durable[i] ? 2 : 1;

		older[i] |= v < least || v < seen[i];
		seen[i] = v;
	}
}

/* Writes of so many bytes and more go to the backing disk; smaller reads do not. */
static void set_mode(const char *bytes)
{
	if (strcmp(mode, "bypass"))
		bdev_put("cache_mode", mode);
	else
		bdev_put("sequential_cutoff", bytes);
}

static void disks(void)
{
	cache.mb = 128;
	backing.mb = 64;
	disk_make(&cache, setting("cache_us", 100), to_cache ? volatile_mb : 0);
	disk_make(&backing, setting("backing_us", 10000), to_cache ? 0 : volatile_mb);
	disk_put(&backing, "power", 0);
	disk_put(&backing, "hw_queue_depth", setting("depth", 1));
	disk_on(&backing);
	setenv("cache", cache.dev, 1);
	setenv("backing", backing.dev, 1);
}

/* The backing disk takes no more than a block at a time from here. */
static void small_requests(void)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/block/%s/queue/max_sectors_kb", backing.dev + 5);
	put(path, "4");
}

/* What one write takes in that mode, of so many threads. */
static int latency(void)
{
	struct load load = {
		.threads	= setting("threads", 0),
		.syncers	= setting("syncers", 0),
		.writes		= 1000,
		.first		= FIRST,
		.span		= 1000,
		.fd		= bcache_open(setting("durable", 0)),
	};

	set_mode("4096");
	load_all(&load);
	load_metrics(&load);
	metric("syncs", load.syncs, "count");
	result(load.ended == load.writes + load.syncs, "events", "%lu writes", load.writes);
	kept(load.fd, true);
	return finish();
}

/* The flush that the journal needs fails, and so has what comes from the user. */
static int told(void)
{
	unsigned long failed, flushes;

	set_mode("4096");
	flushes = disk_ended(&backing, FLUSHES);
	disk_flush_fails(&backing, true);
	write_all(FIRST, 1, 2);
	sleep_us(1000000);
	disk_flush_fails(&backing, false);
	flushes = disk_ended(&backing, FLUSHES) - flushes;
	if (setting("detach", 0))
		bdev_detach();
	failed = !!fdatasync(fd);
	result(flushes, "events", "%lu flushes that nobody asked for", flushes);
	result(failed, "told", "%lu of 1 fdatasync failed", failed);
	result(!fdatasync(fd), "once", "the next one is for nothing else");
	return finish();
}

int main(void)
{
	const struct geometry geo = { .bucket = "128k", .block = "4k" };
	static struct piece p[BLOCKS];
	static bool older[BLOCKS];
	static int seen[BLOCKS];
	unsigned int i, newer = 0, lost = 0, wrong = 0;

	mode = getenv("mode") ?: "writearound";
	to_cache = !strcmp(mode, "writeback");
	volatile_mb = setting("volatile_mb", 0);
	failing = setting("failing", 0);
	theirs = setting("theirs", 0);
	blocks = setting("blocks", 64);
	plan(setting("threads", 0) ? 2 : setting("fail", 0) ? 3 : 4);
	disks();
	small_requests();
	fd = bcache_start(&geo, false);
	/* the backing disk has no data of these blocks, and the cache has, unless clean */
	if (setting("clean", 0))
		set_mode("4096");
	for (i = 0; i < blocks; i++)
		write_all(i * 2, 1, 1);
	if (fdatasync(fd))
		fatal("fdatasync failed");
	set_mode("65536");
	if (setting("threads", 0))
		return latency();
	if (setting("fail", 0))
		return told();
	race();
	if (fdatasync(fd))
		fatal("fdatasync failed");
	set_mode("4096");
	close(fd);
	fd = bcache_open(!volatile_mb);
	over_dirty(p);

	at("again");
	set_ends(fd);
	if (!failing && !theirs)
		disks_power();
	cache_register();
	fd = backing_register(false);
	look(seen, older);
	for (i = 0; i < blocks; i++)
		newer += seen[i] == 2;
	metric("newer", newer, "blocks");
	bdev_put("writeback_percent", "0");
	bdev_put("writeback_running", "1");
	bdev_detach();
	look(seen, older);
	for (i = 0; i < blocks; i++)
		lost += older[i];
	for (i = 0; i < CHUNKS * CHUNK; i++)
		wrong += version(FIRST + i) != 2;
	metric("lost", lost, "blocks");

	result((to_cache || theirs || beside > 0) &&
	       (theirs || (failing ? !acked : volatile_mb ? acked >= blocks :
						       acked && acked < blocks)) &&
	       (leaves || !setting("reads", 0)),
	       "events", "%u reads beside a write, %u of %u writes done before the cut",
	       beside, acked, blocks);
	result(!stale, "stale", "%u of %u blocks as before an acknowledged write",
	       stale, CHUNKS);
	result(!lost, "lost", "%u of %u acknowledged blocks lost or older", lost, blocks);
	result(!wrong, "kept", "%u of %u blocks not as written", wrong, CHUNKS * CHUNK);
	return finish();
}
