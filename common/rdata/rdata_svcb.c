#include "common/rdata/rdata_svcb.h"

#include <stdlib.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/rdata/rdata_base.h"
#include "common/rdata/rdata_field.h"
#include "common/rdata/rdata_svcb_check.h"

/* A parameter where it stands in the text. */
struct param {
	const struct master_token *tok;
	struct master_token value;	/* its characters, without quotes */
	uint16_t key;
	bool by_number;			/* written as keyNNNNN: the value is octets */
	bool given;			/* there is a value, perhaps an empty one */
};

/* keyNNNNN without leading zeros, or -1. */
static int
key_by_number(const char *s, size_t len)
{
	unsigned v = 0;

	if (len < 4 || len > 8 || memcmp(s, "key", 3) != 0 || (s[3] == '0' && len > 4))
		return -1;
	for (size_t i = 3; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	return v <= UINT16_MAX ? (int)v : -1;
}

static int
key_of(const char *s, size_t len)
{
	for (unsigned k = 0; k < SVCB_KEYS; k++)
		if (strlen(rdata_svcb_check_name(k)) == len &&
		    memcmp(rdata_svcb_check_name(k), s, len) == 0)
			return (int)k;
	return key_by_number(s, len);
}

/* Takes the quotes off a value: they stand around all of it, or nowhere. */
static int
unquote(struct rdata *r, struct master_token *value)
{
	size_t i = 1;

	if (value->len == 0 || value->s[0] != '"')
		return r->tok->mixed ? rdata_field_bad(r, "quotes around all of the value") : 0;
	while (i < value->len && value->s[i] != '"')
		i += value->s[i] == '\\' ? 2 : 1;
	if (i + 1 != value->len)
		return rdata_field_bad(r, "quotes around all of the value");
	value->s++;
	value->len -= 2;
	return 0;
}

/* Takes r->tok apart. */
static int
split(struct rdata *r, struct param *p)
{
	const struct master_token *tok = r->tok;
	const char *equal = memchr(tok->s, '=', tok->len);
	size_t len = equal == NULL ? tok->len : (size_t)(equal - tok->s);
	int key = key_of(tok->s, len);

	if (tok->quoted)
		return rdata_field_bad(r, "KEY=\"VALUE\", with no quote in front of the key");
	if (key < 0)
		return rdata_field_bad(r, "a parameter known here by name, in lower case; others "
		    "are written keyNNNNN=VALUE with their number");
	*p = (struct param){ .tok = tok, .value = *tok, .key = (uint16_t)key,
	    .given = equal != NULL, .by_number = key_by_number(tok->s, len) >= 0 };
	p->value.s = equal == NULL ? tok->s + len : equal + 1;
	p->value.len = (uint32_t)(tok->s + tok->len - p->value.s);
	return unquote(r, &p->value);
}

/* Octets behind the first level of escapes. */
static int
read_octets(struct rdata *r, const struct master_token *value)
{
	uint8_t c = 0;

	for (size_t i = 0; i < value->len;) {
		if (!master_text_char(value->s, value->len, &i, &c))
			return rdata_field_bad(r,
			    "three digits up to 255 or a character behind a backslash");
		if (rdata_field_put(r, &c, 1) != 0)
			return -1;
	}
	return 0;
}

/* Ends the item whose length belongs at r->data[at]. */
static int
end_item(struct rdata *r, uint32_t at)
{
	uint32_t len = r->len - at - 1;

	if (len == 0 || len > 255)
		return rdata_field_bad(r, "items of 1 to 255 octets between commas");
	r->data[at] = (uint8_t)len;
	return 0;
}

/* Items between commas, each behind its length; both levels of escapes. */
static int
read_items(struct rdata *r, const struct master_token *value)
{
	static const char expected[] = "\\\\, or \\\\\\\\ where a list has a backslash";
	uint32_t at = r->len;
	uint8_t c = 0;

	if (rdata_field_put(r, "", 1) != 0)
		return -1;
	for (size_t i = 0; i < value->len;) {
		bool comma;
		if (!master_text_char(value->s, value->len, &i, &c))
			return rdata_field_bad(r,
			    "three digits up to 255 or a character behind a backslash");
		comma = c == ',';
		if (c == '\\' && (i == value->len ||
		    !master_text_char(value->s, value->len, &i, &c) || (c != ',' && c != '\\')))
			return rdata_field_bad(r, expected);
		if (comma) {
			if (end_item(r, at) != 0)
				return -1;
			at = r->len;
			c = 0;
		}
		if (rdata_field_put(r, &c, 1) != 0)
			return -1;
	}
	return end_item(r, at);
}

/* ---- lists whose items have no escapes ---- */

static int
read_key(struct rdata *r, const struct master_token *item)
{
	int key = key_of(item->s, item->len);
	uint8_t wire[2];

	if (key < 0)
		return rdata_field_bad(r, "parameters by name, or keyNNNNN");
	dns_put16(wire, (uint16_t)key);
	return rdata_field_put(r, wire, 2);
}

static int
read_u16(struct rdata *r, const struct master_token *item)
{
	uint8_t wire[2];
	uint64_t v;

	if (master_token_number(item, UINT16_MAX, &v, NULL) != 0)
		return rdata_field_bad(r, "a number from 0 to 65535");
	dns_put16(wire, (uint16_t)v);
	return rdata_field_put(r, wire, 2);
}

/* Hands what stands between commas to `reader`, which appends it. */
static int
read_each(struct rdata *r, const struct master_token *value,
    int (*reader)(struct rdata *, const struct master_token *))
{
	const char *at = value->s, *end = value->s + value->len;

	for (;;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct master_token item = { .s = at };
		item.len = (uint32_t)((comma == NULL ? end : comma) - at);
		if (reader(r, &item) != 0)
			return -1;
		if (comma == NULL)
			return 0;
		at = comma + 1;
	}
}

static int
by_number(const void *a, const void *b)
{
	return memcmp(a, b, 2);
}

static int
read_mandatory(struct rdata *r, const struct master_token *value)
{
	uint32_t at = r->len;

	if (read_each(r, value, read_key) != 0)
		return -1;
	qsort(r->data + at, (r->len - at) / 2, 2, by_number);
	return 0;
}

/* ---- parameters ---- */

static int
read_value(struct rdata *r, const struct param *p)
{
	const struct master_token *v = &p->value;

	if (p->by_number)
		return read_octets(r, v);
	if (p->key == SVCB_NO_DEFAULT_ALPN || p->key == SVCB_OHTTP)
		return v->len == 0 ? 0 : rdata_field_bad(r, "no value");
	if (p->key == SVCB_DOCPATH)	/* no value and an empty one are the root */
		return v->len == 0 ? 0 : read_items(r, v);
	if (!p->given)
		return rdata_field_bad(r, "a value: KEY=VALUE");
	switch (p->key) {
	case SVCB_MANDATORY:
		return read_mandatory(r, v);
	case SVCB_ALPN:
		return read_items(r, v);
	case SVCB_PORT:
		return read_u16(r, v);
	case SVCB_IPV4HINT:
		return read_each(r, v, rdata_field_ipv4_item);
	case SVCB_IPV6HINT:
		return read_each(r, v, rdata_field_ipv6_item);
	case SVCB_ECH:
		return rdata_base_64_chars(r, v->s, v->len);
	case SVCB_GROUPS:
		return read_each(r, v, read_u16);
	default:
		return read_octets(r, v);
	}
}

static int
read_param(struct rdata *r, const struct param *p)
{
	uint32_t at = r->len;
	uint8_t head[4] = { 0 };

	r->tok = p->tok;
	dns_put16(head, p->key);
	if (rdata_field_put(r, head, 4) != 0 || read_value(r, p) != 0)
		return -1;
	dns_put16(r->data + at + 2, (uint16_t)(r->len - at - 4));
	return 0;
}

static int
by_key(const void *a, const void *b)
{
	const struct param *x = a, *y = b;

	return x->key != y->key ? (x->key > y->key) - (x->key < y->key) :
	    (x->tok > y->tok) - (x->tok < y->tok);
}

int
rdata_svcb_read(struct rdata *r)
{
	const struct master_token *end = r->end;
	uint32_t n = 0, left = rdata_field_left(r);
	char shown[MASTER_TOKEN_SHOWN];
	struct param *params = left == 0 ? NULL : malloc(left * sizeof(*params));
	int rc = left == 0 || params != NULL ? 0 : err_set(r->err, "out of memory");

	for (; rc == 0 && r->tok < end; r->tok++, n++)
		rc = split(r, &params[n]);
	if (rc == 0 && n > 1)
		qsort(params, n, sizeof(*params), by_key);
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		rc = read_param(r, &params[i]);
		if (rc == 0 && i > 0 && params[i].key == params[i - 1].key)
			rc = err_set(r->err, "a parameter is given twice: \"%s\"",
			    master_token_show(shown, params[i].tok));
	}
	free(params);
	r->tok = end;
	return rc;
}
