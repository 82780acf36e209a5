/*
 * geo_country: a point and a continent for every country, and a point for every continent.
 *
 * For databases that know countries only, and records without coordinates.  The table of
 * countries is made by deploy/mk-country-points; its head tells where the figures are from.  A
 * continent's point is the middle of its land.  Pure.
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

struct geo_continent {
	char code[3];			/* as databases have them: AF AN AS EU NA OC SA */
	double latitude, longitude;
};

/* NULL if there is no such continent. */
const struct geo_continent *geo_country_continent(const char *code);

#endif
