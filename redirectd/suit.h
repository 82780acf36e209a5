/*
 * suit: whether a mirror may be named to a client at all, and how well it suits: its class and its
 * distance, as one number.
 *
 * Unit vectors, hashes of names and the countries that rules name are prepared once for a
 * configuration.  Knows no health and not who has which file.  Immutable once prepared: any thread.
 */
#ifndef NEARCAST_SUIT_H
#define NEARCAST_SUIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/geo/geo_point.h"
#include "redirectd/choice.h"

enum { SUIT_CHORD_BITS = 40 };		/* of an order; no chord needs more */
#define SUIT_CHORD_UNKNOWN ((UINT64_C(1) << SUIT_CHORD_BITS) - 1)

struct suit_mirror {
	struct geo_point point;
	uint64_t name;			/* hash */
	uint32_t inverse;		/* of the weight; 0 = weight 0 */
	double latitude, longitude;
	uint32_t asn;			/* 0 = none */
	bool located, secure;
	bool plain;			/* nothing in its block but its AS makes clients differ,
					 * beyond where they are and https */
	char continent[3];
};

struct suit {
	const struct conf *conf;
	struct suit_mirror *mirrors;
	bool rules[26 * 26];		/* countries that an `also-countries` names */
	bool rule_for_all;
};

/* All zero before.  -1 = out of memory. */
int suit_prepare(struct suit *suit, const struct conf *conf);
void suit_free(struct suit *suit);

/* What is the same for all mirrors of a request. */
struct suit_client {
	const struct redirect_choice *choice;
	bool rule;			/* a rule names the client's country */
	bool placed;
	bool plain;			/* all `plain` mirrors suit it by distance alone */
	struct geo_point point;		/* where placed */
};

struct suit_client suit_client(const struct suit *suit, const struct redirect_choice *choice);

/* The class of a mirror, CHOICE_FAR for distance, and in *order how well it suits, smaller is
 * better: the class in the upper bits, then the chord in millimetres, SUIT_CHORD_UNKNOWN where
 * there is none.  Or what keeps it from this client and file whatever its state: one of the
 * reasons from CHOICE_NO_FILE on, and *order is not touched. */
enum choice_why suit_judge(const struct suit *suit, const struct suit_client *client,
    uint16_t mirror, uint64_t *order);

#endif
