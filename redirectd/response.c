#include "redirectd/response.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_BODY = 256 * 1024 };	/* a larger one goes back when it is done */

int
response_init(struct response *response)
{
	response->text = malloc(RESPONSE_HEAD_OCTETS);
	return response->text != NULL ? 0 : -1;
}

void
response_end(struct response *response)
{
	free(response->text);
	free(response->body);
	memset(response, 0, sizeof(*response));
}

void
response_clear(struct response *response)
{
	if (response->body_room > KEEP_BODY) {
		free(response->body);
		response->body = NULL;
		response->body_room = 0;
	}
	response->status = 0;
	response->broken = false;
	response->n_heads = response->text_used = response->body_len = 0;
}

/* Whether one of eight octets may be a control character: a borrow or carry in its upper bit says
 * so, and octets beyond ASCII do, too. */
static bool
may_control(const char *text)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t eight;

	memcpy(&eight, text, sizeof(eight));
	return (((eight - ' ' * each) | (eight + each) | eight) & 0x80 * each) != 0;
}

/* What comes from names of files must not become a header of its own. */
static bool
is_line(const char *text, size_t len)
{
	bool other = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (len - i >= 8 && !may_control(text + i)) {
			i += 7;		/* most of what is written */
			continue;
		}
		other |= (c < ' ' && c != '\t') || c == 0x7f;
	}
	return !other;
}

/* The value is there already, with a NUL behind it. */
static void
keep_head(struct response *response, const char *name, const char *value, size_t len)
{
	if (response->n_heads == RESPONSE_HEADS || !is_line(value, len)) {
		response->broken = true;
		return;
	}
	response->heads[response->n_heads++] = (struct response_head){ name, value };
	response->text_used += len + 1;
}

void
response_line(struct response *response, const char *name, const char *text, size_t len)
{
	char *value = response->text + response->text_used;

	if (len >= RESPONSE_HEAD_OCTETS - response->text_used) {
		response->broken = true;
		return;
	}
	memcpy(value, text, len);
	value[len] = '\0';
	keep_head(response, name, value, len);
}

void
response_head(struct response *response, const char *name, const char *fmt, ...)
{
	char *value = response->text + response->text_used;
	size_t room = RESPONSE_HEAD_OCTETS - response->text_used;
	va_list ap;
	int len;

	assert(response->text != NULL);
	va_start(ap, fmt);
	len = vsnprintf(value, room, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= room)
		response->broken = true;
	else
		keep_head(response, name, value, (size_t)len);
}

/* Room for so many octets more, and a NUL; NULL = there is none. */
static char *
make_room(struct response *response, size_t more)
{
	size_t need = response->body_len + more + 1, room = response->body_room;
	char *body;

	if (response->broken || more > RESPONSE_BODY_MAX || need > RESPONSE_BODY_MAX) {
		response->broken = true;
		return NULL;
	}
	if (need > room) {
		room = room < 4096 ? 4096 : room;
		while (room < need)
			room *= 2;
		body = realloc(response->body, room);
		if (body == NULL) {
			response->broken = true;
			return NULL;
		}
		response->body = body;
		response->body_room = room;
	}
	return response->body + response->body_len;
}

void
response_octets(struct response *response, const void *octets, size_t len)
{
	char *at = make_room(response, len);

	if (at == NULL)
		return;
	memcpy(at, octets, len);
	at[len] = '\0';
	response->body_len += len;
}

void
response_text(struct response *response, const char *text)
{
	response_octets(response, text, strlen(text));
}

void
response_format(struct response *response, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	at = len >= 0 ? make_room(response, (size_t)len) : NULL;
	if (at == NULL) {
		response->broken = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(at, (size_t)len + 1, fmt, ap);
	va_end(ap);
	response->body_len += (size_t)len;
}
