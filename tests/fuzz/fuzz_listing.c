/* Any bytes as a line of rsync's listing and as a line of a manifest: within all bounds; and as a
 * path, which a manifest's line gives back as it was. */
#include <stdlib.h>
#include <string.h>

#include "common/catalogue/catalogue_write.h"
#include "common/catalogue/listing.h"
#include "common/catalogue/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
there_and_back(const char *path, size_t len)
{
	static const char rest[] = "\t00000000000000000000000000000000"
	    "00000000000000000000000000000000";
	static struct manifest_entry entry;
	static char line[4 * CATALOGUE_PATH_MAX + 100];
	struct err err;

	if (len > CATALOGUE_PATH_MAX)
		return;
	manifest_path(path, len, line, sizeof(line) - sizeof(rest));
	strcat(line, rest);
	if (manifest_line(line, strlen(line), &entry, &err) < 0 || entry.len != len ||
	    memcmp(entry.path, path, len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct listing_file file;
	static struct manifest_entry entry;
	struct err err = { .text = "" };

	there_and_back((const char *)data, size);
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
