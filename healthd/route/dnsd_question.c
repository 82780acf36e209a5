#include "healthd/route/dnsd_question.h"

#include <stdio.h>
#include <string.h>

#include "common/dns/dns.h"

#define PATIENCE_MS 1000		/* a reload of both daemons is over by then */

/* A question that dnsd must refuse shows nothing. */
static bool
in_zones(const struct conf *conf, const uint8_t *qname)
{
	uint8_t apex[NAME_MAX_WIRE];
	struct err err;

	for (size_t i = 0; i < conf->n_zones; i++)
		if (name_parse(apex, conf->zones[i].name, &err) > 0 && name_below(qname, apex))
			return true;
	return conf->n_zones == 0;
}

/* Reads "name TYPE", or a name alone: its SOA.  0, or -1 with a reason. */
static int
read_question(struct dnsd_question *q, const struct conf *conf, const char *text, struct err *err)
{
	const char *blank = strrchr(text, ' ');
	int len = blank == NULL ? (int)strlen(text) : (int)(blank - text);
	char name[NAME_TEXT];
	int type = DNS_SOA;

	snprintf(name, sizeof(name), "%.*s", len, text);
	if (blank != NULL && (type = dns_type_number(blank + 1)) <= 0)
		return err_set(err, "announce: question \"%s\": unknown type \"%s\"", text,
		    blank + 1);
	if (name_parse(q->name, name, err) < 0)
		return err_prefix(err, "announce: question \"%s\"", text);
	if (!in_zones(conf, q->name))
		return err_set(err, "announce: question \"%s\": not in a zone that dnsd serves",
		    text);
	q->type = (uint16_t)type;
	q->class = DNS_IN;
	return 0;
}

static void
add_zone(struct dnsd_questions *qs, const char *zone)
{
	struct dnsd_question *q = &qs->v[qs->n];
	const struct dnsd_question *first = &qs->v[DNSD_QUESTION_MAIN];
	struct err err;

	*q = (struct dnsd_question){ .type = DNS_SOA, .class = DNS_IN };
	if (name_parse(q->name, zone, &err) > 0 &&
	    !(first->type == DNS_SOA && name_equal(first->name, q->name)))
		qs->n++;
}

int
dnsd_question_init(struct dnsd_questions *qs, const struct conf *conf, struct err *err)
{
	const char *question = conf->announce.question;
	size_t most = conf->n_zones < DNSD_QUESTION_OTHERS ? conf->n_zones : DNSD_QUESTION_OTHERS;
	struct dnsd_question *server = &qs->v[DNSD_QUESTION_SERVER];

	memset(qs, 0, sizeof(*qs));
	if (question == NULL || question[0] == '\0')
		question = conf->n_zones > 0 ? conf->zones[0].name : NULL;
	/* without a zone dnsd refuses everything, which still shows that it lives */
	if (question == NULL && conf->announce.enabled)
		question = ".";
	if (question == NULL)
		return 0;
	server->type = DNS_TXT;
	server->class = DNS_CH;
	memcpy(server->name, "\4site\10nearcast", 15);
	if (read_question(&qs->v[DNSD_QUESTION_MAIN], conf, question, err) < 0)
		return -1;
	qs->n = DNSD_QUESTION_OTHER;
	for (size_t i = 0; i < most; i++)
		add_zone(qs, conf->zones[(i * conf->n_zones + conf->n_zones - 1) / most].name);
	return 0;
}

enum dnsd_life_about
dnsd_question_about(const struct dnsd_questions *qs, size_t i)
{
	if (i == DNSD_QUESTION_SERVER)
		return DNSD_LIFE_SERVER;
	return qs->v[i].proven ? DNSD_LIFE_ZONE : DNSD_LIFE_NEW_ZONE;
}

void
dnsd_question_heard(struct dnsd_questions *qs, size_t i, enum dnsd_answer answer, const char *why,
    uint64_t now_ms)
{
	struct dnsd_question *q = &qs->v[i];

	q->answer = answer;
	q->why = why;
	if (answer == DNSD_ANSWER_GOOD) {
		q->proven = true;
		q->amiss = 0;
	} else if (q->amiss++ == 0) {
		q->amiss_ms = now_ms;
	}
}

char *
dnsd_question_text(char out[DNSD_QUESTION_TEXT], const struct dnsd_question *q)
{
	char type[DNS_TYPE_TEXT], name[NAME_TEXT];

	snprintf(out, DNSD_QUESTION_TEXT, "%s %s", name_text(name, q->name),
	    dns_type_text(type, q->type));
	return out;
}

/* An older dnsd does not know the question about itself, which harms nobody. */
static bool
is_amiss(const struct dnsd_questions *qs, size_t i, uint64_t now_ms)
{
	const struct dnsd_question *q = &qs->v[i];

	return q->amiss >= 2 && now_ms >= q->amiss_ms + PATIENCE_MS &&
	    (i != DNSD_QUESTION_SERVER || q->answer == DNSD_ANSWER_BAD);
}

bool
dnsd_question_alarm(const struct dnsd_questions *qs, uint64_t now_ms, char text[HEALTH_REASON_MAX])
{
	for (size_t i = 0; i < qs->n; i++) {
		const struct dnsd_question *q = &qs->v[i];
		char question[DNSD_QUESTION_TEXT];

		if (!is_amiss(qs, i, now_ms))
			continue;
		dnsd_question_text(question, q);
		if (q->answer == DNSD_ANSWER_REFUSED)
			snprintf(text, HEALTH_REASON_MAX,
			    "dnsd and healthd differ: dnsd says %s to %.60s", q->why, question);
		else
			snprintf(text, HEALTH_REASON_MAX, "dnsd says to %.60s: %s", question,
			    q->why);
		return true;
	}
	text[0] = '\0';
	return false;
}
