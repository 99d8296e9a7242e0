// SPDX-License-Identifier: GPL-2.0
/*
 * check_threads - do the threads that check the tree outlive who waits?
 *
 * A cache with a tree of two levels is stopped and registered again, which
 * checks the tree in several threads; then so is its backing device, whose
 * dirty sectors are counted in several threads. Their state is on the stack of
 * bch_btree_check() and of bch_sectors_dirty_init(). On a stack with late-wake
 * or late-attach they and it are slowed down where they may lose their CPU,
 * and the frame is looked at before it is used; what it finds goes to the
 * console, and to the judge. Elsewhere this test says only that registration
 * works.
 *
 * Settings: writes (count), span (blocks).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#define SET	"/sys/fs/bcache/*-*-*-*-*"
#define BDEV	SET "/bdev*"
/* a thread that is late comes to the console before this is over */
#define LATE	2000000

static bool is_there(const char *pattern)
{
	glob_t g;
	bool is = !glob(pattern, 0, NULL, &g);

	globfree(&g);
	return is;
}

static bool wait_for(const char *pattern, bool there)
{
	uint64_t until = now_ns() + 60 * NSEC_PER_SEC;

	while (is_there(pattern) != there && now_ns() < until)
		sleep_us(10000);
	return is_there(pattern) == there;
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb = 256, .backing_mb = 1024, .bucket = "8k", .block = "4k",
	};
	unsigned long i, nodes, writes = setting("writes", 5000);
	unsigned long span = setting("span", 100000);
	void *buf = block_buffer(0x5a);
	uint64_t seed = 1, start;
	int fd;

	plan(4);
	fd = bcache_start(&geo, true);
	for (i = 0; i < writes; i++)
		if (pwrite(fd, buf, BLOCK, next_random(&seed) % span * BLOCK) != BLOCK)
			fatal("write %lu failed", i);
	nodes = cset_get("internal/btree_nodes");
	result(nodes > 2, "check_threads.tree", "%lu nodes", nodes);

	close(fd);
	cset_put("stop", "1");
	result(wait_for(SET, false), "check_threads.stopped", "the cache set is gone");

	start = now_ns();
	cache_register();
	result(wait_for(SET, true), "check_threads.registered",
	       "and back after %llu us",
	       (unsigned long long)(now_ns() - start) / 1000);
	sleep_us(LATE);
	backing_register();
	result(wait_for(BDEV, true), "check_threads.attached",
	       "the backing device, too");
	sleep_us(LATE);
	return finish();
}
