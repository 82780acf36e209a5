#include "healthd/route/dnsd_life.h"

#include <errno.h>
#include <string.h>

#define OTHERS_MIN 10			/* answers between reports, beyond those to us */

/* How a round of questions ends. */
enum life_round {
	ROUND_SERVED, ROUND_ALIVE, ROUND_WRONG, ROUND_SILENT, ROUND_CLOSED, ROUND_UNASKED
};

void
dnsd_life_begin(struct dnsd_life *l, uint64_t now_ms)
{
	l->asked_ms = now_ms;
	memset(l->answers, 0, sizeof(l->answers));
	l->asked = 0;
	l->zone_asked = l->closed = l->settled = false;
	l->round_why = NULL;
}

void
dnsd_life_asked(struct dnsd_life *l, enum dnsd_life_about about)
{
	l->asked++;
	l->asked_since++;
	l->zone_asked = l->zone_asked || about == DNSD_LIFE_ZONE;
}

bool
dnsd_life_doubts(const struct dnsd_life *l)
{
	return l->misses > 0;
}

/* ---- overload ---- */

/* Until when answers to others are believed in; 0 = none were given. */
static uint64_t
moved_until(const struct dnsd_life *l)
{
	return !l->moved ? 0 :
	    l->moved_ms + (l->certain ? DNSD_LIFE_LATE_MS : DNSD_LIFE_MOVED_MS);
}

static bool
answers_others(const struct dnsd_life *l, uint64_t now_ms)
{
	return now_ms < moved_until(l);
}

bool
dnsd_life_flooded(const struct dnsd_life *l, uint64_t now_ms)
{
	return l->misses > 0 && l->silent && answers_others(l, now_ms);
}

/* Silence has lasted too long: it is a failure, or overload. */
static void
judge_silence(struct dnsd_life *l, uint64_t now_ms)
{
	if (!l->elsewhere && !answers_others(l, now_ms)) {
		l->state = DNSD_LIFE_FAILED;
		l->certain = false;
	} else if (l->state != DNSD_LIFE_HELD) {
		l->state = DNSD_LIFE_HELD;
		l->held++;
	}
}

static bool
is_silent(const struct dnsd_life *l)
{
	return l->state == DNSD_LIFE_HELD && l->misses >= DNSD_LIFE_FALL_SILENT;
}

void
dnsd_life_report(struct dnsd_life *l, uint64_t answered, uint64_t now_ms)
{
	/* twice: a question whose cookie was not good enough is answered with a better one, and
	 * answered again */
	if (l->reported && answered - l->answered > 2 * l->asked_since + OTHERS_MIN) {
		l->moved = true;
		l->moved_ms = now_ms;
		l->certain = l->certain || (l->misses > 0 && l->reported_ms >= l->missed_ms);
	} else if (now_ms >= l->reported_ms + DNSD_LIFE_STILL_MS) {
		l->certain = false;
	}
	l->answered = answered;
	l->reported_ms = now_ms;
	l->asked_since = 0;
	l->reported = true;
}

void
dnsd_life_unreported(struct dnsd_life *l)
{
	l->reported = l->moved = l->certain = false;
}

uint64_t
dnsd_life_time(struct dnsd_life *l, uint64_t now_ms)
{
	if (!is_silent(l))
		return UINT64_MAX;
	judge_silence(l, now_ms);
	return l->state == DNSD_LIFE_HELD && !l->elsewhere ? moved_until(l) : UINT64_MAX;
}

void
dnsd_life_inherit(struct dnsd_life *l, const struct dnsd_life *old, uint64_t now_ms)
{
	bool proven = l->proven || old->proven;

	*l = *old;
	l->proven = proven;
	l->settled = true;		/* nobody hears what the former has asked */
	l->due_ms = now_ms;
	/* another connection; what was moved before it moved nonetheless */
	l->reported = false;
}

/* ---- the end of a round ---- */

/* True if the misses so far are a failure. */
static bool
is_failure(const struct dnsd_life *l, enum life_round round)
{
	switch (round) {
	case ROUND_SILENT:
		return l->misses >= DNSD_LIFE_FALL_SILENT;
	case ROUND_CLOSED:
		return l->misses >= DNSD_LIFE_FALL &&
		    l->asked_ms >= l->missed_ms + DNSD_LIFE_RESTART_MS;
	default:
		return l->misses >= DNSD_LIFE_FALL;
	}
}

static void
round_missed(struct dnsd_life *l, enum life_round round, uint64_t now_ms)
{
	l->why = round == ROUND_SILENT ? "no answer within 150 ms" : l->round_why;
	l->silent = round == ROUND_SILENT;
	l->served = 0;
	if (l->misses++ == 0)
		l->missed_ms = l->asked_ms;
	if (l->proven && l->state != DNSD_LIFE_FAILED && is_failure(l, round)) {
		if (round == ROUND_SILENT)
			judge_silence(l, now_ms);
		else
			l->state = DNSD_LIFE_FAILED;
	}
	/* what is decided, or cannot be, is asked about no more often than ever */
	if (l->state == DNSD_LIFE_FAILED || l->state == DNSD_LIFE_HELD ||
	    (!l->proven && is_failure(l, round)))
		l->due_ms = l->asked_ms + DNSD_LIFE_INTERVAL_MS;
	else if (round == ROUND_SILENT)
		l->due_ms = now_ms;
	else
		l->due_ms = round == ROUND_WRONG ? l->asked_ms + DNSD_LIFE_PAUSE_MS :
		    l->missed_ms + DNSD_LIFE_RESTART_MS;
}

static void
round_answered(struct dnsd_life *l, bool served)
{
	l->misses = 0;
	l->certain = l->certain && l->state == DNSD_LIFE_HELD;
	l->due_ms = l->asked_ms + DNSD_LIFE_INTERVAL_MS;
	if (!served)
		return;
	if (l->served < DNSD_LIFE_RISE)
		l->served++;
	if (l->served >= DNSD_LIFE_RISE) {
		l->state = DNSD_LIFE_SERVING;
		l->certain = false;
	}
}

/* Not called for a round that is settled. */
static enum life_round
judge_round(const struct dnsd_life *l)
{
	const unsigned *zone = l->answers[DNSD_LIFE_ZONE], *fresh = l->answers[DNSD_LIFE_NEW_ZONE];
	const unsigned *server = l->answers[DNSD_LIFE_SERVER];

	if (zone[DNSD_ANSWER_REFUSED] + fresh[DNSD_ANSWER_REFUSED] > 0)
		return l->loaded && server[DNSD_ANSWER_GOOD] > 0 ? ROUND_SERVED : ROUND_ALIVE;
	if (zone[DNSD_ANSWER_BAD] > 0)
		return ROUND_WRONG;
	if (server[DNSD_ANSWER_BAD] < server[DNSD_ANSWER_GOOD] + server[DNSD_ANSWER_ODD] +
	    server[DNSD_ANSWER_REFUSED])
		return l->zone_asked ? ROUND_SILENT : ROUND_ALIVE;
	if (fresh[DNSD_ANSWER_BAD] + server[DNSD_ANSWER_BAD] > 0)
		return ROUND_WRONG;
	if (l->round_why != NULL)
		return l->closed ? ROUND_CLOSED : ROUND_WRONG;
	return l->asked > 0 ? ROUND_SILENT : ROUND_UNASKED;
}

void
dnsd_life_heard(struct dnsd_life *l, enum dnsd_life_about about, enum dnsd_answer answer,
    const char *why)
{
	l->answers[about][answer]++;
	if (answer == DNSD_ANSWER_BAD) {
		if (l->round_why == NULL || about != DNSD_LIFE_SERVER)
			l->round_why = why;
		return;
	}
	l->proven = true;
	if (l->settled || about == DNSD_LIFE_SERVER || answer == DNSD_ANSWER_REFUSED)
		return;
	l->settled = true;
	round_answered(l, true);
}

void
dnsd_life_error(struct dnsd_life *l, int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EAFNOSUPPORT:
		return;			/* our own fault, and none of dnsd's */
	case ECONNREFUSED:
		l->closed = true;
		l->round_why = "nobody listens (port unreachable)";
		return;
	case EADDRNOTAVAIL:
		l->round_why = "the address is not on this machine";
		return;
	default:
		if (l->round_why == NULL)
			l->round_why = "network error";
	}
}

void
dnsd_life_end(struct dnsd_life *l, uint64_t now_ms)
{
	enum life_round round;

	if (l->settled)
		return;
	round = judge_round(l);
	switch (round) {
	case ROUND_SERVED:
	case ROUND_ALIVE:
		round_answered(l, round == ROUND_SERVED);
		break;
	case ROUND_UNASKED:
		l->why = "we have no socket to ask with";
		l->due_ms = l->asked_ms + DNSD_LIFE_INTERVAL_MS;
		break;
	default:
		round_missed(l, round, now_ms);
	}
}

void
dnsd_life_void(struct dnsd_life *l, uint64_t now_ms)
{
	l->settled = true;
	l->due_ms = now_ms;
	if (l->state == DNSD_LIFE_HELD)
		l->moved_ms = now_ms;
}
