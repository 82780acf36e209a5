/*
 * http_answer: an HTTP answer as its octets come in, and whether it is the one expected.
 *
 * What is kept is bounded before it is understood: header lines by 64 KiB together, 1xx
 * answers included, the body by the check's max-size; and the searches in one answer share one
 * budget of processor time.  What could not be searched within it does not match, and the server
 * is blamed: the text is the server's, ordinary texts take microseconds, and an expression that
 * is too expensive on every server's text is a fault that all of them share, which the judge
 * knows from that of one.  Of several answers (100-continue,
 * early hints) the last one counts.  Knows the check's expectations (codes, expressions,
 * set id, load), no library that fetches, no time.  One thread.
 */
#ifndef NEARCAST_HTTP_ANSWER_H
#define NEARCAST_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/pattern.h"
#include "healthd/check/result.h"

/* What the regular expressions of one check compile to. */
struct http_match {
	bool compiled;
	char header_name[128];
	struct pattern *header, *body;	/* owned; NULL = none */
};

struct http_answer {
	const struct conf_check *check;	/* borrowed */
	const struct http_match *match;	/* borrowed; NULL = any answer with the right code */
	bool want_set, want_set_header, want_body;
	size_t header_octets;
	bool header_matched, header_costly;
	uint32_t budget_us;		/* left for searching this answer */
	uint32_t budget_first_us;	/* what each begins with: less after costly ones */
	int load;			/* X-Load; -1 = not told */
	bool load_bad;			/* there is an X-Load that is none: */
	char load_text[24];		/* its beginning */
	char set[HEALTH_NAME_MAX];
	bool set_bad;
	char *body;			/* owned; the first body_kept octets */
	size_t body_len, body_kept, body_size;
	enum reason stop;		/* why reading was stopped; NONE = it was not */
	char stop_text[RESULT_DETAIL_MAX];
};

/* Compiles once.  0, or -1 with a reason. */
int http_answer_match_compile(struct http_match *match, const struct conf_check *check,
    struct err *err);
void http_answer_match_free(struct http_match *match);

/* `want_set`: the answer must carry a set id. */
void http_answer_init(struct http_answer *answer, const struct conf_check *check,
    const struct http_match *match, bool want_set);
/* Before each answer. */
void http_answer_reset(struct http_answer *answer);
/* After it: gives a large buffer back. */
void http_answer_shrink(struct http_answer *answer);
void http_answer_free(struct http_answer *answer);

/* One line of headers, a piece of the body.  False: enough, `stop` says why. */
bool http_answer_header(struct http_answer *answer, const char *line, size_t len);
bool http_answer_body(struct http_answer *answer, const char *data, size_t len);
/* Notes why reading ends early; false. */
bool http_answer_stop(struct http_answer *answer, enum reason reason, const char *text);

/* The whole answer is there: leaves r->reason OK (and r->set pointing into the answer), or
 * says what is not as expected. */
void http_answer_judge(struct http_answer *answer, long code, struct result *r);

/* X-Load or the response time, whichever is more; -1 = neither told. */
int http_answer_load(const struct http_answer *answer, uint32_t latency_us);

#endif
