/*
 * mmdb_make: writes MaxMind DB files for tests and benchmarks, millions of networks a second.
 *
 * Networks are added shorter prefixes first: a longer one splits what is there, a shorter one
 * replaces all below it.  IPv4 networks of an IPv6 database lie under ::/96.  Ends the process when
 * memory or disk runs out: this is for tests.
 */
#ifndef NEARCAST_TESTS_MMDB_MAKE_H
#define NEARCAST_TESTS_MMDB_MAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"

#define MMDB_MAKE_LEAF UINT32_C(0x80000000)
#define MMDB_MAKE_NOTHING UINT32_MAX

struct mmdb_make {
	unsigned ip_version, record_bits;
	uint32_t (*node)[2];		/* a node, MMDB_MAKE_LEAF | data offset, or NOTHING */
	uint32_t n_nodes, cap_nodes;
	uint8_t *data;
	size_t n_data, cap_data;
};

static inline void *
mmdb_make_room(void *p, size_t size)
{
	p = realloc(p, size);
	if (p == NULL) {
		perror("mmdb_make");
		exit(1);
	}
	return p;
}

static inline uint32_t
mmdb_make_node(struct mmdb_make *m, uint32_t both)
{
	if (m->n_nodes == m->cap_nodes) {
		m->cap_nodes = m->cap_nodes != 0 ? 2 * m->cap_nodes : 1024;
		m->node = mmdb_make_room(m->node, m->cap_nodes * sizeof(m->node[0]));
	}
	m->node[m->n_nodes][0] = m->node[m->n_nodes][1] = both;
	return m->n_nodes++;
}

static inline void
mmdb_make_init(struct mmdb_make *m, unsigned ip_version, unsigned record_bits)
{
	memset(m, 0, sizeof(*m));
	m->ip_version = ip_version;
	m->record_bits = record_bits;
	mmdb_make_node(m, MMDB_MAKE_NOTHING);
}

/* ---- the data section ---- */

static inline void
mmdb_make_octets(struct mmdb_make *m, const void *p, size_t n)
{
	if (m->n_data + n > m->cap_data) {
		m->cap_data = 2 * (m->n_data + n) + 4096;
		m->data = mmdb_make_room(m->data, m->cap_data);
	}
	memcpy(m->data + m->n_data, p, n);
	m->n_data += n;
}

static inline void
mmdb_make_octet(struct mmdb_make *m, unsigned octet)
{
	mmdb_make_octets(m, &(uint8_t){ (uint8_t)octet }, 1);
}

static inline void
mmdb_make_map(struct mmdb_make *m, unsigned pairs)	/* at most 28 */
{
	mmdb_make_octet(m, 0xe0 | pairs);
}

static inline void
mmdb_make_string(struct mmdb_make *m, const char *text)
{
	size_t n = strlen(text);

	mmdb_make_octet(m, 0x40 | (unsigned)(n < 29 ? n : 29));
	if (n >= 29)
		mmdb_make_octet(m, (unsigned)n - 29);
	mmdb_make_octets(m, text, n);
}

static inline void
mmdb_make_double(struct mmdb_make *m, double x)
{
	uint64_t bits;

	memcpy(&bits, &x, 8);
	mmdb_make_octet(m, 0x68);
	for (int shift = 56; shift >= 0; shift -= 8)
		mmdb_make_octet(m, (unsigned)(bits >> shift & 0xff));
}

static inline void
mmdb_make_uint16(struct mmdb_make *m, unsigned n)
{
	mmdb_make_octet(m, 0xa2);
	mmdb_make_octet(m, n >> 8 & 0xff);
	mmdb_make_octet(m, n & 0xff);
}

static inline void
mmdb_make_uint32(struct mmdb_make *m, uint32_t n)
{
	mmdb_make_octet(m, 0xc4);
	for (int shift = 24; shift >= 0; shift -= 8)
		mmdb_make_octet(m, n >> shift & 0xff);
}

/* A record as in GeoLite2-City; returns its offset.  country, continent "" = left out; latitude
 * above 1000 = no location. */
static inline uint32_t
mmdb_make_city(struct mmdb_make *m, const char *country, const char *continent, double latitude,
    double longitude)
{
	uint32_t at = (uint32_t)m->n_data;

	mmdb_make_map(m, (country[0] != '\0') + (continent[0] != '\0') + (latitude < 1000));
	if (country[0] != '\0') {
		mmdb_make_string(m, "country");
		mmdb_make_map(m, 1);
		mmdb_make_string(m, "iso_code");
		mmdb_make_string(m, country);
	}
	if (continent[0] != '\0') {
		mmdb_make_string(m, "continent");
		mmdb_make_map(m, 1);
		mmdb_make_string(m, "code");
		mmdb_make_string(m, continent);
	}
	if (latitude < 1000) {
		mmdb_make_string(m, "location");
		mmdb_make_map(m, 2);
		mmdb_make_string(m, "latitude");
		mmdb_make_double(m, latitude);
		mmdb_make_string(m, "longitude");
		mmdb_make_double(m, longitude);
	}
	return at;
}

static inline uint32_t
mmdb_make_asn(struct mmdb_make *m, uint32_t asn)
{
	uint32_t at = (uint32_t)m->n_data;

	mmdb_make_map(m, 1);
	mmdb_make_string(m, "autonomous_system_number");
	mmdb_make_uint32(m, asn);
	return at;
}

/* ---- the tree ---- */

/* Gives a network the record at `offset`, or none (MMDB_MAKE_NOTHING). */
static inline void
mmdb_make_add(struct mmdb_make *m, const struct prefix *net, uint32_t offset)
{
	uint32_t leaf = offset == MMDB_MAKE_NOTHING ? offset : MMDB_MAKE_LEAF | offset, at = 0;
	unsigned skip = net->family == 4 && m->ip_version == 6 ? 96 : 0, len = net->len + skip;

	if (len == 0) {
		m->node[0][0] = m->node[0][1] = leaf;
		return;
	}
	for (unsigned i = 0; i < len; i++) {
		unsigned bit = i < skip ? 0 : net->ip[(i - skip) / 8] >> (7 - (i - skip) % 8) & 1;
		if (i + 1 == len) {
			m->node[at][bit] = leaf;
		} else {
			if (m->node[at][bit] >= MMDB_MAKE_LEAF) {
				uint32_t fresh = mmdb_make_node(m, m->node[at][bit]);
				m->node[at][bit] = fresh;
			}
			at = m->node[at][bit];
		}
	}
}

static inline void
mmdb_make_record(const struct mmdb_make *m, uint8_t out[8], const uint32_t child[2])
{
	uint32_t v[2];

	for (int i = 0; i < 2; i++)
		v[i] = child[i] == MMDB_MAKE_NOTHING ? m->n_nodes :
		    child[i] >= MMDB_MAKE_LEAF ? m->n_nodes + 16 + (child[i] & ~MMDB_MAKE_LEAF) :
		    child[i];
	switch (m->record_bits) {
	case 24:
		for (int i = 0; i < 6; i++)
			out[i] = (uint8_t)(v[i / 3] >> (16 - 8 * (i % 3)));
		break;
	case 28:
		for (int i = 0; i < 3; i++) {
			out[i] = (uint8_t)(v[0] >> (16 - 8 * i));
			out[4 + i] = (uint8_t)(v[1] >> (16 - 8 * i));
		}
		out[3] = (uint8_t)((v[0] >> 24 & 15) << 4 | (v[1] >> 24 & 15));
		break;
	default:
		for (int i = 0; i < 8; i++)
			out[i] = (uint8_t)(v[i / 4] >> (24 - 8 * (i % 4)));
	}
}

/* Writes the file and forgets all. */
static inline void
mmdb_make_write(struct mmdb_make *m, const char *path, const char *type)
{
	struct mmdb_make meta = { 0 };
	FILE *f = fopen(path, "wb");
	uint8_t record[8], separator[16] = { 0 };
	bool ok = f != NULL;

	for (uint32_t i = 0; ok && i < m->n_nodes; i++) {
		mmdb_make_record(m, record, m->node[i]);
		ok = fwrite(record, m->record_bits / 4, 1, f) == 1;
	}
	mmdb_make_octets(&meta, "\xab\xcd\xefMaxMind.com", 14);
	mmdb_make_map(&meta, 9);
	mmdb_make_string(&meta, "node_count");
	mmdb_make_uint32(&meta, m->n_nodes);
	mmdb_make_string(&meta, "record_size");
	mmdb_make_uint16(&meta, m->record_bits);
	mmdb_make_string(&meta, "ip_version");
	mmdb_make_uint16(&meta, m->ip_version);
	mmdb_make_string(&meta, "binary_format_major_version");
	mmdb_make_uint16(&meta, 2);
	mmdb_make_string(&meta, "binary_format_minor_version");
	mmdb_make_uint16(&meta, 0);
	mmdb_make_string(&meta, "database_type");
	mmdb_make_string(&meta, type);
	mmdb_make_string(&meta, "build_epoch");
	mmdb_make_octets(&meta, "\x04\x02\x65\x53\xf1\x00", 6);	/* 1700000000, a uint64 */
	mmdb_make_string(&meta, "languages");
	mmdb_make_octets(&meta, "\x00\x04", 2);
	mmdb_make_string(&meta, "description");
	mmdb_make_map(&meta, 0);
	ok = ok && fwrite(separator, 16, 1, f) == 1 &&
	    (m->n_data == 0 || fwrite(m->data, m->n_data, 1, f) == 1) &&
	    fwrite(meta.data, meta.n_data, 1, f) == 1;
	if (f == NULL || fclose(f) != 0 || !ok) {
		perror(path);
		exit(1);
	}
	free(meta.data);
	free(m->node);
	free(m->data);
	memset(m, 0, sizeof(*m));
}

#endif
