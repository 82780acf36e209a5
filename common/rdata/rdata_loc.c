#include "common/rdata/rdata_loc.h"

#include "common/dns/dns.h"
#include "common/rdata/rdata_field.h"

enum {
	SEA_CM = 10000000,		/* altitudes count from 100 km below */
	DEGREE_MS = 3600000		/* angles count in milliseconds of arc */
};
#define EQUATOR 0x80000000u		/* and the prime meridian */

/* A decimal number with up to `places` digits behind the point, to units of its last place; 0 = no
 * point.  At least one digit stands before it.  -1 = it is none, or above 2^40. */
static int64_t
fixed(const char *s, size_t len, unsigned places)
{
	size_t i = 0;
	int64_t v = 0;

	for (; i < len && s[i] >= '0' && s[i] <= '9' && v < INT64_C(1) << 36; i++)
		v = v * 10 + (s[i] - '0');
	if (i == 0 || (i < len && (s[i] != '.' || places == 0)))
		return -1;
	i += i < len;			/* the point */
	for (; places > 0; places--) {
		int64_t digit = 0;
		if (i < len) {
			if (s[i] < '0' || s[i] > '9')
				return -1;
			digit = s[i++] - '0';
		}
		v = v * 10 + digit;
	}
	return i == len ? v : -1;
}

/* The next token when it is a number from 0 to max, in units of its last place; -1 with a reason
 * otherwise. */
static int64_t
part(struct rdata *r, unsigned places, int64_t max, const char *expected)
{
	int64_t v;

	if (r->tok == r->end)
		return rdata_field_more(r);
	v = r->tok->quoted ? -1 : fixed(r->tok->s, r->tok->len, places);
	if (v < 0 || v > max)
		return rdata_field_bad(r, expected);
	r->tok++;
	return v;
}

static bool
is_letter(const struct rdata *r, char c)
{
	return r->tok < r->end && !r->tok->quoted && r->tok->len == 1 && r->tok->s[0] == c;
}

/* Degrees, perhaps minutes and seconds, and which side: `plus` or `minus`. */
static int
read_angle(struct rdata *r, unsigned max_degrees, char plus, char minus)
{
	int64_t value = 0, unit = DEGREE_MS, v;
	uint8_t wire[4];

	for (unsigned i = 0; i < 3; i++, unit /= 60) {
		if (i != 0 && (is_letter(r, plus) || is_letter(r, minus)))
			break;
		if (i == 2)
			v = part(r, 3, 59999, "seconds below 60, with three decimals at most");
		else
			v = part(r, 0, i == 0 ? max_degrees : 59,
			    i != 0 ? "minutes below 60, or N, S, E or W" :
			    max_degrees == 90 ? "degrees up to 90" : "degrees up to 180");
		if (v < 0)
			return -1;
		value += i == 2 ? v : v * unit;
	}
	if (r->tok == r->end)
		return rdata_field_more(r);
	if (!is_letter(r, plus) && !is_letter(r, minus))
		return rdata_field_bad(r, plus == 'N' ? "N or S" : "E or W");
	if (value > (int64_t)max_degrees * DEGREE_MS)
		return err_set(r->err, "an angle of more than %u degrees", max_degrees);
	dns_put32(wire, (uint32_t)(is_letter(r, plus) ? EQUATOR + value : EQUATOR - value));
	r->tok++;
	return rdata_field_put(r, wire, 4);
}

/* Centimetres of a token in metres, which may end with m.  -1 = it is no such number. */
static int64_t
metres(const struct master_token *tok, size_t skip)
{
	size_t len = tok->len;

	if (tok->quoted || len <= skip)
		return -1;
	if (tok->s[len - 1] == 'm')
		len--;
	return fixed(tok->s + skip, len - skip, 2);
}

static int
read_altitude(struct rdata *r, uint8_t wire[4])
{
	bool minus, sign;
	int64_t cm;

	if (rdata_field_more(r) != 0)
		return -1;
	minus = r->tok->len != 0 && r->tok->s[0] == '-';
	sign = minus || (r->tok->len != 0 && r->tok->s[0] == '+');
	cm = metres(r->tok, sign);
	if (cm < 0 || (minus ? cm > SEA_CM : cm > (int64_t)UINT32_MAX - SEA_CM))
		return rdata_field_bad(r, "an altitude from -100000.00m to 42849672.95m");
	dns_put32(wire, (uint32_t)(minus ? SEA_CM - cm : SEA_CM + cm));
	r->tok++;
	return 0;
}

/* One digit and a power of ten, in four bits each (RFC 1876 section 2). */
static int
read_size(struct rdata *r, uint8_t *wire)
{
	unsigned power = 0;
	int64_t cm = metres(r->tok, 0);

	if (cm < 0 || cm > INT64_C(9000000000))
		return rdata_field_bad(r, "a size or precision from 0 to 90000000.00m");
	for (; cm >= 10; cm /= 10)
		power++;
	*wire = (uint8_t)(cm << 4 | power);
	r->tok++;
	return 0;
}

int
rdata_loc_read(struct rdata *r)
{
	/* version, size, horizontal and vertical precision with their defaults */
	uint8_t head[4] = { 0, 0x12, 0x16, 0x13 }, altitude[4];
	uint32_t at = r->len;

	if (rdata_field_put(r, head, 4) != 0 || read_angle(r, 90, 'N', 'S') != 0 ||
	    read_angle(r, 180, 'E', 'W') != 0 || read_altitude(r, altitude) != 0 ||
	    rdata_field_put(r, altitude, 4) != 0)
		return -1;
	for (unsigned i = 1; i < 4 && r->tok < r->end; i++)
		if (read_size(r, &r->data[at + i]) != 0)
			return -1;
	return 0;
}

static bool
is_angle(const uint8_t *wire, unsigned max_degrees)
{
	uint32_t from = EQUATOR - max_degrees * DEGREE_MS;

	return dns_get32(wire) - from <= 2 * max_degrees * (uint32_t)DEGREE_MS;
}

int
rdata_loc_check(struct rdata_octets *o)
{
	if (o->at == o->end)
		return err_set(o->err, "the data ends too soon");
	if (o->at[0] != 0)		/* another version has another form */
		return rdata_octets_rest(o);
	if (rdata_octets_left(o) != 16)
		return err_set(o->err, "%zu octets: expected 16", rdata_octets_left(o));
	for (unsigned i = 1; i < 4; i++)
		if ((o->at[i] & 15) > 9 || o->at[i] >> 4 > 9 ||
		    (o->at[i] >> 4 == 0 && (o->at[i] & 15) != 0))
			return err_set(o->err,
			    "size or precision 0x%02x: expected a digit and a power of ten",
			    o->at[i]);
	if (!is_angle(o->at + 4, 90) || !is_angle(o->at + 8, 180))
		return err_set(o->err, "a latitude past 90 or a longitude past 180 degrees");
	return rdata_octets_rest(o);
}
