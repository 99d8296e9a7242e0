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
 * journal.
 *
 * Settings: writes (count), span (blocks), isolated (1: at random, over every
 * other block of twice the span), cache_mb, limit_ms (the slowest write that
 * passes), dev_us (device latency where the disks are ours).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <stdio.h>
#include <unistd.h>

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

static void note(uint64_t start, uint64_t end, uint64_t origin)
{
	size_t at = (end - origin) / NSEC_PER_SEC;
	struct second *s = &timeline[at < SECONDS ? at : SECONDS - 1];

	s->writes++;
	if (end - start > s->worst)
		s->worst = end - start;
}

static void print_timeline(uint64_t run_ns)
{
	size_t i, nr = run_ns / NSEC_PER_SEC + 1;

	for (i = 0; i < nr && i < SECONDS; i++)
		printf("# second %zu %lu %llu\n", i, timeline[i].writes,
		       (unsigned long long)timeline[i].worst / 1000);
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", 512),
		.backing_mb	= 512,
		.bucket		= "64k",
		.block		= "4k",
	};
	unsigned long writes = setting("writes", 3000);
	unsigned long span = setting("span", 1000);
	unsigned long limit_ms = setting("limit_ms", 1000);
	bool isolated = setting("isolated", 0);
	unsigned long i, full;
	struct latencies lat = {};
	uint64_t origin, run, worst = 0, seed = 1;
	void *buf = block_buffer(0x5a);
	int fd;

	plan(2);
	fd = bcache_start(&geo, true);
	lab_reset();

	origin = now_ns();
	for (i = 0; i < writes; i++) {
		uint64_t start = now_ns(), end;
		off_t at = isolated ? 2 * (next_random(&seed) % span) : i % span;

		if (pwrite(fd, buf, BLOCK, at * BLOCK) != BLOCK)
			fatal("write %lu failed", i);
		end = now_ns();
		latency_add(&lat, end - start);
		note(start, end, origin);
		if (end - start > worst)
			worst = end - start;
		if ((i + 1) % STRETCH == 0) {
			printf("# progress %lu %llu %llu\n", i + 1,
			       (unsigned long long)(end - origin) / 1000,
			       (unsigned long long)worst / 1000);
			worst = 0;
		}
	}
	run = now_ns() - origin;

	full = lab() ? lab_read("journal_full") : flusher_calls();
	worst = latency_metrics(&lat, run);
	lab_metrics();
	metric("tree_depth", cset_get("tree_depth"), "levels");
	print_timeline(run);

	result(full > 0, "journal_full.filled",
	       lab() ? "the journal was full %lu times" :
		       "the flusher was called %lu times", full);
	result(worst <= limit_ms * 1000000, "journal_full.worst",
	       "slowest of %lu writes %llu us, limit %lu ms", writes,
	       (unsigned long long)worst / 1000, limit_ms);
	return finish();
}
