#include "healthd/route/posture_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"

static void
print_item(const struct posture_file_prefix *p, FILE *out)
{
	fprintf(out, "prefix %s %s since=%.3f exported=%d draining=%d penalty=%.1f hold=%.1f "
	    "suppressed=%d flaps=%u flap-age=%.1f proven=%d health=%s reason=\"%s\"\n",
	    p->name, health_posture_name(p->posture), p->since, p->exported, p->draining,
	    p->penalty, p->hold_s, p->suppressed, p->flaps, p->flap_age_s, p->proven,
	    message_verdict_name(p->health), p->reason);
}

static int
print_posture(void *arg, FILE *out)
{
	const struct posture_file *f = arg;

	fprintf(out,
	    "nearcast-posture 2 stamp=%.3f pid=%d site=%s via=%s\n"
	    "posture %s since=%.3f reason=\"%s\"\n"
	    "verdict %s age=%.1f local=%u/%u reason=\"%s\"\n"
	    "prober pid=%d restarts=%u heard=%.1f why=\"%s\"\n"
	    "dnsd answering=%u/%u held=%u reason=\"%s\"\n"
	    "bird known=%d exported4=%d/%d exported6=%d/%d draining=%d sessions=%u/%u\n"
	    "bird-text version=\"%s\" reboot=\"%s\" reconfigured=\"%s\" why=\"%s\"\n"
	    "damping penalty=%.1f hold=%.1f suppressed=%d suppress=%u\n"
	    "override %s id=%" PRIu64 "\n"
	    "markers meddled=%u\n",
	    f->stamp, f->pid, f->site, f->via,
	    health_posture_name(f->posture), f->since, f->reason,
	    f->verdict, f->verdict_age_s, f->local_up, f->local_total, f->verdict_reason,
	    f->prober_pid, f->prober_restarts, f->prober_heard_s, f->prober_why,
	    f->dnsd_answering, f->dnsd_asked, f->dnsd_held, f->dnsd_reason,
	    f->bird_known, f->exported4, f->want4, f->exported6, f->want6, f->draining,
	    f->established, f->sessions,
	    f->version, f->reboot, f->reconfigured, f->bird_why,
	    f->penalty, f->hold_s, f->suppressed, f->suppress,
	    message_override_name(f->override), f->override_id, f->meddled);
	for (size_t i = 0; i < f->n_prefixes; i++)
		print_item(&f->prefixes[i], out);
	for (size_t i = 0; i < f->n_answered; i++)
		fprintf(out, "answered \"%s\"\n", f->answered[i]);
	for (size_t i = 0; i < f->n_alarms; i++)
		fprintf(out, "alarm \"%s\"\n", f->alarms[i]);
	if (f->digest[0] != '\0')
		fprintf(out, "configuration digest=%s\n", f->digest);
	fprintf(out, "end\n");
	return 0;
}

int
posture_file_write(const struct posture_file *file, const char *path, struct err *err)
{
	const struct file_new how = { .mode = 0644, .print = print_posture, .arg = (void *)file };

	return file_replace(path, &how, err);
}

/* ---- reading: every take_* is false on anything unexpected ---- */

/* A word up to a blank or the end of the line. */
static bool
take_word(struct text *t, char *out, size_t size)
{
	return text_copy(t, out, size, text_in_word) == TEXT_FOUND && t->at < t->end &&
	    (*t->at == ' ' || *t->at == '\n');
}

/* "..." with what a reason may hold */
static bool
take_text(struct text *t, char *out, size_t size)
{
	return text_take(t, "\"") && text_copy(t, out, size, text_in_phrase) != TEXT_LARGE &&
	    text_take(t, "\"");
}

/* A number with an optional sign and fraction, small enough for a double to be exact. */
static bool
take_decimal(struct text *t, double *value)
{
	double sign = text_take(t, "-") ? -1 : 1;

	if (text_decimal(t, 999999999999999, value) != TEXT_FOUND)
		return false;
	*value *= sign;
	return true;
}

static bool
take_int(struct text *t, int *value)
{
	int sign = text_take(t, "-") ? -1 : 1;
	uint64_t number;

	if (text_number(t, INT_MAX, &number) != TEXT_FOUND)
		return false;
	*value = sign * (int)number;
	return true;
}

static bool
take_unsigned(struct text *t, unsigned *value)
{
	uint64_t number;

	if (text_number(t, UINT_MAX, &number) != TEXT_FOUND)
		return false;
	*value = (unsigned)number;
	return true;
}

static bool
take_posture(struct text *c, enum health_posture *posture)
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
take_site(struct text *c, struct posture_file *f)
{
	return text_take(c, "nearcast-posture 2 stamp=") && take_decimal(c, &f->stamp) &&
	    text_take(c, " pid=") && take_int(c, &f->pid) &&
	    text_take(c, " site=") && take_word(c, f->site, sizeof(f->site)) &&
	    text_take(c, " via=") && take_word(c, f->via, sizeof(f->via)) &&
	    text_take(c, "\nposture ") && take_posture(c, &f->posture) &&
	    text_take(c, " since=") && take_decimal(c, &f->since) &&
	    text_take(c, " reason=") && take_text(c, f->reason, sizeof(f->reason)) &&
	    text_take(c, "\n");
}

static bool
take_causes(struct text *c, struct posture_file *f)
{
	return text_take(c, "verdict ") && take_word(c, f->verdict, sizeof(f->verdict)) &&
	    text_take(c, " age=") && take_decimal(c, &f->verdict_age_s) &&
	    text_take(c, " local=") && take_unsigned(c, &f->local_up) &&
	    text_take(c, "/") && take_unsigned(c, &f->local_total) &&
	    text_take(c, " reason=") &&
	    take_text(c, f->verdict_reason, sizeof(f->verdict_reason)) &&
	    text_take(c, "\nprober pid=") && take_int(c, &f->prober_pid) &&
	    text_take(c, " restarts=") && take_unsigned(c, &f->prober_restarts) &&
	    text_take(c, " heard=") && take_decimal(c, &f->prober_heard_s) &&
	    text_take(c, " why=") && take_text(c, f->prober_why, sizeof(f->prober_why)) &&
	    text_take(c, "\ndnsd answering=") && take_unsigned(c, &f->dnsd_answering) &&
	    text_take(c, "/") && take_unsigned(c, &f->dnsd_asked) &&
	    text_take(c, " held=") && take_unsigned(c, &f->dnsd_held) &&
	    text_take(c, " reason=") && take_text(c, f->dnsd_reason, sizeof(f->dnsd_reason)) &&
	    text_take(c, "\n");
}

static bool
take_bird(struct text *c, struct posture_file *f)
{
	return text_take(c, "bird known=") && take_int(c, &f->bird_known) &&
	    text_take(c, " exported4=") && take_int(c, &f->exported4) &&
	    text_take(c, "/") && take_int(c, &f->want4) &&
	    text_take(c, " exported6=") && take_int(c, &f->exported6) &&
	    text_take(c, "/") && take_int(c, &f->want6) &&
	    text_take(c, " draining=") && take_int(c, &f->draining) &&
	    text_take(c, " sessions=") && take_unsigned(c, &f->established) &&
	    text_take(c, "/") && take_unsigned(c, &f->sessions) &&
	    text_take(c, "\nbird-text version=") && take_text(c, f->version, sizeof(f->version)) &&
	    text_take(c, " reboot=") && take_text(c, f->reboot, sizeof(f->reboot)) &&
	    text_take(c, " reconfigured=") &&
	    take_text(c, f->reconfigured, sizeof(f->reconfigured)) &&
	    text_take(c, " why=") && take_text(c, f->bird_why, sizeof(f->bird_why)) &&
	    text_take(c, "\ndamping penalty=") && take_decimal(c, &f->penalty) &&
	    text_take(c, " hold=") && take_decimal(c, &f->hold_s) &&
	    text_take(c, " suppressed=") && take_int(c, &f->suppressed) &&
	    text_take(c, " suppress=") && take_unsigned(c, &f->suppress) && text_take(c, "\n");
}

/* A word that `name` has for a number below `count`. */
static bool
take_one_of(struct text *c, const char *(*name)(uint32_t), uint32_t count, uint32_t *value)
{
	char word[16];

	if (!take_word(c, word, sizeof(word)))
		return false;
	for (*value = 0; *value < count; ++*value)
		if (strcmp(word, name(*value)) == 0)
			return true;
	return false;
}

static bool
take_word_in_force(struct text *c, struct posture_file *f)
{
	uint32_t override;

	if (!text_take(c, "override ") ||
	    !take_one_of(c, message_override_name, MESSAGE_OVERRIDES, &override) ||
	    !text_take(c, " id=") || text_number(c, UINT64_MAX, &f->override_id) != TEXT_FOUND ||
	    !text_take(c, "\nmarkers meddled=") || !take_unsigned(c, &f->meddled))
		return false;
	f->override = (enum message_override)override;
	return text_take(c, "\n");
}

static bool
take_prefix(struct text *c, struct posture_file_prefix *p)
{
	uint32_t health;

	if (!take_word(c, p->name, sizeof(p->name)) || !text_take(c, " ") ||
	    !take_posture(c, &p->posture) ||
	    !text_take(c, " since=") || !take_decimal(c, &p->since) ||
	    !text_take(c, " exported=") || !take_int(c, &p->exported) ||
	    !text_take(c, " draining=") || !take_int(c, &p->draining) ||
	    !text_take(c, " penalty=") || !take_decimal(c, &p->penalty) ||
	    !text_take(c, " hold=") || !take_decimal(c, &p->hold_s) ||
	    !text_take(c, " suppressed=") || !take_int(c, &p->suppressed) ||
	    !text_take(c, " flaps=") || !take_unsigned(c, &p->flaps) ||
	    !text_take(c, " flap-age=") || !take_decimal(c, &p->flap_age_s) ||
	    !text_take(c, " proven=") || !take_int(c, &p->proven) ||
	    !text_take(c, " health=") ||
	    !take_one_of(c, message_verdict_name, VERDICT_COUNT, &health) ||
	    health == VERDICT_HOLD ||	/* never comes to stand */
	    !text_take(c, " reason=") || !take_text(c, p->reason, sizeof(p->reason)))
		return false;
	p->health = (enum verdict)health;
	return p->flap_age_s >= 0 && text_take(c, "\n");
}

static int
set_where(const char *text, const struct text *c, struct err *err)
{
	int line = 1;

	for (const char *s = text; s < c->at && s < c->end; s++)
		line += *s == '\n';
	return err_set(err, "%d: not what a posture file has here", line);
}

int
posture_file_parse(struct posture_file *file, const char *text, size_t len, struct err *err)
{
	struct text c = { text, text + len };

	memset(file, 0, sizeof(*file));
	if (!take_site(&c, file) || !take_causes(&c, file) || !take_bird(&c, file) ||
	    !take_word_in_force(&c, file))
		return set_where(text, &c, err);
	while (text_take(&c, "prefix "))
		if (file->n_prefixes == POSTURE_FILE_PREFIXES ||
		    !take_prefix(&c, &file->prefixes[file->n_prefixes++]))
			return set_where(text, &c, err);
	while (text_take(&c, "answered "))
		if (file->n_answered == POSTURE_FILE_ANSWERED ||
		    !take_text(&c, file->answered[file->n_answered++], POSTURE_FILE_ANSWER) ||
		    !text_take(&c, "\n"))
			return set_where(text, &c, err);
	while (text_take(&c, "alarm ")) {
		if (file->n_alarms == POSTURE_FILE_ALARMS ||
		    !take_text(&c, file->alarms[file->n_alarms++], POSTURE_FILE_ALARM) ||
		    !text_take(&c, "\n"))
			return set_where(text, &c, err);
	}
	if (text_take(&c, "configuration digest=") &&
	    (!take_word(&c, file->digest, sizeof(file->digest)) || !text_take(&c, "\n")))
		return set_where(text, &c, err);
	if (!text_take(&c, "end\n") || c.at != c.end)
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
