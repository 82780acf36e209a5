#include "common/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"

enum {
	BATCH = 256,
	BATCHES = 32,			/* of one turn, before its timers */
	FIRE_MAX = 256			/* timers of one turn, before the descriptors' next */
};

struct loop {
	int epoll;
	bool stop;
	uint64_t now_ms;
	struct epoll_event batch[BATCH];
	int batch_n, batch_at;		/* events of this turn; those from batch_at on wait */
	struct loop_timer **heap;	/* 1 to heap_n; heap[1] fires first */
	size_t heap_n, heap_size;
	uint64_t late_min_ms;
	void (*late)(void *arg, uint64_t late_ms);
	void *late_arg;
	void (*turn)(void *arg);
	void *turn_arg;
};

struct loop *
loop_new(struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		err_set(err, "epoll_create1: %s", strerror(errno));
		free(loop);
		return NULL;
	}
	loop->now_ms = clock_mono().ms;
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	close(loop->epoll);
	free(loop->heap);
	free(loop);
}

static void
forget_waiting(struct loop *loop, const struct loop_io *io)
{
	for (int i = loop->batch_at; i < loop->batch_n; i++)
		if (loop->batch[i].data.ptr == io)
			loop->batch[i].data.ptr = NULL;
}

int
loop_io_set(struct loop *loop, struct loop_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };
	uint32_t old = io->events;

	if (events == old)
		return 0;
	io->events = events;
	if (events == 0) {
		forget_waiting(loop, io);
		return epoll_ctl(loop->epoll, EPOLL_CTL_DEL, io->fd, NULL);
	}
	if (epoll_ctl(loop->epoll, old == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, io->fd, &ev) == 0)
		return 0;
	/* the descriptor was closed and its number came back before we were told */
	if (old != 0 && errno == ENOENT && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, io->fd, &ev) == 0)
		return 0;
	io->events = old;
	return -1;
}

static void
heap_put(struct loop *loop, size_t slot, struct loop_timer *timer)
{
	loop->heap[slot] = timer;
	timer->slot = slot;
}

/* Finds the place of `timer` from `slot` on, upwards and then downwards. */
static void
heap_place(struct loop *loop, size_t slot, struct loop_timer *timer)
{
	struct loop_timer **h = loop->heap;

	for (; slot > 1 && h[slot / 2]->at_ms > timer->at_ms; slot /= 2)
		heap_put(loop, slot, h[slot / 2]);
	for (;;) {
		size_t child = slot * 2;

		if (child < loop->heap_n && h[child + 1]->at_ms < h[child]->at_ms)
			child++;
		if (child > loop->heap_n || h[child]->at_ms >= timer->at_ms)
			break;
		heap_put(loop, slot, h[child]);
		slot = child;
	}
	heap_put(loop, slot, timer);
}

int
loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms)
{
	timer->at_ms = at_ms;
	if (timer->slot == 0) {
		if (loop->heap_n + 2 > loop->heap_size) {
			size_t size = loop->heap_size * 2 + 64;
			void *grown = realloc(loop->heap, size * sizeof(struct loop_timer *));

			if (grown == NULL)
				return -1;
			loop->heap = grown;
			loop->heap_size = size;
		}
		heap_place(loop, ++loop->heap_n, timer);
		return 0;
	}
	heap_place(loop, timer->slot, timer);
	return 0;
}

void
loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	size_t slot = timer->slot;
	struct loop_timer *last;

	if (slot == 0)
		return;
	timer->slot = 0;
	last = loop->heap[loop->heap_n--];
	if (last != timer)
		heap_place(loop, slot, last);
}

uint64_t
loop_now(const struct loop *loop)
{
	return loop->now_ms;
}

void
loop_on_late(struct loop *loop, uint64_t min_ms, void (*late)(void *, uint64_t), void *arg)
{
	loop->late_min_ms = min_ms;
	loop->late = late;
	loop->late_arg = arg;
}

void
loop_on_turn(struct loop *loop, void (*turn)(void *), void *arg)
{
	loop->turn = turn;
	loop->turn_arg = arg;
}

int
loop_signals(const int *signals)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (; *signals != 0; signals++)
		sigaddset(&set, *signals);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
loop_signal_next(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

static int
wait_ms(const struct loop *loop)
{
	uint64_t now = clock_mono().ms;

	if (loop->heap_n == 0)
		return -1;
	if (loop->heap[1]->at_ms <= now)
		return 0;
	return loop->heap[1]->at_ms - now > 60000 ? 60000 : (int)(loop->heap[1]->at_ms - now);
}

static void
fire_due(struct loop *loop)
{
	size_t most = loop->heap_n < FIRE_MAX ? loop->heap_n : FIRE_MAX;

	/* what is set to "now" by a callback waits for the next turn */
	for (size_t n = most; n > 0 && loop->heap_n > 0; n--) {
		struct loop_timer *timer = loop->heap[1];

		if (timer->at_ms > loop->now_ms)
			return;
		loop_timer_stop(loop, timer);
		timer->fire(timer);
	}
}

/* Their number. */
static int
handle_batch(struct loop *loop)
{
	while (loop->batch_at < loop->batch_n) {
		struct epoll_event *ev = &loop->batch[loop->batch_at++];
		struct loop_io *io = ev->data.ptr;

		if (io != NULL)
			io->ready(io, ev->events);
	}
	return loop->batch_n;
}

static void
one_turn(struct loop *loop, int n, uint64_t now_ms)
{
	uint64_t late_ms;

	loop->batch_at = 0;
	loop->batch_n = n > 0 ? n : 0;
	loop->now_ms = now_ms;
	if (loop->late != NULL && loop->heap_n > 0 && loop->now_ms > loop->heap[1]->at_ms) {
		late_ms = loop->now_ms - loop->heap[1]->at_ms;
		if (late_ms >= loop->late_min_ms)
			loop->late(loop->late_arg, late_ms);
	}
	for (unsigned i = 1; handle_batch(loop) == BATCH && i < BATCHES; i++) {
		n = epoll_wait(loop->epoll, loop->batch, BATCH, 0);
		loop->batch_at = 0;
		loop->batch_n = n > 0 ? n : 0;
	}
	fire_due(loop);
	if (loop->turn != NULL)
		loop->turn(loop->turn_arg);
}

int
loop_run(struct loop *loop, struct err *err)
{
	loop->stop = false;
	while (!loop->stop) {
		int n = epoll_wait(loop->epoll, loop->batch, BATCH, wait_ms(loop));

		if (n < 0 && errno != EINTR)
			return err_set(err, "epoll_wait: %s", strerror(errno));
		one_turn(loop, n, clock_mono().ms);
	}
	return 0;
}

void
loop_turn(struct loop *loop, uint64_t now_ms)
{
	one_turn(loop, epoll_wait(loop->epoll, loop->batch, BATCH, 0), now_ms);
}

void
loop_stop(struct loop *loop)
{
	loop->stop = true;
}
