/* Any bytes as a line of rsync's listing and as a line of a manifest: within all bounds. */
#include <stdlib.h>
#include <string.h>

#include "common/catalogue/catalogue_write.h"
#include "common/catalogue/listing.h"
#include "common/catalogue/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct listing_file file;
	static struct manifest_entry entry;
	struct err err = { .text = "" };

	if (listing_line((const char *)data, size, &file) == LISTING_FILE &&
	    (catalogue_write_wrong_path(file.path, file.len) != NULL || file.size > INT64_MAX ||
	    file.path[file.len] != '\0'))
		abort();
	if (manifest_line((const char *)data, size, &entry, &err) < 0) {
		if (err.text[0] == '\0')
			abort();
	} else if (entry.len > CATALOGUE_PATH_MAX || entry.file.size > INT64_MAX ||
	    entry.path[entry.len] != '\0' || entry.file.id != 0)
		abort();
	return 0;
}
