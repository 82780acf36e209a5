/*
 * check_http: the kinds "http" and "content".  The fetching is fetch.c's, the understanding
 * http_answer.c's; this file joins a probe with its fetch.
 *
 * The regular expressions of a check are compiled once, when its first target is prepared, and
 * shared by all of them.  A probe owns its struct http, from prepare to release; the fetch in
 * it keeps its connection to the server between checks.
 */
#include <stdlib.h>
#include <strings.h>

#include "healthd/check/fetch.h"
#include "healthd/check/kinds.h"

struct http {
	struct probe *probe;
	struct fetch fetch;
};

static void
on_fetched(struct fetch *f, const struct result *r)
{
	probe_done(LOOP_OWNER(f, struct http, fetch)->probe, r);
}

int
check_http_prepare(struct probe *p, struct err *err)
{
	const struct conf_check *c = p->check;
	struct http_match *match = &p->checks->matches[c - p->checks->conf->checks];
	struct http *http;

	if (http_answer_match_compile(match, c, err) < 0)
		return -1;
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return err_set(err, "out of memory");
	http->probe = p;
	http->fetch = (struct fetch){ .fetcher = p->checks->fetcher, .check = c, .match = match,
	    .url = c->url, .addr = p->addr, .timeout_ms = c->timeout_ms,
	    .set = c->kind == CONF_CHECK_CONTENT,
	    .get = c->method != NULL && strcasecmp(c->method, "GET") == 0, .done = on_fetched };
	p->own = http;
	if (fetch_prepare(&http->fetch, err) == 0)
		return 0;
	check_http_release(p);
	p->own = NULL;
	return -1;
}

void
check_http_release(struct probe *p)
{
	struct http *http = p->own;

	if (http == NULL)
		return;
	fetch_release(&http->fetch);
	free(http);
}

void
check_http_start(struct probe *p)
{
	struct fetch *f = &((struct http *)p->own)->fetch;

	f->fresh = p->fresh;
	fetch_start(f);
}

void
check_http_cancel(struct probe *p)
{
	fetch_cancel(&((struct http *)p->own)->fetch);
}

int
check_http_open(struct checks *checks, struct err *err)
{
	checks->matches = calloc(checks->conf->n_checks + 1, sizeof(*checks->matches));
	if (checks->matches == NULL)
		return err_set(err, "out of memory");
	checks->fetcher = fetch_open(checks->loop, err);
	return checks->fetcher == NULL ? -1 : 0;
}

void
check_http_close(struct checks *checks)
{
	fetch_close(checks->fetcher);
	for (size_t i = 0; checks->matches != NULL && i < checks->conf->n_checks; i++)
		http_answer_match_free(&checks->matches[i]);
	free(checks->matches);
}
