/*
 * rdata: a record's type and data, from tokens to wire form.
 *
 * Which fields a type has stands in rdata_types.c; each kind of field has one reader and one
 * checker.  What a reader made of the text is checked like what came as octets (RFC 3597 generic
 * data): by rdata_types_check.
 *
 * Knows no zones.  One thread per struct.
 */
#ifndef NEARCAST_RDATA_H
#define NEARCAST_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/rdata/master_text.h"

#define RDATA_MAX 65535

struct rdata {
	const uint8_t *origin;		/* wire form; borrowed */
	const struct master_token *tok, *end;	/* what is left to read */
	uint16_t type;
	uint32_t len;			/* octets of data */
	struct err *err;
	uint8_t data[RDATA_MAX];
	/* types looked up by name before: {name, type} */
	struct {
		char name[12];
		int32_t type;		/* -1 = there is none */
	} known[64];
};

/* The type of this name (mnemonic or TYPEnnn), which a record has.  false = there is no such
 * type. */
bool rdata_type(struct rdata *r, const struct master_token *tok, uint16_t *type);

/* True for types that are questions, not data: OPT, TSIG, ANY, AXFR... (RFC 6895 3.1). */
bool rdata_meta(uint16_t type);

/* Reads n tokens as data of r->type; r->origin completes relative names.  Octets in
 * r->data, well-formed for the type.  0, or -1 with a reason. */
int rdata_read(struct rdata *r, const struct master_token *tok, uint32_t n,
    struct err *err);

#endif
