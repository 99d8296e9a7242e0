/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the lab's guest programs share: KTAP output, clocks, sysfs, a bcache
 * device made of two block devices, and the lab's counters.
 *
 * A test is one program. It prints one KTAP document on stdout, with its
 * figures as "# metric NAME VALUE UNIT" lines, and exits as kselftest wants:
 * 0 all passed, 1 a failure, 4 skipped. Settings come from the environment
 * (the kernel hands unknown name=value words of its command line to init).
 * The name of a case has that of the program before it.
 *
 * Not kselftest.h: one guest serves all bases, and is built without any.
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
/* how many requests to disks have failed: that the kernel says so of */
unsigned long io_errors(void);

/* repeatable pseudo-random numbers: Marsaglia's xorshift64 */
uint64_t next_random(uint64_t *state);

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

/* of every cache set */
#define CSET_UUID	"00000000-0000-4000-8000-0000000000cc"

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
/* each disk once more, after the set was stopped; returns the device's file */
void cache_register(void);
int backing_register(bool durable);
/* write VALUE to a file of the cache set or of the backing device */
void cset_put(const char *file, const char *value);
unsigned long cset_get(const char *file);
/* a size that the kernel prints for people, such as 1.5M: bytes, rounded */
unsigned long cset_size(const char *file);
/* b-tree nodes in memory, by such a size: about as many; GEO has buckets of some KiB */
unsigned long cached_nodes(const struct geometry *geo);
/* from now on garbage collections are counted; how many began since then */
void gcs_count(void);
unsigned long gcs(void);
void bdev_put(const char *file, const char *value);
unsigned long bdev_size(const char *file);

/*
 * Is this a kernel of the lab? Not where the scenario says "lab=0"; there is
 * only bcache's own count of calls of the flusher then. Both since lab_reset().
 */
#define LAB	"/sys/kernel/debug/bcache/lab/"
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

/*
 * A load: threads that write blocks of a span, at random or in turn, in a
 * process of its own, which may hang. The same settings give the same sequence
 * of offsets for each thread. The device remembers what was written where.
 */
struct load {
	int		fd;
	unsigned int	threads;	/* at most LOAD_THREADS with the syncers */
	unsigned int	syncers;	/* more threads, fdatasync until the end */
	unsigned long	writes;		/* all threads together */
	unsigned long	first, span;	/* blocks */
	unsigned int	size;		/* bytes of a write; 0: BLOCK */
	unsigned int	stride;		/* bytes between blocks; 0: size */
	bool		in_turn;	/* not at random */
	/*
	 * Of zeros, from the end; null_blk takes no memory for zeros from then on. No
	 * results, not read back.
	 */
	bool		zeros;
	unsigned int	seed;		/* another one: other offsets */
	/* nothing was done for so long: it hangs; 0: "patience_ms" or a minute */
	unsigned int	patience_ms;
	void		(*at_quarter)(void);	/* called when a quarter is done */
	/* results, when it has ended; of every write and sync, as they ended */
	const struct io {
		uint64_t	start, end;
	}		*io;
	unsigned long	ended, failed, syncs;
	uint64_t	run_ns;
	uint64_t	*sorted;	/* latencies, by load_metrics() */
	/* private */
	struct shared	*shared;
	const uint64_t	*reads;		/* where to, instead of writes */
	uint64_t	from;
	pid_t		pid;
};

/* before the first load of a device that bcache_start() did not make */
void load_on(int fd);

#define LOAD_THREADS	256
#define LOAD_MAX	1000000ul	/* writes and syncs that are remembered */

void load_start(struct load *l);
unsigned long load_ended(const struct load *l);		/* so far */
/* no more writes; false: it hangs, and was told to end, which it cannot */
bool load_stop(struct load *l);
/* until all writes are done */
bool load_wait(struct load *l);
/* start and wait */
bool load_run(struct load *l);
/* the same, but fatal where it hangs or a write fails */
void load_all(struct load *l);
/*
 * load_all() with other offsets each time, until a write takes longer than
 * LIMIT_MS or it was done SEEDS times. Where a stall depends on which thread
 * comes first, one load may miss it. Results are those of the last one.
 */
void load_seeds(struct load *l, unsigned int seeds, unsigned long limit_ms);
/* prints rate, p50, p99, p99.9 and worst; returns the worst in nanoseconds */
uint64_t load_metrics(struct load *l);

/*
 * Of the blocks that were written, KEPT_READS are read back, or all: how many
 * hold what is older than the last write that nothing overtook, or foreign. With
 * the setting "lose" the write of that number is left out, and has to be missed.
 */
#define KEPT_READS	1000

unsigned long kept_wrong(int fd);
/* the same as a case "kept"; a skip after a load that hangs */
void kept(int fd, bool alive);

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
