#include "redirectd/links.h"

#include <ctype.h>

#include "common/catalogue/catalogue.h"
#include "redirectd/encode.h"
#include "redirectd/urls.h"

enum { LINE = 32 * 1024 };		/* octets: every octet of a path escaped, and more */

static void
line(struct response *response, const char *name, const struct draft *value)
{
	if (draft_failed(value))
		response->broken = true;
	else
		response_line(response, name, draft_string(value), value->len);
}

static void
described_by(const struct redirect_choice *choice, const char *suffix, const char *type,
    struct draft *scratch, struct response *response)
{
	draft_begin(scratch, LINE);
	draft_text(scratch, "<");
	urls_self(scratch, choice, suffix);
	draft_text(scratch, ">; rel=describedby; type=\"");
	draft_text(scratch, type);
	draft_text(scratch, "\"");
	line(response, "Link", scratch);
}

static void
duplicate(const struct redirect_choice *choice, const struct choice_mirror *mirror,
    struct draft *scratch, struct response *response)
{
	const char *country = mirror->mirror->country;

	draft_begin(scratch, LINE);
	draft_text(scratch, "<");
	urls_mirror(scratch, choice, mirror->mirror);
	draft_text(scratch, ">; rel=duplicate; pri=");
	draft_number(scratch, mirror->priority);
	if (country[0] != '\0') {
		char geo[] = { (char)tolower(country[0]), (char)tolower(country[1]) };

		draft_text(scratch, "; geo=");
		draft_put(scratch, geo, sizeof(geo));
	}
	line(response, "Link", scratch);
}

static void
digest(const char *name, const char *before, const uint8_t *octets, size_t n, const char *behind,
    struct draft *scratch, struct response *response)
{
	draft_begin(scratch, LINE);
	draft_text(scratch, before);
	encode_base64(scratch, octets, n);
	draft_text(scratch, behind);
	line(response, name, scratch);
}

static void
digests(const struct choice_file *file, struct draft *scratch, struct response *response)
{
	if (file->md5 != NULL)
		digest("Digest", "MD5=", file->md5, CATALOGUE_MD5, "", scratch, response);
	if (file->sha256 == NULL)
		return;
	digest("Digest", "SHA-256=", file->sha256, CATALOGUE_SHA256, "", scratch, response);
	digest("Repr-Digest", "sha-256=:", file->sha256, CATALOGUE_SHA256, ":", scratch, response);
}

static void
as_mirrorbrain(const struct redirect_choice *choice, struct response *response)
{
	bool mirror = choice->end == CHOICE_MIRROR;

	response_head(response, "X-MirrorBrain-Mirror", "%s",
	    mirror ? choice->mirrors[0].mirror->name : choice->fallback->name);
	response_head(response, "X-MirrorBrain-Realm", "%s",
	    mirror ? choice_realm(choice->mirrors[0].why) : "fallback");
}

void
links_write(const struct redirect_choice *choice, struct draft *scratch, struct response *response)
{
	const struct choice_file *file = &choice->file;
	size_t n = choice->n_taken;

	if (choice->redirect->mirrorbrain_headers && choice->end != CHOICE_HOME)
		as_mirrorbrain(choice, response);
	if (!file->known)
		return;
	described_by(choice, ".meta4", "application/metalink4+xml", scratch, response);
	if (file->has_signature)
		described_by(choice, ".asc", "application/pgp-signature", scratch, response);
	/* one that is there, or can be made and has somebody to ask for peers */
	if (file->has_torrent || (file->has_pieces && choice->redirect->trackers != NULL))
		described_by(choice, ".torrent", "application/x-bittorrent", scratch, response);
	for (size_t i = 0; i < n && i < choice->redirect->links; i++)
		duplicate(choice, &choice->mirrors[i], scratch, response);
	digests(file, scratch, response);
}
