#include "healthd/prober/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

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

/* Servers, of which there may be thousands, are printed as they are looked at: a tree of them
 * would hold up the checks for a third of a second. */

static void
put_string(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\":", name);
	json_put(out, text);
	fputc(',', out);
}

static void
put_decimal(FILE *out, const char *name, bool known, double value)
{
	if (known && isfinite(value))
		fprintf(out, "\"%s\":%.3f,", name, value);
	else
		fprintf(out, "\"%s\":null,", name);
}

/* 0, or -1 when memory is out. */
static int
put_override(FILE *out, const char *name, const struct judge_override *w)
{
	json_t *tree = json_override(w);
	int rc;

	fprintf(out, "\"%s\":", name);
	rc = tree == NULL ? -1 : json_dumpf(tree, out, JSON_COMPACT | JSON_ENCODE_ANY |
	    JSON_REAL_PRECISION(15));
	json_decref(tree);
	fputc(',', out);
	return rc;
}

static void
put_check(const struct report *p, FILE *out, size_t target, double now)
{
	const struct judge_target *t = &p->judge->targets[target];
	bool asked = t->last_wall > 0;
	char text[ADDR_TEXT];

	fprintf(out, "{\"family\":%u,", t->family);
	put_string(out, "address", addr_text(target_address(p->judge, t), text));
	put_string(out, "check", t->check->name);
	put_string(out, "state", health_state_name(judge_target_state(t)));
	put_string(out, "result", result_reason_name(t->reason));
	put_string(out, "detail", t->detail);
	put_decimal(out, "latency_ms", asked, t->latency_us / 1e3);
	put_decimal(out, "age_s", asked, fmax(now - t->last_wall, 0));
	put_string(out, "set", t->set);
	fprintf(out, "\"load\":%d,\"good\":%u,\"bad\":%u}", t->load, t->good, t->bad);
}

static int
put_server(const struct report *p, FILE *out, size_t i)
{
	const struct judge_server *s = &p->judge->servers[i];
	bool first = true;

	fputc('{', out);
	put_string(out, "name", s->conf->name);
	put_string(out, "pool", p->conf->pools[s->conf->pool].name);
	put_string(out, "site", site_name(p, s, ""));
	put_string(out, "state", health_state_name(s->state));
	put_string(out, "v4", health_state_name(s->v4));
	put_string(out, "v6", health_state_name(s->v6));
	put_decimal(out, "since", true, s->since);
	fprintf(out, "\"weight\":%u,\"ttl\":%u,", s->weight, judge_ttl(p->judge, i, p->now));
	put_string(out, "set", s->set);
	put_string(out, "reason", s->reason);
	if (put_override(out, "word", &s->word.override) < 0 ||
	    put_override(out, "planned", &s->word.planned) < 0)
		return -1;
	fputs("\"checks\":[", out);
	for (unsigned f = 0; f < 2; f++)
		for (unsigned k = 0; s->target[f] >= 0 && k < s->n_checks; k++) {
			fputs(first ? "" : ",", out);
			put_check(p, out, (size_t)s->target[f] + k, p->now.wall);
			first = false;
		}
	fputs("]}", out);
	return 0;
}

static json_t *
json_posture(const struct report *p)
{
	const struct posture_message *m = &p->link->posture;

	if (!link_heard(p->link))
		return json_null();
	return json_pack("{s:s, s:o, s:i, s:i, s:i, s:i, s:o, s:I, s:o}",
	    "state", health_posture_name((enum health_posture)m->posture),
	    "since", json_decimal(m->since, 3),
	    "dnsd_asked", m->dnsd_asked, "dnsd_answering", m->dnsd_answering,
	    "exported4", m->exported4, "exported6", m->exported6,
	    "penalty", json_decimal(isfinite(m->penalty) ? m->penalty : 0, 1),
	    "hold_left_ms", (json_int_t)m->hold_left_ms,
	    "reason", json_utf8(m->reason));
}

/* All but the servers. */
static json_t *
json_head(const struct report *p)
{
	const struct verdict_message *v = &p->link->verdict;

	return json_pack(
	    "{s:o, s:s, s:o, s:i, s:i, s:b, s:I, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o}",
	    "here", json_utf8(p->conf->here != NULL ? p->conf->here : ""),
	    "verdict", message_name(v), "reason", json_utf8(message_reason(v)),
	    "local_up", v->local_up, "local_total", v->local_total,
	    "first_round", p->judge->first_round_over,
	    "generation", (json_int_t)p->file->generation,
	    "stamp", json_decimal(p->file->stamp, 3), "started", json_decimal(p->started, 3),
	    "now", json_decimal(p->now.wall, 3), "targets", (int)p->judge->n_targets,
	    "alarms", json_alarms(p), "posture", json_posture(p), "sites", json_sites(p),
	    "pools", json_pools(p));
}

int
report_json(const struct report *p, FILE *out)
{
	char *head = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&head, &len);
	int rc = f != NULL ? json_print(json_head(p), f) : -1;

	if (f != NULL)
		fclose(f);
	if (rc == 0 && len > 2) {
		fwrite(head, 1, len - 2, out);	/* without its } and the end of the line */
		fputs(",\"servers\":[", out);
		for (size_t i = 0; rc == 0 && i < p->conf->n_servers; i++) {
			fputs(i > 0 ? "," : "", out);
			rc = put_server(p, out, i);
		}
		fputs("]}\n", out);
	}
	free(head);
	return rc;
}
