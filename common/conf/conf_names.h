/*
 * conf_names: names in nearcast.conf that refer to nothing.
 *
 * A site that was mistyped where it is defined is unknown wherever it is named: that is one
 * mistake, told at the first of these places.  None is told where the block of that name may well
 * be there, only not understood.  Knows sites and checks, which are what is referred to by name.
 * One reader's; any thread.
 */
#ifndef NEARCAST_CONF_NAMES_H
#define NEARCAST_CONF_NAMES_H

#include "common/conf/conf_reader.h"

enum { CONF_NAMES_MAX = 64 };		/* kept apart; more are told one by one */

enum conf_names_kind { CONF_NAMES_SITE, CONF_NAMES_CHECK };

struct conf_names {
	struct conf_names_one {
		enum conf_names_kind kind;
		char label[24];		/* of the option, or "-s" */
		char name[81];
		int line, last;		/* where it stands first, and last */
		size_t n;		/* how often */
	} v[CONF_NAMES_MAX];
	size_t n;
};

/* The index of the block of this name; -1 if there is none, which is kept. */
int conf_names_find(struct conf_reader *r, enum conf_names_kind kind, const char *label,
    const char *name, int line);

/* Tells what was kept, when all is read: r->conf, r->scan. */
void conf_names_tell(struct conf_reader *r);

#endif
