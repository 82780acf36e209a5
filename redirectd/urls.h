/*
 * urls: where one file of a choice can be had, as URLs that are percent-encoded once.
 *
 * A mirror's own URL is as its operator wrote it, but for the few characters that may stand in no
 * URL; the file's path behind it is octets (encode.h).  Ours begins with what the client called
 * us.  Knows no format that URLs stand in.  Pure but for the draft; any thread.
 */
#ifndef NEARCAST_URLS_H
#define NEARCAST_URLS_H

#include "redirectd/choice.h"
#include "redirectd/draft.h"

void urls_mirror(struct draft *draft, const struct redirect_choice *choice,
    const struct conf_mirror *mirror);
void urls_fallback(struct draft *draft, const struct redirect_choice *choice);

/* The redirector's URL of the file, with `behind` (a suffix or a query) behind it. */
void urls_self(struct draft *draft, const struct redirect_choice *choice, const char *behind);

/* The copy that is served from here and never redirected. */
void urls_home(struct draft *draft, const struct redirect_choice *choice);

/* The file's name: its path behind the last slash; *len octets, not ended. */
const char *urls_name(const struct choice_file *file, size_t *len);

#endif
