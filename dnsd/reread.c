#include "dnsd/reread.h"

#include <stdlib.h>
#include <string.h>

/* The names of all files that zones include; NULL out of memory.  They belong to the zones. */
static const char **
included_files(const struct inputs *inputs, size_t *n)
{
	const char **names;

	*n = 0;
	for (size_t i = 0; i < inputs->conf->n_zones; i++)
		if (inputs->zones[i] != NULL && inputs->zones[i]->n_files > 1)
			*n += inputs->zones[i]->n_files - 1;
	names = calloc(*n + 1, sizeof(*names));
	*n = 0;
	for (size_t i = 0; names != NULL && i < inputs->conf->n_zones; i++) {
		const struct zone *zone = inputs->zones[i];
		const char *name;

		if (zone == NULL || zone->n_files == 0)
			continue;
		name = (const char *)zone->data + zone->files;
		for (uint32_t k = 1; k < zone->n_files; k++) {
			name += strlen(name) + 1;
			names[(*n)++] = name;
		}
	}
	return names;
}

unsigned
reread_say(const struct inputs *inputs, const struct privilege_user *user,
    const struct conf_access_say *say)
{
	struct conf_access_say all = *say;
	const char **names = included_files(inputs, &all.n_more);
	unsigned broken;

	all.more = names;
	if (names == NULL)
		all.n_more = 0;
	broken = user != NULL ? conf_access_say_as(inputs->conf, user, &all) :
	    conf_access_say(inputs->conf, inputs->conf->user, &all);
	free(names);
	return broken;
}
