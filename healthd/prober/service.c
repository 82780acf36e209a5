#include "healthd/prober/service.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "healthd/prober/operator.h"
#include "healthd/prober/report.h"

static void
say_done(struct service *s, const struct operator_command *c, const struct operator_done *done,
    FILE *out)
{
	const char *verb = c->verb == OPERATOR_OVERRIDE ? judge_override_name(c->override) :
	    c->verb == OPERATOR_UNDRAIN ? "undrain" : "clear";
	struct err err;

	if (c->verb == OPERATOR_NOTIFY) {
		fprintf(out, "pool %s: set %s is current\n", c->pattern, c->set);
		log_info("notify by %s: pool %s, set %s is current", c->by, c->pattern, c->set);
		return;
	}
	fprintf(out, "%s %s: %u server%s, %u site%s\n", verb, c->pattern, done->servers,
	    done->servers == 1 ? "" : "s", done->sites, done->sites == 1 ? "" : "s");
	if (done->sites > 0 && done->elsewhere)
		fprintf(out, "note: this is known here only; a whole site is drained by its own "
		    "healthd\n");
	log_info("%s %s by %s%s: %u servers, %u sites", verb, c->pattern, c->by,
	    c->for_s != 0 ? " for a time" : "", done->servers, done->sites);
	/* on the disk before it is confirmed */
	if (remember_override(s->remember, &err) < 0)
		fprintf(out, "note: in force, but it would not survive a restart: %s\n", err.text);
}

/* The configuration is the keeper's to read again; a mistake in it is told to whoever asks */
static enum control_result
reload(const struct service *s, FILE *out, struct err *err)
{
	struct conf *conf = conf_read_again(s->core->conf, NULL, err);

	if (conf == NULL)
		return CONTROL_ERROR;
	conf_free(conf);
	if (!link_heard(s->link) || kill(getppid(), SIGHUP) < 0) {
		err_set(err, "there is no keeper that could be asked");
		return CONTROL_ERROR;
	}
	fprintf(out, "healthd reads its configuration again\n");
	return CONTROL_OK;
}

/* A site is drained only when its verdict says so, and its route is gone, too. */
static uint64_t
left_ms(struct service *s, const struct operator_done *done)
{
	bool posture_known = s->core->conf->announce.enabled && link_heard(s->link);

	if (done->left_ms != 0 || done->sites == 0 || !done->here)
		return done->left_ms;
	link_tell(s->link);
	if (message_is_draining(&s->link->verdict))
		return 1;
	return message_is_drained(&s->link->verdict) && posture_known &&
	    s->link->posture.posture != POSTURE_DOWN;
}

static enum control_result
handle(void *arg, uint64_t request, const char *line, FILE *out, struct err *err)
{
	struct service *s = arg;
	struct operator_command c;
	struct operator_done done;

	(void)request;
	if (strcmp(line, "reload") == 0)
		return reload(s, out, err);
	if (operator_parse(&c, line, err) < 0)
		return CONTROL_ERROR;
	if (c.verb == OPERATOR_STATUS) {
		const struct core *core = s->core;
		const struct report r = { core->conf, core->judge, &core->alarms, s->link,
		    &s->publish->file, core->started, core_now(core) };

		if (!c.json)
			report_text(&r, out);
		else if (report_json(&r, out) < 0) {
			err_set(err, "out of memory");
			return CONTROL_ERROR;
		}
		return CONTROL_OK;
	}
	if (operator_apply(s->core->judge, &c, core_now(s->core), &done, err) < 0)
		return CONTROL_ERROR;
	if (c.verb == OPERATOR_LEFT) {
		fprintf(out, "%llu\n", (unsigned long long)left_ms(s, &done));
		return CONTROL_OK;
	}
	say_done(s, &c, &done, out);
	return CONTROL_OK;
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
