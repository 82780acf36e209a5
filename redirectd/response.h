/*
 * response: an answer while it is being made: its status, header lines and body.
 *
 * Each thread has one and uses it again for each request, so that nothing is allocated for a plain
 * redirect.  Header lines are bounded here, the body by RESPONSE_BODY_MAX; what does not fit is
 * remembered, and the answer is 500 then.  No value with a control character becomes a header.
 * Knows nothing of what it says.  One thread's.
 */
#ifndef NEARCAST_RESPONSE_H
#define NEARCAST_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RESPONSE_HEADS = 64,		/* header lines */
	RESPONSE_HEAD_OCTETS = 128 * 1024,	/* of all of them */
	RESPONSE_BODY_MAX = 64 * 1024 * 1024
};

struct response_head {
	const char *name, *value;	/* both end in a NUL, and are valid until response_clear */
};

struct response {
	unsigned status;		/* of HTTP; 0 = nobody has said yet */
	bool broken;			/* something did not fit, or memory ended */
	struct response_head heads[RESPONSE_HEADS];
	size_t n_heads;
	char *text;			/* RESPONSE_HEAD_OCTETS for values; owned */
	size_t text_used;
	char *body;			/* owned, grows, kept from one answer to the next */
	size_t body_len, body_room;
};

/* All zero before.  -1 when there is no memory. */
int response_init(struct response *response);
void response_end(struct response *response);

/* Empty again. */
void response_clear(struct response *response);

/* A header line; `name` is a constant. */
void response_head(struct response *response, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with a text of so many octets. */
void response_line(struct response *response, const char *name, const char *text, size_t len);

/* More of the body: octets, text, or formatted text. */
void response_octets(struct response *response, const void *octets, size_t len);
void response_text(struct response *response, const char *text);
void response_format(struct response *response, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
