/*
 * mirror_file: what healthd says of other people's mirrors, as text that redirectd follows.
 *
 *   nearcast-mirrors 1 generation=42 stamp=1763690000.123 lease=10000
 *   mirror uib up since=1763680000.000 weight=100 samples=100 bad=1 scanned=1763650000 reason="ok"
 *   end 1
 *
 * Written, read, leased and replaced as the health file is (health_file.h), beside it: MIRRORS in
 * run-dir.  State is what the mirror is: up; incomplete, when files that it should have were not
 * delivered since it was scanned; down, when it does not answer; unknown.  weight says what that
 * means for clients: 0 = nobody is sent there, 100 = as it is configured.  So an incomplete mirror
 * may still be used (a file or two, which are no longer among what it holds), and one that is
 * unknown is.  samples and bad count the last HEADs, a hundred at most; scanned is the stamp of
 * the last scan that was taken, 0 = none.
 *
 * Whoever finds no file, none that may be believed, or no line for a mirror takes the mirror for
 * unknown: it fails open.  Knows no configuration.  One thread a struct.
 */
#ifndef NEARCAST_MIRROR_FILE_H
#define NEARCAST_MIRROR_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define MIRROR_FILE_NAME "mirrors"	/* in run-dir */
#define MIRROR_NAME_MAX 64		/* octets with NUL */
#define MIRROR_REASON_MAX 128
#define MIRROR_FILE_MAX (1u << 20)	/* a larger file is refused */

enum mirror_state { MIRROR_UNKNOWN, MIRROR_UP, MIRROR_INCOMPLETE, MIRROR_DOWN };

struct mirror_line {
	char name[MIRROR_NAME_MAX];
	enum mirror_state state;
	double since;			/* CLOCK_REALTIME, seconds */
	uint8_t weight;			/* percent of the configured one: 0 or 100 */
	unsigned samples, bad;		/* of the last 100 HEADs */
	double scanned;			/* CLOCK_REALTIME, seconds; 0 = never */
	char reason[MIRROR_REASON_MAX];
};

struct mirror_file {
	uint64_t generation;
	double stamp;			/* CLOCK_REALTIME, seconds */
	uint32_t lease_ms;
	struct mirror_line *lines;	/* owned; sorted by name */
	size_t n;
};

/* Reads and checks `path`.  0 and *file filled, owned by the caller (mirror_file_clear), or -1
 * with a reason and *file empty. */
int mirror_file_read(struct mirror_file *file, const char *path, struct err *err);

/* The same from memory, `name` standing for the file in messages. */
int mirror_file_parse(struct mirror_file *file, const char *name, const char *text, size_t len,
    struct err *err);

/* Replaces `path` by rename; lines need not be sorted.  0, or -1 with a reason and the old file
 * as it was. */
int mirror_file_write(const struct mirror_file *file, const char *path, struct err *err);

void mirror_file_clear(struct mirror_file *file);

/* May it be believed at `now` (CLOCK_REALTIME, seconds)?  As health_file_current. */
bool mirror_file_current(const struct mirror_file *file, double now);

/* NULL = there is no line for it. */
const struct mirror_line *mirror_file_find(const struct mirror_file *file, const char *name);

const char *mirror_file_state(enum mirror_state state);

#endif
