/*
 * The judge by rows: what happens, in a small script, and what must be so afterwards.
 *
 * The world: sites fra (here), nyc, sin; servers f1 f2 (fra), n1 n2 (nyc), s1 (sin), one IPv4
 * address each, IPv6 too where a row asks for "six", and d1 (fra) with both where it asks for
 * "dual".  rise 3, fall 2,
 * interval 1 s.  Each word of a script takes 10 ms:
 *   f1+ f1- f1?       a good, a bad, an internal result (d1.6- for its IPv6); fra+ all- for many
 *   f1=B              a good result with set B;  f1~90 with load 90
 *   origin=B notify=B        wait:MS  late  clock
 *   drain:f1 up:f1 down:f1 clear:f1 (drain:fra:500 = for 500 ms; also of sites)
 *   site:nyc+ site:nyc-      that site's dnsd says drain or not;  ttl:fra:5 the most it hands out
 *   mem:f1+ mem:f1-          remembered from before a restart
 *   f1/b+ f1/b-              the result of its second check, where a row asks for "all" or "any"
 *   digest:f1+ digest:f1-    f1's objects are right or wrong
 *   plan:fra:500             a drain of the site in 500 ms
 *   reload                   another process, with what the state file keeps; away:MS  later
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "healthd/judge/judge.h"
#include "healthd/prober/recall.h"

enum { SINGLE = 1, DUAL = 2, CONTENT = 4, ORIGIN = 8, SEED = 16, MIN2 = 32, NO_CHECK = 64,
    TWO = 128, SIX = 256, JITTER = 512, QUORUM1 = 1024, EMPTY = 2048,
    ALL = 4096, ANY = 8192, WARM = 16384, MIN9 = 32768 };

struct row {
	const char *sentence;
	int world;
	const char *script;
	/* f1=up v6:d1=down verdict=hold freeze=shared weight:f1=50 ttl:f1=2 ... */
	const char *expected;
};

static struct conf conf;
static struct conf_site sites[3];
static struct conf_check checks[2];
static struct conf_check *const check = &checks[0];
static uint16_t both[2] = { 0, 1 };
static struct conf_pool pool;
static struct conf_server servers[6];
static uint32_t by_name[6], one_pool[1];
static struct judge *judge;
static struct judge_time now;

static void
add_conf_server(const char *name, uint16_t site, bool v6)
{
	struct conf_server *s = &servers[conf.n_servers++];

	*s = (struct conf_server){ .name = (char *)(uintptr_t)name, .site = site, .weight = 10 };
	s->v4.family = 4;
	s->v6.family = v6 ? 6 : 0;
}

static void
world(int kind)
{
	static const char *const name[] = { "fra", "nyc", "sin" };

	memset(&conf, 0, sizeof(conf));
	for (unsigned i = 0; i < 3; i++)
		sites[i] = (struct conf_site){ .name = (char *)(uintptr_t)name[i],
		    .sibling.family = 4 };
	*check = (struct conf_check){ .kind = kind & CONTENT ? CONF_CHECK_CONTENT : CONF_CHECK_HTTP,
	    .interval_ms = 1000, .rise = 3, .fall = 2 };
	if (kind & ORIGIN)
		check->origin = (char *)(uintptr_t)"http://origin/";
	if (kind & JITTER) {
		check->jitter = 10;
		check->interval_ms = 10000;
		check->fast_interval_ms = 1000;
	}
	check->quorum = kind & QUORUM1 ? 1 : 0;
	check->n_digests = 1;
	if (!(kind & EMPTY)) {
		add_conf_server("f1", 0, kind & SIX);
		add_conf_server("f2", 0, kind & SIX);
	}
	if (!(kind & SINGLE)) {
		add_conf_server("n1", 1, kind & SIX);
		add_conf_server("n2", 1, kind & SIX);
	}
	if (!(kind & (SINGLE | TWO)))
		add_conf_server("s1", 2, kind & SIX);
	if (kind & DUAL)
		add_conf_server("d1", 0, true);
	servers[0].seed = kind & SEED;
	pool = (struct conf_pool){ .name = (char *)(uintptr_t)"p", .check = kind & NO_CHECK ?
	    CONF_NONE : 0,
	    .n_servers = (uint16_t)conf.n_servers,
	    .need = kind & ANY ? CONF_CHECKS_ANY : CONF_CHECKS_ALL,
	    .warm_up_ms = kind & WARM ? 100000 : 0 };
	check->name = (char *)(uintptr_t)"a";
	if (kind & (ALL | ANY)) {
		checks[1] = (struct conf_check){ .name = (char *)(uintptr_t)"b",
		    .kind = CONF_CHECK_TCP, .interval_ms = 1000, .rise = 3, .fall = 2 };
		pool.checks = both;
		pool.n_checks = 2;
	}
	conf.sites = sites;
	conf.n_sites = 3;
	conf.checks = checks;
	conf.n_checks = kind & (ALL | ANY) ? 2 : 1;
	conf.pools = &pool;
	conf.n_pools = 1;
	conf.servers = servers;
	conf.servers_by_name = by_name;
	conf.pools_by_name = one_pool;
	for (uint32_t i = 0; i < conf.n_servers; i++)
		for (uint32_t k = by_name[i] = i; k > 0 && strcmp(servers[by_name[k]].name,
		    servers[by_name[k - 1]].name) < 0; k--) {
			uint32_t swap = by_name[k];

			by_name[k] = by_name[k - 1];
			by_name[k - 1] = swap;
		}
	conf.ttl_max_s = 30;
	conf.announce.min_healthy = kind & MIN2 ? 2 : kind & MIN9 ? 9 : 1;
	now = (struct judge_time){ 1000000, 1.7e9 };
	judge = judge_new(&conf, now);
	assert_non_null(judge);
}

static int
server_of(const char *name)
{
	for (size_t i = 0; i < conf.n_servers; i++)
		if (strcmp(servers[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int
site_of(const char *name)
{
	for (size_t i = 0; i < conf.n_sites; i++)
		if (strcmp(sites[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool second;			/* check "b" is meant */

static void
result(int server, int family, enum reason reason, const char *set, int load)
{
	struct result r = { .reason = reason, .load = load, .set = set };
	int32_t target = judge->servers[server].target[family == 6];

	if (target >= 0 && second)
		target++;
	if (target >= 0)
		judge_step(judge, &(struct judge_event){ .kind = JUDGE_RESULT,
		    .index = (uint32_t)target, .result = &r }, now);
}

static enum reason
reason_of(char sign)
{
	return sign == '+' ? REASON_OK : sign == '-' ? REASON_CONNECT : REASON_INTERNAL;
}

/* "f1+", "fra-", "all?", "d1.6-" */
static void
do_results(char *word)
{
	size_t n = strlen(word);
	enum reason reason = reason_of(word[n - 1]);
	char *dot = strchr(word, '.'), *slash = strchr(word, '/');
	int site, only = -1;

	word[n - 1] = '\0';
	if (dot != NULL)
		*dot = '\0';
	second = slash != NULL;
	if (slash != NULL)
		*slash = '\0';
	site = site_of(word);
	if (site < 0 && strcmp(word, "all") != 0) {
		only = server_of(word);
		assert_true(only >= 0);
	}
	for (size_t i = 0; i < conf.n_servers; i++) {
		if ((only >= 0 && (int)i != only) || (site >= 0 && servers[i].site != site))
			continue;
		if (dot == NULL || dot[1] == '4')
			result((int)i, 4, reason, NULL, -1);
		if (dot == NULL || dot[1] == '6')
			result((int)i, 6, reason, NULL, -1);
	}
}

static void
override(enum judge_override_kind kind, char *what)
{
	char *ms = strchr(what, ':');
	struct judge_override w = { .kind = kind, .by = "me", .at = now.wall,
	    .at_ms = now.mono_ms };
	int site;

	if (ms != NULL) {
		*ms++ = '\0';
		w.until_ms = now.mono_ms + (uint64_t)atoi(ms);
		w.until = now.wall + atoi(ms) / 1e3;
	}
	site = site_of(what);
	judge_step(judge, &(struct judge_event){ .kind = site >= 0 ? JUDGE_OVERRIDE_SITE :
	    JUDGE_OVERRIDE_SERVER,
	    .index = (uint32_t)(site >= 0 ? site : server_of(what)), .override = &w }, now);
}

static void
pass(uint64_t ms)
{
	now.mono_ms += ms;
	now.wall += (double)ms / 1e3;
}

static void
tell(enum judge_event_kind kind, uint32_t index, const char *set, bool drain)
{
	judge_step(judge, &(struct judge_event){ .kind = kind, .index = index, .set = set,
	    .drain = drain,
	    .disturbance = set == NULL && drain ? JUDGE_CLOCK : JUDGE_LATE }, now);
}

static void
remember(void *arg, const struct state_item *item)
{
	recall_item(arg, item, now);
}

static void
plan(char *what)
{
	char *ms = strchr(what, ':');
	struct judge_override w = { .kind = OVERRIDE_DRAIN, .by = "me" };

	*ms++ = '\0';
	w.at = now.wall + atoi(ms) / 1e3;
	w.at_ms = now.mono_ms + (uint64_t)atoi(ms);
	judge_step(judge, &(struct judge_event){ .kind = JUDGE_OVERRIDE_SITE,
	    .index = (uint32_t)site_of(what), .override = &w }, now);
}

static void
reload(uint64_t away_ms)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct state_report r;

	assert_non_null(f);
	state_print(f, judge, now);
	fclose(f);
	pass(away_ms);
	judge_free(judge);
	judge = judge_new(&conf, now);
	assert_non_null(judge);
	r = state_parse(text, len, remember, judge);
	assert_true(r.whole);
	free(text);
}

static void
digest(int server, bool good)
{
	struct result r = { .reason = good ? REASON_OK : REASON_DIGEST, .load = -1 };

	judge_step(judge, &(struct judge_event){ .kind = JUDGE_DIGEST,
	    .index = (uint32_t)judge->servers[server].target[0], .result = &r }, now);
}

static void
do_one(char *w)
{
	size_t n = strlen(w);

	if (strncmp(w, "wait:", 5) == 0) {
		pass((uint64_t)atoi(w + 5));
		tell(JUDGE_TICK, 0, NULL, false);
	} else if (strcmp(w, "late") == 0 || strcmp(w, "clock") == 0) {
		tell(JUDGE_DISTURBED, 0, NULL, w[0] == 'c');
	} else if (strcmp(w, "reload") == 0) {
		reload(0);
	} else if (strncmp(w, "away:", 5) == 0) {
		reload((uint64_t)atoi(w + 5));
	} else if (strncmp(w, "plan:", 5) == 0) {
		plan(w + 5);
	} else if (strncmp(w, "digest:", 7) == 0) {
		bool good = w[n - 1] == '+';

		w[n - 1] = '\0';
		digest(server_of(w + 7), good);
	} else if (strncmp(w, "drain:", 6) == 0) {
		override(OVERRIDE_DRAIN, w + 6);
	} else if (strncmp(w, "up:", 3) == 0) {
		override(OVERRIDE_FORCE_UP, w + 3);
	} else if (strncmp(w, "down:", 5) == 0) {
		override(OVERRIDE_FORCE_DOWN, w + 5);
	} else if (strncmp(w, "clear:", 6) == 0) {
		override(OVERRIDE_NONE, w + 6);
	} else if (strncmp(w, "origin=", 7) == 0) {
		tell(JUDGE_ORIGIN, 0, w + 7, false);
	} else if (strncmp(w, "notify=", 7) == 0) {
		tell(JUDGE_NOTIFY, 0, w + 7, false);
	} else if (strncmp(w, "site:", 5) == 0) {
		char sign = w[n - 1];

		w[n - 1] = '\0';
		tell(JUDGE_SIBLING, (uint32_t)site_of(w + 5), NULL, sign == '+');
	} else if (strncmp(w, "ttl:", 4) == 0) {
		w[7] = '\0';
		judge_step(judge, &(struct judge_event){ .kind = JUDGE_TTL,
		    .index = (uint32_t)site_of(w + 4),
		    .ttl_s = (uint32_t)atoi(w + 8) }, now);
	} else if (strncmp(w, "mem:", 4) == 0) {
		struct judge_memory m = { .state = w[n - 1] == '+' ? HEALTH_UP : HEALTH_DOWN,
		    .since = 1.6e9 };

		w[n - 1] = '\0';
		judge_step(judge, &(struct judge_event){ .kind = JUDGE_REMEMBER, .memory = &m,
		    .index = (uint32_t)judge->servers[server_of(w + 4)].target[0] }, now);
	} else if (strchr(w, '=') != NULL) {
		char *set = strchr(w, '=');

		*set++ = '\0';
		result(server_of(w), 4, REASON_OK, set, -1);
	} else if (strchr(w, '~') != NULL) {
		char *load = strchr(w, '~');

		*load++ = '\0';
		result(server_of(w), 4, REASON_OK, NULL, atoi(load));
	} else {
		do_results(w);
	}
}

static const char *
freeze_name(void)
{
	static const char *const name[] = { "none", "shared", "uplink", "late", "clock" };

	return name[judge->freeze];
}

/* What is, in the words of an expectation. */
static void
actual(const char *key, char *out, size_t size)
{
	struct verdict_message v;

	judge_verdict(judge, now, &v);
	if (strcmp(key, "verdict") == 0)
		snprintf(out, size, "%s", message_name(&v));
	else if (strcmp(key, "freeze") == 0)
		snprintf(out, size, "%s", freeze_name());
	else if (strcmp(key, "local") == 0)
		snprintf(out, size, "%u/%u", v.local_up, v.local_total);
	else if (strcmp(key, "first") == 0)
		snprintf(out, size, "%s", judge->first_round_over ? "over" : "running");
	else if (strcmp(key, "set") == 0)
		snprintf(out, size, "%s", judge->pools[0].current.id);
	else if (strncmp(key, "v4:", 3) == 0)
		snprintf(out, size, "%s", health_state_name(judge->servers[server_of(key + 3)].v4));
	else if (strncmp(key, "v6:", 3) == 0)
		snprintf(out, size, "%s", health_state_name(judge->servers[server_of(key + 3)].v6));
	else if (strncmp(key, "weight:", 7) == 0)
		snprintf(out, size, "%u", judge->servers[server_of(key + 7)].weight);
	else if (strncmp(key, "ttl:", 4) == 0)
		snprintf(out, size, "%u", judge_ttl(judge, (size_t)server_of(key + 4), now));
	else if (strncmp(key, "why:", 4) == 0)
		for (char *c = out + snprintf(out, size, "%.5s",
		    judge->servers[server_of(key + 4)].reason); c-- > out; )
			*c = *c == ' ' ? '_' : *c;
	else
		snprintf(out, size, "%s", health_state_name(judge->servers[server_of(key)].state));
}

static void
run_row(const struct row *row)
{
	char script[1024], expected[512], *save = NULL;

	world(row->world);
	snprintf(script, sizeof(script), "%s", row->script);
	for (char *w = strtok_r(script, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		pass(10);
		do_one(w);
	}
	snprintf(expected, sizeof(expected), "%s", row->expected);
	for (char *w = strtok_r(expected, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		char *want = strrchr(w, '='), got[64];

		*want++ = '\0';
		actual(w, got, sizeof(got));
		if (strcmp(got, want) != 0)
			fail_msg("%s: %s is %s, %s was expected", row->sentence, w, got, want);
	}
	judge_free(judge);
}

static void
run_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_row(&rows[i]);
}

#define ROWS(name) run_rows(name, sizeof(name) / sizeof(name[0]))

static void
thresholds(void **state)
{
	static const struct row rows[] = {
		{ "nothing is known at first", 0, "", "f1=unknown verdict=none first=running" },
		{ "one good first result is up", 0, "f1+", "f1=up" },
		{ "a bad first result waits until somebody answered", 0, "f1-", "f1=unknown" },
		{ "a bad first result is down once somebody answered", 0, "n1+ f1-", "f1=down" },
		{ "whoever answers later settles it, too", 0, "f1- n1+", "f1=down n1=up" },
		{ "one failure of an up server is not down", 0, "all+ f1- n1+", "f1=up" },
		{ "fall failures are", 0, "all+ f1- n1+ f1-", "f1=down n1=up" },
		{ "a good result between them starts the count again", 0, "all+ f1- f1+ f1- n1+",
		    "f1=up" },
		{ "rise - 1 good results are not up", 0, "all+ f1- n1+ f1- f1+ f1+", "f1=down" },
		{ "rise good results are up", 0, "all+ f1- n1+ f1- f1+ f1+ f1+", "f1=up" },
		{ "a bad one between them starts the count again", 0,
		    "all+ f1- n1+ f1- f1+ f1+ f1- f1+ f1+", "f1=down" },
		{ "the first round is over when all have a result", 0, "f1+ f2+ n1+ n2- s1+",
		    "first=over verdict=up" },
		{ "and not before", 0, "f1+ f2+ n1+ n2-", "first=running verdict=none" },
		{ "an internal result blames nobody", 0, "all+ f1? f1? f1?", "f1=up" },
		{ "an internal result counts for the round", 0, "f1+ f2+ n1+ n2+ s1?",
		    "first=over s1=unknown" },
		{ "without targets there is no round to wait for", NO_CHECK, "",
		    "first=over f1=up v4:f1=up v6:f1=unknown verdict=up" },
	};

	(void)state;
	ROWS(rows);
}

static void
families(void **state)
{
	static const struct row rows[] = {
		{ "IPv6 fails alone: the server is up", DUAL, "all+ d1.6- n1+ d1.6-",
		    "d1=up v4:d1=up v6:d1=down" },
		{ "both fail: it is down", DUAL, "all+ d1- n1+ d1-",
		    "d1=down v4:d1=down v6:d1=down" },
		{ "one comes back: it is up", DUAL, "all+ d1- n1+ d1- d1.6+ d1.6+ d1.6+",
		    "d1=up v4:d1=down v6:d1=up" },
		{ "results of one are not results of the other", DUAL, "all+ d1.4- n1+ d1.6-",
		    "d1=up v4:d1=up v6:d1=up" },
	};

	(void)state;
	ROWS(rows);
}

static void
causes(void **state)
{
	static const struct row rows[] = {
		{ "only ours fail: a local cause", 0, "all+ fra- nyc+ fra- sin+",
		    "f1=down f2=down n1=up verdict=caches-down freeze=none" },
		{ "everything everywhere fails: a shared cause", 0, "all+ all- all-",
		    "f1=up n1=up s1=up verdict=hold freeze=shared" },
		{ "however long it lasts", 0, "all+ all- all- all- all- all- wait:600000 all-",
		    "f1=up s1=up verdict=hold" },
		{ "ours are not called down before the others were asked", 0, "all+ fra- fra- fra-",
		    "f1=up f2=up verdict=up" },
		{ "the others answer later: now it is local", 0, "all+ fra- fra- n1+",
		    "f1=down f2=down verdict=caches-down" },
		{ "the others fail later: shared", 0, "all+ fra- fra- nyc- sin-",
		    "f1=up f2=up verdict=hold freeze=shared" },
		{ "what kills all reaches them one after the other: shared", 0,
		    "all+ fra- n1+ s1+ wait:900 fra- nyc- sin-",
		    "f1=up f2=up n1=up verdict=hold freeze=shared" },
		{ "an answer of long ago clears nobody", 0, "all+ fra- n1+ wait:900 fra-",
		    "f1=up f2=up verdict=up" },
		{ "one of now does", 0, "all+ fra- n1+ wait:900 fra- n1+",
		    "f1=down f2=down n1=up verdict=caches-down" },
		{ "any answer ends the freeze, and counting restarts", 0, "all+ all- all- n1+ f1-",
		    "f1=up freeze=none verdict=up" },
		{ "what still fails then goes down as ever", 0, "all+ all- all- n1+ fra- n1+ fra-",
		    "f1=down f2=down n1=up verdict=caches-down" },
		{ "at a single site all failing is a local cause", SINGLE, "all+ all- all-",
		    "f1=down f2=down verdict=caches-down freeze=none" },
		{ "first all the others, so that the uplink is in doubt, then ours: shared", 0,
		    "all+ nyc- sin- fra+ nyc- sin- fra+ fra- fra- fra-",
		    "verdict=hold" },
		{ "the others were down before (one after the other): ours failing is local", 0,
		    "all+ nyc- s1+ nyc- s1+ s1- fra+ s1- fra+ fra- fra-",
		    "n1=down s1=down f1=down f2=down verdict=caches-down" },
		{ "all fail from the start: nothing is called down", 0, "all-",
		    "f1=unknown n1=unknown verdict=hold freeze=shared" },
		{ "from the start, at a single site: down", SINGLE, "all-",
		    "f1=down verdict=caches-down" },
		{ "one remote site fails twice in a row: it is down", 0, "all+ nyc- sin+ nyc-",
		    "n1=down n2=down s1=up freeze=none verdict=up" },
		{ "all other sites fail at once: the uplink is in doubt", 0,
		    "all+ nyc- sin- fra+ nyc- sin- fra+",
		    "n1=up n2=up s1=up freeze=uplink verdict=up" },
		{ "a local server can still fall while the uplink is in doubt", 0,
		    "all+ nyc- sin- fra+ nyc- sin- fra+ f1- f2+ f1- f2+",
		    "f1=down f2=up n1=up freeze=uplink verdict=up" },
		{ "the uplink is back", 0, "all+ nyc- sin- fra+ nyc- sin- n1+",
		    "n1=up freeze=none" },
		{ "a site that answers: the network is fine, they are down", 0,
		    "all+ nyc- sin- fra+ site:nyc- nyc- sin-", "n1=down s1=down freeze=none" },
		{ "a site that answers ends the doubt", 0,
		    "all+ nyc- sin- fra+ nyc- sin- site:nyc- nyc- sin- fra+ site:nyc- nyc- sin-",
		    "n1=down s1=down freeze=none" },
		{ "with one other site there is no uplink to doubt", TWO,
		    "all+ nyc- fra+ nyc- fra+", "n1=down f1=up freeze=none" },
		{ "two sites, both fail at once: shared", TWO, "all+ all- all-",
		    "n1=up f1=up freeze=shared" },
		{ "who cannot be checked is no witness and nobody waits for him", TWO,
		    "f1+ f2+ n1? n2? fra- fra-", "f1=down f2=down verdict=caches-down" },
		{ "nor once he could", TWO, "all+ nyc? fra- fra-",
		    "f1=down f2=down n1=up verdict=caches-down" },
		{ "one that fails and cannot be checked then is still failing", TWO,
		    "all+ nyc- nyc? fra- fra-", "f1=up n1=up verdict=hold freeze=shared" },
		{ "IPv6 of all other sites fails, IPv4 answers: its uplink is in doubt", SIX,
		    "all+ nyc.6- sin.6- all.4+ fra.6+ nyc.6- sin.6- all.4+",
		    "v6:n1=up v6:s1=up v4:n1=up freeze=uplink verdict=up" },
		{ "IPv4 falls as ever meanwhile", SIX,
		    "all+ nyc.6- sin.6- all.4+ fra.6+ nyc.6- sin.6- n1.4- n2.4+ n1.4- "
		    "n2.4+",
		    "v6:n1=up v4:n1=down freeze=uplink" },
		{ "and the IPv4 of all others can be in doubt as well", SIX,
		    "all+ nyc- sin- fra+ nyc- sin- fra+",
		    "v6:n1=up v4:n1=up v4:s1=up freeze=uplink verdict=up" },
		{ "an IPv6 answer from elsewhere ends it", SIX,
		    "all+ nyc.6- sin.6- all.4+ fra.6+ nyc.6- sin.6- all.4+ s1.6+ n1.6- s1.6+ n1.6- "
		    "s1.6+", "v6:n1=down v6:s1=up v4:n1=up freeze=none" },
		{ "IPv6 fails everywhere, here too: a shared cause, of IPv6 alone", SIX,
		    "all+ all.6- all.4+ all.6- all.4+",
		    "v6:f1=up v6:n1=up freeze=uplink verdict=up" },
		{ "IPv6 of one site alone is its own", SIX,
		    "all+ nyc.6- all.4+ sin.6+ fra.6+ nyc.6- sin.6+",
		    "v6:n1=down v6:n2=down v6:s1=up n1=up freeze=none" },
		{ "both families of everything: shared", SIX, "all+ all- all-",
		    "n1=up freeze=shared verdict=hold" },
		{ "drained servers are witnesses, too", 0, "all+ drain:nyc drain:sin fra- n1+ fra-",
		    "f1=down verdict=caches-down" },
	};

	(void)state;
	ROWS(rows);
}

static void
disturbances(void **state)
{
	static const struct row rows[] = {
		{ "we were late: failures do not count", 0, "all+ all- late f1- f2-",
		    "f1=up f2=up verdict=hold freeze=late" },
		{ "any answer ends it", 0, "all+ late n1+", "freeze=none verdict=up" },
		{ "a whole fresh round ends it", SINGLE, "all+ late all-",
		    "freeze=none f1=up verdict=up" },
		{ "then failures count again", SINGLE, "all+ late all- all- all-",
		    "f1=down verdict=caches-down" },
		{ "a clock that jumps", 0, "all+ f1- clock f1-",
		    "f1=up freeze=clock verdict=hold" },
		{ "counting restarts after the clock jumped", 0, "all+ f1- n1+ clock n1+ f1- n1+",
		    "f1=up freeze=none" },
		{ "disturbed again and again, the first round ends all the same", 0,
		    "f1+ late f2+ n1+ clock n2+ late s1+ f1+", "first=over verdict=up" },
		{ "late before the first round is over: nothing is decided", 0, "f1+ late",
		    "first=running verdict=none" },
		{ "late during a shared cause: still shared", 0, "all+ all- all- late all-",
		    "freeze=shared" },
		{ "late while the uplink is in doubt", 0, "all+ nyc- sin- fra+ nyc- sin- late",
		    "freeze=late" },
	};

	(void)state;
	ROWS(rows);
}

static void
words(void **state)
{
	static const struct row rows[] = {
		{ "a drained server", 0, "all+ drain:f1",
		    "f1=drain v4:f1=up f2=up verdict=up local=1/2" },
		{ "taken back", 0, "all+ drain:f1 clear:f1", "f1=up local=2/2" },
		{ "forced up while it fails", 0, "all+ f1- n1+ f1- up:f1", "f1=up v4:f1=up" },
		{ "forced down while it answers", 0, "all+ down:f1",
		    "f1=down v4:f1=down local=1/2" },
		{ "forced up wins over a shared cause", 0, "all+ all- all- up:fra",
		    "verdict=force-up f1=up" },
		{ "a word ends by itself", 0, "all+ drain:f1:500 wait:600", "f1=up" },
		{ "and not before", 0, "all+ drain:f1:500 wait:300", "f1=drain" },
		{ "the site drains", 0, "all+ drain:fra", "f1=drain f2=drain n1=up verdict=drain" },
		{ "until the last TTL has run out", 0, "all+ drain:fra wait:31000",
		    "verdict=drain" },
		{ "then it is drained", 0, "all+ drain:fra wait:34500", "verdict=drained" },
		{ "our dnsd hands out less than the configured maximum", 0,
		    "all+ ttl:fra:5 drain:fra wait:9100", "verdict=drained" },
		{ "but another site's hands out more", 0,
		    "all+ ttl:fra:5 ttl:nyc:9 drain:fra wait:9100", "verdict=drain" },
		{ "what others hand out alone says nothing", 0,
		    "all+ ttl:nyc:5 drain:fra wait:9100", "verdict=drain" },
		{ "undrained", 0, "all+ drain:fra wait:34500 clear:fra", "verdict=up f1=up" },
		{ "a drain of the site that ends by itself", 0,
		    "all+ drain:fra:60000 wait:34500 wait:26000", "verdict=up f1=up" },
		{ "a server's own word is stronger than its site's", 0, "all+ drain:fra up:f1",
		    "f1=up f2=drain verdict=drain" },
		{ "the site forced down", 0, "all+ down:fra", "verdict=force-down f1=down" },
		{ "the site forced up with dead servers", 0, "all+ fra- n1+ fra- up:fra",
		    "verdict=force-up f1=up" },
		{ "every local server drained is a drain of the site", 0, "all+ drain:f1 drain:f2",
		    "verdict=drain" },
		{ "which runs out, too", 0, "all+ drain:f1 drain:f2 wait:34500",
		    "verdict=drained" },
		{ "the drained one is dead, too: down", 0, "all+ drain:f1 fra- n1+ fra- n1+",
		    "verdict=caches-down" },
		{ "another site drained by word here", 0, "all+ drain:nyc",
		    "n1=drain n2=drain verdict=up" },
		{ "another site says that it drains", 0, "all+ site:nyc+",
		    "n1=drain why:n1=drain s1=up verdict=up" },
		{ "and that it is back", 0, "all+ site:nyc+ site:nyc-", "n1=up" },
		{ "it drains and then stops answering: drained it stays", 0,
		    "all+ site:nyc+ wait:60000", "n1=drain" },
		{ "our word is stronger than the other site's", 0, "all+ site:nyc+ up:n1",
		    "n1=up n2=drain" },
		{ "what we hear of our own site does not count", 0, "all+ site:fra+",
		    "f1=up verdict=up" },
		{ "lowered before the drain, the longer TTL of before still runs out", 0,
		    "all+ ttl:fra:20 wait:1000 ttl:fra:2 drain:fra wait:9100", "verdict=drain" },
		{ "and no longer than that", 0,
		    "all+ ttl:fra:20 wait:1000 ttl:fra:2 drain:fra wait:24100", "verdict=drained" },
		{ "lowered long ago it does not count", 0,
		    "all+ ttl:fra:20 ttl:fra:2 wait:20000 drain:fra wait:6100", "verdict=drained" },
		{ "that of another site, too", 0,
		    "all+ ttl:fra:2 ttl:nyc:20 ttl:nyc:2 drain:fra wait:9100", "verdict=drain" },
		{ "nobody is believed for more than a day", 0,
		    "all+ ttl:fra:2 ttl:nyc:4000000000 drain:fra wait:86405000",
		    "verdict=drained" },
		{ "drained a second time, its TTLs run out again", EMPTY,
		    "all+ drain:fra:40000 wait:36000 wait:5000 drain:fra", "verdict=drain" },
		{ "and when its servers have words of their own", 0,
		    "all+ up:f1 up:f2 drain:fra:40000 wait:36000 wait:5000 drain:fra",
		    "verdict=drain" },
		{ "a site without servers is up while all others fail", EMPTY, "all-",
		    "verdict=up" },
		{ "a server forced up at a drained site has been handed out until now", 0,
		    "all+ up:f1 drain:fra wait:34500 clear:f1", "verdict=drain" },
		{ "a drain that was heard is remembered over a restart", 0,
		    "all+ site:nyc+ reload all+", "n1=drain n2=drain s1=up" },
		{ "a plan whose time comes begins", 0, "all+ plan:fra:2000 wait:3000",
		    "f1=drain verdict=drain" },
		{ "one that came while nobody was there begins when somebody is", 0,
		    "all+ plan:fra:2000 away:60000 all+", "f1=drain verdict=drain" },
		{ "until that site says otherwise", 0, "all+ site:nyc+ reload all+ site:nyc-",
		    "n1=up n2=up" },
		{ "a longer TTL of before is remembered, too", 0,
		    "all+ ttl:fra:40 ttl:fra:2 reload all+ drain:fra wait:30000", "verdict=drain" },
		{ "words before the first result", 0, "drain:f1", "f1=drain verdict=none" },
		{ "a drained site before the first round is over", 0, "drain:fra",
		    "verdict=drain" },
	};

	(void)state;
	ROWS(rows);
}

static void
verdicts(void **state)
{
	static const struct row rows[] = {
		{ "one of two is enough", 0, "all+ f1- n1+ f1-", "verdict=up local=1/2" },
		{ "where two are needed, it is not", MIN2, "all+ f1- n1+ f1-",
		    "verdict=caches-down" },
		{ "where more are needed than there are, all of them are", MIN9, "all+",
		    "verdict=up local=2/2" },
		{ "and one is not enough", MIN9, "all+ f1- n1+ f1-", "verdict=caches-down" },
		{ "remote servers do not count", 0, "all+ nyc- f1+ s1+ nyc-",
		    "verdict=up local=2/2" },
		{ "stale servers count", CONTENT | ORIGIN, "f1=A f2=A n1=A n2=A s1=A origin=B",
		    "f1=stale verdict=up local=2/2" },
	};

	(void)state;
	ROWS(rows);
}

static void
memory(void **state)
{
	static const struct row rows[] = {
		{ "was up before the restart: one failed first probe is not down", 0,
		    "mem:f1+ n1+ f1-", "f1=up" },
		{ "two are", 0, "mem:f1+ n1+ f1- n1+ f1-", "f1=down" },
		{ "was down before the restart: one good first probe is not up", 0, "mem:f1- f1+",
		    "f1=down" },
		{ "rise of them are", 0, "mem:f1- f1+ f1+ f1+", "f1=up" },
		{ "memory comes too late after a result", 0, "f1+ mem:f1-", "f1=up" },
		{ "remembered is not probed: the first round still has to be", 0, "mem:f1+ mem:f2+",
		    "f1=up verdict=none first=running" },
		{ "after a reboot, up by memory alone raises nothing", 0,
		    "mem:f1+ mem:f2+ nyc+ sin+ fra-", "f1=up first=over verdict=none" },
		{ "and is caches-down once this prober has seen it", 0,
		    "mem:f1+ mem:f2+ nyc+ sin+ fra- n1+ fra- n1+",
		    "f1=down f2=down verdict=caches-down" },
		{ "one answer to this prober is up", 0, "mem:f1+ mem:f2+ nyc+ sin+ f2- f1+",
		    "verdict=up" },
		{ "where two are needed, one that answered and one remembered raise nothing", MIN2,
		    "mem:f1+ mem:f2+ nyc+ sin+ f2- f1+", "verdict=none local=2/2" },
		{ "all fail after a reboot: held, and nothing is raised after it", 0,
		    "mem:f1+ mem:f2+ mem:n1+ all- all- n1+", "f1=up verdict=none" },
		{ "down by memory alone lowers nothing", SINGLE, "mem:f1- mem:f2- fra+ fra+",
		    "f1=down first=over verdict=none" },
		{ "rise answers later it is up", SINGLE, "mem:f1- mem:f2- fra+ fra+ fra+",
		    "verdict=up" },
		{ "one failure does not confirm what memory says", SINGLE,
		    "mem:f1- mem:f2- fra+ fra-", "f1=down verdict=none" },
		{ "fall failures do", SINGLE, "mem:f1- mem:f2- fra- fra-",
		    "f1=down verdict=caches-down" },
		{ "a drained server by memory is a drain", 0,
		    "mem:f1+ mem:f2+ drain:f1 drain:f2 all+", "verdict=drain" },
		{ "servers that cannot be checked are not down", 0, "fra? nyc+ sin+",
		    "f1=unknown verdict=hold freeze=none" },
		{ "nor with one that is down beside them", 0, "f1? f2- nyc+ sin+",
		    "f2=down verdict=hold" },
		{ "where two are needed", MIN2, "f1? f2+ nyc+ sin+", "verdict=hold" },
		{ "one that is up is enough", 0, "f1? f2+ nyc+ sin+", "verdict=up" },
		{ "up by memory and then not to be checked: what was, stays", 0,
		    "mem:f1+ mem:f2+ fra? nyc+ sin+", "f1=up verdict=hold" },
	};

	(void)state;
	ROWS(rows);
}

static void
sets(void **state)
{
	static const struct row rows[] = {
		{ "nobody said what is current: everything is", CONTENT | ORIGIN, "f1=A f2=B",
		    "f1=up f2=up" },
		{ "the origin says", CONTENT | ORIGIN, "f1=A f2=B n1=A n2=A s1=A origin=A",
		    "f1=up f2=stale set=A" },
		{ "a server catches up: current at once", CONTENT | ORIGIN,
		    "f1=A f2=B origin=A f2=A", "f2=up" },
		{ "the origin switches: all stale", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A origin=B",
		    "f1=stale f2=stale n1=stale set=B verdict=up" },
		{ "one has fetched it", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A origin=B f1=B", "f1=up f2=stale" },
		{ "a server is ahead of our last question to the origin", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A f1=B", "f1=up f2=up set=A" },
		{ "the origin says it is not: behind", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A f1=X origin=A", "f1=stale f2=up" },
		{ "the operator pushes", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A notify=B", "f1=stale set=B" },
		{ "an origin that lags does not take it back", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A notify=B f1=B origin=A",
		    "f1=up f2=stale set=B" },
		{ "unless it lags for a minute", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A notify=B wait:61000 origin=A",
		    "f1=up set=A" },
		{ "a notify of what is current already: who was ahead is behind", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A f1=B notify=A", "f1=stale f2=up set=A" },
		{ "the origin moves on", CONTENT | ORIGIN, "f1=A origin=A notify=B origin=C",
		    "set=C" },
		{ "back to an old set", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A f1=B origin=B origin=A",
		    "f1=stale f2=up set=A" },
		{ "a dead server is down, not stale", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=B f1- n1+ f1-", "f1=down f2=stale" },
		{ "by quorum: three of five", CONTENT, "f1=A f2=A n1=A n2=B s1=B",
		    "set=A n2=stale s1=stale f1=up" },
		{ "by quorum: two hold the new one, nobody is behind", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A f1=B f2=B", "set=A f1=up f2=up n1=up" },
		{ "the third makes it current", CONTENT, "f1=A f2=A n1=A n2=A s1=A f1=B f2=B n1=B",
		    "set=B n1=up n2=stale s1=stale" },
		{ "going back by quorum", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A f1=B f2=B n1=B n2=B s1=B f1=A f2=A n1=A",
		    "set=A f1=up n2=stale s1=stale" },
		{ "a roll-out taken back", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A f1=B f2=B n1=B f2=A n1=A f1=A",
		    "set=A f1=up f2=up n1=up n2=up s1=up" },
		{ "taken back by so many that quorum has the old one", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A f1=B f2=B n1=B f2=A n1=A",
		    "set=A f1=up f2=up s1=up" },
		{ "a server that is ahead is so after a failure, too", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A f1=B f1- n1=A f1- f1=B f1=B f1=B", "set=A f1=up" },
		{ "dead servers hold nothing", CONTENT, "f1=A f2=A n1=A n2=B s1=B f1- n1+ f1-",
		    "set=A f1=down" },
		{ "no set told yet is not stale", CONTENT | ORIGIN, "origin=A f1=A f2+",
		    "f1=up f2=up" },
		{ "a seed alone is current at its site", CONTENT | SEED,
		    "f1=A f2=A n1=A n2=A s1=A f1=B", "f1=up f2=stale n1=up set=A" },
		{ "until the others there hold the new set", CONTENT | SEED,
		    "f1=A f2=A n1=A n2=A s1=A f1=B f2=B", "f1=up f2=up" },
		{ "a dead seed holds nobody back", CONTENT | SEED,
		    "f1=A f2=A n1=A n2=A s1=A f1=B f1- n1=A f1-", "f1=down f2=up" },
		{ "without a seed the site's others stay current", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A f1=B", "f1=up f2=up" },
		{ "a reload in the middle of a roll-out turns nobody round", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A f1=B reload f2=A n1=A n2=A s1=A f1=B",
		    "set=A f1=up f2=up" },
		{ "with a quorum of one", CONTENT | QUORUM1,
		    "f1=A f2=A n1=A n2=A s1=A f1=B reload f2=A n1=A n2=A s1=A f1=B",
		    "set=B f1=up f2=stale" },
		{ "with a seed", CONTENT | SEED,
		    "f1=A f2=A n1=A n2=A s1=A f1=B reload f2=A n1=A n2=A s1=A f1=B",
		    "f1=up f2=stale n1=up" },
		{ "a set that came while we were away is newer", CONTENT | QUORUM1,
		    "f1=A f2=A n1=A n2=A s1=A reload f1=C f2=A n1=A n2=A s1=A",
		    "set=C f1=up f2=stale" },
		{ "a notify stands its minute over a reload", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A notify=B reload origin=A", "set=B" },
		{ "and no longer", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A notify=B wait:40000 reload wait:21000 "
		    "origin=A", "set=A" },
		{ "a wrong object is one after a reload, too", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A digest:f1- reload f1=A", "f1=stale f2=up" },
		{ "until it has been looked at again", CONTENT,
		    "f1=A f2=A n1=A n2=A s1=A digest:f1- reload f1=A digest:f1+", "f1=up" },
		{ "taken back half way, the old one is current, not what two of five hold",
		    CONTENT | TWO,
		    "f1=A f2=A n1=A n2=A f1=B f2=B n1=B f1=A f2- n1+ f2- n1=A",
		    "set=A f1=up n1=up n2=up" },
		{ "dead holders of the new one hold nothing", CONTENT | QUORUM1,
		    "f1=A f2=A n1=A n2=A s1=A f1=B f1- n1+ f1-", "set=A f2=up n1=up" },
		{ "a drained seed does not make its site stale", CONTENT | SEED,
		    "f1=A f2=A n1=A n2=A s1=A f1=B drain:f1", "f1=drain f2=up" },
		{ "undrained it does", CONTENT | SEED,
		    "f1=A f2=A n1=A n2=A s1=A f1=B drain:f1 clear:f1", "f1=up f2=stale" },
		{ "nor one that is forced down", CONTENT | SEED,
		    "f1=A f2=A n1=A n2=A s1=A f1=B down:f1", "f2=up" },
		{ "nor one with a wrong object", CONTENT | SEED,
		    "f1=A f2=A n1=A n2=A s1=A f1=B digest:f1-", "f1=stale f2=up" },
		{ "nobody falls behind during a shared hold", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A all- all- origin=B",
		    "freeze=shared f1=up n1=up" },
		{ "but after it", CONTENT | ORIGIN,
		    "f1=A f2=A n1=A n2=A s1=A origin=A all- all- origin=B n1+",
		    "freeze=none f1=stale n1=stale" },
		{ "a pool without content knows no sets", 0, "f1=A f2=B", "f1=up f2=up set=" },
	};

	(void)state;
	ROWS(rows);
}

static void
weights(void **state)
{
	static const struct row rows[] = {
		{ "no load told", 0, "f1+", "weight:f1=100" },
		{ "little load", 0, "f1~30", "weight:f1=100" },
		{ "half", 0, "f1~50", "weight:f1=75" },
		{ "more", 0, "f1~70", "weight:f1=50" },
		{ "nearly all", 0, "f1~85", "weight:f1=25" },
		{ "one odd value does not go all the way", 0, "f1~10 f1~10 f1~100",
		    "weight:f1=75" },
		{ "just below the threshold: still reduced", 0, "f1~50 f1~45 f1~45 f1~45 f1~45",
		    "weight:f1=75" },
		{ "well below: back", 0, "f1~50 f1~30 f1~30 f1~30 f1~30", "weight:f1=100" },
		{ "around a threshold it does not swing", 0, "f1~70 f1~66 f1~69 f1~65 f1~64",
		    "weight:f1=50" },
		{ "of two families the busier one counts", DUAL,
		    "d1.4+ d1.6+ d1~90 d1~90 d1~90 d1~90 d1~90", "weight:d1=25" },
		{ "forced up: all of it", 0, "f1~90 up:f1", "weight:f1=100" },
	};

	(void)state;
	ROWS(rows);
}

static void
hints(void **state)
{
	static const struct row rows[] = {
		{ "not known yet", 0, "", "ttl:f1=1" },
		{ "steady: fall intervals", 0, "all+", "ttl:f1=2" },
		{ "one failure more and it is down", 0, "all+ f1- n1+", "ttl:f1=1" },
		{ "down: rise intervals", 0, "all+ f1- n1+ f1-", "ttl:f1=3" },
		{ "nearly back", 0, "all+ f1- n1+ f1- f1+ f1+", "ttl:f1=1" },
		{ "counted from the last check, not from now", JITTER, "all+ wait:3000",
		    "ttl:f1=6" },
		{ "the next checks may be early by the jitter: 9 s and 900 ms", JITTER, "all+",
		    "ttl:f1=9" },
		{ "the next check is due", JITTER, "all+ wait:9500", "ttl:f1=1" },
		{ "a drain with an end counts down", 0, "all+ drain:f1:10000 wait:4000",
		    "ttl:f1=5" },
		{ "a drain without: nobody knows", 0, "all+ drain:f1", "ttl:f1=0" },
		{ "not checked: nobody knows", NO_CHECK, "", "ttl:f1=0" },
	};

	(void)state;
	ROWS(rows);
}

static void
several_checks(void **state)
{
	static const struct row rows[] = {
		{ "of all, both have to be up", ALL, "all+", "f1=unknown" },
		{ "and are", ALL, "all+ all/b+", "f1=up verdict=up first=over" },
		{ "the first round is of both", ALL, "all+ f1/b+", "first=running" },
		{ "one of all down is down", ALL, "all+ all/b+ f1/b- n1/b+ f1/b- n1/b+",
		    "f1=down v4:f1=down f2=up" },
		{ "the one that is down is named", ALL, "all+ all/b+ f1/b- n1/b+ f1/b- n1/b+",
		    "why:f1=b:_co" },
		{ "up again", ALL, "all+ all/b+ f1/b- n1/b+ f1/b- n1/b+ f1/b+ f1/b+ f1/b+",
		    "f1=up" },
		{ "of any, one up is up", ANY, "all+ all/b- n1/b- f1/b-", "f1=up verdict=up" },
		{ "both down is down", ANY,
		    "all+ all/b+ f1- f1/b- n1+ n1/b+ f1- f1/b- n1+ n1/b+", "f1=down f2=up" },
		{ "a check that fails everywhere is wrong by itself: nobody goes down", ALL,
		    "all+ all/b+ all/b- all+ all/b- all+ all/b-",
		    "f1=up n1=up s1=up verdict=up freeze=uplink" },
		{ "until it answers anywhere", ALL,
		    "all+ all/b+ all/b- all+ all/b- all+ s1/b+ f1/b- s1/b+ f1/b- s1/b+",
		    "f1=down s1=up freeze=none" },
		{ "from the start: nobody is announced on it", ALL, "all+ all/b-",
		    "f1=unknown verdict=none" },
		{ "nor by what only one of them proves after a restart", ALL,
		    "all+ all/b+ reload fra+ nyc+ sin+ nyc/b+ sin/b+ fra/b-",
		    "f1=up verdict=none" },
		{ "each is remembered", ALL,
		    "all+ all/b+ f1/b- n1/b+ f1/b- n1/b+ reload f1+", "f1=down v4:f2=up" },
		{ "all are known at once after a reload", ALL, "all+ all/b+ reload all+ all/b+",
		    "f1=up verdict=up" },
	};

	(void)state;
	ROWS(rows);
}

static void
warm_up(void **state)
{
	static const char down[] = "all+ f1- n1+ f1- n1+ f1+ f1+ f1+";
	char script[6][256];
	struct row rows[] = {
		{ "a server that was down begins with a tenth", WARM, script[0],
		    "f1=up weight:f1=10 weight:f2=100" },
		{ "half of the time later", WARM, script[1], "weight:f1=50" },
		{ "all of it", WARM, script[2], "weight:f1=100" },
		{ "without warm-up at once", 0, script[3], "weight:f1=100" },
		{ "of what its load leaves", WARM, script[4], "weight:f1=25" },
		{ "the first time it is up it is warm", WARM, script[5], "weight:f1=100" },
	};
	static const char *const more[] = { "", " wait:50000", " wait:101000", "",
	    " f1~100 f1~100 wait:50000", NULL };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		snprintf(script[i], sizeof(script[i]), "%s%s", more[i] != NULL ? down : "f1+",
		    more[i] != NULL ? more[i] : "");
	ROWS(rows);
}

/* Changes are told once each, with the state before. */
static void
changes(void **state)
{
	int32_t i;

	(void)state;
	world(0);
	assert_int_equal(judge_take_change(judge), -1);
	result(0, 4, REASON_OK, NULL, -1);
	i = judge_take_change(judge);
	assert_int_equal(i, 0);
	assert_int_equal(judge->servers[0].was, HEALTH_UNKNOWN);
	assert_int_equal(judge_take_change(judge), -1);
	judge_free(judge);
}

/* The same events give the same state, and no sequence breaks the counters. */
static void
counters_hold(void **state)
{
	uint32_t x = 1;

	(void)state;
	world(DUAL | CONTENT | SEED);
	for (unsigned n = 0; n < 200000; n++) {
		static const char *const set[] = { "A", "B", "C", NULL };
		size_t failing = 0, remote = 0;

		x = x * 1664525 + 1013904223;
		pass(x >> 24);
		if (x % 97 == 0)
			tell(JUDGE_DISTURBED, 0, NULL, x % 2);
		else if (x % 89 == 0)
			tell(JUDGE_SIBLING, x / 7 % 3, NULL, x % 2);
		else
			result((int)(x / 11 % conf.n_servers), x / 3 % 2 ? 4 : 6,
			    x / 13 % 5 < 3 ? REASON_OK : x / 13 % 5 == 3 ? REASON_TIMEOUT :
			    REASON_INTERNAL,
			    set[x / 17 % 4], (int)(x / 19 % 120) - 10);
		if (n % 100 != 0)
			continue;
		for (size_t t = 0; t < judge->n_targets; t++) {
			failing += judge->targets[t].failing;
			remote += judge->targets[t].failing && judge->targets[t].remote;
			assert_true(judge->targets[t].weight >= 25 &&
			    judge->targets[t].weight <= 100);
		}
		assert_int_equal(failing, judge->n_failing);
		assert_int_equal(remote, judge->n_remote_failing);
		assert_true(judge->round_left <= judge->n_targets);
		assert_true(judge->pools[0].n_sets <= JUDGE_SETS);
	}
	judge_free(judge);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thresholds), cmocka_unit_test(families), cmocka_unit_test(causes),
		cmocka_unit_test(disturbances), cmocka_unit_test(words), cmocka_unit_test(verdicts),
		cmocka_unit_test(memory), cmocka_unit_test(sets), cmocka_unit_test(weights),
		cmocka_unit_test(hints), cmocka_unit_test(several_checks),
		cmocka_unit_test(warm_up), cmocka_unit_test(changes),
		cmocka_unit_test(counters_hold),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
