#include "dnsd/zone/zone_record.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "common/dns/dns.h"
#include "dnsd/zone/zone_spelling.h"

enum { DEFAULT_TTL_S = 3600 };

/* [AGE:3613244], when Windows DNS last heard of the record: its exports have it before the TTL. */
static bool
is_age(const struct master_token *tok)
{
	uint32_t at = tok->len > 7 && strncasecmp(tok->s, "[Aging:", 7) == 0 ? 7 :
	    tok->len > 5 && strncasecmp(tok->s, "[AGE:", 5) == 0 ? 5 : 0;
	uint32_t digits = 0;

	if (at == 0)
		return false;
	while (at + digits < tok->len && tok->s[at + digits] >= '0' && tok->s[at + digits] <= '9')
		digits++;
	return digits != 0 && at + digits + 1 == tok->len && tok->s[tok->len - 1] == ']';
}

/* Where a server of Windows looks names up that it does not have: its exports have that as a
 * record, but it is none, and means nothing to another server. */
static bool
is_wins(const struct master_token *tok)
{
	return master_token_is(tok, "WINS") || master_token_is(tok, "WINSR");
}

/* [TTL] [class] in either order, then the type, 0 of what is no record.  *n tokens are taken.
 * 1 = a TTL is stated. */
static int
record_head(struct zone_record_reading *r, const struct master_token *tok, uint32_t have,
    uint32_t *n, struct zone_record *rec, struct err *err)
{
	char shown[MASTER_TOKEN_SHOWN];
	bool ttl = false, class = false, age = false, ours;

	for (*n = 0; *n < have && !tok[*n].quoted; ++*n) {
		const struct master_token *t = &tok[*n];
		if (!ttl && t->s[0] >= '0' && t->s[0] <= '9') {
			if (master_token_seconds(t, MASTER_TTL_MAX, &rec->ttl_s, err) != 0)
				return err_prefix(err, "TTL");
			ttl = true;
		} else if (!class && master_token_is_class(t, &ours)) {
			if (!ours)
				return err_set(err, "class \"%s\": expected IN",
				    master_token_show(shown, t));
			class = true;
		} else if (!age && is_age(t)) {
			age = true;
		} else {
			break;
		}
	}
	if (*n == have)
		return err_set(err, "a record without a type: is the line cut off?");
	if (is_wins(&tok[*n])) {
		rec->type = 0;
		return ttl;
	}
	if (!rdata_type(&r->rdata, &tok[*n], &rec->type))
		return err_set(err, "type \"%s\": expected a record type; one without "
		    "a name here is written TYPEnnn \\# LENGTH HEX (RFC 3597)",
		    master_token_show(shown, &tok[*n]));
	++*n;
	return ttl;
}

void
zone_record_set_ttl(struct zone_record_reading *r, uint32_t ttl_s)
{
	r->known = ZONE_TTL_DEFAULT;
	r->ttl_s = ttl_s;
}

/* The SOA states no TTL, nor does anything before it: its minimum is the default (BIND; exports of
 * Windows rely on it), for records that had to be guessed as well. */
static void
take_minimum(struct zone_record_reading *r, const struct zone_record *soa)
{
	const struct rdata *data = &r->rdata;
	uint32_t minimum = dns_get32(data->data + data->len - 4);

	if (minimum > MASTER_TTL_MAX)
		minimum = MASTER_TTL_MAX;
	zone_warn_at(r->src, soa, "the SOA has no TTL, and there is no $TTL before it: its "
	    "minimum, %u seconds, is used for all records without one", minimum);
	for (uint32_t i = 0; i < r->n_guessed && i < r->src->n_records; i++)
		r->src->records[i].ttl_s = minimum;
	zone_record_set_ttl(r, minimum);
}

/* The TTL of a record that states none. */
static uint32_t
unstated_ttl(struct zone_record_reading *r, const struct zone_record *rec)
{
	if (rec->type == DNS_SOA && r->known < ZONE_TTL_STATED) {
		take_minimum(r, rec);
	} else if (r->known == ZONE_TTL_UNKNOWN) {
		zone_warn_at(r->src, rec,
		    "a record without TTL, and none before it: %d seconds are used",
		    DEFAULT_TTL_S);
		r->ttl_s = DEFAULT_TTL_S;
		r->known = ZONE_TTL_GUESSED;
	} else if (r->known == ZONE_TTL_STATED && !r->said_stated) {
		zone_warn_at(r->src, rec, "a record without TTL, and no $TTL before it: the TTL "
		    "last stated (%u) is used, here and below", r->ttl_s);
		r->said_stated = true;
	}
	if (r->known == ZONE_TTL_GUESSED)
		r->n_guessed = r->src->n_records + 1;
	return r->ttl_s;
}

static void
settle_ttl(struct zone_record_reading *r, struct zone_record *rec, bool stated)
{
	if (!stated) {
		rec->ttl_s = unstated_ttl(r, rec);
	} else if (r->known != ZONE_TTL_DEFAULT) {
		r->ttl_s = rec->ttl_s;
		r->known = ZONE_TTL_STATED;
	}
}

int
zone_record_read(struct zone_record_reading *r, const struct zone_record_place *place,
    const struct master_token *tok, uint32_t have, struct err *err)
{
	struct zone_record rec = {
		.owner = place->owner, .file = place->file, .line = place->line
	};
	char name[DNS_TYPE_TEXT];
	uint32_t n;
	int stated = record_head(r, tok, have, &n, &rec, err);

	if (stated < 0)
		return -1;
	if (rec.type == 0) {
		zone_warn_at(r->src, &rec, "%.*s: how Windows looks up other names is no record, "
		    "and left out", (int)tok[n].len, tok[n].s);
		return 0;
	}
	if (rdata_meta(rec.type))
		return err_set(err, "type %s is for questions, not for zone files",
		    dns_type_text(name, rec.type));
	r->rdata.type = rec.type;
	r->rdata.origin = place->origin;
	if (rdata_read(&r->rdata, tok + n, have - n, err) != 0)
		return err_prefix(err, "%s", dns_type_text(name, rec.type));
	settle_ttl(r, &rec, stated != 0);
	assert(name_below(rec.owner, r->src->apex));
	rec.rdlength = (uint16_t)r->rdata.len;
	rec.rdata = zone_source_keep(r->src, r->rdata.data, r->rdata.len);
	if (rec.rdata == NULL || zone_source_add(r->src, &rec) != 0)
		return err_set(err, "out of memory");
	zone_spelling_data(r->src, &rec, tok + n, have - n, place->origin);
	return 0;
}
