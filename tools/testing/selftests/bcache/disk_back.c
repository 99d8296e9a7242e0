// SPDX-License-Identifier: GPL-2.0
/*
 * disk_back - can a backing disk come back while its old device is open?
 *
 * Blocks are dirty in the cache. The backing disk goes away while a task writes;
 * this gets an error and keeps the device open, as a mounted file system does. The
 * disk returns, is registered, and read. Then the cache set is stopped.
 *
 * Observed from outside: sysfs, and the blocks.
 *
 * Settings: busy (0: the task closes the device at its error), clean (1: the blocks
 * are written back before), fails (writes that fail before the task gives up), early
 * (1: the disk is back before bcache has missed it), told (1: the device was told
 * to detach before; 2: to stop), closes (1: it is closed when the disk is back), stays
 * (1: the disk fails, but does not go away; it is registered again when its set has
 * stopped), disabled (1: the I/O of the set is disabled meanwhile), copy (1: there is a
 * copy of the disk, which was refused before), wait_s (for the disk and for the end of
 * the set), cache_us and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define BLOCKS		64

static char *buf;

/* Until there are errors, far from the blocks that are looked at. */
static pid_t writer(int fd, bool stays)
{
	unsigned int i, fails = setting("fails", 1);
	pid_t pid = fork();

	if (pid)
		return pid;
	for (i = 0; fails; i++)
		fails -= pwrite(fd, buf, BLOCK, (1024 + i % 64) * BLOCK) != BLOCK;
	if (stays)
		pause();
	_exit(0);
}

static void written_back(void)
{
	at("writeback");
	bdev_put("writeback_percent", "0");
	bdev_put("writeback_running", "1");
	while (bdev_size("dirty_data"))
		sleep_us(10000);
	sleep_us(40000000);
}

/* What is dirty in the cache is not on it. */
static void copy_registered(void)
{
	struct disk copy = { .name = "copy", .mb = backing.mb };
	int from = open(backing.dev, O_RDONLY | O_DIRECT), to;
	unsigned long n;

	at("copy");
	disk_make(&copy, 0, 0);
	to = open(copy.dev, O_WRONLY | O_DIRECT);
	for (n = 0; n < copy.mb * 256; n++)
		if (pread(from, buf, BLOCK, n * BLOCK) != BLOCK ||
		    pwrite(to, buf, BLOCK, n * BLOCK) != BLOCK)
			fatal("cannot copy the disk");
	close(from);
	close(to);
	put("/sys/fs/bcache/register", "%s", copy.dev);
}

/* the device that the disk has now */
static int device_of(struct disk *d)
{
	char path[64], dev[64] = "";

	snprintf(path, sizeof(path), "/sys/block/%s/bcache/dev", d->dev + 5);
	if (readlink(path, dev, sizeof(dev) - 1) < 0)
		fatal("%s has no device", d->dev);
	snprintf(path, sizeof(path), "/dev/%s", strrchr(dev, '/') + 1);
	return open(path, O_RDWR | O_DIRECT);
}

/* once the set is gone, and the device that it is a disk of, which holds it up */
static void registered_again(struct load *load)
{
	within(WAIT_S, false, CSET);
	sleep_us(1000000);
	put("/sys/fs/bcache/register", "%s", cache.dev);
	put("/sys/fs/bcache/register", "%s", backing.dev);
	load->fd = device_of(&backing);
	kept_metric(load);
	close(load->fd);
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	struct load load = {
		.threads = 1, .in_turn = true, .writes = BLOCKS, .span = BLOCKS,
	};
	unsigned long told = setting("told", 0);
	bool busy = setting("busy", 1), stays = setting("stays", 0), back;
	char bound[64];
	pid_t pid;

	plan(stays ? 2 : 3);
	buf = aligned_alloc(BLOCK, BLOCK);
	cache.mb = 128;
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, true);
	load_all(&load);
	if (setting("clean", 0))
		written_back();
	/* past the cache, so that each write is one to the disk */
	if (setting("fails", 1) > 1 || setting("disabled", 0))
		bdev_put("cache_mode", "writethrough");
	if (setting("copy", 0))
		copy_registered();
	pid = writer(load.fd, busy);
	close(load.fd);
	sleep_us(100000);

	at("gone");
	disk_fails(&backing, true);
	if (told)
		bdev_put(told == 1 ? "detach" : "stop", "1");
	if (setting("disabled", 0)) {
		/* The journal has no write under way, which would fail the set. */
		sleep_us(1000000);
		cset_put("internal/io_disable", "1");
	}
	if (!stays)
		disk_put(&backing, "power", 0);
	sleep_us(setting("early", 0) ? 1000000 : 10000000);
	if (!busy)
		waitpid(pid, NULL, 0);
	sleep_us(1000000);
	if (setting("disabled", 0))
		cset_put("internal/io_disable", "0");
	disk_fails(&backing, false);
	if (stays) {
		set_stops();
		kill(pid, SIGKILL);
		registered_again(&load);
		return finish();
	}
	disk_on(&backing);
	if (!setting("copy", 0) && there("/sys/block/bcache1"))
		fatal("there are two devices");

	at("back");
	put("/sys/fs/bcache/register", "%s", backing.dev);
	if (setting("closes", 0))
		kill(pid, SIGKILL);
	snprintf(bound, sizeof(bound), "/sys/block/%s/bcache/cache", backing.dev + 5);
	back = within(WAIT_S, true, bound);
	result(back, "back", back ? "the disk is attached again" :
	       "the disk is not attached after %lu s", WAIT_S);
	if (back) {
		load.fd = device_of(&backing);
		kept_metric(&load);
		close(load.fd);
	} else {
		out_of_reach(BLOCKS);
	}

	set_stops();
	kill(pid, SIGKILL);
	if (!within(WAIT_S, false, CSET))
		printf("# it stays when the device is closed\n");
	return finish();
}
