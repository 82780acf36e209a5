/* Names, row by row: text to wire and back, hashes, order of labels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dns/dns.h"
#include "common/dns/name.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *sentence, *text;
	int len;			/* -1 = refused */
	const char *back;		/* as name_text writes it */
} texts[] = {
	{ "a name", "www.example.org", 17, "www.example.org" },
	{ "with its last dot", "www.example.org.", 17, "www.example.org" },
	{ "the root", ".", 1, "." },
	{ "one label", "org", 5, "org" },
	{ "upper case stays", "WWW.Example.org", 17, "WWW.Example.org" },
	{ "an escaped dot", "a\\.b.c", 7, "a\\.b.c" },
	{ "an escaped backslash", "a\\\\b", 5, "a\\\\b" },
	{ "octets by number", "a\\000\\032\\255", 6, "a\\000\\032\\255" },
	{ "a letter by number", "\\097", 3, "a" },
	{ "special characters", "\\\"\\;\\(\\)\\@\\$", 8, "\\\"\\;\\(\\)\\@\\$" },
	{ "an asterisk and an underscore", "*._tcp", 8, "*._tcp" },
	{ "63 octets", L63, 65, L63 },
	{ "255 octets", L63 "." L63 "." L63 "." L61, 255, L63 "." L63 "." L63 "." L61 },
	{ "no text", "", -1, NULL },
	{ "64 octets", L63 "a", -1, NULL },
	{ "256 octets", L63 "." L63 "." L63 "." L61 "a", -1, NULL },
	{ "far more", L63 "." L63 "." L63 "." L63 "." L63, -1, NULL },
	{ "an empty label", "a..b", -1, NULL },
	{ "an empty label in front", ".a", -1, NULL },
	{ "two dots at the end", "a..", -1, NULL },
	{ "two dots", "..", -1, NULL },
	{ "a number past 255", "a\\256", -1, NULL },
	{ "two digits", "a\\25", -1, NULL },
	{ "a backslash at the end", "a\\", -1, NULL },
};

static void
parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint8_t wire[NAME_MAX_WIRE];
		char back[NAME_TEXT];
		struct err err = { .text = "" };
		int len = name_parse(wire, texts[i].text, &err);
		if (len != texts[i].len)
			fail_msg("%s: length %d, expected %d", texts[i].sentence, len,
			    texts[i].len);
		if (len < 0) {
			assert_true(err.text[0] != '\0');
			continue;
		}
		assert_int_equal(name_len(wire), len);
		assert_int_equal(name_check(wire, (size_t)len), len);
		if (strcmp(name_text(back, wire), texts[i].back) != 0)
			fail_msg("%s: written as %s", texts[i].sentence, back);
	}
}

static const struct {
	const char *sentence;
	uint8_t wire[8];
	size_t avail, len;		/* len 0 = not well-formed */
} wires[] = {
	{ "the root", { 0 }, 1, 1 },
	{ "a name", { 1, 'a', 0 }, 3, 3 },
	{ "octets behind it do not matter", { 1, 'a', 0, 9 }, 4, 3 },
	{ "nothing", { 0 }, 0, 0 },
	{ "without its root", { 1, 'a' }, 2, 0 },
	{ "cut off in a label", { 3, 'a', 'b' }, 3, 0 },
	{ "a pointer", { 0xc0, 12 }, 2, 0 },
	{ "a pointer behind a label", { 1, 'a', 0xc0, 12 }, 4, 0 },
	{ "a label type of 01", { 0x41, 0 }, 2, 0 },
	{ "a label of 64 octets", { 64, 0 }, 2, 0 },
};

static void
checks(void **state)
{
	uint8_t longest[300] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++) {
		struct name_walk w;
		size_t len = name_check(wires[i].wire, wires[i].avail);
		if (len != wires[i].len || name_walk(&w, wires[i].wire, wires[i].avail) != len)
			fail_msg("%s: %zu, expected %zu", wires[i].sentence, len, wires[i].len);
	}
	/* 127 labels of one octet are 255 octets, 128 are too many */
	for (size_t i = 0; i < 256; i += 2) {
		longest[i] = 1;
		longest[i + 1] = 'x';
	}
	assert_int_equal(name_check(longest, sizeof(longest)), 0);
	longest[254] = 0;
	assert_int_equal(name_check(longest, sizeof(longest)), 255);
	assert_int_equal(name_labels(longest), 127);
}

/* The name in lower case; its length. */
static size_t
fold(uint8_t *out, const uint8_t *name)
{
	size_t len = name_len(name);

	for (size_t i = 0; i < len; i++)
		out[i] = name_fold(name[i]);
	return len;
}

static const struct {
	const char *a, *b;
	bool equal, a_below_b;
} pairs[] = {
	{ "example.org", "example.org", true, true },
	{ "EXAMPLE.org", "example.ORG", true, true },
	{ "www.example.org", "example.org", false, true },
	{ "WWW.EXAMPLE.ORG", "example.org", false, true },
	{ "example.org", "www.example.org", false, false },
	{ "badexample.org", "example.org", false, false },
	{ "a.badexample.org", "example.org", false, false },
	{ "example.org", ".", false, true },
	{ ".", ".", true, true },
	{ ".", "org", false, false },
	{ "a\\.example.org", "example.org", false, false },
	{ "\\192", "\\224", false, false },	/* only ASCII letters have a case */
	{ "[", "{", false, false },
	{ "@", "`", false, false },
	{ "a.b", "a\\.b", false, false },
	{ "aaaaaaaaaaaaaaaaZ.org", "AAAAAAAAAAAAAAAAz.org", true, true },
	{ "aaaaaaaaaaaaaaaay.org", "AAAAAAAAAAAAAAAAz.org", false, false },
};

static void
compares(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		uint8_t a[NAME_MAX_WIRE], b[NAME_MAX_WIRE], lower[NAME_MAX_WIRE];
		assert_true(name_parse(a, pairs[i].a, NULL) > 0);
		assert_true(name_parse(b, pairs[i].b, NULL) > 0);
		if (name_equal(a, b) != pairs[i].equal || name_below(a, b) != pairs[i].a_below_b ||
		    name_equal_to(a, b, name_len(b)) != pairs[i].equal ||
		    (name_hash(a) == name_hash(b)) != pairs[i].equal)
			fail_msg("%s and %s: equal %d, below %d", pairs[i].a, pairs[i].b,
			    name_equal(a, b), name_below(a, b));
		assert_int_equal(fold(lower, a), name_len(a));
		assert_true(name_equal(lower, a));
	}
}

/* Any two short names of few letters: equal or not as their text is, and nothing is read past
 * where it may be. */
static void
compares_by_length(void **state)
{
	static const char letters[] = "aAbB-";

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t *at[2];
		size_t len[2];
		bool same;

		for (int k = 0; k < 2; k++) {
			uint8_t name[NAME_MAX_WIRE];
			size_t n = 0;

			for (int labels = rand() % 4; labels > 0; labels--)
				for (int left = name[n++] = (uint8_t)(1 + rand() % 9);
				    left > 0; left--)
					name[n++] = (uint8_t)letters[rand() % 5];
			name[n++] = 0;
			if (k == 1 && rand() % 2 == 0)	/* else hardly any two would be equal */
				n = fold(name, at[0]);
			len[k] = n;
			at[k] = malloc(n);
			memcpy(at[k], name, n);
		}
		same = name_equal(at[0], at[1]);
		/* as much as may be read of the first: less than it has, if it is the longer */
		at[0] = realloc(at[0], len[0] + 7 < len[1] ? len[0] + 7 : len[1]);
		assert_int_equal(name_equal_to(at[0], at[1], len[1]), same);
		free(at[0]);
		free(at[1]);
	}
}

/* The walk's hashes are those of the ancestors, whatever the lengths of labels. */
static void
walks(void **state)
{
	uint8_t name[NAME_MAX_WIRE];
	char text[NAME_TEXT] = "";
	struct name_walk w;

	(void)state;
	for (unsigned n = 1; n <= 20; n++) {	/* labels of 1 to 20 octets */
		char label[64] = "";
		char longer[NAME_TEXT];
		for (unsigned i = 0; i < n; i++)
			label[i] = (char)((i % 2 == 0 ? 'A' : 'a') + (int)((n + i) % 26));
		snprintf(longer, sizeof(longer), "%s.%.900s", label, text);
		strcpy(text, longer);
		assert_true(name_parse(name, text, NULL) > 0);
		assert_int_equal(name_walk(&w, name, sizeof(name)), name_len(name));
		assert_int_equal(w.labels, n);
		assert_true(w.hash[0] == name_hash((const uint8_t *)""));
		assert_int_equal(w.label[0], w.len - 1);
		for (unsigned i = 1; i <= n; i++) {
			assert_true(w.hash[i] == name_hash(name + w.label[i]));
			assert_int_equal(name_labels(name + w.label[i]), i);
			assert_true(name_below(name, name + w.label[i]));
		}
	}
}

static void
skips(void **state)
{
	static const struct {
		const char *sentence;
		uint8_t message[16];
		size_t len, at, end;
	} rows[] = {
		{ "the root", { 0 }, 1, 0, 1 },
		{ "a name", { 9, 1, 'a', 2, 'b', 'c', 0, 9 }, 8, 1, 7 },
		{ "a pointer alone", { 0xc0, 12, 9 }, 3, 0, 2 },
		{ "a name that ends with a pointer", { 1, 'a', 0xff, 0xff, 9 }, 5, 0, 4 },
		{ "a pointer cut off", { 1, 'a', 0xc0 }, 3, 0, 0 },
		{ "a label cut off", { 5, 'a', 'b' }, 3, 0, 0 },
		{ "no end", { 1, 'a' }, 2, 0, 0 },
		{ "a label of a type that is not there", { 0x40, 0 }, 2, 0, 0 },
		{ "behind the message", { 0 }, 1, 1, 0 },
	};
	uint8_t longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (name_skip(rows[i].message, rows[i].len, rows[i].at) != rows[i].end)
			fail_msg("%s", rows[i].sentence);
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 == 0 ? 1 : 'a';
	longest[254] = 0;
	assert_int_equal(name_skip(longest, sizeof(longest), 0), 255);
	longest[254] = 1, longest[256] = 0;
	assert_int_equal(name_skip(longest, sizeof(longest), 0), 0);
}

static void
names_numbers(void **state)
{
	char text[DNS_TYPE_TEXT];

	(void)state;
	assert_int_equal(dns_type_number("AAAA"), DNS_AAAA);
	assert_int_equal(dns_type_number("nsec3param"), DNS_NSEC3PARAM);
	assert_int_equal(dns_type_number("type65535"), 65535);
	assert_int_equal(dns_type_number("TYPE0"), 0);
	assert_int_equal(dns_type_number("TYPE"), -1);
	assert_int_equal(dns_type_number("TYPE65536"), -1);
	assert_int_equal(dns_type_number("TYPE1a"), -1);
	assert_int_equal(dns_type_number("AAAAA"), -1);
	assert_string_equal(dns_type_text(text, 257), "CAA");
	assert_string_equal(dns_type_text(text, 65535), "TYPE65535");
	for (unsigned t = 0; t <= 65535; t++)
		assert_int_equal(dns_type_number(dns_type_text(text, (uint16_t)t)), t);
	assert_int_equal(dns_rcode_number("nxdomain"), DNS_NXDOMAIN);
	assert_int_equal(dns_rcode_number("rcode 11"), -1);
	assert_string_equal(dns_rcode_text(text, DNS_REFUSED), "REFUSED");
	assert_string_equal(dns_rcode_text(text, 11), "rcode 11");
}

/* ---- names that meet ---- */

enum { MEETING = 40000, PARTS = 16, SLOTS = 1 << 17 };

/* A key that is known, so that names can be made for it. */
static const struct name_key known = {
	UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xff51afd7ed558ccd),
	UINT64_C(0xe7037ed1a0b428db), UINT64_C(0xa0761d6478bd642f)
};

/* Two labels, of 7 and of 8 octets, that step any hash alike under the known key: the words that
 * are hashed differ by what the lengths do. */
static void
make_pair(uint8_t seven[8], uint8_t eight[9], uint32_t *random)
{
	bool letters;

	do {
		uint32_t a, b;
		uint64_t word;

		seven[0] = 7;
		for (unsigned i = 1; i <= 7; i++) {
			*random = *random * 1664525 + 1013904223;
			seven[i] = (uint8_t)('a' + (*random >> 16) % 26);
		}
		memcpy(&a, seven + 1, 4);
		memcpy(&b, seven + 4, 4);
		word = ((uint64_t)a << 32 | b) ^ 7 * known.length ^ 8 * known.length;
		a = (uint32_t)(word >> 32);
		b = (uint32_t)word;
		eight[0] = 8;
		memcpy(eight + 1, &a, 4);
		memcpy(eight + 5, &b, 4);
		letters = false;
		for (unsigned i = 1; i <= 8; i++)
			letters = letters || (eight[i] >= 'A' && eight[i] <= 'Z');
	} while (letters);		/* they would be folded */
}

/* The name whose parts are chosen by the bits of `n`. */
static void
make_name(uint8_t name[NAME_MAX_WIRE], uint8_t labels[PARTS][2][9], unsigned n)
{
	size_t at = 0;

	for (unsigned i = 0; i < PARTS; i++) {
		const uint8_t *label = labels[i][n >> i & 1];

		memcpy(name + at, label, *label + 1u);
		at += *label + 1u;
	}
	name[at] = 0;
}

/* The most hashes of the MEETING names that begin a search at one slot of a table. */
static unsigned
most_in_a_slot(uint8_t labels[PARTS][2][9])
{
	static unsigned slots[SLOTS];
	uint8_t name[NAME_MAX_WIRE];
	unsigned most = 0;

	memset(slots, 0, sizeof(slots));
	for (unsigned n = 0; n < MEETING; n++) {
		unsigned *slot;

		make_name(name, labels, n);
		slot = &slots[name_hash(name) % SLOTS];
		most = ++*slot > most ? *slot : most;
	}
	return most;
}

static void
names_made_for_a_known_key_meet_under_no_other(void **state)
{
	static uint8_t labels[PARTS][2][9];
	struct name_key other = known;
	unsigned before, after;
	uint32_t random = 1;

	(void)state;
	for (unsigned i = 0; i < PARTS; i++)
		make_pair(labels[i][0], labels[i][1], &random);
	before = most_in_a_slot(labels);		/* the key that this process has drawn */
	assert_true(before < 20);
	name_hash_key(&known);
	assert_int_equal(most_in_a_slot(labels), MEETING);
	other.length ^= 2;
	name_hash_key(&other);
	after = most_in_a_slot(labels);
	assert_true(after < 20);
}

/* The hash of a name in another process, which is this program with an argument. */
static uint64_t
hash_elsewhere(void)
{
	unsigned long long hash;
	char command[4096 + 8];
	ssize_t len = readlink("/proc/self/exe", command, 4096);
	FILE *other;

	assert_true(len > 0 && len < 4096);
	strcpy(command + len, " hash");
	other = popen(command, "r");
	assert_non_null(other);
	assert_int_equal(fscanf(other, "%llx", &hash), 1);
	assert_int_equal(pclose(other), 0);
	return hash;
}

static void
each_process_draws_its_key(void **state)
{
	uint64_t first = hash_elsewhere(), second = hash_elsewhere();

	(void)state;
	assert_true(first != second);
}

int
main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		static const uint8_t name[] = "\3www\7example\3org";
		printf("%llx\n", (unsigned long long)name_hash(name));
		return 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(checks), cmocka_unit_test(skips), cmocka_unit_test(names_numbers),
		cmocka_unit_test(compares), cmocka_unit_test(compares_by_length),
		cmocka_unit_test(walks),
		cmocka_unit_test(names_made_for_a_known_key_meet_under_no_other),
		cmocka_unit_test(each_process_draws_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
