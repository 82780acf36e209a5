/*
 * nearctl logcat: the lines of all segments below a folder, merged by their time.
 *
 * Each source (log_files.h) is a stream of lines that are nearly in order; a heap gives the stream
 * whose next line is the oldest.  What comes twice, because somebody's copy differed (NAME.log.HASH
 * beside NAME.log), is printed once.  A last line without its end is left for the next look: with
 * --follow there is one twice a second, at what has grown and at what is new.
 *
 * Lines are printed as they stand, octet for octet.  Those whose time cannot be read come first;
 * what is no whole object is not printed at all (nearctl logcheck names it).  Memory is a buffer a
 * source, however long its files are.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "ctl/ctl.h"
#include "ctl/log_files.h"
#include "ctl/log_reader.h"
#include "ctl/log_sources.h"

struct stream {
	size_t at, end;			/* of files: the one that is read, and behind the last */
	struct log_reader reader;
	bool dedupe;			/* a file of it has a HASH */
	struct log_line line;		/* the next one, */
	const char *octets;		/* and all of it */
	size_t len;
};

struct logcat {
	const struct ctl *ctl;
	double since;
	struct log_files files;
	struct log_sources seen;	/* of streams with `dedupe` */
	struct stream *streams;
	struct stream **heap;
	size_t n_streams, n_heap;
	bool failed;
};

/* ---- one stream ---- */

static bool
is_asked_for(struct logcat *c, struct stream *s)
{
	const struct ctl *ctl = c->ctl;
	const struct log_file *f = &c->files.v[s->at];
	struct log_source *source;

	if (!log_line_read(&s->line, s->octets, s->len))
		return false;
	if (s->dedupe && (source = log_sources_of(&c->seen, f->kind, &s->line)) != NULL) {
		if (log_sources_has(source, &s->line))
			return false;
		(void)log_sources_add(source, &s->line, s->octets, s->len, f->aside);
	}
	if (ctl->host != NULL && (s->line.host.at == NULL ||
	    s->line.host.len != strlen(ctl->host) ||
	    memcmp(s->line.host.at, ctl->host, s->line.host.len) != 0))
		return false;
	return s->line.t >= c->since;
}

/* Moves to the next line that is wanted; false = there is none now. */
static bool
next_of_stream(struct logcat *c, struct stream *s)
{
	struct err err;
	size_t left;
	int rc;

	for (; s->at < s->end; s->at++) {
		struct log_file *f = &c->files.v[s->at];

		if (f->size <= f->taken && s->reader.at == 0)
			continue;
		if (s->reader.at == 0)
			log_reader_begin(&s->reader, f->taken);
		while ((rc = log_reader_line(&s->reader, f->path, &s->octets, &s->len, &left,
		    &err)) > 0)
			if (is_asked_for(c, s)) {
				f->taken = log_reader_taken(&s->reader);
				return true;
			}
		f->taken = log_reader_taken(&s->reader);
		if (rc < 0) {
			log_files_warn(err.text);
			c->failed = true;
		}
		log_reader_begin(&s->reader, 0);
	}
	return false;
}

/* ---- all streams ---- */

static void
sift_down(struct logcat *c, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1;

		for (size_t k = left; k < left + 2 && k < c->n_heap; k++)
			if (c->heap[k]->line.t < c->heap[least]->line.t)
				least = k;
		if (least == i)
			return;

		struct stream *s = c->heap[i];

		c->heap[i] = c->heap[least];
		c->heap[least] = s;
		i = least;
	}
}

/* A stream for each source that has something new and is of the kind asked for. */
static int
open_streams(struct logcat *c)
{
	const struct log_file *v = c->files.v;
	size_t n = c->files.n;

	c->streams = calloc(n + 1, sizeof(*c->streams));
	c->heap = calloc(n + 1, sizeof(*c->heap));
	c->n_streams = c->n_heap = 0;
	if (c->streams == NULL || c->heap == NULL)
		return -1;
	for (size_t i = 0, end; i < n; i = end) {
		struct stream *s = &c->streams[c->n_streams];
		bool fresh = false;

		s->dedupe = false;
		for (end = i; end < n && strcmp(v[i].source, v[end].source) == 0; end++) {
			s->dedupe |= v[end].aside;
			fresh |= v[end].size > v[end].taken;
		}
		if (!fresh || (c->ctl->kind != NULL && strcmp(v[i].kind, c->ctl->kind) != 0))
			continue;
		s->at = i;
		s->end = end;
		if (log_reader_open(&s->reader) < 0)
			return -1;
		c->n_streams++;
		if (next_of_stream(c, s))
			c->heap[c->n_heap++] = s;
		else
			log_reader_close(&s->reader);
	}
	for (size_t i = c->n_heap; i-- > 0;)
		sift_down(c, i);
	return 0;
}

static void
close_streams(struct logcat *c)
{
	for (size_t i = 0; i < c->n_streams; i++)
		log_reader_close(&c->streams[i].reader);
	free(c->streams);
	free(c->heap);
}

/* Prints what there is and was not printed yet. */
static int
print_merged(struct logcat *c)
{
	int rc = open_streams(c);

	while (rc == 0 && c->n_heap != 0) {
		struct stream *s = c->heap[0];

		if (fwrite(s->octets, 1, s->len, stdout) != s->len || putchar('\n') == EOF)
			rc = -1;
		if (!next_of_stream(c, s)) {
			log_reader_close(&s->reader);
			c->heap[0] = c->heap[--c->n_heap];
		}
		sift_down(c, 0);
	}
	close_streams(c);
	return fflush(stdout) == 0 ? rc : -1;
}

static int
in_path_order(const void *a, const void *b)
{
	return strcmp(((const struct log_file *)a)->path, ((const struct log_file *)b)->path);
}

/* Finds the files again; what was taken of them stays taken. */
static int
look_again(struct logcat *c, struct err *err)
{
	struct log_files fresh;

	if (log_files_find(&fresh, c->ctl->arg[0], err) < 0) {
		log_files_free(&fresh);
		return -1;
	}
	if (c->files.n != 0)
		qsort(c->files.v, c->files.n, sizeof(c->files.v[0]), in_path_order);
	for (size_t i = 0; i < fresh.n && c->files.n != 0; i++) {
		const struct log_file *old = bsearch(&fresh.v[i], c->files.v, c->files.n,
		    sizeof(fresh.v[0]), in_path_order);

		fresh.v[i].taken = old != NULL ? old->taken : 0;
	}
	log_files_free(&c->files);
	c->files = fresh;
	return 0;
}

/* "15m" ago, or "2026-11-28 22:30", in UTC; -1 = neither. */
static double
since_of(const char *text)
{
	static const char *const forms[] = {
		"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%MZ"
	};
	unsigned long ago = ctl_seconds(text);

	if (ago != 0)
		return clock_wall() - (double)ago;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { .tm_isdst = 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end != NULL && *end == '\0')
			return (double)timegm(&tm);
	}
	return -1;
}

int
ctl_logcat(const struct ctl *ctl)
{
	static const struct timespec pause = { 0, 500000000 };
	struct logcat c = { .ctl = ctl };
	struct err err;
	int rc;

	if (ctl->since != NULL && (c.since = since_of(ctl->since)) < 0) {
		fprintf(stderr, "nearctl: --since \"%s\": 15m, 2h or \"2026-11-28 22:30\" was "
		    "expected\n", ctl->since);
		return 2;
	}
	for (;;) {
		rc = look_again(&c, &err);
		if (rc < 0)
			log_files_warn(err.text);
		if (rc == 0 && print_merged(&c) < 0)
			rc = -1;
		if (rc < 0 || !ctl->follow)
			break;
		nanosleep(&pause, NULL);
	}
	log_sources_free(&c.seen);
	log_files_free(&c.files);
	return rc < 0 || c.failed;
}
