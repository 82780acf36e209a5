#include "common/utf8.h"

#include <string.h>

/* What the first five bits of a sequence say of its length; 0 = it begins none. */
static const unsigned char said[32] = {
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 3, 3, 4, 0,
};

size_t
utf8_len(const char *s, size_t left, uint32_t *point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = said[(unsigned char)s[0] >> 3];
	uint32_t value;

	if (len == 0 || len > left)
		return 0;
	value = (unsigned char)s[0] & (len == 1 ? 0x7fu : 0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)s[i] & 0x3f);
	}
	if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	if (point != NULL)
		*point = value;
	return len;
}

size_t
utf8_shown(const char *s, size_t left)
{
	uint32_t point = 0;
	size_t len = utf8_len(s, left, &point);

	return point < 0x20 || (point >= 0x7f && point <= 0x9f) ? 0 : len;
}

void
utf8_clean(char *text)
{
	for (char *end = text + strlen(text); text < end;) {
		size_t len = utf8_shown(text, (size_t)(end - text));

		if (len == 0 && *text != '\t')
			*text = '?';
		text += len != 0 ? len : 1;
	}
}
