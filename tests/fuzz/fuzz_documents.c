/* documents: whatever a path, a query and an Accept field are, what is written about the file
 * is UTF-8 without control characters, the XML ends where it should, the JSON is read again, and
 * no header line has a control character.  The input is three texts with NULs between them. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/utf8.h"
#include "redirectd/documents.h"
#include "redirectd/links.h"
#include "redirectd/torrent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char name[] = "uib", url[] = "https://uib.example/pub/";
static const uint8_t octets[20 + 32];
static const struct conf_redirect redirect = { .links = 5, .mirrorbrain_headers = true };
static const struct conf_mirror mirror = { .name = name, .url = url, .country = "NO" };
static const struct choice_mirror mirrors[] = {
	{ &mirror, 0, CHOICE_NEAR, true, 1, 12 }, { &mirror, 0, CHOICE_DOWN, false, 0, -1 },
};

static void
expect(bool right)
{
	if (!right)
		abort();
}

/* The characters of a text are those that XML has. */
static void
expect_text(const struct response *response)
{
	for (size_t i = 0; i < response->body_len;) {
		uint32_t point;
		size_t len = utf8_len(response->body + i, response->body_len - i, &point);

		expect(len != 0 && (point >= ' ' || point == '\n'));
		i += len;
	}
}

/* Nothing of the name has become markup: a document has as many `<` as it has for any name. */
static void
expect_marks(const struct response *response, size_t *marks)
{
	size_t n = 0;

	for (size_t i = 0; i < response->body_len; i++)
		n += response->body[i] == '<' || response->body[i] == '"';
	expect(*marks == 0 || *marks == n);
	*marks = n;
}

static void
one(const struct redirect_choice *choice, struct documents_ask ask, struct response *response)
{
	static size_t marks[DOCUMENT_KINDS];
	static struct documents_desk desk;
	enum negotiate_form form = ask.form != NEGOTIATE_UNSAID ? ask.form :
	    negotiate_form(ask.accept);

	response_clear(response);
	expect(documents_write(&desk, &ask, choice, NULL, response));
	expect(!response->broken);
	for (size_t i = 0; i < response->n_heads; i++)
		for (const char *c = response->heads[i].value; *c != '\0'; c++)
			expect(*c >= ' ' && *c <= '~');
	if (ask.document == DOCUMENT_MIRRORLIST && form == NEGOTIATE_JSON) {
		json_t *tree = json_loadb(response->body, response->body_len, 0, NULL);

		expect(tree != NULL);
		json_decref(tree);
	}
	if (ask.document == DOCUMENT_META4 || ask.document == DOCUMENT_METALINK ||
	    (ask.document == DOCUMENT_MIRRORLIST && form == NEGOTIATE_HTML)) {
		expect_text(response);
		expect_marks(response, &marks[ask.document]);
	}
}

static void
all(const struct redirect_choice *choice, struct documents_ask ask)
{
	static const enum document kinds[] = { DOCUMENT_META4, DOCUMENT_METALINK,
		DOCUMENT_MIRRORLIST, DOCUMENT_MAGNET, DOCUMENT_SHA256 };
	static struct response response;
	static struct draft draft;
	static const struct catalogue_pieces pieces = { 1 << 20, 1, octets, octets + 20 };

	if (response.text == NULL)
		expect(response_init(&response) == 0);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ask.document = kinds[i];
		one(choice, ask, &response);
	}
	response_clear(&response);
	links_write(choice, &draft, &response);
	expect(!response.broken && response.n_heads == 6);
	draft_begin(&draft, 1 << 20);
	torrent_write(&draft, choice, &pieces);
	torrent_magnet(&draft, choice, &pieces);
	expect(!draft_failed(&draft));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[3 * 4096 + 4] = "/", *query, *accept;
	struct redirect_choice choice = {
		.redirect = &redirect, .site = "https://dl.example", .mirrors = mirrors, .n = 2,
		.n_taken = 1, .whole = true, .client = { .address = { .family = 4 } },
		.file = { .path = text, .known = true, .size = 1000, .sha256 = octets },
	};
	struct documents_ask ask = { 0 };
	struct negotiate_query said;
	size_t file;

	if (size > 3 * 4096)
		return 0;
	memcpy(text + 1, data, size);
	query = text + strlen(text) + 1;
	query = query < text + size ? query : text + size + 1;
	accept = query + strlen(query) + 1;
	accept = accept < text + size ? accept : text + size + 1;
	said = negotiate_query(query);
	ask = (struct documents_ask){ .form = said.form, .only_hash = said.only_hash,
		.accept = accept };
	negotiate_accept(accept, "image/png");
	choice.file.path_len = strlen(text);
	if (negotiate_suffix(text, choice.file.path_len, &file) != DOCUMENT_NONE)
		expect(file < choice.file.path_len);
	all(&choice, ask);
	return 0;
}
