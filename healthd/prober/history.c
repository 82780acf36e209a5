#include "healthd/prober/history.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf/conf_log.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

enum { LINE_LEN = 512 };

static void
open_file(struct history *h)
{
	struct stat st;

	h->fd = open(h->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	    0640);
	h->size = h->fd >= 0 && fstat(h->fd, &st) == 0 ? (size_t)st.st_size : 0;
}

void
history_open(struct history *h, const struct conf *conf)
{
	struct err err;

	snprintf(h->path, sizeof(h->path), "%s/healthd.history", conf->state_dir);
	open_file(h);
	if (h->fd < 0)
		log_warn("%s: %s: what happens is in this log alone", h->path, strerror(errno));
	h->spool = conf_log_open(conf, "healthd", &err);
	if (h->spool == NULL && err.text[0] != '\0')
		log_warn("%s: nothing is logged to %s", err.text, conf->log.spool);
	spool_line(h->spool, "\"ev\":\"start\"");
}

static void
close_file(struct history *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

void
history_close(struct history *h)
{
	close_file(h);
	if (h->spool == NULL)
		return;
	spool_close(h->spool);
	h->spool = NULL;
}

/* A change of a thing of this name, for the spool. */
static void
say_change(struct history *h, const char *kind, const char *name, const char *was,
    const char *now, const char *why)
{
	struct members m;
	char text[2048];

	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", kind);
	members_string(&m, "name", name);
	members_string(&m, "was", was);
	members_string(&m, "now", now);
	members_string(&m, "why", why);
	members_end(&m);
	spool_line(h->spool, text);
}

void
history_alarm(struct history *h, const struct alarm *alarm, bool over)
{
	say_change(h, over ? "alarm-over" : "alarm", NULL, NULL, NULL, alarm->text);
}

/* The file has grown: it becomes the old one. */
static void
turn_over(struct history *h)
{
	char old[sizeof(h->path) + 8];

	snprintf(old, sizeof(old), "%s.old", h->path);
	close_file(h);
	if (rename(h->path, old) == 0)
		open_file(h);
}

static void tell(struct history *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
tell(struct history *h, const char *fmt, ...)
{
	char line[LINE_LEN];
	int n = snprintf(line, sizeof(line), "%.3f ", clock_wall()), more;
	ssize_t written;
	va_list ap;

	if (h->fd >= 0 && h->size >= HISTORY_FILE_MAX)
		turn_over(h);
	if (h->fd < 0)
		return;
	va_start(ap, fmt);
	more = vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	n += more;
	if (more < 0 || n >= (int)sizeof(line))
		return;
	written = write(h->fd, line, (size_t)n);
	h->size += written > 0 ? (size_t)written : 0;
}

void
history_server(struct history *h, const struct judge_server *s)
{
	char reason[HEALTH_REASON_MAX];

	say_change(h, "server", s->conf->name, health_state_name(s->was),
	    health_state_name(s->state), s->reason);
	tell(h, "server %s %s %s \"%s\"\n", s->conf->name, health_state_name(s->was),
	    health_state_name(s->state), health_reason(reason, s->reason));
}

void
history_site(struct history *h, const char *site, const struct posture_message *m,
    enum health_posture was)
{
	char reason[HEALTH_REASON_MAX];

	say_change(h, "site", site, health_posture_name(was),
	    health_posture_name((enum health_posture)m->posture), m->reason);
	tell(h, "site %s %s %s \"%s\"\n", site, health_posture_name(was),
	    health_posture_name((enum health_posture)m->posture),
	    health_reason(reason, m->reason));
}

/* An operator's word, for the spool. */
static void
say_word(struct history *h, const struct operator_command *c, const char *verb)
{
	struct members m;
	char text[2048];

	members_begin(&m, text, sizeof(text));
	members_string(&m, "ev", "word");
	members_string(&m, "name", c->pattern);
	members_string(&m, "now", verb);
	members_string(&m, "by", c->by);
	if (c->at_s != 0)
		members_number(&m, "at", (uint64_t)c->at_s);
	if (c->for_s != 0)
		members_number(&m, "for", (uint64_t)c->for_s);
	members_string(&m, "why", c->reason);
	members_end(&m);
	spool_line(h->spool, text);
}

void
history_word(struct history *h, const struct operator_command *c, const struct operator_done *done)
{
	const char *verb = c->verb == OPERATOR_OVERRIDE ? judge_override_name(c->override) :
	    c->verb == OPERATOR_UNDRAIN ? "undrain" : "clear";
	char from[48] = "", until[TEXT_DURATION + 8] = "", text[TEXT_DURATION];
	time_t at = (time_t)c->at_s;
	struct tm tm;

	if (done->servers + done->sites == 0)
		return;
	if (c->for_s != 0)
		snprintf(until, sizeof(until), " for %s", text_duration(c->for_s, text));
	if (c->at_s != 0 && gmtime_r(&at, &tm) != NULL)
		strftime(from, sizeof(from), " from %Y-%m-%d %H:%M:%S UTC", &tm);
	say_word(h, c, verb);
	tell(h, "word %s %s \"by %s%s%s%s%s\"\n", c->pattern, verb, c->by, from, until,
	    c->reason[0] != '\0' ? ": " : "", c->reason);
}

/* --- telling it --- */

struct found {
	char line[HISTORY_LINES][LINE_LEN];
	size_t n;			/* ever; the last HISTORY_LINES of them are there */
};

/* Is this line about `name`?  Its third word is, or is a pattern that means it. */
static bool
is_about(struct text line, const char *name)
{
	char word[HEALTH_NAME_MAX + 8] = "";
	const char *plain = word;

	for (unsigned i = 0; i < 3; i++) {
		if (i > 0 && !text_take(&line, " "))
			return false;
		if (text_copy(&line, word, sizeof(word), text_in_word) != TEXT_FOUND)
			return false;
	}
	if (strncmp(word, "site:", 5) == 0)
		plain += 5;
	else if (strncmp(word, "server:", 7) == 0)
		plain += 7;
	return fnmatch(plain, name, 0) == 0;
}

static void
look_for(struct found *found, const char *path, const char *name)
{
	struct err err;
	size_t len;
	char *all = file_read(path, O_NOFOLLOW, 2 * HISTORY_FILE_MAX, &len, &err);
	struct text rest, line;

	if (all == NULL)
		return;
	rest = (struct text){ all, all + len };
	while (text_line(&rest, &line))
		if (is_about(line, name) && line.end - line.at < LINE_LEN)
			snprintf(found->line[found->n++ % HISTORY_LINES], LINE_LEN, "%.*s",
			    (int)(line.end - line.at), line.at);
	free(all);
}

int
history_print(const struct history *h, const char *name, FILE *out, struct err *err)
{
	char old[sizeof(h->path) + 8];
	struct found *found = calloc(1, sizeof(*found));
	size_t from;

	if (found == NULL)
		return err_set(err, "out of memory");
	snprintf(old, sizeof(old), "%s.old", h->path);
	look_for(found, old, name);
	look_for(found, h->path, name);
	from = found->n > HISTORY_LINES ? found->n - HISTORY_LINES : 0;
	for (size_t i = from; i < found->n; i++)
		fprintf(out, "%s\n", found->line[i % HISTORY_LINES]);
	if (found->n == 0)
		err_set(err, "nothing is known of \"%s\"", name);
	from = found->n;
	free(found);
	return from > 0 ? 0 : -1;
}
