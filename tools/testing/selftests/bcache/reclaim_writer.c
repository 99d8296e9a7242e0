// SPDX-License-Identifier: GPL-2.0
/* The second of the two tests that reclaim_flusher.c describes. */
#define NAME		"reclaim_writer"
#define RECLAIM		2
#define LOCKED		"locked_abba"
#include "reclaim_flusher.c"
