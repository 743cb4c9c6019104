#include "init/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "init/say.h"

enum {
	/* Above the longest wait without a turn of the loop: 60 s for the disk, 70 s at the end. */
	PATIENT_S = 120,
	LEAST_S = 10, /* two meals of PID 1 */
	MOST_S = 600,
	/* A fixed number: closing it between the stages would make the kernel cry wolf. */
	HANDED_ON_FD = 9,
};

static int device = -1;
static int timeout_s = PATIENT_S;
static bool off, broken;

static void set_timeout(int seconds)
{
	if (ioctl(device, WDIOC_SETTIMEOUT, &seconds) < 0)
		say("the watchdog cannot wait for %d s, and keeps its own time", seconds);
}

static int open_device(void)
{
	/* IPMI's driver knows only the old name. */
	int fd = open("/dev/watchdog0", O_WRONLY | O_CLOEXEC);

	return fd >= 0 ? fd : open("/dev/watchdog", O_WRONLY | O_CLOEXEC);
}

void watchdog_hangs_panic(bool on)
{
	int fd = open("/proc/sys/kernel/hung_task_panic", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, on ? "1" : "0", 1);
	close(fd);
}

/*
 * Intel's is a device that another driver (lpc_ich, i2c_i801) makes: it may have come after
 * the look at all devices, and the disk was found before its event was read.
 */
static void load_late_ones(struct modules *modules)
{
	glob_t found;

	if (glob("/sys/bus/platform/devices/iTCO_wdt*", GLOB_NOSORT, NULL, &found) == 0)
		(void)modules_load_alias(modules, "platform:iTCO_wdt");
	globfree(&found);
}

void watchdog_arm(struct modules *modules)
{
	int fd = open_device();

	if (fd < 0) {
		load_late_ones(modules);
		fd = open_device();
	}
	if (fd < 0)
		return;
	device = dup2(fd, HANDED_ON_FD); /* without O_CLOEXEC */
	close(fd);
	set_timeout(timeout_s);
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
	/* Its driver may come with the cold plug, long after the first look. */
	if (device < 0 && !broken && !off) {
		device = open_device();
		if (device >= 0)
			set_timeout(timeout_s);
	}
	if (device >= 0 && ioctl(device, WDIOC_KEEPALIVE, 0) < 0) {
		say("error: the watchdog does not take its food");
		broken = true;
		device = -1;
	}
}

int watchdog_configure(const char *words)
{
	char *end;
	unsigned long seconds;

	if (strcmp(words, "off") == 0) {
		off = true;
		watchdog_disarm();
		return 0;
	}
	seconds = strtoul(words, &end, 10);
	if (*words < '0' || *words > '9' || *end || seconds < LEAST_S || seconds > MOST_S)
		return -EINVAL;
	off = false;
	timeout_s = (int)seconds;
	if (device >= 0)
		set_timeout(timeout_s);
	return 0;
}

bool watchdog_is_missing(void)
{
	return device < 0 && !off && !broken;
}

void watchdog_be_patient(void)
{
	if (device >= 0 && timeout_s < PATIENT_S)
		set_timeout(PATIENT_S);
	watchdog_feed();
}

void watchdog_driver(const char *identity, char *out, size_t size)
{
	static const struct {
		const char *identity, *driver;
	} known[] = {
		{"i6300ESB timer", "i6300esb"},     {"HPE iLO2+ HW Watchdog Timer", "hpwdt"},
		{"SP5100 TCO timer", "sp5100_tco"}, {"Software Watchdog", "softdog"},
		{"IPMI", "ipmi_watchdog"},
	};

	snprintf(out, size, "%s", *identity ? identity : "unknown");
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(identity, known[i].identity) == 0)
			snprintf(out, size, "%s", known[i].driver);
	}
}

bool watchdog_describe(struct facts *facts)
{
	char name[FACTS_TEXT_SIZE] = "none";
	struct watchdog_info info = {0};
	int seconds = 0;
	bool same;

	if (off)
		strcpy(name, "off");
	if (device >= 0) {
		(void)ioctl(device, WDIOC_GETSUPPORT, &info);
		info.identity[sizeof(info.identity) - 1] = '\0';
		watchdog_driver((const char *)info.identity, name, sizeof(name));
		if (ioctl(device, WDIOC_GETTIMEOUT, &seconds) < 0 || seconds < 0)
			seconds = 0;
	}
	same = strcmp(facts->watchdog, name) == 0 && facts->watchdog_timeout == (uint64_t)seconds;
	strcpy(facts->watchdog, name);
	facts->watchdog_timeout = (uint64_t)seconds;
	return !same;
}

void watchdog_disarm(void)
{
	if (device >= 0)
		(void)!write(device, "V", 1); /* the magic character: closing stops it */
	if (device >= 0)
		close(device);
	device = -1;
}
