/*
 * kinds: the kinds of checks, a file each.
 *   check_http      HTTP and HTTPS, and the content checks, which go by HTTP (fetch.h)
 *   check_tcp       a connection that is accepted
 *   check_dns       a question, and the rcode and record expected
 *   check_command   an operator's program; exit status 0 is ok
 *
 * Each: prepare once, start many times, release.  A start ends with one probe_done, unless the
 * check is cancelled: then the kind says nothing.  Only started checks are cancelled.
 */
#ifndef NEARCAST_KINDS_H
#define NEARCAST_KINDS_H

#include "healthd/check/probe.h"

struct kind {
	int (*prepare)(struct probe *probe, struct err *err);	/* 0, or -1 with a reason */
	void (*release)(struct probe *probe);			/* probe->own may be NULL */
	void (*start)(struct probe *probe);
	void (*cancel)(struct probe *probe);
};

/* Fill and empty `fetcher` and `matches`.  0, or -1 with a reason and the need to close. */
int check_http_open(struct checks *checks, struct err *err);
void check_http_close(struct checks *checks);

int check_http_prepare(struct probe *probe, struct err *err);
void check_http_release(struct probe *probe);
void check_http_start(struct probe *probe);
void check_http_cancel(struct probe *probe);

int check_tcp_prepare(struct probe *probe, struct err *err);
void check_tcp_release(struct probe *probe);
void check_tcp_start(struct probe *probe);
void check_tcp_cancel(struct probe *probe);

/* Would prepare take question and answer of this check?  0, or -1 with a reason. */
int check_dns_test(const struct conf_check *check, struct err *err);
int check_dns_prepare(struct probe *probe, struct err *err);
void check_dns_release(struct probe *probe);
void check_dns_start(struct probe *probe);
void check_dns_cancel(struct probe *probe);

int check_command_prepare(struct probe *probe, struct err *err);
void check_command_release(struct probe *probe);
void check_command_start(struct probe *probe);
void check_command_cancel(struct probe *probe);

#endif
