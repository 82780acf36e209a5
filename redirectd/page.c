#include "redirectd/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST = 1024 };			/* octets: most header values, many documents */

/* Room for `more` octets and a NUL behind those that are there. */
static bool
grow(struct page *page, size_t more)
{
	size_t size = page->size;
	char *data;

	if (page->failed || more > page->most - page->len)
		return false;
	if (page->len + more < size)
		return true;
	size = size != 0 ? size : FIRST;
	while (size <= page->len + more)
		size *= 2;
	data = realloc(page->data, size);
	if (data == NULL)
		return false;
	page->data = data;
	page->size = size;
	return true;
}

void
page_begin(struct page *page, size_t most)
{
	page->len = 0;
	page->most = most;
	page->failed = false;
	page->failed = !grow(page, 0);
	if (!page->failed)
		page->data[0] = '\0';
}

void
page_put(struct page *page, const void *octets, size_t len)
{
	if (!grow(page, len)) {
		page->failed = true;
		return;
	}
	memcpy(page->data + page->len, octets, len);
	page->len += len;
	page->data[page->len] = '\0';
}

void
page_number(struct page *page, uint64_t number)
{
	char digits[20], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	page_put(page, at, (size_t)(digits + sizeof(digits) - at));
}

void
page_format(struct page *page, const char *fmt, ...)
{
	va_list ap;
	char small[512];
	int len;

	va_start(ap, fmt);
	len = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	/* formats are for numbers and words of ours; whatever can be long is put by page_put */
	if (len < 0 || (size_t)len >= sizeof(small))
		page->failed = true;
	else
		page_put(page, small, (size_t)len);
}

void
page_free(struct page *page)
{
	free(page->data);
	*page = (struct page){ 0 };
}
