#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "healthd/prober/prober_inner.h"

enum { RETRY_MS = 200, MARGIN_MS = 100 };

/* So that a generation never repeats, also after a restart. */
static uint64_t
last_generation(const char *path)
{
	struct health_file old;
	struct err err;
	uint64_t generation = 0;

	if (health_file_read(&old, path, &err) == 0) {
		generation = old.generation;
		health_file_clear(&old);
	}
	return generation;
}

int
publish_open(struct prober *p, struct err *err)
{
	struct health_file *f = &p->publish.file;
	const struct conf *conf = p->conf;

	f->sites = calloc(conf->n_sites + 1, sizeof(*f->sites));
	f->servers = calloc(conf->n_servers + 1, sizeof(*f->servers));
	if (f->sites == NULL || f->servers == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < conf->n_servers; i++)
		snprintf(f->servers[i].name, sizeof(f->servers[i].name), "%s", conf->servers[i].name);
	f->n_servers = conf->n_servers;
	f->lease_ms = conf->announce.lease_ms != 0 ? conf->announce.lease_ms : 5000;
	f->generation = last_generation(conf->health_file);
	p->publish.changes = UINT64_MAX;
	return 0;
}

void
publish_close(struct prober *p)
{
	health_file_clear(&p->publish.file);
}

/* Our own site as the keeper tells it; others only as far as they drain. */
static void
fill_sites(struct prober *p)
{
	struct health_file *f = &p->publish.file;
	const struct posture_message *m = &p->posture;
	struct health_site *s;

	f->n_sites = 0;
	if (p->conf->here_site >= p->conf->n_sites)
		return;
	s = &f->sites[f->n_sites++];
	snprintf(s->name, sizeof(s->name), "%s", p->conf->sites[p->conf->here_site].name);
	if (m->magic == MESSAGE_POSTURE) {
		s->posture = m->posture <= POSTURE_SERVING ? (enum health_posture)m->posture : POSTURE_DOWN;
		s->since = m->since;
		health_reason(s->reason, m->reason);
	} else {
		s->posture = POSTURE_DOWN;
		s->since = p->started;
		health_reason(s->reason, "the keeper has not said yet");
	}
	/* other sites learn of a drain from this word, whatever the route does meanwhile */
	if (p->verdict.verdict == VERDICT_DRAIN || p->verdict.verdict == VERDICT_DRAINED)
		health_reason(s->reason, p->verdict.reason);
}

static void
fill_servers(struct prober *p, struct judge_time now)
{
	struct health_file *f = &p->publish.file;

	for (size_t i = 0; i < f->n_servers; i++) {
		const struct judge_server *from = &p->judge->servers[i];
		struct health_server *to = &f->servers[i];

		to->state = from->state;
		to->v4 = from->v4;
		to->v6 = from->v6;
		to->since = from->since;
		to->weight = from->weight;
		to->ttl_s = judge_ttl(p->judge, i, now);
		memcpy(to->set, from->set, sizeof(to->set));
		memcpy(to->reason, from->reason, sizeof(to->reason));
	}
}

static void
write_file(struct prober *p, uint64_t changes)
{
	struct publish *pub = &p->publish;
	struct err err;
	uint64_t began, took;

	pub->file.generation++;
	pub->file.stamp = clock_wall();
	began = clock_mono().ms;
	if (health_file_write(&pub->file, p->conf->health_file, &err) < 0) {
		prober_alarm(p, ALARM_PUBLISH, 0, "health file not written, the old one stands: %s", err.text);
		pub->due_ms = pub->earliest_ms = began + RETRY_MS;
		return;
	}
	prober_alarm_over(p, ALARM_PUBLISH);
	took = clock_mono().ms - began;
	pub->changes = changes;
	pub->posture_changed = false;
	/* before a third of the lease, for the next turn may be a tick away */
	pub->due_ms = began + pub->file.lease_ms / 3 - PROBER_TICK_MS - MARGIN_MS;
	pub->earliest_ms = began + took * 10;
}

void
publish_turn(struct prober *p)
{
	struct publish *pub = &p->publish;
	uint64_t now_ms = loop_now(p->loop), changes = p->judge->changes;
	bool changed = changes != pub->changes || pub->posture_changed;

	/* nothing is said before the first round is over */
	if (!p->judge->first_round_over || !content_ready(p))
		return;
	if (now_ms < pub->earliest_ms || (!changed && now_ms < pub->due_ms))
		return;
	fill_sites(p);
	fill_servers(p, prober_now(p));
	write_file(p, changes);
}
