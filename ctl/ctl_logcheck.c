/*
 * nearctl logcheck: are all events there that were ever numbered?
 *
 * Reads every segment below a folder, a collector's or the spool itself, and prints a line for each
 * process that wrote: its first and last number, and what is between them and is not there.  What a
 * `lost` line declares is told and is no fault; what nobody declares is MISSING, and the exit
 * status 1.  A process that ended by itself says "end"; one that was killed is named by the next of
 * its kind.  Where there is a next one and neither was said, the tail is gone: CUT OFF.  Two lines
 * of one number are one that came twice, if they are the same; if not, two machines write under one
 * name and hide each other's holes, and that is a fault, too.
 *
 * Lines of nginx are checked connection by connection.  A last line without its end is on its way
 * yet, or its writer was killed: told as torn, and no fault by itself.
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
	uint64_t missing, cut;
	uint64_t faults;		/* of other kinds */
};

static void
cannot_read(struct logcheck *c, const char *why)
{
	log_files_warn(why);
	c->unreadable = true;
}

/* Begins a line about line `number` of a file. */
static void
put_place(const struct log_file *f, uint64_t number)
{
	log_files_put(stdout, f->path);
	printf(":%" PRIu64 ": ", number);
}

static void
check_line(struct logcheck *c, const struct log_file *f, uint64_t number, const char *octets,
    size_t len, struct log_source **last)
{
	struct log_source *s;
	struct log_line line;

	if (!log_line_read(&line, octets, len) ||
	    (s = log_sources_of(&c->sources, f->kind, &line)) == NULL) {
		put_place(f, number);
		puts("no line of a log");
		c->strange++;
		return;
	}
	if (f->number < s->first_segment)
		s->first_segment = f->number;
	if (s->process != NULL && log_line_is(&line.ev, "lost") && !log_process_loses(&line)) {
		put_place(f, number);
		puts("a `lost` line that makes no sense");
	}
	if (log_sources_add(s, &line, octets, len, f->aside) < 0 ||
	    log_sources_cut(&c->sources, f->kind, &line) < 0)
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
	put_place(f, number + 1);
	printf("torn, %zu octet%s of a line\n", left, text_s(left));
}

static void
put_span(const struct span *s, const char *between)
{
	printf("%s%" PRIu64, between, s->first);
	if (s->last != s->first)
		printf("-%" PRIu64, s->last);
}

static void
put_extent(const struct log_source *s)
{
	log_files_put(stdout, s->key);
	if (s->seen.n != 0)
		printf(": %" PRIu64 " to %" PRIu64 ", %" PRIu64 " line%s", s->seen.v[0].first,
		    s->seen.v[s->seen.n - 1].last, s->lines, text_s(s->lines));
	else
		printf(": %" PRIu64 " line%s of %" PRIu64 " connection%s", s->lines,
		    text_s(s->lines), s->connections, text_s(s->connections));
	if (s->seen.n != 0 && s->first_segment != 0 && s->seen.v[0].first != 0)
		printf(", from segment %" PRIu64 " on", s->first_segment);
	if (s->repeated != 0)
		printf(", %" PRIu64 " repeated", s->repeated);
	if (s->torn != 0)
		printf(", torn");
	for (size_t i = 0; i < s->lost.n; i++)
		put_span(&s->lost.v[i], i == 0 ? ", declared lost " : ", ");
}

/* Prints the holes, behind `first` and then commas.  False = there are none. */
static bool
put_holes(struct logcheck *c, const struct log_source *s, const char *first)
{
	const char *between = first;
	struct span hole;

	for (uint64_t at = 0; log_sources_hole(s, at, &hole); at = hole.last + 1) {
		put_span(&hole, between);
		between = ", ";
		c->missing += hole.last - hole.first + 1;
	}
	return between != first;
}

/* How a process ended, and what should not be. */
static void
put_faults(struct logcheck *c, const struct log_source *s, bool newest)
{
	const struct log_process *p = s->process;
	struct span both;

	if (!p->ended && p->cut)
		printf(", killed");
	else if (!p->ended && !newest) {
		printf(", CUT OFF: neither an end, nor a word of the next one");
		c->cut++;
	}
	if (p->ended && s->seen.v[s->seen.n - 1].last > p->end) {
		printf(", GOES ON after its end, %" PRIu64, p->end);
		c->faults++;
	}
	if (p->differs) {
		printf(", TWO LINES %" PRIu64 " that differ: two machines under one name?",
		    p->twice);
		c->faults++;
	}
	if (log_sources_both(s, &both)) {
		put_span(&both, ", THERE and declared lost ");
		c->faults++;
	}
	c->faults += p->senseless;
}

static void
print_connection(struct logcheck *c, const struct log_source *s)
{
	struct span hole;
	bool any;

	if (!log_sources_hole(s, 0, &hole) && s->repeated == 0)
		return;
	log_files_put(stdout, s->key);
	any = put_holes(c, s, ": MISSING ");
	if (s->repeated != 0)
		printf("%s%" PRIu64 " repeated", any ? ", " : ": ", s->repeated);
	putchar('\n');
}

/* `newest`: no later process of this kind is known. */
static void
print_source(struct logcheck *c, const struct log_source *s, bool newest)
{
	if (s->connection) {
		print_connection(c, s);
		return;
	}
	/* known by the word of the next one alone: its segments have expired */
	if (s->process != NULL && s->seen.n == 0)
		return;
	put_extent(s);
	put_holes(c, s, ", MISSING ");
	if (s->process != NULL)
		put_faults(c, s, newest);
	putchar('\n');
}

/* Has a later process of this kind written?  Keys of one kind on one machine differ in their last
 * word, the start of the process, and follow one another. */
static bool
is_newest(struct log_source *const *at)
{
	const char *key = (*at)->key, *boot = strrchr(key, ' ');
	size_t len = boot != NULL ? (size_t)(boot + 1 - key) : 0;

	if ((*at)->process == NULL)
		return true;
	while (*++at != NULL && len != 0 && strncmp(key, (*at)->key, len) == 0)
		if ((*at)->process != NULL && (*at)->seen.n != 0 &&
		    strchr((*at)->key + len, ' ') == NULL)
			return false;
	return true;
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
		print_source(c, list[i], is_newest(&list[i]));
		lines += list[i]->connection ? 0 : list[i]->lines;
	}
	free(list);
	printf("%zu file%s, %" PRIu64 " line%s, %" PRIu64 " missing", c->files.n,
	    text_s(c->files.n), lines, text_s(lines), c->missing);
	if (c->cut != 0)
		printf(", %" PRIu64 " cut off", c->cut);
	putchar('\n');
	if (c->unreadable)
		return 2;
	return c->missing != 0 || c->strange != 0 || c->cut != 0 || c->faults != 0;
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
