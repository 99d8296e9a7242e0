// SPDX-License-Identifier: GPL-2.0
/*
 * node_error - what does a failed write of a btree node cost?
 *
 * Blocks are written, all nodes get clean, and the sectors that one of them is
 * to be written to next are made bad. More durable writes make it dirty. When
 * the disk has failed so often as wanted, the sectors are good again, still
 * more is written, and the cache set is stopped and registered again: every
 * block must hold what was acknowledged, or a later write of it.
 *
 * Which sectors these are is read from the disk: the journal names the root,
 * the root's last key its last child, and the sets of a node have one number.
 *
 * Settings:
 *   where	0 a root that is a leaf, 1 a leaf below a root, 2 that root
 *   fails	so many writes of the node fail, 0: all; then the cache set has to
 *		stop by itself
 *   cut	1: both disks lose power while the write fails, 2: later
 *   stop	1: the set was told to stop before, and waits for its user
 *   free	1: after the first failure gc replaces the node
 *   limit	io_error_limit
 *   hole	1: the disk holds nothing where the set was written, as older
 *		kernels leave it; 2: the last set is torn; 3: so is that set, and
 *		others follow; 4: the last set is, when the journal has gone on.
 *		No write fails then
 *   grow, before, after	writes before the node fails, while it does, and later
 *   cache_mb
 */
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NULLB		"/sys/kernel/config/nullb/"
#define SECTOR		512
#define NODE		16	/* sectors: a bucket of 8k */
#define BACKING_MB	64
#define MAX_BLOCKS	4096
#define BSET_MAGIC	0x90135c78b99e07f5ull
#define JSET_MAGIC	0x245235c1a3625032ull
#define SET_MAGIC_AT	(4096 + 56)	/* in the superblock */
#define MAX_INODE	0xfffff		/* of the last key of a tree */

/* what the disk holds; drivers/md/bcache/bcache_ondisk.h */
struct key {
	uint64_t	high, low, ptr[];
};

struct bset {
	uint64_t	csum, magic, seq;
	uint32_t	version, keys;
	uint64_t	d[];
};

struct jset {
	uint64_t	csum, magic, seq;
	uint32_t	version, keys;
	uint64_t	last_seq, uuid_bucket[8], root[8];
	uint16_t	level;
};

static unsigned long fails, cut, hole, freed;	/* settings */
static char cache[32], backing[32];	/* devices */
static unsigned int cache_mb;
static int raw;				/* the cache disk */
static uint64_t set_magic;

static void find_disk(char *dev, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), NULLB "%s/index", name);
	sprintf(dev, "/dev/nullb%lu", get(path));
	if (access(dev, F_OK))
		sprintf(dev, "/dev/%s", name);
}

static void *disk_read(uint64_t sector, unsigned int nr)
{
	static char *buf;

	if (!buf)
		buf = aligned_alloc(BLOCK, 65536);
	if (pread(raw, buf, nr * SECTOR, sector * SECTOR) != nr * SECTOR)
		fatal("cannot read the cache disk");
	return buf;
}

static uint64_t place(const uint64_t *key)
{
	return ((const struct key *)key)->ptr[0] >> 8 & ((1ull << 43) - 1);
}

/* The root, as the newest journal entry has it. */
static uint64_t find_root(unsigned int *level)
{
	uint64_t at, newest = 0, root = 0;
	unsigned int i;
	char *buf;

	for (at = 0; at < cache_mb * 2048ull; at += 128) {
		buf = disk_read(at, 128);
		for (i = 0; i < 128; i++) {
			struct jset *j = (void *)(buf + i * SECTOR);

			if (j->magic != (set_magic ^ JSET_MAGIC) || j->seq < newest)
				continue;
			newest = j->seq;
			root = place(j->root);
			*level = j->level;
		}
	}
	return root;
}

/* Sectors of the sets of a node; the newest place of its last child, if any. */
static unsigned int node_end(uint64_t node, uint64_t *last_child,
			     unsigned int *last_set)
{
	char *buf = disk_read(node, NODE);
	struct bset *first = (void *)buf, *set;
	unsigned int at = 0;
	uint64_t *d;

	while (at < NODE) {
		set = (void *)(buf + at * SECTOR);
		if (set->magic != (set_magic ^ BSET_MAGIC) || set->seq != first->seq)
			break;
		for (d = set->d; d < set->d + set->keys; d += 2 + (*d >> 60 & 7))
			if ((*d & MAX_INODE) == MAX_INODE)
				*last_child = place(d);
		*last_set = at;
		at += (sizeof(*set) + set->keys * 8 + SECTOR - 1) / SECTOR;
	}
	return at;
}

static struct {
	uint64_t	node;
	unsigned int	level, end;
} target;

static void find_target(unsigned long where)
{
	unsigned int last_set;
	uint64_t child = 0;

	raw = open(cache, O_RDONLY | O_DIRECT);
	set_magic = *(uint64_t *)((char *)disk_read(0, 16) + SET_MAGIC_AT);
	target.node = find_root(&target.level);
	target.end = node_end(target.node, &child, &last_set);
	if (target.level != !!where)
		fatal("the root has level %u", target.level);
	if (where == 1) {
		target.node = child;
		target.end = node_end(child, &child, &last_set);
	}
	close(raw);
	if (!target.end || target.end >= NODE)
		fatal("the node at %llu is full or none: %u",
		      (unsigned long long)target.node, target.end);
	printf("# the node at %llu has %u sectors\n",
	       (unsigned long long)target.node, target.end);
}

static void bad(const char *disk, bool bad, uint64_t from, uint64_t to)
{
	char path[64];

	snprintf(path, sizeof(path), NULLB "%s/badblocks", disk);
	put(path, "%c%llu-%llu", bad ? '+' : '-', (unsigned long long)from,
	    (unsigned long long)to);
}

static void target_fails(bool fails)
{
	bad("cache", fails, target.node + target.end, target.node + NODE - 1);
}

/* what was written: a block has its number and that of the round */
static struct {
	unsigned int	tried, acknowledged;
} block[MAX_BLOCKS];

static unsigned int blocks, round_nr;
static void *buf;

static bool write_block(int fd, unsigned int nr)
{
	uint64_t *w = buf;
	unsigned int i;

	for (i = 0; i < BLOCK / sizeof(*w); i++)
		w[i] = (uint64_t)round_nr << 32 | nr;
	block[nr].tried = round_nr;
	/* no two of their keys become one */
	if (pwrite(fd, buf, BLOCK, 2ull * nr * BLOCK) != BLOCK)
		return false;
	block[nr].acknowledged = round_nr;
	return true;
}

/* New blocks, and for every second of them one of an earlier round. */
static bool write_blocks(int fd, unsigned long nr)
{
	unsigned int old = blocks;
	unsigned long i;

	round_nr++;
	for (i = 0; i < nr; i++)
		if (!write_block(fd, i % 2 && old ? --old : blocks++))
			break;
	printf("# round %u: %lu of %lu writes\n", round_nr, i, nr);
	return i == nr;
}

struct lost {
	unsigned int all, lost, older;
};

static struct lost check(int fd)
{
	struct lost l = { };
	unsigned int nr;
	uint64_t *w = buf;

	for (nr = 0; nr < blocks; nr++) {
		if (!block[nr].acknowledged)
			continue;
		l.all++;
		memset(buf, 0xff, BLOCK);
		if (pread(fd, buf, BLOCK, 2ull * nr * BLOCK) == BLOCK &&
		    (uint32_t)w[0] == nr && w[0] == w[BLOCK / sizeof(*w) - 1] &&
		    w[0] >> 32 >= block[nr].acknowledged &&
		    w[0] >> 32 <= block[nr].tried)
			continue;
		l.lost++;
		l.older += !w[0] || (uint32_t)w[0] == nr;
	}
	return l;
}

#define CSET "/sys/fs/bcache/00000000-0000-4000-8000-0000000000cc/"
#define BDEV "/sys/block/bcache0/bcache/"

static unsigned long errors;	/* of node writes, those tried again too */

/* Only the log has them all: what is tried again counts once in io_errors. */
static unsigned long count_errors(void)
{
	static int log = -1;
	char line[1024];
	ssize_t n;

	if (log < 0)
		log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (log < 0)
		fatal("cannot read the log");
	while ((n = read(log, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		errors += !!strstr(line, "writing btree");
	}
	return errors;
}

/* Until it has failed NR times, in at most MS. */
static void wait_errors(unsigned long nr, unsigned int ms)
{
	while (ms-- && !access(CSET, F_OK)) {
		if (count_errors() >= nr)
			return;
		sleep_us(1000);
	}
	/* a set that is gone had one */
	errors = errors ?: !!access(CSET, F_OK);
}

static bool there(const char *path, bool there, unsigned int ms)
{
	while (!access(path, F_OK) != there && ms--)
		sleep_us(1000);
	return !access(path, F_OK) == there;
}

static bool set_gone(unsigned int ms)
{
	return there(BDEV, false, ms) && there(CSET, false, ms);
}

static bool set_stops(void)
{
	at("stop");
	try_put(CSET "stop", "1");
	try_put(BDEV "stop", "1");
	return set_gone(100000);
}

/*
 * A set lets go of its disks when its last write has ended, for good or bad. A
 * disk that was cut is another one when it is back, and the set in the way.
 */
static bool registered(const char *disk)
{
	unsigned int ms = 10000, tries = cut ? 5 : 1;
	int fd;

	while ((fd = open(disk, O_RDWR | O_EXCL)) < 0 && ms--)
		sleep_us(1000);
	close(fd);
	while (!try_put("/sys/fs/bcache/register", disk)) {
		if (!--tries)
			return false;
		sleep_us(1000000);
	}
	return true;
}

static int set_up(void)
{
	at("register");
	if (!registered(cache) || !registered(backing) ||
	    !there("/dev/bcache0", true, 10000) || access(CSET, F_OK))
		return -1;
	return bcache_open(false);
}

/* Both disks at one moment, as in crash.c. */
static bool power_cut(int fd)
{
	bool went;

	bad("cache", true, 0, cache_mb * 2048 - 1);
	bad("backing", true, 0, BACKING_MB * 2048 - 1);
	put(NULLB "cache/power", "0");
	put(NULLB "backing/power", "0");
	close(fd);
	went = set_stops();
	bad("cache", false, 0, cache_mb * 2048 - 1);
	bad("backing", false, 0, BACKING_MB * 2048 - 1);
	put(NULLB "cache/power", "1");
	put(NULLB "backing/power", "1");
	return went;
}

/* As a write that failed leaves the disk, or one that was cut: a set is missing. */
static void make_hole(void)
{
	static char zero[NODE * SECTOR] __attribute__((aligned(BLOCK)));
	int fd = open(cache, O_WRONLY | O_DIRECT);
	unsigned int end, last, from, nr;

	raw = open(cache, O_RDONLY | O_DIRECT);
	end = node_end(target.node, &(uint64_t){ 0 }, &last);
	close(raw);
	if (last <= target.end || (hole % 2 == 0 && end < last + 2))
		fatal("no set to wipe");
	from = hole == 1 ? target.end : hole == 3 ? target.end + 1 : last + 1;
	nr = hole == 1 ? last - target.end : 1;
	if (pwrite(fd, zero, nr * SECTOR, (target.node + from) * SECTOR) < 0)
		fatal("cannot wipe a set");
	close(fd);
	metric("hole", nr, "sectors");
}

static void replace_node(void)
{
	try_put(CSET "internal/gc_always_rewrite", "1");
	try_put(CSET "internal/trigger_gc", "1");
	sleep_us(10000);
	/* or gc would rewrite a lone root for ever */
	try_put(CSET "internal/gc_always_rewrite", "0");
}

/* A thread of its own, since a split waits for the root to be written. */
static void *mender(void *arg)
{
	wait_errors(hole ? ~0ul : fails && !freed ? fails : 1, 35000);
	if (freed) {
		replace_node();
		wait_errors(fails, 10000);
	}
	if (fails && cut != 1)
		target_fails(false);
	return arg;
}

int main(void)
{
	const struct geometry geo = {
		.cache_mb	= cache_mb = setting("cache_mb", 16),
		.backing_mb	= BACKING_MB,
		.bucket		= "8k",
		.block		= "512",
		.backing_block	= "512",
	};
	unsigned long where = setting("where", 0);
	unsigned long stop = setting("stop", 0);
	bool stays, went, whole = true;
	struct lost l;
	pthread_t t;
	int fd;

	fails = setting("fails", 1);
	cut = setting("cut", 0);
	hole = setting("hole", 0);
	freed = setting("free", 0);
	stays = !fails;
	buf = aligned_alloc(BLOCK, BLOCK);
	unsetenv("cache");
	unsetenv("backing");
	plan(5);
	fd = bcache_start(&geo, true);
	find_disk(cache, "cache");
	find_disk(backing, "backing");

	/* vanilla's errors end any set; "limit" asks how often one write counts */
	put(CSET "io_error_limit", "%lu", setting("limit", 100));
	at("grow");
	write_blocks(fd, setting("grow", where ? 300 : 20));
	sleep_us(31000000);
	find_target(where);

	at("fail");
	target_fails(!hole);
	pthread_create(&t, NULL, mender, NULL);
	whole &= write_blocks(fd, setting("before", where == 2 ? 200 : 20));
	if (stop)
		try_put(CSET "stop", "1");
	pthread_join(t, NULL);
	if (cut == 1) {
		went = power_cut(fd);
	} else {
		at("after");
		whole &= write_blocks(fd, setting("after", stays ? 150 : 60));
		if (cut == 2) {
			went = power_cut(fd);
		} else {
			if (!stays)
				sleep_us(31000000);
			/* the second entry tells of what the first let go */
			if (hole == 4 && !fdatasync(fd))
				fdatasync(fd);
			close(fd);
			went = stays || stop ? set_gone(10000) : set_stops();
			set_stops();
		}
	}
	target_fails(false);
	metric("errors", errors, "count");
	if (hole)
		make_hole();

	fd = set_up();
	at("check");
	l = check(fd);
	metric("acknowledged", l.all, "blocks");
	metric("lost", l.lost, "blocks");
	result(hole || errors >= (stays || freed ? 1 : fails), "events", "%lu writes failed",
	       errors);
	result(went, "stopped", "after %lu failed writes the cache set %s",
	       errors, went ? "is gone" : "stays");
	result(whole || stays, "writes", "%u blocks, the last %s", blocks,
	       whole ? "written" : "failed");
	result(fd >= 0, "registers", "the cache set with %u blocks is %s", l.all,
	       fd >= 0 ? "there again" : "refused");
	result(l.all && !l.lost, "kept",
	       "%u of %u acknowledged blocks lost, %u of them older or empty",
	       l.lost, l.all, l.older);
	return finish();
}
