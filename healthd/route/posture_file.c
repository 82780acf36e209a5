#include "healthd/route/posture_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

static int
print_posture(void *arg, FILE *out)
{
	const struct posture_file *f = arg;

	fprintf(out,
	    "nearcast-posture 1 stamp=%.3f pid=%d site=%s via=%s\n"
	    "posture %s since=%.3f reason=\"%s\"\n"
	    "verdict %s age=%.1f local=%u/%u reason=\"%s\"\n"
	    "prober pid=%d restarts=%u heard=%.1f why=\"%s\"\n"
	    "dnsd answering=%u/%u reason=\"%s\"\n"
	    "bird known=%d exported4=%d/%d exported6=%d/%d draining=%d sessions=%u/%u\n"
	    "bird-text version=\"%s\" reboot=\"%s\" reconfigured=\"%s\" why=\"%s\"\n"
	    "damping penalty=%.1f hold=%.1f suppressed=%d\n",
	    f->stamp, f->pid, f->site, f->via,
	    health_posture_name(f->posture), f->since, f->reason,
	    f->verdict, f->verdict_age_s, f->local_up, f->local_total, f->verdict_reason,
	    f->prober_pid, f->prober_restarts, f->prober_heard_s, f->prober_why,
	    f->dnsd_answering, f->dnsd_asked, f->dnsd_reason,
	    f->bird_known, f->exported4, f->want4, f->exported6, f->want6, f->draining,
	    f->established, f->sessions,
	    f->version, f->reboot, f->reconfigured, f->bird_why,
	    f->penalty, f->hold_s, f->suppressed);

	for (size_t i = 0; i < f->n_alarms; i++)
		fprintf(out, "alarm \"%s\"\n", f->alarms[i]);
	fprintf(out, "end\n");
	return 0;
}

int
posture_file_write(const struct posture_file *file, const char *path, struct err *err)
{
	const struct file_new how = { .mode = 0644, .print = print_posture, .arg = (void *)file };

	return file_replace(path, &how, err);
}

/* ---- reading: a cursor over the text; every take_* is false on anything unexpected ---- */

struct cursor {
	const char *at, *end;
};

static bool
take(struct cursor *c, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, literal, len) != 0)
		return false;
	c->at += len;
	return true;
}

/* A word up to a blank or the end of the line. */
static bool
take_word(struct cursor *c, char *out, size_t size)
{
	size_t n = 0;

	while (c->at < c->end && *c->at > ' ' && *c->at <= '~' && *c->at != '"' && n < size - 1)
		out[n++] = *c->at++;
	out[n] = '\0';
	return n > 0 && c->at < c->end && (*c->at == ' ' || *c->at == '\n');
}

/* "..." with what a reason may hold */
static bool
take_text(struct cursor *c, char *out, size_t size)
{
	size_t n = 0;

	if (!take(c, "\""))
		return false;
	while (c->at < c->end && *c->at >= ' ' && *c->at <= '~' && *c->at != '"' &&
	    *c->at != '\\' && n < size - 1)
		out[n++] = *c->at++;
	out[n] = '\0';
	return take(c, "\"");
}

static bool
at_digit(const struct cursor *c)
{
	return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

/* Digits with an optional sign and fraction, small enough for a double to be exact. */
static bool
take_number(struct cursor *c, double *value)
{
	double sign = take(c, "-") ? -1 : 1, scale = 1;
	const char *first = c->at;

	*value = 0;
	for (; at_digit(c) && c->at - first < 15; c->at++)
		*value = *value * 10 + (*c->at - '0');
	if (c->at == first)
		return false;
	if (take(c, "."))
		for (first = c->at; at_digit(c) && c->at - first < 6; c->at++)
			*value += (*c->at - '0') * (scale /= 10);
	*value *= sign;
	return true;
}

static bool
take_int(struct cursor *c, int *value)
{
	double number;

	if (!take_number(c, &number) || number < -2147483647.0 || number > 2147483647.0)
		return false;
	*value = (int)number;
	return true;
}

static bool
take_unsigned(struct cursor *c, unsigned *value)
{
	double number;

	if (!take_number(c, &number) || number < 0 || number > 4294967295.0)
		return false;
	*value = (unsigned)number;
	return true;
}

static bool
take_posture(struct cursor *c, enum health_posture *posture)
{
	char word[16];

	if (!take_word(c, word, sizeof(word)))
		return false;
	for (int p = POSTURE_DOWN; p <= POSTURE_SERVING; p++)
		if (strcmp(word, health_posture_name((enum health_posture)p)) == 0) {
			*posture = (enum health_posture)p;
			return true;
		}
	return false;
}

static bool
take_site(struct cursor *c, struct posture_file *f)
{
	return take(c, "nearcast-posture 1 stamp=") && take_number(c, &f->stamp) &&
	    take(c, " pid=") && take_int(c, &f->pid) &&
	    take(c, " site=") && take_word(c, f->site, sizeof(f->site)) &&
	    take(c, " via=") && take_word(c, f->via, sizeof(f->via)) &&
	    take(c, "\nposture ") && take_posture(c, &f->posture) &&
	    take(c, " since=") && take_number(c, &f->since) &&
	    take(c, " reason=") && take_text(c, f->reason, sizeof(f->reason)) && take(c, "\n");
}

static bool
take_causes(struct cursor *c, struct posture_file *f)
{
	return take(c, "verdict ") && take_word(c, f->verdict, sizeof(f->verdict)) &&
	    take(c, " age=") && take_number(c, &f->verdict_age_s) &&
	    take(c, " local=") && take_unsigned(c, &f->local_up) &&
	    take(c, "/") && take_unsigned(c, &f->local_total) &&
	    take(c, " reason=") && take_text(c, f->verdict_reason, sizeof(f->verdict_reason)) &&
	    take(c, "\nprober pid=") && take_int(c, &f->prober_pid) &&
	    take(c, " restarts=") && take_unsigned(c, &f->prober_restarts) &&
	    take(c, " heard=") && take_number(c, &f->prober_heard_s) &&
	    take(c, " why=") && take_text(c, f->prober_why, sizeof(f->prober_why)) &&
	    take(c, "\ndnsd answering=") && take_unsigned(c, &f->dnsd_answering) &&
	    take(c, "/") && take_unsigned(c, &f->dnsd_asked) &&
	    take(c, " reason=") && take_text(c, f->dnsd_reason, sizeof(f->dnsd_reason)) &&
	    take(c, "\n");
}

static bool
take_bird(struct cursor *c, struct posture_file *f)
{
	return take(c, "bird known=") && take_int(c, &f->bird_known) &&
	    take(c, " exported4=") && take_int(c, &f->exported4) &&
	    take(c, "/") && take_int(c, &f->want4) &&
	    take(c, " exported6=") && take_int(c, &f->exported6) &&
	    take(c, "/") && take_int(c, &f->want6) &&
	    take(c, " draining=") && take_int(c, &f->draining) &&
	    take(c, " sessions=") && take_unsigned(c, &f->established) &&
	    take(c, "/") && take_unsigned(c, &f->sessions) &&
	    take(c, "\nbird-text version=") && take_text(c, f->version, sizeof(f->version)) &&
	    take(c, " reboot=") && take_text(c, f->reboot, sizeof(f->reboot)) &&
	    take(c, " reconfigured=") && take_text(c, f->reconfigured, sizeof(f->reconfigured)) &&
	    take(c, " why=") && take_text(c, f->bird_why, sizeof(f->bird_why)) &&
	    take(c, "\ndamping penalty=") && take_number(c, &f->penalty) &&
	    take(c, " hold=") && take_number(c, &f->hold_s) &&
	    take(c, " suppressed=") && take_int(c, &f->suppressed) && take(c, "\n");
}

static int
set_where(const char *text, const struct cursor *c, struct err *err)
{
	int line = 1;

	for (const char *s = text; s < c->at && s < c->end; s++)
		line += *s == '\n';
	return err_set(err, "%d: not what a posture file has here", line);
}

int
posture_file_parse(struct posture_file *file, const char *text, size_t len, struct err *err)
{
	struct cursor c = { text, text + len };

	memset(file, 0, sizeof(*file));
	if (!take_site(&c, file) || !take_causes(&c, file) || !take_bird(&c, file))
		return set_where(text, &c, err);
	while (take(&c, "alarm ")) {
		if (file->n_alarms == POSTURE_FILE_ALARMS ||
		    !take_text(&c, file->alarms[file->n_alarms++], HEALTH_REASON_MAX) ||
		    !take(&c, "\n"))
			return set_where(text, &c, err);
	}
	if (!take(&c, "end\n") || c.at != c.end)
		return set_where(text, &c, err);
	return 0;
}

int
posture_file_read(struct posture_file *file, const char *path, struct err *err)
{
	size_t len;
	char *text = file_read(path, O_NOFOLLOW, POSTURE_FILE_MAX, &len, err);
	int done = text != NULL ? posture_file_parse(file, text, len, err) : -1;

	free(text);
	return done < 0 ? err_prefix(err, "%s", path) : 0;
}
