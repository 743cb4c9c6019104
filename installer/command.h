/* `proa install`: the row of cli's table. */
#ifndef PROA_INSTALLER_COMMAND_H
#define PROA_INSTALLER_COMMAND_H

int install_command(int argc, char **argv);

#endif
