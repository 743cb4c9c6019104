#include "init/services/configure.h"

#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "init/services/login.h"
#include "init/services/settings.h"

/* A tmpfs stands in the state partition's place: a last resort. */
static bool state_is_missing(void)
{
	struct statfs kind;

	return statfs("/var", &kind) == 0 && kind.f_type == TMPFS_MAGIC;
}

void configure(struct supervisor *supervisor)
{
	_cleanup_whole_config_ struct config config = {0};
	struct error err = ERROR_INIT;
	int r = config_load(&config_of_this_machine, &config, &err);
	/* Who may log in is settled whatever happened: nobody could mend the machine otherwise. */
	int logins = login_apply(&config, state_is_missing(), &login_of_this_machine);

	if (r == 0 && (logins < 0 || settings_apply(&config, &settings_of_this_machine) < 0))
		r = error_oom(&err);
	if (r < 0)
		snprintf(supervisor->remarks, sizeof(supervisor->remarks), "configuration: %.400s",
			 err.message);
	else
		settings_summary(&config.problems, supervisor->remarks,
				 sizeof(supervisor->remarks));
}
