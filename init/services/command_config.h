/* The commands of `proa config`, beside those that command_config.c holds itself. */
#ifndef PROA_INIT_SERVICES_COMMAND_CONFIG_H
#define PROA_INIT_SERVICES_COMMAND_CONFIG_H

int command_config_get(int argc, char **argv);
int command_config_export(int argc, char **argv);

int command_config_set(int argc, char **argv);
int command_config_unset(int argc, char **argv);
int command_config_merge(int argc, char **argv);

#endif
