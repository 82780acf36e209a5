/*
 * conf_log: the block `log` of nearcast.conf, put to use.
 *
 * Between the configuration and what knows none of it: spool.h and members.h.  What is wrong with
 * the folder goes to the log, from the spool's thread.  Any thread.
 */
#ifndef NEARCAST_CONF_LOG_H
#define NEARCAST_CONF_LOG_H

#include "common/conf/conf.h"
#include "common/members.h"
#include "common/spool.h"

/* The spool that the configuration asks for; `kind` as in spool.h.  NULL without a reason (text "")
 * where it asks for none, else NULL with a reason; neither is a reason to end. */
struct spool *conf_log_open(const struct conf *conf, const char *kind, struct err *err);

/* Adds a client's address to a line, all of it or its prefix, as the operator wants it. */
void conf_log_client(const struct conf *conf, struct members *m, const char *name,
    const struct addr *client);

#endif
