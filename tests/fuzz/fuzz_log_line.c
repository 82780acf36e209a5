/* Lines of logs, as a collector may hold them after a crash: whole, or refused. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ctl/log_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);		/* its end is where reading must stop */
	struct log_line line;
	json_t *tree;

	memcpy(copy, data, size);
	tree = json_loadb(copy, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	/* what a real reader takes for an object with members is a line */
	if (!log_line_read(&line, copy, size) && json_is_object(tree) &&
	    json_object_size(tree) > 0 && memchr(copy, '\n', size) == NULL)
		abort();
	json_decref(tree);
	free(copy);
	return 0;
}
