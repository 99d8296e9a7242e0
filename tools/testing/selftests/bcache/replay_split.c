// SPDX-License-Identifier: GPL-2.0
/*
 * replay_split - is the journal replayed if a key spans a leaf that must split?
 *
 * Blocks are written durably, and far more behind them, so that there are several
 * leaves. In that second part blocks are written and all of it is discarded, in
 * turns: each discard is one key that spans the ends of leaves, and the key that
 * some leaf has no room for when all is inserted again. Then both disks lose power.
 *
 * Observed from outside: whether the cache set registers, at which try, and the
 * blocks of the first part.
 *
 * Settings: rounds (of a write and a discard), spans (0: a discard is of one block,
 * and no key spans the end of a leaf), again (so often registration is tried again),
 * cache_us and backing_us (latencies).
 */
#define _GNU_SOURCE
#include "crash_disk.c"

#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define KEPT		300	/* blocks of the first part */
#define FIRST		KEPT	/* of the second */
#define SPAN		700
#define BUSY		100	/* of these, where more blocks are written */
#define STRIDE		(2 * BLOCK)	/* no two of their keys become one */

static int fd;

static void write_block(unsigned long nr)
{
	static char *buf;

	buf = buf ?: aligned_alloc(BLOCK, BLOCK);
	if (pwrite(fd, buf, BLOCK, (FIRST + nr) * STRIDE) != BLOCK)
		fatal("cannot write block %lu", FIRST + nr);
}

static void discard(unsigned long nr, unsigned long blocks)
{
	uint64_t range[] = { (FIRST + nr) * STRIDE, blocks * STRIDE };

	if (ioctl(fd, BLKDISCARD, range))
		fatal("cannot discard");
}

/*
 * The leaves without a block of those are not written: there one key of a discard
 * takes the place of another. So the journal keeps all that comes from here on. Not
 * durable one by one, or it would be full of entries.
 */
static void rounds(unsigned long nr, bool spans)
{
	unsigned long i, block;

	at("rounds");
	for (i = 0; i < nr; i++) {
		block = i * 37 % BUSY;
		write_block(block);
		discard(spans ? 0 : block, spans ? SPAN : 1);
		if (i % 16 == 15 && fdatasync(fd))
			fatal("fdatasync failed");
	}
	if (fdatasync(fd))
		fatal("fdatasync failed");
}

static unsigned long refusals(unsigned long tries)
{
	unsigned long nr = 0;

	at("register");
	while (!try_put("/sys/fs/bcache/register", cache.dev)) {
		if (++nr > tries)
			break;
		sleep_us(1000000);
	}
	return nr;
}

int main(void)
{
	const struct geometry geo = {
		.bucket		= "8k",
		.block		= "512",
		.backing_block	= "512",
	};
	struct load load = {
		.threads = 1, .in_turn = true, .stride = STRIDE,
		.writes = KEPT, .span = KEPT,
	};
	unsigned long i, again = setting("again", 3), refused;

	plan(2);
	cache.mb = 128;
	backing.mb = 16;
	disk_given(&cache, 0);
	disk_given(&backing, 0);
	load.fd = bcache_start(&geo, true);
	load_all(&load);
	close(load.fd);
	fd = bcache_open(false);
	for (i = 0; i < SPAN; i++)
		write_block(i);
	/* all leaves are written, and the journal is empty */
	sleep_us(40000000);
	if (!cset_get("tree_depth"))
		fatal("the root is a leaf");
	rounds(setting("rounds", 600), setting("spans", 1));

	at("cut");
	disks_cut();
	set_ends(fd);
	disks_power();
	refused = refusals(again);
	metric("refused", refused, "times");
	result(!refused, "registers", "the cache set was refused %lu times", refused);
	if (refused > again) {
		out_of_reach(KEPT);
		return finish();
	}
	load.fd = backing_register(true);
	kept_metric(&load);
	return finish();
}
