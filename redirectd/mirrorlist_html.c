/*
 * mirrorlist_html: a choice as a page that a telephone and w3m show as well as anything else.
 *
 * From above: the file with its hashes and the documents about it, whom the redirector takes the
 * client for, where it would send him, and a table of all mirrors with their reasons.  One column
 * of text and one table; no script, nothing that is loaded from elsewhere, a few lines of style
 * (documents.c forbids the rest by a Content-Security-Policy).
 *
 * Whatever comes from a name, a request or the configuration is escaped, for it may be anything.
 * Links to the documents begin with a slash, so that they stay at the host and the scheme by
 * which the page was reached.  Mirrors that are not taken are shown without a link to them:
 * nobody should load from there.
 */
#include "redirectd/encode.h"
#include "redirectd/mirrorlist.h"
#include "redirectd/urls.h"

static void
escaped_text(struct draft *draft, const char *text)
{
	encode_xml(draft, text, strlen(text));
}

/* The URL of a mirror, or of where the client is sent (NULL), for an attribute or as text. */
static void
escaped_url(struct draft *draft, const struct redirect_choice *choice,
    const struct conf_mirror *mirror)
{
	struct draft url = { 0 };

	draft_begin(&url, draft->most);
	if (mirror != NULL)
		urls_mirror(&url, choice, mirror);
	else
		mirrorlist_target(&url, choice);
	draft->failed |= draft_failed(&url);
	escaped_text(draft, draft_string(&url));
	draft_free(&url);
}

static void
head(struct draft *draft, const struct choice_file *file)
{
	size_t len;
	const char *name = urls_name(file, &len);

	draft_text(draft, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"robots\" content=\"noindex\">\n<title>Mirrors for ");
	encode_xml(draft, name, len);
	draft_text(draft, "</title>\n<style>body{font:1em/1.5 sans-serif;margin:1em;"
	    "overflow-wrap:anywhere}td,th{text-align:left;padding:.2em .8em .2em 0;"
	    "vertical-align:top}</style>\n</head>\n<body>\n<h1>Mirrors for ");
	encode_xml(draft, name, len);
	draft_text(draft, "</h1>\n");
}

static void
hash_item(struct draft *draft, const char *name, const uint8_t *hash, size_t n)
{
	if (hash == NULL)
		return;
	draft_format(draft, "<li>%s: <code>", name);
	encode_hex(draft, hash, n);
	draft_text(draft, "</code></li>\n");
}

static void
document_item(struct draft *draft, const struct redirect_choice *choice, const char *suffix,
    const char *what)
{
	draft_text(draft, "<li><a href=\"");
	encode_url(draft, choice->file.path, choice->file.path_len);	/* on this host */
	draft_format(draft, "%s\">%s</a></li>\n", suffix, what);
}

static void
file_part(struct draft *draft, const struct redirect_choice *choice)
{
	const struct choice_file *file = &choice->file;

	draft_text(draft, "<ul>\n<li>Path: <code>");
	encode_xml(draft, file->path, file->path_len);
	draft_text(draft, "</code></li>\n");
	if (!file->known) {
		draft_text(draft, "<li>It is not in the catalogue.</li>\n</ul>\n");
		return;
	}
	draft_format(draft, "<li>Size: %llu octets</li>\n<li>Last modified: ",
	    (unsigned long long)file->size);
	encode_time(draft, file->mtime);
	draft_text(draft, "</li>\n");
	hash_item(draft, "SHA-256", file->sha256, 32);
	hash_item(draft, "MD5", file->md5, 16);
	draft_text(draft, "</ul>\n<ul>\n");
	document_item(draft, choice, "", "Download");
	document_item(draft, choice, ".meta4", "Metalink");
	if (file->has_torrent || file->has_pieces) {
		document_item(draft, choice, ".torrent", "Torrent");
		document_item(draft, choice, ".magnet", "Magnet link");
	}
	if (file->has_signature)
		document_item(draft, choice, ".asc", "Signature");
	draft_text(draft, "</ul>\n");
}

static void
client_part(struct draft *draft, const struct choice_client *client)
{
	char address[ADDR_TEXT];

	draft_format(draft, "<p>You come from %s", addr_text(&client->address, address));
	if (client->asn != 0)
		draft_format(draft, ", AS %u", client->asn);
	if (client->country[0] != '\0') {
		draft_text(draft, ", country ");
		escaped_text(draft, client->country);
	}
	if (client->known != CHOICE_UNKNOWN)
		draft_format(draft, ", about %.2f, %.2f (by %s)", client->latitude,
		    client->longitude, mirrorlist_known(client->known));
	else
		draft_text(draft, "; where that is, is not known");
	draft_text(draft, ".</p>\n");
}

static void
end_part(struct draft *draft, const struct redirect_choice *choice)
{
	draft_text(draft, "<p>");
	if (choice->end == CHOICE_HOME) {
		draft_text(draft, "The file is served from here: ");
		escaped_text(draft, choice_home_words(choice->home));
		draft_text(draft, ".</p>\n");
		return;
	}
	draft_text(draft, "You are sent to <a href=\"");
	escaped_url(draft, choice, NULL);
	draft_text(draft, "\">");
	escaped_url(draft, choice, NULL);
	draft_text(draft, "</a>.</p>\n");
}

static void
mirror_row(struct draft *draft, const struct redirect_choice *choice,
    const struct choice_mirror *m)
{
	draft_text(draft, "<tr><td>");
	if (m->taken)
		draft_number(draft, m->priority);
	draft_text(draft, "</td><td>");
	if (m->taken) {
		draft_text(draft, "<a href=\"");
		escaped_url(draft, choice, m->mirror);
		draft_text(draft, "\">");
	}
	escaped_text(draft, m->mirror->name);
	draft_text(draft, m->taken ? "</a></td><td>" : "</td><td>");
	escaped_text(draft, m->mirror->country);
	draft_text(draft, "</td><td>");
	if (m->km >= 0)
		draft_format(draft, "%.0f km", m->km);
	draft_text(draft, "</td><td>");
	escaped_text(draft, choice_why_words(m->why));
	draft_text(draft, "</td></tr>\n");
}

void
mirrorlist_html(struct draft *draft, const struct redirect_choice *choice)
{
	head(draft, &choice->file);
	file_part(draft, choice);
	client_part(draft, &choice->client);
	end_part(draft, choice);
	draft_text(draft, "<table>\n<tr><th></th><th>Mirror</th><th>Country</th><th>Distance</th>"
	    "<th>Why</th></tr>\n");
	for (size_t i = 0; i < choice->n; i++)
		mirror_row(draft, choice, &choice->mirrors[i]);
	draft_text(draft, "</table>\n</body>\n</html>\n");
}
