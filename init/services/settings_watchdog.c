#include "init/services/settings_watchdog.h"

#include <errno.h>
#include <stdio.h>

#include "lib/config/types.h"
#include "lib/config/values.h"
#include "lib/request.h"

enum { TRIES = 5 }; /* of two seconds each */

int settings_watchdog(struct config *config, const char *init_socket)
{
	const struct config_node *enabled = config_get(config, "proa.watchdog.enabled");
	const struct config_node *timeout = config_get(config, "proa.watchdog.timeout");
	struct error err = ERROR_INIT;
	char request[48] = "watchdog off";
	long long seconds;
	bool on = true;

	if (!timeout || !config_read_duration(timeout->text, &seconds))
		return 0;
	if (enabled)
		(void)config_read_bool(enabled->text, &on);
	if (on)
		snprintf(request, sizeof(request), "watchdog %lld", seconds);
	/* PID 1 may be waiting for the disk; a slow start must not be told as an error. */
	for (int i = 0; i < TRIES; i++) {
		int r = request_pid1(init_socket, request, NULL, 0, &err);

		if (r == 0)
			return 0;
		if (r != -EAGAIN)
			break;
	}
	return config_problem(&config->problems, CONFIG_ERROR, &timeout->at, "proa.watchdog", "%s",
			      err.message);
}
