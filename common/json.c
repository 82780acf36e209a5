#include "common/json.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

/* Octets of the character at `s`, which ends with NUL; 0 = it is not valid UTF-8. */
static size_t
sequence_len(const char *s)
{
	return *s != '\0' ? utf8_len(s, strnlen(s, 4), NULL) : 0;
}

json_t *
json_utf8(const char *text)
{
	static const char unknown[] = { '\xef', '\xbf', '\xbd' };	/* UTF8_UNKNOWN */
	json_t *string = json_string(text);
	char *clean;
	size_t n = 0;

	if (string != NULL)
		return string;
	clean = malloc(strlen(text) * sizeof(unknown) + 1);
	if (clean == NULL)
		return NULL;
	while (*text != '\0') {
		size_t len = sequence_len(text);

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
		size_t len = sequence_len(text);

		if (len == 0)
			fputs(UTF8_UNKNOWN, out);
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
