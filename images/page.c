#include "images/page.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/version.h"

/* One column that grows and shrinks with the window; the reader's own colours and font. */
static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>Proa releases</title>\n"
	"<style>\n"
	":root { color-scheme: light dark }\n"
	"body { font: 1rem/1.5 sans-serif; max-width: 45rem; margin: 0 auto; padding: 1rem }\n"
	"code, pre { font-family: monospace; overflow-wrap: anywhere }\n"
	"pre { white-space: pre-wrap }\n"
	"dt { font-weight: bold }\n"
	"dd { margin: 0 0 .5rem }\n"
	"article { border-top: 1px solid; margin-top: 1.5rem }\n"
	"</style>\n"
	"</head>\n"
	"<body>\n"
	"<main>\n"
	"<h1>Proa releases</h1>\n";

/* Text from files never becomes markup. Control characters have no meaning on a page. */
static void escape(FILE *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c == '\'')
			fputs("&#39;", out);
		else if (c == '\n' || c == '\t' || (c >= ' ' && c != 0x7f))
			fputc(c, out);
	}
}

static void escape_text(FILE *out, const char *text)
{
	escape(out, text, strlen(text));
}

/* "./" in front: a name may hold a colon, and is no scheme. */
static void link_to(FILE *out, const char *name, const char *suffix)
{
	fputs("<a href=\"./", out);
	escape_text(out, name);
	fprintf(out, "%s\">", suffix);
	escape_text(out, name);
	fprintf(out, "%s</a>", suffix);
}

static void row(FILE *out, const char *what, const char *value)
{
	fprintf(out, "<dt>%s</dt><dd>", what);
	escape_text(out, value);
	fputs("</dd>\n", out);
}

static void date(FILE *out, uint64_t seconds)
{
	time_t time = (time_t)seconds;
	char machine[32] = "", people[32] = "";
	struct tm parts;

	if (gmtime_r(&time, &parts)) {
		strftime(machine, sizeof(machine), "%Y-%m-%dT%H:%M:%SZ", &parts);
		strftime(people, sizeof(people), "%Y-%m-%d %H:%M UTC", &parts);
	}
	fprintf(out, "<time datetime=\"%s\">%s</time>", machine, people);
}

static void bundle(FILE *out, const struct channel_release *entry,
		   const struct shelf_release *release)
{
	char hex[HASH_HEX_SIZE];

	fputs("<dt>Bundle</dt><dd>", out);
	link_to(out, entry->file, "");
	fprintf(out, ", %.1f MB (%llu bytes)</dd>\n", (double)entry->bundle_size / 1e6,
		(unsigned long long)entry->bundle_size);
	hex_encode(release->sha256, HASH_SIZE, hex);
	fprintf(out, "<dt>SHA-256 of the bundle</dt><dd><code>%s</code></dd>\n", hex);
	hex_encode(entry->manifest_sha256, HASH_SIZE, hex);
	fprintf(out, "<dt>SHA-256 of its manifest</dt><dd><code>%s</code></dd>\n", hex);
	fprintf(out, "<dt>Signed by the key</dt><dd><code>%s</code></dd>\n", release->signer.id);
}

static void show_release(FILE *out, const struct channel_release *entry,
			 const struct shelf_release *release)
{
	fputs("<article>\n<h3>Proa ", out);
	escape_text(out, entry->version);
	fputs("</h3>\n<dl>\n", out);
	row(out, "Linux", release->manifest.kernel);
	row(out, "Docker", release->manifest.docker);
	if (strcmp(entry->min_version, "0") != 0)
		row(out, "Upgrades from", entry->min_version);
	bundle(out, entry, release);
	fprintf(out, "<dt>Image on the disk</dt><dd>%.1f MB</dd>\n</dl>\n",
		(double)release->manifest.image_size / 1e6);
	if (release->notes) {
		fputs("<h4>Notes</h4>\n<pre>", out);
		escape(out, release->notes, release->notes_size);
		fputs("</pre>\n", out);
	} else {
		fputs("<p>There are no notes.</p>\n", out);
	}
	fputs("</article>\n", out);
}

struct order {
	const struct shelf_channel *channel;
	size_t release;
};

static const char *version_of(const struct order *one)
{
	return one->channel->channel.releases[one->release].version;
}

static int newest_first(const void *one, const void *other)
{
	return version_compare(version_of(other), version_of(one));
}

static void show_channel(FILE *out, const struct shelf_channel *c)
{
	struct order order[CHANNEL_RELEASES_MAX];

	fputs("<section>\n<h2>Channel ", out);
	escape_text(out, c->channel.name);
	fputs("</h2>\n<p>", out);
	link_to(out, c->document.name, "");
	fputs(", ", out);
	link_to(out, c->document.name, ".sig");
	fprintf(out, ": serial %llu, made on ", (unsigned long long)c->channel.serial);
	date(out, c->channel.time);
	fputs(", counts until ", out);
	date(out, c->channel.expires);
	fputs(".</p>\n", out);
	for (size_t i = 0; i < c->channel.count; i++)
		order[i] = (struct order){c, i};
	qsort(order, c->channel.count, sizeof(*order), newest_first);
	for (size_t i = 0; i < c->channel.count; i++)
		show_release(out, &c->channel.releases[order[i].release],
			     &c->releases[order[i].release]);
	fputs("</section>\n", out);
}

static int show_root(FILE *out, const struct shelf_document *document)
{
	uint8_t sha256[HASH_SIZE];
	char hex[HASH_HEX_SIZE];

	if (hash_bytes(document->text, document->size, sha256) < 0)
		return -1;
	hex_encode(sha256, HASH_SIZE, hex);
	fputs("<li>", out);
	link_to(out, document->name, "");
	fputs(", ", out);
	link_to(out, document->name, ".sig");
	fprintf(out, ": <code>%s</code></li>\n", hex);
	return 0;
}

static int show_checks(FILE *out, const struct shelf_roots *roots)
{
	fputs("<section>\n<h2>How to verify</h2>\n"
	      "<p>A machine checks all of this by itself, before and after it writes. By hand: "
	      "whether a download is whole, by ",
	      out);
	link_to(out, "SHA256SUMS", "");
	fputs(":</p>\n<pre>sha256sum --check --ignore-missing SHA256SUMS</pre>\n"
	      "<p>Whether the publisher signed it, and every byte in it:</p>\n",
	      out);
	fprintf(out, "<pre>proa-image verify --root %zu.root BUNDLE</pre>\n", roots->count);
	fputs("<p>The root documents list the publisher's keys. Whoever could change a bundle here "
	      "could change what this page says, too: take the first one from a machine that you "
	      "trust (<code>/usr/lib/proa/keys</code>), or compare its SHA-256 with what the "
	      "publisher says elsewhere.</p>\n<ul>\n",
	      out);
	for (size_t i = 0; i < roots->count; i++)
		if (show_root(out, &roots->documents[i]) < 0)
			return -1;
	fputs("</ul>\n</section>\n", out);
	return 0;
}

/* What was written, or why not. */
static int finish(FILE *out, int failed, char **text, struct error *err)
{
	failed |= ferror(out);
	failed |= fclose(out);
	if (!failed && *text)
		return 0;
	free(*text);
	*text = NULL;
	return error_oom(err);
}

int page_index(const struct shelf_roots *roots, const struct shelf_channel *const channels[],
	       size_t count, char **text, size_t *size, struct error *err)
{
	FILE *out = open_memstream(text, size);
	int failed;

	if (!out)
		return error_oom(err);
	fputs(head, out);
	for (size_t i = 0; i < count; i++)
		show_channel(out, channels[i]);
	failed = show_checks(out, roots);
	fputs("</main>\n</body>\n</html>\n", out);
	return finish(out, failed, text, err);
}

static int sum(FILE *out, const char *name, const char *suffix, const char *data, size_t size)
{
	uint8_t sha256[HASH_SIZE];
	char hex[HASH_HEX_SIZE];

	if (hash_bytes(data, size, sha256) < 0)
		return -1;
	hex_encode(sha256, HASH_SIZE, hex);
	fprintf(out, "%s  %s%s\n", hex, name, suffix);
	return 0;
}

/* Two channels may name one bundle. */
static bool named_before(const struct shelf_channel *const channels[], size_t channel,
			 const char *file)
{
	for (size_t i = 0; i < channel; i++)
		for (size_t k = 0; k < channels[i]->channel.count; k++)
			if (strcmp(channels[i]->channel.releases[k].file, file) == 0)
				return true;
	return false;
}

int page_sums(const struct shelf_roots *roots, const struct shelf_channel *const channels[],
	      size_t count, char **text, size_t *size, struct error *err)
{
	FILE *out = open_memstream(text, size);
	int failed = 0;

	if (!out)
		return error_oom(err);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < channels[i]->channel.count; k++) {
			const char *file = channels[i]->channel.releases[k].file;
			char hex[HASH_HEX_SIZE];

			hex_encode(channels[i]->releases[k].sha256, HASH_SIZE, hex);
			if (!named_before(channels, i, file))
				fprintf(out, "%s  %s\n", hex, file);
		}
	}
	for (size_t i = 0; i < roots->count; i++) {
		const struct shelf_document *one = &roots->documents[i];

		failed |= sum(out, one->name, "", one->text, one->size);
		failed |= sum(out, one->name, ".sig", one->signature, one->signature_size);
	}
	return finish(out, failed, text, err);
}
