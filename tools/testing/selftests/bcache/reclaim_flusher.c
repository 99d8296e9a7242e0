// SPDX-License-Identifier: GPL-2.0
/*
 * reclaim_flusher - the flusher runs short of memory inside its own write.
 * reclaim_writer  - so does who holds a write_lock that the flusher wants.
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

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef NAME
#define NAME		"reclaim_flusher"
#define RECLAIM		1
#define LOCKED		"locked_self"
#endif

#define WRITERS_MAX	64

static struct progress {
	atomic_ulong	started, ended, failed;
} *progress;

static int fd;
static unsigned long writes, span;

static void *writer(void *arg)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull * ((uintptr_t)arg + 1);
	void *buf = block_buffer(0xa5);

	while (atomic_fetch_add(&progress->started, 1) < writes) {
		off_t at = next_random(&seed) % span * BLOCK;

		if (pwrite(fd, buf, BLOCK, at) != BLOCK)
			atomic_fetch_add(&progress->failed, 1);
		atomic_fetch_add(&progress->ended, 1);
	}
	free(buf);
	return NULL;
}

static void load(void)
{
	unsigned long i, writers = setting("writers", 32);
	pthread_t thread[WRITERS_MAX];

	if (writers > WRITERS_MAX)
		writers = WRITERS_MAX;
	for (i = 0; i < writers; i++)
		pthread_create(&thread[i], NULL, writer, (void *)i);
	for (i = 0; i < writers; i++)
		pthread_join(thread[i], NULL);
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb = 256, .backing_mb = 1024, .bucket = "8k", .block = "4k",
	};
	unsigned long ended, locked;
	bool alive;
	pid_t pid;

	writes = setting("writes", 20000);
	span = setting("span", 200000);
	progress = shared(sizeof(*progress));

	plan(4);
	fd = bcache_start(&geo, true);
	lab_reset();
	lab_put("gap_us", setting("gap_us", 100000));
	lab_put("reclaim", setting("reclaim", RECLAIM));

	pid = fork();
	if (!pid) {
		load();
		_exit(0);
	}
	alive = watch(pid, &progress->ended);

	ended = progress->ended;
	locked = lab_read(LOCKED);
	lab_metrics();

	result(!progress->failed, NAME ".writes",
	       "%lu writes, %lu failed", ended,
	       (unsigned long)progress->failed);
	result(lab_read("reclaims") > 0, NAME ".events",
	       "the shrinker ran %lu times with such a node to meet",
	       lab_read("reclaims"));
	result(!locked, NAME ".locked",
	       "%lu waits that cannot end", locked);
	result(alive, NAME ".alive", "%lu of %lu writes done%s",
	       ended, writes, alive ? "" : ", then none");
	return finish();
}
