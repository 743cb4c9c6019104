/* What the upgrader's commands have in common: exit codes, and how they end. */
#ifndef PROA_UPGRADER_ANSWER_H
#define PROA_UPGRADER_ANSWER_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/error.h"
#include "lib/options.h"
#include "upgrader/target.h"

/* Beside the common ones; the same numbers as proa-install(8)'s where they mean the same. */
enum answer_exit {
	ANSWER_NOT_PERMITTED = 10,
	ANSWER_NO_DISK = 11,
	ANSWER_NOT_A_DISK = 12, /* of Proa */
	ANSWER_TOO_SMALL = 14,
	ANSWER_IN_USE = 15,
	ANSWER_ARCHITECTURE = 17,
	ANSWER_SIGNATURE = 18,
	ANSWER_DAMAGED_BUNDLE = 19,
	ANSWER_NO_KEY = 21,
	ANSWER_OLDER = 22,
	ANSWER_EPOCH = 23,
	ANSWER_TOO_FAR = 24, /* the running release is below the least to upgrade from */
	ANSWER_DAMAGED_SLOT = 25,
	ANSWER_NETWORK = 26,
	ANSWER_CHANNEL = 27,    /* expired, older than one that was seen, or damaged */
	ANSWER_NO_RELEASE = 28, /* the channel does not have it */
	ANSWER_UNWANTED = 29,   /* unattended: it failed here before */
};

/* Of target_open, of bundle_open and slot_write_image, of upgrade_plan, of releases_fetch. */
int answer_target(int result);
int answer_bundle(int result);
int answer_plan(int result);
int answer_channel(int result);
int answer_begin(int result); /* upgrade_begin */
int answer_flip(int result);  /* upgrade_check, upgrade_flip */

/* What every command of the upgrader can be told. */
struct answer_request {
	const char *command; /* "proa rollback" */
	struct target_request target;
	bool json, reboot;
};

/* The rows of an option table for it; `reboot` is not among them. */
#define ANSWER_OPTIONS(q)                                                                          \
	{0,                                                                                        \
	 "disk",                                                                                   \
	 "DISK",                                                                                   \
	 OPTION_STRING,                                                                            \
	 &(q)->target.disk,                                                                        \
	 "a disk that does not run: a device or a file"},                                          \
		{0,                                                                                \
		 "key",                                                                            \
		 "FILE",                                                                           \
		 OPTION_LIST,                                                                      \
		 &(q)->target.keys,                                                                \
		 "trust this key: PEM, or a root document (may be repeated)"},                     \
	{                                                                                          \
		0, "json", NULL, OPTION_FLAG, &(q)->json, "print JSON"                             \
	}

/* This machine's files. */
struct target_request answer_here(bool writes);

/* To standard error for people, to standard output as JSON. */
struct progress_to answer_progress(const struct answer_request *request);

/* Says what went wrong, as JSON too where that was asked for; returns `exit_code`. */
int answer_failed(const struct answer_request *request, int exit_code, const struct error *err);

/*
 * Says what was done: a sentence on standard output, or `json`, which it releases. Returns
 * `exit_code`, which `json` names too, or EXIT_FAILED where it could not be said.
 */
int answer_done(const struct answer_request *request, int exit_code, json_t *json,
		const char *sentence);

/* The same, for what a reboot makes true; reboots where that was asked for. */
int answer_reboot(const struct answer_request *request, json_t *json, const char *sentence);

#endif
