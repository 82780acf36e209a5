/*
 * rdata_types: which fields the data of each record type has.
 *
 * One row a type, one reader (text to octets) and one checker (octets) a kind of field; how the
 * types are called is dns.c's.  Whatever brings records, from text, as RFC 3597 generic data or
 * by a transfer, goes through rdata_types_check, so that all that is served is what its type says.
 *
 * Knows no zones.  The table is constant; one thread per struct.
 */
#ifndef NEARCAST_RDATA_TYPES_H
#define NEARCAST_RDATA_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/rdata/rdata.h"

/* Reads r->tok to r->end as the fields of r->type, to r->data.  0, or -1 with a reason.  A type
 * without a form of its own: -1. */
int rdata_types_read(struct rdata *r);

/* 0 when `len` octets are data that a record of this type can hold, or when the type has no row;
 * else -1 with a reason that names neither type nor place. */
int rdata_types_check(uint16_t type, const uint8_t *data, size_t len, struct err *err);

#endif
