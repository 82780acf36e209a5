/*
 * geo_point: how far apart two places are, fast and the same on every machine.
 *
 * Places are points on the unit sphere; their distance is that of the straight line through
 * the earth, which grows with the great circle and costs a tenth of it.  It is rounded to a
 * millimetre, so that what is equally far on paper is equally far here.  Knows no sites.  Pure.
 */
#ifndef NEARCAST_GEO_POINT_H
#define NEARCAST_GEO_POINT_H

#include <stdint.h>

struct geo_point {
	double x, y, z;			/* on the unit sphere */
};

/* Degrees, north and east positive. */
struct geo_point geo_point_of(double latitude, double longitude);

/* Millimetres, 0 to 12,742,017,600. */
int64_t geo_point_chord_mm(struct geo_point a, struct geo_point b);

/* Kilometres along the great circle (haversine, mean radius 6371.0088 km). */
double geo_point_km(double lat1, double lon1, double lat2, double lon2);

#endif
