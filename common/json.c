#include "common/json.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Octets of the UTF-8 sequence at `s`, which ends with NUL; 0 = it is not valid (RFC 3629
 * section 4). */
static size_t
sequence_len(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
	    s[0] < 0xf8 ? 4 : 0;
	uint32_t point;

	if (len <= 1)
		return len;
	point = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	if (point < least[len] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	return len;
}

json_t *
json_utf8(const char *text)
{
	static const char unknown[] = { '\xef', '\xbf', '\xbd' };	/* U+FFFD */
	json_t *string = json_string(text);
	char *clean;
	size_t n = 0;

	if (string != NULL)
		return string;
	clean = malloc(strlen(text) * sizeof(unknown) + 1);
	if (clean == NULL)
		return NULL;
	while (*text != '\0') {
		size_t len = sequence_len((const unsigned char *)text);

		memcpy(clean + n, len != 0 ? text : unknown, len != 0 ? len : sizeof(unknown));
		n += len != 0 ? len : sizeof(unknown);
		text += len != 0 ? len : 1;
	}
	string = json_stringn(clean, n);
	free(clean);
	return string;
}

json_t *
json_decimal(double value, unsigned decimals)
{
	double unit = pow(10, decimals);

	assert(decimals <= 9);
	return isfinite(value) ? json_real(round(value * unit) / unit) : json_null();
}

json_t *
json_append(json_t *array, json_t *element)
{
	if (json_array_append_new(array, element) == 0)		/* takes NULL for either */
		return array;
	json_decref(array);
	return NULL;
}

int
json_print(json_t *tree, FILE *out)
{
	/* 15 digits print every rounded number as it was rounded */
	int rc = tree == NULL ? -1 : json_dumpf(tree, out, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(tree);
	return rc == 0 && fputc('\n', out) != EOF ? 0 : -1;
}

void
json_put(FILE *out, const char *text)
{
	fputc('"', out);
	while (*text != '\0') {
		size_t len = sequence_len((const unsigned char *)text);

		if (len == 0)
			fputs("\xef\xbf\xbd", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (len == 1 && (unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned)*text);
		else
			fwrite(text, 1, len, out);
		text += len != 0 ? len : 1;
	}
	fputc('"', out);
}
