// SPDX-License-Identifier: GPL-2.0
/*
 * superblock - is there what was acknowledged before a superblock was lost?
 *
 * The first write of the superblock of a new cache fails, or of a backing device
 * when it is attached. Blocks are written, each as durable, in writeback mode. Then
 * both disks are registered again. The write to sysfs that needs the superblock has
 * to fail, or it has to be written in a second try; what failed is asked for again.
 *
 * Observed from outside: what registration and attach return, the console.
 *
 * Settings: attach (1: that of the backing device), cut (1: no request fails, but
 * the disk has a volatile cache, and both lose their power in the end), once (1: one
 * request fails, which a new cache survives; 0: all, until somebody is told), known
 * (1: all requests for that of the cache fail, but only when it comes back), fua (0:
 * the cache disk has a volatile cache and no FUA), cache_us and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <pthread.h>

#define BLOCKS	64

static struct disk *disk = &cache;
static bool once, known;
static int fd;

static void bad(bool bad)
{
	disk_bad(disk, bad, 8, 15);
}

/* The superblock of a new cache was read when its set is there, not written. */
static void *bad_from(void *arg)
{
	while (disk == &cache && !there(CSET))
		sleep_us(20);
	bad(true);
	while (once && !io_errors())
		sleep_us(100);
	if (once)
		bad(false);
	return arg;
}

static bool asked(void)
{
	char name[64];
	glob_t g;

	if (disk == &cache)
		return try_put("/sys/fs/bcache/register", cache.dev);
	if (glob(CSET, 0, NULL, &g))
		fatal("no cache set");
	snprintf(name, sizeof(name), "%s", strrchr(g.gl_pathv[0], '/') + 1);
	globfree(&g);
	return put_any(BDEV, "attach", name);
}

/* A set is gone from sysfs before its disk is free. */
static int cache_free(void)
{
	int raw;

	while ((raw = open(cache.dev, O_RDWR | O_EXCL)) < 0)
		sleep_us(10000);
	return raw;
}

/* One that is made again, or detached, so that it has to be written. */
static void start_anew(void)
{
	static char zeros[BLOCK];
	int raw;

	if (disk == &backing) {
		bdev_detach();
		return;
	}
	close(fd);
	set_goes();
	raw = cache_free();
	if (pwrite(raw, zeros, BLOCK, BLOCK) != BLOCK)
		fatal("cannot write %s", cache.dev);
	close(raw);
	command("/sbin/make-bcache -C -b 64k -w 4k --cset-uuid %s %s",
		"00000000-0000-4000-8000-0000000000cc", cache.dev);
}

/* Returns how often it was told that the superblock cannot be written. */
static unsigned int start_failing(void)
{
	pthread_t thread;
	unsigned int told = 0;

	start_anew();
	at("superblock");
	pthread_create(&thread, NULL, bad_from, NULL);
	if (disk == &backing)
		sleep_us(100);
	while (!asked()) {
		if (told++)
			fatal("it is refused again");
		bad(false);
		if (disk == &cache)
			close(cache_free());
	}
	if (once)
		pthread_join(thread, NULL);
	if (disk == &cache)
		fd = backing_register(true);
	return told;
}

/* With the power of the disks goes what the page cache has of a superblock. */
static void come_back(void)
{
	unsigned int tries = 1000;
	pthread_t thread;

	if (setting("cut", 0)) {
		disks_cut();
		set_ends(fd);
	} else {
		close(fd);
		set_goes();
		disks_cut();
	}
	disks_power();
	if (known) {
		pthread_create(&thread, NULL, bad_from, NULL);
		asked();
		pthread_join(thread, NULL);
	} else {
		cache_register();
	}
	while (!try_put("/sys/fs/bcache/register", backing.dev) && --tries)
		sleep_us(1000);
	within(2, true, "/dev/bcache0");
	fd = open("/dev/bcache0", O_RDWR | O_DIRECT);
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	bool cut = setting("cut", 0), flushes = !setting("fua", 1);
	unsigned long i, lost = 0, dirty, errors;
	unsigned int told = 0, tells;

	disk = setting("attach", 0) ? &backing : &cache;
	known = setting("known", 0);
	once = setting("once", disk == &cache && !known);
	tells = !cut && !known && (!once || flushes);
	plan(3);
	cache.mb = 64;
	backing.mb = 64;
	disk_given(&cache, disk == &cache && (cut || flushes) ? 16 : 0);
	if (flushes)
		disk_without_fua(&cache);
	disk_given(&backing, disk == &backing && cut ? 16 : 0);
	fd = bcache_start(&geo, true);
	if (!cut && !known)
		told = start_failing();
	/* one more at first, which finds no free bucket and goes past the cache */
	for (i = BLOCKS; i <= 2 * BLOCKS; i++)
		if (!block_write(fd, i % (BLOCKS + 1), 'a'))
			fatal("write %lu fails", i);
	dirty = bdev_size("dirty_data");
	come_back();

	errors = io_errors();
	result(dirty && (cut || errors), "events",
	       "%lu bytes in the cache alone, %lu I/O errors", dirty, errors);
	result(told == tells, "told", "%u of %u failures told", told, tells);
	if (fd < 0) {
		out_of_reach(BLOCKS);
		return finish();
	}
	for (i = 0; i < BLOCKS; i++)
		lost += !block_is(fd, i, 'a');
	metric("lost", lost, "blocks");
	result(!lost, "kept", "%u blocks read back, %lu not as written", BLOCKS, lost);
	return finish();
}
