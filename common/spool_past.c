#include "common/spool_past.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/spool.h"
#include "common/text.h"

enum { TAIL = SPOOL_LINE + 1024, BACK = 4 };

struct forerunner {
	char boot[64];
	uint64_t number;		/* of its newest segment */
};

/* Splits KIND-BOOT-NNNNNN.log; false = it is no segment of this kind. */
static bool
name_parts(const char *name, const char *kind, struct forerunner *f)
{
	size_t len = strlen(name), of = strlen(kind);
	const char *dash = strrchr(name, '-');
	struct text number;

	if (len < 4 || strcmp(name + len - 4, ".log") != 0 || strncmp(name, kind, of) != 0 ||
	    name[of] != '-' || dash <= name + of ||
	    (size_t)(dash - name) - of - 1 >= sizeof(f->boot))
		return false;
	number = (struct text){ dash + 1, name + len - 4 };
	snprintf(f->boot, sizeof(f->boot), "%.*s", (int)((size_t)(dash - name) - of - 1),
	    name + of + 1);
	return text_number(&number, 1u << 30, &f->number) == TEXT_FOUND &&
	    number.at == number.end;
}

/* Takes a segment in: each process once, the newest SPOOL_PAST of them, in order. */
static unsigned
keep_newest(struct forerunner *v, unsigned n, const struct forerunner *f)
{
	unsigned at = n;
	int by = 1;

	while (at > 0 && (by = strcmp(v[at - 1].boot, f->boot)) > 0)
		at--;
	if (at > 0 && by == 0) {
		if (f->number > v[at - 1].number)
			v[at - 1].number = f->number;
		return n;
	}
	if (n == SPOOL_PAST) {
		if (at == 0)
			return n;
		at--;
		memmove(v, v + 1, at * sizeof(*v));
	} else {
		memmove(v + at + 1, v + at, (n - at) * sizeof(*v));
		n++;
	}
	v[at] = *f;
	return n;
}

/* The last whole line of what was read: its number, and whether it is an end.  False = there is
 * none. */
static bool
last_line(char *octets, size_t len, uint64_t *seq, bool *ended)
{
	char *end = memrchr(octets, '\n', len), *line, *at;

	if (end == NULL)
		return false;
	*end = '\0';
	line = memrchr(octets, '\n', (size_t)(end - octets));
	line = line != NULL ? line + 1 : octets;
	at = strstr(line, "\",\"seq\":");
	if (at == NULL)
		return false;
	*seq = strtoull(at + 8, &at, 10);
	if (strncmp(at, ",\"t\":", 5) != 0)
		return false;
	(void)strtod(at + 5, &at);
	*ended = strcmp(at, ",\"ev\":\"end\"}") == 0;
	return true;
}

enum looked { OPEN, NO_LINE, ENDED, CUT };

static enum looked
look_at(int dir, const char *name, uint64_t *seq, char *tail)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum looked what = NO_LINE;
	bool ended = false;
	struct stat st;
	ssize_t n;
	off_t at;

	if (fd < 0)
		return NO_LINE;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		what = OPEN;
	else if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		at = st.st_size > TAIL ? st.st_size - TAIL : 0;
		n = pread(fd, tail, TAIL, at);
		if (n > 0 && last_line(tail, (size_t)n, seq, &ended))
			what = ended ? ENDED : CUT;
	}
	close(fd);
	return what;
}

/* What became of a process; looks back where its newest segments hold no whole line. */
static enum looked
look_back(int dir, const char *kind, const struct forerunner *f, uint64_t *seq, char *tail)
{
	enum looked what = NO_LINE;
	char name[256];

	for (uint64_t i = 0; what == NO_LINE && i <= f->number && i < BACK; i++) {
		snprintf(name, sizeof(name), "%.100s-%.63s-%06u.log", kind, f->boot,
		    (unsigned)(f->number - i));
		what = look_at(dir, name, seq, tail);
	}
	return what;
}

/* The time in "20261127T165203Z.4711"; 0 = there is none. */
static time_t
start_of(const char *boot)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *end = strptime(boot, "%Y%m%dT%H%M%SZ", &tm);
	time_t at = end != NULL && *end == '.' ? timegm(&tm) : 0;

	return at > 0 ? at : 0;
}

time_t
spool_past_newest(const char *dir, const char *kind)
{
	DIR *open = opendir(dir);
	struct dirent *d;
	time_t newest = 0;
	struct forerunner f;

	while (open != NULL && (d = readdir(open)) != NULL)
		if (name_parts(d->d_name, kind, &f) && start_of(f.boot) > newest)
			newest = start_of(f.boot);
	if (open != NULL)
		closedir(open);
	return newest;
}

unsigned
spool_past_find(const char *dir, const char *kind, const char *boot,
    struct spool_past past[SPOOL_PAST])
{
	struct forerunner v[SPOOL_PAST], f;
	char *tail = malloc(TAIL + 1);
	DIR *open = opendir(dir);
	unsigned n = 0, cut = 0;
	struct dirent *d;
	uint64_t seq;

	while (open != NULL && (d = readdir(open)) != NULL)
		if (name_parts(d->d_name, kind, &f) && strcmp(f.boot, boot) != 0)
			n = keep_newest(v, n, &f);
	for (unsigned i = 0; tail != NULL && i < n; i++) {
		enum looked what = look_back(dirfd(open), kind, &v[i], &seq, tail);

		if (what == OPEN || what == ENDED)
			continue;
		memcpy(past[cut].boot, v[i].boot, sizeof(past[cut].boot));
		past[cut].known = what == CUT;
		past[cut++].last = what == CUT ? seq : 0;
	}
	if (open != NULL)
		closedir(open);
	free(tail);
	return cut;
}
