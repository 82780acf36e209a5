#include "redirectd/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST = 1024 };			/* octets: most header values, many documents */

/* Room for `more` octets and a NUL behind those that are there. */
static bool
widen(struct draft *draft, size_t more)
{
	size_t size = draft->size;
	char *data;

	if (draft->failed || more > draft->most - draft->len)
		return false;
	if (draft->len + more < size)
		return true;
	size = size != 0 ? size : FIRST;
	while (size <= draft->len + more)
		size *= 2;
	data = realloc(draft->data, size);
	if (data == NULL)
		return false;
	draft->data = data;
	draft->size = size;
	return true;
}

void
draft_begin(struct draft *draft, size_t most)
{
	draft->len = 0;
	draft->most = most;
	draft->failed = false;
	draft->failed = !widen(draft, 0);
	if (!draft->failed)
		draft->data[0] = '\0';
}

void
draft_put(struct draft *draft, const void *octets, size_t len)
{
	if (!widen(draft, len)) {
		draft->failed = true;
		return;
	}
	memcpy(draft->data + draft->len, octets, len);
	draft->len += len;
	draft->data[draft->len] = '\0';
}

void
draft_number(struct draft *draft, uint64_t number)
{
	char digits[20], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	draft_put(draft, at, (size_t)(digits + sizeof(digits) - at));
}

void
draft_format(struct draft *draft, const char *fmt, ...)
{
	va_list ap;
	char small[512];
	int len;

	va_start(ap, fmt);
	len = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	/* formats are for numbers and words of ours; whatever can be long is put by draft_put */
	if (len < 0 || (size_t)len >= sizeof(small))
		draft->failed = true;
	else
		draft_put(draft, small, (size_t)len);
}

void
draft_free(struct draft *draft)
{
	free(draft->data);
	*draft = (struct draft){ 0 };
}
