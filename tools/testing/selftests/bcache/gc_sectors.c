// SPDX-License-Identifier: GPL-2.0
/*
 * gc_sectors - does a large cache collect garbage as seldom as it should?
 *
 * Garbage collection is due when a sixteenth of the cache's size was written. The disk
 * is a null_blk that has memory only for what is written to it. A cache for which that
 * sixteenth turns negative never gets past its registration.
 *
 * Settings: cache_mb, writes (to one block each, at random), dev_us.
 */
#include "crash.h"

#include <stdlib.h>

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", 17000000),
		.backing_mb	= 64,
		.bucket		= "8M",
		.block		= "4k",
	};
	struct load load = { .threads = 1, .writes = setting("writes", 500), .span = 500 };
	unsigned long due, nr, kib;

	plan(3);
	load.fd = bcache_start(&geo, true);
	sleep_us(1000000);
	gcs_count();
	load_all(&load);
	sleep_us(1000000);
	nr = gcs();
	metric("gcs", nr, "count");
	/* rounded: most of it */
	kib = cset_size("cache0/written") / 1024;
	cset_put("internal/trigger_gc", "1");
	sleep_us(1000000);
	result(kib >= load.writes * 3 && gcs() > nr, "events",
	       "%lu KiB written to the cache, %lu more collections when told to", kib, gcs() - nr);
	due = load.writes / (geo.cache_mb * 128ul / (BLOCK / SECTOR));
	result(nr <= due, "gc", "%lu times for %lu writes, due %lu times", nr,
	       load.writes, due);
	kept(load.fd, true);
	return finish();
}
