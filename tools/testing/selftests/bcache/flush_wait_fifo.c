// SPDX-License-Identifier: GPL-2.0
/* The second of the two tests that flush_wait.c describes. */
#define NAME		"flush_wait_fifo"
#define FIFO		1
#include "flush_wait.c"
