#include "common/spool_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/spool_past.h"

enum {
	SYNC_MS = 1000, COUNT_MS = 1000, TRIES = 64,
	LOCK_TRIES = 100,		/* of a millisecond each */
	LAST = 4096,			/* octets that are always left for the last words */
	AHEAD = 65536,			/* room that is asked for at once, where there is some */
	SEGMENTS = 16			/* that `max` has room for, at least */
};

/* "20261127T165203Z.4711": sorts by time, and two processes of one second differ. */
static void
name_boot(struct spool_segment *s, time_t at)
{
	char start[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(start, sizeof(start), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(s->boot, sizeof(s->boot), "%s.%ld", start, (long)getpid());
}

void
spool_segment_init(struct spool_segment *s, char *dir, char *kind)
{
	s->dir = dir;
	s->kind = kind;
	s->fd = -1;
	s->next = 0;
	name_boot(s, time(NULL));
}

static bool
is_segment(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".log") == 0;
}

int
spool_segment_total(const char *path, uint64_t *octets)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	struct stat st;

	if (dir == NULL)
		return -1;
	*octets = 0;
	while ((d = readdir(dir)) != NULL)
		if (is_segment(d->d_name) &&
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			*octets += (uint64_t)st.st_size;
	closedir(dir);
	return 0;
}

void
spool_segment_count(struct spool_segment *s, uint64_t now_ms)
{
	uint64_t total;

	if (s->counted_ms != 0 && now_ms - s->counted_ms < COUNT_MS)
		return;
	if (spool_segment_total(s->dir, &total) < 0)
		return;
	s->total = total;
	s->counted_ms = now_ms;
}

static void
put_on_disk(struct spool_segment *s, uint64_t now_ms)
{
	int dir;

	(void)fdatasync(s->fd);
	if (s->fresh && (dir = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		(void)fsync(dir);
		close(dir);
	}
	s->fresh = s->dirty = false;
	s->synced_ms = now_ms;
}

/* Sees to it that the disk has room for so many octets more, and for the last words behind them.
 * The file's size stays: only blocks are taken.  Where a file system cannot do that, there is no
 * such promise, and whoever writes sees what comes. */
static bool
keep_room(struct spool_segment *s, size_t len)
{
	static const size_t ahead[] = { AHEAD, 0 };

	if (s->octets + len + LAST <= s->reserved)
		return true;
	for (size_t i = 0; i < 2; i++) {
		size_t room = len + LAST + ahead[i];

		if (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, (off_t)s->octets, (off_t)room) == 0) {
			s->reserved = s->octets + room;
			return true;
		}
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			return true;
	}
	return false;
}

void
spool_segment_end(struct spool_segment *s)
{
	if (s->fd < 0)
		return;
	/* gives back what was reserved */
	if (s->reserved > s->octets)
		(void)!ftruncate(s->fd, (off_t)s->octets);
	if (s->dirty)
		put_on_disk(s, s->synced_ms);
	close(s->fd);
	s->fd = -1;
}

/* Somebody may be looking for just this moment whether the file is locked. */
static void
lock_segment(int fd)
{
	static const struct timespec pause = { 0, 1000000 };

	for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
		nanosleep(&pause, NULL);
}

/* When this process says that it began: later than all others of its kind, by whose order it is
 * known who follows whom, also where the clock was set back meanwhile, or a machine without one
 * begins at the same time whenever it starts.  The newest segment of a kind stays in the folder. */
static time_t
start_behind(const struct spool_segment *s, time_t now)
{
	time_t newest = spool_past_newest(s->dir, s->kind);

	return now > newest ? now : newest + 1;
}

/* Opens the next segment.  Where the first one's name is taken all the same, this process says that
 * it began later: a name that a collector may know must not come twice. */
static int
begin_segment(struct spool_segment *s, uint64_t now_ms, struct err *err)
{
	char path[4096];
	time_t start = s->next == 0 ? start_behind(s, time(NULL)) : 0;

	for (int i = 0; i < TRIES; i++) {
		if (s->next == 0)
			name_boot(s, start + i);
		if (snprintf(path, sizeof(path), "%s/%s-%s-%06u.log", s->dir, s->kind, s->boot,
		    s->next) >= (int)sizeof(path)) {
			errno = ENAMETOOLONG;
			break;
		}
		s->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0640);
		if (s->fd >= 0 || errno != EEXIST)
			break;
		if (s->next != 0)
			s->next++;
	}
	if (s->fd < 0)
		return err_set(err, "%s: %s", s->dir, strerror(errno));
	lock_segment(s->fd);
	s->next++;
	s->octets = s->reserved = 0;
	s->torn = false;
	s->opened_ms = s->synced_ms = now_ms;
	s->fresh = true;
	(void)keep_room(s, 0);
	return 0;
}

/* Ends the open one, so that it can be shipped and removed, and begins another at once: there are
 * always blocks for the last words of a process, also when a full disk would give none. */
static void
turn(struct spool_segment *s, uint64_t now_ms)
{
	struct err err;

	spool_segment_end(s);
	(void)begin_segment(s, now_ms, &err);
}

int
spool_segment_settle(struct spool_segment *s, uint64_t now_ms, struct err *err)
{
	return s->next != 0 ? 0 : begin_segment(s, now_ms, err);
}

/* What a full disk has taken of a line goes away again.  Returns the octets that stay: whole
 * lines, or, where the cut fails, as many as there are, and the rest comes behind them later. */
static size_t
whole_lines(const struct spool_segment *s, const char *lines, size_t n)
{
	const char *last = n != 0 ? memrchr(lines, '\n', n) : NULL;
	size_t whole = last != NULL ? (size_t)(last - lines) + 1 : 0;

	if (whole == n || ftruncate(s->fd, (off_t)(s->octets + whole)) < 0)
		return n;
	return whole;
}

/* As many octets of whole lines as the disk has room for, 0 = not even one line. */
static size_t
lines_with_room(struct spool_segment *s, const char *lines, size_t len)
{
	const char *last;

	while (len != 0 && !keep_room(s, len)) {
		last = memrchr(lines, '\n', len / 2);
		len = last != NULL ? (size_t)(last - lines) + 1 : 0;
	}
	return len;
}

static size_t
append(struct spool_segment *s, const char *lines, size_t len, struct err *err)
{
	ssize_t n = write(s->fd, lines, len);

	if (n < 0) {
		err_set(err, "%s: %s", s->dir, strerror(errno));
		return 0;
	}
	if ((size_t)n < len) {
		n = (ssize_t)whole_lines(s, lines, (size_t)n);
		errno = ENOSPC;
		err_set(err, "%s: %s", s->dir, strerror(errno));
	}
	s->octets += (uint64_t)n;
	s->total += (uint64_t)n;
	s->dirty = s->dirty || n != 0;
	if (n != 0)
		s->torn = lines[n - 1] != '\n';
	return (size_t)n;
}

/* What is written to a file without a name would reach nobody. */
static void
leave_removed(struct spool_segment *s)
{
	struct stat st;

	if (s->fd >= 0 && fstat(s->fd, &st) == 0 && st.st_nlink == 0) {
		close(s->fd);
		s->fd = -1;
	}
}

size_t
spool_segment_write(struct spool_segment *s, const char *lines, size_t len, uint64_t max,
    uint64_t now_ms, struct err *err)
{
	uint64_t size = max != 0 && max / SEGMENTS < s->size ? max / SEGMENTS : s->size;
	bool full;
	size_t room;

	spool_segment_count(s, now_ms);
	leave_removed(s);
	full = max != 0 && s->total + len > max;
	if (s->fd >= 0 && s->octets != 0 && !s->torn &&
	    (full || s->octets + len > size || now_ms - s->opened_ms >= s->age_ms))
		turn(s, now_ms);
	if (full) {
		errno = EDQUOT;
		err_set(err, "%s: %llu octets wait there, and `max` is %llu", s->dir,
		    (unsigned long long)s->total, (unsigned long long)max);
		return 0;
	}
	if (s->fd < 0 && begin_segment(s, now_ms, err) < 0)
		return 0;
	if (s->octets == 0)
		s->opened_ms = now_ms;
	room = lines_with_room(s, lines, len);
	if (room < len) {
		errno = ENOSPC;
		err_set(err, "%s: %s", s->dir, strerror(errno));
	}
	return room != 0 ? append(s, lines, room, err) : 0;
}

bool
spool_segment_last(struct spool_segment *s, const char *lines, size_t len, uint64_t now_ms)
{
	struct err err;

	leave_removed(s);
	if (s->fd < 0 && begin_segment(s, now_ms, &err) < 0)
		return false;
	return append(s, lines, len, &err) == len;
}

unsigned
spool_segment_tick(struct spool_segment *s, uint64_t now_ms)
{
	leave_removed(s);
	if (s->fd < 0 || s->octets == 0)
		return 0;
	if (now_ms - s->opened_ms >= s->age_ms) {
		if (s->torn)
			return s->age_ms;
		turn(s, now_ms);
		return 0;
	}
	if (!s->dirty)
		return s->age_ms - (unsigned)(now_ms - s->opened_ms);
	if (now_ms - s->synced_ms >= SYNC_MS) {
		put_on_disk(s, now_ms);
		return s->age_ms - (unsigned)(now_ms - s->opened_ms);
	}
	return SYNC_MS - (unsigned)(now_ms - s->synced_ms);
}
