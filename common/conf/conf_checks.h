/*
 * conf_checks: what can be seen only when all of nearcast.conf is read.
 *
 * Knows what options mean for each other.  What is odd but usable is conf_doubts.h's.  Opens
 * here-file and no other.  Any thread.
 */
#ifndef NEARCAST_CONF_CHECKS_H
#define NEARCAST_CONF_CHECKS_H

#include "common/conf/conf_reader.h"

/* Fills in what follows from the rest (`here` of a single site, ttl-min, the index of servers
 * by name). */
void conf_checks_run(struct conf_reader *r);

#endif
