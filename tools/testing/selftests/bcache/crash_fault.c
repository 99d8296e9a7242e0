// SPDX-License-Identifier: GPL-2.0
/*
 * Single faults. A load that is run once with "record=2" prints every request
 * to the disks: what it is for, and from when on it would be the first to meet
 * its sector. Run again with that sector bad from then on, and for one request
 * only, the same load meets it there, since time is virtual.
 *
 *   fault_ns	from when on, since the start of the load; 0: no fault
 *   fault_end_ns	until when
 *   fault_disk	0 the cache disk, 1 the backing disk
 *   fault_at	the sector
 *   fault_how	0 requests that meet it fail, 1 but what lies before the sector is
 *		done, 2 the disk goes away and is back after "gone_us", 3 an
 *		allocation fails, see crash_nomem.c, 4 the "fault_len" sectors
 *		fail from then on, 5 requests that come in the next second take
 *		"slow_us"
 */
#define _GNU_SOURCE
#include "crash.h"

#define SLOW_US	1000000

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* what a request is for */

enum what {
	DATA, SUPER, JOURNAL, PRIO, UUID, LEAF, ROOT_LEAF, INTERIOR, WHATS,
};

static const char * const whats[] = {
	"data", "super", "journal", "prio", "uuid", "leaf", "root-leaf",
	"interior",
};

struct request {
	unsigned long	us;		/* when it was submitted */
	unsigned long	sector, len;
	struct disk	*disk;
	enum what	what;
	char		op;
	char		stage[24];
};

#define MAX_REQUESTS	30000
#define MAX_BUCKETS	65536

static struct request *request;
static unsigned int requests;
/* The first request after a cut, and when a fault could come before it. */
static unsigned int resumed;
static unsigned long resumed_us;

/* The superblock: Documentation has no word on it, include/linux/bcache.h does. */
static struct {
	uint16_t	bucket_size, first_bucket, journal_buckets;
} sb;

static void read_super(void)
{
	char *buf = aligned_alloc(BLOCK, BLOCK);
	int fd = open(cache.dev, O_RDONLY | O_DIRECT);

	if (fd < 0 || !buf || pread(fd, buf, BLOCK, BLOCK) != BLOCK)
		fatal("cannot read the superblock of %s", cache.dev);
	memcpy(&sb.bucket_size, buf + 194, 2);
	memcpy(&sb.first_bucket, buf + 204, 2);
	memcpy(&sb.journal_buckets, buf + 206, 2);
	close(fd);
	free(buf);
}

/* Whose a bucket is by its last write, and whether that one is under way. */
static struct owner {
	uint8_t	what;
	bool	comes;
} owner[MAX_BUCKETS];

static enum what what_of(struct request *r, const char *rwbs, const char *comm)
{
	struct owner *o;

	if (r->disk == &backing)
		return r->sector < DATA_AT / SECTOR ? SUPER : DATA;
	if (r->sector < (unsigned long)sb.bucket_size * sb.first_bucket)
		return SUPER;
	if (r->sector / sb.bucket_size - sb.first_bucket < sb.journal_buckets)
		return JOURNAL;
	o = &owner[r->sector / sb.bucket_size % MAX_BUCKETS];
	if (r->op == 'W' && !strchr(rwbs, 'M'))
		o->what = DATA;
	else if (r->op == 'W' && !o->comes)
		o->what = strncmp(comm, "bcache_alloc", 12) ? UUID : PRIO;
	o->comes = false;
	return o->what;
}

/* A node is about to be written. A new root was none when it was first. */
static void node_comes(const char *line)
{
	unsigned long bucket;
	unsigned int level, i;

	if (sscanf(line, "node %*s bucket %lu key %*u level %u", &bucket, &level) != 2)
		fatal("no node: %s", line);
	owner[bucket % MAX_BUCKETS] = (struct owner) {
		.what = level ? INTERIOR : strstr(line, " root ") ? ROOT_LEAF : LEAF,
		.comes = true,
	};
	for (i = 0; strstr(line, " root ") && !level && i < requests; i++)
		if (request[i].what == LEAF && request[i].sector / sb.bucket_size == bucket)
			request[i].what = ROOT_LEAF;
}

/* Does an event begin with the number of that disk? */
static bool is_of(const char *line, const struct disk *d)
{
	struct stat st;
	char dev[32];

	if (stat(d->dev, &st))
		fatal("no %s", d->dev);
	snprintf(dev, sizeof(dev), "%u,%u ", (unsigned int)(st.st_rdev >> 8) & 0xfff,
		 (unsigned int)st.st_rdev & 0xff);
	return !strncmp(line, dev, strlen(dev));
}

static void add_request(unsigned long us, const char *line, const char *stage)
{
	struct request *r = &request[requests];
	char rwbs[16], comm[32];

	if (sscanf(line, "%*s %15s %lu + %lu [%31[^]]", rwbs, &r->sector, &r->len,
		   comm) != 4)
		return;
	r->op = strchr(rwbs, 'W') ? 'W' : rwbs[0];
	if (!r->len || (r->op != 'W' && r->op != 'R'))
		return;
	r->disk = is_of(line, &cache) ? &cache : &backing;
	if (r->disk == &backing && !is_of(line, &backing))
		return;
	r->us = us;
	r->what = what_of(r, rwbs, comm);
	snprintf(r->stage, sizeof(r->stage), "%s", stage);
	if (++requests == MAX_REQUESTS)
		fatal("more than %u requests", requests);
}

/* The first microsecond from which on it is the first to meet @sector. */
static unsigned long free_from(const struct request *r, unsigned long sector)
{
	const struct request *before = r;

	while (before-- > request + (r < request + resumed ? 0 : resumed))
		if (before->disk == r->disk && before->sector <= sector &&
		    before->sector + before->len > sector)
			return before->us + 1;
	return r < request + resumed ? 1 : resumed_us + 1;
}

/*
 * A line for each request that came after the start of the load: when, stage,
 * disk, what, operation, sector, length; and from when on a fault hits it, in
 * its first sector and in the one in its middle, or "-".
 */
static void print_requests(uint64_t load_from)
{
	unsigned long start = load_from / 1000;
	struct request *r;
	int i;

	for (r = request; r < request + requests; r++) {
		if (r->us < start)
			continue;
		printf("# request %lu %s %s %s %c %lu %lu", r->us - start, r->stage,
		       r->disk->name, whats[r->what], r->op, r->sector, r->len);
		for (i = 0; i < 2; i++) {
			unsigned long from = free_from(r, r->sector + r->len / 2 * i);

			if (from <= start)
				from = start + 1;
			if (from < r->us)
				printf(" %lu", from - start);
			else
				printf(" -");
		}
		printf("\n");
	}
}

/* recording */

/* A load with a fault is traced like the one that was recorded for it. */
static bool traced(void)
{
	return setting("record", 0) == 2 || fault_wanted();
}

void record_start(void)
{
	if (!setting("record", 0) && !fault_wanted())
		return;
	put(TRACING "trace_clock", "mono");
	if (!traced()) {
		put(TRACING "events/block/block_rq_complete/enable", "1");
		return;
	}
	/* The timer of a fault must not be a reason for others to come early. */
	prctl(PR_SET_TIMERSLACK, 1);
	put(TRACING "buffer_size_kb", "16384");
	put(TRACING "events/block/block_bio_queue/enable", "1");
	put(TRACING "events/block/block_rq_error/enable", "1");
	put(TRACING "events/bcache_lab/bcache_lab_write/enable", "1");
}

void record_stage(const char *name)
{
	char mark[32];

	snprintf(mark, sizeof(mark), "%s", name);
	for (char *at = mark; *at; at++)
		if (*at == ' ')
			*at = '-';
	if (traced())
		put(TRACING "trace_marker", "%s", mark);
}

static void print_done(unsigned long us, const char *line, uint64_t load_from)
{
	static unsigned long last;

	if (!is_of(line, &cache) || us * 1000 < load_from || us == last)
		return;
	last = us;
	printf("# done %llu\n", (unsigned long long)us * 1000 - load_from);
}

/* EVENT of a line of the trace: when, and what follows; NULL: another event. */
static const char *event(const char *line, const char *name, unsigned long *us)
{
	const char *end = strstr(line, name), *at = end;
	unsigned long sec, usec;

	while (at && at > line && at[-1] != ' ')
		at--;
	if (!at || sscanf(at, "%lu.%lu", &sec, &usec) != 2)
		return NULL;
	*us = sec * 1000000 + usec;
	return end + strlen(name);
}

void record_print(uint64_t load_from)
{
	char line[512], stage[24] = "start";
	unsigned long us;
	const char *at;
	FILE *f;

	put(TRACING "tracing_on", "0");
	f = fopen(TRACING "trace", "r");
	request = malloc(MAX_REQUESTS * sizeof(*request));
	if (!f || !request)
		fatal("no trace");
	if (setting("record", 0) == 2)
		read_super();
	while (fgets(line, sizeof(line), f)) {
		at = event(line, ": block_rq_complete: ", &us);
		if (at && setting("record", 0) == 1)
			print_done(us, at, load_from);
		at = event(line, ": block_bio_queue: ", &us);
		if (at)
			add_request(us, at, stage);
		at = event(line, ": bcache_lab_write: ", &us);
		if (at)
			node_comes(at);
		at = event(line, ": tracing_mark_write: ", &us);
		if (at)
			sscanf(at, "%23s", stage);
		if (at && !strcmp(stage, "resume") && setting("cut", 1)) {
			resumed = requests;
			resumed_us = us;
		}
	}
	fclose(f);
	print_requests(load_from);
}

/* the fault */

static struct disk *fault_disk(void)
{
	return setting("fault_disk", 0) ? &backing : &cache;
}

bool fault_wanted(void)
{
	return setting("fault_ns", 0);
}

static void make_fault(uint64_t load_from)
{
	unsigned long at = setting("fault_at", 0);
	struct disk *d = fault_disk();

	if (alloc_wanted()) {
		alloc_fails();
		return;
	}
	if (setting("fault_how", 0) == 2) {
		disk_put(d, "power", 0);
		sleep_us(setting("gone_us", 1000000));
		disk_put(d, "power", 1);
		return;
	}
	if (setting("fault_how", 0) == 5) {
		disk_put(d, "completion_nsec", setting("slow_us", 0) * 1000);
		sleep_us(SLOW_US);
		disk_put(d, "completion_nsec", d->us * 1000);
		return;
	}
	disk_bad(d, true, at, at + setting("fault_len", 1) - 1);
	if (setting("fault_how", 0))
		return;
	sleep_until(load_from + setting("fault_end_ns", 0));
	disk_bad(d, false, at, at);
}

/* The start of the load, for all processes. */
static uint64_t *fault_from;

void fault_prepare(void)
{
	if (!fault_wanted())
		return;
	fault_from = mmap(NULL, sizeof(*fault_from), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fault_from == MAP_FAILED)
		fatal("out of memory");
	if (alloc_wanted())
		alloc_prepare();
}

void fault_arm(uint64_t load_from)
{
	fflush(stdout);
	if (!fault_wanted())
		return;
	*fault_from = load_from;
	if (fork())
		return;
	sleep_until(load_from + setting("fault_ns", 0));
	make_fault(load_from);
	_exit(0);
}

/* The old set has gone before it lets go of its disks. At most for a second. */
static void wait_free(const struct disk *d)
{
	int fd, tries = 1000;

	while ((fd = open(d->dev, O_RDONLY | O_EXCL)) < 0 && tries--)
		sleep_us(1000);
	close(fd);
}

/*
 * The disks are about to be read anew, not from memory. That takes a moment, in
 * which a fault may come that the first request meets. A disk in use would cost
 * a try to register, and the next may come 100 ms later than it was recorded.
 */
void fault_resume(void)
{
	if (!traced())
		return;
	wait_free(&cache);
	wait_free(&backing);
	put("/proc/sys/vm/drop_caches", "1");
	record_stage("resume");
	sleep_us(1000);
}

/* Does this line tell of a request that met the fault, between @from and @to? */
static bool meets(const char *line, unsigned long from, unsigned long to)
{
	bool torn = setting("fault_how", 0) == 1, slow = setting("fault_how", 0) == 5;
	unsigned long us, sector, len, at = setting("fault_at", 0);
	/* Of a request that the cut ends there is no error. */
	const char *what = event(line, torn || slow ? ": block_bio_queue: " : ": block_rq_error: ",
				 &us);

	if (what && !is_of(what, fault_disk()))
		what = NULL;
	if (slow)
		return what && us >= from && us <= to;
	if (what && !torn)
		what = strchr(what, ')');
	else if (what)
		what = strstr(what, " W");
	return what && sscanf(what, "%*s %lu + %lu", &sector, &len) == 2 &&
		sector <= at && at < sector + len && us >= from && us <= to;
}

bool fault_met(void)
{
	unsigned long from = (*fault_from + setting("fault_ns", 0)) / 1000;
	unsigned long to = (*fault_from + setting("fault_end_ns", 0)) / 1000 + 100000;
	bool met = false;
	char line[512];
	FILE *f;

	if (setting("fault_how", 0) == 1)
		to = (*fault_from + setting("cut_ns", 0)) / 1000;
	else if (setting("fault_how", 0) == 2)
		return true;	/* the disk that is back is another one */
	else if (setting("fault_how", 0) == 5)
		to = from + SLOW_US;
	else if (alloc_wanted())
		return alloc_failed();
	else if (setting("fault_how", 0) == 4)
		to = -1;
	f = fopen(TRACING "trace", "r");
	if (!f)
		fatal("no trace");
	while (!met && fgets(line, sizeof(line), f))
		met = *fault_from && line[0] != '#' && meets(line, from, to);
	fclose(f);
	if (met)
		printf("# fault met%s", strrchr(line, ':') + 1);
	return met;
}
