/*
 * Types of values that say where: addresses, prefixes, locations, and names of sites and checks,
 * which become indices; and lists, of these and of a command's arguments.
 *
 * Sites and checks are looked up in r->conf as it is so far.  The schema lists blocks so that
 * those referred to are read before those that refer, however the file orders them; `listen` and
 * the announced prefixes are known before servers for the same reason, since a server's address
 * must be its own and not the anycast one.  Indices stay valid: lists of struct conf only grow.
 *
 * What is wrong in a list is told and left out of it.  Values of a list may not repeat; they are
 * compared as read, not as written.  Pure; any thread.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf_names.h"
#include "common/conf/conf_type.h"

int
conf_read_addr(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	struct err why;

	if (addr_parse(field, w->text, &why) < 0)
		return conf_fail(r, w->line, "%s %s", row->name, why.text);
	return 0;
}

int
conf_read_prefix(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	struct err why;

	if (prefix_parse(field, w->text, &why) < 0)
		return conf_fail(r, w->line, "%s %s", row->name, why.text);
	return 0;
}

/* The index of what the word names, which is 0 where there is none. */
static int
read_index(struct conf_reader *r, enum conf_names_kind kind, const struct conf_row *row,
    uint16_t *index, const struct conf_word *w)
{
	int i = conf_names_find(r, kind, row->name, w->text, w->line);

	*index = i >= 0 ? (uint16_t)i : 0;
	return i >= 0 ? 0 : -1;
}

int
conf_read_site(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	return read_index(r, CONF_NAMES_SITE, row, field, w);
}

static int
read_check(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	return read_index(r, CONF_NAMES_CHECK, row, field, w);
}

/* Refuses the element behind the `n` of a list that is one of them; `from` are their words. */
static int
check_twice(struct conf_reader *r, const struct conf_row *row, const char *v, size_t n, size_t size,
    const struct conf_word *const *from)
{
	for (size_t j = 0; j < n; j++)
		if (memcmp(v + n * size, v + j * size, size) == 0)
			return conf_wrong(r, row, from[n], "is given twice, first at %s:%d",
			    conf_line_name(r, from[j]->line), conf_line_number(from[j]->line));
	return 0;
}

/* Reads every word into a list whose elements have `size` octets and may not repeat; those that are
 * wrong are told of and left out. */
static int
read_list(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g, size_t size, conf_one *one)
{
	const struct conf_word **from = calloc(g->n + 1, sizeof(*from));
	struct conf_list list = { from != NULL ? calloc(g->n + 1, size) : NULL, 0 };
	char *v = list.v;
	int done = 0;

	if (v == NULL) {
		free(from);
		return conf_no_memory(r, g->line);
	}
	for (size_t i = 0; i < g->n && !r->no_memory; i++) {
		from[list.n] = &g->v[i];
		memset(v + list.n * size, 0, size);
		if (one(r, row, v + list.n * size, &g->v[i]) < 0 ||
		    (g->n <= 4096 && check_twice(r, row, v, list.n, size, from) < 0))
			done = -1;
		else
			list.n++;
	}
	conf_list_set(field, list);
	free(from);
	return r->no_memory ? -1 : done;
}

/* Neither multicast nor broadcast, no net itself, no IPv4 in IPv6, and nothing that is another
 * address on each link. */
static bool
is_unicast(const struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (a->family == 4)
		return a->ip[0] != 0 && a->ip[0] < 224;
	return !addr_is_zero(a->ip) && memcmp(a->ip, mapped, 12) != 0 && a->ip[0] != 0xff &&
	    (a->ip[0] != 0xfe || (a->ip[1] & 0xc0) != 0x80);
}

static int
read_listen(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	struct addr *a = field;

	if (conf_read_addr(r, row, a, w) < 0)
		return -1;
	if (!is_unicast(a) && !addr_is_zero(a->ip))
		return conf_wrong(r, row, w, "a unicast address of this machine, or 0.0.0.0 or "
		    "::, was expected");
	if (a->port == 0)
		a->port = 53;
	return 0;
}

int
conf_read_addrs(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(struct addr), read_listen);
}

int
conf_read_prefixes(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(struct prefix), conf_read_prefix);
}

int
conf_read_sites(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(uint16_t), conf_read_site);
}

int
conf_read_checks(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(uint16_t), read_check);
}

/* The range of a row counts the values; that of each is a number's that is not 0. */
static int
read_above_zero(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	struct conf_row one = *row;

	one.min = 1;
	one.max = UINT32_MAX;
	return conf_read_uint(r, &one, field, w);
}

int
conf_read_uints(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(uint32_t), read_above_zero);
}

int
conf_read_places(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(struct conf_code), conf_read_code);
}

static int
read_country_or_all(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	if (strcmp(w->text, "*") != 0 && strcmp(w->text, "**") != 0)
		return conf_read_country(r, row, field, w);
	memcpy(((struct conf_code *)field)->text, "**", 3);
	return 0;
}

int
conf_read_countries(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(struct conf_code), read_country_or_all);
}

/* Every word as `one` reads it, with a NULL behind the last. */
static int
read_texts(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g, conf_one *one)
{
	char **texts = calloc(g->n + 1, sizeof(*texts));
	size_t n = 0;
	int done = 0;

	if (texts == NULL)
		return conf_no_memory(r, g->line);
	*(char ***)field = texts;
	for (size_t i = 0; i < g->n; i++)
		if (one(r, row, &texts[n], &g->v[i]) < 0)
			done = -1;
		else
			n++;
	return done;
}

static int
read_argument(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	(void)row;
	return conf_keep(r, field, w, w->text);
}

int
conf_read_request_headers(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_texts(r, row, field, g, conf_read_request_header);
}

int
conf_read_lines(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	return read_texts(r, row, field, g, conf_read_line);
}

int
conf_read_command(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	if (*g->v[0].text != '/')
		return conf_wrong(r, row, &g->v[0], "the absolute path of a program was expected");
	return read_texts(r, row, field, g, read_argument);
}

/* An address that clients can be sent to, not the anycast service itself. */
static int
unicast(struct conf_reader *r, const struct conf_row *row, const struct addr *a,
    const struct conf_word *w)
{
	const struct conf *c = r->conf;
	const struct prefix *announced;
	char text[ADDR_TEXT];

	if (!is_unicast(a))
		return conf_wrong(r, row, w,
		    "a unicast address that clients can reach was expected");
	for (size_t i = 0; i < c->n_listen; i++)
		if (addr_equal(a, &c->listen[i]))
			return conf_wrong(r, row, w, "is a `listen` address, "
			    "the server's own (unicast) address was expected");
	announced = prefix_find(c->announce.prefixes.v, c->announce.prefixes.n, a);
	if (announced != NULL)
		return conf_wrong(r, row, w, "lies in the announced (anycast) prefix %s, "
		    "the server's own (unicast) address was expected",
		    prefix_text(announced, text));
	for (size_t i = 0; i < c->announce.cover.n; i++)
		if (prefix_contains(&c->announce.cover.v[i], a->family, a->ip))
			conf_warn(r, w->line, "%s \"%s\" lies in the covering prefix %s: "
			    "reached only while this site has a longer route", row->name,
			    w->text, prefix_text(&c->announce.cover.v[i], text));
	return 0;
}

int
conf_read_server_addrs(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	struct conf_server *s = field;
	int done = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct addr a = { 0 }, *mine;
		if (conf_read_addr(r, row, &a, &g->v[i]) < 0 || unicast(r, row, &a, &g->v[i]) < 0) {
			done = -1;
			continue;
		}
		mine = a.family == 4 ? &s->v4 : &s->v6;
		if (mine->family != 0)
			done = conf_wrong(r, row, &g->v[i],
			    "a second IPv%d address, "
			    "one IPv4 and one IPv6 address at most were expected",
			    a.family);
		*mine = a;
	}
	return done;
}

int
conf_read_location(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	struct conf_location *s = field;
	int done = 0;

	if (g->n != 2)
		return conf_fail(r, g->line,
		    "%s has %zu values, { LATITUDE, LONGITUDE } was expected", row->name, g->n);
	s->given = true;
	if (!conf_plain_real(g->v[0].text, -90, 90, &s->latitude))
		done = conf_wrong(r, row, &g->v[0],
		    "a latitude from -90 to 90 degrees was expected");
	if (!conf_plain_real(g->v[1].text, -180, 180, &s->longitude))
		done = conf_wrong(r, row, &g->v[1],
		    "a longitude from -180 to 180 degrees was expected");
	return done;
}

static void
print_list(const struct conf *conf, const struct conf_row *row, const void *field, FILE *out,
    size_t size, conf_show *one)
{
	struct conf_list list = conf_list_get(field);

	fputc('{', out);
	for (size_t i = 0; i < list.n; i++) {
		fputs(i != 0 ? ", " : " ", out);
		one(conf, row, (const char *)list.v + i * size, out);
	}
	fputs(" }", out);
}

PRINT(conf_print_addr)
{
	char text[ADDR_TEXT];

	UNUSED;
	conf_put_quoted(addr_text(field, text), out);
}

PRINT(conf_print_prefix)
{
	char text[ADDR_TEXT];

	UNUSED;
	conf_put_quoted(prefix_text(field, text), out);
}

PRINT(conf_print_site)
{
	(void)row;
	assert(*(const uint16_t *)field < conf->n_sites);
	conf_put_quoted(conf->sites[*(const uint16_t *)field].name, out);
}

static PRINT(print_check)
{
	(void)row;
	assert(*(const uint16_t *)field < conf->n_checks);
	conf_put_quoted(conf->checks[*(const uint16_t *)field].name, out);
}

PRINT(conf_print_addrs)
{
	print_list(conf, row, field, out, sizeof(struct addr), conf_print_addr);
}

PRINT(conf_print_prefixes)
{
	print_list(conf, row, field, out, sizeof(struct prefix), conf_print_prefix);
}

PRINT(conf_print_sites)
{
	print_list(conf, row, field, out, sizeof(uint16_t), conf_print_site);
}

PRINT(conf_print_uints)
{
	print_list(conf, row, field, out, sizeof(uint32_t), conf_print_uint);
}

PRINT(conf_print_places)
{
	print_list(conf, row, field, out, sizeof(struct conf_code), conf_print_code);
}

PRINT(conf_print_checks)
{
	struct conf_list list = conf_list_get(field);

	if (list.n == 1)
		print_check(conf, row, list.v, out);
	else
		print_list(conf, row, field, out, sizeof(uint16_t), print_check);
}

PRINT(conf_print_texts)
{
	char *const *texts = *(char *const *const *)field;

	UNUSED;
	fputs("{ ", out);
	for (size_t i = 0; texts[i] != NULL; i++) {
		fputs(i != 0 ? ", " : "", out);
		conf_put_quoted(texts[i], out);
	}
	fputs(" }", out);
}

PRINT(conf_print_server_addrs)
{
	const struct conf_server *s = field;

	fputs("{ ", out);
	if (s->v4.family != 0)
		conf_print_addr(conf, row, &s->v4, out);
	if (s->v4.family != 0 && s->v6.family != 0)
		fputs(", ", out);
	if (s->v6.family != 0)
		conf_print_addr(conf, row, &s->v6, out);
	fputs(" }", out);
}

PRINT(conf_print_location)
{
	const struct conf_location *s = field;

	UNUSED;
	fputs("{ ", out);
	conf_put_real(s->latitude, out);
	fputs(", ", out);
	conf_put_real(s->longitude, out);
	fputs(" }", out);
}
