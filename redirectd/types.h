/*
 * types: a file's MIME type by the ending of its name, for `exclude-type` and Accept.
 *
 * A few types that downloads have are known here; /etc/mime.types, where there is one, says more,
 * and is believed before.  Immutable once read; any thread.
 */
#ifndef NEARCAST_TYPES_H
#define NEARCAST_TYPES_H

#include <stddef.h>

#include "common/err.h"

struct types;

/* `path` that cannot be read is as good as empty.  NULL = out of memory. */
struct types *types_read(const char *path, struct err *err);
void types_free(struct types *types);

/* "application/octet-stream" for an ending that is not known, or none. */
const char *types_find(const struct types *types, const char *path, size_t len);

#endif
