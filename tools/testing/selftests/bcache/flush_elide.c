// SPDX-License-Identifier: GPL-2.0
/*
 * flush_elide - does a flush write what nobody waits for, and wait for the rest?
 *
 * Durable writes: each is one request with REQ_FUA and then a flush. By then the
 * journal has the key. With "race" a write that is not durable, and two flushes:
 * the second comes when the first has the journal entry under way, and the cache
 * disk loses power once the second is done. Either way all has to be there.
 *
 * Observed from outside: the flushes that the cache disk has counted.
 *
 * Settings: writes, threads, race, volatile_mb (of the cache disk), cache_us and
 * backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <sys/wait.h>

/* The second of two flushes, half a request after the first; how long did it take? */
static uint64_t second_flush(int fd)
{
	uint64_t from;
	pid_t pid = fork();

	if (pid < 0)
		fatal("cannot fork");
	if (!pid) {
		fdatasync(fd);
		_exit(0);
	}
	sleep_us(setting("cache_us", setting("dev_us", 100)) / 2);
	if (waitpid(pid, NULL, WNOHANG))
		fatal("the first flush is over before the second");
	from = now_ns();
	if (fdatasync(fd))
		fatal("fdatasync failed");
	return now_ns() - from;
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	unsigned long volatile_mb = setting("volatile_mb", 64);
	bool race = setting("race", 0);
	struct load load = {
		.threads	= setting("threads", 1),
		.writes		= race ? 1 : setting("writes", 2000),
		.span		= 16384,
	};
	unsigned long flushed;
	uint64_t took = 0;

	plan(race || load.threads > 1 ? 2 : 3);
	cache.mb = 128;
	backing.mb = 256;
	disk_given(&cache, volatile_mb);
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, !race);
	flushed = disk_ended(&cache, FLUSHES);
	load_all(&load);
	flushed = disk_ended(&cache, FLUSHES) - flushed;
	if (race)
		took = second_flush(load.fd);
	load.fd = disk_power_cycle(&cache, load.fd);

	load_metrics(&load);
	metric("flushes", flushed, "count");
	metric("second", took / 1000, "us");
	result(race ? took : load.ended == load.writes, "events",
	       "%lu writes, the second flush took %llu us",
	       load.ended, (unsigned long long)took / 1000);
	if (!race && load.threads == 1)
		result(flushed <= load.writes * 3 / 2 &&
		       (!volatile_mb || flushed >= load.writes), "elided",
		       "%lu flushes of the cache disk for %lu durable writes",
		       flushed, load.writes);
	kept(load.fd, true);
	return finish();
}
