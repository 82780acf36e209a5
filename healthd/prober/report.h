/*
 * report: the status, as text for people and as JSON for programs.
 *
 * Only reads.  One thread.
 */
#ifndef NEARCAST_REPORT_H
#define NEARCAST_REPORT_H

#include <stdio.h>

#include "healthd/prober/publish.h"

struct report {
	const struct conf *conf;
	const struct judge *judge;
	const struct alarms *alarms;
	const struct link *link;
	const struct health_file *file;	/* as published last */
	double started;			/* wall clock, seconds */
	struct judge_time now;
};

/* Of many servers, with `all` false, a summary. */
void report_text(const struct report *report, bool all, FILE *out);

/* 0, or -1 when memory is out. */
int report_json(const struct report *report, FILE *out);

#endif
