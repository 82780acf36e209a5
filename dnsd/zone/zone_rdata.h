/*
 * zone_rdata: a record's type and data, from tokens to wire form.
 *
 * Which fields a type has stands in zone_types.c; each kind of field has one reader and one
 * checker.  What a reader made of the text is checked like what came as octets (RFC 3597 generic
 * data): by zone_types_check.
 *
 * Knows no zones.  One thread per struct.
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
		int32_t type;		/* -1 = there is none */
	} known[64];
};

/* The type of this name (mnemonic or TYPEnnn), which a record has.  false = there is no such
 * type. */
bool zone_rdata_type(struct zone_rdata *r, const struct zone_token *tok, uint16_t *type);

/* True for types that are questions, not data: OPT, TSIG, ANY, AXFR... (RFC 6895 3.1). */
bool zone_rdata_meta(uint16_t type);

/* Reads n tokens as data of r->type; r->origin completes relative names.  Octets in
 * r->data, well-formed for the type.  0, or -1 with a reason. */
int zone_rdata_read(struct zone_rdata *r, const struct zone_token *tok, uint32_t n,
    struct err *err);

#endif
