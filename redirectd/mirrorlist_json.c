/*
 * mirrorlist_json: a choice as one JSON object, in one line.
 *
 *   { "file": { "path", "size", "mtime", "sha256", "md5" },
 *     "client": { "address", "country", "continent", "asn", "latitude", "longitude", "known" },
 *     "end": "mirror" | "fallback" | "home", "url", "why", "words",
 *     "mirrors": [ { "name", "url", "country", "taken", "priority", "km", "why", "words" } ] }
 *
 * Members that are not known are null; an octet that is not UTF-8 is U+FFFD (json.h), but in
 * URLs, which are exact.  Mirrors stand in the order in which clients are told of them, those
 * that are not taken at the end.
 */
#include "common/json.h"
#include "redirectd/encode.h"
#include "redirectd/mirrorlist.h"
#include "redirectd/urls.h"

static json_t *
word(const char *text)
{
	return text[0] != '\0' ? json_utf8(text) : json_null();
}

/* The draft's text as a string; the draft is empty again. */
static json_t *
taken_out(struct draft *url)
{
	json_t *string = draft_failed(url) ? NULL : word(draft_string(url));

	draft_begin(url, url->most);
	return string;
}

static json_t *
digits(const uint8_t *octets, size_t n, struct draft *scratch)
{
	if (octets != NULL)
		encode_hex(scratch, octets, n);
	return taken_out(scratch);
}

static json_t *
file_json(const struct choice_file *file, struct draft *scratch)
{
	if (!file->known)
		return json_pack("{so}", "path", json_utf8(file->path));
	return json_pack("{so sI sI so so}", "path", json_utf8(file->path),
	    "size", (json_int_t)file->size, "mtime", (json_int_t)file->mtime,
	    "sha256", digits(file->sha256, 32, scratch), "md5", digits(file->md5, 16, scratch));
}

static json_t *
client_json(const struct choice_client *client)
{
	char address[ADDR_TEXT];
	bool placed = client->known != CHOICE_UNKNOWN;

	return json_pack("{ss so so so so so ss}",
	    "address", addr_text(&client->address, address), "country", word(client->country),
	    "continent", word(client->continent),
	    "asn", client->asn != 0 ? json_integer(client->asn) : json_null(),
	    "latitude", placed ? json_decimal(client->latitude, 4) : json_null(),
	    "longitude", placed ? json_decimal(client->longitude, 4) : json_null(),
	    "known", mirrorlist_known(client->known));
}

static json_t *
mirror_json(const struct redirect_choice *choice, const struct choice_mirror *m,
    struct draft *scratch)
{
	urls_mirror(scratch, choice, m->mirror);
	return json_pack("{so so so sb so so ss ss}", "name", json_utf8(m->mirror->name),
	    "url", taken_out(scratch), "country", word(m->mirror->country), "taken", m->taken,
	    "priority", m->taken ? json_integer(m->priority) : json_null(),
	    "km", m->km >= 0 ? json_decimal(m->km, 1) : json_null(),
	    "why", choice_why_word(m->why), "words", choice_why_words(m->why));
}

static json_t *
mirrors_json(const struct redirect_choice *choice, struct draft *scratch)
{
	json_t *all = json_array();

	for (size_t i = 0; i < choice->n; i++)
		all = json_append(all, mirror_json(choice, &choice->mirrors[i], scratch));
	return all;
}

static json_t *
whole_json(const struct redirect_choice *choice, struct draft *scratch)
{
	static const char *const ends[] = {
		[CHOICE_MIRROR] = "mirror", [CHOICE_FALLBACK] = "fallback", [CHOICE_HOME] = "home",
	};
	const char *why = choice->end == CHOICE_MIRROR ? choice_why_word(choice->mirrors[0].why) :
	    choice->end == CHOICE_HOME ? choice_home_word(choice->home) : "no-mirror";
	const char *words = choice->end == CHOICE_MIRROR ?
	    choice_why_words(choice->mirrors[0].why) : choice->end == CHOICE_HOME ?
	    choice_home_words(choice->home) : "no mirror can be named";
	json_t *url;

	mirrorlist_target(scratch, choice);
	url = taken_out(scratch);
	return json_pack("{so so ss so ss ss so}", "file", file_json(&choice->file, scratch),
	    "client", client_json(&choice->client), "end", ends[choice->end],
	    "url", url, "why", why, "words", words,
	    "mirrors", mirrors_json(choice, scratch));
}

void
mirrorlist_json(struct draft *draft, const struct redirect_choice *choice)
{
	struct draft scratch = { 0 };
	json_t *tree;
	char *text;

	draft_begin(&scratch, draft->most);
	tree = whole_json(choice, &scratch);
	draft_free(&scratch);
	text = json_dumps(tree, JSON_COMPACT | JSON_REAL_PRECISION(15));	/* NULL for NULL */
	json_decref(tree);
	if (text == NULL) {
		draft->failed = true;
		return;
	}
	draft_text(draft, text);
	draft_text(draft, "\n");
	free(text);
}
