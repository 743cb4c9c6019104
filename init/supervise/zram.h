/*
 * Swap in compressed memory (zram): a small machine has more of it, and what the daemons
 * touched only while they started moves there.
 */
#ifndef PROA_INIT_SUPERVISE_ZRAM_H
#define PROA_INIT_SUPERVISE_ZRAM_H

/*
 * Makes the swap, half as large as the memory, and a minute later asks the kernel to
 * move there what lies idle in the system's own cgroups. People's containers come there
 * only where memory gets short, as on any machine with swap. All in processes of their
 * own; where it fails, the log "zram" says why, and there is no swap.
 */
void zram_start(void);

#endif
