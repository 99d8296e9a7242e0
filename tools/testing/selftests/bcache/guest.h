/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the lab's guest programs share: KTAP output, clocks, sysfs, a bcache
 * device made of two block devices, and the lab's counters.
 *
 * A test is one program. It prints one KTAP document on stdout, with its
 * figures as "# metric NAME VALUE UNIT" lines, and exits as kselftest wants:
 * 0 all passed, 1 a failure, 4 skipped. Settings come from the environment
 * (the kernel hands unknown name=value words of its command line to init).
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KSFT_PASS	0
#define KSFT_FAIL	1
#define KSFT_SKIP	4

#define BLOCK		4096		/* bytes of every write in these tests */
#define NSEC_PER_SEC	1000000000ull

/* KTAP */
void plan(unsigned int cases);
/* a case that this kernel cannot show */
void skip(const char *name, const char *why);
void result(bool ok, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void skip_all(const char *why) __attribute__((noreturn));
void fatal(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
int finish(void);
void metric(const char *name, unsigned long long value, const char *unit);
/* what begins now: where this is the last line, the guest broke in it */
void at(const char *name);

/* clocks: nanoseconds since boot; the lab's time may be virtual */
uint64_t now_ns(void);
void sleep_us(unsigned int us);

/* an unsigned setting from the environment, or its default */
unsigned long setting(const char *name, unsigned long def);

/* sysfs and debugfs: a value to or from one file; fatal on error */
void put(const char *path, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* as put(), but false where the file cannot be written */
bool try_put(const char *path, const char *value);
unsigned long get(const char *path);

/* run a command of words without quotes; fatal where it fails */
void command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Disks. With no "cache" setting a pair of memory-backed null_blk devices
 * is made, whose completions take "dev_us" microseconds, or "cache_us" and
 * "backing_us" where the two differ.
 */
struct geometry {
	unsigned int	cache_mb;
	unsigned int	backing_mb;
	const char	*bucket;	/* make-bcache -b */
	const char	*block;		/* make-bcache -w, cache */
	const char	*backing_block;	/* make-bcache -w, backing; NULL: 4k */
	bool		instant;	/* until bcache_restart_timed() */
};

/* a writeback bcache device, ready to be written; returns its file */
int bcache_start(const struct geometry *geo, bool durable);
/* another file of the device; durable: a write that returns is on disk */
int bcache_open(bool durable);
/* close FD and stop the cache set with its device; false: it did not stop */
bool bcache_stop(int fd);
/* stop, then register both disks again; returns the device's file */
int bcache_restart(int fd, bool durable);
/* the same, where disks of our own were instant: from now on they take time */
int bcache_restart_timed(int fd, bool durable);
/* sectors written to the cache device since it was made */
unsigned long disk_sectors_written(void);
/* the cache set once more, after it was stopped */
void cache_register(void);
/* its backing device likewise */
void backing_register(void);
/* write VALUE to a file of the cache set or of the backing device */
void cset_put(const char *file, const char *value);
unsigned long cset_get(const char *file);
/* a size that the kernel prints for people, such as 1.5M: bytes, rounded */
unsigned long cset_size(const char *file);
void bdev_put(const char *file, const char *value);

/*
 * Is this a kernel of the lab? Not where the scenario says "lab=0"; there is
 * only bcache's own count of calls of the flusher then. Both since lab_reset().
 */
bool lab(void);
unsigned long flusher_calls(void);

/*
 * Counters of the lab, by name; fatal where there should be a lab and is none.
 * Without one lab_put() does nothing, and lab_metrics() prints that one count.
 */
void lab_reset(void);
unsigned long lab_read(const char *name);
void lab_put(const char *knob, unsigned long value);
/* every counter as a metric */
void lab_metrics(void);

/* a page-aligned buffer of one block, filled with a pattern */
void *block_buffer(unsigned char fill);

/* repeatable pseudo-random numbers: Marsaglia's xorshift64 */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* latencies of the writes of a run, in nanoseconds */
struct latencies {
	uint64_t	*ns;
	size_t		nr, room;
};

void latency_add(struct latencies *l, uint64_t ns);
/* sorts, then prints rate, p50, p99, p99.9 and worst as metrics */
uint64_t latency_metrics(struct latencies *l, uint64_t run_ns);

/*
 * A load: threads that write blocks of a span, at random or in turn. The
 * same settings give the same sequence of offsets for each thread.
 */
struct load {
	int		fd;
	unsigned int	threads;	/* at most LOAD_THREADS */
	unsigned long	writes;		/* all threads together */
	unsigned long	first, span;	/* blocks */
	unsigned int	size;		/* bytes of a write; 0: BLOCK */
	unsigned int	stride;		/* bytes between blocks; 0: size */
	bool		in_turn;	/* not at random */
	unsigned int	seed;		/* another one: other offsets */
	/* called when a quarter is done, by load_watched() */
	void		(*at_quarter)(void);
	/* results */
	struct latencies lat;
	unsigned long	failed;
	uint64_t	run_ns;
	/* of load_watched() */
	unsigned long	ended, worst_us;
	/* private */
	struct watched	*watched;
};

#define LOAD_THREADS	64

void load_run(struct load *l);
/*
 * The same in a process of its own, which may hang; without latencies. false:
 * nothing was done for "patience_ms", and the process has been told to end,
 * which it cannot.
 */
bool load_watched(struct load *l);

/* a thread that does the same thing at intervals, until told to stop */
struct ticker {
	void		(*tick)(void);
	unsigned int	pause_us;
	/* private */
	unsigned long	thread;
	bool		stop;
};

void ticker_start(struct ticker *t);
void ticker_stop(struct ticker *t);

/* a tick: push bcache's shrinker */
void prune_cache(void);

#endif /* GUEST_H */
