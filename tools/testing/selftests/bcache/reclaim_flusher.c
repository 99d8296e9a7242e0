// SPDX-License-Identifier: GPL-2.0
/*
 * reclaim_flusher - the flusher runs short of memory inside its own write, or,
 *                   with reclaim=2, a task with a write_lock that it wants.
 *
 * Writers fill the journal, so that its flusher picks nodes. Before it writes
 * them the 30 s work of the last one comes and writes that: it is clean, idle
 * and still picked. Then a node write runs the shrinker, as an allocation
 * that finds no free page would, and the shrinker meets that node. The write
 * is the flusher's own, of an earlier node, or that of the 30 s work of the
 * first node, which the flusher has to wait for. (Both are done by the lab's
 * knob "reclaim".) Do writes still come to an end?
 *
 * The load is a process of its own, watched by this one: if nothing has been
 * written for "patience_ms", it hangs. The lab says why: it counts waits for
 * the flag that can be proven never to end.
 *
 * Settings: writes (count, all writers), writers, span (blocks), gap_us,
 * reclaim (the knob), patience_ms.
 */
#define _GNU_SOURCE
#include "guest.h"

int main(void)
{
	const struct geometry geo = {
		.cache_mb = 256, .backing_mb = 1024, .bucket = "8k", .block = "4k",
	};
	struct load load = {
		.threads	= setting("writers", 32),
		.writes		= setting("writes", 20000),
		.span		= setting("span", 200000),
		.patience_ms	= setting("patience_ms", 3000),
	};
	unsigned long locked, reclaim = setting("reclaim", 1);
	bool alive;

	plan(5);
	load.fd = bcache_start(&geo, true);
	lab_reset();
	lab_put("gap_us", setting("gap_us", 100000));
	lab_put("reclaim", reclaim);

	alive = load_run(&load);

	lab_put("gap_us", 0);
	lab_put("reclaim", 0);
	locked = lab_read(reclaim == 1 ? "locked_self" : "locked_abba");
	lab_metrics();

	result(!load.failed, "writes", "%lu writes, %lu failed",
	       load.ended, load.failed);
	result(lab_read("reclaims") > 0, "events",
	       "the shrinker ran %lu times with such a node to meet",
	       lab_read("reclaims"));
	result(!locked, "locked",
	       "%lu waits that cannot end", locked);
	result(alive, "alive", "%lu of %lu writes done%s",
	       load.ended, load.writes, alive ? "" : ", then none");
	kept(load.fd, alive);
	return finish();
}
