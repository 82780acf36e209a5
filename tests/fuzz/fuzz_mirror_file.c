/* Any bytes as a file of mirrors: refused with a place, or within all bounds. */
#include <stdlib.h>
#include <string.h>

#include "common/mirror_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mirror_file file;
	struct err err = { .text = "" };

	if (mirror_file_parse(&file, "mirrors", (const char *)data, size, &err) < 0) {
		if (strncmp(err.text, "mirrors:", 8) != 0 || file.lines != NULL)
			abort();
		return 0;
	}
	for (size_t i = 0; i < file.n; i++) {
		const struct mirror_line *m = &file.lines[i];

		if (m->state > MIRROR_DOWN || m->weight > 100 || m->samples > 100 ||
		    m->bad > m->samples || m->name[0] == '\0' ||
		    strnlen(m->name, MIRROR_NAME_MAX) == MIRROR_NAME_MAX ||
		    strnlen(m->reason, MIRROR_REASON_MAX) == MIRROR_REASON_MAX ||
		    mirror_file_find(&file, m->name) != m)
			abort();
	}
	mirror_file_clear(&file);
	return 0;
}
