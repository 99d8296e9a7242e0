// SPDX-License-Identifier: GPL-2.0
/*
 * journal_full - durable 4 KiB writes on a fresh cache, one at a time.
 *
 * Every such write takes a block of the journal, so the journal is soon full
 * and from then on a write has to wait until the oldest entry is released.
 * On a fresh cache the tree is one leaf, the root, and the entry is released
 * when that leaf is written. How long does the slowest write wait?
 *
 * The leaf is also written when it has a page of unwritten keys. Keys of
 * writes in turn merge, so it does not come to that; keys of writes at random,
 * a block apart, do not, and then the journal has to be small to be full first.
 *
 * Observed from outside only: the clock around each write, and the lab's
 * count of full journals, without which the test has not tested anything. A
 * kernel without the lab counts calls of the flusher, which come of a full
 * journal. With fills=0 the load is one that never fills the journal: that it
 * does not is then what the case "events" is about.
 *
 * Settings: writes (count), span (blocks), isolated (1: at random, over every
 * other block of twice the span), cache_mb, pins (1: a journal of more blocks
 * than it can have entries), fills (0: see above), limit_ms (the slowest write
 * that passes), dev_us (device latency where the disks are ours).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <stdio.h>

/*
 * Two timelines are printed. "second N WRITES WORST_US" is a second of the
 * clock; "progress WRITES END_US WORST_US" is ten writes, however long they
 * took, and is what a picture can be drawn from: fast and slow kernels fit on
 * one axis.
 */

/* A second of the timeline: what was done in a second, and its worst write. */
struct second {
	unsigned long	writes;
	uint64_t	worst;
};

#define SECONDS	1200	/* of timeline; what comes later goes to the last */
#define STRETCH	10	/* writes in one line of progress */

static struct second timeline[SECONDS];

static void print_timeline(const struct load *l)
{
	uint64_t origin = l->io[0].start, worst = 0;
	size_t i, last = 0;

	for (i = 0; i < l->ended; i++) {
		uint64_t end = l->io[i].end, took = end - l->io[i].start;

		last = (end - origin) / NSEC_PER_SEC;
		last = last < SECONDS ? last : SECONDS - 1;
		timeline[last].writes++;
		if (took > timeline[last].worst)
			timeline[last].worst = took;
		if (took > worst)
			worst = took;
		if ((i + 1) % STRETCH)
			continue;
		printf("# progress %zu %llu %llu\n", i + 1,
		       (unsigned long long)(end - origin) / 1000,
		       (unsigned long long)worst / 1000);
		worst = 0;
	}
	for (i = 0; i <= last; i++)
		printf("# second %zu %lu %llu\n", i, timeline[i].writes,
		       (unsigned long long)timeline[i].worst / 1000);
}

int main(void)
{
	/* with pins=1 more blocks than the journal has room for pins, 32,767 */
	bool pins = setting("pins", 0);
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", pins ? 4200 : 512),
		.backing_mb	= 512,
		.bucket		= pins ? "128k" : "64k",
		.block		= pins ? "512" : "4k",
	};
	struct load load = {
		.threads	= 1,
		.writes		= setting("writes", 3000),
		.span		= setting("span", 1000),
		.stride		= (1 + !!setting("isolated", 0)) * BLOCK,
		.in_turn	= !setting("isolated", 0),
	};
	unsigned long limit_ms = setting("limit_ms", 1000);
	unsigned long full;
	uint64_t worst;

	plan(3);
	load.fd = bcache_start(&geo, true);
	if (pins) {
		struct load leaves = {
			.fd = load.fd, .threads = 1, .writes = 12000,
			.first = 2000, .span = 30000, .stride = 2 * BLOCK,
		};

		load_all(&leaves);
	}
	lab_reset();
	load_all(&load);

	full = lab() ? lab_read("journal_full") : flusher_calls();
	worst = load_metrics(&load);
	lab_metrics();
	metric("tree_depth", cset_get("tree_depth"), "levels");
	print_timeline(&load);

	result(!full == !setting("fills", 1), "events",
	       lab() ? "the journal was full %lu times" :
		       "the flusher was called %lu times", full);
	result(worst <= limit_ms * 1000000, "worst",
	       "slowest of %lu writes %llu us, limit %lu ms", load.writes,
	       (unsigned long long)worst / 1000, limit_ms);
	kept(load.fd, true);
	return finish();
}
