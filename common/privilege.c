#include "common/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int
privilege_find(struct privilege_user *user, const char *name, struct err *err)
{
	const struct passwd *pw;

	*user = (struct privilege_user){ .name = name };
	if (name == NULL)
		return 0;
	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL)
		return err_set(err, "user \"%s\": %s", name,
		    errno != 0 ? strerror(errno) : "there is no such user");
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
	return 0;
}

enum { NOTHING = -1 };			/* no capability */

static bool
has(int capability)
{
	return capng_get_caps_process() == 0 &&
	    capng_have_capability(CAPNG_PERMITTED, (unsigned)capability) == 1;
}

bool
privilege_net_admin(void)
{
	return has(CAP_NET_ADMIN);
}

static int
become(const struct privilege_user *user, bool groups, struct err *err)
{
	/* who is that user already may have no capability left to become it again */
	if (geteuid() != 0 || user->name == NULL || user->uid == 0)
		return 0;
	if ((groups ? initgroups(user->name, user->gid) : setgroups(1, &user->gid)) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return err_set(err, "cannot become user \"%s\": %s", user->name, strerror(errno));
	return 0;
}

/* True if nothing is left but what is kept. */
static bool
is_shed(int kept)
{
	if (capng_get_caps_process() != 0)
		return false;
	if (kept != NOTHING)
		capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned)kept);
	return capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE &&
	    capng_have_permitted_capabilities() == CAPNG_NONE &&
	    capng_have_capabilities(CAPNG_SELECT_AMBIENT) == CAPNG_NONE;
}

/* All but the capability `kept`, where the process has that. */
static int
shed(const struct privilege_user *user, bool groups, int kept, struct err *err)
{
	if (kept != NOTHING && !has(kept))
		kept = NOTHING;
	capng_clear(CAPNG_SELECT_ALL);
	if (kept != NOTHING)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
		    (unsigned)kept);
	/* The bounding set can be emptied with CAP_SETPCAP only.  Without that nothing outside
	 * the permitted set can be gained either, once no_new_privs is set: no failure. */
	(void)capng_apply(CAPNG_SELECT_BOUNDS);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(err, "prctl PR_SET_KEEPCAPS: %s", strerror(errno));
	if (become(user, groups, err) < 0)
		return -1;
	if (capng_apply(CAPNG_SELECT_CAPS) < 0 || capng_apply(CAPNG_SELECT_AMBIENT) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, "cannot give up privileges: %s", strerror(errno));
	return is_shed(kept) ? 0 :
	    err_set(err, "cannot give up privileges: capabilities are left over");
}

int
privilege_keep(const struct privilege_user *user, bool net_admin, struct err *err)
{
	return shed(user, true, net_admin ? CAP_NET_ADMIN : NOTHING, err);
}

int
privilege_keep_bind(const struct privilege_user *user, struct err *err)
{
	return shed(user, false, CAP_NET_BIND_SERVICE, err);
}

int
privilege_drop(const struct privilege_user *user, struct err *err)
{
	return shed(user, false, NOTHING, err);
}

uint64_t
privilege_files(uint64_t want)
{
	struct rlimit limit, higher = { want, want };

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_cur >= want)
		return limit.rlim_cur;
	if (limit.rlim_max < want && setrlimit(RLIMIT_NOFILE, &higher) == 0)
		return want;
	limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : limit.rlim_cur;
}

int
privilege_folder(const char *path, const struct privilege_user *user, struct err *err)
{
	char part[4096];
	struct stat st;

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return err_set(err, "folder \"%.64s...\": name too long", path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0755);
		*slash = '/';
	}
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_set(err, "folder \"%s\": %s", path, strerror(errno));
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, "\"%s\" is no folder", path);
	/* a folder with folders in it is not ours alone: "/run" is not given away by mistake */
	/* and one on a disk that an error has made read-only is read, at least */
	if (geteuid() == 0 && user->name != NULL && st.st_uid == 0 && st.st_uid != user->uid &&
	    st.st_nlink <= 2 && chown(path, user->uid, user->gid) < 0 && errno != EROFS)
		return err_set(err, "folder \"%s\": cannot be given to user \"%s\": %s", path,
		    user->name, strerror(errno));
	return 0;
}
