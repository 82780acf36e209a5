/*
 * zone_spelling: names in a zone file that are most likely not what was meant.
 *
 * Two slips: the final dot left out, so that www.example.org becomes www.example.org.example.org;
 * and a name in other letters than ASCII, for which DNS has a form of its own (IDNA 2008, RFC 5891;
 * libidn2 knows it).  Both are warned of and served as written.
 *
 * Does not know types, nor whether a name exists (zone_check.c).  One thread per source.
 */
#ifndef NEARCAST_ZONE_SPELLING_H
#define NEARCAST_ZONE_SPELLING_H

#include <stdbool.h>

#include "dnsd/zone/zone_source.h"
#include "common/rdata/master_token.h"

/* True when a relative name (wire form, made with `origin`) ends with the apex by itself. */
bool zone_spelling_dotless(const struct zone_source *src, const struct master_token *tok,
    const uint8_t *name, const uint8_t *origin);

/* Warns of an owner, which this token says, and of the names among the n tokens of a record's data;
 * rec is the record, with its rdata. */
void zone_spelling_owner(struct zone_source *src, const struct zone_record *rec,
    const struct master_token *tok, const uint8_t *origin);
void zone_spelling_data(struct zone_source *src, const struct zone_record *rec,
    const struct master_token *tok, uint32_t n, const uint8_t *origin);

#endif
