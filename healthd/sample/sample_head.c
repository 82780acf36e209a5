#include "healthd/sample/sample_head.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "healthd/check/carrier.h"
#include "healthd/check/fetch_setup.h"
#include "healthd/check/resolve.h"
#include "healthd/sample/sample_range.h"

enum { HOPS = 4, HEADERS_MAX = 65536, HOST_MAX = 256, KEEP_S = 60 };

struct sample_heads {
	struct loop *loop;
	struct carrier *carrier;	/* owned */
};

struct sample_transfer {
	struct sample_head *head;
	CURL *easy;
	struct carrier_shard *shard;
	struct curl_slist *headers, *addresses;
	struct loop_timer timer, again;	/* its end; the next hop, not within libcurl's call */
	char base_host[HOST_MAX];
	char host[HOST_MAX], port[16];	/* what is asked now */
	char resolved[HOST_MAX];	/* the name that `names` asks for */
	struct resolve *names;
	char *url;			/* owned: what is asked now, or next */
	unsigned hops;
	size_t octets;			/* of headers */
	size_t body;			/* octets of it */
	bool by_get;			/* HEAD was refused: the first octet is asked for */
	int64_t total;			/* what Content-Range says is the length; -1 = nothing */
	bool carried, resolving;
	char error[CURL_ERROR_SIZE];
	struct sample_head_answer answer;
};

/* ---- the end ---- */

static void
head_over(struct sample_transfer *t, const char *fault)
{
	struct sample_head *head = t->head;

	if (t->carried)
		carrier_stop(t->shard, t->easy);
	t->carried = t->resolving = false;
	loop_timer_stop(head->heads->loop, &t->timer);
	loop_timer_stop(head->heads->loop, &t->again);
	if (fault != NULL) {
		t->answer.answered = false;
		snprintf(t->answer.fault, sizeof(t->answer.fault), "%s", fault);
	}
	head->busy = false;
	head->done(head, &t->answer);
}

static void
on_head_time(struct loop_timer *timer)
{
	struct sample_transfer *t = LOOP_OWNER(timer, struct sample_transfer, timer);
	char text[SAMPLE_WHY];

	snprintf(text, sizeof(text), t->resolving ? "no address of %.40s within %u ms" :
	    "%.0sno answer within %u ms", t->resolving ? t->host : "", t->head->timeout_ms);
	head_over(t, text);
}

/* ---- what is asked ---- */

/* Host and port of a URL; false = it is none, or not one of HTTP's. */
static bool
host_of(const char *url, char host[HOST_MAX], char port[16])
{
	CURLU *u = curl_url();
	char *h = NULL, *p = NULL, *scheme = NULL;
	bool good = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &h, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &p, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strlen(h) < HOST_MAX &&
	    (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);

	if (good) {
		snprintf(host, HOST_MAX, "%s", h);
		snprintf(port, 16, "%s", p);
	}
	curl_free(h);
	curl_free(p);
	curl_free(scheme);
	curl_url_cleanup(u);
	return good;
}

static bool
is_address(const char *host)
{
	struct in_addr v4;

	return host[0] == '[' || inet_pton(AF_INET, host, &v4) == 1;
}

static void
carry(struct sample_transfer *t)
{
	bool tls = strncasecmp(t->url, "https:", 6) == 0;
	bool fresh = !tls || t->head->fresh;

	t->octets = t->body = 0;
	t->total = -1;
	t->error[0] = '\0';
	curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
	/* an old connection may outlive its listener, which is what clients need */
	curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
	curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, tls ? 0L : 1L);
	t->carried = true;
	if (carrier_start(t->shard, t->easy))
		return;
	t->carried = false;
	head_over(t, "libcurl refuses the transfer");
}

/* Tells libcurl the addresses, when they are known. */
static bool
take_addresses(struct sample_transfer *t)
{
	const char *known = resolve_addresses(t->names);
	struct curl_slist *list;
	char text[1024];

	if (known == NULL)
		return false;
	snprintf(text, sizeof(text), "%.255s:%.15s:%.600s", t->host, t->port, known);
	if ((list = curl_slist_append(NULL, text)) == NULL)
		return false;
	curl_easy_setopt(t->easy, CURLOPT_RESOLVE, list);
	curl_slist_free_all(t->addresses);
	t->addresses = list;
	return true;
}

static void
on_names_heard(void *arg)
{
	struct sample_transfer *t = arg;
	char text[SAMPLE_WHY];

	if (!t->resolving)
		return;
	t->resolving = false;
	if (take_addresses(t)) {
		carry(t);
		return;
	}
	snprintf(text, sizeof(text), "%.40s: %.40s", t->host, resolve_fault(t->names));
	head_over(t, text);
}

static void
ask_url(struct sample_transfer *t)
{
	struct err err;

	if (!host_of(t->url, t->host, t->port)) {
		head_over(t, "a URL that is none of HTTP's");
		return;
	}
	if (is_address(t->host)) {
		carry(t);
		return;
	}
	if (t->names == NULL || strcasecmp(t->resolved, t->host) != 0) {
		resolve_close(t->names);
		snprintf(t->resolved, sizeof(t->resolved), "%s", t->host);
		t->names = resolve_open(t->head->heads->loop, t->host, on_names_heard, t, &err);
	}
	if (t->names == NULL)
		head_over(t, err.text);
	else if (take_addresses(t))
		carry(t);
	else
		t->resolving = true;
}

static void
on_next_hop(struct loop_timer *timer)
{
	ask_url(LOOP_OWNER(timer, struct sample_transfer, again));
}

void
sample_head_start(struct sample_head *head, const char *url)
{
	struct sample_transfer *t = head->own;
	uint64_t now = clock_mono().ms;

	head->busy = true;
	t->hops = 0;
	t->answer = (struct sample_head_answer){ .length = -1, .modified = -1 };
	free(t->url);
	t->url = strdup(url);
	loop_timer_set(head->heads->loop, &t->timer, now + head->timeout_ms);
	if (t->url == NULL)
		head_over(t, "out of memory");
	else
		ask_url(t);
}

/* ---- what comes back ---- */

static size_t
on_head_line(char *line, size_t one, size_t n, void *arg)
{
	struct sample_transfer *t = arg;

	sample_range_line(line, one * n, &t->total);
	t->octets += one * n;
	return t->octets <= HEADERS_MAX ? one * n : 0;
}

/* More than the octet that was asked for is not waited for. */
static size_t
on_head_body(char *octets, size_t one, size_t n, void *arg)
{
	struct sample_transfer *t = arg;

	(void)octets;
	t->body += one * n;
	return t->body <= 1 ? one * n : 0;
}

static void
read_answer(struct sample_transfer *t)
{
	struct sample_head_answer *a = &t->answer;
	curl_off_t length = -1, modified = -1;
	const char *type = NULL;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	curl_easy_getinfo(t->easy, CURLINFO_FILETIME_T, &modified);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	a->answered = true;
	a->length = length;
	a->modified = modified;
	snprintf(a->type, sizeof(a->type), "%s", type != NULL ? type : "");
	if (t->by_get)
		sample_range_answer(a, t->total);
}

static void
set_method(struct sample_transfer *t, bool by_get)
{
	t->by_get = by_get;
	curl_easy_setopt(t->easy, CURLOPT_NOBODY, by_get ? 0L : 1L);
	if (by_get)
		curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(t->easy, CURLOPT_RANGE, by_get ? "0-0" : NULL);
}

/* Is HEAD refused?  Then there is one more try, and if that is refused too, HEAD the next time. */
static bool
try_get(struct sample_transfer *t)
{
	bool refused = t->answer.status == 405 || t->answer.status == 501;
	bool again = refused && !t->by_get;

	if (refused)
		set_method(t, again);
	return again;
}

static void
ask_once_more(struct sample_transfer *t)
{
	carrier_stop(t->shard, t->easy);
	t->carried = false;
	loop_timer_set(t->head->heads->loop, &t->again, clock_mono().ms);
}

/* Where it is said to be instead, if we go there. */
static char *
next_url(struct sample_transfer *t)
{
	const char *url = NULL;
	char host[HOST_MAX], port[16];

	if (t->answer.status < 301 || t->answer.status > 308 || t->hops == HOPS ||
	    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &url) != CURLE_OK || url == NULL ||
	    !host_of(url, host, port) ||
	    (!t->head->follow && strcasecmp(host, t->base_host) != 0))
		return NULL;
	return strdup(url);
}

static void
on_head_end(CURL *easy, CURLcode code)
{
	struct sample_transfer *t = NULL;
	char *next;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
	if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && t->body > 1)) {
		head_over(t, t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
		return;
	}
	read_answer(t);
	if (try_get(t)) {
		ask_once_more(t);
		return;
	}
	next = next_url(t);
	if (next == NULL) {
		head_over(t, NULL);
		return;
	}
	free(t->url);
	t->url = next;
	t->hops++;
	ask_once_more(t);
}

/* ---- what is made once ---- */

static void
set_easy(struct sample_transfer *t)
{
	const struct sample_head *head = t->head;
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	set_method(t, false);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_head_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_FILETIME, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	fetch_setup_bounds(e);
	curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)KEEP_S);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head_line);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	if (head->ipv4 != head->ipv6)
		curl_easy_setopt(e, CURLOPT_IPRESOLVE,
		    (long)(head->ipv4 ? CURL_IPRESOLVE_V4 : CURL_IPRESOLVE_V6));
}

int
sample_head_prepare(struct sample_head *head, struct err *err)
{
	struct sample_transfer *t = calloc(1, sizeof(*t));
	char port[16];

	head->own = t;
	if (t == NULL)
		return err_set(err, "out of memory");
	t->head = head;
	t->timer.fire = on_head_time;
	t->again.fire = on_next_hop;
	t->easy = curl_easy_init();
	t->shard = carrier_join(head->heads->carrier);
	/* what is counted is the file's length, not that of a packed one */
	t->headers = curl_slist_append(NULL, "Accept-Encoding: identity");
	if (t->easy == NULL || t->shard == NULL || t->headers == NULL)
		return err_set(err, "out of memory");
	if (!host_of(head->base, t->base_host, port))
		return err_set(err, "%.200s: no URL of HTTP's", head->base);
	set_easy(t);
	return 0;
}

void
sample_head_free(struct sample_head *head)
{
	struct sample_transfer *t = head->own;

	if (t == NULL)
		return;
	if (t->carried)
		carrier_stop(t->shard, t->easy);
	loop_timer_stop(head->heads->loop, &t->timer);
	loop_timer_stop(head->heads->loop, &t->again);
	curl_easy_cleanup(t->easy);
	resolve_close(t->names);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->addresses);
	if (t->shard != NULL)
		carrier_leave(t->shard);
	free(t->url);
	free(t);
	head->own = NULL;
}

struct sample_heads *
sample_head_open(struct loop *loop, struct err *err)
{
	struct sample_heads *heads = calloc(1, sizeof(*heads));

	if (heads == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	heads->loop = loop;
	heads->carrier = carrier_open(loop, on_head_end, err);
	if (heads->carrier != NULL)
		return heads;
	free(heads);
	return NULL;
}

void
sample_head_close(struct sample_heads *heads)
{
	if (heads == NULL)
		return;
	carrier_close(heads->carrier);
	free(heads);
}
