/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM bcache_lab

#if !defined(_TRACE_BCACHE_LAB_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_BCACHE_LAB_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(bcache_lab_node,
	TP_PROTO(struct btree *b),
	TP_ARGS(b),

	TP_STRUCT__entry(
		__field(void *,	node)
		__field(u64,	bucket)
		__field(u64,	offset)
		__field(u8,	level)
		__field(u8,	root)
		__field(unsigned long, flags)
	),

	TP_fast_assign(
		__entry->node	= b;
		__entry->bucket	= PTR_BUCKET_NR(b->c, &b->key, 0);
		__entry->offset	= KEY_OFFSET(&b->key);
		__entry->level	= b->level;
		__entry->root	= b == b->c->root;
		__entry->flags	= b->flags;
	),

	TP_printk("node %p bucket %llu key %llu level %u%s flags %lx",
		  __entry->node, __entry->bucket, __entry->offset,
		  __entry->level, __entry->root ? " root" : "",
		  __entry->flags)
);

#define BCACHE_LAB_NODE(what)						\
DEFINE_EVENT(bcache_lab_node, bcache_lab_##what,			\
	TP_PROTO(struct btree *b),					\
	TP_ARGS(b))

BCACHE_LAB_NODE(pick);
BCACHE_LAB_NODE(flush);
BCACHE_LAB_NODE(raced);
BCACHE_LAB_NODE(wait);
BCACHE_LAB_NODE(locked);
BCACHE_LAB_NODE(skip);
BCACHE_LAB_NODE(reap);
BCACHE_LAB_NODE(free);
BCACHE_LAB_NODE(reuse);
BCACHE_LAB_NODE(wrong_node);
BCACHE_LAB_NODE(write);

DECLARE_EVENT_CLASS(bcache_lab_journal,
	TP_PROTO(unsigned int blocks_free, size_t pins),
	TP_ARGS(blocks_free, pins),

	TP_STRUCT__entry(
		__field(unsigned int,	blocks_free)
		__field(size_t,		pins)
	),

	TP_fast_assign(
		__entry->blocks_free	= blocks_free;
		__entry->pins		= pins;
	),

	TP_printk("blocks_free %u pinned entries %zu",
		  __entry->blocks_free, __entry->pins)
);

DEFINE_EVENT(bcache_lab_journal, bcache_lab_round,
	TP_PROTO(unsigned int blocks_free, size_t pins),
	TP_ARGS(blocks_free, pins));

DEFINE_EVENT(bcache_lab_journal, bcache_lab_full,
	TP_PROTO(unsigned int blocks_free, size_t pins),
	TP_ARGS(blocks_free, pins));

#endif /* _TRACE_BCACHE_LAB_H */

#include <trace/define_trace.h>
