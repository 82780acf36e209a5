/*
 * dnsd_watch: does dnsd answer, really, on every service address?
 *
 * A DNS question goes through each address every 250 ms and must be answered within
 * 150: same id, QR, same question, NOERROR, AA and at least one record.  Anything
 * else is a miss with its reason; so is an ICMP error, and an address that is no longer on
 * this machine (another site would answer in its place).  After a first miss the
 * address is asked again with eight questions from eight ports, of which one right answer
 * is enough: a full socket in a flood, or one stuck worker of dnsd, is not a dead dnsd,
 * and a flood must not chase the route from site to site.  After silence that is at
 * once, and three misses are a failure; after an error later, and two are: 200 ms after
 * a wrong answer, 500 after a closed port, for a dnsd that is only being restarted is back
 * by then.  Three answers in a row, and the address is back.  So a dnsd that hangs is
 * found within 250 + 3 * 150 ms, a babbling one within 250 + 200, a dead one within 500
 * of the loss of its control connection, and within 250 + 500 without one.
 *
 * dnsd's control socket is held open with the command `watch`; its end means that
 * dnsd died or restarts, and all addresses are asked at that moment.  The loss alone
 * is not a failure: a dnsd that hands over its sockets loses no question.
 *
 * Runs on its owner's event loop (loop.h), in the turns of which it asks, hears and counts; it
 * tells nobody, its owner looks.  When the loop itself was late (the process stood still), the
 * owner calls dnsd_watch_late before anything else: questions outstanding then count for nothing.
 *
 * Knows no route and no verdict.  The loop's thread only.  RFC 1035 4.1.
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

#define DNSD_WATCH_INTERVAL_MS 250
#define DNSD_WATCH_TIMEOUT_MS 150
#define DNSD_WATCH_PAUSE_MS 200		/* between a wrong answer and the next question */
#define DNSD_WATCH_RESTART_MS 500	/* between a closed port and the next question */
#define DNSD_WATCH_FALL 2		/* misses, the last of them an error */
#define DNSD_WATCH_FALL_SILENT 3	/* misses, the last of them silence */
#define DNSD_WATCH_RISE 3
#define DNSD_WATCH_AGAIN 8		/* questions at once after a miss */

struct dnsd_watch;

/* Takes addresses and question from the configuration: the addresses of `listen` that
 * lie in an announced prefix (all, if none does), the question of `announce` or
 * the first zone's SOA.  Asks from the loop's next turn on.  The watch is the caller's
 * (dnsd_watch_free), the loop outlives it, `conf` is not kept.  NULL with a reason. */
struct dnsd_watch *dnsd_watch_new(struct loop *loop, const struct conf *conf, struct err *err);
void dnsd_watch_free(struct dnsd_watch *w);	/* NULL is fine */

/* Takes back the questions outstanding; they are asked anew in this turn of the loop. */
void dnsd_watch_late(struct dnsd_watch *w);

/* Prefix `prefix` of announce.prefixes, by the addresses in it (by all, if it holds none):
 * ANSWERING if one of them answers, FAILED if all have failed, else UNKNOWN.  `reason` (not NULL)
 * is filled: which does not answer and why, or "". */
enum posture_dnsd dnsd_watch_prefix(const struct dnsd_watch *w, size_t prefix,
    char reason[HEALTH_REASON_MAX]);

/* True if no address of that prefix is served over TCP, with the reason. */
bool dnsd_watch_tcp(const struct dnsd_watch *w, size_t prefix, char reason[HEALTH_REASON_MAX]);

/* Is anything about dnsd an alarm that is no failure?  The text is filled. */
bool dnsd_watch_alarm(const struct dnsd_watch *w, char text[HEALTH_REASON_MAX]);

/* All addresses together; `reason` (not NULL) is filled: which fails and why, or "". */
enum posture_dnsd dnsd_watch_state(const struct dnsd_watch *w, char reason[HEALTH_REASON_MAX]);

/* Addresses asked, and those that answer. */
void dnsd_watch_counts(const struct dnsd_watch *w, uint32_t *asked, uint32_t *answering);

/* What is wrong with an answer to `question`, each with its header, none longer than its
 * length says; NULL = it is good.  Static text. */
const char *dnsd_watch_check(const uint8_t *question, size_t question_len,
    const uint8_t *answer, size_t answer_len);

#endif
