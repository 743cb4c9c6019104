/*
 * Option tables: one table drives both parsing and `--help`.
 *
 * Long options take `--name VALUE` or `--name=VALUE`, short ones `-n VALUE`,
 * `-nVALUE` and bundles of flags; `--` ends the options. Every command
 * understands -h and --help without naming them.
 */
#ifndef PROA_LIB_OPTIONS_H
#define PROA_LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/error.h"

enum option_kind {
	OPTION_FLAG,   /* bool *: set to true */
	OPTION_STRING, /* const char **: the argument, borrowed from argv */
	OPTION_LIST,   /* struct option_list *: may stand several times */
};

enum { OPTION_LIST_MAX = 16 };

struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t count;
};

struct option {
	char letter;          /* 0: no short form */
	const char *name;     /* long form, without the dashes */
	const char *argument; /* what the help calls the value; NULL for a flag */
	enum option_kind kind;
	void *value;      /* as the kind says */
	const char *help; /* one line */
};

struct option_usage {
	const char *command;  /* "proa install" */
	const char *operands; /* "-d DISK [OPTIONS]"; may be NULL */
	const char *summary;  /* a sentence; may be NULL */
	const char *notes;    /* printed behind the options; may be NULL */
};

/* options_parse's answer when -h or --help stood there. */
#define OPTIONS_HELP 1

/*
 * Parses argv[1] … argv[argc - 1]; argv[0] is the command's own name.
 *
 * options         ended by an entry whose name is NULL
 * operands        filled with the operands, borrowed from argv
 * operands_max    room in `operands`; more of them is an error
 * operands_count  how many there were
 *
 * Returns 0, OPTIONS_HELP, or -EINVAL with a sentence that names the option.
 */
int options_parse(int argc, char **argv, const struct option *options, const char **operands,
		  size_t operands_max, size_t *operands_count, struct error *err);

/* Prints the help that the table holds. */
void options_help(FILE *out, const struct option_usage *usage, const struct option *options);

/* The exit codes of every Proa program (docs/internals.md "Exit codes"). */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOTHING_TO_DO = 3,
	EXIT_REFUSED = 4,
	EXIT_NEEDS_REBOOT = 5,
	/* 10 and up: a command's own refusals, listed in its man page */
};

#endif
