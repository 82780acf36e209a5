#include "common/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/utf8.h"

static const char *log_program = "nearcast";
static enum log_level log_max = LOG_INFO;
static int log_to_journal;

void
log_open(const char *program, enum log_level level)
{
	log_program = program;
	log_max = level;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
}

static size_t
log_head(char *line, size_t size, enum log_level level)
{
	/* syslog(3) priorities: err, warning, info, debug */
	static const int priority[] = { 3, 4, 6, 7 };
	static const char *const name[] = { "error: ", "warning: ", "", "debug: " };
	struct timespec now;
	struct tm tm;
	size_t n;

	if (log_to_journal)
		return (size_t)snprintf(line, size, "<%d>", priority[level]);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, size - n, ".%03ldZ %s: %s",
	    now.tv_nsec / 1000000, log_program, name[level]);
	return n;
}

static void log_line(enum log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void
log_line(enum log_level level, const char *fmt, va_list ap)
{
	char line[2048];
	size_t n;
	int text;

	if (level > log_max)
		return;
	n = log_head(line, sizeof(line), level);
	text = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	if (text < 0)
		return;
	utf8_clean(line + n);			/* names and replies are other people's */
	n += (size_t)text;
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* a reader that hangs costs lines, never the daemon */
	if (poll(&(struct pollfd){ .fd = STDERR_FILENO, .events = POLLOUT }, 1, 0) != 1)
		return;
	if (write(STDERR_FILENO, line, n) < 0)
		return;		/* nowhere left to say so */
}

#define LOG_FUNCTION(name, level)			\
void							\
name(const char *fmt, ...)				\
{							\
	va_list ap;					\
							\
	va_start(ap, fmt);				\
	log_line(level, fmt, ap);			\
	va_end(ap);					\
}

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)

static void
pass_warning(void *arg, const char *line)
{
	(void)arg;
	log_warn("%s", line);
}

static void
pass_error(void *arg, const char *line)
{
	(void)arg;
	log_error("%s", line);
}

const struct warn log_warn_lines = { pass_warning, NULL };
const struct warn log_error_lines = { pass_error, NULL };

void
log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_ERROR, fmt, ap);
	va_end(ap);
	exit(1);
}
