/*
 * geo_rule: the operator's rules of one map, sorted so that they are found.
 *
 * By kind, then by what they match; prefixes: IPv4 before IPv6, then by address, shorter first, of
 * equal ones the one that counts last, as they are laid over each other.  Knows results only as
 * numbers.  Built by one thread, read by any.
 */
#ifndef NEARCAST_GEO_RULE_H
#define NEARCAST_GEO_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/conf/conf.h"

/* A rule of which sites are left, and its result. */
struct geo_rule {
	enum conf_rule_kind kind;
	struct prefix prefix;		/* kind PREFIX */
	uint32_t asn;			/* kind ASN */
	char code[3];			/* kinds COUNTRY, CONTINENT */
	uint16_t result;
	uint32_t order;			/* its index among the rules of the configuration: the
					 * line that it stands in may change while maps do not */
};

/* Sorts them; no two have the same `order`. */
void geo_rule_sort(struct geo_rule *rules, size_t n);

/* Of sorted rules that of an AS number, or of a country or continent; NULL if there is none, or the
 * number is 0, the code "". */
const struct geo_rule *geo_rule_of_asn(const struct geo_rule *rules, size_t n, uint32_t asn);
const struct geo_rule *geo_rule_of_code(const struct geo_rule *rules, size_t n,
    enum conf_rule_kind kind, const char *code);

#endif
