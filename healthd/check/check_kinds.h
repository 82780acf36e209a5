/*
 * check_kinds: the kinds of checks, one .c each, as check.c calls them.
 *
 *   check_http      libcurl: HTTP(S), and the set id of `content`.  The only file that
 *                   knows libcurl (origin and digests go through it as well)
 *   check_tcp       a connection that is accepted
 *   check_dns       a question, and the rcode and record expected
 *   check_command   an operator's program; exit status 0 is ok
 *
 * Each: prepare once, start and cancel many times, release.  See check.h.
 */
#ifndef NEARCAST_CHECK_KINDS_H
#define NEARCAST_CHECK_KINDS_H

#include "healthd/check/check.h"

struct check_kind {
	int (*prepare)(struct probe *probe, struct err *err);
	void (*release)(struct probe *probe);
	void (*start)(struct probe *probe);
	void (*cancel)(struct probe *probe);
};

int check_http_prepare(struct probe *probe, struct err *err);
void check_http_release(struct probe *probe);
void check_http_start(struct probe *probe);
void check_http_cancel(struct probe *probe);

int check_tcp_prepare(struct probe *probe, struct err *err);
void check_tcp_release(struct probe *probe);
void check_tcp_start(struct probe *probe);
void check_tcp_cancel(struct probe *probe);

int check_dns_prepare(struct probe *probe, struct err *err);
int check_dns_test(const struct conf_check *check, struct err *err);
void check_dns_release(struct probe *probe);
void check_dns_start(struct probe *probe);
void check_dns_cancel(struct probe *probe);

int check_command_prepare(struct probe *probe, struct err *err);
void check_command_release(struct probe *probe);
void check_command_start(struct probe *probe);
void check_command_cancel(struct probe *probe);

/* The multi handle.  NULL with a reason. */
struct check_http *check_http_open(struct checks *checks, struct err *err);
void check_http_close(struct check_http *http);

/* A fetch that is no probe of a target: the origin's set id, an object's digest. */
struct fetch {
	struct checks *checks;
	const struct conf_check *check;	/* certificates, HTTP version, set header */
	const char *url;		/* borrowed */
	struct addr addr;		/* family 0: where the URL's host resolves to */
	uint32_t timeout_ms;
	bool digest;			/* GET, SHA-256 and size; else the set id */
	bool busy;
	void *own;
	/* reason OK: set is the id, or sha256 and size are those of the object */
	void (*done)(struct fetch *fetch, const struct result *result);
	uint8_t sha256[32];
	uint64_t size;			/* octets read; a digest fetch stops past `limit` */
	uint64_t limit;
};

int fetch_prepare(struct fetch *fetch, struct err *err);
void fetch_start(struct fetch *fetch);
void fetch_release(struct fetch *fetch);

#endif
