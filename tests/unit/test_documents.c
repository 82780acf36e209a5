/* documents: exact answers, from a choice that is written down here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "common/catalogue/catalogue_write.h"
#include "redirectd/documents.h"
#include "redirectd/links.h"
#include "redirectd/torrent.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a world ---- */

#define S(text) ((char[]){ text })	/* what conf owns is not const */

static char *trackers[] = { S("http://tracker.example/announce?a&b"), S("udp://[2001:db8::1]:6969"),
	NULL };
static struct conf_fallback fallback = { .name = S("origin"), .url = S("https://o.example/all/") };
static struct conf_redirect redirect = { .local = S("/_local"), .links = 2,
	.mirrorbrain_headers = true };
static struct conf_mirror mirrors[] = {
	{ .name = S("uib"), .url = S("https://uib.example/pub/"), .country = "NO" },
	{ .name = S("sunet"), .url = S("https://sunet.example/a&b/"), .country = "SE" },
	{ .name = S("far"), .url = S("http://far.example/") },
	{ .name = S("dead"), .url = S("http://dead.example/"), .country = "DK" },
};
static struct choice_mirror order[] = {
	{ &mirrors[0], 0, CHOICE_NEAR, true, 1, 12.34 },
	{ &mirrors[1], 1, CHOICE_NEAR, true, 1, 40 },
	{ &mirrors[2], 2, CHOICE_FAR, true, 2, -1 },
	{ &mirrors[3], 3, CHOICE_DOWN, false, 0, 5 },
};
static uint8_t sha256[32], md5[16], sha1s[3 * 20];

struct world {
	struct redirect_choice choice;
	struct documents_ask ask;
	struct documents_desk desk;
	struct response response;
};

static void
path_is(struct world *w, const char *path)
{
	w->choice.file.path = path;
	w->choice.file.path_len = strlen(path);
}

static int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	for (unsigned i = 0; i < sizeof(sha256); i++)
		sha256[i] = (uint8_t)(i * 8 + 3);
	memcpy(md5, "0123456789abcdef", sizeof(md5));
	for (unsigned i = 0; i < sizeof(sha1s); i++)
		sha1s[i] = (uint8_t)(255 - i);
	w->choice = (struct redirect_choice){
		.redirect = &redirect, .site = "https://dl.example", .mirrors = order,
		.n = N(order), .n_taken = 3, .whole = true, .end = CHOICE_MIRROR,
		.client = { .address = { .family = 4, .ip = { 192, 0, 2, 1 } },
		    .country = "NO", .continent = "EU", .asn = 224, .known = CHOICE_BY_DATABASE,
		    .latitude = 60.39, .longitude = 5.32 },
		.file = { .known = true, .id = 7, .size = 2500000, .mtime = 1764298800,
		    .sha256 = sha256, .md5 = md5 },
	};
	path_is(w, "/a/b c.iso");
	w->ask.now = 1764302400;
	assert_int_equal(response_init(&w->response), 0);
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	documents_end(&w->desk);
	response_end(&w->response);
	free(w);
	return 0;
}

static const char *
head(const struct response *response, const char *name)
{
	for (size_t i = 0; i < response->n_heads; i++)
		if (strcmp(response->heads[i].name, name) == 0)
			return response->heads[i].value;
	return "";
}

/* The body of one document, with a NUL behind it; the caller frees. */
static char *
document(struct world *w, enum document which, unsigned status, const char *type)
{
	w->ask.document = which;
	response_clear(&w->response);
	assert_true(documents_write(&w->desk, &w->ask, &w->choice, NULL, &w->response));
	assert_false(w->response.broken);
	assert_int_equal(w->response.status, status);
	assert_string_equal(head(&w->response, "Content-Type"), type);
	return strndup(w->response.body, w->response.body_len);
}

static void
expect(struct world *w, enum document which, unsigned status, const char *type,
    const char *wanted)
{
	char *got = document(w, which, status, type);

	assert_string_equal(got, wanted);
	free(got);
}

#define TEXT "text/plain; charset=UTF-8"
#define SHA256 "030b131b232b333b434b535b636b737b838b939ba3abb3bbc3cbd3dbe3ebf3fb"
#define MD5 "30313233343536373839616263646566"

/* ---- hashes ---- */

static void
hashes(void **state)
{
	struct world *w = *state;

	expect(w, DOCUMENT_SHA256, 200, TEXT, SHA256 "  b c.iso\n");
	assert_string_equal(head(&w->response, "Cache-Control"), "no-cache");
	expect(w, DOCUMENT_MD5, 200, TEXT, MD5 "  b c.iso\n");
	expect(w, DOCUMENT_SHA1, 404, TEXT,
	    "no SHA-1 of this file is known; ask for its SHA-256\n");
	w->ask.only_hash = true;
	expect(w, DOCUMENT_SHA256, 200, TEXT, SHA256 "\n");
	path_is(w, "/\\\n");
	expect(w, DOCUMENT_MD5, 200, TEXT, MD5 "\n");
	w->ask.only_hash = false;
	expect(w, DOCUMENT_MD5, 200, TEXT, "\\" MD5 "  \\\\\\n\n");
	w->choice.file.md5 = NULL;
	expect(w, DOCUMENT_MD5, 404, TEXT, "no MD5 of this file is known\n");
}

/* ---- metalinks ---- */

#define META4_TYPE "application/metalink4+xml; charset=UTF-8"

static void
meta4(void **state)
{
	struct world *w = *state;

	redirect.publisher = S("Him & Her");
	redirect.publisher_url = S("https://p.example/?a&b");
	expect(w, DOCUMENT_META4, 200, META4_TYPE,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"
	    "  <generator>nearcast</generator>\n"
	    "  <origin dynamic=\"true\">https://dl.example/a/b%20c.iso.meta4</origin>\n"
	    "  <published>2025-11-28T03:00:00Z</published>\n"
	    "  <updated>2025-11-28T04:00:00Z</updated>\n"
	    "  <file name=\"b c.iso\">\n"
	    "    <identity>b c.iso</identity>\n"
	    "    <publisher name=\"Him &amp; Her\" url=\"https://p.example/?a&amp;b\"/>\n"
	    "    <size>2500000</size>\n"
	    "    <hash type=\"md5\">" MD5 "</hash>\n"
	    "    <hash type=\"sha-256\">" SHA256 "</hash>\n"
	    "    <url location=\"no\" priority=\"1\">https://uib.example/pub/a/b%20c.iso</url>\n"
	    "    <url location=\"se\" priority=\"1\">https://sunet.example/a&amp;b/a/b%20c.iso"
	    "</url>\n"
	    "    <url priority=\"1\">https://dl.example/a/b%20c.iso?here</url>\n"
	    "    <url priority=\"2\">http://far.example/a/b%20c.iso</url>\n"
	    "  </file>\n"
	    "</metalink>\n");
	assert_string_equal(head(&w->response, "Vary"), "Accept");
	assert_string_equal(head(&w->response, "Cache-Control"), "private, no-store");
	assert_string_equal(head(&w->response, "Content-Disposition"),
	    "attachment; filename=\"b c.iso.meta4\"");
	redirect.publisher = redirect.publisher_url = NULL;
}

static void
metalink(void **state)
{
	struct world *w = *state;

	expect(w, DOCUMENT_METALINK, 200, "application/metalink+xml; charset=UTF-8",
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" type=\"dynamic\"\n"
	    "    generator=\"nearcast\" pubdate=\"Fri, 28 Nov 2025 03:00:00 GMT\" "
	    "refreshdate=\"Fri, 28 Nov 2025 04:00:00 GMT\"\n"
	    "    origin=\"https://dl.example/a/b%20c.iso.metalink\">\n"
	    "  <files>\n"
	    "  <file name=\"b c.iso\">\n"
	    "    <size>2500000</size>\n"
	    "    <verification>\n"
	    "    <hash type=\"md5\">" MD5 "</hash>\n"
	    "    <hash type=\"sha256\">" SHA256 "</hash>\n"
	    "    </verification>\n"
	    "    <resources>\n"
	    "    <url type=\"https\" location=\"no\" preference=\"100\">"
	    "https://uib.example/pub/a/b%20c.iso</url>\n"
	    "    <url type=\"https\" location=\"se\" preference=\"100\">"
	    "https://sunet.example/a&amp;b/a/b%20c.iso</url>\n"
	    "    <url type=\"https\" preference=\"100\">https://dl.example/a/b%20c.iso?here</url>\n"
	    "    <url type=\"http\" preference=\"99\">http://far.example/a/b%20c.iso</url>\n"
	    "    </resources>\n"
	    "  </file>\n"
	    "  </files>\n"
	    "</metalink>\n");
	assert_string_equal(head(&w->response, "Content-Disposition"),
	    "attachment; filename=\"b c.iso.metalink\"");
}

/* A base-url with what means something in XML. */
static void
odd_site(void **state)
{
	static const enum document both[] = { DOCUMENT_META4, DOCUMENT_METALINK };
	static const char *const types[] = { META4_TYPE,
	    "application/metalink+xml; charset=UTF-8" };
	struct world *w = *state;

	w->choice.site = "https://dl.example/a&b'c";
	for (size_t i = 0; i < N(both); i++) {
		char *got = document(w, both[i], 200, types[i]);

		assert_non_null(strstr(got, "https://dl.example/a&amp;b&#39;c/a/b%20c.iso.meta"));
		assert_null(strstr(got, "a&b"));
		free(got);
	}
}

static void
without_mirrors(void **state)
{
	struct world *w = *state;
	char *got;

	w->choice.n_taken = 0;
	w->choice.end = CHOICE_HOME;
	w->choice.home = CHOICE_NO_MIRROR;
	expect(w, DOCUMENT_META4, 404, TEXT, "there is no mirror for this file now\n");
	w->ask.negotiated = true;
	response_clear(&w->response);
	assert_false(documents_write(&w->desk, &w->ask, &w->choice, NULL, &w->response));
	assert_int_equal(w->response.status, 0);
	assert_int_equal(w->response.n_heads, 0);
	w->choice.end = CHOICE_FALLBACK;
	w->choice.fallback = &fallback;
	got = document(w, DOCUMENT_META4, 200, META4_TYPE);
	assert_non_null(strstr(got,
	    "    <url priority=\"1\">https://o.example/all/a/b%20c.iso</url>\n  </file>"));
	assert_null(strstr(got, "?here"));
	free(got);
}

/* ---- a redirect's fields ---- */

static void
links(void **state)
{
	static const char *const wanted[][2] = {
		{ "X-MirrorBrain-Mirror", "uib" },
		{ "X-MirrorBrain-Realm", "region" },
		{ "Link", "<https://dl.example/a/b%20c.iso.meta4>; rel=describedby; "
		    "type=\"application/metalink4+xml\"" },
		{ "Link", "<https://dl.example/a/b%20c.iso.asc>; rel=describedby; "
		    "type=\"application/pgp-signature\"" },
		{ "Link", "<https://dl.example/a/b%20c.iso.torrent>; rel=describedby; "
		    "type=\"application/x-bittorrent\"" },
		{ "Link", "<https://uib.example/pub/a/b%20c.iso>; rel=duplicate; pri=1; geo=no" },
		{ "Link", "<https://sunet.example/a&b/a/b%20c.iso>; rel=duplicate; pri=1; geo=se" },
		{ "Digest", "MD5=MDEyMzQ1Njc4OWFiY2RlZg==" },
		{ "Digest", "SHA-256=AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/s=" },
		{ "Repr-Digest", "sha-256=:AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/s=:" },
	};
	struct world *w = *state;

	w->choice.file.has_signature = w->choice.file.has_torrent = true;
	links_write(&w->choice, &w->desk.scratch, &w->response);
	assert_false(w->response.broken);
	assert_int_equal(w->response.n_heads, N(wanted));
	for (size_t i = 0; i < N(wanted); i++) {
		assert_string_equal(w->response.heads[i].name, wanted[i][0]);
		assert_string_equal(w->response.heads[i].value, wanted[i][1]);
	}
}

/* What an operator wrote into a URL by mistake, or by reason. */
static void
odd_urls(void **state)
{
	struct conf_mirror odd = { .name = S("odd"), .url = S("http://o.example/<\">|'/"),
		.country = "" };
	struct conf_mirror one = { .name = S("one"), .url = S("http://o.example/get?id=1&x={y}"),
		.one_file = S("netinst") };
	struct choice_mirror both[] = { { &odd, 0, CHOICE_ANY, true, 1, -1 },
		{ &one, 1, CHOICE_ANY, true, 1, -1 } };
	struct world *w = *state;
	char *got;

	w->choice.mirrors = both;
	w->choice.n = w->choice.n_taken = 2;
	links_write(&w->choice, &w->desk.scratch, &w->response);
	assert_string_equal(w->response.heads[3].value,
	    "<http://o.example/%3C%22%3E%7C'/a/b%20c.iso>; rel=duplicate; pri=1");
	assert_string_equal(w->response.heads[4].value,
	    "<http://o.example/get?id=1&x=%7By%7D>; rel=duplicate; pri=1");
	got = document(w, DOCUMENT_META4, 200, META4_TYPE);
	assert_non_null(strstr(got, ">http://o.example/%3C%22%3E%7C&#39;/a/b%20c.iso</url>\n"));
	assert_non_null(strstr(got, ">http://o.example/get?id=1&amp;x=%7By%7D</url>\n"));
	free(got);
}

static void
fewer_links(void **state)
{
	struct world *w = *state;

	redirect.links = 0;
	redirect.mirrorbrain_headers = false;
	w->choice.file.md5 = w->choice.file.sha256 = NULL;
	links_write(&w->choice, &w->desk.scratch, &w->response);
	assert_int_equal(w->response.n_heads, 1);
	redirect.links = 20;
	redirect.mirrorbrain_headers = true;
	response_clear(&w->response);
	w->choice.n_taken = 0;
	w->choice.end = CHOICE_FALLBACK;
	w->choice.fallback = &fallback;
	links_write(&w->choice, &w->desk.scratch, &w->response);
	assert_int_equal(w->response.n_heads, 3);
	assert_string_equal(head(&w->response, "X-MirrorBrain-Mirror"), "origin");
	assert_string_equal(head(&w->response, "X-MirrorBrain-Realm"), "fallback");
	redirect.links = 2;
}

/* ---- lists of mirrors ---- */

static void
list_as_text(void **state)
{
	struct world *w = *state;

	w->ask.form = NEGOTIATE_TEXT;
	path_is(w, "/a\n\\");
	expect(w, DOCUMENT_MIRRORLIST, 200, TEXT,
	    "file /a\\012\\134\n"
	    "size 2500000\n"
	    "modified 2025-11-28T03:00:00Z\n"
	    "sha256 " SHA256 "\n"
	    "client 192.0.2.1 country NO continent EU AS 224 place 60.39 5.32 by database\n"
	    "goes mirror https://uib.example/pub/a%0A%5C\n"
	    "1 uib NO 12km https://uib.example/pub/a%0A%5C near: among the nearest\n"
	    "1 sunet SE 40km https://sunet.example/a&b/a%0A%5C near: among the nearest\n"
	    "2 far - - http://far.example/a%0A%5C far: farther away than the nearest\n"
	    "- dead DK 5km http://dead.example/a%0A%5C down: it does not answer\n");
	w->choice.file.known = false;
	w->choice.client.known = CHOICE_UNKNOWN;
	w->choice.end = CHOICE_HOME;
	w->choice.home = CHOICE_NOT_CATALOGUED;
	w->choice.n = 0;
	expect(w, DOCUMENT_MIRRORLIST, 404, TEXT,
	    "file /a\\012\\134: not in the catalogue\n"
	    "client 192.0.2.1 country NO continent EU AS 224 place unknown\n"
	    "goes home: it is not in the catalogue\n");
}

static void
list_as_json(void **state)
{
	struct world *w = *state;
	char *got;
	json_t *tree, *mirror;

	w->ask.accept = "application/json";
	path_is(w, "/K\xf6ln");
	got = document(w, DOCUMENT_MIRRORLIST, 200, "application/json");
	tree = json_loads(got, 0, NULL);
	assert_non_null(tree);
	assert_string_equal(json_string_value(json_object_get(json_object_get(tree, "file"),
	    "path")), "/K\xef\xbf\xbdln");
	assert_string_equal(json_string_value(json_object_get(tree, "url")),
	    "https://uib.example/pub/K%F6ln");
	assert_string_equal(json_string_value(json_object_get(tree, "end")), "mirror");
	assert_int_equal(json_array_size(json_object_get(tree, "mirrors")), 4);
	mirror = json_array_get(json_object_get(tree, "mirrors"), 3);
	assert_string_equal(json_string_value(json_object_get(mirror, "why")), "down");
	assert_true(json_is_false(json_object_get(mirror, "taken")));
	assert_true(json_is_null(json_object_get(mirror, "priority")));
	mirror = json_array_get(json_object_get(tree, "mirrors"), 2);
	assert_true(json_is_null(json_object_get(mirror, "km")));
	assert_true(json_is_null(json_object_get(mirror, "country")));
	json_decref(tree);
	free(got);
}

static void
list_as_html(void **state)
{
	struct world *w = *state;
	char *got;

	w->ask.accept = "text/html,*/*;q=0.8";
	path_is(w, "/<script>\"'&\x01");
	got = document(w, DOCUMENT_MIRRORLIST, 200, "text/html; charset=UTF-8");
	assert_non_null(strstr(got, "<title>Mirrors for &lt;script&gt;&quot;&#39;&amp;"
	    "\xef\xbf\xbd</title>"));
	assert_non_null(strstr(got, "<a href=\"https://sunet.example/a&amp;b/%3Cscript%3E"));
	assert_non_null(strstr(got, "<td>it does not answer</td>"));
	assert_null(strstr(got, "<script"));
	assert_null(strstr(got, "http://dead.example"));
	free(got);
	w->ask.form = NEGOTIATE_JSON;		/* the query before the field */
	free(document(w, DOCUMENT_MIRRORLIST, 200, "application/json"));
}

/* ---- torrents ---- */

static const struct catalogue_pieces three = { 1 << 20, 3, sha1s, NULL };

static void
torrents(void **state)
{
	static const char before[] =
	    "d8:announce35:http://tracker.example/announce?a&b"
	    "13:announce-listll35:http://tracker.example/announce?a&bel"
	    "24:udp://[2001:db8::1]:6969ee"
	    "10:created by8:nearcast13:creation datei1764298800e4:infod6:lengthi2500000e"
	    "4:name7:b c.iso12:piece lengthi1048576e6:pieces60:";
	static const char behind[] = "e8:url-listl35:https://uib.example/pub/a/b%20c.iso"
	    "37:https://sunet.example/a&b/a/b%20c.iso"
	    "35:https://dl.example/a/b%20c.iso?hereee";
	struct world *w = *state;
	struct draft draft = { 0 };
	uint8_t hash[20], again[20];
	size_t from = strlen(before) - strlen("d6:lengthi2500000e4:name7:b c.iso"
	    "12:piece lengthi1048576e6:pieces60:");

	redirect.trackers = trackers;
	draft_begin(&draft, 4096);
	torrent_write(&draft, &w->choice, &three);
	assert_false(draft_failed(&draft));
	assert_int_equal(draft.len, strlen(before) + 60 + strlen(behind));
	assert_memory_equal(draft.data, before, strlen(before));
	assert_memory_equal(draft.data + strlen(before), sha1s, 60);
	assert_memory_equal(draft.data + strlen(before) + 60, behind, strlen(behind));
	EVP_Digest(draft.data + from, strlen(before) - from + 61, hash, NULL, EVP_sha1(), NULL);
	assert_int_equal(torrent_hash(&draft, &w->choice.file, &three, again), 0);
	assert_memory_equal(hash, again, sizeof(hash));
	draft_begin(&draft, 300);
	torrent_write(&draft, &w->choice, &three);
	assert_true(draft_failed(&draft));
	draft_free(&draft);
	redirect.trackers = NULL;
}

static void
magnet(void **state)
{
	struct world *w = *state;
	struct draft draft = { 0 };
	char *behind;

	redirect.trackers = trackers;
	path_is(w, "/d/a&b=c d.iso");
	draft_begin(&draft, 4096);
	torrent_magnet(&draft, &w->choice, &three);
	assert_false(draft_failed(&draft));
	behind = strchr(draft.data, '&');
	assert_int_equal(behind - draft.data, strlen("magnet:?xt=urn:btih:") + 40);
	assert_string_equal(behind, "&xl=2500000&dn=a%26b%3Dc%20d.iso"
	    "&tr=http%3A%2F%2Ftracker.example%2Fannounce%3Fa%26b"
	    "&tr=udp%3A%2F%2F%5B2001%3Adb8%3A%3A1%5D%3A6969"
	    "&ws=https%3A%2F%2Fuib.example%2Fpub%2Fd%2Fa%2526b%3Dc%2520d.iso"
	    "&ws=https%3A%2F%2Fsunet.example%2Fa%26b%2Fd%2Fa%2526b%3Dc%2520d.iso"
	    "&ws=https%3A%2F%2Fdl.example%2Fd%2Fa%2526b%3Dc%2520d.iso%3Fhere\n");
	draft_free(&draft);
	redirect.trackers = NULL;
}

static void
no_torrent(void **state)
{
	struct world *w = *state;
	struct catalogue_pieces pieces = three;

	assert_true(torrent_possible(&w->choice.file, &pieces));
	pieces.n = 2;
	assert_false(torrent_possible(&w->choice.file, &pieces));
	pieces = three;
	pieces.sha1 = NULL;
	assert_false(torrent_possible(&w->choice.file, &pieces));
	w->choice.file.size = 3 << 20;
	assert_true(torrent_possible(&w->choice.file, &three));
	w->choice.file.size++;
	assert_false(torrent_possible(&w->choice.file, &three));
	w->choice.file.size = 0;
	pieces = (struct catalogue_pieces){ 1 << 20, 0, sha1s, NULL };
	assert_false(torrent_possible(&w->choice.file, &pieces));
	expect(w, DOCUMENT_MAGNET, 404, TEXT,
	    "no SHA-1 hashes of this file's pieces are known\n");
	expect(w, DOCUMENT_BTIH, 404, TEXT, "no SHA-1 hashes of this file's pieces are known\n");
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(hashes),
		world_test(meta4),
		world_test(metalink),
		world_test(odd_site),
		world_test(without_mirrors),
		world_test(links),
		world_test(odd_urls),
		world_test(fewer_links),
		world_test(list_as_text),
		world_test(list_as_json),
		world_test(list_as_html),
		world_test(torrents),
		world_test(magnet),
		world_test(no_torrent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
