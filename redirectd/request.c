#include "redirectd/request.h"

#include <string.h>
#include <strings.h>

#include "redirectd/trace.h"
#include "redirectd/encode.h"
#include "redirectd/links.h"
#include "redirectd/locate.h"
#include "redirectd/negotiate.h"
#include "redirectd/urls.h"

enum {
	URL_MOST = 16 * 1024,		/* octets of a Location */
	HEADS_MOST = 8 * 1024		/* of all lines: what nginx is configured to take */
};

/* One request on its way. */
struct passage {
	struct worker *worker;
	const struct setup *setup;
	const struct request *request;
	struct redirect_choice choice;
	struct catalogue_file file;
	struct catalogue_beside beside;
	struct documents_ask ask;
	const char *type;
	bool trusted;			/* it came from nginx */
};

/* ---- who asks, and for what ---- */

static bool
is_asked(const struct passage *p, const char *name)
{
	char value[8];

	return target_has(&p->worker->target, name, value, sizeof(value));
}

/* What a listener of one file alone is for: the block that names it now, or else the one that it
 * was opened for, if that is still there. */
static const struct conf_one_file *
one_file_at(const struct conf_redirect *r, const char *listen, const char *name)
{
	const struct conf_one_file *same = NULL;

	for (size_t i = 0; i < r->n_one_files; i++) {
		const struct conf_one_file *one = &r->one_files[i];

		if (one->listen != NULL && strcmp(one->listen, listen) == 0)
			return one;
		if (strcmp(one->name, name) == 0)
			same = one;
	}
	return same;
}

/* By one of its virtual hosts; without a port, in any case. */
static const struct conf_one_file *
one_file_of(const struct conf_redirect *r, const char *host)
{
	size_t len = host != NULL ? strcspn(host, ":") : 0;

	for (size_t i = 0; i < r->n_one_files; i++) {
		const struct conf_one_file *one = &r->one_files[i];

		for (char *const *h = one->hosts; len != 0 && h != NULL && *h != NULL; h++)
			if (strlen(*h) == len && strncasecmp(*h, host, len) == 0)
				return one;
	}
	return NULL;
}

static bool
is_host(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789.-_:[]";
	size_t len = strlen(host);

	return len != 0 && len <= 255 && strspn(host, allowed) == len;
}

/* What the client called us, for links to ourselves. */
static void
find_site(struct passage *p, const char *host)
{
	const struct conf_redirect *r = &p->setup->conf->redirect;
	struct worker *w = p->worker;

	if (r->base_url != NULL)
		snprintf(w->site, sizeof(w->site), "%.*s", (int)strlen(r->base_url) - 1,
		    r->base_url);
	else
		snprintf(w->site, sizeof(w->site), "%s://%s",
		    p->choice.secure ? "https" : "http",
		    host != NULL && is_host(host) ? host : "localhost");
	p->choice.site = w->site;
}

static void
find_client(struct passage *p)
{
	const struct request *q = p->request;
	struct choice_client *client = &p->choice.client;
	char value[16];

	client->address = q->peer;
	client->address.port = 0;
	if (q->peer.family == 0)	/* until nginx says better */
		locate_address(&client->address, "127.0.0.1");
	if (p->trusted && q->real_ip != NULL)
		locate_address(&client->address, q->real_ip);
	locate_client(p->setup, client);
	if (target_has(&p->worker->target, "country", value, sizeof(value)))
		locate_as_country(client, value);
	if (target_has(&p->worker->target, "as", value, sizeof(value)))
		locate_as_asn(client, value);
}

/* Everything but the file. */
static void
begin_passage(struct passage *p)
{
	const struct conf *conf = p->setup->conf;
	const struct request *q = p->request;
	const char *host = q->host;

	p->trusted = q->peer.family == 0 ||
	    prefix_find(conf->redirect.trusted.v, conf->redirect.trusted.n, &q->peer) != NULL;
	if (p->trusted && q->forwarded_host != NULL)
		host = q->forwarded_host;
	p->choice.conf = conf;
	p->choice.redirect = &conf->redirect;
	p->choice.one_file = q->alone != NULL ?
	    one_file_at(&conf->redirect, q->listen, q->alone) :
	    one_file_of(&conf->redirect, host);
	p->choice.secure = p->trusted && q->forwarded_proto != NULL &&
	    strcasecmp(q->forwarded_proto, "https") == 0;
	find_site(p, host);
	find_client(p);
}

/* ---- the file ---- */

/* Whether the catalogue has a path, which begins with a slash: then that is the file. */
static bool
is_catalogued(struct passage *p, const char *path, size_t len)
{
	struct err err;

	return p->worker->catalogue != NULL && len > 1 &&
	    catalogue_find_beside(p->worker->catalogue, path + 1, len - 1, &p->file, &p->beside,
	    &err) == 1;
}

static void
describe(struct passage *p)
{
	struct choice_file *file = &p->choice.file;

	file->known = true;
	file->id = p->file.id;
	file->size = p->file.size;
	file->mtime = p->file.mtime;
	file->sha256 = p->file.sha256;
	file->md5 = p->file.has_md5 ? p->file.md5 : NULL;
	file->has_pieces = p->file.has_pieces;
	file->has_signature = p->beside.signature;
	file->has_torrent = p->beside.torrent;
}

/* The file that is meant, and whether a document about it is. */
static void
find_file(struct passage *p)
{
	struct target_path *t = &p->worker->target;
	struct choice_file *file = &p->choice.file;
	struct negotiate_query query = negotiate_query(t->query);
	bool found;
	size_t base;

	if (p->choice.one_file != NULL) {
		t->len = strnlen(p->choice.one_file->path, TARGET_PATH_MAX);
		memcpy(t->path, p->choice.one_file->path, t->len);
		t->path[t->len] = '\0';
	}
	found = is_catalogued(p, t->path, t->len);
	if (!found) {
		enum document document = negotiate_suffix(t->path, t->len, &base);

		if (document != DOCUMENT_NONE && is_catalogued(p, t->path, base)) {
			p->ask.document = document;
			t->len = base;
			t->path[base] = '\0';
			found = true;
		}
	}
	file->path = t->path;
	file->path_len = t->len;
	p->type = types_find(p->setup->types, t->path, t->len);
	if (found)
		describe(p);
	p->ask.only_hash = query.only_hash;
	p->ask.form = query.form;
	if (p->ask.document == DOCUMENT_NONE)
		p->ask.document = query.document;
	if (p->ask.document == DOCUMENT_NONE && found) {
		p->ask.document = negotiate_accept(p->request->accept, p->type);
		p->ask.negotiated = p->ask.document != DOCUMENT_NONE;
	}
}

/* Why the file is served from here, whoever has it. */
static enum choice_home
stays(const struct passage *p)
{
	const struct choice_file *file = &p->choice.file;

	if (is_asked(p, "here"))
		return CHOICE_ASKED_HERE;
	if (p->choice.one_file == NULL) {
		if (p->worker->catalogue == NULL)
			return CHOICE_NO_CATALOGUE;
		if (!file->known)
			return CHOICE_NOT_CATALOGUED;
		if (file->size < p->choice.redirect->min_size)
			return CHOICE_SMALL;
	}
	return exclude_why(&p->worker->exclude, file, &p->choice.client.address,
	    p->request->agent, p->type);
}

/* ---- the answer ---- */

static bool
holds(void *arg, uint16_t mirror, uint32_t file)
{
	const struct passage *p = arg;
	const struct setup *setup = p->setup;

	return setup->held != NULL && p->worker->catalogue != NULL &&
	    held_has(setup->held, setup->places[mirror], file) &&
	    held_is_of(setup->held, catalogue_about(p->worker->catalogue)->lineage);
}

static void
choose(struct passage *p, size_t enough)
{
	struct choose_facts facts = { p->setup->health, holds, p };
	uint64_t key = choose_key(p->setup->choose, &p->choice.client.address);

	if (is_asked(p, "newmirror")) {
		p->worker->random = p->worker->random * UINT64_C(6364136223846793005) + 1;
		key ^= p->worker->random >> 16 << 8;
	}
	choose_mirrors(p->setup->choose, &facts, key, enough, &p->worker->room, &p->choice);
}

static void
plain(struct response *response, unsigned status, const char *text)
{
	response->status = status;
	response_head(response, "Content-Type", "text/plain; charset=utf-8");
	response_head(response, "Cache-Control", "no-store");
	response_text(response, text);
}

/* nginx serves it, or says that there is none. */
static void
serve_here(struct passage *p)
{
	struct draft *url = &p->worker->scratch;

	draft_begin(url, URL_MOST);
	draft_text(url, p->choice.redirect->local);
	encode_url(url, p->choice.file.path, p->choice.file.path_len);
	p->worker->response.status = 200;
	p->worker->response.broken |= draft_failed(url);
	response_line(&p->worker->response, "X-Accel-Redirect", draft_string(url), url->len);
	worker_add(p->worker, WORKER_home);
}

static void
send_away(struct passage *p)
{
	struct response *response = &p->worker->response;
	struct draft *url = &p->worker->scratch;
	size_t heads, used;

	draft_begin(url, URL_MOST);
	if (p->choice.end == CHOICE_MIRROR)
		urls_mirror(url, &p->choice, p->choice.mirrors[0].mirror);
	else
		urls_fallback(url, &p->choice);
	response->status = 302;
	response->broken |= draft_failed(url);
	response_line(response, "Location", draft_string(url), url->len);
	response_head(response, "Cache-Control", "private, no-store");
	heads = response->n_heads;
	used = response->text_used;
	if (used < HEADS_MOST)
		links_write(&p->choice, url, response);
	/* a proxy that finds too many octets refuses all; the place to go to is what counts */
	while (response->n_heads > heads && response->text_used > HEADS_MOST)
		response->text_used -=
		    strlen(response->heads[--response->n_heads].value) + 1;
	worker_add(p->worker, p->choice.end == CHOICE_MIRROR ? WORKER_redirects :
	    WORKER_fallbacks);
}

/* True if the answer is a document. */
static bool
write_document(struct passage *p)
{
	bool list = p->ask.document == DOCUMENT_MIRRORLIST;
	struct redirect_choice *c = &p->choice;
	enum choice_home home = stays(p);

	if (p->ask.document == DOCUMENT_NONE || (!c->file.known && !list) ||
	    (p->ask.negotiated && home != CHOICE_AWAY))
		return false;
	choose(p, 0);
	if (home != CHOICE_AWAY) {
		c->end = CHOICE_HOME;
		c->home = home;
	}
	p->ask.accept = p->request->accept;
	p->ask.now = p->request->now;
	if (!documents_write(&p->worker->desk, &p->ask, c, p->worker->catalogue,
	    &p->worker->response))
		return false;
	worker_add(p->worker, WORKER_documents);
	return true;
}

static void
write_redirect(struct passage *p)
{
	struct redirect_choice *c = &p->choice;
	size_t links = c->redirect->links;

	c->home = stays(p);
	c->end = CHOICE_HOME;
	if (c->home == CHOICE_AWAY)
		choose(p, links != 0 ? links : 1);
	if (c->end == CHOICE_HOME)
		serve_here(p);
	else
		send_away(p);
	trace_redirect(p->worker, c, p->request);
}

/* False, and the answer is made, for what is no request for a file. */
static bool
is_for_file(struct worker *w, const struct request *q)
{
	enum target_fault fault;

	if (strcmp(q->target, "/healthz") == 0) {
		plain(&w->response, 200, "ok\n");
		return false;
	}
	if (strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0) {
		plain(&w->response, 405, "GET and HEAD are answered here\n");
		response_head(&w->response, "Allow", "GET, HEAD");
		worker_add(w, WORKER_refused);
		return false;
	}
	fault = target_read(&w->target, q->target);
	if (fault == TARGET_FINE)
		return true;
	plain(&w->response, fault == TARGET_LONG ? 414 : 400, fault == TARGET_LONG ?
	    "the path or query is too long\n" : "this is no path of a file\n");
	worker_add(w, WORKER_refused);
	return false;
}

void
request_answer(struct worker *worker, const struct setup *setup, const struct request *request)
{
	struct passage p = { .worker = worker, .setup = setup, .request = request };

	response_clear(&worker->response);
	if (!is_for_file(worker, request))
		return;
	begin_passage(&p);
	if (request->alone != NULL && p.choice.one_file == NULL) {
		/* its block has gone: whoever comes here wants that file and no other */
		plain(&worker->response, 404, "the file of this address is gone\n");
		worker_add(worker, WORKER_refused);
		return;
	}
	find_file(&p);
	if (!write_document(&p))
		write_redirect(&p);
	if (worker->response.broken) {
		response_clear(&worker->response);
		plain(&worker->response, 500, "the answer could not be made\n");
		worker_add(worker, WORKER_failed);
	}
}
