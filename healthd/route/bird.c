#include "healthd/route/bird.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The steps of a look, in order.  ASSERT counts the commands of the posture. */
enum bird_step { STEP_GREETING, STEP_ASSERT, STEP_STATUS, STEP_PROTOCOLS, STEP_ROUTES, STEP_IDLE };

struct bird {
	const struct conf *conf;
	struct sockaddr_un path;
	int fd;				/* -1 = not connected */
	struct bird_reader reader;
	enum bird_step step;
	size_t at;			/* command within the step */
	uint64_t sent_ms;		/* of the command outstanding */
	uint64_t due_ms;		/* of the next look, or of the next try to connect */
	uint64_t full_ms;		/* of the next look that is more than assertions */
	bool again;			/* bird_look was called while one was going on */
	bool wanted;			/* bird_want was called */
	enum health_posture posture;

	struct bird_seen seen, look;	/* the last whole look, and the one going on */
	char neighbours[BIRD_MAX_NEIGHBOURS][BIRD_NAME_MAX + 2];
	struct bird_route route;	/* of the command outstanding */
	bool found, shutdown;		/* of the prefix, over its neighbours */
};

struct bird *
bird_new(const struct conf *conf, struct err *err)
{
	struct bird *b = calloc(1, sizeof(*b));
	int len;

	if (b == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	b->conf = conf;
	b->fd = -1;
	b->path.sun_family = AF_UNIX;
	len = snprintf(b->path.sun_path, sizeof(b->path.sun_path), "%s", conf->announce.bird_socket);
	if (len < 0 || (size_t)len >= sizeof(b->path.sun_path)) {
		err_set(err, "announce: bird-socket \"%s\": too long for a socket", conf->announce.bird_socket);
		free(b);
		return NULL;
	}
	snprintf(b->seen.why, sizeof(b->seen.why), "not asked yet");
	return b;
}

void
bird_free(struct bird *b)
{
	if (b == NULL)
		return;
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

static void
bird_lost(struct bird *b, const char *what, const char *why, uint64_t now_ms)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->seen.known = false;
	snprintf(b->seen.why, sizeof(b->seen.why), "%s %.80s: %s", what, b->path.sun_path, why);
	b->due_ms = now_ms + BIRD_LOOK_MS;
}

static void
bird_connect(struct bird *b, uint64_t now_ms)
{
	b->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->fd < 0 || connect(b->fd, (struct sockaddr *)&b->path, sizeof(b->path)) < 0) {
		bird_lost(b, "connect", strerror(errno), now_ms);
		return;
	}
	bird_reader_init(&b->reader);
	b->step = STEP_GREETING;
	b->again = false;
	b->sent_ms = now_ms;
	b->full_ms = now_ms;
}

static void
bird_send(struct bird *b, const char *command, uint64_t now_ms)
{
	size_t len = strlen(command);

	/* a command is far shorter than any socket buffer: all or nothing */
	if (send(b->fd, command, len, MSG_NOSIGNAL) != (ssize_t)len)
		bird_lost(b, "write", strerror(errno), now_ms);
	b->sent_ms = now_ms;
}

/* Serving is switched on first and off last, as in announce.c */
static const char *
bird_assertion(enum health_posture posture, size_t at)
{
	static const char *const commands[][2] = {
		[POSTURE_SERVING] = { "enable \"anycast?\"\n", "enable \"anycast?_drain\"\n" },
		[POSTURE_DRAINING] = { "enable \"anycast?_drain\"\n", "disable \"anycast?\"\n" },
		[POSTURE_DOWN] = { "disable \"anycast?_drain\"\n", "disable \"anycast?\"\n" },
	};

	return at < 2 ? commands[posture][at] : NULL;
}

static bool
bird_send_route(struct bird *b, uint64_t now_ms)
{
	const struct conf_prefixes *prefixes = &b->conf->announce.prefixes;
	char command[256], prefix[ADDR_TEXT];

	if (b->look.established == 0 || b->at >= prefixes->n * b->look.established)
		return false;
	b->route = (struct bird_route){ 0 };
	snprintf(command, sizeof(command), "show route %s export %s all\n",
	    prefix_text(&prefixes->v[b->at / b->look.established], prefix),
	    b->neighbours[b->at % b->look.established]);
	bird_send(b, command, now_ms);
	return true;
}

static void
bird_idle(struct bird *b, uint64_t due_ms)
{
	b->step = STEP_IDLE;
	b->due_ms = b->again ? 0 : due_ms;
	if (b->again)
		b->full_ms = 0;
	b->again = false;
}

static void
bird_look_over(struct bird *b, uint64_t now_ms)
{
	b->seen = b->look;
	b->seen.known = true;
	b->seen.why[0] = '\0';
	b->full_ms = b->look.started_ms + BIRD_LOOK_MS;
	bird_idle(b, b->wanted ? now_ms + BIRD_ASSERT_MS : b->full_ms);
}

/* Sends the next command of the look, going from step to step. */
static void
bird_next(struct bird *b, uint64_t now_ms)
{
	const char *assertion;

	switch (b->step) {
	case STEP_GREETING:
	case STEP_IDLE:
		b->look = (struct bird_seen){ .started_ms = now_ms };
		b->step = STEP_ASSERT;
		b->at = 0;
		/* fallthrough */
	case STEP_ASSERT:
		assertion = b->wanted ? bird_assertion(b->posture, b->at) : NULL;
		if (assertion != NULL) {
			b->at++;
			bird_send(b, assertion, now_ms);
			return;
		}
		b->step = STEP_STATUS;
		bird_send(b, "show status\n", now_ms);
		return;
	case STEP_STATUS:
		if (now_ms < b->full_ms) {
			b->seen.status = b->look.status;
			bird_idle(b, now_ms + BIRD_ASSERT_MS);
			return;
		}
		b->step = STEP_PROTOCOLS;
		bird_send(b, "show protocols\n", now_ms);
		return;
	case STEP_PROTOCOLS:
		b->step = STEP_ROUTES;
		b->at = 0;
		/* fallthrough */
	case STEP_ROUTES:
		if (!bird_send_route(b, now_ms))
			bird_look_over(b, now_ms);
		return;
	}
}

static void
bird_take_protocol(struct bird *b, const char *text)
{
	struct bird_seen *look = &b->look;
	struct bird_protocol p;
	enum health_posture stands = POSTURE_DOWN;

	if (!bird_read_protocol(&p, text))
		return;
	look->neighbours += p.bgp;
	if (p.established && look->established < BIRD_MAX_NEIGHBOURS &&
	    bird_quote(b->neighbours[look->established], p.name))
		look->established++;
	if (p.up && fnmatch("anycast?_drain", p.name, 0) == 0)
		stands = POSTURE_DRAINING;
	else if (p.up && fnmatch("anycast?", p.name, 0) == 0)
		stands = POSTURE_SERVING;
	if (stands > look->protocols)
		look->protocols = stands;
}

/* The reply about one prefix and one neighbour is over; about the prefix, with the last one */
static void
bird_take_route(struct bird *b)
{
	const struct conf_prefixes *prefixes = &b->conf->announce.prefixes;
	size_t prefix = b->at / b->look.established;
	bool v4 = prefixes->v[prefix].family == 4;

	b->found = b->found || b->route.found;
	b->shutdown = b->shutdown || (b->route.found && b->route.shutdown);
	if (++b->at % b->look.established != 0)
		return;
	*(v4 ? &b->look.exported4 : &b->look.exported6) += b->found;
	*(v4 ? &b->look.draining4 : &b->look.draining6) += b->shutdown;
	b->found = b->shutdown = false;
}

static void
bird_take(struct bird *b, const struct bird_line *line, uint64_t now_ms)
{
	if (b->step == STEP_STATUS && line->code >= 1000 && line->code < 2000)
		bird_read_status(&b->look.status, line->text);
	else if (b->step == STEP_PROTOCOLS && line->code == 1002)
		bird_take_protocol(b, line->text);
	else if (b->step == STEP_ROUTES && line->code >= 1000 && line->code < 2000)
		bird_read_route(&b->route, line->text);
	if (!line->last || b->step == STEP_IDLE)
		return;
	if (b->step == STEP_ASSERT && line->code >= 8000) {
		bird_lost(b, "refused by", line->text, now_ms);
		return;
	}
	if (b->step == STEP_ROUTES)
		bird_take_route(b);
	bird_next(b, now_ms);
}

static void
bird_read(struct bird *b, uint64_t now_ms)
{
	while (b->fd >= 0) {
		char octets[4096];
		ssize_t got = recv(b->fd, octets, sizeof(octets), MSG_DONTWAIT);
		const char *data = octets;
		size_t left = (size_t)got;
		struct bird_line line;

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			bird_lost(b, "read", got == 0 ? "BIRD has closed the connection" : strerror(errno), now_ms);
			return;
		}
		while (b->fd >= 0 && bird_reader_next(&b->reader, &data, &left, &line))
			bird_take(b, &line, now_ms);
	}
}

size_t
bird_fds(const struct bird *b, struct pollfd *fd)
{
	if (b->fd < 0)
		return 0;
	*fd = (struct pollfd){ .fd = b->fd, .events = POLLIN };
	return 1;
}

uint64_t
bird_run(struct bird *b, uint64_t now_ms)
{
	if (b->fd >= 0)
		bird_read(b, now_ms);
	if (b->fd < 0 && now_ms >= b->due_ms)
		bird_connect(b, now_ms);
	if (b->fd >= 0 && b->step == STEP_IDLE && now_ms >= b->due_ms)
		bird_next(b, now_ms);
	if (b->fd >= 0 && b->step != STEP_IDLE && now_ms > b->sent_ms + BIRD_PATIENCE_MS)
		bird_lost(b, "read", "no reply within 2 s", now_ms);
	if (b->fd >= 0 && b->step != STEP_IDLE)
		return b->sent_ms + BIRD_PATIENCE_MS + 1;
	return b->due_ms > now_ms ? b->due_ms : now_ms + 1;
}

void
bird_look(struct bird *b, uint64_t now_ms)
{
	if (b->fd < 0)
		return;
	b->again = b->step != STEP_IDLE;
	b->full_ms = now_ms;
	if (b->step == STEP_IDLE)
		b->due_ms = now_ms;
}

void
bird_want(struct bird *b, enum health_posture posture, uint64_t now_ms)
{
	b->wanted = true;
	b->posture = posture;
	bird_look(b, now_ms);
}

const struct bird_seen *
bird_seen(const struct bird *b)
{
	return &b->seen;
}
