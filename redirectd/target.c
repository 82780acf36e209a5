#include "redirectd/target.h"

#include <string.h>

#include "common/text.h"

/* "http://HOST/PATH" stands for "/PATH". */
static const char *
skip_host(const char *raw)
{
	const char *host = strstr(raw, "://");

	if (*raw == '/' || host == NULL)
		return raw;
	return host + 3 + strcspn(host + 3, "/?");
}

/* The next octet of the path, -1 = it is no octet of a name. */
static int
next_octet(const char **at)
{
	const char *c = *at;
	int high, low, octet = (unsigned char)*c;

	if (*c == '%') {
		high = text_hex_digit(c[1]);
		low = high < 0 ? -1 : text_hex_digit(c[2]);
		if (low < 0)
			return -1;
		octet = high * 16 + low;
		*at += 2;
	}
	*at += 1;
	return octet == '\0' || octet == '\r' || octet == '\n' ? -1 : octet;
}

/* The last part of path[0..len) has ended: drops it if it is ".", and the one before it, too, if it
 * is "..".  The length that is left, ending in a slash; 0 = there was nothing to drop. */
static size_t
close_part(const char *path, size_t len)
{
	size_t start = len;

	while (path[start - 1] != '/')
		start--;
	if (len - start == 1 && path[start] == '.')
		return start;
	if (len - start != 2 || path[start] != '.' || path[start + 1] != '.')
		return len;
	if (start == 1)
		return 0;
	start--;
	while (path[start - 1] != '/')
		start--;
	return start;
}

enum target_fault
target_read(struct target_path *target, const char *raw)
{
	const char *at = skip_host(raw);
	char *path = target->path;
	size_t len = 1;

	path[0] = '/';
	target->query = "";
	if (*at != '/' && *at != '?' && *at != '\0')
		return TARGET_BAD;
	while (*at != '\0' && *at != '?') {
		int octet = next_octet(&at);

		if (octet < 0)
			return TARGET_BAD;
		if (octet != '/') {
			if (len == TARGET_PATH_MAX)
				return TARGET_LONG;
			path[len++] = (char)octet;
			continue;
		}
		len = close_part(path, len);
		if (len == 0)
			return TARGET_BAD;
		if (path[len - 1] != '/') {
			if (len == TARGET_PATH_MAX)
				return TARGET_LONG;
			path[len++] = '/';
		}
	}
	len = close_part(path, len);
	if (len == 0)
		return TARGET_BAD;
	path[len] = '\0';
	target->len = len;
	if (*at == '?')
		target->query = at + 1;
	return strlen(target->query) > TARGET_QUERY_MAX ? TARGET_LONG : TARGET_FINE;
}

bool
target_has(const struct target_path *target, const char *name, char *value, size_t size)
{
	size_t n = strlen(name);

	for (const char *at = target->query; *at != '\0'; at += strspn(at, "&;")) {
		size_t len = strcspn(at, "&;");

		if (len >= n && memcmp(at, name, n) == 0 && (len == n || at[n] == '=')) {
			size_t skip = len == n ? n : n + 1, copy = len - skip;

			copy = copy < size ? copy : size - 1;
			memcpy(value, at + skip, copy);
			value[copy] = '\0';
			return true;
		}
		at += len;
	}
	return false;
}
