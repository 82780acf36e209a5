/*
 * choose: the order of mirrors for one client and one file.
 *
 * Classes, best first: a mirror of the client's prefix (the longest), of its AS, of its country
 * where a rule (`also-countries`) names that country, then by distance; behind all of them those
 * whose `max-size` the file exceeds.  In the first class that has a mirror to offer, the near set
 * (near-factor times the nearest one's distance and near-km more) is ordered by weighted
 * rendezvous on the client's prefix (rendezvous.h), everything else by distance.
 *
 * A near set is drawn round the nearest mirror that has the file, whether or not it answers: so
 * the death of a mirror moves its own clients and nobody else's.  Where nobody in it can be
 * offered, the next set is drawn beyond it.
 *
 * Whether a mirror has the file is asked last and only until enough are found; what is known
 * beforehand (unit vectors, hashes of names) is prepared once for a configuration.  Knows no
 * catalogue, no health file and no HTTP.  A struct choose is immutable: any thread; a struct
 * choose_room is one thread's.
 */
#ifndef NEARCAST_CHOOSE_H
#define NEARCAST_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "redirectd/choice.h"

struct choose;

/* The configuration is borrowed.  NULL with a reason. */
struct choose *choose_new(const struct conf *conf, struct err *err);
void choose_free(struct choose *choose);

/* What changes by itself. */
enum choose_health {
	CHOOSE_FINE,			/* or nothing is known */
	CHOOSE_INCOMPLETE, CHOOSE_DOWN
};

struct choose_facts {
	const uint8_t *health;		/* enum choose_health of each mirror; NULL = all are fine */
	bool (*holds)(void *arg, uint16_t mirror, uint32_t file);
	void *arg;
};

/* A thread's memory for it. */
struct choose_room {
	struct choice_mirror *mirrors;
	struct choose_candidate *heap, *ring;
	size_t size;
};

/* Room for all mirrors of this configuration; -1 when there is no memory.  All zero before. */
int choose_room_fit(struct choose_room *room, const struct choose *choose);
void choose_room_free(struct choose_room *room);

/* The key of the client's prefix: who has the same one is sent to the same mirror. */
uint64_t choose_key(const struct choose *choose, const struct addr *client);

/* Fills in the mirrors of the choice and what it ends in; client, file, secure and one_file are
 * there, and `room` fits.  Ends when `enough` mirrors are taken, or, 0, with the whole list. */
void choose_mirrors(const struct choose *choose, const struct choose_facts *facts, uint64_t key,
    size_t enough, struct choose_room *room, struct redirect_choice *choice);

#endif
