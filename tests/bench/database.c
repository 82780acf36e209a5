/*
 * database: writes a MaxMind database for the benchmarks, quickly, the same for
 * the same arguments.
 *
 *	database OUT.mmdb NETWORKS PLACES SAMPLES OUT.txt
 *
 * NETWORKS networks (three fifths IPv4, the rest IPv6 below 2000::/3) lie in PLACES
 * places of 250 made-up countries: 250 places make it country-like, 100,000
 * city-like.  OUT.txt tells who is where: "place INDEX COUNTRY LATITUDE LONGITUDE"
 * and, for SAMPLES networks of each family, "net PREFIX INDEX", from which the
 * expected answers are worked out independently of any server.
 *
 * Format: MaxMind DB 2.0, 24-bit records, IPv4 at ::/96.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/random.h"

enum { COUNTRIES = 250, LEAF = 1 << 30, EMPTY = (1 << 30) - 1, V6_START = 3, V4_START = 96 };

struct node {
	uint32_t child[2];		/* node index, LEAF | place, or EMPTY */
};

struct place {
	char country[3];
	double latitude, longitude;
	uint32_t offset;		/* in the data section */
};

struct buffer {
	uint8_t *p;
	size_t len, size;
};

static struct node *nodes;
static uint32_t n_nodes;
static struct place *places;
static uint32_t n_places, last_place;
static uint64_t seed = 20260101;
static FILE *text;
static uint64_t sample_every[2];	/* of networks, by family */
static uint64_t networks_seen;

static double
next_unit(void)
{
	return (double)(random_next(&seed) >> 11) / 9007199254740992.0;
}

static uint32_t
new_node(void)
{
	nodes[n_nodes] = (struct node){ { EMPTY, EMPTY } };
	return n_nodes++;
}

/* Neighbours differ, or a real writer would have merged them; in a city-like database
 * three of four are in one country, for address space is given out by region. */
static uint32_t
choose_place(void)
{
	uint32_t place = (uint32_t)(random_next(&seed) % n_places);

	if (n_places > COUNTRIES && random_next(&seed) % 4 != 0)
		place = place / COUNTRIES * COUNTRIES + last_place % COUNTRIES;
	if (place >= n_places)
		place = last_place;
	if (place == last_place)
		place = (place + 1) % n_places;
	last_place = place;
	return place;
}

static void
sample(bool v6, const uint8_t *ip, unsigned depth, uint32_t place)
{
	char address[INET6_ADDRSTRLEN];

	if (networks_seen++ % sample_every[v6] != 0)
		return;
	inet_ntop(v6 ? AF_INET6 : AF_INET, ip, address, sizeof(address));
	fprintf(text, "net %s/%u %u\n", address, depth, place);
}

/* Fills the subtree at `depth` with about `budget` networks, none longer than `limit`. */
static uint32_t
fill(uint64_t budget, unsigned depth, unsigned limit, bool v6, uint8_t *ip)
{
	uint32_t node, place;
	uint64_t left;

	if (budget <= 1 || depth == limit) {
		place = choose_place();
		sample(v6, ip, depth, place);
		return LEAF | place;
	}
	left = (uint64_t)((double)budget * (0.25 + 0.5 * next_unit()));
	if (left == 0)
		left = 1;
	node = new_node();
	nodes[node].child[0] = fill(left, depth + 1, limit, v6, ip);
	ip[depth / 8] |= (uint8_t)(0x80 >> depth % 8);
	nodes[node].child[1] = fill(budget - left, depth + 1, limit, v6, ip);
	ip[depth / 8] &= (uint8_t)~(0x80 >> depth % 8);
	return node;
}

/* A chain of nodes from the root along `ip` to `depth`; its last record gets `subtree`. */
static void
hang(uint32_t subtree, const uint8_t *ip, unsigned depth)
{
	uint32_t node = 0;

	for (unsigned d = 0; d < depth; d++) {
		uint32_t *child = &nodes[node].child[ip[d / 8] >> (7 - d % 8) & 1];
		if (d == depth - 1)
			*child = subtree;
		else if (*child == EMPTY)
			*child = new_node();
		node = *child;
	}
}

static void
make_places(void)
{
	double latitude[COUNTRIES], longitude[COUNTRIES];

	for (unsigned c = 0; c < COUNTRIES; c++) {
		latitude[c] = -55 + 125 * next_unit();
		longitude[c] = -180 + 360 * next_unit();
	}
	for (uint32_t i = 0; i < n_places; i++) {
		struct place *p = &places[i];
		unsigned c = i % COUNTRIES;
		double spread = i < COUNTRIES ? 0 : 8;
		p->country[0] = (char)('A' + c / 26);
		p->country[1] = (char)('A' + c % 26);
		p->latitude = latitude[c] + spread * (next_unit() - 0.5);
		p->longitude = longitude[c] + spread * (next_unit() - 0.5);
		if (p->longitude > 180)
			p->longitude -= 360;
		if (p->longitude < -180)
			p->longitude += 360;
		fprintf(text, "place %u %s %.17g %.17g\n", i, p->country, p->latitude,
		    p->longitude);
	}
}

static void
put(struct buffer *b, const void *data, size_t len)
{
	if (b->len + len > b->size) {
		b->size = (b->len + len) * 2;
		b->p = realloc(b->p, b->size);
		if (b->p == NULL)
			abort();
	}
	memcpy(b->p + b->len, data, len);
	b->len += len;
}

static void
put_byte(struct buffer *b, unsigned byte)
{
	uint8_t octet = (uint8_t)byte;

	put(b, &octet, 1);
}

/* Types of the format: 2 string, 3 double, 5 uint16, 6 uint32, 7 map, 9 uint64, 11 array. */
static void
put_string(struct buffer *b, const char *s)
{
	put_byte(b, 2u << 5 | (unsigned)strlen(s));
	put(b, s, strlen(s));
}

static void
put_uint(struct buffer *b, unsigned type, uint64_t value, unsigned octets)
{
	if (type > 7) {
		put_byte(b, octets);
		put_byte(b, type - 7);
	} else {
		put_byte(b, type << 5 | octets);
	}
	while (octets-- > 0)
		put_byte(b, (unsigned)(value >> 8 * octets) & 255);
}

static void
put_double(struct buffer *b, const char *key, double value)
{
	uint64_t bits;

	put_string(b, key);
	memcpy(&bits, &value, sizeof(bits));
	put_uint(b, 3, bits, 8);
}

static void
put_map(struct buffer *b, unsigned pairs)
{
	put_byte(b, 7u << 5 | pairs);
}

static void
put_place(struct buffer *b, struct place *p)
{
	static const char *const continents[] = { "AF", "AN", "AS", "EU", "NA", "OC", "SA" };

	p->offset = (uint32_t)b->len;
	put_map(b, 3);
	put_string(b, "continent");
	put_map(b, 1);
	put_string(b, "code");
	put_string(b, continents[(unsigned)p->country[1] % 7]);
	put_string(b, "country");
	put_map(b, 1);
	put_string(b, "iso_code");
	put_string(b, p->country);
	put_string(b, "location");
	put_map(b, 2);
	put_double(b, "latitude", p->latitude);
	put_double(b, "longitude", p->longitude);
}

static void
put_metadata(struct buffer *b)
{
	put(b, "\xab\xcd\xefMaxMind.com", 14);
	put_map(b, 9);
	put_string(b, "binary_format_major_version");
	put_uint(b, 5, 2, 2);
	put_string(b, "binary_format_minor_version");
	put_uint(b, 5, 0, 2);
	put_string(b, "build_epoch");
	put_uint(b, 9, 1767225600, 8);
	put_string(b, "database_type");
	put_string(b, "GeoLite2-City");
	put_string(b, "description");
	put_map(b, 1);
	put_string(b, "en");
	put_string(b, "nearcast benchmark");
	put_string(b, "ip_version");
	put_uint(b, 5, 6, 2);
	put_string(b, "languages");
	put_byte(b, 1);			/* array of one */
	put_byte(b, 11 - 7);
	put_string(b, "en");
	put_string(b, "node_count");
	put_uint(b, 6, n_nodes, 4);
	put_string(b, "record_size");
	put_uint(b, 5, 24, 2);
}

static void
write_tree(struct buffer *b)
{
	for (uint32_t i = 0; i < n_nodes; i++) {
		uint8_t record[6];
		for (unsigned side = 0; side < 2; side++) {
			uint32_t child = nodes[i].child[side];
			if (child == EMPTY)
				child = n_nodes;
			else if (child & LEAF)
				child = n_nodes + 16 + places[child & ~(uint32_t)LEAF].offset;
			if (child >= 1u << 24) {
				fprintf(stderr, "database: too large for 24-bit records\n");
				exit(1);
			}
			record[side * 3] = (uint8_t)(child >> 16);
			record[side * 3 + 1] = (uint8_t)(child >> 8);
			record[side * 3 + 2] = (uint8_t)child;
		}
		put(b, record, sizeof(record));
	}
	put(b, (uint8_t[16]){ 0 }, 16);
}

static void
make_tree(uint64_t networks, uint64_t samples)
{
	static const uint8_t v4_at[16], v6_at[16] = { 0x20 };
	uint8_t ip4[4] = { 0 }, ip6[16] = { 0x20 };
	uint64_t n4 = networks * 3 / 5, n6 = networks - n4;
	uint32_t subtree;

	sample_every[0] = n4 / samples + 1;
	sample_every[1] = n6 / samples + 1;
	new_node();
	subtree = fill(n4, 0, 24, false, ip4);
	hang(subtree, v4_at, V4_START);
	subtree = fill(n6, V6_START, 48, true, ip6);
	hang(subtree, v6_at, V6_START);
}

int
main(int argc, char **argv)
{
	struct buffer data = { 0 }, file = { 0 };
	uint64_t networks = argc == 6 ? strtoull(argv[2], NULL, 10) : 0;
	FILE *out;

	n_places = argc == 6 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
	if (networks == 0 || n_places == 0 || atoi(argv[4]) <= 0) {
		fprintf(stderr, "usage: database OUT.mmdb NETWORKS PLACES SAMPLES OUT.txt\n");
		return 2;
	}
	nodes = calloc(networks + 256, sizeof(*nodes));
	places = calloc(n_places, sizeof(*places));
	text = fopen(argv[5], "w");
	out = fopen(argv[1], "wb");
	if (nodes == NULL || places == NULL || text == NULL || out == NULL) {
		perror("database");
		return 1;
	}
	make_places();
	make_tree(networks, strtoull(argv[4], NULL, 10));
	for (uint32_t i = 0; i < n_places; i++)
		put_place(&data, &places[i]);
	write_tree(&file);
	put(&file, data.p, data.len);
	put_metadata(&file);
	if (fwrite(file.p, 1, file.len, out) != file.len || fclose(out) != 0 || fclose(text) != 0) {
		perror("database");
		return 1;
	}
	return 0;
}
