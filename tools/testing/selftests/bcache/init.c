// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the lab's guest: mounts what a test needs, runs the one test that
 * the kernel command line names (test=NAME) with its stdout on the verdict
 * channel (ktap=DEVICE), says how it ended, powers off. Where bcache is a
 * module, the file /modules says what to load, in order.
 *
 * The shape, a C init with its verdict on a channel that console noise cannot
 * reach, is that of tools/testing/selftests/wireguard/qemu.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void mount_or_say(const char *type, const char *dir)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, 0, NULL))
		fprintf(stderr, "init: no %s on %s: %s\n", type, dir,
			strerror(errno));
}

static void load_modules(void)
{
	FILE *list = fopen("/modules", "r");
	char path[256];
	int fd;

	while (list && fscanf(list, "%255s", path) == 1) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			fprintf(stderr, "init: cannot load %s: %s\n", path,
				strerror(errno));
		close(fd);
	}
	if (list)
		fclose(list);
}

/* The verdict channel is a tty: without raw mode it would edit our lines. */
static int open_ktap(void)
{
	const char *name = getenv("ktap");
	struct termios tio;
	int fd = name ? open(name, O_WRONLY | O_NOCTTY) : -1;

	if (fd < 0) {
		fprintf(stderr, "init: no verdict channel\n");
		return STDERR_FILENO;
	}
	if (!tcgetattr(fd, &tio)) {
		cfmakeraw(&tio);
		tcsetattr(fd, TCSANOW, &tio);
	}
	return fd;
}

static int run_test(int ktap)
{
	char path[128];
	const char *test = getenv("test");
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "/test/%s", test ?: "");
	pid = fork();
	if (!pid) {
		dup2(ktap, STDOUT_FILENO);
		execl(path, path, NULL);
		fprintf(stderr, "init: cannot run %s: %s\n", path,
			strerror(errno));
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The trace ring, if the command line asked for events, goes to the console. */
static void copy_trace(void)
{
	char buf[4096];
	ssize_t len;
	int fd;

	if (!getenv("show_trace"))
		return;
	fd = open("/sys/kernel/tracing/trace", O_RDONLY);
	while (fd >= 0 && (len = read(fd, buf, sizeof(buf))) > 0)
		if (write(STDERR_FILENO, buf, len) != len)
			break;
}

int main(void)
{
	int ktap;

	mount_or_say("devtmpfs", "/dev");
	mount_or_say("proc", "/proc");
	mount_or_say("sysfs", "/sys");
	mount_or_say("debugfs", "/sys/kernel/debug");
	mount_or_say("tracefs", "/sys/kernel/tracing");
	load_modules();
	mount_or_say("configfs", "/sys/kernel/config");
	mount_or_say("tmpfs", "/tmp");

	ktap = open_ktap();
	dprintf(ktap, "# guest exit %d\n", run_test(ktap));
	copy_trace();
	tcdrain(ktap);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
