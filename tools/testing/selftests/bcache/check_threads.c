// SPDX-License-Identifier: GPL-2.0
/*
 * check_threads - do the threads of a registration outlive what they use?
 *
 * A cache with a tree of two levels and dirty keys is stopped and registered
 * again, which checks the tree in several threads and then, as the backing
 * device comes, counts its dirty sectors in several more. Their state is on the
 * stack of bch_btree_check() and of bch_sectors_dirty_init(). On a stack with
 * late-wake or late-attach they are slowed down where they may lose their CPU,
 * and the frame is looked at before it is used; what that finds goes to the
 * console, and to the judge. Elsewhere this test says only that registration
 * works.
 *
 * Settings: writes (count), span (blocks), threads (of either kind), read_us
 * (what a read of a node takes more, so that one thread is not done before the
 * next one begins).
 */
#include "guest.h"

int main(void)
{
	const struct geometry geo = {
		.cache_mb = 256, .backing_mb = 1024, .bucket = "8k", .block = "4k",
	};
	struct load load = {
		.threads	= 8,
		.writes		= setting("writes", 10000),
		.span		= setting("span", 100000),
	};
	unsigned long depth, dirty, threads = setting("threads", 2);

	plan(5);
	load.fd = bcache_start(&geo, true);
	load_all(&load);
	depth = cset_get("tree_depth");
	dirty = bdev_size("dirty_data");
	result(depth && dirty, "tree", "depth %lu, %lu dirty bytes", depth, dirty);

	lab_reset();
	lab_put("threads", threads);
	lab_put("read_us", setting("read_us", 3000));
	result(bcache_stop(load.fd), "stopped", "the cache set is gone");
	cache_register();
	/* the second kind has to read as well */
	prune_cache();
	load.fd = backing_register(true);
	/* a thread that is late comes to the console before this is over */
	sleep_us(2000000);
	lab_put("read_us", 0);
	lab_metrics();

	result(lab_read("threads") == 2 * threads, "threads",
	       "%lu threads checked the tree or counted its dirty sectors",
	       lab_read("threads"));
	result(bdev_size("dirty_data") == dirty, "dirty",
	       "%lu dirty bytes counted, %lu before", bdev_size("dirty_data"), dirty);
	kept(load.fd, true);
	return finish();
}
