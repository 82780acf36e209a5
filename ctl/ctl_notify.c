/*
 * nearctl notify: healthd learns of a new set of content, and says who holds it.
 *
 *	notify			the origins are asked now, rather than when they are due
 *	notify ID		the same; 1 if no origin says that this set is current
 *	notify POOL SET		this set is current, whatever the origin says in the next minute
 *
 * The first two change nothing by themselves: what an origin says counts, so that a command which
 * comes late, twice or from a wrong place does no harm, and any site can be told of any origin.
 * healthd answers at once and this program asks again until each origin's word is newer than the
 * question (healthd/prober/sets.h), and with --within until every server of this site that could
 * serve the set does.  Prints what it has found last; knows nothing but those lines.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/health_file.h"
#include "common/text.h"
#include "ctl/ctl.h"

enum { ASK_MS = 5000, STEP_MS = 100, ORIGIN_MS = 15000, ID_LEN = 32, WORD = 160 };

/* What one answer of healthd says. */
struct seen {
	uint64_t now_ms;
	unsigned pools, asked, faults;	/* whose origin has answered since; with a fault */
	unsigned wanted;		/* pools with the set that is asked for, or any */
	unsigned servers, behind;	/* of those pools, here */
};

static bool
cut_word(struct text *line, char out[WORD])
{
	text_take(line, " ");
	return text_copy(line, out, WORD, text_in_word) == TEXT_FOUND;
}

/* "pool NAME SET ASKED-MS [FAULT]"; prints it when `out` is there. */
static bool
see_pool(struct seen *seen, struct text line, uint64_t since_ms, const char *id,
    char current[WORD], FILE *out)
{
	char name[WORD];
	uint64_t asked_ms;
	bool fault;

	if (!cut_word(&line, name) || !cut_word(&line, current) || !text_take(&line, " ") ||
	    text_number(&line, UINT64_MAX / 2, &asked_ms) != TEXT_FOUND)
		return false;
	fault = text_take(&line, " ");
	seen->pools++;
	seen->asked += asked_ms >= since_ms;
	seen->faults += asked_ms >= since_ms && fault;
	if (out != NULL && fault)
		fprintf(out, "pool %s: its origin tells no set: %.*s; %s stays current\n", name,
		    (int)(line.end - line.at), line.at, current);
	else if (out != NULL)
		fprintf(out, "pool %s: set %s is current\n", name, current);
	if (fault || (id != NULL && strcmp(id, current) != 0))
		current[0] = '\0';
	seen->wanted += current[0] != '\0';
	return true;
}

/* "server NAME POOL SET", of the pool that was named last. */
static bool
see_server(struct seen *seen, struct text line, const char *current, FILE *out)
{
	char name[WORD], pool[WORD], set[WORD];
	bool holds;

	if (!cut_word(&line, name) || !cut_word(&line, pool) || !cut_word(&line, set))
		return false;
	if (current[0] == '\0')
		return true;
	holds = strcmp(set, current) == 0;
	seen->servers++;
	seen->behind += !holds;
	if (out != NULL && strcmp(set, "-") == 0)
		fprintf(out, "  %s tells no set\n", name);
	else if (out != NULL)
		fprintf(out, "  %s %s %s\n", name, holds ? "holds" : "still has", set);
	return true;
}

/* Reads an answer of healthd. */
static int
see(struct seen *seen, const char *answer, uint64_t since_ms, const char *id, FILE *out)
{
	struct text rest = text_of(answer), line;
	char current[WORD] = "";

	memset(seen, 0, sizeof(*seen));
	while (text_line(&rest, &line)) {
		bool good = text_take(&line, "now ") ?
		    text_number(&line, UINT64_MAX / 2, &seen->now_ms) == TEXT_FOUND :
		    text_take(&line, "pool ") ?
		    see_pool(seen, line, since_ms, id, current, out) :
		    text_take(&line, "server ") && see_server(seen, line, current, out);

		if (!good) {
			fprintf(stderr, "nearctl: healthd answers nonsense\n");
			return -1;
		}
	}
	return 0;
}

/* The answer is the caller's to free, NULL after saying why there is none. */
static char *
ask_sets(const struct ctl *ctl, const char *line)
{
	char *answer = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&answer, &len);
	struct err err;
	int status;

	if (out == NULL)
		return NULL;
	status = ctl_ask_quietly(ctl, "healthd", line, ASK_MS, out, &err);
	fclose(out);
	if (status == 0)
		return answer;
	fprintf(stderr, "nearctl: healthd: %s\n", err.text);
	free(answer);
	return NULL;
}

/* Has everything come that is waited for? */
static bool
has_all(const struct seen *seen, bool servers)
{
	return seen->asked == seen->pools &&
	    (!servers || (seen->wanted > 0 && seen->behind == 0));
}

/* Asks until all that is waited for has come, or the time is over; the last answer, the caller's
 * to free.  NULL after saying why. */
static char *
wait_for_word(const struct ctl *ctl, const char *id, uint64_t within_ms, struct seen *seen)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	uint64_t began_ms = clock_mono().ms, since_ms, passed_ms;
	char *answer = ask_sets(ctl, "sets ask");

	if (answer == NULL || see(seen, answer, 0, id, NULL) < 0)
		goto fail;
	since_ms = seen->now_ms;
	for (;;) {
		if (see(seen, answer, since_ms, id, NULL) < 0)
			goto fail;
		passed_ms = clock_mono().ms - began_ms;
		if (has_all(seen, within_ms != 0) ||
		    (passed_ms >= within_ms && has_all(seen, false)) ||
		    (passed_ms >= within_ms && passed_ms >= ORIGIN_MS))
			break;
		nanosleep(&step, NULL);
		free(answer);
		answer = ask_sets(ctl, "sets");
		if (answer == NULL)
			return NULL;
	}
	see(seen, answer, since_ms, id, stdout);
	return answer;
fail:
	free(answer);
	return NULL;
}

static int
verdict(const struct seen *seen, const char *id, bool servers)
{
	if (seen->pools == 0)
		fprintf(stderr, "nearctl: no pool has a check of kind content with an origin\n");
	else if (seen->asked < seen->pools || (id == NULL && seen->faults > 0))
		fprintf(stderr, "nearctl: not every origin has answered\n");
	else if (id != NULL && seen->wanted == 0)
		fprintf(stderr, "nearctl: no origin says that %s is current\n", id);
	else if (servers && (seen->wanted == 0 || seen->behind > 0))
		fprintf(stderr, "nearctl: %u of %u servers of this site do not hold it yet\n",
		    seen->behind, seen->servers);
	else
		return 0;
	return 1;
}

static int
say_current(const struct ctl *ctl)
{
	char line[512], name[64];

	if (!ctl_is_word("POOL", ctl->arg[0]) || !ctl_is_word("SET", ctl->arg[1]))
		return 2;
	snprintf(line, sizeof(line), "notify %s %s by %s", ctl->arg[0], ctl->arg[1],
	    ctl_who(name));
	return ctl_ask(ctl, "healthd", line, ASK_MS, stdout);
}

/* A set of publish-set; other ids are told with the pool. */
static bool
is_id(const char *text)
{
	return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
}

int
ctl_notify(const struct ctl *ctl)
{
	const char *id = ctl->arg[0];
	unsigned long within_s = ctl->within != NULL ? ctl_seconds(ctl->within) : 0;
	struct seen seen;
	char *answer;

	if (id != NULL && ctl->arg[1] != NULL && ctl->within == NULL)
		return say_current(ctl);
	if (id != NULL && (ctl->arg[1] != NULL || !is_id(id)))
		return ctl_usage(ctl);
	if (ctl->within != NULL && within_s == 0) {
		fprintf(stderr, "nearctl: --within \"%s\": "
		    "a duration like 90s, 15m, 2h or 1d was expected\n", ctl->within);
		return 2;
	}
	answer = wait_for_word(ctl, id, (uint64_t)within_s * 1000, &seen);
	if (answer == NULL)
		return 1;
	free(answer);
	fflush(stdout);
	return verdict(&seen, id, within_s != 0);
}
