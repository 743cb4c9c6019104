/* Asks a person. */
#ifndef PROA_LIB_ASK_H
#define PROA_LIB_ASK_H

/*
 * Asks at the terminal, whatever standard input is (it may be the bundle).
 *
 * question  printed as it is
 * answer    the only words that mean yes
 *
 * Returns 1 for yes, 0 for anything else, -ENOTTY where there is no terminal.
 */
int ask_terminal(const char *question, const char *answer);

#endif
