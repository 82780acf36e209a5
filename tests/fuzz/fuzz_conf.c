/* Any text as nearcast.conf, and as every file that it includes: refused with a place, or printed
 * and read again as itself. */
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"

#define AS "/etc/nearcast/nearcast.conf"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(void *arg, const char *line)
{
	(void)arg;
	if (strlen(line) == 0)
		abort();
}

static const char *input;
static size_t input_len;

/* Whatever is included or says which site this is holds what comes behind the first NUL. */
static char *
read_other(const char *path, size_t max, size_t *len, struct err *err)
{
	const char *nul = memchr(input, '\0', input_len);
	char *text;

	(void)path, (void)max, (void)err;
	*len = nul != NULL ? input_len - (size_t)(nul + 1 - input) : 0;
	text = malloc(*len + 1);
	if (text == NULL)
		abort();
	if (nul != NULL)
		memcpy(text, nul + 1, *len);
	text[*len] = '\0';
	return text;
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct warn warn = { check_line, NULL };
	static const struct conf_how how = { NULL, read_other };
	struct err err = { .text = "" };
	struct conf *conf, *again;
	char *first, *second;
	size_t n, m;

	input = (const char *)data;
	input_len = size;
	conf = conf_parse(AS, input, strnlen(input, size), &how, &warn, &warn, &err);
	if (conf == NULL) {
		if (strncmp(err.text, AS ":", sizeof(AS)) != 0 &&
		    (strchr(err.text, ':') == NULL || memmem(data, size, "include", 7) == NULL))
			abort();
		return 0;
	}
	first = printed(conf, &n);
	again = conf_parse(AS, first, n, NULL, NULL, NULL, &err);
	if (again == NULL)
		abort();
	second = printed(again, &m);
	if (n != m || memcmp(first, second, n) != 0)
		abort();
	for (size_t i = 0; i < conf->n_servers; i++)
		if (conf_find_server(conf, conf->servers[i].name) != i)
			abort();
	free(first);
	free(second);
	conf_free(conf);
	conf_free(again);
	return 0;
}
