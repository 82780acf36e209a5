#include "redirectd/redirectd.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf/conf_access.h"
#include "common/control.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "redirectd/report_redirects.h"

enum { HEALTH_MS = 250, FILES_MS = 1000, DESCRIPTORS = 2 * SERVE_CONNECTIONS + 256 };

struct redirectd {
	struct worker_common common;
	struct loop *loop;
	struct control *control;
	struct serve *serve;
	struct follow follow;
	struct report_redirects report;
	struct loop_io signals;
	struct loop_timer health, files;
	struct conf *first;		/* what it was started with */
};

/* ---- reload ---- */

/* Whether every listener of `a`'s files alone is one of `b`'s, too. */
static bool
listens_as(const struct conf_redirect *a, const struct conf_redirect *b)
{
	for (size_t i = 0; i < a->n_one_files; i++) {
		const char *listen = a->one_files[i].listen;
		size_t j = 0;

		while (listen != NULL && j < b->n_one_files && (b->one_files[j].listen == NULL ||
		    strcmp(b->one_files[j].listen, listen) != 0))
			j++;
		if (listen != NULL && j == b->n_one_files)
			return false;
	}
	return true;
}

/* Says which listeners of files alone have nothing to send anybody to any more. */
static void
tell_lost(const struct conf_redirect *old, const struct conf_redirect *new)
{
	for (size_t i = 0; i < old->n_one_files; i++) {
		const struct conf_one_file *one = &old->one_files[i];
		size_t j = 0;

		while (one->listen != NULL && j < new->n_one_files &&
		    strcmp(new->one_files[j].name, one->name) != 0 &&
		    (new->one_files[j].listen == NULL ||
		    strcmp(new->one_files[j].listen, one->listen) != 0))
			j++;
		if (one->listen != NULL && j == new->n_one_files)
			log_warn("listen \"%s\": its one-file \"%s\" is gone, it answers 404 until "
			    "a restart", one->listen, one->name);
	}
}

/* What a running process cannot change, "listen, threads"; "" = none of it has changed. */
static void
compare(const struct conf *old, const struct conf *new, char *text, size_t size)
{
	struct {
		const char *name, *a, *b;
	} texts[] = {
		{ "listen", old->redirect.listen, new->redirect.listen },
		{ "user", old->user, new->user },
		{ "run-dir", old->run_dir, new->run_dir },
		{ "log", old->log.spool, new->log.spool },
	};
	size_t used = 0;

	text[0] = '\0';
	if (!listens_as(&old->redirect, &new->redirect) ||
	    !listens_as(&new->redirect, &old->redirect))
		texts[0].a = "", texts[0].b = "another";
	if (old->threads != new->threads)
		used = (size_t)snprintf(text, size, "threads");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strcmp(texts[i].a != NULL ? texts[i].a : "",
		    texts[i].b != NULL ? texts[i].b : "") != 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
			    used != 0 ? ", " : "", texts[i].name);
}

/* 0; or -1 with what is not as the file says now. */
static int
reload(struct redirectd *d, struct err *err)
{
	struct setup *next;
	char restart[128];

	notify_reloading();
	next = setup_reread(d->follow.setup, &log_warn_lines, &log_error_lines, err);
	if (next == NULL) {
		d->report.reload_failures++;
		log_error("not reloaded: %s", err->text);
		notify("READY=1");
		return err_prefix(err, "not reloaded");
	}
	compare(d->first, next->conf, restart, sizeof(restart));
	d->report.reloads++;
	follow_replace(&d->follow, next);
	/* which is a later one already if health or a file has changed, and `next` is gone */
	log_info("reloaded: %zu mirrors, snapshot %ju", d->follow.setup->conf->n_mirrors,
	    (uintmax_t)d->follow.setup->number);
	notify("READY=1");
	if (restart[0] == '\0')
		return 0;
	log_warn("restart needed: %s", restart);
	tell_lost(&d->first->redirect, &d->follow.setup->conf->redirect);
	return err_set(err, "restart needed: %s", restart);
}

/* ---- events ---- */

static enum control_result
command(void *arg, uint64_t request, const char *line, FILE *out, struct err *err)
{
	struct redirectd *d = arg;

	(void)request;
	if (strcmp(line, "reload") == 0 || strcmp(line, "reload --force") == 0)
		return reload(d, err) == 0 ? CONTROL_OK : CONTROL_ERROR;
	if (strcmp(line, "status") == 0)
		report_redirects_status(&d->report, out);
	else if (strcmp(line, "status json") == 0)
		report_redirects_json(&d->report, out);
	else if (strcmp(line, "counters") == 0)
		report_redirects_counters(&d->report, out);
	else if (strcmp(line, "version") == 0)
		fprintf(out, "redirectd %s\n", VERSION);
	else {
		err_set(err, "no command \"%.100s\": reload, counters, status [json], version or "
		    "watch was expected", line);
		return CONTROL_ERROR;
	}
	return CONTROL_OK;
}

static void
on_signals(struct loop_io *io, uint32_t events)
{
	struct redirectd *d = LOOP_OWNER(io, struct redirectd, signals);
	struct err err;
	int signo;

	(void)events;
	while ((signo = loop_signal_next(io->fd)) != 0) {
		if (signo == SIGHUP) {
			reload(d, &err);
		} else {
			log_info("%s: ending", signo == SIGTERM ? "SIGTERM" : "SIGINT");
			loop_stop(d->loop);
		}
	}
}

static void
on_health(struct loop_timer *timer)
{
	struct redirectd *d = LOOP_OWNER(timer, struct redirectd, health);

	loop_timer_set(d->loop, timer, loop_now(d->loop) + HEALTH_MS);
	follow_health(&d->follow);
}

static void
on_files(struct loop_timer *timer)
{
	struct redirectd *d = LOOP_OWNER(timer, struct redirectd, files);

	loop_timer_set(d->loop, timer, loop_now(d->loop) + FILES_MS);
	follow_files(&d->follow);
	notify("WATCHDOG=1");
}

/* ---- start and end ---- */

static void
free_setup(void *setup)
{
	setup_free(setup);
}

/* Everything for which the process may need to be more than it will be. */
static int
take_rights(struct redirectd *d, const struct conf *conf, struct err *err)
{
	struct privilege_user user;
	char path[4200];

	snprintf(path, sizeof(path), "%s/redirectd.sock", conf->run_dir);
	privilege_files(DESCRIPTORS);
	if (privilege_find(&user, geteuid() == 0 ? conf->user : NULL, err) < 0 ||
	    privilege_folder(conf->run_dir, &user, err) < 0 ||
	    (d->control = control_listen(d->loop, path, command, d, err)) == NULL ||
	    (d->serve = serve_bind(conf, err)) == NULL)
		return -1;
	if (geteuid() == 0 && user.name == NULL)
		log_warn("running as root: `user` in %s would give that up", conf->path);
	if (user.name != NULL && control_give(d->control, user.uid, user.gid, err) < 0)
		return -1;
	return privilege_drop(&user, err);
}

static int
open_spool(struct redirectd *d, const struct conf *conf, struct err *err)
{
	const struct spool_how how = {
		.dir = conf->log.spool, .kind = "redirectd", .host = conf->log.host,
		.max = conf->log.max, .warn = &log_warn_lines,
	};

	if (!conf->log.enabled)
		return 0;
	d->common.spool = spool_open(&how, err);
	if (d->common.spool == NULL)
		return -1;
	spool_line(d->common.spool, "\"ev\":\"start\",\"version\":\"" VERSION "\"");
	return 0;
}

static int
start(struct redirectd *d, const char *path, const char *here, struct err *err)
{
	struct setup *setup;

	d->signals = (struct loop_io){
		.fd = loop_signals((const int[]){ SIGHUP, SIGTERM, SIGINT, 0 }),
		.ready = on_signals,
	};
	if (d->signals.fd < 0)
		return err_set(err, "signals: %s", strerror(errno));
	if ((d->loop = loop_new(err)) == NULL)
		return -1;
	setup = setup_read(path, here, &log_warn_lines, &log_error_lines, err);
	if (setup == NULL)
		return -1;
	d->first = conf_read(path, here, NULL, NULL, err);
	if (d->first == NULL || take_rights(d, setup->conf, err) < 0 ||
	    open_spool(d, setup->conf, err) < 0) {
		setup_free(setup);
		return -1;
	}
	d->common.share.free = free_setup;
	d->follow.common = &d->common;
	follow_replace(&d->follow, setup);
	d->report = (struct report_redirects){
		.follow = &d->follow, .serve = d->serve, .started = clock_wall(),
	};
	d->health.fire = on_health;
	d->files.fire = on_files;
	if (loop_io_set(d->loop, &d->signals, EPOLLIN) < 0 ||
	    loop_timer_set(d->loop, &d->health, clock_mono().ms + HEALTH_MS) < 0 ||
	    loop_timer_set(d->loop, &d->files, clock_mono().ms + FILES_MS) < 0)
		return err_set(err, "events: %s", strerror(errno));
	/* `setup` may have been replaced already, by what the files said */
	return serve_start(d->serve, d->follow.setup->conf->threads, &d->common, err);
}

static void
stop(struct redirectd *d)
{
	serve_stop(d->serve);
	control_close(d->control);
	if (d->follow.setup != NULL) {
		share_swap(&d->common.share, NULL);
		follow_end(&d->follow);
	}
	spool_close(d->common.spool);
	loop_free(d->loop);
	conf_free(d->first);
	if (d->signals.fd >= 0)
		close(d->signals.fd);
}

int
redirectd_run(const char *path, const char *here)
{
	struct redirectd *d = calloc(1, sizeof(*d));
	struct err err = { .text = "out of memory" };
	int rc = -1;

	if (d != NULL) {
		rc = start(d, path, here, &err);
		if (rc == 0) {
			log_info("ready: nearcast %s on %s, %u threads, %zu mirrors", VERSION,
			    d->follow.setup->conf->redirect.listen, serve_threads(d->serve),
			    d->follow.setup->conf->n_mirrors);
			notify("READY=1\nSTATUS=redirecting");
			rc = loop_run(d->loop, &err);
			notify("STOPPING=1");
		}
		stop(d);
		free(d);
	}
	if (rc < 0 && err.told == 0)
		log_error("%s", err.text);
	return rc < 0;
}

int
redirectd_check(const char *path, const char *here)
{
	static const struct conf_access_say say = { &log_warn_lines, NULL, NULL, 0 };
	struct privilege_user user;
	struct catalogue *catalogue;
	struct setup *setup;
	struct err err;

	setup = setup_read(path, here, &log_warn_lines, &log_error_lines, &err);
	if (setup == NULL) {
		if (err.told == 0)
			log_error("%s", err.text);
		return 1;
	}
	if (privilege_find(&user, setup->conf->user, &err) == 0)
		conf_access_say_as(setup->conf, &user, &say);
	catalogue = catalogue_open(setup->conf->redirect.catalogue, &err);
	if (catalogue == NULL)
		log_warn("%s: until there is one, all is served from here", err.text);
	catalogue_close(catalogue);
	setup_free(setup);
	return 0;
}
