/*
 * keeper_reload: another configuration in the place of the one in force, and who asked for it.
 *
 * A reload is asked for by SIGHUP or by a line on the keeper's own control socket, keeper.sock
 * (control.h), which is there as long as the keeper is: the prober's is away while a reload starts
 * another prober.  The keeper reads the file, a child without privileges tries what the keeper
 * must not touch (trial.h), then the parts that follow the configuration are opened anew and the
 * prober is started again.  Whoever asked is answered when that prober has been heard, or with
 * the reason why everything stays as it was.
 *
 * One reload at a time.  Those who ask while one is under way may know a file that it has not
 * read: all of them are answered by the next, which begins when it is over.
 *
 *   idle -> trial -> settling -> idle        with `again`: on to the next trial
 *
 * `try` asks for a reload that ends with the trial: would the file be taken?  nearctl asks so
 * before it tells dnsd, for a configuration that only one of them takes leaves two.  What needs a
 * restart is no reason against it.
 *
 * struct keeper_reload has the state; the loop's thread only.  The third line that the socket
 * knows, `digest`, only tells which configuration is in force.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "healthd/route/keeper_inner.h"

#define SETTLE_MS 5000			/* that a new prober may be silent before it is no news */
#define REFUSED "not reloaded: "	/* nearctl knows these two */
#define RESTART "restart needed: "

/* ---- who waits ---- */

static void
answer_waiting(struct keeper_reload *r, const char *reason, const char *text)
{
	for (size_t i = 0; i < r->n_now; i++)
		control_finish(r->control, r->now[i], reason, text);
	r->n_now = 0;
}

/* A warning of the file is the log's, and told to whoever waits. */
static void
keep_warning(void *arg, const char *line)
{
	struct keeper_reload *r = arg;
	size_t used = strlen(r->said);

	log_warn_lines.line(log_warn_lines.arg, line);
	snprintf(r->said + used, sizeof(r->said) - used, "healthd: warning: %s\n", line);
}

/* ---- the reload ---- */

/* What a running keeper cannot change any more without its former privileges. */
static const char *
fixed_option(const struct conf *old, const struct conf *new)
{
	const struct conf_announce *was = &old->announce, *is = &new->announce;

	if (strcmp(old->run_dir, new->run_dir) != 0)
		return "run-dir";
	if ((old->user == NULL) != (new->user == NULL) ||
	    (old->user != NULL && strcmp(old->user, new->user) != 0))
		return "user";
	if (was->enabled != is->enabled)
		return "announce (given or not)";
	if (was->enabled && was->via != is->via)
		return "announce: via";
	if (was->enabled && strcmp(was->interface, is->interface) != 0)
		return "announce: interface";
	return NULL;
}

static void begin_reload(struct keeper *k);

static bool
is_asked_for(const struct keeper_reload *r)
{
	return r->again || r->n_tries > 0;
}

/* The reload is over: those who have asked since it began have the next. */
static void
end_reload(struct keeper *k, const char *reason)
{
	struct keeper_reload *r = &k->reload;

	answer_waiting(r, reason, reason == NULL ? r->said : NULL);
	r->state = RELOAD_IDLE;
	if (is_asked_for(r))
		begin_reload(k);
}

/* `told`: the log has it all already, `why` is the first of it. */
static void
refuse_reload(struct keeper *k, const char *why, bool told)
{
	char reason[sizeof(((struct err *)0)->text) + sizeof(REFUSED)];

	snprintf(reason, sizeof(reason), REFUSED "%s", why);
	if (told)
		log_error("reload refused; the old configuration stays");
	else
		log_error("reload: %s; the old configuration stays", why);
	keeper_alarm(k, KEEPER_ALARM_RELOAD, "reload refused: %s", why);
	conf_free(k->fresh);
	k->fresh = NULL;
	end_reload(k, reason);
}

/* Whom the reload that begins is for: whoever wants one, or else those who want a try. */
static void
take_waiting(struct keeper_reload *r)
{
	const uint64_t *from = r->again ? r->next : r->tries;
	size_t *n = r->again ? &r->n_next : &r->n_tries;

	r->dry = !r->again;
	r->again = false;
	memcpy(r->now, from, *n * sizeof(r->now[0]));
	r->n_now = *n;
	*n = 0;
	r->said[0] = '\0';
}

/* Reads the file and sends a child ahead, which looks at what the keeper must not touch. */
static void
begin_reload(struct keeper *k)
{
	struct keeper_reload *r = &k->reload;
	const struct warn warn = { keep_warning, r }, *error = r->dry ? NULL : &log_error_lines;
	const char *fixed = NULL;
	struct err err;

	assert(r->state == RELOAD_IDLE && k->fresh == NULL);
	r->state = RELOAD_TRIAL;
	take_waiting(r);
	k->fresh = conf_read_again(k->conf, r->dry ? NULL : &warn, error, &err);
	if (k->fresh != NULL && !r->dry) {
		fixed = fixed_option(k->conf, k->fresh);
		if (fixed != NULL)
			err_set(&err, RESTART "%s (%s)", fixed, k->fresh->path);
	}
	k->last_ms = clock_mono().ms;		/* a long file is not a loop that stood still */
	if (k->fresh == NULL || fixed != NULL || trial_start(&k->trial, k->fresh, &err) < 0)
		refuse_reload(k, err.text, err.told != 0);
}

void
keeper_reload_tried(struct trial *trial, const char *reason)
{
	struct keeper *k = LOOP_OWNER(trial, struct keeper, trial);
	struct err err;

	assert(k->fresh != NULL && k->reload.state == RELOAD_TRIAL);
	if (reason != NULL) {
		refuse_reload(k, reason, false);
		return;
	}
	if (k->reload.dry) {
		keeper_alarm(k, KEEPER_ALARM_RELOAD, NULL);
		conf_free(k->fresh);
		k->fresh = NULL;
		end_reload(k, NULL);
		return;
	}
	if (k->reload.take(k, &err) < 0) {
		refuse_reload(k, err.text, false);
		return;
	}
	keeper_alarm(k, KEEPER_ALARM_RELOAD, NULL);
	log_info("configuration read again");
	k->last_ms = clock_mono().ms;
	k->reload.state = RELOAD_SETTLING;
	k->reload.settle_ms = k->last_ms + SETTLE_MS;
}

static bool
prober_is_heard(const struct keeper *k)
{
	return k->child.pid != 0 && k->child.spoke;
}

void
keeper_reload_turn(struct keeper *k, uint64_t now_ms)
{
	struct keeper_reload *r = &k->reload;
	size_t used = strlen(r->said);

	if (r->state == RELOAD_IDLE && is_asked_for(r))
		begin_reload(k);
	if (r->state != RELOAD_SETTLING)
		return;
	if (!prober_is_heard(k) && now_ms < r->settle_ms)
		return;
	snprintf(r->said + used, sizeof(r->said) - used, "healthd: configuration %s is in "
	    "force%s\n", k->conf->digest, prober_is_heard(k) ? "" :
	    "; its prober has said nothing yet");
	end_reload(k, NULL);
}

/* ---- the socket ---- */

static enum control_result
handle_line(void *arg, uint64_t request, const char *line, FILE *out, struct err *err)
{
	struct keeper *k = arg;
	struct keeper_reload *r = &k->reload;

	if (strcmp(line, "digest") == 0) {
		fprintf(out, "%s\n", k->conf->digest);
		return CONTROL_OK;
	}
	if (strcmp(line, "reload") != 0 && strcmp(line, "try") != 0) {
		err_set(err, "no command \"%.100s\": reload, try, digest or watch was expected",
		    line);
		return CONTROL_ERROR;
	}
	if (r->n_next == CONTROL_MAX_CONNECTIONS || r->n_tries == CONTROL_MAX_CONNECTIONS) {
		err_set(err, REFUSED "too many wait for a reload");
		return CONTROL_ERROR;
	}
	if (*line == 't') {
		r->tries[r->n_tries++] = request;
	} else {
		r->next[r->n_next++] = request;
		r->again = true;
	}
	/* it begins at the end of this turn */
	return CONTROL_LATER;
}

int
keeper_reload_open(struct keeper *k, int (*take)(struct keeper *, struct err *), struct err *err)
{
	char path[4200];

	k->reload.take = take;
	snprintf(path, sizeof(path), "%s/keeper.sock", k->conf->run_dir);
	k->reload.control = control_listen(k->loop, path, handle_line, k, err);
	return k->reload.control == NULL ? -1 : 0;
}

void
keeper_reload_close(struct keeper *k)
{
	control_close(k->reload.control);
}
