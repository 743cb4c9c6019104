#include "upgrader/releases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/fields.h"
#include "lib/format/signature.h"
#include "lib/io.h"
#include "upgrader/follow.h"
#include "upgrader/small.h"

/* Somebody may put a new channel there between our two requests. */
enum {
	TRIES = 3,
	DAY_S = 24 * 60 * 60,
	CHANNEL_KEYS_SIZE = KEYRING_MAX * (SIGN_ID_SIZE + 1),
};

static int fetch_signed(const struct releases_request *q, char text[CHANNEL_SIZE_MAX], size_t *size,
			struct signatures *signatures, struct error *err)
{
	char signature[SIGNATURES_SIZE_MAX];
	size_t signature_size = 0;
	int r = small_fetch(&q->fetch, text, CHANNEL_SIZE_MAX, size, err);

	if (r == 0)
		r = small_fetch_signature(&q->fetch, signature, sizeof(signature), &signature_size,
					  err);
	return r < 0 ? r : signatures_parse(signature, signature_size, signatures, err);
}

/* The ids of the channel keys in force, between commas. */
static void channel_keys(const struct keyring *ring, char out[CHANNEL_KEYS_SIZE])
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ring->count; i++)
		if (ring->entries[i].role == SIGN_ROLE_CHANNEL)
			used += (size_t)snprintf(out + used, CHANNEL_KEYS_SIZE - used, "%s%s",
						 used ? "," : "", ring->entries[i].key.id);
}

/*
 * A key that was lost may have signed anything: under new channel keys all begins anew. A root
 * document that leaves them as they are, changes nothing.
 */
static bool is_void(const struct releases_request *q, const struct fields *seen)
{
	const char *keys = fields_get(seen, "keys");
	char now[CHANNEL_KEYS_SIZE];

	channel_keys(&q->trust->root.keys, now);
	return fields_get_number(seen, "root", 0) < q->trust->root.number &&
	       (!keys || strcmp(keys, now) != 0);
}

/* "root=1", "serial.NAME=7" and "time=…" of what was seen last. */
static uint64_t remembered(const struct releases_request *q, const char *what, const char *name)
{
	_cleanup_fields_ struct fields fields = {0};
	char key[MANIFEST_TEXT_SIZE + 16];

	if (!q->seen || fields_read(q->seen, &fields, NULL) < 0 || is_void(q, &fields))
		return 0;
	snprintf(key, sizeof(key), "%s%s%s", what, name ? "." : "", name ? name : "");
	return fields_get_number(&fields, key, 0);
}

static void date(uint64_t seconds, char out[32])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	if (!gmtime_r(&time, &parts) || !strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts))
		snprintf(out, 32, "%llu", (unsigned long long)seconds);
}

/* The clock may be wrong, but it is not before what is known to have been. */
static int check_time(const struct releases_request *q, const struct channel *channel,
		      struct error *err)
{
	uint64_t last = remembered(q, "time", NULL), now = q->now;
	const char *whose = "by this machine's clock; where that is wrong, set it (proa service "
			    "logs ntp), else the publisher must sign the channel anew";
	char said[32], today[32];

	/* A clock that is behind its own release says nothing of the future. */
	if (q->now >= q->built && channel->time > q->now + DAY_S) {
		date(channel->time, said);
		date(now, today);
		return error_set(
			err, -ESTALE,
			"the channel was made on %s, and it is %s by this machine's clock; "
			"one of the two is wrong (proa service logs ntp)",
			said, today);
	}
	if (q->built > now) {
		now = q->built;
		whose = "or later, since the running release was built then; the publisher must "
			"sign the channel anew";
	}
	if (last > now) {
		now = last;
		whose = "or later, since a channel of that time was seen; the publisher must sign "
			"it anew";
	}
	if (channel->expires > now)
		return 0;
	date(channel->expires, said);
	date(now, today);
	return error_set(err, -ESTALE, "the channel has expired on %s, and it is %s %s", said,
			 today, whose);
}

int releases_check(const struct releases_request *q, const struct channel *channel,
		   struct error *err)
{
	uint64_t serial = remembered(q, "serial", channel->name);

	int r = 0;

	if (channel->serial < serial)
		r = error_set(err, -ESTALE,
			      "the server shows an old channel: serial %llu of \"%s\", and this "
			      "machine has seen %llu; a mirror that lags, or somebody who wants "
			      "to hold back upgrades",
			      (unsigned long long)channel->serial, channel->name,
			      (unsigned long long)serial);
	if (r == 0)
		r = check_time(q, channel, err);
	return r < 0 ? error_wrap(err, r, "channel %s", q->fetch.url) : 0;
}

/* Another channel of the same publisher, well signed, is not what was asked for. */
static int check_name(const struct releases_request *q, const struct channel *channel,
		      struct error *err)
{
	size_t length = strcspn(q->fetch.url, "?#"), start = length;
	char file[MANIFEST_TEXT_SIZE + 16];

	while (start > 0 && q->fetch.url[start - 1] != '/')
		start--;
	snprintf(file, sizeof(file), "%s.channel", channel->name);
	if (strlen(file) == length - start &&
	    memcmp(file, q->fetch.url + start, length - start) == 0)
		return 0;
	return error_set(err, -EBADMSG,
			 "what lies there is the channel \"%s\", whose address ends in %s",
			 channel->name, file);
}

uint64_t releases_root_seen(const char *seen)
{
	_cleanup_fields_ struct fields fields = {0};

	return seen && fields_read(seen, &fields, NULL) == 0 ? fields_get_number(&fields, "root", 0)
							     : 0;
}

/* The keys of today, then the channel by them. */
static int fetch_verified(const struct releases_request *q, char text[CHANNEL_SIZE_MAX],
			  size_t *size, struct error *warning, struct error *err)
{
	struct signatures signatures;
	int r = fetch_signed(q, text, size, &signatures, err);

	/* Behind the channel: a server that cannot be reached was found out by then. */
	if (r == 0)
		r = follow_roots(&q->fetch, q->trust, q->keep, warning, err);
	return r < 0 ? r
		     : signatures_verify(&signatures, &q->trust->ring, SIGN_ROLE_CHANNEL, text,
					 *size, "the channel", NULL, err);
}

int releases_fetch(const struct releases_request *q, struct channel *out, struct error *warning,
		   struct error *err)
{
	char text[CHANNEL_SIZE_MAX];
	size_t size = 0;
	int r = -EKEYREJECTED;

	for (int i = 0; (r == -EKEYREJECTED || r == -ENOKEY) && i < TRIES; i++)
		r = fetch_verified(q, text, &size, warning, err);
	if (r == 0)
		r = channel_parse(text, size, out, err);
	if (r == 0)
		r = check_name(q, out, err);
	return r < 0 ? error_wrap(err, r, "channel %s", q->fetch.url) : 0;
}

int releases_remember(const struct releases_request *q, const struct channel *channel,
		      struct error *err)
{
	uint64_t serial = remembered(q, "serial", channel->name);
	uint64_t time = remembered(q, "time", NULL);
	_cleanup_fields_ struct fields before = {0};
	char mine[MANIFEST_TEXT_SIZE + 16], keys[CHANNEL_KEYS_SIZE];
	const char *at = NULL, *key, *value;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out;

	(void)fields_read(q->seen, &before, NULL);
	out = open_memstream(&text, &size);
	if (!out)
		return error_oom(err);
	snprintf(mine, sizeof(mine), "serial.%s", channel->name);
	channel_keys(&q->trust->root.keys, keys);
	fprintf(out, "root=%llu\nkeys=%s\ntime=%llu\n%s=%llu\n",
		(unsigned long long)q->trust->root.number, keys,
		(unsigned long long)(time > channel->time ? time : channel->time), mine,
		(unsigned long long)(serial > channel->serial ? serial : channel->serial));
	while (!is_void(q, &before) && (key = fields_next(&before, &at, &value)))
		if (strncmp(key, "serial.", strlen("serial.")) == 0 && strcmp(key, mine) != 0)
			fprintf(out, "%s=%s\n", key, value);
	if (fclose(out) != 0 || !text)
		return error_oom(err);
	return io_replace_file(q->seen, text, size, 0600, err);
}

char *releases_url(const char *channel_url, const struct channel_release *release)
{
	/* What follows "?" is the channel's own. */
	size_t length = strcspn(channel_url, "?#");
	char *url = NULL;

	while (length > 0 && channel_url[length - 1] != '/')
		length--;
	return asprintf(&url, "%.*s%s", (int)length, channel_url, release->file) < 0 ? NULL : url;
}
