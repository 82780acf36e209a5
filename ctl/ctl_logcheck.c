/*
 * nearctl logcheck: are all events there that were ever numbered?
 *
 * Reads every segment below a folder, a collector's or the spool itself, and prints a line for each
 * process that wrote: its first and last number, and what is between them and is not there.  What a
 * `lost` line declares is told and is no fault; what nobody declares is MISSING, and the exit
 * status 1.  Lines of nginx are checked connection by connection.  A last line without its end is
 * on its way yet, or its writer was killed: told as torn, and no fault by itself.
 *
 * Gigabytes pass through one buffer (log_reader.h); what is kept is the numbers (log_sources.h).
 * A segment's own number tells a first segment that was lost from one that has expired.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "ctl/ctl.h"
#include "ctl/log_files.h"
#include "ctl/log_reader.h"
#include "ctl/log_sources.h"

struct logcheck {
	struct log_files files;
	struct log_sources sources;
	struct log_reader reader;
	bool unreadable;
	uint64_t strange;		/* lines that are none */
	uint64_t missing;
};

static void
cannot_read(struct logcheck *c, const char *why)
{
	fprintf(stderr, "nearctl: %s\n", why);
	c->unreadable = true;
}

static void
check_line(struct logcheck *c, const struct log_file *f, uint64_t number, const char *octets,
    size_t len, struct log_source **last)
{
	struct log_source *s;
	struct log_line line;

	if (!log_line_read(&line, octets, len) ||
	    (s = log_sources_of(&c->sources, f->kind, &line)) == NULL) {
		printf("%s:%" PRIu64 ": no line of a log\n", f->path, number);
		c->strange++;
		return;
	}
	if (f->number < s->first_segment)
		s->first_segment = f->number;
	if (log_sources_add(s, &line, f->aside) < 0)
		cannot_read(c, "out of memory");
	*last = s;
}

static void
check_segment(struct logcheck *c, const struct log_file *f)
{
	struct log_source *last = NULL;
	size_t len, left = 0;
	uint64_t number = 0;
	const char *line;
	struct err err;
	int rc;

	if (strcmp(f->kind, "nginx") == 0)
		log_sources_turn(&c->sources);
	log_reader_begin(&c->reader, 0);
	while ((rc = log_reader_line(&c->reader, f->path, &line, &len, &left, &err)) > 0)
		check_line(c, f, ++number, line, len, &last);
	if (rc < 0)
		cannot_read(c, err.text);
	if (left == 0)
		return;
	if (last != NULL)
		last->torn++;
	printf("%s:%" PRIu64 ": torn, %zu octet%s of a line\n", f->path, number + 1, left,
	    text_s(left));
}

static void
put_span(const struct span *s, const char *between)
{
	printf("%s%" PRIu64, between, s->first);
	if (s->last != s->first)
		printf("-%" PRIu64, s->last);
}

static void
print_source(struct logcheck *c, const struct log_source *s)
{
	const char *between = "";
	uint64_t missing = 0;
	struct span hole;

	if (s->seen.n != 0 && !s->connection)
		printf("%s: %" PRIu64 " to %" PRIu64 ", %" PRIu64 " line%s", s->key,
		    s->seen.v[0].first, s->seen.v[s->seen.n - 1].last, s->lines,
		    text_s(s->lines));
	else if (!s->connection)
		printf("%s: %" PRIu64 " line%s of %" PRIu64 " connection%s", s->key, s->lines,
		    text_s(s->lines), s->connections, text_s(s->connections));
	if (!s->connection && s->seen.n != 0 && s->first_segment != 0 && s->seen.v[0].first != 0)
		printf(", from segment %" PRIu64 " on", s->first_segment);
	if (s->repeated != 0 && !s->connection)
		printf(", %" PRIu64 " repeated", s->repeated);
	if (s->torn != 0)
		printf(", torn");
	for (size_t i = 0; i < s->lost.n; i++)
		put_span(&s->lost.v[i], i == 0 ? ", declared lost " : ", ");
	for (uint64_t at = 0; log_sources_hole(s, at, &hole); at = hole.last + 1) {
		if (*between == '\0')
			printf(s->connection ? "%s: MISSING " : ", MISSING ", s->key);
		put_span(&hole, between);
		between = ", ";
		missing += hole.last - hole.first + 1;
	}
	if (s->connection && s->repeated != 0) {
		if (*between == '\0')
			printf("%s: ", s->key);
		printf("%s%" PRIu64 " repeated", between, s->repeated);
		between = ", ";
	}
	if (!s->connection || *between != '\0')
		putchar('\n');
	c->missing += missing;
}

static int
report_sources(struct logcheck *c)
{
	struct log_source **list = log_sources_list(&c->sources);
	uint64_t lines = 0;

	if (list == NULL) {
		cannot_read(c, "out of memory");
		return 2;
	}
	for (size_t i = 0; list[i] != NULL; i++) {
		print_source(c, list[i]);
		lines += list[i]->connection ? 0 : list[i]->lines;
	}
	free(list);
	printf("%zu file%s, %" PRIu64 " line%s, %" PRIu64 " missing\n", c->files.n,
	    text_s(c->files.n), lines, text_s(lines), c->missing);
	return c->unreadable ? 2 : c->missing != 0 || c->strange != 0;
}

int
ctl_logcheck(const struct ctl *ctl)
{
	struct logcheck c = { .unreadable = false };
	struct err err;
	int status = 2;

	if (log_files_find(&c.files, ctl->arg[0], &err) < 0)
		cannot_read(&c, err.text);
	else if (log_reader_open(&c.reader) < 0)
		cannot_read(&c, "out of memory");
	else {
		for (size_t i = 0; i < c.files.n; i++)
			check_segment(&c, &c.files.v[i]);
		status = report_sources(&c);
	}
	log_reader_close(&c.reader);
	log_sources_free(&c.sources);
	log_files_free(&c.files);
	return status;
}
