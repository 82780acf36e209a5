/* bird_reply: replies of real BIRDs, by rows */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "healthd/route/bird_reply.h"

static const struct line_row {
	const char *sentence, *octets;
	int lines, code;		/* of the last line */
	bool last;
	const char *text;
} line_rows[] = {
	{ "a greeting", "0001 BIRD 2.0.12 ready.\n", 1, 1, true, "BIRD 2.0.12 ready." },
	{ "a line that more follow", "1000-BIRD 2.0.12\n", 1, 1000, false, "BIRD 2.0.12" },
	{ "a continuation keeps the code", "1011-Router ID is 10.99.1.1\n Hostname is vm\n", 2,
	    1011, false, "Hostname is vm" },
	{ "a continuation of nothing is skipped", " Hostname is vm\n0000 \n", 1, 0, true, "" },
	{ "running commentary is skipped", "+debug noise\n0013 Daemon is up and running\n", 1, 13,
	    true, "Daemon is up and running" },
	{ "an unfinished line is no line", "0013 Daemon", 0, 0, false, "" },
	{ "a code of three digits is no code", "001 x\n0000 \n", 1, 0, true, "" },
	{ "a letter in the code", "00x1 x\n0000 \n", 1, 0, true, "" },
	{ "empty lines say nothing", "\n\n\n0000 \n", 1, 0, true, "" },
	{ "an unknown protocol", "8003 No protocols match\n", 1, 8003, true, "No protocols match" },
};

static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(line_rows) / sizeof(line_rows[0]); i++) {
		const struct line_row *r = &line_rows[i];
		/* in pieces of every size: the lines are the same */
		for (size_t piece = 1; piece < 40; piece++) {
			struct bird_reader reader;
			struct bird_line line = { 0 };
			size_t len = strlen(r->octets);
			int lines = 0;

			bird_reader_init(&reader);
			for (size_t at = 0; at < len; at += piece) {
				const char *data = r->octets + at;
				size_t left = len - at < piece ? len - at : piece;

				while (bird_reader_next(&reader, &data, &left, &line)) {
					lines++;
					if (lines == r->lines && (line.code != r->code ||
					    line.last != r->last ||
					    strcmp(line.text, r->text) != 0))
						fail_msg("%s: %d %d \"%s\"", r->sentence, line.code,
						    line.last, line.text);
				}
			}
			if (lines != r->lines)
				fail_msg("%s: %d lines, expected %d", r->sentence, lines, r->lines);
		}
	}
}

static void
test_long_lines_are_cut(void **state)
{
	char octets[5000];
	const char *data = octets;
	size_t left = sizeof(octets);
	struct bird_reader reader;
	struct bird_line line;

	(void)state;
	memset(octets, 'x', sizeof(octets));
	memcpy(octets, "1007-", 5);
	octets[sizeof(octets) - 1] = '\n';
	bird_reader_init(&reader);
	assert_true(bird_reader_next(&reader, &data, &left, &line));
	assert_int_equal(line.code, 1007);
	assert_true(strlen(line.text) < BIRD_LINE_MAX);
	assert_false(bird_reader_next(&reader, &data, &left, &line));
}

static const struct protocol_row {
	const char *sentence, *text, *name;
	bool known, bgp, up, established;
} protocol_rows[] = {
	{ "a heading", "Name       Proto      Table      State  Since         Info", "", false,
	    false, false, false },
	{ "a static protocol", "anycast4   Static     on4        up     03:28:41.263  ", "anycast4",
	    true, false, true, false },
	{ "one that is switched off", "anycast4_drain Static     dr4        down   03:28:41.263  ",
	    "anycast4_drain", true, false, false, false },
	{ "a session", "rb         BGP        ---        up     03:28:42.175  Established   ", "rb",
	    true, true, true, true },
	{ "a session in the making",
	    "rb         BGP        ---        start  03:28:42.175  Connect       "
	    "Socket: Connection refused", "rb", true, true, false, false },
	{ "a protocol whose name says Established",
	    "Established Static     on4        up     03:28:41.263  ", "Established", true, false,
	    true, false },
	{ "nothing", "", "", false, false, false, false },
	{ "too little", "a b c", "", false, false, false, false },
};

static void
test_protocols(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(protocol_rows) / sizeof(protocol_rows[0]); i++) {
		const struct protocol_row *r = &protocol_rows[i];
		struct bird_protocol p;
		bool known = bird_read_protocol(&p, r->text);

		if (known != r->known || (known && (strcmp(p.name, r->name) != 0 ||
		    p.bgp != r->bgp ||
		    p.up != r->up || p.established != r->established)))
			fail_msg("%s: %d \"%s\" %d %d %d", r->sentence, known, p.name, p.bgp, p.up,
			    p.established);
	}
}

static const struct route_row {
	const char *sentence;
	const char *lines[6];
	bool found, shutdown;
} route_rows[] = {
	{ "serving", { "Table master4:",
	    "192.0.2.0/24         unicast [anycast4 03:28:41.271] * (200)", "\tdev lo",
	    "\tType: static univ" }, true, false },
	{ "draining", { "Table master4:",
	    "192.0.2.0/24         unicast [anycast4_drain 03:28:49.903] * (190)", "\tdev lo",
	    "\tBGP.as_path: 65001 65001", "\tBGP.med: 1000", "\tBGP.community: (65535,0)" },
	    true, true },
	{ "draining, as BIRD 3 writes it",
	    { "192.0.2.0/24  unicast [anycast4_drain 03:28:49.903] * (190)",
	    "\tbgp_community: (64500,1) (65535, 0)" }, true, true },
	{ "another community", { "192.0.2.0/24  unicast [anycast4 03:28:49.903] * (190)",
	    "\tBGP.community: (65535,65281)" }, true, false },
	{ "nothing found", { "Network not found" }, false, false },
	{ "a heading alone", { "Table master4:" }, false, false },
};

static void
test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(route_rows) / sizeof(route_rows[0]); i++) {
		const struct route_row *r = &route_rows[i];
		struct bird_route route = { 0 };

		for (size_t k = 0; k < 6 && r->lines[k] != NULL; k++)
			bird_read_route(&route, r->lines[k]);
		if (route.found != r->found || route.shutdown != r->shutdown)
			fail_msg("%s: found %d shutdown %d", r->sentence, route.found,
			    route.shutdown);
	}
}

static void
test_status(void **state)
{
	static const char *const lines[] = { "BIRD 2.0.12", "Router ID is 10.99.1.1",
		"Hostname is \"v\\m", "Last reboot on 2026-11-21 03:28:41.263",
		"Last reconfiguration on 2026-11-21 03:28:42.000" };
	struct bird_status status = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		bird_read_status(&status, lines[i]);
	assert_string_equal(status.version, "2.0.12");
	assert_string_equal(status.reboot, "2026-11-21 03:28:41.263");
	assert_string_equal(status.reconfigured, "2026-11-21 03:28:42.000");
	bird_read_status(&status,
	    "BIRD a\"b\\c\x01 and a version that is much too long to be kept here");
	assert_null(strpbrk(status.version, "\"\\\x01"));
}

static void
test_quote(void **state)
{
	static const struct { const char *name, *quoted; } names[] = {
		{ "rb", "rb" }, { "_x9", "_x9" }, { "r-b", "'r-b'" }, { "9x", "'9x'" },
		{ "a.b:c", "'a.b:c'" },
		{ "a b", NULL }, { "a'b", NULL }, { "", NULL }, { "a\nconfigure", NULL },
	};
	char out[BIRD_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bird_quote(out, names[i].name) != (names[i].quoted != NULL) ||
		    (names[i].quoted != NULL && strcmp(out, names[i].quoted) != 0))
			fail_msg("%s", names[i].name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines_are_cut),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
