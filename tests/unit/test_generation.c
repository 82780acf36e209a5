#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnsd/generation/inputs.h"
#include "dnsd/generation/generation.h"

static const char *const zone_names[] = { "org", "example.org", "sub.example.org",
    "a.b.c.sub.example.org", "example.net" };
enum { N_ZONES = sizeof(zone_names) / sizeof(zone_names[0]) };

struct fixture {
	char dir[32], conf[64];
};

static unsigned warnings, errors;
static char last_error[1024];

static void
on_warn(void *arg, const char *line)
{
	(void)arg;
	(void)line;
	warnings++;
}

static void
on_error(void *arg, const char *line)
{
	(void)arg;
	errors++;
	snprintf(last_error, sizeof(last_error), "%s", line);
}

static const struct warn warn = { on_warn, NULL }, error = { on_error, NULL };
static const struct inputs_say say = { &warn, &error };

static void
write_file(const struct fixture *f, const char *name, const char *text)
{
	char path[128], fresh[136];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	out = fopen(fresh, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(rename(fresh, path), 0);	/* another inode: a change, however soon */
}

static void
write_zone(const struct fixture *f, const char *name, unsigned serial, const char *more)
{
	char file[64], text[1024];

	snprintf(file, sizeof(file), "%s.zone", name);
	snprintf(text, sizeof(text), "$TTL 300\n@ IN SOA ns.invalid. h.invalid. %u 1 1 1 1\n"
	    "@ IN NS ns.invalid.\n%s", serial, more);
	write_file(f, file, text);
}

static void
write_conf(const struct fixture *f, unsigned n_zones, const char *more)
{
	char text[2048];
	size_t n = (size_t)snprintf(text, sizeof(text), "listen = { \"127.0.0.1@5300\" }\n%s",
	    more);

	for (unsigned i = 0; i < n_zones; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "zone \"%s\" { file = \"%s.zone\" }\n", zone_names[i], zone_names[i]);
	write_file(f, "nearcast.conf", text);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/nc-generation-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->conf, sizeof(f->conf), "%s/nearcast.conf", f->dir);
	for (unsigned i = 0; i < N_ZONES; i++)
		write_zone(f, zone_names[i], 1, "www 300 IN A 192.0.2.1\n");
	write_conf(f, N_ZONES, "");
	warnings = errors = 0;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];

	for (unsigned i = 0; i < N_ZONES; i++) {
		snprintf(path, sizeof(path), "%s/%s.zone", f->dir, zone_names[i]);
		unlink(path);
	}
	unlink(f->conf);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

/* The apex of the zone that answers, as text; "-" = none. */
static char *
found(const struct generation *gen, const char *name, uint16_t qtype, char text[NAME_TEXT])
{
	uint8_t wire[NAME_MAX_WIRE];
	struct name_walk walk;
	const struct generation_zone *gz;

	assert_true(name_parse(wire, name, NULL) > 0);
	assert_true(name_walk(&walk, wire, sizeof(wire)) > 0);
	gz = generation_find_zone(gen, &walk, qtype);
	if (gz == NULL)
		return strcpy(text, "-");
	return name_text(text, gz->apex);
}

static void
test_find_zone(void **state)
{
	static const struct {
		const char *sentence, *name;
		uint16_t qtype;
		const char *expected;
	} rows[] = {
		{ "an apex", "example.org", DNS_A, "example.org" },
		{ "below an apex", "www.example.org", DNS_A, "example.org" },
		{ "without case", "WWW.Example.ORG", DNS_A, "example.org" },
		{ "the closest zone answers", "www.sub.example.org", DNS_A, "sub.example.org" },
		{ "the child's apex is the child's", "sub.example.org", DNS_NS, "sub.example.org" },
		{ "its DS is the parent's", "sub.example.org", DNS_DS, "example.org" },
		{ "a DS below an apex is an ordinary name", "www.sub.example.org", DNS_DS,
		    "sub.example.org" },
		{ "a DS where we have no parent", "example.net", DNS_DS, "example.net" },
		{ "a DS two zones up", "a.b.c.sub.example.org", DNS_DS, "sub.example.org" },
		{ "a zone several labels down", "x.a.b.c.sub.example.org", DNS_A,
		    "a.b.c.sub.example.org" },
		{ "between two zones", "b.c.sub.example.org", DNS_A, "sub.example.org" },
		{ "above", "net", DNS_A, "-" },
		{ "the root", ".", DNS_A, "-" },
		{ "elsewhere", "example.com", DNS_A, "-" },
		{ "ends alike, but not at a label", "wwwexample.net", DNS_A, "-" },
		{ "a very deep name",
		    "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.example.net", DNS_A,
		    "example.net" },
	};
	struct fixture *f = *state;
	struct err err = { .text = "" };
	struct inputs *inputs = inputs_read(f->conf, NULL, NULL, false, &say, &err);
	struct generation *gen;
	char text[NAME_TEXT];

	if (inputs == NULL)
		fail_msg("%s", err.text);
	gen = generation_build(inputs, NULL, 7, &err);
	inputs_unref(inputs);				/* the generation holds it */
	assert_non_null(gen);
	assert_int_equal(gen->number, 7);
	assert_int_equal(gen->n_loaded, N_ZONES);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].sentence);
		assert_string_equal(found(gen, rows[i].name, rows[i].qtype, text),
		    rows[i].expected);
	}
	generation_free(gen);
}

static void
test_no_zones(void **state)
{
	struct fixture *f = *state;
	struct inputs *inputs;
	struct generation *gen;
	char text[NAME_TEXT];

	write_conf(f, 0, "");
	inputs = inputs_read(f->conf, NULL, NULL, false, &say, NULL);
	assert_non_null(inputs);
	gen = generation_build(inputs, NULL, 1, NULL);
	assert_string_equal(found(gen, "www.example.org", DNS_A, text), "-");
	generation_free(gen);
	inputs_unref(inputs);
}

/* What did not change is shared, what is refused stays, what is gone goes. */
static void
test_loads_share(void **state)
{
	struct fixture *f = *state;
	struct inputs *a = inputs_read(f->conf, NULL, NULL, false, &say, NULL), *b, *c;
	struct err err;

	write_zone(f, "example.org", 2, "www 300 IN A 192.0.2.2\nmore 300 IN A 192.0.2.2\n");
	write_zone(f, "example.net", 2, "this is no record\n");
	b = inputs_read(f->conf, NULL, a, false, &say, &err);
	assert_non_null(b);
	assert_ptr_equal(b->zones[0], a->zones[0]);
	assert_ptr_not_equal(b->zones[1], a->zones[1]);
	assert_int_equal(b->zones[1]->serial, 2);
	assert_ptr_equal(b->zones[4], a->zones[4]);	/* refused: the old one */
	assert_int_equal(b->failed, 1);
	assert_int_equal(errors, 1);
	assert_non_null(strstr(last_error, "example.net.zone:"));
	assert_non_null(strstr(last_error, "the old version stays"));
	assert_memory_equal(&a->cookies, &b->cookies, sizeof(a->cookies));
	inputs_unref(a);

	write_conf(f, 2, "");
	c = inputs_read(f->conf, NULL, b, false, &say, &err);
	assert_non_null(c);
	assert_int_equal(c->failed, 0);
	assert_ptr_equal(c->zones[1], b->zones[1]);
	inputs_unref(b);
	assert_int_equal(c->zones[0]->refs, 1);
	inputs_unref(c);
}

static void
test_guards(void **state)
{
	struct fixture *f = *state;
	struct inputs *a, *b;
	struct err err;

	write_zone(f, "org", 5, "a 1 IN A 192.0.2.1\nb 1 IN A 192.0.2.1\nc 1 IN A 192.0.2.1\n");
	write_conf(f, 1, "");
	a = inputs_read(f->conf, NULL, NULL, false, &say, &err);
	assert_non_null(a);

	write_zone(f, "org", 6, "");			/* four names become one */
	b = inputs_read(f->conf, NULL, a, false, &say, &err);
	assert_ptr_equal(b->zones[0], a->zones[0]);
	assert_non_null(strstr(last_error, "percent"));
	inputs_unref(b);

	write_zone(f, "org", 4, "a 1 IN A 192.0.2.1\nb 1 IN A 192.0.2.1\nc 1 IN A 192.0.2.1\n");
	b = inputs_read(f->conf, NULL, a, false, &say, &err);
	assert_ptr_equal(b->zones[0], a->zones[0]);
	assert_non_null(strstr(last_error, "went back"));
	inputs_unref(b);
	b = inputs_read(f->conf, NULL, a, true, &say, &err);	/* forced */
	assert_int_equal(b->zones[0]->serial, 4);
	inputs_unref(b);

	write_conf(f, 1, "nonsense = 1\n");
	assert_null(inputs_read(f->conf, NULL, a, false, &say, &err));
	assert_non_null(strstr(err.text, "nonsense"));
	inputs_unref(a);
}

/* Seconds are of the monotonic clock. */
static void
test_ttl_handed_out_outlives_its_generation(void **state)
{
	static const struct {
		const char *sentence;
		uint32_t ttl_s, former_ttl_s, former_earlier_s, follows_s, asked_s, expected_s;
	} rows[] = {
		{ "nothing was handed out before", 30, 0, 0, 100, 100, 30 },
		{ "a shorter one before counts for nothing", 30, 20, 0, 100, 100, 30 },
		{ "a longer one before", 2, 40, 0, 100, 100, 40 },
		{ "a longer one before, some time later", 2, 40, 0, 100, 110, 30 },
		{ "it has run out", 2, 40, 0, 100, 140, 2 },
		{ "long after", 2, 40, 0, 100, 4000000000, 2 },
		{ "of the one before the one before", 2, 2, 160, 100, 130, 30 },
		{ "no steered names any more", 0, 60, 0, 100, 101, 59 },
		{ "a TTL of ages", 0, UINT32_MAX, 0, 100, 100, UINT32_MAX - 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct generation former = { .site = { .ttl_s = rows[i].former_ttl_s,
		    .earlier_s = rows[i].former_earlier_s } };
		struct generation gen = { .site = { .ttl_s = rows[i].ttl_s } };

		print_message("%s\n", rows[i].sentence);
		generation_follow(&gen, &former, rows[i].follows_s);
		assert_int_equal(generation_ttl_max(&gen, rows[i].asked_s), rows[i].expected_s);
	}
}

static void
test_drain_outlives_health_that_is_unknown(void **state)
{
	static const struct {
		const char *sentence, *former_name, *posture;
		bool former, drain, expected;
	} rows[] = {
		{ "health lost while drained", "fra", "unknown", true, false, true },
		{ "health lost while not drained", "fra", "unknown", false, false, false },
		{ "health says that it is over", "fra", "down", true, false, false },
		{ "health says that it drains", "fra", "serving", false, true, true },
		{ "this is another site now", "nyc", "unknown", true, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct generation former = { .site = { .drain = rows[i].former } };
		struct generation gen = { .site = { .name = "fra", .drain = rows[i].drain } };

		print_message("%s\n", rows[i].sentence);
		strcpy(former.site.name, rows[i].former_name);
		strcpy(gen.site.posture, rows[i].posture);
		generation_follow(&gen, &former, 100);
		assert_int_equal(gen.site.drain, rows[i].expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find_zone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_zones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loads_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guards, setup, teardown),
		cmocka_unit_test(test_ttl_handed_out_outlives_its_generation),
		cmocka_unit_test(test_drain_outlives_health_that_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
