/*
 * sample_state: what the samples of mirrors say of each, and of all together.
 *
 * down: SAMPLE_FALL failures in a row, and somebody else has answered since the first of them:
 *   otherwise it may be our own network that is gone, and nobody is taken out for that.  A mirror
 *   that is the only one left to ask goes down by itself.  SAMPLE_RISE answers bring it back.
 * incomplete: a file that it is said to hold was bad since the last scan.  That file is out of its
 *   bitmap already, so clients are sent there all the same; unless more than SAMPLE_BAD_MAX of
 *   the last SAMPLE_WINDOW were bad: then nobody is, until a scan has been taken, or, where there
 *   is none, until hardly any of the last samples was bad.
 * Of all mirrors at most half are put out for that, those with the most bad samples.
 *
 * Time is given.  Knows no transfer, no file and no catalogue.  Pure; one thread.
 */
#ifndef NEARCAST_SAMPLE_STATE_H
#define NEARCAST_SAMPLE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mirror_file.h"
#include "healthd/sample/sample_answer.h"

enum {
	SAMPLE_FALL = 2, SAMPLE_RISE = 2, SAMPLE_WINDOW = 100, SAMPLE_BAD_MAX = 5,
	SAMPLE_BAD_CLEAN = 2		/* where no scan says that it is complete again */
};

/* One mirror; all zero and with `scannable` set it is one of which nothing is known. */
struct sample_state {
	bool scannable;			/* scans come, or may come */
	enum mirror_state state;
	double since;			/* CLOCK_REALTIME, seconds */
	bool out;			/* nobody is sent there for what is bad */
	char reason[MIRROR_REASON_MAX];

	/* answers and failures */
	unsigned failures, answers;	/* in a row */
	char fault[SAMPLE_WHY];		/* of the last failure */
	uint64_t failing_ms;		/* when the sample was begun that failed first; monotonic */
	uint64_t answered_ms;		/* when the last one was begun that was answered */
	bool alone;			/* waits for somebody else to answer */

	/* of files that it is said to hold, the last ones, a ring of bits */
	bool window[SAMPLE_WINDOW];
	unsigned at, samples, bad;
	double bad_at;			/* when the last was bad; CLOCK_REALTIME; 0 = none */
	double scanned;			/* when the last scan began that was taken; 0 = none */
	bool chosen;			/* to be out, while all are decided on */
};

/* A sample was answered or not.  `claimed`: of a file that the mirror is said to hold. */
void sample_state_result(struct sample_state *state, enum sample_verdict verdict, bool claimed,
    const char *why, uint64_t begun_ms, double wall);

/* A scan that began then was taken; both are CLOCK_REALTIME.  One that began in the future was made
 * while the clock was wrong, and says nothing of what was bad before or after it. */
void sample_state_scanned(struct sample_state *state, double began, double wall);

/* Decides for all, after anything happened.  True if the state or `out` of any has changed; *held
 * is how many should be out, but are not, as half of them are.  Others answer or not, so it has to
 * be asked for all of them. */
bool sample_state_decide(struct sample_state *const *states, size_t n, double wall,
    size_t *held);

#endif
