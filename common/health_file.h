/*
 * health_file: what healthd says of the servers, as text that dnsd follows.
 *
 * The format, one item a line, fields in this order, blank-separated:
 *
 *   nearcast-health 1 generation=42 stamp=1763690000.123 lease=5000
 *   site fra serving drain=0 since=1763680000.000 reason="ok"
 *   server fra1 up v4=up v6=down since=1763680000.000 weight=100 ttl=12 set=2026-11-20 reason="ok"
 *   end 2
 *
 * generation counts replacements; stamp is CLOCK_REALTIME in seconds when the
 * file was written; lease is how many milliseconds after the stamp it may be
 * believed.  `end N` closes the file and counts the site and server lines: a
 * file without it is cut off.  A name, a set id has no blank and no quote
 * (set=- is none); a reason is quoted, printable ASCII, without '"' and '\'.
 * weight is the percent of the configured weight left (load); ttl is the number
 * of seconds within which this server's state cannot change (0 = unknown).  drain says
 * whether the operator drains the site, whatever became of its route; the field may be left
 * out, as healthd did before there was one.
 *
 * Reading is strict: anything else is an error that names file, line and value,
 * and nothing of the file is used.  It is replaced by rename (file.h).  Knows no
 * configuration: names are text here.  Pure but for the file; one thread at a time per
 * struct.
 */
#ifndef NEARCAST_HEALTH_FILE_H
#define NEARCAST_HEALTH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define HEALTH_NAME_MAX 64		/* octets with NUL, names and set ids */
#define HEALTH_REASON_MAX 128
#define HEALTH_FILE_MAX (8u << 20)	/* a larger file is refused */

enum health_state {
	HEALTH_UNKNOWN,			/* not judged yet: fails open */
	HEALTH_UP,
	HEALTH_STALE,			/* alive, content behind: a last resort */
	HEALTH_DRAIN,			/* by the operator's word: given to nobody */
	HEALTH_DOWN
};

enum health_posture { POSTURE_DOWN, POSTURE_DRAINING, POSTURE_SERVING };

struct health_site {
	char name[HEALTH_NAME_MAX];
	enum health_posture posture;
	bool drain_said;		/* the line says whether the site is drained: */
	bool drain;
	double since;			/* CLOCK_REALTIME, seconds */
	char reason[HEALTH_REASON_MAX];
};

struct health_server {
	char name[HEALTH_NAME_MAX];
	enum health_state state;	/* of the server as a whole */
	enum health_state v4, v6;	/* of each family; UNKNOWN where it has no address */
	double since;
	uint8_t weight;			/* percent, 0-100 */
	uint32_t ttl_s;
	char set[HEALTH_NAME_MAX];	/* "" = none */
	char reason[HEALTH_REASON_MAX];
};

struct health_file {
	uint64_t generation;
	double stamp;			/* CLOCK_REALTIME, seconds */
	uint32_t lease_ms;
	struct health_site *sites;	/* owned */
	size_t n_sites;
	struct health_server *servers;	/* owned */
	size_t n_servers;
};

/* Reads and checks `path` (a regular file).  0 and *file filled, owned by the
 * caller (health_file_clear), or -1 with a reason and *file empty. */
int health_file_read(struct health_file *file, const char *path, struct err *err);

/* The same from memory, `name` standing for the file in messages. */
int health_file_parse(struct health_file *file, const char *name,
    const char *text, size_t len, struct err *err);

/* Replaces `path` by rename.  0, or -1 with a reason and the old file as it was. */
int health_file_write(const struct health_file *file, const char *path, struct err *err);

void health_file_clear(struct health_file *file);

/* May it be believed at `now` (CLOCK_REALTIME, seconds)?  Not once its lease is over, nor
 * when its stamp lies ahead by more than that: a clock was set, or the file is another's. */
static inline bool
health_file_current(const struct health_file *file, double now)
{
	double age_s = now - file->stamp, lease_s = file->lease_ms / 1000.0;

	return age_s <= lease_s && age_s >= -lease_s;
}

const char *health_state_name(enum health_state state);
const char *health_posture_name(enum health_posture posture);

/* Turns any text into one that is allowed as a reason; returns `out`. */
char *health_reason(char out[HEALTH_REASON_MAX], const char *text);

/* The same where there is room for `size` octets. */
char *health_phrase(char *out, size_t size, const char *text);

#endif
