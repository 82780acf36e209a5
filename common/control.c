#include "common/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"

enum conn_state { CONN_FREE, CONN_READING, CONN_LATER, CONN_WRITING, CONN_WATCHING };

struct conn {
	enum conn_state state;
	int fd;
	uint64_t request;
	uint64_t since_ms;		/* of its last sign of life */
	size_t in_len;
	char in[CONTROL_LINE_MAX + 1];
	char *out;			/* owned */
	size_t out_len, out_at;
};

struct control {
	int epoll, listener, timer, lock;
	control_handle *handle;
	void *arg;
	uint64_t last_request;
	bool timer_on;
	struct sockaddr_un sun;
	struct conn conns[CONTROL_MAX_CONNECTIONS];
};

/* what an epoll event's number means; below are indices of connections */
enum { EVENT_LISTENER = CONTROL_MAX_CONNECTIONS, EVENT_TIMER };

static int
sun_set(struct sockaddr_un *sun, const char *path, struct err *err)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		return err_set(err, "%s: too long for a socket's path, at most %zu characters fit",
		    path, sizeof(sun->sun_path) - 1);
	memcpy(sun->sun_path, path, strlen(path) + 1);
	return 0;
}

static int
watch_fd(struct control *c, int op, int fd, uint32_t events, uint32_t number)
{
	struct epoll_event ev = { .events = events, .data.u32 = number };

	return epoll_ctl(c->epoll, op, fd, &ev);
}

/* The timer runs only while a connection can time out. */
static void
set_timer(struct control *c, bool on)
{
	struct itimerspec its = { .it_value.tv_sec = on, .it_interval.tv_sec = on };

	if (c->timer_on != on)
		timerfd_settime(c->timer, 0, &its, NULL);
	c->timer_on = on;
}

static void
conn_close(struct conn *conn)
{
	close(conn->fd);		/* leaves the epoll set with it */
	free(conn->out);
	conn->out = NULL;
	conn->state = CONN_FREE;
}

static void
conn_write(struct control *c, struct conn *conn)
{
	while (conn->out_at < conn->out_len) {
		ssize_t n = send(conn->fd, conn->out + conn->out_at, conn->out_len - conn->out_at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			watch_fd(c, EPOLL_CTL_MOD, conn->fd, EPOLLOUT, (uint32_t)(conn - c->conns));
			return;
		}
		if (n <= 0)
			break;
		conn->out_at += (size_t)n;
		conn->since_ms = clock_mono().ms;
	}
	if (conn->state == CONN_WATCHING && conn->out_at == conn->out_len) {
		watch_fd(c, EPOLL_CTL_MOD, conn->fd, EPOLLIN, (uint32_t)(conn - c->conns));
		return;
	}
	/* what the client sent beyond its line would turn the close into a reset, and the
	 * reset could overtake the answer */
	shutdown(conn->fd, SHUT_WR);
	while (recv(conn->fd, conn->in, sizeof(conn->in), MSG_DONTWAIT) > 0)
		;
	conn_close(conn);
}

/* Queues the whole answer; text may be NULL. */
static void
conn_answer(struct control *c, struct conn *conn, const char *reason, const char *text, size_t len)
{
	char *buffer = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&buffer, &size);

	if (f == NULL) {
		conn_close(conn);
		return;
	}
	if (reason != NULL)
		fprintf(f, "error: %s\n", reason);
	else
		fputs("ok\n", f);
	if (text != NULL)
		fwrite(text, 1, len, f);
	if (fclose(f) != 0) {
		free(buffer);
		conn_close(conn);
		return;
	}
	conn->out = buffer;
	conn->out_len = size;
	conn->out_at = 0;
	if (conn->state != CONN_WATCHING)
		conn->state = CONN_WRITING;
	conn_write(c, conn);
}

static void
conn_handle(struct control *c, struct conn *conn)
{
	struct err err = { "" };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	enum control_result result;

	if (out == NULL) {
		conn_close(conn);
		return;
	}
	conn->request = ++c->last_request;
	result = c->handle(c->arg, conn->request, conn->in, out, &err);
	if (fclose(out) != 0) {
		free(text);
		conn_close(conn);
		return;
	}
	if (result == CONTROL_LATER) {
		conn->state = CONN_LATER;
		/* only the client's going is of interest now */
		watch_fd(c, EPOLL_CTL_MOD, conn->fd, EPOLLRDHUP, (uint32_t)(conn - c->conns));
	} else {
		conn_answer(c, conn, result == CONTROL_ERROR ? err.text : NULL, text, len);
	}
	free(text);
}

static void
conn_line(struct control *c, struct conn *conn, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (conn->in[i] < 0x20 || conn->in[i] > 0x7e) {
			conn_answer(c, conn, "the line has an octet that is not printable ASCII", NULL, 0);
			return;
		}
	conn->in[len] = '\0';
	if (strcmp(conn->in, "watch") != 0) {
		conn_handle(c, conn);
	} else if (control_watchers(c) >= CONTROL_MAX_WATCHERS) {
		conn_answer(c, conn, "too many are watching already", NULL, 0);
	} else {
		conn->state = CONN_WATCHING;
		conn_answer(c, conn, NULL, NULL, 0);
	}
}

static void
conn_read(struct control *c, struct conn *conn)
{
	size_t room = sizeof(conn->in) - conn->in_len;
	ssize_t n = recv(conn->fd, conn->in + conn->in_len, room, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(conn);
		return;
	}
	end = memchr(conn->in + conn->in_len, '\n', (size_t)n);
	conn->in_len += (size_t)n;
	if (end != NULL)
		conn_line(c, conn, (size_t)(end - conn->in));
	else if (conn->in_len == sizeof(conn->in))
		conn_answer(c, conn, "the line is longer than 1024 octets", NULL, 0);
}

/* A watcher says nothing: whatever it sends is thrown away. */
static void
conn_watcher(struct conn *conn)
{
	char waste[256];
	ssize_t n = recv(conn->fd, waste, sizeof(waste), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_close(conn);
}

static void
conn_event(struct control *c, struct conn *conn, uint32_t events)
{
	switch (conn->state) {
	case CONN_FREE:			/* closed earlier in this batch of events */
		return;
	case CONN_READING:
		conn_read(c, conn);
		return;
	case CONN_WRITING:
		if (events & EPOLLERR)
			conn_close(conn);
		else
			conn_write(c, conn);
		return;
	case CONN_WATCHING:
		if (conn->out_at < conn->out_len)
			conn_write(c, conn);
		else
			conn_watcher(conn);
		return;
	case CONN_LATER:
		/* a half-close is how some clients end their question: still answered */
		if (events & (EPOLLERR | EPOLLHUP))
			conn_close(conn);
		else
			watch_fd(c, EPOLL_CTL_MOD, conn->fd, 0, (uint32_t)(conn - c->conns));
		return;
	}
}

/* A place for a newcomer: a free one, or that of whoever has been silent longest. */
static struct conn *
conn_place(struct control *c)
{
	struct conn *oldest = NULL;

	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++) {
		struct conn *conn = &c->conns[i];
		if (conn->state == CONN_FREE)
			return conn;
		if (conn->state != CONN_WATCHING && conn->state != CONN_LATER &&
		    (oldest == NULL || conn->since_ms < oldest->since_ms))
			oldest = conn;
	}
	if (oldest != NULL)
		conn_close(oldest);
	return oldest;
}

static void
control_accept(struct control *c)
{
	int fd;

	/* a bounded number, for the daemon's loop has other things to do */
	for (unsigned i = 0; i < CONTROL_MAX_CONNECTIONS; i++) {
		struct conn *conn;

		fd = accept4(c->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		conn = conn_place(c);
		if (conn == NULL ||
		    watch_fd(c, EPOLL_CTL_ADD, fd, EPOLLIN, (uint32_t)(conn - c->conns)) < 0) {
			close(fd);
			continue;
		}
		conn->fd = fd;
		conn->state = CONN_READING;
		conn->in_len = 0;
		conn->since_ms = clock_mono().ms;
		set_timer(c, true);
		conn_read(c, conn);		/* the line is mostly there already */
	}
}

/* Closes the silent; the timer stops when nobody is left who could be. */
static void
control_expire(struct control *c)
{
	uint64_t now = clock_mono().ms, ticks;
	bool any = false;

	if (read(c->timer, &ticks, sizeof(ticks)) < 0)
		return;
	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++) {
		struct conn *conn = &c->conns[i];
		if (conn->state != CONN_READING && conn->state != CONN_WRITING)
			continue;
		if (now - conn->since_ms >= CONTROL_IDLE_MS)
			conn_close(conn);
		else
			any = true;
	}
	set_timer(c, any);
}

void
control_serve(struct control *c)
{
	struct epoll_event events[CONTROL_MAX_CONNECTIONS];
	int n = epoll_wait(c->epoll, events, CONTROL_MAX_CONNECTIONS, 0);

	for (int i = 0; i < n; i++) {
		uint32_t number = events[i].data.u32;
		if (number < CONTROL_MAX_CONNECTIONS)
			conn_event(c, &c->conns[number], events[i].events);
	}
	/* newcomers last: an event above must not meet a place that has changed hands */
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == EVENT_LISTENER)
			control_accept(c);
		else if (events[i].data.u32 == EVENT_TIMER)
			control_expire(c);
	}
}

void
control_finish(struct control *c, uint64_t request, const char *reason, const char *text)
{
	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++) {
		struct conn *conn = &c->conns[i];
		if (conn->state != CONN_LATER || conn->request != request)
			continue;
		conn->since_ms = clock_mono().ms;
		set_timer(c, true);
		conn_answer(c, conn, reason, text, text != NULL ? strlen(text) : 0);
	}
}

unsigned
control_watchers(const struct control *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++)
		n += c->conns[i].state == CONN_WATCHING;
	return n;
}

int
control_fd(const struct control *c)
{
	return c->epoll;
}

/* Two daemons started at once must not both find the old socket dead and replace each
 * other's: a lock beside it decides.  Process locks do not outlive the process. */
static int
control_lock(struct control *c, const char *path, struct err *err)
{
	char name[sizeof(c->sun.sun_path) + 8];
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	snprintf(name, sizeof(name), "%s.lock", path);
	c->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock < 0)
		return err_set(err, "%s: %s", name, strerror(errno));
	if (fcntl(c->lock, F_SETLK, &lock) < 0)
		return err_set(err, "%s: already running (another process holds the lock)", path);
	return 0;
}

/* Removes what a dead process left at the path; refuses anything else. */
static int
control_clear(const struct sockaddr_un *sun, struct err *err)
{
	struct stat st;
	int fd, rc;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(err, "%s: %s", sun->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, "%s: exists and is not a socket", sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, "socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)sun, sizeof(*sun));
	if (rc < 0 && errno != ECONNREFUSED && errno != EAGAIN)
		err_set(err, "%s: %s", sun->sun_path, strerror(errno));
	else if (rc == 0 || errno == EAGAIN)
		rc = err_set(err, "%s: already running (another process answers there)", sun->sun_path);
	else if ((rc = unlink(sun->sun_path)) < 0)
		err_set(err, "%s: %s", sun->sun_path, strerror(errno));
	close(fd);
	return rc;
}

static int
control_bind(struct control *c, struct err *err)
{
	mode_t mask;
	int rc;

	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listener < 0)
		return err_set(err, "socket: %s", strerror(errno));
	mask = umask(0117);		/* never more open than 0660, not for a moment */
	rc = bind(c->listener, (const struct sockaddr *)&c->sun, sizeof(c->sun));
	umask(mask);
	if (rc < 0)
		return err_set(err, "%s: %s", c->sun.sun_path, strerror(errno));
	if (listen(c->listener, CONTROL_MAX_CONNECTIONS) < 0)
		return err_set(err, "%s: listen: %s", c->sun.sun_path, strerror(errno));
	return 0;
}

static int
control_events(struct control *c, struct err *err)
{
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (c->epoll < 0 || c->timer < 0 ||
	    watch_fd(c, EPOLL_CTL_ADD, c->listener, EPOLLIN, EVENT_LISTENER) < 0 ||
	    watch_fd(c, EPOLL_CTL_ADD, c->timer, EPOLLIN, EVENT_TIMER) < 0)
		return err_set(err, "control socket: %s", strerror(errno));
	return 0;
}

struct control *
control_listen(const char *path, control_handle *handle, void *arg, struct err *err)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	c->epoll = c->listener = c->timer = c->lock = -1;
	c->handle = handle;
	c->arg = arg;
	if (sun_set(&c->sun, path, err) < 0 || control_lock(c, path, err) < 0 ||
	    control_clear(&c->sun, err) < 0 || control_bind(c, err) < 0 || control_events(c, err) < 0) {
		control_forget(c);
		return NULL;
	}
	return c;
}

int
control_give(struct control *c, uid_t uid, gid_t gid, struct err *err)
{
	if (lchown(c->sun.sun_path, uid, gid) < 0 || fchown(c->lock, uid, gid) < 0)
		return err_set(err, "%s: %s", c->sun.sun_path, strerror(errno));
	return 0;
}

void
control_forget(struct control *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++)
		if (c->conns[i].state != CONN_FREE)
			conn_close(&c->conns[i]);
	if (c->listener >= 0)
		close(c->listener);
	if (c->timer >= 0)
		close(c->timer);
	if (c->epoll >= 0)
		close(c->epoll);
	if (c->lock >= 0)
		close(c->lock);
	free(c);
}

void
control_close(struct control *c)
{
	if (c == NULL)
		return;
	unlink(c->sun.sun_path);
	control_forget(c);
}
