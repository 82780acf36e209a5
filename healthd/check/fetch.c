#include "healthd/check/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "healthd/check/running.h"

/* Then a listener is asked again, however alive the old connection. */
enum { CONNECTION_LIFE_S = 300 };

struct sock {
	struct loop_io io;
	struct fetcher *fetcher;
};

struct fetcher {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer timer;
	struct sock **socks;		/* by descriptor; kept for the next use of its number */
	size_t n_socks;
};

/* What is libcurl's in a fetch. */
struct transfer {
	struct fetch *fetch;
	CURL *easy;
	struct curl_slist *connect_to;
	char error[CURL_ERROR_SIZE];
	struct http_answer answer;	/* the one being read */
	EVP_MD_CTX *digest;
};

/* --- libcurl's descriptors and timer on our loop --- */

static void read_finished(struct fetcher *fr);

static void
on_socket_ready(struct loop_io *io, uint32_t events)
{
	struct sock *s = LOOP_OWNER(io, struct sock, io);
	int flags = (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP) ? CURL_CSELECT_IN : 0) |
	    (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) | (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
	struct fetcher *fr = s->fetcher;
	int running;

	curl_multi_socket_action(fr->multi, io->fd, flags, &running);
	read_finished(fr);
}

static struct sock *
sock_of(struct fetcher *fr, curl_socket_t fd)
{
	if (fd < 0)
		return NULL;
	if ((size_t)fd >= fr->n_socks) {
		size_t n = (size_t)fd * 2 + 64;
		struct sock **grown = realloc(fr->socks, n * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		memset(grown + fr->n_socks, 0, (n - fr->n_socks) * sizeof(*grown));
		fr->socks = grown;
		fr->n_socks = n;
	}
	if (fr->socks[fd] == NULL) {
		struct sock *s = calloc(1, sizeof(*s));

		if (s == NULL)
			return NULL;
		s->fetcher = fr;
		s->io.fd = fd;
		s->io.ready = on_socket_ready;
		fr->socks[fd] = s;
	}
	return fr->socks[fd];
}

static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct fetcher *fr = arg;
	struct sock *s = sock_of(fr, fd);

	(void)easy;
	(void)mine;
	if (s == NULL)
		return -1;
	if (what == CURL_POLL_REMOVE)
		loop_io_set(fr->loop, &s->io, 0);
	else
		loop_io_set(fr->loop, &s->io,
		    (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ?
		    (uint32_t)EPOLLOUT : 0));
	return 0;
}

static int
on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct fetcher *fr = arg;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_stop(fr->loop, &fr->timer);
	else
		loop_timer_set(fr->loop, &fr->timer, clock_mono().ms + (uint64_t)timeout_ms);
	return 0;
}

static void
on_curl_time(struct loop_timer *timer)
{
	struct fetcher *fr = LOOP_OWNER(timer, struct fetcher, timer);
	int running;

	curl_multi_socket_action(fr->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	read_finished(fr);
}

static curl_socket_t
on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct transfer *t = arg;
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

	(void)purpose;
	if (fd < 0)
		http_answer_stop(&t->answer, REASON_INTERNAL, strerror(errno));
	return fd;
}

/* --- what a server sends --- */

static size_t
on_header(char *line, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	running_note(t->fetch->check, &t->fetch->addr);
	return http_answer_header(&t->answer, line, one * n) ? one * n : 0;
}

static size_t
on_body(char *data, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = one * n;

	running_note(t->fetch->check, &t->fetch->addr);
	if (!t->fetch->digest)
		return http_answer_body(&t->answer, data, len) ? len : 0;
	t->fetch->size += len;
	if (t->fetch->size > t->fetch->limit) {
		http_answer_stop(&t->answer, REASON_SIZE, "larger than expected");
		return 0;
	}
	EVP_DigestUpdate(t->digest, data, len);
	return len;
}

/* --- how it ended --- */

static enum reason
reason_of_curl(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return REASON_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return REASON_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return REASON_TLS;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
		return REASON_CUT;
	case CURLE_FAILED_INIT:
	case CURLE_OUT_OF_MEMORY:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ENGINE_INITFAILED:
		return REASON_INTERNAL;
	default:
		return REASON_PROTOCOL;
	}
}

static void
result_of_failure(struct transfer *t, CURLcode code, struct result *r)
{
	long error = 0, asked = 0;

	if (t->answer.stop != REASON_NONE) {
		r->reason = t->answer.stop;
		snprintf(r->detail, sizeof(r->detail), "%s", t->answer.stop_text);
		return;
	}
	r->reason = reason_of_curl(code);
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &asked);
	if (code == CURLE_OUT_OF_MEMORY && asked > 0) {
		/* libcurl's word for an answer beyond its own limits, too: never an excuse */
		r->reason = REASON_SIZE;
		snprintf(r->detail, sizeof(r->detail), "more than libcurl takes in one header");
		return;
	}
	if (r->reason == REASON_CONNECT && error != 0)
		snprintf(r->detail, sizeof(r->detail), "%s", strerror((int)error));
	else if (r->reason == REASON_TIMEOUT)
		snprintf(r->detail, sizeof(r->detail), "no whole answer within %u ms",
		    t->fetch->timeout_ms);
	else
		snprintf(r->detail, sizeof(r->detail), "%.79s",
		    t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
}

static void
end_transfer(struct transfer *t)
{
	curl_multi_remove_handle(t->fetch->fetcher->multi, t->easy);
	t->fetch->busy = false;
	http_answer_shrink(&t->answer);
}

static void
finished(struct transfer *t, CURLcode code)
{
	struct result r = { .reason = REASON_OK, .load = -1 };
	curl_off_t total_us = 0;
	long http_code = 0;

	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &total_us);
	r.latency_us = total_us > UINT32_MAX ? UINT32_MAX : (uint32_t)total_us;
	if (code != CURLE_OK) {
		result_of_failure(t, code, &r);
	} else {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_code);
		http_answer_judge(&t->answer, http_code, &r);
	}
	r.load = http_answer_load(&t->answer, r.latency_us);
	end_transfer(t);
	if (t->digest != NULL)
		EVP_DigestFinal_ex(t->digest, t->fetch->sha256, NULL);
	t->fetch->done(t->fetch, &r);
}

static void
read_finished(struct fetcher *fr)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(fr->multi, &left)) != NULL) {
		struct transfer *t = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		finished(t, msg->data.result);
	}
}

/* --- what libcurl is told once --- */

static struct curl_slist *
address_entry(const struct addr *a)
{
	struct addr bare = *a;
	char ip[ADDR_TEXT], port[8] = "", text[ADDR_TEXT + 24];

	bare.port = 0;
	if (a->port != 0)
		snprintf(port, sizeof(port), "%u", a->port);
	snprintf(text, sizeof(text), a->family == 6 ? "::[%s]:%s" : "::%s:%s", addr_text(&bare, ip),
	    port);
	return curl_slist_append(NULL, text);
}

static void
set_tls(CURL *e, const struct conf_check *c)
{
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L);
	if (c->ca_file != NULL)
		curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
}

static void
set_http(CURL *e, const struct conf_check *c, const char *url, bool head)
{
	bool tls = strncasecmp(url, "https:", 6) == 0;

	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_NOBODY, head ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, !c->http2 ? (long)CURL_HTTP_VERSION_1_1 :
	    tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "nearcast-healthd/" VERSION);
	if (!c->keepalive) {
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	}
	curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
}

static void
set_callbacks(struct transfer *t)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)t->fetch->timeout_ms);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)t->fetch->timeout_ms);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
	if (t->connect_to != NULL)
		curl_easy_setopt(e, CURLOPT_CONNECT_TO, t->connect_to);
	if (!t->fetch->digest)
		curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 4096L);
}

/* --- as the others see it --- */

static void
forget_transfer(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->connect_to);
	EVP_MD_CTX_free(t->digest);
	http_answer_free(&t->answer);
	free(t);
}

int
fetch_prepare(struct fetch *f, struct err *err)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_set(err, "out of memory");
	t->fetch = f;
	t->easy = curl_easy_init();
	if (f->addr.family != 0)
		t->connect_to = address_entry(&f->addr);
	if (f->digest)
		t->digest = EVP_MD_CTX_new();
	if (t->easy == NULL || (f->addr.family != 0 && t->connect_to == NULL) ||
	    (f->digest && t->digest == NULL)) {
		forget_transfer(t);
		return err_set(err, "out of memory");
	}
	http_answer_init(&t->answer, f->check, f->match, f->set);
	set_http(t->easy, f->check, f->url, !f->digest && !f->get && !t->answer.want_body);
	set_tls(t->easy, f->check);
	set_callbacks(t);
	f->own = t;
	return 0;
}

void
fetch_start(struct fetch *f)
{
	struct result r = { .reason = REASON_INTERNAL, .load = -1, .detail = "out of memory" };
	struct transfer *t = f->own;

	assert(!f->busy);
	http_answer_reset(&t->answer);
	t->error[0] = '\0';
	f->size = 0;
	if (t->digest != NULL)
		EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL);
	f->busy = curl_multi_add_handle(f->fetcher->multi, t->easy) == CURLM_OK;
	if (!f->busy)
		f->done(f, &r);
}

void
fetch_cancel(struct fetch *f)
{
	if (f->busy)
		end_transfer(f->own);
}

void
fetch_release(struct fetch *f)
{
	if (f->own == NULL)
		return;
	fetch_cancel(f);
	forget_transfer(f->own);
	f->own = NULL;
}

struct fetcher *
fetch_open(struct loop *loop, size_t connections, struct err *err)
{
	struct fetcher *fr = calloc(1, sizeof(*fr));

	if (fr == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	fr->loop = loop;
	fr->timer.fire = on_curl_time;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (fr->multi = curl_multi_init()) == NULL) {
		err_set(err, "libcurl cannot be started");
		fetch_close(fr);
		return NULL;
	}
	curl_multi_setopt(fr->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(fr->multi, CURLMOPT_SOCKETDATA, fr);
	curl_multi_setopt(fr->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(fr->multi, CURLMOPT_TIMERDATA, fr);
	curl_multi_setopt(fr->multi, CURLMOPT_MAXCONNECTS, (long)connections);
	return fr;
}

void
fetch_close(struct fetcher *fr)
{
	if (fr == NULL)
		return;
	if (fr->multi != NULL)
		curl_multi_cleanup(fr->multi);
	loop_timer_stop(fr->loop, &fr->timer);
	for (size_t i = 0; i < fr->n_socks; i++)
		free(fr->socks[i]);
	free(fr->socks);
	free(fr);
}
