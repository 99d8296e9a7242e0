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

/* Bytes of tree nodes written while gc runs over a root with new keys. */
static unsigned long gc_writes(int fd)
{
	struct load load = {
		.fd = fd, .threads = 1, .writes = 8, .span = 8, .in_turn = true,
	};
	unsigned long before;

	/* What is dirty now has its own 30 s work; the new keys have not. */
	sleep_us(31000000);
	load_all(&load);
	before = cset_size("cache0/btree_written");
	at("gc");
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
	struct load load = {
		.threads = 1, .writes = 1, .span = 1, .in_turn = true,
	};
	unsigned long limit_ms = setting("limit_ms", 5);
	unsigned long full, written, collected;
	uint64_t worst;

	plan(5);
	load.fd = bcache_start(&geo, true);
	load_all(&load);
	load.fd = bcache_restart(load.fd, true);
	lab_reset();

	load.writes = setting("writes", 3000);
	load.span = setting("span", 1000);
	load_all(&load);
	worst = load_metrics(&load);
	full = lab_read("journal_full");
	lab_metrics();

	written = gc_writes(load.fd);
	collected = cset_get("internal/btree_nodes");
	metric("gc_written", written, "bytes");
	metric("gc_nodes", collected, "count");

	result(full > 0 && collected == 1, "events",
	       "the journal was full %lu times, gc met %lu nodes", full,
	       collected);
	result(worst <= limit_ms * 1000000, "worst",
	       "slowest of %lu writes %llu us, limit %lu ms", load.writes,
	       (unsigned long long)worst / 1000, limit_ms);
	result(written > 0, "gc",
	       "%lu bytes of tree nodes written by gc", written);
	result(bcache_stop(load.fd), "stopped", "the cache set is gone");
	cache_register();
	kept(backing_register(true), true);
	return finish();
}
