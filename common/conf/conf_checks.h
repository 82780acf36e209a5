/*
 * conf_checks: what can be seen only when all of nearcast.conf is read.
 *
 * Knows what options mean for each other, and what is odd but usable.  Opens no file.  Any
 * thread.
 */
#ifndef NEARCAST_CONF_CHECKS_H
#define NEARCAST_CONF_CHECKS_H

#include "common/conf/conf_reader.h"

/* Fills in what follows from the rest (`here` of a single site, the index of servers by name)
 * and warns.  0, or -1 with a message. */
int conf_checks_run(struct conf_reader *r);

#endif
