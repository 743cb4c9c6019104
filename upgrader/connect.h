/* How a server is spoken to: what the options of a fetch mean to libcurl, and what its errors mean.
 */
#ifndef PROA_UPGRADER_CONNECT_H
#define PROA_UPGRADER_CONNECT_H

#include <curl/curl.h>

#include "upgrader/fetch.h"

/*
 * A handle for `url` that follows the options, which it borrows; the caller sets what becomes of
 * the bytes, and frees it. Returns 0, -EINVAL (address, certificates) or -ENOMEM.
 */
int connect_new(const struct fetch_options *options, const char *url, CURL **out,
		struct error *err);

/* May another try go better? `status` is that of HTTP. */
bool connect_is_passing(CURLcode code, long status);

/* What fetch_stop answers where it may not. */
int connect_errno(CURLcode code);

/* What a person can do about it, to stand behind libcurl's words; "" where there is nothing. */
const char *connect_hint(CURLcode code, const char *words);

#endif
