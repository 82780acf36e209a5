/*
 * nearctl drain, undrain, force-up, force-down, clear: the operator's override; and log, what came
 * of it.
 *
 * Each command is one line to healthd's control socket: the verb, the servers or the site as a
 * name or a glob, for how long, and by whom.  healthd keeps the override, in its state file too,
 * and says which servers it hit (healthd/prober/operator.h).  Nothing is decided here but whether
 * a duration is one.
 *
 * With --wait, healthd is asked again and again what has become of this very drain, which it named
 * by an id: until the last TTL that was handed out has run out and the route is gone, or until
 * the drain is in force no more, which is a failure.  A healthd that is restarted meanwhile
 * is asked on for ten seconds (PATIENCE_MS).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/health_file.h"
#include "common/text.h"
#include "ctl/ctl.h"

enum { ASK_MS = 5000, WAIT_STEP_MS = 250, PATIENCE_MS = 10000, MOST_NAME = 128, MOST_REASON = 80 };
enum { STATUS_NOTHING = 4 };		/* exit status: there was nothing to take back */

static const char nothing[] = "nothing to take back: ";	/* how healthd says so */

/* 0 for a day that its month does not have: the 30th of February is no 2nd of March. */
static time_t
time_of_day(struct tm tm, bool utc)
{
	struct tm day = tm;
	time_t at = utc ? timegm(&day) : mktime(&day);

	return day.tm_mday == tm.tm_mday && day.tm_mon == tm.tm_mon ? at : 0;
}

/* --at as seconds since 1970: "22:30" (the next one), "2026-11-28 22:30", both local; "in 2h"; with
 * Z behind it, UTC.  0 = no such time. */
static time_t
time_of(const char *text, time_t now)
{
	static const char *const forms[] = { "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%H:%M" };
	enum { N_FORMS = sizeof(forms) / sizeof(forms[0]) };

	if (strncmp(text, "in ", 3) == 0) {
		unsigned long s = ctl_seconds(text + 3);

		return s != 0 ? now + (time_t)s : 0;
	}
	for (size_t i = 0; i < N_FORMS; i++) {
		struct tm tm = { .tm_isdst = -1 }, day;
		const char *end;
		bool utc;
		time_t at;

		if ((end = strptime(text, forms[i], &tm)) == NULL)
			continue;
		utc = strcmp(end, "Z") == 0;
		if (*end != '\0' && !utc)
			continue;
		if (i < N_FORMS - 1)
			return time_of_day(tm, utc);
		day = utc ? *gmtime(&now) : *localtime(&now);
		day.tm_hour = tm.tm_hour;
		day.tm_min = tm.tm_min;
		day.tm_sec = 0;
		day.tm_isdst = -1;
		at = utc ? timegm(&day) : mktime(&day);
		if (at > now)
			return at;
		day.tm_mday++;
		day.tm_isdst = -1;
		return utc ? timegm(&day) : mktime(&day);
	}
	return 0;
}

static int
say_lost(const char *pattern, const char *what)
{
	fprintf(stderr, "nearctl: %s is not drained: %s\n", pattern, what);
	return 1;
}

/* What healthd says of the drain with this id.  Milliseconds left; -1 = it did not answer, and
 * what says why; -2 = it is over, and why. */
static long long
ask_left(const struct ctl *ctl, unsigned long long id, struct err *what)
{
	char line[256], *text = NULL, *end;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	long long left;
	int rc;

	if (out == NULL)
		return err_set(what, "out of memory");
	snprintf(line, sizeof(line), "left %s id %llu", ctl->arg[0], id);
	rc = ctl_ask_quietly(ctl, "healthd", line, ASK_MS, out, what);
	fclose(out);
	left = strtoll(text, &end, 10);
	if (rc == 0 && (end == text || *end != '\n' || left < 0))
		rc = err_set(what, "healthd answers nonsense");
	free(text);
	return rc < 0 ? rc : left;
}

/* 0 when the last TTL handed out has run out and the route is gone; else 1, and it is said what
 * has become of it instead. */
static int
wait_drained(const struct ctl *ctl, unsigned long long id)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000 };
	uint64_t heard_ms = clock_mono().ms;
	struct err what = { .text = "" };
	long long said = -1;

	/* a healthd that is being restarted is asked again for a while */
	for (; clock_mono().ms < heard_ms + PATIENCE_MS; nanosleep(&step, NULL)) {
		long long left = ask_left(ctl, id, &what);

		if (left == 0) {
			printf("%s is drained\n", ctl->arg[0]);
			return fflush(stdout) == 0 ? 0 : 1;
		}
		if (left == -2)
			return say_lost(ctl->arg[0], what.text);
		if (left > 0)
			heard_ms = clock_mono().ms;
		if (left > 0 && (said < 0 || said - left >= 10000)) {
			fprintf(stderr, "draining, %lld s left\n", (left + 999) / 1000);
			said = left;
		}
	}
	fprintf(stderr, "nearctl: whether %s is drained is not known: %s\n", ctl->arg[0],
	    what.text);
	return 1;
}

/* What is said beside the name, in healthd's words.  0, or 2 after saying what is wrong. */
static int
put_options(const struct ctl *ctl, FILE *line)
{
	unsigned long for_s = ctl->duration != NULL ? ctl_seconds(ctl->duration) : 0;
	time_t begin = ctl->at != NULL ? time_of(ctl->at, time(NULL)) : 0;
	char name[64], reason[HEALTH_REASON_MAX];

	if (ctl->duration != NULL && for_s == 0) {
		fprintf(stderr, "nearctl: --for \"%s\": "
		    "a duration like 90s, 15m, 2h or 1d was expected\n", ctl->duration);
		return 2;
	}
	if (ctl->at != NULL && begin <= 0) {
		fprintf(stderr, "nearctl: --at \"%s\": a time like 22:30, \"2026-11-28 22:30\", "
		    "22:30Z (UTC) or \"in 2h\" was expected\n", ctl->at);
		return 2;
	}
	if (ctl->at != NULL && begin <= time(NULL)) {
		fprintf(stderr, "nearctl: --at \"%s\": that is over\n", ctl->at);
		return 2;
	}
	if (ctl->reason != NULL && (*ctl->reason == '\0' || strlen(ctl->reason) > MOST_REASON)) {
		fprintf(stderr, "nearctl: --reason: 1 to %d octets were expected\n", MOST_REASON);
		return 2;
	}
	if (for_s != 0)
		fprintf(line, " for %lu", for_s);
	if (begin != 0)
		fprintf(line, " at %lld", (long long)begin);
	fprintf(line, "%s%s by %s", ctl->all ? " all" : "", ctl->wait ? " wait" : "",
	    ctl_who(name));
	if (ctl->reason != NULL)
		fprintf(line, " reason %s", health_reason(reason, ctl->reason));
	return 0;
}

/* Sends healthd the command about the servers or the site that the argument names; the answer
 * comes as text, which is the caller's to free (NULL = none). */
static int
send_override(const struct ctl *ctl, char **answer)
{
	char words[1024];
	FILE *line, *out;
	struct err err;
	size_t len;
	int rc;

	*answer = NULL;
	if (!ctl_is_word("SERVER|SITE|GLOB", ctl->arg[0]))
		return 2;
	line = fmemopen(words, sizeof(words), "w");
	if (line == NULL)
		return 1;
	fprintf(line, "%s %s", ctl->command, ctl->arg[0]);
	rc = put_options(ctl, line);
	fclose(line);
	if (rc != 0)
		return rc;
	out = open_memstream(answer, &len);
	if (out == NULL)
		return 1;
	rc = ctl_ask_quietly(ctl, "healthd", words, ASK_MS, out, &err);
	fclose(out);
	if (rc == 0)
		return 0;
	fprintf(stderr, "nearctl: healthd: %s\n", err.text);
	return strncmp(err.text, nothing, sizeof(nothing) - 1) == 0 ? STATUS_NOTHING : 1;
}

/* Prints an answer without its last line, "id ID"; the id, 0 = there is none. */
static unsigned long long
print_answer(char *answer)
{
	char *last = strstr(answer, "id ");
	unsigned long long id = 0;

	while (last != NULL && last != answer && last[-1] != '\n')
		last = strstr(last + 1, "id ");
	if (last != NULL && sscanf(last, "id %llu", &id) == 1)
		*last = '\0';
	fputs(answer, stdout);
	fflush(stdout);
	return id;
}

int
ctl_drain(const struct ctl *ctl)
{
	unsigned long long id = 0;
	char *answer;
	int status = send_override(ctl, &answer);

	if (answer != NULL)
		id = print_answer(answer);
	free(answer);
	if (status != 0 || !ctl->wait)
		return status;
	return id != 0 ? wait_drained(ctl, id) :
	    say_lost(ctl->arg[0], "healthd is older than this nearctl and cannot tell");
}

int
ctl_override(const struct ctl *ctl)
{
	char *answer;
	int status = send_override(ctl, &answer);

	if (answer != NULL)
		fputs(answer, stdout);
	free(answer);
	return fflush(stdout) == 0 ? status : 1;
}

/* A line of the log begins with seconds since 1970, which nobody reads. */
static void
print_event(struct text line)
{
	struct tm tm;
	char when[32];
	double at;
	time_t s;

	if (text_decimal(&line, 99999999999, &at) != TEXT_FOUND)
		return;
	s = (time_t)at;
	if (gmtime_r(&s, &tm) != NULL && strftime(when, sizeof(when), "%F %T", &tm) > 0)
		printf("%s.%03u UTC%.*s\n", when, (unsigned)((at - (double)s) * 1000),
		    (int)(line.end - line.at), line.at);
}

int
ctl_log(const struct ctl *ctl)
{
	struct text rest, line;
	char words[256], *answer;
	size_t len;
	FILE *out;
	int status;

	if (strlen(ctl->arg[0]) > MOST_NAME)
		return ctl_usage(ctl);
	out = open_memstream(&answer, &len);
	if (out == NULL)
		return 1;
	snprintf(words, sizeof(words), "log %s", ctl->arg[0]);
	status = ctl_ask(ctl, "healthd", words, ASK_MS, out);
	fclose(out);
	rest = text_of(answer);
	while (status == 0 && text_line(&rest, &line))
		print_event(line);
	free(answer);
	return status;
}
