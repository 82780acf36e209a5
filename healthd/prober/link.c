#include "healthd/prober/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"

void
link_tell(struct link *l)
{
	struct core *core = l->core;
	struct verdict_message v;
	bool due, same;

	/* half a tick early rather than half a tick late */
	due = l->told_ms == 0 || clock_mono().ms >= l->told_ms + LINK_ALIVE_MS - CORE_TICK_MS / 2;
	judge_verdict(core->judge, core_now(core), &v);
	same = v.verdict == l->verdict.verdict && v.local_up == l->verdict.local_up &&
	    v.override == l->verdict.override && v.override_id == l->verdict.override_id &&
	    v.servers_id == l->verdict.servers_id && strcmp(v.reason, l->verdict.reason) == 0;
	if (same && !due)
		return;
	if (v.verdict != l->verdict.verdict || v.override != l->verdict.override ||
	    l->told_ms == 0) {
		log_debug("verdict: %s (%s)", message_name(&v), message_reason(&v));
		l->changes++;
	}
	v.magic = MESSAGE_VERDICT;
	v.sent_ms = clock_mono().ms;
	l->verdict = v;
	l->told_ms = v.sent_ms;
	/* a keeper that does not read for so long that the buffer is full will ask for nothing */
	if (send(l->io.fd, &v, sizeof(v), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		loop_stop(core->loop);
}

static void
hear_posture(struct link *l, const struct posture_message *m)
{
	bool known = link_heard(l);
	enum health_posture was = known ? (enum health_posture)l->posture.posture : POSTURE_DOWN;

	if (m->magic != MESSAGE_POSTURE || m->posture > POSTURE_SERVING)
		return;
	l->posture = *m;
	l->posture.reason[sizeof(l->posture.reason) - 1] = '\0';
	if (known && was == (enum health_posture)m->posture)
		return;
	l->changes++;
	if (known)
		l->changed(l->arg, was);
}

static void
on_keeper(struct loop_io *io, uint32_t events)
{
	struct link *l = LOOP_OWNER(io, struct link, io);
	struct posture_message m;
	ssize_t n;

	while ((n = recv(io->fd, &m, sizeof(m), MSG_DONTWAIT)) > 0)
		if (n == (ssize_t)sizeof(m))
			hear_posture(l, &m);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
	    ((events & EPOLLHUP) && !(events & EPOLLIN)))
		loop_stop(l->core->loop);	/* the keeper is gone */
}

int
link_open(struct link *l, struct core *core, int fd,
    void (*changed)(void *, enum health_posture), void *arg, struct err *err)
{
	*l = (struct link){ .core = core, .changed = changed, .arg = arg,
	    .io = { .fd = fd, .ready = on_keeper } };
	if (loop_io_set(core->loop, &l->io, EPOLLIN) < 0)
		return err_set(err, "the keeper's socket: %s", strerror(errno));
	return 0;
}
