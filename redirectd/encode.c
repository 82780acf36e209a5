#include "redirectd/encode.h"

#include <assert.h>
#include <openssl/evp.h>

#include "common/utf8.h"

static bool
is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
in_url(unsigned char c)
{
	return is_alnum(c) || (c != '\0' && strchr("-._~/:@=!$*", c) != NULL);
}

/* attr-char of RFC 8187 */
static bool
in_field(unsigned char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$&+-.^_`|~", c) != NULL);
}

static void
percent(struct page *page, const char *octets, size_t len, bool (*plain)(unsigned char))
{
	static const char digits[] = "0123456789ABCDEF";
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)octets[i];
		char escape[] = { '%', digits[c >> 4], digits[c & 15] };

		if (plain(c))
			continue;
		page_put(page, octets + from, i - from);
		page_put(page, escape, sizeof(escape));
		from = i + 1;
	}
	page_put(page, octets + from, len - from);
}

void
encode_url(struct page *page, const char *octets, size_t len)
{
	percent(page, octets, len, in_url);
}

/* What stands for a character in XML; NULL = it stands for itself. */
static const char *
reference(uint32_t point)
{
	switch (point) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	case '\t': return "&#9;";
	case '\n': return "&#10;";
	case '\r': return "&#13;";
	default:
		return point < ' ' || point == 0xfffe || point == 0xffff ? UTF8_UNKNOWN : NULL;
	}
}

void
encode_xml(struct page *page, const char *octets, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t n = utf8_len(octets + i, len - i, &point);
		const char *other = n != 0 ? reference(point) : UTF8_UNKNOWN;

		n = n != 0 ? n : 1;
		if (other != NULL) {
			page_put(page, octets + from, i - from);
			page_text(page, other);
			from = i + n;
		}
		i += n;
	}
	page_put(page, octets + from, len - from);
}

/* The name for programs that read no `filename*`: what is not plain is `_`.  True if all of
 * it was plain. */
static bool
quoted(struct page *page, const char *name, size_t len)
{
	bool plain = true;

	for (size_t i = 0; i < len; i++) {
		bool fits = name[i] >= ' ' && name[i] <= '~' && strchr("\"\\%", name[i]) == NULL;

		page_put(page, fits ? name + i : "_", 1);
		plain &= fits;
	}
	return plain;
}

void
encode_attachment(struct page *page, const char *name, size_t len, const char *suffix)
{
	bool plain;

	page_text(page, "attachment; filename=\"");
	plain = quoted(page, name, len);
	page_text(page, suffix);
	page_text(page, "\"");
	if (plain)
		return;
	page_text(page, "; filename*=UTF-8''");
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(name + i, len - i, NULL);

		percent(page, n != 0 ? name + i : UTF8_UNKNOWN, n != 0 ? n : 3, in_field);
		i += n != 0 ? n : 1;
	}
	page_text(page, suffix);
}

void
encode_hex(struct page *page, const uint8_t *octets, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		char pair[] = { digits[octets[i] >> 4], digits[octets[i] & 15] };

		page_put(page, pair, sizeof(pair));
	}
}

void
encode_base64(struct page *page, const uint8_t *octets, size_t n)
{
	unsigned char text[4 * (64 + 2) / 3 + 1];

	assert(n <= 64);
	page_put(page, text, (size_t)EVP_EncodeBlock(text, octets, (int)n));
}
