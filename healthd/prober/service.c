#include "healthd/prober/service.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "healthd/prober/report.h"
#include "healthd/prober/sets.h"

enum { DNSD_FRESH_MS = 3000 };		/* how old what our own dnsd says may be */

static const char *
verb_of(const struct operator_command *c)
{
	return c->verb == OPERATOR_OVERRIDE ? judge_override_name(c->override) :
	    c->verb == OPERATOR_UNDRAIN ? "undrain" : "clear";
}

/* A time of day that was over is tomorrow's, and whoever said it should know. */
static void
say_begin(uint64_t at_s, FILE *out)
{
	char when[32], left[TEXT_DURATION];
	time_t at = (time_t)at_s, now = time(NULL);
	struct tm tm;

	if (at > now && gmtime_r(&at, &tm) != NULL &&
	    strftime(when, sizeof(when), "%F %TZ", &tm) > 0)
		fprintf(out, "begins at %s, in %s\n", when, text_duration((double)(at - now) +
		    1, left));
}

static void
say_done(struct service *s, const struct operator_command *c, const struct operator_done *done,
    FILE *out)
{
	fprintf(out, "%s %s: %u server%s, %u site%s\n", verb_of(c), c->pattern, done->servers,
	    done->servers == 1 ? "" : "s", done->sites, done->sites == 1 ? "" : "s");
	if (c->at_s != 0)
		say_begin(c->at_s, out);
	if (done->sites > 0 && done->elsewhere)
		fprintf(out, "note: this is known here only; a whole site is drained by its own "
		    "healthd\n");
	log_info("%s %s by %s%s%s%s: %u server%s, %u site%s", verb_of(c), c->pattern, c->by,
	    c->for_s != 0 ? " for a time" : "", c->reason[0] != '\0' ? ": " : "", c->reason,
	    done->servers, done->servers == 1 ? "" : "s", done->sites,
	    done->sites == 1 ? "" : "s");
	history_word(s->history, c, done);
}

/* Taking back what is not there is a slip in the name, or somebody was quicker: whoever relies on
 * it must know. */
static int
check_hit(const struct operator_command *c, const struct operator_done *done, struct err *err)
{
	if ((c->verb != OPERATOR_UNDRAIN && c->verb != OPERATOR_CLEAR) ||
	    done->servers + done->sites != 0)
		return 0;
	return err_set(err, "nothing to take back: \"%s\" %s", c->pattern,
	    c->verb == OPERATOR_UNDRAIN ? "is not drained" : "has no word of an operator's");
}

/* On the disk, and with dnsd, before it is confirmed. */
static enum control_result
confirm(struct service *s, const struct operator_command *c, const struct operator_done *done,
    FILE *out, struct err *err)
{
	struct err reason;

	if (remember_override(s->remember, &reason) < 0)
		fprintf(out, "note: in force, but it would not survive a restart: %s\n",
		    reason.text);
	link_tell(s->link);
	if (publish_now(s->publish, &reason) < 0) {
		err_set(err, "%s %s is kept, but dnsd does not know of it yet: %s", verb_of(c),
		    c->pattern, reason.text);
		return CONTROL_ERROR;
	}
	if (c->wait)
		fprintf(out, "id %llu\n", (unsigned long long)done->id);
	return CONTROL_OK;
}

/* Does a running dnsd of ours still say that the site does not drain?  One that does not answer
 * hands out nothing. */
static bool
dnsd_disagrees(const struct core *core)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/dnsd.sock", core->conf->run_dir);
	return core->dnsd_ms != 0 && !core->dnsd_drains &&
	    loop_now(core->loop) < core->dnsd_ms + DNSD_FRESH_MS && access(path, F_OK) == 0;
}

/* A site is drained only when its verdict says so, dnsd does, and its route is gone, too. */
static uint64_t
left_ms(struct service *s, const struct operator_done *done)
{
	const struct core *core = s->core;

	if (done->left_ms != 0 || done->sites == 0 || !done->here)
		return done->left_ms;
	link_tell(s->link);
	if (!message_is_drained(&s->link->verdict) || dnsd_disagrees(core))
		return 1;
	/* a keeper that has said nothing yet has not said that the route is gone */
	return core->conf->announce.enabled && (!link_heard(s->link) ||
	    s->link->posture.posture != POSTURE_DOWN);
}

static enum control_result
status(struct service *s, bool json, bool all, FILE *out, struct err *err)
{
	const struct core *core = s->core;
	const struct report r = { core->conf, core->judge, &core->alarms, s->link,
	    &s->publish->file, core->started, core_now(core) };

	if (!json)
		report_text(&r, all, out);
	else if (report_json(&r, out) < 0) {
		err_set(err, "out of memory");
		return CONTROL_ERROR;
	}
	return CONTROL_OK;
}

static enum control_result
say_notified(const struct operator_command *c, FILE *out)
{
	fprintf(out, "pool %s: set %s is current\n", c->pattern, c->set);
	log_info("notify by %s: pool %s, set %s is current", c->by, c->pattern, c->set);
	return CONTROL_OK;
}

static enum control_result
sets(struct service *s, const struct operator_command *c, FILE *out)
{
	if (c->ask)
		content_ask(s->content);
	sets_print(s->content, out);
	return CONTROL_OK;
}

static enum control_result
handle(void *arg, uint64_t request, const char *line, FILE *out, struct err *err)
{
	struct service *s = arg;
	struct operator_command c;
	struct operator_done done;

	(void)request;
	if (operator_parse(&c, line, err) < 0)
		return CONTROL_ERROR;
	if (c.verb == OPERATOR_STATUS)
		return status(s, c.json, c.all, out, err);
	if (c.verb == OPERATOR_SETS)
		return sets(s, &c, out);
	if (c.verb == OPERATOR_LOG)
		return history_print(s->history, c.pattern, out, err) == 0 ? CONTROL_OK :
		    CONTROL_ERROR;
	if (operator_apply(s->core->judge, &c, core_now(s->core), &done, err) < 0 ||
	    check_hit(&c, &done, err) < 0)
		return CONTROL_ERROR;
	if (c.verb == OPERATOR_NOTIFY)
		return say_notified(&c, out);
	if (c.verb == OPERATOR_LEFT) {
		fprintf(out, "%llu\n", (unsigned long long)left_ms(s, &done));
		return CONTROL_OK;
	}
	say_done(s, &c, &done, out);
	return confirm(s, &c, &done, out, err);
}

int
service_open(struct service *s, struct err *err)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/healthd.sock", s->core->conf->run_dir);
	s->control = control_listen(s->core->loop, path, handle, s, err);
	return s->control == NULL ? -1 : 0;
}

void
service_close(struct service *s)
{
	control_close(s->control);
}
