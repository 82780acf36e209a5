/*
 * publish: the health file, replaced when something in it changes and before a third of its
 * lease is over.
 *
 * Joins what the judge says of servers with what the keeper says of this site.  The caller knows
 * when there is something worth to be written.  Knows the file's writer (health_file.h), no reader.
 * One thread.
 */
#ifndef NEARCAST_PUBLISH_H
#define NEARCAST_PUBLISH_H

#include "healthd/prober/link.h"

struct publish {
	struct core *core;
	const struct link *link;
	struct health_file file;	/* its arrays are ours, names filled in once */
	struct health_site before;	/* this site in the file that we found */
	uint64_t judge_changes, link_changes;	/* as they were when written last */
	uint64_t due_ms, earliest_ms;	/* of the next writing, monotonic */
};

/* 0, or -1 with a reason. */
int publish_open(struct publish *publish, struct core *core, const struct link *link,
    struct err *err);
void publish_close(struct publish *publish);

/* The file is to be written within so long, even if nothing changes. */
void publish_within(struct publish *publish, uint32_t ms);

/* Writes the file if something changed or its time has come.  To be called once the first round
 * is over, or from the beginning if memory knows the servers. */
void publish_turn(struct publish *publish);

/* Writes it at once.  0, or -1 with a reason, an alarm, and another try to come. */
int publish_now(struct publish *publish, struct err *err);

#endif
