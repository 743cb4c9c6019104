/* The sub-commands of `proa` that live with the services (rows of cli/commands.c). */
#ifndef PROA_INIT_SERVICES_COMMAND_H
#define PROA_INIT_SERVICES_COMMAND_H

int command_boot_chart(int argc, char **argv);
int command_config(int argc, char **argv);
int command_service(int argc, char **argv);
int command_history(int argc, char **argv);
int command_report(int argc, char **argv);
int command_status(int argc, char **argv);
int command_reboot(int argc, char **argv);
int command_poweroff(int argc, char **argv);

#endif
