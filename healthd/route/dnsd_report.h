/*
 * dnsd_report: what the running dnsd says of itself, on its control socket after `watch`.
 *
 * A report is lines, ended by an empty one; dnsd sends one at once, on every change, and
 * every 250 ms:
 *
 *   serving generation=7 digest=0123456789abcdef zones=3/3
 *   address 192.0.2.53@53 received=1200 answered=1199
 *
 * Lines that begin with another word are passed over: a newer dnsd may say more.  A report with
 * a line of these two that cannot be read, that is too long, or with too many addresses is worth
 * nothing as a whole, and so is one that is cut off.  Pure: octets in, reports out; one thread.
 */
#ifndef NEARCAST_DNSD_REPORT_H
#define NEARCAST_DNSD_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

enum {
	DNSD_REPORT_ADDRESSES = 256,	/* that dnsd may listen on */
	DNSD_REPORT_LINE = 256,		/* octets of a line, its end among them */
	DNSD_REPORT_DIGEST = 17		/* octets of a digest's text, with NUL */
};

struct dnsd_report_address {
	struct addr addr;		/* with its port */
	uint64_t received, answered;	/* over UDP, since dnsd began */
};

struct dnsd_report {
	uint64_t generation;
	char digest[DNSD_REPORT_DIGEST]; /* of the configuration that is in force */
	unsigned loaded, zones;		/* zones served, of those configured */
	struct dnsd_report_address addresses[DNSD_REPORT_ADDRESSES];
	size_t n;
};

/* Zero it for each connection. */
struct dnsd_report_reader {
	struct dnsd_report report;	/* whole when dnsd_report_read says so,
					 * until its next call */
	char line[DNSD_REPORT_LINE];
	size_t len;
	bool overlong;			/* the line, or it has a NUL */
	bool ended;			/* the report; the next line begins another */
	bool spoilt;			/* the report, by some line of it */
	bool serving;			/* it has that line */
};

/* Takes octets of *text, which moves on, *len of them in all, until a report is whole: true.
 * False when all have been taken. */
bool dnsd_report_read(struct dnsd_report_reader *reader, const char **text, size_t *len);

#endif
