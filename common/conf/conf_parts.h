/*
 * conf_parts: what several blocks of nearcast.conf are made of.
 *
 * Lists are a pointer and a count, owned by the struct conf that holds them.  Knows addresses
 * and no block.  Any thread may read.
 */
#ifndef NEARCAST_CONF_PARTS_H
#define NEARCAST_CONF_PARTS_H

#include <stddef.h>

#include "common/addr.h"

struct conf_prefixes {
	struct prefix *v;
	size_t n;
};

/* A country or continent, upper case; "**" where every country is meant and may be. */
struct conf_code {
	char text[3];
};

#endif
