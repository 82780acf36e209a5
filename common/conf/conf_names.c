#include "common/conf/conf_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"
#include "common/conf/conf_item.h"

/* The block of this name is there, but something about it was not understood. */
static bool
is_excused(const struct conf_reader *r, const char *name)
{
	if (r->mistakes->n == 0)
		return false;
	if (r->lost)
		return true;
	for (size_t i = 0; i < r->scan->n_items; i++) {
		const struct conf_item *item = &r->scan->items[i];
		if (item->block && item->state != CONF_ITEM_FINE && item->given.n != 0 &&
		    strstr(item->given.v[0].text, name) != NULL)
			return true;
	}
	return false;
}

static const char *
nearest(const struct conf *c, enum conf_names_kind kind, const char *name)
{
	size_t n = kind == CONF_NAMES_SITE ? c->n_sites : c->n_checks;
	const char **names = calloc(n + 1, sizeof(*names)), *near;

	if (names == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		names[i] = kind == CONF_NAMES_SITE ? c->sites[i].name : c->checks[i].name;
	near = conf_nearest(name, names, n);
	free(names);
	return near;
}

static void
tell_name(struct conf_reader *r, const struct conf_names_one *one)
{
	const char *near = nearest(r->conf, one->kind, one->name);
	bool elsewhere = CONF_LINE_FILE(one->last) != CONF_LINE_FILE(one->line);
	char more[400] = "";

	if (one->n > 1)
		snprintf(more, sizeof(more), " (and %zu time%s more, last %s%.300s%s%d)",
		    one->n - 1, one->n == 2 ? "" : "s", elsewhere ? "at " : "on line ",
		    elsewhere ? conf_line_name(r, one->last) : "", elsewhere ? ":" : "",
		    conf_line_number(one->last));
	conf_fail(r, one->line, "%s \"%s\": no %s of this name is configured%s%s%s%s", one->label,
	    one->name, one->kind == CONF_NAMES_SITE ? "site" : "check",
	    near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?" : "", more);
}

static int
miss(struct conf_reader *r, enum conf_names_kind kind, const char *label,
    const char *name, int line)
{
	struct conf_names_one one = { .kind = kind, .line = line, .last = line, .n = 1 };
	size_t n = 0;

	snprintf(one.label, sizeof(one.label), "%s", label);
	for (; n < sizeof(one.name) - 1 && name[n] != '\0'; n++)
		one.name[n] = (unsigned char)name[n] >= ' ' ? name[n] : '?';
	for (size_t i = 0; i < r->names->n; i++) {
		struct conf_names_one *known = &r->names->v[i];
		if (known->kind != kind || strcmp(known->name, one.name) != 0)
			continue;
		known->n++;
		if (conf_line_before(r, line, known->line)) {
			known->line = line;
			memcpy(known->label, one.label, sizeof(known->label));
		}
		if (conf_line_before(r, known->last, line))
			known->last = line;
		return -1;
	}
	if (r->names->n < CONF_NAMES_MAX)
		r->names->v[r->names->n++] = one;
	else if (!r->lost)
		tell_name(r, &one);
	return -1;
}

int
conf_names_find(struct conf_reader *r, enum conf_names_kind kind, const char *label,
    const char *name, int line)
{
	const struct conf *c = r->conf;
	size_t n = kind == CONF_NAMES_SITE ? c->n_sites : c->n_checks;

	for (size_t i = 0; i < n; i++)
		if (strcmp(kind == CONF_NAMES_SITE ? c->sites[i].name : c->checks[i].name,
		    name) == 0)
			return (int)i;
	return miss(r, kind, label, name, line);
}

void
conf_names_tell(struct conf_reader *r)
{
	for (size_t i = 0; i < r->names->n; i++)
		if (!is_excused(r, r->names->v[i].name))
			tell_name(r, &r->names->v[i]);
}
