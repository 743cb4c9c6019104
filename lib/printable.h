/* Texts that come from a disk and go to a terminal. */
#ifndef PROA_LIB_PRINTABLE_H
#define PROA_LIB_PRINTABLE_H

/* Every byte that is no printable ASCII becomes '?', a tab a blank. */
void printable_make(char *text);

#endif
