#include "tests/model/worlds.h"

#include <string.h>

#define UP "all+ dnsd+"

const struct world worlds[] = {
	{ "one-each", "f1 n1", 2, 2, .begin = "dnsd+", .depth = 30, .states = 15000,
	    .events = "f1+|f1-|n1+|n1-|f1?|n1?|wait:250|wait:1000|late" },
	{ "rounds", "f1 f2 n1", 2, 2, .begin = UP, .depth = 30, .states = 15000,
	    .events = "rounds|late|clock|f1?" },
	{ "three-sites", "f1 n1 s1", 1, 2, .begin = UP, .depth = 30, .states = 15000,
	    .events = "f1+|f1-|n1+|n1-|s1+|s1-|wait:1000|site:nyc-" },
	{ "families", "f1/46 n1/46", 1, 1, .begin = "dnsd+", .depth = 30, .states = 12000,
	    .events = "rounds|late" },
	{ "one-site", "f1 f2", 2, 2, .min_healthy = 2, .begin = UP, .depth = 30, .states = 10000,
	    .events = "f1+|f1-|f2+|f2-|f1?|wait:1000|wait:8000|dnsd-|dnsd+" },
	{ "route", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 15000,
	    .events = "dnsd+|dnsd-|dnsd?|f1+|f1-|n1+|n1-|wait:1000|wait:8000|wait:900000" },
	{ "caches-drain", "f1 n1", 1, 1, .caches_drain = true, .begin = "dnsd+", .depth = 30,
	    .states = 10000, .events = "f1+|f1-|n1+|n1-|wait:1000|wait:8000|dnsd-|dnsd+" },
	{ "words-of-site", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 15000,
	    .events = "drain:fra|drain:fra:2000|up:fra|down:fra|clear:fra|f1+ n1+|f1- n1+|f1- n1-|"
	    "wait:1000|wait:8000|dnsd-|dnsd+" },
	{ "words-of-servers", "f1 f2 n1", 1, 1, .begin = UP, .depth = 30, .states = 10000,
	    .events = "drain:f1|up:f1:2000|down:f1|clear:f1|drain:f2|clear:f2|rounds|wait:8000" },
	{ "word-of-a-server", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 8000,
	    .events = "drain:f1|drain:f1:3000|clear:f1|f1+ n1+|f1- n1+|f1- n1-|wait:1000|wait:8000|"
	    "reload" },
	{ "peers", "f1 n1 s1", 1, 1, .begin = UP, .depth = 30, .states = 10000,
	    .events = "site:nyc+|site:nyc-|drain:nyc|clear:nyc|drain:fra|clear:fra|wait:1000|rounds|"
	    "reload" },
	{ "ttls", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 8000,
	    .events = "ttl:fra:5|ttl:fra:2|ttl:nyc:9|ttl:nyc:2|drain:fra|clear:fra|wait:1000|"
	    "wait:8000|reload" },
	{ "restarts", "f1 n1", 2, 2, .begin = UP, .depth = 30, .states = 15000,
	    .events = "kill|start|reload|restart|gone|reboot|dnsd+|dnsd-|f1+ n1+|f1- n1+|f1- n1-|"
	    "wait:1000" },
	{ "restarts-and-words", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 12000,
	    .events = "kill start|reload|restart|gone|reboot|dnsd+|dnsd-|f1+ n1+|f1- n1-|"
	    "drain:fra:4000|up:fra|clear:fra|wait:1000|wait:8000" },
	{ "not-checked", "f1 f2 n1", 1, 2, .begin = "dnsd+", .depth = 30, .states = 12000,
	    .events = "f1+|f1-|f1?|f2-|f2?|n1+|n1-|n1?|wait:1000|reload" },
	{ "quorum", "f1 f2 n1", 1, 1, .quorum = 2, .begin = "f1=A f2=A n1=A dnsd+", .depth = 30,
	    .states = 15000, .events = "f1=A|f1=B|f2=A|f2=B|n1=A|n1=B|f1-|f2-|n1-|reload|wait:1000|"
	    "digest:f1-|digest:f1+" },
	{ "seed", "f1* f2 n1", 1, 1, .quorum = 2, .begin = "f1=A f2=A n1=A dnsd+", .depth = 30,
	    .states = 10000, .events = "f1=A|f1=B|f2=A|f2=B|n1=A|n1=B|f1-|drain:f1|clear:f1|reload|"
	    "digest:f1-|digest:f1+|wait:1000" },
	{ "origin", "f1 n1", 1, 1, .quorum = 2, .origin = true, .begin = "f1=A n1=A dnsd+",
	    .depth = 30, .states = 10000, .events = "origin=A|origin=B|notify=A|notify=B|f1=A|f1=B|"
	    "n1=A|n1=B|f1-|reload|wait:1000|wait:64000" },
	{ "no-servers", "n1 s1", 1, 1, .begin = UP, .depth = 30, .states = 8000,
	    .events = "drain:fra|drain:fra:2000|clear:fra|rounds|wait:1000|wait:8000|dnsd-|dnsd+|"
	    "restart" },
};

const size_t worlds_n = sizeof(worlds) / sizeof(worlds[0]);

const char *
worlds_known(const struct world *world, enum watch_rule rule)
{
	static const struct { const char *world; enum watch_rule rule; const char *why; } known[] = {
		{ "", WATCH_FINE, "" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].rule == rule && strcmp(known[i].world, world->name) == 0)
			return known[i].why;
	return NULL;
}
