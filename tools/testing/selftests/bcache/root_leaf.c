// SPDX-License-Identifier: GPL-2.0
/*
 * root_leaf - a root that is a leaf, from registration to teardown.
 *
 * A cache set is made, stopped and registered again, so that its root is one
 * that was read from disk. From then on the root is asked for what every leaf
 * has to give: durable writes on a full journal do not wait for its 30 s work,
 * and garbage collection does not end before it is written, since keys that
 * replace others are in no journal entry. In the end the set has to stop.
 *
 * Observed from outside: the clock, the cache's count of node bytes written,
 * the lab's count of full journals and of picked nodes.
 *
 * Settings: writes (count), span (blocks), limit_ms (the slowest write that
 * passes), dev_us (device latency where the disks are ours).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <unistd.h>

static void *buf;

static void write_block(int fd, unsigned long block)
{
	if (pwrite(fd, buf, BLOCK, block * BLOCK) != BLOCK)
		fatal("write of block %lu failed", block);
}

/* Bytes of tree nodes written while gc runs over a root with new keys. */
static unsigned long gc_writes(int fd)
{
	unsigned long before, i;

	/* What is dirty now has its own 30 s work; the new keys have not. */
	sleep_us(31000000);
	for (i = 0; i < 8; i++)
		write_block(fd, 2 * i);
	before = cset_size("cache0/btree_written");
	cset_put("internal/trigger_gc", "1");
	sleep_us(1000000);
	return cset_size("cache0/btree_written") - before;
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= 512,
		.backing_mb	= 512,
		.bucket		= "64k",
		.block		= "4k",
	};
	unsigned long writes = setting("writes", 3000);
	unsigned long span = setting("span", 1000);
	unsigned long limit_ms = setting("limit_ms", 5);
	unsigned long i, full, written, collected;
	struct latencies lat = {};
	uint64_t origin, worst;
	int fd;

	buf = block_buffer(0x3c);
	plan(4);
	fd = bcache_start(&geo, true);
	write_block(fd, 0);
	fd = bcache_restart(fd, true);
	lab_reset();

	origin = now_ns();
	for (i = 0; i < writes; i++) {
		uint64_t start = now_ns();

		write_block(fd, i % span);
		latency_add(&lat, now_ns() - start);
	}
	worst = latency_metrics(&lat, now_ns() - origin);
	full = lab_read("journal_full");
	lab_metrics();

	written = gc_writes(fd);
	collected = cset_get("internal/btree_nodes");
	metric("gc_written", written, "bytes");
	metric("gc_nodes", collected, "count");

	result(full > 0 && collected == 1, "root_leaf.events",
	       "the journal was full %lu times, gc met %lu nodes", full,
	       collected);
	result(worst <= limit_ms * 1000000, "root_leaf.worst",
	       "slowest of %lu writes %llu us, limit %lu ms", writes,
	       (unsigned long long)worst / 1000, limit_ms);
	result(written > 0, "root_leaf.gc",
	       "%lu bytes of tree nodes written by gc", written);
	result(bcache_stop(fd), "root_leaf.stopped", "the cache set is gone");
	return finish();
}
