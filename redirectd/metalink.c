#include "redirectd/metalink.h"

#include <ctype.h>
#include <time.h>

#include "redirectd/encode.h"
#include "redirectd/urls.h"

enum { BEST = 100 };			/* the largest preference of version 3.0 */

/* Which of the two documents is written. */
struct form {
	const char *sha256, *sha1;	/* how it calls hashes */
	bool old;
};

static const struct form new_form = { "sha-256", "sha-1", false };
static const struct form old_form = { "sha256", "sha1", true };

static void
xml(struct draft *draft, const char *text)
{
	encode_xml(draft, text, strlen(text));
}

/* A base-url may have what means something in XML. */
static void
origin(struct draft *draft, const struct redirect_choice *choice, const char *suffix)
{
	struct draft url = { 0 };

	draft_begin(&url, draft->most);
	urls_self(&url, choice, suffix);
	draft->failed |= draft_failed(&url);
	xml(draft, draft_string(&url));
	draft_free(&url);
}

static void
url_escaped(struct draft *draft, const struct redirect_choice *choice,
    const struct conf_mirror *mirror)
{
	struct draft url = { 0 };

	draft_begin(&url, draft->most);
	if (mirror != NULL)
		urls_mirror(&url, choice, mirror);
	else if (choice->end == CHOICE_FALLBACK)
		urls_fallback(&url, choice);
	else
		urls_home(&url, choice);
	draft->failed |= draft_failed(&url);
	xml(draft, draft_string(&url));
	draft_free(&url);
}

/* ---- hashes ---- */

static void
hash(struct draft *draft, const char *type, const uint8_t *octets, size_t n)
{
	if (octets == NULL)
		return;
	draft_format(draft, "    <hash type=\"%s\">", type);
	encode_hex(draft, octets, n);
	draft_text(draft, "</hash>\n");
}

/* The pieces' hashes: those by which the file's own is made, where both are known; programs of
 * version 3.0 know SHA-1 alone. */
static void
pieces_of(struct draft *draft, const struct form *form, const struct catalogue_pieces *pieces)
{
	bool sha1 = pieces->sha1 != NULL && (form->old || pieces->sha256 == NULL);
	const uint8_t *at = sha1 ? pieces->sha1 : pieces->sha256;
	size_t len = sha1 ? CATALOGUE_SHA1 : CATALOGUE_SHA256;

	if (pieces->n == 0 || at == NULL)
		return;
	draft_format(draft, "    <pieces length=\"%u\" type=\"%s\">\n", pieces->length,
	    sha1 ? form->sha1 : form->sha256);
	for (size_t i = 0; i < pieces->n; i++) {
		if (form->old)
			draft_format(draft, "      <hash piece=\"%zu\">", i);
		else
			draft_text(draft, "      <hash>");
		encode_hex(draft, at + i * len, len);
		draft_text(draft, "</hash>\n");
	}
	draft_text(draft, "    </pieces>\n");
}

static void
hashes_of(struct draft *draft, const struct form *form, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces)
{
	hash(draft, "md5", choice->file.md5, CATALOGUE_MD5);
	hash(draft, form->sha256, choice->file.sha256, CATALOGUE_SHA256);
	pieces_of(draft, form, pieces);
}

/* ---- where to get it ---- */

static void
location(struct draft *draft, const char *country)
{
	if (country[0] != '\0')
		draft_format(draft, " location=\"%c%c\"", tolower(country[0]), tolower(country[1]));
}

/* One URL; `mirror` NULL = the copy here, or the fallback. */
static void
url(struct draft *draft, const struct form *form, const struct redirect_choice *choice,
    const struct conf_mirror *mirror, unsigned priority)
{
	const char *from = mirror != NULL ? mirror->url : choice->end == CHOICE_FALLBACK ?
	    choice->fallback->url : choice->site;

	draft_text(draft, "    <url");
	if (form->old)
		draft_format(draft, " type=\"%.*s\"", (int)strcspn(from, ":"), from);
	if (mirror != NULL)
		location(draft, mirror->country);
	if (form->old)
		draft_format(draft, " preference=\"%u\"",
		    priority > BEST ? 1 : BEST + 1 - priority);
	else
		draft_format(draft, " priority=\"%u\"", priority);
	draft_text(draft, ">");
	url_escaped(draft, choice, mirror);
	draft_text(draft, "</url>\n");
}

static void
urls_of(struct draft *draft, const struct form *form, const struct redirect_choice *choice)
{
	bool here = false;

	for (size_t i = 0; i < choice->n_taken; i++) {
		const struct choice_mirror *m = &choice->mirrors[i];

		if (m->priority > 1 && !here) {
			url(draft, form, choice, NULL, 1);
			here = true;
		}
		url(draft, form, choice, m->mirror, m->priority);
	}
	if (!here)
		url(draft, form, choice, NULL, 1);
}

/* ---- the two documents ---- */

static void
file_name(struct draft *draft, const struct choice_file *file)
{
	size_t len;
	const char *name = urls_name(file, &len);

	encode_xml(draft, name, len);
}

static void
publisher(struct draft *draft, const struct conf_redirect *redirect)
{
	if (redirect->publisher == NULL)
		return;
	draft_text(draft, "    <publisher name=\"");
	xml(draft, redirect->publisher);
	if (redirect->publisher_url != NULL) {
		draft_text(draft, "\" url=\"");
		xml(draft, redirect->publisher_url);
	}
	draft_text(draft, "\"/>\n");
}

void
metalink_write(struct draft *draft, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces, int64_t now)
{
	draft_text(draft, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n"
	    "  <generator>nearcast</generator>\n"
	    "  <origin dynamic=\"true\">");
	origin(draft, choice, ".meta4");
	draft_text(draft, "</origin>\n  <published>");
	encode_time(draft, choice->file.mtime);
	draft_text(draft, "</published>\n  <updated>");
	encode_time(draft, now);
	draft_text(draft, "</updated>\n  <file name=\"");
	file_name(draft, &choice->file);
	draft_text(draft, "\">\n    <identity>");
	file_name(draft, &choice->file);
	draft_text(draft, "</identity>\n");
	publisher(draft, choice->redirect);
	draft_text(draft, "    <size>");
	draft_number(draft, choice->file.size);
	draft_text(draft, "</size>\n");
	hashes_of(draft, &new_form, choice, pieces);
	urls_of(draft, &new_form, choice);
	draft_text(draft, "  </file>\n</metalink>\n");
}

/* As in mail (RFC 5322), which version 3.0 wants. */
static void
mail_date(struct draft *draft, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[64];

	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) != 0)
		draft_text(draft, text);
}

static void
old_publisher(struct draft *draft, const struct conf_redirect *redirect)
{
	if (redirect->publisher == NULL)
		return;
	draft_text(draft, "  <publisher>\n    <name>");
	xml(draft, redirect->publisher);
	draft_text(draft, "</name>\n");
	if (redirect->publisher_url != NULL) {
		draft_text(draft, "    <url>");
		xml(draft, redirect->publisher_url);
		draft_text(draft, "</url>\n");
	}
	draft_text(draft, "  </publisher>\n");
}

void
metalink_old(struct draft *draft, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces, int64_t now)
{
	draft_text(draft, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\" type=\"dynamic\"\n"
	    "    generator=\"nearcast\" pubdate=\"");
	mail_date(draft, choice->file.mtime);
	draft_text(draft, "\" refreshdate=\"");
	mail_date(draft, now);
	draft_text(draft, "\"\n    origin=\"");
	origin(draft, choice, ".metalink");
	draft_text(draft, "\">\n");
	old_publisher(draft, choice->redirect);
	draft_text(draft, "  <files>\n  <file name=\"");
	file_name(draft, &choice->file);
	draft_text(draft, "\">\n    <size>");
	draft_number(draft, choice->file.size);
	draft_text(draft, "</size>\n    <verification>\n");
	hashes_of(draft, &old_form, choice, pieces);
	draft_text(draft, "    </verification>\n    <resources>\n");
	urls_of(draft, &old_form, choice);
	draft_text(draft, "    </resources>\n  </file>\n  </files>\n</metalink>\n");
}
