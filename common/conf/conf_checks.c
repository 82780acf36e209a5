#include "common/conf/conf_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"
#include "common/conf/conf_mirrors.h"
#include "common/conf/conf_names.h"
#include "common/conf/conf_order.h"
#include "common/conf/conf_item.h"
#include "common/dns/name.h"

#define HERE_FILE_MAX 4096
#define DEFAULT_TTL_MIN_S 5

/* True if nothing is wrong with an option of the block on this line (0 = outside of blocks). */
static bool
is_sure(const struct conf_reader *r, int block_line, const char *name)
{
	const struct conf_item *block = conf_item_block(r->scan, block_line);

	return block != NULL ? conf_item_sure(r, block, name) : !r->lost;
}

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
			return conf_no_memory(r, 0);
		return 0;
	}
	if (c->here_file != NULL && c->here != NULL)
		return conf_fail(r, r->here_line, "`here` and `here-file` are given, "
		    "one of them was expected");
	return c->here_file != NULL ? read_here_file(r) : 0;
}

/* False if there is only one site, which is given twice. */
static bool
sites_differ(const struct conf *c)
{
	for (size_t i = 1; i < c->n_sites; i++)
		if (strcmp(c->sites[i].name, c->sites[0].name) != 0)
			return true;
	return false;
}

static void
check_here(struct conf_reader *r)
{
	struct conf *c = r->conf;
	int i;

	c->here_site = CONF_NONE;
	if (find_here(r) < 0)
		return;
	if (c->here == NULL && c->n_sites > 1) {
		if (is_sure(r, 0, "here") && is_sure(r, 0, "here-file") && sites_differ(c))
			conf_fail(r, c->sites[0].line, "`here` is missing: with %zu sites, "
			    "`here = \"SITE\"`, a `here-file` or -s SITE has to say which one "
			    "this machine is", c->n_sites);
		return;
	}
	if (c->here == NULL && c->n_sites != 0 && (c->here = strdup(c->sites[0].name)) == NULL)
		conf_no_memory(r, 0);
	if (c->here != NULL && c->nsid == NULL && (c->nsid = strdup(c->here)) == NULL)
		conf_no_memory(r, 0);
	if (c->n_sites == 0 || r->no_memory)
		return;
	i = conf_names_find(r, CONF_NAMES_SITE, r->said_here != NULL ? "-s" :
	    c->here_file != NULL ? "here-file says" : "here", c->here,
	    r->said_here != NULL ? 0 : r->here_line);
	if (i >= 0)
		c->here_site = (uint16_t)i;
}

/* Each prefix of a family has its own markers, of which there is a fixed number. */
static void
limit_prefixes(struct conf_reader *r)
{
	const struct conf_announce *a = &r->conf->announce;
	size_t n[2] = { 0, 0 };

	for (size_t i = 0; i < a->prefixes.n; i++)
		n[a->prefixes.v[i].family == 6]++;
	for (size_t i = 0; i < 2; i++)
		if (n[i] > CONF_MAX_PREFIXES)
			conf_fail(r, a->line,
			    "prefix: %zu IPv%d prefixes, at most %d of a family were expected",
			    n[i], i == 0 ? 4 : 6, CONF_MAX_PREFIXES);
}

/* With one digit wrong it is somebody else's: dnsd serves on an address of each.  False if told. */
static bool
check_prefixes(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	char text[ADDR_TEXT];
	bool fine = true;

	if (c->n_listen == 0 || !is_sure(r, 0, "listen"))
		return true;
	for (size_t i = 0; i < c->announce.prefixes.n; i++) {
		const struct prefix *p = &c->announce.prefixes.v[i];
		bool used = false;

		for (size_t j = 0; j < c->n_listen; j++)
			used = used || (c->listen[j].family == p->family &&
			    (addr_is_zero(c->listen[j].ip) ||
			    prefix_contains(p, p->family, c->listen[j].ip)));
		fine = fine && used;
		if (!used)
			conf_fail(r, conf_item_line(r->scan, c->announce.line, "prefix"),
			    "prefix \"%s\": no `listen` address lies in it, a prefix of "
			    "addresses that are served was expected", prefix_text(p, text));
	}
	return fine;
}

/* What is asked at an anycast address is the nearest site, not that one. */
static void
check_siblings(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	char sibling[ADDR_TEXT], text[ADDR_TEXT];

	for (size_t i = 0; i < c->n_sites; i++) {
		const struct addr *a = &c->sites[i].sibling;
		const struct prefix *in = a->family == 0 ? NULL :
		    prefix_find(c->announce.prefixes.v, c->announce.prefixes.n, a);

		if (in != NULL)
			conf_fail(r, conf_item_line(r->scan, c->sites[i].line, "sibling"),
			    "sibling \"%s\" of site \"%s\" lies in the announced (anycast) prefix "
			    "%s, a unicast address of its dnsd was expected", addr_text(a, sibling),
			    c->sites[i].name, prefix_text(in, text));
	}
}

/* While healthd reads the file again nothing is published, and a check that takes longer than
 * the lease would leave dnsd without health. */
static void
check_timeouts(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	if (!c->announce.enabled || !is_sure(r, c->announce.line, "lease"))
		return;
	for (size_t i = 0; i < c->n_checks; i++)
		if (c->checks[i].timeout_ms >= c->announce.lease_ms)
			conf_fail(r, conf_item_line(r->scan, c->checks[i].line, "timeout"),
			    "check \"%s\": timeout %u ms and `lease` of `announce` %u ms, "
			    "timeout < lease was expected", c->checks[i].name,
			    c->checks[i].timeout_ms, c->announce.lease_ms);
}

/* `ttl-min` as it is where the file does not say: TTLs follow how soon a server can be called
 * down, and a floor above that would be all there is. */
static void
default_ttl_min(struct conf_reader *r)
{
	struct conf *c = r->conf;
	uint32_t least_s = DEFAULT_TTL_MIN_S;

	for (size_t i = 0; i < c->n_checks; i++) {
		uint32_t fast_ms = c->checks[i].fast_interval_ms;

		if (conf_check_sure_ms(&c->checks[i]) < fast_ms)
			fast_ms = conf_check_sure_ms(&c->checks[i]);
		if (fast_ms / 1000 < least_s)
			least_s = fast_ms >= 1000 ? fast_ms / 1000 : 1;
	}
	c->ttl_min_s = least_s < c->ttl_max_s ? least_s : c->ttl_max_s;
}

/* A question that dnsd has to refuse shows nothing. */
static void
check_question(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const char *question = c->announce.question;
	uint8_t name[NAME_MAX_WIRE], apex[NAME_MAX_WIRE];
	char text[NAME_TEXT];

	if (question == NULL || c->n_zones == 0 || !is_sure(r, 0, "zone"))
		return;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(question, " "), question);
	for (size_t i = 0; i < c->n_zones; i++)
		if (name_parse(name, text, NULL) > 0 &&
		    name_parse(apex, c->zones[i].name, NULL) > 0 && name_below(name, apex))
			return;
	conf_fail(r, conf_item_line(r->scan, c->announce.line, "question"),
	    "question \"%s\": lies in none of the zones, a name in one of them was expected",
	    question);
}

static void
check_covers(struct conf_reader *r)
{
	const struct conf_announce *a = &r->conf->announce;
	char text[ADDR_TEXT];

	if (!is_sure(r, a->line, "prefix"))
		return;
	for (size_t i = 0; i < a->cover.n; i++) {
		const struct prefix *cover = &a->cover.v[i];
		bool covers = false;

		for (size_t j = 0; j < a->prefixes.n; j++)
			covers = covers || (cover->len < a->prefixes.v[j].len &&
			    prefix_contains(cover, a->prefixes.v[j].family, a->prefixes.v[j].ip));
		if (!covers)
			conf_fail(r, conf_item_line(r->scan, a->line, "cover"),
			    "cover \"%s\": contains no announced prefix, a shorter prefix around "
			    "one of `prefix` was expected", prefix_text(cover, text));
	}
}

static void
check_announce(struct conf_reader *r)
{
	struct conf_announce *a = &r->conf->announce;
	struct addr id;
	bool served;

	if (!a->enabled)
		return;
	a->question_line = conf_item_line(r->scan, a->line, "question");
	limit_prefixes(r);
	served = check_prefixes(r);
	check_siblings(r);
	check_question(r);
	if (a->interface != NULL && strpbrk(a->interface, "/ ") != NULL)
		conf_fail(r, conf_item_line(r->scan, a->line, "interface"),
		    "interface \"%s\": the name of a network interface was expected", a->interface);
	if (a->router_id != NULL &&
	    (addr_parse(&id, a->router_id, NULL) < 0 || id.family != 4 || id.port != 0))
		conf_fail(r, conf_item_line(r->scan, a->line, "router-id"),
		    "router-id \"%s\": an IPv4 address was expected", a->router_id);
	if (served && a->prefixes.n != 0)
		check_covers(r);
}

bool
conf_lacks_router_id(const struct conf *conf)
{
	const struct conf_announce *a = &conf->announce;

	for (size_t i = 0; i < conf->n_listen; i++)
		if (conf->listen[i].family == 4)
			return false;
	for (size_t i = 0; i < a->n_neighbors; i++)
		if (a->neighbors[i].address.family == 4 || a->neighbors[i].source.family == 4)
			return false;
	for (size_t i = 0; i < a->prefixes.n; i++)
		if (a->prefixes.v[i].family == 4)
			return false;
	return a->enabled && a->router_id == NULL;
}

/* Whether these files are there, and may be read, is seen later (conf_access.h). */
static void
note_lines(struct conf_reader *r)
{
	struct conf *c = r->conf;

	for (size_t i = 0; i < c->n_checks; i++) {
		struct conf_check *k = &c->checks[i];

		k->ca_line = conf_item_line(r->scan, k->line, "ca-file");
		k->auth_line = conf_item_line(r->scan, k->line, "basic-auth-file");
		k->cert_line = conf_item_line(r->scan, k->line, "client-cert");
		k->key_line = conf_item_line(r->scan, k->line, "client-key");
		k->command_line = conf_item_line(r->scan, k->line, "command");
	}
	c->explain_own = c->explain_line == 0 ||
	    conf_item_option(r->scan, c->explain_line, "allow") == 0;
	c->listen_line = conf_item_option(r->scan, 0, "listen");
	c->hook_line = conf_item_option(r->scan, 0, "hook");
	c->alarm_hook_line = conf_item_option(r->scan, 0, "alarm-hook");
}

/* A file that was right is not refused because an option has gone.  0 goes on meaning that nothing
 * is limited; what a number was for, the budget does better. */
static void
heed_max_amplification(struct conf_reader *r)
{
	int line = conf_item_option(r->scan, 0, "max-amplification");
	struct conf *c = r->conf;

	if (line == 0 || !is_sure(r, 0, "max-amplification"))
		return;
	if (c->max_amplification == 0 && c->amplification.line == 0) {
		c->amplification.factor = 0;
		conf_warn(r, line, "`max-amplification = 0` is taken for "
		    "`amplification { factor = 0 }`, as it is called now");
	} else {
		conf_warn(r, line, "`max-amplification` does nothing any more, the block "
		    "`amplification` has taken its place");
	}
}

static void
check_ttls(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	r->ttl_min_line = conf_item_option(r->scan, 0, "ttl-min");
	if (r->ttl_min_line == 0)
		default_ttl_min(r);
	if (c->ttl_min_s > c->ttl_max_s && is_sure(r, 0, "ttl-max"))
		conf_fail(r, r->ttl_line,
		    "ttl-min is %u s and ttl-max %u s, ttl-min <= ttl-max was expected",
		    c->ttl_min_s, c->ttl_max_s);
}

void
conf_checks_run(struct conf_reader *r)
{
	check_here(r);
	check_announce(r);
	check_timeouts(r);
	check_ttls(r);
	conf_mirrors_check(r);
	note_lines(r);
	heed_max_amplification(r);
	/* with two of one name there is no such order */
	if (r->mistakes->n == 0 && r->names->n == 0 && conf_order_build(r->conf) < 0)
		conf_no_memory(r, 0);
}
