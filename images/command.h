/* proa-image's sub-commands: one file each, found in the table of images/main.c. */
#ifndef PROA_IMAGES_COMMAND_H
#define PROA_IMAGES_COMMAND_H

#include "lib/command.h"
#include "lib/error.h"

int image_keygen(int argc, char **argv);
int image_root(int argc, char **argv);
int image_channel(int argc, char **argv);
int image_publish(int argc, char **argv);
int image_build(int argc, char **argv);
int image_sign(int argc, char **argv);
int image_digest(int argc, char **argv);
int image_attach(int argc, char **argv);
int image_verify(int argc, char **argv);
int image_inspect(int argc, char **argv);

/*
 * Prints "proa-image: MESSAGE" to stderr; returns EXIT_FAILED, or EXIT_REFUSED for signatures and
 * what would lead machines backwards (-ESTALE).
 */
int image_failed(const struct error *err);

#endif
