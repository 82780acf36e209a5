/*
 * content: which set of files is current, by asking the origin, and whether servers' objects
 * are what they should be, by fetching some of them and comparing digests.
 *
 * Whatever comes out is an event for the judge.  Knows libcurl by fetch.h only.  One thread.
 */
#ifndef NEARCAST_CONTENT_H
#define NEARCAST_CONTENT_H

#include "healthd/check/fetch.h"
#include "healthd/check/probe.h"
#include "healthd/prober/core.h"

struct origin;
struct objects;
struct digest_job;

struct content {
	struct core *core;
	struct fetcher *fetcher;	/* borrowed */
	struct origin *origins;		/* owned, as is what follows */
	size_t n_origins;
	struct objects *objects;	/* as judge.targets */
	unsigned digests_running;
	struct digest_job *jobs;
};

/* 0, or -1 with a reason. */
int content_open(struct content *content, struct core *core, struct fetcher *fetcher,
    struct err *err);
void content_close(struct content *content);

/* A content check of a target has been judged: is there reason to ask the origin, or to look at
 * objects?  `probe` is borrowed until content_close. */
void content_result(struct content *content, const struct probe *probe, bool set_changed);

/* Asks every origin now; of one that is being asked already, again after its answer, which may
 * have been under way before there was a reason to ask. */
void content_ask(struct content *content);

/* What a check's origin said last: *asked_ms is when that question was put (0 = none has been
 * answered yet), *fault why it said nothing ("" = it told a set; borrowed until the next turn of
 * the loop).  False for a check without an origin. */
bool content_told(const struct content *content, const struct conf_check *check,
    uint64_t *asked_ms, const char **fault);

/* True when every origin has been asked once, whatever came of it. */
bool content_ready(const struct content *content);

#endif
