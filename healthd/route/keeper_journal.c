#include "healthd/route/keeper_journal.h"

#include "common/conf/conf_log.h"
#include "common/log.h"

enum { LINE = 2048 };

struct spool *
keeper_journal_open(const struct conf *conf)
{
	struct spool *spool;
	struct err err;

	spool = conf_log_open(conf, "keeper", &err);
	if (spool == NULL && err.text[0] != '\0')
		log_warn("%s: nothing is logged to %s", err.text, conf->log.spool);
	keeper_journal_event(spool, "start", NULL);
	return spool;
}

void
keeper_journal_posture(struct spool *spool, const char *prefix, enum health_posture was,
    enum health_posture now, const char *reason)
{
	struct members m;
	char text[LINE];

	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", "posture");
	members_string(&m, "prefix", prefix);
	members_string(&m, "was", health_posture_name(was));
	members_string(&m, "now", health_posture_name(now));
	members_string(&m, "why", reason);
	members_end(&m);
	spool_line(spool, text);
}

void
keeper_journal_event(struct spool *spool, const char *event, const char *why)
{
	struct members m;
	char text[LINE];

	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", event);
	members_string(&m, "why", why);
	members_end(&m);
	spool_line(spool, text);
}

void
keeper_journal_alarm(struct spool *spool, const char *alarm, bool over)
{
	keeper_journal_event(spool, over ? "alarm-over" : "alarm", alarm);
}

void
keeper_journal_close(struct spool *spool)
{
	spool_close(spool);
}
