/* Any bytes as lines of an answer's head, and as words for a log: a length or none, all shown. */
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "healthd/sample/sample_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sample_head_answer answer = { .status = 206, .length = -1 };
	char *line = malloc(size + 1);
	int64_t total = -1;

	if (line == NULL)
		return 0;
	memcpy(line, data, size);		/* exactly as long as it is, and no NUL behind it */
	sample_range_line(line, size, &total);
	sample_range_answer(&answer, total);
	if (total < -1 || answer.length != total || answer.status != 200)
		abort();
	line[size] = '\0';
	utf8_clean(line);
	for (size_t i = 0, len = strlen(line), n; i < len; i += n)
		if ((n = line[i] == '\t' ? 1 : utf8_shown(line + i, len - i)) == 0)
			abort();
	free(line);
	return 0;
}
