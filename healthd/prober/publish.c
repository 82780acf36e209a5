#include "healthd/prober/publish.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum {
	RETRY_MS = 200,
	MARGIN_MS = 100,
	/* A prober that hangs is killed after 3 s; until the next one has written what memory
	 * knows, the last file must be believed, however short the lease of the route is. */
	LEASE_MIN_MS = 5000
};

/* Generations never repeat, also after a restart; and until the keeper says what the route is, it
 * is what the file before says. */
static void
take_over(struct publish *p)
{
	const struct conf *conf = p->core->conf;
	struct health_file old;
	struct err err;

	p->before = (struct health_site){ .posture = POSTURE_DOWN, .since = p->core->started };
	health_reason(p->before.reason, "the keeper has not said yet");
	if (health_file_read(&old, conf->health_file, &err) < 0) {
		core_step(p->core, &(struct judge_event){ .kind = JUDGE_UNPUBLISHED });
		return;
	}
	/* a dnsd that knows no health hands out what is drained, too: until now it may have */
	if (clock_wall() - old.stamp >= old.lease_ms / 1000.0)
		core_step(p->core, &(struct judge_event){ .kind = JUDGE_UNPUBLISHED });
	p->file.generation = old.generation;
	for (size_t i = 0; i < old.n_sites; i++)
		if (conf->here != NULL && strcmp(old.sites[i].name, conf->here) == 0)
			p->before = old.sites[i];
	health_file_clear(&old);
}

int
publish_open(struct publish *p, struct core *core, const struct link *link, struct err *err)
{
	struct health_file *f = &p->file;
	const struct conf *conf = core->conf;

	p->core = core;
	p->link = link;
	f->sites = calloc(conf->n_sites + 1, sizeof(*f->sites));
	f->servers = calloc(conf->n_servers + 1, sizeof(*f->servers));
	if (f->sites == NULL || f->servers == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < conf->n_servers; i++)
		snprintf(f->servers[i].name, sizeof(f->servers[i].name), "%s",
		    conf->servers[i].name);
	f->n_servers = conf->n_servers;
	f->lease_ms = conf->announce.lease_ms > LEASE_MIN_MS ? conf->announce.lease_ms :
	    LEASE_MIN_MS;
	take_over(p);
	p->judge_changes = UINT64_MAX;
	return 0;
}

void
publish_close(struct publish *p)
{
	health_file_clear(&p->file);
}

void
publish_within(struct publish *p, uint32_t ms)
{
	uint64_t at_ms = loop_now(p->core->loop) + ms;

	if (at_ms < p->due_ms)
		p->due_ms = at_ms;
}

/* This site as the keeper tells it.  Others are no business of this file. */
static void
fill_sites(struct publish *p)
{
	const struct conf *conf = p->core->conf;
	const struct posture_message *m = &p->link->posture;
	const struct verdict_message *v = &p->link->verdict;
	struct health_site *s = &p->file.sites[0];

	p->file.n_sites = 0;
	if (conf->here_site >= conf->n_sites)
		return;
	p->file.n_sites = 1;
	snprintf(s->name, sizeof(s->name), "%s", conf->sites[conf->here_site].name);
	if (link_heard(p->link)) {
		assert(m->posture <= POSTURE_SERVING);
		s->posture = (enum health_posture)m->posture;
		s->since = m->since;
		health_reason(s->reason, m->reason);
	} else {
		s->posture = p->before.posture;
		s->since = p->before.since;
		health_reason(s->reason, p->before.reason);
	}
	/* other sites learn of a drain from this, whatever the route does meanwhile */
	s->drain_said = true;
	s->drain = message_is_draining(v) || message_is_drained(v);
	if (s->drain)
		health_reason(s->reason, message_reason(v));
}

static void
fill_servers(struct publish *p)
{
	const struct judge *judge = p->core->judge;
	struct judge_time replaced = core_now(p->core);

	/* a TTL must hold for as long as it stands in the file */
	replaced.mono_ms += p->file.lease_ms / 3;

	for (size_t i = 0; i < p->file.n_servers; i++) {
		const struct judge_server *from = &judge->servers[i];
		struct health_server *to = &p->file.servers[i];

		to->state = from->state;
		to->v4 = from->v4;
		to->v6 = from->v6;
		to->since = from->since;
		to->weight = from->weight;
		to->ttl_s = judge_ttl(judge, i, replaced);
		memcpy(to->set, from->set, sizeof(to->set));
		memcpy(to->reason, from->reason, sizeof(to->reason));
	}
}

int
publish_now(struct publish *p, struct err *err)
{
	uint64_t began, took;
	int done;

	fill_sites(p);
	fill_servers(p);
	p->file.generation++;
	p->file.stamp = clock_wall();
	began = clock_mono().ms;
	core_lend(p->core);
	done = health_file_write(&p->file, p->core->conf->health_file, err);
	core_reserve(p->core);
	if (done < 0) {
		alarm_raise(&p->core->alarms, ALARM_PUBLISH, 0,
		    "health file not written, the old one stands: %s", err->text);
		p->due_ms = p->earliest_ms = began + RETRY_MS;
		/* nor has a drain begun for dnsd */
		core_step(p->core, &(struct judge_event){ .kind = JUDGE_UNPUBLISHED });
		return -1;
	}
	alarm_over(&p->core->alarms, ALARM_PUBLISH);
	took = clock_mono().ms - began;
	p->judge_changes = p->core->judge->changes;
	p->link_changes = p->link->changes;
	/* before a third of the lease, for the next turn may be a tick away */
	p->due_ms = began + p->file.lease_ms / 3 - CORE_TICK_MS - MARGIN_MS;
	p->earliest_ms = began + took * 10;	/* on a slow disk, a tenth of our time at most */
	return 0;
}

void
publish_turn(struct publish *p)
{
	const struct judge *judge = p->core->judge;
	uint64_t now_ms = loop_now(p->core->loop);
	bool changed = judge->changes != p->judge_changes || p->link->changes != p->link_changes;
	struct err err;

	if (now_ms >= p->earliest_ms && (changed || now_ms >= p->due_ms))
		publish_now(p, &err);
}
