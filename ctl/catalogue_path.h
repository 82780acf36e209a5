/*
 * catalogue_path: where the catalogue is that a command works on, and how much it may lose.
 *
 * --catalogue FILE says so, else `redirect` of nearcast.conf; machines that make a catalogue need
 * not have the configuration of one that uses it.  Knows no database.  One thread.
 */
#ifndef NEARCAST_CATALOGUE_PATH_H
#define NEARCAST_CATALOGUE_PATH_H

#include "ctl/ctl.h"

/* For the life of the process; NULL after saying why on stderr. */
const char *catalogue_path(const struct ctl *ctl);

/* How many percent of its files an import may take from it: max-shrink, or its default where
 * there is no configuration. */
unsigned catalogue_path_shrink(const struct ctl *ctl);

#endif
