/*
 * conf_type: how each type of value is read and printed, between conf_values.c,
 * which has the table of them, and conf_texts.c (text and words of a set),
 * conf_numbers.c (numbers, durations, sizes, HTTP codes) and conf_places.c
 * (addresses, sites and what else refers to other blocks).  Private to these.
 */
#ifndef NEARCAST_CONF_TYPE_H
#define NEARCAST_CONF_TYPE_H

#include "common/conf/conf_values.h"

/* Reads one word, or all words of a list, into the field; -1 with a message. */
typedef int conf_one(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w);
typedef int conf_many(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g);
typedef void conf_show(const struct conf *conf, const struct conf_row *row, const void *field,
    FILE *out);

conf_one conf_read_text, conf_read_name, conf_read_file, conf_read_domain, conf_read_url,
    conf_read_regex, conf_read_header_regex, conf_read_header, conf_read_question, conf_read_word,
    conf_read_enum, conf_read_bool, conf_read_code, conf_read_uint, conf_read_uint16,
    conf_read_size, conf_read_ms, conf_read_seconds, conf_read_real, conf_read_sha256,
    conf_read_addr, conf_read_prefix, conf_read_site, conf_read_request_header,
    conf_read_line, conf_read_country;
conf_many conf_read_addrs, conf_read_prefixes, conf_read_sites, conf_read_codes, conf_read_checks,
    conf_read_command, conf_read_request_headers, conf_read_lines, conf_read_server_addrs,
    conf_read_location, conf_read_uints, conf_read_places, conf_read_countries;
conf_show conf_print_text, conf_print_enum, conf_print_bool, conf_print_code, conf_print_uint,
    conf_print_uint16, conf_print_size, conf_print_ms, conf_print_seconds, conf_print_real,
    conf_print_sha256, conf_print_codes, conf_print_addr, conf_print_prefix, conf_print_site,
    conf_print_addrs, conf_print_prefixes, conf_print_sites, conf_print_checks, conf_print_texts,
    conf_print_server_addrs, conf_print_location, conf_print_uints, conf_print_places;

/* The head of a conf_show, and the silence about what it does not look at. */
#define PRINT(name) \
void \
name(const struct conf *conf, const struct conf_row *row, const void *field, FILE *out)
#define UNUSED (void)conf, (void)row

/* `NAME "VALUE": WHY`, the form of every complaint about a value; returns -1. */
int conf_wrong(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w,
    const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A copy of the text becomes the field. */
int conf_keep(struct conf_reader *r, void *field, const struct conf_word *w, const char *text);

/* The text as the file would have it, between quotes. */
void conf_put_quoted(const char *text, FILE *out);

/* A plain decimal number within bounds; the shortest text that reads back as it. */
bool conf_plain_real(const char *text, double min, double max, double *value);
void conf_put_real(double value, FILE *out);

#endif
