/*
 * redirectd: the daemon: starts it all, follows files, and puts what has changed into service.
 *
 * The main thread runs the loop: signals, the control socket, and once in a while a look at what
 * others write: the health of mirrors each 250 ms, what mirrors hold, the catalogue and the
 * databases each second.  Requests go on meanwhile on threads of serve.h, which see a new
 * snapshot (setup.h) with their next request; nothing that changes here ends a connection.
 */
#ifndef NEARCAST_REDIRECTD_H
#define NEARCAST_REDIRECTD_H

/* Runs until SIGTERM or SIGINT.  The exit status. */
int redirectd_run(const char *path, const char *here);

/* -t: says whether the configuration and all that it names can be used.  The exit status. */
int redirectd_check(const char *path, const char *here);

#endif
