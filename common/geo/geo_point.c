#include "common/geo/geo_point.h"

#include <math.h>

#define EARTH_RADIUS_KM 6371.0088	/* IUGG mean radius */

static double
radians(double degrees)
{
	return degrees * (M_PI / 180);
}

double
geo_point_km(double lat1, double lon1, double lat2, double lon2)
{
	double dlat = sin(radians(lat2 - lat1) / 2), dlon = sin(radians(lon2 - lon1) / 2);
	double a = dlat * dlat + cos(radians(lat1)) * cos(radians(lat2)) * dlon * dlon;

	return 2 * EARTH_RADIUS_KM * asin(sqrt(a > 1 ? 1 : a));
}

struct geo_point
geo_point_of(double latitude, double longitude)
{
	double lat = radians(latitude), lon = radians(longitude);

	return (struct geo_point){ cos(lat) * cos(lon), cos(lat) * sin(lon), sin(lat) };
}

int64_t
geo_point_chord_mm(struct geo_point a, struct geo_point b)
{
	double x = a.x - b.x, y = a.y - b.y, z = a.z - b.z;

	return (int64_t)(sqrt(x * x + y * y + z * z) * (EARTH_RADIUS_KM * 1e6) + 0.5);
}
