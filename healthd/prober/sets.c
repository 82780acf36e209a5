#include "healthd/prober/sets.h"

#include <string.h>

/* The set that all of the server's answering addresses told; "" = none, or they differ. */
static const char *
held_by(const struct judge *j, const struct judge_server *s, const struct judge_pool *p)
{
	const char *held = NULL;

	for (unsigned n = 0; n < 2u * s->n_checks; n++) {
		const struct judge_target *t = judge_target_of(j, s, n % 2, n / 2);

		if (t == NULL || t->check != p->content || t->alive != HEALTH_UP)
			continue;
		if (held != NULL && strcmp(held, t->set) != 0)
			return "";
		held = t->set;
	}
	return held != NULL ? held : "";
}

static const char *
or_dash(const char *set)
{
	return set[0] != '\0' ? set : "-";
}

static void
print_servers(const struct judge *j, const struct judge_pool *p, FILE *out)
{
	for (unsigned i = 0; i < p->conf->n_servers; i++) {
		const struct judge_server *s = &j->servers[p->conf->first_server + i];

		if (s->local)
			fprintf(out, "server %s %s %s\n", s->conf->name, p->conf->name,
			    or_dash(held_by(j, s, p)));
	}
}

void
sets_print(const struct content *content, FILE *out)
{
	const struct judge *j = content->core->judge;

	fprintf(out, "now %llu\n", (unsigned long long)loop_now(content->core->loop));
	for (size_t i = 0; i < j->conf->n_pools; i++) {
		const struct judge_pool *p = &j->pools[i];
		uint64_t asked_ms;
		const char *fault;

		if (p->content == NULL || !content_told(content, p->content, &asked_ms, &fault))
			continue;
		fprintf(out, "pool %s %s %llu%s%s\n", p->conf->name, or_dash(p->current.id),
		    (unsigned long long)asked_ms, fault[0] != '\0' ? " " : "", fault);
		print_servers(j, p, out);
	}
}
