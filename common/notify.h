/*
 * notify: tells a service manager how we are (sd_notify(3)'s protocol: a datagram to
 * the socket that NOTIFY_SOCKET names).  Without one, or when it does not listen,
 * nothing happens.  Main thread.
 */
#ifndef NEARCAST_NOTIFY_H
#define NEARCAST_NOTIFY_H

/* Lines like "READY=1\nSTATUS=...". */
void notify(const char *state);

/* READY=1 after "RELOADING=1" wants the monotonic time too (sd_notify(3), RELOADING). */
void notify_reloading(void);

#endif
