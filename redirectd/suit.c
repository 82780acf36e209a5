#include "redirectd/suit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/geo/geo_country.h"
#include "common/geo/rendezvous.h"

/* Classes by which mirrors are ordered; the prefix class has one for each length. */
enum {
	TIER_PREFIX = 0, TIER_ASN = 200, TIER_COUNTRY = 300, TIER_DISTANCE = 400,
	TIER_RESERVE = 1000
};

/* ---- prepared once ---- */

static void
prepare(struct suit *suit, const struct conf_mirror *m, struct suit_mirror *p)
{
	const struct geo_country *country = geo_country_find(m->country);

	p->located = m->located || country != NULL;
	p->latitude = m->located ? m->latitude : country != NULL ? country->latitude : 0;
	p->longitude = m->located ? m->longitude : country != NULL ? country->longitude : 0;
	p->point = geo_point_of(p->latitude, p->longitude);
	p->name = rendezvous_name(m->name);
	p->inverse = m->weight != 0 ? rendezvous_inverse(m->weight) : 0;
	p->secure = strncasecmp(m->url, "https:", 6) == 0;
	p->asn = m->asn;
	p->plain = m->one_file_index == CONF_NONE && m->enabled && m->ipv4 && m->ipv6 &&
	    m->only == CONF_ONLY_NONE && m->weight != 0 && m->prefixes.n == 0 && m->max_size == 0;
	if (country != NULL)
		memcpy(p->continent, country->continent, sizeof(p->continent));
	for (size_t i = 0; i < m->also.n; i++) {
		const char *code = m->also.v[i].text;

		if (code[0] == '*')
			suit->rule_for_all = true;
		else
			suit->rules[(code[0] - 'A') * 26 + code[1] - 'A'] = true;
	}
}

int
suit_prepare(struct suit *suit, const struct conf *conf)
{
	suit->mirrors = calloc(conf->n_mirrors + 1, sizeof(*suit->mirrors));
	if (suit->mirrors == NULL)
		return -1;
	suit->conf = conf;
	for (size_t i = 0; i < conf->n_mirrors; i++)
		prepare(suit, &conf->mirrors[i], &suit->mirrors[i]);
	return 0;
}

void
suit_free(struct suit *suit)
{
	free(suit->mirrors);
	suit->mirrors = NULL;
}

/* ---- one mirror, one request ---- */

static bool
also_in(const struct conf_mirror *m, const char *country)
{
	for (size_t i = 0; i < m->also.n; i++)
		if (m->also.v[i].text[0] == '*' || strcmp(m->also.v[i].text, country) == 0)
			return true;
	return false;
}

static bool
is_in_country(const struct conf_mirror *m, const char *country)
{
	return *country != '\0' && (strcmp(m->country, country) == 0 || also_in(m, country));
}

static bool
is_in_continent(const struct conf_mirror *m, const struct suit_mirror *p,
    const struct choice_client *client)
{
	if (*client->continent == '\0')
		return false;
	if (strcmp(p->continent, client->continent) == 0)
		return true;
	for (size_t i = 0; i < m->also.n; i++) {
		const struct geo_country *c = geo_country_find(m->also.v[i].text);

		if (m->also.v[i].text[0] == '*' ||
		    (c != NULL && strcmp(c->continent, client->continent) == 0))
			return true;
	}
	return false;
}

static int
prefix_of(const struct conf_mirror *m, const struct addr *client)
{
	int best = -1;

	for (size_t i = 0; i < m->prefixes.n; i++)
		if (m->prefixes.v[i].len > best &&
		    prefix_contains(&m->prefixes.v[i], client->family, client->ip))
			best = m->prefixes.v[i].len;
	return best;
}

/* Each `only` takes those of the narrower ones, too. */
static bool
is_for(const struct conf_mirror *m, const struct suit_mirror *p, const struct choice_client *client,
    int prefix)
{
	if (m->only == CONF_ONLY_NONE || prefix >= 0)
		return true;
	if (m->only >= CONF_ONLY_ASN && m->asn != 0 && m->asn == client->asn)
		return true;
	if (m->only >= CONF_ONLY_COUNTRY && is_in_country(m, client->country))
		return true;
	return m->only >= CONF_ONLY_CONTINENT && is_in_continent(m, p, client);
}

/* What keeps a mirror from this client and file whatever its state; CHOICE_REASONS = nothing. */
static enum choice_why
bar(const struct suit *suit, const struct suit_client *client, uint16_t mirror, int prefix)
{
	const struct redirect_choice *choice = client->choice;
	const struct conf_mirror *m = &suit->conf->mirrors[mirror];
	const struct suit_mirror *p = &suit->mirrors[mirror];
	uint16_t one = choice->one_file == NULL ? CONF_NONE :
	    (uint16_t)(choice->one_file - choice->redirect->one_files);

	if (m->one_file_index != one)
		return CHOICE_OTHER_FILE;
	if (!m->enabled)
		return CHOICE_DISABLED;
	if (choice->secure && !p->secure)
		return CHOICE_INSECURE;
	if (choice->client.address.family == 4 && !m->ipv4)
		return CHOICE_NO_IPV4;
	if (choice->client.address.family == 6 && !m->ipv6)
		return CHOICE_NO_IPV6;
	if (!is_for(m, p, &choice->client, prefix))
		return CHOICE_ONLY;
	return p->inverse == 0 ? CHOICE_WEIGHT_ZERO : CHOICE_REASONS;
}

static bool
has_rule(const struct suit *suit, const char *country)
{
	if (country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z')
		return false;
	return suit->rule_for_all || suit->rules[(country[0] - 'A') * 26 + country[1] - 'A'];
}

struct suit_client
suit_client(const struct suit *suit, const struct redirect_choice *choice)
{
	const struct choice_client *c = &choice->client;
	struct suit_client client = {
		.choice = choice, .rule = has_rule(suit, c->country),
		.placed = c->known != CHOICE_UNKNOWN,
	};

	client.plain = !client.rule && choice->one_file == NULL;
	if (client.placed)
		client.point = geo_point_of(c->latitude, c->longitude);
	return client;
}

/* The class of one that is not barred, and its part of the order. */
static enum choice_why
class_of(const struct suit *suit, const struct suit_client *client, uint16_t mirror, int prefix,
    enum choice_why why, uint64_t *tier)
{
	const struct conf_mirror *m = &suit->conf->mirrors[mirror];
	const struct redirect_choice *choice = client->choice;
	const char *country = choice->client.country;

	if (prefix >= 0) {
		*tier = TIER_PREFIX + 128u - (unsigned)prefix;
		why = CHOICE_PREFIX;
	} else if (m->asn != 0 && m->asn == choice->client.asn) {
		*tier = TIER_ASN;
		why = CHOICE_ASN;
	} else if (client->rule && is_in_country(m, country)) {
		*tier = TIER_COUNTRY;
		why = strcmp(m->country, country) == 0 ? CHOICE_COUNTRY : CHOICE_ALSO;
	}
	if (m->max_size != 0 && choice->file.known && choice->file.size > m->max_size) {
		*tier += TIER_RESERVE;
		why = CHOICE_LARGE;
	}
	return why;
}

enum choice_why
suit_judge(const struct suit *suit, const struct suit_client *client, uint16_t mirror,
    uint64_t *order)
{
	const struct suit_mirror *p = &suit->mirrors[mirror];
	uint64_t tier = TIER_DISTANCE, chord = SUIT_CHORD_UNKNOWN;
	enum choice_why why = CHOICE_ANY;

	if (client->placed && p->located) {
		chord = (uint64_t)geo_point_chord_mm(client->point, p->point);
		why = CHOICE_FAR;
	}
	if (!p->plain || !client->plain || (client->choice->secure && !p->secure) ||
	    (p->asn != 0 && p->asn == client->choice->client.asn)) {
		const struct conf_mirror *m = &suit->conf->mirrors[mirror];
		int prefix = prefix_of(m, &client->choice->client.address);
		enum choice_why barred = bar(suit, client, mirror, prefix);

		if (barred != CHOICE_REASONS)
			return barred;
		why = class_of(suit, client, mirror, prefix, why, &tier);
	}
	*order = tier << SUIT_CHORD_BITS | chord;
	return why;
}
