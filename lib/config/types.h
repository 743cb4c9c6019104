/* The kinds of text that a configuration's values are. */
#ifndef PROA_LIB_CONFIG_TYPES_H
#define PROA_LIB_CONFIG_TYPES_H

#include "lib/config/schema.h"

extern const struct config_type config_bool;     /* true, yes, on … */
extern const struct config_type config_integer;  /* row->least to row->most */
extern const struct config_type config_duration; /* "30s", "5m", "2h": the limits are seconds */
extern const struct config_type config_bytes;    /* "500K", "2M": the limits are bytes */
extern const struct config_type config_choice;   /* row->choices */
extern const struct config_type config_line;     /* one line that is not empty */
extern const struct config_type config_block;    /* any text */
extern const struct config_type config_hostname; /* RFC 1123 */
extern const struct config_type config_host;     /* a name or an address */
extern const struct config_type config_ipv4;
extern const struct config_type config_ipv6;
extern const struct config_type config_address; /* either */
extern const struct config_type config_subnet;  /* either, with "/PREFIX" */
extern const struct config_type config_url;     /* http or https */
extern const struct config_type config_path;    /* absolute, without "." and ".." */
extern const struct config_type config_mode;    /* a file's permissions: "0644" */
extern const struct config_type config_owner;   /* USER or USER:GROUP */
extern const struct config_type config_ssh_key; /* a line of authorized_keys */
extern const struct config_type config_setting; /* NAME=VALUE */
extern const struct config_type config_module;  /* a kernel module: name and parameters */

/* Reads what config_bool, config_integer and config_duration accept; false: it is none. */
bool config_read_bool(const char *text, bool *out);
bool config_read_integer(const char *text, long long *out);
bool config_read_duration(const char *text, long long *seconds);

#endif
