#include "healthd/route/alarm_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/health_file.h"
#include "common/log.h"
#include "healthd/route/child.h"
#include "healthd/route/posture_file.h"

/* What the child is to tell: copied by fork. */
static struct {
	char reason[POSTURE_FILE_ALARM + 32];
	bool over;
} news;

static int
run_hook(const struct conf *conf, int fd)
{
	char site[HEALTH_NAME_MAX + 32];
	char *const argv[] = { conf->alarm_hook, NULL };
	char *const env[] = {
		(char *)(uintptr_t)
		    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		(char *)(uintptr_t)"NEARCAST_KIND=alarm",
		(char *)(uintptr_t)(news.over ? "NEARCAST_STATE=over" : "NEARCAST_STATE=on"),
		news.reason, site, NULL,
	};

	close(fd);
	snprintf(site, sizeof(site), "NEARCAST_SITE=%s", conf->here != NULL ? conf->here : "");
	alarm(ALARM_CHILD_S);		/* goes on after execve */
	execve(conf->alarm_hook, argv, env);
	log_warn("alarm-hook cannot be started: %s", conf->alarm_hook);
	return 1;
}

/* Is one more allowed in this minute? */
static bool
allowed(uint64_t now_ms)
{
	static uint64_t began_ms;
	static unsigned n;

	if (n == 0 || now_ms - began_ms >= 60000) {
		began_ms = now_ms;
		n = 0;
	}
	return n++ < ALARM_CHILD_MAX;
}

void
alarm_child_run(const struct conf *conf, const struct privilege_user *user, const char *text,
    bool over, uint64_t now_ms)
{
	struct err err;
	int fd;

	if (conf->alarm_hook == NULL || !allowed(now_ms))
		return;
	snprintf(news.reason, sizeof(news.reason), "NEARCAST_REASON=%s", text);
	news.over = over;
	if (child_fork(run_hook, "hook", conf, user, &fd, &err) < 0)
		log_warn("alarm-hook cannot be started: %s", err.text);
	else
		close(fd);
}
