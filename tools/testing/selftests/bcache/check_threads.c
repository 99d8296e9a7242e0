// SPDX-License-Identifier: GPL-2.0
/*
 * check_threads - do the threads that check the tree outlive who waits?
 *
 * A cache with a tree of two levels is stopped and registered again, which
 * checks the tree in several threads. Their state is on the stack of
 * bch_btree_check(). On a stack with late-wake they and it are slowed down
 * where they may lose their CPU, and the frame is looked at before it is used;
 * what it finds goes to the console, and to the judge. Elsewhere this test
 * says only that registration works.
 *
 * Settings: writes (count), span (blocks).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#define SET	"/sys/fs/bcache/*-*-*-*-*"

static bool is_there(void)
{
	glob_t g;
	bool is = !glob(SET, 0, NULL, &g);

	globfree(&g);
	return is;
}

static bool wait_for(bool there)
{
	uint64_t until = now_ns() + 60 * NSEC_PER_SEC;

	while (is_there() != there && now_ns() < until)
		sleep_us(10000);
	return is_there() == there;
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

	plan(3);
	fd = bcache_start(&geo, true);
	for (i = 0; i < writes; i++)
		if (pwrite(fd, buf, BLOCK, next_random(&seed) % span * BLOCK) != BLOCK)
			fatal("write %lu failed", i);
	nodes = cset_get("internal/btree_nodes");
	result(nodes > 2, "check_threads.tree", "%lu nodes", nodes);

	close(fd);
	cset_put("stop", "1");
	result(wait_for(false), "check_threads.stopped", "the cache set is gone");

	start = now_ns();
	cache_register();
	result(wait_for(true), "check_threads.registered",
	       "and back after %llu us",
	       (unsigned long long)(now_ns() - start) / 1000);
	/* a thread that is late comes to the console before this is over */
	sleep_us(2000000);
	return finish();
}
