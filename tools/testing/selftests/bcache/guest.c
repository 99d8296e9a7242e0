// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
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

static unsigned int cases, failures;

void plan(unsigned int nr)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", nr);
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

static const char *null_blk(const char *name, unsigned int mb)
{
	static char dev[2][32];
	static int nr;
	char path[128];

	snprintf(path, sizeof(path), NULLB "%s", name);
	if (mkdir(path, 0755))
		fatal("cannot make null_blk device %s", name);

#define SET(file, value) do {						\
		snprintf(path, sizeof(path), NULLB "%s/" file, name);	\
		put(path, "%u", (unsigned int)(value));			\
	} while (0)
	SET("size", mb);
	SET("blocksize", 512);
	SET("memory_backed", 1);
	SET("irqmode", 2);
	SET("completion_nsec", setting("dev_us", 100) * 1000);
	SET("power", 1);
#undef SET
	snprintf(path, sizeof(path), NULLB "%s/index", name);
	snprintf(dev[nr], sizeof(dev[nr]), "/dev/nullb%lu", get(path));
	/* from 6.12 on a device made through configfs is named after its directory */
	if (access(dev[nr], F_OK))
		snprintf(dev[nr], sizeof(dev[nr]), "/dev/%s", name);
	return dev[nr++];
}

static void run(char *const argv[])
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		fatal("%s failed with status %#x", argv[0], status);
}

static char cset[256], bdev[256];

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

/* the cache's block device */
static const char *cache;

void cache_register(void)
{
	put("/sys/fs/bcache/register", "%s", cache);
}

int bcache_start(const struct geometry *geo)
{
	const char *backing = getenv("backing");
	int fd;

	cache = getenv("cache");
	if (!cache) {
		cache = null_blk("cache", geo->cache_mb);
		backing = null_blk("backing", geo->backing_mb);
	}

	/*
	 * Fixed ids: nothing in the image depends on chance. No discard: it
	 * would only make the setup slower.
	 */
	run((char *[]) { "/sbin/make-bcache", "-C", "-b", (char *)geo->bucket,
		"-w", (char *)geo->block, "--cset-uuid",
		"00000000-0000-4000-8000-0000000000cc", (char *)cache, NULL });
	run((char *[]) { "/sbin/make-bcache", "-B", "--writeback",
		"-w", "4k", "--cset-uuid",
		"00000000-0000-4000-8000-0000000000cc", (char *)backing, NULL });
	cache_register();
	put("/sys/fs/bcache/register", "%s", backing);
	find_one(cset, sizeof(cset), "/sys/fs/bcache/*-*-*-*-*");
	find_one(bdev, sizeof(bdev), "/sys/block/bcache0/bcache");

	/* Keep every write in the cache, and writeback out of the picture. */
	bdev_put("sequential_cutoff", "0");
	bdev_put("writeback_running", "0");
	cset_put("congested_read_threshold_us", "0");
	cset_put("congested_write_threshold_us", "0");

	find_one((char [64]) { "" }, 64, "/dev/bcache0");
	fd = open("/dev/bcache0", O_RDWR | O_DIRECT | O_DSYNC);
	if (fd < 0)
		fatal("cannot open /dev/bcache0");
	return fd;
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

void bdev_put(const char *file, const char *value)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", bdev, file);
	put(path, "%s", value);
}

void lab_reset(void)
{
	put(LAB "counters", "0");
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
	lab_each(NULL, true);
}

void lab_put(const char *knob, unsigned long value)
{
	char path[128];

	snprintf(path, sizeof(path), LAB "%s", knob);
	put(path, "%lu", value);
}

bool watch(pid_t pid, const _Atomic unsigned long *done)
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

void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fatal("out of memory");
	return p;
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
