// SPDX-License-Identifier: GPL-2.0
/*
 * alone - is a cache stale that comes back after its device went on without it?
 *
 * Nothing is dirty. The cache disk fails, its set is given up, and the backing
 * device goes on alone: durable writes succeed. Then the disk is there again, and
 * both are registered, as after a reboot.
 *
 * Settings: writes (blocks, before and after the failure), after (0: none after
 * it), cache_us and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <stdio.h>
#include <stdlib.h>

/* A read that fails is what bcache counts; one is enough here. */
static void set_fails(int fd)
{
	char *buf = aligned_alloc(BLOCK, BLOCK);
	unsigned int tries = 1000;

	at("fail");
	cset_put("io_error_limit", "1");
	disk_fails(&cache, true);
	if (pread(fd, buf, BLOCK, 0) != BLOCK)
		printf("# the read fails, too\n");
	cset_put("internal/trigger_gc", "1");
	while (there(CSET)) {
		if (!tries--)
			fatal("the cache set goes on");
		sleep_us(10000);
	}
	/* it is not gone before it has given up what it cannot write */
	sleep_us(12000000);
	free(buf);
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	struct load load = { .threads = 1, .in_turn = true };

	load.writes = setting("writes", 64);
	load.span = load.writes;
	plan(2);
	cache.mb = 128;
	backing.mb = 256;
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, true);
	bdev_put("cache_mode", "writethrough");
	load_all(&load);

	set_fails(load.fd);
	result(there(BDEV), "events", "the device goes on, its set does not");
	if (setting("after", 1))
		load_all(&load);
	close(load.fd);
	set_goes();
	disk_fails(&cache, false);
	cache_register();
	load.fd = backing_register(true);
	kept_metric(&load);
	return finish();
}
