// SPDX-License-Identifier: GPL-2.0
/*
 * alone - what was acknowledged before and after a cache disk failed?
 *
 * The cache disk fails, and its set is given up. The backing device goes on alone,
 * or is stopped if what it needs is in the cache alone; it is held open, and written
 * again. Then the disk is there again, and both are registered, as after a reboot.
 * A device that went on has to have forgotten the set, the others not.
 *
 * Settings: writes (blocks, before and after the failure), after (0: none after
 * it), dirty (1: writeback mode, else writethrough), always (1: of
 * stop_when_cache_set_failed), unregister (1: the set was told to go before), attach
 * (1: by hand, after both were registered), untold (the superblock of the backing
 * device cannot be written: 1, so that it does not say "dirty"; 2, when the set
 * fails), late (1: the last write is past the look at the set when that fails, and
 * goes on a minute later; 2: the delayed write of a node that it has found dirty, and
 * goes on when the set is gone), held (1: the set is registered and stopped before
 * the device is closed), volatile_mb (volatile cache of the backing disk, whose power
 * fails in the end), fua (0: that disk has no FUA), cache_us and backing_us (latencies).
 *
 * Writes are FUA, without a flush behind them where there is asynchronous I/O.
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <sys/wait.h>

#define BOUND	"/sys/block/bcache0/bcache/cache"

static unsigned long writes;
static int fd;

/* how many are acknowledged */
static unsigned long write_all(char content)
{
	unsigned long i, good = 0;

	for (i = 0; i < writes; i++)
		good += block_write(fd, i, content);
	return good;
}

static unsigned long all_lost(char content)
{
	unsigned long i, lost = 0;

	at("kept");
	for (i = 0; i < writes; i++)
		lost += !block_is(fd, i, content);
	return lost;
}

/* Is the superblock of the backing device bad from now on? */
static void untold_at(unsigned long when)
{
	if (setting("untold", 0))
		disk_bad(&backing, setting("untold", 0) == when, 8, 15);
}

/* Dirty data, of which the superblock does not know. */
static void untold(void)
{
	untold_at(0);
	fd = bcache_restart(fd, true);
	if (!bdev_size("dirty_data"))
		fatal("nothing is dirty");
}

/* A read that fails is what bcache counts; one is enough here. */
static void set_fails(void)
{
	at("fail");
	cset_put("io_error_limit", "1");
	if (setting("unregister", 0)) {
		/* each read of dirty data that fails counts as one of that disk */
		bdev_put("io_error_limit", "1000000");
		cset_put("unregister", "1");
	}
	disk_fails(&cache, true);
	if (!block_is(fd, 0, 'a'))
		printf("# the read fails, too\n");
	put_any(CSET, "internal/trigger_gc", "1");
	if (!within(WAIT_S, false, CSET))
		fatal("the cache set goes on");
	/* it is not gone before it has given up what it cannot write */
	sleep_us(12000000);
}

/* A task that writes once, and is late. */
static pid_t write_late(void)
{
	pid_t pid;

	lab_put("late_us", 60000000);
	pid = fork();
	if (!pid) {
		ctx = 0;	/* that of the parent */
		_exit(!block_write(fd, 0, 'b'));
	}
	sleep_us(1000000);
	return pid;
}

/* The work of a node finds it dirty, and is late until the set is gone. */
static void node_late(void)
{
	at("node");
	lab_put("late_us", 10000000);
	while (get(LAB "late_us"))
		sleep_us(10000);
}

static bool late_done(pid_t pid)
{
	int status;

	at("late");
	return waitpid(pid, &status, 0) == pid && !status;
}

static void stops_held(void)
{
	disk_fails(&cache, false);
	cache_register();
	set_stops();
}

static void come_back(void)
{
	if (setting("volatile_mb", 0))
		disks_cut();
	close(fd);
	set_goes();
	untold_at(0);
	if (setting("volatile_mb", 0))
		disks_power();
	else
		disk_fails(&cache, false);
	cache_register();
	fd = backing_register(true);
}

/* where there is no set of the device yet */
static void attach(void)
{
	glob_t g;

	if (!access(BOUND, F_OK) || glob(CSET, 0, NULL, &g))
		return;
	at("attach");
	bdev_put("attach", strrchr(g.gl_pathv[0], '/') + 1);
	if (access(BOUND, F_OK))
		fatal("it is not attached");
	globfree(&g);
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	bool dirty = setting("dirty", 0), always = setting("always", 0);
	bool stops = dirty || always || setting("untold", 0) == 2;
	bool after = setting("after", 1), bound;
	bool late = setting("late", 0) == 1, held = setting("held", 0);
	unsigned long good, lost;
	pid_t pid = 0;

	plan(3 + held);
	writes = setting("writes", 64);
	cache.mb = 64;
	backing.mb = 64;
	disk_given(&cache, 0);
	disk_given(&backing, setting("volatile_mb", 0));
	if (!setting("fua", 1))
		disk_without_fua(&backing);
	fd = bcache_start(&geo, true);
	bdev_put("cache_mode", dirty ? "writeback" : "writethrough");
	bdev_put("stop_when_cache_set_failed", always ? "always" : "auto");
	untold_at(1);
	/* the first ones find no free bucket, and go past the cache */
	if (write_all('a') + write_all('a') != 2 * writes || fdatasync(fd))
		fatal("a write fails");
	if (setting("untold", 0) == 1)
		untold();
	untold_at(2);
	if (late)
		pid = write_late();
	else if (setting("late", 0) == 2)
		node_late();
	set_fails();
	good = late ? late_done(pid) : after ? write_all('b') : 0;
	result(good == (after && !stops ? writes : 0), "events",
	       "%lu of %lu writes succeed without the cache set", good,
	       after ? writes : 0);
	if (held)
		stops_held();
	come_back();

	bound = !access(BOUND, F_OK);
	result(bound == stops, "bound", "%u of 1 device names its set", bound);
	if (setting("attach", 0))
		attach();
	lost = all_lost(good ? 'b' : 'a');
	metric("lost", lost, "blocks");
	result(!lost, "kept", "%lu blocks read back, %lu not as written", writes, lost);
	return finish();
}
