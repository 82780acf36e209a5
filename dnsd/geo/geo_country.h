/*
 * geo_country: a point and a continent for every country.
 *
 * For databases that know countries only, and records without coordinates.  The table is
 * made by deploy/mk-country-points; its head tells where the figures are from.  Pure.
 */
#ifndef NEARCAST_GEO_COUNTRY_H
#define NEARCAST_GEO_COUNTRY_H

struct geo_country {
	char code[3];			/* ISO 3166-1, upper case */
	char continent[3];
	double latitude, longitude;
};

/* NULL if there is no such country. */
const struct geo_country *geo_country_find(const char *code);

#endif
