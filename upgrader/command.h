/* The sub-commands of `proa` that change or read slots (rows of cli/commands.c). */
#ifndef PROA_UPGRADER_COMMAND_H
#define PROA_UPGRADER_COMMAND_H

int command_upgrade(int argc, char **argv);
int command_list(int argc, char **argv);
int command_rollback(int argc, char **argv);
int command_mark(int argc, char **argv);
int command_verify(int argc, char **argv);

#endif
