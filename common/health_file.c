#include "common/health_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"

static const char *const state_names[] = { "unknown", "up", "stale", "drain", "down" };
static const char *const posture_names[] = { "down", "draining", "serving" };

#define N_STATES 5
#define N_POSTURES 3

const char *
health_state_name(enum health_state state)
{
	return (unsigned)state < N_STATES ? state_names[state] : "unknown";
}

const char *
health_posture_name(enum health_posture posture)
{
	return (unsigned)posture < N_POSTURES ? posture_names[posture] : "down";
}

char *
health_phrase(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n < size - 1; text++)
		out[n++] = *text == '"' ? '\'' : text_in_phrase(*text) ? *text : '.';
	out[n] = '\0';
	return out;
}

char *
health_reason(char out[HEALTH_REASON_MAX], const char *text)
{
	return health_phrase(out, HEALTH_REASON_MAX, text);
}

/* ---- reading ---- */

struct reader {
	const char *name;
	struct text line;		/* what is left of the one being read */
	struct text rest;		/* what follows it */
	int number;
	struct err *err;
};

static int wrong(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int
wrong(struct reader *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->err, "%s:%d: %s", r->name, r->number, text);
}

/* Length of what stands at the cursor up to a blank, as much as a message shows. */
static int
shown(const struct reader *r)
{
	const char *at = r->line.at;

	while (at < r->line.end && at < r->line.at + 40 && *at > ' ' && *at < 0x7f)
		at++;
	return (int)(at - r->line.at);
}

static int
expect(struct reader *r, const char *text)
{
	return text_take(&r->line, text) ? 0 :
	    wrong(r, "\"%.*s\", `%s` was expected", shown(r), r->line.at, text);
}

/* `before`, then digits up to `max`. */
static int
number(struct reader *r, const char *before, uint64_t max, uint64_t *value)
{
	if (expect(r, before) < 0)
		return -1;
	switch (text_number(&r->line, max, value)) {
	case TEXT_FOUND:
		return 0;
	case TEXT_LARGE:
		return wrong(r, "%s\"%.*s\": a number of at most %llu was expected", before,
		    shown(r), r->line.at, (unsigned long long)max);
	default:
		return wrong(r, "%s\"%.*s\": a number was expected", before, shown(r), r->line.at);
	}
}

/* Seconds with up to nine decimals. */
static int
seconds(struct reader *r, const char *before, double *value)
{
	uint64_t whole;

	if (number(r, before, 99999999999, &whole) < 0)
		return -1;
	*value = (double)whole;
	return text_fraction(&r->line, value) ? 0 :
	    wrong(r, "%s: digits were expected after the point", before);
}

/* `before`, then a name or set id. */
static int
word(struct reader *r, const char *before, char out[HEALTH_NAME_MAX])
{
	if (expect(r, before) < 0)
		return -1;
	switch (text_copy(&r->line, out, HEALTH_NAME_MAX, text_in_name)) {
	case TEXT_FOUND:
		return 0;
	case TEXT_LARGE:
		return wrong(r, "%sa name of more than %d octets", before, HEALTH_NAME_MAX - 1);
	default:
		return wrong(r, "a name was expected after \"%s\"", before);
	}
}

static int
one_of(struct reader *r, const char *before, const char *const *names, unsigned n, unsigned *value)
{
	char text[HEALTH_NAME_MAX];

	if (word(r, before, text) < 0)
		return -1;
	for (*value = 0; *value < n; ++*value)
		if (strcmp(text, names[*value]) == 0)
			return 0;
	return wrong(r, "\"%s\" is no state; %s, %s or %s ... was expected", text, names[0],
	    names[1], names[2]);
}

static int
reason(struct reader *r, char out[HEALTH_REASON_MAX])
{
	if (expect(r, " reason=\"") < 0)
		return -1;
	if (text_copy(&r->line, out, HEALTH_REASON_MAX, text_in_phrase) == TEXT_LARGE)
		return wrong(r, "a reason of more than %d octets", HEALTH_REASON_MAX - 1);
	return expect(r, "\"");
}

static int
line_end(struct reader *r)
{
	return r->line.at == r->line.end ? 0 :
	    wrong(r, "\"%.*s\": the end of the line was expected", shown(r), r->line.at);
}

/* The next line; a last one without \n is cut off. */
static int
next_line(struct reader *r)
{
	r->number++;
	if (!text_line(&r->rest, &r->line) || r->line.end == r->rest.end)
		return wrong(r, "the file is cut off, `end` was expected as its last line");
	return 0;
}

static int
read_head(struct reader *r, struct health_file *file)
{
	uint64_t lease;

	if (next_line(r) < 0 || expect(r, "nearcast-health 1") < 0 ||
	    number(r, " generation=", UINT64_MAX, &file->generation) < 0 ||
	    seconds(r, " stamp=", &file->stamp) < 0 || number(r, " lease=", 86400000, &lease) < 0)
		return -1;
	file->lease_ms = (uint32_t)lease;
	return line_end(r);
}

/* After "site". */
static int
read_site(struct reader *r, struct health_site *site)
{
	struct text fields;
	unsigned posture;
	uint64_t drain = 0;

	if (word(r, " ", site->name) < 0 ||
	    one_of(r, " ", posture_names, N_POSTURES, &posture) < 0)
		return -1;
	fields = r->line;
	site->drain_said = text_take(&fields, " drain=");
	if ((site->drain_said && number(r, " drain=", 1, &drain) < 0) ||
	    seconds(r, " since=", &site->since) < 0 || reason(r, site->reason) < 0)
		return -1;
	site->posture = (enum health_posture)posture;
	site->drain = drain != 0;
	return line_end(r);
}

/* After "server". */
static int
read_server(struct reader *r, struct health_server *server)
{
	unsigned state, v4, v6;
	uint64_t weight, ttl;

	if (word(r, " ", server->name) < 0 || one_of(r, " ", state_names, N_STATES, &state) < 0 ||
	    one_of(r, " v4=", state_names, N_STATES, &v4) < 0 ||
	    one_of(r, " v6=", state_names, N_STATES, &v6) < 0 ||
	    seconds(r, " since=", &server->since) < 0 || number(r, " weight=", 100, &weight) < 0 ||
	    number(r, " ttl=", UINT32_MAX, &ttl) < 0 || word(r, " set=", server->set) < 0 ||
	    reason(r, server->reason) < 0)
		return -1;
	server->state = (enum health_state)state;
	server->v4 = (enum health_state)v4;
	server->v6 = (enum health_state)v6;
	server->weight = (uint8_t)weight;
	server->ttl_s = (uint32_t)ttl;
	if (strcmp(server->set, "-") == 0)
		server->set[0] = '\0';
	return line_end(r);
}

/* The array with room for one element after its `n`, which is zeroed; NULL out
 * of memory, and then the array is as it was.  Room doubles. */
static void *
grow(void *v, size_t n, size_t size)
{
	if ((n & (n - 1)) == 0)			/* 0, 1, 2, 4, 8: full */
		v = realloc(v, (n != 0 ? 2 * n : 1) * size);
	if (v != NULL)
		memset((char *)v + n * size, 0, size);
	return v;
}

static int
add_server(struct reader *r, struct health_file *file)
{
	struct health_server *v = grow(file->servers, file->n_servers, sizeof(*v));

	if (v == NULL)
		return wrong(r, "out of memory");
	file->servers = v;
	return read_server(r, &v[file->n_servers++]);
}

static int
add_site(struct reader *r, struct health_file *file)
{
	struct health_site *v = grow(file->sites, file->n_sites, sizeof(*v));

	if (v == NULL)
		return wrong(r, "out of memory");
	file->sites = v;
	return read_site(r, &v[file->n_sites++]);
}

static int
read_lines(struct reader *r, struct health_file *file)
{
	uint64_t count;

	for (int done = 0;;) {
		if (next_line(r) < 0)
			return -1;
		if (text_take(&r->line, "server"))
			done = add_server(r, file);
		else if (text_take(&r->line, "site"))
			done = add_site(r, file);
		else
			break;
		if (done < 0)
			return -1;
	}
	if (number(r, "end ", UINT32_MAX, &count) < 0 || line_end(r) < 0)
		return -1;
	if (count != file->n_sites + file->n_servers)
		return wrong(r, "end %llu: the file has %zu lines of sites and servers",
		    (unsigned long long)count,
		    file->n_sites + file->n_servers);
	if (r->rest.at != r->rest.end)
		return wrong(r, "the end of the file was expected after `end`");
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Both structs begin with their name. */
static int
refuse_twice(struct reader *r, const char *what, const void *v, size_t n, size_t size)
{
	const char **names = calloc(n + 1, sizeof(*names));
	int done = 0;

	if (names == NULL)
		return wrong(r, "out of memory");
	for (size_t i = 0; i < n; i++)
		names[i] = (const char *)v + i * size;
	if (n != 0)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 1; i < n && done == 0; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			done = err_set(r->err, "%s: %s \"%s\" has two lines, one was expected",
			    r->name, what, names[i]);
	free(names);
	return done;
}

int
health_file_parse(struct health_file *file, const char *name, const char *text, size_t len,
    struct err *err)
{
	struct reader r = { .name = name, .rest = { text, text + len }, .err = err };

	memset(file, 0, sizeof(*file));
	if (len > HEALTH_FILE_MAX)
		err_set(err, "%s: %zu octets, a file of at most %u was expected", name, len,
		    HEALTH_FILE_MAX);
	else if (read_head(&r, file) == 0 && read_lines(&r, file) == 0 &&
	    refuse_twice(&r, "site", file->sites, file->n_sites, sizeof(*file->sites)) == 0 &&
	    refuse_twice(&r, "server", file->servers, file->n_servers, sizeof(*file->servers)) == 0)
		return 0;
	health_file_clear(file);
	return -1;
}

int
health_file_read(struct health_file *file, const char *path, struct err *err)
{
	size_t len;
	char *text = file_read(path, 0, HEALTH_FILE_MAX, &len, err);
	int done;

	memset(file, 0, sizeof(*file));
	if (text == NULL)
		return err_prefix(err, errno != 0 ? "%s: cannot be opened" : "%s", path);
	done = health_file_parse(file, path, text, len, err);
	free(text);
	return done;
}

void
health_file_clear(struct health_file *file)
{
	free(file->sites);
	free(file->servers);
	memset(file, 0, sizeof(*file));
}

/* ---- writing ---- */

/* A set id comes from a server: what the format does not allow becomes '_'. */
static const char *
set_text(char out[HEALTH_NAME_MAX], const char *set)
{
	size_t n = 0;

	for (; n < HEALTH_NAME_MAX - 1 && set[n] != '\0'; n++)
		out[n] = text_in_name(set[n]) ? set[n] : '_';
	out[n] = '\0';
	return n != 0 ? out : "-";
}

static bool
is_name(const char *name)
{
	size_t n = 0;

	while (n < HEALTH_NAME_MAX && text_in_name(name[n]))
		n++;
	return n != 0 && n < HEALTH_NAME_MAX && name[n] == '\0';
}

static int
print_lines(void *arg, FILE *out)
{
	const struct health_file *file = arg;
	char text[HEALTH_REASON_MAX], set[HEALTH_NAME_MAX];

	fprintf(out, "nearcast-health 1 generation=%llu stamp=%.3f lease=%u\n",
	    (unsigned long long)file->generation, file->stamp, file->lease_ms);
	for (size_t i = 0; i < file->n_sites; i++) {
		const struct health_site *s = &file->sites[i];
		fprintf(out, "site %s %s%s since=%.3f reason=\"%s\"\n", s->name,
		    health_posture_name(s->posture),
		    !s->drain_said ? "" : s->drain ? " drain=1" : " drain=0",
		    s->since, health_reason(text, s->reason));
	}
	for (size_t i = 0; i < file->n_servers; i++) {
		const struct health_server *s = &file->servers[i];
		fprintf(out, "server %s %s v4=%s v6=%s since=%.3f weight=%u ttl=%u set=%s "
		    "reason=\"%s\"\n", s->name, health_state_name(s->state),
		    health_state_name(s->v4), health_state_name(s->v6), s->since,
		    s->weight <= 100 ? s->weight : 100u, s->ttl_s, set_text(set, s->set),
		    health_reason(text, s->reason));
	}
	fprintf(out, "end %zu\n", file->n_sites + file->n_servers);
	return 0;
}

static int
names_check(const struct health_file *file, const char *path, struct err *err)
{
	for (size_t i = 0; i < file->n_sites; i++)
		if (!is_name(file->sites[i].name))
			return err_set(err, "%s: a site's name cannot be written", path);
	for (size_t i = 0; i < file->n_servers; i++)
		if (!is_name(file->servers[i].name))
			return err_set(err, "%s: a server's name cannot be written", path);
	return 0;
}

int
health_file_write(const struct health_file *file, const char *path, struct err *err)
{
	const struct file_new how = { .mode = 0644, .print = print_lines, .arg = (void *)file };

	return names_check(file, path, err) < 0 ? -1 : file_replace(path, &how, err);
}
