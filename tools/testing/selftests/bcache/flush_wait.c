// SPDX-License-Identifier: GPL-2.0
/*
 * flush_wait      - who has to wait for the flusher, and does the CPU wait too?
 * flush_wait_fifo - the same where gc, which has to wait, is a real-time task.
 *
 * Writers fill the journal, so that its flusher picks nodes all the time; a
 * knob holds it up between pick and flush. Who frees a picked node, in a split
 * or in gc, has to wait for it; and since the lab says that there is no memory
 * for more nodes (the knob "starve"), so has who takes a cached one instead,
 * with bucket_lock held. A wait that polls goes round once a microsecond; a
 * wait that sleeps goes round once.
 *
 * The load is a process of its own, watched by this one: where a wait keeps
 * the CPU from the flusher, it never ends.
 *
 * Settings: writes (count, all writers), writers, span (blocks), gap_us,
 * starve (the knob), fifo (1: gc is a SCHED_FIFO task), polled (laps that
 * pass), patience_ms.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NAME
#define NAME		"flush_wait"
#define FIFO		0
#endif

#define WRITERS_MAX	64

static struct progress {
	atomic_ulong	started, ended, failed, worst_us;
} *progress;

static int fd;
static unsigned long writes, span;

static void *writer(void *arg)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull * ((uintptr_t)arg + 1);
	void *buf = block_buffer(0xa5);

	while (atomic_fetch_add(&progress->started, 1) < writes) {
		off_t at = next_random(&seed) % span * BLOCK;
		uint64_t start = now_ns();
		unsigned long us;

		if (pwrite(fd, buf, BLOCK, at) != BLOCK)
			atomic_fetch_add(&progress->failed, 1);
		us = (now_ns() - start) / 1000;
		if (us > progress->worst_us)
			progress->worst_us = us;
		/* the tree has its nodes: from now on they are all there is */
		if (atomic_fetch_add(&progress->ended, 1) == writes / 4)
			lab_put("starve", setting("starve", 1));
	}
	free(buf);
	return NULL;
}

static void load(void)
{
	unsigned long i, writers = setting("writers", 8);
	pthread_t thread[WRITERS_MAX];

	if (writers > WRITERS_MAX)
		writers = WRITERS_MAX;
	for (i = 0; i < writers; i++)
		pthread_create(&thread[i], NULL, writer, (void *)i);
	for (i = 0; i < writers; i++)
		pthread_join(thread[i], NULL);
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
	unsigned long ended, polled, limit = setting("polled", 0);
	bool alive;
	pid_t pid;

	writes = setting("writes", 40000);
	span = setting("span", 8000);
	progress = shared(sizeof(*progress));

	plan(5);
	fd = bcache_start(&geo, true);
	if (setting("fifo", FIFO))
		gc_is_fifo();
	lab_reset();
	lab_put("gap_us", setting("gap_us", 4000));

	pid = fork();
	if (!pid) {
		load();
		_exit(0);
	}
	alive = watch(pid, &progress->ended);

	lab_put("starve", 0);
	ended = progress->ended;
	lab_metrics();
	metric("worst", progress->worst_us, "us");
	polled = lab_read("wait_laps") - lab_read("waits");

	result(!progress->failed, NAME ".writes", "%lu writes, %lu failed",
	       ended, (unsigned long)progress->failed);
	result(alive, NAME ".alive", "%lu of %lu writes done%s",
	       ended, writes, alive ? "" : ", then none");
	/* What hangs at the first wait cannot show both kinds; gc never reaps. */
	result(lab_read("waits") && (lab_read("reap_waits") || !alive || FIFO),
	       NAME ".events",
	       "%lu waits for the flag, %lu of them with bucket_lock held",
	       lab_read("waits"), lab_read("reap_waits"));
	result(polled <= limit, NAME ".polled",
	       "%lu laps of polling, %lu of them with bucket_lock held", polled,
	       lab_read("reap_laps") - lab_read("reap_waits"));
	result(!lab_read("reaped") && !lab_read("freed") && !lab_read("reused"),
	       NAME ".taken",
	       "%lu picked nodes reaped, %lu freed, %lu given a new life",
	       lab_read("reaped"), lab_read("freed"), lab_read("reused"));
	return finish();
}
