#include "healthd/check/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "healthd/check/check_kinds.h"
#include "healthd/check/spawn.h"

enum { COMMANDS_AT_ONCE = 64, COMMANDS_WAITING = 2 * CONF_MAX_SERVERS };

static const struct check_kind kinds[] = {
	[CONF_CHECK_HTTP] = { check_http_prepare, check_http_release, check_http_start, check_http_cancel },
	[CONF_CHECK_CONTENT] = { check_http_prepare, check_http_release, check_http_start, check_http_cancel },
	[CONF_CHECK_TCP] = { check_tcp_prepare, check_tcp_release, check_tcp_start, check_tcp_cancel },
	[CONF_CHECK_DNS] = { check_dns_prepare, check_dns_release, check_dns_start, check_dns_cancel },
	[CONF_CHECK_COMMAND] = { check_command_prepare, check_command_release, check_command_start, check_command_cancel },
};

/* libcurl would find out with the first probe only: then nobody could be judged */
static int
test_ca_file(const struct conf_check *c, struct err *err)
{
	FILE *f = fopen(c->ca_file, "re");
	char line[256];
	bool found = false;

	if (f == NULL)
		return err_set(err, "check \"%s\": ca-file \"%s\": %s", c->name, c->ca_file, strerror(errno));
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, "-----BEGIN ") != NULL;
	fclose(f);
	return found ? 0 : err_set(err, "check \"%s\": ca-file \"%s\": certificates in PEM form were expected",
	    c->name, c->ca_file);
}

int
checks_test(const struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < conf->n_checks; i++) {
		const struct conf_check *c = &conf->checks[i];

		if ((c->kind == CONF_CHECK_DNS && check_dns_test(c, err) < 0) ||
		    (c->ca_file != NULL && test_ca_file(c, err) < 0))
			return err_prefix(err, "%s:%d", conf->path, c->line);
	}
	return 0;
}

int
checks_open(struct checks *c, struct loop *loop, const struct conf *conf, struct err *err)
{
	memset(c, 0, sizeof(*c));
	c->loop = loop;
	c->conf = conf;
	c->http = check_http_open(c, err);
	if (c->http == NULL)
		return -1;
	c->commands = spawn_open(loop, COMMANDS_AT_ONCE, COMMANDS_WAITING);
	if (c->commands == NULL)
		return err_set(err, "out of memory");
	return 0;
}

void
checks_close(struct checks *c)
{
	spawn_close(c->commands, true);
	check_http_close(c->http);
	memset(c, 0, sizeof(*c));
}

int
check_prepare(struct probe *p, struct err *err)
{
	return kinds[p->check->kind].prepare(p, err);
}

void
check_release(struct probe *p)
{
	if (p->busy)
		check_cancel(p);
	kinds[p->check->kind].release(p);
	p->own = NULL;
}

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void
check_began(struct probe *p)
{
	p->started_us = now_us();
	p->started_ms = p->started_us / 1000;
}

void
check_start(struct probe *p)
{
	p->busy = true;
	p->void_timeout = false;
	check_began(p);
	kinds[p->check->kind].start(p);
}

void
check_cancel(struct probe *p)
{
	if (!p->busy)
		return;
	kinds[p->check->kind].cancel(p);
	p->busy = false;
}

void
check_done(struct probe *p, const struct result *result)
{
	p->busy = false;
	p->done(p, result);
}

struct result
check_result(const struct probe *p, enum reason reason)
{
	struct result r = { .reason = reason, .load = -1 };
	uint64_t took = now_us() - p->started_us;

	r.latency_us = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
	return r;
}

struct result
check_result_errno(const struct probe *p, int error)
{
	enum reason reason = REASON_CONNECT;
	struct result r;

	if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
	    error == EADDRNOTAVAIL || error == EAGAIN)
		reason = REASON_INTERNAL;
	else if (error == ECONNRESET || error == EPIPE)
		reason = REASON_CUT;
	else if (error == ETIMEDOUT)
		reason = REASON_TIMEOUT;
	r = check_result(p, reason);
	snprintf(r.detail, sizeof(r.detail), "%s", strerror(error));
	return r;
}
