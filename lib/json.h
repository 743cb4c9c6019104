/* What jansson leaves to its callers. */
#ifndef PROA_LIB_JSON_H
#define PROA_LIB_JSON_H

#include <jansson.h>

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

/*
 * A string of any bytes, a file's name for one: JSON is UTF-8, and what is none becomes U+FFFD.
 * NULL where memory is out.
 */
json_t *json_text(const char *bytes);

#endif
