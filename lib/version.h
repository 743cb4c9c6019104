/* The order of releases by their versions. */
#ifndef PROA_LIB_VERSION_H
#define PROA_LIB_VERSION_H

/*
 * Older, the same, newer: below, at or above 0. Numbers count as such: 2026.9.0 is older than
 * 2026.11.0; and what stands behind "~" comes before the release: 2026.11.0~rc2 is older, too.
 * docs/internals.md, "The bundle", has the rule for other programs.
 */
int version_compare(const char *one, const char *other);

#endif
