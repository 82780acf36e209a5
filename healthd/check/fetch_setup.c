#include "healthd/check/fetch_setup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Then a listener is asked again, however alive the old connection. */
enum { CONNECTION_LIFE_S = 300, USER_PASSWORD_MAX = 1024 };

static int
set_address(struct fetch_setup *s)
{
	struct addr bare = s->addr;
	char ip[ADDR_TEXT], port[8] = "", text[ADDR_TEXT + 24];

	bare.port = 0;
	if (s->addr.port != 0)
		snprintf(port, sizeof(port), "%u", s->addr.port);
	snprintf(text, sizeof(text), s->addr.family == 6 ? "::[%s]:%s" : "::%s:%s",
	    addr_text(&bare, ip), port);
	s->connect_to = curl_slist_append(NULL, text);
	if (s->connect_to == NULL)
		return -1;
	curl_easy_setopt(s->easy, CURLOPT_CONNECT_TO, s->connect_to);
	return 0;
}

/* Which name has to be resolved, if the URL's host is one. */
static int
find_host(struct fetch_setup *s)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL;
	struct in_addr v4;
	int result = -1;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, s->url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		bool name = host[0] != '[' && inet_pton(AF_INET, host, &v4) != 1;

		s->host = name ? strdup(host) : NULL;
		s->port = name ? strdup(port) : NULL;
		result = !name || (s->host != NULL && s->port != NULL) ? 0 : -1;
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return result;
}

static void
set_tls(const struct fetch_setup *s)
{
	const struct conf_check *c = s->check;

	curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYPEER, c->verify ? 1L : 0L);
	curl_easy_setopt(s->easy, CURLOPT_SSL_VERIFYHOST, c->verify ? 2L : 0L);
	if (c->ca_file != NULL)
		curl_easy_setopt(s->easy, CURLOPT_CAINFO, c->ca_file);
	if (s->origin || c->client_cert == NULL)
		return;
	curl_easy_setopt(s->easy, CURLOPT_SSLCERT, c->client_cert);
	curl_easy_setopt(s->easy, CURLOPT_SSLKEY,
	    c->client_key != NULL ? c->client_key : c->client_cert);
}

void
fetch_setup_bounds(CURL *e)
{
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "nearcast-healthd/" VERSION);
}

static void
set_http(const struct fetch_setup *s)
{
	bool tls = strncasecmp(s->url, "https:", 6) == 0;
	CURL *e = s->easy;

	curl_easy_setopt(e, CURLOPT_URL, s->url);
	curl_easy_setopt(e, CURLOPT_NOBODY, s->head ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, !s->check->http2 ? (long)CURL_HTTP_VERSION_1_1 :
	    tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	fetch_setup_bounds(e);
	curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_LIFE_S);
}

static int
set_request_headers(struct fetch_setup *s)
{
	char **header = s->check->request_headers;

	for (; header != NULL && *header != NULL; header++) {
		struct curl_slist *longer = curl_slist_append(s->headers, *header);

		if (longer == NULL)
			return -1;
		s->headers = longer;
	}
	if (s->headers != NULL)
		curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	return 0;
}

/* The first line of the file.  One that is not there blames no server, and stops no other
 * check: `fault` becomes the result of this one. */
static void
set_password(struct fetch_setup *s)
{
	const char *path = s->check->basic_auth_file;
	char line[USER_PASSWORD_MAX + 2];
	FILE *f = path != NULL ? fopen(path, "re") : NULL;

	if (path == NULL)
		return;
	if (f == NULL || fgets(line, sizeof(line), f) == NULL) {
		snprintf(s->fault, sizeof(s->fault), "basic-auth-file: %s",
		    f == NULL ? strerror(errno) : "empty");
	} else {
		line[strcspn(line, "\r\n")] = '\0';
		if (strchr(line, ':') == NULL || strlen(line) > USER_PASSWORD_MAX) {
			snprintf(s->fault, sizeof(s->fault),
			    "basic-auth-file: \"user:password\" was expected");
		} else {
			curl_easy_setopt(s->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
			curl_easy_setopt(s->easy, CURLOPT_USERPWD, line);
		}
	}
	explicit_bzero(line, sizeof(line));
	if (f != NULL)
		fclose(f);
}

int
fetch_setup(struct fetch_setup *s)
{
	set_http(s);
	set_tls(s);
	if (!s->origin) {
		set_password(s);
		if (set_request_headers(s) < 0)
			return -1;
	}
	return s->addr.family != 0 ? set_address(s) : find_host(s);
}

void
fetch_setup_free(struct fetch_setup *s)
{
	curl_slist_free_all(s->connect_to);
	curl_slist_free_all(s->headers);
	free(s->host);
	free(s->port);
}
