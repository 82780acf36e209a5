/*
 * err: the one-line reason for a failure, in the caller's memory, and the way to a
 * listener for lines about what is odd but usable.
 *
 * Modules return a code and leave their reason here; they neither log nor exit, and do
 * not know where warnings end up.  A line about a file reads "FILE:LINE: what, which
 * value, what was expected".  Any thread; each struct has one owner.
 */
#ifndef NEARCAST_ERR_H
#define NEARCAST_ERR_H

struct err {
	char text[512];
	unsigned told;			/* lines that a listener has heard already, of which `text`
					 * is the first: whoever says why need not repeat it;
					 * 0 = nobody has */
};

/* Formats the reason, cutting it to fit; returns -1, so that a function can
 * end with `return err_set(err, ...)`.  `err` may be NULL. */
int err_set(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " (formatted) before the reason already there; returns -1. */
int err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Who hears warnings: `line` is called with `arg` and one line without its end, which is
 * valid during the call only.  It is called on the thread of whoever warns. */
struct warn {
	void (*line)(void *arg, const char *line);
	void *arg;
};

/* Formats a line of at most 1023 octets and hands it on; `warn` NULL = nobody listens. */
void err_warn(const struct warn *warn, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
