#include "healthd/route/dnsd_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/control.h"

static void
drop_link(struct dnsd_link *link)
{
	if (link->io.fd < 0)
		return;
	loop_io_set(link->loop, &link->io, 0);
	close(link->io.fd);
	link->io.fd = -1;
}

static void
lose(struct dnsd_link *link)
{
	drop_link(link);
	loop_timer_set(link->loop, &link->timer, loop_now(link->loop) + DNSD_LINK_AGAIN_MS);
	link->lost(link);
}

/* True if more has come than reports can be. */
static bool
is_flood(struct dnsd_link *link, size_t octets)
{
	uint64_t now_ms = loop_now(link->loop);

	if (now_ms >= link->window_ms + DNSD_LINK_AGAIN_MS) {
		link->window_ms = now_ms;
		link->octets = 0;
	}
	link->octets += octets;
	return link->octets > DNSD_LINK_FLOOD;
}

static void
take_reports(struct dnsd_link *link, const char *text, size_t len)
{
	while (dnsd_report_read(&link->reader, &text, &len)) {
		loop_timer_stop(link->loop, &link->timer);
		link->report(link, &link->reader.report);
	}
}

static void
on_link(struct loop_io *io, uint32_t events)
{
	struct dnsd_link *link = LOOP_OWNER(io, struct dnsd_link, io);
	char text[4096];
	ssize_t got;

	(void)events;
	while ((got = recv(io->fd, text, sizeof(text), MSG_DONTWAIT)) > 0) {
		if (is_flood(link, (size_t)got)) {
			lose(link);
			return;
		}
		take_reports(link, text, (size_t)got);
	}
	if (got == 0 || (errno != EAGAIN && errno != EINTR))
		lose(link);
}

static void
try_connect(struct dnsd_link *link)
{
	uint64_t again_ms = DNSD_LINK_AGAIN_MS;

	link->io.fd = control_watch(link->path, NULL);
	memset(&link->reader, 0, sizeof(link->reader));
	if (link->io.fd >= 0 && loop_io_set(link->loop, &link->io, EPOLLIN) == 0)
		again_ms = DNSD_LINK_MUTE_MS;
	else
		drop_link(link);
	loop_timer_set(link->loop, &link->timer, loop_now(link->loop) + again_ms);
}

static void
on_link_time(struct loop_timer *timer)
{
	struct dnsd_link *link = LOOP_OWNER(timer, struct dnsd_link, timer);

	if (link->io.fd >= 0)
		link->mute(link);
	else
		try_connect(link);
}

int
dnsd_link_open(struct dnsd_link *link, const char *run_dir, struct err *err)
{
	link->io = (struct loop_io){ .fd = -1, .ready = on_link };
	link->timer = (struct loop_timer){ .fire = on_link_time };
	if (snprintf(link->path, sizeof(link->path), "%s/dnsd.sock", run_dir) >=
	    (int)sizeof(link->path))
		return err_set(err, "run-dir \"%s\": too long for a socket in it", run_dir);
	if (loop_timer_set(link->loop, &link->timer, loop_now(link->loop)) < 0)
		return err_set(err, "out of memory");
	return 0;
}

void
dnsd_link_close(struct dnsd_link *link)
{
	if (link->io.ready == NULL)		/* never opened */
		return;
	loop_timer_stop(link->loop, &link->timer);
	drop_link(link);
}
