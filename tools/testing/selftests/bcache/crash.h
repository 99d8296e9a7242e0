/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of crash share: crash.c, the load and what was kept of it;
 * crash_disk.c, the disks; crash_fault.c, single faults of theirs; crash_nomem.c,
 * allocations that fail.
 */
#ifndef CRASH_H
#define CRASH_H

#include "guest.h"

#define NULLB		"/sys/kernel/config/nullb/"
#define TRACING		"/sys/kernel/tracing/"
#define SECTOR		512
#define DATA_AT		8192	/* of the backing disk: what make-bcache -B leaves */

struct disk {
	const char	*name;
	unsigned long	mb, us;
	char		dev[32];
};

extern struct disk cache, backing;

void disk_make(struct disk *d, unsigned long us, unsigned long volatile_mb);
/* power on; its name may be another then */
void disk_on(struct disk *d);
void disk_put(struct disk *d, const char *file, unsigned long value);
/* sectors that can be neither read nor written, or can be again */
void disk_bad(struct disk *d, bool bad, unsigned long from, unsigned long to);
/* from now on none, or all, of its sectors can be read and written */
void disk_fails(struct disk *d, bool fails);
/* the same of its flushes, and what was in its volatile cache then is lost */
void disk_flush_fails(struct disk *d, bool fails);

/* from now on it has no FUA: the kernel sends a flush behind such a write */
void disk_without_fua(struct disk *d);
/* disk_make() for bcache_start(), with the latency that the settings name */
void disk_given(struct disk *d, unsigned long volatile_mb);
/* sysfs of whatever cache set and device there is */
#define CSET		"/sys/fs/bcache/*-*-*-*-*"
#define BDEV		"/sys/block/bcache*/bcache"

bool there(const char *pattern);
bool put_any(const char *dir, const char *file, const char *value);
/* is one there, or none, within S seconds? */
bool within(unsigned int s, bool wanted, const char *pattern);
/* the longest that something is waited for which a defect may hold up */
#define WAIT_S		setting("wait_s", 100)
/* result "stops": is the set, which has to be there, gone when it was told to stop? */
void set_stops(void);
/* for ever where it does not go: somebody else has to lose patience */
void set_goes(void);
/* close FD, and wait until the set is gone that has lost its disk */
void set_ends(int fd);
/*
 * Both disks lose power at one moment, and have it again. Where disks_note() was
 * called well before that moment, which is when it returns, the requests that are
 * under way are torn: returns how many sectors are not as their request left them.
 */
void disks_note(uint64_t ns, unsigned long lot);
unsigned long disks_cut(void);
/*
 * From now on some of what is in their volatile caches survives, as the lot says;
 * and how many sectors of it did up to now.
 */
void disks_keep(unsigned long lot);
unsigned long disks_kept(void);
void disks_power(void);
/* from here on all is read from the backing disk */
void bdev_detach(void);
/*
 * A block with FUA, where FD is durable: without a flush behind it, if there is
 * asynchronous I/O. Is it all that?
 */
bool block_write(int fd, unsigned long nr, char content);
bool block_is(int fd, unsigned long nr, char content);
/*
 * Blocks that know from which write they are, and which that is: 0, it was never
 * written; -1, none or several; -2, it cannot be read.
 */
bool versions_write(int fd, unsigned long first, unsigned long blocks, uint32_t version);
int version_read(int fd, unsigned long block);
/* the same of a block that was read */
int version_of(const uint64_t *w, unsigned long block);
/* kept() of guest.h, with what is lost as a metric, for a load that wrote its span */
void kept_metric(const struct load *l);
/* the same where the device that has all of these is not there */
void out_of_reach(unsigned int blocks);
/*
 * Power off and on, of a disk of bcache_start() and the device FD. The old set ends in
 * between, and tries to write for a while; nobody uses the disk then.
 */
void disk_cut(struct disk *d, int fd);
/* the same, and it is registered again; returns the device's new file */
int disk_power_cycle(struct disk *d, int fd);
/* how many of its requests have ended: fields of Documentation/block/stat.rst */
enum ended { WRITES = 4, FLUSHES = 15 };
unsigned long disk_ended(struct disk *d, enum ended field);
/*
 * From now on the disk takes up requests of so many sectors so much later: "r", reads
 * of data; "", writes of nodes. And how many did, of all disks.
 */
void disk_hold(struct disk *d, unsigned int sectors, unsigned long ms, const char *what);
unsigned long disk_held(void);

void sleep_until(uint64_t ns);

/*
 * "record": 1, print when requests to the cache disk complete; 2, all requests.
 * A fault needs what 2 needs, but for the print.
 */
void record_start(void);
void record_stage(const char *name);
void record_print(uint64_t load_from);

/* the fault that the settings ask for, if any: at its time, by a task of its own */
bool fault_wanted(void);
void fault_prepare(void);
void fault_arm(uint64_t load_from);
/* before the disks are registered again */
void fault_resume(void);
/* was there a request that met it? */
bool fault_met(void);

/* the same where the fault is an allocation that fails; from alloc_fails() on */
bool alloc_wanted(void);
void alloc_prepare(void);
void alloc_fails(void);
bool alloc_failed(void);

#endif /* CRASH_H */
