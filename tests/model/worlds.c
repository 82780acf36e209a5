#include "tests/model/worlds.h"

#include <string.h>

#define UP "all+ dnsd+"

const struct world worlds[] = {
	{ "one-each", "f1 n1", 2, 2, .begin = "dnsd+", .depth = 30, .states = 12000,
	    .events = "f1+|f1-|n1+|n1-|f1?|n1?|wait:250|wait:1000|late" },
	{ "rounds", "f1 f2 n1", 2, 2, .begin = UP, .depth = 30, .states = 12000,
	    .events = "rounds|late|clock|f1?" },
	{ "three-sites", "f1 n1 s1", 1, 2, .begin = UP, .depth = 30, .states = 12000,
	    .events = "f1+|f1-|n1+|n1-|s1+|s1-|wait:1000|site:nyc-" },
	{ "families", "f1/46 n1/46", 1, 1, .begin = "dnsd+", .depth = 30, .states = 8000,
	    .events = "rounds|late" },
	{ "one-site", "f1 f2", 2, 2, .min_healthy = 2, .begin = UP, .depth = 30, .states = 10000,
	    .events = "f1+|f1-|f2+|f2-|f1?|wait:1000|wait:8000|dnsd-|dnsd+" },
	{ "both-checks", "f1 n1", 1, 2, .checks = 2, .begin = UP, .depth = 30, .states = 6000,
	    .events = "f1#1+|f1#1-|f1#2+|f1#2-|n1#1+|n1#1-|n1#2-|n1#2+|f1#2?|wait:1000|reload" },
	{ "any-check", "f1 n1", 1, 1, .checks = 2, .any = true, .begin = "dnsd+", .depth = 30,
	    .states = 6000, .events = "rounds|wait:1000|f1#1?|f1#2?|late" },
	{ "route", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 12000,
	    .events = "dnsd+|dnsd-|dnsd?|f1+|f1-|n1+|n1-|stall|wait:1000|wait:8000|wait:900000" },
	{ "flaps", "f1 n1", 1, 1, .suppress = 6000, .begin = UP, .depth = 40, .states = 4000,
	    .events = "dnsd-|dnsd+|f1- n1+|f1+ n1+|wait:1000|wait:8000" },
	{ "tcp", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 6000,
	    .events = "tcp-|tcp+|dnsd-|dnsd+|f1- n1+|f1+ n1+|drain:fra|clear:fra|wait:1000|"
	    "wait:8000" },
	{ "caches-drain", "f1 n1", 1, 1, .caches_drain = true, .begin = "dnsd+", .depth = 30,
	    .states = 10000, .events = "f1+|f1-|n1+|n1-|wait:1000|wait:8000|dnsd-|dnsd+" },
	{ "words-of-site", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 10000,
	    .events = "drain:fra|drain:fra:2000|up:fra|down:fra|clear:fra|f1+ n1+|f1- n1+|f1- n1-|"
	    "wait:1000|wait:8000|dnsd-|dnsd+" },
	{ "words-of-servers", "f1 f2 n1", 1, 1, .begin = UP, .depth = 30, .states = 10000,
	    .events = "drain:f1|up:f1:2000|down:f1|clear:f1|drain:f2|clear:f2|rounds|wait:8000" },
	{ "word-of-a-server", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 8000,
	    .events = "drain:f1|drain:f1:3000|up:f1|drain:fra|clear:f1|f1+ n1+|f1- n1+|f1- n1-|"
	    "wait:1000|wait:8000|reload" },
	{ "plans", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 8000,
	    .events = "plan:fra:2000|drain:fra|drain:fra:1000|up:fra|clear:fra|plan:f1:1000|"
	    "clear:f1|wait:250|wait:1000|wait:8000|reload|gone|f1- n1-" },
	{ "peers", "f1 n1 s1", 1, 1, .begin = UP, .depth = 30, .states = 10000,
	    .events = "site:nyc+|site:nyc-|site:fra+|drain:nyc|clear:nyc|drain:fra|clear:fra|"
	    "wait:1000|rounds|reload" },
	{ "ttls", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 8000,
	    .events = "ttl:fra:5|ttl:fra:2|ttl:nyc:9|ttl:nyc:2|drain:fra|clear:fra|wait:1000|"
	    "wait:8000|reload" },
	{ "restarts", "f1 n1", 2, 2, .begin = UP, .depth = 30, .states = 12000,
	    .events = "kill|start|reload|restart|gone|reboot|dnsd+|dnsd-|f1+ n1+|f1- n1+|f1- n1-|"
	    "wait:1000" },
	{ "restarts-and-words", "f1 n1", 1, 1, .begin = UP, .depth = 30, .states = 12000,
	    .events = "kill start|reload|restart|gone|reboot|dnsd+|dnsd-|f1+ n1+|f1- n1-|"
	    "drain:fra:4000|up:fra|clear:fra|wait:1000|wait:8000" },
	{ "not-checked", "f1 f2 n1", 1, 2, .begin = "dnsd+", .depth = 30, .states = 12000,
	    .events = "f1+|f1-|f1?|f2-|f2?|n1+|n1-|n1?|wait:1000|reload" },
	{ "quorum", "f1 f2 n1", 1, 1, .quorum = 2, .begin = "f1=A f2=A n1=A dnsd+", .depth = 30,
	    .states = 12000, .events = "f1=A|f1=B|f2=A|f2=B|n1=A|n1=B|f1-|f2-|n1-|reload|wait:1000|"
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
	/* large ones */
	{ "large-one-each", "f1 n1", 2, 2, .large = true, .begin = "dnsd+", .depth = 30,
	    .states = 600000, .events = "f1+|f1-|n1+|n1-|f1?|n1?|wait:250|wait:1000|late|clock" },
	{ "large-rounds", "f1 f2 n1 n2", 1, 1, .large = true, .begin = UP, .depth = 30,
	    .states = 200000, .events = "rounds|late" },
	{ "large-three-sites", "f1 n1 s1", 2, 3, .large = true, .begin = UP, .depth = 30,
	    .states = 600000, .events = "f1+|f1-|n1+|n1-|s1+|s1-|n1?|wait:1000|site:nyc-|late" },
	{ "large-families", "f1/46 n1/46 s1/46", 1, 1, .large = true, .begin = "dnsd+", .depth = 30,
	    .states = 400000, .events = "f1.4+|f1.4-|f1.6+|f1.6-|n1.4+|n1.4-|n1.6+|n1.6-|s1.4+|"
	    "s1.4-|s1.6+|s1.6-|wait:1000|site:nyc-" },
	{ "large-both-checks", "f1 n1 s1", 1, 2, .checks = 2, .large = true, .begin = UP,
	    .depth = 30, .states = 400000, .events = "f1#1+|f1#1-|f1#2+|f1#2-|n1#1+|n1#1-|n1#2-|"
	    "n1#2+|s1#1+|s1#1-|s1#2+|s1#2-|f1#2?|wait:1000|reload|late" },
	{ "large-any-check", "f1 n1", 2, 2, .checks = 2, .any = true, .large = true, .begin = UP,
	    .depth = 30, .states = 400000, .events = "rounds|wait:1000|f1#1?|n1#2?|late|reload" },
	{ "large-min-healthy", "f1 f2 n1", 3, 3, .min_healthy = 2, .large = true, .begin = UP,
	    .depth = 30, .states = 400000, .events = "rounds|late|f1?|dnsd-|dnsd+" },
	{ "large-route", "f1 n1", 1, 1, .large = true, .begin = UP, .depth = 40, .states = 600000,
	    .events = "dnsd+|dnsd-|dnsd?|f1+|f1-|n1+|n1-|drain:fra|clear:fra|wait:1000|wait:8000|"
	    "wait:900000|gone" },
	{ "large-caches-drain", "f1 f2 n1", 1, 1, .caches_drain = true, .large = true,
	    .begin = "dnsd+", .depth = 40, .states = 300000,
	    .events = "rounds|drain:f1|clear:f1|wait:1000|wait:8000|dnsd-|dnsd+" },
	{ "large-words", "f1 f2 n1", 1, 2, .large = true, .begin = UP, .depth = 30,
	    .states = 400000, .events = "rounds|drain:fra|drain:fra:2000|up:fra|down:fra|"
	    "clear:fra|drain:f1|up:f1:2000|"
	    "down:f1|clear:f1|drain:f2|clear:f2|wait:1000|wait:8000|dnsd-|dnsd+" },
	{ "large-restarts", "f1 n1 n2", 2, 2, .large = true, .begin = UP, .depth = 30,
	    .states = 500000, .events = "kill|start|reload|restart|gone|reboot|dnsd+|dnsd-|rounds|"
	    "drain:fra:4000|up:fra|clear:fra|wait:1000|wait:8000" },
	{ "large-not-checked", "f1 f2 n1 s1", 1, 2, .large = true, .begin = "dnsd+", .depth = 30,
	    .states = 400000, .events = "f1+|f1-|f1?|f2-|f2?|n1+|n1-|n1?|s1+|s1-|s1?|wait:1000|"
	    "reload" },
	{ "large-quorum", "f1 f2 n1 n2", 1, 1, .quorum = 3, .large = true,
	    .begin = "f1=A f2=A n1=A n2=A dnsd+", .depth = 30, .states = 400000,
	    .events = "f1=A|f1=B|f1=C|f2=A|f2=B|n1=A|n1=B|n2=B|n2=C|f1-|f2-|n1-|reload|wait:1000|"
	    "drain:f1|clear:f1|digest:f1-|digest:f1+" },
	{ "large-seed", "f1* f2 n1* n2", 1, 1, .quorum = 3, .large = true,
	    .begin = "f1=A f2=A n1=A n2=A dnsd+", .depth = 30, .states = 300000,
	    .events = "f1=A|f1=B|f1=C|f2=A|f2=B|n1=A|n1=B|n2=B|f1-|n1-|reload|wait:1000|drain:f1|"
	    "clear:f1|site:nyc+|site:nyc-|digest:f1-|digest:f1+" },
	{ "large-origin", "f1 f2 n1", 1, 1, .quorum = 2, .origin = true, .large = true,
	    .begin = "f1=A f2=A n1=A dnsd+", .depth = 30, .states = 300000,
	    .events = "origin=A|origin=B|origin=C|notify=A|notify=B|f1=A|f1=B|f2=B|n1=B|n1=C|f1-|"
	    "reload|kill start|late|wait:1000|wait:64000" },
};

const size_t worlds_n = sizeof(worlds) / sizeof(worlds[0]);

const char *
worlds_known(const struct world *world, enum watch_rule rule)
{
	static const struct {
		const char *world;
		enum watch_rule rule;
		const char *why;
	} known[] = {
		{ "", WATCH_FINE, "" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].rule == rule && strcmp(known[i].world, world->name) == 0)
			return known[i].why;
	return NULL;
}
