#include "redirectd/serve.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/control.h"
#include "common/log.h"
#include "redirectd/request.h"

struct listener {
	struct serve *serve;
	char *listen;			/* as in the configuration; owned */
	char *alone;			/* the `one-file` it is for; NULL = none; owned */
	int fd;				/* -1 = none, or the daemon's */
	struct MHD_Daemon *daemon;
	bool file;			/* `listen` is the path of a socket */
};

struct serve {
	struct worker_common *common;
	struct listener *listeners;	/* the first is `redirect { listen }` */
	size_t n;
	unsigned threads;
	pthread_key_t worker;
	bool has_key;
	struct worker **ready;		/* one a thread, until it takes it */
	unsigned n_ready;
	atomic_uint taken;
};

/* ---- sockets ---- */

static int
bind_file(const char *path, struct err *err)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (control_clear_path(&un, err) < 0)
		return err_prefix(err, "listen");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* whoever may reach the folder may connect: nginx runs as another user */
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    chmod(path, 0666) < 0 || listen(fd, 1024) < 0) {
		err_set(err, "listen \"%s\": %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int
bind_address(const char *text, struct err *err)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t len;
	int fd, one = 1;

	if (addr_parse(&a, text, err) < 0)
		return -1;
	len = addr_to_sockaddr(&a, &ss);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, 1024) < 0) {
		err_set(err, "listen \"%s\": %s", text, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int
bind_one(struct serve *serve, const char *text, const char *alone, struct err *err)
{
	struct listener *l = &serve->listeners[serve->n];

	l->serve = serve;
	l->file = *text == '/';
	l->listen = strdup(text);
	l->alone = alone != NULL ? strdup(alone) : NULL;
	l->fd = -1;
	serve->n++;
	if (l->listen == NULL || (alone != NULL && l->alone == NULL))
		return err_set(err, "out of memory");
	l->fd = l->file ? bind_file(text, err) : bind_address(text, err);
	return l->fd < 0 ? -1 : 0;
}

struct serve *
serve_bind(const struct conf *conf, struct err *err)
{
	const struct conf_redirect *r = &conf->redirect;
	struct serve *serve = calloc(1, sizeof(*serve));
	int rc = -1;

	if (serve != NULL)
		serve->listeners = calloc(r->n_one_files + 1, sizeof(*serve->listeners));
	if (serve == NULL || serve->listeners == NULL)
		err_set(err, "out of memory");
	else
		rc = bind_one(serve, r->listen, NULL, err);
	for (size_t i = 0; rc == 0 && i < r->n_one_files; i++)
		if (r->one_files[i].listen != NULL)
			rc = bind_one(serve, r->one_files[i].listen, r->one_files[i].name, err);
	if (rc == 0)
		return serve;
	serve_stop(serve);
	return NULL;
}

/* ---- requests ---- */

/* What is remembered of a request while the library reads it. */
struct kept {
	bool begun;
	char target[];
};

static __thread struct worker *mine;	/* this thread's; pthread_key_create frees it */

static void
free_worker(void *worker)
{
	worker_free(worker);
}

static struct worker *
find_worker(struct serve *serve)
{
	if (mine == NULL) {
		unsigned i = atomic_fetch_add(&serve->taken, 1);

		if (i < serve->n_ready) {
			mine = serve->ready[i];
			serve->ready[i] = NULL;
		} else {
			mine = worker_new(serve->common);
		}
		if (mine != NULL && pthread_setspecific(serve->worker, mine) != 0) {
			worker_free(mine);
			mine = NULL;
		}
	}
	return mine;
}

static enum MHD_Result
queue(struct MHD_Connection *connection, const struct response *made)
{
	static char nothing[1];
	struct MHD_Response *response = MHD_create_response_from_buffer(made->body_len,
	    made->body_len != 0 ? made->body : nothing,
	    made->body_len != 0 ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc = response != NULL ? MHD_YES : MHD_NO;

	for (size_t i = 0; rc == MHD_YES && i < made->n_heads; i++)
		rc = MHD_add_response_header(response, made->heads[i].name,
		    made->heads[i].value);
	if (rc == MHD_YES)
		rc = MHD_queue_response(connection, made->status, response);
	if (response != NULL)
		MHD_destroy_response(response);
	return rc;
}

static const char *
field(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct addr
peer_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct addr a = { .family = 0 };

	if (info != NULL && info->client_addr != NULL &&
	    info->client_addr->sa_family != AF_UNIX &&
	    addr_from_sockaddr(&a, info->client_addr) < 0)
		a.family = 0;
	return a;
}

static enum MHD_Result
busy(struct MHD_Connection *connection)
{
	struct response none = { .status = 503 };

	return queue(connection, &none);
}

/* Called once for the fields, then for what is sent with them, then to answer: whoever answers
 * before that has the connection closed. */
static enum MHD_Result
answer(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_size, void **kept)
{
	struct listener *listener = cls;
	struct kept *k = *kept;
	struct worker *w;
	const struct setup *setup;
	enum MHD_Result rc;

	(void)url, (void)version, (void)upload;
	if (k != NULL && (!k->begun || *upload_size != 0)) {
		k->begun = true;
		*upload_size = 0;
		return MHD_YES;
	}
	w = find_worker(listener->serve);
	if (w == NULL || k == NULL)
		return busy(connection);
	setup = share_enter(&w->common->share, w->slot);
	if (worker_fit(w, setup) < 0) {
		rc = busy(connection);
	} else {
		const struct request request = {
			.method = method, .target = k->target, .listen = listener->listen,
			.alone = listener->alone,
			.real_ip = field(connection, "X-Real-IP"),
			.forwarded_proto = field(connection, "X-Forwarded-Proto"),
			.forwarded_host = field(connection, "X-Forwarded-Host"),
			.host = field(connection, "Host"),
			.accept = field(connection, "Accept"),
			.agent = field(connection, "User-Agent"),
			.peer = peer_of(connection), .now = time(NULL),
		};

		request_answer(w, setup, &request);
		rc = queue(connection, &w->response);
	}
	share_leave(w->slot);
	return rc;
}

/* The target as it was sent, before anything is decoded. */
static void *
keep_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
	size_t len = strlen(uri);
	struct kept *k = malloc(sizeof(*k) + len + 1);

	(void)cls, (void)connection;
	if (k == NULL)
		return NULL;
	k->begun = false;
	memcpy(k->target, uri, len + 1);
	return k;
}

static void
forget_target(void *cls, struct MHD_Connection *connection, void **kept,
    enum MHD_RequestTerminationCode how)
{
	(void)cls, (void)connection, (void)how;
	free(*kept);
	*kept = NULL;
}

static size_t
leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls, (void)connection;
	return strlen(text);
}

static void __attribute__((format(printf, 2, 0)))
say(void *cls, const char *fmt, va_list ap)
{
	char line[400];

	(void)cls;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s", line);
}

/* ---- threads ---- */

static int
start_one(struct listener *l, unsigned threads, struct err *err)
{
	const struct MHD_OptionItem pool[] = {
		{ threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL },
		{ MHD_OPTION_END, 0, NULL }
	};

	/* nginx puts its own Date into what it sends */
	l->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
	    MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL, NULL, answer, l,
	    MHD_OPTION_EXTERNAL_LOGGER, say, NULL,
	    MHD_OPTION_LISTEN_SOCKET, l->fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVE_CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVE_IDLE_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVE_MEMORY,
	    MHD_OPTION_URI_LOG_CALLBACK, keep_target, NULL,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
	    MHD_OPTION_NOTIFY_COMPLETED, forget_target, NULL,
	    MHD_OPTION_ARRAY, pool,
	    MHD_OPTION_END);
	if (l->daemon == NULL)
		return err_set(err, "listen \"%s\": the threads cannot be started: %s", l->listen,
		    strerror(errno));
	l->fd = -1;			/* MHD_stop_daemon closes it */
	return 0;
}

/* Workers with the catalogue open: a thread that is asked for the first time when the file has
 * gone bad would have nothing to keep. */
static int
prepare_workers(struct serve *serve, struct err *err)
{
	unsigned n = serve_threads(serve);

	serve->ready = calloc(n, sizeof(*serve->ready));
	for (; serve->ready != NULL && serve->n_ready < n; serve->n_ready++) {
		struct worker *w = worker_new(serve->common);

		if (w == NULL)
			break;
		serve->ready[serve->n_ready] = w;
		/* if not now, then before its first request */
		(void)worker_fit(w, share_enter(&w->common->share, w->slot));
		share_leave(w->slot);
	}
	return serve->n_ready == n ? 0 : err_set(err, "out of memory");
}

int
serve_start(struct serve *serve, unsigned threads, struct worker_common *common, struct err *err)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	serve->common = common;
	serve->threads = threads != 0 ? threads : cores > 0 ? (unsigned)cores : 1;
	if (pthread_key_create(&serve->worker, free_worker) != 0)
		return err_set(err, "no key for threads");
	serve->has_key = true;
	if (prepare_workers(serve, err) < 0)
		return -1;
	for (size_t i = 0; i < serve->n; i++)
		if (start_one(&serve->listeners[i], i == 0 ? serve->threads : 1, err) < 0)
			return -1;
	return 0;
}

unsigned
serve_threads(const struct serve *serve)
{
	return serve->threads + (unsigned)serve->n - 1;
}

unsigned
serve_connections(const struct serve *serve)
{
	unsigned sum = 0;

	for (size_t i = 0; i < serve->n; i++) {
		const union MHD_DaemonInfo *info = serve->listeners[i].daemon == NULL ? NULL :
		    MHD_get_daemon_info(serve->listeners[i].daemon,
		    MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

		sum += info != NULL ? info->num_connections : 0;
	}
	return sum;
}

void
serve_stop(struct serve *serve)
{
	if (serve == NULL)
		return;
	for (size_t i = 0; serve->listeners != NULL && i < serve->n; i++) {
		struct listener *l = &serve->listeners[i];

		if (l->daemon != NULL)
			MHD_stop_daemon(l->daemon);
		if (l->fd >= 0)
			close(l->fd);
		if (l->file && l->listen != NULL && (l->daemon != NULL || l->fd >= 0))
			unlink(l->listen);
		free(l->listen);
		free(l->alone);
	}
	if (serve->has_key)
		pthread_key_delete(serve->worker);
	for (unsigned i = 0; i < serve->n_ready; i++)
		worker_free(serve->ready[i]);
	free(serve->ready);
	free(serve->listeners);
	free(serve);
}
