/*
 * conf_files: the files a configuration is made of, one including the other.
 *
 * Knows how an included file's name is completed, how deep and how many may be, that none
 * includes itself, and what their digest is.  Does not know what stands in them.  One reader
 * for one reading; any thread.
 */
#ifndef NEARCAST_CONF_FILES_H
#define NEARCAST_CONF_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf_reader.h"

#define CONF_FILES_DEPTH 8		/* files included by included files */
#define CONF_FILES_SIZE (16u << 20)	/* octets of one file */

/* The file that was named, before all others.  0, or -1 with a message. */
int conf_files_begin(struct conf_reader *r, const char *path);

/* Its text, or that of conf_files_include, counts into the digest. */
void conf_files_digest(struct conf_reader *r, const char *text, size_t len);

/* A file that is being read: by which line it was included; 0 for the one that was named. */
struct conf_files_open {
	unsigned number;
	int line;
};

/* The text of the file that `name` on `line` includes, the caller's to free, and its `number`.
 * `open` are the `n` files around it.  NULL with a message. */
char *conf_files_include(struct conf_reader *r, const char *name, int line,
    const struct conf_files_open *open, size_t n, size_t *len, unsigned *number);

#endif
