/*
 * Stage 2: PID 1 in the slot. One loop over signals, descriptors and deadlines;
 * it never ends but with the machine (DESIGN §7).
 */
#ifndef PROA_INIT_SUPERVISE_SUPERVISE_H
#define PROA_INIT_SUPERVISE_SUPERVISE_H

_Noreturn void supervise_run(void);

#endif
