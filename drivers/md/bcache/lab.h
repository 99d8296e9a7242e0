/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BCACHE_LAB_H
#define _BCACHE_LAB_H

/*
 * Hooks of the test lab in the journal's flusher and in the node cache.
 *
 * A node is "picked" from the moment the flusher has chosen it until the
 * flusher has written it or has found that it need not. What must not happen
 * to a picked node is that its memory gets a new life; these hooks count
 * whether it does. Compiled to nothing without CONFIG_BCACHE_LAB.
 */

struct bio;
struct btree;
struct cache_set;
struct dentry;

/*
 * With the lab, lockdep checks the order of write_locks. Two kinds of task
 * hold more than one: one that makes several nodes, in the order in which it
 * made them, before any other can find them; and one that reclaims memory from
 * inside a node write and meets a node that it may take.
 */
#define BCH_LAB_NEST_REAP	4	/* gc makes up to four nodes at once */

#ifdef CONFIG_BCACHE_LAB

/* dir: bcache's debugfs directory; removed with it */
void bch_lab_init(struct dentry *dir);

/* one round of the flusher starts; it holds no lock */
void bch_lab_round(struct cache_set *c);
/* the flusher looks at a node */
void bch_lab_visit(void);
/* the flusher has chosen @b */
void bch_lab_pick(struct btree *b);
/* between pick and flush, no lock held: sleeps if something was picked */
void bch_lab_gap(void);
/* the flusher is about to write @b; b->write_lock held */
void bch_lab_flush(struct btree *b);
/*
 * It is done with @b: other flushers that picked @b go on without the flag.
 * Where several flushers run that is after the write, else just before;
 * b->write_lock held
 */
void bch_lab_done(struct btree *b);
/* the flusher is back at @b; b->write_lock held. Is there still work? */
void bch_lab_raced(struct btree *b);

/* the flusher is back at @b, and there is none; b->write_lock held */
void bch_lab_passed(struct btree *b);

/* a task found the flag on @b, will wait and look again; b->write_lock held */
void bch_lab_wait(struct btree *b);
/* the same in mca_reap(), with bucket_lock held as well */
void bch_lab_wait_reap(struct btree *b);
/* mca_reap() does not take @b; bucket_lock held */
void bch_lab_refused(struct btree *b);
/* mca_reap() is past the flag: may sleep; b->write_lock and bucket_lock held */
void bch_lab_reap(struct btree *b);
/* btree_node_free() is past the flag; b->write_lock held */
void bch_lab_free(struct btree *b);
/* @b starts a new life under another key; bucket_lock held */
void bch_lab_reuse(struct btree *b);

/* a node is about to be read: sleeps as long as the knob says */
void bch_lab_read(void);
/* @b is about to be written; b->write_lock held: traced; may run the shrinker */
void bch_lab_reclaim(struct btree *b);
/* is there no memory for a node? bucket_lock held */
bool bch_lab_starved(struct cache_set *c);

/* a thread of bch_btree_check() or bch_sectors_dirty_init() begins */
void bch_lab_thread(void);
/* how many of them, where the kernel would have @nr */
int bch_lab_threads(int nr);

/*
 * For late-wake: the frame that those threads use begins, or with NULL ends. Is
 * it still there? The same a second later, in the thread that is to wake.
 */
void bch_lab_frame(const void *frame);
bool bch_lab_frame_lives(const void *frame);
bool bch_lab_late(const void *frame);

/* a journal user met a full journal; journal.lock held */
void bch_lab_full(struct cache_set *c);
/*
 * a request is past the look at what is disabled: may sleep, or be one that asks
 * for a flush before it, as the knobs say
 */
void bch_lab_request(struct bio *bio);
/* a task is past a look at what may change: sleeps once as the knob says */
void bch_lab_late_once(void);

#else

static inline void bch_lab_init(struct dentry *dir) {}
static inline void bch_lab_round(struct cache_set *c) {}
static inline void bch_lab_visit(void) {}
static inline void bch_lab_pick(struct btree *b) {}
static inline void bch_lab_gap(void) {}
static inline void bch_lab_flush(struct btree *b) {}
static inline void bch_lab_done(struct btree *b) {}
static inline void bch_lab_raced(struct btree *b) {}
static inline void bch_lab_passed(struct btree *b) {}
static inline void bch_lab_wait(struct btree *b) {}
static inline void bch_lab_wait_reap(struct btree *b) {}
static inline void bch_lab_refused(struct btree *b) {}
static inline void bch_lab_reap(struct btree *b) {}
static inline void bch_lab_free(struct btree *b) {}
static inline void bch_lab_reuse(struct btree *b) {}
static inline void bch_lab_read(void) {}
static inline void bch_lab_reclaim(struct btree *b) {}
static inline bool bch_lab_starved(struct cache_set *c) { return false; }
static inline void bch_lab_thread(void) {}
static inline int bch_lab_threads(int nr) { return nr; }
static inline void bch_lab_full(struct cache_set *c) {}
static inline void bch_lab_request(struct bio *bio) {}
static inline void bch_lab_late_once(void) {}

#endif

#endif /* _BCACHE_LAB_H */
