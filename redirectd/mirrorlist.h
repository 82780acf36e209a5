/*
 * mirrorlist: the whole of a choice for people and programs: who asked, what the file is, where
 * the client would be sent, and for each mirror why it is taken or not.
 *
 * It is to a redirect what a question for `_why` is to dnsd's answers.  As HTML (a plain table,
 * no script, nothing fetched from elsewhere; every text escaped), as text (a line a mirror) and
 * as JSON.  Words of reasons are choice.h's.  Knows no request.  Any thread.
 */
#ifndef NEARCAST_MIRRORLIST_H
#define NEARCAST_MIRRORLIST_H

#include "redirectd/choice.h"
#include "redirectd/draft.h"

void mirrorlist_html(struct draft *draft, const struct redirect_choice *choice);
void mirrorlist_text(struct draft *draft, const struct redirect_choice *choice);
void mirrorlist_json(struct draft *draft, const struct redirect_choice *choice);

/* What the three say with the same words: how the client's place is known, and where the client
 * is sent ("" for home). */
const char *mirrorlist_known(enum choice_known known);
void mirrorlist_target(struct draft *draft, const struct redirect_choice *choice);

#endif
