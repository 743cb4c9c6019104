#include "lib/console.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "lib/io.h"

uint64_t console_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int console_line(int fd, const char *format, ...)
{
	uint64_t now = console_now_ms();
	char line[512];
	va_list args;
	int used = snprintf(line, sizeof(line), "proa: %llu.%02llu ",
			    (unsigned long long)(now / 1000),
			    (unsigned long long)(now % 1000 / 10));
	int room = (int)sizeof(line) - used - 2;
	int wrote;

	va_start(args, format);
	wrote = vsnprintf(line + used, (size_t)room, format, args);
	va_end(args);
	used += wrote < room ? wrote : room - 1;
	/* One write, so that lines of several writers do not mix; \r for bare serial lines. */
	line[used++] = '\r';
	line[used++] = '\n';
	return io_write_full(fd, line, (size_t)used);
}
