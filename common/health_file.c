#include "common/health_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fields.h"
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

static int
read_head(struct fields *r, struct health_file *file)
{
	uint64_t lease;

	if (fields_next_line(r) < 0 || fields_expect(r, "nearcast-health 1") < 0 ||
	    fields_number(r, " generation=", UINT64_MAX, &file->generation) < 0 ||
	    fields_seconds(r, " stamp=", &file->stamp) < 0 ||
	    fields_number(r, " lease=", 86400000, &lease) < 0)
		return -1;
	file->lease_ms = (uint32_t)lease;
	return fields_line_end(r);
}

/* After "site". */
static int
read_site(struct fields *r, struct health_site *site)
{
	struct text ahead;
	unsigned posture;
	uint64_t drain = 0;

	if (fields_word(r, " ", site->name, sizeof(site->name)) < 0 ||
	    fields_one_of(r, " ", posture_names, N_POSTURES, &posture) < 0)
		return -1;
	ahead = r->line;
	site->drain_said = text_take(&ahead, " drain=");
	if ((site->drain_said && fields_number(r, " drain=", 1, &drain) < 0) ||
	    fields_seconds(r, " since=", &site->since) < 0 ||
	    fields_reason(r, site->reason, sizeof(site->reason)) < 0)
		return -1;
	site->posture = (enum health_posture)posture;
	site->drain = drain != 0;
	return fields_line_end(r);
}

/* After "server". */
static int
read_server(struct fields *r, struct health_server *server)
{
	unsigned state, v4, v6;
	uint64_t weight, ttl;

	if (fields_word(r, " ", server->name, sizeof(server->name)) < 0 ||
	    fields_one_of(r, " ", state_names, N_STATES, &state) < 0 ||
	    fields_one_of(r, " v4=", state_names, N_STATES, &v4) < 0 ||
	    fields_one_of(r, " v6=", state_names, N_STATES, &v6) < 0 ||
	    fields_seconds(r, " since=", &server->since) < 0 ||
	    fields_number(r, " weight=", 100, &weight) < 0 ||
	    fields_number(r, " ttl=", UINT32_MAX, &ttl) < 0 ||
	    fields_word(r, " set=", server->set, sizeof(server->set)) < 0 ||
	    fields_reason(r, server->reason, sizeof(server->reason)) < 0)
		return -1;
	server->state = (enum health_state)state;
	server->v4 = (enum health_state)v4;
	server->v6 = (enum health_state)v6;
	server->weight = (uint8_t)weight;
	server->ttl_s = (uint32_t)ttl;
	if (strcmp(server->set, "-") == 0)
		server->set[0] = '\0';
	return fields_line_end(r);
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
add_server(struct fields *r, struct health_file *file)
{
	struct health_server *v = grow(file->servers, file->n_servers, sizeof(*v));

	if (v == NULL)
		return fields_wrong(r, "out of memory");
	file->servers = v;
	return read_server(r, &v[file->n_servers++]);
}

static int
add_site(struct fields *r, struct health_file *file)
{
	struct health_site *v = grow(file->sites, file->n_sites, sizeof(*v));

	if (v == NULL)
		return fields_wrong(r, "out of memory");
	file->sites = v;
	return read_site(r, &v[file->n_sites++]);
}

static int
read_lines(struct fields *r, struct health_file *file)
{
	for (int done = 0;;) {
		if (fields_next_line(r) < 0)
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
	return fields_end(r, file->n_sites + file->n_servers, "sites and servers");
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Both structs begin with their name. */
static int
refuse_twice(struct fields *r, const char *what, const void *v, size_t n, size_t size)
{
	const char **names = calloc(n + 1, sizeof(*names));
	int done = 0;

	if (names == NULL)
		return fields_wrong(r, "out of memory");
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
	struct fields r = { .name = name, .rest = { text, text + len }, .err = err };

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
