/*
 * fetch_setup: what libcurl is told once of a fetch: URL, address, HTTP version, certificates,
 * credentials.
 *
 * Redirects are not followed, proxies and netrc not used.  Request headers, password and client
 * certificate are for the servers that are checked, not for an origin, which may be anybody's.
 * Knows no results and no loop.  One thread.
 */
#ifndef NEARCAST_FETCH_SETUP_H
#define NEARCAST_FETCH_SETUP_H

#include <curl/curl.h>
#include <stdbool.h>

#include "common/addr.h"
#include "common/conf/conf.h"

struct fetch_setup {
	/* given; all borrowed */
	CURL *easy;
	const struct conf_check *check;
	const char *url;
	struct addr addr;		/* family 0: the URL's host has to be resolved */
	bool head, origin;

	/* what comes out; owned */
	struct curl_slist *connect_to, *headers;
	char *host, *port;		/* to be resolved; NULL = not needed */
	char fault[128];		/* why nothing can be fetched, for want of a file; "" */
};

/* 0, or -1 when memory is out; fetch_setup_free either way. */
int fetch_setup(struct fetch_setup *setup);
void fetch_setup_free(struct fetch_setup *setup);

/* What holds for whatever healthd asks: HTTP alone, of nobody but whom it is told: no redirects,
 * proxies or netrc, and paths as they are. */
void fetch_setup_bounds(CURL *easy);

#endif
