/*
 * The blocks `mirror` and `redirect` of nearcast.conf, as tables for conf_schema.c.
 *
 * A URL below which files lie ends in a slash: where it is not written it is put there, and told,
 * since "http://HOST/pub" and "file" would become "http://HOST/pubfile".  What is appended to a
 * URL goes before no query, so it has none.  What one block means for another (a mirror and the
 * one file it has) is seen in conf_mirrors.c.
 *
 * An rsync URL becomes an argument of a program, so it has to look like nothing else.  A mirror
 * that only some may use, and that nobody could be known to be one of, is a mistake; so
 * is one that no family of addresses reaches.  Constant but for the structs that are filled.
 */
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf_item.h"
#include "common/conf/conf_schema.h"
#include "common/conf/conf_url.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define MIRROR(member) offsetof(struct conf_mirror, member)
#define REDIRECT(member) offsetof(struct conf_redirect, member)
#define ONE(member) offsetof(struct conf_one_file, member)
#define FALLBACK(member) offsetof(struct conf_fallback, member)
#define END { .name = NULL }

static const char *const onlys[] = { "none", "prefix", "asn", "country", "continent", NULL };

CONF_LIST_IN(conf_mirror, prefixes.v, prefixes.n);
CONF_LIST_IN(conf_mirror, also.v, also.n);
CONF_LIST_IN(conf_fallback, countries.v, countries.n);
CONF_LIST_IN(conf_redirect, one_files, n_one_files);
CONF_LIST_IN(conf_redirect, fallbacks, n_fallbacks);
CONF_LOCATION_IN(conf_mirror, located);

/* ASCII without blanks. */
static bool
is_printable(const char *text)
{
	while (*text > ' ' && *text != 0x7f)
		text++;
	return *text == '\0';
}

/* A URL that clients are told. */
static bool
is_link(struct conf_reader *r, const char *what, const char *name, const char *url)
{
	struct err why;

	if (url == NULL || !conf_item_given(r->finished, what) ||
	    conf_url_check_link(url, &why) == 0)
		return true;
	conf_fail(r, conf_item_line(r->scan, r->finished->given.line, what),
	    "%s \"%.80s\" of \"%s\": %s", what, url, name, why.text);
	return false;
}

/* A folder's URL: without query and fragment, with a slash at its end. */
static void
finish_url(struct conf_reader *r, const char *what, const char *name, char **url)
{
	int line = conf_item_line(r->scan, r->finished->given.line, what);
	size_t len;
	char *longer;

	if (*url == NULL || !conf_item_given(r->finished, what))
		return;
	if (strpbrk(*url, "?#") != NULL) {
		conf_fail(r, line, "%s \"%s\" of \"%s\": has a query or fragment, the URL of a "
		    "folder was expected", what, *url, name);
		return;
	}
	if (!is_link(r, what, name, *url))
		return;
	len = strlen(*url);
	if ((*url)[len - 1] == '/')
		return;
	conf_warn(r, line, "%s \"%s\" of \"%s\" has no slash at its end: one was added", what,
	    *url, name);
	longer = realloc(*url, len + 2);
	if (longer == NULL) {
		conf_no_memory(r, line);
		return;
	}
	memcpy(longer + len, "/", 2);
	*url = longer;
}

/* ---- mirror ---- */

/* It becomes an argument of rsync(1), never an option, and never a local folder. */
static void
check_rsync(struct conf_reader *r, const struct conf_mirror *m)
{
	static const char form[] = "rsync://HOST[:PORT]/MODULE/PATH/";
	int line = conf_item_line(r->scan, m->line, "rsync");
	struct err why = { .text = "" };
	const char *end, *host;
	size_t user;

	if (m->rsync == NULL)
		return;
	err_set(&why, "%s was expected", form);
	if (strncmp(m->rsync, "rsync://", 8) == 0 && m->rsync[8] != '/' &&
	    strpbrk(m->rsync, " \\\"'") == NULL && is_printable(m->rsync) &&
	    strchr(m->rsync + 8, '/') != NULL) {
		host = m->rsync + 8;
		user = strcspn(host, "@:/[");
		/* the name of a user is rsync's; his password is in its environment */
		host += host[user] == '@' && user != 0 && *host != '-' ? user + 1 : 0;
		end = conf_url_authority(host, form, &why);
		if (end != NULL && *end == '/' && end[1] != '\0' && end[1] != '/')
			return;
		if (end != NULL)
			err_set(&why, "no module, %s was expected", form);
	}
	conf_fail(r, line, "rsync \"%.80s\": %s", m->rsync, why.text);
}

static int
mirror_finish(struct conf_reader *r, void *element, int line)
{
	struct conf_mirror *m = element;

	m->one_file_index = UINT16_MAX;
	if (m->one_file == NULL)
		finish_url(r, "url", m->name, &m->url);
	else
		is_link(r, "url", m->name, m->url);
	check_rsync(r, m);
	if (!m->ipv4 && !m->ipv6)
		conf_fail(r, line, "mirror \"%s\" is reached by neither `ipv4` nor `ipv6`, one of "
		    "them was expected", m->name);
	if (!conf_item_sure(r, r->finished, NULL))
		return 0;
	if (m->only == CONF_ONLY_PREFIX && m->prefixes.n == 0)
		conf_fail(r, line, "mirror \"%s\" has only = \"prefix\" and no `prefix`: nobody "
		    "would be sent there", m->name);
	if (m->only == CONF_ONLY_ASN && m->asn == 0)
		conf_fail(r, line, "mirror \"%s\" has only = \"asn\" and no `asn`: nobody would be "
		    "sent there", m->name);
	if ((m->only == CONF_ONLY_COUNTRY || m->only == CONF_ONLY_CONTINENT) &&
	    m->country[0] == '\0' && m->also.n == 0)
		conf_fail(r, line, "mirror \"%s\" has only = \"%s\" and no `country`: nobody would "
		    "be sent there", m->name, onlys[m->only]);
	return 0;
}

static const struct conf_row mirror_title = { "mirror", CONF_NAME, MIRROR(name) };
static const struct conf_row mirror_rows[] = {
	{ "url", CONF_URL, MIRROR(url), .required = true },
	{ "rsync", CONF_TEXT, MIRROR(rsync), 9, 2000 },
	{ "location", CONF_LOCATION, MIRROR(located) },
	{ "country", CONF_COUNTRY, MIRROR(country) },
	{ "asn", CONF_UINT, MIRROR(asn), 0, 4294967295.0, "0" },
	{ "prefix", CONF_PREFIXES, MIRROR(prefixes), 1, 65536 },
	{ "weight", CONF_UINT, MIRROR(weight), 0, CONF_MAX_MIRROR_WEIGHT, "100" },
	{ "only", CONF_ENUM, MIRROR(only), 0, 0, "none", onlys },
	{ "also-countries", CONF_COUNTRIES, MIRROR(also), 1, 300 },
	{ "max-size", CONF_SIZE, MIRROR(max_size), 0, 9007199254740992.0, "0" },
	{ "ipv4", CONF_BOOL, MIRROR(ipv4), 0, 0, "yes" },
	{ "ipv6", CONF_BOOL, MIRROR(ipv6), 0, 0, "yes" },
	{ "enabled", CONF_BOOL, MIRROR(enabled), 0, 0, "yes" },
	{ "admin", CONF_TEXT, MIRROR(admin), 1, 200 },
	{ "one-file", CONF_NAME, MIRROR(one_file) },
	{ "sample-interval", CONF_MS, MIRROR(sample_interval_ms), 10, 86400000, "1s" },
	{ "outdated-ok", CONF_LINES, MIRROR(outdated_ok), 1, 1000 },
	{ "follow-redirects", CONF_BOOL, MIRROR(follow), 0, 0, "no" },
	END
};
const struct conf_block conf_schema_mirror = {
	.name = "mirror", .place = CONF_MANY, .offset = offsetof(struct conf, mirrors),
	.size = sizeof(struct conf_mirror), .line_offset = MIRROR(line),
	.max = CONF_MAX_MIRRORS, .title = &mirror_title, .rows = mirror_rows,
	.finish = mirror_finish,
};

/* ---- redirect ---- */

static bool
is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == 4 ? a->ip[0] == 127 : memcmp(a->ip, one, sizeof(one)) == 0;
}

/* An address with a port, or a path. */
static void
check_listen(struct conf_reader *r, const char *listen)
{
	int line = conf_item_line(r->scan, r->finished->given.line, "listen");
	struct addr a;

	if (listen == NULL || (*listen == '/' && strlen(listen) <= 107))
		return;
	if (*listen == '/')
		conf_fail(r, line, "listen \"%s\": the path of a socket has at most 107 octets",
		    listen);
	else if (addr_parse(&a, listen, NULL) < 0 || a.port == 0)
		conf_fail(r, line, "listen \"%s\": ADDRESS@PORT or the path of a Unix socket was "
		    "expected", listen);
	else if (!is_loopback(&a))
		conf_warn(r, line, "listen \"%s\" is no address of loopback: whoever reaches it "
		    "past nginx is answered without the files", listen);
}

/* Whether nginx can be sent there: a path that it would change, or refuse, is of no file. */
static bool
is_file_path(const char *path)
{
	if (*path != '/')
		return false;
	while (*path != '\0') {
		size_t len = strcspn(++path, "/");

		if (len == 0 || (len <= 2 && strspn(path, ".") >= len))
			return false;
		path += len;
	}
	return true;
}

static int
one_file_finish(struct conf_reader *r, void *element, int line)
{
	const struct conf_one_file *one = element;

	check_listen(r, one->listen);
	for (char *const *h = one->hosts; h != NULL && *h != NULL; h++)
		if (**h == '\0' || strpbrk(*h, ":/ ") != NULL)
			conf_fail(r, conf_item_line(r->scan, line, "host"), "host \"%.80s\": the "
			    "name of a host without a port was expected", *h);
	if (one->hosts == NULL && one->listen == NULL && conf_item_sure(r, r->finished, NULL))
		conf_fail(r, line, "one-file \"%s\" has neither `host` nor `listen`: nobody could "
		    "ask for it", one->name);
	if (one->path != NULL && !is_file_path(one->path))
		conf_fail(r, conf_item_line(r->scan, line, "path"), "path \"%.80s\": %s was "
		    "expected", one->path, *one->path != '/' ? "a path that begins with \"/\"" :
		    "the path of a file, without empty parts, \".\" and \"..\",");
	return 0;
}

static int
fallback_finish(struct conf_reader *r, void *element, int line)
{
	struct conf_fallback *f = element;

	(void)line;
	finish_url(r, "url", f->name, &f->url);
	return 0;
}

static void
check_tracker(struct conf_reader *r, int line, const char *url)
{
	const char *host = strncmp(url, "udp://", 6) == 0 ? url + 6 :
	    strncmp(url, "http://", 7) == 0 ? url + 7 :
	    strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
	struct err why;

	if (host == NULL || !is_printable(url))
		err_set(&why, "an announce URL of udp, http or https was expected");
	else if (conf_url_authority(host, "udp://HOST:PORT/announce", &why) != NULL)
		return;
	conf_fail(r, conf_item_line(r->scan, line, "tracker"), "tracker \"%.80s\": %s", url,
	    why.text);
}

static int
redirect_finish(struct conf_reader *r, void *element, int line)
{
	struct conf_redirect *d = element;
	size_t len = d->local != NULL ? strlen(d->local) : 0;

	check_listen(r, d->listen);
	finish_url(r, "base-url", "redirect", &d->base_url);
	is_link(r, "publisher-url", "redirect", d->publisher_url);
	if (len != 0 && (*d->local != '/' || strspn(d->local, "/") == len ||
	    strpbrk(d->local, " %?#\"\\") != NULL))
		conf_fail(r, conf_item_line(r->scan, line, "local"), "local \"%.80s\": the path of "
		    "a location of its own that begins with \"/\" was expected", d->local);
	for (char *const *t = d->trackers; t != NULL && *t != NULL; t++)
		check_tracker(r, line, *t);
	if (len > 1 && d->local[len - 1] == '/')
		d->local[len - 1] = '\0';
	return 0;
}

static bool
redirect_belongs(const struct conf *conf, const struct conf_block *block, const void *parent,
    const void *element)
{
	(void)conf, (void)block, (void)parent;
	return ((const struct conf_redirect *)element)->line != 0;
}

static const struct conf_row one_file_title = { "one-file", CONF_NAME, ONE(name) };
static const struct conf_row one_file_rows[] = {
	{ "host", CONF_LINES, ONE(hosts), 1, 64 },
	{ "listen", CONF_TEXT, ONE(listen), 1, 200 },
	{ "path", CONF_TEXT, ONE(path), 1, 2000, .required = true },
	END
};
static const struct conf_block one_file_block = {
	.name = "one-file", .place = CONF_MANY, .offset = REDIRECT(one_files),
	.size = sizeof(struct conf_one_file), .line_offset = ONE(line), .max = 1000,
	.title = &one_file_title, .rows = one_file_rows, .finish = one_file_finish,
};

static const struct conf_row fallback_title = { "fallback", CONF_NAME, FALLBACK(name) };
static const struct conf_row fallback_rows[] = {
	{ "url", CONF_URL, FALLBACK(url), .required = true },
	{ "countries", CONF_COUNTRIES, FALLBACK(countries), 1, 300 },
	END
};
static const struct conf_block fallback_block = {
	.name = "fallback", .place = CONF_MANY, .offset = REDIRECT(fallbacks),
	.size = sizeof(struct conf_fallback), .line_offset = FALLBACK(line), .max = 1000,
	.title = &fallback_title, .rows = fallback_rows, .finish = fallback_finish,
};

static const struct conf_row redirect_rows[] = {
	{ "listen", CONF_TEXT, REDIRECT(listen), 1, 200, "127.0.0.1@9555" },
	{ "catalogue", CONF_FILE, REDIRECT(catalogue) },
	{ "local", CONF_TEXT, REDIRECT(local), 1, 200, "/_local" },
	{ "base-url", CONF_URL, REDIRECT(base_url) },
	{ "trusted", CONF_PREFIXES, REDIRECT(trusted), 0, 65536, "127.0.0.0/8 ::1" },
	{ "min-size", CONF_SIZE, REDIRECT(min_size), 0, 9007199254740992.0, "4096" },
	{ "exclude-path", CONF_REGEX, REDIRECT(exclude_path) },
	{ "exclude-agent", CONF_LINES, REDIRECT(exclude_agents), 1, 1000 },
	{ "exclude-type", CONF_LINES, REDIRECT(exclude_types), 1, 1000 },
	{ "exclude-net", CONF_PREFIXES, REDIRECT(exclude_nets), 1, 65536 },
	{ "near-factor", CONF_REAL, REDIRECT(near_factor), 1, 100, "1.3" },
	{ "near-km", CONF_REAL, REDIRECT(near_km), 0, 20100, "100" },
	{ "spread4", CONF_UINT, REDIRECT(spread4), 0, 32, "24" },
	{ "spread6", CONF_UINT, REDIRECT(spread6), 0, 128, "48" },
	{ "links", CONF_UINT, REDIRECT(links), 0, 20, "5" },
	{ "mirrorbrain-headers", CONF_BOOL, REDIRECT(mirrorbrain_headers), 0, 0, "yes" },
	{ "publisher", CONF_TEXT, REDIRECT(publisher), 1, 200 },
	{ "publisher-url", CONF_URL, REDIRECT(publisher_url) },
	{ "tracker", CONF_LINES, REDIRECT(trackers), 1, 64 },
	END
};
static const struct conf_block *const redirect_blocks[] = {
	&one_file_block, &fallback_block, NULL
};
const struct conf_block conf_schema_redirect = {
	.name = "redirect", .offset = offsetof(struct conf, redirect),
	.line_offset = REDIRECT(line), .rows = redirect_rows, .blocks = redirect_blocks,
	.finish = redirect_finish, .belongs = redirect_belongs,
};
