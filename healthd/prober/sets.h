/*
 * sets: what is answered to the command `sets`, for nearctl and other programs:
 *
 *   now MS
 *   pool NAME SET ASKED-MS [FAULT]      for each pool whose check has an origin
 *   server NAME POOL SET                for each server of such a pool at this site
 *
 * SET is the one that is current, or that the server told last on an address that answers; "-" =
 * not known.  MS and ASKED-MS are of one clock that never goes back: who has said `sets ask` waits
 * until a pool's ASKED-MS is no less than the MS of that answer, and has the origin's word of a
 * later time then, or the FAULT why there is none.  Knows no socket.  One thread.
 */
#ifndef NEARCAST_SETS_H
#define NEARCAST_SETS_H

#include <stdio.h>

#include "healthd/prober/content.h"

void sets_print(const struct content *content, FILE *out);

#endif
