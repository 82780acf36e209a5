/*
 * nearctl explain NAME ADDRESS[/LEN]: what a client gets of a steered name, and why.
 *
 * Needs the files alone and no daemon: configuration, zone, databases and health file are read as
 * dnsd reads them, a struct steer is built of them, and the very steer_pick that answers queries
 * is asked, once for A and once for AAAA, with a place to write its reasons.  So the explanation
 * cannot differ from the answer, but for what has changed since the daemon last read its files.
 *
 * The name may lead to a steered one by a wildcard or by CNAMEs (RFC 1034 3.6.2).  The address is
 * a Client Subnet (RFC 7871) unless --resolver says that it is a resolver's own.  All that is
 * read lives from ctl_explain to its end; the lines of reasons are owned by struct picked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/health_file.h"
#include "common/json.h"
#include "ctl/ctl.h"
#include "dnsd/steer/steer.h"
#include "dnsd/zone/zone_load.h"

enum { MOST_LINES = 128 };

struct lines {
	size_t n;
	char *v[MOST_LINES];
};

static void
keep_line(void *arg, const char *text)
{
	struct lines *lines = arg;

	if (lines->n < MOST_LINES && (lines->v[lines->n] = strdup(text)) != NULL)
		lines->n++;
}

static int
say_why(const struct err *err)
{
	fprintf(stderr, "nearctl: %s\n", err->text);
	return 1;
}

/* ADDRESS/LEN is Client Subnet, and so is a bare address, with all its bits, as `dig
 * +subnet` has it; /0 is the opt-out, which locates by the address as a resolver's. */
static int
parse_client(const char *text, bool resolver, struct addr *addr, struct steer_client *client,
    struct err *err)
{
	char copy[ADDR_TEXT], *slash, *end;
	long len;

	if (strlen(text) >= sizeof(copy))
		return err_set(err, "\"%.60s\": expected ADDRESS or ADDRESS/LEN", text);
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (addr_parse(addr, copy, err) < 0)
		return -1;
	if (addr->port != 0)
		return err_set(err, "\"%s\": a port means nothing here", text);
	len = (long)addr_len(addr->family) * 8;
	if (slash != NULL) {
		long given = strtol(slash, &end, 10);
		if (end == slash || *end != '\0' || given < 0 || given > len)
			return err_set(err, "\"%s\": expected a prefix length from 0 to %ld",
			    text, len);
		len = given;
	}
	*client = (struct steer_client){ .family = addr->family, .ip = addr->ip,
	    .ecs = len != 0 && !resolver, .source = (uint8_t)len };
	if (client->ecs)
		addr_mask(addr->ip, (unsigned)len);
	return 0;
}

/* The zone of the configuration that is closest above the name, loaded. */
static struct zone *
closest_zone(const struct conf *conf, const uint8_t *name, struct err *err)
{
	static const struct zone_load_how how = { .warn = NULL };
	const struct conf_zone *best = NULL;
	uint8_t apex[NAME_MAX_WIRE];
	unsigned labels = 0;

	for (size_t i = 0; i < conf->n_zones; i++) {
		if (name_parse(apex, conf->zones[i].name, err) < 0)
			return NULL;
		if (name_below(name, apex) && (best == NULL || name_labels(apex) > labels)) {
			best = &conf->zones[i];
			labels = name_labels(apex);
		}
	}
	if (best == NULL) {
		err_set(err, "no zone of %s holds this name", conf->path);
		return NULL;
	}
	return zone_load(best->name, best->file, &how, err);
}

/* The steered name that `name` leads to, by wildcard and CNAMEs too; ZONE_NONE with a reason. */
static uint32_t
find_steered(const struct zone *zone, const uint8_t *name, struct err *err)
{
	uint8_t last[NAME_MAX_WIRE];
	char text[NAME_TEXT];
	const struct zone_node *node;

	memcpy(last, name, name_len(name));
	node = zone_find_steered(zone, last);
	if (node != NULL)
		return node->steer;
	err_set(err, "%s is not steered: no _steer record applies to it", name_text(text, last));
	return ZONE_NONE;
}

/* Health as dnsd would take it; NULL = not known.  `said` tells which. */
static const struct health_file *
read_health(const struct conf *conf, struct health_file *health, char *said, size_t size)
{
	struct err err;
	double age_s;

	if (health_file_read(health, conf->health_file, &err) < 0) {
		snprintf(said, size, "health=%s believed=no why=\"%s\"",
		    conf->health_file, err.text);
		return NULL;
	}
	age_s = clock_wall() - health->stamp;
	snprintf(said, size, "health=%s generation=%llu age=%.1fs lease=%.1fs believed=%s",
	    conf->health_file, (unsigned long long)health->generation, age_s,
	    health->lease_ms / 1000.0,
	    health_file_current(health, clock_wall()) ? "yes" : "no");
	return health_file_current(health, clock_wall()) ? health : NULL;
}

/* ---- what is said ---- */

struct picked {
	struct steer_answer answer;
	struct lines lines;
};

static const char *
address_text(const struct steer_answer *answer, unsigned i, uint8_t family, char text[ADDR_TEXT])
{
	struct addr addr = { .family = family };

	memcpy(addr.ip, answer->ip[i], addr_len(family));
	return addr_text(&addr, text);
}

static json_t *
picked_json(const struct picked *p, uint8_t family)
{
	json_t *addresses = json_array(), *why = json_array();
	char text[ADDR_TEXT];

	for (unsigned i = 0; i < p->answer.n; i++)
		addresses = json_append(addresses,
		    json_string(address_text(&p->answer, i, family, text)));
	for (size_t i = 0; i < p->lines.n; i++)
		why = json_append(why, json_utf8(p->lines.v[i]));
	return json_pack("{s:s, s:o, s:I, s:i, s:b, s:o}", "type", family == 6 ? "AAAA" : "A",
	    "addresses", addresses, "ttl", (json_int_t)p->answer.ttl_s, "scope", p->answer.scope,
	    "fail_open", p->answer.fail_open, "why", why);
}

static int
print_answers_json(const char *name, const char *health, const struct picked *picked,
    struct err *err)
{
	json_t *tree = json_pack("{s:o, s:o, s:[o, o]}", "name", json_utf8(name),
	    "health", json_utf8(health), "answers", picked_json(&picked[0], 4),
	    picked_json(&picked[1], 6));

	return json_print(tree, stdout) < 0 ? err_set(err, "it could not be printed") : 0;
}

/* The lines are those of `dig TXT _why.NAME`, which explains A, or AAAA where a pool has
 * IPv6 only; then both answers, and how old the health is that they rest on. */
static void
print_answers(const char *health, const struct picked *picked)
{
	const struct picked *told = !picked[0].answer.lacks_family ? &picked[0] : &picked[1];
	char text[ADDR_TEXT];

	for (size_t i = 0; i < told->lines.n; i++)
		puts(told->lines.v[i]);
	for (unsigned six = 0; six < 2; six++) {
		const struct steer_answer *answer = &picked[six].answer;

		printf("answer=%s", six ? "AAAA" : "A");
		for (unsigned i = 0; i < answer->n; i++)
			printf(" %s", address_text(answer, i, six ? 6 : 4, text));
		if (answer->n == 0)
			puts(answer->lacks_family ? " none of the pool, the zone's own" : " none");
		else
			printf(" ttl=%u scope=%u\n", answer->ttl_s, answer->scope);
	}
	puts(health);
}

static int
explain(const struct ctl *ctl, const struct conf *conf, const struct zone *zone, uint32_t index,
    const struct steer_client *client, struct err *err)
{
	struct picked picked[2] = { 0 };
	struct health_file file = { 0 };
	char said[1024];
	const struct health_file *health = read_health(conf, &file, said, sizeof(said));
	struct steer_geo *geo = steer_geo_load(conf, NULL, false, &ctl_warn, err);
	struct steer *steer = geo != NULL ? steer_build(conf, geo, health, err) : NULL;
	const struct steer_name *name = steer != NULL ?
	    steer_bind_zone(steer, zone, index, err) : NULL;
	int rc = name != NULL ? 0 : -1;

	for (unsigned six = 0; name != NULL && six < 2; six++) {
		struct steer_why why = { .line = keep_line, .arg = &picked[six].lines };
		steer_pick(name, client, six ? 6 : 4, &picked[six].answer, &why);
	}
	if (name != NULL && ctl->json)
		rc = print_answers_json(ctl->arg[0], said, picked, err);
	else if (name != NULL)
		print_answers(said, picked);
	for (unsigned six = 0; six < 2; six++)
		for (size_t i = 0; i < picked[six].lines.n; i++)
			free(picked[six].lines.v[i]);
	steer_free(steer);
	steer_geo_unref(geo);
	health_file_clear(&file);
	return rc;
}

int
ctl_explain(const struct ctl *ctl)
{
	uint8_t wire[NAME_MAX_WIRE];
	struct steer_client client;
	struct addr addr;
	struct err err;
	struct conf *conf;
	struct zone *zone = NULL;
	uint32_t index;
	int rc = -1;

	if (name_parse(wire, ctl->arg[0], &err) < 0 ||
	    parse_client(ctl->arg[1], ctl->resolver, &addr, &client, &err) < 0)
		return say_why(&err) + 1;
	conf = ctl_conf(ctl);
	if (conf == NULL)
		return 1;
	zone = closest_zone(conf, wire, &err);
	if (zone != NULL && (index = find_steered(zone, wire, &err)) != ZONE_NONE)
		rc = explain(ctl, conf, zone, index, &client, &err);
	zone_free(zone);
	conf_free(conf);
	return rc == 0 ? 0 : say_why(&err);
}
