/*
 * dnsd_life: does dnsd answer on one service address?  The state machine, and nothing else.
 *
 * Questions go out in rounds, every 250 ms, with 150 ms for the answers: one about the server
 * itself (CH TXT site.nearcast, which dnsd can always answer) and, beside it, some about
 * zones.  What a round shows, the first that applies:
 *
 *   served    an answer about a zone: it counts towards being back.  So does REFUSED when dnsd says
 *             who it is and reports that it serves zones: they are others than we know of
 *   alive     REFUSED, or only zones fail that have never been served: nothing fails, and
 *             nothing comes back either
 *   wrong     all zones that were asked about fail (SERVFAIL, garbage), or nobody could be asked
 *   silent    no answer about a zone (a dnsd that says who it is and nothing else is hung, too)
 *   closed    nobody listens
 *   unasked   we ourselves could not ask: it counts for nothing
 *
 * After a first miss comes a larger round, with ten questions from ten ports: a full socket in a
 * flood, or one stuck worker, is not a dead dnsd.  After silence that is at once, and three misses
 * are a failure; after an error later, and two are: 200 ms after a wrong answer, 500 after a
 * closed port, for a dnsd that is only being restarted is back by then.  So a dnsd that
 * hangs is found within 250 + 3 * 150 ms, a babbling one within 250 + 200, a dead one within 500
 * of the loss of its control connection, and within 250 + 500 without one.  Three served rounds
 * in a row, and the address is back.
 *
 * An address that never answered cannot fail: it may be one that dnsd does not know yet.  Nor does
 * silence fail while dnsd's reports say that it goes on answering others there, more than could be
 * answers to us: that is overload, and the address is held.  A report says something about the
 * time before it came, but for how long after?  For 450 ms: reports come every 250, so that one
 * may be late; and a dnsd that was stopped right after a report, or whose workers hang while it
 * goes on reporting (what moved since the report before may have moved just before they hung), is
 * still found within 700 ms.
 * Under overload the reports are late, too: once two reports that came in the silence have shown
 * answers given between them, the address is given 1.5 s, unless one comes in which nothing has
 * moved.  And a flood at one address leaves no time for another: silence there is overload as
 * well, while both are silent.
 *
 * Pure: no clock, no socket; times are monotonic milliseconds that do not run backwards.  Knows
 * no route and no prefix.
 */
#ifndef NEARCAST_DNSD_LIFE_H
#define NEARCAST_DNSD_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "healthd/route/dnsd_answer.h"

#define DNSD_LIFE_INTERVAL_MS 250
#define DNSD_LIFE_TIMEOUT_MS 150
#define DNSD_LIFE_PAUSE_MS 200		/* between a wrong answer and the next question */
#define DNSD_LIFE_RESTART_MS 500	/* between a closed port and the next question */
#define DNSD_LIFE_MOVED_MS 450		/* a report that shows answers counts for so long */
#define DNSD_LIFE_STILL_MS 200		/* without movement between two reports: it has ended */
#define DNSD_LIFE_LATE_MS 1500		/* the same, once overload is certain */
#define DNSD_LIFE_FALL 2		/* misses, the last of them an error */
#define DNSD_LIFE_FALL_SILENT 3		/* misses, the last of them silence */
#define DNSD_LIFE_RISE 3

enum dnsd_life_state {
	DNSD_LIFE_UNKNOWN,		/* nothing has answered yet, or not often enough */
	DNSD_LIFE_SERVING,
	DNSD_LIFE_HELD,			/* silent to us, and answers others: overload */
	DNSD_LIFE_FAILED
};

/* What a question was about. */
enum dnsd_life_about {
	DNSD_LIFE_SERVER,
	DNSD_LIFE_ZONE,			/* one that has been served before */
	DNSD_LIFE_NEW_ZONE		/* one that never was */
};

/* Zero it. */
struct dnsd_life {
	enum dnsd_life_state state;
	bool proven;			/* it has answered once: it can fail; may be set, too */
	bool loaded;			/* set by the owner: dnsd reports zones that it serves */
	bool elsewhere;			/* set by the owner before dnsd_life_end and _time: another
					 * address is flooded */
	const char *why;		/* of the last miss, static text; NULL = none yet */
	uint32_t held;			/* times that it came to be held */

	/* the module's own */
	uint64_t asked_ms;		/* when this round began */
	uint64_t missed_ms;		/* when the first of the misses in a row was asked */
	uint64_t due_ms;		/* of the next round */
	unsigned misses, served;	/* rounds, in a row */
	unsigned answers[DNSD_LIFE_NEW_ZONE + 1][DNSD_ANSWER_BAD + 1]; /* of this round */
	unsigned asked;			/* questions of this round */
	bool zone_asked, closed, settled;
	bool silent;			/* the last round was */
	const char *round_why;		/* of this round */
	uint64_t answered;		/* of the last report */
	uint64_t asked_since;		/* questions of ours since */
	bool reported;			/* there was one on this connection */
	uint64_t reported_ms;		/* when it came */
	bool moved;			/* and it, or one before, showed answers */
	uint64_t moved_ms;		/* when the last that did came */
	bool certain;			/* answers were given since the silence began */
};

/* A round begins. */
void dnsd_life_begin(struct dnsd_life *life, uint64_t now_ms);

/* A question of the round is on its way. */
void dnsd_life_asked(struct dnsd_life *life, enum dnsd_life_about about);

/* One was answered; `why` is static text, and as dnsd_answer_judge gives it. */
void dnsd_life_heard(struct dnsd_life *life, enum dnsd_life_about about, enum dnsd_answer answer,
    const char *why);

/* One could not be asked, or its answer not be had: `error` is errno. */
void dnsd_life_error(struct dnsd_life *life, int error);

/* The round is over: all its questions have ended, or their time. */
void dnsd_life_end(struct dnsd_life *life, uint64_t now_ms);

/* We ourselves stood still: the round counts for nothing, and the next is due at once.  What is
 * held is held until the reports that wait have been read. */
void dnsd_life_void(struct dnsd_life *life, uint64_t now_ms);

/* The address is from now on asked by somebody else, who has a new connection for reports, and
 * knows what was known: a reload neither forgets misses nor that there is a flood. */
void dnsd_life_inherit(struct dnsd_life *life, const struct dnsd_life *former, uint64_t now_ms);

/* Is it silent to us while it answers others? */
bool dnsd_life_flooded(const struct dnsd_life *life, uint64_t now_ms);

/* True if the next round is to be a large one. */
bool dnsd_life_doubts(const struct dnsd_life *life);

/* A report came, with this count of answers, which may wrap around. */
void dnsd_life_report(struct dnsd_life *life, uint64_t answered, uint64_t now_ms);

/* The reports have ended: what they showed counts no more. */
void dnsd_life_unreported(struct dnsd_life *life);

/* Time has passed: what is held may have failed meanwhile.  Returns when that is to be asked
 * again; UINT64_MAX = no need to. */
uint64_t dnsd_life_time(struct dnsd_life *life, uint64_t now_ms);

#endif
