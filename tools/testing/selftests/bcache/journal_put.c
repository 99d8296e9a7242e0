// SPDX-License-Identifier: GPL-2.0
/*
 * journal_put - does a writer that lets go of a journal entry wake the others?
 *
 * A slow writer has its key in the journal and reads the leaf it belongs to,
 * which was pruned before. Until the key is in the leaf the writer holds the
 * journal entry. Meanwhile fast writers fill the journal, flush what older
 * entries are pinned by, and sleep: no node holds the oldest entry. When the
 * slow writer is done its leaf does, and somebody has to be told. The slow
 * writer itself does not come back: it waits for the others to go on.
 *
 * Observed from outside: the clock, the lab's counts of full journals and of
 * slow reads.
 *
 * Settings: threads, keys (of the tree), rounds (writes of the slow writer),
 * cache_mb, cache_us, backing_us, read_us (what a read of a node takes more),
 * limit_ms (the slowest write that passes).
 */
#define _GNU_SOURCE
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define SECTOR		512
#define STRIDE		(8 * SECTOR)	/* no two keys become one */
#define THREADS_MAX	256

static int fd;
static unsigned long keys, hot;
static atomic_ulong failed, done;
static atomic_bool stop;
static struct latencies lat;
static pthread_mutex_t lat_lock = PTHREAD_MUTEX_INITIALIZER;

static void write_key(void *buf, unsigned long key)
{
	if (pwrite(fd, buf, SECTOR, (off_t)key * STRIDE) != SECTOR)
		atomic_fetch_add(&failed, 1);
}

static void *fast_writer(void *arg)
{
	uint64_t seed = 0x9e3779b97f4a7c15ull * ((uintptr_t)arg + 1);
	void *buf = block_buffer(0x22);

	while (!stop) {
		uint64_t start = now_ns();

		write_key(buf, keys - 1 - next_random(&seed) % hot);
		atomic_fetch_add(&done, 1);
		pthread_mutex_lock(&lat_lock);
		latency_add(&lat, now_ns() - start);
		pthread_mutex_unlock(&lat_lock);
	}
	free(buf);
	return NULL;
}

/* Writes to cold leaves, each after the others went on. */
static void slow_writes(unsigned long rounds)
{
	void *buf = block_buffer(0x33);
	unsigned long i, from;

	for (i = 0; i < rounds; i++) {
		write_key(buf, keys / 3 * i / rounds);
		from = done;
		while (done < from + 300)
			sleep_us(100);
	}
	free(buf);
}

static void start(pthread_t *thread, unsigned long threads, void *(*fn)(void *))
{
	unsigned long i;

	for (i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, fn, (void *)i);
}

static void join(pthread_t *thread, unsigned long threads)
{
	unsigned long i;

	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= setting("cache_mb", 5), /* a small journal */
		.backing_mb	= 64,
		.bucket		= "8k",		/* small nodes, many of them */
		.block		= "512",
		.backing_block	= "512",
	};
	unsigned long threads = setting("threads", 16);
	unsigned long limit_ms = setting("limit_ms", 1000);
	unsigned long full, slow;
	pthread_t thread[THREADS_MAX];
	struct load grow;
	uint64_t origin, worst;

	keys = setting("keys", 6000);
	hot = keys / 4;
	if (threads > THREADS_MAX)
		fatal("too many threads");

	setenv("cache_us", "100", 0);
	setenv("backing_us", "10", 0);
	plan(3);
	fd = bcache_start(&geo, false);

	grow = (struct load) {
		.fd		= fd,
		.threads	= threads,
		.writes		= keys,
		.span		= keys,
		.size		= SECTOR,
		.stride		= STRIDE,
		.in_turn	= true,
	};
	load_run(&grow);
	/* every leaf is clean after that, and then the leaves made first go */
	sleep_us(31000000);
	bdev_put("cache_mode", "writearound");
	prune_cache();
	lab_reset();
	lab_put("read_us", setting("read_us", 5000));

	origin = now_ns();
	start(thread, threads, fast_writer);
	slow_writes(setting("rounds", 12));
	stop = true;
	join(thread, threads);
	worst = latency_metrics(&lat, now_ns() - origin);
	full = lab_read("journal_full");
	slow = lab_read("slow_reads");
	lab_put("read_us", 0);
	lab_metrics();

	result(!failed && !grow.failed, "journal_put.writes", "%zu writes, %lu failed", lat.nr,
	       (unsigned long)failed);
	result(full > 0 && slow > 0, "journal_put.events",
	       "the journal was full %lu times, %lu slow reads", full, slow);
	result(worst <= limit_ms * 1000000, "journal_put.worst",
	       "slowest write %llu us, limit %lu ms",
	       (unsigned long long)worst / 1000, limit_ms);
	return finish();
}
