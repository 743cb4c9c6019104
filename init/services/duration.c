#include "init/services/duration.h"

#include <stdio.h>

void duration_print(uint64_t seconds, char out[DURATION_SIZE])
{
	enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
	unsigned long long s = seconds;

	if (s < MINUTE)
		snprintf(out, DURATION_SIZE, "%llu s", s);
	else if (s < HOUR)
		snprintf(out, DURATION_SIZE, "%llu min %llu s", s / MINUTE, s % MINUTE);
	else if (s < DAY)
		snprintf(out, DURATION_SIZE, "%llu h %llu min", s / HOUR, s % HOUR / MINUTE);
	else
		snprintf(out, DURATION_SIZE, "%llu d %llu h", s / DAY, s % DAY / HOUR);
}
