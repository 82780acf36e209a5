#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "healthd/prober/prober_inner.h"

/* --- JSON --- */

/* "key":"value", with a comma before unless `first` */
static void
json_pair(FILE *out, bool first, const char *key, const char *value)
{
	if (!first)
		fputc(',', out);
	json_text(out, key, value);
}

static void
json_override(FILE *out, const struct judge_override *w)
{
	if (w->kind == OVERRIDE_NONE) {
		fprintf(out, ",\"word\":null");
		return;
	}
	fprintf(out, ",\"word\":{");
	json_pair(out, true, "kind", judge_override_name(w->kind));
	json_pair(out, false, "by", w->by);
	fprintf(out, ",\"at\":%.3f,\"until\":", w->at);
	if (w->until_ms != 0)
		fprintf(out, "%.3f}", w->until);
	else
		fprintf(out, "null}");
}

static void
json_alarms(const struct prober *p, FILE *out)
{
	bool first = true;

	fprintf(out, "\"alarms\":[");
	for (size_t i = 0; i < PROBER_ALARMS; i++) {
		if (p->alarms[i].text[0] == '\0')
			continue;
		fprintf(out, "%s{", first ? "" : ",");
		json_pair(out, true, "text", p->alarms[i].text);
		fprintf(out, ",\"since\":%.3f}", p->alarms[i].since);
		first = false;
	}
	fprintf(out, "]");
}

static void
json_sites(const struct prober *p, FILE *out)
{
	fprintf(out, ",\n\"sites\":[");
	for (size_t i = 0; i < p->conf->n_sites; i++) {
		const struct judge_site *s = &p->judge->sites[i];

		fprintf(out, "%s\n{", i == 0 ? "" : ",");
		json_pair(out, true, "name", p->conf->sites[i].name);
		fprintf(out, ",\"here\":%s", i == p->conf->here_site ? "true" : "false");
		fprintf(out, ",\"drained_there\":%s", !s->peer_known ? "null" : s->drained_there ? "true" : "false");
		json_override(out, &s->override);
		fprintf(out, "}");
	}
	fprintf(out, "]");
}

static void
json_pools(const struct prober *p, FILE *out)
{
	fprintf(out, ",\n\"pools\":[");
	for (size_t i = 0; i < p->conf->n_pools; i++) {
		const struct judge_pool *pool = &p->judge->pools[i];

		fprintf(out, "%s\n{", i == 0 ? "" : ",");
		json_pair(out, true, "name", p->conf->pools[i].name);
		json_pair(out, false, "check", pool->conf->check != CONF_NONE ?
		    p->conf->checks[pool->conf->check].name : "");
		json_pair(out, false, "set", pool->current.id);
		json_pair(out, false, "origin", pool->origin);
		fprintf(out, "}");
	}
	fprintf(out, "]");
}

static enum health_state
target_state(const struct judge_target *t)
{
	return t->alive == HEALTH_UP && (t->behind || t->bad_digest) ? HEALTH_STALE : t->alive;
}

static void
json_check(const struct prober *p, FILE *out, size_t target, double now)
{
	const struct judge_target *t = &p->judge->targets[target];
	char text[ADDR_TEXT];

	fprintf(out, "{\"family\":%u", t->family);
	json_pair(out, false, "address", addr_text(&p->probes[target].addr, text));
	json_pair(out, false, "check", p->probes[target].check->name);
	json_pair(out, false, "state", health_state_name(target_state(t)));
	json_pair(out, false, "result", result_reason_name(t->reason));
	json_pair(out, false, "detail", t->detail);
	if (t->last_wall > 0)
		fprintf(out, ",\"latency_ms\":%.3f,\"age_s\":%.3f", t->latency_us / 1e3, fmax(now - t->last_wall, 0));
	else
		fprintf(out, ",\"latency_ms\":null,\"age_s\":null");
	json_pair(out, false, "set", t->set);
	fprintf(out, ",\"load\":%d,\"good\":%u,\"bad\":%u}", t->load, t->good, t->bad);
}

static void
json_server(const struct prober *p, FILE *out, size_t i, struct judge_time now)
{
	const struct judge_server *s = &p->judge->servers[i];
	bool first = true;

	fprintf(out, "{");
	json_pair(out, true, "name", s->conf->name);
	json_pair(out, false, "pool", p->conf->pools[s->conf->pool].name);
	json_pair(out, false, "site", s->conf->site < p->conf->n_sites ? p->conf->sites[s->conf->site].name : "");
	json_pair(out, false, "state", health_state_name(s->state));
	json_pair(out, false, "v4", health_state_name(s->v4));
	json_pair(out, false, "v6", health_state_name(s->v6));
	fprintf(out, ",\"since\":%.3f,\"weight\":%u,\"ttl\":%u", s->since, s->weight, judge_ttl(p->judge, i, now));
	json_pair(out, false, "set", s->set);
	json_pair(out, false, "reason", s->reason);
	json_override(out, &s->override);
	fprintf(out, ",\"checks\":[");
	for (unsigned f = 0; f < 2; f++) {
		if (s->target[f] < 0)
			continue;
		fputs(first ? "" : ",", out);
		json_check(p, out, (size_t)s->target[f], now.wall);
		first = false;
	}
	fprintf(out, "]}");
}

static void
json_posture(const struct prober *p, FILE *out)
{
	const struct posture_message *m = &p->posture;

	if (m->magic != MESSAGE_POSTURE) {
		fprintf(out, ",\n\"posture\":null");
		return;
	}
	fprintf(out, ",\n\"posture\":{");
	json_pair(out, true, "state", health_posture_name((enum health_posture)m->posture));
	fprintf(out, ",\"since\":%.3f,\"dnsd_asked\":%u,\"dnsd_answering\":%u,\"exported4\":%d,\"exported6\":%d,"
	    "\"penalty\":%.1f,\"hold_left_ms\":%u", m->since, m->dnsd_asked, m->dnsd_answering,
	    m->exported4, m->exported6, isfinite(m->penalty) ? m->penalty : 0.0, m->hold_left_ms);
	json_pair(out, false, "reason", m->reason);
	json_pair(out, false, "alarm", m->alarm);
	fprintf(out, "}");
}

void
report_json(const struct prober *p, FILE *out)
{
	struct judge_time now = prober_now(p);

	fprintf(out, "{");
	json_pair(out, true, "here", p->conf->here != NULL ? p->conf->here : "");
	json_pair(out, false, "verdict", message_verdict_name(p->verdict.verdict));
	json_pair(out, false, "reason", p->verdict.reason);
	fprintf(out, ",\"local_up\":%u,\"local_total\":%u,\"first_round\":%s,\"generation\":%llu,\"stamp\":%.3f,"
	    "\"started\":%.3f,\"now\":%.3f,\"targets\":%zu,\n", p->verdict.local_up, p->verdict.local_total,
	    p->judge->first_round_over ? "true" : "false", (unsigned long long)p->publish.file.generation,
	    p->publish.file.stamp, p->started, now.wall, p->judge->n_targets);
	json_alarms(p, out);
	json_posture(p, out);
	json_sites(p, out);
	json_pools(p, out);
	fprintf(out, ",\n\"servers\":[");
	for (size_t i = 0; i < p->conf->n_servers; i++) {
		fprintf(out, "%s\n", i == 0 ? "" : ",");
		json_server(p, out, i, now);
	}
	fprintf(out, "]}\n");
}

/* --- for people --- */

static char *
age_text(double seconds, char out[32])
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 120)
		snprintf(out, 32, "%.0fs", seconds);
	else if (seconds < 7200)
		snprintf(out, 32, "%.0fm", seconds / 60);
	else if (seconds < 172800)
		snprintf(out, 32, "%.0fh", seconds / 3600);
	else
		snprintf(out, 32, "%.0fd", seconds / 86400);
	return out;
}

static void
text_override(FILE *out, const struct judge_override *w, struct judge_time now)
{
	char since[32], left[32];

	fprintf(out, "%s by %s for %s", judge_override_name(w->kind), w->by, age_text(now.wall - w->at, since));
	if (w->until_ms != 0)
		fprintf(out, ", %s left", age_text(w->until_ms > now.mono_ms ?
		    (double)(w->until_ms - now.mono_ms) / 1e3 : 0, left));
}

static void
text_server(const struct prober *p, FILE *out, size_t i, struct judge_time now)
{
	const struct judge_server *s = &p->judge->servers[i];
	char since[32], age[32], address[ADDR_TEXT];

	fprintf(out, "%-16s %-10s %-8s %-7s %5s %4u%% %-16s %s", s->conf->name,
	    s->conf->site < p->conf->n_sites ? p->conf->sites[s->conf->site].name : "-",
	    p->conf->pools[s->conf->pool].name, health_state_name(s->state),
	    age_text(now.wall - s->since, since), s->weight, s->set[0] != '\0' ? s->set : "-", s->reason);
	if (s->override.kind != OVERRIDE_NONE) {
		fprintf(out, " [");
		text_override(out, &s->override, now);
		fprintf(out, "]");
	}
	fprintf(out, "\n");
	for (unsigned f = 0; f < 2; f++) {
		const struct judge_target *t = s->target[f] >= 0 ? &p->judge->targets[s->target[f]] : NULL;
		char detail[HEALTH_REASON_MAX];

		if (t == NULL)
			continue;
		fprintf(out, "  %-38s %-8s %-8s %8.1f ms %5s ago  %s\n",
		    addr_text(&p->probes[s->target[f]].addr, address), health_state_name(target_state(t)),
		    result_reason_name(t->reason), t->latency_us / 1e3,
		    t->last_wall > 0 ? age_text(now.wall - t->last_wall, age) : "-", health_reason(detail, t->detail));
	}
}

void
report_text(const struct prober *p, FILE *out)
{
	struct judge_time now = prober_now(p);

	fprintf(out, "site %s: verdict %s, %s\n", p->conf->here != NULL ? p->conf->here : "-",
	    message_verdict_name(p->verdict.verdict), p->verdict.reason);
	for (size_t i = 0; i < PROBER_ALARMS; i++)
		if (p->alarms[i].text[0] != '\0')
			fprintf(out, "ALARM %s\n", p->alarms[i].text);
	for (size_t i = 0; i < p->conf->n_sites; i++) {
		const struct judge_site *s = &p->judge->sites[i];

		if (s->override.kind == OVERRIDE_NONE && !s->drained_there)
			continue;
		fprintf(out, "site %s: ", p->conf->sites[i].name);
		if (s->override.kind != OVERRIDE_NONE)
			text_override(out, &s->override, now);
		fprintf(out, "%s\n", s->drained_there ? " drained at its site" : "");
	}
	for (size_t i = 0; i < p->conf->n_pools; i++)
		if (p->judge->pools[i].current.id[0] != '\0')
			fprintf(out, "pool %s: set %s is current\n", p->conf->pools[i].name, p->judge->pools[i].current.id);
	fprintf(out, "%-16s %-10s %-8s %-7s %5s %5s %-16s %s\n", "SERVER", "SITE", "POOL", "STATE", "SINCE",
	    "WGHT", "SET", "REASON");
	for (size_t i = 0; i < p->conf->n_servers; i++)
		text_server(p, out, i, now);
}
