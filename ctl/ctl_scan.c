/*
 * nearctl scan: what mirrors have, by what their rsync daemons list.
 *
 * All mirrors of nearcast.conf that are enabled and have `rsync`, or those named; with --wanted
 * those that healthd found incomplete since they were scanned, which is in its mirror file, so
 * that nothing needs to pass from it but that file: a timer asks every few seconds.  Some are
 * scanned at a time, each as scan.h says; no mirror by two processes at a time.
 *
 * The exit status is 1 if anything is not as it should be: a scan that failed or was not taken.
 * A mirror scanned in part is said on stderr and no failure.  nearctl runs rsync(1) and waits; a
 * signal that ends nearctl ends rsync too, for its pipe breaks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/catalogue/catalogue.h"
#include "common/catalogue/catalogue_db.h"
#include "common/catalogue/held.h"
#include "common/catalogue/held_write.h"
#include "common/clock.h"
#include "common/mirror_file.h"
#include "common/siphash.h"
#include "common/text.h"
#include "ctl/catalogue_path.h"
#include "ctl/ctl.h"
#include "ctl/scan.h"

enum {
	PARALLEL = 4, PARALLEL_MAX = 64,
	LIMIT_S = 3600,			/* how long one may take */
	AGAIN_S = 60, AGAIN_USED_S = 600	/* --wanted: not sooner than this */
};

struct scan_round {
	const struct ctl *ctl;
	struct conf *conf;
	const char *path;		/* the catalogue's */
	struct catalogue *catalogue;
	struct held *held;
	struct mirror_file health;	/* --wanted */
	uint64_t limit_ms;
	int lock;
	bool bad;
};

static int
complain_of(const char *mirror, const char *what)
{
	err_warn(&ctl_warn, "mirror %s: %s", mirror, what);
	return 1;
}

/* ---- which ones ---- */

/* Has healthd found it incomplete since its last scan, and is it time to try again? */
static bool
is_wanted(const struct scan_round *r, const struct conf_mirror *m)
{
	const struct mirror_line *line = mirror_file_find(&r->health, m->name);
	int place = held_find(r->held, m->name);
	const struct held_mirror *held = place >= 0 ? held_at(r->held, (size_t)place) : NULL;
	double again = line != NULL && line->weight == 0 ? AGAIN_S : AGAIN_USED_S;
	double now = clock_wall();

	if (held == NULL || held->tried <= 0)
		return true;			/* never scanned: no wait for tonight */
	if (line == NULL || line->state != MIRROR_INCOMPLETE)
		return false;
	/* what is said to be in the future was done while the clock was wrong: long ago */
	if (held->scanned > line->since && held->scanned <= now)
		return false;
	return now - held->tried >= again || held->tried > now;
}

static bool
is_chosen(struct scan_round *r, const struct conf_mirror *m)
{
	char *const *arg = r->ctl->arg;

	if (!m->enabled || m->rsync == NULL || m->one_file != NULL)
		return false;
	if (r->ctl->wanted)
		return is_wanted(r, m);
	if (*arg == NULL)
		return true;
	for (; *arg != NULL; arg++)
		if (strcmp(*arg, m->name) == 0)
			return true;
	return false;
}

/* Names that stand for nothing that can be scanned are mistakes of the command line. */
static int
check_names(const struct scan_round *r)
{
	int rc = 0;

	for (char *const *arg = r->ctl->arg; *arg != NULL; arg++) {
		uint16_t i = conf_find_mirror(r->conf, *arg);
		const struct conf_mirror *m = i != CONF_NONE ? &r->conf->mirrors[i] : NULL;

		if (m == NULL)
			rc = complain_of(*arg, "nearcast.conf has no mirror of that name");
		else if (!m->enabled)
			rc = complain_of(*arg, "it is not enabled");
		else if (m->rsync == NULL || m->one_file != NULL)
			rc = complain_of(*arg, "it has no `rsync`: it is known by samples alone");
	}
	return rc;
}

/* A process that scans a mirror holds the octet of the lock file that its name stands for. */
static bool
take_lock(const struct scan_round *r, const struct conf_mirror *m)
{
	static const uint8_t key[16];
	uint64_t place = siphash(key, (const uint8_t *)m->name, strlen(m->name));
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = (off_t)(place >> 2), .l_len = 1 };

	return fcntl(r->lock, F_SETLK, &lock) == 0;
}

static void
drop_lock(const struct scan_round *r, const struct conf_mirror *m)
{
	static const uint8_t key[16];
	uint64_t place = siphash(key, (const uint8_t *)m->name, strlen(m->name));
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET,
		.l_start = (off_t)(place >> 2), .l_len = 1 };

	fcntl(r->lock, F_SETLK, &lock);
}

/* ---- the scans ---- */

static struct scan_run *
start_scan(struct scan_round *r, const struct conf_mirror *m)
{
	struct scan_run *scan = calloc(1, sizeof(*scan));
	struct err err = { .text = "out of memory" };

	if (!take_lock(r, m)) {
		free(scan);
		/* a timer comes again; a person wants to know */
		if (!r->ctl->wanted)
			fprintf(stderr, "nearctl: mirror %s: is being scanned already\n", m->name);
		return NULL;
	}
	if (scan != NULL) {
		scan->mirror = m;
		scan->catalogue = r->catalogue;
		scan->force = r->ctl->force;
		if (scan_begin(scan, r->limit_ms, &err) == 0)
			return scan;
		free(scan);
	}
	drop_lock(r, m);
	r->bad = complain_of(m->name, err.text);
	return NULL;
}

static void
end_scan(struct scan_round *r, struct scan_run *scan)
{
	struct err words;
	enum scan_end end = scan_finish(scan, r->path, r->held, &words);

	if (end == SCAN_TAKEN)
		printf("mirror %s: %s\n", scan->mirror->name, words.text);
	else
		complain_of(scan->mirror->name, words.text);
	r->bad = r->bad || end == SCAN_FAILED || end == SCAN_KEPT;
	drop_lock(r, scan->mirror);
	scan_clear(scan);
	free(scan);
}

static void
scan_all(struct scan_round *r, size_t parallel)
{
	struct scan_run *scans[PARALLEL_MAX];
	struct rsync_list *lists[PARALLEL_MAX];
	size_t n = 0, next = 0;

	while (n != 0 || next < r->conf->n_mirrors) {
		while (n < parallel && next < r->conf->n_mirrors) {
			const struct conf_mirror *m = &r->conf->mirrors[next++];

			if (is_chosen(r, m) && (scans[n] = start_scan(r, m)) != NULL)
				n++;
		}
		for (size_t i = 0; i < n; i++)
			lists[i] = &scans[i]->list;
		if (n != 0)
			rsync_list_turn(lists, n, 1000);
		for (size_t i = 0; i < n;) {
			if (scans[i]->list.running) {
				i++;
				continue;
			}
			end_scan(r, scans[i]);
			scans[i] = scans[--n];
		}
	}
}

/* What is known of mirrors that nobody has any more. */
static void
forget_others(struct scan_round *r)
{
	struct err err;
	struct held_write *w = NULL;

	for (size_t i = 0; i < held_count(r->held); i++) {
		const char *name = held_at(r->held, i)->name;

		if (conf_find_mirror(r->conf, name) != CONF_NONE)
			continue;
		if (w == NULL && (w = held_write_open(r->path, &err)) == NULL)
			break;
		if (held_write_forget(w, name, &err) == 0)
			printf("mirror %s: forgotten, nearcast.conf has it no more\n", name);
	}
	held_write_close(w);
}

/* ---- the command ---- */

/* What a writer that was killed left half done, the next writer takes back; what cannot be read
 * even then is put aside: scans learn it again. */
static int
read_held(struct scan_round *r, struct err *err)
{
	if ((r->held = held_read(r->path, NULL, err)) != NULL)
		return 0;
	held_write_close(held_write_open(r->path, err));
	switch (held_write_aside(r->path, err)) {
	case 1:
		err_warn(&ctl_warn, "%s", err->text);
		r->bad = true;
		break;
	case -1:
		return -1;
	}
	r->held = held_read(r->path, NULL, err);
	return r->held != NULL ? 0 : -1;
}

static int
open_round(struct scan_round *r, struct err *err)
{
	char path[4200];

	if ((r->catalogue = catalogue_open(r->path, err)) == NULL)
		return -1;
	if (read_held(r, err) < 0)
		return -1;
	held_keep_of(r->held, catalogue_about(r->catalogue)->lineage);
	if ((r->lock = catalogue_db_lock_file(r->path, ".scan", err)) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/" MIRROR_FILE_NAME, r->conf->run_dir);
	/* none, or one that cannot be believed: healthd wants nothing */
	if (r->ctl->wanted && (mirror_file_read(&r->health, path, err) < 0 ||
	    !mirror_file_current(&r->health, clock_wall())))
		mirror_file_clear(&r->health);
	return 0;
}

static void
close_round(struct scan_round *r)
{
	mirror_file_clear(&r->health);
	held_free(r->held);
	catalogue_close(r->catalogue);
	conf_free(r->conf);
	if (r->lock >= 0)
		close(r->lock);
}

int
ctl_scan(const struct ctl *ctl)
{
	struct scan_round r = { .ctl = ctl, .lock = -1, .limit_ms = LIMIT_S * 1000 };
	uint64_t parallel = PARALLEL;
	struct err err = { .text = "" };

	if ((ctl->parallel != NULL &&
	    (!text_is_number(ctl->parallel, PARALLEL_MAX, &parallel) || parallel == 0)) ||
	    (ctl->limit != NULL && (r.limit_ms = ctl_seconds(ctl->limit) * 1000) == 0) ||
	    (ctl->wanted && *ctl->arg != NULL))
		return ctl_usage(ctl);
	signal(SIGPIPE, SIG_IGN);
	if ((r.conf = ctl_conf(ctl)) == NULL)
		return 1;
	r.path = ctl->catalogue != NULL ? ctl->catalogue : r.conf->redirect.catalogue;
	r.bad = check_names(&r) != 0;
	if (open_round(&r, &err) == 0) {
		scan_all(&r, parallel);
		if (*ctl->arg == NULL && !ctl->wanted)
			forget_others(&r);
	} else {
		err_warn(&ctl_warn, "%s", err.text);
		r.bad = true;
	}
	close_round(&r);
	return r.bad ? 1 : 0;
}
