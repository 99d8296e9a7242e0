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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LAB	"/sys/kernel/debug/bcache/lab/"
#define NULLB	"/sys/kernel/config/nullb/"
#define CSET_UUID "00000000-0000-4000-8000-0000000000cc"

static unsigned int cases, failures;

#define MODULE	"/sys/module/bcache/"

/* Which bcache.ko is this? The stock one has no version. */
static void check_module(const char *wanted)
{
	const char *loaded = access(MODULE, F_OK) ? "none" : "stock";
	FILE *f = fopen(MODULE "version", "r");
	char name[64], version[128];

	if (f) {
		loaded = fscanf(f, "%127s", version) == 1 ? version : "unreadable";
		fclose(f);
	}
	snprintf(name, sizeof(name), "%s.module", program_invocation_short_name);
	result(!strcmp(loaded, wanted), name, "bcache.ko loaded: %s, wanted: %s",
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
	printf("# %s: %s\nok %u %s # SKIP %s\n", name, why, ++cases, name, why);
}

void result(bool ok, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# %s: ", name);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n%sok %u %s\n", ok ? "" : "not ", ++cases, name);
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

int bcache_start(const struct geometry *geo, bool durable)
{
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
	return bcache_ready(durable);
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

bool bcache_stop(int fd)
{
	close(fd);
	cset_put("stop", "1");
	return gone(bdev) && gone(cset);
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
	register_again(cache);
}

void backing_register(void)
{
	register_again(backing);
}

static int bcache_again(bool durable)
{
	register_again(cache);
	register_again(backing);
	return bcache_ready(durable);
}

int bcache_restart(int fd, bool durable)
{
	if (!bcache_stop(fd))
		fatal("the cache set did not stop");
	return bcache_again(durable);
}

/* A stopped cache set is gone from sysfs before its last nodes are written. */
static void released(const char *disk)
{
	int fd;

	while ((fd = open(disk, O_RDWR | O_EXCL)) < 0)
		sleep_us(10000);
	close(fd);
}

int bcache_restart_timed(int fd, bool durable)
{
	if (!bcache_stop(fd))
		fatal("the cache set did not stop");
	released(cache);
	released(backing);
	/* null_blk keeps what is written over this */
	null_blk_set("cache", "power", 0);
	null_blk_set("backing", "power", 0);
	null_blk_start("cache", "cache_us", false);
	null_blk_start("backing", "backing_us", false);
	return bcache_again(durable);
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

unsigned long cset_size(const char *file)
{
	static const char suffix[] = "kMGT";
	char path[512], unit = 0;
	const char *at;
	double value;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", cset, file);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lf%c", &value, &unit) < 1)
		fatal("cannot read %s", path);
	fclose(f);
	at = unit ? strchr(suffix, unit) : NULL;
	return at ? value * (1ul << 10 * (at - suffix + 1)) : value;
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

void *block_buffer(unsigned char fill)
{
	void *buf = aligned_alloc(BLOCK, BLOCK);

	if (!buf)
		fatal("out of memory");
	memset(buf, fill, BLOCK);
	return buf;
}

void latency_add(struct latencies *l, uint64_t ns)
{
	if (l->nr == l->room) {
		l->room = l->room ? l->room * 2 : 4096;
		l->ns = reallocarray(l->ns, l->room, sizeof(*l->ns));
		if (!l->ns)
			fatal("out of memory");
	}
	l->ns[l->nr++] = ns;
}

struct load_thread {
	struct load	*load;
	unsigned int	nr;
	pthread_t	thread;
};

static unsigned long load_taken;	/* writes begun, all threads */
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;

/* What is known of a load in another process, which may hang. */
struct watched {
	_Atomic unsigned long	ended, failed, worst_us;
};

static void load_watched_write(struct load *l, bool ok, unsigned long us)
{
	struct watched *w = l->watched;

	w->failed += !ok;
	if (us > w->worst_us)
		w->worst_us = us;
	if (++w->ended == l->writes / 4 && l->at_quarter)
		l->at_quarter();
}

static void *load_thread(void *arg)
{
	struct load_thread *t = arg;
	struct load *l = t->load;
	uint64_t seed = 0x9e3779b97f4a7c15ull * (t->nr + 1 + l->seed * LOAD_THREADS);
	void *buf = block_buffer(t->nr);
	unsigned long nr;

	while ((nr = __atomic_fetch_add(&load_taken, 1, __ATOMIC_RELAXED)) < l->writes) {
		off_t at = l->first + (l->in_turn ? nr : next_random(&seed)) % l->span;
		uint64_t start = now_ns();
		bool ok = pwrite(l->fd, buf, l->size, at * l->stride) == l->size;

		start = now_ns() - start;
		if (l->watched) {
			load_watched_write(l, ok, start / 1000);
			continue;
		}
		pthread_mutex_lock(&load_lock);
		latency_add(&l->lat, start);
		l->failed += !ok;
		pthread_mutex_unlock(&load_lock);
	}
	free(buf);
	return NULL;
}

void load_run(struct load *l)
{
	struct load_thread t[LOAD_THREADS];
	uint64_t start = now_ns();
	unsigned int i;

	if (l->threads > LOAD_THREADS)
		l->threads = LOAD_THREADS;
	l->size = l->size ?: BLOCK;
	l->stride = l->stride ?: l->size;
	load_taken = 0;
	for (i = 0; i < l->threads; i++) {
		t[i] = (struct load_thread) { .load = l, .nr = i };
		if (pthread_create(&t[i].thread, NULL, load_thread, &t[i]))
			fatal("cannot start a thread");
	}
	for (i = 0; i < l->threads; i++)
		pthread_join(t[i].thread, NULL);
	l->run_ns = now_ns() - start;
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fatal("out of memory");
	return p;
}

/* false: nothing was done for "patience_ms", and it cannot even be ended. */
static bool watch(pid_t pid, const _Atomic unsigned long *done)
{
	const unsigned int step_ms = 10;
	unsigned long patience_ms = setting("patience_ms", 3000);
	unsigned long seen = 0, quiet_ms = 0;

	while (waitpid(pid, NULL, WNOHANG) != pid) {
		unsigned long now = *done;

		sleep_us(step_ms * 1000);
		quiet_ms = now == seen ? quiet_ms + step_ms : 0;
		seen = now;
		if (quiet_ms >= patience_ms) {
			kill(pid, SIGKILL);
			return false;
		}
	}
	return true;
}

bool load_watched(struct load *l)
{
	struct watched *w = shared(sizeof(*w));
	bool alive;
	pid_t pid;

	l->watched = w;
	pid = fork();
	if (pid < 0)
		fatal("cannot fork");
	if (!pid) {
		load_run(l);
		_exit(0);
	}
	alive = watch(pid, &w->ended);
	l->ended = w->ended;
	l->failed = w->failed;
	l->worst_us = w->worst_us;
	return alive;
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

static int compare_ns(const void *a, const void *b)
{
	uint64_t l = *(const uint64_t *)a, r = *(const uint64_t *)b;

	return (l > r) - (l < r);
}

uint64_t latency_metrics(struct latencies *l, uint64_t run_ns)
{
	qsort(l->ns, l->nr, sizeof(*l->ns), compare_ns);
	metric("writes", l->nr, "count");
	metric("run", run_ns / 1000, "us");
	metric("rate", l->nr * NSEC_PER_SEC / (run_ns ?: 1), "writes/s");
	metric("p50", l->ns[l->nr / 2] / 1000, "us");
	metric("p99", l->ns[l->nr * 99 / 100] / 1000, "us");
	metric("p999", l->ns[l->nr * 999 / 1000] / 1000, "us");
	metric("worst", l->ns[l->nr - 1] / 1000, "us");
	return l->ns[l->nr - 1];
}
