/*
 * rdata_words: numbers that may be written as words: algorithms, kinds of certificates, how a
 * certificate is matched.
 *
 * The words are IANA's, and where BIND, Knot and ldns have older ones, those too.  Like
 * rdata_field's readers they take a token and append its number, which may stand there in digits.
 * 0, or -1 with a reason in r->err.  One thread per struct.
 */
#ifndef NEARCAST_RDATA_WORDS_H
#define NEARCAST_RDATA_WORDS_H

#include "common/rdata/rdata.h"

/* A DNSSEC algorithm; one octet. */
int rdata_words_algorithm(struct rdata *r);

/* What a CERT record holds (RFC 4398 2.1); two octets. */
int rdata_words_certificate(struct rdata *r);

/* TLSA's usage, selector and matching type (RFC 7218); one octet. */
int rdata_words_usage(struct rdata *r);
int rdata_words_selector(struct rdata *r);
int rdata_words_matching(struct rdata *r);

/* DSYNC's scheme (RFC 9859 2.2); one octet. */
int rdata_words_scheme(struct rdata *r);

#endif
