/*
 * links: the header fields of a redirect that say more than where to go.
 *
 * `Link` names the documents about the file (rel=describedby) and the first mirrors that have it
 * (rel=duplicate, RFC 6249), `Digest` (RFC 3230) and `Repr-Digest` (RFC 9530) say what will have
 * arrived; X-MirrorBrain-Mirror and X-MirrorBrain-Realm are what scripts of MirrorBrain's users
 * read.  One line each, as MirrorBrain sends them.  Mirrors that are as good as each other have
 * one `pri`.  Knows nothing of how the choice was made.  Any thread, each with a response of
 * its own.
 */
#ifndef NEARCAST_LINKS_H
#define NEARCAST_LINKS_H

#include "redirectd/choice.h"
#include "redirectd/draft.h"
#include "redirectd/response.h"

/* Adds the lines; `scratch` is any draft of this thread. */
void links_write(const struct redirect_choice *choice, struct draft *scratch,
    struct response *response);

#endif
