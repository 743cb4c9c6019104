/*
 * The rules of the flip block (DESIGN §3): what each event writes and when it
 * is allowed, and what GRUB does with a block. The conditions are enforced here
 * and nowhere else. Change a rule only together with tests/unit/rules_model_test.c.
 */
#ifndef PROA_BOOTLOADER_RULES_H
#define PROA_BOOTLOADER_RULES_H

#include <stdbool.h>

#include "bootloader/flip.h"
#include "lib/error.h"

enum rules_event {
	RULES_UPGRADE_BEGINS,   /* the other slot is about to be overwritten */
	RULES_FLIP,             /* upgrade done, or a staged one released */
	RULES_GATE_PASSED,      /* the health gate passed in the running slot */
	RULES_SETTLED,          /* 30 minutes after that, or an orderly end of the boot */
	RULES_ROLL_BACK,        /* a person wants the other slot */
	RULES_CANCEL,           /* a pending flip is taken back */
	RULES_MARK_OTHER_BAD,   /* a person condemns the other slot */
	RULES_MARK_RUNNING_BAD, /* a person condemns the running slot */
	RULES_ROOT_ERROR,       /* dm-verity or the disk failed in the running root */
	RULES_IMPATIENT_REBOOT, /* a person's orderly reboot before the gate has spoken */
	RULES_REPAIR,           /* block or mirror is damaged; PID 1, before anything else */
	RULES_EVENTS,
};

/* What the machine knows beside the block. */
struct rules_facts {
	enum flip_slot running; /* offline: the slot that GRUB would take */
	bool person;            /* a person asks; else unattended */
	bool gate_passed;       /* the gate has passed in this boot, before this event */
	bool gate_failed;       /* it has failed in this boot, and the machine stayed up */
	bool settled;           /* the running slot has settled in this boot */
	bool condemned;         /* marked bad, or its root failed, in this boot */
	bool fellback;          /* GRUB passed proa.fellback=1 */
	bool lastresort;        /* GRUB passed proa.lastresort=1 */
	bool other_verifies;    /* descriptor and tree of the other slot verify, read afresh */
	bool offline;           /* `--disk`: no slot of this disk runs */
	bool running_verifies;  /* offline only: descriptor and tree of `running` verify */
};

struct rules_outcome {
	struct flip block;   /* to be written to the block and to the mirror */
	bool changed;        /* false: the event leaves the block as it is */
	const char *warning; /* to be shown to the person who asked; or NULL */
};

/* "upgrade", "flip", "gate passed" …: for messages and the history. */
const char *rules_event_name(enum rules_event event);

/* A flip is pending: the primary is not the running slot, and has attempts left. */
bool rules_flip_pending(const struct flip *flip, enum flip_slot running);

/*
 * What `event` writes, given the whole block `flip` (not RULES_REPAIR).
 *
 * Returns 0, or -EPERM with the condition that is not met.
 */
int rules_apply(enum rules_event event, const struct flip *flip, const struct rules_facts *facts,
		struct rules_outcome *out, struct error *err);

/*
 * RULES_REPAIR: the block to write where `block` or `mirror` is damaged (NULL).
 * `changed` is false where both are whole.
 */
void rules_repair(const struct flip *block, const struct flip *mirror,
		  const struct rules_facts *facts, struct rules_outcome *out);

/* What GRUB meets at a boot. */
struct rules_boot {
	const struct flip *block;      /* NULL: damaged */
	const struct flip *mirror;     /* NULL: damaged */
	bool saves;                    /* what GRUB saves is found whole in the block afterwards */
	bool readable[2];              /* kernel and initramfs of the slot can be read */
	bool damaged[2];               /* but the kernel is not what its sums say */
	bool clock;                    /* the clock chip answers */
	char tok[FLIP_TOK_LENGTH + 1]; /* its hour, minute and second; "000000" without a clock */
};

struct rules_choice {
	bool reboots; /* no slot could be read: nothing below but `block` counts */
	enum flip_slot slot;
	bool fellback;     /* proa.fellback=1 */
	bool lastresort;   /* proa.lastresort=1 */
	bool unsaved;      /* proa.unsaved=1 */
	bool known;        /* `block` is known: block or mirror was whole (else no proa.flip) */
	struct flip block; /* the block as GRUB leaves it, or as it read it where saving failed */
	struct flip failed_save; /* `unsaved` and `known`: what could not be saved */
};

/* grub.cfg's decision, which tests hold against the real GRUB. */
void rules_grub_choose(const struct rules_boot *boot, struct rules_choice *out);

/* The slot that GRUB would take next, for `--disk`; NULL: damaged. */
enum flip_slot rules_next_slot(const struct flip *block, const struct flip *mirror);

#endif
