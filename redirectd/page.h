/*
 * page: a growing piece of text that ends in a known place.
 *
 * Documents and header values are put together here.  A page grows as needed up to a bound
 * that its owner sets, because what goes into it is as long as foreign names, mirrors and
 * pieces make it; what comes after the bound, or when there is no memory, is not put, and the
 * page says so once, at the end (page_failed).  Its block stays with it from one request to
 * the next.  Knows no format (encode.h does).  A page belongs to one thread.
 */
#ifndef NEARCAST_PAGE_H
#define NEARCAST_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct page {
	char *data;			/* `len` octets and a NUL; NULL before page_begin */
	size_t len, size, most;
	bool failed;
};

/* Empties the page, which was all zero or used before, and lets it grow to `most` octets.
 * Begins with a failed page if there is no memory. */
void page_begin(struct page *page, size_t most);

void page_put(struct page *page, const void *octets, size_t len);
void page_number(struct page *page, uint64_t number);
void page_format(struct page *page, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void
page_text(struct page *page, const char *text)
{
	page_put(page, text, strlen(text));
}

static inline bool
page_failed(const struct page *page)
{
	return page->failed;
}

/* The text, with a NUL behind it, valid until the page is touched again; "" for a page that
 * has failed before it had a block. */
static inline const char *
page_string(const struct page *page)
{
	return page->data != NULL ? page->data : "";
}

/* Gives the page's block back; it may be begun again. */
void page_free(struct page *page);

#endif
