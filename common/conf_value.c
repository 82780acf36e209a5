#include <ctype.h>
#include <stdarg.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/conf_schema.h"

/* How a type is read (one word or a list) and printed. */
typedef int one_fn(struct conf_reader *, const struct conf_row *, void *, const struct conf_word *);
typedef int many_fn(struct conf_reader *, const struct conf_row *, void *, const struct conf_given *);
typedef void print_fn(const struct conf *, const struct conf_row *, const void *, FILE *);

enum memory { PLAIN, STRING, LIST, ARGV };

struct type {
	one_fn *one;
	many_fn *many;
	print_fn *print;
	enum memory memory;
};

struct conf_list
conf_list_get(const void *field)
{
	struct conf_list list;

	memcpy(&list, field, sizeof(list));
	return list;
}

void
conf_list_set(void *field, struct conf_list list)
{
	memcpy(field, &list, sizeof(list));
}

/* "NAME = "VALUE": WHY", the form of every complaint about a value. */
static int wrong(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int
wrong(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return conf_fail(r, w->line, "%s \"%.80s\": %s", row->name, w->text, why);
}

/* ---- text ---- */

static int
keep(struct conf_reader *r, void *field, const struct conf_word *w, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return conf_fail(r, w->line, "out of memory");
	*(char **)field = copy;
	return 0;
}

static int
read_text(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	size_t len = strlen(w->text);

	if ((double)len < row->min || (double)len > row->max)
		return wrong(r, row, w, "%zu octets, a text of %.0f to %.0f octets was expected", len, row->min, row->max);
	if (strchr(w->text, '\n') != NULL)
		return wrong(r, row, w, "a line break, one line of text was expected");
	return keep(r, field, w, w->text);
}

static int
read_name(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	size_t len = strlen(w->text);

	if (len == 0 || len > 63)
		return wrong(r, row, w, "%zu octets, a name of 1 to 63 octets was expected", len);
	for (const char *c = w->text; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("\"'\\", *c) != NULL)
			return wrong(r, row, w, "a name of printable ASCII without blanks, quotes and backslashes was expected");
	return keep(r, field, w, w->text);
}

static int
read_file(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	char *path;

	if (*w->text == '\0')
		return wrong(r, row, w, "empty, a file name was expected");
	if (strlen(w->text) > 3000 || strchr(w->text, '\n') != NULL)
		return wrong(r, row, w, "a file name of at most 3000 octets on one line was expected");
	if (*w->text == '/')
		return keep(r, field, w, w->text);
	if (asprintf(&path, "%s/%s", r->folder, w->text) < 0)
		return conf_fail(r, w->line, "out of memory");
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

static int
read_domain(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	size_t len = strlen(w->text);
	const char *fault = len == 0 ? "is empty" : domain_fault(w->text, len);
	char *name;

	if (fault != NULL)
		return wrong(r, row, w, "%s, a domain name was expected", fault);
	if (keep(r, field, w, w->text) < 0)
		return -1;
	name = *(char **)field;
	if (len > 1 && name[len - 1] == '.' && name[len - 2] != '\\')
		name[len - 1] = '\0';
	return 0;
}

/* The end of the host in "host", "host:port", "[v6]:port"; NULL if it is none. */
static const char *
host_end(const char *host)
{
	const char *c = host;

	if (*c == '[') {
		c += strspn(c + 1, "0123456789abcdefABCDEF:.") + 1;
		return *c == ']' && c > host + 2 ? c + 1 : NULL;
	}
	while (isalnum((unsigned char)*c) || *c == '-' || *c == '.' || *c == '_')
		c++;
	return c > host ? c : NULL;
}

static int
read_url(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	const char *host = strncasecmp(w->text, "http://", 7) == 0 ? w->text + 7 :
	    strncasecmp(w->text, "https://", 8) == 0 ? w->text + 8 : NULL;
	const char *end;

	if (host == NULL)
		return wrong(r, row, w, "a URL that begins with http:// or https:// was expected");
	for (const char *c = host; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return wrong(r, row, w, "blanks and non-ASCII characters are written %%XX in a URL");
	end = host_end(host);
	if (end == NULL)
		return wrong(r, row, w, "no host name, http://HOST[:PORT]/PATH was expected");
	if (*end == ':') {
		char *after;
		long port = isdigit((unsigned char)end[1]) ? strtol(end + 1, &after, 10) : 0;
		if (port < 1 || port > 65535 || after - end > 6)
			return wrong(r, row, w, "a port from 1 to 65535 was expected after the host");
		end = after;
	}
	if (*end != '\0' && strchr("/?#", *end) == NULL)
		return wrong(r, row, w, "'%c' after the host, http://HOST[:PORT]/PATH was expected", *end);
	return keep(r, field, w, w->text);
}

static int
regex_fault(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w, const char *regex)
{
	char why[128];
	regex_t compiled;
	size_t repeats = 0;
	int code;

	for (const char *c = regex; (c = strchr(c, '{')) != NULL; c++)
		repeats++;
	if (strlen(regex) > 512 || repeats > 4)
		return wrong(r, row, w, "a regular expression of at most 512 octets and 4 {m,n} was expected");
	code = regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB);
	if (code != 0) {
		regerror(code, &compiled, why, sizeof(why));
		return wrong(r, row, w, "%s, a POSIX extended regular expression was expected", why);
	}
	regfree(&compiled);
	return 0;
}

static int
read_regex(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	return regex_fault(r, row, w, w->text) < 0 ? -1 : keep(r, field, w, w->text);
}

/* Length of the header name at the start of the text. */
static size_t
header_len(const char *text)
{
	size_t n = 0;

	while (isalnum((unsigned char)text[n]) || (text[n] != '\0' && strchr("!#$%&'*+-.^_`|~", text[n]) != NULL))
		n++;
	return n;
}

static int
read_header_regex(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	size_t n = header_len(w->text);

	if (n == 0 || w->text[n] != ':')
		return wrong(r, row, w, "\"Header-Name: regular expression\" was expected");
	n += 1 + strspn(w->text + n + 1, " \t");
	return regex_fault(r, row, w, w->text + n) < 0 ? -1 : keep(r, field, w, w->text);
}

static int
read_header(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	if (w->text[header_len(w->text)] != '\0' || strlen(w->text) > 128)
		return wrong(r, row, w, "the name of an HTTP header was expected, or \"\" for the body");
	return keep(r, field, w, w->text);
}

static const char *const dns_types[] = {
	"A", "AAAA", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HINFO", "HTTPS", "LOC", "MX", "NAPTR", "NS",
	"PTR", "SOA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI",
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

static int
read_question(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	const char *blank = strchr(w->text, ' ');
	const char *fault, *near;

	if (blank == NULL || blank == w->text || strchr(blank + 1, ' ') != NULL)
		return wrong(r, row, w, "\"NAME TYPE\" was expected, for example \"example.org SOA\"");
	fault = domain_fault(w->text, (size_t)(blank - w->text));
	if (fault != NULL)
		return wrong(r, row, w, "the name %s, \"NAME TYPE\" was expected", fault);
	if (is_dns_type(blank + 1))
		return keep(r, field, w, w->text);
	near = conf_nearest(blank + 1, dns_types, N_DNS_TYPES);
	return wrong(r, row, w, "\"%s\" is no record type%s%s%s", blank + 1,
	    near != NULL ? ", did you mean " : "; TYPEnnn names any", near != NULL ? near : "", near != NULL ? "?" : "");
}

/* ---- words of a set ---- */

static int
find_word(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w)
{
	char all[256] = "";
	size_t n = 0, used = 0;
	const char *near;

	for (; row->words[n] != NULL; n++) {
		if (strcasecmp(row->words[n], w->text) == 0)
			return (int)n;
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", n != 0 ? ", " : "", row->words[n]);
	}
	near = conf_nearest(w->text, row->words, n);
	if (near != NULL)
		return wrong(r, row, w, "one of %s was expected, did you mean \"%s\"?", all, near);
	return wrong(r, row, w, "one of %s was expected", all);
}

static int
read_word(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	int i = find_word(r, row, w);

	return i < 0 ? -1 : keep(r, field, w, row->words[i]);
}

static int
read_enum(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	int i = find_word(r, row, w);

	if (i >= 0)
		*(unsigned *)field = (unsigned)i;
	return i < 0 ? -1 : 0;
}

static int
read_bool(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	static const char *const words[] = { "yes", "no", "true", "false", "on", "off" };

	for (size_t i = 0; i < 6; i++)
		if (strcasecmp(words[i], w->text) == 0) {
			*(bool *)field = i % 2 == 0;
			return 0;
		}
	return wrong(r, row, w, "yes or no was expected");
}

/* Two letters: one of row->words, or any country. */
static int
read_code(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
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
	if (strlen(w->text) != 2 || !isalpha((unsigned char)w->text[0]) || !isalpha((unsigned char)w->text[1]))
		return wrong(r, row, w, "a country code of two letters (ISO 3166) was expected");
	code[0] = (char)toupper((unsigned char)w->text[0]);
	code[1] = (char)toupper((unsigned char)w->text[1]);
	code[2] = '\0';
	return 0;
}

/* ---- numbers ---- */

struct unit {
	const char *name;
	double factor;
};

static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit sizes[] = { { "g", 1073741824 }, { "m", 1048576 }, { "k", 1024 }, { "", 1 }, { NULL, 0 } };
static const struct unit durations[] = {		/* in milliseconds */
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { "", 1000 }, { NULL, 0 }
};

/* Digits and a unit; -1 if it is not that.  At most 15 digits: exact in a double. */
static double
whole_number(const char *text, const struct unit *units)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 15)
		return -1;
	for (; units->name != NULL; units++)
		if (strcasecmp(text + digits, units->name) == 0)
			return strtod(text, NULL) * units->factor;
	return -1;
}

/* Writes `value` (of the first unit that divides it) as whole_number reads it. */
static char *
number_text(char *out, size_t size, double value, const struct unit *units)
{
	while (value == 0 ? units->factor != 1000 && *units->name != '\0' : fmod(value, units->factor) != 0)
		units++;
	snprintf(out, size, "%.0f%s", value / units->factor, units->name);
	return out;
}

static int
read_number(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w,
    const struct unit *units, double scale, double *value)
{
	char low[32], high[32];
	const char *what = units == durations ? "a duration" : units == sizes ? "a size" : "a number";

	*value = whole_number(w->text, units) / scale;
	if (*value >= row->min && *value <= row->max && *value == floor(*value))
		return 0;
	if (*value > 0 && *value != floor(*value))
		return wrong(r, row, w, "a duration of whole seconds was expected");
	return wrong(r, row, w, "%s from %s to %s was expected%s", what,
	    number_text(low, sizeof(low), row->min * scale, units),
	    number_text(high, sizeof(high), row->max * scale, units),
	    units == durations ? ", like \"300ms\", \"5s\", \"2m\"" : "");
}

static int
read_uint(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	double value;

	if (read_number(r, row, w, no_units, 1, &value) < 0)
		return -1;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

static int
read_uint16(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	double value;

	if (read_number(r, row, w, no_units, 1, &value) < 0)
		return -1;
	*(uint16_t *)field = (uint16_t)value;
	return 0;
}

static int
read_size(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	double value;

	if (read_number(r, row, w, sizes, 1, &value) < 0)
		return -1;
	*(uint64_t *)field = (uint64_t)value;
	return 0;
}

static int
read_ms(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	double value;

	if (read_number(r, row, w, durations, 1, &value) < 0)
		return -1;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

static int
read_seconds(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	double value;

	if (read_number(r, row, w, durations, 1000, &value) < 0)
		return -1;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

/* A plain decimal number: no hexadecimal, no exponent, no "nan", no "inf". */
static bool
plain_real(const char *text, double min, double max, double *value)
{
	char *end;

	if (*text == '\0' || strlen(text) > 40 || strspn(text, "+-.0123456789") != strlen(text))
		return false;
	*value = strtod(text, &end);
	return *end == '\0' && end > text && *value >= min && *value <= max;
}

static int
read_real(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	double value;

	if (!plain_real(w->text, row->min, row->max, &value))
		return wrong(r, row, w, "a number from %g to %g was expected", row->min, row->max);
	*(double *)field = value;
	return 0;
}

static int
read_sha256(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	uint8_t *sum = field;

	if (strlen(w->text) != 64 || strspn(w->text, "0123456789abcdefABCDEF") != 64)
		return wrong(r, row, w, "64 hexadecimal digits were expected");
	for (size_t i = 0; i < 32; i++) {
		char pair[3] = { w->text[2 * i], w->text[2 * i + 1], '\0' };
		sum[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return 0;
}

/* ---- addresses and names of other blocks ---- */

static int
read_addr(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	struct err why;

	if (addr_parse(field, w->text, &why) < 0)
		return conf_fail(r, w->line, "%s %s", row->name, why.text);
	return 0;
}

static int
read_prefix(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	struct err why;

	if (prefix_parse(field, w->text, &why) < 0)
		return conf_fail(r, w->line, "%s %s", row->name, why.text);
	return 0;
}

/* The index of the block with this name in a list of `size` octets an element,
 * whose first member is the name. */
static int
find_block(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w,
    const char *what, const void *v, size_t n, size_t size)
{
	const char *near, **names;

	for (size_t i = 0; i < n; i++)
		if (strcmp(*(char *const *)((const char *)v + i * size), w->text) == 0)
			return (int)i;
	names = calloc(n + 1, sizeof(*names));
	if (names == NULL)
		return conf_fail(r, w->line, "out of memory");
	for (size_t i = 0; i < n; i++)
		names[i] = *(char *const *)((const char *)v + i * size);
	near = conf_nearest(w->text, names, n);
	free(names);
	if (near != NULL)
		return wrong(r, row, w, "no %s of this name is configured, did you mean \"%s\"?", what, near);
	return wrong(r, row, w, "no %s of this name is configured", what);
}

static int
read_site(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	int i = find_block(r, row, w, "site", r->conf->sites, r->conf->n_sites, sizeof(struct conf_site));

	if (i >= 0)
		*(uint16_t *)field = (uint16_t)i;
	return i < 0 ? -1 : 0;
}

static int
read_check(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	int i = find_block(r, row, w, "check", r->conf->checks, r->conf->n_checks, sizeof(struct conf_check));

	if (i >= 0)
		*(uint16_t *)field = (uint16_t)i;
	return i < 0 ? -1 : 0;
}

/* ---- lists ---- */

/* Reads every word into a list whose elements have `size` octets and may not repeat. */
static int
read_list(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_given *g,
    size_t size, one_fn *one)
{
	struct conf_list list = { calloc(g->n != 0 ? g->n : 1, size), g->n };
	char *v = list.v;

	if (v == NULL)
		return conf_fail(r, g->line, "out of memory");
	conf_list_set(field, list);
	for (size_t i = 0; i < g->n; i++) {
		if (one(r, row, v + i * size, g->v[i]) < 0)
			return -1;
		for (size_t j = 0; j < i && g->n <= 4096; j++)
			if (memcmp(v + i * size, v + j * size, size) == 0)
				return wrong(r, row, g->v[i], "is given twice, first at %s:%d", r->file, g->v[j]->line);
	}
	return 0;
}

static int
read_listen(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_word *w)
{
	struct addr *a = field;

	if (read_addr(r, row, a, w) < 0)
		return -1;
	if (a->port == 0)
		a->port = 53;
	return 0;
}

static int
read_addrs(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(struct addr), read_listen);
}

static int
read_prefixes(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(struct prefix), read_prefix);
}

static int
read_sites(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_given *g)
{
	return read_list(r, row, field, g, sizeof(uint16_t), read_site);
}

/* "200" or "200-299"; false if it is neither. */
static bool
code_range(const char *text, unsigned *first, unsigned *last)
{
	size_t len = strlen(text);

	if ((len != 3 && len != 7) || strspn(text, "0123456789") != 3 ||
	    (len == 7 && (text[3] != '-' || strspn(text + 4, "0123456789") != 3)))
		return false;
	*first = (unsigned)atoi(text);
	*last = len == 7 ? (unsigned)atoi(text + 4) : *first;
	return *first >= 100 && *last <= 599 && *first <= *last;
}

static int
read_codes(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_given *g)
{
	bool wanted[600] = { false };
	struct conf_list list = { calloc(500, sizeof(unsigned)), 0 };
	unsigned *codes = list.v, first, last;

	if (codes == NULL)
		return conf_fail(r, g->line, "out of memory");
	conf_list_set(field, list);
	for (size_t i = 0; i < g->n; i++) {
		if (!code_range(g->v[i]->text, &first, &last))
			return wrong(r, row, g->v[i], "an HTTP code from 100 to 599 or a range like \"200-299\" was expected");
		for (unsigned c = first; c <= last; c++)
			wanted[c] = true;
	}
	for (unsigned c = 100; c < 600; c++)
		if (wanted[c])
			codes[list.n++] = c;
	conf_list_set(field, list);
	return 0;
}

static int
read_command(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_given *g)
{
	char **argv = calloc(g->n + 1, sizeof(*argv));

	if (argv == NULL)
		return conf_fail(r, g->line, "out of memory");
	*(char ***)field = argv;
	if (*g->v[0]->text != '/')
		return wrong(r, row, g->v[0], "the absolute path of a program was expected");
	for (size_t i = 0; i < g->n; i++)
		if (keep(r, &argv[i], g->v[i], g->v[i]->text) < 0)
			return -1;
	return 0;
}

/* An address that clients can be sent to, not the anycast service itself. */
static int
unicast(struct conf_reader *r, const struct conf_row *row, const struct addr *a, const struct conf_word *w)
{
	static const uint8_t zero[16], mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct conf *c = r->conf;
	char text[ADDR_TEXT];

	if (memcmp(a->ip, zero, 16) == 0 || a->ip[0] == 0xff || (a->family == 4 && (a->ip[0] == 0 || a->ip[0] >= 224)) ||
	    (a->family == 6 && (memcmp(a->ip, mapped, 12) == 0 || (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80))))
		return wrong(r, row, w, "a unicast address that clients can reach was expected");
	for (size_t i = 0; i < c->n_listen; i++)
		if (addr_equal(a, &c->listen[i]))
			return wrong(r, row, w, "is a `listen` address, the server's own (unicast) address was expected");
	for (size_t i = 0; i < c->announce.prefixes.n; i++)
		if (prefix_contains(&c->announce.prefixes.v[i], a->family, a->ip))
			return wrong(r, row, w, "lies in the announced (anycast) prefix %s, "
			    "the server's own (unicast) address was expected",
			    prefix_text(&c->announce.prefixes.v[i], text));
	for (size_t i = 0; i < c->announce.cover.n; i++)
		if (prefix_contains(&c->announce.cover.v[i], a->family, a->ip))
			conf_warn(r, w->line, "%s \"%s\" lies in the covering prefix %s: reached only while this site "
			    "has a longer route", row->name, w->text, prefix_text(&c->announce.cover.v[i], text));
	return 0;
}

static int
read_server_addrs(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_given *g)
{
	struct conf_server *s = field;

	for (size_t i = 0; i < g->n; i++) {
		struct addr a = { 0 }, *mine;
		if (read_addr(r, row, &a, g->v[i]) < 0 || unicast(r, row, &a, g->v[i]) < 0)
			return -1;
		mine = a.family == 4 ? &s->v4 : &s->v6;
		if (mine->family != 0)
			return wrong(r, row, g->v[i], "a second IPv%d address, one IPv4 and one IPv6 address at most were expected",
			    a.family);
		*mine = a;
	}
	return 0;
}

static int
read_location(struct conf_reader *r, const struct conf_row *row, void *field, const struct conf_given *g)
{
	struct conf_site *s = field;

	if (g->n != 2)
		return conf_fail(r, g->line, "%s has %zu values, { LATITUDE, LONGITUDE } was expected", row->name, g->n);
	if (!plain_real(g->v[0]->text, -90, 90, &s->latitude))
		return wrong(r, row, g->v[0], "a latitude from -90 to 90 degrees was expected");
	if (!plain_real(g->v[1]->text, -180, 180, &s->longitude))
		return wrong(r, row, g->v[1], "a longitude from -180 to 180 degrees was expected");
	s->located = true;
	return 0;
}

/* ---- printing ---- */

static void
put_quoted(const char *text, FILE *out)
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

#define PRINT(name) \
static void \
name(const struct conf *conf, const struct conf_row *row, const void *field, FILE *out)
#define UNUSED (void)conf, (void)row

PRINT(print_text)
{
	UNUSED;
	put_quoted(*(char *const *)field, out);
}

PRINT(print_enum)
{
	(void)conf;
	put_quoted(row->words[*(const unsigned *)field], out);
}

PRINT(print_bool)
{
	UNUSED;
	fputs(*(const bool *)field ? "yes" : "no", out);
}

PRINT(print_code)
{
	UNUSED;
	put_quoted(field, out);
}

PRINT(print_uint)
{
	UNUSED;
	fprintf(out, "%u", *(const uint32_t *)field);
}

PRINT(print_uint16)
{
	UNUSED;
	fprintf(out, "%u", *(const uint16_t *)field);
}

PRINT(print_size)
{
	char text[32];

	UNUSED;
	fprintf(out, "\"%s\"", number_text(text, sizeof(text), (double)*(const uint64_t *)field, sizes));
}

PRINT(print_ms)
{
	char text[32];

	UNUSED;
	fprintf(out, "\"%s\"", number_text(text, sizeof(text), *(const uint32_t *)field, durations));
}

PRINT(print_seconds)
{
	char text[32];

	UNUSED;
	fprintf(out, "\"%s\"", number_text(text, sizeof(text), *(const uint32_t *)field * 1000.0, durations));
}

/* The shortest decimal text that reads back as the same number. */
static void
put_real(double value, FILE *out)
{
	char text[400];
	int digits = 0;

	do
		snprintf(text, sizeof(text), "%.*f", digits, value);
	while (strtod(text, NULL) != value && ++digits < 38);
	fputs(text, out);
}

PRINT(print_real)
{
	UNUSED;
	put_real(*(const double *)field, out);
}

PRINT(print_sha256)
{
	const uint8_t *sum = field;

	UNUSED;
	fputc('"', out);
	for (size_t i = 0; i < 32; i++)
		fprintf(out, "%02x", sum[i]);
	fputc('"', out);
}

PRINT(print_addr)
{
	char text[ADDR_TEXT];

	UNUSED;
	put_quoted(addr_text(field, text), out);
}

PRINT(print_prefix)
{
	char text[ADDR_TEXT];

	UNUSED;
	put_quoted(prefix_text(field, text), out);
}

PRINT(print_site)
{
	(void)row;
	put_quoted(conf->sites[*(const uint16_t *)field].name, out);
}

PRINT(print_check)
{
	(void)row;
	put_quoted(conf->checks[*(const uint16_t *)field].name, out);
}

static void
print_list(const struct conf *conf, const struct conf_row *row, const void *field, FILE *out,
    size_t size, print_fn *one)
{
	struct conf_list list = conf_list_get(field);

	fputc('{', out);
	for (size_t i = 0; i < list.n; i++) {
		fputs(i != 0 ? ", " : " ", out);
		one(conf, row, (const char *)list.v + i * size, out);
	}
	fputs(" }", out);
}

PRINT(print_addrs)
{
	print_list(conf, row, field, out, sizeof(struct addr), print_addr);
}

PRINT(print_prefixes)
{
	print_list(conf, row, field, out, sizeof(struct prefix), print_prefix);
}

PRINT(print_sites)
{
	print_list(conf, row, field, out, sizeof(uint16_t), print_site);
}

PRINT(print_codes)
{
	struct conf_list list = conf_list_get(field);
	const unsigned *codes = list.v;
	size_t end;

	UNUSED;
	fputc('{', out);
	for (size_t i = 0; i < list.n; i = end) {
		for (end = i + 1; end < list.n && codes[end] == codes[end - 1] + 1; end++)
			;
		fputs(i != 0 ? ", " : " ", out);
		fprintf(out, end == i + 1 ? "%u" : "%u-%u", codes[i], codes[end - 1]);
	}
	fputs(" }", out);
}

PRINT(print_command)
{
	char *const *argv = *(char *const *const *)field;

	UNUSED;
	fputs("{ ", out);
	for (size_t i = 0; argv[i] != NULL; i++) {
		fputs(i != 0 ? ", " : "", out);
		put_quoted(argv[i], out);
	}
	fputs(" }", out);
}

PRINT(print_server_addrs)
{
	const struct conf_server *s = field;

	fputs("{ ", out);
	if (s->v4.family != 0)
		print_addr(conf, row, &s->v4, out);
	if (s->v4.family != 0 && s->v6.family != 0)
		fputs(", ", out);
	if (s->v6.family != 0)
		print_addr(conf, row, &s->v6, out);
	fputs(" }", out);
}

PRINT(print_location)
{
	const struct conf_site *s = field;

	UNUSED;
	fputs("{ ", out);
	put_real(s->latitude, out);
	fputs(", ", out);
	put_real(s->longitude, out);
	fputs(" }", out);
}

/* ---- the table of types ---- */

static const struct type types[] = {
	[CONF_TEXT] = { read_text, NULL, print_text, STRING },
	[CONF_NAME] = { read_name, NULL, print_text, STRING },
	[CONF_FILE] = { read_file, NULL, print_text, STRING },
	[CONF_DOMAIN] = { read_domain, NULL, print_text, STRING },
	[CONF_URL] = { read_url, NULL, print_text, STRING },
	[CONF_REGEX] = { read_regex, NULL, print_text, STRING },
	[CONF_HEADER_REGEX] = { read_header_regex, NULL, print_text, STRING },
	[CONF_HEADER] = { read_header, NULL, print_text, STRING },
	[CONF_QUESTION] = { read_question, NULL, print_text, STRING },
	[CONF_WORD] = { read_word, NULL, print_text, STRING },
	[CONF_UINT] = { read_uint, NULL, print_uint, PLAIN },
	[CONF_UINT16] = { read_uint16, NULL, print_uint16, PLAIN },
	[CONF_SIZE] = { read_size, NULL, print_size, PLAIN },
	[CONF_MS] = { read_ms, NULL, print_ms, PLAIN },
	[CONF_SECONDS] = { read_seconds, NULL, print_seconds, PLAIN },
	[CONF_REAL] = { read_real, NULL, print_real, PLAIN },
	[CONF_BOOL] = { read_bool, NULL, print_bool, PLAIN },
	[CONF_ENUM] = { read_enum, NULL, print_enum, PLAIN },
	[CONF_ADDR] = { read_addr, NULL, print_addr, PLAIN },
	[CONF_PREFIX] = { read_prefix, NULL, print_prefix, PLAIN },
	[CONF_CODE] = { read_code, NULL, print_code, PLAIN },
	[CONF_SHA256] = { read_sha256, NULL, print_sha256, PLAIN },
	[CONF_SITE] = { read_site, NULL, print_site, PLAIN },
	[CONF_CHECK] = { read_check, NULL, print_check, PLAIN },
	[CONF_ADDRS] = { NULL, read_addrs, print_addrs, LIST },
	[CONF_PREFIXES] = { NULL, read_prefixes, print_prefixes, LIST },
	[CONF_CODES] = { NULL, read_codes, print_codes, LIST },
	[CONF_SITES] = { NULL, read_sites, print_sites, LIST },
	[CONF_COMMAND] = { NULL, read_command, print_command, ARGV },
	[CONF_SERVER_ADDRS] = { NULL, read_server_addrs, print_server_addrs, PLAIN },
	[CONF_LOCATION] = { NULL, read_location, print_location, PLAIN },
};

int
conf_value_read(struct conf_reader *r, const struct conf_row *row, void *element, const struct conf_given *given)
{
	const struct type *type = &types[row->type];
	void *field = (char *)element + row->offset;

	if (type->one != NULL) {
		if (given->list)
			return conf_fail(r, given->line, "`%s` is a list of %zu values, one value was expected",
			    row->name, given->n);
		return type->one(r, row, field, given->v[0]);
	}
	if (row->type != CONF_LOCATION && ((double)given->n < row->min || (double)given->n > row->max))
		return conf_fail(r, given->line, "`%s` is a list of %zu values, %.0f to %.0f were expected",
		    row->name, given->n, row->min, row->max);
	return type->many(r, row, field, given);
}

int
conf_value_standard(struct conf_reader *r, const struct conf_row *row, void *element)
{
	struct conf_word *words[8];
	struct conf_given given = { (const struct conf_word *const *)words, 0, types[row->type].one == NULL, 0 };
	const char *at = row->standard;
	int done = 0;

	if (at == NULL)
		return 0;
	do {
		size_t len = strcspn(at, " ");
		struct conf_word *w = calloc(1, sizeof(*w) + len + 1);
		if (w == NULL)
			return conf_fail(r, 0, "out of memory");
		memcpy(w->text, at, len);
		words[given.n++] = w;
		at += len + strspn(at + len, " ");
	} while (*at != '\0' && given.n < 8);
	done = conf_value_read(r, row, element, &given);
	while (given.n-- != 0)
		free(words[given.n]);
	return done;
}

bool
conf_value_present(const struct conf_row *row, const void *element)
{
	const void *field = (const char *)element + row->offset;

	switch (types[row->type].memory) {
	case STRING:
		return *(char *const *)field != NULL;
	case ARGV:
		return *(char **const *)field != NULL;
	case LIST:
		return conf_list_get(field).n != 0 || row->min == 0;
	default:
		break;
	}
	if (row->type == CONF_ADDR)
		return ((const struct addr *)field)->family != 0;
	if (row->type == CONF_LOCATION)
		return ((const struct conf_site *)field)->located;
	return row->type != CONF_CHECK || *(const uint16_t *)field != CONF_NONE;
}

void
conf_value_print(const struct conf *conf, const struct conf_row *row, const void *element, FILE *out)
{
	types[row->type].print(conf, row, (const char *)element + row->offset, out);
}

void
conf_value_free(const struct conf_row *row, void *element)
{
	void *field = (char *)element + row->offset;
	enum memory memory = types[row->type].memory;

	if (memory == STRING) {
		free(*(char **)field);
	} else if (memory == ARGV) {
		for (char **v = *(char ***)field; v != NULL && *v != NULL; v++)
			free(*v);
		free(*(char ***)field);
	} else if (memory == LIST) {
		free(conf_list_get(field).v);
	}
}
