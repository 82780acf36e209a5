#include "tests/model/sim.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "healthd/prober/recall.h"
#include "healthd/prober/remember.h"
#include "healthd/prober/state.h"

enum { SETTLE_MS = 1000, REFRESH_MS = 30000, LEASE_MS = 5000 };	/* as in the product */

static const char *const site_names[SIM_SITES] = { "fra", "nyc", "sin" };

/* ---- beginning ---- */

static void __attribute__((noreturn))
stop(const struct world *w, const char *what, const char *text)
{
	fprintf(stderr, "world \"%s\": %s: %s\n", w->name, what, text);
	exit(2);
}

static void
print_servers(FILE *f, const struct world *w)
{
	char text[256], *save = NULL;
	unsigned n = 10;

	snprintf(text, sizeof(text), "%s", w->servers);
	for (char *s = strtok_r(text, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save)) {
		bool both = strstr(s, "/46") != NULL, seed = strchr(s, '*') != NULL;
		const char *site = s[0] == 'f' ? "fra" : s[0] == 'n' ? "nyc" : "sin";

		fprintf(f, "server \"%.2s\" { site = %s; address = { \"198.51.100.%u\"%s", s, site,
		    n, both ? "" : " }");
		if (both)
			fprintf(f, ", \"2001:db8::%u\" }", n);
		fprintf(f, "%s }\n", seed ? "; seed = yes" : "");
		n++;
	}
}

static struct conf *
conf_of(const struct world *w)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct conf *conf;
	struct err err;

	fprintf(f, "here = fra\nttl-max = %us\nttl-min = 1s\n", SIM_TTL_S);
	for (unsigned i = 0; i < SIM_SITES; i++)
		fprintf(f, "site \"%s\" { sibling = \"203.0.113.%u\" }\n", site_names[i],
		    i + 1);
	fprintf(f, "check \"c\" { kind = %s; url = \"http://c.example/\"; interval = 1s; "
	    "rise = %u; fall = %u\n", w->quorum != 0 ? "content" : "http", w->rise, w->fall);
	if (w->quorum != 0)
		fprintf(f, "quorum = %u\ndigest \"http://c.example/a\" { sha256 = \"%064d\"; "
		    "size = 1 }\n", w->quorum, 0);
	if (w->origin)
		fprintf(f, "origin = \"http://origin.example/\"\n");
	fprintf(f, "}\ncheck \"d\" { kind = tcp; interval = 1s; rise = %u; fall = %u }\n", w->rise,
	    w->fall);
	fprintf(f, "pool \"p\" { check = { c%s }; checks = %s\n", w->checks == 2 ? ", d" : "",
	    w->any ? "any" : "all");
	print_servers(f, w);
	fprintf(f, "}\nannounce { prefix = \"192.0.2.0/24\"; min-healthy = %u\n",
	    w->min_healthy != 0 ? w->min_healthy : 1);
	if (w->caches_drain)
		fprintf(f, "on-caches-down = drain\n");
	fprintf(f, "}\n");
	fclose(f);
	conf = conf_parse("model", text, len, NULL, NULL, NULL, &err);
	if (conf == NULL)
		stop(w, "configuration", err.text);
	free(text);
	return conf;
}

static void
begin_keeper(struct sim *s, enum health_posture inherited)
{
	const struct posture_rules rules = { .hold_down_ms = s->conf->announce.hold_down_ms,
		.drain_on_caches_down = s->world->caches_drain,
		.damping = { s->world->suppress != 0 ? s->world->suppress : 2000,
		    DAMPING_WITHDRAWAL, DAMPING_ATTRIBUTES, DAMPING_HALF_LIFE_MS } };

	posture_init(&s->posture, &rules, inherited);
	s->dnsd = POSTURE_DNSD_UNKNOWN;
	s->heard = false;
	memset(&s->word, 0, sizeof(s->word));
	s->heard_ms = s->true_ms;
}

static void
take_item(void *arg, const struct state_item *item)
{
	struct sim *s = arg;

	recall_item(s->judge, item, s->now);
}

struct piece {
	void *at;
	size_t size;
};

enum { PIECES = 7 };

/* What a state consists of.  The judge's arrays keep their place as long as the sim lives. */
static void
pieces_of(const struct sim *s, struct piece out[PIECES])
{
	struct judge *j = s->judge;

	out[0] = (struct piece){ (void *)(uintptr_t)s, sizeof(*s) };
	out[1] = (struct piece){ j, sizeof(*j) };
	out[2] = (struct piece){ j->targets, j->n_targets * sizeof(*j->targets) };
	out[3] = (struct piece){ j->servers, s->conf->n_servers * sizeof(*j->servers) };
	out[4] = (struct piece){ j->sites, s->conf->n_sites * sizeof(*j->sites) };
	out[5] = (struct piece){ j->pools, s->conf->n_pools * sizeof(*j->pools) };
	out[6] = (struct piece){ j->family, j->n_families * sizeof(*j->family) };
}

/* A new judge, in the place of the old one. */
static void
renew_judge(struct sim *s)
{
	struct judge *j = judge_new(s->conf, s->now), *old = s->judge;
	struct piece from[PIECES], to[PIECES];
	struct judge kept;

	if (old == NULL) {
		s->judge = j;
		return;
	}
	kept = *old;
	pieces_of(s, to);
	s->judge = j;
	pieces_of(s, from);
	s->judge = old;
	for (unsigned i = 1; i < PIECES; i++)
		memcpy(to[i].at, from[i].at, to[i].size);
	old->targets = kept.targets;
	old->servers = kept.servers;
	old->sites = kept.sites;
	old->pools = kept.pools;
	old->family = kept.family;
	judge_free(j);
}

static void
tell(struct sim *s, const struct judge_event *event)
{
	if (s->alive)
		judge_step(s->judge, event, s->now);
}

static void
start_prober(struct sim *s)
{
	renew_judge(s);
	s->alive = true;
	s->lost = s->told_ms != 0 && s->true_ms - s->told_ms >= LEASE_MS;
	if (s->lost)		/* as publish.c has it */
		tell(s, &(struct judge_event){ .kind = JUDGE_UNPUBLISHED });
	state_parse(s->file, strlen(s->file), take_item, s);
	while (judge_take_change(s->judge) >= 0)
		;		/* what is remembered is no news */
	s->written_changes = s->judge->changes;
	s->due_ms = s->now.mono_ms + REFRESH_MS;
}

struct sim *
sim_new(const struct world *w)
{
	struct sim *s = calloc(1, sizeof(*s));

	s->world = w;
	s->conf = conf_of(w);
	s->true_ms = 1000000;
	s->now = (struct judge_time){ s->true_ms, 1.7e9 };
	if (s->conf->n_servers > SIM_SERVERS)
		stop(w, "servers", w->servers);
	start_prober(s);
	if (s->judge->n_targets > SIM_TARGETS)
		stop(w, "targets", w->servers);
	begin_keeper(s, POSTURE_DOWN);
	return s;
}

void
sim_free(struct sim *s)
{
	judge_free(s->judge);
	conf_free(s->conf);
	free(s);
}

/* ---- saving ---- */

size_t
sim_size(const struct sim *s)
{
	struct piece p[PIECES];
	size_t size = 0;

	pieces_of(s, p);
	for (unsigned i = 0; i < PIECES; i++)
		size += p[i].size;
	return size;
}

void
sim_save(const struct sim *s, void *out)
{
	struct piece p[PIECES];
	char *at = out;

	pieces_of(s, p);
	for (unsigned i = 0; i < PIECES; at += p[i].size, i++)
		memcpy(at, p[i].at, p[i].size);
}

void
sim_load(struct sim *s, const void *in)
{
	struct piece p[PIECES];
	const char *at = in;

	pieces_of(s, p);
	for (unsigned i = 0; i < PIECES; at += p[i].size, i++)
		memcpy(p[i].at, at, p[i].size);
}

/* ---- words ---- */

static int
server_of(const struct sim *s, const char *name)
{
	uint16_t i = conf_find_server(s->conf, name);

	return i == CONF_NONE ? -1 : i;
}

static int
site_of(const struct sim *s, const char *name)
{
	uint16_t i = conf_find_site(s->conf, name);

	return i == CONF_NONE ? -1 : i;
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* "f1+", "f1.6-", "f1#2-", "f1.6#2-", "fra-", "all?", "f1=B" */
static size_t
read_results(const struct sim *s, char *w, struct sim_word *out)
{
	struct sim_word word = { .op = SIM_RESULT, .sign = '+' };
	char *set = strchr(w, '='), *dot, *hash;
	int site, family = 0, check = 0;
	size_t n = 0;

	if (set != NULL) {
		*set++ = '\0';
		snprintf(word.set, sizeof(word.set), "%.3s", set);
	} else {
		word.sign = w[strlen(w) - 1];
		w[strlen(w) - 1] = '\0';
	}
	hash = strchr(w, '#');
	if (hash != NULL) {
		*hash = '\0';
		check = hash[1] - '0';
	}
	dot = strchr(w, '.');
	if (dot != NULL) {
		*dot = '\0';
		family = dot[1] - '0';
	}
	site = site_of(s, w);
	for (uint32_t t = 0; t < s->judge->n_targets; t++) {
		const struct judge_target *target = &s->judge->targets[t];
		const struct conf_server *c = &s->conf->servers[target->server];

		if ((strcmp(w, "all") == 0 || c->site == site || strcmp(w, c->name) == 0) &&
		    (family == 0 || family == target->family) &&
		    (check == 0 || target->check == &s->conf->checks[check - 1])) {
			word.index = t;
			out[n++] = word;
		}
	}
	return strchr("+-?", word.sign) != NULL ? n : 0;
}

/* After "drain:", "clear:", ...: a site or a server, perhaps a time. */
static size_t
read_override(const struct sim *s, char *what, struct sim_word *out)
{
	char *ms = strchr(what, ':');
	int site;

	if (ms != NULL) {
		*ms++ = '\0';
		out->ms = (uint64_t)atoi(ms);
	}
	site = site_of(s, what);
	out->op = site >= 0 ? SIM_SITE_WORD : SIM_SERVER_WORD;
	out->index = (uint32_t)(site >= 0 ? site : server_of(s, what));
	return site >= 0 || server_of(s, what) >= 0;
}

/* The words that stand alone. */
static bool
read_plain(const char *w, struct sim_word *out)
{
	static const struct { const char *text; struct sim_word word; } plain[] = {
		{ "late", { .op = SIM_LATE } }, { "clock", { .op = SIM_CLOCK } },
		{ "dnsd+", { .op = SIM_DNSD, .dnsd = POSTURE_DNSD_ANSWERING } },
		{ "dnsd-", { .op = SIM_DNSD, .dnsd = POSTURE_DNSD_FAILED } },
		{ "dnsd?", { .op = SIM_DNSD, .dnsd = POSTURE_DNSD_UNKNOWN } },
		{ "tcp-", { .op = SIM_TCP, .sign = '-' } },
		{ "tcp+", { .op = SIM_TCP, .sign = '+' } }, { "stall", { .op = SIM_STALL } },
		{ "kill", { .op = SIM_KILL } }, { "start", { .op = SIM_START } },
		{ "reload", { .op = SIM_RELOAD } }, { "restart", { .op = SIM_RESTART } },
		{ "gone", { .op = SIM_GONE } }, { "reboot", { .op = SIM_REBOOT } },
	};

	for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(w, plain[i].text) == 0) {
			*out = plain[i].word;
			return true;
		}
	return false;
}

/* In pieces, for the keeper's rounds go on meanwhile: of a second, or a tenth of a long time. */
static size_t
read_wait(uint64_t ms, struct sim_word *out)
{
	uint64_t piece = ms > 8000 ? ms / 8 : ms > 1000 ? 1000 : ms;
	size_t n = 0;

	for (uint64_t gone = 0; gone < ms; gone += piece, n++)
		out[n] = (struct sim_word){ .op = SIM_WAIT,
		    .ms = n == 0 ? piece : piece - SIM_STEP_MS };
	return n;
}

static size_t
read_one(const struct sim *s, char *w, struct sim_word *out)
{
	static const char *const kinds[] = { "clear:", "drain:", "up:", "down:", "plan:" };
	size_t n = strlen(w);

	*out = (struct sim_word){ .sign = w[n - 1] };
	if (read_plain(w, out))
		return 1;
	for (unsigned i = 0; i <= OVERRIDE_COUNT; i++)
		if (begins(w, kinds[i])) {
			out->planned = i == OVERRIDE_COUNT;
			out->kind = out->planned ? OVERRIDE_DRAIN : (enum judge_override_kind)i;
			return read_override(s, w + strlen(kinds[i]), out);
		}
	if (begins(w, "wait:"))
		return read_wait((uint64_t)atoi(w + 5), out);
	if (begins(w, "origin=") || begins(w, "notify=")) {
		out->op = w[0] == 'o' ? SIM_ORIGIN : SIM_NOTIFY;
		snprintf(out->set, sizeof(out->set), "%.3s", w + 7);
		return 1;
	}
	if (begins(w, "ttl:")) {	/* ttl:fra:5 */
		out->op = SIM_TTL;
		w[7] = '\0';
		out->index = (uint32_t)site_of(s, w + 4);
		out->ms = (uint64_t)atoi(w + 8);
		return 1;
	}
	if (begins(w, "site:")) {
		out->op = SIM_SIBLING;
		w[n - 1] = '\0';
		out->index = (uint32_t)site_of(s, w + 5);
		return site_of(s, w + 5) >= 0;
	}
	if (begins(w, "digest:")) {
		out->op = SIM_DIGEST;
		w[n - 1] = '\0';
		out->index = server_of(s, w + 7) >= 0 ?
		    (uint32_t)s->judge->servers[server_of(s, w + 7)].target[0] : 0;
		return server_of(s, w + 7) >= 0;
	}
	return read_results(s, w, out);
}

size_t
sim_read(const struct sim *s, const char *text, struct sim_word *out, size_t max)
{
	char copy[512], *save = NULL, one[64];
	size_t n = 0, got;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		snprintf(one, sizeof(one), "%s", w);
		got = n + SIM_TARGETS <= max ? read_one(s, one, out + n) : 0;
		if (got == 0)
			stop(s->world, "not a word", w);
		n += got;
	}
	return n;
}

/* ---- what happens ---- */

static void
pass(struct sim *s, uint64_t ms)
{
	s->true_ms += ms;
	s->now.mono_ms += ms;
	s->now.wall = 1.7e9 + (double)s->true_ms / 1e3;
}

static void
write_memory(struct sim *s)
{
	FILE *f = fmemopen(s->file, sizeof(s->file), "w");

	state_print(f, s->judge, s->now);
	if (fclose(f) != 0 || strstr(s->file, "\nend ") == NULL)
		stop(s->world, "too long", "the state file");
	s->file_ms = s->true_ms;
	s->written_changes = s->judge->changes;
	s->due_ms = s->now.mono_ms + REFRESH_MS;
}

static void
remember(struct sim *s)
{
	if (s->written_changes != s->judge->changes && s->due_ms > s->now.mono_ms + SETTLE_MS)
		s->due_ms = s->now.mono_ms + SETTLE_MS;
	if (s->now.mono_ms >= s->due_ms && remember_worth(s->judge))
		write_memory(s);
}

static void
keeper_round(struct sim *s)
{
	struct posture_input in = { .now_ms = s->now.mono_ms, .dnsd = s->dnsd,
		.dnsd_reason = "", .drain = s->tcp_dead, .drain_reason = "" };

	if (s->alive) {
		judge_verdict(s->judge, s->now, &s->word);
		s->heard = true;
		s->heard_ms = s->told_ms = s->true_ms;
		remember(s);
	}
	in.word = s->heard ? &s->word : NULL;
	in.word_age_ms = s->true_ms - s->heard_ms;
	posture_step(&s->posture, &in);
}

static void
say(struct sim *s, const struct sim_word *w)
{
	struct judge_override o = { .kind = w->kind, .at = s->now.wall,
		.at_ms = s->now.mono_ms };

	if (!s->alive)
		return;
	if (w->kind == OVERRIDE_NONE)
		o = (struct judge_override){ .kind = OVERRIDE_NONE };
	else
		memcpy(o.by, "me", 3);
	if (w->planned) {
		o.at += (double)w->ms / 1e3;
		o.at_ms += w->ms;
	} else if (w->ms != 0) {
		o.until = s->now.wall + (double)w->ms / 1e3;
		o.until_ms = s->now.mono_ms + w->ms;
	}
	tell(s, &(struct judge_event){ .kind = w->op == SIM_SITE_WORD ? JUDGE_OVERRIDE_SITE :
	    JUDGE_OVERRIDE_SERVER, .index = w->index, .override = &o,
	    .end = w->kind == OVERRIDE_NONE ? END_CLEARED : END_NONE });
	write_memory(s);	/* on the disk before it is confirmed */
}

static void
begin_again(struct sim *s, enum sim_op op)
{
	struct posture_left left = posture_leave(&s->posture, s->now.mono_ms);

	pass(s, op == SIM_RESTART ? 1000 : op == SIM_GONE ? 10000 : 120000);
	if (op == SIM_REBOOT)
		s->now.mono_ms = 60000;
	start_prober(s);
	begin_keeper(s, op == SIM_RESTART ? left.posture : POSTURE_DOWN);
	left.flap_age_ms += op == SIM_RESTART ? 1000 : 10000;
	if (op != SIM_REBOOT)		/* run-dir does not outlive that */
		posture_restore(&s->posture, &left, s->now.mono_ms);
}

static void
happen(struct sim *s, const struct sim_word *w)
{
	struct result r = { .reason = w->sign == '+' ? REASON_OK : w->sign == '-' ?
	    REASON_CONNECT : REASON_INTERNAL, .load = -1,
	    .set = w->set[0] != '\0' ? w->set : NULL };
	struct judge_event e = { .index = w->index, .result = &r, .set = w->set,
	    .drain = w->sign == '+', .ttl_s = (uint32_t)w->ms,
	    .disturbance = w->op == SIM_CLOCK ? JUDGE_CLOCK : JUDGE_LATE };
	static const enum judge_event_kind kind[] = {
		[SIM_RESULT] = JUDGE_RESULT, [SIM_DIGEST] = JUDGE_DIGEST,
		[SIM_ORIGIN] = JUDGE_ORIGIN, [SIM_NOTIFY] = JUDGE_NOTIFY,
		[SIM_SIBLING] = JUDGE_SIBLING, [SIM_TTL] = JUDGE_TTL,
		[SIM_LATE] = JUDGE_DISTURBED, [SIM_CLOCK] = JUDGE_DISTURBED,
	};

	switch (w->op) {
	case SIM_SERVER_WORD:
	case SIM_SITE_WORD:
		say(s, w);
		break;
	case SIM_WAIT:
		pass(s, w->ms);
		tell(s, &(struct judge_event){ .kind = JUDGE_TICK });
		break;
	case SIM_DNSD:
		s->dnsd = w->dnsd;
		break;
	case SIM_TCP:
		s->tcp_dead = w->sign == '-';
		break;
	case SIM_STALL:
		pass(s, 6000);
		if (s->posture.now != POSTURE_DOWN)
			posture_lost(&s->posture, s->now.mono_ms, "the lease ran out");
		break;
	case SIM_RELOAD:
		if (s->alive && remember_worth(s->judge))
			write_memory(s);
		start_prober(s);
		break;
	case SIM_KILL:
		s->alive = false;
		break;
	case SIM_START:
		if (!s->alive)
			start_prober(s);
		break;
	case SIM_RESTART:
	case SIM_GONE:
	case SIM_REBOOT:
		begin_again(s, w->op);
		break;
	default:
		e.kind = kind[w->op];
		tell(s, &e);
	}
}

void
sim_step(struct sim *s, const struct sim_word *w)
{
	pass(s, SIM_STEP_MS);
	tell(s, &(struct judge_event){ .kind = JUDGE_TICK });
	happen(s, w);
	keeper_round(s);
}
