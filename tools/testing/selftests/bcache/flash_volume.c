// SPDX-License-Identifier: GPL-2.0
/*
 * flash_volume - is a flash-only volume there again behind one that failed?
 *
 * A volume of no size is asked for, which is refused. One that has a size is made
 * and written. Then the cache set is stopped and registered, and the volume read.
 *
 * Observed from outside: block devices, and the blocks.
 *
 * Settings: cache_us (latency).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#define BLOCKS	64

int main(void)
{
	const struct geometry geo = {
		.bucket		= "64k",
		.block		= "4k",
	};
	struct load load = {
		.threads = 1, .in_turn = true, .writes = BLOCKS, .span = BLOCKS,
	};
	bool refused;

	plan(2);
	cache.mb = 64;
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, true);
	refused = !put_any(CSET, "flash_vol_create", "1");
	result(refused, "events", "a volume of no size is %s",
	       refused ? "refused" : "made");
	close(load.fd);

	cset_put("flash_vol_create", "16M");
	load.fd = open("/dev/bcache1", O_RDWR | O_DIRECT | O_DSYNC);
	if (load.fd < 0)
		fatal("there is no volume");
	load_all(&load);
	close(load.fd);

	set_goes();
	cache_register();
	load.fd = open("/dev/bcache0", O_RDWR | O_DIRECT);
	if (load.fd >= 0)
		kept_metric(&load);
	else
		out_of_reach(BLOCKS);
	return finish();
}
