#include "common/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum conn_state { CONN_FREE, CONN_READING, CONN_LATER, CONN_WRITING, CONN_WATCHING };

struct conn {
	struct control *control;
	enum conn_state state;
	struct loop_io io;
	struct loop_timer idle;		/* set while it may be closed for its silence */
	uint64_t request;
	size_t in_len;
	char in[CONTROL_LINE_MAX + 1];
	char *out;			/* owned */
	size_t out_len, out_at;
};

struct control {
	struct loop *loop;
	struct loop_io listener;
	int lock;
	control_handle *handle;
	void *arg;
	control_report *report;		/* for watchers; NULL = there is none */
	void *report_arg;
	uint64_t last_request;
	struct sockaddr_un sun;
	struct conn conns[CONTROL_MAX_CONNECTIONS];
};

static int
set_path(struct sockaddr_un *sun, const char *path, struct err *err)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		return err_set(err, "%s: too long for a socket's path, at most %zu characters fit",
		    path, sizeof(sun->sun_path) - 1);
	memcpy(sun->sun_path, path, strlen(path) + 1);
	return 0;
}

static void
hang_up(struct conn *conn)
{
	struct loop *loop = conn->control->loop;

	loop_timer_stop(loop, &conn->idle);
	loop_io_set(loop, &conn->io, 0);
	close(conn->io.fd);
	free(conn->out);
	conn->out = NULL;
	conn->out_len = conn->out_at = 0;
	conn->state = CONN_FREE;
}

/* A sign of life: the time until it is idle begins again. */
static int
conn_alive(struct conn *conn)
{
	struct loop *loop = conn->control->loop;

	return loop_timer_set(loop, &conn->idle, loop_now(loop) + CONTROL_IDLE_MS);
}

static void
on_idle(struct loop_timer *timer)
{
	hang_up(LOOP_OWNER(timer, struct conn, idle));
}

static void
conn_write(struct conn *conn)
{
	struct loop *loop = conn->control->loop;

	while (conn->out_at < conn->out_len) {
		ssize_t n = send(conn->io.fd, conn->out + conn->out_at,
		    conn->out_len - conn->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			loop_io_set(loop, &conn->io, EPOLLOUT);
			return;
		}
		if (n <= 0)
			break;
		conn->out_at += (size_t)n;
		if (conn->state != CONN_WATCHING)
			conn_alive(conn);
	}
	if (conn->state == CONN_WATCHING && conn->out_at == conn->out_len) {
		loop_io_set(loop, &conn->io, EPOLLIN);
		return;
	}
	/* what the client sent beyond its line would turn the close into a reset, and the
	 * reset could overtake the answer */
	shutdown(conn->io.fd, SHUT_WR);
	while (recv(conn->io.fd, conn->in, sizeof(conn->in), MSG_DONTWAIT) > 0)
		;
	hang_up(conn);
}

/* What is to be sent next, written into memory: conn_open, then to the stream, then conn_send.
 * NULL = no memory, and the connection is closed. */
static FILE *
conn_open(struct conn *conn)
{
	FILE *f;

	free(conn->out);
	conn->out = NULL;
	conn->out_len = conn->out_at = 0;
	f = open_memstream(&conn->out, &conn->out_len);
	if (f == NULL)
		hang_up(conn);
	return f;
}

static void
conn_send(struct conn *conn, FILE *f)
{
	if (fclose(f) != 0) {
		hang_up(conn);
		return;
	}
	if (conn->state != CONN_WATCHING)
		conn->state = CONN_WRITING;
	conn_write(conn);
}

/* Queues the whole answer; text may be NULL. */
static void
conn_answer(struct conn *conn, const char *reason, const char *text, size_t len)
{
	FILE *f = conn_open(conn);

	if (f == NULL)
		return;
	if (reason != NULL)
		fprintf(f, "error: %s\n", reason);
	else
		fputs("ok\n", f);
	if (text != NULL)
		fwrite(text, 1, len, f);
	conn_send(conn, f);
}

/* A watcher is told the daemon's report; whoever has not taken the last one is dropped. */
static void
conn_tell(struct conn *conn, const char *before)
{
	struct control *c = conn->control;
	FILE *f;

	if (conn->out_at < conn->out_len) {
		hang_up(conn);
		return;
	}
	f = conn_open(conn);
	if (f == NULL)
		return;
	fputs(before, f);
	if (c->report != NULL)
		c->report(c->report_arg, f);
	conn_send(conn, f);
}

static void
conn_handle(struct conn *conn)
{
	struct control *c = conn->control;
	struct err err = { .text = "" };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	enum control_result result;

	if (out == NULL) {
		hang_up(conn);
		return;
	}
	conn->request = ++c->last_request;
	result = c->handle(c->arg, conn->request, conn->in, out, &err);
	if (fclose(out) != 0) {
		free(text);
		hang_up(conn);
		return;
	}
	if (result == CONTROL_LATER) {
		conn->state = CONN_LATER;
		/* only the client's going is of interest now; that it has said all it has to
		 * say (a half-close) is how some clients end their question */
		loop_timer_stop(c->loop, &conn->idle);
		loop_io_set(c->loop, &conn->io, EPOLLHUP);
	} else {
		conn_answer(conn, result == CONTROL_ERROR ? err.text : NULL, text, len);
	}
	free(text);
}

static unsigned
watchers(const struct control *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++)
		n += c->conns[i].state == CONN_WATCHING;
	return n;
}

static void
conn_line(struct conn *conn, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (conn->in[i] < 0x20 || conn->in[i] > 0x7e) {
			conn_answer(conn, "the line has an octet that is not printable ASCII",
			    NULL, 0);
			return;
		}
	conn->in[len] = '\0';
	if (strcmp(conn->in, "watch") != 0) {
		conn_handle(conn);
	} else if (watchers(conn->control) >= CONTROL_MAX_WATCHERS) {
		conn_answer(conn, "too many are watching already", NULL, 0);
	} else {
		conn->state = CONN_WATCHING;
		loop_timer_stop(conn->control->loop, &conn->idle);
		conn_tell(conn, "ok\n");
	}
}

static void
conn_read(struct conn *conn)
{
	size_t room = sizeof(conn->in) - conn->in_len;
	ssize_t n = recv(conn->io.fd, conn->in + conn->in_len, room, MSG_DONTWAIT);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(conn);
		return;
	}
	end = memchr(conn->in + conn->in_len, '\n', (size_t)n);
	conn->in_len += (size_t)n;
	if (end != NULL)
		conn_line(conn, (size_t)(end - conn->in));
	else if (conn->in_len == sizeof(conn->in))
		conn_answer(conn, "the line is longer than 1024 octets", NULL, 0);
}

/* A watcher says nothing: whatever it sends is thrown away. */
static void
conn_watcher(struct conn *conn)
{
	char waste[256];
	ssize_t n = recv(conn->io.fd, waste, sizeof(waste), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		hang_up(conn);
}

static void
on_conn(struct loop_io *io, uint32_t events)
{
	struct conn *conn = LOOP_OWNER(io, struct conn, io);

	switch (conn->state) {
	case CONN_FREE:			/* is not watched */
		return;
	case CONN_READING:
		conn_read(conn);
		return;
	case CONN_WRITING:
		if (events & EPOLLERR)
			hang_up(conn);
		else
			conn_write(conn);
		return;
	case CONN_WATCHING:
		if (conn->out_at < conn->out_len)
			conn_write(conn);
		else
			conn_watcher(conn);
		return;
	case CONN_LATER:
		hang_up(conn);
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
		    (oldest == NULL || conn->idle.at_ms < oldest->idle.at_ms))
			oldest = conn;
	}
	if (oldest != NULL)
		hang_up(oldest);
	return oldest;
}

static void
on_newcomer(struct loop_io *io, uint32_t events)
{
	struct control *c = LOOP_OWNER(io, struct control, listener);

	(void)events;
	/* a bounded number, for the daemon's loop has other things to do */
	for (unsigned i = 0; i < CONTROL_MAX_CONNECTIONS; i++) {
		int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct conn *conn;

		if (fd < 0)
			return;
		conn = conn_place(c);
		if (conn == NULL) {
			close(fd);
			continue;
		}
		conn->io = (struct loop_io){ .fd = fd, .ready = on_conn };
		conn->state = CONN_READING;
		conn->in_len = 0;
		if (loop_io_set(c->loop, &conn->io, EPOLLIN) < 0 || conn_alive(conn) < 0)
			hang_up(conn);
		else
			conn_read(conn);	/* the line is mostly there already */
	}
}

void
control_set_report(struct control *c, control_report *report, void *arg)
{
	c->report = report;
	c->report_arg = arg;
}

void
control_tell(struct control *c)
{
	for (size_t i = 0; c->report != NULL && i < CONTROL_MAX_CONNECTIONS; i++)
		if (c->conns[i].state == CONN_WATCHING)
			conn_tell(&c->conns[i], "");
}

void
control_finish(struct control *c, uint64_t request, const char *reason, const char *text)
{
	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++) {
		struct conn *conn = &c->conns[i];
		if (conn->state != CONN_LATER || conn->request != request)
			continue;
		conn_alive(conn);
		conn_answer(conn, reason, text, text != NULL ? strlen(text) : 0);
	}
}

/* Two daemons started at once must not both find the old socket dead and replace each
 * other's: a lock beside it decides.  Process locks do not outlive the process. */
static int
lock_path(struct control *c, const char *path, struct err *err)
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

int
control_clear_path(const struct sockaddr_un *sun, struct err *err)
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
		rc = err_set(err, "%s: already running (another process answers there)",
		    sun->sun_path);
	else if ((rc = unlink(sun->sun_path)) < 0)
		err_set(err, "%s: %s", sun->sun_path, strerror(errno));
	close(fd);
	return rc;
}

static int
bind_path(struct control *c, struct err *err)
{
	mode_t mask;
	int rc;

	c->listener = (struct loop_io){ .ready = on_newcomer,
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };
	if (c->listener.fd < 0)
		return err_set(err, "socket: %s", strerror(errno));
	mask = umask(0117);		/* never more open than 0660, not for a moment */
	rc = bind(c->listener.fd, (const struct sockaddr *)&c->sun, sizeof(c->sun));
	umask(mask);
	if (rc < 0)
		return err_set(err, "%s: %s", c->sun.sun_path, strerror(errno));
	if (listen(c->listener.fd, CONTROL_MAX_CONNECTIONS) < 0)
		return err_set(err, "%s: listen: %s", c->sun.sun_path, strerror(errno));
	if (loop_io_set(c->loop, &c->listener, EPOLLIN) < 0)
		return err_set(err, "control socket: %s", strerror(errno));
	return 0;
}

/* Gives everything back but the file. */
static void
close_all(struct control *c)
{
	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++)
		if (c->conns[i].state != CONN_FREE)
			hang_up(&c->conns[i]);
	loop_io_set(c->loop, &c->listener, 0);
	if (c->listener.fd >= 0)
		close(c->listener.fd);
	if (c->lock >= 0)
		close(c->lock);
	free(c);
}

struct control *
control_listen(struct loop *loop, const char *path, control_handle *handle, void *arg,
    struct err *err)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	c->loop = loop;
	c->listener.fd = c->lock = -1;
	c->handle = handle;
	c->arg = arg;
	for (size_t i = 0; i < CONTROL_MAX_CONNECTIONS; i++) {
		c->conns[i].control = c;
		c->conns[i].idle.fire = on_idle;
	}
	if (set_path(&c->sun, path, err) < 0 || lock_path(c, path, err) < 0 ||
	    control_clear_path(&c->sun, err) < 0 || bind_path(c, err) < 0) {
		close_all(c);
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
control_close(struct control *c)
{
	if (c == NULL)
		return;
	unlink(c->sun.sun_path);
	close_all(c);
}
