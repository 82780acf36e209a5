/*
 * dnsd_watch: does dnsd answer, really, on every service address?
 *
 * Real questions (dnsd_question) go through each address every 250 ms, and what comes back makes
 * its state (dnsd_life).  Every question carries EDNS and a cookie; what dnsd gives for it is
 * echoed.  Every two seconds the address is asked over TCP as well, which has a state of its
 * own: a dnsd without TCP is degraded, not dead.
 *
 * dnsd's control socket is held open with the command `watch`.  dnsd reports there what it serves
 * (dnsd_report), and what it really listens on is what is watched: of announced prefixes the
 * addresses that it reports, for a prefix of which it reports none the configuration's.  A dnsd
 * that makes no reports is watched by the configuration.  The end of the connection means that
 * dnsd died or restarts, and all addresses are asked at that moment.  The loss alone is not a
 * failure: a dnsd that hands over its sockets loses no question.
 *
 * Runs on its owner's event loop (loop.h), in the turns of which it asks, hears and counts; it
 * tells nobody, its owner looks.  When the loop itself was late (the process stood still), the
 * owner calls dnsd_watch_late before anything else: questions outstanding then count for nothing.
 *
 * Knows no route and no verdict.  The loop's thread only.
 */
#ifndef NEARCAST_DNSD_WATCH_H
#define NEARCAST_DNSD_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/loop.h"
#include "healthd/route/posture.h"

#define DNSD_WATCH_AGAIN 10		/* questions at once after a miss */
#define DNSD_WATCH_TCP_MS 2000		/* between questions over TCP */
#define DNSD_WATCH_TCP_TIMEOUT_MS 1000
#define DNSD_WATCH_TCP_FALL 2
#define DNSD_WATCH_PROVEN 80		/* octets of what dnsd_watch_proven says, with NUL */

struct dnsd_watch;

/* What is amiss with dnsd and is no failure. */
enum dnsd_watch_alarm {
	DNSD_WATCH_OVERLOAD,		/* addresses are held */
	DNSD_WATCH_ADDRESS,		/* one fails beside others, or has never answered */
	DNSD_WATCH_ZONE,		/* some zones fail, or the question is not one of them */
	DNSD_WATCH_DIFFERS,		/* dnsd's configuration is another one than ours */
	DNSD_WATCH_NO_TCP,		/* at one address of several, or never */
	DNSD_WATCH_ALARMS
};

/* Takes addresses and questions from the configuration: the addresses of `listen` that
 * lie in an announced prefix (all, if none does).  Asks from the loop's next turn on.  The watch
 * is the caller's (dnsd_watch_free), the loop outlives it, `conf` is not kept.  NULL with a
 * reason. */
struct dnsd_watch *dnsd_watch_new(struct loop *loop, const struct conf *conf, struct err *err);
void dnsd_watch_free(struct dnsd_watch *w);	/* NULL is fine */

/* Takes back the questions outstanding; they are asked anew in this turn of the loop. */
void dnsd_watch_late(struct dnsd_watch *w);

/* Prefix `prefix` of announce.prefixes, by the addresses in it (by all, if it holds none):
 * ANSWERING if one of them answers; FAILED if one that has answered before does not any more, and
 * the others are the same or have never answered; else UNKNOWN.  `reason` (not NULL) is filled:
 * which does not answer and why, or "". */
enum posture_dnsd dnsd_watch_prefix(const struct dnsd_watch *w, size_t prefix,
    char reason[HEALTH_REASON_MAX]);

/* True if of that prefix no address is served over TCP, but one was, with the reason. */
bool dnsd_watch_tcp(const struct dnsd_watch *w, size_t prefix, char reason[HEALTH_REASON_MAX]);

/* Is there such an alarm?  The text is filled ("" = no) with the first of its kind and how many
 * there are besides. */
bool dnsd_watch_alarm(const struct dnsd_watch *w, enum dnsd_watch_alarm kind,
    char text[HEALTH_REASON_MAX]);

/* Addresses asked, and those that answer. */
void dnsd_watch_counts(const struct dnsd_watch *w, uint32_t *asked, uint32_t *answering);

/* How often an address was silent under overload, and was held. */
uint32_t dnsd_watch_held(const struct dnsd_watch *w);

/* What has answered before, and may therefore fail: an address ("192.0.2.53@53";
 * with " tcp" or " no-tcp" behind it if it was served over TCP as well, and still is or not) or a
 * question ("example.org SOA"), without '"' and '\'.  From i = 0 on; false at the end. */
bool dnsd_watch_proven(const struct dnsd_watch *w, size_t i, char text[DNSD_WATCH_PROVEN]);

/* Takes over one such text from a watch before this one; nonsense is ignored. */
void dnsd_watch_restore(struct dnsd_watch *w, const char *text);

/* Takes over what `old`, which watched with another configuration, knows: the addresses that dnsd
 * said it listens on, their states and misses, what has answered, and its count of overloads. */
void dnsd_watch_inherit(struct dnsd_watch *w, const struct dnsd_watch *old);

#endif
