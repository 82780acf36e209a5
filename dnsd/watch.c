#include "dnsd/watch.h"

#include <assert.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/file.h"

struct watched {
	char *path, *folder, *name;	/* NULL = none; all owned */
	int wd;				/* of the folder, -1 = not watched */
	uint64_t told, last;		/* stamps: as last told of, and as last seen */
};

struct watch {
	int fd;
	struct watched files[WATCH_MAX];
};

enum { EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR };

struct watch *
watch_new(struct err *err)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) < 0) {
		err_set(err, "inotify: %s", strerror(errno));
		free(w);
		return NULL;
	}
	for (unsigned i = 0; i < WATCH_MAX; i++)
		w->files[i].wd = -1;
	return w;
}

static void
forget(struct watched *f)
{
	free(f->path);
	free(f->folder);
	free(f->name);
	*f = (struct watched){ .wd = -1 };
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	for (unsigned i = 0; i < WATCH_MAX; i++)
		forget(&w->files[i]);
	close(w->fd);
	free(w);
}

int
watch_fd(const struct watch *w)
{
	return w->fd;
}

void
watch_set(struct watch *w, unsigned i, const char *path)
{
	struct watched *f = &w->files[i];
	char *copy;

	assert(i < WATCH_MAX);
	if (path != NULL && f->path != NULL && strcmp(f->path, path) == 0)
		return;
	/* the folder's watch stays: another file may lie there, and events of names that
	 * nobody watches are dropped */
	forget(f);
	if (path == NULL || (copy = strdup(path)) == NULL)
		return;
	f->folder = strdup(dirname(copy));
	strcpy(copy, path);
	f->name = strdup(basename(copy));
	free(copy);
	f->path = strdup(path);
	if (f->path == NULL || f->folder == NULL || f->name == NULL) {
		forget(f);
		return;
	}
	f->wd = inotify_add_watch(w->fd, f->folder, EVENTS);
	f->told = f->last = file_stamp(path);
}

static uint32_t
bits_of(struct watch *w, const struct inotify_event *ev)
{
	uint32_t bits = 0;

	if (ev->mask & IN_Q_OVERFLOW)
		return (1u << WATCH_MAX) - 1;
	for (unsigned i = 0; i < WATCH_MAX; i++) {
		struct watched *f = &w->files[i];
		if (f->path == NULL || f->wd != ev->wd)
			continue;
		if (ev->mask & IN_IGNORED)
			f->wd = -1;	/* the folder is gone: watch_poll looks for a new one */
		else if (ev->len != 0 && strcmp(ev->name, f->name) == 0)
			bits |= 1u << i;
	}
	return bits;
}

uint32_t
watch_events(struct watch *w)
{
	char buffer[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)]
	    __attribute__((aligned(__alignof__(struct inotify_event))));
	uint32_t bits = 0;
	ssize_t n;

	while ((n = read(w->fd, buffer, sizeof(buffer))) > 0)
		for (char *at = buffer; at < buffer + n;) {
			const struct inotify_event *ev =
			    (const struct inotify_event *)(const void *)at;
			bits |= bits_of(w, ev);
			at += sizeof(*ev) + ev->len;
		}
	for (unsigned i = 0; i < WATCH_MAX; i++)
		if (bits & 1u << i && w->files[i].path != NULL)
			w->files[i].told = w->files[i].last = file_stamp(w->files[i].path);
	return bits;
}

uint32_t
watch_poll(struct watch *w)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < WATCH_MAX; i++) {
		struct watched *f = &w->files[i];
		uint64_t now;

		if (f->path == NULL)
			continue;
		/* the same folder has the same watch: this costs nothing when it is there */
		f->wd = inotify_add_watch(w->fd, f->folder, EVENTS);
		now = file_stamp(f->path);
		if (memcmp(&now, &f->last, sizeof(now)) == 0 &&
		    memcmp(&now, &f->told, sizeof(now)) != 0) {
			f->told = now;
			bits |= 1u << i;
		}
		f->last = now;
	}
	return bits;
}
