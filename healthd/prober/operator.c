#include "healthd/prober/operator.h"

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

/* [for SECONDS] [by NAME], in any order */
static int
parse_tail(struct operator_command *c, struct text *line, struct err *err)
{
	char key[WORD_LEN], value[WORD_LEN];

	while (more(line)) {
		if (!next_word(line, key) || !next_word(line, value))
			return err_set(err,
			    "\"for SECONDS\" or \"by NAME\" was expected at the end");
		if (strcmp(key, "for") == 0 && c->verb == OPERATOR_OVERRIDE) {
			if (parse_for(value, &c->for_s, err) < 0)
				return -1;
		} else if (strcmp(key, "by") == 0) {
			if (!is_word(value) || !copy(c->by, sizeof(c->by), value))
				return err_set(err, "by \"%.40s\": a name was expected", value);
		} else {
			return err_set(err, "\"%.40s\" is not understood here", key);
		}
	}
	return 0;
}

static int
parse_status(struct operator_command *c, struct text *line, struct err *err)
{
	char word[WORD_LEN];

	if (!more(line))
		return 0;
	if (next_word(line, word) && strcmp(word, "json") == 0 && !more(line)) {
		c->json = true;
		return 0;
	}
	return err_set(err, "\"status\" or \"status json\" was expected");
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
		{ "status", OPERATOR_STATUS, OVERRIDE_NONE },
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
		    "force-down, clear, left, notify, status, watch");
	if (c->verb == OPERATOR_STATUS)
		return parse_status(c, &rest, err);
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

/* --- doing it --- */

static struct judge_override
make_override(const struct operator_command *c, struct judge_time now)
{
	struct judge_override w = { .kind = c->override, .at = now.wall, .at_ms = now.mono_ms };

	memcpy(w.by, c->by, sizeof(w.by));
	if (c->for_s != 0) {
		w.until = now.wall + c->for_s;
		w.until_ms = now.mono_ms + (uint64_t)c->for_s * 1000;
	}
	return w;
}

/* May this command take the override `old` away, or put another in its place? */
static bool
applies(const struct operator_command *c, const struct judge_override *old)
{
	if (c->verb == OPERATOR_UNDRAIN)
		return old->kind == OVERRIDE_DRAIN;
	return c->verb == OPERATOR_OVERRIDE || old->kind != OVERRIDE_NONE;
}

static void
apply_one(struct judge *j, const struct operator_command *c, bool site, size_t index,
    struct judge_time now, struct operator_done *done)
{
	const struct judge_override *old =
	    site ? &j->sites[index].override : &j->servers[index].override;
	struct judge_override w = make_override(c, now);
	uint16_t where = site ? (uint16_t)index : j->servers[index].conf->site;

	if (c->verb == OPERATOR_LEFT) {
		uint64_t left = 0;

		if (old->kind == OVERRIDE_DRAIN)
			left = judge_drain_left(j, old->at_ms, now);
		done->left_ms = left > done->left_ms ? left : done->left_ms;
	} else {
		if (!applies(c, old))
			return;
		/* said again, a drain goes on: its TTLs have been running out since it began */
		if (c->override == OVERRIDE_DRAIN && old->kind == OVERRIDE_DRAIN)
			w.at_ms = old->at_ms;
		judge_step(j, &(struct judge_event){
		    .kind = site ? JUDGE_OVERRIDE_SITE : JUDGE_OVERRIDE_SERVER,
		    .index = (uint32_t)index, .override = &w }, now);
	}
	*(site ? &done->sites : &done->servers) += 1;
	*(where == j->conf->here_site ? &done->here : &done->elsewhere) = true;
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

	memset(done, 0, sizeof(*done));
	if (c->verb == OPERATOR_NOTIFY)
		return notify(j, c, now, err);
	if (resolve(j->conf, c->pattern, &m, err) < 0)
		return -1;
	for (size_t i = 0; m.sites && i < j->conf->n_sites; i++)
		if (fnmatch(m.glob, j->conf->sites[i].name, 0) == 0)
			apply_one(j, c, true, i, now, done);
	for (size_t i = 0; m.servers && i < j->conf->n_servers; i++)
		if (fnmatch(m.glob, j->conf->servers[i].name, 0) == 0)
			apply_one(j, c, false, i, now, done);
	return 0;
}
