/*
 * conf_doubts: what in nearcast.conf is odd but usable.
 *
 * Knows which settings contradict each other or will not do what whoever wrote them hopes for.
 * Refuses nothing, changes nothing, opens no file.  Any thread.
 */
#ifndef NEARCAST_CONF_DOUBTS_H
#define NEARCAST_CONF_DOUBTS_H

#include "common/conf/conf_reader.h"

/* Warns of each, with file and line.  The configuration has passed conf_checks_run. */
void conf_doubts_say(struct conf_reader *r);

#endif
