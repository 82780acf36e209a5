/*
 * Types of values that are text, or a word out of a set: names, files, domain names, URLs,
 * regular expressions, HTTP headers, DNS questions, yes and no; and what a complaint about any
 * value looks like, which the other two files of conf_type.h use too.
 *
 * A text is copied into memory that the struct conf owns (conf_keep), but for words of a set,
 * which are copied from the schema, so that their case is the schema's.  What is checked here is
 * form, so that it can be trusted later: a URL has a host that libcurl can be given and that
 * goes into a Host header (conf_url.h), a header name is a token (RFC 9110, 5.6.2), a domain
 * name has labels of 1 to 63 octets and 255 in all (RFC 1035, 2.3.4 and 5.1), a regular expression
 * compiles.
 * Whether a file exists is for later, too.  Pure; any thread.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/conf/conf_type.h"
#include "common/conf/conf_url.h"
#include "common/geo/geo_country.h"
#include "common/pattern.h"
#include "common/text.h"

int
conf_wrong(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w,
    const char *fmt, ...)
{
	char why[400], shown[81];
	size_t n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	for (; n < sizeof(shown) - 1 && w->text[n] != '\0'; n++)
		shown[n] = (unsigned char)w->text[n] >= ' ' ? w->text[n] : '?';
	shown[n] = '\0';
	return conf_fail(r, w->line, "%s \"%s\": %s", row->name, shown, why);
}

int
conf_keep(struct conf_reader *r, void *field, const struct conf_word *w, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return conf_no_memory(r, w->line);
	*(char **)field = copy;
	return 0;
}

void
conf_put_quoted(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

int
conf_read_text(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	size_t len = strlen(w->text);

	if ((double)len < row->min || (double)len > row->max)
		return conf_wrong(r, row, w, "%zu octets, "
		    "a text of %.0f to %.0f octets was expected", len, row->min, row->max);
	if (strchr(w->text, '\n') != NULL)
		return conf_wrong(r, row, w, "a line break, one line of text was expected");
	return conf_keep(r, field, w, w->text);
}

int
conf_read_name(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	size_t len = strlen(w->text);

	if (len == 0 || len > 63)
		return conf_wrong(r, row, w,
		    "%zu octets, a name of 1 to 63 octets was expected", len);
	for (const char *c = w->text; *c != '\0'; c++)
		if (!text_in_name(*c))
			return conf_wrong(r, row, w, "a name of printable ASCII without blanks, "
			    "quotes and backslashes was expected");
	return conf_keep(r, field, w, w->text);
}

int
conf_read_file(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	char *path;

	if (*w->text == '\0')
		return conf_wrong(r, row, w, "empty, a file name was expected");
	if (strlen(w->text) > 3000 || strchr(w->text, '\n') != NULL)
		return conf_wrong(r, row, w,
		    "a file name of at most 3000 octets on one line was expected");
	if (*w->text == '/')
		return conf_keep(r, field, w, w->text);
	if (asprintf(&path, "%s/%s", r->folders[CONF_LINE_FILE(w->line)], w->text) < 0)
		return conf_no_memory(r, w->line);
	*(char **)field = path;
	return 0;
}

/* NULL, or what is wrong with it; backslash escapes count as one octet. */
static const char *
domain_fault(const char *text, size_t len)
{
	size_t label = 0, total = 1;

	if (len == 1 && *text == '.')
		return NULL;
	for (size_t i = 0; i <= len; i++, label++) {
		if (i == len || text[i] == '.') {
			if (label == 0)
				return i == len && i != 0 ? NULL : "has an empty label";
			if (label > 63)
				return "has a label of more than 63 octets";
			total += label + 1;
			if (total > 255)
				return "is longer than 255 octets";
			label = (size_t)-1;
			continue;
		}
		if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '"')
			return "has a character that is written \\DDD in a name";
		if (text[i] != '\\')
			continue;
		if (++i >= len)
			return "ends in a backslash";
		if (isdigit((unsigned char)text[i])) {
			if (len - i < 3 || !isdigit((unsigned char)text[i + 1]) ||
			    !isdigit((unsigned char)text[i + 2]) || strncmp(text + i, "255", 3) > 0)
				return "has a bad \\DDD escape";
			i += 2;
		}
	}
	return NULL;
}

int
conf_read_domain(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	size_t len = strlen(w->text);
	const char *fault = len == 0 ? "is empty" : domain_fault(w->text, len);
	char *name;

	if (fault != NULL)
		return conf_wrong(r, row, w, "%s, a domain name was expected", fault);
	if (conf_keep(r, field, w, w->text) < 0)
		return -1;
	name = *(char **)field;
	if (len > 1 && name[len - 1] == '.' && name[len - 2] != '\\')
		name[len - 1] = '\0';
	return 0;
}

int
conf_read_url(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	struct err why;

	return conf_url_check(w->text, &why) < 0 ? conf_wrong(r, row, w, "%s", why.text) :
	    conf_keep(r, field, w, w->text);
}

static int
regex_fault(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w,
    const char *regex)
{
	struct pattern *pattern;
	size_t repeats = 0;
	struct err why;

	for (const char *c = regex; (c = strchr(c, '{')) != NULL; c++)
		repeats++;
	if (strlen(regex) > PATTERN_MAX || repeats > 4)
		return conf_wrong(r, row, w,
		    "a regular expression of at most %d octets and 4 {m,n} was expected",
		    PATTERN_MAX);
	pattern = pattern_compile(regex, false, &why);
	if (pattern == NULL)
		return conf_wrong(r, row, w, "%s, a regular expression was expected", why.text);
	pattern_free(pattern);
	return 0;
}

int
conf_read_regex(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	return regex_fault(r, row, w, w->text) < 0 ? -1 : conf_keep(r, field, w, w->text);
}

/* Length of the header name at the start of the text. */
static size_t
header_len(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) ||
	    (text[n] != '\0' && strchr("!#$%&'*+-.^_`|~", text[n]) != NULL))
		n++;
	return n;
}

int
conf_read_header_regex(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	size_t n = header_len(w->text);

	if (n == 0 || w->text[n] != ':')
		return conf_wrong(r, row, w, "\"Header-Name: regular expression\" was expected");
	n += 1 + strspn(w->text + n + 1, " \t");
	return regex_fault(r, row, w, w->text + n) < 0 ? -1 : conf_keep(r, field, w, w->text);
}

int
conf_read_header(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	if (w->text[header_len(w->text)] != '\0' || strlen(w->text) > 128)
		return conf_wrong(r, row, w,
		    "the name of an HTTP header was expected, or \"\" for the body");
	return conf_keep(r, field, w, w->text);
}

/* "Name: value" as it is sent; Host and what frames a request is not for the file to say. */
int
conf_read_request_header(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	static const char *const ours[] = {
		"Host", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade",
		"TE", "Trailer"
	};
	size_t n = header_len(w->text), len = strlen(w->text);

	if (n == 0 || w->text[n] != ':' || len > 1024)
		return conf_wrong(r, row, w,
		    "\"Header-Name: value\" of at most 1024 octets was expected");
	for (const char *c = w->text + n + 1; *c != '\0'; c++)
		if ((*c < ' ' && *c != '\t') || *c >= 0x7f)
			return conf_wrong(r, row, w, "a value of printable ASCII was expected");
	if (w->text[n + 1 + strspn(w->text + n + 1, " \t")] == '\0')
		return conf_wrong(r, row, w, "has no value, \"Header-Name: value\" was expected");
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (n == strlen(ours[i]) && strncasecmp(w->text, ours[i], n) == 0)
			return conf_wrong(r, row, w,
			    "%s is set by the check itself, from `url`", ours[i]);
	return conf_keep(r, field, w, w->text);
}

/* A line for another program's file. */
int
conf_read_line(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	size_t len = strlen(w->text);

	if (len == 0 || len > 512 || strchr(w->text, '\n') != NULL)
		return conf_wrong(r, row, w, "one line of 1 to 512 octets was expected");
	return conf_keep(r, field, w, w->text);
}

static const char *const dns_types[] = {
	"A", "AAAA", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HINFO", "HTTPS", "LOC", "MX",
	"NAPTR", "NS", "PTR", "SOA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI",
};
#define N_DNS_TYPES (sizeof(dns_types) / sizeof(*dns_types))

static bool
is_dns_type(const char *text)
{
	for (size_t i = 0; i < N_DNS_TYPES; i++)
		if (strcasecmp(text, dns_types[i]) == 0)
			return true;
	return strncasecmp(text, "TYPE", 4) == 0 && text[4] != '\0' && strlen(text) <= 9 &&
	    strspn(text + 4, "0123456789") == strlen(text + 4) && atoi(text + 4) <= 65535;
}

int
conf_read_question(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	const char *blank = strchr(w->text, ' ');
	const char *fault, *near;

	if (blank == NULL || blank == w->text || strchr(blank + 1, ' ') != NULL)
		return conf_wrong(r, row, w,
		    "\"NAME TYPE\" was expected, for example \"example.org SOA\"");
	fault = domain_fault(w->text, (size_t)(blank - w->text));
	if (fault != NULL)
		return conf_wrong(r, row, w, "the name %s, \"NAME TYPE\" was expected", fault);
	if (is_dns_type(blank + 1))
		return conf_keep(r, field, w, w->text);
	near = conf_nearest(blank + 1, dns_types, N_DNS_TYPES);
	return conf_wrong(r, row, w, "\"%s\" is no record type%s%s%s", blank + 1,
	    near != NULL ? ", did you mean " : "; TYPEnnn names any", near != NULL ? near : "",
	    near != NULL ? "?" : "");
}

static int
find_word(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w)
{
	char all[256] = "";
	size_t n = 0, used = 0;
	const char *near;

	for (; row->words[n] != NULL; n++) {
		if (strcasecmp(row->words[n], w->text) == 0)
			return (int)n;
		used += (size_t)snprintf(all + used, sizeof(all) - used,
		    "%s%s", n != 0 ? ", " : "", row->words[n]);
	}
	near = conf_nearest(w->text, row->words, n);
	if (near != NULL)
		return conf_wrong(r, row, w,
		    "one of %s was expected, did you mean \"%s\"?", all, near);
	return conf_wrong(r, row, w, "one of %s was expected", all);
}

int
conf_read_word(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	int i = find_word(r, row, w);

	return i < 0 ? -1 : conf_keep(r, field, w, row->words[i]);
}

int
conf_read_enum(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	int i = find_word(r, row, w);

	if (i >= 0)
		*(unsigned *)field = (unsigned)i;
	return i < 0 ? -1 : 0;
}

int
conf_read_bool(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	static const char *const words[] = { "yes", "no", "true", "false", "on", "off" };

	for (size_t i = 0; i < 6; i++)
		if (strcasecmp(words[i], w->text) == 0) {
			*(bool *)field = i % 2 == 0;
			return 0;
		}
	return conf_wrong(r, row, w, "yes or no was expected");
}

/* Two letters: one of row->words, or any country. */
int
conf_read_code(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	char *code = field;
	int i;

	if (row->words != NULL) {
		i = find_word(r, row, w);
		if (i < 0)
			return -1;
		memcpy(code, row->words[i], 3);
		return 0;
	}
	if (strlen(w->text) != 2 || !isalpha((unsigned char)w->text[0]) ||
	    !isalpha((unsigned char)w->text[1]))
		return conf_wrong(r, row, w,
		    "a country code of two letters (ISO 3166) was expected");
	code[0] = (char)toupper((unsigned char)w->text[0]);
	code[1] = (char)toupper((unsigned char)w->text[1]);
	code[2] = '\0';
	return 0;
}

/* A country that there is. */
int
conf_read_country(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	struct conf_code *code = field;

	if (conf_read_code(r, row, field, w) < 0)
		return -1;
	if (geo_country_find(code->text) == NULL)
		return conf_wrong(r, row, w, "there is no such country, a code of ISO 3166 was "
		    "expected%s", strcmp(code->text, "UK") == 0 ? ", did you mean \"GB\"?" : "");
	return 0;
}

PRINT(conf_print_text)
{
	UNUSED;
	conf_put_quoted(*(char *const *)field, out);
}

PRINT(conf_print_enum)
{
	(void)conf;
	conf_put_quoted(row->words[*(const unsigned *)field], out);
}

PRINT(conf_print_bool)
{
	UNUSED;
	fputs(*(const bool *)field ? "yes" : "no", out);
}

PRINT(conf_print_code)
{
	UNUSED;
	conf_put_quoted(field, out);
}
