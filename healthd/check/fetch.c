#include "healthd/check/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "healthd/check/carrier.h"
#include "healthd/check/fetch_setup.h"
#include "healthd/check/resolve.h"
#include "healthd/check/running.h"

struct fetcher {
	struct loop *loop;
	struct carrier *carrier;	/* owned */
};

/* What is libcurl's in a fetch. */
struct transfer {
	struct fetch *fetch;
	CURL *easy;
	struct fetch_setup setup;
	struct carrier_shard *shard;
	struct resolve *host;		/* NULL = an address is known */
	struct curl_slist *addresses;	/* the host's, as libcurl was told last */
	char error[CURL_ERROR_SIZE];
	struct http_answer answer;	/* the one being read */
	EVP_MD_CTX *digest;
	struct loop_timer timer;
	uint64_t started_us;		/* monotonic */
	uint32_t unread_ms;		/* that the last octets waited for us */
	bool tls;
	bool certified;			/* as in the result */
	int certificate_days;
	bool carried;			/* by the carrier, now */
	bool resolving;			/* waits for the host's first address */
	bool again;			/* this is the second try */
};

static uint64_t
mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* --- connections --- */

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

/* A connection for one check is reset: thousands leave no TIME-WAIT behind.  `once` is not
 * NULL for those. */
static int
on_close_socket(void *once, curl_socket_t fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (once != NULL)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return close(fd);
}

/* Cleartext HTTP/2 is never used twice: libcurl 7.88 fails on it then. */
static void
choose_connection(struct transfer *t)
{
	const struct fetch *f = t->fetch;
	bool once = f->fresh || t->again || !f->check->keepalive ||
	    (f->check->http2 && !t->tls);

	curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, once ? 1L : 0L);
	curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, once ? 1L : 0L);
	curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, once ? t : NULL);
}

/* --- what a server sends --- */

/* How long have these octets been here?  The kernel knows, in its own ticks. */
static void
note_arrival(struct transfer *t)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct tcp_info info;
	socklen_t len = sizeof(info);

	t->unread_ms = 0;
	if (curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
	    fd != CURL_SOCKET_BAD && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		t->unread_ms = info.tcpi_last_data_recv;
}

static void
note_end(struct transfer *t, X509 *certificate)
{
	int days, seconds;

	if (certificate == NULL ||
	    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
		return;
	if (!t->certified || days < t->certificate_days)
		t->certificate_days = days;
	t->certified = true;
}

/* On a new connection: when does the first certificate end that the server has sent? */
static void
note_certificates(struct transfer *t)
{
	struct curl_tlssessioninfo *tls = NULL;
	STACK_OF(X509) *chain;
	long opened = 0;

	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &opened);
	if (opened == 0 ||
	    curl_easy_getinfo(t->easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || tls == NULL ||
	    tls->backend != CURLSSLBACKEND_OPENSSL || tls->internals == NULL)
		return;
	chain = SSL_get_peer_cert_chain(tls->internals);
	for (int i = 0; chain != NULL && i < sk_X509_num(chain); i++)
		note_end(t, sk_X509_value(chain, i));
}

static size_t
on_header(char *line, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	running_note(t->fetch->check, &t->fetch->addr);
	if (one * n <= 2) {		/* the empty line, their last */
		note_arrival(t);
		if (t->tls && t->fetch->check->certificate_days != 0)
			note_certificates(t);
	}
	return http_answer_header(&t->answer, line, one * n) ? one * n : 0;
}

static size_t
on_body(char *data, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = one * n;

	running_note(t->fetch->check, &t->fetch->addr);
	if (!t->fetch->digest) {
		note_arrival(t);
		return http_answer_body(&t->answer, data, len) ? len : 0;
	}
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
	case CURLE_SSL_CERTPROBLEM:	/* our own one */
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
	else
		snprintf(r->detail, sizeof(r->detail), "%.79s",
		    t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
}

static void
end_transfer(struct transfer *t)
{
	loop_timer_stop(t->fetch->fetcher->loop, &t->timer);
	if (t->carried)
		carrier_stop(t->shard, t->easy);
	t->carried = t->resolving = false;
	t->fetch->busy = false;
	http_answer_shrink(&t->answer);
}

/* The one way a fetch ends: every result gets its time and load here. */
static void
finish(struct transfer *t, struct result *r)
{
	uint64_t took = mono_us() - t->started_us, unread = (uint64_t)t->unread_ms * 1000;

	took = took > unread ? took - unread : 0;
	r->latency_us = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	if (result_ok(r) && took > (uint64_t)t->fetch->timeout_ms * 1000) {
		r->reason = REASON_TIMEOUT;
		snprintf(r->detail, sizeof(r->detail), "the answer took %u ms", (unsigned)
		    (r->latency_us / 1000));
	}
	r->load = http_answer_load(&t->answer, r->latency_us);
	r->certified = t->certified;
	r->certificate_days = t->certificate_days;
	end_transfer(t);
	if (t->digest != NULL)
		EVP_DigestFinal_ex(t->digest, t->fetch->sha256, NULL);
	t->fetch->done(t->fetch, r);
}

static void
on_time_over(struct loop_timer *timer)
{
	struct transfer *t = LOOP_OWNER(timer, struct transfer, timer);
	struct result r = { .reason = REASON_TIMEOUT };

	t->unread_ms = 0;
	snprintf(r.detail, sizeof(r.detail), t->resolving ? "no address of %.40s within %u ms" :
	    "%.0sno whole answer within %u ms", t->resolving ? t->setup.host : "",
	    t->fetch->timeout_ms);
	finish(t, &r);
}

static void
launch_transfer(struct transfer *t)
{
	struct result r = { .reason = REASON_INTERNAL, .detail = "out of memory" };

	http_answer_reset(&t->answer);
	t->error[0] = '\0';
	t->unread_ms = 0;
	t->fetch->size = 0;
	if (t->digest != NULL)
		EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL);
	choose_connection(t);
	t->carried = true;
	if (!carrier_start(t->shard, t->easy)) {
		t->carried = false;
		finish(t, &r);
	}
}

/* On a connection that was used before, what an earlier answer left behind reads as nonsense,
 * and a peer may have closed it meanwhile. */
static bool
worth_another_try(const struct transfer *t, enum reason reason)
{
	long opened = 1;

	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &opened);
	return opened == 0 && !t->again && t->answer.stop == REASON_NONE &&
	    (reason == REASON_CUT || reason == REASON_PROTOCOL || reason == REASON_TLS);
}

static void
on_transfer_end(CURL *easy, CURLcode code)
{
	struct transfer *t = NULL;
	struct result r = { .reason = REASON_OK };
	long http_code = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
	running_note(t->fetch->check, &t->fetch->addr);
	if (code == CURLE_OK) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_code);
		http_answer_judge(&t->answer, http_code, &r);
	} else {
		result_of_failure(t, code, &r);
	}
	if (worth_another_try(t, r.reason)) {
		carrier_stop(t->shard, t->easy);
		t->again = true;
		launch_transfer(t);
		return;
	}
	finish(t, &r);
}

/* --- hosts that have to be resolved --- */

/* Tells libcurl, which takes the port along, when addresses are known. */
static bool
set_addresses(struct transfer *t)
{
	const char *known = resolve_addresses(t->host);
	struct curl_slist *list;
	char text[1024];

	if (known == NULL)
		return false;
	snprintf(text, sizeof(text), "%.255s:%.8s:%.600s", t->setup.host, t->setup.port, known);
	if (t->addresses != NULL && strcmp(t->addresses->data, text) == 0)
		return true;
	list = curl_slist_append(NULL, text);
	if (list == NULL)
		return t->addresses != NULL;
	curl_easy_setopt(t->easy, CURLOPT_RESOLVE, list);
	curl_slist_free_all(t->addresses);
	t->addresses = list;
	return true;
}

static void
on_heard(void *arg)
{
	struct transfer *t = arg;
	struct result r = { .reason = REASON_CONNECT };

	if (!t->resolving)
		return;
	t->resolving = false;
	if (set_addresses(t)) {
		launch_transfer(t);
		return;
	}
	snprintf(r.detail, sizeof(r.detail), "%.40s: %.36s", t->setup.host,
	    resolve_fault(t->host));
	finish(t, &r);
}

/* --- what libcurl is told once --- */

static void
set_callbacks(struct transfer *t)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	if (!t->fetch->digest)
		curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 4096L);
}

/* --- as the others see it --- */

static void
forget_transfer(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	resolve_close(t->host);
	curl_slist_free_all(t->addresses);
	fetch_setup_free(&t->setup);
	if (t->shard != NULL)
		carrier_leave(t->shard);
	EVP_MD_CTX_free(t->digest);
	http_answer_free(&t->answer);
	free(t);
}

static int
prepare_transfer(struct transfer *t, struct err *err)
{
	struct fetch *f = t->fetch;

	t->timer.fire = on_time_over;
	t->tls = strncasecmp(f->url, "https:", 6) == 0;
	t->easy = curl_easy_init();
	t->shard = carrier_join(f->fetcher->carrier);
	if (f->digest)
		t->digest = EVP_MD_CTX_new();
	if (t->easy == NULL || t->shard == NULL || (f->digest && t->digest == NULL))
		return err_set(err, "out of memory");
	http_answer_init(&t->answer, f->check, f->match, f->set);
	t->setup = (struct fetch_setup){ .easy = t->easy, .check = f->check, .url = f->url,
	    .addr = f->addr, .head = !f->digest && !f->get && !t->answer.want_body,
	    .origin = f->origin };
	if (fetch_setup(&t->setup) < 0)
		return err_set(err, "out of memory");
	set_callbacks(t);
	if (t->setup.host == NULL)
		return 0;
	t->host = resolve_open(f->fetcher->loop, t->setup.host, on_heard, t, err);
	return t->host != NULL ? 0 : -1;
}

int
fetch_prepare(struct fetch *f, struct err *err)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_set(err, "out of memory");
	t->fetch = f;
	if (prepare_transfer(t, err) < 0) {
		forget_transfer(t);
		return -1;
	}
	f->own = t;
	return 0;
}

void
fetch_start(struct fetch *f)
{
	struct result r = { .reason = REASON_INTERNAL };
	struct transfer *t = f->own;

	assert(!f->busy);
	f->busy = true;
	t->again = t->certified = false;
	t->started_us = mono_us();
	t->unread_ms = 0;
	http_answer_reset(&t->answer);
	loop_timer_set(f->fetcher->loop, &t->timer, t->started_us / 1000 + f->timeout_ms);
	if (t->setup.fault[0] != '\0') {
		snprintf(r.detail, sizeof(r.detail), "%.79s", t->setup.fault);
		finish(t, &r);
	} else if (t->host == NULL || set_addresses(t)) {
		launch_transfer(t);
	} else {
		t->resolving = true;
	}
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
fetch_open(struct loop *loop, struct err *err)
{
	struct fetcher *fr = calloc(1, sizeof(*fr));

	if (fr == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	fr->loop = loop;
	fr->carrier = carrier_open(loop, on_transfer_end, err);
	if (fr->carrier != NULL)
		return fr;
	free(fr);
	return NULL;
}

void
fetch_close(struct fetcher *fr)
{
	if (fr == NULL)
		return;
	carrier_close(fr->carrier);
	free(fr);
}
