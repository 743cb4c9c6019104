/*
 * What the kernel wrote into the machine's own memory when it died, where there is one for
 * that: ACPI's ERST on servers, ramoops, an EFI that is allowed to (pstore in the kernel's
 * Documentation/ABI/testing/pstore).
 */
#ifndef PROA_INIT_SUPERVISE_PSTORE_H
#define PROA_INIT_SUPERVISE_PSTORE_H

#define PSTORE_KEPT "/var/lib/proa/crash"

/*
 * Moves all of it to the end of PSTORE_KEPT, in a process of its own: firmware takes its
 * time. What cannot be kept stays where it is, for the next boot.
 */
void pstore_harvest(void);

#endif
