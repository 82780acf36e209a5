/*
 * conf_access: can the files that a configuration names be read, the programs be run?
 *
 * Daemons start as root and read all; a reload happens as the user they became, and the
 * programs are run as that user, too.  Asked is the kernel (faccessat(2) with the effective
 * ids), by the process itself or by a child that has become that user, so that groups, folders,
 * ACLs and mounts count as they will.  Reads no file.  Knows nothing of what is in them.
 */
#ifndef NEARCAST_CONF_ACCESS_H
#define NEARCAST_CONF_ACCESS_H

#include <stdbool.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/privilege.h"

/* Where lines go, each complete with file and line; NULL = nobody listens.  And what else is
 * read, but not named in the configuration. */
struct conf_access_say {
	const struct warn *unreadable;	/* there, and not to be read: a reload will fail */
	const struct warn *broken;	/* a program that cannot be run; credentials that are not
					 * there, or that everybody can read */
	const char *const *more;
	size_t n_more;
};

/* As the calling process.  How many lines went to `broken`. */
unsigned conf_access_say(const struct conf *conf, const char *user,
    const struct conf_access_say *say);

/* As `user` in a child, whose end is waited for; where this process cannot become another user,
 * as itself, and what is unreadable then is not said, for it says nothing.  Before any other
 * thread exists.  The same number; a child that failed is one more line. */
unsigned conf_access_say_as(const struct conf *conf, const struct privilege_user *user,
    const struct conf_access_say *say);

#endif
