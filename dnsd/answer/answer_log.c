#include "dnsd/answer/answer_log.h"

#include <string.h>

#include "common/conf/conf_log.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"
#include "dnsd/steer/steer.h"

void
answer_log_note(struct answer_log *d, const struct generation *gen,
    const struct answer_client *client, const struct answer_note *note, const uint8_t *answer,
    size_t len, enum answer_log_limit limit)
{
	d->generation = gen->number;
	d->client = client->addr;
	d->tcp = client->tcp;
	d->limit = (uint8_t)limit;
	d->counted = note->counted;
	d->by = note->by;
	d->len = (uint16_t)(len < ANSWER_LOG_OCTETS ? len : ANSWER_LOG_OCTETS);
	d->opt_len = 0;
	memcpy(d->octets, answer, d->len);
	if (len > ANSWER_LOG_OCTETS && note->opt_at != 0) {
		size_t rest = len - note->opt_at;

		d->opt_len = (uint16_t)(rest < ANSWER_LOG_OPT ? rest : ANSWER_LOG_OPT);
		memcpy(d->octets + d->len, answer + note->opt_at, d->opt_len);
	}
}

/* ---- the answer, read ---- */

/* Octets that are left to read.  What was cut off ends early, which is fine. */
struct rest {
	const uint8_t *at, *end;
};

static size_t
left(const struct rest *r)
{
	return (size_t)(r->end - r->at);
}

/* Moves past a name, compressed or not; false = it is not whole. */
static bool
skip_name(struct rest *r)
{
	while (left(r) > 0 && *r->at != 0 && *r->at < 0xc0) {
		if (left(r) <= (size_t)*r->at + 1)
			return false;
		r->at += *r->at + 1;
	}
	if (left(r) == 0 || left(r) < (*r->at >= 0xc0 ? 2u : 1u))
		return false;
	r->at += *r->at >= 0xc0 ? 2 : 1;
	return true;
}

/* A record whose owner was passed. */
struct record_seen {
	uint16_t type;
	uint32_t ttl;
	uint16_t len;
	const uint8_t *data;
};

static bool
next_record(struct rest *r, struct record_seen *rr)
{
	if (!skip_name(r) || left(r) < 10)
		return false;
	rr->type = dns_get16(r->at);
	rr->ttl = (uint32_t)dns_get16(r->at + 4) << 16 | dns_get16(r->at + 6);
	rr->len = dns_get16(r->at + 8);
	rr->data = r->at + 10;
	if (left(r) - 10 < rr->len)
		return false;
	r->at += 10u + rr->len;
	return true;
}

/* ---- members ---- */

static void
say_ecs(const struct conf *conf, struct members *m, const uint8_t *data, size_t len)
{
	struct prefix p = { .family = data[1] == 1 ? 4 : 6, .len = data[2] };
	uint8_t most = p.family == 4 ? 24 : 48;
	char text[ADDR_TEXT];

	if (p.len > (p.family == 4 ? 32 : 128) || len - 4 > sizeof(p.ip))
		return;
	memcpy(p.ip, data + 4, len - 4);
	if (conf != NULL && conf->log.addresses == CONF_ADDRESSES_PREFIX && p.len > most)
		p.len = most;
	addr_mask(p.ip, p.len);
	members_string(m, "ecs", prefix_text(&p, text));
	members_number(m, "scope", data[3]);
}

static void
say_options(const struct conf *conf, struct members *m, const struct record_seen *opt)
{
	const uint8_t *at = opt->data, *end = at + opt->len;

	while (end - at >= 4 && end - at - 4 >= dns_get16(at + 2)) {
		uint16_t code = dns_get16(at), len = dns_get16(at + 2);

		if (code == DNS_OPT_ECS && len >= 4)
			say_ecs(conf, m, at + 4, len);
		else if (code == DNS_OPT_EDE && len >= 2)
			members_number(m, "ede", dns_get16(at + 4));
		at += 4 + len;
	}
}

/* The server of the pool that has this address; NULL = none. */
static const struct conf_server *
server_of(const struct conf *conf, uint16_t pool, const struct record_seen *rr)
{
	const struct conf_pool *p = &conf->pools[pool];

	for (unsigned i = 0; i < p->n_servers; i++) {
		const struct conf_server *s = &conf->servers[p->first_server + i];
		const struct addr *a = rr->type == DNS_A ? &s->v4 : &s->v6;

		if (a->family != 0 && memcmp(a->ip, rr->data, rr->len) == 0)
			return s;
	}
	return NULL;
}

/* The addresses of a steered answer, as the servers' names; moves past all answers. */
static void
say_answers(const struct answer_log *d, const struct conf *conf, struct members *m, struct rest *r,
    unsigned n)
{
	bool steered = d->counted != 0 && conf != NULL && d->by.pool < conf->n_pools;
	char text[CONF_MAX_ANSWERS * 300] = "[";
	struct record_seen rr;
	struct members names;

	members_begin(&names, text + 1, sizeof(text) - 2);
	for (; n > 0 && next_record(r, &rr); n--) {
		const struct conf_server *s;

		if (!steered || !((rr.type == DNS_A && rr.len == 4) ||
		    (rr.type == DNS_AAAA && rr.len == 16)))
			continue;
		s = server_of(conf, d->by.pool, &rr);
		if (s != NULL)
			members_item(&names, s->name);
	}
	if (members_end(&names) == 0)
		return;
	strcat(text, "]");
	members_json(m, "servers", text);
}

static void
say_steering(const struct answer_log *d, const struct conf *conf, struct members *m)
{
	const struct steer_by *s = &d->by;

	if (conf != NULL && s->pool < conf->n_pools)
		members_string(m, "pool", conf->pools[s->pool].name);
	if (conf != NULL && s->site < conf->n_sites)
		members_string(m, "site", conf->sites[s->site].name);
	members_string(m, "by", d->counted & ANSWER_BY_ECS ? "ecs" : "resolver");
	members_string(m, "why", steer_rung_text(s->rung));
	if (d->counted & ANSWER_UNLOCATED)
		members_bool(m, "unlocated", true);
	if (d->counted & ANSWER_FAIL_OPEN)
		members_bool(m, "fail_open", true);
}

static void
say_question(struct members *m, struct rest *r)
{
	char name[NAME_TEXT], type[DNS_TYPE_TEXT];
	const uint8_t *qname = r->at;

	/* never compressed: it is the first name of all */
	if (!skip_name(r) || left(r) < 4)
		return;
	members_string(m, "q", name_text(name, qname));
	members_string(m, "type", dns_type_text(type, dns_get16(r->at)));
	r->at += 4;
}

void
answer_log_say(const struct answer_log *d, const struct conf *conf, struct members *m)
{
	struct rest r = { d->octets, d->octets + d->len };
	struct record_seen rr, opt = { .type = 0 };
	char rcode[DNS_RCODE_TEXT];
	uint16_t answers, code;

	members_string(m, "ev", "answer");
	if (conf != NULL)
		conf_log_client(conf, m, "ip", &d->client);
	if (d->tcp)
		members_bool(m, "tcp", true);
	answers = dns_get16(r.at + 6);
	code = r.at[3] & 15;
	if (r.at[2] & DNS_TC >> 8)
		members_bool(m, "tc", true);
	r.at += DNS_HEADER_LEN;
	if (dns_get16(d->octets + 4) == 1)
		say_question(m, &r);
	if (d->counted != 0)
		say_steering(d, conf, m);
	say_answers(d, conf, m, &r, answers);
	if (d->opt_len != 0)
		r = (struct rest){ d->octets + d->len, d->octets + d->len + d->opt_len };
	while (next_record(&r, &rr))
		if (rr.type == DNS_OPT)
			opt = rr;
	if (opt.type != 0)
		say_options(conf, m, &opt);
	members_string(m, "rcode", dns_rcode_text(rcode, (uint16_t)(code | opt.ttl >> 24 << 4)));
	if (d->limit != ANSWER_LOG_SENT)
		members_string(m, "limit", d->limit == ANSWER_LOG_CUT ? "cut" : "dropped");
	members_number(m, "gen", d->generation);
}
