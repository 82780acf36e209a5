/*
 * zone_rdata: a record's type and data, from tokens to wire form.
 *
 * ldns says which fields a type has, and its converters read all but the plainest of them
 * (base64, bitmaps, LOC, SVCB parameters, mnemonics).  Numbers, addresses, names, texts and hex
 * are read in zone_field.c, because ldns is lenient where a slip must be said: 70000 as a 16-bit
 * number becomes 4464, half an octet of hex becomes one, a relative gateway an absolute name.
 * RFC 3597 generic data of a type that ldns knows is checked by reading it as that type.
 *
 * Knows no zones; ldns stays behind these functions.  One thread per struct.
 */
#ifndef NEARCAST_ZONE_RDATA_H
#define NEARCAST_ZONE_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "dnsd/zone/zone_text.h"

#define ZONE_RDATA_MAX 65535

struct zone_rdata {
	const uint8_t *origin;		/* wire form; borrowed */
	const struct zone_token *tok, *end;	/* what is left to read */
	uint16_t type;
	uint32_t len;			/* octets of data */
	struct err *err;
	uint8_t data[ZONE_RDATA_MAX];
	/* types looked up by name before: {name, type} */
	struct {
		char name[12];
		uint16_t type;
	} known[64];
	char text[160000];		/* tokens on their way to ldns */
};

/* The type of this name (mnemonic or TYPEnnn).  false = there is no such type. */
bool zone_rdata_type(struct zone_rdata *r, const struct zone_token *tok, uint16_t *type);

/* True for types that are questions, not data: OPT, TSIG, ANY, AXFR... (RFC 6895 3.1). */
bool zone_rdata_meta(uint16_t type);

/* Reads n tokens as data of r->type; r->origin completes relative names.  Octets in
 * r->data.  0, or -1 with a reason. */
int zone_rdata_read(struct zone_rdata *r, const struct zone_token *tok, uint32_t n,
    struct err *err);

#endif
