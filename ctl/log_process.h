/*
 * log_process: what the lines of one process say beside their numbers: how it ended, and whether
 * another one writes under its name.
 *
 * A process that ends by itself says "end" last; one that was killed is named by the next ("cut").
 * Two machines that write under one name would fill each other's holes: of every 64th line there is
 * a hash, and a number that comes again with other octets is told.  Knows no files.  One thread.
 */
#ifndef NEARCAST_LOG_PROCESS_H
#define NEARCAST_LOG_PROCESS_H

#include "ctl/log_line.h"

struct log_process {
	bool ended;			/* said "end", */
	uint64_t end;			/* in the line of this number */
	bool cut, has_last;		/* the next one says that it was killed, and knows its */
	uint64_t last;			/* last line */
	bool differs;			/* two lines of the number `twice` are not the same */
	uint64_t twice;
	uint64_t senseless;		/* `lost` lines that no writer of ours makes */
	uint32_t *marks;		/* owned: hashes of lines, of the numbers 64 * (base + i) */
	uint64_t base, n_marks;
};

/* Takes a line in.  `aside`: it is from a file that is there because it differs. */
void log_process_line(struct log_process *p, const struct log_line *line, const char *octets,
    size_t len, bool aside);

/* True if this is a `lost` line whose range can be: numbers before its own. */
bool log_process_loses(const struct log_line *line);

/* Another process says of this one that it was killed. */
void log_process_cut(struct log_process *p, const struct log_line *line);

void log_process_free(struct log_process *p);

#endif
