/*
 * hashes: one hash of a file as a line that md5sum, sha256sum and scripts read.
 *
 * `HEX  NAME`, or HEX alone; a name with a line end or a backslash is written as coreutils
 * write it, a backslash before the line and escapes in it.  Knows no request.  Pure but for the
 * draft; any thread.
 */
#ifndef NEARCAST_HASHES_H
#define NEARCAST_HASHES_H

#include "redirectd/choice.h"
#include "redirectd/draft.h"

void hashes_write(struct draft *draft, const struct choice_file *file, const uint8_t *hash,
    size_t n, bool alone);

#endif
