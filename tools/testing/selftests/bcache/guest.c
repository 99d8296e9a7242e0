// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NULLB	"/sys/kernel/config/nullb/"

/* a case, with the name of the program before its own */
#define FULL	"%s.%s"
#define TEST	program_invocation_short_name

static unsigned int cases, failures;

#define MODULE	"/sys/module/bcache/"

/* Which bcache.ko is this? The stock one has no version. */
static void check_module(const char *wanted)
{
	const char *loaded = access(MODULE, F_OK) ? "none" : "stock";
	FILE *f = fopen(MODULE "version", "r");
	char version[128];

	if (f) {
		loaded = fscanf(f, "%127s", version) == 1 ? version : "unreadable";
		fclose(f);
	}
	result(!strcmp(loaded, wanted), "module", "bcache.ko loaded: %s, wanted: %s",
	       loaded, wanted);
}

/* Where bcache is a module, "module" says which, and it is one more case. */
void plan(unsigned int nr)
{
	const char *module = getenv("module");

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", nr + !!module);
	if (module)
		check_module(module);
}

void skip(const char *name, const char *why)
{
	printf("# " FULL ": %s\nok %u " FULL " # SKIP %s\n", TEST, name, why,
	       ++cases, TEST, name, why);
}

void result(bool ok, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# " FULL ": ", TEST, name);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n%sok %u " FULL "\n", ok ? "" : "not ", ++cases, TEST, name);
	failures += !ok;
}

void skip_all(const char *why)
{
	printf("KTAP version 1\n1..0 # SKIP %s\n", why);
	exit(KSFT_SKIP);
}

void fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("Bail out! ");
	vprintf(fmt, ap);
	va_end(ap);
	printf(" (%s)\n", strerror(errno));
	exit(KSFT_FAIL);
}

int finish(void)
{
	printf("# %u of %u cases passed\n", cases - failures, cases);
	return failures ? KSFT_FAIL : KSFT_PASS;
}

void metric(const char *name, unsigned long long value, const char *unit)
{
	printf("# metric %s %llu %s\n", name, value, unit);
}

void at(const char *name)
{
	printf("# at %s\n", name);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

void sleep_us(unsigned int us)
{
	struct timespec ts = {
		.tv_sec		= us / 1000000,
		.tv_nsec	= us % 1000000 * 1000,
	};

	nanosleep(&ts, NULL);
}

unsigned long setting(const char *name, unsigned long def)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 0) : def;
}

bool try_put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	ssize_t done;

	if (fd < 0)
		return false;
	done = write(fd, value, strlen(value));
	close(fd);
	return done == (ssize_t)strlen(value);
}

void put(const char *path, const char *fmt, ...)
{
	char value[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (!try_put(path, value))
		fatal("cannot write '%s' to %s", value, path);
}

unsigned long get(const char *path)
{
	char value[64] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, value, sizeof(value) - 1) < 0)
		fatal("cannot read %s", path);
	close(fd);
	return strtoul(value, NULL, 0);
}

unsigned long io_errors(void)
{
	static char log[1 << 20];
	int len = klogctl(3 /* read all */, log, sizeof(log) - 1);
	unsigned long nr = 0;
	char *line = log;

	log[len < 0 ? 0 : len] = 0;
	while ((line = strstr(line, "I/O error, dev "))) {
		nr++;
		line++;
	}
	return nr;
}

static void null_blk_set(const char *name, const char *file, unsigned long value)
{
	char path[128];

	snprintf(path, sizeof(path), NULLB "%s/%s", name, file);
	put(path, "%lu", value);
}

/* Power it: completions take as long as @us says, or no time at all. */
static void null_blk_start(const char *name, const char *us, bool instant)
{
	null_blk_set(name, "irqmode", instant ? 0 : 2);
	null_blk_set(name, "completion_nsec",
		     setting(us, setting("dev_us", 100)) * 1000);
	null_blk_set(name, "power", 1);
}

static const char *null_blk(const char *name, unsigned int mb, const char *us,
			    bool instant)
{
	static char dev[2][32];
	static int nr;
	char path[128];

	snprintf(path, sizeof(path), NULLB "%s", name);
	if (mkdir(path, 0755))
		fatal("cannot make null_blk device %s", name);

	null_blk_set(name, "size", mb);
	null_blk_set(name, "blocksize", 512);
	null_blk_set(name, "memory_backed", 1);
	null_blk_start(name, us, instant);
	snprintf(path, sizeof(path), NULLB "%s/index", name);
	snprintf(dev[nr], sizeof(dev[nr]), "/dev/nullb%lu", get(path));
	/* from 6.12 on a device made through configfs is named after its directory */
	if (access(dev[nr], F_OK))
		snprintf(dev[nr], sizeof(dev[nr]), "/dev/%s", name);
	return dev[nr++];
}

/* Runs a command of words without quotes; there is no shell in the guest. */
void command(const char *fmt, ...)
{
	char line[512], *word, *argv[32];
	int status, argc = 0;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (word = strtok(line, " "); word && argc < 31; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;

	pid = fork();
	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		fatal("%s failed with status %#x", argv[0], status);
}

static char cset[256], bdev[256];	/* sysfs directories */
static char cache_disk[256];		/* its statistics */

static void find_one(char *path, size_t size, const char *pattern)
{
	uint64_t until = now_ns() + 10 * NSEC_PER_SEC;
	glob_t g;

	while (glob(pattern, 0, NULL, &g)) {
		if (now_ns() > until)
			fatal("%s did not appear", pattern);
		sleep_us(1000);
	}
	snprintf(path, size, "%s", g.gl_pathv[0]);
	globfree(&g);
}

int bcache_open(bool durable)
{
	int fd = open("/dev/bcache0", O_RDWR | O_DIRECT | (durable ? O_DSYNC : 0));

	if (fd < 0)
		fatal("cannot open /dev/bcache0");
	return fd;
}

static const char *cache, *backing;	/* devices */

/* What was registered shows up; from then on it is the same every time. */
static int bcache_ready(bool durable)
{
	find_one(cset, sizeof(cset), "/sys/fs/bcache/*-*-*-*-*");
	find_one(bdev, sizeof(bdev), "/sys/block/bcache0/bcache");

	/* Keep every write in the cache, and writeback out of the picture. */
	bdev_put("sequential_cutoff", "0");
	bdev_put("writeback_running", "0");
	cset_put("congested_read_threshold_us", "0");
	cset_put("congested_write_threshold_us", "0");

	find_one((char [64]) { "" }, 64, "/dev/bcache0");
	snprintf(cache_disk, sizeof(cache_disk), "/sys/block/%s/stat",
		 strrchr(cache, '/') + 1);
	return bcache_open(durable);
}

static void kept_start(int fd);

int bcache_start(const struct geometry *geo, bool durable)
{
	int fd;

	at("start");
	cache = getenv("cache");
	backing = getenv("backing");
	if (!cache) {
		cache = null_blk("cache", geo->cache_mb, "cache_us",
				 geo->instant);
		backing = null_blk("backing", geo->backing_mb, "backing_us",
				   geo->instant);
	}

	/*
	 * Fixed ids: nothing in the image depends on chance. No discard: it
	 * would only make the setup slower.
	 */
	command("/sbin/make-bcache -C -b %s -w %s --cset-uuid %s %s",
		geo->bucket, geo->block, CSET_UUID, cache);
	command("/sbin/make-bcache -B --writeback -w %s --cset-uuid %s %s",
		geo->backing_block ?: "4k", CSET_UUID, backing);
	put("/sys/fs/bcache/register", "%s", cache);
	put("/sys/fs/bcache/register", "%s", backing);
	fd = bcache_ready(durable);
	kept_start(fd);
	return fd;
}

static bool gone(const char *path)
{
	uint64_t until = now_ns() + 100 * NSEC_PER_SEC;

	while (!access(path, F_OK)) {
		if (now_ns() > until)
			return false;
		sleep_us(1000);
	}
	return true;
}

static bool stop_set(int fd)
{
	close(fd);
	cset_put("stop", "1");
	return gone(bdev) && gone(cset);
}

bool bcache_stop(int fd)
{
	at("stop");
	return stop_set(fd);
}

/* A disk is let go a little after its directories are gone. */
static void register_again(const char *disk)
{
	unsigned int tries = 1000;

	while (!try_put("/sys/fs/bcache/register", disk)) {
		if (!tries--)
			fatal("cannot register %s again", disk);
		sleep_us(1000);
	}
}

void cache_register(void)
{
	at("cache");
	register_again(cache);
}

int backing_register(bool durable)
{
	at("backing");
	register_again(backing);
	return bcache_ready(durable);
}

int bcache_restart(int fd, bool durable)
{
	at("restart");
	if (!stop_set(fd))
		fatal("the cache set did not stop");
	cache_register();
	return backing_register(durable);
}

/* A stopped cache set is gone from sysfs before its last nodes are written. */
static void released(const char *disk)
{
	uint64_t until = now_ns() + 100 * NSEC_PER_SEC;
	int fd;

	while ((fd = open(disk, O_RDWR | O_EXCL)) < 0) {
		if (now_ns() > until)
			fatal("%s is still in use", disk);
		sleep_us(10000);
	}
	close(fd);
}

int bcache_restart_timed(int fd, bool durable)
{
	at("restart");
	if (!stop_set(fd))
		fatal("the cache set did not stop");
	released(cache);
	released(backing);
	/* null_blk keeps what is written over this */
	null_blk_set("cache", "power", 0);
	null_blk_set("backing", "power", 0);
	null_blk_start("cache", "cache_us", false);
	null_blk_start("backing", "backing_us", false);
	cache_register();
	return backing_register(durable);
}

unsigned long disk_sectors_written(void)
{
	FILE *f = fopen(cache_disk, "r");
	unsigned long sectors;

	/* Documentation/block/stat.rst: the seventh field */
	if (!f || fscanf(f, "%*s %*s %*s %*s %*s %*s %lu", &sectors) != 1)
		fatal("cannot read %s", cache_disk);
	fclose(f);
	return sectors;
}

void cset_put(const char *file, const char *value)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", cset, file);
	put(path, "%s", value);
}

unsigned long cset_get(const char *file)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", cset, file);
	return get(path);
}

/* A size that the kernel prints for people, such as 1.5M. */
static unsigned long size_of(const char *dir, const char *file)
{
	static const char suffix[] = "kMGT";
	char path[512], unit = 0;
	const char *at;
	double value;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lf%c", &value, &unit) < 1)
		fatal("cannot read %s", path);
	fclose(f);
	at = unit ? strchr(suffix, unit) : NULL;
	return at ? value * (1ul << 10 * (at - suffix + 1)) : value;
}

unsigned long cset_size(const char *file)
{
	return size_of(cset, file);
}

unsigned long cached_nodes(const struct geometry *geo)
{
	return cset_size("btree_cache_size") / (strtoul(geo->bucket, NULL, 0) * 1024);
}

#define TRACING	"/sys/kernel/tracing/"

void gcs_count(void)
{
	put(TRACING "events/bcache/bcache_gc_start/enable", "1");
}

unsigned long gcs(void)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[512];
	unsigned long nr = 0;

	while (f && fgets(line, sizeof(line), f))
		nr += !!strstr(line, "bcache_gc_start:");
	if (f)
		fclose(f);
	return nr;
}

unsigned long bdev_size(const char *file)
{
	return size_of(bdev, file);
}

void bdev_put(const char *file, const char *value)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", bdev, file);
	put(path, "%s", value);
}

bool lab(void)
{
	return setting("lab", 1);
}

static unsigned long calls_before;	/* without the lab; nothing resets that count */

unsigned long flusher_calls(void)
{
	if (lab())
		return lab_read("rounds");
	return cset_get("internal/flush_write") - calls_before;
}

void lab_reset(void)
{
	if (lab())
		put(LAB "counters", "0");
	else
		calls_before = cset_get("internal/flush_write");
}

static unsigned long lab_each(const char *name, bool print)
{
	FILE *f = fopen(LAB "counters", "r");
	unsigned long value, found = 0;
	char word[32];

	if (!f)
		fatal("no lab in this kernel");
	while (fscanf(f, "%31s %lu", word, &value) == 2) {
		if (print)
			metric(word, value, "count");
		else if (!strcmp(word, name))
			found = value;
	}
	fclose(f);
	return found;
}

unsigned long lab_read(const char *name)
{
	return lab_each(name, false);
}

void lab_metrics(void)
{
	if (!lab())
		metric("rounds", flusher_calls(), "count");
	else
		lab_each(NULL, true);
}

void lab_put(const char *knob, unsigned long value)
{
	char path[128];

	if (!lab())
		return;
	snprintf(path, sizeof(path), LAB "%s", knob);
	put(path, "%lu", value);
}

/*
 * What was written where, by the sector of its first byte. While writes of one
 * block overtake each other either may be the last: what counts is no older
 * than the first of them, since before it nothing was under way.
 */
struct kept {
	uint32_t	least, busy;
};

/* At the head of every sector of a write: where it belongs, and its number. */
struct stamp {
	uint64_t	at, nr;
};

#define SECTOR	512

static struct kept *written;
static uint64_t sectors;
static unsigned int written_size;
static uint64_t lose;		/* the number of a write; none is 0 */

/* what all loads share */
static struct {
	pthread_mutex_t	lock;
	uint64_t	nr;		/* numbers of writes given so far */
} *loads;

/* what the threads of a load share with the test */
struct shared {
	_Atomic unsigned long	taken, ended, failed, syncs;
	_Atomic bool		stop;
	size_t			room;		/* for so many I/Os */
	struct io		io[];
};

static void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		fatal("out of memory");
	return p;
}

static void *block_buffer(void)
{
	void *buf = aligned_alloc(BLOCK, BLOCK);

	if (!buf)
		fatal("out of memory");
	return memset(buf, 0x5a, BLOCK);
}

static void kept_start(int fd)
{
	pthread_mutexattr_t attr;

	sectors = lseek(fd, 0, SEEK_END) / SECTOR;
	written = shared_memory(sectors * sizeof(*written));
	loads = shared_memory(sizeof(*loads));
	lose = setting("lose", 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&loads->lock, &attr);
}

uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static bool write_stamped(const struct load *l, char *buf, uint64_t at)
{
	struct kept *k = &written[at / SECTOR];
	struct stamp stamp = { .at = at };
	unsigned int i;
	bool ok;

	pthread_mutex_lock(&loads->lock);
	stamp.nr = ++loads->nr;
	if (!k->busy++)
		k->least = stamp.nr;
	pthread_mutex_unlock(&loads->lock);

	for (i = 0; i < l->size; i += SECTOR)
		memcpy(buf + i, &stamp, sizeof(stamp));
	/* "lose" is a write that says it was done and was not */
	ok = stamp.nr == lose || pwrite(l->fd, buf, l->size, at) == l->size;

	pthread_mutex_lock(&loads->lock);
	k->busy--;
	pthread_mutex_unlock(&loads->lock);
	return ok;
}

static bool read_stamped(const struct load *l, char *buf, uint64_t at)
{
	struct stamp stamp;
	unsigned int i;

	if (pread(l->fd, buf, l->size, at) != l->size)
		return false;
	for (i = 0; i < l->size; i += SECTOR) {
		memcpy(&stamp, buf + i, sizeof(stamp));
		if (stamp.at != at || stamp.nr > loads->nr ||
		    stamp.nr < written[at / SECTOR].least)
			return false;
	}
	return true;
}

/* From the end to the beginning, without a call more than it takes. */
static void write_zeros(struct load *l, char *buf)
{
	struct shared *s = l->shared;
	unsigned long nr;
	uint64_t at;

	memset(buf, 0, l->size);
	while ((nr = s->taken++) < l->writes) {
		at = (l->first + l->span - 1 - nr) * l->stride;
		s->failed += pwrite(l->fd, buf, l->size, at) != l->size;
		s->ended++;
	}
}

static void load_note(struct load *l, uint64_t start, bool ok)
{
	struct shared *s = l->shared;
	unsigned long nr;

	pthread_mutex_lock(&loads->lock);
	nr = s->ended;
	s->io[nr % s->room] = (struct io) { start, now_ns() };
	s->failed += !ok;
	s->ended = ++nr;
	pthread_mutex_unlock(&loads->lock);
	if (nr == l->writes / 4 && l->at_quarter)
		l->at_quarter();
}

struct load_thread {
	struct load	*load;
	unsigned int	nr;
	pthread_t	thread;
};

static void *load_writer(void *arg)
{
	struct load_thread *t = arg;
	struct load *l = t->load;
	struct shared *s = l->shared;
	uint64_t seed = 0x9e3779b97f4a7c15ull * (t->nr + 1 + l->seed * LOAD_THREADS);
	void *buf = block_buffer();
	unsigned long nr;

	if (l->zeros)
		write_zeros(l, buf);
	while (!s->stop && (nr = s->taken++) < l->writes) {
		uint64_t start = now_ns(), at;

		if (l->reads) {
			load_note(l, start, read_stamped(l, buf, l->reads[nr]));
			continue;
		}
		at = l->first + (l->in_turn ? nr : next_random(&seed)) % l->span;
		load_note(l, start, write_stamped(l, buf, at * l->stride));
	}
	free(buf);
	return NULL;
}

static void *load_syncer(void *arg)
{
	struct load *l = ((struct load_thread *)arg)->load;

	while (!l->shared->stop && l->shared->ended < l->shared->room) {
		uint64_t start = now_ns();

		load_note(l, start, !fdatasync(l->fd));
		l->shared->syncs++;
	}
	return NULL;
}

static void load_child(struct load *l)
{
	static struct load_thread t[LOAD_THREADS];
	unsigned int i, all = l->threads + l->syncers;

	for (i = 0; i < all; i++) {
		t[i] = (struct load_thread) { .load = l, .nr = i };
		if (pthread_create(&t[i].thread, NULL, i < l->threads ?
				   load_writer : load_syncer, &t[i]))
			fatal("cannot start a thread");
	}
	for (i = 0; i < all; i++) {
		if (i == l->threads)
			l->shared->stop = true;
		pthread_join(t[i].thread, NULL);
	}
	_exit(0);
}

static void load_fork(struct load *l, size_t room)
{
	l->shared = shared_memory(sizeof(*l->shared) + room * sizeof(struct io));
	l->shared->room = room;
	if (l->threads + l->syncers > LOAD_THREADS)
		fatal("too many threads");
	l->patience_ms = l->patience_ms ?: setting("patience_ms", 60000);
	l->from = now_ns();
	l->pid = fork();
	if (l->pid < 0)
		fatal("cannot fork");
	if (!l->pid)
		load_child(l);
}

void load_start(struct load *l)
{
	l->size = l->size ?: BLOCK;
	l->stride = l->stride ?: l->size;
	written_size = l->size;
	if (l->zeros)
		put("/sys/module/null_blk/parameters/zeros", "1");
	at("load");
	load_fork(l, l->syncers ? LOAD_MAX : l->writes);
}

unsigned long load_ended(const struct load *l)
{
	return l->shared->ended;
}

/* A process in the kernel that cannot be ended is left behind. */
static bool load_watch(struct load *l)
{
	/* in virtual time this is one of the load's clocks: figures depend on it */
	const unsigned int step_us = 10000;
	unsigned long seen = 0, quiet_us = 0, now;
	int status;

	while (waitpid(l->pid, &status, WNOHANG) != l->pid) {
		sleep_us(step_us);
		now = l->shared->ended;
		quiet_us = now == seen ? quiet_us + step_us : 0;
		seen = now;
		if (quiet_us / 1000 >= l->patience_ms) {
			kill(l->pid, SIGKILL);
			return false;
		}
	}
	if (status)
		fatal("the load died with status %#x", status);
	return true;
}

bool load_wait(struct load *l)
{
	bool alive = load_watch(l);

	l->io = l->shared->io;
	l->ended = l->shared->ended;
	l->run_ns = l->ended ? l->io[l->ended - 1].end - l->from : 0;
	l->failed = l->shared->failed;
	l->syncs = l->shared->syncs;
	return alive;
}

bool load_stop(struct load *l)
{
	l->shared->stop = true;
	return load_wait(l);
}

bool load_run(struct load *l)
{
	load_start(l);
	return load_wait(l);
}

void load_all(struct load *l)
{
	if (!load_run(l))
		fatal("the load hangs after %lu of %lu writes", l->ended, l->writes);
	if (l->failed)
		fatal("%lu of %lu writes failed", l->failed, l->ended);
}

static uint64_t load_worst(const struct load *l)
{
	uint64_t worst = 0;
	size_t i;

	for (i = 0; i < l->ended; i++)
		if (l->io[i].end - l->io[i].start > worst)
			worst = l->io[i].end - l->io[i].start;
	return worst;
}

void load_seeds(struct load *l, unsigned int seeds, unsigned long limit_ms)
{
	const struct load first = *l;
	unsigned int seed = 0;

	do {
		*l = first;
		l->seed = seed++;
		load_all(l);
	} while (seed < seeds && load_worst(l) <= limit_ms * 1000000);
	metric("seeds", seed, "count");
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;

	return (l > r) - (l < r);
}

uint64_t load_metrics(struct load *l)
{
	size_t i, nr = l->ended;

	l->sorted = calloc(nr + 1, sizeof(*l->sorted));
	if (!l->sorted)
		fatal("out of memory");
	for (i = 0; i < nr; i++)
		l->sorted[i] = l->io[i].end - l->io[i].start;
	qsort(l->sorted, nr, sizeof(*l->sorted), compare_ns);
	metric("writes", nr, "count");
	metric("run", l->run_ns / 1000, "us");
	metric("rate", nr * NSEC_PER_SEC / (l->run_ns ?: 1), "writes/s");
	metric("p50", l->sorted[nr / 2] / 1000, "us");
	metric("p99", l->sorted[nr * 99 / 100] / 1000, "us");
	metric("p999", l->sorted[nr * 999 / 1000] / 1000, "us");
	metric("worst", l->sorted[nr ? nr - 1 : 0] / 1000, "us");
	return l->sorted[nr ? nr - 1 : 0];
}

static void kept_read(struct load *l)
{
	uint64_t *reads = calloc(KEPT_READS, sizeof(*reads));
	unsigned long all = 0, seen = 0;
	uint64_t i;

	for (i = 0; i < sectors; i++)
		all += !!written[i].least;
	for (i = 0; i < sectors; i++)
		if (written[i].least && seen++ * KEPT_READS / all >= l->writes)
			reads[l->writes++] = i * SECTOR;
	at("kept");
	l->reads = reads;
	load_fork(l, KEPT_READS);
	if (!load_wait(l))
		fatal("reading back hangs after %lu of %lu reads", l->ended, l->writes);
	free(reads);
}

unsigned long kept_wrong(int fd)
{
	struct load l = { .fd = fd, .threads = 4, .size = written_size };

	kept_read(&l);
	return l.failed;
}

void kept(int fd, bool alive)
{
	struct load l = { .fd = fd, .threads = 4, .size = written_size };

	if (!alive) {
		skip("kept", "the load hangs with locks that a read takes");
		return;
	}
	kept_read(&l);
	result(l.ended && !l.failed, "kept", "%lu blocks read back, %lu not as written",
	       l.ended, l.failed);
}

static void *ticker_thread(void *arg)
{
	struct ticker *t = arg;

	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		t->tick();
		sleep_us(t->pause_us);
	}
	return NULL;
}

void ticker_start(struct ticker *t)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, ticker_thread, t))
		fatal("cannot start a thread");
	t->thread = thread;
}

void ticker_stop(struct ticker *t)
{
	__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
	pthread_join(t->thread, NULL);
}

void prune_cache(void)
{
	cset_put("internal/prune_cache", "1000000");
}

void load_on(int fd)
{
	kept_start(fd);
}
