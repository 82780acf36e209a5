/*
 * explore: every way in which the events of a small world can follow each other.
 *
 *   build/tests/model/explore [-1] [-l] [-v] [WORLD...]	explores; -l the large worlds,
 *							-1 to the first rule broken
 *   build/tests/model/explore -w WORLD "WORDS"		lets words happen, shows every state
 *
 * Breadth first: the first list of events that breaks a rule is a shortest one.  A state is not
 * kept but as a number and the event that led to it; to go on from it, its events happen again
 * from the beginning.  What broke a rule is shown once a rule and world, event by event, then as
 * a row for tests/unit/test_judge.c.
 *
 * Ends with "N passed, N failed", a world being a test.  Rules that a world is known to break are
 * named in worlds.c with the reason, are said every time, and are an error once they hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/model/watch.h"
#include "tests/model/worlds.h"

enum { EVENTS_MAX = 64, WORDS_MAX = 64, PATH_MAX_EVENTS = 64 };

struct event {
	char text[128];
	struct sim_word words[WORDS_MAX];
	size_t n;
};

struct node {
	uint64_t hash;
	uint32_t parent;
	uint8_t event, depth;
};

struct state {
	struct watch_books books;
	void *sim;
};

struct explorer {
	const struct world *world;
	struct sim *sim;
	struct watch_books books;
	struct event events[EVENTS_MAX];
	size_t n_events;
	struct node *nodes;		/* in the order in which they were found */
	size_t n, room;
	uint32_t *slots;		/* hash table of them; 0 = empty, else index + 1 */
	size_t n_slots;
	struct state begin, here;
	void *scratch;
	uint64_t steps;
	unsigned found[WATCH_RULES];	/* how often each was broken */
};

static bool first_only;			/* end at the first rule that is broken */

static void *
get(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL) {
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	return p;
}

/* ---- states ---- */

static void
save(const struct explorer *x, struct state *to)
{
	to->books = x->books;
	sim_save(x->sim, to->sim);
}

static void
load(struct explorer *x, const struct state *from)
{
	x->books = from->books;
	sim_load(x->sim, from->sim);
}

static enum watch_rule
do_event(struct explorer *x, const struct event *e)
{
	enum watch_rule broken = WATCH_FINE;

	for (size_t i = 0; i < e->n && broken == WATCH_FINE; i++) {
		broken = watch_step(x->sim, &x->books, &e->words[i]);
		x->steps++;
	}
	return broken;
}

/* True if the state is new; then it is the last of the nodes. */
static bool
add(struct explorer *x, uint64_t hash, uint32_t parent, uint8_t event, uint8_t depth)
{
	size_t at = hash & (x->n_slots - 1);

	for (; x->slots[at] != 0; at = (at + 1) & (x->n_slots - 1))
		if (x->nodes[x->slots[at] - 1].hash == hash)
			return false;
	if (x->n == x->room)
		return false;
	x->nodes[x->n] = (struct node){ hash, parent, event, depth };
	x->slots[at] = (uint32_t)++x->n;
	return true;
}

static size_t
path_to(const struct explorer *x, size_t node, uint8_t path[PATH_MAX_EVENTS])
{
	size_t n = x->nodes[node].depth;

	for (size_t i = n; i-- > 0; node = x->nodes[node].parent)
		path[i] = x->nodes[node].event;
	return n;
}

static void
replay(struct explorer *x, size_t node)
{
	uint8_t path[PATH_MAX_EVENTS];
	size_t n = path_to(x, node, path);

	load(x, &x->begin);
	for (size_t i = 0; i < n; i++)
		do_event(x, &x->events[path[i]]);
	if (watch_hash(x->sim, &x->books) != x->nodes[node].hash) {
		fprintf(stderr, "world \"%s\": the same events have led to two states: "
		    "sim.c does not save all of it\n", x->world->name);
		exit(2);
	}
}

/* ---- telling ---- */

static void
show_state(const struct explorer *x, const char *event)
{
	char text[512];

	sim_print(x->sim, text, sizeof(text));
	printf("    %-28s %s\n", event, text);
}

/* The judge's part of the path as a row of test_judge.c. */
static void
show_row(const struct explorer *x, const uint8_t *path, size_t n, const char *sentence)
{
	char text[512], *end;

	printf("  { \"%s\", 0 /* %s; rise %u, fall %u */, \"%s", sentence, x->world->servers,
	    x->world->rise, x->world->fall, x->world->begin);
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i > 0 || x->world->begin[0] != '\0' ? " " : "",
		    x->events[path[i]].text);
	sim_print(x->sim, text, sizeof(text));
	end = strstr(text, " | ");
	if (end != NULL)
		*end = '\0';
	printf("\",\n      \"%s\" },\n", text);
}

static void
tell(struct explorer *x, enum watch_rule rule, size_t node, int event)
{
	uint8_t path[PATH_MAX_EVENTS + 1];
	size_t n = path_to(x, node, path);

	if (x->found[rule]++ > 0)
		return;
	if (event >= 0)
		path[n++] = (uint8_t)event;
	printf("%s: %s: %s\n", x->world->name, watch_rules[rule].name, watch_rules[rule].says);
	load(x, &x->begin);
	show_state(x, x->world->begin);
	for (size_t i = 0; i < n; i++) {
		do_event(x, &x->events[path[i]]);
		show_state(x, x->events[path[i]].text);
	}
	show_row(x, path, n, watch_rules[rule].says);
	fflush(stdout);
	if (first_only && worlds_known(x->world, rule) == NULL)
		exit(1);
}

/* ---- exploring ---- */

static void
expand(struct explorer *x, size_t node)
{
	uint8_t depth = x->nodes[node].depth;

	replay(x, node);
	save(x, &x->here);
	for (size_t e = 0; e < x->n_events; e++) {
		enum watch_rule broken;

		load(x, &x->here);
		broken = do_event(x, &x->events[e]);
		if (broken != WATCH_FINE) {
			tell(x, broken, node, (int)e);
			continue;
		}
		if (!add(x, watch_hash(x->sim, &x->books), (uint32_t)node, (uint8_t)e,
		    (uint8_t)(depth + 1)))
			continue;
		broken = watch_reach(x->sim, &x->books, x->scratch);
		if (broken != WATCH_FINE)
			tell(x, broken, x->n - 1, -1);
	}
}

/* "rounds": one event for every set of targets that fail. */
static void
add_rounds(struct explorer *x)
{
	size_t n = x->sim->judge->n_targets;
	const struct world *w = x->world;

	for (unsigned failing = 0; failing < 1u << n; failing++) {
		struct event *e = &x->events[x->n_events++];
		size_t at = (size_t)snprintf(e->text, sizeof(e->text), "wait:900");

		for (size_t i = 0; i < n; i++) {
			const struct judge_target *t = &x->sim->judge->targets[i];

			at += (size_t)snprintf(e->text + at, sizeof(e->text) - at, " %s.%u%s%c",
			    x->sim->conf->servers[t->server].name, t->family,
			    w->checks != 2 ? "" : t->check == x->sim->conf->checks ? "#1" : "#2",
			    failing >> i & 1 ? '-' : '+');
		}
	}
}

static void
read_events(struct explorer *x)
{
	char text[1024], *save_at = NULL;

	snprintf(text, sizeof(text), "%s", x->world->events);
	for (char *e = strtok_r(text, "|", &save_at); e != NULL;
	    e = strtok_r(NULL, "|", &save_at)) {
		e += strspn(e, " ");
		if (strcmp(e, "rounds") == 0 || strcmp(e, "rounds ") == 0)
			add_rounds(x);
		else
			snprintf(x->events[x->n_events++].text, sizeof(x->events[0].text), "%s",
			    e);
		if (x->n_events + 20 > EVENTS_MAX) {
			fprintf(stderr, "world \"%s\": too many events\n", x->world->name);
			exit(2);
		}
	}
	for (size_t i = 0; i < x->n_events; i++)
		x->events[i].n = sim_read(x->sim, x->events[i].text, x->events[i].words,
		    WORDS_MAX);
}

static void
begin(struct explorer *x, const struct world *w, size_t states)
{
	struct event first = { .text = "" };

	*x = (struct explorer){ .world = w, .sim = sim_new(w), .room = states };
	x->books.not_health = true;	/* nothing was lowered by it yet */
	x->n_slots = 1;
	while (x->n_slots < states * 2)
		x->n_slots *= 2;
	x->nodes = get(states, sizeof(*x->nodes));
	x->slots = get(x->n_slots, sizeof(*x->slots));
	x->begin.sim = get(1, sim_size(x->sim));
	x->here.sim = get(1, sim_size(x->sim));
	x->scratch = get(1, sim_size(x->sim));
	read_events(x);
	first.n = sim_read(x->sim, w->begin, first.words, WORDS_MAX);
	if (do_event(x, &first) != WATCH_FINE)
		printf("%s: a rule is broken at the beginning\n", w->name);
	save(x, &x->begin);
	add(x, watch_hash(x->sim, &x->books), 0, 0, 0);
}

static void
end(struct explorer *x)
{
	sim_free(x->sim);
	free(x->nodes);
	free(x->slots);
	free(x->begin.sim);
	free(x->here.sim);
	free(x->scratch);
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Rules that are broken and not known to be, or the other way round. */
static bool
is_as_known(const struct explorer *x)
{
	bool fine = true;

	for (int r = 1; r < WATCH_RULES; r++) {
		const char *why = worlds_known(x->world, (enum watch_rule)r);

		if (why != NULL && x->found[r] > 0)
			printf("%s: %s: left out: %s\n", x->world->name, watch_rules[r].name, why);
		else if (why != NULL)
			printf("%s: %s holds, and worlds.c says that it does not: %s\n",
			    x->world->name, watch_rules[r].name, why);
		fine &= (why != NULL) == (x->found[r] > 0);
	}
	return fine;
}

static bool
explore(const struct world *w, size_t states, bool loud)
{
	static struct explorer x;
	double began = seconds();
	unsigned depth = 0;
	size_t i;
	bool fine;

	begin(&x, w, states);
	for (i = 0; i < x.n && x.nodes[i].depth < w->depth && x.n < x.room; i++) {
		expand(&x, i);
		depth = x.nodes[i].depth;
	}
	fine = is_as_known(&x);
	if (loud || !fine)
		printf("%-22s %8zu states, %9llu words, depth %u%s, %.1f s%s\n", w->name, x.n,
		    (unsigned long long)x.steps, depth + 1, i == x.n ? " (all)" : "",
		    seconds() - began, fine ? "" : "  FAILED");
	fflush(stdout);
	end(&x);
	return fine;
}

static void
walk(const struct world *w, const char *text)
{
	static struct explorer x;
	char copy[2048], *save_at = NULL;

	begin(&x, w, 2);
	show_state(&x, w->begin);
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *one = strtok_r(copy, " ", &save_at); one != NULL;
	    one = strtok_r(NULL, " ", &save_at)) {
		struct event e = { .text = "" };
		enum watch_rule broken;

		e.n = sim_read(x.sim, one, e.words, WORDS_MAX);
		broken = do_event(&x, &e);
		show_state(&x, one);
		if (broken == WATCH_FINE)
			broken = watch_reach(x.sim, &x.books, x.scratch);
		if (broken != WATCH_FINE)
			printf("      %s: %s\n", watch_rules[broken].name,
			    watch_rules[broken].says);
	}
	end(&x);
}

int
main(int argc, char **argv)
{
	bool large = false, loud = false, all;
	unsigned passed = 0, failed = 0;
	int at = 1;

	if (argc == 4 && strcmp(argv[1], "-w") == 0) {
		for (size_t i = 0; i < worlds_n; i++)
			if (strcmp(worlds[i].name, argv[2]) == 0)
				walk(&worlds[i], argv[3]);
		return 0;
	}
	for (; at < argc && argv[at][0] == '-'; at++) {
		large |= strcmp(argv[at], "-l") == 0;
		loud |= strcmp(argv[at], "-v") == 0;
		first_only |= strcmp(argv[at], "-1") == 0;
	}
	all = at == argc;
	/* a first look at all of them finds most of what is to be found */
	for (size_t i = 0; i < worlds_n && first_only; i++)
		if (!worlds[i].large)
			explore(&worlds[i], worlds[i].states / 16, false);
	for (size_t i = 0; i < worlds_n; i++) {
		bool chosen = all && worlds[i].large == large;

		for (int a = at; a < argc; a++)
			chosen |= strcmp(argv[a], worlds[i].name) == 0;
		if (chosen)
			*(explore(&worlds[i], worlds[i].states, loud) ? &passed : &failed) += 1;
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0 || passed == 0;
}
