#include "redirectd/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/members.h"

static void
put_into_service(struct follow *f, struct setup *setup)
{
	f->setup = setup;
	share_swap(&f->common->share, setup);
}

/* Says a reason when it is another one than last time; "" is said nowhere. */
static void
tell(char *last, size_t size, const char *why)
{
	if (strcmp(last, why) == 0)
		return;
	snprintf(last, size, "%s", why);
	if (*why != '\0')
		log_warn("%s", why);
}

/* ---- health ---- */

static enum choose_health
health_of(const struct follow *f, const struct conf_mirror *mirror)
{
	const struct mirror_line *line = f->believed ?
	    mirror_file_find(&f->health, mirror->name) : NULL;

	if (line == NULL || line->state == MIRROR_UNKNOWN)
		return CHOOSE_FINE;
	if (line->state == MIRROR_DOWN)
		return CHOOSE_DOWN;
	return line->weight == 0 ? CHOOSE_INCOMPLETE : CHOOSE_FINE;
}

static void
log_change(const struct follow *f, const struct conf_mirror *mirror, enum choose_health now)
{
	static const char *const words[] = {
		[CHOOSE_FINE] = "taken", [CHOOSE_INCOMPLETE] = "named, and nobody is sent there",
		[CHOOSE_DOWN] = "left out"
	};
	const struct mirror_line *line = mirror_file_find(&f->health, mirror->name);
	char text[512];
	struct members m;

	log_info("mirror %s is %s%s%s", mirror->name, words[now],
	    line != NULL && f->believed ? ": " : "",
	    line != NULL && f->believed ? line->reason : "");
	if (f->common->spool == NULL)
		return;
	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", "mirror");
	members_string(&m, "mirror", mirror->name);
	members_string(&m, "is", words[now]);
	members_string(&m, "reason", line != NULL && f->believed ? line->reason : NULL);
	members_end(&m);
	spool_line(f->common->spool, text);
}

/* What the file says becomes the snapshot's, if it is something new. */
static void
apply_health(struct follow *f)
{
	const struct conf *conf = f->setup->conf;
	uint8_t *health = calloc(conf->n_mirrors + 1, 1);
	struct setup *next;
	bool changed = false;
	struct err err;

	for (size_t i = 0; health != NULL && i < conf->n_mirrors; i++) {
		health[i] = (uint8_t)health_of(f, &conf->mirrors[i]);
		if (health[i] == f->setup->health[i])
			continue;
		changed = true;
		log_change(f, &conf->mirrors[i], health[i]);
	}
	if (changed) {
		next = setup_with_health(f->setup, health, &err);
		if (next != NULL)
			put_into_service(f, next);
		else
			log_error("mirrors' health: %s", err.text);
	}
	free(health);
}

void
follow_health(struct follow *f)
{
	char path[4200];
	uint64_t stamp;
	struct err err = { .text = "" };

	share_sweep(&f->common->share);
	snprintf(path, sizeof(path), "%s/" MIRROR_FILE_NAME, f->setup->conf->run_dir);
	stamp = file_stamp(path);
	if (stamp != f->health_stamp) {
		struct mirror_file fresh = { .n = 0 };

		f->health_stamp = stamp;
		if (mirror_file_read(&fresh, path, &err) == 0) {
			mirror_file_clear(&f->health);
			f->health = fresh;
			f->health_why[0] = '\0';
		} else if (stamp != 0) {
			tell(f->health_why, sizeof(f->health_why), err.text);
		}
	}
	f->believed = stamp != 0 && mirror_file_current(&f->health, clock_wall());
	if (!f->believed && f->health_why[0] == '\0')
		snprintf(f->health_why, sizeof(f->health_why), "%s", stamp == 0 ?
		    "there is no file" : "its lease has run out");
	apply_health(f);
}

/* ---- what changes less often ---- */

static void
follow_held(struct follow *f)
{
	uint64_t stamp = held_stamp(f->setup->conf->redirect.catalogue);
	struct setup *next;
	struct err err = { .text = "" };

	if (stamp == f->held_stamp)
		return;
	next = setup_with_held(f->setup, &err);
	if (next != NULL) {
		f->held_stamp = stamp;	/* else it is tried again */
		put_into_service(f, next);
	}
	tell(f->held_why, sizeof(f->held_why), next != NULL ? "" : err.text);
}

static uint64_t
stamp_geo(const struct conf *conf)
{
	uint64_t stamp = 1;

	if (conf->geo.city != NULL)
		stamp = file_stamp_add(stamp, file_stamp(conf->geo.city));
	if (conf->geo.asn != NULL)
		stamp = file_stamp_add(stamp, file_stamp(conf->geo.asn));
	return stamp;
}

static void
follow_geo(struct follow *f)
{
	uint64_t stamp = stamp_geo(f->setup->conf);
	struct setup *next;
	struct err err = { .text = "" };

	if (stamp == f->geo_stamp)
		return;
	f->geo_stamp = stamp;
	next = setup_with_geo(f->setup, &err);
	if (next != NULL) {
		put_into_service(f, next);
		log_info("databases of places read anew");
	}
	tell(f->geo_why, sizeof(f->geo_why), next != NULL ? "" : err.text);
}

/* Threads open it for themselves and say nothing. */
static void
follow_catalogue(struct follow *f)
{
	const char *path = f->setup->conf->redirect.catalogue;
	struct err err = { .text = "" };
	int rc = 0;

	if (f->catalogue == NULL) {
		f->catalogue = catalogue_open(path, &err);
		if (f->catalogue != NULL)
			rc = 1;
	} else {
		rc = catalogue_refresh(f->catalogue, &err);
	}
	if (rc > 0) {
		f->catalogue_why[0] = '\0';
		log_info("catalogue %s: %ju files", path,
		    (uintmax_t)catalogue_about(f->catalogue)->files);
	} else if (err.text[0] != '\0') {
		tell(f->catalogue_why, sizeof(f->catalogue_why), err.text);
	}
}

void
follow_files(struct follow *f)
{
	atomic_fetch_add(&f->common->tick, 1);
	follow_catalogue(f);
	follow_held(f);
	follow_geo(f);
}

void
follow_replace(struct follow *f, struct setup *setup)
{
	bool other = f->setup == NULL || strcmp(f->setup->conf->redirect.catalogue,
	    setup->conf->redirect.catalogue) != 0;

	f->geo_stamp = stamp_geo(setup->conf);
	f->held_stamp = 0;
	if (other) {
		catalogue_close(f->catalogue);
		f->catalogue = NULL;
		f->catalogue_why[0] = '\0';
	}
	put_into_service(f, setup);
	follow_files(f);
	follow_health(f);
}

void
follow_end(struct follow *f)
{
	mirror_file_clear(&f->health);
	catalogue_close(f->catalogue);
}
