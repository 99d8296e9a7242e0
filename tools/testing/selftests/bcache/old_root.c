// SPDX-License-Identifier: GPL-2.0
/*
 * old_root - the journal is full while a leaf root gives way to a new root.
 *
 * A small root fills up again and again and is rewritten into a new node. The
 * owner of both writes a journal entry that names the new root before it
 * frees the old one. If the journal is full then, and the oldest entry is
 * pinned by keys of the old root, only a write of the old root helps, and its
 * owner sleeps with both nodes locked: every user of the cache set waits.
 *
 * Writers put keys into the root without asking for durability, so that many
 * keys share a block of the journal and the root fills up fast. Syncers ask
 * for an empty durable entry each time, which takes a block of the journal
 * and no space of the root. The journal is just large enough for both to be
 * full at about the same time, so now and then they are.
 *
 * Observed from outside: the clock; the lab's count of old roots written by
 * the flusher, without which nothing has been tested.
 *
 * Settings: writes (count), writers, syncers, span (blocks), cache_mb,
 * limit_ms (the slowest write or sync that passes), dev_us, seeds (that many
 * loads, unless one of them stalls).
 */
#define _GNU_SOURCE
#include "guest.h"

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", 28),
		.backing_mb	= 256,
		.bucket		= "16k",
		.block		= "4k",
	};
	struct load load = {
		.threads	= setting("writers", 4),
		.syncers	= setting("syncers", 1),
		.writes		= setting("writes", 5320),
		.span		= setting("span", 300),
		.stride		= 2 * BLOCK,
	};
	unsigned long limit_ms = setting("limit_ms", 5);
	unsigned long full, old;
	uint64_t worst;

	plan(3);
	load.fd = bcache_start(&geo, false);
	lab_reset();
	load_seeds(&load, setting("seeds", 8), limit_ms);

	worst = load_metrics(&load);
	full = lab_read("journal_full");
	old = lab_read("old_root");
	lab_metrics();
	metric("syncs", load.syncs, "count");
	metric("tree_depth", cset_get("tree_depth"), "levels");

	result(full > 0 && old > 0, "events",
	       "the journal was full %lu times, old roots written %lu times",
	       full, old);
	result(worst <= limit_ms * 1000000, "worst",
	       "slowest write or sync %llu us, limit %lu ms",
	       (unsigned long long)worst / 1000, limit_ms);
	kept(load.fd, true);
	return finish();
}
