/*
 * log_files: the segments below a folder, in the order in which their lines were written.
 *
 * A source is what one process wrote (KIND-BOOT-NNNNNN.log), or nginx (nginx-SLOT.log), in one
 * folder; its files are in the order of their names.  NAME.log.HASH is what somebody had instead of
 * NAME.log (deploy/logs/ship) and comes behind it.  Other files are passed over.  Knows no lines.
 * One thread.
 */
#ifndef NEARCAST_LOG_FILES_H
#define NEARCAST_LOG_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/err.h"

struct log_file {
	char *path;			/* owned */
	char kind[32];			/* "dnsd" */
	char source[512];		/* folder and what comes before the segment's number */
	uint64_t number;		/* of the segment; 0 for nginx's */
	bool aside;			/* has a HASH */
	off_t size;			/* when it was found */
	off_t taken;			/* octets that a reader has done with; 0 at first */
};

struct log_files {
	struct log_file *v;		/* by source, then in the order of writing */
	size_t n;
};

/* All below `folder`; links are not followed.  0, or -1 with a reason; the caller frees `files` in
 * any case. */
int log_files_find(struct log_files *files, const char *folder, struct err *err);
void log_files_free(struct log_files *files);

/* Prints what names of files and logs have given: octets that are not printable ASCII, and \, as
 * \ooo. */
void log_files_put(FILE *to, const char *text);

/* Says on stderr, in that way, what could not be read. */
void log_files_warn(const char *why);

#endif
