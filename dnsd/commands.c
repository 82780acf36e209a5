#include "dnsd/commands.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"

static const char *
trust_name(enum health_trust trust)
{
	static const char *const names[] = { "none", "fresh", "expired", "refused" };

	return names[trust];
}

/* ---- counters ---- */

static void
put_metric(FILE *out, const char *name, const char *type, const char *help, double value)
{
	fprintf(out, "# HELP nearcast_dnsd_%s %s\n# TYPE nearcast_dnsd_%s %s\n"
	    "nearcast_dnsd_%s %.15g\n", name, help, name, type, name, value);
}

static void
put_gauge(FILE *out, const char *name, const char *help, double value)
{
	put_metric(out, name, "gauge", help, value);
}

static void
put_counters(const struct commands *c, FILE *out)
{
	struct counters sum;

	server_counters(c->server, &sum);
#define PUT(name, help) \
	put_metric(out, #name "_total", "counter", help, (double)sum.name);
	COUNTERS(PUT)
#undef PUT
	put_metric(out, "reloads_total", "counter", "reloads that were put into service",
	    (double)c->reloads);
	put_metric(out, "reload_failures_total", "counter",
	    "reloads refused, in whole or for a zone", (double)c->reload_failures);
}

static void
put_gauges(const struct commands *c, FILE *out)
{
	const struct generation *gen = server_generation(c->server);

	put_gauge(out, "generation", "number of the generation in service", (double)gen->number);
	put_gauge(out, "build_seconds", "time that reading and building took, last reload",
	    c->build_s);
	put_gauge(out, "start_time_seconds", "when dnsd started, seconds since 1970", c->started);
	put_gauge(out, "workers", "worker threads for each address", server_workers(c->server));
	put_gauge(out, "zones_configured", "zones in the configuration", gen->n_zones);
	put_gauge(out, "zones_loaded", "zones that are served", gen->n_loaded);
	put_gauge(out, "zones_refused", "zones whose file was refused by the last reload",
	    gen->inputs->failed);
	put_gauge(out, "geo_refused",
	    "1 while a database on disk is refused and an older one in use",
	    steer_geo_refused(gen->inputs->geo));
	put_gauge(out, "health_believed", "1 if the health file is there, whole and fresh",
	    c->health->trust == HEALTH_FRESH);
	put_gauge(out, "health_age_seconds", "age of the last health file read, -1 = none",
	    health_age(c->health));
	put_gauge(out, "health_generation", "generation of the last health file read",
	    (double)c->health->file.generation);
	put_gauge(out, "tcp_connections_now", "TCP connections open",
	    server_tcp_connections(c->server));
	put_gauge(out, "tcp_held_bytes",
	    "memory held by TCP connections that wait for their clients",
	    (double)server_tcp_held(c->server));
}

/* ---- status, zones ---- */

static void
put_status(const struct commands *c, FILE *out)
{
	const struct generation *gen = server_generation(c->server);
	const struct conf *conf = gen->conf;
	unsigned tcp = server_tcp_connections(c->server);
	char text[ADDR_TEXT];

	fprintf(out, "version     %s\n", VERSION);
	fprintf(out, "uptime      %.0f s\n", clock_wall() - c->started);
	fprintf(out, "site        %s\n", conf->here != NULL ? conf->here : "none");
	fputs("listen     ", out);
	for (size_t i = 0; i < conf->n_listen; i++)
		fprintf(out, " %s", addr_text(&conf->listen[i], text));
	fprintf(out, "\nworkers     %u\n", server_workers(c->server));
	fprintf(out, "generation  %" PRIu64 ", built in %.3f s, "
	    "%" PRIu64 " reload%s, %" PRIu64 " refused\n",
	    gen->number, c->build_s, c->reloads, c->reloads == 1 ? "" : "s", c->reload_failures);
	if (c->refused[0] != '\0')
		fprintf(out, "refused     the last reload: %s\n", c->refused);
	fprintf(out, "digest      %s\n", conf->digest);
	fprintf(out, "zones       %u of %u", gen->n_loaded, gen->n_zones);
	if (gen->inputs->failed != 0)
		fprintf(out, ", %u refused by the last reload", gen->inputs->failed);
	fputc('\n', out);
	fprintf(out, "health      %s%s%s\n", trust_name(c->health->trust),
	    c->health->why[0] != '\0' ? ": " : "", c->health->why);
	fprintf(out, "tcp         %u connection%s\n", tcp, tcp == 1 ? "" : "s");
}

/* The names of zones whose file on disk was refused: of those that are served in an old version,
 * or of those that are not served. */
static json_t *
refused_json(const struct generation *gen, bool served)
{
	json_t *names = json_array();

	for (uint32_t i = 0; i < gen->n_zones; i++)
		if (gen->inputs->refused[i] && (gen->zones[i].zone != NULL) == served)
			names = json_append(names, json_utf8(gen->conf->zones[i].name));
	return names;
}

static int
put_json(const struct commands *c, FILE *out)
{
	const struct generation *gen = server_generation(c->server);
	const struct conf *conf = gen->conf;
	json_t *listen = json_array();
	char text[ADDR_TEXT];

	for (size_t i = 0; i < conf->n_listen; i++)
		listen = json_append(listen, json_string(addr_text(&conf->listen[i], text)));
	return json_print(json_pack("{s:s, s:o, s:o, s:s, s:I, s:i, s:I, s:o, s:I, s:I, s:o, "
	    "s:i, s:i, s:o, s:o, s:b, s:i, s:s, s:o, s:o, s:I}",
	    "version", VERSION,
	    "site", json_utf8(conf->here != NULL ? conf->here : ""),
	    "listen", listen,
	    "digest", conf->digest,
	    "uptime_s", (json_int_t)(clock_wall() - c->started + 0.5),
	    "workers", (int)server_workers(c->server),
	    "generation", (json_int_t)gen->number,
	    "build_s", json_decimal(c->build_s, 3),
	    "reloads", (json_int_t)c->reloads,
	    "reload_failures", (json_int_t)c->reload_failures,
	    "reload_refused", json_utf8(c->refused),
	    "zones_configured", (int)gen->n_zones,
	    "zones_loaded", (int)gen->n_loaded,
	    "zones_old", refused_json(gen, true),
	    "zones_missing", refused_json(gen, false),
	    "geo_refused", steer_geo_refused(gen->inputs->geo),
	    "tcp_connections", (int)server_tcp_connections(c->server),
	    "health", trust_name(c->health->trust),
	    "health_reason", json_utf8(c->health->why),
	    "health_age_s", json_decimal(health_age(c->health), 3),
	    "health_generation", (json_int_t)c->health->file.generation), out);
}

static void
put_zones(const struct commands *c, FILE *out)
{
	const struct generation *gen = server_generation(c->server);

	for (uint32_t i = 0; i < gen->n_zones; i++)
		if (gen->zones[i].zone != NULL)
			fprintf(out, "%s %u %u\n", gen->conf->zones[i].name,
			    gen->zones[i].zone->serial, gen->zones[i].zone->names);
}

void
commands_report(void *arg, FILE *out)
{
	const struct commands *c = arg;
	const struct generation *gen = server_generation(c->server);
	struct server_address a;
	char text[ADDR_TEXT];

	fprintf(out, "serving generation=%" PRIu64 " digest=%s zones=%u/%u\n", gen->number,
	    gen->conf->digest, gen->n_loaded, gen->n_zones);
	for (size_t i = 0; server_address(c->server, i, &a); i++)
		fprintf(out, "address %s received=%" PRIu64 " answered=%" PRIu64 "\n",
		    addr_text(&a.addr, text), a.received, a.answered);
	fputc('\n', out);
}

enum control_result
commands_handle(void *arg, uint64_t request, const char *line, FILE *out, struct err *err)
{
	const struct commands *c = arg;

	if (strcmp(line, "reload") == 0 || strcmp(line, "reload --force") == 0) {
		return c->reload(c->reload_arg, line[6] != '\0', request, err) < 0 ?
		    CONTROL_ERROR : CONTROL_LATER;
	}
	if (strcmp(line, "counters") == 0) {
		put_counters(c, out);
		put_gauges(c, out);
	} else if (strcmp(line, "status") == 0) {
		put_status(c, out);
	} else if (strcmp(line, "status json") == 0) {
		if (put_json(c, out) < 0) {
			err_set(err, "no memory for the status");
			return CONTROL_ERROR;
		}
	} else if (strcmp(line, "zones") == 0) {
		put_zones(c, out);
	} else {
		err_set(err, "no command \"%.100s\": reload [--force], counters, status [json], "
		    "zones or watch was expected", line);
		return CONTROL_ERROR;
	}
	return CONTROL_OK;
}
