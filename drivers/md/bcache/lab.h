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

struct btree;
struct cache_set;
struct dentry;

/*
 * With the lab, lockdep checks the order of write_locks. Two kinds of task
 * hold more than one: who makes several nodes that nobody else knows yet, in
 * the order in which it made them; and who reclaims memory from inside a node
 * write and meets a node that it may take.
 */
#define BCH_LAB_NEST_REAP	4	/* gc makes up to four nodes at once */

#ifdef CONFIG_BCACHE_LAB

/* dir: bcache's debugfs directory; removed with it */
void bch_lab_init(struct dentry *dir);

/* one round of the flusher starts; it holds no lock */
void bch_lab_round(struct cache_set *c);
/* the flusher looks at @b; true: leave it alone, a test holds it unwritten */
bool bch_lab_visit(struct btree *b);
/* the flusher has chosen @b */
void bch_lab_pick(struct btree *b);
/* between pick and flush, no lock held: sleeps as long as the knob says */
void bch_lab_gap(void);
/* the flusher is about to write @b; b->write_lock held */
void bch_lab_flush(struct btree *b);
/*
 * It is done with @b: whoever else picked @b goes on without the flag. Where
 * several flushers run that is after the write, else just before;
 * b->write_lock held
 */
void bch_lab_done(struct btree *b);
/* the flusher is back at @b; b->write_lock held. Is there still work? */
void bch_lab_raced(struct btree *b);

/* somebody found the flag on @b and waits, or goes round once more */
void bch_lab_wait(struct btree *b);
/* the same with bucket_lock held */
void bch_lab_wait_reap(struct btree *b);
/* mca_reap() or btree_node_free() is past the flag; b->write_lock held */
void bch_lab_reap(struct btree *b);
void bch_lab_free(struct btree *b);
/* @b starts a new life under another key */
void bch_lab_reuse(struct btree *b);

/* a node is about to be read: sleeps as long as the knob says */
void bch_lab_read(void);
/* @b is about to be written; b->write_lock held: may run the shrinker */
void bch_lab_reclaim(struct btree *b);
/* true while a test wants nodes to be taken rather than allocated */
bool bch_lab_starved(struct cache_set *c);

/* @b took a pin on a journal entry; b->write_lock held */
void bch_lab_pinned(struct btree *b);
/* true while a test holds @b unwritten */
bool bch_lab_held(struct btree *b);
/* a journal user met a full journal */
void bch_lab_full(struct cache_set *c);

#else

static inline void bch_lab_init(struct dentry *dir) {}
static inline void bch_lab_round(struct cache_set *c) {}
static inline bool bch_lab_visit(struct btree *b) { return false; }
static inline void bch_lab_pick(struct btree *b) {}
static inline void bch_lab_gap(void) {}
static inline void bch_lab_flush(struct btree *b) {}
static inline void bch_lab_done(struct btree *b) {}
static inline void bch_lab_raced(struct btree *b) {}
static inline void bch_lab_wait(struct btree *b) {}
static inline void bch_lab_wait_reap(struct btree *b) {}
static inline void bch_lab_reap(struct btree *b) {}
static inline void bch_lab_free(struct btree *b) {}
static inline void bch_lab_reuse(struct btree *b) {}
static inline void bch_lab_read(void) {}
static inline void bch_lab_reclaim(struct btree *b) {}
static inline bool bch_lab_starved(struct cache_set *c) { return false; }
static inline void bch_lab_pinned(struct btree *b) {}
static inline bool bch_lab_held(struct btree *b) { return false; }
static inline void bch_lab_full(struct cache_set *c) {}

#endif

#endif /* _BCACHE_LAB_H */
