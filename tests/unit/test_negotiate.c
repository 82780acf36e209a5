/* negotiate: what suffixes, queries and Accept fields ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redirectd/negotiate.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *path;
	enum document document;
	size_t file;
} suffixes[] = {
	{ "a/b.iso.meta4", DOCUMENT_META4, 7 },
	{ "a/b.iso.metalink", DOCUMENT_METALINK, 7 },
	{ "b.mirrorlist", DOCUMENT_MIRRORLIST, 1 },
	{ "b.torrent", DOCUMENT_TORRENT, 1 },
	{ "b.magnet", DOCUMENT_MAGNET, 1 },
	{ "b.zsync", DOCUMENT_ZSYNC, 1 },
	{ "b.btih", DOCUMENT_BTIH, 1 },
	{ "b.md5", DOCUMENT_MD5, 1 },
	{ "b.sha1", DOCUMENT_SHA1, 1 },
	{ "b.sha256", DOCUMENT_SHA256, 1 },
	{ "b.meta4.meta4", DOCUMENT_META4, 7 },
	{ "b.sha256.", DOCUMENT_NONE, 0 },
	{ "b.SHA256", DOCUMENT_NONE, 0 },
	{ "b.sha2567", DOCUMENT_NONE, 0 },
	{ "b.sha25", DOCUMENT_NONE, 0 },
	{ "b.meta4/", DOCUMENT_NONE, 0 },
	{ "b.meta4/c", DOCUMENT_NONE, 0 },
	{ ".meta4", DOCUMENT_NONE, 0 },
	{ "a/.meta4", DOCUMENT_NONE, 0 },
	{ "meta4", DOCUMENT_NONE, 0 },
	{ "", DOCUMENT_NONE, 0 },
};

static void
every_suffix(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(suffixes); i++) {
		size_t file = 0;
		enum document d = negotiate_suffix(suffixes[i].path, strlen(suffixes[i].path),
		    &file);

		if (d != suffixes[i].document || file != suffixes[i].file)
			fail_msg("%s: %d, %zu", suffixes[i].path, d, file);
	}
}

static const struct {
	const char *query;
	enum document document;
	bool only_hash;
	enum negotiate_form form;
} queries[] = {
	{ NULL, DOCUMENT_NONE, false, NEGOTIATE_UNSAID },
	{ "", DOCUMENT_NONE, false, NEGOTIATE_UNSAID },
	{ "meta4", DOCUMENT_META4, false, NEGOTIATE_UNSAID },
	{ "metalink=1", DOCUMENT_METALINK, false, NEGOTIATE_UNSAID },
	{ "country=no&mirrorlist", DOCUMENT_MIRRORLIST, false, NEGOTIATE_UNSAID },
	{ "mirrorlist&format=json", DOCUMENT_MIRRORLIST, false, NEGOTIATE_JSON },
	{ "format=text&mirrorlist", DOCUMENT_MIRRORLIST, false, NEGOTIATE_TEXT },
	{ "mirrorlist&format=html", DOCUMENT_MIRRORLIST, false, NEGOTIATE_HTML },
	{ "mirrorlist&format=xml", DOCUMENT_MIRRORLIST, false, NEGOTIATE_UNSAID },
	{ "mirrorlist&format", DOCUMENT_MIRRORLIST, false, NEGOTIATE_UNSAID },
	{ "mirrorlist&format=", DOCUMENT_MIRRORLIST, false, NEGOTIATE_UNSAID },
	{ "sha256&only_hash", DOCUMENT_SHA256, true, NEGOTIATE_UNSAID },
	{ "only_hash=1&md5", DOCUMENT_MD5, true, NEGOTIATE_UNSAID },
	{ "only_hash", DOCUMENT_NONE, true, NEGOTIATE_UNSAID },
	{ "sha256&md5", DOCUMENT_SHA256, false, NEGOTIATE_UNSAID },
	{ "&&torrent&", DOCUMENT_TORRENT, false, NEGOTIATE_UNSAID },
	{ "magnets", DOCUMENT_NONE, false, NEGOTIATE_UNSAID },
	{ "x=meta4", DOCUMENT_NONE, false, NEGOTIATE_UNSAID },
	{ "META4", DOCUMENT_NONE, false, NEGOTIATE_UNSAID },
	{ "=meta4&==&=", DOCUMENT_NONE, false, NEGOTIATE_UNSAID },
};

static void
every_query(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(queries); i++) {
		struct negotiate_query q = negotiate_query(queries[i].query);

		if (q.document != queries[i].document || q.only_hash != queries[i].only_hash ||
		    q.form != queries[i].form)
			fail_msg("%s: %d, %d, %d", queries[i].query, q.document, q.only_hash,
			    q.form);
	}
}

#define M4 "application/metalink4+xml"
#define M3 "application/metalink+xml"

static const struct {
	const char *sentence, *accept, *type;
	enum document document;
} accepts[] = {
	{ "no field", NULL, NULL, DOCUMENT_NONE },
	{ "an empty one", "", NULL, DOCUMENT_NONE },
	{ "anything", "*/*", NULL, DOCUMENT_NONE },
	{ "any application", "application/*", NULL, DOCUMENT_NONE },
	{ "a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", NULL,
	    DOCUMENT_NONE },
	{ "the type", M4, NULL, DOCUMENT_META4 },
	{ "the old type", M3, NULL, DOCUMENT_METALINK },
	{ "in another case", "Application/Metalink4+XML", NULL, DOCUMENT_META4 },
	{ "aria2", "*/*," M4 "," M3, NULL, DOCUMENT_META4 },
	{ "the old one rather", M4 ";q=0.5, " M3, NULL, DOCUMENT_METALINK },
	{ "as gladly", M3 ";q=0.5, " M4 ";q=0.50", NULL, DOCUMENT_META4 },
	{ "not that one", M4 ";q=0", NULL, DOCUMENT_NONE },
	{ "not that one, with decimals", M4 ";q=0.000, */*;q=0", NULL, DOCUMENT_NONE },
	{ "the file rather", "*/*, " M4 ";q=0.9", NULL, DOCUMENT_NONE },
	{ "the file's kind rather", "image/*, " M4 ";q=0.9", "image/png", DOCUMENT_NONE },
	{ "the file's type rather", "*/*;q=0.1, image/png, " M4 ";q=0.9", "image/png",
	    DOCUMENT_NONE },
	{ "another kind rather", "text/*, " M4 ";q=0.9", "image/png", DOCUMENT_META4 },
	{ "the file's type less than anything", "*/*, image/png;q=0.1, " M4 ";q=0.9",
	    "image/png", DOCUMENT_META4 },
	{ "blanks", " text/plain ,\t" M4 " ; q=1 ", NULL, DOCUMENT_META4 },
	{ "a capital Q", M4 ";Q=0", NULL, DOCUMENT_NONE },
	{ "other parameters", M4 ";charset=utf-8;q=1", NULL, DOCUMENT_META4 },
	{ "in quotes", "text/plain;x=\"a," M4 "\\\",\"", NULL, DOCUMENT_NONE },
	{ "behind quotes", "text/plain;x=\"a\\\",\"," M4, NULL, DOCUMENT_META4 },
	{ "quotes without end", "text/plain;x=\"a," M4, NULL, DOCUMENT_NONE },
	{ "part of another word", "x" M4 ", " M4 "2", NULL, DOCUMENT_NONE },
	{ "a weight too large", M4 ";q=1.001", NULL, DOCUMENT_NONE },
	{ "a weight of letters", M4 ";q=high", NULL, DOCUMENT_NONE },
	{ "a weight below zero", M4 ";q=-1", NULL, DOCUMENT_NONE },
	{ "a weight too fine", M4 ";q=0.1234", NULL, DOCUMENT_NONE },
	{ "an empty weight", M4 ";q=", NULL, DOCUMENT_NONE },
	{ "a point alone", M4 ";q=1.", NULL, DOCUMENT_META4 },
	{ "two words", M4 " " M4, NULL, DOCUMENT_NONE },
	{ "nonsense beside it", ",,;;q,=/=, " M4, NULL, DOCUMENT_META4 },
	{ "twice", M4 ";q=0, " M4, NULL, DOCUMENT_META4 },
};

static void
every_accept(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(accepts); i++) {
		enum document d = negotiate_accept(accepts[i].accept, accepts[i].type);

		if (d != accepts[i].document)
			fail_msg("%s: %d", accepts[i].sentence, d);
	}
}

static const struct {
	const char *accept;
	enum negotiate_form form;
} forms[] = {
	{ NULL, NEGOTIATE_HTML },
	{ "*/*", NEGOTIATE_HTML },
	{ "text/*", NEGOTIATE_HTML },
	{ "application/json", NEGOTIATE_JSON },
	{ "application/json, */*", NEGOTIATE_JSON },
	{ "application/json, text/plain, */*", NEGOTIATE_JSON },
	{ "text/plain", NEGOTIATE_TEXT },
	{ "text/plain;q=0.5, application/json;q=0.4", NEGOTIATE_TEXT },
	{ "text/html, application/json", NEGOTIATE_HTML },
	{ "text/html;q=0.8, application/json", NEGOTIATE_JSON },
	{ "text/html, text/plain;q=0.9", NEGOTIATE_HTML },
	{ "application/json;q=0.5, */*;q=0.8", NEGOTIATE_HTML },
	{ "application/json;q=0", NEGOTIATE_HTML },
	{ "image/png", NEGOTIATE_HTML },
};

static void
every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(forms); i++)
		if (negotiate_form(forms[i].accept) != forms[i].form)
			fail_msg("%s", forms[i].accept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suffix),
		cmocka_unit_test(every_query),
		cmocka_unit_test(every_accept),
		cmocka_unit_test(every_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
