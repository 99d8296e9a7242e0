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
 *
 * Settings: writes (count, all writers), writers, span (blocks), gap_us,
 * prune_us (pause between two pushes of the shrinker).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITERS_MAX	64

static int fd;
static unsigned long writes, span;
static atomic_ulong started, failed;
static atomic_bool stop;
static struct latencies lat;
static pthread_mutex_t lat_lock = PTHREAD_MUTEX_INITIALIZER;

static void *writer(void *arg)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull * ((uintptr_t)arg + 1);
	void *buf = block_buffer(0xa5);

	while (atomic_fetch_add(&started, 1) < writes) {
		off_t at = next_random(&seed) % span * BLOCK;
		uint64_t start = now_ns();

		if (pwrite(fd, buf, BLOCK, at) != BLOCK)
			atomic_fetch_add(&failed, 1);
		pthread_mutex_lock(&lat_lock);
		latency_add(&lat, now_ns() - start);
		pthread_mutex_unlock(&lat_lock);
	}
	free(buf);
	return NULL;
}

static void *pruner(void *arg)
{
	unsigned int pause = (uintptr_t)arg;

	while (!stop) {
		cset_put("internal/prune_cache", "1000000");
		sleep_us(pause);
	}
	return NULL;
}

static unsigned long count(const char *name)
{
	return lab_read(name);
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= 256,
		.backing_mb	= 1024,
		.bucket		= "8k",	/* small nodes, many of them */
		.block		= "4k",
	};
	unsigned long i, writers = setting("writers", 8);
	uintptr_t prune_us = setting("prune_us", 1000);
	pthread_t thread[WRITERS_MAX], pruning;
	uint64_t origin, run;

	if (writers > WRITERS_MAX)
		writers = WRITERS_MAX;
	writes = setting("writes", 40000);
	span = setting("span", 200000);

	plan(6);
	fd = bcache_start(&geo);
	lab_reset();
	lab_put("gap_us", setting("gap_us", 2000));

	origin = now_ns();
	for (i = 0; i < writers; i++)
		pthread_create(&thread[i], NULL, writer, (void *)i);
	pthread_create(&pruning, NULL, pruner, (void *)prune_us);
	for (i = 0; i < writers; i++)
		pthread_join(thread[i], NULL);
	run = now_ns() - origin;
	stop = true;
	pthread_join(pruning, NULL);
	lab_put("gap_us", 0);

	latency_metrics(&lat, run);
	lab_metrics();
	metric("nodes", cset_get("internal/btree_nodes"), "count");

	result(!failed, "flush_race.writes", "%lu writes, %lu failed", writes,
	       (unsigned long)failed);
	result(count("picked") && count("reuses") && !count("overflow"),
	       "flush_race.events", "%lu rounds, %lu picks, %lu new lives",
	       count("rounds"), count("picked"), count("reuses"));
	result(!count("reaped") && !count("freed"), "flush_race.taken",
	       "%lu picked nodes reaped, %lu freed", count("reaped"),
	       count("freed"));
	result(!count("reused"), "flush_race.reused",
	       "%lu picked nodes given a new life", count("reused"));
	result(!count("wrong_node"), "flush_race.wrong_node",
	       "%lu nodes written in place of the picked one",
	       count("wrong_node"));
	/* Before 91be66e1318f the first of two flushers clears the flag for both. */
	result(!count("unguarded_taken") && !count("unguarded_reused"),
	       "flush_race.shared",
	       "after another flusher of the node: %lu taken, %lu given a new life, %lu wrongly written",
	       count("unguarded_taken"), count("unguarded_reused"),
	       count("unguarded_wrong"));
	return finish();
}
