#include "healthd/prober/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

/* --- JSON --- */

static json_t *
json_override(const struct judge_override *w)
{
	if (w->kind == OVERRIDE_NONE)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:I, s:o, s:o}",
	    "kind", judge_override_name(w->kind), "by", json_utf8(w->by),
	    "reason", json_utf8(w->reason), "id", (json_int_t)w->id,
	    "at", json_decimal(w->at, 3),
	    "until", w->until_ms != 0 ? json_decimal(w->until, 3) : json_null());
}

static json_t *
json_alarms(const struct report *p)
{
	json_t *alarms = json_array();

	for (size_t i = 0; i < ALARM_COUNT; i++)
		if (p->alarms->v[i].text[0] != '\0')
			alarms = json_append(alarms, json_pack("{s:o, s:o}",
			    "text", json_utf8(p->alarms->v[i].text),
			    "since", json_decimal(p->alarms->v[i].since, 3)));
	return alarms;
}

static json_t *
json_sites(const struct report *p)
{
	json_t *sites = json_array();

	for (size_t i = 0; i < p->conf->n_sites; i++) {
		const struct judge_site *s = &p->judge->sites[i];

		sites = json_append(sites, json_pack("{s:o, s:b, s:o, s:o, s:o}",
		    "name", json_utf8(p->conf->sites[i].name),
		    "here", i == p->conf->here_site, "drained_there",
		    s->sibling_known ? json_boolean(s->drained_there) : json_null(),
		    "word", json_override(&s->word.override),
		    "planned", json_override(&s->word.planned)));
	}
	return sites;
}

static json_t *
json_pools(const struct report *p)
{
	json_t *pools = json_array();

	for (size_t i = 0; i < p->conf->n_pools; i++) {
		const struct judge_pool *pool = &p->judge->pools[i];
		uint16_t check = pool->conf->check;

		pools = json_append(pools, json_pack("{s:o, s:o, s:o, s:o}",
		    "name", json_utf8(p->conf->pools[i].name),
		    "check", json_utf8(check != CONF_NONE ? p->conf->checks[check].name : ""),
		    "set", json_utf8(pool->current.id), "origin", json_utf8(pool->origin)));
	}
	return pools;
}

/* The site of a server, `none` if it has none. */
static const char *
site_name(const struct report *p, const struct judge_server *s, const char *none)
{
	return s->conf->site < p->conf->n_sites ? p->conf->sites[s->conf->site].name : none;
}

/* The address of a target's server that it stands for. */
static const struct addr *
target_address(const struct judge *judge, const struct judge_target *t)
{
	const struct conf_server *server = judge->servers[t->server].conf;

	return t->family == 4 ? &server->v4 : &server->v6;
}

static json_t *
json_check(const struct report *p, size_t target, double now)
{
	const struct judge_target *t = &p->judge->targets[target];
	bool asked = t->last_wall > 0;
	char text[ADDR_TEXT];

	return json_pack("{s:i, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:i, s:i}",
	    "family", t->family, "address", addr_text(target_address(p->judge, t), text),
	    "check", json_utf8(t->check->name),
	    "state", health_state_name(judge_target_state(t)),
	    "result", result_reason_name(t->reason), "detail", json_utf8(t->detail),
	    "latency_ms", asked ? json_decimal(t->latency_us / 1e3, 3) : json_null(),
	    "age_s", asked ? json_decimal(fmax(now - t->last_wall, 0), 3) : json_null(),
	    "set", json_utf8(t->set), "load", t->load, "good", t->good, "bad", t->bad);
}

static json_t *
json_server(const struct report *p, size_t i, struct judge_time now)
{
	const struct judge_server *s = &p->judge->servers[i];
	json_t *checks = json_array();

	for (unsigned f = 0; f < 2; f++)
		for (unsigned k = 0; s->target[f] >= 0 && k < s->n_checks; k++)
			checks = json_append(checks, json_check(p, (size_t)s->target[f] + k,
			    now.wall));
	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o}",
	    "name", json_utf8(s->conf->name),
	    "pool", json_utf8(p->conf->pools[s->conf->pool].name),
	    "site", json_utf8(site_name(p, s, "")), "state", health_state_name(s->state),
	    "v4", health_state_name(s->v4), "v6", health_state_name(s->v6),
	    "since", json_decimal(s->since, 3), "weight", s->weight,
	    "ttl", judge_ttl(p->judge, i, now), "set", json_utf8(s->set),
	    "reason", json_utf8(s->reason), "word", json_override(&s->word.override),
	    "planned", json_override(&s->word.planned), "checks", checks);
}

static json_t *
json_posture(const struct report *p)
{
	const struct posture_message *m = &p->link->posture;

	if (!link_heard(p->link))
		return json_null();
	return json_pack("{s:s, s:o, s:i, s:i, s:i, s:i, s:o, s:I, s:o, s:o}",
	    "state", health_posture_name((enum health_posture)m->posture),
	    "since", json_decimal(m->since, 3),
	    "dnsd_asked", m->dnsd_asked, "dnsd_answering", m->dnsd_answering,
	    "exported4", m->exported4, "exported6", m->exported6,
	    "penalty", json_decimal(isfinite(m->penalty) ? m->penalty : 0, 1),
	    "hold_left_ms", (json_int_t)m->hold_left_ms,
	    "reason", json_utf8(m->reason), "alarm", json_utf8(m->alarm));
}

int
report_json(const struct report *p, FILE *out)
{
	const struct verdict_message *v = &p->link->verdict;
	struct judge_time now = p->now;
	json_t *servers = json_array();

	for (size_t i = 0; i < p->conf->n_servers; i++)
		servers = json_append(servers, json_server(p, i, now));
	return json_print(json_pack(
	    "{s:o, s:s, s:o, s:i, s:i, s:b, s:I, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}",
	    "here", json_utf8(p->conf->here != NULL ? p->conf->here : ""),
	    "verdict", message_name(v), "reason", json_utf8(message_reason(v)),
	    "local_up", v->local_up, "local_total", v->local_total,
	    "first_round", p->judge->first_round_over,
	    "generation", (json_int_t)p->file->generation,
	    "stamp", json_decimal(p->file->stamp, 3), "started", json_decimal(p->started, 3),
	    "now", json_decimal(now.wall, 3), "targets", (int)p->judge->n_targets,
	    "alarms", json_alarms(p), "posture", json_posture(p), "sites", json_sites(p),
	    "pools", json_pools(p), "servers", servers), out);
}

/* --- for people --- */

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
	    addr_text(target_address(p->judge, t), address),
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
	    site_name(p, s, "-"), p->conf->pools[s->conf->pool].name,
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

void
report_text(const struct report *p, FILE *out)
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
	fprintf(out, "%-16s %-10s %-8s %-7s %5s %5s %-16s %s\n", "SERVER", "SITE", "POOL",
	    "STATE", "SINCE", "WGHT", "SET", "REASON");
	for (size_t i = 0; i < p->conf->n_servers; i++)
		text_server(p, out, i, now);
}
