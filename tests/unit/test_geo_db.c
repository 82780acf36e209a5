/* Databases: good ones, odd ones, broken ones, and MaxMind's own through both readers. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <maxminddb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/geo/geo_db.h"
#include "tests/lib/mmdb_make.h"

static char path[64];

static void
new_path(void)
{
	int fd;

	strcpy(path, "/tmp/test_geo_db.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
}

static struct prefix
net_of(const char *text)
{
	struct prefix p;
	struct err err;

	if (prefix_parse(&p, text, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

/* Writes a database of one record, at 10.0.0.0/8, given as octets of the data section. */
static void
write_record(const char *octets, size_t n)
{
	struct mmdb_make m;
	struct prefix net = net_of("10.0.0.0/8");

	mmdb_make_init(&m, 6, 28);
	mmdb_make_octets(&m, octets, n);
	mmdb_make_add(&m, &net, 0);
	mmdb_make_write(&m, path, "test");
}

static void
expect_refused(const char *sentence, const char *reason)
{
	struct err err = { .text = "" };
	struct geo_db *db = geo_db_open(path, &err);

	if (db != NULL)
		fail_msg("%s: was not refused", sentence);
	if (strstr(err.text, reason) == NULL || strstr(err.text, path) == NULL)
		fail_msg("%s: refused with \"%s\", expected \"%s\"", sentence, err.text, reason);
}

static struct geo_db *
open_good(const char *sentence)
{
	struct err err;
	struct geo_db *db = geo_db_open(path, &err);

	if (db == NULL)
		fail_msg("%s: %s", sentence, err.text);
	return db;
}

/* ---- shapes ---- */

struct shape {
	const char *sentence, *octets;
	size_t n;
	const char *country, *continent, *subdivision;
	double latitude, longitude;	/* NAN = no point */
	uint32_t asn;
};

#define OCTETS(text) text, sizeof(text) - 1

static const struct shape shapes[] = {
	{ "GeoIP2: country, continent, location, subdivisions",
	    OCTETS("\xe4" "\x47" "country" "\xe1" "\x48" "iso_code" "\x42" "DE"
	        "\x49" "continent" "\xe1" "\x44" "code" "\x42" "EU"
	        "\x48" "location" "\xe2" "\x48" "latitude" "\x68\x40\x49\x00\x00\x00\x00\x00\x00"
	        "\x49" "longitude" "\x68\x40\x20\x00\x00\x00\x00\x00\x00"
	        "\x4c" "subdivisions" "\x02\x04" "\xe1" "\x48" "iso_code" "\x42" "HE"
	        "\xe1" "\x48" "iso_code" "\x42" "XX"), "DE", "EU", "HE", 50, 8, 0 },
	{ "a boolean takes no octets", OCTETS("\xe2" "\x42" "eu" "\x01\x07" "\x4c" "country_code"
	    "\x42" "fr"
	    ), "FR", "EU", "", 47.49, 2.88, 0 },
	{ "registered_country counts where country is absent",
	    OCTETS("\xe1" "\x52" "registered_country" "\xe1" "\x48" "iso_code" "\x42" "US"),
	    "US", "NA", "", 37.42, -92.35, 0 },
	{ "and does not where it is there",
	    OCTETS("\xe2" "\x52" "registered_country" "\xe1" "\x48" "iso_code" "\x42" "US"
	        "\x47" "country" "\xe1" "\x48" "iso_code" "\x42" "FR"), "FR", "EU", "", 47.49, 2.88,
	        0 },
	{ "flat, with numbers as strings", OCTETS("\xe4"
	    "\x4c" "country_code" "\x42" "DE" "\x43" "lat" "\x43" "1.5"
	    "\x43" "lng" "\x44" "-2.5" "\x43" "asn" "\x47" "AS64500"), "DE", "EU", "", 1.5, -2.5,
	    64500 },
	{ "flat, country and continent as strings, floats", OCTETS("\xe4"
	    "\x47" "country" "\x42" "DE"
	    "\x49" "continent" "\x42" "EU" "\x48" "latitude" "\x04\x08\x3f\xc0\x00\x00"
	    "\x49" "longitude" "\x04\x08\xc0\x20\x00\x00"), "DE", "EU", "", 1.5, -2.5, 0 },
	{ "flat, one string for both", OCTETS("\xe2" "\x47" "country" "\x42" "DE" "\x43" "loc"
	    "\x48" "1.5,-2.5"), "DE", "EU", "", 1.5, -2.5, 0 },
	{ "a country's name is no code", OCTETS("\xe2" "\x47" "country" "\x47" "Germany" "\x4c"
	    "country_code" "\x42" "DE"), "DE", "EU", "", 51.29, 9.97, 0 },
	{ "latitude out of range: the country's point", OCTETS("\xe3"
	    "\x4c" "country_code" "\x42" "DE"
	    "\x43" "lat" "\x42" "91" "\x43" "lng" "\x41" "8"), "DE", "EU", "", 51.29, 9.97, 0 },
	{ "0,0 is no place: the country's point", OCTETS("\xe2"
	    "\x47" "country" "\xe1" "\x48" "iso_code" "\x42" "US"
	    "\x48" "location" "\xe2" "\x48" "latitude" "\x68\x00\x00\x00\x00\x00\x00\x00\x00"
	    "\x49" "longitude" "\x68\x80\x00\x00\x00\x00\x00\x00\x00"), "US", "NA", "", 37.42,
	    -92.35, 0 },
	{ "nor is it as a string", OCTETS("\xe2" "\x47" "country" "\x42" "DE" "\x43" "loc"
	    "\x43" "0,0"), "DE", "EU", "", 51.29, 9.97, 0 },
	{ "on the equator or on the meridian one can live", OCTETS("\xe3"
	    "\x4c" "country_code" "\x42" "GH" "\x43" "lat" "\x43" "5.6" "\x43" "lng" "\x41" "0"),
	    "GH", "AF", "", 5.6, 0, 0 },
	{ "0,0 and no country: the continent's middle", OCTETS("\xe3" "\x4e" "continent_code"
	    "\x42" "SA" "\x43" "lat" "\x41" "0" "\x43" "lng" "\x41" "0"), "", "SA", "",
	    -14.6, -57.7, 0 },
	{ "0,0 alone: no point", OCTETS("\xe3" "\x43" "asn" "\xc1\x07"
	    "\x43" "lat" "\x41" "0" "\x43" "lng" "\x41" "0"), "", "", "", (double)NAN, 0, 7 },
	{ "a continent alone: its middle", OCTETS("\xe1" "\x49" "continent" "\xe1" "\x44" "code"
	    "\x42" "NA"), "", "NA", "", 46.1, -100.5, 0 },
	{ "a country that has no point: the continent's", OCTETS("\xe2" "\x4e" "continent_code"
	    "\x42" "OC" "\x4c" "country_code" "\x42" "ZZ"), "ZZ", "OC", "", -25, 139, 0 },
	{ "NaN, and no country: the continent's middle", OCTETS("\xe3" "\x4e" "continent_code"
	    "\x42" "EU" "\x43" "lat" "\x68\x7f\xf8\x00\x00\x00\x00\x00\x00" "\x43" "lng" "\x41"
	    "8"), "", "EU", "", 50.5, 15, 0 },
	{ "NaN, and nothing else: no point", OCTETS("\xe3" "\x43" "asn" "\xc1\x07"
	    "\x43" "lat" "\x68\x7f\xf8\x00\x00\x00\x00\x00\x00" "\x43" "lng" "\x41" "8"), "", "",
	    "", (double)NAN, 0, 7 },
	{ "longitude alone is no point", OCTETS("\xe2" "\x4e" "continent_code" "\x42" "EU" "\x43"
	    "lng" "\x41" "8"), "", "EU", "", 50.5, 15, 0 },
	{ "ASN", OCTETS("\xe1" "\x58" "autonomous_system_number" "\xc2\xfb\xf4"), "", "", "",
	    (double)NAN, 0, 64500 },
	{ "a country that is none", OCTETS("\xe2" "\x4c" "country_code" "\x42" "1\xff" "\x43" "asn"
	    "\xc1\x07"), "", "", "", (double)NAN, 0, 7 },
};

static void
records_of_all_shapes(void **state)
{
	const uint8_t ip[4] = { 10, 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i];
		struct geo_place p;
		struct prefix net;
		char text[ADDR_TEXT];
		new_path();
		write_record(s->octets, s->n);
		struct geo_db *db = open_good(s->sentence);
		assert_true(geo_db_lookup(db, 4, ip, &p, &net));
		assert_string_equal(prefix_text(&net, text), "10.0.0.0/8");
		if (strcmp(p.country, s->country) != 0 || strcmp(p.continent, s->continent) != 0 ||
		    strcmp(p.subdivision, s->subdivision) != 0 || p.asn != s->asn ||
		    p.has_point == isnan(s->latitude))
			fail_msg("%s: \"%s\" \"%s\" \"%s\" asn %u point %d", s->sentence, p.country,
			    p.continent, p.subdivision, p.asn, p.has_point);
		if (p.has_point && (fabs(p.latitude - s->latitude) > 1e-9 ||
		    fabs(p.longitude - s->longitude) > 1e-9))
			fail_msg("%s: %f,%f", s->sentence, p.latitude, p.longitude);
		geo_db_close(db);
		unlink(path);
	}
}

/* ---- broken records ---- */

struct broken {
	const char *sentence, *octets;
	size_t n;
	const char *reason;
};

static const struct broken broken[] = {
	{ "a map that ends early", OCTETS("\xe2" "\x41" "a" "\x41" "b"), "outside" },
	{ "a string longer than the file", OCTETS("\xe1" "\x41" "a" "\x5f\xff\xff\xff"),
	    "leaves its section" },
	{ "a string longer than its size octets", OCTETS("\xe1" "\x41" "a" "\x5f\xff"), "cut off" },
	{ "a pointer past the end", OCTETS("\xe1" "\x41" "a" "\x27\xff"), "outside" },
	{ "a pointer that is cut off", OCTETS("\xe1" "\x41" "a" "\x38"), "cut off" },
	{ "a pointer to a pointer", OCTETS("\xe1" "\x41" "a" "\x20\x03"), "another pointer" },
	{ "a map that holds itself", OCTETS("\xe1" "\x41" "a" "\x20\x00"), "nests deeper" },
	{ "a map that holds itself twice, again and again", OCTETS("\xe2" "\x41" "a" "\x20\x00"
	    "\x41" "b" "\x20\x00"), "nests deeper" },
	{ "an array as wide as can be of itself", OCTETS("\x1f\x04\xff\xff\xff" "\x20\x00\x20\x00"),
	    "nests deeper" },
	{ "a double of five octets", OCTETS("\xe1" "\x41" "a"
	    "\x65\x40\x00\x00\x00\x00\x00\x00\x00"), "cannot have size 5" },
	{ "a float of eight octets", OCTETS("\xe1" "\x41" "a"
	    "\x08\x08\x40\x00\x00\x00\x00\x00\x00\x00"), "cannot have size 8" },
	{ "an integer of five octets", OCTETS("\xe1" "\x41" "a" "\xc5\x00\x00\x00\x00\x00"),
	    "cannot have size 5" },
	{ "a boolean of 2", OCTETS("\xe1" "\x41" "a" "\x02\x07"), "cannot have size 2" },
	{ "an unknown type", OCTETS("\xe1" "\x41" "a" "\x00\x40"), "unknown type" },
	{ "a container", OCTETS("\xe1" "\x41" "a" "\x00\x05"), "cannot have size" },
	{ "a key that is a number", OCTETS("\xe1" "\xc1\x07" "\x41" "a"), "not a string" },
	{ "nothing anybody asks for", OCTETS("\xe1" "\x42" "ip" "\x47" "1.2.3.4"),
	    "none of its 1 records" },
	{ "a record that is a string", OCTETS("\x42" "DE"), "none of its 1 records" },
};

static void
broken_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		new_path();
		write_record(broken[i].octets, broken[i].n);
		expect_refused(broken[i].sentence, broken[i].reason);
		unlink(path);
	}
}

/* Maps of two pointers each, to the next: 2^30 values in 300 octets. */
static void
bomb_of_pointers(void **state)
{
	char octets[512];
	size_t n = 0;

	(void)state;
	for (unsigned level = 0; level < 30; level++) {
		unsigned next = 9 * (level + 1);
		octets[n++] = (char)0xe2;
		for (unsigned i = 0; i < 2; i++) {
			octets[n++] = 0x41;
			octets[n++] = (char)('a' + i);
			octets[n++] = (char)(0x20 | next >> 8);
			octets[n++] = (char)next;
		}
	}
	octets[n++] = (char)0xe0;
	new_path();
	write_record(octets, n);
	expect_refused("a bomb of pointers", "too many values");
	unlink(path);
}

/* ---- broken trees ---- */

static void
add_city(struct mmdb_make *m, const char *net, double latitude, double longitude)
{
	struct prefix p = net_of(net);

	mmdb_make_add(m, &p, mmdb_make_city(m, "DE", "EU", latitude, longitude));
}

static void
broken_trees(void **state)
{
	static const char *const files[] = { "empty", "loop", "data", "separator", "cut", "zero",
	    "text" };
	static const char *const reasons[] = { "no networks with data", "deeper than an address",
	    "past the data",
	    "between itself and the data", "no metadata", "no metadata", "no metadata" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct mmdb_make m;
		struct stat st;
		new_path();
		mmdb_make_init(&m, 6, 24);
		if (i != 0)
			add_city(&m, "10.0.0.0/8", 1, 1);
		if (i == 1)
			m.node[100][1] = 100;
		if (i == 2)
			m.node[100][1] = MMDB_MAKE_LEAF | 5000;
		if (i == 3)
			m.node[100][1] = MMDB_MAKE_LEAF | (uint32_t)-9;
		mmdb_make_write(&m, path, "test");
		assert_int_equal(stat(path, &st), 0);
		if (i == 4)
			assert_int_equal(truncate(path, st.st_size / 2), 0);
		if (i == 5)
			assert_int_equal(truncate(path, 0) | truncate(path, st.st_size), 0);
		if (i == 6) {
			FILE *f = fopen(path, "w");
			fputs("<html>404 Not Found, and some more words to make it long</html>\n",
			    f);
			fclose(f);
		}
		expect_refused(files[i], reasons[i]);
		unlink(path);
	}
	expect_refused("missing", "No such file");
	strcpy(path, "/tmp");
	expect_refused("a folder", "not a regular file");
}

/* Both children of each node are the next: 2^128 networks in 128 nodes. */
static void
bomb_of_nodes(void **state)
{
	struct mmdb_make m;

	(void)state;
	new_path();
	mmdb_make_init(&m, 6, 32);
	add_city(&m, "10.0.0.0/8", 1, 1);
	for (uint32_t i = 0; i < 20; i++)
		m.node[96 + i][0] = m.node[96 + i][1] = 96 + i + (i < 7);
	for (uint32_t i = 0; i < 30; i++) {
		uint32_t at = mmdb_make_node(&m, 0);
		m.node[at][0] = m.node[at][1] = i < 29 ? at + 1 : MMDB_MAKE_NOTHING;
		if (i == 0)
			m.node[96][1] = at;
	}
	mmdb_make_write(&m, path, "test");
	expect_refused("a bomb of nodes", "the tree ");
	unlink(path);
}

/* ---- broken metadata ---- */

#define NUMBERS "\x4a" "node_count" "\xc1\x68" "\x4a" "ip_version" "\xa1\x06" \
	"\x4b" "record_size" "\xa1\x1c" \
	"\x5b" "binary_format_major_version" "\xa1\x02" "\x5b" "binary_format_minor_version" "\xa0"
#define EPOCH "\x4b" "build_epoch" "\x01\x02\x01"
#define TYPE "\x4d" "database_type" "\x44" "test"
#define LANGUAGES "\x49" "languages" "\x01\x04" "\x42" "en"
#define DESCRIPTION "\x4b" "description" "\xe1" "\x42" "en" "\x40"

static const struct {
	const char *sentence, *octets;
	size_t n;
	const char *reason;		/* NULL = is good */
} metadata[] = {
	{ "all there", OCTETS("\xe9" NUMBERS EPOCH TYPE LANGUAGES DESCRIPTION), NULL },
	{ "of two, the first counts", OCTETS("\xea" NUMBERS EPOCH TYPE LANGUAGES DESCRIPTION
	    "\x4a" "node_count" "\xc4\xff\xff\xff\xff"), NULL },
	{ "of two, the first counts, and wraps 32 bits", OCTETS("\xea" "\x4a" "node_count"
	    "\xc4\x24\x92\x49\x23"
	    NUMBERS EPOCH TYPE LANGUAGES DESCRIPTION), "cannot hold" },
	{ "no map", OCTETS("\x42" "en"), "no \"node_count\"" },
	{ "without languages", OCTETS("\xe8" NUMBERS EPOCH TYPE DESCRIPTION), "no \"languages\"" },
	{ "without description", OCTETS("\xe8" NUMBERS EPOCH TYPE LANGUAGES),
	    "no \"description\"" },
	{ "languages hold a number", OCTETS("\xe9" NUMBERS EPOCH TYPE "\x49" "languages"
	    "\x01\x04\xc0" DESCRIPTION), "more than strings" },
	{ "a description is a map", OCTETS("\xe9" NUMBERS EPOCH TYPE LANGUAGES "\x4b" "description"
	    "\xe1\x42" "en" "\xe0"), "more than strings" },
	{ "build_epoch is a uint32", OCTETS("\xe9" NUMBERS "\x4b" "build_epoch"
	    "\xc1\x01" TYPE LANGUAGES DESCRIPTION), "\"build_epoch\" has type 6, 9 was expected" },
	{ "built in 1970", OCTETS("\xe9" NUMBERS "\x4b" "build_epoch"
	    "\x00\x02" TYPE LANGUAGES DESCRIPTION), "invalid metadata" },
	{ "three languages are one long text", OCTETS("\xea" "\x41" "x" "\x5f\x00\x00\x00"), NULL },
};

static void
broken_metadata(void **state)
{
	static const char tail[] = "\x49" "languages" "\x03\x04" "\x20\x03" "\x20\x03"
	    "\x20\x03" NUMBERS EPOCH TYPE DESCRIPTION;
	static char text[65821];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++) {
		bool is_long = metadata[i].octets[1] == 0x41;
		char old[4096];
		new_path();
		write_record(OCTETS("\xe1" "\x4c" "country_code" "\x42" "DE"));
		FILE *f = fopen(path, "r+");
		assert_non_null(f);
		size_t n = fread(old, 1, sizeof(old), f);
		char *marker = memmem(old, n, "MaxMind.com", 11);
		assert_non_null(marker);
		assert_int_equal(ftruncate(fileno(f), marker + 11 - old) | fseek(f, 0, SEEK_END),
		    0);
		fwrite(metadata[i].octets, metadata[i].n, 1, f);
		if (is_long) {
			fwrite(text, sizeof(text), 1, f);
			fwrite(tail, sizeof(tail) - 1, 1, f);
		}
		fclose(f);
		if (metadata[i].reason != NULL || is_long)
			expect_refused(metadata[i].sentence,
			    is_long ? "or too many" : metadata[i].reason);
		else
			geo_db_close(open_good(metadata[i].sentence));
		unlink(path);
	}
}

/* ---- families ---- */

static void
walks_in_order(void **state)
{
	struct mmdb_make m;
	struct geo_cursor c;
	struct geo_place p;
	struct prefix net;
	struct err err;
	char text[ADDR_TEXT];
	size_t located = 0;

	(void)state;
	for (unsigned bits = 24; bits <= 32; bits += 4) {
		new_path();
		mmdb_make_init(&m, 6, bits);
		add_city(&m, "2001:db8::/32", 3, 3);
		add_city(&m, "10.0.0.0/8", 1, 1);
		add_city(&m, "10.1.0.0/16", 2, 2);
		/* an alias as MaxMind's writer makes it: 2002::/16 is the IPv4 tree */
		uint32_t v4 = 0;
		for (unsigned i = 0; i < 96; i++)
			v4 = m.node[v4][0];
		struct prefix alias = net_of("2002::/16");
		mmdb_make_add(&m, &alias, 0);
		uint32_t at = 0;
		for (unsigned i = 0; i < 15; i++)
			at = m.node[at][alias.ip[i / 8] >> (7 - i % 8) & 1];
		m.node[at][0] = v4;
		mmdb_make_write(&m, path, "test");
		struct geo_db *db = open_good("good");
		assert_true(geo_db_has_places(db) && !geo_db_has_asns(db));
		assert_int_equal(geo_db_records(db), 3);
		assert_string_equal(geo_db_type(db), "test");
		for (uint8_t family = 4; family <= 6; family += 2) {
			geo_key next = 0;
			bool more = true;
			located = 0;
			for (geo_cursor_first(&c, db, family); more; more = geo_cursor_next(&c)) {
				assert_true(c.start == next &&
				    c.last == geo_key_last(c.start, c.len));
				next = c.last + 1;
				located += c.record != GEO_DB_NONE;
			}
			assert_true(next == 0);
			assert_int_equal(located, family == 4 ? 9 : 1);
		}
		assert_true(geo_db_lookup(db, 4, (uint8_t[]){ 10, 1, 2, 3 }, &p, &net));
		assert_string_equal(prefix_text(&net, text), "10.1.0.0/16");
		assert_true(geo_db_lookup(db, 6, net_of("2001:db8:1::").ip, &p, &net));
		assert_string_equal(prefix_text(&net, text), "2001:db8::/32");
		assert_false(geo_db_lookup(db, 4, (uint8_t[]){ 11, 1, 2, 3 }, &p, &net));
		assert_string_equal(prefix_text(&net, text), "11.0.0.0/8");
		geo_db_close(db);
		unlink(path);
	}
	new_path();
	mmdb_make_init(&m, 4, 24);
	add_city(&m, "10.0.0.0/8", 1, 1);
	mmdb_make_write(&m, path, "v4");
	struct geo_db *db = open_good("IPv4 only");
	assert_true(geo_db_lookup(db, 4, (uint8_t[]){ 10, 1, 2, 3 }, &p, &net));
	assert_false(geo_db_lookup(db, 6, net_of("2001:db8::").ip, &p, &net));
	geo_cursor_first(&c, db, 6);
	assert_true(c.record == GEO_DB_NONE && c.len == 0 && !geo_cursor_next(&c));
	geo_db_close(db);
	unlink(path);
	assert_null(geo_db_open("/nonexistent/geo.mmdb", &err));
}

/* A file that is truncated, overwritten or zeroed after it was opened. */
static void
changed_while_open(void **state)
{
	struct mmdb_make m;
	struct geo_place p;
	struct prefix net;

	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		new_path();
		mmdb_make_init(&m, 6, 24);
		add_city(&m, "10.0.0.0/8", 12, 34);
		mmdb_make_write(&m, path, "test");
		struct geo_db *db = open_good("good");
		struct stat st;
		assert_int_equal(stat(path, &st), 0);
		int fd = open(path, O_WRONLY);
		assert_true(fd >= 0);
		if (how == 0)
			assert_int_equal(ftruncate(fd, 0), 0);
		for (off_t i = 0; how == 1 && i < st.st_size; i++)
			assert_int_equal(pwrite(fd, "", 1, i), 1);
		if (how == 2)
			assert_int_equal(pwrite(fd, "garbage", 7, 3), 7);
		close(fd);
		assert_true(geo_db_lookup(db, 4, (uint8_t[]){ 10, 1, 2, 3 }, &p, &net));
		assert_true(p.latitude == 12 && p.longitude == 34);
		geo_db_close(db);
		unlink(path);
	}
}

/* ---- MaxMind's test files, beside libmaxminddb ---- */

static double
library_double(MMDB_entry_s *entry, const char *key)
{
	MMDB_entry_data_s d;

	return MMDB_get_value(entry, &d, "location", key, NULL) == MMDB_SUCCESS && d.has_data &&
	    d.type == MMDB_DATA_TYPE_DOUBLE ? d.double_value : (double)NAN;
}

struct library {
	MMDB_s db;
	size_t compared;
};

static int
compare_network(void *arg, const struct prefix *net, uint32_t record, const struct geo_place *place)
{
	struct library *lib = arg;
	char text[ADDR_TEXT], country[3] = "";
	struct addr a = { .family = net->family };
	MMDB_lookup_result_s r;
	MMDB_entry_data_s d;
	int gai, rc;

	(void)record;
	if (place == NULL)
		return 0;
	memcpy(a.ip, net->ip, 16);
	r = MMDB_lookup_string(&lib->db, addr_text(&a, text), &gai, &rc);
	assert_int_equal(rc, MMDB_SUCCESS);
	assert_true(r.found_entry);
	assert_int_equal(net->len,
	    r.netmask - (net->family == 4 && lib->db.metadata.ip_version == 6 ? 96 : 0));
	if (MMDB_get_value(&r.entry, &d, "country", "iso_code", NULL) == MMDB_SUCCESS &&
	    d.has_data && d.data_size == 2)
		memcpy(country, d.utf8_string, 2);
	else if (MMDB_get_value(&r.entry, &d, "registered_country", "iso_code",
	    NULL) == MMDB_SUCCESS && d.has_data)
		memcpy(country, d.utf8_string, 2);
	assert_string_equal(country, place->country);
	double latitude = library_double(&r.entry, "latitude"),
	    longitude = library_double(&r.entry, "longitude");
	if (!isnan(latitude)) {
		assert_true(place->has_point && !place->country_point);
		assert_true(place->latitude == latitude && place->longitude == longitude);
	}
	if (MMDB_get_value(&r.entry, &d, "autonomous_system_number", NULL) == MMDB_SUCCESS &&
	    d.has_data)
		assert_int_equal(d.uint32, place->asn);
	lib->compared++;
	return 0;
}

static void
maxminds_own_files(void **state)
{
	static const struct {
		const char *name, *reason;	/* NULL = is good */
	} files[] = {
		{ "GeoIP2-City-Test", NULL }, { "GeoIP2-Country-Test", NULL },
		{ "GeoLite2-ASN-Test", NULL },
		{ "GeoLite2-City-Test", NULL }, { "GeoLite2-Country-Test", NULL },
		{ "GeoIP2-City-Test-Broken-Double-Format", "cannot have size" },
		{ "GeoIP2-City-Test-Invalid-Node-Count", "cannot hold" },
		{ "MaxMind-DB-no-ipv4-search-tree", "none of its" },
		{ "MaxMind-DB-test-broken-pointers-24", "outside" },
		{ "MaxMind-DB-test-broken-search-tree-24", "deeper" },
		{ "MaxMind-DB-test-ipv4-24", "none of its" },
	};
	size_t seen = 0;
	glob_t found;

	(void)state;
	if (glob("../*/testdata/mmdb/*.mmdb", 0, NULL, &found) != 0)
		skip();
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1, *reason = "";
		struct library lib = { .compared = 0 };
		struct err err = { .text = "" };
		struct geo_db *db = geo_db_open(found.gl_pathv[i], &err);
		for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++)
			if (strncmp(name, files[k].name, strlen(files[k].name)) == 0 &&
			    name[strlen(files[k].name)] == '.') {
				reason = files[k].reason;
				seen++;
			}
		if (db == NULL) {
			if (err.text[0] == '\0' || reason == NULL ||
			    strstr(err.text, reason) == NULL)
				fail_msg("%s: refused with \"%s\"", name, err.text);
			continue;
		}
		if (reason != NULL && reason[0] != '\0')
			fail_msg("%s: was not refused", name);
		assert_int_equal(MMDB_open(found.gl_pathv[i], MMDB_MODE_MMAP, &lib.db),
		    MMDB_SUCCESS);
		assert_int_equal(geo_db_walk(db, compare_network, &lib, &err), 0);
		assert_true(lib.compared > 0);
		MMDB_close(&lib.db);
		geo_db_close(db);
	}
	globfree(&found);
	assert_true(seen > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_all_shapes),
		cmocka_unit_test(broken_records),
		cmocka_unit_test(bomb_of_pointers),
		cmocka_unit_test(broken_trees),
		cmocka_unit_test(bomb_of_nodes),
		cmocka_unit_test(broken_metadata),
		cmocka_unit_test(walks_in_order),
		cmocka_unit_test(changed_while_open),
		cmocka_unit_test(maxminds_own_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
