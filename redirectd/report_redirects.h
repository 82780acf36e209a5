/*
 * report_redirects: what redirectd answers to commands: its state as text and JSON, its counters.
 *
 * Knows no sockets.  Main thread.
 */
#ifndef NEARCAST_REPORT_REDIRECTS_H
#define NEARCAST_REPORT_REDIRECTS_H

#include <stdio.h>

#include "redirectd/follow.h"
#include "redirectd/serve.h"

struct report_redirects {
	struct follow *follow;
	struct serve *serve;
	double started;			/* CLOCK_REALTIME, seconds */
	uint64_t reloads, reload_failures;
};

void report_redirects_status(const struct report_redirects *report, FILE *out);
/* -1 = out of memory. */
int report_redirects_json(const struct report_redirects *report, FILE *out);
void report_redirects_counters(const struct report_redirects *report, FILE *out);

#endif
