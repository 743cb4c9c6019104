#include "lib/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

int ask_terminal(const char *question, const char *answer)
{
	_cleanup_file_ FILE *terminal = NULL;
	_cleanup_free_ char *line = NULL;
	size_t room = 0;

	if (!isatty(STDERR_FILENO))
		return -ENOTTY;
	terminal = fopen("/dev/tty", "r+e");
	if (!terminal)
		return -ENOTTY;
	fputs(question, terminal);
	fflush(terminal);
	if (getline(&line, &room, terminal) <= 0)
		return 0;
	line[strcspn(line, "\n")] = '\0';
	return strcmp(line, answer) == 0;
}
