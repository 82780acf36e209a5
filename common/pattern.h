/*
 * pattern: regular expressions of operators against texts of strangers, by PCRE2, in bounded time.
 *
 * A search stops when it has used its share of processor time, whatever expression and text are:
 * PCRE2 backtracks, and its own limits count only some of its steps.  Patterns that were written
 * for POSIX extended expressions keep their meaning: in texts of lines neither "." nor "[^x]" is
 * a newline, ^ and $ are at each line; \< \> \` \' and {,n} are those of the GNU C library.
 * Octets are characters; there is no UTF mode.
 *
 * Knows no options and no HTTP.  One thread for each pattern.
 */
#ifndef NEARCAST_PATTERN_H
#define NEARCAST_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum {
	PATTERN_MAX = 512,		/* octets of an expression */
	PATTERN_TEXT_MAX = 1024 * 1024,	/* octets of a text that are looked at */
	PATTERN_BUDGET_US = 7000	/* of processor time; a search ends 2 ms later at most */
};

enum pattern_end { PATTERN_ABSENT, PATTERN_FOUND, PATTERN_COSTLY };

struct pattern;

/* `lines`: the text will have lines.  NULL with a reason, which names the offset in `text`. */
struct pattern *pattern_compile(const char *text, bool lines, struct err *err);
void pattern_free(struct pattern *pattern);	/* NULL is fine */

/* Is it in the first PATTERN_TEXT_MAX of `len` octets?  What the search uses is taken off
 * *budget_us; COSTLY when that came to 0, or memory ended, before there was an answer. */
enum pattern_end pattern_find(struct pattern *pattern, const char *text, size_t len,
    uint32_t *budget_us);

#endif
