#include "ctl/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
log_reader_open(struct log_reader *r)
{
	*r = (struct log_reader){ .buffer = malloc(LOG_READER_LINE) };
	return r->buffer != NULL ? 0 : -1;
}

void
log_reader_close(struct log_reader *r)
{
	free(r->buffer);
	r->buffer = NULL;
}

void
log_reader_begin(struct log_reader *r, off_t at)
{
	r->from = r->len = 0;
	r->at = at;
	r->end = false;
}

off_t
log_reader_taken(const struct log_reader *r)
{
	return r->at - (off_t)r->len;
}

/* Reads on behind what is there. */
static int
read_on(struct log_reader *r, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t got = -1;

	memmove(r->buffer, r->buffer + r->from, r->len);
	r->from = 0;
	if (fd >= 0)
		got = pread(fd, r->buffer + r->len, LOG_READER_LINE - r->len, r->at);
	if (got < 0)
		err_set(err, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (got < 0)
		return -1;
	r->len += (size_t)got;
	r->at += got;
	r->end = got == 0;
	return 0;
}

int
log_reader_line(struct log_reader *r, const char *path, const char **line, size_t *len,
    size_t *left, struct err *err)
{
	size_t looked = 0;

	r->end = false;
	for (;;) {
		const char *from = r->buffer + r->from;
		const char *stop = memchr(from + looked, '\n', r->len - looked);

		if (stop != NULL || r->len == LOG_READER_LINE) {
			*line = from;
			*len = stop != NULL ? (size_t)(stop - from) : r->len;
			r->from += *len + (stop != NULL);
			r->len -= *len + (stop != NULL);
			return 1;
		}
		looked = r->len;
		if (read_on(r, path, err) < 0)
			return -1;
		if (r->end) {
			*left = r->len;
			return 0;
		}
	}
}
