/*
 * documents: what is answered to a request for something about a file: metalinks, hashes,
 * torrents, the list of mirrors.
 *
 * negotiate.h says what is asked for, choice.h whom the client may be sent to; here a response is
 * made of it. The table, with the suffix or the query of the same word:
 *
 *   meta4, metalink      the file's metalink; no mirror for it: 404, or, where it was chosen by
 *                        Accept, the file
 *   mirrorlist           all mirrors with reasons, as HTML, text or JSON; its status is 404
 *                        where the catalogue does not have the file
 *   torrent              the file NAME.torrent if there is one, or one that is made of the
 *                        catalogue's SHA-1 pieces; neither: 404
 *   magnet, btih         of those pieces; none: 404
 *   md5, sha256          a line for md5sum or sha256sum; `only_hash` leaves the name out; not
 *                        known: 404
 *   sha1                 404: the catalogue keeps none of whole files
 *   zsync                the file NAME.zsync, or 404
 *
 * Every 404 says why, in a line of text.  Any thread, each with a desk, a catalogue and a response
 * of its own.
 */
#ifndef NEARCAST_DOCUMENTS_H
#define NEARCAST_DOCUMENTS_H

#include "common/catalogue/catalogue.h"
#include "redirectd/choice.h"
#include "redirectd/draft.h"
#include "redirectd/negotiate.h"
#include "redirectd/response.h"

struct documents_ask {
	enum document document;		/* not NONE */
	bool negotiated;		/* chosen by Accept, not asked for by suffix or query */
	bool only_hash;
	enum negotiate_form form;	/* of `format=` */
	const char *accept;		/* NULL = no such field */
	int64_t now;			/* seconds since 1970 */
};

/* A thread's memory from one document to the next; all zero before. */
struct documents_desk {
	struct draft text, scratch;
};

void documents_end(struct documents_desk *desk);

/* Makes the response.  The choice's file is known to the catalogue (except for MIRRORLIST, where
 * it need not be), and for MIRRORLIST the choice is whole.  False = the response is untouched:
 * the file itself is what the client should get. */
bool documents_write(struct documents_desk *desk, const struct documents_ask *ask,
    const struct redirect_choice *choice, struct catalogue *catalogue,
    struct response *response);

#endif
