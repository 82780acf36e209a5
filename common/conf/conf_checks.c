#include "common/conf/conf_checks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"

#define HERE_FILE_MAX 4096

/* As a name in the file has to be. */
static bool
is_site_name(const char *text)
{
	size_t len = strlen(text);

	for (const char *c = text; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("\"'\\", *c) != NULL)
			return false;
	return len != 0 && len <= 63;
}

/* The one word in the file that says which site this is. */
static int
read_here_file(struct conf_reader *r)
{
	struct conf *c = r->conf;
	struct err why;
	size_t len, word;
	char *text;

	if (r->read == NULL)
		return conf_fail(r, r->here_line, "here-file \"%.200s\": no other file is read "
		    "here", c->here_file);
	text = r->read(c->here_file, HERE_FILE_MAX, &len, &why);
	if (text == NULL)
		return conf_fail(r, r->here_line, "here-file \"%.200s\": %s", c->here_file,
		    why.text);
	word = strcspn(text, " \t\r\n");
	if (word + strspn(text + word, " \t\r\n") == len)
		text[word] = '\0';
	if (!is_site_name(text)) {
		free(text);
		return conf_fail(r, r->here_line, "here-file \"%.200s\": the name of a site, alone "
		    "on one line, was expected in it", c->here_file);
	}
	c->here = text;
	return 0;
}

/* Who says which site this is: the command line, else the file or another one it names. */
static int
find_here(struct conf_reader *r)
{
	struct conf *c = r->conf;

	if (r->said_here != NULL && !is_site_name(r->said_here))
		return conf_fail(r, 0, "-s \"%.100s\": the name of a site was expected",
		    r->said_here);
	if (r->said_here != NULL) {
		free(c->here);
		c->here = strdup(r->said_here);
		c->said_here = strdup(r->said_here);
		if (c->here == NULL || c->said_here == NULL)
			return conf_fail(r, 0, "out of memory");
		return 0;
	}
	if (c->here_file != NULL && c->here != NULL)
		return conf_fail(r, r->here_line, "`here` and `here-file` are given, "
		    "one of them was expected");
	return c->here_file != NULL ? read_here_file(r) : 0;
}

static int
check_here(struct conf_reader *r)
{
	struct conf *c = r->conf;
	const char *near, *names[CONF_MAX_SITES];

	c->here_site = CONF_NONE;
	if (find_here(r) < 0)
		return -1;
	if (c->here == NULL && c->n_sites > 1)
		return conf_fail(r, c->sites[0].line, "`here` is missing: with %zu sites, "
		    "`here = \"SITE\"`, a `here-file` or -s SITE has to say which one this "
		    "machine is", c->n_sites);
	if (c->here == NULL && c->n_sites != 0 && (c->here = strdup(c->sites[0].name)) == NULL)
		return conf_fail(r, 0, "out of memory");
	if (c->here != NULL && c->nsid == NULL && (c->nsid = strdup(c->here)) == NULL)
		return conf_fail(r, 0, "out of memory");
	if (c->n_sites == 0)
		return 0;
	for (size_t i = 0; i < c->n_sites; i++) {
		names[i] = c->sites[i].name;
		if (strcmp(names[i], c->here) == 0) {
			c->here_site = (uint16_t)i;
			return 0;
		}
	}
	near = conf_nearest(c->here, names, c->n_sites);
	return conf_fail(r, r->said_here != NULL ? 0 : r->here_line,
	    "%s \"%.200s\": no site of this name is configured%s%s%s",
	    r->said_here != NULL ? "-s" : c->here_file != NULL ? "here-file says" : "here", c->here,
	    near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?" : "");
}

static int
name_compare(const void *a, const void *b, void *arg)
{
	const struct conf_server *servers = arg;

	return strcmp(servers[*(const uint16_t *)a].name, servers[*(const uint16_t *)b].name);
}

/* The order in which conf_find_server looks for names; they have been found to differ. */
static int
sort_servers(struct conf_reader *r)
{
	struct conf *c = r->conf;

	c->by_name = calloc(c->n_servers + 1, sizeof(*c->by_name));
	if (c->by_name == NULL)
		return conf_fail(r, 0, "out of memory");
	for (size_t i = 0; i < c->n_servers; i++)
		c->by_name[i] = (uint16_t)i;
	qsort_r(c->by_name, c->n_servers, sizeof(*c->by_name), name_compare, c->servers);
	for (size_t i = 0; i < c->n_servers; i++) {
		assert(c->servers[i].pool < c->n_pools && c->servers[i].site < c->n_sites);
		assert(i == 0 || strcmp(c->servers[c->by_name[i - 1]].name,
		    c->servers[c->by_name[i]].name) < 0);
	}
	return 0;
}

static void
warn_min_healthy(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	unsigned here = 0;

	for (size_t i = 0; i < c->n_servers; i++)
		here += c->here_site != CONF_NONE && c->servers[i].site == c->here_site;
	if (here != 0 && here < c->announce.min_healthy)
		conf_warn(r, c->announce.line,
		    "min-healthy %u: this site has %u server%s and will never be announced",
		    c->announce.min_healthy, here, here == 1 ? "" : "s");
}

/* Each prefix of a family has its own markers, of which there is a fixed number. */
static int
count_prefixes(struct conf_reader *r)
{
	const struct conf_announce *a = &r->conf->announce;
	size_t n[2] = { 0, 0 };

	for (size_t i = 0; i < a->prefixes.n; i++)
		n[a->prefixes.v[i].family == 6]++;
	for (size_t i = 0; i < 2; i++)
		if (n[i] > CONF_MAX_PREFIXES)
			return conf_fail(r, a->line,
			    "prefix: %zu IPv%d prefixes, at most %d of a family were expected",
			    n[i], i == 0 ? 4 : 6, CONF_MAX_PREFIXES);
	return 0;
}

static int
check_announce(struct conf_reader *r)
{
	const struct conf_announce *a = &r->conf->announce;
	struct addr id;
	char text[ADDR_TEXT];
	bool home = false;

	if (!a->enabled)
		return 0;
	if (count_prefixes(r) < 0)
		return -1;
	if (strchr(a->interface, '/') != NULL || strchr(a->interface, ' ') != NULL)
		return conf_fail(r, a->line,
		    "interface \"%s\": the name of a network interface was expected", a->interface);
	if (a->router_id != NULL &&
	    (addr_parse(&id, a->router_id, NULL) < 0 || id.family != 4 || id.port != 0))
		return conf_fail(r, a->line,
		    "router-id \"%s\": an IPv4 address was expected", a->router_id);
	for (size_t i = 0; i < r->conf->n_sites; i++)
		home = home || r->conf->sites[i].home;
	for (size_t i = 0; i < a->cover.n; i++) {
		const struct prefix *cover = &a->cover.v[i];
		bool covers = false;
		for (size_t j = 0; j < a->prefixes.n; j++)
			covers = covers || (cover->len < a->prefixes.v[j].len &&
			    prefix_contains(cover, a->prefixes.v[j].family, a->prefixes.v[j].ip));
		if (!covers)
			return conf_fail(r, a->line, "cover \"%s\": contains no announced prefix, "
			    "a shorter prefix around one of `prefix` was expected",
			    prefix_text(cover, text));
	}
	if (a->cover.n != 0 && r->conf->n_sites != 0 && !home)
		conf_warn(r, a->line,
		    "`cover` is given and no site has `home = yes`: nobody announces it");
	warn_min_healthy(r);
	return 0;
}

static int
address_compare(const void *a, const void *b, void *arg)
{
	const struct conf_server *servers = arg;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct conf_server *x = &servers[i / 2], *y = &servers[j / 2];
	const struct addr *p = i % 2 ? &x->v6 : &x->v4, *q = j % 2 ? &y->v6 : &y->v4;
	int order = (x->pool > y->pool) - (x->pool < y->pool);

	if (order == 0)
		order = p->family - q->family;
	if (order == 0)
		order = memcmp(p->ip, q->ip, 16);
	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* One address under two names in one pool: usable, most often a slip. */
static int
warn_addresses(struct conf_reader *r)
{
	const struct conf_server *s = r->conf->servers;
	uint32_t *all = calloc(2 * r->conf->n_servers + 1, sizeof(*all));
	char text[ADDR_TEXT];
	size_t n = 0;

	if (all == NULL)
		return conf_fail(r, 0, "out of memory");
	for (uint32_t i = 0; i < r->conf->n_servers; i++) {
		if (s[i].v4.family != 0)
			all[n++] = 2 * i;
		if (s[i].v6.family != 0)
			all[n++] = 2 * i + 1;
	}
	qsort_r(all, n, sizeof(*all), address_compare, r->conf->servers);
	for (size_t i = 1; i < n; i++) {
		const struct conf_server *x = &s[all[i - 1] / 2], *y = &s[all[i] / 2];
		struct addr p = all[i - 1] % 2 ? x->v6 : x->v4, q = all[i] % 2 ? y->v6 : y->v4;
		if (x->pool != y->pool || !addr_equal(&p, &q))
			continue;
		p.port = 0;
		conf_warn(r, y->line,
		    "server \"%s\" has the address %s of server \"%s\" at %s:%d",
		    y->name, addr_text(&p, text), x->name, conf_line_name(r, x->line),
		    conf_line_number(x->line));
	}
	free(all);
	return 0;
}

int
conf_checks_run(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	if (check_here(r) < 0 || check_announce(r) < 0 || sort_servers(r) < 0 ||
	    warn_addresses(r) < 0)
		return -1;
	if (c->ttl_min_s > c->ttl_max_s)
		return conf_fail(r, r->ttl_line,
		    "ttl-min is %u s and ttl-max %u s, ttl-min <= ttl-max was expected",
		    c->ttl_min_s, c->ttl_max_s);
	if (c->n_listen == 0)
		conf_warn(r, 0, "no `listen` address is given, dnsd has nothing to serve on");
	return 0;
}
