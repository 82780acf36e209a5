#include "dnsd/outcome.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void
add_words(char text[OUTCOME_TEXT], const char *between, const char *more)
{
	size_t used = strlen(text);

	snprintf(text + used, OUTCOME_TEXT - used, "%s%s", used != 0 ? between : "", more);
}

/* Either may be NULL, "not given". */
static bool
differs(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0;
}

void
outcome_restart(const struct conf *first, const struct conf *fresh, char text[OUTCOME_TEXT])
{
	text[0] = '\0';
	if (first->threads != fresh->threads)
		add_words(text, ", ", "threads");
	if (differs(first->user, fresh->user))
		add_words(text, ", ", "user");
	if (differs(first->run_dir, fresh->run_dir))
		add_words(text, ", ", "run-dir");
	if (first->log.enabled != fresh->log.enabled ||
	    differs(first->log.spool, fresh->log.spool) ||
	    differs(first->log.host, fresh->log.host))
		add_words(text, ", ", "log");
}

static void
add_refused(char text[OUTCOME_TEXT], unsigned n, const char *what)
{
	char line[128];

	if (n == 0)
		return;
	snprintf(line, sizeof(line), "%u zone%s refused, %s", n, n == 1 ? "" : "s", what);
	add_words(text, "; ", line);
}

void
outcome_reloaded(const struct conf *first, const struct generation *gen, char text[OUTCOME_TEXT])
{
	unsigned missing = gen->n_zones - gen->n_loaded, failed = gen->inputs->failed;
	char restart[OUTCOME_TEXT];

	text[0] = '\0';
	add_refused(text, failed > missing ? failed - missing : 0, failed - missing == 1 ?
	    "its old version stays" : "their old versions stay");
	add_refused(text, missing, "answered with SERVFAIL for want of an old version");
	outcome_restart(first, gen->conf, restart);
	if (restart[0] == '\0')
		return;
	add_words(text, "; ", OUTCOME_RESTART);
	add_words(text, "", restart);
}
