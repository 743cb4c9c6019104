/*
 * What became of this machine's upgrades: /var/lib/proa/upgrades, a JSON object a line, the
 * newest last (docs/internals.md "Run time"). `proa upgrade`, `rollback` and `mark bad` write
 * it, and the service manager, once a release has passed its gate, or has fallen back.
 *
 * The file comes from the machine's disk, and may hold anything: a line that nobody would have
 * written is left out, texts are made printable.
 */
#ifndef PROA_LIB_UPGRADES_H
#define PROA_LIB_UPGRADES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/format/manifest.h"

enum {
	UPGRADES_MAX = 64, /* events that are kept */
	UPGRADES_FILE_MAX = 256 << 10,
	UPGRADES_TEXT_SIZE = 512,
};

enum upgrades_kind {
	UPGRADES_STARTED, /* the slot is being written; as the last word: it was cut off */
	UPGRADES_FAILED,
	UPGRADES_STAGED,
	UPGRADES_UPGRADED,  /* flipped to */
	UPGRADES_CANCELLED, /* the flip was taken back before it was tried */
	UPGRADES_PASSED,    /* its health gate */
	UPGRADES_FELL_BACK, /* GRUB did */
	UPGRADES_ROLLED_BACK,
	UPGRADES_MARKED_BAD,
	UPGRADES_KINDS,
};

/* What happened to a release. */
struct upgrades_event {
	uint64_t time; /* seconds since 1970 */
	uint64_t boot; /* the boot in which it happened, as the history counts them; 0: unknown */
	enum upgrades_kind kind;
	char slot; /* that holds the release: 'a' or 'b' */
	char version[MANIFEST_TEXT_SIZE];
	char root_hash[HASH_HEX_SIZE];
	char from[MANIFEST_TEXT_SIZE]; /* what ran when it was written; "": unknown */
	uint64_t fetched, reused;      /* bytes, when it was written over the network */
	bool unattended;
	char text[UPGRADES_TEXT_SIZE]; /* why, or ""; cut where it is longer */
};

struct upgrades {
	struct upgrades_event events[UPGRADES_MAX];
	size_t count;
};

/* "started", "fell back" …, as the file and JSON have it. */
const char *upgrades_word(enum upgrades_kind kind);

/* Reads the file's bytes, as far as they are events. */
void upgrades_parse(const char *text, size_t size, struct upgrades *out);

/* Reads the file; where there is none, there were no upgrades. Returns 0 or a negative errno. */
int upgrades_read(const char *path, struct upgrades *out, struct error *err);

/*
 * Puts one more behind the others and replaces the file, which is durable then. What ends an
 * upgrade takes the place of its start, and a flip to what was staged takes over its bytes. Where
 * there are too many, the oldest goes that says nothing against a release.
 *
 * Returns 0, -EWOULDBLOCK where another program keeps the folder locked, or another negative
 * errno; then the file is as it was.
 */
int upgrades_add(const char *path, const struct upgrades_event *event, struct error *err);

/* The newest about this release, or NULL. */
const struct upgrades_event *upgrades_find(const struct upgrades *upgrades, const char *root_hash);

/* It fell back, or a person did not want it (any more). */
bool upgrades_is_against(enum upgrades_kind kind);

/* One event as an object; NULL where memory is out. */
json_t *upgrades_json(const struct upgrades_event *event);

#endif
