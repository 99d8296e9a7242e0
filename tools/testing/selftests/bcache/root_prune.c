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
 * Settings: keys (count), single (prunes of one node), dev_us.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define WRITERS	32

static int fd;
static unsigned long keys;
static atomic_ulong next;

/* Every other block: keys that lie side by side would become one. */
static void *writer(void *arg)
{
	void *buf = block_buffer(0x77);
	unsigned long i;

	while ((i = atomic_fetch_add(&next, 1)) < keys)
		if (pwrite(fd, buf, BLOCK, 2 * i * BLOCK) != BLOCK)
			fatal("write of block %lu failed", 2 * i);
	return arg;
}

static unsigned long read_back(void)
{
	void *buf = block_buffer(0);
	unsigned char want[BLOCK];
	unsigned long i, wrong = 0;

	memset(want, 0x77, BLOCK);
	for (i = 0; i < keys; i += 16)
		if (pread(fd, buf, BLOCK, 2 * i * BLOCK) != BLOCK ||
		    memcmp(buf, want, BLOCK))
			wrong++;
	return wrong;
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
	pthread_t thread[WRITERS];

	keys = setting("keys", 8000);

	plan(4);
	fd = bcache_start(&geo, true);
	for (i = 0; i < WRITERS; i++)
		pthread_create(&thread[i], NULL, writer, NULL);
	for (i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);

	fd = bcache_restart(fd, true);
	/* Nodes that were written to have to be clean before they can go. */
	wrong = read_back();
	sleep_us(31000000);
	/* What comes back after a prune is younger than what has stayed. */
	at("prune");
	for (i = 0; i < 4; i++) {
		prune_cache();
		wrong += read_back();
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
	wrong += read_back();

	result(depth > 0 && all > one && all > 0, "root_prune.events",
	       "%lu bytes of nodes, %lu of them pruned, tree depth %lu", size,
	       all, depth);
	result(one == single * 8192, "root_prune.singly",
	       "%lu prunes of one node freed %lu bytes", single, one);
	result(!wrong, "root_prune.reads", "%lu wrong blocks", wrong);
	result(bcache_stop(fd), "root_prune.stopped", "the cache set is gone");
	return finish();
}
