#include "cli/command.h"
#include "init/services/command.h"
#include "installer/command.h"
#include "upgrader/command.h"

const struct command commands[] = {
	{"install", "install Proa on a disk", install_command},
	{"upgrade", "write a release into the other slot and flip to it", command_upgrade},
	{"list", "tell which releases the channel has", command_list},
	{"rollback", "go back to the other slot, or take a flip back", command_rollback},
	{"mark", "condemn a slot", command_mark},
	{"verify", "read whole slots and check every byte", command_verify},
	{"status", "tell what runs, from which slot, and how it fares", command_status},
	{"history", "tell how this boot and those before it went", command_history},
	{"boot-chart", "draw what took how long in this boot", command_boot_chart},
	{"report", "write what support needs to know to one file, secrets masked", command_report},
	{"config", "read, check and change the machine's configuration", command_config},
	{"service", "list, stop, restart the system's services; their logs", command_service},
	{"reboot", "stop all containers in order and reboot", command_reboot},
	{"poweroff", "stop all containers in order and switch the machine off", command_poweroff},
	{"version", "print Proa's version", command_version},
	{NULL, NULL, NULL},
};
