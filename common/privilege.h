/*
 * privilege: what a process may do, and giving it up for good.
 *
 * Linux capabilities (capabilities(7)) by libcap-ng; the only file that knows it.  Both
 * privilege_keep and privilege_drop set no_new_privs, empty the ambient set and, where the
 * process still may, the bounding set.  What cannot be given up is an error, never ignored.
 * The keeper is told apart from the prober, which shares its user, by its one capability: that
 * alone forbids the prober to trace it or to read its memory.
 *
 * Knows no configuration and logs nothing.  Start-up only, before any thread exists.
 */
#ifndef NEARCAST_PRIVILEGE_H
#define NEARCAST_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct privilege_user {
	const char *name;		/* borrowed; NULL = stay who we are */
	uid_t uid;
	gid_t gid;
};

/* Looks the user up; `name` may be NULL.  0, or -1 with a reason. */
int privilege_find(struct privilege_user *user, const char *name, struct err *err);

/* True if this process holds CAP_NET_ADMIN. */
bool privilege_net_admin(void);

/* For the keeper: becomes `user` with its groups (if root) and keeps CAP_NET_ADMIN
 * (if wanted) and nothing else.  0, or -1 with a reason. */
int privilege_keep(const struct privilege_user *user, bool net_admin, struct err *err);

/* For dnsd: becomes `user` without further groups (if root) and keeps CAP_NET_BIND_SERVICE, where
 * it is there, and nothing else: a reload may bring another address.  0, or -1 with a reason. */
int privilege_keep_bind(const struct privilege_user *user, struct err *err);

/* For the prober: becomes `user` without further groups (if root), no capability at all. */
int privilege_drop(const struct privilege_user *user, struct err *err);

/* Lets this process open `want` descriptors, or as many as it may: the hard limit is raised
 * too where that is allowed.  Returns how many it may open now, which can be more; 0 with errno
 * if the limit cannot be read or set. */
uint64_t privilege_files(uint64_t want);

/* Makes the folder and its parents where missing; as root, one that belongs to root and
 * holds no other folders is given to `user`.  0, or -1 with a reason. */
int privilege_folder(const char *path, const struct privilege_user *user, struct err *err);

#endif
