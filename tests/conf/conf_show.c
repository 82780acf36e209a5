/*
 * conf_show FILE: prints the configuration as read, warnings first, or the one
 * line that says what is wrong with it; then checks that the printed form reads
 * and prints as itself.  The file is taken to lie in /etc/nearcast, so that the
 * output is the same on every machine.  Exit status 0, 1 for a refused file.
 */
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"

#define AS "/etc/nearcast/nearcast.conf"

static void
warn_line(void *arg, const char *line)
{
	(void)arg;
	printf("warning: %s\n", line);
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
	struct conf *conf = conf_parse(AS, text, len, NULL, &err);
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
	static const struct warn warn = { warn_line, NULL };
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
	len = fread(file, 1, sizeof(file), in);
	fclose(in);
	conf = conf_parse(AS, file, len, &warn, &err);
	if (conf == NULL) {
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
