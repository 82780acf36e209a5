/*
 * events: writes events through a spool at a steady rate, until its time is over or it is killed.
 *
 *	events DIR KIND HOST RATE SECONDS [MAX [SEGMENT [BUFFER [COUNT]]]]
 *
 * Lines of about 190 octets, as dnsd's are.  At the end it prints how many there were.  MAX,
 * SEGMENT and BUFFER in octets, as spool.h says.
 *
 * COUNT is a file that always holds, also when this was killed: octets 0 to 7 how many events the
 * spool was given (native order), 8 to 15 whether it came to its end, from 16 on its boot as far as
 * that is known.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/spool.h"

struct count {
	uint64_t events, ended;
	char boot[64];
};

static struct count *
open_count(const char *path)
{
	static struct count nowhere;
	int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(nowhere)) == 0)
		at = mmap(NULL, sizeof(nowhere), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return at != MAP_FAILED ? at : &nowhere;
}

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
	struct count *count;
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
	count = open_count(argc > 9 ? argv[9] : NULL);
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
			count->events++;
		}
		spool_state(s, &st);
		memcpy(count->boot, st.boot, sizeof(count->boot));
		nanosleep(&step, NULL);
	} while ((double)(now_ms - start_ms) < seconds * 1000);
	spool_state(s, &st);
	spool_close(s);
	count->ended = 1;
	printf("%" PRIu64 " events, %" PRIu64 " lost before the end\n", st.events, st.lost);
	return 0;
}
