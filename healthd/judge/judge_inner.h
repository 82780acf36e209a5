/*
 * judge_inner: what the files of the judge share; nobody else includes it.
 *   judge.c        events, thresholds, freezes
 *   judge_set.c    which set is current, who is behind
 *   judge_view.c   from targets and overrides to servers, verdict, TTL
 */
#ifndef NEARCAST_JUDGE_INNER_H
#define NEARCAST_JUDGE_INNER_H

#include "healthd/judge/judge.h"

/* A target answered with this set. */
void judge_set_seen(struct judge *judge, struct judge_target *t, const char *set);
void judge_set_origin(struct judge *judge, size_t pool, const char *set, struct judge_time now);
void judge_set_notify(struct judge *judge, size_t pool, const char *set, struct judge_time now);
void judge_set_remember(struct judge *judge, size_t pool, const char *set, uint64_t order);
void judge_set_remember_pool(struct judge *judge, size_t pool,
    const struct judge_pool_memory *memory, struct judge_time now);
/* Works out anew, where a pool is dirty, which set is current and who is behind, and
 * updates its servers.  A large pool waits a little between two reviews, for a switch
 * of sets touches every server of it; `all` does not wait. */
void judge_set_review(struct judge *judge, bool all, struct judge_time now);

/* Works out anew what comes out for one server, for all. */
void judge_view_server(struct judge *judge, size_t server, struct judge_time now);
/* Do its checks, of either family, say that it lives, whatever set it has? */
bool judge_view_alive(const struct judge *judge, const struct judge_server *server);
void judge_view_all(struct judge *judge, struct judge_time now);

#endif
