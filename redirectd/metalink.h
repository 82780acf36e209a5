/*
 * metalink: a file and its mirrors as XML: RFC 5854 (.meta4), and the 3.0 that was before it.
 *
 * What is as good gets one and the same priority: the mirrors that are best for this client, and
 * the copy here beside them.  A client that finds one of them corrupt goes on with the others;
 * one that is alone at its priority, aria2 does not leave.  All others follow one by one.  The
 * text is well-formed whatever octets the names have (encode.h).  Torrents are not named: aria2
 * would follow them, and go on seeding when all has arrived.
 *
 * Knows no request.  Any thread.
 */
#ifndef NEARCAST_METALINK_H
#define NEARCAST_METALINK_H

#include "common/catalogue/catalogue.h"
#include "redirectd/choice.h"
#include "redirectd/draft.h"

/* `pieces` has n = 0 where none are known; `now` is seconds since 1970. */
void metalink_write(struct draft *draft, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces, int64_t now);
void metalink_old(struct draft *draft, const struct redirect_choice *choice,
    const struct catalogue_pieces *pieces, int64_t now);

#endif
