/*
 * Swap in compressed memory (zram): a small machine has more of it, and what the daemons
 * touched only while they started moves there.
 */
#ifndef PROA_INIT_SUPERVISE_ZRAM_H
#define PROA_INIT_SUPERVISE_ZRAM_H

/*
 * Makes the swap, half as large as the memory, and a minute later asks the kernel to
 * move there what lies idle in the system's own cgroups; people's containers are left
 * alone. In processes of their own; where it fails, their log says why, and there is
 * no swap.
 */
void zram_start(void);

#endif
