#include "healthd/prober/state.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

enum { LINE_MAX_LEN = 512, WORDS_MAX = 8 };

/* Cuts a line into words at single blanks; how many, 0 if there are too many. */
static unsigned
split(char *line, char *words[WORDS_MAX])
{
	unsigned n = 0;

	for (char *at = line; at != NULL; n++) {
		if (n == WORDS_MAX)
			return 0;
		words[n] = at;
		at = strchr(at, ' ');
		if (at != NULL)
			*at++ = '\0';
	}
	return n;
}

/* The value of "key=value", NULL if it is another key. */
static const char *
value_of(const char *word, const char *key)
{
	size_t n = strlen(key);

	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static bool
take_time(const char *word, const char *key, double *out)
{
	const char *text = value_of(word, key);
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	*out = strtod(text, &end);
	return *end == '\0' && isfinite(*out) && *out >= 0 && *out < 1e11;
}

static bool
take_name(const char *text, char out[HEALTH_NAME_MAX])
{
	size_t n = text != NULL ? strlen(text) : 0;

	if (n == 0 || n >= HEALTH_NAME_MAX)
		return false;
	memcpy(out, text, n + 1);
	return true;
}

static bool
take_set(const char *word, char out[HEALTH_NAME_MAX])
{
	const char *text = value_of(word, "set");

	out[0] = '\0';
	if (text == NULL)
		return false;
	if (strcmp(text, "-") == 0)
		return true;
	return result_set_ok(text) && take_name(text, out);
}

static bool
take_override_kind(const char *text, enum judge_override_kind *out)
{
	for (enum judge_override_kind k = OVERRIDE_DRAIN; k < OVERRIDE_COUNT; k++)
		if (strcmp(text, judge_override_name(k)) == 0) {
			*out = k;
			return true;
		}
	return false;
}

static bool
parse_override(char *w[WORDS_MAX], unsigned n, struct state_item *item)
{
	if (n != 7)
		return false;
	if (strcmp(w[1], "server") == 0)
		item->kind = STATE_OVERRIDE_SERVER;
	else if (strcmp(w[1], "site") == 0)
		item->kind = STATE_OVERRIDE_SITE;
	else
		return false;
	return take_name(w[2], item->name) && take_override_kind(w[3], &item->override) &&
	    take_time(w[4], "at", &item->at) && take_time(w[5], "until", &item->until) &&
	    take_name(value_of(w[6], "by"), item->by);
}

static bool
parse_target(char *w[WORDS_MAX], unsigned n, struct state_item *item)
{
	item->kind = STATE_TARGET;
	if (n != 6 || !take_name(w[1], item->name))
		return false;
	if (strcmp(w[2], "v4") != 0 && strcmp(w[2], "v6") != 0)
		return false;
	item->family = w[2][1] == '4' ? 4 : 6;
	if (strcmp(w[3], "up") != 0 && strcmp(w[3], "down") != 0)
		return false;
	item->state = w[3][0] == 'u' ? HEALTH_UP : HEALTH_DOWN;
	return take_time(w[4], "since", &item->since) && take_set(w[5], item->set);
}

static bool
parse_item(char *line, struct state_item *item)
{
	char *w[WORDS_MAX];
	unsigned n = split(line, w);

	if (n == 0)
		return false;
	if (strcmp(w[0], "word") == 0)
		return parse_override(w, n, item);
	if (strcmp(w[0], "target") == 0)
		return parse_target(w, n, item);
	if (strcmp(w[0], "pool") != 0 || n != 3)
		return false;
	item->kind = STATE_POOL;
	return take_name(w[1], item->name) && take_set(w[2], item->set) && item->set[0] != '\0';
}

static bool
parse_head(char *line, double *stamp)
{
	char *w[WORDS_MAX];

	return strncmp(line, "nearcast-state ", 15) == 0 && split(line, w) == 3 &&
	    strcmp(w[1], "1") == 0 &&
	    take_time(w[2], "stamp", stamp);
}

static bool
is_end(const char *line, unsigned items)
{
	char text[32];

	snprintf(text, sizeof(text), "end %u", items);
	return strcmp(line, text) == 0;
}

/* The next line, NUL-terminated in `out`; false at the end.  Too long or binary: empty. */
static bool
next_line(const char **at, const char *end, char out[LINE_MAX_LEN])
{
	const char *nl;
	size_t n;

	out[0] = '\0';
	if (*at >= end)
		return false;
	nl = memchr(*at, '\n', (size_t)(end - *at));
	n = (size_t)((nl != NULL ? nl : end) - *at);
	if (n < LINE_MAX_LEN && memchr(*at, '\0', n) == NULL) {
		memcpy(out, *at, n);
		out[n] = '\0';
	}
	*at = nl != NULL ? nl + 1 : end;
	return true;
}

struct state_report
state_parse(const char *text, size_t len, void (*take)(void *, const struct state_item *),
    void *arg)
{
	struct state_report report = { false, 0, 0, 0 };
	const char *at = text, *end = text + len;
	char line[LINE_MAX_LEN];
	bool head = false, ended = false;

	while (next_line(&at, end, line)) {
		struct state_item item = { .stamp = report.stamp };

		if (!head && report.items + report.bad_lines == 0 &&
		    parse_head(line, &report.stamp)) {
			head = true;
		} else if (is_end(line, report.items) && at == end) {
			ended = true;
		} else if (parse_item(line, &item)) {
			report.items++;
			take(arg, &item);
		} else {
			report.bad_lines++;
		}
	}
	report.whole = head && ended && report.bad_lines == 0;
	return report;
}

static bool
read_one(const char *path, void (*take)(void *, const struct state_item *), void *arg,
    bool *whole, struct err *err)
{
	struct state_report report;
	size_t len;
	char *text = file_read(path, 0, STATE_FILE_MAX, &len, err);

	*whole = false;
	if (text == NULL) {
		if (errno == ENOENT)
			err->text[0] = '\0';
		else
			err_prefix(err, "%s: cannot be read", path);
		return false;
	}
	report = state_parse(text, len, take, arg);
	free(text);
	*whole = report.whole;
	if (!report.whole)
		err_set(err, "%s: damaged: %u good lines used, %u bad ones left out", path,
		    report.items, report.bad_lines);
	return report.items > 0;
}

static void
ignore(void *arg, const struct state_item *item)
{
	(void)arg;
	(void)item;
}

bool
state_read(const char *path, void (*take)(void *, const struct state_item *), void *arg,
    struct err *err)
{
	char old[4200];
	struct err old_err;
	bool whole, any = false;

	err->text[0] = '\0';
	snprintf(old, sizeof(old), "%s.old", path);
	read_one(path, ignore, NULL, &whole, err);
	if (!whole)
		any = read_one(old, take, arg, &whole, &old_err);
	return read_one(path, take, arg, &whole, err) || any;
}

static void
print_override(FILE *out, const char *what, const char *name, const struct judge_override *w)
{
	fprintf(out, "word %s %s %s at=%.3f until=%.3f by=%s\n", what, name,
	    judge_override_name(w->kind),
	    w->at, w->until, w->by);
}

static unsigned
print_overrides(FILE *out, const struct judge *j)
{
	unsigned n = 0;

	for (size_t i = 0; i < j->conf->n_sites; i++)
		if (j->sites[i].override.kind != OVERRIDE_NONE) {
			print_override(out, "site", j->conf->sites[i].name, &j->sites[i].override);
			n++;
		}
	for (size_t i = 0; i < j->conf->n_servers; i++)
		if (j->servers[i].override.kind != OVERRIDE_NONE) {
			print_override(out, "server", j->conf->servers[i].name,
			    &j->servers[i].override);
			n++;
		}
	return n;
}

void
state_print(FILE *out, const struct judge *j, double now)
{
	unsigned n;

	fprintf(out, "nearcast-state 1 stamp=%.3f\n", now);
	n = print_overrides(out, j);
	for (size_t i = 0; i < j->conf->n_pools; i++)
		if (j->pools[i].current.id[0] != '\0') {
			fprintf(out, "pool %s set=%s\n", j->conf->pools[i].name,
			    j->pools[i].current.id);
			n++;
		}
	for (size_t i = 0; i < j->n_targets; i++) {
		const struct judge_target *t = &j->targets[i];
		const struct judge_server *s = &j->servers[t->server];

		if (t->alive == HEALTH_UNKNOWN)
			continue;
		fprintf(out, "target %s v%u %s since=%.3f set=%s\n", s->conf->name, t->family,
		    health_state_name(t->alive), s->since, t->set[0] != '\0' ? t->set : "-");
		n++;
	}
	fprintf(out, "end %u\n", n);
}

struct printed {
	const struct judge *judge;
	double now;
};

static int
print_memory(void *arg, FILE *out)
{
	const struct printed *p = arg;

	state_print(out, p->judge, p->now);
	return 0;
}

int
state_write(const char *path, const struct judge *judge, double now, bool sync, struct err *err)
{
	struct printed p = { judge, now };
	const struct file_new how = { .mode = 0640, .sync = sync, .keep_old = true,
	    .print = print_memory, .arg = &p };

	/* in few words: it becomes part of an alarm */
	return file_replace(path, &how, err) == 0 ? 0 :
	    err_set(err, "%s: %s", path, strerror(errno));
}
