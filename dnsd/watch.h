/*
 * watch: tells when files change, at once by inotify on their folders, and, where
 * inotify cannot see it (a folder that comes later, the target of a link), within two
 * seconds by asking.  Says which file, not what changed; knows nothing of what is in them.
 * Main thread only.
 */
#ifndef NEARCAST_WATCH_H
#define NEARCAST_WATCH_H

#include <stdint.h>

#include "common/err.h"

#define WATCH_MAX 8

struct watch;

/* NULL with a reason. */
struct watch *watch_new(struct err *err);
/* NULL is fine. */
void watch_free(struct watch *watch);
/* Readable when watch_events has something to say; the watch's. */
int watch_fd(const struct watch *watch);

/* File number `i` (below WATCH_MAX) is `path` from now on, which is copied; NULL = none. */
void watch_set(struct watch *watch, unsigned i, const char *path);

/* Bits of the files that may have changed, by what inotify has said since. */
uint32_t watch_events(struct watch *watch);

/* To be called once a second: bits of files that differ from how they were seen last and
 * have not changed since the call before. */
uint32_t watch_poll(struct watch *watch);

#endif
