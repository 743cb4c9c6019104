#include "lib/format/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/format/document.h"
#include "lib/hex.h"

#define FIRST_LINE "proa-channel 1"

/* "VERSION MIN_VERSION EPOCH SIZE MANIFEST_SHA256 FILE" */
static int parse_release(struct span rest, struct channel_release *out)
{
	struct span version, least, epoch, size, digest;

	if (span_cut(&rest, ' ', &version) < 0 || span_cut(&rest, ' ', &least) < 0 ||
	    span_cut(&rest, ' ', &epoch) < 0 || span_cut(&rest, ' ', &size) < 0 ||
	    span_cut(&rest, ' ', &digest) < 0)
		return -EINVAL;
	if (span_word(version, out->version, sizeof(out->version)) < 0 ||
	    span_word(least, out->min_version, sizeof(out->min_version)) < 0 ||
	    span_number(epoch, &out->epoch) < 0 || span_number(size, &out->bundle_size) < 0 ||
	    out->bundle_size == 0 || out->bundle_size > MANIFEST_IMAGE_SIZE_MAX ||
	    span_hex(digest, out->manifest_sha256, HASH_SIZE) < 0 ||
	    span_word(rest, out->file, sizeof(out->file)) < 0)
		return -EINVAL;
	/* A name in the channel's folder, and nothing that leads out of it. */
	return out->file[0] == '.' ? -EINVAL : 0;
}

static int add_release(struct channel *channel, struct span value, unsigned int line,
		       struct error *err)
{
	struct channel_release *release = &channel->releases[channel->count];

	if (channel->count == CHANNEL_RELEASES_MAX)
		return error_set(err, -EBADMSG, "the channel has more than %d releases",
				 CHANNEL_RELEASES_MAX);
	if (parse_release(value, release) < 0)
		return error_set(err, -EBADMSG,
				 "line %u of the channel is not release=VERSION MIN_VERSION EPOCH "
				 "SIZE MANIFEST_SHA256 FILE",
				 line);
	for (size_t i = 0; i < channel->count; i++)
		if (strcmp(channel->releases[i].version, release->version) == 0)
			return error_set(err, -EBADMSG, "the channel has the release %s twice",
					 release->version);
	channel->count++;
	return 0;
}

/* The keys that stand once. Returns 1 where `key` is one of them. */
static int parse_single(struct channel *channel, unsigned int *seen, struct span key,
			struct span value, struct error *err)
{
	const struct {
		const char *key;
		uint64_t *number; /* NULL: the name */
	} singles[] = {
		{"name", NULL},
		{"serial", &channel->serial},
		{"time", &channel->time},
		{"expires", &channel->expires},
	};

	for (unsigned int i = 0; i < sizeof(singles) / sizeof(*singles); i++) {
		int r;

		if (!span_equals(key, singles[i].key))
			continue;
		if (*seen & 1U << i)
			return error_set(err, -EBADMSG, "the channel has the key \"%s\" twice",
					 singles[i].key);
		*seen |= 1U << i;
		r = singles[i].number ? span_number(value, singles[i].number)
				      : span_word(value, channel->name, sizeof(channel->name));
		return r < 0 ? error_set(err, -EBADMSG, "the channel's %s is malformed",
					 singles[i].key)
			     : 1;
	}
	return 0;
}

static int check(const struct channel *channel, unsigned int seen, struct error *err)
{
	if (seen != 0xf)
		return error_set(err, -EBADMSG,
				 "the channel lacks its name, serial, time or expires");
	if (channel->serial == 0)
		return error_set(err, -EBADMSG, "the channel's serial is 0; it starts at 1");
	if (channel->expires <= channel->time)
		return error_set(err, -EBADMSG, "the channel expires before it was made");
	return 0;
}

int channel_parse(const void *text, size_t size, struct channel *out, struct error *err)
{
	struct document doc;
	struct span key, value;
	unsigned int seen = 0;
	int r = document_open(&doc, "channel", FIRST_LINE, text, size, CHANNEL_SIZE_MAX, err);

	if (r < 0)
		return r;
	memset(out, 0, sizeof(*out));
	while ((r = document_next_pair(&doc, &key, &value, err)) > 0) {
		r = parse_single(out, &seen, key, value, err);
		if (r == 0 && span_equals(key, "release"))
			r = add_release(out, value, doc.line, err);
		else if (r == 0 && key.text[0] == '!')
			r = error_set(err, -EOPNOTSUPP,
				      "the channel asks for \"%.*s\", which this version does not "
				      "know; upgrade Proa first",
				      (int)(key.size < 64 ? key.size : 64), key.text);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : check(out, seen, err);
}

int channel_render(const struct channel *channel, char out[CHANNEL_SIZE_MAX], size_t *size,
		   struct error *err)
{
	struct channel again;
	size_t used = (size_t)snprintf(
		out, CHANNEL_SIZE_MAX,
		FIRST_LINE "\nname=%s\nserial=%llu\ntime=%llu\nexpires=%llu\n", channel->name,
		(unsigned long long)channel->serial, (unsigned long long)channel->time,
		(unsigned long long)channel->expires);

	for (size_t i = 0; i < channel->count && used < CHANNEL_SIZE_MAX; i++) {
		const struct channel_release *release = &channel->releases[i];
		char digest[HASH_HEX_SIZE];

		hex_encode(release->manifest_sha256, HASH_SIZE, digest);
		used += (size_t)snprintf(
			out + used, CHANNEL_SIZE_MAX - used, "release=%s %s %llu %llu %s %s\n",
			release->version, release->min_version, (unsigned long long)release->epoch,
			(unsigned long long)release->bundle_size, digest, release->file);
	}
	if (used >= CHANNEL_SIZE_MAX)
		return error_set(err, -EFBIG, "the channel would be longer than %d bytes",
				 CHANNEL_SIZE_MAX);
	*size = used;
	return channel_parse(out, used, &again, err);
}
