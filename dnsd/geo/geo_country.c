#include "dnsd/geo/geo_country.h"

#include <stdlib.h>
#include <string.h>

static const struct geo_country countries[] = {
#define COUNTRY(code, continent, latitude, longitude) { code, continent, latitude, longitude },
#include "dnsd/geo/geo_country.def"
};

static int
by_code(const void *code, const void *country)
{
	return strcmp(code, ((const struct geo_country *)country)->code);
}

const struct geo_country *
geo_country_find(const char *code)
{
	return bsearch(code, countries, sizeof(countries) / sizeof(countries[0]),
	    sizeof(countries[0]), by_code);
}
