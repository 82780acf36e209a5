/*
 * conf_show FILE: prints the configuration as read, warnings first, or the lines
 * that say what is wrong with it; then checks that the printed form reads
 * and prints as itself.  The file is taken to lie in /etc/nearcast, so that the
 * output is the same on every machine; other files that it reads are then those beside it.
 * Exit status 0, 1 for a refused file.
 */
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/conf/conf.h"

#define AS "/etc/nearcast/nearcast.conf"

static void
warn_line(void *arg, const char *line)
{
	(void)arg;
	printf("warning: %s\n", line);
}

/* All mistakes, where there is more than one. */
static void
mistake_line(void *arg, const char *line)
{
	(void)arg;
	puts(line);
}

static const char *folder;		/* of the file, with its slash */

/* A file of /etc/nearcast is one of `folder`. */
static char *
read_beside(const char *path, size_t max, size_t *len, struct err *err)
{
	char beside[4096];

	if (strncmp(path, "/etc/nearcast/", 14) != 0)
		return file_read(path, 0, max, len, err);
	snprintf(beside, sizeof(beside), "%s%s", folder, path + 14);
	return file_read(beside, 0, max, len, err);
}

static char *
printed(const struct conf *conf, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		abort();
	conf_print(conf, out);
	fclose(out);
	return text;
}

static int
round_trip(const char *text, size_t len)
{
	struct err err;
	size_t again_len;
	struct conf *conf = conf_parse(AS, text, len, NULL, NULL, NULL, &err);
	char *again;
	int same;

	if (conf == NULL) {
		printf("the printed form is refused: %s\n", err.text);
		return 2;
	}
	again = printed(conf, &again_len);
	same = len == again_len && memcmp(text, again, len) == 0;
	if (!same)
		printf("the printed form prints differently:\n%s", again);
	free(again);
	conf_free(conf);
	return same ? 0 : 2;
}

int
main(int argc, char **argv)
{
	static const struct warn warn = { warn_line, NULL }, error = { mistake_line, NULL };
	static const struct conf_how how = { NULL, read_beside };
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	static char file[32 << 20];
	struct err err;
	struct conf *conf;
	size_t len;
	char *text;
	int status;

	if (in == NULL) {
		fprintf(stderr, "usage: conf_show FILE\n");
		return 2;
	}
	folder = strndup(argv[1], strrchr(argv[1], '/') != NULL ?
	    (size_t)(strrchr(argv[1], '/') + 1 - argv[1]) : 0);
	if (folder == NULL)
		abort();
	len = fread(file, 1, sizeof(file), in);
	fclose(in);
	conf = conf_parse(AS, file, len, &how, &warn, &error, &err);
	if (conf == NULL) {
		if (err.told == 0)
			puts(err.text);
		return 1;
	}
	text = printed(conf, &len);
	fputs(text, stdout);
	conf_free(conf);
	status = round_trip(text, len);
	free(text);
	return status;
}
