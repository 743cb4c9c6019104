/* `proa`: finds the sub-command and starts it. */
#include "cli/command.h"
#include "lib/program.h"

int main(int argc, char **argv)
{
	const struct command_group proa = {
		.name = "proa",
		.summary = "Installs and looks after Proa, a small operating system for servers that "
			   "run Docker.",
		.commands = commands,
		.version = PROA_VERSION,
	};

	program_begin();
	return program_end("proa", command_group_run(&proa, argc, argv));
}
