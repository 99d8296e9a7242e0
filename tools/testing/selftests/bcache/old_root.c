// SPDX-License-Identifier: GPL-2.0
/*
 * old_root - the journal is full while a leaf root gives way to a new root.
 *
 * A small root fills up again and again and is rewritten into a new node. The
 * owner of both writes a journal entry that names the new root before it
 * frees the old one. If the journal is full then, and the oldest entry is
 * pinned by keys of the old root, only a write of the old root helps, and its
 * owner sleeps with both nodes locked: every user of the cache set waits.
 *
 * Writers put keys into the root without asking for durability, so that many
 * keys share a block of the journal and the root fills up fast. Syncers ask
 * for an empty durable entry each time, which takes a block of the journal
 * and no space of the root. The journal is just large enough for both to be
 * full at about the same time, so now and then they are.
 *
 * Observed from outside: the clock; the lab's count of old roots written by
 * the flusher, without which nothing has been tested.
 *
 * Settings: writes (count), writers, syncers, span (blocks), cache_mb,
 * limit_ms (the slowest write or sync that passes), dev_us.
 */
#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define THREADS_MAX	64

static int fd;
static unsigned long writes, span;
static atomic_ulong started, failed, syncs;
static atomic_bool stop;
static struct latencies lat;
static pthread_mutex_t lat_lock = PTHREAD_MUTEX_INITIALIZER;

static void note(uint64_t start)
{
	pthread_mutex_lock(&lat_lock);
	latency_add(&lat, now_ns() - start);
	pthread_mutex_unlock(&lat_lock);
}

static void *writer(void *arg)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull * ((uintptr_t)arg + 1);
	void *buf = block_buffer(0x42);

	while (atomic_fetch_add(&started, 1) < writes) {
		off_t at = next_random(&seed) % span * 2 * BLOCK;
		uint64_t start = now_ns();

		if (pwrite(fd, buf, BLOCK, at) != BLOCK)
			atomic_fetch_add(&failed, 1);
		note(start);
	}
	return NULL;
}

static void *syncer(void *arg)
{
	while (!stop) {
		uint64_t start = now_ns();

		if (fdatasync(fd))
			atomic_fetch_add(&failed, 1);
		atomic_fetch_add(&syncs, 1);
		note(start);
	}
	return arg;
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", 28),
		.backing_mb	= 256,
		.bucket		= "16k",
		.block		= "4k",
	};
	unsigned long limit_ms = setting("limit_ms", 5);
	unsigned long writers = setting("writers", 4);
	unsigned long syncers = setting("syncers", 1);
	pthread_t thread[2 * THREADS_MAX];
	unsigned long i, full, old;
	uint64_t origin, worst;

	if (writers > THREADS_MAX || syncers > THREADS_MAX)
		fatal("too many threads");
	writes = setting("writes", 5320);
	span = setting("span", 300);

	plan(3);
	fd = bcache_start(&geo, false);
	lab_reset();

	origin = now_ns();
	for (i = 0; i < writers; i++)
		pthread_create(&thread[i], NULL, writer, (void *)i);
	for (i = 0; i < syncers; i++)
		pthread_create(&thread[writers + i], NULL, syncer, NULL);
	for (i = 0; i < writers; i++)
		pthread_join(thread[i], NULL);
	stop = true;
	for (i = 0; i < syncers; i++)
		pthread_join(thread[writers + i], NULL);
	worst = latency_metrics(&lat, now_ns() - origin);
	full = lab_read("journal_full");
	old = lab_read("old_root");
	lab_metrics();
	metric("syncs", syncs, "count");
	metric("tree_depth", cset_get("tree_depth"), "levels");

	result(!failed, "old_root.writes", "%lu writes and %lu syncs, %lu failed",
	       writes, (unsigned long)syncs, (unsigned long)failed);
	result(full > 0 && old > 0, "old_root.events",
	       "the journal was full %lu times, old roots written %lu times",
	       full, old);
	result(worst <= limit_ms * 1000000, "old_root.worst",
	       "slowest write or sync %llu us, limit %lu ms",
	       (unsigned long long)worst / 1000, limit_ms);
	return finish();
}
