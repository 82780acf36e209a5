/* Any bytes as a health file: refused with a place, or within all bounds. */
#include <stdlib.h>
#include <string.h>

#include "common/health_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct health_file file;
	struct err err = { .text = "" };

	if (health_file_parse(&file, "health", (const char *)data, size, &err) < 0) {
		if (strncmp(err.text, "health:", 7) != 0 || file.servers != NULL ||
		    file.sites != NULL)
			abort();
		return 0;
	}
	for (size_t i = 0; i < file.n_servers; i++) {
		const struct health_server *s = &file.servers[i];
		if (s->state > HEALTH_DOWN || s->v4 > HEALTH_DOWN || s->v6 > HEALTH_DOWN ||
		    s->weight > 100 ||
		    strnlen(s->name, HEALTH_NAME_MAX) == HEALTH_NAME_MAX || *s->name == '\0' ||
		    strnlen(s->set, HEALTH_NAME_MAX) == HEALTH_NAME_MAX ||
		    strnlen(s->reason, HEALTH_REASON_MAX) == HEALTH_REASON_MAX)
			abort();
	}
	health_file_clear(&file);
	return 0;
}
