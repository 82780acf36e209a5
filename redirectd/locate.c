#include "redirectd/locate.h"

#include <ctype.h>
#include <string.h>

#include "common/geo/geo_country.h"
#include "common/geo/geo_fold.h"
#include "common/text.h"

/* Of the kinds of IPv6 addresses that hold an IPv4 one, this is the one that a socket shows. */
static void
unmap(struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->family != 6 || memcmp(a->ip, mapped, 12) != 0)
		return;
	a->family = 4;
	memmove(a->ip, a->ip + 12, 4);
	memset(a->ip + 4, 0, 12);
}

bool
locate_address(struct addr *address, const char *text)
{
	if (strlen(text) >= ADDR_TEXT || addr_parse(address, text, NULL) < 0)
		return false;
	address->port = 0;
	unmap(address);
	return true;
}

/* What a database says; 6to4 and its like are looked up as the IPv4 address in them. */
static bool
look_up(const struct geo_db *db, const struct addr *a, struct geo_place *place)
{
	const struct geo_fold *fold = a->family == 6 ? geo_fold_find(geo_key_of(6, a->ip)) : NULL;
	struct prefix net;
	uint8_t v4[4];
	uint32_t ip;

	if (db == NULL)
		return false;
	if (fold == NULL)
		return geo_db_lookup(db, a->family, a->ip, place, &net);
	ip = geo_fold_ip(fold, geo_key_of(6, a->ip));
	for (unsigned i = 0; i < 4; i++)
		v4[i] = (uint8_t)(ip >> (24 - 8 * i));
	return geo_db_lookup(db, 4, v4, place, &net);
}

void
locate_client(const struct setup *setup, struct choice_client *client)
{
	struct geo_place place;

	if (look_up(setup->city, &client->address, &place)) {
		memcpy(client->country, place.country, sizeof(client->country));
		memcpy(client->continent, place.continent, sizeof(client->continent));
		client->asn = place.asn;
		if (place.has_point) {
			client->known = place.country_point ? CHOICE_BY_COUNTRY :
			    CHOICE_BY_DATABASE;
			client->latitude = place.latitude;
			client->longitude = place.longitude;
		}
	}
	if (look_up(setup->asn, &client->address, &place) && place.asn != 0)
		client->asn = place.asn;
}

void
locate_as_country(struct choice_client *client, const char *code)
{
	char upper[3] = "";
	const struct geo_country *country;

	if (strlen(code) != 2)
		return;
	upper[0] = (char)toupper((unsigned char)code[0]);
	upper[1] = (char)toupper((unsigned char)code[1]);
	country = geo_country_find(upper);
	if (country == NULL)
		return;
	memcpy(client->country, upper, sizeof(upper));
	memcpy(client->continent, country->continent, sizeof(client->continent));
	client->known = CHOICE_BY_QUERY;
	client->latitude = country->latitude;
	client->longitude = country->longitude;
}

void
locate_as_asn(struct choice_client *client, const char *number)
{
	uint64_t asn;

	if (strncasecmp(number, "AS", 2) == 0)
		number += 2;
	if (text_is_number(number, UINT32_MAX, &asn) && asn != 0)
		client->asn = (uint32_t)asn;
}
