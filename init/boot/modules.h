/*
 * Kernel modules by name and by modalias, without libkmod: depmod's text files
 * (modules.dep(5), modules.alias, modules.softdep) and finit_module(2). The
 * kernel unpacks compressed modules itself.
 */
#ifndef PROA_INIT_BOOT_MODULES_H
#define PROA_INIT_BOOT_MODULES_H

#include <stddef.h>

#include "lib/error.h"

struct modules;

/*
 * Reads the three files of `folder` (/lib/modules/VERSION); an absent alias or
 * softdep file is an empty one. The caller frees the result.
 */
int modules_open(const char *folder, struct modules **out, struct error *err);
/* The folder of the kernel that runs. */
int modules_open_running(struct modules **out, struct error *err);
void modules_free(struct modules *modules);

static inline void cleanup_modules(struct modules **modules)
{
	modules_free(*modules);
}
#define _cleanup_modules_ __attribute__((cleanup(cleanup_modules)))

/* Loads one file; the real one is modules_insert, tests have their own. Returns 0 or -errno. */
typedef int (*modules_insert_fn)(void *context, const char *path);

/*
 * Loads a module with all that it needs, in order, each file at most once in
 * the life of `modules`: its `pre` softdeps, its dependencies, itself, its
 * `post` softdeps. A softdep that fails is passed over.
 *
 * Returns 0, -ENOENT where no file of that name is there (built in, or left
 * out), or the errno of the insertion of the module or of one that it needs.
 */
int modules_load(struct modules *modules, const char *name, struct error *err);

/*
 * Loads every module that has an alias for `modalias`. One that refuses its
 * device is no error of ours. Returns how many were loaded anew.
 */
int modules_load_alias(struct modules *modules, const char *modalias);

/*
 * Faster SHA-256 and CRC, where the processor has instructions for them and a module asks
 * for it; not on a processor that emulates these instructions slower than others.
 */
void modules_load_processor(struct modules *modules);

/* For tests: replaces finit_module(2). */
void modules_set_insert(struct modules *modules, modules_insert_fn insert, void *context);

#endif
