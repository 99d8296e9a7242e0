// SPDX-License-Identifier: GPL-2.0
/*
 * crash - both disks lose power at one moment of a load; what was kept?
 *
 * The load is drawn from "seed": the disks, the cache, threads that write,
 * read, flush and discard, and chores (gc, prune, cache modes, writeback).
 * Where the cut falls is drawn too, or "cut_ns" says it, from the start of the
 * load. From then on every read and write of the disks fails, and what their
 * volatile caches held is gone. The old cache set has to go away; then the
 * disks are registered again, perhaps cut once more meanwhile.
 *
 * Every sector of a block holds the block's number and which of its writes it
 * is from. A block must hold its last acknowledged write or a later one that
 * was under way. What was read then must not give way to older data: over a
 * clean stop, after all of it was written back, on the backing disk alone.
 *
 * With "cut=0" there is no cut: the load comes to its end, and the cache set is
 * stopped. That is for single faults of the disks, see crash_fault.c. An error
 * to the caller is right after one.
 *
 * Every figure that is drawn is a setting too, by the name that the line
 * "# load" prints. "ops" is the length of the load, "record" prints the times
 * at which requests to the cache disk completed instead of cutting there.
 *
 * With "late_ms" the cache disk takes up the writes of nodes of 4 KiB so much later,
 * as a disk may before it reports the end.
 *
 * The verdict is the line "# outcome KIND WHAT". Kinds, worst last, but for "missed":
 *   kept		all is well
 *   reported	what was lost by a fault was an error to its reader or writer
 *   late	success reported after the cut did not hold
 *   reverts	what was read after the cut was gone later
 *   stale	a read during the load returned other than the last write
 *   error	I/O failed though the disks worked
 *   refused	the cache set or its device did not come up again
 *   lost	a block is older than what was acknowledged before the cut
 *   foreign	a block holds what was never written to it
 *   hung	something waits for ever
 *   missed	no request met the fault, and nothing failed
 * and the console says the rest: panicked.
 */
#define _GNU_SOURCE
#include "crash.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define SECTORS		(BLOCK / SECTOR)
#define WORDS		(SECTOR / sizeof(uint64_t))
#define MAX_THREADS	8
#define MAX_BLOCKS	1024
#define READ_BLOCKS	16	/* at once, when all is checked */
#define TRIES		60	/* to register, 100 ms apart */
#define PATIENCE_S	200	/* of virtual time, for one stage */

enum kind {
	KEPT, REPORTED, LATE, REVERTS, STALE, ERROR, REFUSED, LOST, FOREIGN, HUNG,
	MISSED,
};

static const char * const kinds[] = {
	"kept", "reported", "late", "reverts", "stale", "error", "refused",
	"lost", "foreign", "hung", "missed",
};

/* What is known of a block. Writes are counted from 1; 0 is never written. */
struct block {
	uint32_t	issued, returned;
	uint32_t	durable;	/* acknowledged before the cut */
	uint32_t	late;		/* the same, after it */
	uint32_t	discards;
	uint32_t	discarded;	/* the last write before the last discard */
	uint32_t	seen[SECTORS];	/* what was read after the cut */
	bool		lost;		/* what was acknowledged of it */
};

/* Shared by the processes: one supervises, one cuts, one is the load. */
static struct shared {
	_Atomic int	cut;
	_Atomic int	stage;
	_Atomic unsigned long acknowledged, ops;
	struct block	block[MAX_BLOCKS];
	bool		all_lost;	/* as far as it could be seen */
	bool		torn;		/* a request that returned success after the cut */
	enum kind	kind;
	char		what[200];
	pthread_mutex_t	lock;
} *s;

static const char * const stages[] = {
	"load", "load ends", "set goes", "register", "second cut",
	"set goes again", "register again", "set goes once more",
	"register a second time", "check", "stop", "register once more",
	"check again", "writeback", "detach", "check backing", "end",
};

/* The next stage; the supervisor gives each its time. */
static void stage(const char *name)
{
	int i = 0;

	while (strcmp(stages[i], name))
		i++;
	s->stage = i;
	at(name);
	record_stage(name);
}

/* Keeps the worst that was seen, and the first of its kind. */
static __attribute__((format(printf, 2, 3)))
void outcome(enum kind kind, const char *fmt, ...)
{
	va_list ap;

	if (kind <= s->kind)
		return;
	s->kind = kind;
	va_start(ap, fmt);
	vsnprintf(s->what, sizeof(s->what), fmt, ap);
	va_end(ap);
}

/* An error to the caller, which a fault is a reason for. */
static enum kind error(void)
{
	return fault_wanted() ? REPORTED : ERROR;
}

/* the draw */

static uint64_t lot;

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* One of NR values; a setting of that name decides instead, and moves no lot. */
static unsigned long draw_of(const char *name, const unsigned long *values,
			     unsigned int nr)
{
	unsigned long value = values[next_random(&lot) % nr];

	value = setting(name, value);
	printf(" %s=%lu", name, value);
	return value;
}

#define draw(name, ...) \
	draw_of(name, (const unsigned long []){ __VA_ARGS__ },		\
		sizeof((const unsigned long []){ __VA_ARGS__ }) / sizeof(long))

static struct plan {
	unsigned long	bucket_k, block, cache_mb, cache_us, cache_volatile;
	unsigned long	backing_us, backing_volatile;
	unsigned long	threads, span, most, fill, ops;
	/* of 64 operations of a thread, about so many */
	unsigned long	dsync, sync, reads, discards;
	unsigned long	mode, running, cutoff_k, chore_us;
	unsigned long	calm, cut_permille, again, restart;
	unsigned long	cut, pause_s, torn, supers, keeps, bulk;
} p;

/* Loads with a name, for single faults: settings that do not say otherwise. */
static const struct {
	const char *name, *settings[8];
} loads[] = { {
	/* few keys, all in one leaf, which is written in a pause */
	.name = "root",
	.settings = {
		"bucket_k=16 block=4096 cache_mb=8 threads=1 span=64 fill=1",
		"ops=80 dsync=64 sync=8 reads=8 running=0 chore_us=0 pause_s=40 supers=20",
	},
}, {
	/* many keys in small nodes, which split */
	.name = "tree",
	.settings = {
		"bucket_k=8 block=512 cache_mb=8 threads=2 span=1024 fill=1024",
		"ops=200 dsync=32 sync=8 reads=8 running=1 chore_us=1000",
	},
}, {
	/* so many that they are dropped, and read again */
	.name = "deep",
	.settings = {
		"bucket_k=4 block=512 cache_mb=48 threads=2 span=1024 fill=1024",
		"ballast=2944 ops=200 dsync=32 sync=8 reads=32 running=1 chore_us=1000",
	},
}, {
	/* full leaves are split while the journal has room and gc does not run */
	.name = "wide",		/* with a comment: none of those that faults go through */
	.settings = {
		"bucket_k=16 block=512 cache_mb=32 threads=8 span=1024 fill=0",
		"ops=12000 dsync=4 sync=0 reads=8 running=0 chore_us=0",
	},
} };

/* what is the same in all of them */
static const char * const same[] = {
	"cut=0 cache_us=100 cache_volatile=0 backing_us=100 backing_volatile=0",
	"most=1 discards=0 mode=1 cutoff_k=0 calm=0 again=0 restart=0 torn=0",
};

/* so many keys between two flushes that an entry of the journal has several sectors */
static const char bulk[] = "bucket_k=32 block=512 threads=8 most=1 fill=0 dsync=0 sync=2";

static void use_settings(const char *words)
{
	char settings[256], *word;

	snprintf(settings, sizeof(settings), "%s", words);
	for (word = strtok(settings, " "); word; word = strtok(NULL, " ")) {
		char *value = strchr(word, '=');

		*value++ = 0;
		setenv(word, value, 0);
	}
}

static void named_load(const char *name)
{
	unsigned int i, j;

	for (i = 0; strcmp(loads[i].name, name); i++)
		if (i + 1 == sizeof(loads) / sizeof(*loads))
			fatal("no load %s", name);
	for (j = 0; loads[i].settings[j]; j++)
		use_settings(loads[i].settings[j]);
	for (j = 0; j < sizeof(same) / sizeof(*same); j++)
		use_settings(same[j]);
}

static void draw_plan(void)
{
	uint64_t own;

	if (getenv("load"))
		named_load(getenv("load"));
	lot = mix(setting("seed", 1) + 1) | 1;
	/* of a lot of their own, so that half of all cuts are as they are without */
	own		= mix(setting("seed", 1) + 7777);
	p.torn		= setting("torn", own % 2);
	p.bulk		= setting("bulk", p.torn && own / 16 % 4 == 0);
	if (p.bulk)
		use_settings(bulk);
	printf("# load");
	p.bucket_k	= draw("bucket_k", 8, 8, 16, 32);
	p.block		= draw("block", 512, 4096);
	p.cache_mb	= draw("cache_mb", 8, 16, 24) * p.bucket_k / 8;
	p.cache_us	= draw("cache_us", 20, 100, 500);
	p.cache_volatile = draw("cache_volatile", 0, 1, 32);
	p.backing_us	= draw("backing_us", 100, 1000, 5000);
	p.backing_volatile = draw("backing_volatile", 0, 32);
	p.threads	= draw("threads", 1, 2, 4, 8);
	p.span		= draw("span", 64, 256, 512, 1024);
	p.most		= draw("most", 1, 4, 16);
	p.fill		= draw("fill", 0, 0, 200, 400);
	p.ops		= draw("ops", 400);
	p.dsync		= draw("dsync", 0, 16, 48, 64);
	p.sync		= draw("sync", 0, 4, 16);
	p.reads		= draw("reads", 0, 8);
	p.discards	= draw("discards", 0, 4);
	/* as bch_cache_modes: writethrough, writeback, writearound */
	p.mode		= draw("mode", 1, 1, 1, 0, 2);
	p.running	= draw("running", 0, 1);
	p.cutoff_k	= draw("cutoff_k", 0, 0, 16);
	p.chore_us	= draw("chore_us", 0, 1000, 10000);
	p.calm		= draw("calm", 0, 0, 0, 1);
	p.cut_permille	= draw("cut_permille", next_random(&lot) % 1000);
	p.again		= draw("again", 0, 0, 1);
	p.restart	= draw("restart", 0, 0, 1);
	p.cut		= setting("cut", 1);
	p.pause_s	= setting("pause_s", 0);
	p.supers	= setting("supers", p.torn && own / 2 % 4 == 0 ? 16 : 0);
	p.keeps		= setting("keeps", p.torn && own / 8 % 2);
	printf(" torn=%lu supers=%lu keeps=%lu bulk=%lu\n", p.torn, p.supers,
	       p.keeps, p.bulk);
	if (p.threads > MAX_THREADS || p.span > MAX_BLOCKS || !p.threads ||
	    p.span < p.threads)
		fatal("no such load");
}

/*
 * From the start of the load. A load that goes on takes about so long; one cut
 * of four falls in the minute after it, among delayed work and writeback.
 */
static uint64_t cut_ns(void)
{
	uint64_t us = p.ops / p.threads * p.cache_us * 3;

	if (p.calm)
		us = 60000000;
	return setting("cut_ns", us * p.cut_permille + 1);
}

/* the disks */

/* At that time. What is under way then may be torn, with a lot of its own. */
static void cut(uint64_t ns)
{
	static unsigned int cuts;
	unsigned long torn;

	if (p.torn)
		disks_note(ns, mix(setting("seed", 1) * 2 + cuts++) | 1);
	else
		sleep_until(ns);
	s->cut = 1;
	torn = disks_cut();
	s->torn |= !!torn;
	if (p.torn)
		printf("# cut tears %lu sectors\n", torn);
	if (p.keeps)
		printf("# cut keeps %lu sectors\n", disks_kept());
}

static char bcache[32];

/* A device whose disk is gone may have the first number. */
static bool find_bcache(void)
{
	glob_t g;
	bool found = !glob("/sys/block/bcache*", 0, NULL, &g);

	if (found)
		snprintf(bcache, sizeof(bcache), "/dev/%s",
			 strrchr(g.gl_pathv[0], '/') + 1);
	globfree(&g);
	return found && !access(bcache, F_OK);
}

static void bdev_state(char *state, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/bcache/state", bcache + 5);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? 0 : read(fd, state, size - 1);

	state[len < 0 ? 0 : len] = 0;
	state[strcspn(state, "\n")] = 0;
	if (fd >= 0)
		close(fd);
}

static bool bdev_is(const char *wanted)
{
	char state[32];

	bdev_state(state, sizeof(state));
	return !strcmp(state, wanted);
}

/* A cache set that has gone from sysfs lets go when its last write has ended. */
static bool register_disk(struct disk *d, int tries)
{
	while (!try_put("/sys/fs/bcache/register", d->dev)) {
		if (fault_wanted() && errno != EBUSY)
			outcome(REPORTED, "the %s disk at '%s': %s", d->name,
				stages[s->stage], strerror(errno));
		if (!--tries || s->cut)
			return false;
		sleep_us(100000);
	}
	return true;
}

/* What is not taken would not be tested. A fault may take the device away. */
static void set_any(const char *dir, const char *file, const char *value)
{
	if (!put_any(dir, file, value) && !fault_wanted())
		fatal("%s is not set to %s", file, value);
}

static void settings(void)
{
	char value[16];

	set_any(CSET, "congested_read_threshold_us", "0");
	set_any(CSET, "congested_write_threshold_us", "0");
	set_any(BDEV, "writeback_percent", "0");
	set_any(BDEV, "writeback_delay", "0");
	set_any(BDEV, "writeback_running", p.running ? "1" : "0");
	snprintf(value, sizeof(value), "%lu", p.cutoff_k * 1024);
	set_any(BDEV, "sequential_cutoff", value);
	/* of buckets that are given out, and of the journal's: not after 6.18 */
	if (setting("discard", 0))
		set_any(CSET, "cache0/discard", "1");
}

/*
 * A set that fails lets go of a device that is clean. What was acknowledged has to
 * be on the backing disk then, and the device shows it.
 */
static void no_cache(void)
{
	if (s->kind == KEPT && !s->what[0])
		snprintf(s->what, sizeof(s->what), "no cache at '%s'", stages[s->stage]);
}

/* Where that is tried again, the backing disk may still be registered. */
static bool up(bool again)
{
	int tries = 200;

	if (!register_disk(&cache, TRIES)) {
		outcome(REFUSED, "the cache disk at '%s'", stages[s->stage]);
		return false;
	}
	if (!register_disk(&backing, again ? 1 : TRIES) && !again) {
		outcome(REFUSED, "the backing disk at '%s'", stages[s->stage]);
		return false;
	}
	while (!find_bcache() && --tries)
		sleep_us(50000);
	if (!tries) {
		outcome(REFUSED, "no device at '%s'", stages[s->stage]);
		return false;
	}
	if (bdev_is("no cache"))
		no_cache();
	else
		settings();
	return true;
}

/* what a block holds */

static uint64_t word(uint32_t block, uint32_t nr, unsigned int at)
{
	uint64_t tag = (uint64_t)block << 32 | nr;

	return at ? mix(tag + (uint64_t)at * 0x9e3779b97f4a7c15ull) : tag;
}

static void fill_block(void *buf, uint32_t block, uint32_t nr)
{
	uint64_t *w = buf;
	unsigned int i;

	for (i = 0; i < BLOCK / sizeof(*w); i++)
		w[i] = word(block + 1, nr, i);
}

/* Which write of @block a sector is from; -1: none. */
static int64_t sector_from(const uint64_t *w, uint32_t block, unsigned int sector)
{
	unsigned int i, at = sector * WORDS;
	uint32_t nr;

	for (i = 0; i < WORDS && !w[i]; i++)
		;
	if (i == WORDS)
		return 0;
	/* All writes of a block differ in every word. */
	for (nr = s->block[block].issued; nr; nr--)
		if (w[0] == word(block + 1, nr, at))
			break;
	for (i = 0; i < WORDS; i++)
		if (!nr || w[i] != word(block + 1, nr, at + i))
			return -1;
	return nr;
}

/* the load */

static int dev, dev_dsync;
static uint64_t load_from;
static _Atomic long ops_left;

/* An operation failed: only the cut may be the reason. */
static bool failed(const char *op, uint32_t block)
{
	int err = errno;

	if (!s->cut) {
		pthread_mutex_lock(&s->lock);
		outcome(error(), "%s of block %u: %s", op, block, strerror(err));
		pthread_mutex_unlock(&s->lock);
	}
	return !s->cut;
}

static bool do_write(void *buf, uint32_t first, unsigned int nr, bool durable)
{
	bool ok;
	unsigned int i;
	struct block *b = &s->block[first];

	for (i = 0; i < nr; i++)
		fill_block(buf + i * BLOCK, first + i, ++b[i].issued);
	ok = pwrite(durable ? dev_dsync : dev, buf, nr * BLOCK,
		    (off_t)first * BLOCK) == nr * BLOCK;
	if (!ok)
		return failed("write", first);
	pthread_mutex_lock(&s->lock);
	for (i = 0; i < nr; i++) {
		b[i].returned = b[i].issued;
		if (durable)
			*(s->cut ? &b[i].late : &b[i].durable) = b[i].issued;
	}
	s->acknowledged += durable && !s->cut;
	pthread_mutex_unlock(&s->lock);
	return true;
}

/* What had returned before the flush began is durable after it. */
static bool do_sync(bool data)
{
	static __thread struct block before[MAX_BLOCKS];
	unsigned int i;

	pthread_mutex_lock(&s->lock);
	memcpy(before, s->block, sizeof(before));
	pthread_mutex_unlock(&s->lock);
	if (data ? fdatasync(dev) : fsync(dev))
		return failed("fsync", 0);
	pthread_mutex_lock(&s->lock);
	for (i = 0; i < p.span; i++) {
		struct block *b = &s->block[i];
		uint32_t *durable = s->cut ? &b->late : &b->durable;

		if (before[i].discards == b->discards &&
		    before[i].returned > *durable)
			*durable = before[i].returned;
	}
	s->acknowledged += !s->cut;
	pthread_mutex_unlock(&s->lock);
	return true;
}

/* Anything older, or nothing, is right after a discard. */
static bool do_discard(uint32_t first, unsigned int nr)
{
	uint64_t range[2] = { (uint64_t)first * BLOCK, nr * BLOCK };
	unsigned int i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < nr; i++) {
		struct block *b = &s->block[first + i];

		b->discards++;
		b->discarded = b->issued;
		b->durable = 0;
		b->late = 0;
		b->returned = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return !ioctl(dev, BLKDISCARD, range) || errno == EOPNOTSUPP ||
		failed("discard", first);
}

/* A thread alone writes its blocks: what it reads must be what it last wrote. */
static bool do_read(void *buf, uint32_t first, unsigned int nr)
{
	unsigned int i;

	if (pread(dev, buf, nr * BLOCK, (off_t)first * BLOCK) != nr * BLOCK)
		return failed("read", first);
	for (i = 0; i < nr * SECTORS; i++) {
		const struct block *b = &s->block[first + i / SECTORS];
		int64_t from = sector_from(buf + i * SECTOR, first + i / SECTORS,
					   i % SECTORS);

		if (from >= b->returned)
			continue;
		pthread_mutex_lock(&s->lock);
		outcome(from < 0 ? FOREIGN : STALE,
			"read of block %u: write %ld, last was %u",
			first + i / SECTORS, (long)from, b->returned);
		pthread_mutex_unlock(&s->lock);
	}
	return true;
}

/* The superblock of the cache disk: at every so many of the operations. */
static void write_super(unsigned long ops)
{
	if (p.supers && ops % p.supers == p.supers / 2)
		put_any(CSET, "cache0/cache_replacement_policy",
			ops / p.supers % 2 ? "lru" : "fifo");
}

static void *load_thread(void *arg)
{
	unsigned long nr = (unsigned long)arg;
	uint64_t seed = mix(setting("seed", 1) * MAX_THREADS + nr + 1000) | 1;
	uint32_t room = p.span / p.threads, base = nr * room;
	void *buf = aligned_alloc(BLOCK, p.most * BLOCK);
	bool go_on = true;

	if (!buf)
		fatal("out of memory");
	sleep_until(load_from);
	while (go_on && !s->cut && ops_left-- > 0) {
		uint64_t lots = next_random(&seed);
		unsigned int blocks = 1 + (lots >> 8) % p.most;
		uint32_t first = base + (lots >> 16) % room;
		unsigned int op = lots % 64;
		unsigned long nr_ops;

		if (first + blocks > base + room)
			blocks = base + room - first;
		nr_ops = s->ops++;
		if (nr_ops == p.ops / 2)
			sleep_us(p.pause_s * 1000000);
		write_super(nr_ops);
		if (op < p.sync)
			go_on = do_sync(op & 1);
		else if (op < p.sync + p.reads)
			go_on = do_read(buf, first, blocks);
		else if (op < p.sync + p.reads + p.discards)
			go_on = do_discard(first, blocks);
		else
			go_on = do_write(buf, first, blocks,
					 (lots >> 40) % 64 < p.dsync);
	}
	return NULL;
}

/* Not one of these may change what is kept. Fewer come after the load. */
static void *chores(void *arg)
{
	static const char * const mode[] = {
		"writethrough", "writeback", "writearound",
	};
	static const struct {
		const char *dir, *file, *value;
	} chore[] = {
		{ CSET, "internal/trigger_gc", "1" },
		{ CSET, "internal/prune_cache", "1000000" },
		{ CSET, "internal/prune_cache", "2" },
		{ BDEV, "writeback_running", "1" },
		{ BDEV, "writeback_running", "0" },
		{ BDEV, "sequential_cutoff", "16384" },
		{ BDEV, "sequential_cutoff", "0" },
		{ BDEV, "cache_mode", NULL },
	};
	uint64_t seed = mix(setting("seed", 1) + 77) | 1;

	sleep_until(load_from);
	while (!s->cut && (p.cut || ops_left > 0)) {
		uint64_t lots = next_random(&seed);
		unsigned int i = lots % (sizeof(chore) / sizeof(*chore));

		sleep_us((p.chore_us / 2 + (lots >> 32) % p.chore_us) *
			 (ops_left > 0 ? 1 : 50));
		/* Back to the mode of the load more often than not. */
		if (!s->cut)
			put_any(chore[i].dir, chore[i].file, chore[i].value ?:
				mode[(lots >> 16) % 4 ? p.mode : (lots >> 20) % 3]);
	}
	return arg;
}

/* A process of its own, since it may hang. It stays until the cut. */
static void load(void)
{
	pthread_t thread[MAX_THREADS], chore;
	unsigned long i;

	dev = open(bcache, O_RDWR | O_DIRECT);
	dev_dsync = open(bcache, O_RDWR | O_DIRECT | O_DSYNC);
	if (dev < 0 || dev_dsync < 0)
		fatal("cannot open %s", bcache);
	ops_left = p.ops;
	for (i = 0; i < p.threads; i++)
		pthread_create(&thread[i], NULL, load_thread, (void *)i);
	if (p.chore_us)
		pthread_create(&chore, NULL, chores, NULL);
	for (i = 0; i < p.threads; i++)
		pthread_join(thread[i], NULL);
	if (p.chore_us)
		pthread_join(chore, NULL);
	while (p.cut && !s->cut)
		sleep_until(load_from + cut_ns() + 1000);
}

/*
 * Keys to begin with, one by one so that they do not merge; and "ballast", blocks
 * behind the span that only make the tree larger.
 */
static void fill(void)
{
	unsigned long i, ballast = setting("ballast", 0);
	void *buf = aligned_alloc(BLOCK, 64 * BLOCK);

	dev = open(bcache, O_RDWR | O_DIRECT);
	if (dev < 0)
		fatal("cannot open %s", bcache);
	for (i = 0; i < p.fill && i < p.span; i++)
		do_write(buf, i * 7 % p.span, 1, false);
	for (i = 0; i < ballast; i += 64)
		if (pwrite(dev, buf, 64 * BLOCK, (off_t)(p.span + i) * BLOCK) < 0)
			fatal("cannot write ballast");
	if (p.fill)
		do_sync(true);
	close(dev);
	free(buf);
}

/* after the cut */

static const char *backing_volatile(void)
{
	return p.backing_volatile ? ", backing volatile" : "";
}

static void judge(uint32_t nr, unsigned int sector, int64_t from)
{
	struct block *b = &s->block[nr];

	if (from < b->durable && (from >= 0 || b->durable == b->issued))
		b->lost = true;
	if (from < 0)
		outcome(FOREIGN, "block %u sector %u at '%s'%s", nr, sector, stages[s->stage],
			!fault_wanted() ? "" :
			b->durable == b->issued ? ", acknowledged" : ", its write failed");
	else if (from < b->durable)
		outcome(LOST, "block %u sector %u: write %ld of %u, acknowledged %u at '%s'%s",
			nr, sector, (long)from, b->issued, b->durable,
			stages[s->stage], backing_volatile());
	else if (from < b->late && !s->torn)
		outcome(LATE, "block %u sector %u: write %ld of %u, acknowledged %u at '%s'",
			nr, sector, (long)from, b->issued, b->late,
			stages[s->stage]);
	else if (from < b->seen[sector] && b->seen[sector] > b->discarded)
		/* what was discarded may be anything, at any time */
		outcome(REVERTS, "block %u sector %u: write %ld, was %u, at '%s'%s",
			nr, sector, (long)from, b->seen[sector],
			stages[s->stage], backing_volatile());
	if (from > b->seen[sector])
		b->seen[sector] = from;
}

/* Blocks that cannot be read together are read one by one. */
static void check_blocks(int fd, char *buf, off_t from, uint32_t nr, uint32_t count)
{
	uint32_t i;

	if (pread(fd, buf, count * BLOCK, from + (off_t)nr * BLOCK) == count * BLOCK) {
		for (i = 0; i < count * SECTORS; i++)
			judge(nr + i / SECTORS, i % SECTORS,
			      sector_from((void *)(buf + i * SECTOR),
					  nr + i / SECTORS, i % SECTORS));
		return;
	}
	if (count == 1) {
		outcome(error(), "read of block %u at '%s': %s", nr,
			stages[s->stage], strerror(errno));
		s->block[nr].lost = s->block[nr].durable;
	}
	for (i = 0; count > 1 && i < count; i++)
		check_blocks(fd, buf, from, nr + i, 1);
}

static void check(const char *path, off_t from)
{
	char *buf = aligned_alloc(BLOCK, READ_BLOCKS * BLOCK);
	int fd = open(path, O_RDONLY | O_DIRECT);
	uint32_t nr;

	if (fd < 0 || !buf)
		fatal("cannot open %s", path);
	for (nr = 0; nr < p.span; nr += READ_BLOCKS)
		check_blocks(fd, buf, from, nr, READ_BLOCKS);
	close(fd);
	free(buf);
}

static void format_backing(const char *option)
{
	command("/sbin/make-bcache -B --writeback -w %lu %s %s", p.block, option,
		backing.dev);
}

/* Its device is one without a cache then: with "forget", to see what is judged. */
static void forget(void)
{
	char *zeros = aligned_alloc(BLOCK, BLOCK);
	int fd = open(backing.dev, O_WRONLY | O_DIRECT);

	memset(zeros, 0, BLOCK);
	if (pwrite(fd, zeros, BLOCK, BLOCK) != BLOCK)
		fatal("cannot write %s", backing.dev);
	close(fd);
	format_backing("");
}

/* A load of @us microseconds of @what, cut; the old cache set goes away. */
static void second_cut(void)
{
	uint64_t us = p.cache_us * (2 + next_random(&lot) % 60);
	pid_t pid;

	stage("second cut");
	s->cut = 0;
	pid = fork();
	if (!pid) {
		register_disk(&cache, TRIES);
		register_disk(&backing, TRIES);
		_exit(0);
	}
	cut(now_ns() + us * 1000 + 1);
	waitpid(pid, NULL, 0);
	stage("set goes again");
	set_goes();
	stage("register again");
}

/* After one fault: is what was refused there when it is asked for again? */
static bool second_try(void)
{
	size_t len = strlen(s->what);

	s->all_lost = !fault_wanted();
	if (s->all_lost)
		return false;
	stage("set goes once more");
	set_goes();
	stage("register a second time");
	if (up(true))
		return true;
	snprintf(s->what + len, sizeof(s->what) - len, ", and again");
	s->all_lost = true;
	return false;
}

/* Until the device is in that state. A fault may take it away. */
static bool wait_for(const char *state)
{
	while (!bdev_is(state)) {
		if (fault_wanted() && !there(BDEV)) {
			outcome(REFUSED, "the device goes at '%s'", stages[s->stage]);
			return false;
		}
		sleep_us(50000);
	}
	return true;
}

static bool detach(void)
{
	if (bdev_is("no cache"))
		return true;
	stage("writeback");
	put_any(BDEV, "writeback_running", "1");
	if (!wait_for("clean"))
		return false;
	stage("detach");
	put_any(BDEV, "detach", "1");
	return wait_for("no cache");
}

static void after(void)
{
	stage("set goes");
	set_goes();
	if (p.cut)
		disks_power();
	fault_resume();
	stage("register");
	if (p.again) {
		second_cut();
		disks_power();
	}
	if (setting("forget", 0))
		forget();
	s->cut = 0;
	if (!up(false) && !second_try())
		return;
	stage("check");
	check(bcache, 0);
	if (p.restart) {
		stage("stop");
		set_goes();
		stage("register once more");
		if (!up(false))
			return;
		stage("check again");
		check(bcache, 0);
	}
	if (!detach() && (!second_try() || !detach()))
		return;
	stage("check backing");
	check(backing.dev, DATA_AT);
}

/* The load comes to its end, or is cut. */
static void load_ends(pid_t pid)
{
	int status;

	if (p.cut) {
		if (setting("record", 0) == 1) {
			sleep_until(load_from + cut_ns());
			record_print(load_from);
		}
		cut(load_from + cut_ns());
		printf("# cut after %lu operations, %lu acknowledged\n", s->ops,
		       s->acknowledged);
		stage("load ends");
	}
	if (waitpid(pid, &status, 0) != pid || status)
		outcome(ERROR, "the load ended with %#x", status);
}

static void whole(void)
{
	pid_t pid;

	fill();
	/* sets of nodes that are written when they are full have 4 KiB */
	if (setting("late_ms", 0))
		disk_hold(&cache, 8, setting("late_ms", 0), "");
	load_from = (now_ns() / 1000000 + 10) * 1000000;
	printf("# cut comes at %llu ns\n", (unsigned long long)cut_ns());
	stage("load");
	fflush(stdout);
	if (p.keeps)
		disks_keep(mix(setting("seed", 1) + 5555) | 1);
	pid = fork();
	if (!pid) {
		load();
		_exit(0);
	}
	prctl(PR_SET_TIMERSLACK, 1);
	fault_arm(load_from);
	load_ends(pid);
	after();
	stage("end");
	if (setting("record", 0) == 2)
		record_print(load_from);
}

static void start(void)
{
	static const char * const mode[] = {
		"writethrough", "writeback", "writearound",
	};

	cache.mb = p.cache_mb;
	disk_make(&cache, p.cache_us, p.cache_volatile);
	backing.mb = setting("backing_mb", backing.mb);
	disk_make(&backing, p.backing_us, p.backing_volatile);
	fault_prepare();
	command("/sbin/make-bcache -C -b %luk -w %lu --cset-uuid %s %s",
		p.bucket_k, p.block, CSET_UUID, cache.dev);
	format_backing("--cset-uuid " CSET_UUID);
	record_start();
	if (!up(false) || bdev_is("no cache"))
		fatal("cannot register");
	set_any(BDEV, "cache_mode", mode[p.mode % 3]);
}

/* What the tasks that wait are waiting in. */
static void print_waiting(void)
{
	char path[300], comm[32], state, where[64];
	glob_t g;
	size_t i;
	FILE *f;

	glob("/proc/[0-9]*/task/[0-9]*", 0, NULL, &g);
	for (i = 0; i < g.gl_pathc; i++) {
		snprintf(path, sizeof(path), "%s/stat", g.gl_pathv[i]);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d (%31[^)]) %c", comm, &state) != 2)
			state = 0;
		if (f)
			fclose(f);
		snprintf(path, sizeof(path), "%s/stack", g.gl_pathv[i]);
		f = state == 'D' ? fopen(path, "r") : NULL;
		if (!f)
			continue;
		printf("# waits: %s", comm);
		while (fscanf(f, "%*s %63[^+]%*s", where) == 1)
			printf(" %s", where);
		printf("\n");
		fclose(f);
	}
}

/* A guest that hangs would not power off by itself. */
static void supervise(pid_t pid)
{
	int seen = -1, status = 0, quiet = 0;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		sleep_us(100000);
		quiet = s->stage == seen ? quiet + 1 : 0;
		seen = s->stage;
		if (quiet > PATIENCE_S * 10) {
			outcome(HUNG, "at '%s'", stages[seen]);
			print_waiting();
			return;
		}
	}
	if (status)
		outcome(ERROR, "the test ended with %#x at '%s'", status,
			stages[s->stage]);
}

static void print_lost(void)
{
	unsigned int i, lost = 0, durable = 0;

	for (i = 0; i < p.span; i++) {
		durable += !!s->block[i].durable;
		lost += s->block[i].durable &&
			(s->block[i].lost || s->all_lost || s->kind == HUNG);
	}
	printf("# blocks %u acknowledged %u lost\n", durable, lost);
}

int main(void)
{
	pthread_mutexattr_t attr;
	pid_t pid;
	int rc;

	plan(2);
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		fatal("out of memory");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->lock, &attr);
	draw_plan();
	start();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		whole();
		exit(0);
	}
	supervise(pid);
	if (fault_wanted() && !fault_met() && s->kind <= REPORTED)
		outcome(MISSED, "no request met the fault");
	if (setting("late_ms", 0) && !disk_held() && s->kind <= REPORTED)
		outcome(MISSED, "no write came late");
	print_lost();
	printf("# outcome %s %s\n", kinds[s->kind], s->what);
	result(s->ops > 0, "crash.events", "%lu operations, %lu acknowledged",
	       s->ops, s->acknowledged);
	result(s->kind == KEPT, "crash.kept", "%s %s", kinds[s->kind], s->what);
	rc = finish();
	if (s->kind == HUNG) {
		printf("# guest exit %d\n", rc);
		tcdrain(STDOUT_FILENO);
		reboot(RB_POWER_OFF);
	}
	return rc;
}
