/*
 * events: writes events through a spool at a steady rate, until its time is over or it is killed.
 *
 *	events DIR KIND HOST RATE SECONDS [MAX [SEGMENT [BUFFER]]]
 *
 * Lines of about 190 octets, as dnsd's are.  At the end it prints how many there were and how many
 * of them the spool had to lose.  MAX, SEGMENT and BUFFER in octets, as
 * spool.h says.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/spool.h"

static void
hear(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

int
main(int argc, char **argv)
{
	static const struct warn warn = { hear, NULL };
	static const struct timespec step = { 0, 5000000 };
	struct spool_how how = { .warn = &warn };
	struct spool_state st;
	uint64_t said = 0, start_ms, now_ms, due;
	double rate, seconds;
	struct spool *s;
	char line[160];
	struct err err;

	if (argc < 6)
		return 64;
	how.dir = argv[1];
	how.kind = argv[2];
	how.host = argv[3];
	rate = atof(argv[4]);
	seconds = atof(argv[5]);
	how.max = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
	how.segment = argc > 7 ? (uint32_t)strtoul(argv[7], NULL, 10) : 0;
	how.buffer = argc > 8 ? (uint32_t)strtoul(argv[8], NULL, 10) : 0;
	s = spool_open(&how, &err);
	if (s == NULL)
		return 1;
	start_ms = clock_mono().ms;
	do {
		now_ms = clock_mono().ms;
		due = (uint64_t)((double)(now_ms - start_ms) / 1000 * rate);
		for (; said < due; said++) {
			snprintf(line, sizeof(line), "\"ev\":\"test\",\"i\":%" PRIu64 ",\"pad\":"
			    "\"%.*s\"", said, 60 + (int)(said % 40), "0123456789012345678901234567"
			    "89012345678901234567890123456789012345678901234567890123456789012345"
			    "6789");
			spool_line(s, line);
		}
		nanosleep(&step, NULL);
	} while ((double)(now_ms - start_ms) < seconds * 1000);
	spool_state(s, &st);
	spool_close(s);
	printf("%" PRIu64 " events, %" PRIu64 " lost\n", st.events, st.lost);
	return 0;
}
