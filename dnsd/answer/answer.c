#include "dnsd/answer/answer.h"

#include <assert.h>
#include <string.h>

#include "dnsd/answer/answer_zone.h"
#include "dnsd/answer/chaos.h"
#include "dnsd/answer/explain.h"

/* What is said to a query that asks nothing which could be answered. */
static const struct {
	uint16_t rcode;
	int ede;
} refusals[QUERY_COOKIE_ONLY] = {
	[QUERY_FORMERR] = { DNS_FORMERR, DNS_EDE_NONE },
	[QUERY_NOTIMP] = { DNS_NOTIMP, DNS_EDE_NONE },
	[QUERY_REFUSED] = { DNS_REFUSED, DNS_EDE_PROHIBITED },
	[QUERY_BADVERS] = { DNS_BADVERS, DNS_EDE_NONE }
};

static void
finish_error(struct answer_job *j, uint16_t rcode, int ede)
{
	j->r.rcode = rcode;
	j->r.flags = 0;
	j->r.opt.ede = ede;
	j->note.kind = ANSWER_ERROR;
	j->note.name_hash = rcode;
}

/* By class and type: who answers. */
static void
dispatch(struct answer_job *j)
{
	const struct name_walk *name = &j->q->qname;
	const struct zone *zone;

	if (j->q->qclass != DNS_IN) {
		if (j->q->qclass != DNS_CH || !chaos_answer(j))
			finish_error(j, DNS_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
		return;
	}
	switch (j->q->qtype) {
	case DNS_AXFR:
	case DNS_IXFR:
		finish_error(j, DNS_REFUSED, DNS_EDE_PROHIBITED);
		return;
	case DNS_OPT:
		finish_error(j, DNS_FORMERR, DNS_EDE_NONE);
		return;
	case DNS_TKEY:
	case DNS_TSIG:
	case DNS_MAILA:
	case DNS_MAILB:
		finish_error(j, DNS_NOTIMP, DNS_EDE_NONE);
		return;
	}
	if (j->vz == NULL) {
		finish_error(j, DNS_REFUSED, DNS_EDE_NOT_AUTHORITATIVE);
		return;
	}
	zone = j->vz->zone;
	if (zone == NULL) {
		finish_error(j, DNS_SERVFAIL, DNS_EDE_NOT_READY);
		return;
	}
	assert(j->q->question_end != 0 && zone->apex_labels <= name->labels);
	j->r.flags = DNS_AA;
	reply_zone(&j->r, zone, DNS_HEADER_LEN + name->label[zone->apex_labels]);
	if (!explain_name(j))
		answer_zone(j);
}

/* The most octets this answer may have: what both sides take (RFC 6891 6.2.5). */
static size_t
most_octets(const struct answer_job *j, size_t out_size)
{
	const struct conf *conf = j->gen->conf;
	size_t size = out_size;

	if (j->client->tcp)
		return size;
	if (size > j->q->payload)
		size = j->q->payload;
	if (size > conf->udp_payload)
		size = conf->udp_payload < 512 ? 512 : conf->udp_payload;
	return size;
}

/* Octets of an answer that its prefix has to pay for (rrl.h). */
static uint32_t
octets_beyond(const struct conf *conf, size_t asked, size_t answered)
{
	size_t most = asked * conf->amplification.factor;

	return most != 0 && answered > most ? (uint32_t)(answered - most) : 0;
}

/* Fills in what OPT will say and judges the cookie.  `plain`: the query was not understood, and
 * the answer repeats nothing of its options. */
static void
prepare_opt(struct answer_job *j, bool plain)
{
	const struct generation *gen = j->gen;
	struct reply_opt *opt = &j->r.opt;
	const struct query *q = j->q;

	opt->present = q->edns;
	opt->dnssec_ok = q->dnssec_ok;
	opt->payload = gen->conf->udp_payload;
	opt->nsid_len = 0;
	opt->cookie = false;
	opt->ecs = NULL;
	opt->scope = 0;
	opt->keepalive = false;
	opt->ede = DNS_EDE_NONE;
	opt->ede_text = NULL;
	j->cookie = COOKIE_NONE;
	if (!q->edns || plain)
		return;
	if (q->nsid) {
		opt->nsid = gen->nsid;
		opt->nsid_len = gen->nsid_len;
	}
	if (q->ecs.present)
		opt->ecs = &q->ecs;
	opt->keepalive = q->keepalive;
	opt->keepalive_100ms = j->client->tcp_idle_100ms;
	if (q->cookie_len != 0 && gen->cookies.n != 0) {
		j->cookie = cookie_check(&gen->cookies, q->cookie, q->cookie_len,
		    &j->client->addr, j->client->now_s);
		j->note.cookie_ok = j->cookie == COOKIE_VALID;
		cookie_make(&gen->cookies, opt->cookie_data, q->cookie, &j->client->addr,
		    j->client->now_s);
		opt->cookie = true;
	}
}

/* RFC 7873 5.4: no question; the cookie, which OPT will carry, is the answer. */
static void
only_cookie(struct answer_job *j)
{
	if (j->cookie == COOKIE_NONE)		/* cookies are off */
		finish_error(j, DNS_FORMERR, DNS_EDE_NONE);
	else if (j->cookie == COOKIE_BAD)
		finish_error(j, DNS_BADCOOKIE, DNS_EDE_NONE);
}

/* RFC 7873 5.2: with `require`, UDP clients must show a valid server cookie; those that
 * know no cookies are sent to TCP.  True when the answer is complete with this. */
static bool
lacks_cookie(struct answer_job *j)
{
	const struct conf *conf = j->gen->conf;

	if (!conf->cookies.require || j->client->tcp || j->client->own ||
	    j->gen->cookies.n == 0 || j->cookie == COOKIE_VALID)
		return false;
	if (j->cookie == COOKIE_NONE)
		answer_truncate(j);
	else
		finish_error(j, DNS_BADCOOKIE, DNS_EDE_NONE);
	return true;
}

static void
count_answer(struct answer_job *j)
{
	struct counters *c = j->counters;

	switch (j->r.rcode) {
	case DNS_NOERROR: COUNTER_ADD(c, answers_noerror, 1); break;
	case DNS_NXDOMAIN: COUNTER_ADD(c, answers_nxdomain, 1); break;
	case DNS_REFUSED: COUNTER_ADD(c, answers_refused, 1); break;
	case DNS_FORMERR: COUNTER_ADD(c, answers_formerr, 1); break;
	case DNS_NOTIMP: COUNTER_ADD(c, answers_notimp, 1); break;
	case DNS_SERVFAIL: COUNTER_ADD(c, answers_servfail, 1); break;
	case DNS_BADVERS: COUNTER_ADD(c, answers_badvers, 1); break;
	case DNS_BADCOOKIE: COUNTER_ADD(c, answers_badcookie, 1); break;
	default: COUNTER_ADD(c, answers_other, 1); break;
	}
	if (j->note.kind == ANSWER_NODATA)
		COUNTER_ADD(c, answers_nodata, 1);
	if (j->note.kind == ANSWER_REFERRAL)
		COUNTER_ADD(c, answers_referral, 1);
	if (j->r.flags & DNS_TC)
		COUNTER_ADD(c, answers_truncated, 1);
}

/* Where is the client?  SOURCE 0 is an opt-out (RFC 7871 7.1.2). */
static struct steer_client
place(const struct query *q, const struct answer_client *client)
{
	bool ecs = q->ecs.present && q->ecs.source != 0;

	return (struct steer_client){
		.family = ecs ? q->ecs.family : client->addr.family,
		.ip = ecs ? q->ecs.ip : client->addr.ip,
		.ecs = ecs,
		.source = q->ecs.source
	};
}

void
answer_read(struct answer_ask *ask, const struct generation *gen,
    const struct answer_client *client, const uint8_t *packet, size_t len)
{
	ask->client = *client;
	ask->vz = NULL;
	ask->len = len;
	ask->outcome = query_parse(&ask->q, packet, len, client->tcp);
	if (ask->outcome != QUERY_OK || ask->q.qclass != DNS_IN)
		return;
	ask->place = place(&ask->q, &ask->client);
	ask->vz = generation_find_zone(gen, &ask->q.qname, ask->q.qtype);
}

void
answer_cut(struct answer_ask *ask)
{
	if (ask->outcome > QUERY_REFUSED)
		ask->outcome = QUERY_FORMERR;
	ask->vz = NULL;
}

static void
count_drop(struct counters *c, enum query_outcome outcome)
{
	if (outcome == QUERY_DROP_SHORT)
		COUNTER_ADD(c, drop_short, 1);
	else if (outcome == QUERY_DROP_RESPONSE)
		COUNTER_ADD(c, drop_response, 1);
	else
		COUNTER_ADD(c, drop_port0, 1);
}

size_t
answer_write(const struct generation *gen, const struct answer_ask *ask, uint8_t *out,
    size_t out_size, struct answer_note *note, struct counters *counters)
{
	struct answer_job j;
	size_t len;

	assert(out_size >= (ask->client.tcp ? ANSWER_MAX_TCP : ANSWER_MAX_UDP));
	if (ask->outcome <= QUERY_DROP_RESPONSE || ask->client.addr.port == 0) {
		count_drop(counters, ask->outcome);
		return 0;
	}
	j.gen = gen;
	j.client = &ask->client;
	j.vz = ask->vz;
	j.q = &ask->q;
	j.place = &ask->place;
	j.counters = counters;
	j.explaining = false;
	j.note = (struct answer_note){ .kind = ANSWER_DATA, .question_end = ask->q.question_end };
	prepare_opt(&j, ask->outcome < QUERY_COOKIE_ONLY);
	reply_begin(&j.r, j.q, out, most_octets(&j, out_size));
	if (ask->outcome < QUERY_COOKIE_ONLY)
		finish_error(&j, refusals[ask->outcome].rcode, refusals[ask->outcome].ede);
	else if (ask->outcome == QUERY_COOKIE_ONLY)
		only_cookie(&j);
	else if (!lacks_cookie(&j))
		dispatch(&j);
	count_answer(&j);
	j.note.opt_at = j.r.opt.present ? (uint16_t)j.r.at : 0;
	len = reply_finish(&j.r, j.q);
	assert(len <= out_size && j.note.question_end <= len && j.note.opt_at < len);
	j.note.beyond = octets_beyond(gen->conf, ask->len, len);
	if (note != NULL)
		*note = j.note;
	return len;
}

/* Moves OPT to `to`, which is no further than it was, and of its options only the cookie: with
 * that the client may ask again over UDP (RFC 7873 5.2).  Returns its end. */
static uint8_t *
slip_opt(uint8_t *to, const uint8_t *opt)
{
	const uint8_t *p = opt + 11, *end = p + dns_get16(opt + 9);
	size_t len = 0;

	while (p < end && dns_get16(p) != DNS_OPT_COOKIE)
		p += 4 + dns_get16(p + 2);
	if (p < end)
		len = 4u + dns_get16(p + 2);
	memmove(to, opt, 11);
	memmove(to + 11, p, len);
	dns_put16(to + 9, (uint16_t)len);
	return to + 11 + len;
}

size_t
answer_slip(uint8_t *out, const struct answer_note *note)
{
	size_t end = note->question_end != 0 ? note->question_end : DNS_HEADER_LEN;

	out[2] |= DNS_TC >> 8;
	dns_put16(out + 4, end > DNS_HEADER_LEN);
	memset(out + 6, 0, 6);			/* answer, authority, additional */
	if (note->opt_at != 0) {		/* RFC 6891 6.1.1: who sent one gets one */
		out[11] = 1;
		end = (size_t)(slip_opt(out + end, out + note->opt_at) - out);
	}
	return end;
}

size_t
answer_packet(const struct generation *gen, const struct answer_client *client,
    const uint8_t *packet, size_t len, uint8_t *out, size_t out_size,
    struct answer_note *note, struct counters *counters)
{
	struct answer_ask ask;

	answer_read(&ask, gen, client, packet, len);
	return answer_write(gen, &ask, out, out_size, note, counters);
}
