#include "common/spool_chunk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/members.h"
#include "common/spool.h"

enum {
	HEAD = 512,			/* octets of a line's head, or of what we say, at most */
	CHUNK = 4 * SPOOL_LINE
};

int
spool_chunk_init(struct spool_chunk *c, const char *host, const char *boot)
{
	char name[256];
	struct members m;

	*c = (struct spool_chunk){ .at = malloc(CHUNK), .boot = boot };
	if (host == NULL) {
		if (gethostname(name, sizeof(name)) < 0)
			name[0] = '\0';
		name[sizeof(name) - 1] = '\0';
		host = name;
	}
	members_begin(&m, c->host, sizeof(c->host));
	members_octets(&m, host, strlen(host));
	members_end(&m);
	return c->at != NULL ? 0 : -1;
}

void
spool_chunk_free(struct spool_chunk *c)
{
	free(c->at);
	c->at = NULL;
}

void
spool_chunk_begin(struct spool_chunk *c)
{
	c->len = c->done = 0;
	c->first = c->seq;
}

bool
spool_chunk_has_room(const struct spool_chunk *c, size_t len)
{
	return c->len + HEAD + len + 2 <= CHUNK - 4 * HEAD;
}

static void
put_head(struct spool_chunk *c, double t)
{
	c->len += (size_t)snprintf(c->at + c->len, HEAD,
	    "{\"host\":\"%s\",\"boot\":\"%s\",\"seq\":%" PRIu64 ",\"t\":%.3f,", c->host, c->boot,
	    c->seq++, t);
}

void
spool_chunk_event(struct spool_chunk *c, double t, const char *members, size_t len)
{
	put_head(c, t);
	memcpy(c->at + c->len, members, len);
	c->len += len;
	c->at[c->len++] = '}';
	c->at[c->len++] = '\n';
}

static void
put_own(struct spool_chunk *c, const char *members)
{
	spool_chunk_event(c, clock_wall(), members, strlen(members));
	c->own++;
}

void
spool_chunk_lost(struct spool_chunk *c, uint64_t events)
{
	char text[HEAD];

	snprintf(text, sizeof(text), "\"ev\":\"lost\",\"from\":%" PRIu64 ",\"to\":%" PRIu64,
	    c->seq, c->seq + events - 1);
	c->seq += events;
	put_own(c, text);
}

void
spool_chunk_cut(struct spool_chunk *c, const char *of, bool known, uint64_t last)
{
	char text[HEAD], number[64] = "";

	if (known)
		snprintf(number, sizeof(number), ",\"last\":%" PRIu64, last);
	snprintf(text, sizeof(text), "\"ev\":\"cut\",\"of\":\"%.100s\"%s", of, number);
	put_own(c, text);
}

void
spool_chunk_end(struct spool_chunk *c)
{
	put_own(c, "\"ev\":\"end\"");
}

uint64_t
spool_chunk_unwritten(const struct spool_chunk *c)
{
	const char *at = c->at, *end = c->at + c->done;
	uint64_t lines = 0;

	if (c->done == c->len)
		return c->seq;
	/* a `lost` line, before which numbers are left out, is the last of its chunk */
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		lines++;
	}
	return c->first + lines;
}
