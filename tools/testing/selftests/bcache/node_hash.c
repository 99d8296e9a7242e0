// SPDX-License-Identifier: GPL-2.0
/*
 * node_hash - b-tree nodes are found in a hash: how many share a chain of it?
 *
 * Grows a tree of many small leaves, of zeros that take no memory, and registers it
 * anew. Each lookup of a node walks a chain, so the longest must not grow with the
 * tree. Then blocks are written all over that tree and read back.
 *
 * Settings: nodes (in memory), chain (longest that may be there), dev_us.
 */
#include "guest.h"

/* more than a leaf of 8 KiB keeps when it is split and then gets no more */
#define LEAF_KEYS	160

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= 1024,
		.backing_mb	= 2048,
		.bucket		= "8k",
		.block		= "512",
		.backing_block	= "512",
		.instant	= true,
	};
	unsigned long wanted = setting("nodes", 6000), limit = setting("chain", 4);
	struct load tree = {
		.threads	= 64,
		.writes		= wanted * LEAF_KEYS,
		.span		= wanted * LEAF_KEYS,
		.size		= 512,
		.stride		= 1024,		/* no two keys become one */
		.zeros		= true,
	}, load = {
		.threads	= 8,
		.writes		= 2000,
		.span		= wanted * LEAF_KEYS / 4,
	};
	unsigned long nodes, chain;

	plan(3);
	tree.fd = bcache_start(&geo, false);
	load_all(&tree);
	load.fd = bcache_restart_timed(tree.fd, true);

	nodes = cached_nodes(&geo);
	chain = cset_get("internal/btree_cache_max_chain");
	metric("nodes", nodes, "count");
	metric("chain", chain, "nodes");
	result(nodes >= wanted, "tree", "%lu nodes in memory", nodes);
	result(chain <= limit, "chain", "%lu nodes in one chain", chain);
	load_all(&load);
	kept(load.fd, true);
	return finish();
}
