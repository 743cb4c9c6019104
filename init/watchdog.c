#include "init/watchdog.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "init/say.h"

enum {
	/* Above the longest wait without a turn of the loop: 60 s for the disk, 70 s at the end. */
	TIMEOUT_S = 120,
	/* A fixed number: closing it between the stages would make the kernel cry wolf. */
	HANDED_ON_FD = 9,
};

static int device = -1;

static int open_device(void)
{
	int timeout = TIMEOUT_S;
	int fd = open("/dev/watchdog0", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)ioctl(fd, WDIOC_SETTIMEOUT, &timeout); /* refused: it keeps its own */
	return fd;
}

void watchdog_hangs_panic(bool on)
{
	int fd = open("/proc/sys/kernel/hung_task_panic", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, on ? "1" : "0", 1);
	close(fd);
}

void watchdog_arm(void)
{
	int fd = open_device();

	if (fd < 0)
		return;
	device = dup2(fd, HANDED_ON_FD); /* without O_CLOEXEC */
	close(fd);
}

void watchdog_take_over(void)
{
	struct watchdog_info info;

	if (ioctl(HANDED_ON_FD, WDIOC_GETSUPPORT, &info) == 0) {
		device = HANDED_ON_FD;
		(void)fcntl(device, F_SETFD, FD_CLOEXEC);
	}
	watchdog_feed();
}

void watchdog_feed(void)
{
	static bool broken;

	/* Its driver may come with the cold plug, long after the first look. */
	if (device < 0 && !broken)
		device = open_device();
	if (device >= 0 && ioctl(device, WDIOC_KEEPALIVE, 0) < 0) {
		say("error: the watchdog does not take its food");
		broken = true;
		device = -1;
	}
}

void watchdog_disarm(void)
{
	if (device >= 0)
		(void)!write(device, "V", 1); /* the magic character: closing stops it */
	if (device >= 0)
		close(device);
	device = -1;
}
