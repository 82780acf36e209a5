#include "healthd/check/http_answer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HEADERS_MAX = 64 * 1024,	/* octets of all header lines of one answer, 1xx included */
	VALUE_MAX = 4096,		/* octets of a header's value that match-header sees */
	BODY_KEPT_MAX = PATTERN_TEXT_MAX + 1,	/* one more shows that there is more */
	BODY_KEEP = 4096		/* a larger buffer is given back after the check */
};

static struct pattern *
compile_option(const struct conf_check *c, const char *option, const char *regex, bool lines,
    struct err *err)
{
	struct pattern *made = pattern_compile(regex, lines, err);

	if (made == NULL)
		err_prefix(err, "check \"%s\": %s \"%s\"", c->name, option, regex);
	return made;
}

int
http_answer_match_compile(struct http_match *m, const struct conf_check *c, struct err *err)
{
	const char *colon = c->match_header != NULL ? strchr(c->match_header, ':') : NULL;

	if (m->compiled)
		return 0;
	if (c->match_header != NULL) {
		const char *regex = colon;

		if (colon == NULL || colon == c->match_header ||
		    (size_t)(colon - c->match_header) >= sizeof(m->header_name))
			return err_set(err,
			    "check \"%s\": match-header \"%s\" is not \"Name: regex\"",
			    c->name, c->match_header);
		memcpy(m->header_name, c->match_header, (size_t)(colon - c->match_header));
		while (*++regex == ' ' || *regex == '\t')
			;
		m->header = compile_option(c, "match-header", regex, false, err);
		if (m->header == NULL)
			return -1;
	}
	if (c->match_body != NULL) {
		m->body = compile_option(c, "match-body", c->match_body, true, err);
		if (m->body == NULL)
			return -1;
	}
	m->compiled = true;
	return 0;
}

void
http_answer_match_free(struct http_match *m)
{
	pattern_free(m->header);
	pattern_free(m->body);
	memset(m, 0, sizeof(*m));
}

void
http_answer_init(struct http_answer *a, const struct conf_check *check,
    const struct http_match *match, bool want_set)
{
	memset(a, 0, sizeof(*a));
	a->check = check;
	a->match = match;
	a->want_set = want_set;
	a->want_set_header = want_set && check->set_header != NULL && check->set_header[0] != '\0';
	a->budget_first_us = PATTERN_BUDGET_US;
	a->want_body = (match != NULL && match->body != NULL) || (want_set && !a->want_set_header);
}

void
http_answer_reset(struct http_answer *a)
{
	a->header_octets = 0;
	a->header_matched = a->header_costly = false;
	a->load_bad = false;
	a->budget_us = a->budget_first_us;
	a->load = -1;
	a->set[0] = '\0';
	a->set_bad = false;
	a->body_len = a->body_kept = 0;
	a->stop = REASON_NONE;
}

void
http_answer_shrink(struct http_answer *a)
{
	if (a->body_size > BODY_KEEP)
		http_answer_free(a);
}

void
http_answer_free(struct http_answer *a)
{
	free(a->body);
	a->body = NULL;
	a->body_len = a->body_kept = a->body_size = 0;
}

bool
http_answer_stop(struct http_answer *a, enum reason reason, const char *text)
{
	assert(reason != REASON_NONE && reason != REASON_OK);
	a->stop = reason;
	snprintf(a->stop_text, sizeof(a->stop_text), "%s", text);
	return false;
}

/* Of a longer value the first VALUE_MAX octets are looked at. */
static void
search_header(struct http_answer *a, const char *value, size_t len)
{
	enum pattern_end end = pattern_find(a->match->header, value,
	    len < VALUE_MAX ? len : VALUE_MAX, &a->budget_us);

	a->header_matched = end == PATTERN_FOUND;
	a->header_costly |= end == PATTERN_COSTLY;
}

static bool
is_header(const char *line, size_t name_len, const char *name)
{
	return strlen(name) == name_len && strncasecmp(line, name, name_len) == 0;
}

static void
read_load(struct http_answer *a, const char *value, size_t len)
{
	int load = 0;
	bool good = len > 0 && len <= 3;

	for (size_t i = 0; good && i < len; i++) {
		good = value[i] >= '0' && value[i] <= '9';
		load = load * 10 + value[i] - '0';
	}
	if (good && load <= 100) {
		a->load = load;
		return;
	}
	a->load_bad = true;
	snprintf(a->load_text, sizeof(a->load_text), "%.*s", len > 20 ? 20 : (int)len,
	    len > 0 ? value : "");
}

static void
read_set(struct http_answer *a, const char *value, size_t len)
{
	a->set[0] = '\0';
	a->set_bad = len >= sizeof(a->set);
	if (a->set_bad)
		return;
	memcpy(a->set, value, len);
	a->set[len] = '\0';
	a->set_bad = strlen(a->set) != len || !result_set_ok(a->set);
}

static void
trim(const char **text, size_t *len)
{
	while (*len > 0 && (**text == ' ' || **text == '\t' || **text == '\r' || **text == '\n')) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t' ||
	    (*text)[*len - 1] == '\r' || (*text)[*len - 1] == '\n'))
		(*len)--;
}

bool
http_answer_header(struct http_answer *a, const char *line, size_t len)
{
	size_t name_len, value_len;
	const char *colon = memchr(line, ':', len), *value;

	a->header_octets += len;
	if (a->header_octets > HEADERS_MAX)
		return http_answer_stop(a, REASON_SIZE, "more than 64 KiB of headers");
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		/* another answer: what a 1xx said does not count */
		a->header_matched = false;
		a->load_bad = false;
		a->load = -1;
		a->set[0] = '\0';
		a->set_bad = false;
		return true;
	}
	if (colon == NULL)
		return true;
	name_len = (size_t)(colon - line);
	value = colon + 1;
	value_len = len - name_len - 1;
	trim(&value, &value_len);
	if (a->check->load_header && is_header(line, name_len, "X-Load"))
		read_load(a, value, value_len);
	if (a->want_set_header && is_header(line, name_len, a->check->set_header))
		read_set(a, value, value_len);
	if (a->match != NULL && a->match->header != NULL && !a->header_matched &&
	    is_header(line, name_len, a->match->header_name))
		search_header(a, value, value_len);
	return true;
}

/* As much of the body as is looked at. */
static bool
keep_body(struct http_answer *a, const char *data, size_t len)
{
	if (len > BODY_KEPT_MAX - a->body_kept)
		len = BODY_KEPT_MAX - a->body_kept;
	if (a->body_kept + len > a->body_size) {
		size_t size = (a->body_kept + len) * 2 < 1024 ? 1024 : (a->body_kept + len) * 2;
		char *grown = realloc(a->body, size);

		if (grown == NULL)
			return http_answer_stop(a, REASON_INTERNAL, "out of memory");
		a->body = grown;
		a->body_size = size;
	}
	assert(a->body_kept + len <= a->body_size);
	if (len > 0)
		memcpy(a->body + a->body_kept, data, len);
	a->body_kept += len;
	return true;
}

bool
http_answer_body(struct http_answer *a, const char *data, size_t len)
{
	if (len > a->check->max_size || a->body_len > a->check->max_size - len) {
		http_answer_stop(a, REASON_SIZE, "");
		snprintf(a->stop_text, sizeof(a->stop_text), "body of more than %llu octets",
		    (unsigned long long)a->check->max_size);
		return false;
	}
	a->body_len += len;
	return !a->want_body || keep_body(a, data, len);
}

static bool
code_expected(const struct conf_check *c, long code)
{
	if (c->n_codes == 0)
		return code >= 200 && code <= 299;
	for (size_t i = 0; i < c->n_codes; i++)
		if (c->codes[i] == (unsigned)code)
			return true;
	return false;
}

/* The next costly answer of this server gets half the time, down to an eighth. */
static void
note_cost(struct http_answer *a, bool costly)
{
	uint32_t half = a->budget_first_us / 2;

	if (!costly)
		a->budget_first_us = PATTERN_BUDGET_US;
	else if (half >= PATTERN_BUDGET_US / 8)
		a->budget_first_us = half;
}

/* Do header and body match? */
static bool
judge_patterns(struct http_answer *a, struct result *r)
{
	const struct http_match *m = a->match;
	enum pattern_end end = PATTERN_FOUND;

	if (m->header != NULL && !a->header_matched) {
		r->reason = REASON_HEADER;
		snprintf(r->detail, sizeof(r->detail), a->header_costly ?
		    "%.30s: match too expensive" : "no %.30s that matches", m->header_name);
		note_cost(a, a->header_costly);
		return false;
	}
	if (m->body != NULL)
		end = pattern_find(m->body, a->body_kept > 0 ? a->body : "", a->body_kept,
		    &a->budget_us);
	note_cost(a, end == PATTERN_COSTLY);
	if (end == PATTERN_FOUND)
		return true;
	r->reason = REASON_BODY;
	snprintf(r->detail, sizeof(r->detail), end == PATTERN_COSTLY ?
	    "match too expensive in %zu octets" : "no match in %zu octets", a->body_kept);
	return false;
}

/* An answer came whole: is it the one expected?  In the order in which it is read. */
void
http_answer_judge(struct http_answer *a, long code, struct result *r)
{
	const char *body = a->body;
	size_t len = a->body_kept;

	if (!code_expected(a->check, code)) {
		r->reason = REASON_CODE;
		snprintf(r->detail, sizeof(r->detail), "HTTP %ld", code);
		return;
	}
	if (a->match != NULL && !judge_patterns(a, r))
		return;
	if (a->load_bad)
		snprintf(r->detail, sizeof(r->detail), "X-Load \"%s\" is no whole number "
		    "from 0 to 100", a->load_text);
	if (!a->want_set)
		return;
	if (!a->want_set_header && len > 0) {
		trim(&body, &len);
		read_set(a, body, len);
	}
	if (a->set[0] == '\0' || a->set_bad) {
		r->reason = REASON_SET;
		snprintf(r->detail, sizeof(r->detail), "%s",
		    a->set_bad ? "the set id is not 1 to 63 printable characters" :
		    "no set id in the answer");
		return;
	}
	r->set = a->set;
}

int
http_answer_load(const struct http_answer *a, uint32_t latency_us)
{
	uint32_t slow_at = a->check->slow_at_ms;
	int load = a->load;

	if (slow_at != 0) {
		uint64_t slow = (uint64_t)latency_us / 10 / slow_at;
		int by_time = slow > 100 ? 100 : (int)slow;
		load = by_time > load ? by_time : load;
	}
	return load;
}
