#include "healthd/sample/sample_range.h"

#include <string.h>
#include <strings.h>

#include "common/text.h"

void
sample_range_line(const char *line, size_t len, int64_t *total)
{
	static const char name[] = "Content-Range:";
	struct text t = { line, line + len };
	const char *slash;
	uint64_t value;

	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
		*total = -1;
	if (len < sizeof(name) || strncasecmp(line, name, sizeof(name) - 1) != 0)
		return;
	*total = -1;
	if ((slash = memchr(line, '/', len)) == NULL)
		return;
	t.at = slash + 1;
	if (text_number(&t, INT64_MAX, &value) == TEXT_FOUND &&
	    (t.at == t.end || strchr("\r\n \t", *t.at) != NULL))
		*total = (int64_t)value;
}

void
sample_range_answer(struct sample_head_answer *a, int64_t total)
{
	if (a->status == 206) {
		a->status = 200;
		a->length = total;
	} else if (a->status == 416 && total == 0) {
		a->status = 200;
		a->length = 0;
		a->type[0] = '\0';		/* of the page that says so */
	}
}
