/*
 * check_dns: the kind "dns": a question, and the rcode and the record that must come back.
 *
 * The question goes through common/dns/client: over UDP, and over TCP when the answer was cut
 * off, both within the check's timeout.  An rcode is compared first, so that a server that says
 * SERVFAIL is not called one that lacks a record.
 *
 * The expected record is read from the configuration as from a zone file, kept as ldns takes its
 * octets apart, and compared without owner and TTL.  What a stranger wrote is read here, field by
 * field against it, in a process without privileges, after client.c has checked header and
 * question.  A probe owns its struct dns, from prepare to release.  RFC 1035.
 */
#include <errno.h>
#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/dns/client.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"
#include "common/rdata/rdata.h"
#include "healthd/check/kinds.h"

enum {
	DEFAULT_PORT = 53,
	NAME_TYPE_MAX = 1024 + 32,
	HOPS_MAX = 32			/* pointers in one name */
};

struct dns {
	struct probe *probe;
	struct client client;
	uint16_t type;
	uint16_t rcode;
	ldns_rr *expected;		/* owned; NULL = any record of the type asked for */
};

/* One record of an answer, in place. */
struct answer_record {
	uint16_t type, rdata_len;
	size_t rdata;			/* where it begins in the message */
};

/* Behind the name at `at`, whose pointer is not followed; 0 = the message ends within it. */
static size_t
skip_name(const uint8_t *message, size_t len, size_t at)
{
	while (at < len && message[at] != 0 && message[at] < 0xc0)
		at += 1 + (size_t)message[at];
	if (at >= len)
		return 0;
	at += message[at] == 0 ? 1 : 2;
	return at <= len ? at : 0;
}

/* Behind the record at `at`, which is filled in; 0 = the message ends within it. */
static size_t
read_record(const uint8_t *message, size_t len, size_t at, struct answer_record *r)
{
	at = skip_name(message, len, at);
	if (at == 0 || len - at < 10)
		return 0;
	r->type = dns_get16(message + at);
	r->rdata_len = dns_get16(message + at + 8);
	r->rdata = at + 10;
	return len - r->rdata >= r->rdata_len ? r->rdata + r->rdata_len : 0;
}

/* Behind the name at `at` if it is `want`, which is in wire form; 0 = it is another. */
static size_t
match_name(const uint8_t *message, size_t len, size_t at, const uint8_t *want)
{
	size_t behind = 0;

	for (unsigned hops = 0; at < len && hops <= HOPS_MAX;) {
		size_t n = message[at];

		if (n >= 0xc0 && len - at >= 2) {
			behind = behind != 0 ? behind : at + 2;
			at = dns_get16(message + at) & 0x3fff;
			hops++;
			continue;
		}
		if (n != *want || n >= len - at ||
		    strncasecmp((const char *)message + at + 1, (const char *)want + 1, n) != 0)
			return 0;
		at += n + 1;
		want += n + 1;
		if (n == 0)
			return behind != 0 ? behind : at;
	}
	return 0;
}

/* Is this rdata the one expected?  Its names may be compressed, and have other case. */
static bool
same_rdata(const struct dns *d, const uint8_t *message, size_t len, const struct answer_record *r)
{
	size_t at = r->rdata, end = r->rdata + r->rdata_len;

	for (size_t i = 0; i < ldns_rr_rd_count(d->expected); i++) {
		const ldns_rdf *want = ldns_rr_rdf(d->expected, i);
		size_t size = ldns_rdf_size(want);

		if (ldns_rdf_get_type(want) == LDNS_RDF_TYPE_DNAME) {
			at = match_name(message, len, at, ldns_rdf_data(want));
			if (at == 0 || at > end)
				return false;
		} else if (end - at < size || (size > 0 &&
		    memcmp(message + at, ldns_rdf_data(want), size) != 0)) {
			return false;
		} else {
			at += size;
		}
	}
	return at == end;
}

/* The record expected; or one of the type asked for, or an alias, whose target may be another
 * server's. */
static bool
is_wanted(const struct dns *d, const uint8_t *message, size_t len, const struct answer_record *r)
{
	if (d->expected == NULL)
		return r->type == d->type || r->type == DNS_CNAME || d->type == DNS_ANY;
	return r->type == ldns_rr_get_type(d->expected) && same_rdata(d, message, len, r);
}

/* OK, ANSWER or PROTOCOL.  ldns, taking apart a message of 64 KiB that is made for it, is busy
 * for most of a second: strangers' records are read here. */
static enum reason
find_record(const struct dns *d, const uint8_t *message, size_t len)
{
	unsigned questions = dns_get16(message + 4), records = dns_get16(message + 6);
	enum reason found = REASON_ANSWER;
	size_t at = 12;

	for (; questions > 0; questions--) {
		at = skip_name(message, len, at);
		if (at == 0 || len - at < 4)
			return REASON_PROTOCOL;
		at += 4;
	}
	for (; records > 0; records--) {
		struct answer_record r;
		size_t next = read_record(message, len, at, &r);

		if (next == 0)
			return REASON_PROTOCOL;
		if (found != REASON_OK && is_wanted(d, message, len, &r))
			found = REASON_OK;
		at = next;
	}
	return found;
}

static struct result
judge_message(struct dns *d, const uint8_t *message, size_t len)
{
	struct result r = probe_result(d->probe, REASON_OK);
	uint16_t rcode = DNS_FLAGS_RCODE(dns_get16(message + 2));
	char a[DNS_RCODE_TEXT], b[DNS_RCODE_TEXT];

	if (rcode != d->rcode) {
		r.reason = REASON_RCODE;
		snprintf(r.detail, sizeof(r.detail), "%s, %s was expected",
		    dns_rcode_text(a, rcode), dns_rcode_text(b, d->rcode));
		return r;
	}
	r.reason = find_record(d, message, len);
	if (r.reason == REASON_PROTOCOL)
		snprintf(r.detail, sizeof(r.detail), "not a DNS message");
	else if (d->expected == NULL && rcode != DNS_NOERROR)
		r.reason = REASON_OK;
	else if (r.reason == REASON_ANSWER)
		snprintf(r.detail, sizeof(r.detail), "no record %.60s",
		    d->expected != NULL ? d->probe->check->answer : "in the answer");
	return r;
}

static void
on_answer(struct client *client, enum client_end end, const uint8_t *message, size_t len, int error)
{
	struct dns *d = LOOP_OWNER(client, struct dns, client);
	struct result r;

	switch (end) {
	case CLIENT_ANSWERED:
		r = judge_message(d, message, len);
		break;
	case CLIENT_TIMEOUT:
		r = probe_result(d->probe, REASON_TIMEOUT);
		snprintf(r.detail, sizeof(r.detail), "no answer within %u ms",
		    d->probe->check->timeout_ms);
		break;
	case CLIENT_ERRNO:
		r = probe_result_errno(d->probe, error);
		break;
	default:
		r = probe_result(d->probe, REASON_PROTOCOL);
		snprintf(r.detail, sizeof(r.detail), "not an answer to our question");
	}
	probe_done(d->probe, &r);
}

/* "name TYPE" */
static int
read_check_question(struct dns *d, const char *text, struct err *err)
{
	uint8_t wire[NAME_MAX_WIRE];
	char name[NAME_TYPE_MAX], type[32];
	int number;
	struct err why;

	if (text == NULL || strlen(text) >= sizeof(name) || sscanf(text, "%1023s %31s", name,
	    type) != 2)
		return err_set(err, "question \"%s\" is not \"name TYPE\"", text != NULL ? text :
		    "");
	number = dns_type_number(type);
	if (number <= 0)
		return err_set(err, "question \"%s\": no such type as %s", text, type);
	if (name_parse(wire, name, &why) < 0)
		return err_set(err, "question \"%s\": %s", text, why.text);
	d->type = (uint16_t)number;
	client_question(&d->client, wire, d->type, DNS_IN, CLIENT_RD | CLIENT_EDNS);
	return 0;
}

/* Takes octets apart into fields, for that names among them are compared as names. */
static int
keep_expected(struct dns *d, const struct rdata *r, struct err *err)
{
	uint8_t *wire = malloc(r->len + 2u);
	size_t pos = 0;

	d->expected = ldns_rr_new();
	if (wire == NULL || d->expected == NULL) {
		free(wire);
		return -1;
	}
	dns_put16(wire, (uint16_t)r->len);
	memcpy(wire + 2, r->data, r->len);
	ldns_rr_set_type(d->expected, (ldns_rr_type)r->type);
	if (ldns_wire2rdf(d->expected, wire, r->len + 2u, &pos) != LDNS_STATUS_OK) {
		free(wire);
		return err_set(err, "%u octets that cannot be compared", r->len);
	}
	free(wire);
	return 0;
}

/* One entry of master file text, without owner, TTL and type. */
static int
read_rdata(struct dns *d, const char *text, struct err *err)
{
	static const uint8_t root[] = { 0 };
	struct rdata *r = calloc(1, sizeof(*r));
	struct master_text entry;
	int rc = -1;

	if (r == NULL)
		return -1;
	r->origin = root;
	r->type = d->type;
	master_text_open(&entry, text, strlen(text));
	rc = master_text_next(&entry, err);
	if (rc >= 0)
		rc = rdata_read(r, entry.tokens, rc == 0 ? 0 : entry.n_tokens, err);
	if (rc == 0 && master_text_next(&entry, err) != 0)
		rc = err_set(err, "more than one line");
	if (rc == 0)
		rc = keep_expected(d, r, err);
	master_text_close(&entry);
	free(r);
	return rc;
}

static int
read_expected(struct dns *d, const struct conf_check *c, struct err *err)
{
	struct err why = { .text = "out of memory" };
	int rcode = c->rcode == NULL ? DNS_NOERROR : dns_rcode_number(c->rcode);

	if (rcode < 0)
		return err_set(err, "rcode \"%s\" is not known", c->rcode);
	d->rcode = (uint16_t)rcode;
	if (c->answer == NULL)
		return 0;
	if (read_rdata(d, c->answer, &why) != 0)
		return err_set(err, "answer \"%s\" is no rdata of its question's type: %s",
		    c->answer, why.text);
	return 0;
}

static int
read_options(struct dns *d, const struct conf_check *c, struct err *err)
{
	if (read_check_question(d, c->question, err) == 0 && read_expected(d, c, err) == 0)
		return 0;
	return err_prefix(err, "check \"%s\"", c->name);
}

int
check_dns_prepare(struct probe *p, struct err *err)
{
	struct dns *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return err_set(err, "out of memory");
	p->own = d;
	d->probe = p;
	d->client = (struct client){ .loop = p->checks->loop, .to = p->addr,
	    .timeout_ms = p->check->timeout_ms, .done = on_answer };
	if (d->client.to.port == 0)
		d->client.to.port = p->check->port != 0 ? p->check->port : DEFAULT_PORT;
	if (read_options(d, p->check, err) == 0)
		return 0;
	check_dns_release(p);
	p->own = NULL;
	return -1;
}

int
check_dns_test(const struct conf_check *c, struct err *err)
{
	struct dns d = { .type = 0 };
	int result = read_options(&d, c, err);

	ldns_rr_free(d.expected);
	return result;
}

void
check_dns_release(struct probe *p)
{
	struct dns *d = p->own;

	if (d == NULL)
		return;
	ldns_rr_free(d->expected);
	free(d);
}

void
check_dns_start(struct probe *p)
{
	struct result r;

	if (client_start(&((struct dns *)p->own)->client) == 0)
		return;
	r = probe_result_errno(p, errno);
	probe_done(p, &r);
}

void
check_dns_cancel(struct probe *p)
{
	client_cancel(&((struct dns *)p->own)->client);
}
