/* How long something took, for people: "61 s" is "1 min 1 s". */
#ifndef PROA_INIT_SERVICES_DURATION_H
#define PROA_INIT_SERVICES_DURATION_H

#include <stdint.h>

enum { DURATION_SIZE = 48 };

/* The two largest units: "5 d 3 h", "2 h 0 min", "1 min 1 s", "7 s". */
void duration_print(uint64_t seconds, char out[DURATION_SIZE]);

#endif
