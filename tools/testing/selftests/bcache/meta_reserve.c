// SPDX-License-Identifier: GPL-2.0
/*
 * meta_reserve - does the journal's room ever wait for itself?
 *
 * A writer whose key is in the journal holds that entry until the key is in the
 * tree. Here writers are slow at that, as nodes have to be read again all the
 * time, and others fill the journal. What the slow ones need must not wait for
 * the journal then: not the lock of the root, while a new root takes its place,
 * and not a bucket for a node, which the allocator may give out once an entry
 * names the generations that it has written.
 *
 * The load is a process of its own, watched by this one: where one waits for
 * the other it never ends. bcache's trace points show whether the root changed
 * while the journal was full: after it was found full, or before that, and no
 * entry was written in between.
 *
 * Settings: slow (0: all nodes beyond the reserve are taken for want of memory,
 * and the root is what is waited for; 1: nodes are pruned all the time, a read
 * of one takes long, fdatasync callers fill the journal, and it is the allocator
 * as well), and what differs between the two: cache_mb, syncers, writes (count,
 * all writers), starve and read_us (knobs), prune_us (0: not), patience_ms.
 * For both: writers, span (blocks).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACING	"/sys/kernel/tracing/"

/* What happened while the journal was full, as far as the trace goes back. */
static unsigned long roots;

static void trace_start(void)
{
	static const char * const events[] = {
		"bcache_journal_full", "bcache_journal_write",
		"bcache_btree_set_root",
	};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(*events); i++) {
		snprintf(path, sizeof(path), TRACING "events/bcache/%s/enable",
			 events[i]);
		put(path, "1");
	}
}

static void trace_read(void)
{
	FILE *f = fopen(TRACING "trace", "r");
	bool full = false, root = false;
	char line[512];

	if (!f)
		fatal("no trace");
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "bcache_journal_full:")) {
			roots += root;
			root = false;
			full = true;
		} else if (strstr(line, "bcache_journal_write:")) {
			root = false;
			full = false;
		} else if (strstr(line, "bcache_btree_set_root:")) {
			roots += full;
			root = !full;
		}
	}
	fclose(f);
}

int main(void)
{
	bool alive, slow = setting("slow", 0);
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", slow ? 24 : 256),
		.backing_mb	= 1024,
		.bucket		= "8k",		/* few keys fill a node */
		.block		= "4k",
	};
	struct load load = {
		.threads	= setting("writers", 32),
		.syncers	= setting("syncers", slow ? 64 : 0),
		.writes		= setting("writes", slow ? 8000 : 40000),
		.span		= setting("span", 8000),
		.patience_ms	= setting("patience_ms", slow ? 30000 : 3000),
	};
	struct ticker prune = {
		.tick		= prune_cache,
		.pause_us	= setting("prune_us", slow ? 1000 : 0),
	};

	plan(4);
	load.fd = bcache_start(&geo, !load.syncers);
	lab_reset();
	lab_put("starve", setting("starve", !slow));
	lab_put("read_us", setting("read_us", slow ? 5000 : 0));
	trace_start();
	if (prune.pause_us)
		ticker_start(&prune);
	alive = load_run(&load);
	if (alive && prune.pause_us)
		ticker_stop(&prune);
	trace_read();
	lab_put("starve", 0);
	lab_put("read_us", 0);
	lab_metrics();
	load_metrics(&load);
	metric("ended", load.ended, "count");
	metric("roots", roots, "count");

	result(!load.failed, "writes", "%lu writes and syncs, %lu failed",
	       load.ended, load.failed);
	result(alive, "alive", "%lu writes and syncs done%s", load.ended,
	       alive ? "" : ", then none");
	result(lab_read("journal_full") && roots, "events",
	       "full %lu times, a new root %lu times then, %lu slow reads, %lu nodes taken",
	       lab_read("journal_full"), roots, lab_read("slow_reads"),
	       lab_read("starved"));
	kept(load.fd, alive);
	return finish();
}
