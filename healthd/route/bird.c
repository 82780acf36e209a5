#include "healthd/route/bird.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READS_A_TURN 16			/* of 4096 octets: the loop is not BIRD's alone */
#define TURNS_A_REPLY 32		/* more are PAUSE_MS apart: octets that come one by one */
#define PAUSE_MS 20			/* must not have a turn of the loop each */
#define REPLY_MAX (1u << 20)		/* octets; longer ones are nonsense */

/* The steps of a look, in order.  ASSERT counts the commands of the posture. */
enum bird_step { STEP_GREETING, STEP_ASSERT, STEP_STATUS, STEP_PROTOCOLS, STEP_ROUTES, STEP_IDLE };

struct bird {
	struct loop *loop;
	const struct conf *conf;
	struct sockaddr_un path;
	struct loop_io io;		/* fd -1 = not connected */
	struct loop_timer timer;	/* always set: patience with a reply, or due_ms */
	struct bird_reader reader;
	enum bird_step step;
	size_t at;			/* command within the step */
	uint64_t sent_ms;		/* of the command outstanding */
	uint64_t due_ms;		/* of the next look, or of the next try to connect */
	uint64_t full_ms;		/* of the next look that is more than assertions */
	bool again;			/* bird_look was called while one was going on */
	bool wanted;			/* bird_want was called */
	enum health_posture postures[BIRD_PREFIXES];
	size_t octets;			/* read since the command outstanding was sent */
	unsigned turns;			/* of the loop, in which that was */
	bool paused;			/* not read from until the timer fires */

	struct bird_seen seen, look;	/* the last whole look, and the one going on */
	char neighbours[BIRD_MAX_NEIGHBOURS][BIRD_NAME_MAX + 2];
	struct bird_route route;	/* of the command outstanding */
	bool found, shutdown;		/* of the prefix, over its neighbours */
};

static void
lost(struct bird *b, const char *what, const char *why)
{
	loop_io_set(b->loop, &b->io, 0);
	if (b->io.fd >= 0)
		close(b->io.fd);
	b->io.fd = -1;
	b->seen.known = false;
	snprintf(b->seen.why, sizeof(b->seen.why), "%s %.80s: %s", what, b->path.sun_path, why);
	b->due_ms = loop_now(b->loop) + BIRD_LOOK_MS;
}

static void
connect_bird(struct bird *b)
{
	b->io.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->io.fd < 0 || connect(b->io.fd, (struct sockaddr *)&b->path, sizeof(b->path)) < 0 ||
	    loop_io_set(b->loop, &b->io, EPOLLIN) < 0) {
		lost(b, "connect", strerror(errno));
		return;
	}
	bird_reader_init(&b->reader);
	b->octets = 0;
	b->turns = 0;
	b->paused = false;
	b->step = STEP_GREETING;
	b->again = false;
	b->sent_ms = b->full_ms = loop_now(b->loop);
}

static void
send_command(struct bird *b, const char *command)
{
	size_t len = strlen(command);

	/* a command is far shorter than any socket buffer: all or nothing */
	if (send(b->io.fd, command, len, MSG_NOSIGNAL) != (ssize_t)len)
		lost(b, "write", strerror(errno));
	b->sent_ms = loop_now(b->loop);
	b->octets = 0;
	b->turns = 0;
}

static size_t
prefixes_asked(const struct bird *b)
{
	size_t n = b->conf->announce.prefixes.n;

	return n < BIRD_PREFIXES ? n : BIRD_PREFIXES;
}

void
bird_protocol_name(char out[BIRD_NAME_MAX], const struct conf_prefixes *prefixes, size_t at,
    bool drain)
{
	unsigned k = 1;

	for (size_t i = 0; i < at; i++)
		k += prefixes->v[i].family == prefixes->v[at].family;
	snprintf(out, BIRD_NAME_MAX, "anycast%u_%u%s", prefixes->v[at].family, k,
	    drain ? "_drain" : "");
}

/* Serving is switched on first and off last, as in announce.c.  Two commands a prefix. */
static bool
send_assertion(struct bird *b)
{
	static const struct { bool on, drain; } commands[][2] = {
		[POSTURE_SERVING] = { { true, false }, { true, true } },
		[POSTURE_DRAINING] = { { true, true }, { false, false } },
		[POSTURE_DOWN] = { { false, true }, { false, false } },
	};
	char command[BIRD_NAME_MAX + 16], name[BIRD_NAME_MAX];
	size_t at = b->at / 2, which = b->at % 2;

	if (!b->wanted || at >= prefixes_asked(b))
		return false;
	bird_protocol_name(name, &b->conf->announce.prefixes, at,
	    commands[b->postures[at]][which].drain);
	snprintf(command, sizeof(command), "%s \"%s\"\n",
	    commands[b->postures[at]][which].on ? "enable" : "disable", name);
	b->at++;
	send_command(b, command);
	return true;
}

static bool
send_route(struct bird *b)
{
	const struct conf_prefixes *prefixes = &b->conf->announce.prefixes;
	char command[256], prefix[ADDR_TEXT];

	if (b->look.established == 0 || b->at >= prefixes_asked(b) * b->look.established)
		return false;
	b->route = (struct bird_route){ 0 };
	snprintf(command, sizeof(command), "show route %s export %s all\n",
	    prefix_text(&prefixes->v[b->at / b->look.established], prefix),
	    b->neighbours[b->at % b->look.established]);
	send_command(b, command);
	return true;
}

static void
rest(struct bird *b, uint64_t due_ms)
{
	b->step = STEP_IDLE;
	b->due_ms = b->again ? loop_now(b->loop) : due_ms;
	if (b->again)
		b->full_ms = 0;
	b->again = false;
}

static void
look_over(struct bird *b)
{
	b->seen = b->look;
	b->seen.known = true;
	b->seen.why[0] = '\0';
	b->full_ms = b->look.started_ms + BIRD_LOOK_MS;
	rest(b, b->wanted ? loop_now(b->loop) + BIRD_ASSERT_MS : b->full_ms);
}

/* Sends the next command of the look, going from step to step. */
static void
next_command(struct bird *b)
{
	uint64_t now_ms = loop_now(b->loop);

	switch (b->step) {
	case STEP_GREETING:
	case STEP_IDLE:
		b->look = (struct bird_seen){ .started_ms = now_ms };
		b->step = STEP_ASSERT;
		b->at = 0;
		/* fallthrough */
	case STEP_ASSERT:
		if (send_assertion(b))
			return;
		b->step = STEP_STATUS;
		send_command(b, "show status\n");
		return;
	case STEP_STATUS:
		if (now_ms < b->full_ms) {
			b->seen.status = b->look.status;
			rest(b, now_ms + BIRD_ASSERT_MS);
			return;
		}
		b->step = STEP_PROTOCOLS;
		send_command(b, "show protocols\n");
		return;
	case STEP_PROTOCOLS:
		b->step = STEP_ROUTES;
		b->at = 0;
		/* fallthrough */
	case STEP_ROUTES:
		if (!send_route(b))
			look_over(b);
		return;
	}
}

/* A protocol of this name is up: for which prefix? */
static void
take_switch(struct bird *b, const char *up)
{
	const struct conf_prefixes *prefixes = &b->conf->announce.prefixes;
	char name[BIRD_NAME_MAX];

	for (size_t i = 0; i < prefixes_asked(b); i++) {
		enum health_posture *switched = &b->look.prefixes[i].switched;

		bird_protocol_name(name, prefixes, i, true);
		if (strcmp(name, up) == 0 && *switched < POSTURE_DRAINING)
			*switched = POSTURE_DRAINING;
		bird_protocol_name(name, prefixes, i, false);
		if (strcmp(name, up) == 0)
			*switched = POSTURE_SERVING;
	}
}

static void
take_protocol(struct bird *b, const char *text)
{
	struct bird_seen *look = &b->look;
	struct bird_protocol p;

	if (!bird_read_protocol(&p, text))
		return;
	look->neighbours += p.bgp;
	if (p.established && look->established < BIRD_MAX_NEIGHBOURS &&
	    bird_quote(b->neighbours[look->established], p.name))
		look->established++;
	if (p.up && strncmp(p.name, "anycast", 7) == 0)
		take_switch(b, p.name);
}

/* The reply about one prefix and one neighbour is over; about the prefix, with the last one. */
static void
take_route(struct bird *b)
{
	struct bird_prefix *prefix = &b->look.prefixes[b->at / b->look.established];

	b->found = b->found || b->route.found;
	b->shutdown = b->shutdown || (b->route.found && b->route.shutdown);
	if (++b->at % b->look.established != 0)
		return;
	prefix->exported = b->found;
	prefix->draining = b->shutdown;
	b->found = b->shutdown = false;
}

static void
take_line(struct bird *b, const struct bird_line *line)
{
	if (b->step == STEP_STATUS && line->code >= 1000 && line->code < 2000)
		bird_read_status(&b->look.status, line->text);
	else if (b->step == STEP_PROTOCOLS && line->code == 1002)
		take_protocol(b, line->text);
	else if (b->step == STEP_ROUTES && line->code >= 1000 && line->code < 2000)
		bird_read_route(&b->route, line->text);
	if (!line->last || b->step == STEP_IDLE)
		return;
	if (b->step == STEP_ASSERT && line->code >= 8000) {
		lost(b, "refused by", line->text);
		return;
	}
	if (b->step == STEP_ROUTES)
		take_route(b);
	next_command(b);
}

static void
read_replies(struct bird *b)
{
	for (int i = 0; b->io.fd >= 0 && i < READS_A_TURN; i++) {
		char octets[4096];
		ssize_t got = recv(b->io.fd, octets, sizeof(octets), MSG_DONTWAIT);
		const char *data = octets;
		size_t left = (size_t)got;
		struct bird_line line;

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			lost(b, "read", got == 0 ? "BIRD has closed the connection" :
			    strerror(errno));
			return;
		}
		b->octets += left;
		if (b->octets > REPLY_MAX) {
			lost(b, "read", "a reply without end");
			return;
		}
		while (b->io.fd >= 0 && bird_reader_next(&b->reader, &data, &left, &line))
			take_line(b, &line);
	}
}

static void
plan_timer(struct bird *b)
{
	bool waiting = b->io.fd >= 0 && b->step != STEP_IDLE;
	uint64_t next_ms = waiting ? b->sent_ms + BIRD_PATIENCE_MS + 1 : b->due_ms;
	uint64_t pause_ms = loop_now(b->loop) + PAUSE_MS;

	loop_timer_set(b->loop, &b->timer, b->paused && pause_ms < next_ms ? pause_ms : next_ms);
}

static void
on_reply(struct loop_io *io, uint32_t events)
{
	struct bird *b = LOOP_OWNER(io, struct bird, io);

	(void)events;
	read_replies(b);
	if (b->io.fd >= 0 && ++b->turns > TURNS_A_REPLY) {
		loop_io_set(b->loop, &b->io, 0);
		b->paused = true;
	}
	plan_timer(b);
}

static void
on_time(struct loop_timer *timer)
{
	struct bird *b = LOOP_OWNER(timer, struct bird, timer);
	uint64_t now_ms = loop_now(b->loop);

	if (b->io.fd >= 0 && b->paused) {
		b->paused = false;
		loop_io_set(b->loop, &b->io, EPOLLIN);
	}
	if (b->io.fd < 0 && now_ms >= b->due_ms)
		connect_bird(b);
	else if (b->io.fd >= 0 && b->step == STEP_IDLE && now_ms >= b->due_ms)
		next_command(b);
	else if (b->io.fd >= 0 && b->step != STEP_IDLE && now_ms > b->sent_ms + BIRD_PATIENCE_MS)
		lost(b, "read", "no reply within 2 s");
	plan_timer(b);
}

void
bird_look(struct bird *b)
{
	if (b->io.fd < 0)
		return;
	b->again = b->step != STEP_IDLE;
	b->full_ms = loop_now(b->loop);
	if (b->step == STEP_IDLE)
		b->due_ms = b->full_ms;
	plan_timer(b);
}

void
bird_want(struct bird *b, const enum health_posture *postures)
{
	b->wanted = true;
	memcpy(b->postures, postures, prefixes_asked(b) * sizeof(b->postures[0]));
	bird_look(b);
}

const struct bird_seen *
bird_seen(const struct bird *b)
{
	return &b->seen;
}

struct bird *
bird_new(struct loop *loop, const struct conf *conf, struct err *err)
{
	struct bird *b = calloc(1, sizeof(*b));
	int len;

	if (b == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	b->loop = loop;
	b->conf = conf;
	b->io = (struct loop_io){ .fd = -1, .ready = on_reply };
	b->timer.fire = on_time;
	b->path.sun_family = AF_UNIX;
	len = snprintf(b->path.sun_path, sizeof(b->path.sun_path), "%s",
	    conf->announce.bird_socket);
	if (len < 0 || (size_t)len >= sizeof(b->path.sun_path)) {
		err_set(err, "announce: bird-socket \"%s\": too long for a socket",
		    conf->announce.bird_socket);
		free(b);
		return NULL;
	}
	if (loop_timer_set(loop, &b->timer, loop_now(loop)) < 0) {
		err_set(err, "out of memory");
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
	loop_timer_stop(b->loop, &b->timer);
	loop_io_set(b->loop, &b->io, 0);
	if (b->io.fd >= 0)
		close(b->io.fd);
	free(b);
}
