// SPDX-License-Identifier: GPL-2.0
/*
 * journal_error - blocks of the journal that cannot be read, or not be written.
 *
 * Blocks are written, each as durable, by threads with O_DSYNC and by threads
 * with fdatasync(). The disk is then put back to what it held at that moment, as
 * if the machine had lost power, and is registered. One journal bucket fails,
 * the setting "fault" says which and when:
 *
 *   none	none at all
 *   newest	read: the bucket with the newest entry
 *   tail	read: the second half of that bucket
 *   needed	read: the bucket with the oldest entry that is needed
 *   old	read: the one before it, of which no entry is needed
 *   next	read: the bucket after the newest one, which is not in use
 *   write	write: the bucket that is written next
 *   stop	the same, while the cache set is being stopped
 *   first	write: the whole journal, when a new cache is registered
 *   full	no journal bucket, a read of data that disables the cache set
 *		while writers wait for room in the journal
 *   hand	no sector, but io_disable is 1 when the key of a durable write
 *		comes to the journal, and 0 again when the write ends
 *   toggle	no sector, but "discard" is 0 and then 1 again, many times, while
 *		journal buckets are discarded
 *
 * A registration may be refused, if it says so, but what was acknowledged must
 * not be lost without a word: where it is refused, the sectors become good again
 * and all has to be there. With "zero" they become good and hold zeros, which is
 * the way to go on without them; then only what they held may be missing.
 *
 * Observed from outside: what writes and registration return, the console.
 *
 * Settings: fault, once (the sectors are good again after one failed request; a
 * write is tried again then, and nobody is told), volatile_mb (of the cache disk),
 * flush (with "once" and that: it is the flush before the write that fails, and
 * all are told), fua (0: a write to that disk has a flush in it, too), zero,
 * bucket_k, cache_mb, writes (of a thread before the leaf is written; half as many
 * come after), discard (of freed journal buckets, in kernels that do it),
 * backing_mb, limit_ms (the longest that a writer may hang once the set is
 * disabled), cache_us, backing_us.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE		"/sys/kernel/config/nullb/cache/"
#define CSET		"/sys/fs/bcache/*-*-*-*-*"
#define SECTOR		512
#define CHUNK		(64 * SECTOR)	/* what the kernel reads at once */
#define BUCKETS		256		/* of a journal, at most */
#define SPAN		64		/* blocks of a thread */
#define THREADS		8

/* Of the superblock, 8 sectors from the start of the disk, in 16 bits. */
#define SB_AT		(8 * SECTOR)
#define SB_BUCKET	(192 / 2 + 1)
#define SB_NR		(192 / 2 + 7)
#define SB_BUCKETS	(208 / 8)	/* in 64 bits */

/* What starts an entry; its keys come after so many bytes. */
#define JSET_BYTES	240
struct jset {
	uint64_t	csum, magic, seq;
	uint32_t	version, keys;
	uint64_t	last_seq;
};

struct disk {
	const char	*name;
	char		dev[32];
	size_t		size;
	char		*image;
};

static struct disk cache = { .name = "cache" }, backing = { .name = "backing" };

static struct bucket {
	uint64_t	sector, newest, last_seq;
} journal[BUCKETS];
static unsigned int buckets, bucket_sectors;

/* What a thread wrote: each block has the number of its last write. */
static struct writer {
	pthread_t	thread;
	unsigned int	nr, writes;
	bool		sync;
	uint64_t	issued[SPAN], acknowledged[SPAN];
	unsigned long	failed;
	uint64_t	ended;
} writer[THREADS];
static unsigned int writers;
static const char *fault;

static bool fault_is(const char *name)
{
	return !strcmp(fault, name);
}

/* disks */

static int disk_open(const struct disk *d, int flags)
{
	int fd = open(d->dev, O_RDWR | O_DIRECT | flags);

	if (fd < 0)
		fatal("cannot open %s", d->dev);
	return fd;
}

static void disk_find(struct disk *d, unsigned int mb)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/config/nullb/%s/index", d->name);
	snprintf(d->dev, sizeof(d->dev), "/dev/nullb%lu", get(path));
	if (access(d->dev, F_OK))
		snprintf(d->dev, sizeof(d->dev), "/dev/%s", d->name);
	d->size = (size_t)mb << 20;
	d->image = aligned_alloc(BLOCK, d->size);
	if (!d->image)
		fatal("out of memory");
}

/* All of it, to the image or back. */
static void disk_copy(struct disk *d, bool back)
{
	int fd = disk_open(d, 0);
	size_t at;

	for (at = 0; at < d->size; at += 1 << 20)
		if ((back ? pwrite(fd, d->image + at, 1 << 20, at) :
		     pread(fd, d->image + at, 1 << 20, at)) != 1 << 20)
			fatal("cannot copy %s", d->dev);
	close(fd);
}

static void bad_sectors(char sign, uint64_t from, uint64_t nr)
{
	put(CACHE "badblocks", "%c%llu-%llu", sign, (unsigned long long)from,
	    (unsigned long long)(from + nr - 1));
}

static void zero(uint64_t sector, unsigned int nr)
{
	void *buf = aligned_alloc(BLOCK, nr * SECTOR);
	int fd = disk_open(&cache, 0);

	memset(buf, 0, nr * SECTOR);
	if (pwrite(fd, buf, nr * SECTOR, sector * SECTOR) != (ssize_t)nr * SECTOR)
		fatal("cannot write zeros");
	close(fd);
	free(buf);
}

/* A stopped cache set is gone from sysfs before it lets go of its disks. */
static void wait_free(const struct disk *d)
{
	int fd, tries = 20000;

	while ((fd = open(d->dev, O_RDWR | O_EXCL)) < 0) {
		if (!--tries)
			fatal("%s is still in use", d->dev);
		sleep_us(10000);
	}
	close(fd);
}

/* journal */

static void bucket_read(const char *image, struct bucket *b)
{
	const char *at = image + b->sector * SECTOR;
	const char *end = at + bucket_sectors * SECTOR;
	const struct jset *first = (const void *)at;

	b->newest = 0;
	while (at < end) {
		const struct jset *j = (const void *)at;
		size_t bytes = JSET_BYTES + j->keys * 8;

		/* the magic number is the same in all, and never 0 */
		if (!j->magic || j->magic != first->magic || j->seq < b->newest)
			break;
		b->newest = j->seq;
		b->last_seq = j->last_seq;
		at += (bytes + SECTOR - 1) / SECTOR * SECTOR;
	}
}

/* Returns the bucket with the newest entry. */
static unsigned int journal_read(void)
{
	const uint16_t *sb = (const void *)(cache.image + SB_AT);
	unsigned int i, newest = 0;

	bucket_sectors = sb[SB_BUCKET];
	buckets = sb[SB_NR];
	if (!buckets || buckets > BUCKETS)
		fatal("a journal of %u buckets", buckets);
	for (i = 0; i < buckets; i++) {
		struct bucket *b = &journal[i];

		b->sector = ((const uint64_t *)sb)[SB_BUCKETS + i] * bucket_sectors;
		bucket_read(cache.image, b);
		if (b->newest > journal[newest].newest)
			newest = i;
	}
	return newest;
}

/* The bucket that the fault is in. */
static unsigned int fault_bucket(void)
{
	unsigned int i, newest = journal_read(), found = BUCKETS;
	uint64_t last_seq = journal[newest].last_seq;

	if (fault_is("next") || fault_is("write") || fault_is("stop"))
		return (newest + 1) % buckets;
	if (fault_is("newest") || fault_is("tail"))
		return newest;
	for (i = 0; i < buckets; i++) {
		uint64_t seq = journal[i].newest;
		bool needed = seq >= last_seq, younger;

		if (i == newest || !seq || needed != fault_is("needed"))
			continue;
		younger = found < BUCKETS && seq > journal[found].newest;
		if (found == BUCKETS || younger == fault_is("old"))
			found = i;
	}
	if (found == BUCKETS)
		fatal("no journal bucket to fail");
	return found;
}

/* load */

static void fill(uint64_t *buf, uint64_t block, uint64_t nr)
{
	unsigned int i;

	for (i = 0; i < BLOCK / sizeof(*buf); i++)
		buf[i] = block << 40 ^ nr << 12 ^ i;
}

/* Until a write fails, or all are done. */
static void *write_blocks(void *arg)
{
	struct writer *w = arg;
	uint64_t *buf = aligned_alloc(BLOCK, BLOCK);
	int fd = bcache_open(!w->sync);
	unsigned int i;

	for (i = 0; i < w->writes && !w->failed; i++) {
		unsigned int at = i % SPAN;
		unsigned int block = w->nr * SPAN + at;

		fill(buf, block, ++w->issued[at]);
		if (pwrite(fd, buf, BLOCK, (off_t)block * BLOCK) != BLOCK ||
		    (w->sync && fdatasync(fd)))
			w->failed++;
		else
			w->acknowledged[at] = w->issued[at];
	}
	w->ended = now_ns();
	close(fd);
	free(buf);
	return NULL;
}

static void writers_start(unsigned int nr, unsigned int writes)
{
	unsigned int i;

	writers = nr;
	for (i = 0; i < nr; i++) {
		writer[i].nr = i;
		writer[i].writes = writes;
		writer[i].sync = i % 2;
		pthread_create(&writer[i].thread, NULL, write_blocks, &writer[i]);
	}
}

static void writers_end(void)
{
	unsigned int i;

	for (i = 0; i < writers; i++)
		pthread_join(writer[i].thread, NULL);
}

static unsigned long count_failed(void)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < writers; i++)
		nr += writer[i].failed;
	return nr;
}

struct seen {
	unsigned long	acknowledged, lost, foreign;
};

/* Holds each block what was acknowledged last, or what was under way then? */
static struct seen check(int fd)
{
	uint64_t *buf = aligned_alloc(BLOCK, BLOCK), *was = malloc(BLOCK);
	struct seen seen = { 0 };
	unsigned int i, at;

	for (i = 0; i < writers * SPAN; i++) {
		const struct writer *w = &writer[i / SPAN];
		uint64_t nr;

		at = i % SPAN;
		if (!w->acknowledged[at])
			continue;
		seen.acknowledged++;
		if (pread(fd, buf, BLOCK, (off_t)i * BLOCK) != BLOCK)
			memset(buf, 0xff, BLOCK);
		for (nr = w->issued[at]; nr; nr--) {
			fill(was, i, nr);
			if (!memcmp(buf, was, BLOCK))
				break;
		}
		memset(was, 0, BLOCK);
		seen.lost += nr < w->acknowledged[at];
		seen.foreign += !nr && memcmp(buf, was, BLOCK);
	}
	free(buf);
	free(was);
	metric("acknowledged", seen.acknowledged, "blocks");
	metric("lost", seen.lost, "blocks");
	return seen;
}

/* parts */

static bool gone(const char *pattern)
{
	glob_t g;
	bool none = glob(pattern, 0, NULL, &g);

	globfree(&g);
	return none;
}

static uint64_t fault_ns;

/* The sectors are good again as soon as the kernel has seen that they are not. */
static void *heal(void *arg)
{
	const struct bucket *b = arg;

	while (!io_errors())
		sleep_us(100);
	bad_sectors('-', b->sector, bucket_sectors);
	return arg;
}

/* The journal bucket after the one in use fails, and writers come to it. */
static void write_fault(void)
{
	/* patches/lab/volatile: flushes fail, and what the disk held is gone */
	struct bucket behind = { .sector = cache.size / SECTOR }, *b;
	bool once = setting("once", 0);
	pthread_t thread;

	disk_copy(&cache, false);
	b = &journal[fault_bucket()];
	if (setting("flush", 0))
		b = &behind;
	bad_sectors('+', b->sector, bucket_sectors);
	if (fault_is("stop"))
		cset_put("stop", "1");
	at("writes");
	if (once)
		pthread_create(&thread, NULL, heal, b);
	/* so few that the entries that failed are still needed */
	writers_start(THREADS, fault_is("stop") ? 20 : once ? 100 : 1000);
	writers_end();
	bad_sectors('-', b->sector, bucket_sectors);
}

/* Writers wait for room in the journal when the cache set is disabled. */
static void full_fault(int fd)
{
	void *buf = aligned_alloc(BLOCK, BLOCK);

	cset_put("io_error_limit", "1");
	at("writes");
	/* few, so that the leaf does not fill before the journal */
	writers_start(2, 1000);
	sleep_us(2000000);
	bad_sectors('+', 0, cache.size / SECTOR);
	fault_ns = now_ns();
	if (pread(fd, buf, BLOCK, 0) == BLOCK)
		fatal("a bad sector was read");
	writers_end();
	bad_sectors('-', 0, cache.size / SECTOR);
	free(buf);
}

/* From when on all that a power cut leaves is there; the set goes away. */
static void power_cut(int fd)
{
	disk_copy(&cache, false);
	disk_copy(&backing, false);
	close(fd);
	at("stop");
	if (!gone(CSET) && !fault_is("stop") &&
	    (!count_failed() || fault_is("hand")))
		cset_put("stop", "1");
	wait_free(&cache);
	wait_free(&backing);
	disk_copy(&cache, true);
	disk_copy(&backing, true);
}

/* Was it registered? */
static bool try_register(void)
{
	at("register");
	if (!try_put("/sys/fs/bcache/register", cache.dev)) {
		wait_free(&cache);
		return false;
	}
	return true;
}

/* Writes before and after the leaf is written; the first are needed no more. */
static void two_loads(unsigned int writes)
{
	writers_start(2, writes);
	writers_end();
	sleep_us(31000000);
	writers_start(2, writes / 2);
	writers_end();
}

static unsigned long slowest_end(void)
{
	uint64_t last = fault_ns;
	unsigned int i;

	for (i = 0; i < writers; i++)
		if (writer[i].ended > last)
			last = writer[i].ended;
	return (last - fault_ns) / 1000;
}

/* After a power cut; false: registration is refused, and nothing is seen. */
static bool comes_back(int fd, struct seen *seen)
{
	bool registered;

	power_cut(fd);
	registered = try_register();
	*seen = registered ? check(backing_register(true)) : (struct seen){ 0 };
	return registered;
}

static void result_kept(bool registered, const struct seen *seen)
{
	result(registered, "registered", "%u registrations refused, 0 expected",
	       !registered);
	result(seen->acknowledged && !seen->lost && !seen->foreign, "kept",
	       "%lu blocks acknowledged, %lu lost, %lu foreign",
	       seen->acknowledged, seen->lost, seen->foreign);
}

/* There are more leaves than stay in memory, so the key takes a while to its. */
static void hand_part(int fd)
{
	struct load keys = {
		.fd = fd, .threads = 8, .writes = 5000, .in_turn = true,
		.first = THREADS * SPAN, .span = 5000, .stride = 2 * BLOCK,
	};
	unsigned int us = setting("cache_us", 1000);
	struct seen seen;
	bool registered;
	uint64_t cleared;

	load_all(&keys);
	writers_start(1, 1);
	writers_end();
	sleep_us(31000000);	/* a dirty node is not pruned */
	prune_cache();
	lab_put("read_us", 10 * us);
	writers_start(1, 1);
	sleep_us(us / 2);
	cset_put("internal/io_disable", "1");
	sleep_us(us);
	cset_put("internal/io_disable", "0");
	cleared = now_ns();
	writers_end();
	lab_put("read_us", 0);
	metric("failed", count_failed(), "writes");
	registered = comes_back(fd, &seen);

	result(writer[0].ended > cleared, "events",
	       "the write ends %lld us after io_disable is 0",
	       (long long)(writer[0].ended - cleared) / 1000);
	result_kept(registered, &seen);
}

/* Discards that the cache disk has done: field 12 of 17. */
static unsigned long discards(void)
{
	unsigned long nr[12] = { 0 };
	char path[64];
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", cache.dev + strlen("/dev/"));
	f = fopen(path, "r");
	if (!f)
		fatal("cannot open %s", path);
	for (i = 0; i < 12; i++)
		if (fscanf(f, "%lu", &nr[i]) != 1)
			fatal("no discards in %s", path);
	fclose(f);
	return nr[11];
}

static void toggle_part(int fd)
{
	unsigned int us = setting("cache_us", 1000), nr = 0;
	struct seen seen;
	bool registered;

	writers_start(THREADS, setting("writes", 100));
	while (nr++ < 100) {
		cset_put("cache0/discard", "0");
		sleep_us(us);
		cset_put("cache0/discard", "1");
		sleep_us(5 * us);
	}
	writers_end();
	metric("discards", discards(), "requests");
	result(discards(), "events", "%lu discards", discards());
	registered = comes_back(fd, &seen);
	result_kept(registered, &seen);
}

static void write_part(int fd)
{
	unsigned long failed, errors, us, limit_ms = setting("limit_ms", 1000);
	bool told = !setting("once", 0) || setting("flush", 0) || !setting("fua", 1);
	struct seen seen;
	bool registered;

	two_loads(4);
	if (fault_is("full"))
		full_fault(fd);
	else
		write_fault();
	failed = count_failed();
	errors = io_errors();
	us = fault_ns ? slowest_end() : 0;
	metric("ended", us, "us");
	registered = comes_back(fd, &seen);

	result(errors > 0, "events", "%lu I/O errors of the disk", errors);
	result(failed == (told ? writers : 0), "reported",
	       "%lu of %u writers got an error, %u expected", failed, writers,
	       told ? writers : 0);
	result(us <= limit_ms * 1000, "ended",
	       "the last writer ended after %lu us, limit %lu ms", us, limit_ms);
	result_kept(registered, &seen);
}

static void read_part(int fd)
{
	bool refused = !setting("once", 0) && !fault_is("none") && !fault_is("old");
	pthread_t thread;
	unsigned int nr = 0;
	unsigned long errors;
	struct seen seen;
	uint64_t sector = 0;
	bool registered, may_lose = setting("zero", 0);

	two_loads(setting("writes", 20));
	if (count_failed())
		fatal("a write failed");
	power_cut(fd);
	if (!fault_is("none")) {
		struct bucket *b = &journal[fault_bucket()];

		sector = b->sector;
		nr = bucket_sectors;
		if (fault_is("tail")) {
			sector += CHUNK / SECTOR;
			nr -= CHUNK / SECTOR;
		}
		bad_sectors('+', sector, nr);
		if (setting("once", 0))
			pthread_create(&thread, NULL, heal, b);
	}

	registered = try_register();
	errors = io_errors();
	result(fault_is("none") || errors, "events", "%lu I/O errors of the disk",
	       errors);
	result(registered == !refused, "registered",
	       "%u registrations refused, %u expected", !registered, refused);
	if (nr)
		bad_sectors('-', sector, nr);
	if (!registered) {
		if (may_lose)
			zero(sector, nr);
		if (!try_register())
			fatal("it is refused with good sectors as well");
	}
	seen = check(backing_register(true));
	result(seen.acknowledged && !seen.lost == !may_lose &&
	       seen.lost < seen.acknowledged && !seen.foreign, "kept",
	       "%lu blocks acknowledged, %lu lost, %lu foreign",
	       seen.acknowledged, seen.lost, seen.foreign);
}

/* A superblock must not promise a journal that could not be written. */
static void first_part(int fd)
{
	bool refused, again;

	disk_copy(&cache, false);
	journal_read();
	close(fd);
	cset_put("stop", "1");
	wait_free(&cache);
	zero(SB_AT / SECTOR, BLOCK / SECTOR);
	command("/sbin/make-bcache -C -b 8k -w 512 %s", cache.dev);
	bad_sectors('+', journal[0].sector, buckets * bucket_sectors);
	refused = !try_register();
	if (!refused && !gone(CSET))
		wait_free(&cache);
	result(io_errors(), "events", "%lu I/O errors of the disk", io_errors());
	result(refused, "reported", "%u registrations refused, 1 expected", refused);
	bad_sectors('-', journal[0].sector, buckets * bucket_sectors);
	again = try_register();
	result(again, "registered", "%u registrations refused, 0 expected", !again);
}

/* Once more, on a disk that takes discards, or has a volatile cache. */
static int with_disk(int fd, const char *attr, unsigned long value)
{
	char path[64];

	bcache_stop(fd);
	wait_free(&cache);
	put(CACHE "power", "0");
	snprintf(path, sizeof(path), CACHE "%s", attr);
	put(path, "%lu", value);
	put(CACHE "power", "1");
	cache_register();
	return backing_register(true);
}

int main(void)
{
	const unsigned int bucket_k = setting("bucket_k", 8);
	char bucket[16];
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", 2 * bucket_k),
		.backing_mb	= setting("backing_mb", 16),
		.bucket		= bucket,
		.block		= "512",
	};
	bool writes;
	int fd;

	fault = getenv("fault") ?: "newest";
	if (getenv("cache"))
		skip_all("disks whose sectors can fail are null_blk's");
	writes = fault_is("write") || fault_is("stop") || fault_is("full");
	snprintf(bucket, sizeof(bucket), "%uk", bucket_k);
	plan(writes ? 5 : 3);
	fd = bcache_start(&geo, true);
	disk_find(&cache, geo.cache_mb);
	disk_find(&backing, geo.backing_mb);
	if (setting("discard", 0)) {
		fd = with_disk(fd, "discard", 1);
		cset_put("cache0/discard", "1");
	}
	if (!setting("fua", 1))
		fd = with_disk(fd, "fua", 0);
	if (setting("volatile_mb", 0))
		fd = with_disk(fd, "cache_size", setting("volatile_mb", 0));
	at("writes");
	if (writes)
		write_part(fd);
	else if (fault_is("first"))
		first_part(fd);
	else if (fault_is("hand"))
		hand_part(fd);
	else if (fault_is("toggle"))
		toggle_part(fd);
	else
		read_part(fd);
	return finish();
}
