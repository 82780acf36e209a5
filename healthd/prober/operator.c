#include "healthd/prober/operator.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

enum { WORD_LEN = 128 };

static bool
not_blank(char c)
{
	return c != ' ';
}

/* Is anything left of the line but blanks? */
static bool
more(struct text *line)
{
	while (text_take(line, " "))
		;
	return line->at != line->end;
}

/* Copies the next word of the line; false when there is none or it is too long. */
static bool
next_word(struct text *line, char out[WORD_LEN])
{
	return more(line) && text_copy(line, out, WORD_LEN, not_blank) == TEXT_FOUND;
}

static bool
copy(char *out, size_t size, const char *word)
{
	size_t n = strlen(word);

	if (n >= size)
		return false;
	memcpy(out, word, n + 1);
	return true;
}

static bool
is_word(const char *text)
{
	while (text_in_word(*text))
		text++;
	return *text == '\0';
}

static int
parse_for(const char *word, uint32_t *out, struct err *err)
{
	uint64_t n;

	if (!text_is_number(word, 9999999999, &n))
		return err_set(err, "for \"%.40s\": a number of seconds was expected", word);
	if (n == 0 || n > OPERATOR_FOR_MAX_S)
		return err_set(err, "for %.40s: 1 to %u seconds were expected", word,
		    OPERATOR_FOR_MAX_S);
	*out = (uint32_t)n;
	return 0;
}

static int
parse_at(const char *word, uint64_t *out, struct err *err)
{
	if (!text_is_number(word, 99999999999, out) || *out == 0)
		return err_set(err, "at \"%.40s\": seconds of the epoch were expected", word);
	return 0;
}

/* The rest of the line. */
static int
parse_reason(struct operator_command *c, struct text *line, struct err *err)
{
	if (!more(line) || text_copy(line, c->reason, sizeof(c->reason), text_in_phrase) !=
	    TEXT_FOUND || line->at != line->end)
		return err_set(err, "reason: up to %d printable characters without quotes were "
		    "expected", HEALTH_REASON_MAX - 1);
	return 0;
}

/* A word of the end of the line that has a value. */
static int
parse_value(struct operator_command *c, const char *key, const char *value, struct err *err)
{
	if (strcmp(key, "for") == 0 && c->verb == OPERATOR_OVERRIDE)
		return parse_for(value, &c->for_s, err);
	if (strcmp(key, "at") == 0 && c->verb == OPERATOR_OVERRIDE)
		return parse_at(value, &c->at_s, err);
	if (strcmp(key, "id") == 0 && c->verb == OPERATOR_LEFT) {
		if (text_is_number(value, UINT64_MAX / 2, &c->id) && c->id != 0)
			return 0;
		return err_set(err, "id \"%.40s\": a number was expected", value);
	}
	if (strcmp(key, "by") != 0)
		return err_set(err, "\"%.40s\" is not understood here", key);
	if (!is_word(value) || !copy(c->by, sizeof(c->by), value))
		return err_set(err, "by \"%.40s\": a name was expected", value);
	return 0;
}

/* [for SECONDS] [at EPOCH] [all] [wait] [id ID] [by NAME] in any order, then [reason TEXT] */
static int
parse_tail(struct operator_command *c, struct text *line, struct err *err)
{
	char key[WORD_LEN], value[WORD_LEN];

	while (more(line)) {
		if (!next_word(line, key))
			return err_set(err, "a word is too long");
		if (c->verb == OPERATOR_OVERRIDE && strcmp(key, "all") == 0)
			c->all = true;
		else if (c->verb == OPERATOR_OVERRIDE && strcmp(key, "wait") == 0)
			c->wait = true;
		else if (c->verb == OPERATOR_OVERRIDE && strcmp(key, "reason") == 0)
			return parse_reason(c, line, err);
		else if (!next_word(line, value))
			return err_set(err, "\"for SECONDS\", \"by NAME\" or the like was "
			    "expected at the end");
		else if (parse_value(c, key, value, err) < 0)
			return -1;
	}
	return 0;
}

static int
parse_status(struct operator_command *c, struct text *line, struct err *err)
{
	char word[WORD_LEN];

	if (!more(line))
		return 0;
	if (next_word(line, word) && !more(line)) {
		c->json = strcmp(word, "json") == 0;
		c->all = strcmp(word, "all") == 0;
		if (c->json || c->all)
			return 0;
	}
	return err_set(err, "\"status\", \"status all\" or \"status json\" was expected");
}

static int
parse_sets(struct operator_command *c, struct text *line, struct err *err)
{
	char word[WORD_LEN];

	if (!more(line))
		return 0;
	c->ask = next_word(line, word) && strcmp(word, "ask") == 0 && !more(line);
	return c->ask ? 0 : err_set(err, "\"sets\" or \"sets ask\" was expected");
}

static bool
parse_verb(struct operator_command *c, const char *word)
{
	static const struct {
		const char *name;
		enum operator_verb verb;
		enum judge_override_kind override;
	} verbs[] = {
		{ "drain", OPERATOR_OVERRIDE, OVERRIDE_DRAIN },
		{ "force-up", OPERATOR_OVERRIDE, OVERRIDE_FORCE_UP },
		{ "force-down", OPERATOR_OVERRIDE, OVERRIDE_FORCE_DOWN },
		{ "undrain", OPERATOR_UNDRAIN, OVERRIDE_NONE },
		{ "clear", OPERATOR_CLEAR, OVERRIDE_NONE },
		{ "left", OPERATOR_LEFT, OVERRIDE_NONE },
		{ "notify", OPERATOR_NOTIFY, OVERRIDE_NONE },
		{ "log", OPERATOR_LOG, OVERRIDE_NONE },
		{ "status", OPERATOR_STATUS, OVERRIDE_NONE },
		{ "sets", OPERATOR_SETS, OVERRIDE_NONE },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word, verbs[i].name) == 0) {
			c->verb = verbs[i].verb;
			c->override = verbs[i].override;
			return true;
		}
	return false;
}

int
operator_parse(struct operator_command *c, const char *line, struct err *err)
{
	struct text rest = text_of(line);
	char word[WORD_LEN];

	memset(c, 0, sizeof(*c));
	memcpy(c->by, "?", 2);
	if (!next_word(&rest, word) || !parse_verb(c, word))
		return err_set(err, "unknown command; known are drain, undrain, force-up, "
		    "force-down, clear, left, notify, log, sets, status, watch");
	if (c->verb == OPERATOR_STATUS)
		return parse_status(c, &rest, err);
	if (c->verb == OPERATOR_SETS)
		return parse_sets(c, &rest, err);
	if (!next_word(&rest, word) || !is_word(word) ||
	    !copy(c->pattern, sizeof(c->pattern), word))
		return err_set(err, c->verb == OPERATOR_NOTIFY ? "the name of a pool was expected" :
		    "the name of a server or a site, or a glob, was expected");
	if (c->verb == OPERATOR_NOTIFY &&
	    (!next_word(&rest, word) || !result_set_ok(word) ||
	    !copy(c->set, sizeof(c->set), word)))
		return err_set(err, "a set id was expected: 1 to %d printable characters",
		    HEALTH_NAME_MAX - 1);
	return parse_tail(c, &rest, err);
}

/* --- which servers and sites are meant --- */

struct match {
	const char *glob;
	bool servers, sites;
};

static bool
has_glob(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

static unsigned
count_servers(const struct conf *conf, const char *glob)
{
	unsigned n = 0;

	for (size_t i = 0; i < conf->n_servers; i++)
		n += fnmatch(glob, conf->servers[i].name, 0) == 0;
	return n;
}

static unsigned
count_sites(const struct conf *conf, const char *glob)
{
	unsigned n = 0;

	for (size_t i = 0; i < conf->n_sites; i++)
		n += fnmatch(glob, conf->sites[i].name, 0) == 0;
	return n;
}

static int
resolve(const struct conf *conf, const char *pattern, struct match *m, struct err *err)
{
	unsigned servers, sites;

	*m = (struct match){ pattern, true, true };
	if (strncmp(pattern, "site:", 5) == 0)
		*m = (struct match){ pattern + 5, false, true };
	else if (strncmp(pattern, "server:", 7) == 0)
		*m = (struct match){ pattern + 7, true, false };
	servers = m->servers ? count_servers(conf, m->glob) : 0;
	sites = m->sites ? count_sites(conf, m->glob) : 0;
	if (servers + sites == 0)
		return err_set(err, "no %s matches \"%s\"", !m->servers ? "site" :
		    !m->sites ? "server" : "server or site", m->glob);
	if (servers > 0 && sites > 0 && !has_glob(m->glob))
		return err_set(err, "\"%s\" is a server and a site: say server:%s or site:%s",
		    m->glob, m->glob, m->glob);
	m->servers = servers > 0;
	m->sites = servers == 0;
	return 0;
}

/* --- may it be done --- */

/* A glob for everything is more often a slip than meant. */
static int
check_all(const struct conf *conf, const struct operator_command *c, const struct match *m,
    struct err *err)
{
	unsigned n = m->servers ? count_servers(conf, m->glob) : count_sites(conf, m->glob);
	size_t of = m->servers ? conf->n_servers : conf->n_sites;

	if (c->all || !has_glob(m->glob) || n < of)
		return 0;
	return err_set(err, "\"%s\" is every %s there is: say --all if it is meant", m->glob,
	    m->servers ? "server" : "site");
}

static int
check_times(const struct judge *j, const struct operator_command *c, struct judge_time now,
    struct err *err)
{
	double for_s = c->for_s, left_s = (double)judge_drain_left(j, now.mono_ms, now) / 1e3;

	if (c->at_s != 0 && (double)c->at_s < now.wall - 1)
		return err_set(err, "at %llu: that is over", (unsigned long long)c->at_s);
	if (c->at_s != 0 && (double)c->at_s > now.wall + OPERATOR_FOR_MAX_S)
		return err_set(err, "at %llu: within %u days was expected",
		    (unsigned long long)c->at_s, OPERATOR_FOR_MAX_S / 86400);
	if (c->override == OVERRIDE_DRAIN && c->for_s != 0 && for_s < left_s)
		return err_set(err, "for %u s: it would end before it is drained, which takes "
		    "%.0f s", c->for_s, left_s + 0.5);
	return 0;
}

/* Somebody relies on the one in force for as long as it says. */
static int
check_shorter(const struct operator_command *c, const struct judge_override *old, const char *name,
    struct judge_time now, struct err *err)
{
	double from = c->at_s != 0 ? (double)c->at_s : now.wall;
	char left[TEXT_DURATION] = "";

	if (c->for_s == 0 || old->kind != c->override ||
	    (old->until != 0 && from + c->for_s >= old->until - 1))
		return 0;
	if (old->until == 0)
		return err_set(err, "%s: %s by %s until taken back: take it back to make it "
		    "shorter", name, judge_override_name(old->kind), old->by);
	return err_set(err, "%s: %s by %s for another %s: take it back to make it shorter", name,
	    judge_override_name(old->kind), old->by, text_duration(old->until - now.wall, left));
}

/* Whether a site elsewhere is drained is not known here. */
static int
check_wait(const struct conf *conf, const struct operator_command *c, const struct match *m,
    struct err *err)
{
	for (size_t i = 0; c->wait && m->sites && i < conf->n_sites; i++)
		if (i != conf->here_site && fnmatch(m->glob, conf->sites[i].name, 0) == 0)
			return err_set(err, "site %s is not here: it is drained, and waited for, "
			    "at its own healthd", conf->sites[i].name);
	return 0;
}

static int
check_override(const struct judge *j, const struct operator_command *c, const struct match *m,
    struct judge_time now, struct err *err)
{
	const struct conf *conf = j->conf;

	if (check_all(conf, c, m, err) < 0 || check_wait(conf, c, m, err) < 0)
		return -1;
	for (size_t i = 0; m->sites && i < conf->n_sites; i++)
		if (fnmatch(m->glob, conf->sites[i].name, 0) == 0 &&
		    check_shorter(c, &j->sites[i].word.override, conf->sites[i].name, now, err) < 0)
			return -1;
	for (size_t i = 0; m->servers && i < conf->n_servers; i++)
		if (fnmatch(m->glob, conf->servers[i].name, 0) == 0 &&
		    check_shorter(c, &j->servers[i].word.override, conf->servers[i].name, now,
		    err) < 0)
			return -1;
	return check_times(j, c, now, err);
}

/* --- doing it --- */

static struct judge_override
make_override(const struct operator_command *c, uint64_t id, struct judge_time now)
{
	struct judge_override w = { .kind = c->override, .id = id, .at = now.wall,
	    .at_ms = now.mono_ms };

	memcpy(w.by, c->by, sizeof(w.by));
	memcpy(w.reason, c->reason, sizeof(w.reason));
	if ((double)c->at_s > now.wall) {
		w.at = (double)c->at_s;
		w.at_ms = now.mono_ms + (uint64_t)((w.at - now.wall) * 1000) + 1;
	}
	if (c->for_s != 0) {
		w.until = w.at + c->for_s;
		w.until_ms = w.at_ms + (uint64_t)c->for_s * 1000;
	}
	return w;
}

/* May this command take back what is in force, or put something in its place? */
static bool
applies(const struct operator_command *c, const struct judge_word *old)
{
	if (c->verb == OPERATOR_UNDRAIN)
		return old->override.kind == OVERRIDE_DRAIN ||
		    (old->override.kind == OVERRIDE_NONE && old->planned.kind == OVERRIDE_DRAIN);
	return c->verb == OPERATOR_OVERRIDE || old->override.kind != OVERRIDE_NONE ||
	    old->planned.kind != OVERRIDE_NONE;
}

/* What became of the override that somebody waits for. */
static int
tell_end(const struct judge_word *w, uint64_t id, const char *name, struct err *err)
{
	const struct judge_ended *e = &w->ended;

	if (e->id != id)
		return err_set(err, "%s: that drain is not in force any more", name);
	switch (e->how) {
	case END_EXPIRED:
		return err_set(err, "%s: the drain has expired", name);
	case END_UNDRAINED:
		return err_set(err, "%s: undrained by %s", name, e->by);
	case END_CLEARED:
		return err_set(err, "%s: the drain was cleared by %s", name, e->by);
	default:
		return err_set(err, "%s: %s by %s took the place of the drain", name,
		    e->next == OVERRIDE_DRAIN ? "another drain" : judge_override_name(e->next),
		    e->by);
	}
}

/* How long a drain still takes.  -1 with a reason if it is the one that was asked for no more. */
static int
look_at_left(struct judge *j, const struct operator_command *c, const struct judge_word *w,
    const char *name, struct judge_time now, struct operator_done *done, struct err *err)
{
	const struct judge_override *o = &w->override;
	uint64_t left = 0;

	if (c->id != 0 && o->id != c->id) {
		if (w->planned.id != c->id)
			return tell_end(w, c->id, name, err);
		o = &w->planned;
	}
	if (o->kind == OVERRIDE_DRAIN)
		left = judge_drain_left(j, o->at_ms, now);
	done->left_ms = left > done->left_ms ? left : done->left_ms;
	return 0;
}

/* A server that is forced up is handed out, though its site drains. */
static int
look_for_forced(const struct judge *j, size_t site, struct err *err)
{
	for (size_t i = 0; i < j->conf->n_servers; i++) {
		const struct judge_override *o = &j->servers[i].word.override;

		if (j->conf->servers[i].site == site && o->kind == OVERRIDE_FORCE_UP)
			return err_set(err, "%s: its server %s is forced up by %s",
			    j->conf->sites[site].name, j->conf->servers[i].name, o->by);
	}
	return 0;
}

static int
apply_one(struct judge *j, const struct operator_command *c, bool site, size_t index,
    struct judge_time now, struct operator_done *done, struct err *err)
{
	const struct judge_word *old = site ? &j->sites[index].word : &j->servers[index].word;
	struct judge_override w = make_override(c, done->id, now);
	uint16_t where = site ? (uint16_t)index : j->servers[index].conf->site;

	if (c->verb == OPERATOR_LEFT) {
		if (look_at_left(j, c, old, site ? j->conf->sites[index].name :
		    j->conf->servers[index].name, now, done, err) < 0 ||
		    (site && c->id != 0 && look_for_forced(j, index, err) < 0))
			return -1;
	} else {
		if (!applies(c, old))
			return 0;
		judge_step(j, &(struct judge_event){
		    .kind = site ? JUDGE_OVERRIDE_SITE : JUDGE_OVERRIDE_SERVER,
		    .index = (uint32_t)index, .override = &w,
		    .end = c->verb == OPERATOR_UNDRAIN ? END_UNDRAINED : END_CLEARED }, now);
	}
	*(site ? &done->sites : &done->servers) += 1;
	*(where == j->conf->here_site ? &done->here : &done->elsewhere) = true;
	return 0;
}

static int
notify(struct judge *j, const struct operator_command *c, struct judge_time now, struct err *err)
{
	uint16_t pool = conf_find_pool(j->conf, c->pattern);

	if (pool == CONF_NONE)
		return err_set(err, "no pool is named \"%s\"", c->pattern);
	if (!j->pools[pool].content)
		return err_set(err, "pool \"%s\" has no check of kind content", c->pattern);
	judge_step(j, &(struct judge_event){ .kind = JUDGE_NOTIFY, .index = pool, .set = c->set },
	    now);
	return 0;
}

int
operator_apply(struct judge *j, const struct operator_command *c, struct judge_time now,
    struct operator_done *done, struct err *err)
{
	struct match m;

	assert(c->verb != OPERATOR_STATUS && c->verb != OPERATOR_LOG);
	memset(done, 0, sizeof(*done));
	if (c->verb == OPERATOR_NOTIFY)
		return notify(j, c, now, err);
	if (resolve(j->conf, c->pattern, &m, err) < 0)
		return -1;
	if (c->verb == OPERATOR_OVERRIDE && check_override(j, c, &m, now, err) < 0)
		return -1;
	done->id = c->verb == OPERATOR_OVERRIDE ? judge_next_id(j, now) : 0;
	for (size_t i = 0; m.sites && i < j->conf->n_sites; i++)
		if (fnmatch(m.glob, j->conf->sites[i].name, 0) == 0 &&
		    apply_one(j, c, true, i, now, done, err) < 0)
			return -1;
	for (size_t i = 0; m.servers && i < j->conf->n_servers; i++)
		if (fnmatch(m.glob, j->conf->servers[i].name, 0) == 0 &&
		    apply_one(j, c, false, i, now, done, err) < 0)
			return -1;
	return 0;
}
