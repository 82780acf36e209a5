#include "dnsd/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/control.h"
#include "common/privilege.h"
#include "common/dns/dns.h"
#include "dnsd/doubts.h"
#include "dnsd/reread.h"
#include "dnsd/generation/inputs.h"
#include "dnsd/generation/generation.h"
#include "dnsd/zone/zone_load.h"

enum { ASK_MS = 3000 };

static void
say_line(void *arg, const char *line)
{
	const char *what = arg;

	fprintf(stderr, "%s: %s\n", what, line);
}

static const struct warn say_warn = { say_line, (void *)"warning" };
static const struct warn say_error = { say_line, (void *)"error" };

/* One zone of the running dnsd ("NAME SERIAL NAMES"): may ours take its place?  0 or 1. */
static int
compare_zone(const struct inputs *inputs, const char *line)
{
	struct zone running = { .refs = 0 };
	const struct conf_zone *cz;
	const struct zone *ours;
	char name[1025];
	struct err err;

	if (sscanf(line, "%1024s %u %u", name, &running.serial, &running.names) != 3)
		return 0;
	cz = conf_find_zone(inputs->conf, name);
	ours = cz != NULL ? inputs->zones[cz - inputs->conf->zones] : NULL;
	if (ours == NULL || zone_may_replace(ours, &running, cz->max_shrink, &err) == 0)
		return 0;
	fprintf(stderr, "error: %s; the running dnsd would refuse it unless forced\n", err.text);
	return 1;
}

/* Zones that the running dnsd, if there is one, would not take. */
static int
compare_running(const struct inputs *inputs)
{
	char path[512], *text = NULL, *line, *rest;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int bad = 0;

	if (out == NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/dnsd.sock", inputs->conf->run_dir);
	if (control_ask(path, "zones", ASK_MS, out, NULL) == 0) {
		fflush(out);
		for (line = strtok_r(text, "\n", &rest); line != NULL;
		    line = strtok_r(NULL, "\n", &rest))
			bad += compare_zone(inputs, line);
	}
	fclose(out);
	free(text);
	return bad;
}

/* The steering of a name server's name, if one of our zones other than `zone` holds and steers it;
 * in a zone's own the loader refuses it. */
static const struct zone_steer *
steered_elsewhere(const struct generation *gen, const struct zone *zone, const uint8_t *name,
    const struct zone **holder)
{
	const struct generation_zone *gz;
	struct name_walk w;
	uint32_t node;

	if (name_walk(&w, name, NAME_MAX_WIRE) == 0 ||
	    (gz = generation_find_zone(gen, &w, DNS_A)) == NULL)
		return NULL;
	*holder = gz->zone;
	if (gz->zone == NULL || gz->zone == zone || gz->zone->n_steers == 0 ||
	    zone_find(gz->zone, &w, DNS_A, &node) > ZONE_WILDCARD ||
	    gz->zone->nodes[node].steer == ZONE_NONE)
		return NULL;
	return &gz->zone->steers[gz->zone->nodes[node].steer];
}

/* A name server that is another at each client is none (and its address would need glue). */
static int
check_name_servers(const struct generation *gen, const struct zone *zone)
{
	char owner[NAME_TEXT], target[NAME_TEXT];
	uint8_t name[NAME_MAX_WIRE];
	int bad = 0;

	for (uint32_t i = 0; i < zone->n_nodes; i++) {
		const struct rrset *set = zone_rrset(zone, &zone->nodes[i], DNS_NS);

		if (set == NULL)		/* but at the apex and at cuts there is none */
			continue;
		for (size_t at = 0; at < set->len; at += 12u + dns_get16(set->wire + at + 10)) {
			const struct zone_steer *steer;
			const struct zone *holder;

			zone_target(zone, set, set->wire + at + 12, name);
			steer = steered_elsewhere(gen, zone, name, &holder);
			if (steer == NULL)
				continue;
			fprintf(stderr, "error: %s:%d: _steer: %s is a name server of %s: "
			    "a steered name cannot be a name server's\n",
			    (const char *)holder->data + steer->file,
			    steer->line, name_text(target, name),
			    name_text(owner, zone->data + zone->nodes[i].name));
			bad = 1;
		}
	}
	return bad;
}

/* What reading alone cannot find. */
static int
check_generation(struct inputs *inputs)
{
	struct err err;
	struct generation *gen = generation_build(inputs, NULL, 1, &err);
	int bad = gen == NULL;

	if (gen == NULL)
		err_warn(&say_error, "%s", err.text);
	for (uint32_t i = 0; gen != NULL && i < gen->n_zones; i++)
		if (gen->zones[i].zone != NULL)
			bad |= check_name_servers(gen, gen->zones[i].zone);
	if (gen != NULL)
		doubts_say(gen, &say_warn);
	generation_free(gen);
	return bad;
}

/* A file may be checked on a machine that is not the one it is for: a user that is not there is
 * no error.  How many programs cannot be run, or secrets are none. */
static unsigned
check_user(const struct inputs *inputs)
{
	static const struct conf_access_say say = { &say_warn, &say_error, NULL, 0 };
	const struct conf *conf = inputs->conf;
	struct privilege_user user;
	struct err err;

	if (privilege_find(&user, conf->user, &err) < 0) {
		fprintf(stderr, "warning: %s: %s on this machine\n", conf->path, err.text);
		user.name = NULL;
	}
	return reread_say(inputs, &user, &say);
}

static void
say_well(const struct inputs *inputs)
{
	const struct conf *conf = inputs->conf;
	unsigned long names = 0;

	for (size_t i = 0; i < conf->n_zones; i++)
		names += inputs->zones[i]->names;
	printf("%s: ok: %zu zone%s with %lu name%s, %zu pool%s with %zu server%s at %zu site%s\n",
	    conf->path, conf->n_zones, conf->n_zones == 1 ? "" : "s", names, names == 1 ? "" : "s",
	    conf->n_pools, conf->n_pools == 1 ? "" : "s",
	    conf->n_servers, conf->n_servers == 1 ? "" : "s",
	    conf->n_sites, conf->n_sites == 1 ? "" : "s");
}

int
check_run(const char *path, const char *here)
{
	static const struct inputs_say say = { &say_warn, &say_error };
	struct err err;
	struct inputs *inputs = inputs_read(path, here, NULL, false, &say, &err);
	unsigned bad;

	if (inputs == NULL) {
		if (err.told == 0)
			err_warn(&say_error, "%s", err.text);
		return 1;
	}
	bad = inputs->failed;
	bad += (unsigned)compare_running(inputs);
	bad += (unsigned)check_generation(inputs);
	bad += check_user(inputs);
	if (bad == 0)
		say_well(inputs);
	inputs_unref(inputs);
	return bad != 0;
}
