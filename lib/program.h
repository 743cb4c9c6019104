/* What a program does first and last, whoever started it, however. */
#ifndef PROA_LIB_PROGRAM_H
#define PROA_LIB_PROGRAM_H

/*
 * Opens /dev/null in place of a standard stream that is closed: else the next file, a disk
 * perhaps, would get its number, and messages would be written into it. A limit of file
 * sizes becomes an error of the write (EFBIG), not a signal.
 */
void program_begin(void);

/*
 * Writes out what is left for standard output. Returns `status`; or EXIT_FAILURE with a
 * message where the program was successful, and its output got lost.
 */
int program_end(const char *name, int status);

#endif
