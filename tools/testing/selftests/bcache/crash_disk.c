// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "crash.h"

#include <fcntl.h>
#include <glob.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TEAR	"/sys/module/null_blk/parameters/tear"
#define KEEP	"/sys/module/null_blk/parameters/keep"
#define HOLD	"/sys/module/null_blk/parameters/hold"

struct disk cache = { .name = "cache" };
struct disk backing = { .name = "backing", .mb = 16 };

void disk_put(struct disk *d, const char *file, unsigned long value)
{
	char path[128];

	snprintf(path, sizeof(path), NULLB "%s/%s", d->name, file);
	put(path, "%lu", value);
}

void disk_bad(struct disk *d, bool bad, unsigned long from, unsigned long to)
{
	char path[128];

	snprintf(path, sizeof(path), NULLB "%s/badblocks", d->name);
	put(path, "%c%lu-%lu", bad ? '+' : '-', from, to);
}

/*
 * Old kernels put the parts of a bad range of more than 512 sectors into their table
 * in the wrong order, and do not find most of them.
 */
void disk_fails(struct disk *d, bool fails)
{
	unsigned long at, end = d->mb * 2048, step = fails ? 512 : end;

	for (at = 0; at < end; at += step)
		disk_bad(d, fails, at, at + step - 1);
}

void disk_flush_fails(struct disk *d, bool fails)
{
	unsigned long end = d->mb * 2048;

	disk_bad(d, fails, end, end);
}

void disk_on(struct disk *d)
{
	char path[128];

	disk_put(d, "power", 1);
	snprintf(path, sizeof(path), NULLB "%s/index", d->name);
	snprintf(d->dev, sizeof(d->dev), "/dev/nullb%lu", get(path));
	/* from 6.12 on it is named after its directory */
	if (access(d->dev, F_OK))
		snprintf(d->dev, sizeof(d->dev), "/dev/%s", d->name);
}

/*
 * A disk that keeps all is no judge. Of three writes of a block, of which the last
 * is not flushed, a power cut has to leave the second.
 */
static void check_volatile(struct disk *d)
{
	unsigned char *buf = aligned_alloc(BLOCK, BLOCK);
	int i, fd = open(d->dev, O_RDWR | O_DIRECT);

	for (i = 1; i <= 3; i++) {
		memset(buf, i, BLOCK);
		if (pwrite(fd, buf, BLOCK, 0) != BLOCK || (i < 3 && fdatasync(fd)))
			fatal("cannot write to %s", d->dev);
	}
	close(fd);
	disk_put(d, "power", 0);
	disk_on(d);
	fd = open(d->dev, O_RDONLY | O_DIRECT);
	if (pread(fd, buf, BLOCK, 0) != BLOCK)
		fatal("cannot read %s", d->dev);
	if (*buf != 2)
		fatal("the %s disk %s", d->name, *buf == 3 ?
		      "keeps rewrites without a flush" : "loses what was flushed");
	close(fd);
	free(buf);
}

void disk_make(struct disk *d, unsigned long us, unsigned long volatile_mb)
{
	char path[128];

	snprintf(path, sizeof(path), NULLB "%s", d->name);
	if (mkdir(path, 0755))
		fatal("cannot make null_blk device %s", d->name);
	d->us = us;
	disk_put(d, "size", d->mb);
	disk_put(d, "blocksize", 512);
	disk_put(d, "memory_backed", 1);
	disk_put(d, "discard", 1);
	/* "lies": a disk without what it is said to have */
	disk_put(d, "cache_size", setting("lies", 0) ? 0 : volatile_mb);
	disk_put(d, "irqmode", 2);
	disk_put(d, "completion_nsec", us * 1000);
	if (setting("fault_how", 0) == 1)
		disk_put(d, "badblocks_partial_io", 1);
	disk_on(d);
	if (volatile_mb)
		check_volatile(d);
}

void disk_without_fua(struct disk *d)
{
	char path[64];

	disk_put(d, "power", 0);
	disk_put(d, "fua", 0);
	disk_on(d);
	snprintf(path, sizeof(path), "/sys/block/%s/queue/fua", d->dev + 5);
	if (get(path))
		fatal("%s has FUA", d->dev);
}

void disk_given(struct disk *d, unsigned long volatile_mb)
{
	disk_make(d, setting(d == &cache ? "cache_us" : "backing_us",
			     setting("dev_us", 100)), volatile_mb);
	setenv(d->name, d->dev, 1);
}

void disk_hold(struct disk *d, unsigned int sectors, unsigned long ms, const char *what)
{
	put(HOLD, "%s %u %lu %s", d->dev + 5, sectors, ms, what);
}

unsigned long disk_held(void)
{
	return get(HOLD);
}

unsigned long disk_ended(struct disk *d, enum ended field)
{
	char path[64];
	unsigned long nr;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", d->dev + 5);
	f = fopen(path, "r");
	do {
		if (!f || fscanf(f, "%lu", &nr) != 1)
			fatal("cannot read %s", path);
	} while (field--);
	fclose(f);
	return nr;
}

bool there(const char *pattern)
{
	glob_t g;
	bool found = !glob(pattern, 0, NULL, &g);

	globfree(&g);
	return found;
}

bool put_any(const char *dir, const char *file, const char *value)
{
	char path[128];
	bool done;
	glob_t g;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	done = !glob(path, 0, NULL, &g) && try_put(g.gl_pathv[0], value);
	globfree(&g);
	return done;
}

bool within(unsigned int s, bool wanted, const char *pattern)
{
	for (s *= 100; s && there(pattern) != wanted; s--)
		sleep_us(10000);
	return there(pattern) == wanted;
}

static void wait_gone(const char *pattern)
{
	while (there(pattern))
		sleep_us(10000);
}

void set_goes(void)
{
	put_any(CSET, "stop", "1");
	put_any(BDEV, "stop", "1");
	wait_gone(BDEV);
	wait_gone(CSET);
}

void set_stops(void)
{
	bool was = there(CSET), gone;

	at("stop");
	put_any(CSET, "stop", "1");
	gone = within(WAIT_S, false, CSET);
	if (gone)
		result(was, "stops", "the cache set %s", was ? "is gone" : "was not there");
	else
		result(false, "stops", "the cache set is there after %lu s", WAIT_S);
}

/* A set whose disk is gone tries for a while to write its nodes. */
void set_ends(int fd)
{
	close(fd);
	set_goes();
	sleep_us(20000000);
}

/* of the next cut, if its requests are torn */
static unsigned long tear_lot;

/*
 * Power off waits for the requests that are under way, one disk after the
 * other. Hence the bad sectors first: they come to both at one moment. A flush
 * would still succeed until the power is off, and write what was acknowledged.
 */
unsigned long disks_cut(void)
{
	unsigned long torn = 0;

	disk_fails(&cache, true);
	disk_fails(&backing, true);
	if (tear_lot) {
		put(TEAR, "%lu", tear_lot);
		torn = get(TEAR);
		tear_lot = 0;
	}
	disk_put(&cache, "power", 0);
	disk_put(&backing, "power", 0);
	return torn;
}

void sleep_until(uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
		;
}

/*
 * What is submitted in the time that a request takes before the cut is under way
 * then. The first two microseconds are left out: tasks do not wake up at once.
 */
void disks_note(uint64_t ns, unsigned long lot)
{
	struct disk *slow = cache.us > backing.us ? &cache : &backing;
	struct disk *fast = slow == &cache ? &backing : &cache;

	tear_lot = lot;
	sleep_until(ns - slow->us * 1000 + 2000);
	put(TEAR, "%s", slow->dev + 5);
	sleep_until(ns - fast->us * 1000 + 2000);
	put(TEAR, "%s", fast->dev + 5);
	sleep_until(ns);
}

void disks_keep(unsigned long lot)
{
	put(KEEP, "%lu", lot);
}

unsigned long disks_kept(void)
{
	return get(KEEP);
}

void disks_power(void)
{
	disk_fails(&cache, false);
	disk_fails(&backing, false);
	disk_on(&cache);
	disk_on(&backing);
}

void disk_cut(struct disk *d, int fd)
{
	at("power");
	disk_fails(d, true);
	disk_put(d, "power", 0);
	set_ends(fd);
	disk_fails(d, false);
	disk_on(d);
}

int disk_power_cycle(struct disk *d, int fd)
{
	disk_cut(d, fd);
	cache_register();
	return backing_register(true);
}

void bdev_detach(void)
{
	unsigned int tries = 10000;

	at("detach");
	bdev_put("detach", "1");
	while (access("/sys/block/bcache0/bcache/cache", F_OK) == 0) {
		if (!tries--)
			fatal("the backing disk was not detached");
		sleep_us(10000);
	}
}

static char block[BLOCK] __attribute__((aligned(BLOCK)));
static aio_context_t ctx;

bool block_write(int fd, unsigned long nr, char content)
{
	struct iocb cb = {
		.aio_lio_opcode	= IOCB_CMD_PWRITE,
		.aio_fildes	= fd,
		.aio_buf	= (uintptr_t)block,
		.aio_nbytes	= BLOCK,
		.aio_offset	= nr * BLOCK,
	}, *cbs = &cb;
	struct io_event end;

	memset(block, content, BLOCK);
	if (!ctx && syscall(SYS_io_setup, 1, &ctx))
		return pwrite(fd, block, BLOCK, nr * BLOCK) == BLOCK;
	return syscall(SYS_io_submit, ctx, 1, &cbs) == 1 &&
	       syscall(SYS_io_getevents, ctx, 1, 1, &end, NULL) == 1 &&
	       end.res == BLOCK;
}

bool block_is(int fd, unsigned long nr, char content)
{
	return pread(fd, block, BLOCK, nr * BLOCK) == BLOCK &&
	       block[0] == content && block[BLOCK - 1] == content;
}

bool versions_write(int fd, unsigned long first, unsigned long blocks, uint32_t version)
{
	uint64_t *w = aligned_alloc(BLOCK, blocks * BLOCK);
	unsigned long i, words = BLOCK / sizeof(*w);
	bool done;

	for (i = 0; i < blocks * words; i++)
		w[i] = (uint64_t)version << 32 | (first + i / words);
	done = pwrite(fd, w, blocks * BLOCK, (off_t)first * BLOCK) ==
	       (ssize_t)(blocks * BLOCK);
	free(w);
	return done;
}

int version_of(const uint64_t *w, unsigned long block)
{
	int v = w[0] >> 32;
	unsigned int i;

	for (i = 0; i < BLOCK / sizeof(*w); i++)
		if (w[i] != (v ? (uint64_t)v << 32 | block : 0))
			return -1;
	return v;
}

int version_read(int fd, unsigned long block)
{
	uint64_t *w = aligned_alloc(BLOCK, BLOCK);
	int v = -2;

	if (pread(fd, w, BLOCK, (off_t)block * BLOCK) == BLOCK)
		v = version_of(w, block);
	free(w);
	return v;
}

void kept_metric(const struct load *l)
{
	unsigned long lost = kept_wrong(l->fd);

	metric("lost", lost, "blocks");
	result(!lost, "kept", "%lu blocks read back, %lu not as written",
	       l->span < KEPT_READS ? l->span : KEPT_READS, lost);
}

void out_of_reach(unsigned int blocks)
{
	metric("lost", blocks, "blocks");
	result(false, "kept", "%u of %u blocks out of reach", blocks, blocks);
}
