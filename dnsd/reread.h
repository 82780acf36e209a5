/*
 * reread: what was read once, could a reload read it again?
 *
 * A start may be root's, a reload is not.  What is asked of each file is conf_access.h's; here
 * are added the files that zones include, which the configuration does not name.
 */
#ifndef NEARCAST_REREAD_H
#define NEARCAST_REREAD_H

#include "common/conf/conf_access.h"
#include "dnsd/generation/inputs.h"

/* As `user` would find it, in a child (conf_access_say_as); NULL: as this process does.  How
 * many lines went to say->broken. */
unsigned reread_say(const struct inputs *inputs, const struct privilege_user *user,
    const struct conf_access_say *say);

#endif
