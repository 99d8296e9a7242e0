// SPDX-License-Identifier: GPL-2.0
/*
 * preflush - is what a write with REQ_PREFLUSH comes after durable before it is?
 *
 * Blocks are written durably, then once more, not durably. When that was
 * acknowledged one more block is written, with a flush before it, and goes to the
 * other disk. Both disks lose power while that write is under way, and the disk of
 * the blocks before it has a request that takes long, for which a flush, or the
 * journal, has to wait. If the last block is there afterwards, so must they be.
 *
 * No program can ask for that, but file systems do for their logs. A knob of the
 * lab makes one of a durable write.
 *
 * Observed from outside: all blocks know from which write they are.
 *
 * Settings: mode (of that one write: "writeback", to the cache, and the blocks
 * before it past the cache, to a volatile backing disk; "bypass", the other way
 * round; "writethrough", all of them), fail (no power is lost before that write has
 * ended: the backing disk fails a flush, and loses what that was for; 2: one of the
 * journal, before that write, and no other; 3: the same, and then the device is
 * detached. In writethrough mode it is detached before the blocks are read, as the
 * cache has them all), volatile_mb (of the backing disk), wait_us (from the begin of that
 * write to the cut).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS		64

static int fd;
static _Atomic bool done, failed;

/* The blocks do not touch, so that each has a key of its own. */
static int version(unsigned int block)
{
	return version_read(fd, block * 2);
}

static void write_all(int version)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		if (!versions_write(fd, i * 2, 1, version))
			fatal("write of block %u failed", i);
}

/* All writes go past the cache from 4 KiB on, or none. */
static void bypass(bool past)
{
	bdev_put("sequential_cutoff", past ? "4096" : "0");
}

/* What the slow disk has to do: a flush before the writes, or a read after them. */
static void *occupy(void *slow)
{
	int raw = open(backing.dev, O_RDONLY);

	if (slow == &cache)
		version(0);
	else if (fdatasync(raw))
		fatal("cannot flush the backing disk");
	close(raw);
	return NULL;
}

static void start_occupy(pthread_t *thread, struct disk *slow)
{
	disk_put(slow, "completion_nsec", 20000000);
	pthread_create(thread, NULL, occupy, slow);
	sleep_us(50);
	disk_put(slow, "completion_nsec", 100000);
}

static void *write_last(void *durable)
{
	lab_put("preflush", 1);
	failed = !versions_write((long)durable, BLOCKS * 2, 1, 2);
	done = true;
	return NULL;
}

/* Is the last one there, and not all that came before it? Is something gone? */
static void look(unsigned int *lost, unsigned int *wrong)
{
	int v, last = version(BLOCKS);
	unsigned int i;

	*wrong += last < 0 || (done && !failed && last != 2);
	for (i = 0; i < BLOCKS; i++) {
		v = version(i);
		*lost += v != 2 && last == 2;
		*wrong += v < 1;
	}
}

int main(void)
{
	const struct geometry geo = { .bucket = "128k", .block = "4k" };
	const char *mode = getenv("mode") ?: "writeback";
	bool past = !strcmp(mode, "bypass"), through = !strcmp(mode, "writethrough");
	struct disk *slow = past || through ? &cache : &backing;
	unsigned int fail = setting("fail", 0);
	unsigned int lost = 0, wrong = 0, left;
	pthread_t busy, last;
	bool ended;
	int durable;

	plan(fail ? 4 : 3);
	cache.mb = 128;
	backing.mb = 64;
	disk_make(&cache, 100, 0);
	disk_make(&backing, 100, setting("volatile_mb", 64));
	if (slow == &cache) {
		disk_put(slow, "power", 0);
		disk_put(slow, "hw_queue_depth", 1);
		disk_on(slow);
	}
	setenv("cache", cache.dev, 1);
	setenv("backing", backing.dev, 1);
	fd = bcache_start(&geo, false);
	durable = bcache_open(true);
	if (through)
		bdev_put("cache_mode", mode);
	if (fail < 2)
		cset_put("journal_delay_ms", "60000");
	bypass(slow == &backing);
	write_all(1);
	if (fdatasync(fd))
		fatal("fdatasync failed");

	at("last");
	if (slow == &backing && !fail)
		start_occupy(&busy, slow);
	write_all(2);
	if (slow == &cache && !fail)
		start_occupy(&busy, slow);
	bypass(past);
	if (fail) {
		disk_put(&backing, "completion_nsec", 10000000);
		disk_flush_fails(&backing, true);
	}
	if (fail > 1) {
		sleep_us(1000000);
		disk_flush_fails(&backing, false);
	}
	if (fail == 3)
		bdev_detach();
	pthread_create(&last, NULL, write_last, (void *)(long)durable);
	sleep_us(setting("wait_us", 5000));
	ended = done;
	left = get(LAB "preflush");
	disk_flush_fails(&backing, !fail);
	if (fail) {
		pthread_join(last, NULL);
		result(failed, "told", "%d of 1 write succeeds", !failed);
	}
	/* a flush that waits now would still do its work */
	disks_cut();
	disk_flush_fails(&backing, false);
	if (!fail) {
		pthread_join(last, NULL);
		pthread_join(busy, NULL);
	}

	at("again");
	close(durable);
	set_ends(fd);
	disks_power();
	cache_register();
	fd = backing_register(false);
	if (through && fail && fail != 3)
		bdev_detach();
	look(&lost, &wrong);
	metric("lost", lost, "blocks");
	/* one that is refused ends at once */
	result(!left && (fail == 3 || ended == (setting("wait_us", 0) > 50000)), "events",
	       "%u of 1 write asked for a flush, %d ended before the cut", !left, ended);
	result(!lost, "order", "%u of %u blocks before it lost", lost, BLOCKS);
	result(!wrong, "kept", "%u of %u blocks not as written", wrong, BLOCKS + 1);
	return finish();
}
