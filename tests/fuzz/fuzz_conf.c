/* Any text as nearcast.conf: refused with a place, or printed and read again as itself. */
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
	struct err err = { "" };
	struct conf *conf = conf_parse(AS, (const char *)data, size, NULL, &warn, &err), *again;
	char *first, *second;
	size_t n, m;

	if (conf == NULL) {
		if (strncmp(err.text, AS ":", sizeof(AS)) != 0)
			abort();
		return 0;
	}
	first = printed(conf, &n);
	again = conf_parse(AS, first, n, NULL, NULL, &err);
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
