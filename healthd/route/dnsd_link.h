/*
 * dnsd_link: the connection to dnsd's control socket, on which it reports.
 *
 * Connects, says `watch`, hands over each report that is whole, and tries again every 250 ms
 * when the connection ends.  What comes is bounded: whoever sends more than DNSD_LINK_FLOOD
 * octets within 250 ms is hung up on, so that it costs the keeper next to nothing.  Runs on its
 * owner's loop; one thread.  Knows no addresses and no questions.
 */
#ifndef NEARCAST_DNSD_LINK_H
#define NEARCAST_DNSD_LINK_H

#include "common/loop.h"
#include "healthd/route/dnsd_report.h"

enum {
	DNSD_LINK_AGAIN_MS = 250,	/* between tries */
	DNSD_LINK_MUTE_MS = 2000,	/* without a report: dnsd is one that makes none */
	DNSD_LINK_FLOOD = 65536
};

/* Zero it, set the upper half, then dnsd_link_open.  It must not move. */
struct dnsd_link {
	struct loop *loop;
	/* all three in a turn of the loop; the report is valid until it returns */
	void (*report)(struct dnsd_link *link, const struct dnsd_report *report);
	void (*mute)(struct dnsd_link *link);	/* connected, and no report comes */
	void (*lost)(struct dnsd_link *link);	/* the connection is gone */

	/* the link's own */
	char path[108];			/* as long as a socket's path may be */
	struct loop_io io;		/* fd -1 = not connected */
	struct loop_timer timer;	/* the next try, or the end of patience for a report */
	struct dnsd_report_reader reader;
	uint64_t window_ms;		/* when the count of octets began */
	size_t octets;
};

/* Begins in the loop's next turn.  0, or -1 with a reason. */
int dnsd_link_open(struct dnsd_link *link, const char *run_dir, struct err *err);

/* Ends what was begun, or nothing. */
void dnsd_link_close(struct dnsd_link *link);

#endif
