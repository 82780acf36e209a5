/*
 * draft: a growing piece of text that ends in a known place.
 *
 * Documents and header values are put together here.  A draft grows as needed up to a bound
 * that its owner sets, because what goes into it is as long as foreign names, mirrors and
 * pieces make it; what comes after the bound, or when there is no memory, is not put, and the
 * draft says so once, at the end (draft_failed).  Its block stays with it from one request to
 * the next.  Knows no format (encode.h does).  A draft belongs to one thread.
 */
#ifndef NEARCAST_DRAFT_H
#define NEARCAST_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct draft {
	char *data;			/* `len` octets and a NUL; NULL before draft_begin */
	size_t len, size, most;
	bool failed;
};

/* Empties the draft, which was all zero or used before, and lets it grow to `most` octets.
 * Begins with a failed draft if there is no memory. */
void draft_begin(struct draft *draft, size_t most);

void draft_put(struct draft *draft, const void *octets, size_t len);
void draft_number(struct draft *draft, uint64_t number);
void draft_format(struct draft *draft, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void
draft_text(struct draft *draft, const char *text)
{
	draft_put(draft, text, strlen(text));
}

static inline bool
draft_failed(const struct draft *draft)
{
	return draft->failed;
}

/* The text, with a NUL behind it, valid until the draft is touched again; "" for a draft that
 * has failed before it had a block. */
static inline const char *
draft_string(const struct draft *draft)
{
	return draft->data != NULL ? draft->data : "";
}

/* Gives the draft's block back; it may be begun again. */
void draft_free(struct draft *draft);

#endif
