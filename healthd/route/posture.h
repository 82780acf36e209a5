/*
 * posture: the state machine of one prefix's route, and nothing else.
 *
 *   (the operator's override, health, is dnsd answering, time) -> SERVING, DRAINING or DOWN
 *
 * A site steps one of these for each prefix that it announces: what the operator and the caches
 * say is the same for all of them, what dnsd says is each prefix's own.
 *
 * Rules, in the order they are applied:
 * 1. dnsd does not answer: DOWN, whatever anybody says.  Not known (we ourselves
 *    were late, nothing asked yet): what is, stays; nothing is raised.
 * 2. The operator's override of the site comes before health.  It is heard at once, its end
 *    too, whatever health says meanwhile.  A drain never raises: what is down stays down.
 * 3. Health that stands is the last that said something: NONE (a new prober) and HOLD (a shared
 *    cause) leave the one before.  A dead prober changes nothing; nothing that has never been UP
 *    is announced.  While a HOLD lasts, nothing is raised higher than health had brought it
 *    before; what dnsd or the operator had lowered comes back.
 * 4. Lowering is done at once.  Raising waits until everything has been fine for the
 *    hold-down, which doubles with every flap, and until one more withdrawal would
 *    leave the penalty below suppression (damping.h).  Flaps are forgotten by time alone.
 * 5. The operator's undrain and force-up are obeyed at once: one raise without rule 4.  Only an
 *    override that is said or taken back now pardons (its id is another one), not one that a
 *    restart finds in force.
 *
 * At the start the posture is DOWN, or what a former healthd left in force
 * (posture_init): that stands until a verdict or a silent dnsd says otherwise.
 *
 * Pure: no clock, no socket, no log; times are monotonic milliseconds.
 */
#ifndef NEARCAST_POSTURE_H
#define NEARCAST_POSTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/health_file.h"
#include "healthd/route/damping.h"
#include "healthd/message.h"

enum posture_dnsd { POSTURE_DNSD_UNKNOWN, POSTURE_DNSD_ANSWERING, POSTURE_DNSD_FAILED };

#define POSTURE_HOLD_MAX_MS (15u * 60 * 1000)
#define POSTURE_CALM 3			/* half-lives after which flaps are forgotten */
#define POSTURE_SILENCE_MS 3000		/* of the prober, before it is an alarm */

struct posture_rules {
	uint32_t hold_down_ms;		/* after the first withdrawal */
	bool drain_on_caches_down;	/* else withdraw */
	struct damping_rules damping;
};

struct posture_input {
	uint64_t now_ms;
	const struct verdict_message *word; /* heard last, borrowed; NULL = nothing yet */
	uint64_t word_age_ms;		/* since it was heard */
	enum posture_dnsd dnsd;
	const char *dnsd_reason;	/* why not ANSWERING */
	bool drain;			/* serving is not wanted now, draining is: */
	const char *drain_reason;	/* why */
};

/* What of a posture outlives its healthd. */
struct posture_left {
	enum health_posture posture;
	bool proven;
	enum verdict health;
	enum message_override override;
	uint64_t override_id;
	double penalty;			/* as of the restore */
	unsigned flaps;
	uint64_t flap_age_ms;		/* since the last of them */
};

struct posture {
	struct posture_rules rules;
	enum health_posture now;

	enum verdict health;		/* the last that said something; NONE = none yet */
	enum message_override override;	/* in force */
	uint64_t override_id, servers_id; /* heard last */
	bool servers_known;		/* servers_id is of a message */
	bool said;			/* in this step: the override is another one */
	bool servers_said;		/* in this step: an override of a server here is */
	bool proven;			/* health has been UP */
	enum health_posture earned;	/* what health alone had brought it to */

	bool pardoned;			/* the next raise does not wait */
	bool raising;			/* wanted is higher than now */
	uint64_t fine_since_ms;		/* while raising */
	unsigned flaps;			/* lowerings not yet forgotten */
	uint64_t flap_ms;		/* when the last of them was */
	struct damping damping;
	uint32_t hold_left_ms;		/* until raising is allowed, as far as can be known */
	bool suppressed;		/* it is the flap budget that we wait for */
	char reason[HEALTH_REASON_MAX];	/* of the posture */
	char alarm[HEALTH_REASON_MAX];	/* "" = none */
};

/* Begins: `inherited` is what is in force in the kernel or in BIRD; `rules` are copied. */
void posture_init(struct posture *p, const struct posture_rules *rules,
    enum health_posture inherited);

/* Takes over what a healthd before us left, as of `now_ms`, right after posture_init: so that a
 * restart launders no flap and pardons nothing.  If it announced and nothing was in force any
 * more, that was a withdrawal and is counted.  A penalty that is nonsense (negative, not a number)
 * is 0. */
void posture_restore(struct posture *p, const struct posture_left *left, uint64_t now_ms);

/* What posture_restore will want to know. */
struct posture_left posture_leave(const struct posture *p, uint64_t now_ms);

/* Takes in what is known now; times must not run backwards.  True if the posture changed. */
bool posture_step(struct posture *p, const struct posture_input *in);

/* The route went away without our doing (the lease ran out while this process
 * stood still): DOWN, counted as a flap.  Only while not DOWN. */
void posture_lost(struct posture *p, uint64_t now_ms, const char *reason);

/* The route was gone for a moment, by somebody who removed what is put back at once: a withdrawal
 * to routers, and no reason to change anything.  Only while not DOWN. */
void posture_flushed(struct posture *p, uint64_t now_ms);

/* The penalty now. */
double posture_penalty(const struct posture *p, uint64_t now_ms);

#endif
