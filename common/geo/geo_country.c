#include "common/geo/geo_country.h"

#include <stdlib.h>
#include <string.h>

static const struct geo_country countries[] = {
#define COUNTRY(code, continent, latitude, longitude) { code, continent, latitude, longitude },
#include "common/geo/geo_country.def"
};

static int
by_code(const void *code, const void *country)
{
	return strcmp(code, ((const struct geo_country *)country)->code);
}

static const struct geo_continent continents[] = {
	{ "AF", 7.2, 21.1 },
	{ "AN", -78.2, 16.4 },
	{ "AS", 34.0, 95.0 },
	{ "EU", 50.5, 15.0 },
	{ "NA", 46.1, -100.5 },
	{ "OC", -25.0, 139.0 },
	{ "SA", -14.6, -57.7 },
};

const struct geo_country *
geo_country_find(const char *code)
{
	return bsearch(code, countries, sizeof(countries) / sizeof(countries[0]),
	    sizeof(countries[0]), by_code);
}

const struct geo_continent *
geo_country_continent(const char *code)
{
	for (size_t i = 0; i < sizeof(continents) / sizeof(continents[0]); i++)
		if (strcmp(code, continents[i].code) == 0)
			return &continents[i];
	return NULL;
}
