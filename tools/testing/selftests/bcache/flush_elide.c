// SPDX-License-Identifier: GPL-2.0
/*
 * flush_elide - does a flush write what nobody waits for, and wait for the rest?
 *
 * Durable writes: each is one request with REQ_FUA and then a flush. By then the
 * journal has the key. With "race" a write that is not durable, and two flushes:
 * the second comes when the first has the journal entry under way, and the cache
 * disk loses power once the second is done. Either way all has to be there.
 *
 * The same of the backing disk, with "past": its cache is volatile, and a flush is
 * to flush it if something went there. With "race" both writes go past the cache, the
 * second while the first flush is under way, and it is the backing disk that loses
 * power. With "dirty" it does so after the first durable write since writeback has
 * ended: then its superblock says that there is dirty data.
 *
 * Observed from outside: the flushes that the disks have counted.
 *
 * Settings: writes, threads, race, past, dirty, volatile_mb (of the cache disk), cache_us and
 * backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool past;

/*
 * The second of two flushes, half a request after the first; with "past" after a write
 * past the cache, which ends during the first. How long did it take?
 */
static uint64_t second_flush(struct load *l)
{
	uint64_t from;
	pid_t pid;

	if (past)
		disk_put(&backing, "completion_nsec", 1000000000);
	pid = fork();
	if (pid < 0)
		fatal("cannot fork");
	if (!pid) {
		fdatasync(l->fd);
		_exit(0);
	}
	sleep_us(past ? 500000 : setting("cache_us", setting("dev_us", 100)) / 2);
	if (past) {
		disk_put(&backing, "completion_nsec", 100000);
		l->first = l->span;
		load_all(l);
	}
	if (waitpid(pid, NULL, WNOHANG))
		fatal("the first flush is over before the second");
	if (past)
		waitpid(pid, NULL, 0);
	from = now_ns();
	if (fdatasync(l->fd))
		fatal("fdatasync failed");
	return now_ns() - from;
}

/* What the superblock of the backing disk says: 2 bits of its flags, 1 is clean, 2 dirty. */
static unsigned int state(void)
{
	static unsigned char sb[BLOCK] __attribute__((aligned(BLOCK)));
	int fd = open(backing.dev, O_RDONLY | O_DIRECT);

	/* on its medium */
	if (fd < 0 || fdatasync(fd) || pread(fd, sb, BLOCK, BLOCK) != BLOCK)
		fatal("cannot read %s", backing.dev);
	close(fd);
	return sb[104 + 7] >> 5 & 3;
}

/* All is on the backing disk; then one more durable write. */
static void first_dirty(struct load *l)
{
	unsigned int tries = 10000;

	bdev_put("writeback_percent", "0");
	bdev_put("writeback_running", "1");
	while (state() != 1) {
		if (!tries--)
			fatal("writeback does not end");
		sleep_us(10000);
	}
	bdev_put("writeback_running", "0");
	l->writes = 1;
	load_all(l);
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	unsigned long volatile_mb = setting("volatile_mb", 64);
	bool race = setting("race", 0), dirty = setting("dirty", 0);
	struct load load = {
		.threads	= setting("threads", 1),
		.writes		= race ? 1 : setting("writes", 2000),
		.span		= 16384,
	};
	unsigned long flushed;
	struct disk *counted;
	bool marked;
	uint64_t took = 0;

	past = setting("past", 0);
	counted = past ? &backing : &cache;
	if (dirty && (race || !past))
		fatal("dirty goes with past, and without race");
	plan(race || (load.threads > 1 && !dirty) ? 2 : 3);
	cache.mb = 128;
	backing.mb = past ? 128 : 256;
	disk_given(&cache, volatile_mb);
	disk_given(&backing, past ? 64 : 0);
	load.fd = bcache_start(&geo, !race);
	if (past && race)
		bdev_put("cache_mode", "writearound");
	flushed = disk_ended(counted, FLUSHES);
	load_all(&load);
	flushed = disk_ended(counted, FLUSHES) - flushed;
	if (race)
		took = second_flush(&load);
	if (dirty)
		first_dirty(&load);
	disk_cut(counted, load.fd);
	marked = dirty && state() == 2;
	cache_register();
	load.fd = backing_register(true);

	load_metrics(&load);
	metric("flushes", flushed, "count");
	metric("second", took / 1000, "us");
	result(race ? took : load.ended == load.writes, "events",
	       "%lu writes, the second flush took %llu us",
	       load.ended, (unsigned long long)took / 1000);
	if (dirty)
		result(marked, "state", "%u of 1 superblock says that there is dirty data", marked);
	else if (!race && load.threads == 1)
		result(past ? flushed && flushed <= 2 :
		       flushed <= load.writes * 3 / 2 &&
		       (!volatile_mb || flushed >= load.writes), "elided",
		       "%lu flushes of the %s disk for %lu durable writes",
		       flushed, counted->name, load.writes);
	kept(load.fd, true);
	return finish();
}
