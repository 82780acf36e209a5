/*
 * history: what has happened to servers and to this site, a line each, kept over restarts.
 *
 *   1763690000.123 server fra1 up down "connect: refused"
 *   1763690000.456 site fra serving down "caches of this site are down: 0 of 2"
 *   1763690001.789 word fra drain "by ann: new disks"
 *
 * STATE-DIR/healthd.history is appended to, one write a line, and becomes healthd.history.old when
 * it has grown to HISTORY_FILE_MAX, so that the two are a bounded memory.  It is opened once:
 * neither a lack of descriptors nor one of space stops anything else.  The log spool gets the same
 * as JSON, and alarms.  Knows no judge's rules.
 * One thread.
 */
#ifndef NEARCAST_HISTORY_H
#define NEARCAST_HISTORY_H

#include <stdio.h>

#include "common/spool.h"
#include "healthd/message.h"
#include "healthd/prober/core.h"
#include "healthd/prober/operator.h"

#define HISTORY_FILE_MAX (1u << 20)
#define HISTORY_LINES 100		/* of a name that are told, the last ones */

struct history {
	char path[4096];
	int fd;				/* -1 = cannot be written */
	size_t size;			/* of the file */
	struct spool *spool;		/* the same goes there; NULL = nowhere */
};

/* Begins with what is there.  A file that cannot be written is told once, in the log. */
void history_open(struct history *history, const struct conf *conf);
void history_close(struct history *history);

void history_server(struct history *history, const struct judge_server *server);
void history_site(struct history *history, const char *site,
    const struct posture_message *posture, enum health_posture was);
void history_word(struct history *history, const struct operator_command *command,
    const struct operator_done *done);

/* To the spool alone. */
void history_alarm(struct history *history, const struct alarm *alarm, bool over);

/* Writes the last lines about `name` (server, site, or the pattern of a command) to `out`, oldest
 * first.  0, or -1 with a reason: there are none. */
int history_print(const struct history *history, const char *name, FILE *out, struct err *err);

#endif
