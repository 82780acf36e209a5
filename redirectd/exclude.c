#include "redirectd/exclude.h"

#include <ctype.h>

int
exclude_open(struct exclude *exclude, const struct conf_redirect *redirect, struct err *err)
{
	*exclude = (struct exclude){ .redirect = redirect };
	if (redirect->exclude_path == NULL)
		return 0;
	exclude->path = pattern_compile(redirect->exclude_path, false, err);
	return exclude->path != NULL ? 0 : -1;
}

void
exclude_close(struct exclude *exclude)
{
	pattern_free(exclude->path);
	exclude->path = NULL;
}

bool
exclude_glob(const char *glob, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text != '\0') {
		if (*glob == '*') {
			star = ++glob;
			from = text;
		} else if (*glob == '?' || (*glob != '\0' &&
		    tolower((unsigned char)*glob) == tolower((unsigned char)*text))) {
			glob++;
			text++;
		} else if (star != NULL) {
			/* the last star takes one octet more; earlier ones need not be tried */
			glob = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

static bool
any_glob(char *const *globs, const char *text)
{
	for (; globs != NULL && *globs != NULL; globs++)
		if (exclude_glob(*globs, text))
			return true;
	return false;
}

enum choice_home
exclude_why(const struct exclude *exclude, const struct choice_file *file,
    const struct addr *client, const char *agent, const char *type)
{
	const struct conf_redirect *r = exclude->redirect;
	uint32_t budget_us = PATTERN_BUDGET_US;

	if (prefix_find(r->exclude_nets.v, r->exclude_nets.n, client) != NULL)
		return CHOICE_EXCLUDED_NET;
	if (agent != NULL && any_glob(r->exclude_agents, agent))
		return CHOICE_EXCLUDED_AGENT;
	if (any_glob(r->exclude_types, type))
		return CHOICE_EXCLUDED_TYPE;
	if (exclude->path != NULL &&
	    pattern_find(exclude->path, file->path, file->path_len, &budget_us) != PATTERN_ABSENT)
		return CHOICE_EXCLUDED_PATH;
	return CHOICE_AWAY;
}
