/*
 * check_dns: the kind "dns": a question, and the rcode and the record that must come back.
 *
 * The question goes through common/dns/client: over UDP, and over TCP when the answer was cut
 * off, both within the check's timeout.  An rcode is compared first, so that a server that says
 * SERVFAIL is not called one that lacks a record.
 *
 * The expected record is kept as ldns reads it from the configuration, and compared without owner
 * and TTL.  ldns takes the answer apart, too: what a stranger wrote is read here, in a process
 * without privileges, after client.c has checked header and question.  A probe owns its struct
 * dns, from prepare to release.  RFC 1035.
 */
#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/client.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"
#include "healthd/check/kinds.h"

enum { DEFAULT_PORT = 53, NAME_TYPE_MAX = 1024 + 32 };

struct dns {
	struct probe *probe;
	struct client client;
	uint16_t type;
	uint16_t rcode;
	ldns_rr *expected;		/* NULL = any record of the type asked for */
};

/* The same type and the same rdata; owner and TTL do not matter. */
static bool
same_data(const ldns_rr *a, const ldns_rr *b)
{
	if (ldns_rr_get_type(a) != ldns_rr_get_type(b) ||
	    ldns_rr_rd_count(a) != ldns_rr_rd_count(b))
		return false;
	for (size_t i = 0; i < ldns_rr_rd_count(a); i++) {
		const ldns_rdf *x = ldns_rr_rdf(a, i), *y = ldns_rr_rdf(b, i);

		if (ldns_rdf_get_type(x) == LDNS_RDF_TYPE_DNAME ? ldns_dname_compare(x, y) != 0 :
		    ldns_rdf_compare(x, y) != 0)
			return false;
	}
	return true;
}

/* A record of the type asked for, or an alias: what it leads to may be another server's. */
static bool
is_answer(const struct dns *d, const ldns_rr *rr)
{
	uint16_t type = (uint16_t)ldns_rr_get_type(rr);

	return type == d->type || type == DNS_CNAME || d->type == DNS_ANY;
}

static struct result
judge_message(struct dns *d, const uint8_t *message, size_t len)
{
	struct result r = probe_result(d->probe, REASON_OK);
	uint16_t rcode = DNS_FLAGS_RCODE(dns_get16(message + 2));
	char a[DNS_RCODE_TEXT], b[DNS_RCODE_TEXT];
	ldns_pkt *packet = NULL;
	const ldns_rr_list *answer;
	bool found = d->expected == NULL && rcode != DNS_NOERROR;

	if (rcode != d->rcode) {
		r.reason = REASON_RCODE;
		snprintf(r.detail, sizeof(r.detail), "%s, %s was expected",
		    dns_rcode_text(a, rcode), dns_rcode_text(b, d->rcode));
		return r;
	}
	if (ldns_wire2pkt(&packet, message, len) != LDNS_STATUS_OK) {
		r.reason = REASON_PROTOCOL;
		snprintf(r.detail, sizeof(r.detail), "not a DNS message");
		return r;
	}
	answer = ldns_pkt_answer(packet);
	for (size_t i = 0; !found && i < ldns_rr_list_rr_count(answer); i++)
		found = d->expected != NULL ? same_data(d->expected, ldns_rr_list_rr(answer, i)) :
		    is_answer(d, ldns_rr_list_rr(answer, i));
	if (!found) {
		r.reason = REASON_ANSWER;
		snprintf(r.detail, sizeof(r.detail), "no record %.60s",
		    d->expected != NULL ? d->probe->check->answer : "in the answer");
	}
	ldns_pkt_free(packet);
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
read_question(struct dns *d, const char *text, struct err *err)
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

static int
read_expected(struct dns *d, const struct conf_check *c, struct err *err)
{
	char text[2048], type[DNS_TYPE_TEXT];
	int rcode = c->rcode == NULL ? DNS_NOERROR : dns_rcode_number(c->rcode);

	if (rcode < 0)
		return err_set(err, "rcode \"%s\" is not known", c->rcode);
	d->rcode = (uint16_t)rcode;
	if (c->answer == NULL)
		return 0;
	snprintf(text, sizeof(text), ". 0 IN %s %s", dns_type_text(type, d->type), c->answer);
	if (ldns_rr_new_frm_str(&d->expected, text, 0, NULL, NULL) != LDNS_STATUS_OK)
		return err_set(err, "answer \"%s\" is no rdata of its question's type", c->answer);
	return 0;
}

static int
read_options(struct dns *d, const struct conf_check *c, struct err *err)
{
	if (read_question(d, c->question, err) == 0 && read_expected(d, c, err) == 0)
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
