/*
 * The health gate's verdict and what follows from it: writes to the flip block
 * (bootloader/rules.h), the settling time, `degraded` (DESIGN §3 and §7).
 */
#ifndef PROA_INIT_SUPERVISE_GATE_H
#define PROA_INIT_SUPERVISE_GATE_H

#include <stdbool.h>

#include "init/facts.h"

enum gate_verdict { GATE_WAITING, GATE_PASSED, GATE_FAILED };

struct gate {
	struct facts *facts;
	enum gate_verdict verdict;
	bool stays; /* failed, and the machine stays up all the same */
	bool settled;
	bool condemned;       /* marked bad, or its root failed: no gate or settled write any more */
	const char *root_failed; /* what became of a block of the root; NULL: nothing */
	bool root_unwritten;     /* that the other slot boots next, for it */
	uint64_t expected_ms; /* a verdict was first expected then; 0: not yet */
	uint64_t deadline_ms; /* of the verdict and what follows from it; 0: none yet */
	char degraded[256];   /* of what; "" while nothing is */
	bool own_reason;      /* it is PID 1's, and stands until the end of the boot */
};

/* What a failed gate leads to. */
enum gate_reaction {
	GATE_REBOOT, /* the other slot may be the healthy one, or takes its turn */
	GATE_STAY_DEGRADED,
};

/*
 * The rule: reboot as long as the other slot verifies. In a last resort reboot
 * whatever it does, up to the fourth in a row: `lastresorts_before` such boots
 * failed just before this one.
 */
enum gate_reaction gate_decide(bool lastresort, unsigned int lastresorts_before,
			       bool other_verifies);

/*
 * Before anything else: makes block, mirror and the constants of proa-flip
 * whole again, and learns whether the running slot is good.
 */
void gate_start(struct gate *gate, struct facts *facts);

/*
 * The service manager's verdict is expected within so many seconds from when the first one said
 * so, however many of them begin anew; one that never speaks has failed.
 */
void gate_expect(struct gate *gate, unsigned int seconds);

void gate_passed(struct gate *gate);
void gate_failed(struct gate *gate, const char *reason);

/* At the end of a boot whose gate failed, whoever asks for it: why, into its record. */
void gate_record_failure(void);

/* Something is wrong that PID 1 itself has met. */
void gate_degraded(struct gate *gate, const char *reason);

/* The same by the service manager's word, which takes no place from PID 1's own reason. */
void gate_told(struct gate *gate, const char *reason);

/* Failed, and a reboot could not help: the machine stays up, degraded. */
void gate_stay(struct gate *gate, const char *reason);

/*
 * Has the boot's deadline passed, and the machine is neither accepted nor said to stay up?
 * Then the loop may turn, but PID 1 has missed its own deadline: the watchdog decides.
 */
bool gate_overdue(const struct gate *gate, uint64_t now_ms);

/*
 * At an orderly end: settled where the gate has passed, an attempt back where it had no time to;
 * and what the disk did not take of a root that failed.
 */
void gate_leave(struct gate *gate);

/* Looks whether dm-verity has met a corrupt block of the root; every few seconds. */
void gate_watch_root(struct gate *gate);

/*
 * A block of the root is lost, `what` (a literal) says how: the next boot is the other slot's, if
 * that one is good. Else this one stays in use, degraded, for nothing but an upgrade helps. What
 * the disk does not take is written again later. The first call of a boot counts.
 */
void gate_root_failed(struct gate *gate, const char *what);

/*
 * A person condemns the running slot, having read the other one as a whole. Returns 0, -EPERM
 * where that one has never settled, or another negative errno; then nothing was written.
 */
int gate_mark_bad(struct gate *gate, struct error *err);

#endif
