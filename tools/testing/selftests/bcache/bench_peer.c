// SPDX-License-Identifier: GPL-2.0
#include "crash_disk.c"
#include "bench.h"

#include <linux/dm-ioctl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

/* dm-cache has its metadata on a device of its own: so much of the cache disk */
#define META_MB		16
#define SECTORS(mb)	((mb) * 2048ul)

static const char *kind;
static char dev[32];		/* the peer's */
static unsigned int mapped;	/* dm devices, named by their number */

static uint64_t dm_call(unsigned long what, const char *target, uint64_t size,
			const char *params)
{
	struct {
		struct dm_ioctl head;
		struct dm_target_spec spec;
		char params[256];
	} arg = {
		.head = {
			.version	= { DM_VERSION_MAJOR },
			.data_size	= sizeof(arg),
			.data_start	= sizeof(arg.head),
			.target_count	= 1,
		},
		.spec.length = size,
	};
	int fd = open("/dev/mapper/control", O_RDWR);

	snprintf(arg.head.name, sizeof(arg.head.name), "%u", mapped);
	snprintf(arg.spec.target_type, sizeof(arg.spec.target_type), "%s", target);
	snprintf(arg.params, sizeof(arg.params), "%s", params);
	if (fd < 0 || ioctl(fd, what, &arg))
		fatal("device mapper: call %#lx for '%s %s'", what, target, params);
	close(fd);
	return arg.head.dev;
}

/* One more device of so many MiB; its name is in dev[]. */
static void __attribute__((format(printf, 3, 4)))
dm_make(unsigned long mb, const char *target, const char *fmt, ...)
{
	char params[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(params, sizeof(params), fmt, ap);
	va_end(ap);
	snprintf(dev, sizeof(dev), "/dev/dm-%u",
		 minor(dm_call(DM_DEV_CREATE, "", 0, "")));
	dm_call(DM_TABLE_LOAD, target, SECTORS(mb), params);
	dm_call(DM_DEV_SUSPEND, "", 0, "");	/* without a flag it is resumed */
	mapped++;
}

static void peer_make(void)
{
	char meta[sizeof(dev)];

	if (!strcmp(kind, "raw")) {
		memcpy(dev, backing.dev, sizeof(dev));
	} else if (!strcmp(kind, "writecache")) {
		dm_make(backing.mb, "writecache", "s %s %s 4096 0", backing.dev, cache.dev);
	} else if (!strcmp(kind, "cache")) {
		dm_make(META_MB, "linear", "%s 0", cache.dev);
		memcpy(meta, dev, sizeof(meta));
		dm_make(cache.mb - META_MB, "linear", "%s %lu", cache.dev, SECTORS(META_MB));
		dm_make(backing.mb, "cache", "%s %s %s 128 2 metadata2 writeback smq 0",
			meta, dev, backing.dev);
	} else {
		fatal("no peer '%s'", kind);
	}
}

/* A disk as new: the look at its volatile cache has left a block. */
static void disk_new(struct disk *d, unsigned long volatile_mb)
{
	void *buf = aligned_alloc(BLOCK, BLOCK);
	int fd;

	disk_given(d, volatile_mb);
	fd = open(d->dev, O_RDWR | O_DIRECT | O_DSYNC);
	if (fd < 0 || pwrite(fd, memset(buf, 0, BLOCK), BLOCK, 0) != BLOCK)
		fatal("cannot write to %s", d->dev);
	close(fd);
	free(buf);
}

int peer_start(const char *peer, const struct geometry *geo, unsigned long volatile_mb)
{
	int fd;

	kind = peer;
	cache.mb = geo->cache_mb;
	backing.mb = geo->backing_mb;
	disk_new(&cache, volatile_mb);
	disk_new(&backing, volatile_mb);
	if (!kind)
		return bcache_start(geo, false);
	peer_make();
	fd = peer_open(false);
	load_on(fd);
	return fd;
}

int peer_open(bool durable)
{
	int fd = open(dev, O_RDWR | O_DIRECT | (durable ? O_DSYNC : 0));

	if (fd < 0)
		fatal("cannot open %s", dev);
	return fd;
}

unsigned long peer_backing_writes(void)
{
	return disk_ended(&backing, WRITES);
}

int peer_cut(int fd)
{
	at("cut");
	disk_put(&cache, "power", 0);
	disk_put(&backing, "power", 0);
	close(fd);
	while (mapped) {
		mapped--;
		dm_call(DM_DEV_REMOVE, "", 0, "");
	}
	disk_on(&cache);
	disk_on(&backing);
	peer_make();
	return peer_open(true);
}
