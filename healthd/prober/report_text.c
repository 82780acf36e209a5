/*
 * report_text: the status for people (report.h).
 *
 * First what is of the whole: the verdict, the alarms (lines that begin with ALARM, which nearctl
 * collects and does not show twice), operators' words about sites, the sets that are current.
 *
 * Then a line for each server, and one for each of its checks.  Of more than MANY servers only the
 * numbers are told, by pool and site, and the first ODD_SHOWN of those that are not plainly up:
 * in five thousand lines nobody finds the three that matter.
 *
 * Nothing here is worked out that the judge does not know.  Only reads.  One thread, the prober's.
 */
#include "healthd/prober/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum { MANY = 60, ODD_SHOWN = 40 };

/* The site of a server. */
static const char *
site_of(const struct report *p, const struct judge_server *s)
{
	return s->conf->site < p->conf->n_sites ? p->conf->sites[s->conf->site].name : "-";
}

/* The address of a target's server that it stands for. */
static const struct addr *
address_of(const struct judge *judge, const struct judge_target *t)
{
	const struct conf_server *server = judge->servers[t->server].conf;

	return t->family == 4 ? &server->v4 : &server->v6;
}

static void
text_override(FILE *out, const struct judge_override *w, struct judge_time now)
{
	char since[TEXT_DURATION], left[TEXT_DURATION];

	if (w->at > now.wall)
		fprintf(out, "%s by %s in %s", judge_override_name(w->kind), w->by,
		    text_age(w->at - now.wall, since));
	else
		fprintf(out, "%s by %s for %s", judge_override_name(w->kind), w->by,
		    text_age(now.wall - w->at, since));
	if (w->until_ms != 0)
		fprintf(out, ", %s left", text_age(w->until_ms > now.mono_ms ?
		    (double)(w->until_ms - now.mono_ms) / 1e3 : 0, left));
	if (w->reason[0] != '\0')
		fprintf(out, ": %s", w->reason);
}

/* Both what is in force and what is planned. */
static void
text_word(FILE *out, const struct judge_word *w, struct judge_time now)
{
	if (w->override.kind != OVERRIDE_NONE)
		text_override(out, &w->override, now);
	if (w->planned.kind == OVERRIDE_NONE)
		return;
	if (w->override.kind != OVERRIDE_NONE)
		fprintf(out, "; ");
	text_override(out, &w->planned, now);
}

/* One address and one check of it, which is named where there are several. */
static void
text_target(const struct report *p, FILE *out, const struct judge_target *t, struct judge_time now)
{
	char age[TEXT_DURATION], address[ADDR_TEXT], detail[HEALTH_REASON_MAX];
	bool several = p->judge->servers[t->server].n_checks > 1;

	fprintf(out, "  %-38s %-8s %-8s %8.1f ms %5s ago  %s%s%s\n",
	    addr_text(address_of(p->judge, t), address),
	    health_state_name(judge_target_state(t)),
	    result_reason_name(t->reason), t->latency_us / 1e3,
	    t->last_wall > 0 ? text_age(now.wall - t->last_wall, age) : "-",
	    several ? t->check->name : "", several && t->detail[0] != '\0' ? ": " : "",
	    health_reason(detail, t->detail));
}

static void
text_server(const struct report *p, FILE *out, size_t i, struct judge_time now)
{
	const struct judge_server *s = &p->judge->servers[i];
	char since[TEXT_DURATION];

	fprintf(out, "%-16s %-10s %-8s %-7s %5s %4u%% %-16s %s", s->conf->name,
	    site_of(p, s), p->conf->pools[s->conf->pool].name,
	    health_state_name(s->state), text_age(now.wall - s->since, since), s->weight,
	    s->set[0] != '\0' ? s->set : "-", s->reason);
	if (judge_word_said(&s->word)) {
		fprintf(out, " [");
		text_word(out, &s->word, now);
		fprintf(out, "]");
	}
	fprintf(out, "\n");
	for (unsigned f = 0; f < 2; f++)
		for (unsigned k = 0; s->target[f] >= 0 && k < s->n_checks; k++)
			text_target(p, out, judge_target_of(p->judge, s, f, k), now);
}

/* Nothing is to be said of it but that it is up. */
static bool
is_plain(const struct judge_server *s)
{
	return s->state == HEALTH_UP && !judge_word_said(&s->word) && s->weight == 100 &&
	    (strcmp(s->reason, "ok") == 0 || strcmp(s->reason, "not checked") == 0);
}

struct state_count {
	unsigned n, in[HEALTH_DOWN + 1];
};

/* "pool p at fra: 500 servers: 498 up, 2 down", a line for each pool and site that has any. */
static void
text_tally(const struct report *p, FILE *out, size_t pool, size_t site, const struct state_count *t)
{
	if (t->n == 0)
		return;
	fprintf(out, "pool %s at %s: %u %s:", p->conf->pools[pool].name, site < p->conf->n_sites ?
	    p->conf->sites[site].name : "-", t->n, t->n == 1 ? "server" : "servers");
	for (unsigned state = 0, said = 0; state <= HEALTH_DOWN; state++)
		if (t->in[state] > 0)
			fprintf(out, "%s %u %s", said++ > 0 ? "," : "", t->in[state],
			    health_state_name((enum health_state)state));
	fputc('\n', out);
}

static void
text_tallies(const struct report *p, FILE *out)
{
	size_t n_pools = p->conf->n_pools, width = p->conf->n_sites + 1;
	struct state_count *all = calloc(n_pools * width + 1, sizeof(*all));

	for (size_t i = 0; all != NULL && i < p->conf->n_servers; i++) {
		const struct judge_server *s = &p->judge->servers[i];
		size_t site = s->conf->site < width ? s->conf->site : width - 1;
		struct state_count *t = &all[s->conf->pool * width + site];

		t->n++;
		t->in[s->state]++;
	}
	for (size_t i = 0; all != NULL && i < n_pools * width; i++)
		text_tally(p, out, i / width, i % width, &all[i]);
	free(all);
}

static void
text_head(FILE *out)
{
	fprintf(out, "%-16s %-10s %-8s %-7s %5s %5s %-16s %s\n", "SERVER", "SITE", "POOL",
	    "STATE", "SINCE", "WGHT", "SET", "REASON");
}

/* Of many servers only how many are what, and the first of those that are not plainly up. */
static void
text_many(const struct report *p, FILE *out)
{
	size_t odd = 0;

	text_tallies(p, out);
	for (size_t i = 0; i < p->conf->n_servers; i++) {
		if (is_plain(&p->judge->servers[i]))
			continue;
		if (odd == 0)
			text_head(out);
		if (odd++ < ODD_SHOWN)
			text_server(p, out, i, p->now);
	}
	if (odd > ODD_SHOWN)
		fprintf(out, "and %zu more of the same kind; --all shows all %zu servers\n",
		    odd - ODD_SHOWN, p->conf->n_servers);
}

void
report_text(const struct report *p, bool all, FILE *out)
{
	struct judge_time now = p->now;

	fprintf(out, "site %s: verdict %s, %s\n", p->conf->here != NULL ? p->conf->here : "-",
	    message_name(&p->link->verdict), message_reason(&p->link->verdict));
	for (size_t i = 0; i < ALARM_COUNT; i++)
		if (p->alarms->v[i].text[0] != '\0')
			fprintf(out, "ALARM %s\n", p->alarms->v[i].text);
	for (size_t i = 0; i < p->conf->n_sites; i++) {
		const struct judge_site *s = &p->judge->sites[i];

		if (!judge_word_said(&s->word) && !s->drained_there)
			continue;
		fprintf(out, "site %s: ", p->conf->sites[i].name);
		text_word(out, &s->word, now);
		fprintf(out, "%s\n", s->drained_there ? " drained at its site" : "");
	}
	for (size_t i = 0; i < p->conf->n_pools; i++)
		if (p->judge->pools[i].current.id[0] != '\0')
			fprintf(out, "pool %s: set %s is current\n", p->conf->pools[i].name,
			    p->judge->pools[i].current.id);
	if (!all && p->conf->n_servers > MANY) {
		text_many(p, out);
		return;
	}
	text_head(out);
	for (size_t i = 0; i < p->conf->n_servers; i++)
		text_server(p, out, i, now);
}
