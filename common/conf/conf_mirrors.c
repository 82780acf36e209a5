#include "common/conf/conf_mirrors.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/conf/conf.h"
#include "common/conf/conf_item.h"

uint16_t
conf_find_mirror(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_mirrors; i++)
		if (strcmp(conf->mirrors[i].name, name) == 0)
			return (uint16_t)i;
	return CONF_NONE;
}

bool
conf_mirror_outdated_ok(const struct conf_mirror *mirror, const char *path, size_t len)
{
	for (char *const *p = mirror->outdated_ok; p != NULL && *p != NULL; p++) {
		const char *prefix = **p == '/' ? *p + 1 : *p;
		size_t n = strlen(prefix);

		if (n <= len && memcmp(path, prefix, n) == 0)
			return true;
	}
	return false;
}

static void
find_one_file(struct conf_reader *r, struct conf_mirror *m)
{
	const struct conf_redirect *d = &r->conf->redirect;
	const char **names, *near;

	m->one_file_index = CONF_NONE;
	if (m->one_file == NULL)
		return;
	for (size_t i = 0; i < d->n_one_files; i++)
		if (strcmp(d->one_files[i].name, m->one_file) == 0)
			m->one_file_index = (uint16_t)i;
	if (m->one_file_index != CONF_NONE || r->lost || r->mistakes->n != 0)
		return;
	names = calloc(d->n_one_files + 1, sizeof(*names));
	for (size_t i = 0; names != NULL && i < d->n_one_files; i++)
		names[i] = d->one_files[i].name;
	near = names != NULL ? conf_nearest(m->one_file, names, d->n_one_files) : NULL;
	conf_fail(r, conf_item_line(r->scan, m->line, "one-file"),
	    "one-file \"%s\": `redirect` has no such block%s%s%s", m->one_file,
	    near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?" : "");
	free(names);
}

/* Two listeners of one address: one of them would not start. */
static void
check_listeners(struct conf_reader *r)
{
	const struct conf_redirect *d = &r->conf->redirect;

	for (size_t i = 0; i < d->n_one_files; i++) {
		const struct conf_one_file *one = &d->one_files[i];
		bool twice = one->listen != NULL && d->listen != NULL &&
		    strcmp(one->listen, d->listen) == 0;

		for (size_t j = 0; j < i && one->listen != NULL; j++)
			twice = twice || (d->one_files[j].listen != NULL &&
			    strcmp(one->listen, d->one_files[j].listen) == 0);
		if (twice)
			conf_fail(r, conf_item_line(r->scan, one->line, "listen"),
			    "listen \"%s\" of one-file \"%s\" is given twice", one->listen,
			    one->name);
	}
}

static bool
hosts_meet(char *const *a, char *const *b, const char **which)
{
	for (; a != NULL && *a != NULL; a++)
		for (char *const *c = b; c != NULL && *c != NULL; c++)
			if (strcasecmp(*a, *c) == 0) {
				*which = *a;
				return true;
			}
	return false;
}

static void
check_hosts(struct conf_reader *r)
{
	const struct conf_redirect *d = &r->conf->redirect;
	const char *host;

	for (size_t i = 0; i < d->n_one_files; i++)
		for (size_t j = 0; j < i; j++)
			if (hosts_meet(d->one_files[i].hosts, d->one_files[j].hosts, &host))
				conf_fail(r, conf_item_line(r->scan, d->one_files[i].line, "host"),
				    "host \"%s\" is that of one-file \"%s\", too", host,
				    d->one_files[j].name);
}

void
conf_mirrors_check(struct conf_reader *r)
{
	struct conf *c = r->conf;

	for (size_t i = 0; i < c->n_mirrors; i++)
		find_one_file(r, &c->mirrors[i]);
	check_listeners(r);
	check_hosts(r);
}

static void
doubt_mirror(struct conf_reader *r, const struct conf_mirror *m)
{
	if (!m->located && m->country[0] == '\0' && m->asn == 0 && m->prefixes.n == 0 &&
	    m->also.n == 0)
		conf_warn(r, m->line, "mirror \"%s\" has neither `location` nor `country`: clients "
		    "are sent there when no other mirror has a file", m->name);
	if (m->asn != 0 && r->conf->geo.asn == NULL && r->conf->geo.city == NULL)
		conf_warn(r, conf_item_line(r->scan, m->line, "asn"), "mirror \"%s\" has an `asn`, "
		    "and `geo` has no `asn` database: nobody is known to be of one", m->name);
	if (m->one_file != NULL && m->rsync != NULL)
		conf_warn(r, conf_item_line(r->scan, m->line, "rsync"), "mirror \"%s\" has one "
		    "file: `rsync` does nothing", m->name);
}

static bool
has_mirror(const struct conf *c, size_t one_file)
{
	for (size_t i = 0; i < c->n_mirrors; i++)
		if (c->mirrors[i].one_file_index == one_file)
			return true;
	return false;
}

void
conf_mirrors_doubt(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->n_mirrors; i++)
		doubt_mirror(r, &c->mirrors[i]);
	if (c->n_mirrors != 0 && c->redirect.line == 0)
		conf_warn(r, c->mirrors[0].line, "mirrors without a block `redirect`: redirectd "
		    "does not start");
	if (c->redirect.line != 0 && c->geo.city == NULL && c->n_mirrors > 1)
		conf_warn(r, c->redirect.line, "`redirect`, and `geo` has no `city` database: "
		    "nobody's nearest mirror is known");
	for (size_t i = 0; i < c->redirect.n_one_files; i++)
		if (!has_mirror(c, i))
			conf_warn(r, c->redirect.one_files[i].line, "one-file \"%s\" has no mirror",
			    c->redirect.one_files[i].name);
}
