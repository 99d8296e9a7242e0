/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bench.c takes from its part bench_peer.c: disks of its own, and on them
 * bcache, or what else puts a fast disk before a slow one.
 */
#ifndef BENCH_H
#define BENCH_H

#include "guest.h"

/*
 * PEER: NULL for bcache, "raw" for the backing disk alone, "writecache", "cache".
 * The disks have a volatile cache of that size, or none. Returns its file.
 */
int peer_start(const char *peer, const struct geometry *geo, unsigned long volatile_mb);
int peer_open(bool durable);
/* how many have gone to the backing disk */
unsigned long peer_backing_writes(void);
/* both disks lose power and have it again, not for bcache; returns its new file */
int peer_cut(int fd);

#endif /* BENCH_H */
