/*
 * Any segments in a spool, as a killed process, a full disk or a stranger may leave them: a few
 * files, each its name, a line end and its octets, between octets 0xfe.  What the writer wrote is
 * told as it stands there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/spool_past.h"

enum { FILES = 4, NAME = 120 };

static const char own[] = "k-20261128T000001Z.7-000000.log";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/nearcast-fuzz-XXXXXX";

static void
leave(void)
{
	rmdir(folder);
}

static int
the_folder(void)
{
	static int dir = -1;

	if (dir < 0) {
		if (mkdtemp(folder) == NULL)
			abort();
		atexit(leave);
		dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return dir;
}

/* Puts one file there; false = it has no name that a file can have. */
static bool
put(char name[NAME], const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	int fd;

	if (end == NULL || end == data || end - data >= NAME)
		return false;
	snprintf(name, NAME, "%.*s", (int)(end - data), (const char *)data);
	if (name[0] == '\0' || strchr(name, '/') != NULL || name[strspn(name, ".")] == '\0')
		return false;
	fd = openat(the_folder(), name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	end++;
	if (fd < 0 || write(fd, end, (size_t)(data + size - end)) != data + size - end)
		abort();
	close(fd);
	return true;
}

/* What a segment of one whole line, as the writer makes it, has to be told as. */
static void
check_line(const uint8_t *data, size_t size, const struct spool_past *past, unsigned n)
{
	const char *line = (const char *)memchr(data, '\n', size) + 1;
	size_t len = (size_t)((const char *)data + size - line);
	char text[512], digits[20];
	int at = 0;

	if (len == 0 || len >= sizeof(text) || line[len - 1] != '\n' ||
	    memchr(line, '\n', len - 1) != NULL || memchr(line, '\0', len) != NULL)
		return;
	memcpy(text, line, len - 1);
	text[len - 1] = '\0';
	if (sscanf(text, "{\"host\":\"%*[a-z0-9.]\",\"boot\":\"%*[A-Z0-9.]\",\"seq\":%19[0-9],"
	    "\"t\":%*[0-9].%*[0-9]%n", digits, &at) != 1 || at == 0)
		return;
	if (strcmp(text + at, ",\"ev\":\"end\"}") == 0 ? n != 0 :
	    n != 1 || !past[0].known || past[0].last != strtoull(digits, NULL, 10))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char names[FILES][NAME];
	struct spool_past past[SPOOL_PAST];
	const uint8_t *at = data, *end = data + size;
	unsigned n = 0, found;

	while (n < FILES && at < end) {
		const uint8_t *next = memchr(at, 0xfe, (size_t)(end - at));

		if (put(names[n], at, (size_t)((next != NULL ? next : end) - at)))
			n++;
		at = next != NULL ? next + 1 : end;
	}
	found = spool_past_find(the_folder() < 0 ? "" : folder, "k", "mine", past);
	if (found > n)
		abort();
	for (unsigned i = 0; i < found; i++)
		if (strnlen(past[i].boot, sizeof(past[i].boot)) == sizeof(past[i].boot) ||
		    strcmp(past[i].boot, "mine") == 0 ||
		    (i > 0 && strcmp(past[i - 1].boot, past[i].boot) >= 0) ||
		    (!past[i].known && past[i].last != 0))
			abort();
	if (n == 1 && strcmp(names[0], own) == 0 && memchr(data, 0xfe, size) == NULL)
		check_line(data, size, past, found);
	for (unsigned i = 0; i < n; i++)
		unlinkat(the_folder(), names[i], 0);
	return 0;
}
