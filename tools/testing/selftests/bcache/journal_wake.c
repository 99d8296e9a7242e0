// SPDX-License-Identifier: GPL-2.0
/*
 * journal_wake - does everybody sleep on a full journal?
 *
 * Writers that do not ask for durability put keys into a tree of many leaves.
 * Their data goes to a fast backing device, and their keys to the journal of a
 * slow cache device. While one journal entry is being written the next one
 * fills up, and the writers wait for it to be written too. If that takes the
 * last block of the journal, one of them has to be woken, for only a journal
 * user that meets a full journal flushes nodes.
 *
 * Observed from outside: the clock, the lab's count of full journals.
 *
 * Settings: threads, writes (count), keys (of the tree), cache_mb, cache_us,
 * backing_us, limit_ms (the slowest write that passes), seeds (that many loads,
 * unless one of them stalls).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <stdlib.h>

#define SECTOR		512
#define STRIDE		(8 * SECTOR)	/* no two keys become one */

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", 8),
		.backing_mb	= 64,
		.bucket		= "8k",		/* small nodes, many of them */
		.block		= "512",	/* a block of the journal, few keys */
		.backing_block	= "512",
	};
	unsigned long limit_ms = setting("limit_ms", 1000);
	unsigned long full, depth;
	struct load grow, load;
	int fd;
	uint64_t worst;

	plan(3);
	setenv("cache_us", "1000", 0);
	setenv("backing_us", "100", 0);
	fd = bcache_start(&geo, false);
	grow = (struct load) {
		.fd		= fd,
		.threads	= setting("threads", 64),
		.writes		= setting("keys", 6000),
		.span		= setting("keys", 6000),
		.size		= SECTOR,
		.stride		= STRIDE,
		.in_turn	= true,
	};
	load = grow;
	load_all(&grow);

	/* every leaf is clean after that */
	sleep_us(31000000);
	bdev_put("cache_mode", "writearound");
	lab_reset();

	load.writes = setting("writes", 10000);
	load.in_turn = false;
	load_seeds(&load, setting("seeds", 8), limit_ms);

	worst = load_metrics(&load);
	full = lab_read("journal_full");
	depth = cset_get("tree_depth");
	lab_metrics();
	metric("tree_depth", depth, "levels");
	metric("nodes", cset_size("btree_cache_size"), "bytes");

	result(full > 0 && depth > 0, "events",
	       "the journal was full %lu times, tree depth %lu", full, depth);
	result(worst <= limit_ms * 1000000, "worst",
	       "slowest write %llu us, limit %lu ms",
	       (unsigned long long)worst / 1000, limit_ms);
	kept(fd, true);
	return finish();
}
