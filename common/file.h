/*
 * file: regular files read whole, replaced whole, and told from what they were.
 *
 * Reading never waits and never takes more than it was allowed: FIFOs, devices and files that
 * are too large are refused, and so is a file that changes while it is read, for it would be
 * neither the old nor the new one.  Reasons for not reading do not name the file: callers put
 * its name, or where it was named, before them (err_prefix).  Writing goes to FILE.new beside
 * it, then rename(2): readers see the old file or the new one.  Knows nothing of what is in a
 * file.  Any thread; two writers of one file must not run at once.
 */
#ifndef NEARCAST_FILE_H
#define NEARCAST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/err.h"

/* A regular file open for reading, and what it was when it was opened. */
struct file {
	int fd;
	struct stat st;
};

/* `flags` is 0 or O_NOFOLLOW.  0, then file_close is the caller's; or -1 with a reason, and
 * errno as open(2) left it, or 0 for what was opened and is no regular file. */
int file_open(struct file *file, const char *path, int flags, struct err *err);

/* Reads all of st.st_size octets into `to`, in steps between which other threads of this core
 * have their turn (memory.h).  0, or -1 with a reason: the file has changed since it was
 * opened, or could not be read. */
int file_fill(const struct file *file, void *to, struct err *err);

void file_close(struct file *file);

/* The whole of a file of at most `max` octets, with a NUL behind them that `len` does not count.
 * The caller frees it.  NULL with a reason and errno as from file_open, 0 for all that comes
 * after opening. */
char *file_read(const char *path, int flags, size_t max, size_t *len, struct err *err);

/* What tells one state of a file from another: device, inode, size, and both times with their
 * nanoseconds.  Tools that copy or unpack set the time of modification to what it was
 * elsewhere; the time of change is the kernel's alone.  0 = there is no such file (or `path`
 * is NULL). */
uint64_t file_stamp(const char *path);
uint64_t file_stamp_of(const struct stat *st);	/* never 0 */

/* The stamp of several files, from that of those before and the next one's; order counts. */
uint64_t file_stamp_add(uint64_t before, uint64_t stamp);

/* How a file is replaced. */
struct file_new {
	mode_t mode;
	/* File and folder are on the disk before the call returns: for what must outlive a power
	 * cut.  Not for files of run-dir, which is a tmpfs and gone by then; a slow disk must not
	 * hold up the process that renews the lease of the route. */
	bool sync;
	bool keep_old;			/* the file before stays as PATH.old */
	/* Prints all of it; errors of `out` need no look.  -1 with errno gives up. */
	int (*print)(void *arg, FILE *out);
	void *arg;
};

/* 0, or -1 with errno and a reason, which names the file; then the old one is still there,
 * unless it was the folder that could not be put on the disk. */
int file_replace(const char *path, const struct file_new *how, struct err *err);

/* The file `fresh`, which was written by other means and lies in the same folder, becomes
 * `path`, both on the disk before the call returns.  0, or -1 with errno and a reason. */
int file_adopt(const char *fresh, const char *path, struct err *err);

#endif
