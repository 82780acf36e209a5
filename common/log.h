/*
 * log: lines on stderr, one printer for both daemons.
 *
 * Under systemd (JOURNAL_STREAM set) a line starts with its <priority>;
 * elsewhere with the time.  Knows nothing of what is logged.  Called by the
 * main loops only, never on the packet path.  Each line is one write(2), so
 * threads do not interleave; while nobody takes them, lines are lost rather than waited for.
 */
#ifndef NEARCAST_LOG_H
#define NEARCAST_LOG_H

#include "common/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* `program` is borrowed for the life of the process. */
void log_open(const char *program, enum log_level level);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Whoever warns of files gets one of these; the lines are logged at that level. */
extern const struct warn log_warn_lines, log_error_lines;

/* Logs at error level and exits 1.  For main.c at start-up only. */
void log_fatal(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#endif
