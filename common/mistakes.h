/*
 * mistakes: what is wrong with a file, all of it and in the file's order.
 *
 * Whoever reads a file goes on after a mistake, keeps each here, and tells them when the file
 * is read: the first MISTAKES_TOLD one by one, the others as a number.  A mistake is a whole line
 * ("FILE:LINE: what, which value, what was expected") and a place, a number that grows along
 * the file, because what is wrong is not found in the order in which it stands: a name that is
 * nowhere is known to be when everything is read.  Where there is no such number any constant
 * does; the order is then that of finding.
 *
 * Does not know files and what may be wrong with them.  That a mistake's consequences are not kept
 * as mistakes is the reader's business.  No heap; any thread, one owner.
 */
#ifndef NEARCAST_MISTAKES_H
#define NEARCAST_MISTAKES_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { MISTAKES_TOLD = 20 };

/* All zero = none. */
struct mistakes {
	struct mistakes_line {
		uint64_t place;
		char text[sizeof(((struct err *)0)->text)];
	} first[MISTAKES_TOLD];		/* in order */
	size_t n;			/* all of them, also those that are not in `first` */
};

/* Keeps a line, which is copied, cut to the size of a struct err; not if it is there already.
 * Returns -1, as err_set does. */
int mistakes_add(struct mistakes *mistakes, uint64_t place, const char *line);

/* Into err, which may be NULL, the first, with " (and N more)" behind it where it is not the only
 * one.  Then each is handed to `error`, which may be NULL, too, with "FILE: and N more mistakes" at
 * the end where not all are kept, and err->told says so: one mistake alone is err's.  Returns 0 if
 * there are none, in which case err stays as it is, else -1. */
int mistakes_tell(const struct mistakes *mistakes, const char *file, const struct warn *error,
    struct err *err);

#endif
