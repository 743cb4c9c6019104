#include "init/supervise/identity.h"

#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "init/say.h"
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"

#define KEPT "/var/lib/proa/" /* and for this boot in /run/proa, where /etc's links lead */

enum { ID_BYTES = 16, NAME_MAX_LENGTH = 64 };

static void report(const struct error *err)
{
	say("error: %s", err->message);
}

/* machine-id(5): 32 hexadecimal digits, made once. */
static void machine_id(void)
{
	_cleanup_free_ char *kept = NULL;
	uint8_t bytes[ID_BYTES];
	char text[2 * ID_BYTES + 2] = "";
	size_t size;
	struct error err = ERROR_INIT;

	if (io_read_file(KEPT "machine-id", 64, &kept, &size, NULL) == 0 && size >= 2 * ID_BYTES)
		memcpy(text, kept, 2 * ID_BYTES);
	if (hex_decode(text, bytes, ID_BYTES) < 0) {
		if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
			return;
		hex_encode(bytes, ID_BYTES, text);
		text[2 * ID_BYTES] = '\n';
		if (io_replace_file(KEPT "machine-id", text, 2 * ID_BYTES + 1, 0444, &err) < 0)
			report(&err);
	}
	text[2 * ID_BYTES] = '\n';
	if (io_replace_file("/run/proa/machine-id", text, 2 * ID_BYTES + 1, 0444, &err) < 0)
		report(&err);
}

/* The name that a person gave (proa config writes it there), else the product's. */
static void host_name(void)
{
	_cleanup_free_ char *kept = NULL;
	char name[NAME_MAX_LENGTH + 2] = "proa";
	size_t size, length;
	struct error err = ERROR_INIT;

	if (io_read_file(KEPT "hostname", NAME_MAX_LENGTH + 1, &kept, &size, NULL) == 0 &&
	    strcspn(kept, " \t\n") > 0)
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(kept, " \t\n"), kept);
	length = strlen(name);
	if (sethostname(name, length) < 0)
		say("error: the host name %s cannot be set: %s", name, strerror(errno));
	name[length] = '\n';
	if (io_replace_file("/run/proa/hostname", name, length + 1, 0644, &err) < 0)
		report(&err);
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
		say("error: there is no interface lo");
		return;
	}
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		say("error: lo cannot be brought up: %s", strerror(errno));
}

void identity_start(void)
{
	machine_id();
	host_name();
	loopback_up();
}
