#include "redirectd/negotiate.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

static const char *const words[DOCUMENT_KINDS] = {
	[DOCUMENT_META4] = "meta4", [DOCUMENT_METALINK] = "metalink",
	[DOCUMENT_MIRRORLIST] = "mirrorlist", [DOCUMENT_TORRENT] = "torrent",
	[DOCUMENT_MAGNET] = "magnet", [DOCUMENT_ZSYNC] = "zsync", [DOCUMENT_BTIH] = "btih",
	[DOCUMENT_MD5] = "md5", [DOCUMENT_SHA1] = "sha1", [DOCUMENT_SHA256] = "sha256",
};

const char *
negotiate_word(enum document document)
{
	assert(document > DOCUMENT_NONE && document < DOCUMENT_KINDS);
	return words[document];
}

static enum document
of_word(const char *word, size_t len)
{
	for (enum document d = DOCUMENT_NONE + 1; d < DOCUMENT_KINDS; d++)
		if (strlen(words[d]) == len && memcmp(words[d], word, len) == 0)
			return d;
	return DOCUMENT_NONE;
}

enum document
negotiate_suffix(const char *path, size_t len, size_t *file)
{
	const char *dot = memrchr(path, '.', len);
	enum document document;

	if (dot == NULL || dot == path || dot[-1] == '/')
		return DOCUMENT_NONE;
	document = of_word(dot + 1, len - (size_t)(dot + 1 - path));
	if (document != DOCUMENT_NONE)
		*file = (size_t)(dot - path);
	return document;
}

static enum negotiate_form
form_of(const char *word, size_t len)
{
	static const struct {
		const char *word;
		enum negotiate_form form;
	} forms[] = {
		{ "html", NEGOTIATE_HTML }, { "text", NEGOTIATE_TEXT }, { "json", NEGOTIATE_JSON },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strlen(forms[i].word) == len && memcmp(forms[i].word, word, len) == 0)
			return forms[i].form;
	return NEGOTIATE_UNSAID;
}

struct negotiate_query
negotiate_query(const char *query)
{
	struct negotiate_query said = { 0 };

	for (const char *at = query; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, "&"), key = strcspn(at, "&=");

		if (said.document == DOCUMENT_NONE)
			said.document = of_word(at, key);
		if (key == strlen("only_hash") && memcmp(at, "only_hash", key) == 0)
			said.only_hash = true;
		if (key == strlen("format") && memcmp(at, "format", key) == 0 && len > key)
			said.form = form_of(at + key + 1, len - key - 1);
		at += len;
		at += *at == '&';
	}
	return said;
}

/* ---- Accept ---- */

/* A media range: `type/subtype`, its parameters but q left out, and its weight in thousandths. */
struct range {
	const char *name;
	size_t len;
	unsigned weight;
};

static const char *
past_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* Behind one value or quoted string. */
static const char *
past_value(const char *at)
{
	if (*at != '"')
		return at + strcspn(at, ",; \t");
	for (at++; *at != '\0' && *at != '"'; at++)
		if (*at == '\\' && at[1] != '\0')
			at++;
	return *at == '"' ? at + 1 : at;
}

/* `0`, `1`, with up to three decimals; -1 = it is no weight. */
static int
weight_of(const char *value, size_t len)
{
	int weight = 0, unit = 1000;

	if (len == 0 || len > 5 || (value[0] != '0' && value[0] != '1') ||
	    (len > 1 && value[1] != '.'))
		return -1;
	weight = (value[0] - '0') * unit;
	for (size_t i = 2; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -1;
		weight += (value[i] - '0') * (unit /= 10);
	}
	return weight <= 1000 ? weight : -1;
}

/* The parameters of an element, from its first `;`; returns where it ends.  *weight becomes -1
 * for a q that is none. */
static const char *
parameters(const char *at, int *weight)
{
	while (*(at = past_blanks(at)) == ';') {
		const char *name = past_blanks(at + 1);
		size_t len = strcspn(name, "=,; \t");
		const char *value = name + len + (name[len] == '=');

		at = name[len] == '=' ? past_value(value) : name + len;
		if (len == 1 && (*name == 'q' || *name == 'Q'))
			*weight = weight_of(value, (size_t)(at - value));
	}
	return at;
}

/* Takes the next element of the list off; false at its end.  One that is no media range comes
 * with an empty name. */
static bool
next_range(const char **rest, struct range *range)
{
	const char *at = *rest + strspn(*rest, " \t,");
	int weight = 1000;

	if (*at == '\0')
		return false;
	*range = (struct range){ at, strcspn(at, ",; \t"), 0 };
	at = past_blanks(parameters(at + range->len, &weight));
	/* `a/b c` and `a/b;q=x` say nothing that can be relied on */
	if (weight < 0 || (*at != ',' && *at != '\0'))
		range->len = 0;
	range->weight = weight > 0 ? (unsigned)weight : 0;
	*rest = at + strcspn(at, ",");
	return true;
}

/* How well a range fits a type: 0 = not at all, 1 for any type, 2 for TYPE and any subtype,
 * 3 for the very type. */
static unsigned
fit(const struct range *range, const char *type)
{
	size_t major = strcspn(type, "/") + 1, len = strlen(type);

	if (range->len == 3 && memcmp(range->name, "*/*", 3) == 0)
		return 1;
	if (range->len == major + 1 && range->name[major] == '*' &&
	    strncasecmp(range->name, type, major) == 0)
		return 2;
	return range->len == len && strncasecmp(range->name, type, len) == 0 ? 3 : 0;
}

/* The weight of a type, 0 to 1000, by the range that fits it best, at least as well as
 * `least`. */
static unsigned
weight_of_type(const char *accept, const char *type, unsigned least)
{
	unsigned best = least - 1, weight = 0;
	struct range range;

	while (next_range(&accept, &range)) {
		unsigned fits = fit(&range, type);

		if (fits > best || (fits == best && fits >= least && range.weight > weight)) {
			best = fits;
			weight = range.weight;
		}
	}
	return weight;
}

enum { ANY = 1, VERY = 3 };

enum document
negotiate_accept(const char *accept, const char *type)
{
	unsigned meta4, metalink, file, most;

	if (accept == NULL || strcasestr(accept, "metalink") == NULL)	/* almost everybody */
		return DOCUMENT_NONE;
	meta4 = weight_of_type(accept, "application/metalink4+xml", VERY);
	metalink = weight_of_type(accept, "application/metalink+xml", VERY);
	file = weight_of_type(accept, type != NULL ? type : "application/octet-stream", ANY);
	most = meta4 > metalink ? meta4 : metalink;
	if (most == 0 || most < file)
		return DOCUMENT_NONE;
	return meta4 >= metalink ? DOCUMENT_META4 : DOCUMENT_METALINK;
}

enum negotiate_form
negotiate_form(const char *accept)
{
	unsigned html, text, json, most;

	if (accept == NULL)
		return NEGOTIATE_HTML;
	html = weight_of_type(accept, "text/html", ANY);
	text = weight_of_type(accept, "text/plain", VERY);
	json = weight_of_type(accept, "application/json", VERY);
	most = text > json ? text : json;
	/* whoever names one of them and takes anything else as gladly means it */
	if (most == 0 || most < html || weight_of_type(accept, "text/html", VERY) >= most)
		return NEGOTIATE_HTML;
	return json >= text ? NEGOTIATE_JSON : NEGOTIATE_TEXT;
}
