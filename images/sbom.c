#include "images/sbom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "lib/cleanup.h"
#include "lib/hash.h"
#include "lib/hex.h"
#include "lib/io.h"

enum { LIST_SIZE_MAX = 16 << 20, FIELDS = 5 };

static void cleanup_json(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

/* Cuts a line at its tabs, in place. Returns 0 or -EINVAL. */
static int cut_line(char *line, char *fields[FIELDS])
{
	for (size_t i = 0; i < FIELDS; i++) {
		char *end = strchr(line, '\t');

		if (!end != (i == FIELDS - 1))
			return -EINVAL;
		fields[i] = line;
		if (end) {
			*end = '\0';
			line = end + 1;
		}
	}
	return *fields[0] && *fields[1] ? 0 : -EINVAL;
}

/* An SPDX id may hold letters, digits, dots and dashes (SPDX 2.3, 7.2). */
static void spdx_id(const char *name, const char *architecture, char *out, size_t room)
{
	snprintf(out, room, "SPDXRef-Package-%s-%s", name, architecture);
	for (char *c = out; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *c))
			*c = '-';
}

/* A package; its purl names the source too (github.com/package-url/purl-spec, type deb). */
static json_t *package(char *fields[FIELDS], char *id, size_t id_room)
{
	char purl[512], info[512];

	spdx_id(fields[0], fields[4], id, id_room);
	snprintf(purl, sizeof(purl), "pkg:deb/debian/%s@%s?arch=%s", fields[0], fields[1],
		 fields[4]);
	snprintf(info, sizeof(info), "built from Debian source package %s %s", fields[2],
		 fields[3]);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:[{s:s, s:s, s:s}]}",
			 "SPDXID", id, "name", fields[0], "versionInfo", fields[1],
			 "supplier", "Organization: Debian", "downloadLocation", "NOASSERTION",
			 "filesAnalyzed", 0, "sourceInfo", info, "licenseConcluded", "NOASSERTION",
			 "licenseDeclared", "NOASSERTION", "externalRefs", "referenceCategory",
			 "PACKAGE-MANAGER", "referenceType", "purl", "referenceLocator", purl);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The list's lines, sorted: the order in which a recipe wrote them is of no interest. */
static int sort_lines(char *text, char ***out, size_t *out_count, struct error *err)
{
	size_t count = 0, room = 1;
	char **lines;

	for (const char *c = text; *c; c++)
		room += *c == '\n';
	lines = calloc(room, sizeof(*lines));
	if (!lines)
		return error_oom(err);
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		lines[count++] = line;
	qsort(lines, count, sizeof(*lines), compare_lines);
	*out = lines;
	*out_count = count;
	return 0;
}

/* Everything that the image holds, and that the image holds it. */
static int add_packages(const struct sbom *sbom, char *text, json_t *packages, json_t *relations,
			struct error *err)
{
	_cleanup_free_ char **lines = NULL;
	size_t count = 0;
	int r = sort_lines(text, &lines, &count, err);

	for (size_t i = 0; r == 0 && i < count; i++) {
		char *fields[FIELDS], id[256];
		json_t *entry;

		if (cut_line(lines[i], fields) < 0)
			return error_set(err, -EINVAL,
					 "%s: a line is not NAME, VERSION, SOURCE, SOURCE VERSION, "
					 "ARCHITECTURE with tabs between",
					 sbom->packages);
		entry = package(fields, id, sizeof(id));
		if (!entry)
			return error_set(err, -EINVAL, "%s: the package \"%.40s\" is not UTF-8",
					 sbom->packages, fields[0]);
		if (json_array_append_new(packages, entry) < 0 ||
		    json_array_append_new(relations,
					  json_pack("{s:s, s:s, s:s}", "spdxElementId",
						    "SPDXRef-Image", "relationshipType", "CONTAINS",
						    "relatedSpdxElement", id)) < 0)
			r = error_oom(err);
	}
	return r;
}

static json_t *image_package(const struct sbom *sbom)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "SPDXID", "SPDXRef-Image",
			 "name", sbom->name, "versionInfo", sbom->version, "downloadLocation",
			 "NOASSERTION", "filesAnalyzed", 0, "licenseConcluded", "NOASSERTION",
			 "licenseDeclared", "NOASSERTION", "primaryPackagePurpose",
			 "OPERATING-SYSTEM");
}

int sbom_write(const struct sbom *sbom, const char *path, struct error *err)
{
	_cleanup_json_ json_t *packages = json_array(), *relations = json_array();
	_cleanup_json_ json_t *document = NULL;
	_cleanup_free_ char *list = NULL, *text = NULL;
	char digest_hex[HASH_HEX_SIZE], created[32], namespace[256];
	uint8_t digest[HASH_SIZE];
	time_t seconds = (time_t)sbom->time;
	struct tm utc;
	size_t size = 0;
	int r = io_read_file(sbom->packages, LIST_SIZE_MAX, &list, &size, err);

	if (r < 0)
		return r;
	/* A namespace must be unique to the document: the list's hash makes it so. */
	if (hash_bytes(list, size, digest) < 0 || !gmtime_r(&seconds, &utc))
		return error_set(err, -EIO, "cannot make the SBOM's name");
	hex_encode(digest, HASH_SIZE, digest_hex);
	snprintf(namespace, sizeof(namespace), "urn:proa:spdx:%s:%s", sbom->name, digest_hex);
	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (!packages || !relations || json_array_append_new(packages, image_package(sbom)) < 0 ||
	    json_array_append_new(relations,
				  json_pack("{s:s, s:s, s:s}", "spdxElementId", "SPDXRef-DOCUMENT",
					    "relationshipType", "DESCRIBES", "relatedSpdxElement",
					    "SPDXRef-Image")) < 0)
		return error_oom(err);
	r = add_packages(sbom, list, packages, relations, err);
	if (r < 0)
		return r;
	document = json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:[s]}, s:O, s:O}", "spdxVersion",
			     "SPDX-2.3", "dataLicense", "CC0-1.0", "SPDXID", "SPDXRef-DOCUMENT",
			     "name", sbom->name, "documentNamespace", namespace, "creationInfo",
			     "created", created, "creators", "Tool: proa-image-" PROA_VERSION,
			     "packages", packages, "relationships", relations);
	text = document ? json_dumps(document, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	if (!text)
		return error_oom(err);
	size = strlen(text);
	text[size] = '\n'; /* in place of the NUL: the size is what counts from here on */
	return io_replace_file(path, text, size + 1, 0644, err);
}
