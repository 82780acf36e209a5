#include "dnsd/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/notify.h"
#include "common/text.h"
#include "dnsd/acquire.h"
#include "dnsd/commands.h"
#include "dnsd/generation/inputs.h"
#include "dnsd/generation/reload.h"
#include "dnsd/journal.h"
#include "dnsd/net/server.h"
#include "dnsd/outcome.h"
#include "dnsd/steer/health.h"
#include "dnsd/watch.h"

/* Commands that wait for a reload. */
struct waiting {
	uint64_t request[CONTROL_MAX_CONNECTIONS];
	unsigned n;
};

struct daemon {
	const char *path;		/* of the configuration */
	const char *here;		/* as conf_read takes it */
	struct inputs *inputs;		/* of the generation in use; held */
	struct inputs_conf *first;	/* what it was started with; held */
	struct acquire got;		/* control socket and server */
	struct spool *spool;		/* NULL = nothing is logged there */
	struct reload *reload;
	struct watch *watch;
	struct health health;
	struct commands figures;	/* what commands tell */
	struct loop *loop;
	struct loop_io signals, reloaded, changed;
	struct loop_timer second, health_end, report;

	bool want_reload, want_force, want_geo;
	bool forced;			/* the reload under way */
	struct waiting now, next;	/* for the reload under way, and for the one after */
	uint64_t generation;		/* number of the last one built */
};

enum { REPORT_MS = 250 };		/* between two reports to whoever watches */

/* files watched, by number */
enum { FILE_HEALTH, FILE_CITY, FILE_ASN };

/* ---- generations ---- */

static unsigned long
count_names(const struct generation *gen)
{
	unsigned long names = 0;

	for (uint32_t i = 0; i < gen->n_zones; i++)
		if (gen->zones[i].zone != NULL)
			names += gen->zones[i].zone->names;
	return names;
}

/* The inputs with health as it is now.  NULL with a reason. */
static struct generation *
build_generation(struct daemon *d, struct inputs *inputs, struct err *err)
{
	struct generation *gen = generation_build(inputs, health_believed(&d->health),
	    d->generation + 1, err);

	if (gen != NULL)
		d->generation++;
	return gen;
}

static void
publish(struct daemon *d, struct generation *gen)
{
	generation_follow(gen, server_generation(d->got.server),
	    (uint32_t)(clock_mono().ms / 1000));
	server_publish(d->got.server, gen);
	control_tell(d->got.control);
}

static void
publish_health(struct daemon *d)
{
	struct err err;
	struct generation *gen = build_generation(d, d->inputs, &err);

	if (gen == NULL) {
		log_error("health: %s; generation %" PRIu64 " stays", err.text, d->generation);
		return;
	}
	publish(d, gen);
	journal_generation(d->spool, gen, "health", "");
	log_debug("health: generation %" PRIu64 " in service", d->generation);
}

static void
set_watches(struct daemon *d)
{
	watch_set(d->watch, FILE_HEALTH, d->inputs->conf->health_file);
	watch_set(d->watch, FILE_CITY, d->inputs->conf->geo.city);
	watch_set(d->watch, FILE_ASN, d->inputs->conf->geo.asn);
}

/* ---- health ---- */

static void
log_health(const struct daemon *d)
{
	const struct health *health = &d->health;

	if (d->inputs->conf->n_pools == 0)
		return;				/* nobody is steered: health is nobody's concern */
	journal_health(d->spool, health);
	if (health->trust == HEALTH_FRESH)
		log_info("health: believed, file generation %" PRIu64 ", %zu server%s",
		    health->file.generation, health->file.n_servers,
		    health->file.n_servers == 1 ? "" : "s");
	else
		log_warn("health: unknown, answers fail open: %s", health->why);
}

/* Wakes at the moment at which the file's lease ends. */
static void
set_health_timer(struct daemon *d)
{
	if (d->health.trust == HEALTH_FRESH)
		loop_timer_set(d->loop, &d->health_end, d->health.until_ms);
	else
		loop_timer_stop(d->loop, &d->health_end);
}

static void
read_health(struct daemon *d)
{
	enum health_trust before = d->health.trust;

	if (health_refresh(&d->health, d->inputs->conf->health_file))
		publish_health(d);
	if (d->health.trust != before)
		log_health(d);
	set_health_timer(d);
}

static void
on_health_end(struct loop_timer *timer)
{
	struct daemon *d = LOOP_OWNER(timer, struct daemon, health_end);

	if (health_expire(&d->health)) {
		publish_health(d);
		log_health(d);
	}
	set_health_timer(d);
}

/* ---- reload ---- */

/* Answers whoever waits for the reload that has just ended. */
static void
finish_waiting(struct daemon *d, const char *reason)
{
	for (unsigned i = 0; i < d->now.n; i++)
		control_finish(d->got.control, d->now.request[i], reason, reload_said(d->reload));
	d->now.n = 0;
}

/* Everything is as it was. */
static void
reload_failed(struct daemon *d, const struct err *why)
{
	char said[sizeof(why->text) + sizeof(OUTCOME_REFUSED)];

	d->figures.reload_failures++;
	snprintf(d->figures.refused, sizeof(d->figures.refused), "%s", why->text);
	journal_refused(d->spool, d->generation, why->text);
	if (why->told == 0)
		log_error("reload failed: %s; generation %" PRIu64 " stays", why->text,
		    d->generation);
	else
		log_error("reload failed; generation %" PRIu64 " stays", d->generation);
	snprintf(said, sizeof(said), OUTCOME_REFUSED "%s", why->text);
	finish_waiting(d, said);
}

/* The inputs' addresses are listened on, those of the old ones still, and a generation is built.
 * NULL with a reason, and all is as it was. */
static struct generation *
prepare(struct daemon *d, struct inputs *inputs, struct err *err)
{
	const struct conf *conf = inputs->conf;
	struct generation *gen;
	char where[CONF_WHERE];

	if (server_join(d->got.server, conf, d->forced, err) < 0) {
		err_prefix(err, "%s", conf_where(conf, conf->listen_line, where));
		return NULL;
	}
	gen = build_generation(d, inputs, err);
	if (gen == NULL)
		server_leave(d->got.server, d->inputs->conf);
	return gen;
}

/* Another configuration may name another health file. */
static void
follow_health(struct daemon *d, const struct conf *old, const struct conf *fresh)
{
	if (strcmp(fresh->health_file, old->health_file) == 0)
		return;
	health_refresh(&d->health, fresh->health_file);
	set_health_timer(d);
}

/* New inputs take the place of the old ones. */
static void
put_into_service(struct daemon *d, struct inputs *inputs)
{
	struct inputs *old = d->inputs;
	uint64_t start_ms = clock_mono().ms;
	char said[OUTCOME_TEXT], restart[OUTCOME_TEXT];
	struct generation *gen;
	struct err err;

	follow_health(d, old->conf, inputs->conf);
	gen = prepare(d, inputs, &err);
	if (gen == NULL) {
		follow_health(d, inputs->conf, old->conf);
		inputs_unref(inputs);
		reload_failed(d, &err);
		return;
	}
	d->inputs = inputs;
	publish(d, gen);
	d->figures.reloads++;
	d->figures.refused[0] = '\0';
	d->figures.reload_failures += inputs->failed != 0;
	d->figures.build_s = inputs->seconds + (double)(clock_mono().ms - start_ms) / 1000;
	server_leave(d->got.server, inputs->conf);
	server_limit_tcp(d->got.server, acquire_descriptors(inputs->conf));
	control_tell(d->got.control);
	set_watches(d);
	outcome_reloaded(d->first->conf, gen, said);
	journal_follow(d->spool, gen->conf);
	journal_generation(d->spool, gen, "reload", said);
	log_info("generation %" PRIu64 " in service: "
	    "%u of %u zone%s, %lu name%s, built in %.3f s%s%s",
	    d->generation, gen->n_loaded, gen->n_zones, text_s(gen->n_zones), count_names(gen),
	    text_s(count_names(gen)), d->figures.build_s,
	    said[0] != '\0' ? "; " : "", said);
	outcome_restart(d->first->conf, inputs->conf, restart);
	if (restart[0] != '\0')
		log_warn("%s: %s ha%s changed: a restart is needed", inputs->conf->path, restart,
		    strchr(restart, ',') != NULL ? "ve" : "s");
	inputs_unref(old);
	malloc_trim(0);			/* a generation is large: back to the system with it */
	finish_waiting(d, said[0] != '\0' ? said : NULL);
}

/* Begins the reload that is wanted, if none is under way.  0, or -1 with a reason, which has been
 * logged and told to those who waited. */
static int
start_reload(struct daemon *d, struct err *err)
{
	enum reload_kind kind = d->want_force ? RELOAD_FORCED :
	    d->want_reload ? RELOAD_ALL : RELOAD_GEO;

	if (reload_busy(d->reload) || !(d->want_reload || d->want_geo))
		return 0;
	d->now = d->next;
	d->next.n = 0;
	d->forced = d->want_force;
	d->want_reload = d->want_force = d->want_geo = false;
	if (reload_begin(d->reload, kind, d->path, d->inputs, err) < 0) {
		reload_failed(d, err);
		return -1;
	}
	if (kind != RELOAD_GEO)
		notify_reloading();
	return 0;
}

/* Another generation, as soon as the one under way is done; `request` 0 = nobody waits.  0, or -1
 * with the reason why there will be none. */
static int
want_reload(void *arg, bool force, uint64_t request, struct err *err)
{
	struct daemon *d = arg;

	if (request != 0 && d->next.n == CONTROL_MAX_CONNECTIONS)
		return err_set(err, OUTCOME_REFUSED "too many wait for a reload");
	d->want_reload = true;
	d->want_force |= force;
	if (request != 0)
		d->next.request[d->next.n++] = request;
	return start_reload(d, err) == 0 ? 0 : err_prefix(err, "not reloaded");
}

static void
on_reloaded(struct loop_io *io, uint32_t events)
{
	struct daemon *d = LOOP_OWNER(io, struct daemon, reloaded);
	struct err err;
	struct inputs *inputs = reload_take(d->reload, &err);

	(void)events;
	if (inputs != NULL)
		put_into_service(d, inputs);
	else
		reload_failed(d, &err);
	notify("READY=1");
	start_reload(d, &err);
}

/* ---- other events ---- */

static void
on_files(struct daemon *d, uint32_t files)
{
	if (files & 1u << FILE_HEALTH)
		read_health(d);
	if (files & (1u << FILE_CITY | 1u << FILE_ASN)) {
		struct err err;

		d->want_geo = true;
		start_reload(d, &err);
	}
}

static void
on_changed(struct loop_io *io, uint32_t events)
{
	struct daemon *d = LOOP_OWNER(io, struct daemon, changed);

	(void)events;
	on_files(d, watch_events(d->watch));
}

static void
on_second(struct loop_timer *timer)
{
	struct daemon *d = LOOP_OWNER(timer, struct daemon, second);

	loop_timer_set(d->loop, timer, loop_now(d->loop) + 1000);
	on_files(d, watch_poll(d->watch));
}

static void
on_report(struct loop_timer *timer)
{
	struct daemon *d = LOOP_OWNER(timer, struct daemon, report);

	loop_timer_set(d->loop, timer, loop_now(d->loop) + REPORT_MS);
	control_tell(d->got.control);
}

static void
on_signal(struct loop_io *io, uint32_t events)
{
	struct daemon *d = LOOP_OWNER(io, struct daemon, signals);
	struct err err;
	int signo;

	(void)events;
	while ((signo = loop_signal_next(io->fd)) != 0) {
		if (signo == SIGHUP) {
			want_reload(d, false, 0, &err);
		} else {
			log_info("%s: ending", signo == SIGTERM ? "SIGTERM" : "SIGINT");
			loop_stop(d->loop);
		}
	}
}

/* ---- starting ---- */

static int
first_generation(struct daemon *d, struct err *err)
{
	struct generation *gen;

	health_refresh(&d->health, d->inputs->conf->health_file);
	log_health(d);
	gen = build_generation(d, d->inputs, err);
	if (gen == NULL)
		return -1;
	d->figures.build_s = d->inputs->seconds;
	journal_generation(d->spool, gen, "start", "");
	return server_start(d->got.server, gen, err);
}

static int
listen_events(struct daemon *d, struct err *err)
{
	if ((d->reload = reload_new(err)) == NULL || (d->watch = watch_new(err)) == NULL)
		return -1;
	set_watches(d);
	d->signals.ready = on_signal;
	d->reloaded = (struct loop_io){ .fd = reload_fd(d->reload), .ready = on_reloaded };
	d->changed = (struct loop_io){ .fd = watch_fd(d->watch), .ready = on_changed };
	d->second.fire = on_second;
	d->health_end.fire = on_health_end;
	d->report.fire = on_report;
	if (loop_io_set(d->loop, &d->signals, EPOLLIN) < 0 ||
	    loop_io_set(d->loop, &d->reloaded, EPOLLIN) < 0 ||
	    loop_io_set(d->loop, &d->changed, EPOLLIN) < 0 ||
	    loop_timer_set(d->loop, &d->second, clock_mono().ms + 1000) < 0 ||
	    loop_timer_set(d->loop, &d->report, clock_mono().ms + REPORT_MS) < 0)
		return err_set(err, "events: %s", strerror(errno));
	return 0;
}

static void
log_ready(const struct daemon *d)
{
	const struct generation *gen = server_generation(d->got.server);
	unsigned long names = count_names(gen);
	unsigned workers = server_workers(d->got.server);
	char addresses[1024] = "", text[ADDR_TEXT], refused[OUTCOME_TEXT];

	for (size_t i = 0; i < gen->conf->n_listen; i++) {
		size_t used = strlen(addresses);
		snprintf(addresses + used, sizeof(addresses) - used, " %s",
		    addr_text(&gen->conf->listen[i], text));
	}
	log_info("ready: nearcast %s on%s, %u worker%s, %u zone%s, %lu name%s, generation %" PRIu64,
	    VERSION, addresses, workers, workers == 1 ? "" : "s",
	    gen->n_loaded, gen->n_loaded == 1 ? "" : "s", names, names == 1 ? "" : "s",
	    d->generation);
	outcome_reloaded(d->first->conf, gen, refused);
	if (refused[0] != '\0')
		log_error("%s", refused);
	if (!server_knows_own(d->got.server))
		log_warn("this machine's own questions cannot be told from forged ones here: "
		    "rate limiting, required cookies and amplification hit healthd, too");
	notify("READY=1\nSTATUS=answering");
}

/* Before anything is read: a SIGHUP meanwhile must not be the end. */
static int
start_loop(struct daemon *d, struct err *err)
{
	d->signals.fd = loop_signals((const int[]){ SIGHUP, SIGTERM, SIGINT, 0 });
	if (d->signals.fd < 0)
		return err_set(err, "signals: %s", strerror(errno));
	d->loop = loop_new(err);
	return d->loop != NULL ? 0 : -1;
}

static int
start_serving(struct daemon *d, struct err *err)
{
	d->first = d->inputs->owner;
	d->first->refs++;
	/* one bad zone, pushed to all sites, must not keep a restart from serving the others */
	if (d->inputs->failed != 0 && d->inputs->failed == d->inputs->conf->n_zones)
		return err_set(err, "%u of %zu zone%s refused", d->inputs->failed,
		    d->inputs->conf->n_zones, text_s(d->inputs->conf->n_zones));
	if (acquire(&d->got, d->inputs, d->loop, commands_handle, &d->figures, err) < 0)
		return -1;
	d->figures.server = d->got.server;
	d->spool = journal_open(d->inputs->conf);
	if (server_log(d->got.server, d->spool, err) < 0)
		log_warn("%s: no decisions are logged", err->text);
	if (listen_events(d, err) < 0 || first_generation(d, err) < 0)
		return -1;
	control_set_report(d->got.control, commands_report, &d->figures);
	/* a change between reading the file and watching it has been seen by neither */
	read_health(d);
	return 0;
}

static void
stop(struct daemon *d)
{
	if (d->reload != NULL && reload_busy(d->reload)) {
		finish_waiting(d, OUTCOME_REFUSED "dnsd ends");
		d->now = d->next;
		finish_waiting(d, OUTCOME_REFUSED "dnsd ends");
	}
	control_close(d->got.control);
	server_stop(d->got.server);
	journal_close(d->spool);
	watch_free(d->watch);
	loop_free(d->loop);
	if (reload_free(d->reload)) {
		inputs_unref(d->inputs);
		inputs_unref_conf(d->first);
	}
	health_clear(&d->health);
	if (d->signals.fd >= 0)
		close(d->signals.fd);
}

int
daemon_run(const char *path, const char *here)
{
	static const struct inputs_say say = { &log_warn_lines, &log_error_lines };
	struct daemon *d = calloc(1, sizeof(*d));
	struct err err = { .text = "out of memory" };
	int rc = -1;

	/* large blocks always from the system and back to it, so that a reload leaves nothing
	 * behind */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	if (d != NULL) {
		d->path = path;
		d->here = here;
		d->figures = (struct commands){
			.health = &d->health, .started = clock_wall(),
			.reload = want_reload, .reload_arg = d,
		};
		if (start_loop(d, &err) == 0)
			d->inputs = inputs_read(path, here, NULL, false, &say, &err);
		rc = d->inputs != NULL ? start_serving(d, &err) : -1;
		if (rc == 0) {
			log_ready(d);
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
