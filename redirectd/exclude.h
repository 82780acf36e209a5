/*
 * exclude: which requests stay at home by configuration, whoever has the file.
 *
 * By path (a regular expression), by the client's program, network, and by the file's MIME type.
 * Knows neither mirrors nor HTTP.  A struct exclude is one thread's, since its expression is.
 */
#ifndef NEARCAST_EXCLUDE_H
#define NEARCAST_EXCLUDE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/conf/conf.h"
#include "common/pattern.h"
#include "redirectd/choice.h"

struct exclude {
	const struct conf_redirect *redirect;	/* borrowed */
	struct pattern *path;		/* NULL = none */
};

/* -1 with a reason. */
int exclude_open(struct exclude *exclude, const struct conf_redirect *redirect, struct err *err);
void exclude_close(struct exclude *exclude);

/* Why it stays, CHOICE_AWAY = it does not.  An expression that is too expensive for a path
 * matches it: the file is then served from here.  `agent` may be NULL. */
enum choice_home exclude_why(const struct exclude *exclude, const struct choice_file *file,
    const struct addr *client, const char *agent, const char *type);

/* `*` is any octets, `?` one; letters in any case.  Takes time in proportion to both lengths. */
bool exclude_glob(const char *glob, const char *text);

#endif
