#include "healthd/prober/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"

/* Every line is taken whole or not at all: a take_* that is false leaves the cursor anywhere. */

/* `before`, then a time in seconds. */
static bool
take_time(struct text *line, const char *before, double *out)
{
	return text_take(line, before) && text_decimal(line, 99999999999, out) == TEXT_FOUND;
}

/* `before`, then a name. */
static bool
take_name(struct text *line, const char *before, char out[HEALTH_NAME_MAX])
{
	return text_take(line, before) &&
	    text_copy(line, out, HEALTH_NAME_MAX, text_in_word) == TEXT_FOUND;
}

/* `before`, then a number up to `max`. */
static bool
take_number(struct text *line, const char *before, uint64_t max, uint64_t *out)
{
	return text_take(line, before) && text_number(line, max, out) == TEXT_FOUND;
}

static bool
take_flag(struct text *line, const char *before, bool *out)
{
	uint64_t n = 0;

	if (!take_number(line, before, 1, &n))
		return false;
	*out = n != 0;
	return true;
}

/* `before`, then the id of a set or "-" for none. */
static bool
take_set(struct text *line, const char *before, char out[HEALTH_NAME_MAX])
{
	if (!take_name(line, before, out))
		return false;
	if (strcmp(out, "-") != 0)
		return result_set_ok(out);
	out[0] = '\0';
	return true;
}

/* `before`, then a phrase in quotes. */
static bool
take_reason(struct text *line, const char *before, char out[HEALTH_REASON_MAX])
{
	out[0] = '\0';
	return text_take(line, before) && text_take(line, "\"") &&
	    text_copy(line, out, HEALTH_REASON_MAX, text_in_phrase) != TEXT_LARGE &&
	    text_take(line, "\"");
}

/* After "word".  Version 1 ends with who said it. */
static bool
take_override(struct text *line, struct state_item *item)
{
	char kind[16];

	if (text_take(line, " server"))
		item->kind = STATE_OVERRIDE_SERVER;
	else if (text_take(line, " site"))
		item->kind = STATE_OVERRIDE_SITE;
	else
		return false;
	if (!take_name(line, " ", item->name) || !text_take(line, " ") ||
	    text_copy(line, kind, sizeof(kind), text_in_name) != TEXT_FOUND)
		return false;
	for (item->override = OVERRIDE_DRAIN; item->override < OVERRIDE_COUNT; item->override++)
		if (strcmp(kind, judge_override_name(item->override)) == 0)
			break;
	if (item->override == OVERRIDE_COUNT || !take_time(line, " at=", &item->at) ||
	    !take_time(line, " until=", &item->until) || !take_name(line, " by=", item->by))
		return false;
	return line->at == line->end || (take_number(line, " id=", STATE_ORDER_MAX, &item->id) &&
	    take_reason(line, " reason=", item->reason));
}

/* After "plan". */
static bool
take_plan(struct text *line, struct state_item *item)
{
	item->planned = true;
	return take_override(line, item);
}

/* After "target".  Version 1 ends with the set, as does a target without objects to look at. */
static bool
take_target(struct text *line, struct state_item *item)
{
	item->kind = STATE_TARGET;
	if (!take_name(line, " ", item->name))
		return false;
	item->family = text_take(line, " v4") ? 4 : text_take(line, " v6") ? 6 : 0;
	item->state = text_take(line, " up") ? HEALTH_UP :
	    text_take(line, " down") ? HEALTH_DOWN : HEALTH_UNKNOWN;
	if (item->family == 0 || item->state == HEALTH_UNKNOWN ||
	    !take_time(line, " since=", &item->since) || !take_set(line, " set=", item->set))
		return false;
	if (line->at == line->end)
		return true;
	item->bad_digest = !text_take(line, " digest=ok");
	if (item->bad_digest && !take_reason(line, " digest=", item->reason))
		return false;
	return line->at == line->end || take_name(line, " check=", item->check);
}

/* After "pool".  Version 1 ends with the set. */
static bool
take_pool(struct text *line, struct state_item *item)
{
	item->kind = STATE_POOL;
	if (!take_name(line, " ", item->name) || !take_set(line, " set=", item->set) ||
	    item->set[0] == '\0')
		return false;
	if (line->at == line->end)
		return true;
	return take_flag(line, " held=", &item->held) &&
	    take_number(line, " asked=", STATE_ORDER_MAX, &item->order) &&
	    take_time(line, " notified=", &item->at) && take_set(line, " origin=", item->origin);
}

/* After "set". */
static bool
take_known_set(struct text *line, struct state_item *item)
{
	item->kind = STATE_SET;
	return take_name(line, " ", item->name) &&
	    take_number(line, " order=", STATE_ORDER_MAX, &item->order) &&
	    take_set(line, " id=", item->set) && item->set[0] != '\0';
}

/* After "sibling". */
static bool
take_sibling(struct text *line, struct state_item *item)
{
	uint64_t ttl_s = 0;

	item->kind = STATE_SIBLING;
	if (!take_name(line, " ", item->name) || !take_flag(line, " drain=", &item->drain) ||
	    !take_number(line, " ttl=", JUDGE_TTL_MAX_S, &ttl_s))
		return false;
	item->ttl_s = (uint32_t)ttl_s;
	return true;
}

/* After "warm". */
static bool
take_warmth(struct text *line, struct state_item *item)
{
	item->kind = STATE_WARMTH;
	return take_name(line, " ", item->name) && take_time(line, " since=", &item->since);
}

static bool
parse_item(struct text line, struct state_item *item)
{
	static const struct {
		const char *word;
		bool (*take)(struct text *line, struct state_item *item);
	} kinds[] = {
		{ "word", take_override }, { "plan", take_plan }, { "target", take_target },
		{ "pool", take_pool }, { "set", take_known_set }, { "sibling", take_sibling },
		{ "warm", take_warmth },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (text_take(&line, kinds[i].word))
			return kinds[i].take(&line, item) && line.at == line.end;
	return false;
}

static bool
parse_head(struct text line, double *stamp)
{
	return (text_take(&line, "nearcast-state 2") || text_take(&line, "nearcast-state 1")) &&
	    take_time(&line, " stamp=", stamp) && line.at == line.end;
}

static bool
is_end(struct text line, unsigned items)
{
	uint64_t n;

	return text_take(&line, "end ") && text_number(&line, items, &n) == TEXT_FOUND &&
	    n == items && line.at == line.end;
}

struct state_report
state_parse(const char *text, size_t len, void (*take)(void *, const struct state_item *),
    void *arg)
{
	struct state_report report = { false, 0, 0, 0 };
	struct text rest = { text, text + len }, line;
	bool head = false, ended = false;

	while (text_line(&rest, &line)) {
		struct state_item item = { .stamp = report.stamp };

		if (!head && report.items + report.bad_lines == 0 &&
		    parse_head(line, &report.stamp)) {
			head = true;
		} else if (is_end(line, report.items) && rest.at == rest.end) {
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
		err_set(err, "%s: damaged: %u good line%s used, %u bad left out", path,
		    report.items, text_s(report.items), report.bad_lines);
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

static unsigned
print_override(FILE *out, const char *line, const char *what, const char *name,
    const struct judge_override *w)
{
	char text[HEALTH_REASON_MAX];

	if (w->kind == OVERRIDE_NONE)
		return 0;
	fprintf(out, "%s %s %s %s at=%.3f until=%.3f by=%s id=%llu reason=\"%s\"\n", line, what,
	    name, judge_override_name(w->kind), w->at, w->until, w->by,
	    (unsigned long long)w->id, health_reason(text, w->reason));
	return 1;
}

static unsigned
print_word(FILE *out, const char *what, const char *name, const struct judge_word *w)
{
	return print_override(out, "word", what, name, &w->override) +
	    print_override(out, "plan", what, name, &w->planned);
}

static unsigned
print_words(FILE *out, const struct judge *j)
{
	unsigned n = 0;

	for (size_t i = 0; i < j->conf->n_sites; i++)
		n += print_word(out, "site", j->conf->sites[i].name, &j->sites[i].word);
	for (size_t i = 0; i < j->conf->n_servers; i++)
		n += print_word(out, "server", j->conf->servers[i].name, &j->servers[i].word);
	return n;
}

/* What the dnsd of other sites said last, and ours of its TTL. */
static unsigned
print_siblings(FILE *out, const struct judge *j, struct judge_time now)
{
	unsigned n = 0;

	for (size_t i = 0; i < j->conf->n_sites; i++) {
		const struct judge_site *s = &j->sites[i];

		if (!s->ttl_known && !s->drained_there)
			continue;
		fprintf(out, "sibling %s drain=%d ttl=%u\n", j->conf->sites[i].name,
		    s->drained_there, judge_ttl_of_site(j, i, now));
		n++;
	}
	return n;
}

static unsigned
print_pools(FILE *out, const struct judge *j, struct judge_time now)
{
	unsigned n = 0;

	for (size_t i = 0; i < j->conf->n_pools; i++) {
		const struct judge_pool *p = &j->pools[i];
		double notified = p->notified_ms == 0 ? 0 :
		    now.wall - (double)(now.mono_ms - p->notified_ms) / 1e3;

		for (size_t k = 0; k < p->n_sets; k++, n++)
			fprintf(out, "set %s order=%llu id=%s\n", p->conf->name,
			    (unsigned long long)p->sets[k].order, p->sets[k].id);
		if (p->current.id[0] == '\0')
			continue;
		fprintf(out, "pool %s set=%s held=%d asked=%llu notified=%.3f origin=%s\n",
		    p->conf->name, p->current.id, p->held, (unsigned long long)p->asked_order,
		    notified > 0 ? notified : 0, p->origin[0] != '\0' ? p->origin : "-");
		n++;
	}
	return n;
}

static unsigned
print_targets(FILE *out, const struct judge *j)
{
	char text[HEALTH_REASON_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < j->n_targets; i++) {
		const struct judge_target *t = &j->targets[i];
		const struct judge_server *s = &j->servers[t->server];

		if (t->alive == HEALTH_UNKNOWN)
			continue;
		fprintf(out, "target %s v%u %s since=%.3f set=%s digest=", s->conf->name,
		    t->family, health_state_name(t->alive), s->since,
		    t->set[0] != '\0' ? t->set : "-");
		if (t->bad_digest)
			fprintf(out, "\"%s\"", health_reason(text, t->digest_detail));
		else
			fprintf(out, "ok");
		if (s->n_checks > 1)
			fprintf(out, " check=%s", t->check->name);
		fprintf(out, "\n");
		n++;
	}
	return n;
}

static unsigned
print_warmth(FILE *out, const struct judge *j, struct judge_time now)
{
	unsigned n = 0;

	for (size_t i = 0; j->n_warming > 0 && i < j->conf->n_servers; i++) {
		const struct judge_server *s = &j->servers[i];

		if (s->recovered_ms == 0)
			continue;
		fprintf(out, "warm %s since=%.3f\n", s->conf->name,
		    now.wall - (double)(now.mono_ms - s->recovered_ms) / 1000);
		n++;
	}
	return n;
}

void
state_print(FILE *out, const struct judge *j, struct judge_time now)
{
	unsigned n;

	fprintf(out, "nearcast-state 2 stamp=%.3f\n", now.wall);
	n = print_words(out, j);
	n += print_siblings(out, j, now);
	n += print_pools(out, j, now);
	n += print_targets(out, j);
	n += print_warmth(out, j, now);
	fprintf(out, "end %u\n", n);
}

struct printed {
	const struct judge *judge;
	struct judge_time now;
};

static int
print_memory(void *arg, FILE *out)
{
	const struct printed *p = arg;

	state_print(out, p->judge, p->now);
	return 0;
}

int
state_write(const char *path, const struct judge *judge, struct judge_time now, bool sync,
    struct err *err)
{
	struct printed p = { judge, now };
	const struct file_new how = { .mode = 0640, .sync = sync, .keep_old = true,
	    .print = print_memory, .arg = &p };

	/* in few words: it becomes part of an alarm */
	return file_replace(path, &how, err) == 0 ? 0 :
	    err_set(err, "%s: %s", path, strerror(errno));
}
