/*
 * check: `dnsd -t` and `nearctl check`: would a start or a reload succeed?
 *
 * Reads everything as a start would, and, when a dnsd runs under the same run-dir, holds the
 * zones against those that it serves.  Refuses, besides what a start refuses, steered names that
 * are name servers of another zone, and programs that healthd could not run; says what is odd,
 * and what the user that dnsd becomes could not read again.  Serves nothing and changes nothing.
 */
#ifndef NEARCAST_CHECK_H
#define NEARCAST_CHECK_H

/* Says what is wrong on stderr, what is well on stdout.  0 = it would succeed, 1 = not. */
int check_run(const char *path, const char *here);

#endif
