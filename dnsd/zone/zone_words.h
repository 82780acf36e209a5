/*
 * zone_words: numbers that may be written as words: algorithms, kinds of certificates, how a
 * certificate is matched.
 *
 * The words are IANA's, and where BIND, Knot and ldns have older ones, those too.  Like
 * zone_field's readers they take a token and append its number, which may stand there in digits.
 * 0, or -1 with a reason in r->err.  One thread per struct.
 */
#ifndef NEARCAST_ZONE_WORDS_H
#define NEARCAST_ZONE_WORDS_H

#include "dnsd/zone/zone_rdata.h"

/* A DNSSEC algorithm; one octet. */
int zone_words_algorithm(struct zone_rdata *r);

/* What a CERT record holds (RFC 4398 2.1); two octets. */
int zone_words_certificate(struct zone_rdata *r);

/* TLSA's usage, selector and matching type (RFC 7218); one octet. */
int zone_words_usage(struct zone_rdata *r);
int zone_words_selector(struct zone_rdata *r);
int zone_words_matching(struct zone_rdata *r);

/* DSYNC's scheme (RFC 9859 2.2); one octet. */
int zone_words_scheme(struct zone_rdata *r);

#endif
