#include "healthd/sample/sample_answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { OLDER_S = 2 };

static bool
says_html(const char *path, size_t len)
{
	static const char *const endings[] = { ".html", ".htm", ".xhtml", ".shtml" };

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t n = strlen(endings[i]);

		if (len >= n && strncasecmp(path + len - n, endings[i], n) == 0)
			return true;
	}
	return false;
}

enum sample_verdict
sample_answer_judge(const struct sample_head_answer *a, const struct conf_mirror *mirror,
    const struct catalogue_file *file, const char *path, size_t len, char why[SAMPLE_WHY])
{
	why[0] = '\0';
	if (!a->answered) {
		snprintf(why, SAMPLE_WHY, "%s", a->fault);
		return SAMPLE_FAILED;
	}
	if (a->status == 429 || a->status >= 500) {
		snprintf(why, SAMPLE_WHY, "status %ld", a->status);
		return SAMPLE_FAILED;
	}
	if (file == NULL)
		return SAMPLE_GOOD;
	if (a->status == 405) {
		snprintf(why, SAMPLE_WHY, "status 405: it takes neither HEAD nor GET");
		return SAMPLE_FAILED;
	}
	if (a->status != 200)
		snprintf(why, SAMPLE_WHY, "status %ld", a->status);
	else if (strncasecmp(a->type, "text/html", 9) == 0 && !says_html(path, len))
		snprintf(why, SAMPLE_WHY, "a page (%.40s) in place of the file", a->type);
	else if (conf_mirror_outdated_ok(mirror, path, len))
		return SAMPLE_GOOD;
	else if (a->length >= 0 && (uint64_t)a->length != file->size)
		snprintf(why, SAMPLE_WHY, "%lld octets, %llu were expected",
		    (long long)a->length, (unsigned long long)file->size);
	else if (a->modified >= 0 && a->modified + OLDER_S < file->mtime)
		snprintf(why, SAMPLE_WHY, "%lld s older than it should be",
		    (long long)(file->mtime - a->modified));
	return why[0] == '\0' ? SAMPLE_GOOD : SAMPLE_BAD;
}
