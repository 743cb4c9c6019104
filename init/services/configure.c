#include "init/services/configure.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "init/services/login.h"
#include "init/services/network.h"
#include "init/services/ntp.h"
#include "init/services/settings.h"
#include "lib/config/values.h"

/* A tmpfs stands in the state partition's place: a last resort. */
static bool state_is_missing(void)
{
	struct statfs kind;

	return statfs("/var", &kind) == 0 && kind.f_type == TMPFS_MAGIC;
}

static void disable(struct supervisor *supervisor, const char *name, bool disabled)
{
	struct services_file *file = &supervisor->file;

	for (size_t i = 0; i < file->count; i++)
		if (strcmp(file->services[i].name, name) == 0)
			file->services[i].disabled = disabled;
}

void configure(struct supervisor *supervisor)
{
	_cleanup_whole_config_ struct config config = {0};
	struct error err = ERROR_INIT;
	int r = config_load(&config_of_this_machine, &config, &err);
	bool changed;
	/* Log-ins and network are settled whatever happened: nobody could mend it otherwise. */
	int must = login_apply(&config, state_is_missing(), &login_of_this_machine);

	resolv_free(&supervisor->names);
	if (must == 0)
		must = network_apply(&config, &network_of_this_machine, &changed,
				     &supervisor->names);
	if (must == 0)
		must = ntp_apply(&config, NTP_CONF);
	disable(supervisor, "ntp", !config_get_bool(&config, "proa.ntp.enabled"));
	if (r == 0 && (must < 0 || settings_apply(&config, &settings_of_this_machine) < 0))
		r = error_oom(&err);
	if (r < 0)
		snprintf(supervisor->remarks, sizeof(supervisor->remarks), "configuration: %.400s",
			 err.message);
	else
		settings_summary(&config.problems, supervisor->remarks,
				 sizeof(supervisor->remarks));
}
