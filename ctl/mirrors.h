/*
 * mirrors: what is known of other people's mirrors, for `nearctl status`: healthd's samples
 * (mirror_file.h), scans (held.h) and how much the catalogue has, laid side by side.
 *
 * Knows no daemon: all of it is in files.  One thread.
 */
#ifndef NEARCAST_MIRRORS_H
#define NEARCAST_MIRRORS_H

#include <jansson.h>
#include <stdio.h>

#include "common/conf/conf.h"

struct mirrors;

/* Reads the three files; whatever cannot be read is said by mirrors_alarms.  NULL without memory,
 * or when `conf` has no mirror. */
struct mirrors *mirrors_gather(const struct conf *conf, double now);
void mirrors_free(struct mirrors *mirrors);	/* NULL is fine */

/* Tells each alarm: what cannot be read, scans that were not taken, more bad mirrors than half. */
void mirrors_alarms(const struct mirrors *mirrors, void (*alarm)(void *arg, const char *text),
    void *arg);

void mirrors_print(const struct mirrors *mirrors, FILE *out);
json_t *mirrors_json(const struct mirrors *mirrors);

#endif
