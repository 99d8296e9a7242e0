// SPDX-License-Identifier: GPL-2.0
/*
 * bench - what the flusher costs, in one workload.
 *
 * Settings: work, one of
 *   fresh     durable 4 KiB writes on a fresh cache, one at a time
 *   leaf      one leaf that is not the root, overwritten by 32 threads
 *   random    random durable 4 KiB writes by 8 threads, the tree full
 *   nodes     as random, with "nodes" b-tree nodes in the cache
 *   zeros     the same, and what makes the tree are zeros, which take no memory
 *   pressure  as random, with the shrinker pushed every millisecond
 * and writes (count), dev_us, backing_us (device latency), volatile_mb (volatile
 * cache of both disks), peer (another device in bcache's place, see bench.h).
 *
 * What is measured begins after the tree is there. Besides latencies: rounds
 * of the flusher and nodes it looked at; writes to the cache device, from
 * its own counter; how often some locks were taken, how long they were held, and
 * tasks woken, where the kernel keeps statistics of that. Of what was written some
 * is read back at the end; with a peer both disks lose power before.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOCK_STAT	"/proc/lock_stat"
#define SCHED_STAT	"/proc/schedstat"
/* what a leaf of 8 KiB keeps when it is split and then gets no more, and one */
#define LEAF_KEYS	137

struct work {
	const char	*name;
	struct geometry	geo;
	/* what makes the tree: keys written before anything is measured */
	unsigned long	grow;
	/* what is measured */
	unsigned int	threads;
	unsigned long	writes, span;
	bool		durable, in_turn, prune, zeros;
};

static const struct work works[] = {
	{
		.name = "fresh", .geo = { 512, 512, "64k", "4k" },
		.threads = 1, .writes = 20000, .span = 1000, .durable = true,
		.in_turn = true,
	}, {
		.name = "leaf", .geo = { 512, 1024, "16k", "512", "512" },
		.grow = 20000,
		.threads = 32, .writes = 40000, .span = 64,
	}, {
		.name = "random", .geo = { 1024, 1024, "16k", "4k" },
		.grow = 60000,
		.threads = 8, .writes = 20000, .span = 200000, .durable = true,
	}, {
		.name = "nodes", .geo = { 4096, 8192, "8k", "512", "512", true },
		.threads = 8, .writes = 20000, .span = 2000000, .durable = true,
	}, {
		.name = "zeros", .geo = { 20480, 20480, "8k", "512", "512", true },
		.threads = 8, .writes = 20000, .durable = true, .zeros = true,
	}, {
		.name = "pressure", .geo = { 1024, 1024, "16k", "4k" },
		.grow = 60000,
		.threads = 8, .writes = 20000, .span = 200000, .durable = true,
		.prune = true,
	},
};

static const struct work *find_work(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(works) / sizeof(*works); i++)
		if (name && !strcmp(works[i].name, name))
			return &works[i];
	fatal("no work '%s'", name ?: "");
}

/*
 * One block is left out between two keys, or they would merge into one. Zeros are
 * written from the end of the device to its beginning; returns from where on it is
 * full.
 */
static unsigned long grow(int fd, const struct work *w, unsigned long keys, unsigned int size)
{
	static unsigned int calls;
	struct load load = {
		.fd		= fd,
		.threads	= 64,
		.writes		= keys,
		.span		= (w->geo.backing_mb - 1) * (1ul << 20) / (2 * size),
		.size		= size,
		.stride		= 2 * size,
		.seed		= ++calls,
		.zeros		= w->zeros,
	};

	if (w->zeros)
		load.span -= (calls - 1) * keys;
	if (load.span < keys)
		fatal("the device is full");
	if (keys)
		load_all(&load);
	return (load.span - keys) * load.stride;
}

/* A line of /proc/lock_stat: hold times are in microseconds with two digits. */
static void lock_metrics(const char *class, const char *name)
{
	double taken, min, max, total;
	char line[512], what[64], *at;
	FILE *f = fopen(LOCK_STAT, "r");

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, class);
		/* con-bounces contentions waittime-{min,max,total,avg} acq-bounces ... */
		if (!at || sscanf(at, "%*s %*s %*s %*s %*s %*s %*s %*s %lf %lf %lf %lf",
				  &taken, &min, &max, &total) != 4)
			continue;
		snprintf(what, sizeof(what), "%s_taken", name);
		metric(what, taken, "count");
		snprintf(what, sizeof(what), "%s_longest", name);
		metric(what, max, "us");
		snprintf(what, sizeof(what), "%s_total", name);
		metric(what, total, "us");
	}
	if (f)
		fclose(f);
}

/* tasks woken since boot, on all CPUs: the fifth figure of each */
static unsigned long woken(void)
{
	unsigned long sum = 0, n;
	FILE *f = fopen(SCHED_STAT, "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu%*u %*u %*u %*u %*u %lu", &n) == 1)
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

/*
 * For the picture: of one write in N, four Ns to a power of ten, the fastest
 * took so many us. Sorted by load_metrics().
 */
static void distribution(const struct load *l)
{
	static const double step[] = { 1, 1.778, 3.162, 5.623 };
	double tens;
	size_t i, n;

	for (tens = 1; tens <= l->ended; tens *= 10) {
		for (i = 0; i < sizeof(step) / sizeof(*step); i++) {
			n = l->ended / (tens * step[i]);
			if (n)
				printf("# one_in %.1f %llu\n", tens * step[i],
				       (unsigned long long)l->sorted[l->ended - n] / 1000);
		}
	}
}

/* What only bcache has. */
static void bcache_metrics(const struct work *w, unsigned long sectors)
{
	lock_metrics(" &c->bucket_lock:", "bucket_lock");
	lock_metrics(" &j->lock:", "journal_lock");
	lock_metrics(" &j->flush_write_lock:", "list_lock");
	lock_metrics(" &j->pin_lock:", "list_lock");
	metric("cache_written", disk_sectors_written() - sectors, "sectors");
	lab_metrics();
	metric("nodes", cached_nodes(&w->geo), "count");
	metric("chain", cset_get("internal/btree_cache_max_chain"), "nodes");
}

static void bench(const struct work *w, struct load *load, bool bcache)
{
	struct ticker pruner = { .tick = prune_cache, .pause_us = 1000 };
	unsigned long sectors = 0, backing = 0, wakeups = woken();

	if (!bcache) {
		backing = peer_backing_writes();
	} else {
		lab_reset();
		sectors = disk_sectors_written();
	}
	try_put(LOCK_STAT, "0");
	if (w->prune)
		ticker_start(&pruner);
	at("measured");
	load_all(load);
	at("done");
	if (w->prune)
		ticker_stop(&pruner);
	if (wakeups)
		metric("woken", woken() - wakeups, "count");
	if (bcache)
		bcache_metrics(w, sectors);
	else
		metric("backing_writes", peer_backing_writes() - backing, "count");
	load_metrics(load);
	distribution(load);
}

int main(void)
{
	const struct work *w = find_work(getenv("work"));
	unsigned long nodes = setting("nodes", 0), before = 0, from = 0, keys = 0;
	unsigned long volatile_mb = setting("volatile_mb", 0);
	const char *peer = getenv("peer");
	struct load load = {
		.threads	= w->threads,
		.writes		= setting("writes", w->writes),
		.span		= w->span,
		.in_turn	= w->in_turn,
	};

	plan(2);
	load.fd = peer || volatile_mb ? peer_start(peer, &w->geo, volatile_mb) :
		  bcache_start(&w->geo, false);
	grow(load.fd, w, w->grow, BLOCK);
	/* What a peer has put off until a flush is not for the first write to pay. */
	if (peer && fdatasync(load.fd))
		fatal("cannot flush");
	while (nodes && w->zeros && keys < nodes * LEAF_KEYS) {
		from = grow(load.fd, w, 20000, 512);
		keys += 20000;
	}
	while (nodes && !w->zeros && cached_nodes(&w->geo) < nodes) {
		grow(load.fd, w, 20000, 512);
		if (cached_nodes(&w->geo) <= before)
			fatal("the tree does not grow beyond %lu nodes", before);
		before = cached_nodes(&w->geo);
	}
	if (w->zeros) {
		load.first = from / BLOCK + 1;
		load.span = (w->geo.backing_mb - 1) * (1ul << 20) / BLOCK - load.first;
	}
	/* Millions of keys: on disks that take time they would take hours. */
	if (w->geo.instant)
		load.fd = bcache_restart_timed(load.fd, false);
	/* until the priorities of that many buckets are written */
	if (w->zeros)
		sleep_us(1000000);
	if (w->durable) {
		close(load.fd);
		load.fd = peer ? peer_open(true) : bcache_open(true);
	}
	bench(w, &load, !peer);
	result(!load.failed, "writes", "%lu writes, %lu failed",
	       load.writes, load.failed);
	if (peer)
		load.fd = peer_cut(load.fd);
	if (nodes && !w->zeros)
		skip("kept", "the tree's writes are of another size, and lie in between");
	else
		kept(load.fd, true);
	return finish();
}
