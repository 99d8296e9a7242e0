// SPDX-License-Identifier: GPL-2.0
/*
 * Counters and knobs of the test lab: what happens to a b-tree node between
 * the moment the journal's flusher picks it and the moment it writes it.
 *
 * debugfs, under bcache/lab:
 *   counters  "name value" lines; any write sets them to zero
 *   gap_us    microseconds the flusher sleeps between pick and flush
 *   read_us   microseconds by which reading a node takes longer, for a device
 *             whose reads are slower than its writes
 *   reclaim   whose node write runs the shrinker, as a memory allocation that
 *             finds no free page would: 1 that of a flusher which has picked
 *             more nodes, 2 that of another task, of a node that a flusher
 *             wants before others; and only with a picked node to meet
 *   starve    every so many allocations of a node find no memory, and a cached
 *             one is taken. Nodes that were freed still come first, as in
 *             mca_alloc(): they have their memory.
 *   late_us   microseconds that one task sleeps, and is 0 then: the next request to
 *             a cached device, after it was found that its cache set has not failed;
 *             the next writeback thread that is about to sleep; a node's delayed
 *             write, once it has found that dirty; mca_reap() that takes a node; or, in
 *             the stack gen-asks, gc that has begun
 *   preflush  of so many durable writes to cached devices, from now on, each asks
 *             for a flush before it, as only the kernel's own can
 *   threads   how many threads check the tree at registration, and as many
 *             count its dirty sectors; 0: as many as the kernel wants
 */

#include "bcache.h"
#include "btree.h"
#include "lab.h"

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>

#define CREATE_TRACE_POINTS
#include <trace/events/bcache_lab.h>

enum lab_counter {
	LAB_ROUNDS,		/* rounds of the flusher */
	LAB_VISITED,		/* nodes it looked at */
	LAB_PICKED,
	LAB_FLUSHED,
	LAB_OLD_ROOT,		/* flushed: a root that has given way */
	LAB_RACED,		/* picked, then found without work */
	LAB_REAPED,		/* picked node taken by mca_reap() */
	LAB_FREED,		/* picked node freed */
	LAB_REUSED,		/* picked node given a new life */
	LAB_WRONG_NODE,		/* new life written in place of the picked one */
	LAB_UNGUARDED_TAKEN,	/* the same after another flusher was done */
	LAB_UNGUARDED_REUSED,
	LAB_UNGUARDED_WRONG,
	LAB_WAITS,		/* waits for the flag, one per waiter and pick */
	LAB_WAIT_LAPS,		/* laps of those waits */
	LAB_SKIPS,		/* picked nodes that could be had but for the flag */
	LAB_SLOW_READS,		/* nodes read with a delay */
	LAB_REAP_WAITS,		/* waits with bucket_lock held */
	LAB_REAP_LAPS,
	LAB_REAP_WAIT_US,	/* how long they take */
	LAB_RECLAIMS,		/* shrinker run from inside a node write */
	LAB_LOCKED_SELF,	/* the flusher waits for its own flag */
	LAB_LOCKED_ABBA,	/* so does a task with a lock that it wants first */
	LAB_STARVED,		/* nodes taken for want of memory */
	LAB_REUSES,		/* new lives, picked or not */
	LAB_JOURNAL_FULL,
	LAB_THREADS,		/* that checked the tree or counted dirty sectors */
	LAB_OVERFLOW,		/* picks that found no room: the rest is void */
	LAB_NR,
};

static const char * const lab_names[LAB_NR] = {
	[LAB_ROUNDS]		= "rounds",
	[LAB_VISITED]		= "visited",
	[LAB_PICKED]		= "picked",
	[LAB_FLUSHED]		= "flushed",
	[LAB_OLD_ROOT]		= "old_root",
	[LAB_RACED]		= "raced",
	[LAB_REAPED]		= "reaped",
	[LAB_FREED]		= "freed",
	[LAB_REUSED]		= "reused",
	[LAB_WRONG_NODE]	= "wrong_node",
	[LAB_UNGUARDED_TAKEN]	= "unguarded_taken",
	[LAB_UNGUARDED_REUSED]	= "unguarded_reused",
	[LAB_UNGUARDED_WRONG]	= "unguarded_wrong",
	[LAB_WAITS]		= "waits",
	[LAB_WAIT_LAPS]		= "wait_laps",
	[LAB_SKIPS]		= "skips",
	[LAB_SLOW_READS]	= "slow_reads",
	[LAB_REAP_WAITS]	= "reap_waits",
	[LAB_REAP_LAPS]		= "reap_laps",
	[LAB_REAP_WAIT_US]	= "reap_wait_us",
	[LAB_RECLAIMS]		= "reclaims",
	[LAB_LOCKED_SELF]	= "locked_self",
	[LAB_LOCKED_ABBA]	= "locked_abba",
	[LAB_STARVED]		= "starved",
	[LAB_REUSES]		= "reuses",
	[LAB_JOURNAL_FULL]	= "journal_full",
	[LAB_THREADS]		= "threads",
	[LAB_OVERFLOW]		= "overflow",
};

/*
 * A pick that is under way. Before 5.3 several flushers run at once and may
 * pick the same node, so a record belongs to a node and a task. @unguarded:
 * another flusher of the same node was done first and took the flag along.
 */
struct lab_pick {
	struct btree		*b;
	struct task_struct	*flusher;
	struct task_struct	*waiter;
	unsigned long		turn;	/* a flusher writes in this order */
	bool			new_life;
	bool			unguarded;
};

#define LAB_PICKS	256	/* at most 8 a flusher; a flusher per worker */

static DEFINE_SPINLOCK(lab_lock);	/* innermost; protects what follows */
static struct lab_pick lab_picks[LAB_PICKS];
static unsigned long lab_turn;
static u32 lab_gap_us;
static u32 lab_read_us;
static u32 lab_late_us;
static u32 lab_preflush;
static u32 lab_reclaim;
static u32 lab_starve;
static u32 lab_threads;

/* values of the knob "reclaim" */
#define LAB_RECLAIM_FLUSHER	1
#define LAB_RECLAIM_WRITER	2

/* the task in the shrinker from inside a node write, and the node */
static struct task_struct *lab_reclaimer;
static struct btree *lab_reclaimer_node;
static atomic_long_t lab_count[LAB_NR];

static void lab_inc(enum lab_counter nr)
{
	atomic_long_inc(&lab_count[nr]);
}

void bch_lab_round(struct cache_set *c)
{
	lab_inc(LAB_ROUNDS);
	trace_bcache_lab_round(c->journal.blocks_free,
			       fifo_used(&c->journal.pin));
}

void bch_lab_visit(void)
{
	lab_inc(LAB_VISITED);
}

void bch_lab_pick(struct btree *b)
{
	struct lab_pick *p;

	trace_bcache_lab_pick(b);
	lab_inc(LAB_PICKED);

	spin_lock(&lab_lock);
	for (p = lab_picks; p < lab_picks + LAB_PICKS; p++)
		if (!p->b) {
			*p = (struct lab_pick) {
				.b = b, .flusher = current, .turn = ++lab_turn,
			};
			spin_unlock(&lab_lock);
			return;
		}
	spin_unlock(&lab_lock);
	lab_inc(LAB_OVERFLOW);
}

/* The first or the last of the nodes that this flusher has still to write. */
static struct btree *lab_my_pick(bool last)
{
	struct lab_pick *p, *found = NULL;
	struct btree *b;

	spin_lock(&lab_lock);
	for (p = lab_picks; p < lab_picks + LAB_PICKS; p++) {
		if (!p->b || p->flusher != current)
			continue;
		if (!found || (last ? p->turn > found->turn :
				      p->turn < found->turn))
			found = p;
	}
	b = found ? found->b : NULL;
	spin_unlock(&lab_lock);
	return b;
}

/*
 * What gives the shrinker a picked node to meet: the 30 s work of the last
 * one comes in the gap, and later that of the first one if its write is to
 * run the shrinker. A flusher that has picked nothing goes on at once.
 */
void bch_lab_gap(void)
{
	u32 us = READ_ONCE(lab_gap_us);
	u32 whose = READ_ONCE(lab_reclaim);
	struct btree *first = lab_my_pick(false), *last = lab_my_pick(true);

	if (!last)
		return;
	if (whose)
		mod_delayed_work(bcache_wq, &last->work, 0);
	if (whose == LAB_RECLAIM_WRITER && first != last) {
		fsleep(us / 2);
		mod_delayed_work(bcache_wq, &first->work, 0);
		us -= us / 2;
	}
	if (us)
		fsleep(us);
}

/*
 * Ends this task's pick of @b. Other flushers that have picked it go on without
 * a guard: the flag that this task has just cleared was theirs as well.
 */
static void lab_pick_end(struct btree *b)
{
	struct lab_pick *p;

	lockdep_assert_held(&b->write_lock);

	spin_lock(&lab_lock);
	for (p = lab_picks; p < lab_picks + LAB_PICKS; p++) {
		if (p->b != b)
			continue;
		if (p->flusher == current)
			p->b = NULL;
		else
			p->unguarded = true;
	}
	spin_unlock(&lab_lock);
}

/* What became of this task's pick of @b so far. */
static struct lab_pick lab_pick_now(struct btree *b)
{
	struct lab_pick *p, now = {};

	spin_lock(&lab_lock);
	for (p = lab_picks; p < lab_picks + LAB_PICKS; p++)
		if (p->b == b && p->flusher == current)
			now = *p;
	spin_unlock(&lab_lock);
	return now;
}

void bch_lab_flush(struct btree *b)
{
	struct lab_pick p = lab_pick_now(b);

	lockdep_assert_held(&b->write_lock);

	lab_inc(LAB_FLUSHED);
	/* A leaf found by way of its parent has b->parent */
	if (b != b->c->root && !b->parent)
		lab_inc(LAB_OLD_ROOT);
	if (p.new_life) {
		trace_bcache_lab_wrong_node(b);
		lab_inc(p.unguarded ? LAB_UNGUARDED_WRONG : LAB_WRONG_NODE);
	} else {
		trace_bcache_lab_flush(b);
	}
}

void bch_lab_done(struct btree *b)
{
	lab_pick_end(b);
}

void bch_lab_passed(struct btree *b)
{
	trace_bcache_lab_raced(b);
	lab_inc(LAB_RACED);
	lab_pick_end(b);
}

void bch_lab_raced(struct btree *b)
{
	lockdep_assert_held(&b->write_lock);

	if (!btree_node_dirty(b) || !btree_current_write(b)->journal)
		bch_lab_passed(b);
}

/*
 * Can the wait of this task for @p's flag never end? The flag is cleared by
 * @p's flusher, in its turn. It never gets there if it is the one that waits;
 * nor if an earlier turn of it is a node whose write_lock the waiter holds
 * until the wait is over.
 */
static bool lab_locked(const struct lab_pick *p, enum lab_counter *how)
{
	const struct lab_pick *q;

	lockdep_assert_held(&lab_lock);

	*how = LAB_LOCKED_SELF;
	if (p->flusher == current)
		return true;
	if (lab_reclaimer != current)
		return false;

	*how = LAB_LOCKED_ABBA;
	for (q = lab_picks; q < lab_picks + LAB_PICKS; q++)
		if (q->b && q->b == lab_reclaimer_node &&
		    q->flusher == p->flusher && q->turn < p->turn)
			return true;
	return false;
}

static bool lab_wait(struct btree *b)
{
	struct lab_pick *p;
	enum lab_counter how;
	bool first = false, locked = false;

	lockdep_assert_held(&b->write_lock);

	lab_inc(LAB_WAIT_LAPS);

	spin_lock(&lab_lock);
	for (p = lab_picks; p < lab_picks + LAB_PICKS; p++)
		if (p->b == b && p->waiter != current) {
			p->waiter = current;
			first = true;
			locked |= lab_locked(p, &how);
		}
	spin_unlock(&lab_lock);

	if (first) {
		trace_bcache_lab_wait(b);
		lab_inc(LAB_WAITS);
	}
	if (locked) {
		trace_bcache_lab_locked(b);
		lab_inc(how);
	}
	return first;
}

void bch_lab_wait(struct btree *b)
{
	lab_wait(b);
}

/* when the wait with bucket_lock held, of which there is one, began */
static ktime_t lab_reap_wait;

void bch_lab_wait_reap(struct btree *b)
{
	lockdep_assert_held(&b->c->bucket_lock);

	lab_inc(LAB_REAP_LAPS);
	if (!lab_wait(b))
		return;
	lab_inc(LAB_REAP_WAITS);
	lab_reap_wait = ktime_get();
}

/* Is @b such that a shrinker would want to take it? */
static bool lab_bait(struct btree *b)
{
	return !btree_node_dirty(b) && READ_ONCE(b->io_mutex.count) == 1;
}

/*
 * Is this, a write of @b by this task, the place for the shrinker to run?
 * Where it is wanted at all, it is where it meets a picked node that it would
 * like to take and whose flusher cannot go on before this write is over.
 */
static bool lab_reclaim_here(struct btree *b, u32 whose)
{
	const struct lab_pick *p, *q;
	bool here = false;

	/* bch_mca_scan() would do nothing */
	if (b->c->btree_cache_alloc_lock)
		return false;

	spin_lock(&lab_lock);
	for (p = lab_picks; p < lab_picks + LAB_PICKS; p++) {
		if (!p->b || !lab_bait(p->b))
			continue;
		if (whose == LAB_RECLAIM_FLUSHER)
			here |= p->flusher == current;
		else
			for (q = lab_picks; q < lab_picks + LAB_PICKS; q++)
				here |= q->b == b && q->flusher != current &&
					q->flusher == p->flusher &&
					q->turn < p->turn;
	}
	spin_unlock(&lab_lock);
	return here;
}

/* The shrinker is part of the cache set up to 6.6, allocated after that. */
#define lab_shrinker(c)	_Generic((c)->shrink,				\
	struct shrinker *:	(c)->shrink,				\
	struct shrinker:	&(c)->shrink)

static void lab_shrink(struct btree *b, struct shrinker *shrink)
{
	struct shrink_control sc = { .gfp_mask = GFP_NOIO };
	unsigned int noreclaim;

	spin_lock(&lab_lock);
	if (lab_reclaimer) {
		spin_unlock(&lab_lock);
		return;
	}
	lab_reclaimer = current;
	lab_reclaimer_node = b;
	spin_unlock(&lab_lock);

	lab_inc(LAB_RECLAIMS);
	noreclaim = memalloc_noreclaim_save();
	sc.nr_to_scan = shrink->count_objects(shrink, &sc);
	if (sc.nr_to_scan)
		shrink->scan_objects(shrink, &sc);
	memalloc_noreclaim_restore(noreclaim);

	spin_lock(&lab_lock);
	lab_reclaimer = NULL;
	lab_reclaimer_node = NULL;
	spin_unlock(&lab_lock);
}

void bch_lab_reclaim(struct btree *b)
{
	struct shrinker *shrink = lab_shrinker(b->c);
	u32 whose = READ_ONCE(lab_reclaim);

	lockdep_assert_held(&b->write_lock);

	trace_bcache_lab_write(b);
	if (whose && shrink && !(current->flags & PF_MEMALLOC) &&
	    lab_reclaim_here(b, whose))
		lab_shrink(b, shrink);
}

bool bch_lab_starved(struct cache_set *c)
{
	static u32 turn;
	u32 one_in = READ_ONCE(lab_starve);

	lockdep_assert_held(&c->bucket_lock);

	if (!one_in || ++turn % one_in || list_empty(&c->btree_cache))
		return false;
	lab_inc(LAB_STARVED);
	return true;
}

static bool lab_picked(struct btree *b)
{
	const struct lab_pick *p;
	bool picked = false;

	spin_lock(&lab_lock);
	for (p = lab_picks; p < lab_picks + LAB_PICKS; p++)
		picked |= p->b == b;
	spin_unlock(&lab_lock);
	return picked;
}

void bch_lab_refused(struct btree *b)
{
	lockdep_assert_held(&b->c->bucket_lock);

	if (lab_bait(b) && b != b->c->root && lab_picked(b)) {
		trace_bcache_lab_skip(b);
		lab_inc(LAB_SKIPS);
	}
}

/*
 * Is @b picked? Counts the event once, however many flushers picked it: as
 * @event while one of them is still the first, as @unguarded after that.
 */
static bool lab_taken(struct btree *b, enum lab_counter event,
		      enum lab_counter unguarded)
{
	struct lab_pick *p;
	bool picked = false, guarded = false;

	spin_lock(&lab_lock);
	for (p = lab_picks; p < lab_picks + LAB_PICKS; p++) {
		if (p->b != b)
			continue;
		picked = true;
		guarded |= !p->unguarded;
		if (event == LAB_REUSED)
			p->new_life = true;
	}
	spin_unlock(&lab_lock);

	if (!picked)
		return false;
	lab_inc(guarded ? event : unguarded);
	return true;
}

void bch_lab_reap(struct btree *b)
{
	lockdep_assert_held(&b->c->bucket_lock);
	lockdep_assert_held(&b->write_lock);

	if (lab_reap_wait)
		atomic_long_add(ktime_us_delta(ktime_get(), lab_reap_wait),
				&lab_count[LAB_REAP_WAIT_US]);
	lab_reap_wait = 0;

	if (lab_taken(b, LAB_REAPED, LAB_UNGUARDED_TAKEN))
		trace_bcache_lab_reap(b);
	bch_lab_late_once();
}

void bch_lab_free(struct btree *b)
{
	lockdep_assert_held(&b->write_lock);

	if (lab_taken(b, LAB_FREED, LAB_UNGUARDED_TAKEN))
		trace_bcache_lab_free(b);
}

void bch_lab_reuse(struct btree *b)
{
	lockdep_assert_held(&b->c->bucket_lock);

	lab_inc(LAB_REUSES);
	if (lab_taken(b, LAB_REUSED, LAB_UNGUARDED_REUSED))
		trace_bcache_lab_reuse(b);
}

void bch_lab_full(struct cache_set *c)
{
	lockdep_assert_held(&c->journal.lock);

	lab_inc(LAB_JOURNAL_FULL);
	trace_bcache_lab_full(c->journal.blocks_free,
			      fifo_used(&c->journal.pin));
}

void bch_lab_read(void)
{
	u32 us = READ_ONCE(lab_read_us);

	if (us) {
		lab_inc(LAB_SLOW_READS);
		fsleep(us);
	}
}

void bch_lab_late_once(void)
{
	u32 us = READ_ONCE(lab_late_us);

	if (us && cmpxchg(&lab_late_us, us, 0) == us)
		fsleep(us);
}

void bch_lab_request(struct bio *bio)
{
	u32 nr = READ_ONCE(lab_preflush);

	bch_lab_late_once();
#ifdef REQ_PREFLUSH	/* not before 4.8 */
	if (nr && (bio->bi_opf & REQ_FUA) && cmpxchg(&lab_preflush, nr, nr - 1) == nr)
		bio->bi_opf |= REQ_PREFLUSH;
#endif
}

void bch_lab_thread(void)
{
	lab_inc(LAB_THREADS);
}

int bch_lab_threads(int nr)
{
	return READ_ONCE(lab_threads) ?: nr;
}

/* the frame with the state of such threads, while it lives */
static const void *lab_frame;

void bch_lab_frame(const void *frame)
{
	WRITE_ONCE(lab_frame, frame);
}

bool bch_lab_frame_lives(const void *frame)
{
	if (READ_ONCE(lab_frame) == frame)
		return true;
	pr_err("lab: BUG: %s uses a dead frame\n", current->comm);
	return false;
}

bool bch_lab_late(const void *frame)
{
	msleep(1000);
	return bch_lab_frame_lives(frame);
}

static int lab_counters_show(struct seq_file *s, void *unused)
{
	unsigned int i;

	for (i = 0; i < LAB_NR; i++)
		seq_printf(s, "%s %ld\n", lab_names[i],
			   atomic_long_read(&lab_count[i]));
	return 0;
}

static int lab_counters_open(struct inode *inode, struct file *file)
{
	return single_open(file, lab_counters_show, NULL);
}

static ssize_t lab_counters_write(struct file *file, const char __user *buf,
				  size_t len, loff_t *ppos)
{
	unsigned int i;

	for (i = 0; i < LAB_NR; i++)
		atomic_long_set(&lab_count[i], 0);
	return len;
}

static const struct file_operations lab_counters_fops = {
	.owner		= THIS_MODULE,
	.open		= lab_counters_open,
	.read		= seq_read,
	.write		= lab_counters_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

void __init bch_lab_init(struct dentry *dir)
{
	dir = debugfs_create_dir("lab", dir);
	debugfs_create_file("counters", 0600, dir, NULL, &lab_counters_fops);
	debugfs_create_u32("gap_us", 0600, dir, &lab_gap_us);
	debugfs_create_u32("read_us", 0600, dir, &lab_read_us);
	debugfs_create_u32("late_us", 0600, dir, &lab_late_us);
	debugfs_create_u32("preflush", 0600, dir, &lab_preflush);
	debugfs_create_u32("reclaim", 0600, dir, &lab_reclaim);
	debugfs_create_u32("starve", 0600, dir, &lab_starve);
	debugfs_create_u32("threads", 0600, dir, &lab_threads);
}

#if defined(CONFIG_UML) && defined(CONFIG_SMP) && defined(CONFIG_LOCK_STAT)
#include <linux/sched/clock.h>
#include <os.h>

/* User Mode Linux has one of 10 ms; most locks are held for less than 1 us. */
notrace unsigned long long sched_clock(void)
{
	return os_nsecs();
}
#endif
