/*
 * rsync_list: one rsync(1) that lists what a mirror has, read line by line.
 *
 * It runs with the clock of UTC and plain C names; it gives up by itself when it cannot connect in
 * 10 s or hears nothing for 60 s, and is killed, with all that it started, when its time is over,
 * or its listing has more lines or longer ones than anybody needs.  Knows neither mirrors nor
 * files.  One thread; many may run at a time (rsync_list_turn).
 */
#ifndef NEARCAST_RSYNC_LIST_H
#define NEARCAST_RSYNC_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/catalogue/listing.h"
#include "common/err.h"

/* Zero it, set the upper half, then rsync_list_start. */
struct rsync_list {
	const char *url;		/* borrowed until it has ended */
	uint64_t limit_ms;		/* how long it may take */
	uint64_t lines_max;
	void (*line)(void *arg, const char *line, size_t len);	/* without its end */
	void *arg;

	/* what comes out */
	bool running;
	int status;			/* rsync's exit status; -1 = killed, or by a signal */
	uint64_t lines;
	char why[200];			/* what went wrong; "" = nothing */

	/* its own */
	pid_t pid;
	int out, log;			/* its stdout and stderr; -1 = closed */
	uint64_t end_ms;
	size_t have, said;
	char buffer[1 << 16], words[4096];
};

/* 0, or -1 with a reason. */
int rsync_list_start(struct rsync_list *list, struct err *err);

/* Reads what those that run have printed, waiting for it up to `wait_ms`, and ends those that have
 * ended or must end. */
void rsync_list_turn(struct rsync_list *const *lists, size_t n, int wait_ms);

/* Kills it, if it runs. */
void rsync_list_stop(struct rsync_list *list, const char *why);

#endif
