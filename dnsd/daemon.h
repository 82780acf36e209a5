/*
 * daemon: dnsd at work: starts everything in the right order, then reacts to signals,
 * commands, finished reloads, and changes of the health file and the databases.
 *
 * The main thread runs this and is the only one to change what the daemon holds.
 * It builds small things itself (a generation for a new state of health); large ones
 * (zones, maps) are read by reload.c's thread.
 */
#ifndef NEARCAST_DAEMON_H
#define NEARCAST_DAEMON_H

/* Runs until SIGTERM or SIGINT.  The exit status. */
int daemon_run(const char *path, const char *here);

#endif
