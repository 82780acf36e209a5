#include "common/rdata/rdata_template.h"

#include <stddef.h>
#include <string.h>

#include "common/text.h"

/* One UTF-8 character at p; its length, 0 = it is none. */
static size_t
utf8_char(const uint8_t *p, size_t left)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t c;

	if (n <= 1 || n > left)
		return n > left ? 0 : n;
	c = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

/* %41 at p? */
static bool
is_percent(const uint8_t *p, const uint8_t *end)
{
	return end - p >= 3 && *p == '%' && text_hex_digit((char)p[1]) >= 0 &&
	    text_hex_digit((char)p[2]) >= 0;
}

/* Octets of the character of a variable's name at p, 0 = it is none. */
static size_t
name_char(const uint8_t *p, const uint8_t *end)
{
	if (p == end)
		return 0;
	if (is_percent(p, end))
		return 3;
	return (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') ||
	    *p == '_';
}

/* Behind the variable's name at p, NULL = there is none.  Dots stand between its characters. */
static const uint8_t *
behind_name(const uint8_t *p, const uint8_t *end)
{
	size_t n = name_char(p, end);

	if (n == 0)
		return NULL;
	while (n != 0) {
		p += n;
		n = name_char(p, end);
		if (n == 0 && p < end && *p == '.' && name_char(p + 1, end) != 0)
			n = 1 + name_char(p + 1, end);
	}
	return p;
}

/* Behind what may follow a name: * or :1 to :9999. */
static const uint8_t *
skip_modifier(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *digit;

	if (p < end && *p == '*')
		return p + 1;
	if (p == end || *p != ':')
		return p;
	digit = p + 1;
	if (digit == end || *digit < '1' || *digit > '9')
		return NULL;
	while (digit < end && *digit >= '0' && *digit <= '9' && digit - p <= 4)
		digit++;
	return digit;
}

/* Behind the expression whose brace is at p, NULL = it is none.  *found becomes true when it has
 * the variable. */
static const uint8_t *
skip_expression(const uint8_t *p, const uint8_t *end, const char *variable, bool *found)
{
	size_t len = strlen(variable);

	p++;
	if (p < end && *p != 0 && strchr("+#./;?&", *p) != NULL)
		p++;
	for (;;) {
		const uint8_t *name = p;
		p = behind_name(p, end);
		if (p == NULL)
			return NULL;
		if ((size_t)(p - name) == len && memcmp(name, variable, len) == 0)
			*found = true;
		p = skip_modifier(p, end);
		if (p == NULL || p == end || (*p != ',' && *p != '}'))
			return NULL;
		if (*p++ == '}')
			return p;
	}
}

bool
rdata_template_has(const uint8_t *p, const uint8_t *end, const char *variable)
{
	bool found = false;

	while (p < end) {
		if (*p == '{') {
			p = skip_expression(p, end, variable, &found);
			if (p == NULL)
				return false;
			continue;
		}
		if (*p == 0 || (*p == '%' && !is_percent(p, end)) ||
		    utf8_char(p, (size_t)(end - p)) == 0)
			return false;
		p += utf8_char(p, (size_t)(end - p));
	}
	return found;
}
