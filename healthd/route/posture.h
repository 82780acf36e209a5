/*
 * posture: the state machine of a site's route, and nothing else.
 *
 *   (the prober's verdict, is dnsd answering, time) -> SERVING, DRAINING or DOWN
 *
 * Rules, in the order they are applied:
 * 1. dnsd does not answer: DOWN, whatever anybody says.  Not known (we ourselves
 *    were late, nothing asked yet): what is, stays; nothing is raised.
 * 2. The standing verdict is the last one that said something: NONE (a new prober) and
 *    HOLD (a shared cause) leave the one before.  A dead prober changes nothing.
 * 3. Lowering is done at once.  Raising waits until everything has been fine for the
 *    hold-down, which doubles with every flap, and until one more withdrawal would
 *    leave the penalty below suppression (damping.h).
 * 4. The operator's undrain and force-up are obeyed at once: one raise without rule 3.
 *    A force-up that is said again is another one.
 * A drain never raises: a site that is down stays down while it drains.
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
#define POSTURE_CALM 125.0		/* penalty below which flaps are forgotten */
#define POSTURE_SILENCE_MS 3000		/* of the prober, before it is an alarm */

struct posture_rules {
	uint32_t hold_down_ms;		/* after the first withdrawal */
	bool drain_on_caches_down;	/* else withdraw */
};

struct posture_input {
	uint64_t now_ms;
	enum verdict verdict;		/* as received last; NONE = nothing yet */
	uint64_t verdict_age_ms;	/* since it was received */
	uint64_t override_ms;		/* tells one force-up from the next; 0 = no override */
	const char *verdict_reason;	/* borrowed for the call; "" = none */
	enum posture_dnsd dnsd;
	const char *dnsd_reason;	/* why not ANSWERING */
};

struct posture {
	struct posture_rules rules;
	enum health_posture now;
	enum verdict standing;
	uint64_t override_ms;		/* of the force-up that was pardoned last */
	bool pardoned;			/* the next raise does not wait */
	bool raising;			/* wanted is higher than now */
	uint64_t fine_since_ms;		/* while raising */
	unsigned flaps;			/* lowerings not yet forgotten */
	struct damping damping;
	uint32_t hold_left_ms;		/* until raising is allowed, as far as can be known */
	bool suppressed;		/* it is the flap budget that we wait for */
	char reason[HEALTH_REASON_MAX];	/* of the posture */
	char alarm[HEALTH_REASON_MAX];	/* "" = none */
};

/* Begins: `inherited` is what is in force in the kernel or in BIRD; `rules` are copied. */
void posture_init(struct posture *p, const struct posture_rules *rules,
    enum health_posture inherited);

/* Takes over the penalty that a healthd before us left, as of `now_ms`, so that a restart does
 * not launder flaps.  Nonsense (negative, not a number) is 0. */
void posture_restore(struct posture *p, double penalty, uint64_t now_ms);

/* Takes in what is known now; times must not run backwards.  True if the posture changed. */
bool posture_step(struct posture *p, const struct posture_input *in);

/* The route went away without our doing (the lease ran out while this process
 * stood still): DOWN, a withdrawal like any other.  Not while the posture is DOWN. */
void posture_lost(struct posture *p, uint64_t now_ms, const char *reason);

#endif
