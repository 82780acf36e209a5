#include "common/mistakes.h"

#include <stdio.h>
#include <string.h>

int
mistakes_add(struct mistakes *m, uint64_t place, const char *line)
{
	size_t kept = m->n < MISTAKES_TOLD ? m->n : MISTAKES_TOLD, at = kept;

	while (at > 0 && m->first[at - 1].place > place)
		at--;
	for (size_t i = at; i > 0 && m->first[i - 1].place == place; i--)
		if (strncmp(m->first[i - 1].text, line, sizeof(m->first->text) - 1) == 0)
			return -1;
	m->n++;
	if (at == MISTAKES_TOLD)
		return -1;
	if (kept == MISTAKES_TOLD)
		kept--;			/* the last one is only counted from now on */
	memmove(&m->first[at + 1], &m->first[at], (kept - at) * sizeof(*m->first));
	m->first[at].place = place;
	snprintf(m->first[at].text, sizeof(m->first[at].text), "%s", line);
	return -1;
}

int
mistakes_tell(const struct mistakes *m, const char *file, const struct warn *error,
    struct err *err)
{
	size_t rest = m->n > MISTAKES_TOLD ? m->n - MISTAKES_TOLD : 0;
	char more[40];

	if (m->n == 0)
		return 0;
	if (m->n == 1)
		return err_set(err, "%s", m->first[0].text);
	snprintf(more, sizeof(more), " (and %zu more)", m->n - 1);
	err_set(err, "%.*s%s", (int)(sizeof(err->text) - 1 - strlen(more)), m->first[0].text, more);
	for (size_t i = 0; i < m->n - rest; i++)
		err_warn(error, "%s", m->first[i].text);
	if (rest != 0)
		err_warn(error, "%s: and %zu more mistake%s", file, rest, rest == 1 ? "" : "s");
	if (err != NULL && error != NULL)
		err->told = (unsigned)(m->n - rest);
	return -1;
}
