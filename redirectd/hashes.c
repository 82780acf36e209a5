#include "redirectd/hashes.h"

#include "redirectd/encode.h"
#include "redirectd/urls.h"

static const char *
escape_of(char c)
{
	return c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : NULL;
}

void
hashes_write(struct draft *draft, const struct choice_file *file, const uint8_t *hash, size_t n,
    bool alone)
{
	size_t len;
	const char *name = urls_name(file, &len);
	bool odd = false;

	for (size_t i = 0; i < len; i++)
		odd |= escape_of(name[i]) != NULL;
	if (odd && !alone)
		draft_text(draft, "\\");
	encode_hex(draft, hash, n);
	if (!alone)
		draft_text(draft, "  ");
	for (size_t i = 0; i < len && !alone; i++) {
		const char *other = escape_of(name[i]);

		draft_put(draft, other != NULL ? other : name + i, other != NULL ? 2 : 1);
	}
	draft_text(draft, "\n");
}
