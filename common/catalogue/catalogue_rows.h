/*
 * catalogue_rows: a list of files with their ids becomes a database file (catalogue.h).
 *
 * catalogue_write.h gathers the list and gives the ids; here it is written, in the order of
 * ids, to a file that nobody reads yet.  One thread.
 */
#ifndef NEARCAST_CATALOGUE_ROWS_H
#define NEARCAST_CATALOGUE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "common/catalogue/catalogue.h"
#include "common/err.h"

/* A file of the list. */
struct catalogue_write_row {
	struct catalogue_file file;	/* id 0 until it has one */
	char *path;			/* no NUL behind it; in a block, as all below */
	uint32_t len, line;
	struct catalogue_pieces pieces;	/* n 0 = none */
};

/* Writes `n` rows, sorted by path and none twice, to a new file at `path`; pieces that they lack,
 * and its lineage, are taken from `old`, which may be NULL; `last` is the largest id that was ever
 * given.  0, or -1 with a reason: what is there then is for the caller to remove. */
int catalogue_rows_write(const char *path, const struct catalogue_write_row *rows, size_t n,
    struct catalogue *old, uint32_t last, struct err *err);

#endif
