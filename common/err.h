/*
 * err: the one-line reason for a failure, in the caller's memory.
 *
 * Modules return a code and leave their reason here; they neither log nor
 * exit.  A reason about a file reads "FILE:LINE: what, which value, what was
 * expected".  Knows nothing else.  Any thread; the struct has one owner.
 */
#ifndef NEARCAST_ERR_H
#define NEARCAST_ERR_H

struct err {
	char text[512];
};

/* Formats the reason, cutting it to fit; returns -1, so that a function can
 * end with `return err_set(err, ...)`.  `err` may be NULL. */
int err_set(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " (formatted) before the reason already there; returns -1. */
int err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
