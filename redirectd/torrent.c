#include "redirectd/torrent.h"

#include <openssl/evp.h>

#include "redirectd/encode.h"
#include "redirectd/urls.h"

enum { SEEDS = 5 };			/* web seeds besides the copy here */

bool
torrent_possible(const struct choice_file *file, const struct catalogue_pieces *pieces)
{
	return pieces->sha1 != NULL && pieces->length != 0 && file->size != 0 &&
	    pieces->n == (file->size - 1) / pieces->length + 1;
}

/* ---- bencoding ---- */

static void
octets(struct draft *draft, const void *what, size_t len)
{
	draft_number(draft, len);
	draft_text(draft, ":");
	draft_put(draft, what, len);
}

static void
string(struct draft *draft, const char *text)
{
	octets(draft, text, strlen(text));
}

static void
number(struct draft *draft, uint64_t value)
{
	draft_text(draft, "i");
	draft_number(draft, value);
	draft_text(draft, "e");
}

static void
info(struct draft *draft, const struct choice_file *file, const struct catalogue_pieces *pieces)
{
	size_t len;
	const char *name = urls_name(file, &len);

	draft_text(draft, "d");
	string(draft, "length");
	number(draft, file->size);
	string(draft, "name");
	octets(draft, name, len);
	string(draft, "piece length");
	number(draft, pieces->length);
	string(draft, "pieces");
	octets(draft, pieces->sha1, pieces->n * CATALOGUE_SHA1);
	draft_text(draft, "e");
}

/* The first is `announce`; each is a tier of its own in `announce-list` (BEP 12). */
static void
trackers(struct draft *draft, char *const *urls)
{
	if (urls == NULL || urls[0] == NULL)
		return;
	string(draft, "announce");
	string(draft, urls[0]);
	if (urls[1] == NULL)
		return;
	string(draft, "announce-list");
	draft_text(draft, "l");
	for (; *urls != NULL; urls++) {
		draft_text(draft, "l");
		string(draft, *urls);
		draft_text(draft, "e");
	}
	draft_text(draft, "e");
}

/* Mirrors that are as good as the best, so that nobody loads from the other side of the world
 * while his peers are near. */
static size_t
seeds(const struct redirect_choice *choice)
{
	size_t n = 0;

	while (n < choice->n_taken && n < SEEDS && choice->mirrors[n].priority == 1)
		n++;
	return n;
}

/* The URL that was put at the end of the draft becomes a string there. */
static void
url_string(struct draft *draft, size_t from)
{
	char number_of[32];
	size_t len = draft->len - from, n;

	if (draft_failed(draft))
		return;
	n = (size_t)snprintf(number_of, sizeof(number_of), "%zu:", len);
	draft_put(draft, number_of, n);
	if (draft_failed(draft))
		return;
	memmove(draft->data + from + n, draft->data + from, len);
	memcpy(draft->data + from, number_of, n);
}

static void
url_list(struct draft *draft, const struct redirect_choice *choice)
{
	size_t n = seeds(choice), from;

	string(draft, "url-list");
	draft_text(draft, "l");
	for (size_t i = 0; i < n; i++) {
		from = draft->len;
		urls_mirror(draft, choice, choice->mirrors[i].mirror);
		url_string(draft, from);
	}
	from = draft->len;
	urls_home(draft, choice);
	url_string(draft, from);
	draft_text(draft, "e");
}

void
torrent_write(struct draft *draft, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces)
{
	draft_text(draft, "d");			/* keys in order, as BEP 3 wants them */
	trackers(draft, choice->redirect->trackers);
	string(draft, "created by");
	string(draft, "nearcast");
	if (choice->file.mtime >= 0) {
		string(draft, "creation date");
		number(draft, (uint64_t)choice->file.mtime);
	}
	string(draft, "info");
	info(draft, &choice->file, pieces);
	url_list(draft, choice);
	draft_text(draft, "e");
}

int
torrent_hash(struct draft *scratch, const struct choice_file *file,
    const struct catalogue_pieces *pieces, uint8_t hash[CATALOGUE_SHA1])
{
	size_t from = scratch->len;

	info(scratch, file, pieces);
	if (draft_failed(scratch) || EVP_Digest(scratch->data + from, scratch->len - from, hash,
	    NULL, EVP_sha1(), NULL) != 1)
		return -1;
	scratch->len = from;
	return 0;
}

/* ---- magnet ---- */

/* A URL as the value of a parameter: percent-encoded, and what it was encoded with again. */
static void
parameter(struct draft *draft, const char *name, const char *value, size_t len)
{
	draft_text(draft, name);
	for (size_t from = 0, i = 0; i <= len; i++) {
		if (i < len && strchr("/:@=!$*?#", value[i]) == NULL)
			continue;
		encode_url(draft, value + from, i - from);
		if (i < len)
			draft_format(draft, "%%%02X", (unsigned char)value[i]);
		from = i + 1;
	}
}

void
torrent_magnet(struct draft *draft, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces)
{
	const char *name;
	size_t len, n = seeds(choice);
	uint8_t hash[CATALOGUE_SHA1];
	struct draft url = { 0 };

	if (torrent_hash(draft, &choice->file, pieces, hash) < 0) {
		draft->failed = true;
		return;
	}
	draft_text(draft, "magnet:?xt=urn:btih:");
	encode_hex(draft, hash, sizeof(hash));
	draft_text(draft, "&xl=");
	draft_number(draft, choice->file.size);
	name = urls_name(&choice->file, &len);
	parameter(draft, "&dn=", name, len);
	for (char *const *t = choice->redirect->trackers; t != NULL && *t != NULL; t++)
		parameter(draft, "&tr=", *t, strlen(*t));
	for (size_t i = 0; i <= n; i++) {
		draft_begin(&url, draft->most);
		if (i < n)
			urls_mirror(&url, choice, choice->mirrors[i].mirror);
		else
			urls_home(&url, choice);
		draft->failed |= draft_failed(&url);
		parameter(draft, "&ws=", draft_string(&url), url.len);
	}
	draft_free(&url);
	draft_text(draft, "\n");
}
