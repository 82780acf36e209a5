#include "common/rdata/rdata_bitmap.h"

#include <string.h>

#include "common/rdata/rdata_field.h"

enum { WINDOW = 32 };			/* octets: 256 types */

struct bitmap {
	bool used[256];			/* windows that hold a type; the others are not set */
	uint8_t windows[256][WINDOW];
};

static int
read_types(struct rdata *r, struct bitmap *map)
{
	int type;

	memset(map->used, 0, sizeof(map->used));
	for (; r->tok < r->end; r->tok++) {
		type = rdata_field_type_of(r, r->tok);
		if (type < 0)
			return rdata_field_bad(r, "a record type (or TYPEnnn)");
		if (!map->used[type >> 8])
			memset(map->windows[type >> 8], 0, WINDOW);
		map->used[type >> 8] = true;
		map->windows[type >> 8][(type & 255) / 8] |= (uint8_t)(0x80 >> type % 8);
	}
	return 0;
}

/* Any types: the bits of those that no name has, as OPT, are passed over by who reads them (RFC
 * 4034 4.1.2), and BIND and Knot write and read them. */
int
rdata_bitmap_read(struct rdata *r)
{
	struct bitmap map;

	if (read_types(r, &map) != 0)
		return -1;
	for (unsigned w = 0; w < 256; w++) {
		uint8_t head[2] = { (uint8_t)w, WINDOW };
		if (!map.used[w])
			continue;
		while (map.windows[w][head[1] - 1] == 0)
			head[1]--;
		if (rdata_field_put(r, head, 2) != 0 ||
		    rdata_field_put(r, map.windows[w], head[1]) != 0)
			return -1;
	}
	return 0;
}

int
rdata_bitmap_check(struct rdata_octets *o)
{
	int last = -1;

	while (o->at < o->end) {
		if (rdata_octets_left(o) < 2 || o->at[1] < 1 || o->at[1] > WINDOW ||
		    rdata_octets_left(o) < 2u + o->at[1])
			return err_set(o->err, "a bitmap's window of another length than 1 to 32");
		if (o->at[0] <= last)
			return err_set(o->err, "window %u of a bitmap behind window %d",
			    o->at[0], last);
		if (o->at[1 + o->at[1]] == 0)
			return err_set(o->err, "a bitmap's window that ends with a zero octet");
		last = o->at[0];
		o->at += 2 + o->at[1];
	}
	return 0;
}

int
rdata_bitmap_nxt_read(struct rdata *r)
{
	uint8_t bits[16] = { 0 };
	unsigned len = sizeof(bits);
	int type;

	for (; r->tok < r->end; r->tok++) {
		type = rdata_field_type_of(r, r->tok);
		if (type < 1 || type > 127)
			return rdata_field_bad(r, "a record type up to 127");
		bits[type / 8] |= (uint8_t)(0x80 >> type % 8);
	}
	while (len > 0 && bits[len - 1] == 0)
		len--;
	return rdata_field_put(r, bits, len);
}

int
rdata_bitmap_nxt_check(struct rdata_octets *o)
{
	size_t len = rdata_octets_left(o);

	if (len > 16 || (len != 0 && (o->at[0] >= 0x80 || o->end[-1] == 0)))
		return err_set(o->err, "expected bits for the types 1 to 127, not ending with 0");
	return rdata_octets_rest(o);
}
