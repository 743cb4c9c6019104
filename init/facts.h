/*
 * /run/proa/boot: what this boot is (docs/internals.md "Run time"). Stage 1
 * begins it, PID 1 completes it, everybody reads it.
 */
#ifndef PROA_INIT_FACTS_H
#define PROA_INIT_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "init/boot/cmdline.h"
#include "lib/error.h"

#define FACTS_PATH "/run/proa/boot"

enum { FACTS_NODE_SIZE = 48, FACTS_TEXT_SIZE = 72 };

struct facts {
	char slot; /* 'a' or 'b' */
	char version[FACTS_TEXT_SIZE];
	char root_hash[FACTS_TEXT_SIZE];
	uint64_t least_epoch;  /* of the descriptor: its own, or a higher one that was seen before */
	uint64_t data_version; /* of the manifest: what its Docker leaves on the state partition */
	char disk[FACTS_NODE_SIZE]; /* device nodes: /dev/vda, /dev/vda3 … */
	char flip[FACTS_NODE_SIZE];
	char slot_a[FACTS_NODE_SIZE];
	char slot_b[FACTS_NODE_SIZE];
	char state[FACTS_NODE_SIZE];
	bool fellback, lastresort, unsaved, debug;
	bool good;            /* the running slot had settled before this boot */
	uint64_t boot;        /* number in the boot log ring */
	char flip_text[CMDLINE_VALUE_SIZE]; /* proa.flip */
	char watchdog[FACTS_TEXT_SIZE];     /* its driver, "none" or "off"; "": not known yet */
	uint64_t watchdog_timeout;          /* seconds */
	/* Milliseconds since the kernel started; 0: not yet. */
	uint64_t t_init, t_disk, t_root, t_pid1, t_state, t_daemons, t_gate, t_settled;
	char kernel_args[CMDLINE_SIZE];
};

/* Replaces the file. */
int facts_write(const struct facts *facts, struct error *err);

/* Reads it; unknown keys are ignored. Returns 0, -EBADMSG or another negative errno. */
int facts_read(struct facts *out, struct error *err);

/* The text of the file, for facts_read and for tests. `text` is changed. */
int facts_parse(char *text, struct facts *out, struct error *err);

#endif
