#include "common/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
		return err_set(err, "user \"%s\": %s", name, errno != 0 ? strerror(errno) : "there is no such user");
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
	return 0;
}

static int
privilege_get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)syscall(SYS_capget, &head, data);
}

/* Permitted and effective become what is in `keep` of what we have */
static int
privilege_set(uint64_t keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (privilege_get(data) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &head, data);
}

bool
privilege_net_admin(void)
{
	struct __user_cap_data_struct data[2];

	return privilege_get(data) == 0 && (data[0].permitted & 1u << CAP_NET_ADMIN) != 0;
}

/* The bounding set can be emptied with CAP_SETPCAP only; without it nothing
 * outside the permitted set can be gained either, once no_new_privs is set. */
static void
privilege_bound(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static int
privilege_become(const struct privilege_user *user, bool groups, struct err *err)
{
	if (geteuid() != 0 || user->name == NULL)
		return 0;
	if ((groups ? initgroups(user->name, user->gid) : setgroups(1, &user->gid)) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return err_set(err, "cannot become user \"%s\": %s", user->name, strerror(errno));
	return 0;
}

static int
privilege_shed(const struct privilege_user *user, bool groups, uint64_t keep, struct err *err)
{
	struct __user_cap_data_struct now[2];

	privilege_bound(keep);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_set(err, "prctl PR_SET_KEEPCAPS: %s", strerror(errno));
	if (privilege_become(user, groups, err) < 0)
		return -1;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || privilege_set(keep) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, "cannot give up privileges: %s", strerror(errno));
	if (privilege_get(now) < 0 || (now[0].permitted & ~(uint32_t)keep) != 0 ||
	    (now[1].permitted & ~(uint32_t)(keep >> 32)) != 0)
		return err_set(err, "cannot give up privileges: capabilities are left over");
	return 0;
}

int
privilege_keep(const struct privilege_user *user, bool net_admin, struct err *err)
{
	return privilege_shed(user, true, net_admin ? UINT64_C(1) << CAP_NET_ADMIN : 0, err);
}

int
privilege_drop(const struct privilege_user *user, struct err *err)
{
	return privilege_shed(user, false, 0, err);
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
	if (geteuid() == 0 && user->name != NULL && st.st_uid == 0 && st.st_nlink <= 2 &&
	    chown(path, user->uid, user->gid) < 0)
		return err_set(err, "folder \"%s\": cannot be given to user \"%s\": %s", path, user->name, strerror(errno));
	return 0;
}
