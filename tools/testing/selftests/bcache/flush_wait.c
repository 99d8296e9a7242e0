// SPDX-License-Identifier: GPL-2.0
/*
 * flush_wait - what has to wait for the flusher, and does the CPU wait too?
 *
 * Writers fill the journal, so that its flusher picks nodes all the time; a
 * knob holds it up between pick and flush. A split or gc that frees a picked
 * node has to wait for it; and since the lab says that there is no memory for
 * more nodes (the knob "starve"), so has a task that takes a cached one instead,
 * with bucket_lock held. A wait that polls goes round once a microsecond; a
 * wait that sleeps goes round once.
 *
 * The load is a process of its own, watched by this one: where a wait keeps
 * the CPU from the flusher, it never ends.
 *
 * Settings: writes (count, all writers), writers, span (blocks), gap_us,
 * starve (the knob), early (1: starve from the start, with a tree that has no
 * more than its reserve of nodes), fifo (1: gc, which has to wait, is a
 * SCHED_FIFO task), polled (laps that pass), patience_ms.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tree has its nodes: from now on they are all there is. */
static void starve(void)
{
	lab_put("starve", setting("starve", 1));
}

/* The thread that collects garbage, above everything that is not real time. */
static void gc_is_fifo(void)
{
	struct sched_param param = { .sched_priority = 1 };
	char name[32];
	glob_t g;
	size_t i;

	glob("/proc/[0-9]*/comm", 0, NULL, &g);
	for (i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");

		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && !strcmp(name, "bcache_gc\n") &&
		    sched_setscheduler(atoi(g.gl_pathv[i] + strlen("/proc/")),
				       SCHED_FIFO, &param))
			fatal("gc does not get SCHED_FIFO");
		fclose(f);
	}
	globfree(&g);
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb = 256, .backing_mb = 1024, .bucket = "8k", .block = "4k",
	};
	struct load load = {
		.threads	= setting("writers", 8),
		.writes		= setting("writes", 40000),
		.span		= setting("span", 8000),
		.at_quarter	= setting("early", 0) ? NULL : starve,
		.patience_ms	= setting("patience_ms", 3000),
	};
	unsigned long polled, limit = setting("polled", 0);
	bool alive;

	plan(7);
	load.fd = bcache_start(&geo, true);
	if (setting("fifo", 0))
		gc_is_fifo();
	lab_reset();
	lab_put("gap_us", setting("gap_us", 4000));

	if (!load.at_quarter)
		starve();
	alive = load_run(&load);

	lab_put("starve", 0);
	lab_put("gap_us", 0);
	lab_metrics();
	load_metrics(&load);
	polled = lab_read("wait_laps") - lab_read("waits");

	result(!load.failed, "writes", "%lu writes, %lu failed",
	       load.ended, load.failed);
	result(alive, "alive", "%lu of %lu writes done%s",
	       load.ended, load.writes, alive ? "" : ", then none");
	result(lab_read("waits") && (lab_read("starved") || !alive),
	       "events",
	       "%lu waits for the flag, %lu nodes taken for want of memory",
	       lab_read("waits"), lab_read("starved"));
	result(!lab_read("reap_waits"), "held",
	       "bucket_lock held over %lu waits, for %lu us",
	       lab_read("reap_waits"), lab_read("reap_wait_us"));
	result(polled <= limit, "polled",
	       "%lu laps of polling, %lu of them with bucket_lock held", polled,
	       lab_read("reap_laps") - lab_read("reap_waits"));
	result(!lab_read("reaped") && !lab_read("freed") && !lab_read("reused"),
	       "taken",
	       "%lu picked nodes reaped, %lu freed, %lu given a new life",
	       lab_read("reaped"), lab_read("freed"), lab_read("reused"));
	kept(load.fd, alive);
	return finish();
}
