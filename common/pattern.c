#include "common/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	HEAP_MAX_KIB = 4 * 1024,	/* of one search */
	STEPS_MAX = 10 * 1000 * 1000,	/* from one place in the text */
	LOOK_MAX = 64,			/* callouts between two looks at the clock */
	LOOK_OCTETS = 1024 * 1024	/* that one item each may have passed over between them */
};

struct pattern {
	pcre2_code *code;		/* all three owned */
	pcre2_compile_context *compiling;
	pcre2_match_context *matching;
	/* of the search under way */
	uint64_t cpu_ns;		/* the thread's, when it began */
	uint64_t budget_ns;
	uint64_t look_ns;		/* not before it can the budget be used up */
	unsigned callouts, look_every;
};

/* --- what POSIX and PCRE2 read differently --- */

struct rewriting {
	const char *in;
	char *out;
	bool lines;
};

static void
write_text(struct rewriting *w, const char *text)
{
	w->out = stpcpy(w->out, text);
}

static void
keep_octets(struct rewriting *w, size_t n)
{
	for (; n > 0 && *w->in != '\0'; n--)
		*w->out++ = *w->in++;
}

/* A bracket expression as a whole.  The newline is put in as a range, since what follows a
 * range cannot become one with it. */
static void
rewrite_class(struct rewriting *w)
{
	keep_octets(w, 1);
	if (*w->in == '^') {
		keep_octets(w, 1);
		if (w->lines)
			write_text(w, "\\n-\\n");
	}
	if (*w->in == ']') {
		write_text(w, "\\]");
		w->in++;
	}
	while (*w->in != '\0' && *w->in != ']') {
		const char *name_end = w->in[0] == '[' && w->in[1] == ':' ?
		    strstr(w->in + 2, ":]") : NULL;

		if (name_end != NULL)
			keep_octets(w, (size_t)(name_end + 2 - w->in));
		else
			keep_octets(w, *w->in == '\\' ? 2 : 1);
	}
	keep_octets(w, 1);
}

static void
rewrite_escape(struct rewriting *w)
{
	static const struct {
		char gnu;
		const char *pcre;
	} rows[] = {
		{ '<', "\\b(?=\\w)" }, { '>', "\\b(?<=\\w)" }, { '`', "\\A" }, { '\'', "\\z" },
	};
	const char *quoted_end;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (w->in[1] == rows[i].gnu) {
			write_text(w, rows[i].pcre);
			w->in += 2;
			return;
		}
	quoted_end = w->in[1] == 'Q' ? strstr(w->in, "\\E") : NULL;
	if (quoted_end != NULL)
		keep_octets(w, (size_t)(quoted_end - w->in));
	keep_octets(w, 2);
}

static void
write_meaning(const char *text, char *out, bool lines)
{
	struct rewriting w = { text, out, lines };

	while (*w.in != '\0')
		if (*w.in == '[') {
			rewrite_class(&w);
		} else if (*w.in == '\\') {
			rewrite_escape(&w);
		} else if (strncmp(w.in, "{,", 2) == 0 && isdigit((unsigned char)w.in[2])) {
			write_text(&w, "{0");
			w.in++;
		} else {
			keep_octets(&w, 1);
		}
	*w.out = '\0';
}

/* --- compiling --- */

static pcre2_code *
compile_text(struct pattern *p, const char *text, uint32_t options, struct err *err)
{
	PCRE2_UCHAR why[160];
	PCRE2_SIZE at = 0;
	int code = 0;
	pcre2_code *made = pcre2_compile((PCRE2_SPTR)text, strlen(text), PCRE2_NEVER_UTF |
	    PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | options, &code, &at, p->compiling);

	if (made == NULL && code == PCRE2_ERROR_HEAP_FAILED) {
		err_set(err, "out of memory");
	} else if (made == NULL) {
		pcre2_get_error_message(code, why, sizeof(why));
		err_set(err, "%s at offset %zu", (char *)why, (size_t)at);
	}
	return made;
}

/* As it was written first, for the offset of a mistake; then as it is meant. */
static int
compile_both(struct pattern *p, const char *text, bool lines, struct err *err)
{
	uint32_t options = lines ? PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX :
	    PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY;
	pcre2_code *plain = compile_text(p, text, options, err);
	char meant[PATTERN_MAX * 9];

	if (plain == NULL)
		return -1;
	pcre2_code_free(plain);
	write_meaning(text, meant, lines);
	p->code = compile_text(p, meant, options | PCRE2_AUTO_CALLOUT, err);
	return p->code != NULL ? 0 : -1;
}

static int on_callout(pcre2_callout_block *block, void *arg);

struct pattern *
pattern_compile(const char *text, bool lines, struct err *err)
{
	struct pattern *p = calloc(1, sizeof(*p));

	if (strlen(text) > PATTERN_MAX) {
		err_set(err, "longer than %d octets", PATTERN_MAX);
		free(p);
		return NULL;
	}
	if (p != NULL) {
		p->compiling = pcre2_compile_context_create(NULL);
		p->matching = pcre2_match_context_create(NULL);
	}
	if (p == NULL || p->compiling == NULL || p->matching == NULL) {
		err_set(err, "out of memory");
		pattern_free(p);
		return NULL;
	}
	pcre2_set_newline(p->compiling, PCRE2_NEWLINE_LF);
	pcre2_set_match_limit(p->matching, STEPS_MAX);
	pcre2_set_depth_limit(p->matching, STEPS_MAX);
	pcre2_set_heap_limit(p->matching, HEAP_MAX_KIB);
	pcre2_set_callout(p->matching, on_callout, p);
	if (compile_both(p, text, lines, err) == 0)
		return p;
	pattern_free(p);
	return NULL;
}

void
pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	pcre2_code_free(p->code);
	pcre2_compile_context_free(p->compiling);
	pcre2_match_context_free(p->matching);
	free(p);
}

/* --- searching --- */

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Called before each item of the expression, wherever it is tried.  Asking for processor time
 * is a system call, so it waits until that much time of the day has gone. */
static int
on_callout(pcre2_callout_block *block, void *arg)
{
	struct pattern *p = arg;
	uint64_t now, used;

	(void)block;
	if (++p->callouts < p->look_every)
		return 0;
	p->callouts = 0;
	now = clock_ns(CLOCK_MONOTONIC);
	if (now < p->look_ns)
		return 0;
	used = clock_ns(CLOCK_THREAD_CPUTIME_ID) - p->cpu_ns;
	if (used >= p->budget_ns)
		return PCRE2_ERROR_CALLOUT;
	p->look_ns = now + p->budget_ns - used;
	return 0;
}

enum pattern_end
pattern_find(struct pattern *p, const char *text, size_t len, uint32_t *budget_us)
{
	pcre2_match_data *found = pcre2_match_data_create(1, NULL);
	uint32_t options = 0;
	uint64_t used_us;
	size_t every;
	int code;

	if (found == NULL || *budget_us == 0) {
		pcre2_match_data_free(found);
		return PATTERN_COSTLY;
	}
	if (len > PATTERN_TEXT_MAX) {
		len = PATTERN_TEXT_MAX;
		options = PCRE2_NOTEOL;		/* what is cut off does not end here */
	}
	every = LOOK_OCTETS / (len + 1);
	p->look_every = every > LOOK_MAX ? LOOK_MAX : (unsigned)every;
	p->callouts = 0;
	p->budget_ns = (uint64_t)*budget_us * 1000;
	p->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	p->look_ns = clock_ns(CLOCK_MONOTONIC) + p->budget_ns;
	code = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, options, found, p->matching);
	pcre2_match_data_free(found);
	used_us = (clock_ns(CLOCK_THREAD_CPUTIME_ID) - p->cpu_ns) / 1000;
	*budget_us = used_us < *budget_us ? *budget_us - (uint32_t)used_us : 0;
	/* 0: found, and more groups than there is room for */
	return code >= 0 ? PATTERN_FOUND :
	    code == PCRE2_ERROR_NOMATCH ? PATTERN_ABSENT : PATTERN_COSTLY;
}
