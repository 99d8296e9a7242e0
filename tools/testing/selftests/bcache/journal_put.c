// SPDX-License-Identifier: GPL-2.0
/*
 * journal_put - does a writer that lets go of a journal entry wake the others?
 *
 * A slow writer has its key in the journal and reads the leaf it belongs to,
 * which was pruned before. Until the key is in the leaf the writer holds the
 * journal entry. Meanwhile fast writers fill the journal, flush what older
 * entries are pinned by, and sleep: no node holds the oldest entry. When the
 * slow writer is done its leaf does, and somebody has to be told. The slow
 * writer itself does not come back: it waits for the others to go on.
 *
 * Observed from outside: the clock, the lab's counts of full journals and of
 * slow reads.
 *
 * Settings: threads, keys (of the tree), rounds (writes of the slow writer),
 * cache_mb, cache_us, backing_us, read_us (what a read of a node takes more),
 * limit_ms (the slowest write that passes).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <stdlib.h>

#define SECTOR		512
#define STRIDE		(8 * SECTOR)	/* no two keys become one */

/* Writes to cold leaves, each after the others went on. */
static bool slow_writes(const struct load *fast, unsigned long keys,
			unsigned long rounds)
{
	struct load slow = *fast;
	uint64_t until = now_ns() + 600 * NSEC_PER_SEC;
	unsigned long i, from;

	slow.threads = 1;
	slow.writes = 1;
	slow.span = 1;
	for (i = 0; i < rounds; i++) {
		slow.first = keys / 3 * i / rounds;
		load_all(&slow);
		from = load_ended(fast);
		while (load_ended(fast) < from + 300) {
			if (now_ns() > until)
				return false;
			sleep_us(100);
		}
	}
	return true;
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", 5), /* a small journal */
		.backing_mb	= 64,
		.bucket		= "8k",		/* small nodes, many of them */
		.block		= "512",
		.backing_block	= "512",
	};
	unsigned long limit_ms = setting("limit_ms", 1000);
	unsigned long keys = setting("keys", 6000);
	unsigned long full, slow;
	struct load grow, fast;
	uint64_t worst;
	bool alive;
	int fd;

	setenv("cache_us", "100", 0);
	setenv("backing_us", "10", 0);
	plan(4);
	fd = bcache_start(&geo, false);

	grow = (struct load) {
		.fd		= fd,
		.threads	= setting("threads", 16),
		.writes		= keys,
		.span		= keys,
		.size		= SECTOR,
		.stride		= STRIDE,
		.in_turn	= true,
	};
	fast = grow;
	load_all(&grow);
	/* every leaf is clean after that, and then the leaves made first go */
	sleep_us(31000000);
	bdev_put("cache_mode", "writearound");
	prune_cache();
	lab_reset();
	lab_put("read_us", setting("read_us", 5000));

	fast.in_turn = false;
	fast.first = keys - keys / 4;
	fast.span = keys / 4;
	fast.writes = LOAD_MAX;
	load_start(&fast);
	alive = slow_writes(&fast, keys, setting("rounds", 12));
	alive &= load_stop(&fast);
	worst = load_metrics(&fast);
	full = lab_read("journal_full");
	slow = lab_read("slow_reads");
	lab_put("read_us", 0);
	lab_metrics();

	result(alive && !fast.failed, "writes", "%lu writes, %lu failed",
	       fast.ended, fast.failed);
	result(full > 0 && slow > 0, "events",
	       "the journal was full %lu times, %lu slow reads", full, slow);
	result(worst <= limit_ms * 1000000, "worst",
	       "slowest write %llu us, limit %lu ms",
	       (unsigned long long)worst / 1000, limit_ms);
	kept(fd, alive);
	return finish();
}
