#include "dnsd/doubts.h"

#include <stdio.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/dns/name.h"
#include "common/geo/geo_country.h"

/* A code that is none is a client's at no time. */
static void
doubt_countries(const struct conf *conf, const struct warn *warn)
{
	char where[CONF_WHERE];

	for (size_t i = 0; i < conf->geo.n_rules; i++) {
		const struct conf_rule *rule = &conf->geo.rules[i];

		if (rule->kind == CONF_RULE_COUNTRY && geo_country_find(rule->code) == NULL)
			err_warn(warn, "%s: country \"%s\": no country has this code (ISO 3166)",
			    conf_where(conf, rule->line, where), rule->code);
	}
}

/* Signatures that nobody is sent, and answers that cannot have any. */
static void
doubt_signed(const struct generation *gen, size_t i, const struct warn *warn)
{
	static const struct { uint16_t type; const char *name; } signs[] = {
		{ DNS_DNSKEY, "DNSKEY" }, { DNS_RRSIG, "RRSIG" }, { DNS_NSEC, "NSEC" },
		{ DNS_NSEC3PARAM, "NSEC3PARAM" },
	};
	const struct conf_zone *cz = &gen->conf->zones[i];
	const struct zone *zone = gen->zones[i].zone;
	const char *sign = NULL;
	char where[CONF_WHERE];

	for (size_t s = 0; s < sizeof(signs) / sizeof(*signs) && sign == NULL; s++)
		if (zone_rrset(zone, &zone->nodes[0], signs[s].type) != NULL)
			sign = signs[s].name;
	if (sign == NULL)
		return;
	err_warn(warn, "%s: zone \"%s\" is signed (%s): DNSSEC is not served, with a DS record in "
	    "the parent zone it would be bogus", conf_where(gen->conf, cz->line, where), cz->name,
	    sign);
	if (zone->n_steers != 0)
		err_warn(warn, "%s:%d: _steer: a steered name in the signed zone \"%s\": no "
		    "signature can be right for it", (const char *)zone->data +
		    zone->steers[0].file, zone->steers[0].line, cz->name);
}

/* NULL, or what dnsd would answer to what healthd asks. */
static const char *
question_fault(const struct generation *gen, const char *text)
{
	const char *blank = strchr(text, ' ');
	const struct generation_zone *gz;
	uint8_t name[NAME_MAX_WIRE];
	char owner[NAME_TEXT];
	struct name_walk w;
	uint32_t node;
	int type;

	snprintf(owner, sizeof(owner), "%.*s", (int)strcspn(text, " "), text);
	type = blank != NULL ? dns_type_number(blank + 1) : DNS_SOA;
	if (type <= 0 || name_parse(name, owner, NULL) < 0 ||
	    name_walk(&w, name, sizeof(name)) == 0)
		return "is no question";
	gz = generation_find_zone(gen, &w, (uint16_t)type);
	if (gz == NULL)
		return "lies in no zone, the answer would be REFUSED";
	if (gz->zone == NULL)
		return NULL;		/* a zone that was refused, and that has been said */
	switch (zone_find(gz->zone, &w, (uint16_t)type, &node)) {
	case ZONE_NXDOMAIN:
		return "there is no such name, the answer would be NXDOMAIN";
	case ZONE_DELEGATION:
		return "lies in a zone that is delegated away, the answer would be a referral";
	default:
		break;
	}
	if (gz->zone->nodes[node].steer == ZONE_NONE &&
	    zone_rrset(gz->zone, &gz->zone->nodes[node], (uint16_t)type) == NULL &&
	    zone_rrset(gz->zone, &gz->zone->nodes[node], DNS_CNAME) == NULL &&
	    zone_rrset(gz->zone, &gz->zone->nodes[node], DNS_DNAME) == NULL)
		return "the name has no record of this type";
	return NULL;
}

void
doubts_say(const struct generation *gen, const struct warn *warn)
{
	const struct conf_announce *a = &gen->conf->announce;
	const char *fault;
	char where[CONF_WHERE];

	doubt_countries(gen->conf, warn);
	for (uint32_t i = 0; i < gen->n_zones; i++)
		if (gen->zones[i].zone != NULL)
			doubt_signed(gen, i, warn);
	if (!a->enabled || a->question == NULL)
		return;
	fault = question_fault(gen, a->question);
	if (fault != NULL)
		err_warn(warn, "%s: announce: question \"%s\": %s",
		    conf_where(gen->conf, a->question_line, where), a->question, fault);
}
