#include "dnsd/journal.h"

#include <unistd.h>

#include "common/conf/conf_log.h"
#include "common/log.h"

enum { LINE = 4096 };

static void
put_line(struct spool *spool, struct members *m)
{
	members_end(m);
	spool_line(spool, m->start);
}

struct spool *
journal_open(const struct conf *conf)
{
	struct spool *spool;
	struct members m;
	char text[LINE];
	struct err err;

	spool = conf_log_open(conf, "dnsd", &err);
	if (spool == NULL && err.text[0] != '\0')
		log_warn("%s: nothing is logged to %s", err.text, conf->log.spool);
	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", "start");
	members_string(&m, "version", VERSION);
	members_number(&m, "pid", (uint64_t)getpid());
	members_string(&m, "site", conf->here);
	put_line(spool, &m);
	return spool;
}

void
journal_generation(struct spool *spool, const struct generation *gen, const char *why,
    const char *said)
{
	struct members m;
	char text[LINE];

	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", "generation");
	members_number(&m, "gen", gen->number);
	members_string(&m, "why", why);
	members_string(&m, "digest", gen->conf->digest);
	members_number(&m, "zones", gen->n_loaded);
	members_number(&m, "zones_configured", gen->n_zones);
	members_string(&m, "posture", gen->site.posture);
	if (said[0] != '\0')
		members_string(&m, "said", said);
	put_line(spool, &m);
}

void
journal_refused(struct spool *spool, uint64_t generation, const char *why)
{
	struct members m;
	char text[LINE];

	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", "reload-failed");
	members_number(&m, "gen", generation);
	members_string(&m, "why", why);
	put_line(spool, &m);
}

void
journal_health(struct spool *spool, const struct health *health)
{
	struct members m;
	char text[LINE];

	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", "health");
	members_bool(&m, "believed", health->trust == HEALTH_FRESH);
	members_number(&m, "file_generation", health->file.generation);
	if (health->trust != HEALTH_FRESH)
		members_string(&m, "why", health->why);
	put_line(spool, &m);
}

void
journal_follow(struct spool *spool, const struct conf *conf)
{
	if (conf->log.enabled)
		spool_limit(spool, conf->log.max);
}

void
journal_close(struct spool *spool)
{
	spool_close(spool);
}
