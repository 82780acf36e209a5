#include "healthd/check/checks.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "healthd/check/kinds.h"
#include "healthd/check/running.h"
#include "healthd/check/spawn.h"

enum { COMMANDS_AT_ONCE = 64, COMMANDS_WAITING = 2 * CONF_MAX_SERVERS };

#define KIND(name) { name##_prepare, name##_release, name##_start, name##_cancel }

static const struct kind kinds[] = {
	[CONF_CHECK_HTTP] = KIND(check_http),
	[CONF_CHECK_CONTENT] = KIND(check_http),
	[CONF_CHECK_TCP] = KIND(check_tcp),
	[CONF_CHECK_DNS] = KIND(check_dns),
	[CONF_CHECK_COMMAND] = KIND(check_command),
};

/* libcurl would find out with the first probe only, and then nobody could be judged. */
static int
test_pem(const struct conf *conf, const char *option, const char *path, int line_of,
    const char *what, struct err *err)
{
	FILE *f = path != NULL ? fopen(path, "re") : NULL;
	char line[256], where[CONF_WHERE];
	bool found = false;

	if (path == NULL)
		return 0;
	if (f == NULL)
		return err_set(err, "%s: %s \"%s\": %s", conf_where(conf, line_of, where),
		    option, path, strerror(errno));
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, "-----BEGIN ") != NULL;
	fclose(f);
	if (found)
		return 0;
	return err_set(err, "%s: %s \"%s\": %s in PEM form %s expected",
	    conf_where(conf, line_of, where), option, path, what,
	    what[0] == 'c' ? "were" : "was");
}

int
checks_test(const struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < conf->n_checks; i++) {
		const struct conf_check *c = &conf->checks[i];
		char where[CONF_WHERE];

		if (c->kind == CONF_CHECK_DNS && check_dns_test(c, err) < 0)
			return err_prefix(err, "%s", conf_where(conf, c->line, where));
		if (test_pem(conf, "ca-file", c->ca_file, c->ca_line, "certificates", err) < 0 ||
		    test_pem(conf, "client-cert", c->client_cert, c->cert_line, "certificates",
		    err) < 0 ||
		    test_pem(conf, "client-key", c->client_key, c->key_line, "a key", err) < 0)
			return -1;
	}
	return 0;
}

int
checks_open(struct checks *c, struct loop *loop, const struct conf *conf, struct err *err)
{
	memset(c, 0, sizeof(*c));
	c->loop = loop;
	c->conf = conf;
	if (check_http_open(c, err) < 0)
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
	check_http_close(c);
	memset(c, 0, sizeof(*c));
}

int
checks_prepare(struct probe *p, struct err *err)
{
	return kinds[p->check->kind].prepare(p, err);
}

void
checks_release(struct probe *p)
{
	if (p->busy)
		kinds[p->check->kind].cancel(p);
	p->busy = false;
	kinds[p->check->kind].release(p);
	p->own = NULL;
}

void
checks_start(struct probe *p)
{
	assert(!p->busy && p->own != NULL);
	p->busy = true;
	p->void_timeout = false;
	probe_began(p);
	running_note(p->check, &p->addr);
	kinds[p->check->kind].start(p);
}
