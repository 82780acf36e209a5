/*
 * control: one line asked, text answered, over a Unix socket in the run-dir.
 *
 * A client connects, sends one line of at most CONTROL_LINE_MAX printable ASCII
 * octets, and reads until the end: the first line is `ok` or `error: REASON`,
 * what follows is the command's own text.  The line `watch` is answered `ok` and
 * the connection then stays open until one side ends: whoever watches learns of
 * the daemon's death by end-of-file, at once, and is told the daemon's reports, where it
 * makes any.  A watcher that has not taken the last one when the next is due is dropped.
 *
 * The server runs on its owner's event loop (loop.h).  It never blocks, holds a
 * bounded number of connections (an idle one makes room for a newcomer) and closes
 * what has been silent for CONTROL_IDLE_MS, so that a hostile client costs nobody
 * else.  Who may connect is the file's mode: 0660.  Knows no commands.
 *
 * The server belongs to the loop's thread; the client functions may be called by any.
 */
#ifndef NEARCAST_CONTROL_H
#define NEARCAST_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/un.h>

#include "common/err.h"
#include "common/loop.h"

#define CONTROL_LINE_MAX 1024
#define CONTROL_MAX_CONNECTIONS 64
#define CONTROL_MAX_WATCHERS 32
#define CONTROL_IDLE_MS 10000

struct control;

enum control_result {
	CONTROL_OK,			/* `ok`, then what was written to out */
	CONTROL_ERROR,			/* `error: ` and err, then what was written to out */
	CONTROL_LATER			/* control_finish will be called; nothing was written */
};

/* Called in a turn of the loop for each line (without its end).  `request` names it for
 * control_finish and is never 0; `line` and `out` are borrowed for the call. */
typedef enum control_result control_handle(void *arg, uint64_t request, const char *line,
    FILE *out, struct err *err);

/* Listens at `path` and serves in the turns of `loop`, which must outlive the server.  A
 * socket file left by a dead process is replaced; a live one is the error "already running".
 * The caller's, for control_close.  NULL with a reason. */
struct control *control_listen(struct loop *loop, const char *path, control_handle *handle,
    void *arg, struct err *err);

/* Writes a report to `out`, which is borrowed for the call. */
typedef void control_report(void *arg, FILE *out);

/* Whoever watches is told what `report` writes: at once, and whenever control_tell is called. */
void control_set_report(struct control *control, control_report *report, void *arg);

/* Tells all watchers a report; without watchers, or without a report, nothing is done. */
void control_tell(struct control *control);

/* Gives the answer to a request that was CONTROL_LATER: `reason` NULL = ok.  `text` may be
 * NULL.  A client that has gone meanwhile is no error.  Requests that wait are not idle. */
void control_finish(struct control *control, uint64_t request, const char *reason,
    const char *text);

/* The socket and its lock file shall belong to the user that the daemon is about to become.
 * 0, or -1 with a reason. */
int control_give(struct control *control, uid_t uid, gid_t gid, struct err *err);

/* Makes way for a socket at sun_path: removes one that a dead process left there, refuses one that
 * somebody answers at, and anything else.  0, or -1 with a reason. */
int control_clear_path(const struct sockaddr_un *sun, struct err *err);

/* Closes every connection, removes the socket file, frees.  NULL is fine. */
void control_close(struct control *control);

/* Asks one line and waits for the whole answer; text after the first line goes to `out` (NULL =
 * nowhere).  0, or with a reason -1: it could not be asked within timeout_ms; or -2: its own
 * `error`. */
int control_ask(const char *path, const char *line, unsigned timeout_ms, FILE *out,
    struct err *err);

/* Connects and sends `watch` without waiting.  A non-blocking descriptor, the caller's to watch
 * and to close: end-of-file or an error means that the daemon is gone, octets read mean nothing.
 * -1 with a reason (err may be NULL). */
int control_watch(const char *path, struct err *err);

#endif
