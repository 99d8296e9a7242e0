// SPDX-License-Identifier: GPL-2.0
/*
 * flush_race - is a node taken away between pick and flush?
 *
 * Writers fill the journal with random 4 KiB writes, so that its flusher runs
 * all the time while leaves fill up, split and are freed. A pruner keeps
 * pushing the shrinker, so that clean nodes are reaped and the memory gets
 * new lives. The lab's hooks count what happens to picked nodes; a knob
 * stretches the step between pick and flush, which on a large machine is as
 * long as a context switch, a page fault or a preempted writer make it.
 * In a kernel without the lab it is a load and no more: no write may fail, and
 * the flusher must have been called.
 *
 * Settings: writes (count, all writers), writers, span (blocks), gap_us,
 * prune_us (pause between two pushes of the shrinker), starve (the knob; set
 * when the tree has its nodes, so that new ones take the memory of others).
 */
#include "guest.h"

static unsigned long count(const char *name)
{
	return lab_read(name);
}

/* What only the lab's hooks see. */
static const char * const needs_lab[] = {
	"ended", "taken", "reused", "wrong_node", "shared", NULL
};

static unsigned long wanted_alone(void)
{
	return count("waits") + count("skips") + count("reaped") +
		count("freed");
}

static void skips(const char * const *name, const char *why)
{
	for (; *name; name++)
		skip(*name, why);
}

/* A node that one flusher has picked: the flag has to keep it. */
static void judge_alone(void)
{
	static const char * const names[] = {
		"taken", "reused", "wrong_node", NULL
	};

	if (!wanted_alone()) {
		skips(names, "no task wanted a node that one flusher had picked");
		return;
	}
	result(!count("reaped") && !count("freed"), "taken",
	       "%lu picked nodes reaped, %lu freed", count("reaped"),
	       count("freed"));
	result(!count("reused"), "reused",
	       "%lu picked nodes given a new life", count("reused"));
	result(!count("wrong_node"), "wrong_node",
	       "%lu nodes written in place of the picked one",
	       count("wrong_node"));
}

static void judge_picks(void)
{
	unsigned long wanted = wanted_alone() + count("unguarded_taken");

	/* Where no task wants a picked node the rest says nothing. */
	result(count("reuses") && wanted && !count("overflow"), "events",
	       "%lu rounds, %lu picks, %lu new lives, %lu times a picked node was wanted",
	       count("rounds"), count("picked"), count("reuses"), wanted);
	result(count("picked") == count("flushed") + count("raced"), "ended",
	       "%lu picks: %lu flushed, %lu found without work",
	       count("picked"), count("flushed"), count("raced"));
	judge_alone();
	/* Before 91be66e1318f the first of two flushers clears the flag for both. */
	result(!count("unguarded_taken") && !count("unguarded_reused"),
	       "shared",
	       "after another flusher of the node: %lu taken, %lu given a new life, %lu wrongly written",
	       count("unguarded_taken"), count("unguarded_reused"),
	       count("unguarded_wrong"));
}

static void starve(void)
{
	lab_put("starve", setting("starve", 0));
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= 256,
		.backing_mb	= 1024,
		.bucket		= "8k",	/* small nodes, many of them */
		.block		= "4k",
	};
	struct load load = {
		.threads	= setting("writers", 8),
		.writes		= setting("writes", 40000),
		.span		= setting("span", 200000),
		.at_quarter	= starve,
	};
	struct ticker pruner = {
		.tick		= prune_cache,
		.pause_us	= setting("prune_us", 1000),
	};
	bool alive;

	plan(8);
	load.fd = bcache_start(&geo, true);
	lab_reset();
	lab_put("gap_us", setting("gap_us", 2000));

	ticker_start(&pruner);
	alive = load_run(&load);
	ticker_stop(&pruner);
	lab_put("gap_us", 0);
	lab_put("starve", 0);
	sleep_us(1000000);	/* a round may be under way */

	load_metrics(&load);
	lab_metrics();
	metric("nodes", cset_get("internal/btree_nodes"), "count");

	result(alive && !load.failed, "writes", "%lu of %lu writes, %lu failed",
	       load.ended, load.writes, load.failed);
	if (lab()) {
		judge_picks();
	} else {
		result(flusher_calls(), "events", "%lu calls of the flusher",
		       flusher_calls());
		skips(needs_lab, "no lab in this kernel");
	}
	kept(load.fd, alive);
	return finish();
}
