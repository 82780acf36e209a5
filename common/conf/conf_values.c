#include "common/conf/conf_values.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf_type.h"

enum memory { PLAIN, STRING, LIST, ARGV };

struct type {
	conf_one *one;
	conf_many *many;
	conf_show *print;
	enum memory memory;
};

static const struct type types[] = {
	[CONF_TEXT] = { conf_read_text, NULL, conf_print_text, STRING },
	[CONF_NAME] = { conf_read_name, NULL, conf_print_text, STRING },
	[CONF_FILE] = { conf_read_file, NULL, conf_print_text, STRING },
	[CONF_DOMAIN] = { conf_read_domain, NULL, conf_print_text, STRING },
	[CONF_URL] = { conf_read_url, NULL, conf_print_text, STRING },
	[CONF_REGEX] = { conf_read_regex, NULL, conf_print_text, STRING },
	[CONF_HEADER_REGEX] = { conf_read_header_regex, NULL, conf_print_text, STRING },
	[CONF_HEADER] = { conf_read_header, NULL, conf_print_text, STRING },
	[CONF_QUESTION] = { conf_read_question, NULL, conf_print_text, STRING },
	[CONF_WORD] = { conf_read_word, NULL, conf_print_text, STRING },
	[CONF_FILE_OF_TEXT] = { conf_read_file, NULL, conf_print_text, STRING },
	[CONF_INCLUDE] = { NULL, NULL, NULL, PLAIN },
	[CONF_UINT] = { conf_read_uint, NULL, conf_print_uint, PLAIN },
	[CONF_UINT16] = { conf_read_uint16, NULL, conf_print_uint16, PLAIN },
	[CONF_SIZE] = { conf_read_size, NULL, conf_print_size, PLAIN },
	[CONF_MS] = { conf_read_ms, NULL, conf_print_ms, PLAIN },
	[CONF_SECONDS] = { conf_read_seconds, NULL, conf_print_seconds, PLAIN },
	[CONF_REAL] = { conf_read_real, NULL, conf_print_real, PLAIN },
	[CONF_BOOL] = { conf_read_bool, NULL, conf_print_bool, PLAIN },
	[CONF_ENUM] = { conf_read_enum, NULL, conf_print_enum, PLAIN },
	[CONF_ADDR] = { conf_read_addr, NULL, conf_print_addr, PLAIN },
	[CONF_PREFIX] = { conf_read_prefix, NULL, conf_print_prefix, PLAIN },
	[CONF_CODE] = { conf_read_code, NULL, conf_print_code, PLAIN },
	[CONF_SHA256] = { conf_read_sha256, NULL, conf_print_sha256, PLAIN },
	[CONF_SITE] = { conf_read_site, NULL, conf_print_site, PLAIN },
	[CONF_ADDRS] = { NULL, conf_read_addrs, conf_print_addrs, LIST },
	[CONF_PREFIXES] = { NULL, conf_read_prefixes, conf_print_prefixes, LIST },
	[CONF_CODES] = { NULL, conf_read_codes, conf_print_codes, LIST },
	[CONF_SITES] = { NULL, conf_read_sites, conf_print_sites, LIST },
	[CONF_UINTS] = { NULL, conf_read_uints, conf_print_uints, LIST },
	[CONF_COUNTRY] = { conf_read_country, NULL, conf_print_code, PLAIN },
	[CONF_COUNTRIES] = { NULL, conf_read_countries, conf_print_places, LIST },
	[CONF_PLACES] = { NULL, conf_read_places, conf_print_places, LIST },
	[CONF_CHECKS] = { NULL, conf_read_checks, conf_print_checks, LIST },
	[CONF_COMMAND] = { NULL, conf_read_command, conf_print_texts, ARGV },
	[CONF_REQUEST_HEADERS] = { NULL, conf_read_request_headers, conf_print_texts, ARGV },
	[CONF_LINES] = { NULL, conf_read_lines, conf_print_texts, ARGV },
	[CONF_SERVER_ADDRS] = { NULL, conf_read_server_addrs, conf_print_server_addrs, PLAIN },
	[CONF_LOCATION] = { NULL, conf_read_location, conf_print_location, PLAIN },
};

int
conf_value_read(struct conf_reader *r, const struct conf_row *row, void *element,
    const struct conf_given *given)
{
	const struct type *type = &types[row->type];
	void *field = (char *)element + row->offset;

	assert(given->list || given->n == 1 || type->one == NULL);
	if (type->one != NULL) {
		if (given->list)
			return conf_fail(r, given->line,
			    "`%s` is a list of %zu values, one value was expected",
			    row->name, given->n);
		return type->one(r, row, field, &given->v[0]);
	}
	if (row->type != CONF_LOCATION &&
	    ((double)given->n < row->min || (double)given->n > row->max))
		return conf_fail(r, given->line,
		    "`%s` is a list of %zu values, %.0f to %.0f were expected",
		    row->name, given->n, row->min, row->max);
	return type->many(r, row, field, given);
}

int
conf_value_standard(struct conf_reader *r, const struct conf_row *row, void *element)
{
	char text[64];
	struct conf_word words[8];
	struct conf_given given = { words, 0, types[row->type].one == NULL, 0 };

	if (row->standard == NULL)
		return 0;
	assert(strlen(row->standard) < sizeof(text));
	snprintf(text, sizeof(text), "%s", row->standard);
	for (char *at = text, *word; (word = strsep(&at, " ")) != NULL; given.n++) {
		assert(given.n < sizeof(words) / sizeof(*words));
		words[given.n] = (struct conf_word){ word, 0 };
	}
	return conf_value_read(r, row, element, &given);
}

bool
conf_value_is_text(enum conf_type type)
{
	return types[type].memory == STRING;
}

bool
conf_value_present(const struct conf_row *row, const void *element)
{
	const void *field = (const char *)element + row->offset;

	if (row->type == CONF_FILE_OF_TEXT || row->type == CONF_INCLUDE)
		return false;
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
		return ((const struct conf_location *)field)->given;
	if (row->type == CONF_COUNTRY)
		return ((const struct conf_code *)field)->text[0] != '\0';
	return true;
}

void
conf_value_print(const struct conf *conf, const struct conf_row *row, const void *element,
    FILE *out)
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
		*(char **)field = NULL;
	} else if (memory == ARGV) {
		for (char **v = *(char ***)field; v != NULL && *v != NULL; v++)
			free(*v);
		free(*(char ***)field);
		*(char ***)field = NULL;
	} else if (memory == LIST) {
		free(conf_list_get(field).v);
		conf_list_set(field, (struct conf_list){ NULL, 0 });
	}
}
