#include "redirectd/documents.h"

#include <assert.h>

#include "redirectd/encode.h"
#include "redirectd/hashes.h"
#include "redirectd/metalink.h"
#include "redirectd/mirrorlist.h"
#include "redirectd/torrent.h"
#include "redirectd/urls.h"

/* One document on its way. */
struct job {
	struct documents_desk *desk;
	const struct documents_ask *ask;
	const struct redirect_choice *choice;
	struct catalogue *catalogue;
	struct response *response;
};

void
documents_end(struct documents_desk *desk)
{
	draft_free(&desk->text);
	draft_free(&desk->scratch);
}

/* ---- ways to end ---- */

/* The text becomes the body. */
static void
send_text(const struct job *job, unsigned status, const char *type, const char *caching)
{
	struct response *response = job->response;

	response->status = status;
	response_head(response, "Content-Type", "%s", type);
	response_head(response, "Cache-Control", "%s", caching);
	response_head(response, "X-Content-Type-Options", "nosniff");
	response_octets(response, draft_string(&job->desk->text), job->desk->text.len);
	response->broken |= draft_failed(&job->desk->text);
}

/* Differs from client to client: for no cache. */
static void
send_private(const struct job *job, unsigned status, const char *type)
{
	send_text(job, status, type, "private, no-store");
}

static void
refuse_document(const struct job *job, unsigned status, const char *why)
{
	draft_begin(&job->desk->text, RESPONSE_BODY_MAX);
	draft_text(&job->desk->text, why);
	draft_text(&job->desk->text, "\n");
	send_text(job, status, "text/plain; charset=UTF-8", "private, no-store");
}

/* NAME and suffix as the name under which a browser stores it. */
static void
attach(const struct job *job)
{
	struct draft *scratch = &job->desk->scratch;
	char suffix[16];
	size_t len;
	const char *name = urls_name(&job->choice->file, &len);

	snprintf(suffix, sizeof(suffix), ".%s", negotiate_word(job->ask->document));
	draft_begin(scratch, RESPONSE_BODY_MAX);
	encode_attachment(scratch, name, len, suffix);
	response_head(job->response, "Content-Disposition", "%s", draft_string(scratch));
}

/* A file beside this one, which nginx delivers; false = there is none. */
static bool
send_beside(const struct job *job)
{
	const struct choice_file *file = &job->choice->file;
	struct draft *scratch = &job->desk->scratch;
	struct catalogue_file beside;

	draft_begin(scratch, RESPONSE_BODY_MAX);
	draft_put(scratch, file->path + 1, file->path_len - 1);
	draft_text(scratch, ".");
	draft_text(scratch, negotiate_word(job->ask->document));
	if (draft_failed(scratch) || catalogue_find(job->catalogue, draft_string(scratch),
	    scratch->len, &beside, NULL) != 1)
		return false;
	draft_begin(scratch, RESPONSE_BODY_MAX);
	encode_url(scratch, file->path, file->path_len);
	job->response->status = 200;
	response_head(job->response, "X-Accel-Redirect", "%s%s.%s", job->choice->redirect->local,
	    draft_string(scratch), negotiate_word(job->ask->document));
	return true;
}

/* ---- documents ---- */

/* Those of the file, n = 0 where none are known; -1 = the catalogue cannot be read. */
static int
find_pieces(const struct job *job, struct catalogue_pieces *pieces)
{
	*pieces = (struct catalogue_pieces){ 0 };
	if (!job->choice->file.has_pieces)
		return 0;
	return catalogue_pieces(job->catalogue, job->choice->file.id, pieces, NULL);
}

static bool
send_metalink(const struct job *job)
{
	const struct redirect_choice *choice = job->choice;
	bool old = job->ask->document == DOCUMENT_METALINK;
	struct catalogue_pieces pieces;

	if (choice->n_taken == 0 && choice->end != CHOICE_FALLBACK) {
		if (!job->ask->negotiated)
			refuse_document(job, 404, "there is no mirror for this file now");
		return !job->ask->negotiated;
	}
	if (find_pieces(job, &pieces) < 0)
		pieces = (struct catalogue_pieces){ 0 };	/* it is good without them */
	(old ? metalink_old : metalink_write)(&job->desk->text, choice, &pieces, job->ask->now);
	response_head(job->response, "Vary", "Accept");
	attach(job);
	send_private(job, 200, old ? "application/metalink+xml; charset=UTF-8" :
	    "application/metalink4+xml; charset=UTF-8");
	return true;
}

static void
send_mirrorlist(const struct job *job)
{
	enum negotiate_form form = job->ask->form != NEGOTIATE_UNSAID ? job->ask->form :
	    negotiate_form(job->ask->accept);
	/* a list for a name that may be nothing is an explanation, no page to be found */
	unsigned status = job->choice->file.known || job->choice->one_file != NULL ? 200 : 404;

	assert(job->choice->whole);
	response_head(job->response, "Vary", "Accept");
	if (form == NEGOTIATE_JSON) {
		mirrorlist_json(&job->desk->text, job->choice);
		send_private(job, status, "application/json");
	} else if (form == NEGOTIATE_TEXT) {
		mirrorlist_text(&job->desk->text, job->choice);
		send_private(job, status, "text/plain; charset=UTF-8");
	} else {
		response_head(job->response, "Content-Security-Policy",
		    "default-src 'none'; style-src 'unsafe-inline'");
		mirrorlist_html(&job->desk->text, job->choice);
		send_private(job, status, "text/html; charset=UTF-8");
	}
}

static void
send_hash(const struct job *job, const uint8_t *hash, size_t n, const char *unknown)
{
	if (hash == NULL) {
		refuse_document(job, 404, unknown);
		return;
	}
	hashes_write(&job->desk->text, &job->choice->file, hash, n, job->ask->only_hash);
	send_text(job, 200, "text/plain; charset=UTF-8", "no-cache");
}

/* What is made of SHA-1 pieces. */
static void
send_of_pieces(const struct job *job)
{
	const struct choice_file *file = &job->choice->file;
	struct catalogue_pieces pieces;
	uint8_t hash[CATALOGUE_SHA1];

	if (find_pieces(job, &pieces) < 0) {
		refuse_document(job, 503, "the catalogue cannot be read");
		return;
	}
	if (!torrent_possible(file, &pieces)) {
		refuse_document(job, 404, "no SHA-1 hashes of this file's pieces are known");
		return;
	}
	if (job->ask->document == DOCUMENT_BTIH) {
		if (torrent_hash(&job->desk->scratch, file, &pieces, hash) < 0)
			job->response->broken = true;
		send_hash(job, hash, sizeof(hash), "");
	} else if (job->ask->document == DOCUMENT_MAGNET) {
		torrent_magnet(&job->desk->text, job->choice, &pieces);
		send_private(job, 200, "text/plain; charset=UTF-8");
	} else {
		torrent_write(&job->desk->text, job->choice, &pieces);
		attach(job);
		send_private(job, 200, "application/x-bittorrent");
	}
}

bool
documents_write(struct documents_desk *desk, const struct documents_ask *ask,
    const struct redirect_choice *choice, struct catalogue *catalogue,
    struct response *response)
{
	const struct job job = { desk, ask, choice, catalogue, response };

	draft_begin(&desk->text, RESPONSE_BODY_MAX);
	draft_begin(&desk->scratch, RESPONSE_BODY_MAX);
	switch (ask->document) {
	case DOCUMENT_META4: case DOCUMENT_METALINK:
		return send_metalink(&job);
	case DOCUMENT_MIRRORLIST:
		send_mirrorlist(&job);
		break;
	case DOCUMENT_MD5:
		send_hash(&job, choice->file.md5, CATALOGUE_MD5, "no MD5 of this file is known");
		break;
	case DOCUMENT_SHA1:
		refuse_document(&job, 404, "no SHA-1 of this file is known; ask for its SHA-256");
		break;
	case DOCUMENT_SHA256:
		send_hash(&job, choice->file.sha256, CATALOGUE_SHA256,
		    "no SHA-256 of this file is known");
		break;
	case DOCUMENT_ZSYNC:
		if (!send_beside(&job))
			refuse_document(&job, 404, "there is no zsync file for this file");
		break;
	case DOCUMENT_TORRENT:
		if (send_beside(&job))
			break;
		/* fall through */
	case DOCUMENT_MAGNET: case DOCUMENT_BTIH:
		send_of_pieces(&job);
		break;
	case DOCUMENT_NONE: case DOCUMENT_KINDS:
		assert(false);
	}
	return true;
}
