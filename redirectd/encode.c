#include "redirectd/encode.h"

#include <assert.h>
#include <openssl/evp.h>
#include <time.h>

#include "common/utf8.h"

/* Where an octet stands for itself: in paths of URLs, and in fields (attr-char of RFC 8187).  A
 * table, because a redirect's fields have a dozen URLs. */
enum { IN_URL = 1, IN_FIELD = 2, IN_BOTH = 3 };

static const uint8_t plain_in[256] = {
	['0' ... '9'] = IN_BOTH, ['a' ... 'z'] = IN_BOTH, ['A' ... 'Z'] = IN_BOTH,
	['-'] = IN_BOTH, ['.'] = IN_BOTH, ['_'] = IN_BOTH, ['~'] = IN_BOTH, ['!'] = IN_BOTH,
	['$'] = IN_BOTH, ['/'] = IN_URL, [':'] = IN_URL, ['@'] = IN_URL, ['='] = IN_URL,
	['*'] = IN_URL, ['#'] = IN_FIELD, ['&'] = IN_FIELD, ['+'] = IN_FIELD, ['^'] = IN_FIELD,
	['`'] = IN_FIELD, ['|'] = IN_FIELD,
};

static void
percent(struct draft *draft, const char *octets, size_t len, uint8_t where)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t from = 0;

	for (size_t i = 0;; i++) {
		unsigned char c;

		while (i < len && (plain_in[(unsigned char)octets[i]] & where) != 0)
			i++;
		draft_put(draft, octets + from, i - from);
		if (i == len)
			return;
		c = (unsigned char)octets[i];
		draft_put(draft, (char[]){ '%', digits[c >> 4], digits[c & 15] }, 3);
		from = i + 1;
	}
}

void
encode_url(struct draft *draft, const char *octets, size_t len)
{
	percent(draft, octets, len, IN_URL);
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
encode_xml(struct draft *draft, const char *octets, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len;) {
		uint32_t point;
		size_t n = utf8_len(octets + i, len - i, &point);
		const char *other = n != 0 ? reference(point) : UTF8_UNKNOWN;

		n = n != 0 ? n : 1;
		if (other != NULL) {
			draft_put(draft, octets + from, i - from);
			draft_text(draft, other);
			from = i + n;
		}
		i += n;
	}
	draft_put(draft, octets + from, len - from);
}

/* The name for programs that read no `filename*`: what is not plain is `_`.  True if all of
 * it was plain. */
static bool
quoted(struct draft *draft, const char *name, size_t len)
{
	bool plain = true;

	for (size_t i = 0; i < len; i++) {
		bool fits = name[i] >= ' ' && name[i] <= '~' && strchr("\"\\%", name[i]) == NULL;

		draft_put(draft, fits ? name + i : "_", 1);
		plain &= fits;
	}
	return plain;
}

void
encode_attachment(struct draft *draft, const char *name, size_t len, const char *suffix)
{
	bool plain;

	draft_text(draft, "attachment; filename=\"");
	plain = quoted(draft, name, len);
	draft_text(draft, suffix);
	draft_text(draft, "\"");
	if (plain)
		return;
	draft_text(draft, "; filename*=UTF-8''");
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(name + i, len - i, NULL);

		percent(draft, n != 0 ? name + i : UTF8_UNKNOWN, n != 0 ? n : 3, IN_FIELD);
		i += n != 0 ? n : 1;
	}
	draft_text(draft, suffix);
}

void
encode_hex(struct draft *draft, const uint8_t *octets, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		char pair[] = { digits[octets[i] >> 4], digits[octets[i] & 15] };

		draft_put(draft, pair, sizeof(pair));
	}
}

void
encode_base64(struct draft *draft, const uint8_t *octets, size_t n)
{
	unsigned char text[4 * (64 + 2) / 3 + 1];

	assert(n <= 64);
	draft_put(draft, text, (size_t)EVP_EncodeBlock(text, octets, (int)n));
}

void
encode_time(struct draft *draft, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[32];

	if (gmtime_r(&t, &tm) != NULL && tm.tm_year < 9999 - 1900 + 1 && tm.tm_year >= -1900 &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) != 0)
		draft_text(draft, text);
}
