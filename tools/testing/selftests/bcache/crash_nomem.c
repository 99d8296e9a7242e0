// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail, by the fault injection of the kernel (ALLOC): of those
 * that have bcache on their stack and may fail, number "fault_at" since the start
 * of the load does, and no other.
 *
 *   fault	slab: an object of a slab cache; page: pages
 *   fault_in	count only those below this function of bcache
 */
#define _GNU_SOURCE
#include "crash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool alloc_wanted(void)
{
	return setting("fault_how", 0) == 3;
}

static bool pages(void)
{
	return !strcmp(getenv("fault") ?: "", "page");
}

static void fail_path(char *path, size_t size, const char *file)
{
	snprintf(path, size, "/sys/kernel/debug/%s/%s",
		 pages() ? "fail_page_alloc" : "failslab", file);
}

static void fail_put(const char *file, unsigned long value)
{
	char path[128];

	fail_path(path, sizeof(path), file);
	put(path, "%lu", value);
}

/* From where the text of FIRST begins to where that of LAST ends. */
static void fail_range(const char *what, const char *first, const char *last)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long at, start = 0, end = 0;
	char path[128], name[128] = "";
	bool ends;

	while (f && !end) {
		ends = start && !strcmp(name, last);
		if (fscanf(f, "%lx %*c %127s%*[^\n]", &at, name) != 2)
			break;
		if (!strcmp(name, first))
			start = at;
		if (ends)
			end = at;
	}
	if (!end)
		fatal("no %s to %s in /proc/kallsyms", first, last);
	fclose(f);
	snprintf(name, sizeof(name), "%s-start", what);
	fail_path(path, sizeof(path), name);
	put(path, "%#lx", start);
	snprintf(name, sizeof(name), "%s-end", what);
	fail_path(path, sizeof(path), name);
	put(path, "%#lx", end);
}

/* null_blk takes a page for what is written first, and is called by bcache. */
static void fill_disk(const struct disk *d)
{
	char *buf = aligned_alloc(BLOCK, 1 << 20);
	int fd = open(d->dev, O_WRONLY | O_DIRECT);
	unsigned long i;

	if (fd < 0 || !buf)
		fatal("cannot open %s", d->dev);
	memset(buf, 0, 1 << 20);
	for (i = 0; i < d->mb; i++)
		if (pwrite(fd, buf, 1 << 20, (off_t)i << 20) != 1 << 20)
			fatal("cannot write %s", d->dev);
	close(fd);
	free(buf);
}

/* For what comes from a mempool or a set of bios there is a reserve. */
void alloc_prepare(void)
{
	const char *in = getenv("fault_in");

	fill_disk(&cache);
	fill_disk(&backing);
	fail_range("require", in ?: "bch_inc_gen", in ?: "bch_lab_late");
	fail_range("reject", "mempool_alloc_noprof", "mempool_alloc_noprof");
	fail_put("stacktrace-depth", 32);
	fail_put("ignore-gfp-wait", 0);
	if (pages()) {
		fail_put("ignore-gfp-highmem", 0);
		fail_put("min-order", 0);
	}
	fail_put("verbose", 2);
	fail_put("interval", setting("fault_at", 0));
	fail_put("times", 1);
}

void alloc_fails(void)
{
	fail_put("probability", 100);
}

/* The kernel counts down for those that it let fail. */
bool alloc_failed(void)
{
	char path[128];
	bool failed;

	fail_path(path, sizeof(path), "times");
	failed = !get(path);
	if (failed)
		printf("# fault met allocation %lu\n", setting("fault_at", 0));
	return failed;
}
