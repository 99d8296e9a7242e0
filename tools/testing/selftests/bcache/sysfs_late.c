// SPDX-License-Identifier: GPL-2.0
/*
 * sysfs_late - what does a read of a file in sysfs find when it had to wait?
 *
 * Reads of bcache's files wait for bch_register_lock. Meanwhile a cache set may come to
 * its end, or fail to begin. Here the lock is held for long by a device whose superblock
 * is written: its disk is slow, and it is not attached. By default the set comes to its
 * end then, and its cache disk's files are read, some before that and some after it. With
 * "dup" a second disk that claims to be the one of the set is registered and refused, and
 * a file of it is read, or written with "store". With "refused" the set is registered with
 * a journal that cannot be read, and its files are read, or one that "file" names: 1 to 4,
 * the last of which is in debugfs, where nothing waits.
 *
 * Observed from outside: what the reads return, whether the disk is let go, the blocks.
 *
 * Settings: dup, store, refused, file, cache_us and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <errno.h>
#include <pthread.h>

#define BLOCKS		64
#define READERS		40
#define STEP_US		10000	/* between two of them */
#define SOON_US		1000	/* before the set, whose disk is slow, has its end */
#define WAITED_US	5000	/* and more: it had to wait for the lock */
#define STORED		"cache_replacement_policy"
#define JOURNAL_AT	128	/* sectors: the second of its buckets, and seven more */
#define JOURNAL_END	1152

static struct reader {
	pthread_t	thread;
	char		path[128];
	int		fd;
	bool		store;
	uint64_t	from;
	long		returned;
	uint64_t	took;
	bool		ended;
} readers[READERS];

static struct disk twin = { .name = "twin", .mb = 64 };
static pthread_t helper;

/* A file is opened when it is there; to read it is another matter. */
static bool opened(struct reader *r)
{
	if (r->fd < 0)
		r->fd = open(r->path, r->store ? O_WRONLY : O_RDONLY);
	return r->fd >= 0;
}

static void *read_file(void *arg)
{
	struct reader *r = arg;
	char buf[BLOCK];
	uint64_t from;

	sleep_until(r->from);
	while (!opened(r) && now_ns() < r->from + NSEC_PER_SEC)
		sleep_us(100);
	from = now_ns();
	r->returned = r->store ? pwrite(r->fd, "fifo", 4, 0) :
		      pread(r->fd, buf, sizeof(buf), 0);
	if (r->returned < 0)
		r->returned = -errno;
	r->took = (now_ns() - from) / 1000;
	r->ended = true;
	return NULL;
}

/* FILES of DIR in turn, one reader after the other; what is there is opened now. */
static void readers_start(uint64_t from, const char *dir, const char * const *files)
{
	int i, nr;

	for (nr = 0; files[nr]; nr++)
		;
	for (i = 0; i < READERS; i++) {
		snprintf(readers[i].path, sizeof(readers[i].path), "%s/%s", dir,
			 files[i % nr]);
		readers[i].store = !strcmp(files[i % nr], STORED);
		readers[i].fd = -1;
		opened(&readers[i]);
		readers[i].from = from + i * STEP_US * 1000ull;
		if (pthread_create(&readers[i].thread, NULL, read_file, &readers[i]))
			fatal("no thread");
	}
}

/*
 * From FROM on the lock is held until a superblock is on the backing disk: the first
 * one, or in kernels that do not wait for it, when the second comes.
 */
static void *hold_lock(void *from)
{
	sleep_until(*(uint64_t *)from);
	bdev_put("cache_mode", "writethrough");
	bdev_put("cache_mode", "writearound");
	return NULL;
}

static void *register_refused(void *disk)
{
	if (try_put("/sys/fs/bcache/register", ((struct disk *)disk)->dev))
		fatal("the cache disk was not refused");
	return NULL;
}

static const char *sysfs_of(struct disk *d)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "/sys/block/%s/bcache", d->dev + 5);
	return dir;
}

/* Does its last user close it? */
static bool let_go(struct disk *d)
{
	unsigned int tries = WAIT_S * 100;
	int fd;

	while ((fd = open(d->dev, O_RDWR | O_EXCL)) < 0 && tries--)
		sleep_us(10000);
	close(fd);
	return fd >= 0;
}

static void read_at_stop(uint64_t from)
{
	static const char * const files[] = { "written", "priority_stats", NULL };

	readers_start(from, sysfs_of(&cache), files);
	cset_put("stop", "1");
}

static void read_duplicate(uint64_t from)
{
	static const char * const reads[] = { "priority_stats", NULL };
	static const char * const stores[] = { STORED, NULL };

	sleep_until(from);
	pthread_create(&helper, NULL, register_refused, &twin);
	readers_start(from, sysfs_of(&twin), setting("store", 0) ? stores : reads);
	pthread_join(helper, NULL);
}

static void read_refused(uint64_t from)
{
	static const char * const all[] = {
		"tree_depth", "root_usage_percent", "internal/bset_tree_stats",
		"../../../kernel/debug/bcache/bcache-" CSET_UUID, NULL
	};
	const unsigned int file = setting("file", 0);
	const char *one[2] = { all[(file ?: 1) - 1], NULL };
	unsigned int at;

	cset_put("stop", "1");
	if (!let_go(&cache))
		fatal("the cache set does not stop");
	for (at = JOURNAL_AT; at < JOURNAL_END; at += 512)
		disk_bad(&cache, true, at, at + 511);
	from = now_ns();
	readers_start(from, "/sys/fs/bcache/" CSET_UUID, file ? one : all);
	register_refused(&cache);
}

int main(void)
{
	const struct geometry geo = { .bucket = "64k", .block = "4k" };
	struct load load = {
		.threads = 1, .in_turn = true, .writes = BLOCKS, .span = BLOCKS,
	};
	bool dup = setting("dup", 0), refused = setting("refused", 0), gone;
	unsigned int i, waited = 0, late = 0, seen = 0, stuck = 0;
	pthread_t holder;
	uint64_t from;

	plan(4);
	setenv("cache_us", "10000", 0);
	setenv("backing_us", "1000000", 0);
	cache.mb = 64;
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, true);
	load_all(&load);
	bdev_detach();
	if (dup) {
		disk_make(&twin, 100, 0);
		command("/sbin/make-bcache -C -b 64k -w 4k --cset-uuid " CSET_UUID " %s", twin.dev);
	}

	at("read");
	from = now_ns() + SOON_US * 1000;
	if (!refused)
		pthread_create(&holder, NULL, hold_lock, &from);
	(dup ? read_duplicate : refused ? read_refused : read_at_stop)(from + SOON_US * 1000);
	gone = let_go(dup ? &twin : &cache);
	sleep_us(10000000);
	for (i = 0; i < READERS; i++) {
		struct reader *r = &readers[i];

		stuck += !r->ended;
		if (!r->ended || r->took < WAITED_US)
			continue;
		waited++;
		late += r->returned == -ENODEV;
		seen += r->returned > 0;
	}
	metric("waited", waited, "count");
	metric("late", late, "count");
	metric("stuck", stuck, "count");
	result(gone, "stops", "%d of 1 cache disk is let go", gone);
	/* of a set that stops a file that needs none may be read */
	result(waited && late + stuck && (seen || dup || refused), "events",
	       "%u reads waited, %u came too late", waited, late + stuck);
	result(!stuck, "reads", "%u of %u reads do not end", stuck, READERS);
	kept_metric(&load);
	return finish();
}
