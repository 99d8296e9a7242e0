// SPDX-License-Identifier: GPL-2.0
/*
 * root_prune - the shrinker meets the root.
 *
 * Grows a tree of many small leaves and registers it anew, then prunes the node
 * cache and reads the leaves back until the root is the oldest node in memory,
 * the first that the shrinker looks at. The root has to stay, whatever is
 * asked for; and because it stays, it must not count as a node looked at, or
 * pruning one node at a time would look at nothing else.
 *
 * Observed from outside: the size of the node cache, reads of the tree.
 *
 * Settings: keys (count), single (prunes of one node), late (1: when the set stops in
 * the end the shrinker has a node, and goes on half a second later), dev_us.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <unistd.h>

/* Not by a file of the cache set: that could not stop before it was written. */
static void shrink_late(int fd)
{
	pid_t pid;

	at("late");
	lab_put("late_us", 500000);
	pid = fork();
	if (pid < 0)
		fatal("cannot fork");
	if (!pid) {
		close(fd);
		put("/proc/sys/vm/drop_caches", "2");
		_exit(0);
	}
	while (get(LAB "late_us"))
		sleep_us(1000);
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= 256,
		.backing_mb	= 256,
		.bucket		= "8k",		/* small nodes, many of them */
		.block		= "4k",
	};
	unsigned long single = setting("single", 4);
	unsigned long size, first, one, all, wrong, depth, i;
	struct load load = {
		.threads	= 32,
		.writes		= setting("keys", 8000),
		.span		= setting("keys", 8000),
		.stride		= 2 * BLOCK,	/* no two keys become one */
		.in_turn	= true,
	};
	int fd;

	plan(4);
	load.fd = bcache_start(&geo, true);
	load_all(&load);

	fd = bcache_restart(load.fd, true);
	/* Nodes that were written to have to be clean before they can go. */
	wrong = kept_wrong(fd);
	sleep_us(31000000);
	/* What comes back after a prune is younger than what has stayed. */
	at("prune");
	for (i = 0; i < 4; i++) {
		prune_cache();
		wrong += kept_wrong(fd);
	}
	depth = cset_get("tree_depth");
	size = cset_size("btree_cache_size");
	metric("cache_before", size, "bytes");
	metric("tree_depth", depth, "levels");

	/*
	 * The shrinker counts pages; a node has two of them. It starts with
	 * nodes that are not in use: those do not count.
	 */
	for (i = 0; i < 32 && cset_size("btree_cache_size") == size; i++)
		cset_put("internal/prune_cache", "2");
	first = cset_size("btree_cache_size");
	for (i = 0; i < single; i++)
		cset_put("internal/prune_cache", "2");
	one = first - cset_size("btree_cache_size");
	metric("pruned_singly", one, "bytes");

	prune_cache();
	all = size - cset_size("btree_cache_size");
	metric("pruned", all, "bytes");
	wrong += kept_wrong(fd);
	if (setting("late", 0)) {
		shrink_late(fd);
		fd = bcache_restart(fd, true);
		wrong += kept_wrong(fd);
	}

	result(depth > 0 && all > one && all > 0, "events",
	       "%lu bytes of nodes, %lu of them pruned, tree depth %lu", size,
	       all, depth);
	result(one == single * 8192, "singly",
	       "%lu prunes of one node freed %lu bytes", single, one);
	result(!wrong, "kept", "%lu blocks not as written", wrong);
	result(bcache_stop(fd), "stopped", "the cache set is gone");
	return finish();
}
